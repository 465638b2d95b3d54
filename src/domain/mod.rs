//! The nouns of the field, pure: no async, no input or output, no clock.

pub mod acquisition;
pub mod codes;
pub mod exchange;
pub mod inquiry;
pub mod malformed;
pub mod names;
pub mod permit;
pub mod person;
pub mod provision;
pub mod record;
pub mod refusal;
pub mod result;
pub mod sealing_key;
