//! What bodies are made of.

use std::fmt::Write as _;

use serde_json::Value;

use super::cell;

/// A schema's name with the way to it, or what kind of value it is.
pub fn named(schema: &Value) -> String {
    match reference(schema) {
        Some(name) => format!("[{name}](#{})", name.to_ascii_lowercase()),
        None => kind(schema),
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().map(|path| path.rsplit('/').next().unwrap())
}

/// `string, 3 to 3 characters`, `list of [Plan](#plan)` and so on.
pub fn kind(schema: &Value) -> String {
    if reference(schema).is_some() {
        return named(schema);
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(ways) = schema[key].as_array() {
            let ways: Vec<String> = ways.iter().map(kind).filter(|way| !way.is_empty()).collect();
            return ways.join(" or ");
        }
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let mut words: Vec<String> = types.iter().map(|name| of_type(name, schema)).collect();
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> =
            values.iter().map(|value| format!("`{}`", plain(value))).collect();
        words = vec![values.join(", ")];
    }
    if let Some(value) = schema.get("const") {
        words = vec![format!("`{}`", plain(value))];
    }
    words.join(" or ") + &bounds(schema)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn of_type(name: &str, schema: &Value) -> String {
    match name {
        "array" => format!("list of {}", named(&schema["items"])),
        "object" => match schema.get("additionalProperties").filter(|inner| inner.is_object()) {
            Some(inner) => format!("map to {}", named(inner)),
            None => "object".to_owned(),
        },
        "string" => match schema["format"].as_str() {
            Some("date-time") => "time (RFC 3339)".to_owned(),
            Some(format) => format!("string ({format})"),
            None => "string".to_owned(),
        },
        other => other.to_owned(),
    }
}

fn bounds(schema: &Value) -> String {
    let mut out = String::new();
    for (least, most, unit) in [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " entries"),
        ("minProperties", "maxProperties", " entries"),
    ] {
        match (schema.get(least), schema.get(most)) {
            (Some(least), Some(most)) => write!(out, ", {least} to {most}{unit}").unwrap(),
            (Some(least), None) => write!(out, ", at least {least}{unit}").unwrap(),
            (None, Some(most)) => write!(out, ", at most {most}{unit}").unwrap(),
            (None, None) => {}
        }
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        write!(out, ", like `{}`", cell(pattern)).unwrap();
    }
    out
}

pub fn section(document: &Value) -> String {
    let mut out = String::from(
        "\n## Bodies\n\nA field without a mark is always there, or has to be given; *may be left out* says otherwise.\n",
    );
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        write!(out, "\n### {name}\n\n").unwrap();
        if let Some(told) = schema["description"].as_str() {
            writeln!(out, "{}\n", cell(told)).unwrap();
        }
        // Its values stand in a table of their own, with what each means.
        match name.as_str() {
            "ProblemType" => {
                out.push_str("One of [KnownProblemType](#knownproblemtype), or another.\n");
            }
            "KnownProblemType" => out.push_str("The codes are those of [problems](#problems).\n"),
            _ => one(&mut out, schema),
        }
    }
    out
}

fn one(out: &mut String, schema: &Value) {
    if let Some(ways) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        for way in ways {
            let told = way["description"].as_str().map(cell).unwrap_or_default();
            if way["properties"].is_object() {
                writeln!(out, "{told}\n").unwrap();
                fields(out, way);
                out.push('\n');
            } else {
                writeln!(out, "- {} {told}", kind(way)).unwrap();
            }
        }
        return;
    }
    if schema["properties"].is_object() {
        fields(out, schema);
    } else {
        writeln!(out, "{}", kind(schema)).unwrap();
    }
}

fn fields(out: &mut String, schema: &Value) {
    let empty = Vec::new();
    let required = schema["required"].as_array().unwrap_or(&empty);
    out.push_str("| field | | |\n|---|---|---|\n");
    for (name, field) in schema["properties"].as_object().unwrap() {
        let told = field["description"].as_str().map(cell).unwrap_or_default();
        let left_out = if required.iter().any(|one| one == name.as_str()) {
            ""
        } else {
            " *May be left out.*"
        };
        writeln!(out, "| `{name}` | {} | {told}{left_out} |", kind(field)).unwrap();
    }
}
