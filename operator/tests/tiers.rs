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

/// What `docker-compose.yml` and what is laid over it take from the tables: names, and what stands for
/// them where no table is given.
fn composed() -> Vec<(String, Option<String>)> {
    let text = read("docker-compose.yml") + &read("infra/compose/gpu.yaml");
    let filled_in = text.split("${").skip(1).map(|part| {
        let inside = part.split('}').next().unwrap();
        let (name, default) = inside.split_once(":-").map_or((inside, None), |(n, d)| (n, Some(d)));
        (name.split(':').next().unwrap().to_owned(), default.map(str::to_owned))
    });
    let upper = |name: &&str| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    // `NAME:` alone is passed on as it is.
    let passed_on = text.lines().filter_map(|line| line.trim().strip_suffix(':')).filter(upper);
    let read_by_compose = ["COMPOSE_PROFILES", "COMPOSE_FILE"];
    let bare = passed_on.chain(read_by_compose).map(|name| (name.to_owned(), None));
    filled_in.chain(bare).collect()
}

#[test]
fn what_compose_takes_without_a_table_is_what_a_table_says() {
    let tables = ["dev", "prod", "gpu"].map(table);
    let mut compared = 0;
    for (name, default) in composed() {
        let values: Vec<&String> = tables.iter().filter_map(|table| table.get(&name)).collect();
        // Folders are the one thing that stands elsewhere on purpose.
        let Some(default) = default.filter(|_| !values.is_empty() && !name.ends_with("_VOLUME"))
        else {
            continue;
        };
        if name == "DATABASE_URL_SECRET" {
            continue;
        }
        assert!(
            values.contains(&&default),
            "docker-compose.yml: {name} is {values:?}, not {default:?}"
        );
        compared += 1;
    }
    assert!(compared > 15, "only {compared}");
}

/// What is secret is in files, and the manifest says in which.
#[test]
fn every_secret_of_compose_is_a_file_that_the_table_names() {
    let compose: Value = serde_saphyr::from_str(&read("docker-compose.yml")).unwrap();
    let secrets = compose["secrets"].as_object().unwrap();
    assert!(secrets.len() >= 3, "{secrets:?}");
    let prod = table("prod");
    for (name, secret) in secrets {
        let setting = format!("{}_SECRET", name.to_uppercase().replace('-', "_"));
        let file = secret["file"].as_str().unwrap();
        assert!(file.starts_with(&format!("${{{setting}:-")), "{name}: {file}");
        assert_eq!(prod.get(&setting), Some(&format!("./secrets/{name}")), "{name}");
    }
}

#[test]
fn every_line_of_the_table_is_used() {
    for name in ["dev", "prod", "gpu"] {
        let mut rest: BTreeSet<String> = table(name).into_keys().collect();
        composed().iter().for_each(|(used, _)| {
            rest.remove(used);
        });
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
    for claim in ["LEDGER_STORAGE", "PLATFORM_METRICS_STORAGE", "BILLING_STORAGE"] {
        assert_eq!(table("dev")[claim], table("prod")[claim]);
    }
    // What stands there when no tier is given.
    let values: Value = serde_saphyr::from_str(&read("charts/tenantry/values.yaml")).unwrap();
    let platform = &values["platform"]["prometheus"];
    assert_eq!(platform["image"], table("prod")["IMAGE_METRICS"]);
    assert_eq!(platform["storage"]["size"], table("prod")["PLATFORM_METRICS_STORAGE"]);
    assert_eq!(values["platform"]["grafana"]["image"], table("prod")["IMAGE_GRAFANA"]);
}

#[test]
fn images_of_ours_have_the_workspaces_version() {
    let version = env!("CARGO_PKG_VERSION");
    for tier in ["dev", "prod"] {
        for (name, image) in table(tier) {
            if !image.starts_with("tenantry.dev/") {
                continue;
            }
            assert!(name.starts_with("IMAGE_"), "{name}");
            assert!(image.ends_with(&format!(":{version}")), "{tier}: {image}");
        }
    }
}

/// Whether an image is the same tomorrow: a tag that names a version, or a digest.
fn is_pinned(image: &str) -> bool {
    if let Some((_, digest)) = image.split_once("@sha256:") {
        return digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    }
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split_once(':').is_some_and(|(_, tag)| tag.bytes().any(|b| b.is_ascii_digit()))
}

/// What follows `image:` in a file.
fn images(text: &str) -> Vec<String> {
    let lines =
        text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("image:"));
    lines.map(|image| image.trim().trim_matches('"').to_owned()).collect()
}

#[test]
fn every_image_is_pinned() {
    for image in
        ["postgres", "postgres:latest", "registry:5000/postgres", "a/b:stable", "a@sha256:12"]
    {
        assert!(!is_pinned(image), "{image}");
    }
    let digest = format!("a/b@sha256:{}", "0f".repeat(32));
    for image in ["postgres:15.15", "registry:5000/a/b:v1", &digest] {
        assert!(is_pinned(image), "{image}");
    }
    let mut seen = 0;
    for tier in ["dev", "prod", "gpu"] {
        for (name, image) in table(tier).into_iter().filter(|(name, _)| name.starts_with("IMAGE_"))
        {
            assert!(is_pinned(&image), "infra/profiles/{tier}.env: {name}={image}");
            seen += 1;
        }
    }
    // Those of the table, and none beside it: what stands for them elsewhere is compared above.
    for image in images(&(read("docker-compose.yml") + &read("infra/compose/gpu.yaml"))) {
        assert!(image.starts_with("${IMAGE_"), "docker-compose.yml: {image} is of no table");
        seen += 1;
    }
    // All that the chart renders, in every case that is looked at.
    for file in fs::read_dir(root().join("operator/tests/chart/golden")).unwrap() {
        let path = file.unwrap().path();
        for image in images(&fs::read_to_string(&path).unwrap()) {
            assert!(is_pinned(&image), "{}: {image}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen}");
}
