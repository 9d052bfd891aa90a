//! The API server's tests of this name run the operator's program too. Cargo makes a package's programs
//! with its tests: `cargo test --workspace --test cluster` makes both by this one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

#[test]
fn the_operators_program_is_there_for_the_tests_of_the_cluster() {
    let said = Command::new(env!("CARGO_BIN_EXE_tenantry-operator")).arg("--version").output();
    let said = String::from_utf8(said.unwrap().stdout).unwrap();
    assert_eq!(said.trim(), concat!("tenantry-operator ", env!("CARGO_PKG_VERSION")));
}
