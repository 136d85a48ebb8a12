//! The `pagetide` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    pagetide::cli::run()
}
