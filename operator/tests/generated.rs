//! The committed RBAC and policy are what the operator asks for now.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

fn same(file: &str, fresh: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    let committed = fs::read_to_string(&path).unwrap();
    let stale = committed.lines().zip(fresh.lines()).find(|(a, b)| a != b);
    assert_eq!(stale, None, "{} is stale, run scripts/generate.sh", path.display());
    assert!(committed == fresh, "{}: one is longer than the other", path.display());
}

#[test]
fn manifests() {
    let fresh = operator::rbac::manifests("tenantry-system").unwrap();
    same("generated/manifests.yaml", &fresh);
}

#[test]
fn the_chart_s_rights() {
    let fresh = operator::rbac::rights("tenantry-system").unwrap();
    same("../charts/tenantry/files/operator.yaml", &fresh);
    assert!(!fresh.contains("kind: Namespace\n"), "Helm makes the namespace");
}

#[test]
fn another_namespace_makes_other_manifests() {
    let one = operator::rbac::manifests("tenantry-system").unwrap();
    assert_ne!(one, operator::rbac::manifests("elsewhere").unwrap());
}
