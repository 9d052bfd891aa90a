//! Revisions of a profile and how they reach its tenants.

use serde_json::{Value, json};

use crate::support::{
    Lab, dev, eventually, holds, lab::SYSTEM, lab::condition, lab::is, tenant, with,
};

const BAD: &str = "tenantry.dev/fail/image:1";

fn image(name: &str, tag: &str) -> Value {
    with(dev(name), "/services/0/image", json!(tag))
}

async fn runs(lab: &Lab, name: &str, revision: &str) {
    lab.status(name, &format!("runs {revision}"), |t| {
        is(t, "Ready", "True") && t["status"]["profileRevision"]["current"] == revision
    })
    .await;
}

/// Waits until the profile's status satisfies `which`.
async fn profile(lab: &Lab, name: &str, what: &str, which: impl Fn(&Value) -> bool) -> Value {
    lab.eventually(&format!("profile {name}: {what}"), async || {
        let p = lab.profile(name).await;
        holds(which(&p["status"]), &p["status"]).map(|()| p)
    })
    .await
}

async fn revisions(lab: &Lab, profile: &str) -> Vec<i64> {
    let query = format!("labelSelector=tenantry.dev/profile={profile}");
    let all = lab.api.list("controllerrevisions", SYSTEM, &query).await;
    let mut numbers: Vec<i64> = all.iter().map(|r| r["revision"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

async fn image_of(lab: &Lab, tenant: &str) -> Value {
    let live = lab.object(tenant, "deployments", "core").await.unwrap();
    live["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}

#[tokio::test]
async fn an_edit_makes_a_revision_that_reaches_the_tenant() {
    let lab = Lab::shared().await;
    lab.stack(dev("r-edit"), "r-edit").await;
    lab.apply(&[image("r-edit", "sample:2")]).await;
    runs(&lab, "r-edit", "r-edit@2").await;
    assert_eq!(image_of(&lab, "r-edit").await, "sample:2");
    assert_eq!(revisions(&lab, "r-edit").await, [1, 2]);
    let p = profile(&lab, "r-edit", "complete", |s| s["rollout"] == "Complete").await;
    assert_eq!(p["status"]["message"], "1/1 updated");
    assert!(is(&p, "Ready", "True"));
}

#[tokio::test]
async fn a_revision_has_no_owner_and_the_operator_cannot_change_it() {
    let lab = Lab::shared().await;
    lab.stack(dev("r-object"), "r-object").await;
    let live = lab.api.get("controllerrevisions", SYSTEM, "profile.r-object.1").await.unwrap();
    assert!(live["metadata"]["ownerReferences"].is_null());
    let change = json!({ "data": { "digest": "another" } });
    let operator = lab.as_operator().await;
    let refused =
        operator.merge("controllerrevisions", SYSTEM, "profile.r-object.1", &change).await;
    assert_eq!(refused.unwrap_err().code, 403);
}

#[tokio::test]
async fn an_edit_of_the_rollout_alone_makes_no_revision() {
    let lab = Lab::shared().await;
    lab.stack(dev("r-same"), "r-same").await;
    lab.apply(&[with(dev("r-same"), "/rollout/haltAfterFailures", json!(9))]).await;
    let generation = lab.profile("r-same").await["metadata"]["generation"].clone();
    profile(&lab, "r-same", "observed", |s| s["observedGeneration"] == generation).await;
    assert_eq!(revisions(&lab, "r-same").await, [1]);
}

#[tokio::test]
async fn a_pinned_tenant_stays_where_it_is() {
    let lab = Lab::shared().await;
    let pinned = with(tenant("r-pin", "r-pin"), "/profileRef/revision", json!(1));
    lab.apply(&[image("r-pin", "sample:1"), pinned, tenant("r-free", "r-pin")]).await;
    lab.ready("r-pin").await;
    lab.ready("r-free").await;
    lab.apply(&[image("r-pin", "sample:2")]).await;
    runs(&lab, "r-free", "r-pin@2").await;
    runs(&lab, "r-pin", "r-pin@1").await;
    assert_eq!(image_of(&lab, "r-pin").await, "sample:1");
    profile(&lab, "r-pin", "a pin counts as updated", |s| {
        s["rollout"] == "Complete" && s["message"] == "2/2 updated"
    })
    .await;
    lab.apply(&[tenant("r-pin", "r-pin")]).await;
    runs(&lab, "r-pin", "r-pin@2").await;
}

#[tokio::test]
async fn a_pin_to_an_older_revision_rolls_one_tenant_back() {
    let lab = Lab::shared().await;
    lab.stack(image("r-back", "sample:1"), "r-back").await;
    lab.apply(&[image("r-back", "sample:2")]).await;
    runs(&lab, "r-back", "r-back@2").await;
    lab.apply(&[with(tenant("r-back", "r-back"), "/profileRef/revision", json!(1))]).await;
    runs(&lab, "r-back", "r-back@1").await;
    assert_eq!(image_of(&lab, "r-back").await, "sample:1");
}

#[tokio::test]
async fn an_older_spec_applied_again_rolls_everybody_back() {
    let lab = Lab::shared().await;
    lab.stack(image("r-roll", "sample:1"), "r-roll").await;
    lab.apply(&[image("r-roll", "sample:2")]).await;
    runs(&lab, "r-roll", "r-roll@2").await;
    lab.apply(&[image("r-roll", "sample:1")]).await;
    runs(&lab, "r-roll", "r-roll@3").await;
    assert_eq!(image_of(&lab, "r-roll").await, "sample:1");
}

#[tokio::test]
async fn revisions_in_use_are_never_collected() {
    let lab = Lab::shared().await;
    let pinned = with(tenant("r-kept", "r-kept"), "/profileRef/revision", json!(2));
    lab.apply(&[image("r-kept", "sample:1")]).await;
    for number in 2..=15 {
        lab.apply(&[image("r-kept", &format!("sample:{number}"))]).await;
        profile(&lab, "r-kept", &format!("revision {number}"), |s| s["revision"] == number).await;
        if number == 2 {
            lab.apply(std::slice::from_ref(&pinned)).await;
            runs(&lab, "r-kept", "r-kept@2").await;
        }
    }
    // The newest, ten to roll back to, and the pinned one.
    let kept: Vec<i64> = std::iter::once(2).chain(5..=15).collect();
    eventually("the surplus is collected", async || {
        let live = revisions(&lab, "r-kept").await;
        holds(live == kept, format!("{live:?}"))
    })
    .await;
}

#[tokio::test]
async fn max_in_flight_holds_the_others_back_and_halting_stops_them() {
    let lab = Lab::shared().await;
    let names = ["r-halt-a", "r-halt-b", "r-halt-c"];
    let rollout = json!({ "maxInFlight": 1, "haltAfterFailures": 1 });
    lab.apply(&[with(dev("r-halt"), "/rollout", rollout.clone())]).await;
    for name in names {
        lab.apply(&[tenant(name, "r-halt")]).await;
    }
    for name in names {
        lab.ready(name).await;
    }
    lab.apply(&[with(image("r-halt", BAD), "/rollout", rollout.clone())]).await;
    let p = profile(&lab, "r-halt", "halted", |s| s["rollout"] == "Halted").await;
    let message = p["status"]["message"].as_str().unwrap();
    assert!(message.starts_with("0/3 updated, 1 failed: r-halt-a; halted by"), "{message}");
    assert_eq!(p["status"]["failed"], json!(["r-halt-a"]));
    assert!(is(&p, "Stalled", "True"), "{}", condition(&p, "Stalled"));
    for name in &names[1..] {
        let t = lab.tenant(name).await;
        assert_eq!(t["status"]["profileRevision"]["desired"], "r-halt@1", "{name}");
        assert!(is(&t, "Ready", "True"), "{name} is not touched");
    }
    lab.apply(&[with(image("r-halt", "sample:3"), "/rollout", rollout)]).await;
    for name in names {
        runs(&lab, name, "r-halt@3").await;
    }
    profile(&lab, "r-halt", "complete", |s| s["message"] == "3/3 updated").await;
}

#[tokio::test]
async fn a_rollout_goes_one_by_one() {
    let lab = Lab::shared().await;
    let names = ["r-one-a", "r-one-b", "r-one-c"];
    let rollout = json!({ "maxInFlight": 1 });
    lab.apply(&[with(dev("r-one"), "/rollout", rollout.clone())]).await;
    for name in names {
        lab.apply(&[tenant(name, "r-one")]).await;
        lab.ready(name).await;
    }
    // The first cannot finish, and it is no failure yet: a probe that does not pass.
    let slow = image("r-one", "tenantry.dev/fail/probe:1");
    lab.apply(&[with(slow, "/rollout", rollout.clone())]).await;
    lab.says("r-one-a", "Ready", "False", "PodNotReady").await;
    for name in &names[1..] {
        let t = lab.tenant(name).await;
        assert_eq!(t["status"]["profileRevision"]["desired"], "r-one@1", "{name} waits");
    }
    lab.apply(&[with(image("r-one", "sample:3"), "/rollout", rollout)]).await;
    for name in names {
        runs(&lab, name, "r-one@3").await;
    }
}

#[tokio::test]
async fn a_rollout_passes_over_a_paused_tenant_until_its_pause_ends() {
    let lab = Lab::shared().await;
    let rollout = json!({ "maxInFlight": 1 });
    lab.apply(&[with(dev("r-hold"), "/rollout", rollout.clone())]).await;
    // By name it would be the first, and the only one that may be under way.
    lab.apply(&[tenant("r-hold-a", "r-hold"), tenant("r-hold-b", "r-hold")]).await;
    lab.ready("r-hold-a").await;
    lab.ready("r-hold-b").await;
    let until = json!("2999-01-01T00:00:00Z");
    lab.apply(&[with(tenant("r-hold-a", "r-hold"), "/pausedUntil", until)]).await;
    lab.says("r-hold-a", "Reconciling", "False", "Paused").await;
    lab.apply(&[with(image("r-hold", "sample:2"), "/rollout", rollout)]).await;
    runs(&lab, "r-hold-b", "r-hold@2").await;
    let p = profile(&lab, "r-hold", "one is held", |s| {
        s["message"] == "1/2 updated, 1 held by spec.pausedUntil: r-hold-a"
    })
    .await;
    assert_eq!(p["status"]["rollout"], "Progressing");
    assert_eq!(image_of(&lab, "r-hold-a").await, "tenantry.dev/sample:1");
    lab.apply(&[tenant("r-hold-a", "r-hold")]).await;
    runs(&lab, "r-hold-a", "r-hold@2").await;
    profile(&lab, "r-hold", "complete", |s| s["rollout"] == "Complete").await;
}

#[tokio::test]
async fn a_paused_rollout_starts_nobody_and_goes_on() {
    let lab = Lab::shared().await;
    lab.stack(dev("r-paused"), "r-paused").await;
    let paused = with(image("r-paused", "sample:2"), "/rollout/paused", json!(true));
    lab.apply(&[paused]).await;
    let p = profile(&lab, "r-paused", "paused", |s| s["rollout"] == "Paused").await;
    assert_eq!(p["status"]["message"], "0/1 updated; paused by spec.rollout.paused");
    assert_eq!(p["status"]["revision"], 2);
    assert_eq!(image_of(&lab, "r-paused").await, "tenantry.dev/sample:1");
    lab.apply(&[image("r-paused", "sample:2")]).await;
    runs(&lab, "r-paused", "r-paused@2").await;
}

#[tokio::test]
async fn a_new_tenant_starts_with_the_newest_revision_even_while_paused() {
    let lab = Lab::shared().await;
    lab.stack(dev("r-new"), "r-new").await;
    lab.apply(&[with(image("r-new", "sample:2"), "/rollout/paused", json!(true))]).await;
    profile(&lab, "r-new", "paused", |s| s["rollout"] == "Paused").await;
    lab.apply(&[tenant("r-new-two", "r-new")]).await;
    runs(&lab, "r-new-two", "r-new@2").await;
    runs(&lab, "r-new", "r-new@1").await;
}

#[tokio::test]
async fn profile_counts_follow_its_tenants() {
    let lab = Lab::shared().await;
    lab.apply(&[dev("r-count"), tenant("r-count-a", "r-count"), tenant("r-count-b", "r-count")])
        .await;
    let all = json!({ "total": 2, "updated": 2, "ready": 2, "failed": 0 });
    profile(&lab, "r-count", "two", |s| s["tenants"] == all).await;
    lab.api.delete("tenants", "", "r-count-b").await.unwrap();
    profile(&lab, "r-count", "one", |s| s["tenants"]["total"] == 1).await;
}

#[tokio::test]
async fn a_tenants_failure_is_counted_by_name() {
    let lab = Lab::shared().await;
    lab.apply(&[image("r-fail", BAD), tenant("r-fail", "r-fail")]).await;
    let p = profile(&lab, "r-fail", "one failed", |s| s["tenants"]["failed"] == 1).await;
    assert!(p["status"]["message"].as_str().unwrap().contains("1 failed: r-fail"));
    assert!(is(&p, "TenantsHealthy", "False"), "{}", condition(&p, "TenantsHealthy"));
    lab.apply(&[dev("r-fail")]).await;
    let p = profile(&lab, "r-fail", "none failed", |s| s["message"] == "1/1 updated").await;
    assert!(is(&p, "TenantsHealthy", "True"), "{}", condition(&p, "TenantsHealthy"));
}

#[tokio::test]
async fn a_wrong_edit_long_after_a_rollout_does_not_fail_it() {
    let lab = Lab::shared().await;
    let profile_of = with(dev("r-over"), "/rollout", json!({ "haltAfterFailures": 1 }));
    lab.stack(profile_of, "r-over").await;
    profile(&lab, "r-over", "complete", |s| s["rollout"] == "Complete").await;
    let wrong = json!([{ "name": "nobody", "replicas": 1 }]);
    lab.apply(&[with(tenant("r-over", "r-over"), "/overrides/services", wrong)]).await;
    lab.says("r-over", "Stalled", "True", "OverrideUnknown").await;
    let p = profile(&lab, "r-over", "it is counted", |s| s["tenants"]["failed"] == 1).await;
    assert_eq!(p["status"]["rollout"], "Complete", "{}", p["status"]);
    assert!(is(&p, "Ready", "True") && is(&p, "Stalled", "False"), "{}", p["status"]);
    assert!(is(&p, "TenantsHealthy", "False"), "{}", condition(&p, "TenantsHealthy"));
}
