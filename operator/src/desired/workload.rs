//! The objects around a pod that all components make alike: account, Service, Deployment, claim.

use crds::{Quantity, deployment_profile::Port};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Stack, meta,
    pod::{self, Pod},
};
use crate::{kinds::Kind, object::Object};

/// How a Deployment replaces its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The old pod goes before the new one comes: for storage with one writer.
    Recreate,
    /// Pods beyond the wished number, and pods that may be missing, while rolling.
    Rolling {
        /// How many more.
        surge: u8,
        /// How many fewer.
        unavailable: u8,
    },
}

impl Strategy {
    fn render(self) -> Value {
        match self {
            Self::Recreate => json!({ "type": "Recreate" }),
            Self::Rolling { surge, unavailable } => json!({
                "type": "RollingUpdate",
                "rollingUpdate": { "maxSurge": surge, "maxUnavailable": unavailable },
            }),
        }
    }
}

/// The component's own ServiceAccount; it has no rights and mounts no token by itself.
#[must_use]
pub fn account(stack: &Stack, component: &str) -> Object {
    let fields = json!({ "automountServiceAccountToken": false });
    named(stack, component, Kind::ServiceAccount, fields)
}

/// A Deployment; without `replicas` the number is somebody else's.
#[must_use]
pub fn deployment(
    stack: &Stack,
    pod: &Pod<'_>,
    replicas: Option<u16>,
    strategy: Strategy,
) -> Object {
    let spec = json!({
        "replicas": replicas,
        "revisionHistoryLimit": 2,
        "progressDeadlineSeconds": 600,
        "strategy": strategy.render(),
        "selector": { "matchLabels": meta::selector(pod.component) },
        "template": pod::template(stack, pod),
    });
    named(stack, pod.component, Kind::Deployment, json!({ "spec": meta::present(spec) }))
}

/// A Service inside the cluster under the component's name; the pod's ports are called alike.
#[must_use]
pub fn service(stack: &Stack, component: &str, ports: &[Port]) -> Object {
    let ports: Vec<Value> = ports
        .iter()
        .map(|p| {
            json!({ "name": p.name, "port": p.port, "targetPort": p.name, "protocol": p.protocol })
        })
        .collect();
    let spec =
        json!({ "type": "ClusterIP", "selector": meta::selector(component), "ports": ports });
    named(stack, component, Kind::Service, json!({ "spec": spec }))
}

/// A claim with one writer.
#[must_use]
pub fn claim(
    stack: &Stack,
    component: &str,
    name: &str,
    size: Quantity,
    class: Option<&str>,
) -> Object {
    let spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": class,
        "resources": { "requests": { "storage": size } },
    });
    let fields = json!({ "spec": meta::present(spec) });
    meta::object(stack, component, Kind::PersistentVolumeClaim, name, fields)
}

/// A ConfigMap under the component's name, and the checksum that rolls the pods which read it.
#[must_use]
pub fn config(stack: &Stack, component: &str, files: &[(&str, &str)]) -> (Object, String) {
    let mut hash = Sha256::new();
    let mut data = json!({});
    for (name, text) in files {
        data[*name] = (*text).into();
        // Lengths go in too, or text could move from one file to the next unseen.
        for part in [*name, *text] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let checksum = format!("{:x}", hash.finalize()).chars().take(16).collect();
    (named(stack, component, Kind::ConfigMap, json!({ "data": data })), checksum)
}

/// An object under the component's name.
#[must_use]
pub fn named(stack: &Stack, component: &str, kind: Kind, fields: Value) -> Object {
    meta::object(stack, component, kind, &meta::child_name(component), fields)
}
