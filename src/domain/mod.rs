//! The nouns of the field, pure: no async, no input or output, no clock.

pub mod codes;
pub mod condition;
pub mod form_check;
pub mod form_flaw;
pub mod layout;
pub mod malformed;
pub mod person;
pub mod repertoire;
pub mod replica;
pub mod selection;
pub mod words;
