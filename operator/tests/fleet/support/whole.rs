//! All that belongs to a tenant, without what differs from one run to the next.

use std::collections::BTreeMap;

use futures::future::join_all;
use operator::kinds::Kind;
use serde_json::{Value, json};

use super::{
    begun::begun,
    lab::{Lab, SYSTEM},
};

/// Members whose values no two runs share.
const MASKED: [&str; 12] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "lastTransitionTime",
    "time",
    "clusterIP",
    "clusterIPs",
    "volumeName",
    "volume.kubernetes.io/selected-node",
    // A hash of texts that name the tenant; that it fits them is what the operator checks.
    "tenantry.dev/config-checksum",
    TENANT_UID,
];

/// The annotation of what holds data.
const TENANT_UID: &str = "tenantry.dev/tenant-uid";

/// Tenant, profile of the same name with its revisions, namespace, and all in it of the kinds that a
/// stack is made of, whoever made it; of replica sets their number. Generated values are masked.
pub async fn whole(lab: &Lab, name: &str) -> BTreeMap<String, Value> {
    let namespace = format!("tenant-{name}");
    let tenant = lab.tenant(name).await;
    let within = lab.api.get("namespaces", "", &namespace).await;
    // What is kept names the tenant that is gone.
    let kept = within.as_ref().ok().map(|ns| &ns["metadata"]["annotations"][TENANT_UID]);
    let uid = tenant["metadata"]["uid"].as_str().or(kept.and_then(Value::as_str));
    let uid = uid.unwrap_or_default().to_owned();
    let mut all = BTreeMap::new();
    let mut add = |plural: &str, object: &Value| {
        let plain = plain(plural, object, name, &uid);
        let key = format!("{plural}/{}", plain["metadata"]["name"].as_str().unwrap_or_default());
        all.insert(key, plain);
    };
    for (plural, object) in [
        ("tenants", Ok(tenant)),
        ("deploymentprofiles", Ok(lab.profile(name).await)),
        ("namespaces", within),
    ] {
        if let Some(object) = object.ok().filter(|o| !o.is_null()) {
            add(plural, &object);
        }
    }
    let query = format!("labelSelector=tenantry.dev/profile={name}");
    for revision in lab.api.list("controllerrevisions", SYSTEM, &query).await {
        add("controllerrevisions", &revision);
    }
    let kinds = Kind::ALL.into_iter().filter(|k| *k != Kind::Namespace);
    let plurals: Vec<&str> = kinds.map(|k| k.resource().plural).chain(["replicasets"]).collect();
    let lists = join_all(plurals.iter().map(|p| lab.api.list(p, &namespace, ""))).await;
    let mut sets: BTreeMap<String, u64> = BTreeMap::new();
    for (plural, items) in plurals.into_iter().zip(lists) {
        for item in items {
            if plural == "replicasets" {
                let owner = item["metadata"]["ownerReferences"][0]["name"].to_string();
                *sets.entry(owner).or_default() += 1;
            } else {
                add(plural, &item);
            }
        }
    }
    all.insert("replicasets".to_owned(), json!(sets));
    all
}

fn plain(plural: &str, object: &Value, name: &str, uid: &str) -> Value {
    let mut object = object.clone();
    let ours = matches!(plural, "tenants" | "deploymentprofiles");
    if let Some(members) = object.as_object_mut()
        && !ours
    {
        members.remove("status");
    }
    if let Some(entries) = object.pointer_mut("/metadata/managedFields") {
        managers(entries, ours);
    }
    if let (true, Some(data)) = (plural == "secrets", object["data"].as_object_mut()) {
        data.values_mut().for_each(|value| *value = "*".into());
    }
    mask(&mut object);
    begun(&mut object);
    let mut text = object.to_string().replace(name, "NAME");
    if !uid.is_empty() {
        // It is in the keys of managed fields too.
        text = text.replace(uid, "UID");
    }
    serde_json::from_str(&text).expect("still JSON")
}

/// Who owns what: in an order of its own, as the server sorts by time. Statuses of others' kinds are
/// their controllers' matter.
fn managers(entries: &mut Value, with_status: bool) {
    let Some(entries) = entries.as_array_mut() else { return };
    entries.retain(|e| with_status || e.get("subresource").is_none());
    entries.sort_by_key(|e| format!("{} {} {}", e["manager"], e["operation"], e["subresource"]));
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if MASKED.contains(&name.as_str()) {
                    *member = "*".into();
                } else {
                    mask(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

/// What differs, in words; empty when nothing does.
pub fn difference(left: &BTreeMap<String, Value>, right: &BTreeMap<String, Value>) -> String {
    let mut words = Vec::new();
    for key in left.keys().chain(right.keys().filter(|k| !left.contains_key(*k))) {
        match (left.get(key), right.get(key)) {
            (Some(left), Some(right)) => values(key, left, right, &mut words),
            (Some(_), None) => words.push(format!("{key}: missing")),
            (None, _) => words.push(format!("{key}: surplus")),
        }
    }
    words.join("\n")
}

fn values(path: &str, left: &Value, right: &Value, words: &mut Vec<String>) {
    match (left, right) {
        _ if left == right => {}
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))) {
                let of = |members: &serde_json::Map<String, Value>| {
                    members.get(name).cloned().unwrap_or_default()
                };
                values(&format!("{path}.{name}"), &of(a), &of(b), words);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                values(&format!("{path}[{index}]"), a, b, words);
            }
        }
        _ => words.push(format!("{path}: {left} became {right}")),
    }
}
