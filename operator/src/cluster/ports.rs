//! Ports that somebody else put in the place of ours.
//!
//! The API server merges a list of ports by number and protocol. So where a port of ours was given
//! another number, an apply puts ours beside the other one, which its writer still holds, and the
//! result may be invalid: two ports of one name, or one of two without a name. The object then
//! stays refused although nobody but us wants the field. Ports are the only lists of our kinds
//! whose key is not also their name.

use serde_json::{Value, json};

use super::{ApiError, Cluster, Target};
use crate::{kinds::Kind, object::Key};

impl Cluster {
    /// Applies once more after the server refused it, without the ports that are in the way.
    ///
    /// Three writes, none of which makes us a second owner of our own ports (a port that we own
    /// twice would outlive its removal from the profile): the others get names that clash with
    /// nothing, ours are applied beside them, the others are taken out.
    pub(super) async fn apply_over_ports(
        &self,
        at: Target<'_>,
        key: &Key,
        uid: &str,
        body: &Value,
        refusal: String,
    ) -> Result<(), ApiError> {
        let live = self.read(at.namespace, key).await?;
        let Some(renamed) = others(key.kind, body, &live, Others::Rename) else {
            return Err(ApiError::Rejected(refusal));
        };
        self.merge(at, key, &pinned(renamed, uid, &live)).await?;
        self.apply(at, key, Some(uid), body, super::FIELD_MANAGER).await?;
        let live = self.read(at.namespace, key).await?;
        match others(key.kind, body, &live, Others::Remove) {
            Some(without) => self.merge(at, key, &pinned(without, uid, &live)).await,
            None => Ok(()),
        }
    }
}

/// The patch for exactly this object at exactly this version.
fn pinned(mut patch: Value, uid: &str, live: &Value) -> Value {
    let version = live.pointer("/metadata/resourceVersion");
    patch["metadata"] = json!({ "uid": uid, "resourceVersion": version });
    patch
}

#[derive(Clone, Copy, PartialEq)]
enum Others {
    Rename,
    Remove,
}

/// A merge patch that does this to every port that we did not ask for; `None` when there is none.
fn others(kind: Kind, wanted: &Value, live: &Value, what: Others) -> Option<Value> {
    match kind {
        Kind::Service => {
            let ports = "/spec/ports";
            let list = changed(wanted.pointer(ports)?, live.pointer(ports)?, "port", what)?;
            Some(json!({ "spec": { "ports": list } }))
        }
        Kind::Deployment => {
            let pointer = "/spec/template/spec/containers";
            let wanted = wanted.pointer(pointer)?.as_array()?;
            let mut containers = live.pointer(pointer)?.clone();
            let mut any = false;
            for container in containers.as_array_mut()? {
                let ours = wanted.iter().find(|w| w.get("name") == container.get("name"));
                let (Some(ours), Some(ports)) = (ours, container.get("ports")) else { continue };
                let none = json!([]);
                let ours = ours.get("ports").unwrap_or(&none);
                if let Some(list) = changed(ours, ports, "containerPort", what) {
                    container["ports"] = list;
                    any = true;
                }
            }
            any.then(|| json!({ "spec": { "template": { "spec": { "containers": containers } } } }))
        }
        _ => None,
    }
}

fn changed(wanted: &Value, live: &Value, number: &str, what: Others) -> Option<Value> {
    let id = |port: &Value| {
        (port.get(number).cloned(), port.get("protocol").cloned().unwrap_or_else(|| "TCP".into()))
    };
    let ours: Vec<_> = wanted.as_array()?.iter().map(id).collect();
    let (mut list, mut any) = (Vec::new(), false);
    for (index, port) in live.as_array()?.iter().enumerate() {
        if ours.contains(&id(port)) {
            list.push(port.clone());
            continue;
        }
        any = true;
        if what == Others::Rename {
            let mut port = port.clone();
            port["name"] = format!("undo-{index}").into();
            list.push(port);
        }
    }
    any.then_some(Value::Array(list))
}

#[cfg(test)]
mod tests;
