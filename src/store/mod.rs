//! Durable mutable state.

mod batch;
mod contain;
mod engine;
mod fault;
mod key;
mod manifest;
mod open;
#[cfg(test)]
mod probe;
mod row;
mod staged;
mod tree;
mod value;
mod writer;

pub use batch::{Batch, Expected, Version};
pub use engine::Engine;
pub use fault::StoreFault;
pub use key::Key;
