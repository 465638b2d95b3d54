//! Durable mutable state.
