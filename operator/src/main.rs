//! The operator's entry point.

use std::process::ExitCode;

fn main() -> ExitCode {
    operator::program::main()
}
