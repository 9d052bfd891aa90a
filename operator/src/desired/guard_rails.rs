//! What protects the namespace: Pod Security, quota, defaults for containers.

use crds::Quantity;
use serde_json::{Value, json};

use super::{Stack, meta};
use crate::{kinds::Kind, object::Object};

/// The CPU that a container requests which names none, in thousandths of a core.
pub const DEFAULT_CPU_MILLI: i128 = 100;
/// The memory that a container requests which names none, in thousandths of a byte.
pub const DEFAULT_MEMORY_MILLI: i128 = mebibytes(128);
/// The memory limit of a container that names none (or its request, where that is more).
pub const DEFAULT_MEMORY_LIMIT_MILLI: i128 = mebibytes(256);

const fn mebibytes(n: i128) -> i128 {
    (n << 20) * 1000
}

/// The labels that say which pods a namespace admits; the operator's own boundary holds it to them.
pub const ENFORCED: [(&str, &str); 2] = [
    ("pod-security.kubernetes.io/enforce", "restricted"),
    ("pod-security.kubernetes.io/enforce-version", "latest"),
];

/// Namespace, ResourceQuota and LimitRange.
pub fn build(stack: &Stack, all: &mut Vec<Object>) {
    all.push(namespace(stack));
    let rails = |kind, fields| meta::object(stack, meta::GUARD_RAILS, kind, NAME, fields);
    all.push(rails(Kind::ResourceQuota, json!({ "spec": { "hard": quota(stack) } })));
    all.push(rails(Kind::LimitRange, json!({ "spec": { "limits": [container_defaults()] } })));
}

/// What quota and limits are called.
const NAME: &str = "tenantry";

fn namespace(stack: &Stack) -> Object {
    let name = stack.tenant.namespace();
    let mut object = meta::object(stack, meta::GUARD_RAILS, Kind::Namespace, &name, json!({}));
    let metadata = &mut object.body["metadata"];
    for mode in ["audit", "warn"] {
        metadata["labels"][format!("pod-security.kubernetes.io/{mode}")] = "restricted".into();
    }
    for (label, value) in ENFORCED {
        metadata["labels"][label] = value.into();
    }
    metadata["labels"]["tenantry.dev/tier"] = stack.tier.into();
    metadata["labels"]["tenantry.dev/profile"] = stack.profile.as_ref().into();
    metadata["annotations"][meta::ACCOUNT_ID] = stack.account.as_ref().into();
    // Names of people are no label values: they hold spaces, and are not for selecting.
    metadata["annotations"]["tenantry.dev/display-name"] = stack.display_name.as_str().into();
    if let Some(contact) = &stack.contact {
        metadata["annotations"]["tenantry.dev/contact-name"] = contact.name.as_str().into();
        metadata["annotations"]["tenantry.dev/contact-email"] = contact.email.as_str().into();
    }
    object
}

fn quota(stack: &Stack) -> Value {
    let pods = Quantity::from_milli(i128::from(stack.quota.pods) * 1000);
    json!({
        "requests.cpu": stack.quota.cpu,
        "requests.memory": stack.quota.memory,
        "requests.storage": stack.quota.storage,
        "pods": pods,
        // A stack is reached through its Ingress; these two would open it to the world at our cost.
        "services.nodeports": "0",
        "services.loadbalancers": "0",
    })
}

/// For pods that people add by hand; ours name all of it (see `pod::completed`). No CPU limit: it
/// would throttle where the node has CPU to spare, and the quota counts requests.
fn container_defaults() -> Value {
    json!({
        "type": "Container",
        "default": { "memory": Quantity::from_milli_binary(DEFAULT_MEMORY_LIMIT_MILLI) },
        "defaultRequest": {
            "cpu": Quantity::from_milli(DEFAULT_CPU_MILLI),
            "memory": Quantity::from_milli_binary(DEFAULT_MEMORY_MILLI),
        },
    })
}
