//! The nouns of the field, pure: no async, no input or output, no clock.

#[macro_use]
mod text_form;

pub mod acquisition;
pub mod addressee;
pub mod analysis;
pub mod batch;
pub mod batch_file;
pub mod codes;
pub mod condition;
pub mod deciding;
pub mod exchange;
pub mod files;
pub mod form_check;
pub mod form_flaw;
pub mod inquiry;
pub mod institution;
pub mod jst;
pub mod layout;
pub mod layout_diff;
pub mod malformed;
pub mod mass_acquisition;
pub mod names;
pub mod network_plan;
pub mod operation;
pub mod password;
pub mod permission_list;
pub mod permit;
pub mod person;
pub mod portal;
pub mod provision;
pub mod record;
pub mod refusal;
pub mod repertoire;
pub mod replica;
pub mod replica_file;
pub mod replica_import;
pub mod result;
pub mod retention;
pub mod sealing_key;
pub mod selection;
pub mod service_hours;
pub mod shape;
pub mod staff;
pub mod symbol_request;
pub mod unready;
pub mod words;
