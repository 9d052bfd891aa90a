//! Knowing that an object is in sync without keeping it: one number for what we want and one for
//! what we own.
//!
//! The API server records in `managedFields` which fields of an object are ours. A foreign write to
//! one of them takes it out of our entry. So the live values at the paths of our own entry are
//! exactly what is left of our last apply, and they equal what we want if and only if nobody touched
//! it. Both sides are reduced to a 64-bit hash, which is all that is kept in memory. Defaults that
//! the server adds, and fields that others set, are outside our entry and do not matter.

use serde_json::{Map, Value};

/// The hash of what we want, from the manifest as it is sent.
#[must_use]
pub fn of_desired(body: &Value) -> u64 {
    let mut body = body.clone();
    if let Some(object) = body.as_object_mut() {
        object.remove("apiVersion");
        object.remove("kind");
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            for identity in ["name", "namespace", "uid", "resourceVersion"] {
                metadata.remove(identity);
            }
        }
    }
    hash(&body)
}

/// The hash of what we own on a live object; `None` when we own nothing.
///
/// `live` is the whole object, `manager` our field manager's name. An object that was created and
/// never applied is owned through its creation.
#[must_use]
pub fn of_live(live: &Value, manager: &str) -> Option<u64> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    if let Some(applied) = entries.iter().find(|e| is_ours(e, manager, "Apply")) {
        return Some(hash(&extract(live, applied.get("fieldsV1")?)));
    }
    let created = entries.iter().find(|e| is_ours(e, manager, "Update"))?;
    Some(hash(&extract(live, &without_servers(created.get("fieldsV1")?))))
}

/// The label that the server puts on a namespace at its creation, which counts as the creator's.
const SERVERS_LABEL: &str = "f:kubernetes.io/metadata.name";

fn without_servers(fields: &Value) -> Value {
    let mut fields = fields.clone();
    let labels = fields.pointer_mut("/f:metadata/f:labels").and_then(Value::as_object_mut);
    if let Some(labels) = labels {
        labels.remove(SERVERS_LABEL);
    }
    fields
}

fn is_ours(entry: &Value, manager: &str, operation: &str) -> bool {
    entry.get("manager").and_then(Value::as_str) == Some(manager)
        && entry.get("operation").and_then(Value::as_str) == Some(operation)
        && entry.get("subresource").is_none()
}

/// The `managedFields` of an object that `manager` created and never applied, with its creation
/// told as an apply; `None` when there is nothing to change.
#[must_use]
pub fn creation_as_applied(live: &Value, manager: &str) -> Option<Vec<Value>> {
    let mut entries = live.pointer("/metadata/managedFields")?.as_array()?.clone();
    if entries.iter().any(|e| is_ours(e, manager, "Apply")) {
        return None;
    }
    let created = entries.iter_mut().find(|e| is_ours(e, manager, "Update"))?;
    created["operation"] = "Apply".into();
    created["fieldsV1"] = without_servers(created.get("fieldsV1")?);
    Some(entries)
}

/// The hash of a part of a live object, as it stands there.
#[must_use]
pub fn of_part(live: &Value) -> u64 {
    hash(live)
}

/// The live values at the paths of a `fieldsV1` tree.
fn extract(live: &Value, fields: &Value) -> Value {
    let Some(fields) = fields.as_object().filter(|f| f.keys().any(|k| k != ".")) else {
        return match live {
            // A map or list that we own by itself, without members: what others put in is theirs.
            Value::Object(_) if fields.get(".").is_some() => Value::Object(Map::new()),
            _ => live.clone(),
        };
    };
    if fields.keys().any(|k| k.starts_with("k:") || k.starts_with("v:")) {
        return Value::Array(
            fields.iter().filter_map(|(path, sub)| item(live, path, sub)).collect(),
        );
    }
    let members = fields.iter().filter_map(|(path, sub)| {
        let name = path.strip_prefix("f:")?;
        live.get(name).map(|value| (name.to_owned(), extract(value, sub)))
    });
    Value::Object(members.collect())
}

/// One item of an associative list or a set.
fn item(live: &Value, path: &str, sub: &Value) -> Option<Value> {
    let items = live.as_array()?;
    if let Some(value) = path.strip_prefix("v:") {
        let value: Value = serde_json::from_str(value).ok()?;
        return items.contains(&value).then_some(value);
    }
    let keys: Map<String, Value> = serde_json::from_str(path.strip_prefix("k:")?).ok()?;
    let found = items.iter().find(|item| keys.iter().all(|(k, v)| item.get(k) == Some(v)))?;
    Some(extract(found, sub))
}

/// A hash that does not depend on the order of members, nor of list items that are objects: the
/// server merges those by key. A list of plain values (a command, its arguments) keeps its order.
fn hash(value: &Value) -> u64 {
    match value {
        Value::Object(members) => {
            let folded = members
                .iter()
                .map(|(name, member)| mix(fnv(b'k', name.as_bytes()), hash(member)))
                .fold(members.len() as u64, u64::wrapping_add);
            mix(1, folded)
        }
        Value::Array(items) if items.iter().all(|i| !i.is_object()) => {
            items.iter().fold(3, |folded, item| mix(3, folded ^ hash(item)))
        }
        Value::Array(items) => {
            let folded = items.iter().map(hash).fold(items.len() as u64, u64::wrapping_add);
            mix(2, folded)
        }
        Value::String(text) => fnv(b's', text.as_bytes()),
        other => fnv(b'o', other.to_string().as_bytes()),
    }
}

/// FNV-1a, which stays the same between builds and machines.
fn fnv(tag: u8, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(step(0xcbf2_9ce4_8422_2325, tag), |hash, &byte| step(hash, byte))
}

/// The finaliser of splitmix64: sums of mixed hashes do not cancel out.
fn mix(tag: u64, value: u64) -> u64 {
    let mut z = value.wrapping_add(tag.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(tag);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn desired() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "core", "namespace": "tenant-a", "labels": { "a": "1" },
                          "ownerReferences": [{ "uid": "u", "name": "a" }], "finalizers": ["x/y"] },
            "spec": { "replicas": 2, "template": { "spec": {
                "containers": [{ "name": "core", "image": "i:1", "args": ["b", "a"],
                                 "ports": [{ "containerPort": 80, "protocol": "TCP" }] }],
                "volumes": [{ "name": "tmp", "emptyDir": {} }] } } },
        })
    }

    /// What a server would store: ours plus defaults plus what others own.
    fn live() -> Value {
        let mut live = desired();
        live["metadata"]["resourceVersion"] = json!("7");
        live["metadata"]["labels"]["theirs"] = json!("2");
        live["spec"]["revisionHistoryLimit"] = json!(10);
        live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] =
            json!("IfNotPresent");
        live["spec"]["template"]["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .insert(0, json!({"name": "sidecar"}));
        live["metadata"]["managedFields"] = json!([
            { "manager": "other", "operation": "Update", "fieldsV1": {} },
            { "manager": "m", "operation": "Apply", "fieldsV1": {
                "f:metadata": { "f:labels": { "f:a": {} }, "f:ownerReferences": { "k:{\"uid\":\"u\"}": {} },
                                "f:finalizers": { "v:\"x/y\"": {} } },
                "f:spec": { "f:replicas": {}, "f:template": { "f:spec": {
                    "f:containers": { "k:{\"name\":\"core\"}": { ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                        "f:ports": { "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:containerPort": {}, "f:protocol": {} } } } },
                    "f:volumes": { "k:{\"name\":\"tmp\"}": { ".": {}, "f:name": {}, "f:emptyDir": {} } } } } },
            } },
        ]);
        live
    }

    #[test]
    fn what_the_server_keeps_of_us_equals_what_we_sent() {
        assert_eq!(of_live(&live(), "m"), Some(of_desired(&desired())));
    }

    #[test]
    fn a_field_that_left_our_entry_shows() {
        let mut stolen = live();
        stolen["spec"]["replicas"] = json!(5);
        let fields = stolen.pointer_mut("/metadata/managedFields/1/fieldsV1/f:spec").unwrap();
        fields.as_object_mut().unwrap().remove("f:replicas");
        assert_ne!(of_live(&stolen, "m"), Some(of_desired(&desired())));
    }

    #[test]
    fn a_change_of_what_we_want_shows() {
        let mut wanted = desired();
        wanted["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2");
        assert_ne!(of_live(&live(), "m"), Some(of_desired(&wanted)));
    }

    #[test]
    fn the_order_of_arguments_counts() {
        let mut wanted = desired();
        wanted["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["a", "b"]);
        assert_ne!(of_live(&live(), "m"), Some(of_desired(&wanted)));
    }

    #[test]
    fn what_was_only_created_is_ours_and_becomes_applied() {
        let mut created = live();
        created["metadata"]["managedFields"][1]["operation"] = json!("Update");
        created["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!("core");
        created["metadata"]["managedFields"][1]["fieldsV1"]["f:metadata"]["f:labels"]["f:kubernetes.io/metadata.name"] =
            json!({});
        assert_eq!(of_live(&created, "m"), Some(of_desired(&desired())));
        let entries = creation_as_applied(&created, "m").unwrap();
        assert_eq!(Value::Array(entries), live()["metadata"]["managedFields"]);
        assert_eq!(creation_as_applied(&live(), "m"), None);
        assert_eq!(creation_as_applied(&live(), "nobody"), None);
        // What goes through a subresource is no creation.
        created["metadata"]["managedFields"][1]["subresource"] = json!("status");
        assert_eq!(of_live(&created, "m"), None);
    }

    #[test]
    fn an_object_that_is_not_ours_has_no_fingerprint() {
        assert_eq!(of_live(&live(), "nobody"), None);
    }
}
