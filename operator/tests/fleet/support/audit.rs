//! Who wrote what, by the API server's own log.

use std::io::{Read, Seek, SeekFrom};

use serde_json::Value;

use super::ground::Ground;

/// The operator's account.
pub const OPERATOR: &str = "system:serviceaccount:tenantry-system:tenantry-operator";

/// A place in the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark(u64);

/// The end of the log now.
pub fn mark(ground: &Ground) -> Mark {
    Mark(std::fs::metadata(ground.path("audit.log")).map_or(0, |m| m.len()))
}

/// The operator's writes since `mark`, its lease's renewals left out, each as
/// `verb resource[/subresource] namespace/name`.
pub fn writes(ground: &Ground, mark: Mark) -> Vec<String> {
    described(ground, mark, |_| true)
}

/// Those of them that the API server took, events left out too.
pub fn done(ground: &Ground, mark: Mark) -> Vec<String> {
    let taken = |e: &Value| e["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300);
    described(ground, mark, |e| taken(e) && text(&e["objectRef"], "resource") != "events")
}

fn described(ground: &Ground, mark: Mark, which: impl Fn(&Value) -> bool) -> Vec<String> {
    entries(ground, mark)
        .iter()
        .filter(|e| e["user"]["username"] == OPERATOR && which(e))
        .filter(|e| !matches!(text(e, "verb"), "get" | "list" | "watch"))
        .filter(|e| text(&e["objectRef"], "resource") != "leases")
        .map(|e| {
            let about = &e["objectRef"];
            let sub = about["subresource"].as_str().map_or(String::new(), |s| format!("/{s}"));
            let (resource, namespace) = (text(about, "resource"), text(about, "namespace"));
            format!("{} {resource}{sub} {namespace}/{}", text(e, "verb"), text(about, "name"))
        })
        .collect()
}

/// The same, with the address that each came from: one process each, as long as it lives.
pub fn entries(ground: &Ground, mark: Mark) -> Vec<Value> {
    let mut file = std::fs::File::open(ground.path("audit.log")).expect("the audit log opens");
    file.seek(SeekFrom::Start(mark.0)).expect("the audit log is read");
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("the audit log is read");
    let text = String::from_utf8_lossy(&bytes);
    // The last line may be on its way.
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}
