//! One file per service: decode, identify the caller, call the act, encode.

pub mod proto;
