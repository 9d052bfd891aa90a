//! Every block of commands is done by a test or says why not; every block of YAML is tried.
//!
//! What `scripts/reader` reads is done there. Elsewhere a mark stands before the block:
//!
//! ```text
//! <!-- not run: REASON -->          nobody does it, and why
//! <!-- run by FILE: WORDS -->       a test does the same; these words of it say where
//! <!-- yaml: KIND -->               applied or read by a test of that kind (`KINDS`)
//! <!-- file: NAME -->               saved under that name by `scripts/reader`, and applied
//! ```

use std::{collections::BTreeMap, fs, path::Path};

use super::root;

/// The kinds of YAML, and the test that tries all of a kind.
const KINDS: [(&str, &str); 6] = [
    ("objects", "operator/tests/fleet/documents.rs"),
    ("tenant", "operator/tests/fleet/documents.rs"),
    ("pod", "operator/tests/fleet/documents.rs"),
    ("node", "infra/ground/e2e_loss_test.go"),
    ("values", "operator/tests/chart/values.rs"),
    ("issuers", "api-server/tests/auth/chart.rs"),
];

/// A fenced block: where it begins, its language, and the mark before it.
#[derive(Debug, PartialEq)]
struct Block {
    line: usize,
    language: String,
    mark: Option<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let (mut found, mut inside, mut mark) = (Vec::new(), false, None);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(language) = line.strip_prefix("```") {
            if !inside {
                let (language, mark) = (language.to_owned(), mark.take());
                found.push(Block { line: index + 1, language, mark });
            }
            inside = !inside;
        } else if !inside && !line.is_empty() {
            let comment = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
            mark = comment.map(str::to_owned);
        }
    }
    found
}

/// The documents that `scripts/reader` reads.
fn read() -> Vec<String> {
    let script = fs::read_to_string(root().join("scripts/reader")).unwrap();
    let list = script.split("\ndocuments=(").nth(1).unwrap().split(')').next().unwrap();
    list.split_whitespace().map(str::to_owned).collect()
}

fn holds(file: &str, words: &str) -> bool {
    fs::read_to_string(root().join(file)).is_ok_and(|text| text.contains(words))
}

/// Why a block of commands is neither done nor left out with a reason.
fn undone(mark: Option<&str>, is_read: bool) -> Option<String> {
    let Some(mark) = mark else {
        let why =
            "nobody does it: mark it `<!-- not run: REASON -->` or `<!-- run by FILE: WORDS -->`";
        return (!is_read).then(|| why.to_owned());
    };
    if let Some(reason) = mark.strip_prefix("not run: ") {
        return (reason.split_whitespace().count() < 3)
            .then(|| "a reason is some words".to_owned());
    }
    let Some((file, words)) = mark.strip_prefix("run by ").and_then(|by| by.split_once(": "))
    else {
        return Some(format!("{mark:?} is no mark of a block of commands"));
    };
    (!holds(file, words)).then(|| format!("{file} does not have {words:?}"))
}

/// Why a block of YAML is not tried.
fn untried(mark: Option<&str>, is_read: bool) -> Option<String> {
    let Some(mark) = mark else {
        return Some("nobody tries it: mark it `<!-- yaml: KIND -->`".to_owned());
    };
    if mark.starts_with("file: ") {
        return (!is_read).then(|| "scripts/reader does not read this document".to_owned());
    }
    let kind = mark.strip_prefix("yaml: ").unwrap_or_default();
    let Some((_, test)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        return Some(format!("{mark:?} is no mark of a block of YAML: one of {KINDS:?}"));
    };
    (!holds(test, &format!("\"yaml: {kind}\""))).then(|| format!("{test} does not try {kind:?}"))
}

/// What is wrong with the blocks of a document, and how many of each language are right.
fn judge(text: &str, is_read: bool) -> (Vec<String>, BTreeMap<String, usize>) {
    let (mut wrong, mut right) = (Vec::new(), BTreeMap::new());
    for Block { line, language, mark } in blocks(text) {
        let fault = match language.as_str() {
            "console" | "sh" | "bash" | "shell" => undone(mark.as_deref(), is_read),
            "yaml" | "yml" => untried(mark.as_deref(), is_read),
            _ => continue,
        };
        match fault {
            Some(why) => wrong.push(format!("{line}: {why}")),
            None => *right.entry(language).or_default() += 1,
        }
    }
    (wrong, right)
}

/// Every document that people read, those beside the code too.
pub fn pages() -> Vec<std::path::PathBuf> {
    let mut all = super::documents();
    all.push(root().join("charts/tenantry/README.md"));
    all.extend(super::below(&root().join("infra")));
    all
}

#[test]
fn every_block_is_done_or_says_why_not() {
    let (read, mut wrong, mut total) = (read(), Vec::new(), BTreeMap::new());
    for page in pages() {
        let name = page.strip_prefix(root()).unwrap_or(Path::new("")).display().to_string();
        let (faults, right) = judge(&fs::read_to_string(&page).unwrap(), read.contains(&name));
        wrong.extend(faults.iter().map(|fault| format!("{name}:{fault}")));
        right.into_iter().for_each(|(language, n)| *total.entry(language).or_insert(0) += n);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(total["console"] > 40 && total["yaml"] > 6, "{total:?}");
}

#[test]
fn a_block_that_nobody_does_is_noticed() {
    let fault = |mark: &str, language: &str, is_read| {
        let text = format!("Prose.\n{mark}\n\n   ```{language}\n   $ true\n   ```\n");
        let (faults, _) = judge(&text, is_read);
        faults.into_iter().next().unwrap_or_default()
    };
    assert!(fault("", "console", false).starts_with("4: nobody does it"));
    assert_eq!(fault("", "console", true), "");
    assert_eq!(fault("<!-- not run: needs a cluster -->", "sh", false), "");
    assert!(fault("<!-- not run: later -->", "sh", false).contains("some words"));
    assert!(fault("<!-- run by README.md: no such words -->", "bash", false).contains("README.md"));
    assert!(fault("<!-- run by none.rs: words -->", "bash", false).contains("none.rs"));
    assert!(fault("<!-- yaml: values -->", "console", false).contains("no mark"));
    assert!(fault("", "yaml", true).contains("nobody tries it"));
    assert!(fault("<!-- yaml: other -->", "yaml", true).contains("no mark"));
    assert!(fault("<!-- file: a.yaml -->", "yaml", false).contains("does not read"));
    // Prose between mark and block: it says nothing of the block.
    let (faults, _) = judge("<!-- not run: needs a cluster -->\nProse.\n```sh\n```\n", false);
    assert_eq!(faults.len(), 1);
}
