//! The reference lists the metrics of the code and no others.

use std::{collections::BTreeSet, fs, path::Path};

use super::root;

/// Rust below a folder, without tests.
fn code(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &code(&path);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(path).unwrap();
            all += text.split("#[cfg(test)]").next().unwrap_or_default();
        }
    }
    all
}

const METRICS: [&str; 6] =
    ["tenantry_", "tenant_", "billing_", "backup_", "onboarding_requests", "support_response_"];

/// The names of instruments: texts of ours with such a beginning are nothing else.
fn instruments() -> BTreeSet<String> {
    let folders = ["operator/src", "api-server/src", "telemetry/src"];
    let all: String = folders.map(|folder| code(&root().join(folder))).concat();
    let plain = |text: &&str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let ours = |text: &&str| METRICS.iter().any(|own| text.starts_with(own));
    // What a meter's name is made of.
    let texts = all.split('"').skip(1).filter(plain).filter(ours);
    texts.filter(|text| *text != "tenant_").map(str::to_owned).collect()
}

/// How the exporter's name of an instrument may end: unit, and what a counter adds.
const ENDINGS: [&str; 4] = ["", "_total", "_seconds", "_bytes"];

/// What differs between a page and the instruments that there are.
fn drift(page: &str, instruments: &BTreeSet<String>) -> Vec<String> {
    let (mut listed, mut wrong) = (BTreeSet::new(), Vec::new());
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (name, kind) = (cells[1].trim_matches('`'), cells[2]);
        if !["counter", "gauge", "histogram"].contains(&kind) {
            wrong.push(format!("{name}: no kind"));
        }
        if (kind == "counter") != name.ends_with("_total") {
            wrong.push(format!("{name}: a counter's name ends in _total, and no other"));
        }
        if cells[4].is_empty() {
            wrong.push(format!("{name}: it says nothing"));
        }
        if !listed.insert(name.to_owned()) {
            wrong.push(format!("{name}: listed twice"));
        }
    }
    for instrument in instruments {
        if !ENDINGS.iter().any(|ending| listed.contains(&format!("{instrument}{ending}"))) {
            wrong.push(format!("{instrument}: not in docs/reference/metrics.md"));
        }
    }
    let known = |name: &&String| {
        let mut bare = ENDINGS.iter().filter_map(|ending| name.strip_suffix(ending));
        bare.any(|bare| instruments.contains(bare))
    };
    let made_up = listed.iter().filter(|name| !known(name));
    wrong.extend(made_up.map(|name| format!("{name}: no program has it")));
    wrong
}

fn page() -> String {
    fs::read_to_string(root().join("docs/reference/metrics.md")).unwrap()
}

#[test]
fn every_metric_is_in_the_reference_and_no_other() {
    let instruments = instruments();
    let wrong = drift(&page(), &instruments);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(instruments.len() > 45, "{}", instruments.len());
}

/// It fails both ways, and for each thing that a row can be wrong in.
#[test]
fn a_metric_that_is_missing_or_made_up_is_found() {
    let (page, mut instruments) = (page(), instruments());
    let row = page.lines().find(|line| line.starts_with("| `tenant_flagged`")).unwrap();
    let bent = |to: &str| drift(&page.replace(row, to), &instruments);
    for (to, words) in [
        ("", "tenant_flagged: not in docs"),
        ("| `tenant_flag` | gauge | | 1 |", "tenant_flag: no program has it"),
        ("| `tenant_flagged` | number | | 1 |", "no kind"),
        ("| `tenant_flagged` | counter | | 1 |", "ends in _total"),
        ("| `tenant_flagged` | gauge | | |", "says nothing"),
        (&format!("{row}\n{row}"), "listed twice"),
    ] {
        let wrong = bent(to);
        assert!(wrong.iter().any(|one| one.contains(words)), "{to}: {wrong:?}");
    }
    instruments.insert("tenantry_new_thing".to_owned());
    assert_eq!(
        drift(&page, &instruments),
        ["tenantry_new_thing: not in docs/reference/metrics.md"]
    );
}
