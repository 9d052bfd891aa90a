//! Operations, by what they are about.

use std::fmt::Write as _;

use serde_json::Value;

use super::bodies::{self, named};
use super::cell;

const HEAD: &str = "\
<!-- Generated from api-server/openapi.json by api-server/tests/http/reference.rs; TENANTRY_UPDATE_GOLDEN=1 writes it. -->

# The API

Every operation, who may call it, and every field. Habits that all share (decimals as texts, pages, filters, errors, budgets): [the API](../api.md).
A server shows the same document at `/docs/` and as `/openapi.json`.

Each operation may also answer 400 (not as it should be), 429 (over the budget) and 503 (too much to do); those that need a token also 401 and 403.
";

/// Answers that the head names once for all.
const COMMON: [&str; 5] = ["400", "401", "403", "429", "503"];

pub fn page(document: &Value) -> String {
    let mut sections: Vec<(String, String)> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let tag = operation["tags"][0].as_str().unwrap().to_owned();
            let text = one(&method.to_uppercase(), path, operation);
            match sections.iter_mut().find(|(name, _)| *name == tag) {
                Some((_, section)) => *section += &text,
                None => sections.push((tag, text)),
            }
        }
    }
    let mut out = HEAD.to_owned();
    for (tag, section) in sections {
        write!(out, "\n## About {tag}\n{section}").unwrap();
    }
    out
}

fn one(method: &str, path: &str, operation: &Value) -> String {
    let mut out =
        format!("\n### {method} {path}\n\n**{}.** ", operation["summary"].as_str().unwrap());
    writeln!(out, "{}\n", cell(operation["description"].as_str().unwrap())).unwrap();
    writeln!(out, "*Who*: {}.", access(&operation["x-access"]["ways"])).unwrap();
    parameters(&mut out, operation);
    body(&mut out, operation);
    answers(&mut out, operation);
    out
}

/// `audience billing, scope billing:read, …; or …`.
fn access(ways: &Value) -> String {
    let ways: Vec<String> = ways.as_array().unwrap().iter().map(way).collect();
    if ways.is_empty() { "anyone".to_owned() } else { ways.join("; or ") }
}

fn way(way: &Value) -> String {
    let mut parts = Vec::new();
    for (key, name) in [
        ("audience", "audience"),
        ("role", "role"),
        ("scope", "scope"),
        ("serviceAccount", "the token of a ServiceAccount:"),
    ] {
        match way[key].as_str() {
            Some(text) if text.contains(' ') => parts.push(format!("{name} {text}")),
            Some(text) => parts.push(format!("{name} `{text}`")),
            None => {}
        }
    }
    if way["receipt"] == true {
        parts.push("the receipt".to_owned());
    }
    parts.push(format!("for {}", way["reaches"].as_str().unwrap()));
    parts.join(", ")
}

fn parameters(out: &mut String, operation: &Value) {
    let Some(all) = operation["parameters"].as_array().filter(|all| !all.is_empty()) else {
        return;
    };
    out.push_str("\n| parameter | in | | |\n|---|---|---|---|\n");
    for parameter in all {
        let name = parameter["name"].as_str().unwrap();
        let place = parameter["in"].as_str().unwrap();
        let kind = bodies::kind(&parameter["schema"]);
        let told = cell(parameter["description"].as_str().unwrap_or_default());
        writeln!(out, "| `{name}` | {place} | {kind} | {told} |").unwrap();
    }
}

fn body(out: &mut String, operation: &Value) {
    let Some(content) = operation["requestBody"]["content"].as_object() else { return };
    let each = content.iter().map(|(media, one)| format!("`{media}`: {}", named(&one["schema"])));
    writeln!(out, "\n*Body*: {}.", each.collect::<Vec<_>>().join(", ")).unwrap();
}

fn answers(out: &mut String, operation: &Value) {
    out.push_str("\n| answer | | |\n|---|---|---|\n");
    for (status, answer) in operation["responses"].as_object().unwrap() {
        if COMMON.contains(&status.as_str()) {
            continue;
        }
        let content = answer["content"].as_object().into_iter().flatten();
        let bodies: Vec<String> = content.map(|(_, one)| named(&one["schema"])).collect();
        let told = cell(answer["description"].as_str().unwrap_or_default());
        writeln!(out, "| {status} | {} | {told} |", bodies.join(", ")).unwrap();
    }
}
