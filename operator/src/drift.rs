//! Who changed what on an object of ours: field, manager, operation, time. Pure.

use serde_json::Value;

use crate::reduce::FIELD_MANAGER;

/// A foreign change of a field that we own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The field's path, such as `spec.replicas`.
    pub field: String,
    /// The field manager that wrote it.
    pub manager: String,
    /// `Update` or `Apply`.
    pub operation: String,
    /// When, in RFC 3339, or empty.
    pub time: String,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} was changed by {} ({}", self.field, self.manager, self.operation)?;
        // The API server keeps no time for a write through the scale subresource.
        if self.time.is_empty() { f.write_str(")") } else { write!(f, ", {})", self.time) }
    }
}

/// The first field of `wanted` that `live` holds otherwise, and who wrote it last.
#[must_use]
pub fn describe(wanted: &Value, live: &Value) -> Option<Change> {
    let mut path = Vec::new();
    if !differs(wanted, live, &mut path) {
        return None;
    }
    let writer = writer(live)?;
    let of = |name: &str| writer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Change {
        field: path.join("."),
        manager: of("manager"),
        operation: of("operation"),
        time: of("time"),
    })
}

/// The newest entry of `managedFields` that is neither ours nor of a controller's status.
fn writer(live: &Value) -> Option<&Value> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let foreign = entries.iter().filter(|e| {
        e.get("manager").and_then(Value::as_str) != Some(FIELD_MANAGER)
            && e.get("subresource").and_then(Value::as_str) != Some("status")
    });
    foreign.max_by_key(|e| e.get("time").and_then(Value::as_str).unwrap_or_default())
}

/// Leaves the path of the first difference in `path`.
fn differs(wanted: &Value, live: &Value, path: &mut Vec<String>) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), _) => wanted.iter().any(|(name, value)| {
            if path.is_empty() && matches!(name.as_str(), "apiVersion" | "kind") {
                return false;
            }
            path.push(name.clone());
            let different = live.get(name).is_none_or(|live| differs(value, live, path));
            if !different {
                path.pop();
            }
            different
        }),
        (Value::Array(items), Value::Array(live)) => {
            items.iter().enumerate().any(|(index, item)| {
                let name = item.get("name");
                let twin = match name {
                    Some(name) => live.iter().find(|l| l.get("name") == Some(name)),
                    None => live.get(index),
                };
                let label =
                    name.and_then(Value::as_str).map_or_else(|| index.to_string(), str::to_owned);
                path.push(format!("[{label}]"));
                let different = twin.is_none_or(|twin| differs(item, twin, path));
                if !different {
                    path.pop();
                }
                different
            })
        }
        (wanted, live) => wanted != live,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_field_and_writer() {
        let wanted = json!({ "kind": "Deployment", "spec": { "containers": [{ "name": "core", "image": "a" }] } });
        let live = json!({
            "metadata": { "managedFields": [
                { "manager": "kubectl-edit", "operation": "Update", "time": "2026-11-23T10:00:00Z" },
                { "manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "time": "2026-11-23T11:00:00Z" },
                { "manager": FIELD_MANAGER, "operation": "Apply", "time": "2026-11-23T12:00:00Z" },
            ] },
            "spec": { "containers": [{ "name": "sidecar" }, { "name": "core", "image": "b" }] },
        });
        let change = describe(&wanted, &live).unwrap();
        assert_eq!(
            change.to_string(),
            "spec.containers.[core].image was changed by kubectl-edit (Update, 2026-11-23T10:00:00Z)"
        );
        assert_eq!(describe(&json!({ "spec": {} }), &live), None);
    }
}
