//! The API server's entry point.

use std::process::ExitCode;

fn main() -> ExitCode {
    api_server::cli::main()
}
