//! Rules of the house that the compiler does not know: layers, limits, and documents that say what the code does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod correction_machine;
mod documents;
mod resident_request;
mod roles;
mod rooms;
mod sequence;
mod source;
mod state_machines;
mod text;
