//! The references of the commands of operator and plugin are what the programs say.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "reference/commands.rs"]
mod commands;

use std::{fs, path::Path};

use clap::CommandFactory as _;
use operator::{
    config::Config,
    kubectl::{args::Asked, failure::CODES},
};

const HEAD: &str = "<!-- Generated from the program by operator/tests/reference.rs; TENANTRY_UPDATE_GOLDEN=1 writes it. -->\n";

const OPERATOR: &str = "
# The commands of `tenantry-operator`

Every command and flag; without a command it runs. Where a variable is named, the environment may say what the flag would; a flag wins. The image has the
program as `/tenantry-operator`; [the chart](values.md) sets what has to be set.
";

const PLUGIN: &str = "
# The commands of `kubectl tenant`

Every command and flag of [the plugin](../kubectl.md). Where a variable is named, the environment may say what the flag would; a flag wins.
";

/// Compares a document with what it should be; writes it with `TENANTRY_UPDATE_GOLDEN`.
fn same(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(name);
    if std::env::var_os("TENANTRY_UPDATE_GOLDEN").is_some() {
        fs::write(&path, wanted).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == wanted,
        "docs/reference/{name} is stale: run with TENANTRY_UPDATE_GOLDEN=1"
    );
}

#[test]
fn the_reference_of_the_operators_commands_is_current() {
    let head = format!("{HEAD}{OPERATOR}");
    same("operator.md", &commands::page(&head, "tenantry-operator", Config::command()));
}

#[test]
fn the_reference_of_the_plugins_commands_is_current() {
    let head = format!("{HEAD}{PLUGIN}");
    let mut page = commands::page(&head, "kubectl tenant", Asked::command());
    page.push_str("\n## Exit codes\n\n| code | |\n|---|---|\n");
    for (code, meaning) in CODES {
        page.push_str(&format!("| {code} | {meaning} |\n"));
    }
    same("kubectl-tenant.md", &page);
}
