//! What Chukan promises, shown through its public surface: one file per promise, a real server process in each test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod addressee_changes;
mod addressees;
mod analysis;
mod attachment;
mod attachment_batch;
mod attachment_replicas;
mod backup;
mod bad_fields;
mod bad_input;
mod bad_replicas;
mod batch;
mod batch_command;
mod batch_crash;
mod batch_hours;
mod big_inquiry;
mod canary;
mod conditions;
mod console;
mod console_accounts;
mod console_deciding;
mod console_forms;
mod console_inquiry;
mod console_live;
mod console_plain;
mod console_records;
mod console_replicas;
mod console_statistics;
mod console_symbols;
mod correcting;
mod crash;
mod deciding;
mod deletions;
mod disk;
mod disposal;
mod download_command;
mod downloads;
mod expired_serials;
mod failing_disk;
mod fairness;
mod folder;
mod frozen;
mod full_disk;
mod fuzz;
mod held;
mod held_request;
mod inquiry;
mod inquiry_files;
mod keeping;
mod layout_command;
mod list_versions;
mod mass_acquisition;
mod net;
mod network;
mod notices;
mod old_versions;
mod operation;
mod outcomes;
mod pace;
mod permission;
mod permit;
mod portal;
mod proofs;
mod protection;
mod provided;
mod reconcile;
mod record_search;
mod records;
mod replica_command;
mod replica_files;
mod replica_folder;
mod replica_kill;
mod replica_switch;
mod resident_command;
mod resident_uses;
mod residents;
mod sample_files;
mod sealing;
mod staff;
mod statistics;
mod storms;
mod symbols;
mod told;
mod tools;
mod unlinkability;
mod watching;
mod web;
mod worlds;
