//! The plugin's documentation says what its help says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

const BEGIN: &str =
    "<!-- help: operator/tests/plugin.rs writes what stands between these marks -->\n";
const END: &str = "<!-- end of help -->";

#[test]
fn the_help_in_the_documentation_is_the_program_s() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/kubectl.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (committed, after) = rest.split_once(END).unwrap();
    let fresh = format!("{}\n", operator::kubectl::help::markdown());
    if std::env::var_os("TENANTRY_UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{fresh}{END}{after}")).unwrap();
        return;
    }
    let stale = committed.lines().zip(fresh.lines()).find(|(a, b)| a != b);
    assert_eq!(stale, None, "docs/kubectl.md is stale; TENANTRY_UPDATE_GOLDEN=1 writes it anew");
    assert!(committed == fresh, "docs/kubectl.md: one is longer than the other");
}
