//! The schemas of both resources: bounds on everything, words on everything, nothing that the API
//! server warns of; and the committed manifests are these types.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use serde_json::Value;

fn schemas() -> Vec<(String, Value)> {
    crds::all()
        .into_iter()
        .map(|(file, crd)| {
            let crd = serde_json::to_value(&crd).unwrap();
            let schema = crd.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap();
            (file.to_owned(), schema.clone())
        })
        .collect()
}

/// Calls `look` with the path and the schema of every field below `schema`.
fn walk(path: &str, schema: &Value, look: &mut dyn FnMut(&str, &Value, bool)) {
    let members = schema["properties"].as_object().into_iter().flatten();
    for (name, member) in members {
        let path = format!("{path}.{name}");
        look(&path, member, true);
        walk(&path, member, look);
    }
    for (below, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if let Some(member) = schema.get(below).filter(|m| m.is_object()) {
            let path = format!("{path}{mark}");
            look(&path, member, false);
            walk(&path, member, look);
        }
    }
}

fn every_field(look: &mut dyn FnMut(&str, &Value, bool)) -> usize {
    let mut seen = 0;
    for (file, schema) in schemas() {
        for part in ["spec", "status"] {
            let path = format!("{file}: {part}");
            walk(&path, &schema["properties"][part], &mut |path, field, named| {
                seen += 1;
                look(path, field, named);
            });
        }
    }
    seen
}

fn unbounded(field: &Value) -> Option<&'static str> {
    let has = |name: &str| field.get(name).is_some();
    let number_or_text = field["x-kubernetes-int-or-string"] == true;
    match field["type"].as_str() {
        Some("string") if !has("maxLength") && !has("enum") && field["format"] != "date-time" => {
            Some("a string without maxLength, enum or format")
        }
        None if number_or_text && !has("maxLength") => Some("no maxLength for the text"),
        Some("array") if !has("maxItems") => Some("a list without maxItems"),
        Some("object") if has("additionalProperties") && !has("maxProperties") => {
            Some("a map without maxProperties")
        }
        Some("object") if !has("additionalProperties") && !has("properties") => {
            Some("an object of anything")
        }
        Some("integer") if !has("minimum") || !has("maximum") => Some("a number without bounds"),
        None if !number_or_text => Some("no type"),
        _ => None,
    }
}

#[test]
fn everything_that_people_write_has_a_bound() {
    let mut bad = Vec::new();
    let seen = every_field(&mut |path, field, _| {
        // What stands in a status is ours.
        if path.contains(".yaml: spec")
            && let Some(why) = unbounded(field)
        {
            bad.push(format!("{path}: {why}"));
        }
    });
    assert!(seen > 200, "only {seen} fields were looked at");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn the_lint_sees_what_has_no_bound() {
    for field in [
        serde_json::json!({ "type": "string" }),
        serde_json::json!({ "type": "array", "items": {} }),
        serde_json::json!({ "type": "object", "additionalProperties": {} }),
        serde_json::json!({ "type": "object" }),
        serde_json::json!({ "type": "integer", "minimum": 0 }),
        serde_json::json!({ "x-kubernetes-int-or-string": true }),
        serde_json::json!({}),
    ] {
        assert!(unbounded(&field).is_some(), "{field}");
    }
}

#[test]
fn every_field_is_explained_and_never_null() {
    let mut bad = Vec::new();
    every_field(&mut |path, field, named| {
        if named && field["description"].as_str().is_none_or(|d| d.trim().len() < 4) {
            bad.push(format!("{path}: no description"));
        }
        let text = field["description"].as_str().unwrap_or_default();
        if text.replace("\n\n", "").contains('\n') {
            bad.push(format!("{path}: a line break that kubectl explain would keep"));
        }
        if field.get("nullable").is_some() {
            bad.push(format!("{path}: nullable"));
        }
    });
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn only_formats_that_the_api_server_knows() {
    let mut formats = std::collections::BTreeSet::new();
    every_field(&mut |_, field, _| {
        formats.extend(field["format"].as_str().map(str::to_owned));
    });
    let known = ["date-time", "int32", "int64"].map(str::to_owned);
    assert!(formats.iter().all(|f| known.contains(f)), "{formats:?}");
    assert!(formats.contains("int64"), "formats that are known stay");
}

#[test]
fn lists_say_how_they_merge() {
    let mut bad = Vec::new();
    every_field(&mut |path, field, _| {
        if field["type"] == "array" && field.get("x-kubernetes-list-type").is_none() {
            bad.push(path.to_owned());
        }
    });
    // Two lists of plain texts in the status, written whole by one manager.
    bad.retain(|path| !path.contains(": status."));
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn defaults_stand_in_the_schema() {
    let schemas = schemas();
    let tenant = &schemas[0].1["properties"]["spec"]["properties"];
    assert_eq!(tenant["suspend"]["default"], false);
    assert_eq!(tenant["deletionPolicy"]["default"], "Retain");
    let profile = &schemas[1].1["properties"]["spec"]["properties"];
    assert_eq!(profile["rollout"]["properties"]["maxInFlight"]["default"], "10%");
    assert_eq!(profile["rollout"]["properties"]["haltAfterFailures"]["default"], 3);
    assert_eq!(profile["network"]["properties"]["isolation"]["default"], true);
}

#[test]
fn both_are_cluster_scoped_with_names_status_and_columns() {
    for (file, crd) in crds::all() {
        assert_eq!(crd.spec.scope, "Cluster", "{file}");
        assert!(crd.spec.names.short_names.is_some(), "{file}");
        assert_eq!(crd.spec.names.categories, Some(vec!["tenantry".to_owned()]), "{file}");
        let version = &crd.spec.versions[0];
        assert!(version.subresources.as_ref().is_some_and(|s| s.status.is_some()), "{file}");
        let columns = version.additional_printer_columns.as_ref().unwrap();
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        assert!(names.contains(&"Ready") && names.contains(&"Age"), "{file}: {names:?}");
    }
}

#[test]
fn the_committed_manifests_are_these_types() {
    for (file, crd) in crds::all() {
        let path = format!("{}/generated/{file}", env!("CARGO_MANIFEST_DIR"));
        let committed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            committed,
            crds::manifest::yaml(&crd).unwrap(),
            "{file} is out of date; run scripts/generate.sh"
        );
    }
}
