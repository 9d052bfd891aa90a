//! Links between the documents lead somewhere, and what they tell people to do is tried.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[path = "docs/blocks.rs"]
mod blocks;
#[path = "docs/metrics.rs"]
mod metrics;
#[path = "docs/plugin.rs"]
mod plugin;

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
    let pages = blocks::pages();
    for beside in ["charts/tenantry/README.md", "infra/grafana/README.md"] {
        assert!(pages.contains(&root().join(beside)), "{beside} is read by nobody");
    }
    for document in pages {
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

/// The cards about others that lack a date of reading, or a fact with a link to where it stands.
fn unsourced(page: &str) -> Vec<String> {
    let cards = page.split("\n## Battlecards\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut lacking = Vec::new();
    for card in cards.split("\n### ").skip(1) {
        let (title, text) = card.split_once('\n').unwrap();
        let read = text.trim_start().lines().next().unwrap_or_default();
        let dated =
            read.starts_with("Read in ") && read.contains(" 20") && read.contains("](https://");
        if !dated {
            lacking.push(format!("{title}: when and what was read: {read:?}"));
        }
        let facts = text.split("\n- ").find(|part| part.starts_with("*What to know*"));
        if !facts.is_some_and(|facts| facts.contains("](https://")) {
            lacking.push(format!("{title}: facts without a link"));
        }
    }
    lacking
}

/// What is said of others can be read again by whoever repeats it.
#[test]
fn every_battlecard_says_when_it_was_read_and_where() {
    let page = fs::read_to_string(root().join("docs/commercial/sales_enablement.md")).unwrap();
    assert_eq!(unsourced(&page), Vec::<String>::new());
    assert_eq!(page.matches("\nRead in ").count(), 6);
    let bent = page.replacen("Read in August 2026", "Read once", 1);
    assert_eq!(unsourced(&bent).len(), 1);
    let bent = page.replacen(
        "[its own blog](https://killbill.io/blog/kill-bill-performance)",
        "its blog",
        1,
    );
    let bent = bent.replacen("](https://github.com/killbill/killbill/issues/1022)", "]", 1);
    assert_eq!(unsourced(&bent).len(), 1, "{:?}", unsourced(&bent));
}
