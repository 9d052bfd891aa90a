//! One table of defaults: what is written from `infra/profiles` is what stands there now. Filled in
//! here by code that does not know the script that writes it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The lines of a table.
fn table(name: &str) -> BTreeMap<String, String> {
    let text = read(&format!("infra/profiles/{name}.env"));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{name}: {line}"));
            assert!(name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{name}");
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

/// The template filled in, and the names that it used.
fn filled(template: &str, tables: &[&str]) -> (String, BTreeSet<String>) {
    let all: BTreeMap<String, String> = tables.iter().flat_map(|name| table(name)).collect();
    let text = read(&format!("infra/profiles/templates/{template}"));
    let mut parts = text.split("${");
    let mut page = parts.next().unwrap().to_owned();
    let mut used = BTreeSet::new();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap();
        page.push_str(all.get(name).unwrap_or_else(|| panic!("{template}: no value for {name}")));
        page.push_str(rest);
        used.insert(name.to_owned());
    }
    (page, used)
}

/// Template, tables, and the files that are written from them.
const WRITTEN: [(&str, &[&str], &[&str]); 5] = [
    ("values.yaml", &["dev"], &["charts/tenantry/values-dev.yaml"]),
    ("values.yaml", &["prod"], &["charts/tenantry/values-prod.yaml"]),
    ("values-gpu.yaml", &["gpu"], &["charts/tenantry/values-gpu.yaml"]),
    (
        "profile-dev.yaml",
        &["dev", "gpu"],
        &["examples/profile-dev.yaml", "charts/tenantry/files/profiles/dev.yaml"],
    ),
    (
        "profile-prod.yaml",
        &["prod", "gpu"],
        &["examples/profile-prod.yaml", "charts/tenantry/files/profiles/prod.yaml"],
    ),
];

#[test]
fn what_is_written_from_the_table_agrees_with_it() {
    for (template, tables, files) in WRITTEN {
        let (fresh, _) = filled(template, tables);
        for file in files {
            assert_eq!(read(file), fresh, "{file} is stale, run scripts/generate.sh");
        }
    }
}

#[test]
fn every_line_of_the_table_is_used() {
    for name in ["dev", "prod", "gpu"] {
        let mut rest: BTreeSet<String> = table(name).into_keys().collect();
        for (template, tables, _) in WRITTEN {
            if tables.contains(&name) {
                filled(template, tables).1.iter().for_each(|used| {
                    rest.remove(used);
                });
            }
        }
        assert!(rest.is_empty(), "infra/profiles/{name}.env: nothing uses {rest:?}");
    }
}

#[test]
fn the_three_forms_say_the_same() {
    for tier in ["dev", "prod"] {
        let table = table(tier);
        let values: Value =
            serde_saphyr::from_str(&read(&format!("charts/tenantry/values-{tier}.yaml"))).unwrap();
        let profile: Value =
            serde_saphyr::from_str(&read(&format!("charts/tenantry/files/profiles/{tier}.yaml")))
                .unwrap();
        let number = |name: &str| json!(table[name].parse::<u64>().unwrap());
        assert_eq!(values["operator"]["replicas"], number("OPERATOR_REPLICAS"));
        assert_eq!(values["operator"]["concurrency"], number("TENANTRY_CONCURRENCY"));
        assert_eq!(values["apiServer"]["storage"]["size"], table["LEDGER_STORAGE"]);
        assert_eq!(
            values["apiServer"]["cluster"]["statusInterval"],
            number("TENANTRY_STATUS_INTERVAL")
        );
        assert_eq!(profile["spec"]["tier"], table["TIER"]);
        assert_eq!(profile["spec"]["defaultPlan"], table["DEFAULT_PLAN"]);
        assert_eq!(profile["spec"]["quota"]["cpu"], table["QUOTA_CPU"]);
        assert_eq!(profile["spec"]["quota"]["pods"], number("QUOTA_PODS"));
        assert_eq!(profile["spec"]["billing"]["storage"]["size"], table["BILLING_STORAGE"]);
    }
    // A claim cannot shrink: a way from one tier to the other and back must not ask for it.
    assert_eq!(table("dev")["LEDGER_STORAGE"], table("prod")["LEDGER_STORAGE"]);
}

#[test]
fn images_of_ours_have_the_workspaces_version() {
    let version = env!("CARGO_PKG_VERSION");
    for tier in ["dev", "prod"] {
        for name in ["IMAGE_TENANTRY", "IMAGE_SAMPLE"] {
            let image = &table(tier)[name];
            assert!(image.ends_with(&format!(":{version}")), "{tier}: {image}");
        }
    }
}
