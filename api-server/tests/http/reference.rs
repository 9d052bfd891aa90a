//! The references of the API and of the program's commands are what the code says.

mod bodies;
// The writer of all three programs' pages.
#[path = "../../../operator/tests/reference/commands.rs"]
mod commands;
mod operations;
mod problems;

use std::path::Path;

use clap::CommandFactory as _;

const HEAD: &str = "\
<!-- Generated from the program by api-server/tests/http/reference.rs; TENANTRY_UPDATE_GOLDEN=1 writes it. -->

# The commands of `api-server`

Every command and flag. Where a variable is named, the environment may say what the flag would; a flag wins. The image has the program as `/api-server`.
";

/// Compares a document with what it should be; writes it with `TENANTRY_UPDATE_GOLDEN`.
fn same(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(name);
    if std::env::var_os("TENANTRY_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == wanted,
        "docs/reference/{name} is stale: run with TENANTRY_UPDATE_GOLDEN=1"
    );
}

/// In a cell of a table: one line, and no bar that would end the cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[test]
fn the_reference_of_the_api_is_current() {
    let document = crate::document::document();
    let page = operations::page(&document) + &problems::section() + &bodies::section(&document);
    same("rest.md", &page);
}

#[test]
fn the_reference_of_the_commands_is_current() {
    same("api-server.md", &commands::page(HEAD, "api-server", api_server::cli::Cli::command()));
}
