//! Labels, owner references, names and annotations: the only place where they are made.

use serde_json::{Value, json};

use super::Stack;
use crate::{
    kinds::Kind,
    object::{Key, Object},
};

/// The label value by which we watch what we made.
pub const MANAGED_BY: &str = "tenantry";
/// The label that says who manages an object.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// The label that names a pod's or object's component.
pub const COMPONENT_LABEL: &str = "tenantry.dev/component";
/// The label that names the tenant.
pub const TENANT_LABEL: &str = "tenantry.dev/tenant";
/// Who runs the cluster sets it to `true` on the namespace of the Prometheus that reads gateways.
pub const READS_METRICS_LABEL: &str = "tenantry.dev/reads-metrics";
/// The annotation with the tenant's uid, on objects that hold data.
pub const TENANT_UID: &str = "tenantry.dev/tenant-uid";
/// The annotation on the namespace with the account in the ledger that its usage is kept under, so
/// that who takes the stack over finds it.
pub const ACCOUNT_ID: &str = "tenantry.dev/account-id";
/// The label of objects with data that the stack no longer uses.
pub const RETAINED_LABEL: &str = "tenantry.dev/retained";
/// The annotation on a retained namespace that asks for its removal; its value is the uid.
pub const PURGE: &str = "tenantry.dev/purge";
/// Annotation on a Tenant that is being deleted: its uid as value gives up the usage that its gateway
/// still holds.
pub const DISCARD_SPOOL: &str = "tenantry.dev/discard-spool";
/// The annotation on a pod that changes with its configuration, so that an edit is rolled.
pub const CONFIG_CHECKSUM: &str = "tenantry.dev/config-checksum";
/// The annotation on a pod with the volumes that the cluster autoscaler may empty. Without it a node
/// that runs the pod is never removed: its default is to spare whatever has local storage.
pub const EVICTABLE_VOLUMES: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";
/// The annotation on a Deployment that remembers an autoscaler's replicas while suspended.
pub const PARKED_REPLICAS: &str = "tenantry.dev/replicas-before-suspend";

/// The component of what protects the namespace rather than runs in it.
pub const GUARD_RAILS: &str = "guard-rails";
/// The usage gateway.
pub const GATEWAY: &str = "gateway";
/// The OpenTelemetry collector.
pub const COLLECTOR: &str = "collector";
/// The metrics store.
pub const METRICS: &str = "metrics";
/// The tenant's Grafana.
pub const GRAFANA: &str = "grafana";
/// The backup job.
pub const BACKUP: &str = "backup";

/// What a component's objects are called: a service's own name, `tenantry-NAME` for ours.
#[must_use]
pub fn child_name(component: &str) -> String {
    match component {
        GATEWAY | COLLECTOR | METRICS | GRAFANA | BACKUP => {
            format!("{}{component}", crds::names::COMPONENT_PREFIX)
        }
        service => service.to_owned(),
    }
}

/// The name of a service's claim.
#[must_use]
pub fn claim_name(component: &str) -> String {
    format!("{}-data", child_name(component))
}

/// The labels that select a component's pods; they never change.
#[must_use]
pub fn selector(component: &str) -> Value {
    json!({ COMPONENT_LABEL: component })
}

/// All labels of an object or pod of this component.
#[must_use]
pub fn labels(stack: &Stack, component: &str) -> Value {
    let mut labels = json!({
        MANAGED_BY_LABEL: MANAGED_BY,
        "app.kubernetes.io/part-of": "tenantry",
        "app.kubernetes.io/instance": stack.tenant.as_str(),
        "app.kubernetes.io/name": child_name(component),
        COMPONENT_LABEL: component,
        TENANT_LABEL: stack.tenant.as_str(),
    });
    let feature =
        stack.services.iter().find(|s| s.name == component).and_then(|s| s.feature.as_deref());
    if let (Some(feature), Some(map)) = (feature, labels.as_object_mut()) {
        map.insert("tenantry.dev/feature".to_owned(), feature.into());
    }
    labels
}

/// Leaves out the members that say nothing: null, an empty text, list or object.
///
/// The API server drops most of them when it stores an object, and then what we own would never
/// equal what we sent. Only this level is looked at: deeper down a map may rightly hold an empty
/// text (a node label without a value).
#[must_use]
pub fn present(mut fields: Value) -> Value {
    if let Some(map) = fields.as_object_mut() {
        map.retain(|_, value| match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(members) => !members.is_empty(),
            Value::Bool(_) | Value::Number(_) => true,
        });
    }
    fields
}

/// Wraps `fields` (everything but type and metadata) into a whole object of the stack.
///
/// What holds data gets the annotation with the tenant's uid; everything else an owner reference.
#[must_use]
pub fn object(stack: &Stack, component: &str, kind: Kind, name: &str, fields: Value) -> Object {
    let mut metadata = json!({ "name": name, "labels": labels(stack, component) });
    if kind != Kind::Namespace {
        metadata["namespace"] = stack.tenant.namespace().into();
    }
    if kind.holds_data() {
        metadata["annotations"] = json!({ TENANT_UID: stack.uid.as_ref() });
    } else {
        metadata["ownerReferences"] = json!([owner(stack)]);
    }
    let mut body = json!({
        "apiVersion": kind.resource().api_version(),
        "kind": kind.as_str(),
        "metadata": metadata,
    });
    if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
        body.extend(fields);
    }
    Object { key: Key::new(kind, name), component: component.into(), body, generated: &[] }
}

/// The object with these annotations beside its own.
#[must_use]
pub fn annotated(
    mut object: Object,
    annotations: impl Iterator<Item = (String, String)>,
) -> Object {
    for (key, value) in annotations {
        object.body["metadata"]["annotations"][key] = value.into();
    }
    object
}

fn owner(stack: &Stack) -> Value {
    json!({
        "apiVersion": format!("{}/{}", crds::GROUP, crds::VERSION),
        "kind": "Tenant",
        "name": stack.tenant.as_str(),
        "uid": stack.uid.as_ref(),
        "controller": true,
        "blockOwnerDeletion": false,
    })
}
