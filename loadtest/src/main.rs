//! The load generator of Chukan.
fn main() {}
