#![allow(clippy::needless_pass_by_value, reason = "json! stands at the call")]

use serde_json::{Value, json};

use super::*;
use crate::fixtures::{profile, tenant};

fn found(change: impl FnOnce(&mut Value, &mut Value)) -> Vec<String> {
    let mut tenant = serde_json::to_value(tenant()).unwrap();
    let mut profile = serde_json::to_value(profile()).unwrap();
    change(&mut tenant["spec"], &mut profile);
    let tenant: Tenant = serde_json::from_value(tenant).unwrap();
    let profile = serde_json::from_value(profile).unwrap();
    let result = crate::validate::stack(&tenant, &profile, "prod", &Default::default());
    let problems = result.err().unwrap_or_default();
    assert!(problems.iter().all(|p| p.reason == reasons::RESOURCES_INVALID), "{problems:?}");
    problems.into_iter().map(|p| p.message).collect()
}

fn memory(part: &str, size: &str) -> Value {
    json!({ part: { "memory": size } })
}

fn changes(service: &str, resources: Value) -> Value {
    json!({ "services": [{ "name": service, "resources": resources }] })
}

#[test]
fn an_override_whose_request_exceeds_the_profiles_limit_is_named() {
    assert_eq!(
        found(|t, _| t["overrides"] = changes("core", memory("requests", "1Gi"))),
        ["spec.overrides.services[0].resources.requests.memory is 1Gi, above the limit of 256Mi \
          (profile prod, spec.services[core].resources.limits.memory); lower the request or raise the limit"]
    );
    assert_eq!(
        found(|t, _| t["overrides"] = changes("core", memory("requests", "256Mi"))),
        [] as [&str; 0]
    );
}

#[test]
fn an_override_whose_limit_lies_below_the_profiles_request_is_named() {
    assert_eq!(
        found(|t, _| t["overrides"] = changes("core", memory("limits", "32Mi"))),
        [
            "profile prod, spec.services[core].resources.requests.memory is 64Mi, above the limit of 32Mi \
          (spec.overrides.services[0].resources.limits.memory); lower the request or raise the limit"
        ]
    );
}

#[test]
fn the_overlay_that_says_it_is_named_and_only_where_it_acts() {
    let message = found(|t, p| {
        t["overlays"] = json!(["gpu"]);
        p["overlays"]["gpu"]["resources"]["requests"] = json!({ "memory": "1Gi" });
    });
    assert_eq!(
        message,
        [
            "profile prod, spec.overlays.gpu.resources.requests.memory is 1Gi, above the limit of 256Mi \
          (profile prod, spec.services[transcribe].resources.limits.memory); lower the request or raise the limit"
        ]
    );
}

#[test]
fn our_own_components_are_looked_at_too_and_devices_are_not() {
    let message = found(|_, p| {
        p["telemetry"]["grafana"]["resources"] =
            json!({ "requests": { "cpu": "2m" }, "limits": { "cpu": "1m" } });
    });
    assert_eq!(
        message,
        [
            "profile prod, spec.telemetry.grafana.resources.requests.cpu is 2m, above the limit of 1m \
          (profile prod, spec.telemetry.grafana.resources.limits.cpu); lower the request or raise the limit"
        ]
    );
    // The limit of a device is its request, whatever that says.
    let device = json!({ "requests": { "nvidia.com/gpu": 2 }, "limits": { "nvidia.com/gpu": 1 } });
    assert_eq!(found(|t, _| t["overrides"] = changes("core", device)), [] as [&str; 0]);
}
