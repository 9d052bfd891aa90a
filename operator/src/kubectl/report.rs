//! What support needs of a tenant, without what nobody else may know. Pure.
//!
//! Secrets are never read. Of the rest goes what holds a customer's words, addresses or values that
//! might be secret: contact, onboarding, environment, configuration, arguments that look like it.

use serde_json::{Map, Value, json};

use super::scene::Recorded;

/// What stands where something was taken out.
const REDACTED: &str = "(redacted)";
/// Annotations that hold whole objects, or what only machines read.
const NOISE: [&str; 2] =
    ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"];
/// An argument with one of these words before its value is not shown.
const SUSPECT: [&str; 6] = ["pass", "secret", "token", "key", "credential", "authorization"];

/// The bundle: what was read, redacted, with what the plugin makes of it.
#[must_use]
pub fn bundle(recorded: &Recorded, why: &impl serde::Serialize, version: &str, at: &str) -> Value {
    let mut read = serde_json::to_value(recorded).unwrap_or_default();
    // What other tenants are is nothing that this one's support needs.
    if let Some(members) = read.as_object_mut() {
        members.remove("others");
    }
    redact(&mut read);
    json!({
        "about": "A support bundle of kubectl tenant: no Secret, no environment, no configuration, no contact.",
        "made": at,
        "plugin": version,
        "why": serde_json::to_value(why).unwrap_or_default(),
        "read": read,
    })
}

fn redact(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(members) => {
            members_of(members);
            members.values_mut().for_each(redact);
        }
        _ => {}
    }
}

fn members_of(members: &mut Map<String, Value>) {
    for (name, value) in members.iter_mut() {
        match name.as_str() {
            "contact" | "onboarding" | "data" | "binaryData" | "stringData" => hide(name, value),
            "env" => values_of(value),
            "args" | "command" => arguments(value),
            "annotations" => annotations(value),
            "managedFields" => managers(value),
            _ => {}
        }
    }
}

/// A revision's data is a profile's spec, which is what the bundle is about; any other is not shown.
fn hide(name: &str, value: &mut Value) {
    if name == "data" && value.get("digest").is_some() {
        return;
    }
    *value = match value {
        Value::Object(members) if name != "contact" && name != "onboarding" => {
            let shown = members.keys().map(|key| (key.clone(), REDACTED.into()));
            Value::Object(shown.collect())
        }
        _ => REDACTED.into(),
    };
}

/// Names of variables stay, their values go.
fn values_of(list: &mut Value) {
    for variable in list.as_array_mut().into_iter().flatten() {
        if let Some(value) = variable.get_mut("value") {
            *value = REDACTED.into();
        }
    }
}

fn arguments(list: &mut Value) {
    let mut hide_next = false;
    for argument in list.as_array_mut().into_iter().flatten() {
        let text = argument.as_str().unwrap_or_default().to_owned();
        if hide_next {
            *argument = REDACTED.into();
            hide_next = false;
        } else if let Some(shown) = argument_shown(&text) {
            *argument = shown.into();
        } else {
            hide_next = is_suspect(&text) && text.starts_with('-');
        }
    }
}

fn is_suspect(text: &str) -> bool {
    let lower = text.to_lowercase();
    SUSPECT.iter().any(|word| lower.contains(word))
}

/// What is shown of an argument that holds what is nobody's business; nothing when it may stay. An address
/// may have a user and a password before its host; a script has options and their values in one argument.
fn argument_shown(text: &str) -> Option<String> {
    let address = text.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    let suspect = is_suspect(text);
    let is_name = |name: &str| !name.contains(char::is_whitespace) && !name.contains("://");
    match text.split_once('=') {
        Some((name, _)) if (suspect || address) && is_name(name) => {
            Some(format!("{name}={REDACTED}"))
        }
        _ => {
            (address || suspect && text.contains(char::is_whitespace)).then(|| REDACTED.to_owned())
        }
    }
}

fn annotations(notes: &mut Value) {
    for (name, value) in notes.as_object_mut().into_iter().flatten() {
        let people = name.contains("contact") || name.contains("display-name");
        if people || NOISE.contains(&name.as_str()) {
            *value = REDACTED.into();
        }
    }
}

/// Who wrote is kept; which fields, only by the first words of their paths.
fn managers(list: &mut Value) {
    for entry in list.as_array_mut().into_iter().flatten() {
        if let Some(fields) = entry.get_mut("fieldsV1") {
            let first = fields.as_object().into_iter().flat_map(|fields| fields.keys().cloned());
            *fields = first.map(Value::from).collect::<Vec<_>>().into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::{
        as_yaml,
        recording::{golden, whole},
    };

    #[test]
    fn nothing_that_is_nobody_elses_business_is_in_the_bundle() {
        let mut recorded = whole();
        recorded.tenant["spec"]["contact"] =
            json!({ "name": "Jane Roe", "email": "jane@acme.example" });
        recorded.tenant["spec"]["onboarding"] = json!({ "useCase": "the Hush case" });
        recorded.tenant["metadata"]["annotations"] = json!({
            "kubectl.kubernetes.io/last-applied-configuration": "{\"email\":\"jane@acme.example\"}" });
        recorded.objects.push(
            json!({ "kind": "ConfigMap", "metadata": { "name": "c" }, "data": { "a": "hush-1" } }),
        );
        recorded.others = vec![json!({ "metadata": { "name": "borealis" } })];
        let container = &mut recorded.pods[0]["spec"]["containers"][0];
        container["env"] = json!([{ "name": "API_TOKEN", "value": "hush-2" }]);
        container["args"] = json!([
            "serve",
            "--api-key=hush-3",
            "--password",
            "hush-4",
            "--port",
            "80",
            "--dsn=postgres://app:hush-5@db/x",
            "--store",
            "https://hush-6@store.example",
            "--header=Authorization: Bearer hush-7",
            "--peers=https://a.example"
        ]);
        container["command"] = json!(["sh", "-c", "run --password hush-8 --user=hush-9"]);
        let text = bundle(&recorded, &json!({ "headline": "why" }), "0.1.0", "now").to_string();
        for word in ["jane", "Jane", "Hush", "hush", "borealis"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
        // What support asks for is there.
        for word in [
            "\"API_TOKEN\"",
            "--api-key=(redacted)",
            "--dsn=(redacted)",
            "\"--store\",\"(redacted)\"",
            "--peers=https://a.example",
            "\"sh\",\"-c\",\"(redacted)\"",
            "--port",
            "\"80\"",
            "prod@7",
            "headline",
            "managedFields",
        ] {
            assert!(text.contains(word), "{word} is gone");
        }
    }

    /// Of the objects one, and one pod: the others are of the same form.
    #[test]
    fn a_bundle_reads_as_committed() {
        let mut recorded = whole();
        recorded.tenant["spec"]["contact"] =
            json!({ "name": "Jane Roe", "email": "jane@acme.example" });
        // What goes up with each change of what is rendered is not of this.
        recorded.tenant["status"]["profileRevision"]["renderer"] = 1.into();
        recorded.pods.truncate(1);
        recorded.revisions.clear();
        recorded.profile = None;
        recorded.objects.retain(|object| object["kind"] == "ServiceAccount");
        recorded.objects.truncate(1);
        let why = json!({ "headline": "acme is Ready" });
        let text = as_yaml(&bundle(&recorded, &why, "0.1.0", "2026-11-29T10:00:00Z")).unwrap();
        golden("report.yaml", &text);
    }

    #[test]
    fn a_revision_stays_but_for_its_environment() {
        let mut recorded = whole();
        recorded.revisions[0]["data"]["spec"]["services"][0]["env"] =
            json!([{ "name": "A", "value": "hush" }]);
        let bundle = bundle(&recorded, &json!(null), "0.1.0", "now");
        let spec = &bundle["read"]["revisions"][0]["data"]["spec"];
        assert_eq!(spec["services"][0]["image"], "tenantry.dev/sample:0.1.0");
        assert_eq!(spec["services"][0]["env"][0]["value"], REDACTED);
    }
}
