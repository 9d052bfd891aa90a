use serde_json::{Value, json};

use super::*;
use crate::fixtures::{profile, tenant};

fn merged(change: impl FnOnce(&mut Value, &mut Value)) -> (Vec<ResolvedService>, Vec<Problem>) {
    let mut tenant = serde_json::to_value(tenant()).unwrap();
    let mut profile = serde_json::to_value(profile()).unwrap();
    change(&mut tenant["spec"], &mut profile);
    let tenant: Tenant = serde_json::from_value(tenant).unwrap();
    let profile: DeploymentProfileSpec = serde_json::from_value(profile).unwrap();
    let mut problems = Vec::new();
    let services = services(&tenant, &profile, "prod", &mut problems);
    (services, problems)
}

fn env(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn env_of(service: &ResolvedService) -> Vec<(&str, &str)> {
    service.env.iter().map(|e| (e.name.as_str(), e.value.as_str())).collect()
}

/// The profile, then each overlay in the tenant's order, then the override: the later wins, and what
/// it does not name stays.
fn layers(tenant: &mut Value, profile: &mut Value) {
    let memory = |size: &str| json!({ "limits": { "memory": size } });
    profile["services"][1]["env"] = env(&[("A", "profile"), ("B", "profile"), ("C", "profile")]);
    profile["overlays"] = json!({
        "x": { "env": env(&[("B", "x"), ("C", "x"), ("D", "x")]), "resources": memory("1Gi"),
               "nodeSelector": { "zone": "x", "disk": "x" }, "runtimeClassName": "x" },
        "y": { "env": env(&[("C", "y")]), "resources": memory("2Gi"), "nodeSelector": { "zone": "y" } },
    });
    tenant["overlays"] = json!(["x", "y"]);
}

#[test]
fn the_later_layer_wins_and_what_it_leaves_out_stays() {
    let (services, problems) = merged(layers);
    assert_eq!(problems, []);
    let voice = &services[1];
    assert_eq!(env_of(voice), [("A", "profile"), ("B", "x"), ("C", "y"), ("D", "x")]);
    let limit = |s: &ResolvedService| s.resources.limits.0["memory"].to_string();
    assert_eq!(limit(voice), "2Gi");
    assert_eq!(voice.resources.requests.0["memory"].to_string(), "64Mi", "not named by any");
    let selector = &voice.placement.node_selector.as_ref().unwrap().0;
    assert_eq!((selector["zone"].as_str(), selector["disk"].as_str()), ("y", "x"));
    assert_eq!(voice.placement.runtime_class_name.as_deref(), Some("x"));

    let (services, _) = merged(|t, p| {
        layers(t, p);
        t["overlays"] = json!(["y", "x"]);
    });
    assert_eq!((env_of(&services[1])[2], limit(&services[1])), (("C", "x"), "1Gi".to_owned()));

    let (services, _) = merged(|t, p| {
        layers(t, p);
        t["overrides"] = json!({ "services": [{ "name": "transcribe",
            "env": env(&[("C", "override")]), "resources": { "limits": { "memory": "3Gi" } } }] });
    });
    assert_eq!(
        (env_of(&services[1])[2], limit(&services[1])),
        (("C", "override"), "3Gi".to_owned())
    );
}

#[test]
fn overlays_leave_alone_what_is_not_acceleratable() {
    let (services, _) = merged(layers);
    let (plain, _) = merged(|_, _| {});
    assert_eq!(services[0], plain[0]);
}

#[test]
fn a_number_set_by_hand_replaces_the_autoscaler() {
    let (services, problems) = merged(|t, _| {
        t["overrides"] = json!({ "services": [{ "name": "transcribe", "replicas": 4 }] });
    });
    assert_eq!(problems, []);
    assert_eq!(services[1].replicas, Some(Replicas::Count(4)));
    assert_eq!(services[1].autoscaling, None);
    assert_eq!(services[0].replicas, Some(Replicas::Count(2)), "the other service is as it was");
}

#[test]
fn what_writes_to_one_claim_runs_one_pod() {
    for (replicas, fits) in
        [(json!(0), true), (json!(1), true), (json!(2), false), (json!("External"), false)]
    {
        let (_, problems) = merged(|t, p| {
            p["services"][0]["storage"] = json!({ "size": "1Gi", "mountPath": "/data" });
            p["services"][0]["replicas"] = 1.into();
            t["overrides"] = json!({ "services": [{ "name": "core", "replicas": replicas }] });
        });
        assert_eq!(problems.is_empty(), fits, "{replicas}: {problems:?}");
        if let Some(problem) = problems.first() {
            assert_eq!(problem.reason, reasons::OVERRIDE_INVALID);
            assert!(
                problem.message.starts_with("spec.overrides.services[0].replicas: core writes")
                    && problem.message.contains("set 0 or 1"),
                "{}",
                problem.message
            );
        }
    }
}

#[test]
fn what_the_profile_does_not_have_is_named_with_what_it_has() {
    let (_, problems) = merged(|t, p| {
        p["overlays"] = json!({});
        t["overlays"] = json!(["gpu"]);
        t["overrides"] = json!({ "services": [{ "name": "core" }, { "name": "cor" }] });
    });
    let messages: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "spec.overlays[0] \"gpu\": profile prod has no overlays",
            "spec.overrides.services[1].name \"cor\": profile prod has core, transcribe",
        ]
    );
}
