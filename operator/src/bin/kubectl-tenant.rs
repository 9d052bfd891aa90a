//! The plugin's entry point: kubectl runs it for `kubectl tenant`.

use std::process::ExitCode;

fn main() -> ExitCode {
    operator::kubectl::main()
}
