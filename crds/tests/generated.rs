//! What is generated and committed is what the types say now.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

fn committed(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The first line that differs, in words; `None` when nothing does.
fn difference(committed: &str, fresh: &str) -> Option<String> {
    if committed == fresh {
        return None;
    }
    let pairs = committed.lines().zip(fresh.lines()).enumerate();
    let first = pairs.into_iter().find(|(_, (a, b))| a != b);
    Some(first.map_or_else(
        || "one is longer than the other".to_owned(),
        |(line, (was, now))| format!("line {}: committed {was:?}, fresh {now:?}", line + 1),
    ))
}

fn same(file: &str, fresh: &str) {
    if let Some(difference) = difference(&committed(file), fresh) {
        panic!("{file} is stale, run scripts/generate.sh: {difference}");
    }
}

#[test]
fn definitions() {
    for (file, crd) in crds::all() {
        same(&format!("generated/{file}"), &crds::manifest::yaml(&crd).unwrap());
    }
}

#[test]
fn reference() {
    let definitions = crds::all().map(|(_, crd)| crd);
    let fresh = crds::reference::markdown(&definitions).unwrap();
    same("../docs/reference/crds.md", &fresh);
}

#[test]
fn the_chart_s_definitions() {
    for (file, crd) in crds::all() {
        let fresh = crds::manifest::yaml_in_chart(&crd).unwrap();
        same(&format!("../charts/tenantry/crds/{file}"), &fresh);
        // What the chart's template takes away when definitions are not to be kept.
        assert!(fresh.contains("\n    helm.sh/resource-policy: keep\n"), "{file}");
    }
}

#[test]
fn the_chart_s_values() {
    let read = |file: &str| serde_saphyr::from_str(&committed(file)).unwrap();
    let (schema, defaults): (serde_json::Value, serde_json::Value) =
        (read("../charts/tenantry/values.schema.json"), read("../charts/tenantry/values.yaml"));
    let fresh = crds::values::markdown(&schema, &defaults).unwrap();
    same("../docs/reference/values.md", &fresh);
}

#[test]
fn every_field_of_the_reference_is_described() {
    let page = committed("../docs/reference/crds.md");
    let rows = page.lines().filter(|l| l.starts_with("| `"));
    let silent: Vec<&str> = rows.filter(|l| l.ends_with("|  |")).collect();
    assert!(silent.is_empty(), "without a description: {silent:#?}");
}

#[test]
fn the_comparison_can_fail() {
    let (_, crd) = &crds::all()[0];
    let fresh = crds::manifest::yaml(crd).unwrap();
    assert_eq!(difference(&fresh, &fresh), None);
    let stale = fresh.replacen("maxLength: 36", "maxLength: 37", 1);
    assert_ne!(stale, fresh);
    assert!(difference(&stale, &fresh).unwrap().contains("maxLength: 37"));
    assert!(difference(&format!("{fresh}more\n"), &fresh).is_some());
}
