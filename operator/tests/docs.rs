//! Links between the documents lead somewhere, and what they tell people to do is tried.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[path = "docs/blocks.rs"]
mod blocks;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn documents() -> Vec<PathBuf> {
    let mut all = below(&root().join("docs"));
    all.extend(
        ["README.md", "AGENTS.md", "CHANGELOG.md", "SECURITY.md"].map(|name| root().join(name)),
    );
    all
}

/// The documents in a folder and below.
fn below(folder: &Path) -> Vec<PathBuf> {
    let (mut all, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                all.push(path);
            }
        }
    }
    all
}

/// The text outside code blocks.
fn prose(text: &str) -> String {
    text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n")
}

/// The same without code in lines: a pattern may look like a link.
fn without_code(text: &str) -> String {
    prose(text).split('`').step_by(2).collect()
}

/// The targets of `[text](target)`.
fn links(text: &str) -> Vec<String> {
    let prose = without_code(text);
    prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned).collect()
}

/// The anchors that a renderer makes of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text);
    let headings = headings.lines().filter(|l| l.starts_with('#'));
    let slug = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    headings.map(|l| l.trim_start_matches('#').trim().chars().filter_map(slug).collect()).collect()
}

/// Why a link leads nowhere.
fn broken(document: &Path, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target =
        if file.is_empty() { document.to_owned() } else { document.parent().unwrap().join(file) };
    let say = |why: &str| Some(format!("{}: ({link}) {why}", document.display()));
    if !target.exists() {
        return say("is not there");
    }
    if !anchor.is_empty() && !anchors(&fs::read_to_string(&target).unwrap()).contains(anchor) {
        return say("has no such heading");
    }
    None
}

#[test]
fn every_link_between_documents_resolves() {
    let mut all = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let found = links(&text);
        count += found.len();
        all.extend(found.iter().filter_map(|l| broken(&document, l)));
    }
    assert!(all.is_empty(), "{all:#?}");
    assert!(count > 20, "only {count} links were found");
}

#[test]
fn a_broken_link_is_found() {
    let readme = root().join("README.md");
    assert!(broken(&readme, "docs/none.md").is_some());
    assert!(broken(&readme, "#no-such-heading").is_some());
    assert_eq!(anchors("# A b\n## C, d!\n"), BTreeSet::from(["a-b".into(), "c-d".into()]));
}

/// The blocks of a document with code in a language that is written there.
fn blocks(text: &str) -> BTreeSet<(&str, &str)> {
    let fenced = text.split("\n```").skip(1).step_by(2);
    let named = fenced.filter_map(|block| block.split_once('\n'));
    named.filter(|(name, _)| matches!(*name, "python" | "js" | "go" | "sh")).collect()
}

/// The programs that the tests run (`api-server/tests/process/sdk.rs`) are those that people copy.
#[test]
fn the_programs_that_send_usage_are_shown_as_they_are() {
    let document = fs::read_to_string(root().join("docs/usage.md")).unwrap();
    let program = |path: &str| fs::read_to_string(root().join("infra/sdk").join(path)).unwrap();
    let programs = [
        ("python", program("python/first.py")),
        ("js", program("node/first.mjs")),
        ("go", program("go/first/main.go")),
        ("sh", program("first.sh")),
    ];
    let wanted = programs.iter().map(|(name, text)| (*name, text.trim_end())).collect();
    assert_eq!(blocks(&document), wanted, "copy the programs of infra/sdk into docs/usage.md");
}

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

/// The reference lists the instruments that there are, each as the exporter names it.
#[test]
fn every_metric_is_in_the_reference_and_no_other() {
    let page = fs::read_to_string(root().join("docs/reference/metrics.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let mut listed = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (name, kind) = (cells[1].trim_matches('`'), cells[2]);
        assert!(["counter", "gauge", "histogram"].contains(&kind), "{row}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{row}");
        assert!(cells[4].len() > 1, "{row}: it says nothing");
        assert!(listed.insert(name.to_owned()), "{name} is listed twice");
    }
    let instruments = instruments();
    let endings = ["", "_total", "_seconds", "_bytes"];
    for instrument in &instruments {
        let found = endings.iter().any(|ending| listed.contains(&format!("{instrument}{ending}")));
        assert!(found, "{instrument} is not in docs/reference/metrics.md");
    }
    let known = |name: &String| {
        let mut bare = endings.iter().filter_map(|ending| name.strip_suffix(ending));
        bare.any(|bare| instruments.contains(bare))
    };
    let made_up: Vec<_> = listed.iter().filter(|name| !known(name)).collect();
    assert!(made_up.is_empty(), "{made_up:?}");
    assert!(instruments.len() > 45, "{}", instruments.len());
}
