//! One file per service: decode, identify the caller, call the act, encode.

pub mod caller;
mod fields;
mod inquiry;
mod messages;
pub mod proto;
mod provision;
mod replica;
mod status;

pub use caller::{Caller, Surface};
pub use provision::Provisions;
pub use replica::Replicas;
pub use status::{code_of, status_of};
