//! The reference of the chart's values for people, from the schema that Helm checks them with.

use std::fmt::Write as _;

use serde_json::Value;

/// One Markdown page: a table for each group of values.
///
/// # Errors
/// When a value has no description, no default, or is not in the schema; all of them are named.
pub fn markdown(schema: &Value, defaults: &Value) -> Result<String, String> {
    let mut page = Page { schema, rows: String::new(), gaps: Vec::new() };
    page.object("", schema, Some(defaults));
    if !page.gaps.is_empty() {
        return Err(page.gaps.join("\n"));
    }
    Ok(format!(
        "<!-- Generated; `scripts/generate.sh` writes it and a test compares it. -->\n\
         # Values of the chart\n\nOf `charts/tenantry`. A name that is not here is refused. \
         [Install](../install.md) says which ones matter when.\n\n\
         | value | takes | default | description |\n|---|---|---|---|\n{}",
        page.rows
    ))
}

struct Page<'s> {
    schema: &'s Value,
    rows: String,
    gaps: Vec<String>,
}

impl<'s> Page<'s> {
    /// The rows of an object's members; `defaults` is `None` inside of lists.
    fn object(&mut self, path: &str, object: &'s Value, defaults: Option<&Value>) {
        let Some(members) = object.get("properties").and_then(Value::as_object) else { return };
        let known = defaults.and_then(Value::as_object);
        for name in known.into_iter().flat_map(|map| map.keys()) {
            if !members.contains_key(name) {
                self.gaps.push(format!("{}: not in the schema", join(path, name)));
            }
        }
        for (name, member) in members {
            let default = defaults.map(|d| d.get(name).unwrap_or(&Value::Null));
            self.member(&join(path, name), member, default);
        }
    }

    fn member(&mut self, path: &str, member: &'s Value, default: Option<&Value>) {
        let meant = self.resolved(member);
        let words = member.get("description").or_else(|| meant.get("description"));
        let words = words.and_then(Value::as_str).unwrap_or_default();
        if words.is_empty() {
            self.gaps.push(format!("{path}: no description"));
        }
        let fixed = meant.get("properties").is_some();
        // What is nothing but a group has its defaults further down.
        let shown = match default {
            Some(Value::Null) if path != "global" => {
                self.gaps.push(format!("{path}: no default in values.yaml"));
                String::new()
            }
            Some(value) if !fixed && !value.is_null() => format!("`{value}`"),
            _ => String::new(),
        };
        let (takes, words) = (cell(&self.takes(meant)), cell(words));
        let _ = writeln!(self.rows, "| `{path}` | {takes} | {} | {words} |", cell(&shown));
        self.object(path, meant, default);
        if let Some(items) = meant.get("items") {
            let items = self.resolved(items);
            self.object(&format!("{path}[]"), items, None);
        }
    }

    /// What a reference to `$defs` stands for.
    fn resolved(&self, value: &'s Value) -> &'s Value {
        let pointer = value.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#'));
        pointer.and_then(|p| self.schema.pointer(p)).unwrap_or(value)
    }

    fn takes(&self, value: &Value) -> String {
        if let Some(words) = value.get("enum").and_then(Value::as_array) {
            let words: Vec<String> = words.iter().map(|w| format!("`{}`", plain(w))).collect();
            return words.join(", ");
        }
        let type_ = value.get("type").and_then(Value::as_str).unwrap_or("any");
        let bound = |name| value.get(name).map(plain);
        match (bound("minimum"), bound("maximum")) {
            (Some(low), Some(high)) => format!("{type_}, {low} to {high}"),
            (Some(low), None) => format!("{type_}, from {low}"),
            _ => type_.to_owned(),
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Text that cannot break out of a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "properties": {
                "a": { "type": "object", "description": "A.", "properties": {
                    "b": { "$ref": "#/$defs/count", "description": "B." },
                } },
                "c": { "type": "array", "description": "C.", "items": { "properties": {
                    "d": { "enum": ["x", "y"], "description": "D." },
                } } },
            },
            "$defs": { "count": { "type": "integer", "minimum": 1, "maximum": 3 } },
        })
    }

    #[test]
    fn groups_lists_and_references_are_written_out() {
        let page = markdown(&schema(), &json!({ "a": { "b": 2 }, "c": [] })).unwrap();
        assert!(page.contains("| `a.b` | integer, 1 to 3 | `2` | B. |"), "{page}");
        assert!(page.contains("| `c` | array | `[]` | C. |"), "{page}");
        assert!(page.contains("| `c[].d` | `x`, `y` |  | D. |"), "{page}");
    }

    #[test]
    fn what_is_missing_on_either_side_is_named() {
        let error = markdown(&schema(), &json!({ "a": { "e": 1 }, "c": [] })).unwrap_err();
        assert_eq!(error, "a.e: not in the schema\na.b: no default in values.yaml");
        let mut silent = schema();
        silent["properties"]["c"]["description"] = json!("");
        let error = markdown(&silent, &json!({ "a": { "b": 1 }, "c": [] })).unwrap_err();
        assert_eq!(error, "c: no description");
    }
}
