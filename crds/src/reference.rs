//! The reference of both resources for people, from the same definitions that the cluster checks.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

/// One Markdown page: a section per resource, a table per object.
///
/// # Errors
/// When a definition cannot be read as JSON.
pub fn markdown<'a>(
    definitions: impl IntoIterator<Item = &'a CustomResourceDefinition>,
) -> Result<String, String> {
    let mut page = "<!-- Generated; `scripts/generate.sh` writes it and a test compares it. -->\n\
                    # Resources\n\nGroup `tenantry.dev`, version `v1alpha1`, both cluster-scoped. \
                    `kubectl explain tenant.spec` says the same in a terminal.\n"
        .to_owned();
    for definition in definitions {
        let value = serde_json::to_value(definition).map_err(|e| e.to_string())?;
        let kind = text(&value, "/spec/names/kind");
        let schema = value.pointer("/spec/versions/0/schema/openAPIV3Schema");
        let schema = schema.ok_or_else(|| format!("{kind} has no schema"))?;
        let _ = write!(page, "\n## {kind}\n\n{}\n", text(schema, "/description"));
        for part in ["spec", "status"] {
            if let Some(object) = schema.pointer(&format!("/properties/{part}")) {
                table(&mut page, &format!("{}.{part}", kind.to_lowercase()), object);
            }
        }
    }
    Ok(page)
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The table of one object, then those of the objects in it.
fn table(page: &mut String, path: &str, object: &Value) {
    let Some(fields) = object.get("properties").and_then(Value::as_object) else { return };
    let _ = write!(page, "\n### {path}\n\n");
    let mut rules = 0;
    for rule in
        object.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten()
    {
        let _ = writeln!(page, "- Rule: {}", text(rule, "/message"));
        rules += 1;
    }
    if rules > 0 {
        page.push('\n');
    }
    page.push_str("| field | type | default | bounds | description |\n|---|---|---|---|---|\n");
    let required = object.get("required").and_then(Value::as_array);
    for (name, field) in fields {
        let must = required.is_some_and(|all| all.iter().any(|r| r == name));
        let _ = writeln!(
            page,
            "| `{name}`{} | {} | {} | {} | {} |",
            if must { " (required)" } else { "" },
            type_of(field),
            cell(&field.get("default").map(|d| format!("`{d}`")).unwrap_or_default()),
            cell(&bounds(field).join("; ")),
            cell(text(field, "/description")),
        );
    }
    for (name, field) in fields {
        let (suffix, inner) = inner(field);
        table(page, &format!("{path}.{name}{suffix}"), inner);
    }
}

/// What a list or map holds, and how its path is written.
fn inner(field: &Value) -> (&'static str, &Value) {
    match (field.get("items"), field.get("additionalProperties")) {
        (Some(items), _) => ("[]", items),
        (_, Some(values)) => ("{}", values),
        _ => ("", field),
    }
}

fn type_of(field: &Value) -> String {
    let (suffix, inner) = inner(field);
    let own = |v: &Value| match v.get("x-kubernetes-int-or-string") {
        Some(Value::Bool(true)) => "integer or string".to_owned(),
        _ => v.get("type").and_then(Value::as_str).unwrap_or("any").to_owned(),
    };
    match suffix {
        "[]" => format!("list of {}", own(inner)),
        "{}" => format!("map to {}", own(inner)),
        _ => own(field),
    }
}

fn bounds(field: &Value) -> Vec<String> {
    let names = [
        ("minLength", "at least {} characters"),
        ("maxLength", "at most {} characters"),
        ("minItems", "at least {} items"),
        ("maxItems", "at most {} items"),
        ("maxProperties", "at most {} entries"),
        ("minimum", "from {}"),
        ("maximum", "to {}"),
        ("format", "{}"),
        ("pattern", "`{}`"),
    ];
    let mut all: Vec<String> = Vec::new();
    for (name, words) in names {
        let Some(value) = field.get(name) else { continue };
        let shown = value.as_str().map_or_else(|| number(value), str::to_owned);
        all.push(words.replace("{}", &shown));
    }
    if let Some(values) = field.get("enum").and_then(Value::as_array) {
        let values: Vec<String> =
            values.iter().filter_map(Value::as_str).map(|v| format!("`{v}`")).collect();
        all.push(format!("one of {}", values.join(", ")));
    }
    for rule in
        field.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten()
    {
        if field.get("properties").is_none() {
            all.push(text(rule, "/message").to_owned());
        }
    }
    all
}

/// Bounds are whole numbers that a schema may write as `1.0`.
fn number(value: &Value) -> String {
    let text = value.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Text that cannot break out of a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_says_its_type_default_and_bounds() {
        let mut page = String::new();
        let object = json!({ "required": ["a"], "properties": {
            "a": { "type": "string", "maxLength": 3, "pattern": "^a|b$", "description": "One.\nTwo." },
            "b": { "type": "array", "items": { "type": "object", "properties": { "c": { "type": "integer", "minimum": 1.0, "default": 2 } } } },
        } });
        table(&mut page, "x.spec", &object);
        assert!(
            page.contains(
                "| `a` (required) | string |  | at most 3 characters; `^a\\|b$` | One. Two. |"
            ),
            "{page}"
        );
        assert!(page.contains("| `b` | list of object |"), "{page}");
        assert!(page.contains("### x.spec.b[]"), "{page}");
        assert!(page.contains("| `c` | integer | `2` | from 1 |"), "{page}");
    }
}
