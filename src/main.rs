//! The `chukan` command.

fn main() {}
