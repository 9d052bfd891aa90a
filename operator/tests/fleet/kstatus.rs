//! What Flux, and others that follow kstatus, conclude about a Tenant: `Current` only when it is
//! ready. The rules are kstatus' own for custom resources, written down a second time here.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Lab, dev, eventually, holds, lab::condition, tenant, wait::within, with};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Current,
    InProgress,
    Failed,
    Terminating,
}

/// `status.Compute` of sigs.k8s.io/cli-utils for a kind that it has no rules of its own for.
fn compute(object: &Value) -> Verdict {
    if object["metadata"]["deletionTimestamp"].is_string() {
        return Verdict::Terminating;
    }
    let observed = &object["status"]["observedGeneration"];
    if observed.is_i64() && *observed != object["metadata"]["generation"] {
        return Verdict::InProgress;
    }
    let says = |type_, status| condition(object, type_)["status"] == status;
    if says("Reconciling", "True") {
        return Verdict::InProgress;
    }
    if says("Stalled", "True") {
        return Verdict::Failed;
    }
    if says("Ready", "False") || says("Ready", "Unknown") {
        return Verdict::InProgress;
    }
    Verdict::Current
}

#[test]
fn the_rules_are_kstatus_own() {
    let object = |generation: i64, observed: Value, conditions: &[(&str, &str)]| {
        let conditions: Vec<_> =
            conditions.iter().map(|(t, s)| json!({ "type": t, "status": s })).collect();
        json!({ "metadata": { "generation": generation },
            "status": { "observedGeneration": observed, "conditions": conditions } })
    };
    let one = || json!(1);
    for (given, expected) in [
        (json!({ "metadata": { "generation": 1 } }), Verdict::Current),
        (object(1, json!(null), &[]), Verdict::Current),
        (object(2, one(), &[("Ready", "True")]), Verdict::InProgress),
        (object(1, one(), &[("Ready", "True")]), Verdict::Current),
        (object(1, one(), &[("Ready", "False")]), Verdict::InProgress),
        (object(1, one(), &[("Ready", "True"), ("Reconciling", "True")]), Verdict::InProgress),
        (object(1, one(), &[("Ready", "False"), ("Stalled", "True")]), Verdict::Failed),
        (json!({ "metadata": { "deletionTimestamp": "now" } }), Verdict::Terminating),
    ] {
        assert_eq!(compute(&given), expected, "{given}");
    }
}

/// Waits until kstatus says so, and looks whether it says nothing else on the way.
async fn becomes(lab: &Lab, name: &str, expected: Verdict) -> Value {
    eventually(&format!("{name} is {expected:?}"), async || {
        let seen = lab.tenant(name).await;
        holds(compute(&seen) == expected, &seen["status"]).map(|()| seen)
    })
    .await
}

/// Whether every Deployment of the tenant runs as many pods as it should.
async fn runs(lab: &Lab, name: &str) -> bool {
    let all = lab.api.list("deployments", &format!("tenant-{name}"), "").await;
    !all.is_empty()
        && all.iter().all(|d| {
            d["status"]["observedGeneration"] == d["metadata"]["generation"]
                && d["status"]["updatedReplicas"] == d["spec"]["replicas"]
                && d["status"]["availableReplicas"] == d["spec"]["replicas"]
        })
}

/// Asks kstatus without a pause until it says `Current`; by then it must be true.
async fn current_only_when_it_runs(lab: &Lab, name: &str) {
    within(Duration::from_secs(240), &format!("{name} is Current"), async || {
        let seen = lab.tenant(name).await;
        if compute(&seen) != Verdict::Current {
            return Err(seen["status"].to_string());
        }
        assert!(runs(lab, name).await, "Current before it runs: {}", seen["status"]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_new_tenant_is_never_current_before_it_runs() {
    let lab = Lab::own().await;
    lab.apply(&[dev("ks-new"), tenant("ks-new", "ks-new")]).await;
    // Nobody has looked at it yet.
    assert_eq!(compute(&lab.tenant("ks-new").await), Verdict::InProgress);
    assert_eq!(compute(&lab.profile("ks-new").await), Verdict::InProgress);
    let process = lab.operator("ks");
    process.ready().await;
    current_only_when_it_runs(&lab, "ks-new").await;
    lab.ready("ks-new").await;
    assert_eq!(compute(&lab.tenant("ks-new").await), Verdict::Current);
}

#[tokio::test]
async fn an_edit_is_never_current_before_it_runs() {
    let lab = Lab::shared().await;
    lab.stack(dev("ks-edit"), "ks-edit").await;
    let overrides = json!({ "services": [{ "name": "core", "replicas": 3 }] });
    let edited = with(tenant("ks-edit", "ks-edit"), "/overrides", overrides);
    lab.apply(&[edited]).await;
    current_only_when_it_runs(&lab, "ks-edit").await;
    let core = lab.object("ks-edit", "deployments", "core").await.unwrap();
    assert_eq!(core["spec"]["replicas"], 3);
}

#[tokio::test]
async fn failing_and_mended_follows_the_pods() {
    let lab = Lab::shared().await;
    lab.stack(dev("ks-fail"), "ks-fail").await;
    for (image, expected) in [
        ("tenantry.dev/fail/crash:1", Verdict::InProgress),
        ("tenantry.dev/sample:1", Verdict::Current),
    ] {
        lab.apply(&[with(dev("ks-fail"), "/services/0/image", json!(image))]).await;
        lab.becomes("ks-fail", ("deployments", "core"), image, |d| {
            d["spec"]["template"]["spec"]["containers"][0]["image"] == image
        })
        .await;
        becomes(&lab, "ks-fail", expected).await;
    }
    // A pod that dies later is no rollout of ours, and not Current either.
    for pod in lab.pods("ks-fail", "core").await {
        let body =
            json!({ "metadata": { "annotations": { "ground.tenantry.dev/fail": "crash" } } });
        let name = pod["metadata"]["name"].as_str().unwrap();
        lab.api.merge("pods", "tenant-ks-fail", name, &body).await.unwrap();
    }
    let seen = becomes(&lab, "ks-fail", Verdict::InProgress).await;
    assert_eq!(condition(&seen, "Ready")["status"], "False");
}

#[tokio::test]
async fn what_only_a_human_can_mend_has_failed() {
    let lab = Lab::shared().await;
    lab.apply(&[tenant("ks-stall", "ks-nowhere")]).await;
    becomes(&lab, "ks-stall", Verdict::Failed).await;
    lab.apply(&[dev("ks-nowhere")]).await;
    becomes(&lab, "ks-stall", Verdict::Current).await;
}

/// Waits until kstatus says so of a profile as it was edited last, and the profile so of its tenants: one
/// that crashed before goes on saying so for a moment after it was mended.
async fn profile_becomes(lab: &Lab, name: &str, expected: Verdict, healthy: &str) {
    eventually(&format!("profile {name} is {expected:?}"), async || {
        let seen = lab.profile(name).await;
        let looked = seen["status"]["observedGeneration"] == seen["metadata"]["generation"];
        let told = condition(&seen, "TenantsHealthy")["status"] == healthy;
        holds(looked && compute(&seen) == expected && told, &seen["status"])
    })
    .await;
}

#[tokio::test]
async fn a_profile_is_waited_for_while_tenants_move_and_not_for_who_is_unwell() {
    let lab = Lab::shared().await;
    let names = ["ks-turn-a", "ks-turn-b"];
    let profile = |image: &str, paused: bool, halt: u64| {
        let rollout = json!({ "maxInFlight": 1, "haltAfterFailures": halt, "paused": paused });
        with(with(dev("ks-turn"), "/services/0/image", json!(image)), "/rollout", rollout)
    };
    lab.apply(&[profile("tenantry.dev/sample:1", false, 3)]).await;
    for name in names {
        lab.apply(&[tenant(name, "ks-turn")]).await;
        lab.ready(name).await;
    }
    let slow = "tenantry.dev/fail/probe:1";
    for (image, paused, halt, expected) in [
        // Held as asked; on the way; both failed, which is fewer than halt it; too many failed.
        (slow, true, 3, Verdict::Current),
        (slow, false, 3, Verdict::InProgress),
        ("tenantry.dev/fail/crash:1", false, 3, Verdict::Current),
        ("tenantry.dev/fail/crash:2", false, 2, Verdict::Failed),
        ("tenantry.dev/sample:2", false, 2, Verdict::Current),
    ] {
        lab.apply(&[profile(image, paused, halt)]).await;
        let healthy = if image.contains("/crash:") { "False" } else { "True" };
        profile_becomes(&lab, "ks-turn", expected, healthy).await;
    }
    for name in names {
        lab.ready(name).await;
    }
}

#[tokio::test]
async fn suspended_is_not_current_and_comes_back() {
    let lab = Lab::shared().await;
    lab.stack(dev("ks-sleep"), "ks-sleep").await;
    for (suspend, reason, expected) in
        [(true, "Suspended", Verdict::InProgress), (false, "AllReady", Verdict::Current)]
    {
        let spec = json!({ "spec": { "suspend": suspend } });
        lab.api.merge("tenants", "", "ks-sleep", &spec).await.unwrap();
        let status = if suspend { "False" } else { "True" };
        lab.says("ks-sleep", "Ready", status, reason).await;
        becomes(&lab, "ks-sleep", expected).await;
    }
}

#[tokio::test]
async fn a_tenant_on_its_way_out_is_terminating() {
    let lab = Lab::shared().await;
    let stack = lab.stack(dev("ks-gone"), "ks-gone").await;
    assert_eq!(compute(&stack), Verdict::Current);
    // A hand of ours on it keeps it in view.
    let held = json!({ "metadata": { "finalizers": ["tenantry.dev/cleanup", "fleet.test/held"] } });
    lab.api.merge("tenants", "", "ks-gone", &held).await.unwrap();
    lab.api.delete("tenants", "", "ks-gone").await.unwrap();
    let seen = becomes(&lab, "ks-gone", Verdict::Terminating).await;
    assert!(seen["metadata"]["deletionTimestamp"].is_string());
    eventually("only our hand is on it", async || {
        let left = lab.tenant("ks-gone").await["metadata"]["finalizers"].clone();
        holds(left == json!(["fleet.test/held"]), left)
    })
    .await;
    let free = json!({ "metadata": { "finalizers": null } });
    lab.api.merge("tenants", "", "ks-gone", &free).await.unwrap();
    lab.gone("tenants", "", "ks-gone").await;
}
