//! The nouns of the field, pure: no async, no input or output, no clock.

pub mod codes;
pub mod malformed;
pub mod person;
