use serde_json::{Value, json};

use super::*;
use crate::fixtures::tenant;

/// A profile with these services, and a gateway that asks for 10m CPU and 16Mi of memory.
fn lacking(services: &Value, quota: &Value, change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut spec = json!({
        "tier": "dev", "services": services,
        "billing": {
            "storage": { "size": "1Gi" },
            "gateway": { "image": "g", "resources": { "requests": { "cpu": "10m", "memory": "16Mi" } } },
        },
        "quota": { "cpu": "100", "memory": "100Gi", "storage": "100Gi", "pods": 100 },
    });
    for (name, value) in quota.as_object().unwrap() {
        spec["quota"][name] = value.clone();
    }
    change(&mut spec);
    let profile = serde_json::from_value(spec).unwrap();
    let found = crate::validate::stack(&tenant(), &profile, "dev", &Default::default());
    let problems = found.err().unwrap_or_default();
    problems
        .into_iter()
        .map(|p| {
            assert_eq!(p.reason, reasons::QUOTA_TOO_SMALL, "{}", p.message);
            p.message
        })
        .collect()
}

fn service(name: &str, replicas: u16, cpu: &str) -> Value {
    json!({ "name": name, "image": "i", "replicas": replicas,
            "resources": { "requests": { "cpu": cpu, "memory": "1Mi" } } })
}

fn cpu(services: &Value, quota: &str) -> Vec<String> {
    lacking(services, &json!({ "cpu": quota }), |_| {})
}

#[test]
fn the_sum_of_all_requests_must_fit() {
    let two = json!([service("core", 2, "500m")]);
    assert_eq!(cpu(&two, "1010m"), [] as [&str; 0]);
    assert_eq!(
        cpu(&two, "1009m"),
        [
            "core needs 2 × 500m, gateway needs 1 × 10m cpu, quota allows 1009m (profile dev, spec.quota.cpu)"
        ]
    );
    // What is too much by itself is all that is named.
    assert_eq!(
        cpu(&two, "800m"),
        ["core needs 2 × 500m cpu, quota allows 800m (profile dev, spec.quota.cpu)"]
    );
}

#[test]
fn the_largest_single_pod_needs_room_to_be_replaced() {
    let services =
        json!([service("core", 2, "500m"), service("a", 1, "20m"), service("b", 1, "30m")]);
    // 1000 + 20 + 30 + 10, and 30 for a moment.
    assert_eq!(cpu(&services, "1090m"), [] as [&str; 0]);
    assert_eq!(
        cpu(&services, "1089m"),
        [
            "the stack needs 1060m cpu and a rollout of b needs 30m more for a moment, quota allows 1089m (profile dev, spec.quota.cpu)"
        ]
    );
    let pods = |allowed: u32| lacking(&services, &json!({ "pods": allowed }), |_| {});
    assert_eq!(pods(6), [] as [&str; 0]);
    assert_eq!(
        pods(5),
        [
            "the stack runs 5 pods and a rollout of a needs 1 more for a moment, quota allows 5 (profile dev, spec.quota.pods)"
        ]
    );
    assert_eq!(pods(4), ["the stack runs 5 pods, quota allows 4 (profile dev, spec.quota.pods)"]);
}

/// Each service alone, with its pods and whether one more is needed for a moment.
#[test]
fn what_goes_before_it_comes_needs_no_room() {
    let storage = json!({ "size": "1Gi", "mountPath": "/data" });
    let scaling =
        |least: u16| json!({ "minReplicas": least, "maxReplicas": 9, "targetCpuPercent": 50 });
    let device = json!({ "limits": { "nvidia.com/gpu": 1 } });
    for (what, fields, pods) in [
        ("one pod", json!({}), 1 + 1),
        ("two pods", json!({ "replicas": 2 }), 2),
        ("none", json!({ "replicas": 0 }), 0),
        ("another party's", json!({ "replicas": "External" }), 0),
        ("a claim of its own", json!({ "storage": storage }), 1),
        ("a device", json!({ "resources": device }), 1),
        ("an autoscaler from one", json!({ "autoscaling": scaling(1) }), 1 + 1),
        ("an autoscaler from three", json!({ "autoscaling": scaling(3) }), 3),
    ] {
        let mut service = json!({ "name": "core", "image": "i" });
        service.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let fits = |allowed: u32| {
            lacking(&json!([service]), &json!({ "pods": allowed }), |_| {}).is_empty()
        };
        let gateway = 1;
        assert!(fits(pods + gateway), "{what}");
        assert!(!fits(pods + gateway - 1), "{what}");
    }
}

#[test]
fn a_limit_counts_where_no_request_is_named_and_the_default_where_neither() {
    let with = |resources: Value| json!([{ "name": "core", "image": "i", "replicas": 2, "resources": resources }]);
    for (resources, least) in [
        (json!({ "limits": { "cpu": "300m" } }), 610),
        (json!({ "limits": { "cpu": "300m" }, "requests": { "cpu": "50m" } }), 110),
        (json!({}), 210),
    ] {
        let fits = |milli: i32| cpu(&with(resources.clone()), &format!("{milli}m")).is_empty();
        assert!(fits(least) && !fits(least - 1), "{resources}");
    }
}

#[test]
fn memory_and_storage_count_too_and_are_shown_in_their_units() {
    let core = json!([{ "name": "core", "image": "i", "replicas": 2,
        "storage": null, "resources": { "requests": { "memory": "1Gi" } } }]);
    assert_eq!(
        lacking(&core, &json!({ "memory": "1Gi" }), |_| {}),
        ["core needs 2 × 1Gi memory, quota allows 1Gi (profile dev, spec.quota.memory)"]
    );
    let metrics =
        json!({ "collector": { "image": "c" }, "metrics": { "image": "m", "storage": "2Gi" } });
    let stored = |quota: &str, on: bool| {
        let metrics = metrics.clone();
        lacking(&core, &json!({ "storage": quota }), |spec| {
            spec["telemetry"] = metrics;
            spec["telemetry"]["metrics"]["enabled"] = on.into();
        })
    };
    assert_eq!(stored("3Gi", true), [] as [&str; 0]);
    assert_eq!(
        stored("2Gi", true),
        ["the stack claims 3Gi of storage, quota allows 2Gi (profile dev, spec.quota.storage)"]
    );
    assert_eq!(stored("1Gi", false), [] as [&str; 0], "what is off claims nothing");
}
