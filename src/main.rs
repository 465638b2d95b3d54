//! The `chukan` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    chukan::cli::run()
}
