//! The rules of the house that a test can check: pure code stays pure, files stay short, crates
//! depend in one direction only.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every `.rs` file under a file or folder, with its text, but without unit tests.
fn sources(path: &Path) -> Vec<(PathBuf, String)> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        return entries.iter().flat_map(|p| sources(p)).collect();
    }
    let is_test = path.file_name().is_some_and(|n| n == "tests.rs");
    if path.extension().is_none_or(|e| e != "rs") || is_test || !path.exists() {
        return Vec::new();
    }
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    vec![(path.to_owned(), code)]
}

/// Code without its comments.
fn code(text: &str) -> String {
    text.lines().map(|l| l.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

const FORBIDDEN: [&str; 12] = [
    "kube::Client",
    "kube::Api",
    "std::env",
    "env::var",
    "std::fs",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "getrandom",
    "tokio",
    "std::process",
    "std::net::Tcp",
];

/// What a pure text mentions that it may not.
fn impurities(text: &str) -> Vec<&'static str> {
    let code = code(text);
    FORBIDDEN.into_iter().filter(|word| code.contains(word)).collect()
}

fn pure() -> Vec<PathBuf> {
    let modules = [
        "account",
        "census",
        "figures",
        "decide",
        "validate",
        "desired",
        "plan",
        "status",
        "suspension",
        "health",
        "rollout",
        "revision",
        "drift",
        "fingerprint",
        "reduce",
        "kinds",
        "object",
        "observed",
        "rbac",
        "kubectl/complete",
        "kubectl/create",
        "kubectl/event",
        "kubectl/export",
        "kubectl/failure",
        "kubectl/help",
        "kubectl/list",
        "kubectl/page",
        "kubectl/plan",
        "kubectl/price",
        "kubectl/profiles",
        "kubectl/progress",
        "kubectl/report",
        "kubectl/restore",
        "kubectl/retained",
        "kubectl/scene",
        "kubectl/table",
        "kubectl/why",
        "kubectl/wire",
        "kubectl/words",
    ];
    let operator = root().join("operator/src");
    let mut all: Vec<PathBuf> = Vec::new();
    for module in modules {
        let file = operator.join(format!("{module}.rs"));
        assert!(file.exists(), "{} is gone: mend this list", file.display());
        all.push(file);
        all.push(operator.join(module));
    }
    all.push(root().join("crds/src"));
    all
}

#[test]
fn pure_modules_take_no_client_clock_randomness_or_environment() {
    let mut found = Vec::new();
    for (path, text) in pure().iter().flat_map(|p| sources(p)) {
        // The generator is the one program of that crate.
        if !path.ends_with("bin/crdgen.rs") {
            found.extend(impurities(&text).into_iter().map(|w| format!("{}: {w}", path.display())));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_search_finds_what_it_looks_for() {
    assert_eq!(impurities("let now = Timestamp::now();"), ["Timestamp::now"]);
    assert!(impurities("// tokio would be wrong here").is_empty());
    let driver = fs::read_to_string(root().join("operator/src/run.rs")).unwrap();
    assert!(!impurities(&driver).is_empty());
}

#[test]
fn files_stay_short() {
    let mut long = Vec::new();
    for part in ["crds/src", "operator/src", "telemetry/src", "tenantry/src"] {
        for (path, text) in sources(&root().join(part)) {
            let lines = text.lines().count();
            if lines > LONGEST {
                long.push(format!("{}: {lines} lines", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "split these: {long:#?}");
}

/// A file that is longer has to be split.
const LONGEST: usize = 400;

/// The dependencies on crates of this workspace that a manifest names.
fn house_dependencies(member: &str) -> Vec<&'static str> {
    let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
    let names = ["api-server", "crds", "operator", "telemetry"];
    let is_named = |name: &&str| {
        manifest.lines().any(|l| {
            l.starts_with(&format!("{name}."))
                || l.starts_with(&format!("{name} "))
                || l.starts_with(&format!("tenantry-{name}"))
        })
    };
    names.into_iter().filter(is_named).collect()
}

#[test]
fn crates_depend_in_one_direction() {
    assert!(house_dependencies("crds").is_empty());
    assert!(house_dependencies("telemetry").is_empty());
    assert_eq!(house_dependencies("operator"), ["crds", "telemetry"]);
    assert_eq!(house_dependencies("api-server"), ["crds", "telemetry"]);
    // Where both meet there is nothing but the choice between them.
    assert_eq!(house_dependencies("tenantry"), ["api-server", "operator"]);
}
