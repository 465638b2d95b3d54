//! Chukan, a simulator of Japan's 中間サーバー (intermediate server) and of the national network it talks to.

// A line of output whose reader has gone is an error, not a panic.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod domain;

pub mod crypto;

pub mod ledger;

pub mod store;

pub mod institution;

pub mod network;

pub mod addressee;

pub mod sample;

pub mod world;

pub mod grpc;

pub mod console;

pub mod config;

pub mod folder;

pub mod server;

pub mod cli;
