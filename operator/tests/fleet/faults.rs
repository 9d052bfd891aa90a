//! An API server that refuses, falls silent, or loses its answers.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    rest::world,
    support::{
        Lab,
        apifault::{Asked, Fault},
        audit, dev, eventually, everything, holds,
        lab::{condition, is},
        tenant, with,
    },
};

/// Requests about one tenant's namespace, those of lists and watches not among them.
fn about(name: &str) -> impl Fn(&Asked) -> bool + Send + 'static {
    let namespace = format!("tenant-{name}");
    move |asked| asked.within(&namespace)
}

fn retrying(t: &Value, words: &str) -> bool {
    let c = condition(t, "Reconciling");
    c["status"] == "True"
        && c["reason"] == "Retrying"
        && c["message"].as_str().is_some_and(|m| m.contains(words))
        && is(t, "Ready", "False")
        && is(t, "Stalled", "False")
}

#[tokio::test]
async fn a_days_retry_after_for_one_tenant_stops_no_other_and_not_itself() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    // One slot: who slept in it would stop all.
    let process = lab.operator_through(&proxy, "refused", &[("TENANTRY_CONCURRENCY", "1")]);
    process.ready().await;
    proxy.always(Fault::Refuse(429), about("f-poor"));
    lab.apply(&[dev("f-refused"), tenant("f-poor", "f-refused")]).await;
    for number in 0..5 {
        lab.apply(&[tenant(&format!("f-rich-{number}"), "f-refused")]).await;
    }
    for number in 0..5 {
        lab.ready(&format!("f-rich-{number}")).await;
    }
    lab.status("f-poor", "it says why it waits", |t| retrying(t, "429")).await;
    eventually("it was tried again and again", async || {
        let hits = proxy.hits().len();
        holds(hits >= 7, hits)
    })
    .await;
    // Its delays double from 200 ms; two tries may be somebody's touch and not the timer's.
    let hits = proxy.hits();
    let took = hits[hits.len() - 1].asked.at - hits[0].asked.at;
    let least = Duration::from_millis(200) * ((1 << (hits.len() - 3).min(16)) - 1);
    assert!(took >= least, "{} tries in {took:?}", hits.len());
    assert!(hits.iter().all(|hit| hit.asked.within("tenant-f-poor")));
    proxy.heal();
    lab.ready("f-poor").await;
}

#[tokio::test]
async fn ten_poisoned_tenants_hold_no_place_that_thirty_others_wait_for() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let process = lab.operator_through(&proxy, "poisoned", &[]);
    process.ready().await;
    let named = |number: u32| format!("tenant-f-{number}");
    let silent: Vec<String> = (0..20).step_by(4).map(named).collect();
    let refused: Vec<String> = (2..20).step_by(4).map(named).collect();
    assert_eq!((silent.len(), refused.len()), (5, 5));
    proxy.always(Fault::Hang, move |a| silent.iter().any(|ns| a.within(ns)));
    proxy.always(Fault::Refuse(503), move |a| refused.iter().any(|ns| a.within(ns)));
    lab.apply(&[dev("f-dev")]).await;
    for number in 0..40 {
        lab.apply(&[tenant(&format!("f-{number}"), "f-dev")]).await;
    }
    let poisoned = |number: &u32| *number < 20 && number.is_multiple_of(2);
    for number in (0..40).filter(|n| !poisoned(n)) {
        lab.ready(&format!("f-{number}")).await;
    }
    for number in (0..40).filter(poisoned) {
        let words = if number % 4 == 0 { "no answer" } else { "503" };
        lab.status(&format!("f-{number}"), words, |t| retrying(t, words)).await;
    }
    proxy.heal();
    for number in (0..40).filter(poisoned) {
        lab.ready(&format!("f-{number}")).await;
    }
}

#[tokio::test]
async fn events_that_nobody_answers_hold_nothing_up() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let process = lab.operator_through(&proxy, "unheard", &[("TENANTRY_CONCURRENCY", "1")]);
    process.ready().await;
    proxy.always(Fault::Hang, |a| a.resource == "events");
    lab.stack(dev("f-unheard"), "f-unheard").await;
    for _ in 0..2 {
        lab.api.delete("services", "tenant-f-unheard", "core").await.unwrap();
        lab.becomes("f-unheard", ("services", "core"), "is back", |_| true).await;
    }
    lab.ready("f-unheard").await;
    assert!(proxy.hits().len() >= 2, "events were tried");
    // With one place, the second could be undone only after the first event was given up; a
    // reconciliation that runs out of its time for it ends as transient.
    let metrics = process.get("/metrics").await.unwrap();
    assert!(metrics.contains("result=\"ok\""), "{metrics}");
    assert!(!metrics.contains("result=\"transient\""), "{metrics}");
}

/// How often the operator made each object, by the API server's log.
fn creations(lab: &Lab, mark: audit::Mark, namespace: &str) -> BTreeMap<String, usize> {
    let mut made = BTreeMap::new();
    for entry in audit::entries(&lab.ground, mark) {
        let about = &entry["objectRef"];
        let within = about["namespace"] == namespace || about["name"] == namespace;
        let ours = entry["user"]["username"] == audit::OPERATOR;
        if within && ours && entry["responseStatus"]["code"] == 201 {
            *made.entry(format!("{} {}", about["resource"], about["name"])).or_default() += 1;
        }
    }
    made
}

/// Brings up a stack while the answer to each of its creations is lost; compares it with one that
/// nothing happened to. Returns the Secrets that were in the lost answers, and the tenant's name.
async fn answers_lost(lab: &Lab, profile: fn(&str) -> Value) -> (Vec<Value>, usize) {
    let proxy = lab.proxy();
    let process = lab.operator_through(&proxy, "lossy", &[]);
    process.ready().await;
    lab.stack(profile("f-calm"), "f-calm").await;
    let mark = lab.mark();
    proxy.always(Fault::CutAfterCreate, about("f-lost"));
    // The one that makes the namespace names it in its body only.
    proxy.first(1, Fault::CutAfterCreate, |a| a.verb == "create" && a.resource == "namespaces");
    lab.stack(profile("f-lost"), "f-lost").await;
    assert_eq!(world(lab, "f-lost").await, world(lab, "f-calm").await);
    let made = creations(lab, mark, "tenant-f-lost");
    assert!(made.values().all(|times| *times == 1), "made more than once: {made:#?}");
    let hits = proxy.hits();
    assert_eq!(hits.len(), made.len(), "each answer was lost: {made:#?}");
    let secrets = hits.iter().filter(|h| h.asked.resource == "secrets");
    (secrets.map(|h| h.withheld.clone()).collect(), hits.len())
}

#[tokio::test]
async fn a_stack_whose_every_creation_loses_its_answer_is_the_same_and_made_once() {
    let lab = Lab::own().await;
    let (_, lost) = answers_lost(&lab, dev).await;
    assert!(lost > 10, "{lost}");
}

#[tokio::test]
async fn generated_values_survive_the_loss_of_the_answer_that_told_them() {
    let lab = Lab::own().await;
    let (secrets, lost) = answers_lost(&lab, everything).await;
    assert!(lost > 25, "{lost}");
    assert_eq!(secrets.len(), 1);
    let live = lab.object("f-lost", "secrets", "tenantry-grafana").await.unwrap();
    assert!(live["data"].as_object().is_some_and(|d| !d.is_empty()));
    assert_eq!(live["data"], secrets[0]["data"]);
    assert_eq!(live["metadata"]["uid"], secrets[0]["metadata"]["uid"]);
}

/// Everything that one tenant's life makes the operator write.
async fn a_life(lab: &Lab, name: &str) {
    let deleted = with(tenant(name, "f-life"), "/deletionPolicy", json!("Delete"));
    lab.apply(std::slice::from_ref(&deleted)).await;
    lab.ready(name).await;
    let more = json!({ "services": [{ "name": "core", "replicas": 3 }] });
    let more = with(deleted.clone(), "/overrides", more);
    lab.apply(std::slice::from_ref(&more)).await;
    lab.ready(name).await;
    lab.apply(&[with(more.clone(), "/suspend", json!(true))]).await;
    lab.says(name, "Ready", "False", "Suspended").await;
    lab.apply(&[more]).await;
    lab.ready(name).await;
}

#[tokio::test]
async fn a_life_in_which_every_write_loses_its_answer_once_is_the_same() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let process = lab.operator_through(&proxy, "life", &[]);
    process.ready().await;
    lab.apply(&[everything("f-life")]).await;
    a_life(&lab, "f-calm").await;
    let ours = |a: &Asked| about("f-lost")(a) || (a.resource == "tenants" && a.name == "f-lost");
    proxy.always(Fault::CutAfterWrite, ours);
    a_life(&lab, "f-lost").await;
    assert_eq!(world(&lab, "f-lost").await, world(&lab, "f-calm").await);
    for name in ["f-calm", "f-lost"] {
        let core = lab.object(name, "deployments", "core").await.unwrap();
        assert_eq!(core["spec"]["replicas"], 3, "{name}");
        let gateway = lab.object(name, "deployments", "tenantry-gateway").await.unwrap();
        let env = gateway["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
        let since = env.iter().find(|entry| entry["name"] == "TENANTRY_SENDERS_SINCE").unwrap();
        // The latter where the namespace came late.
        let tenant = lab.tenant(name).await;
        let namespace = lab.api.get("namespaces", "", &format!("tenant-{name}")).await.unwrap();
        let made = [&tenant, &namespace].map(|object| &object["metadata"]["creationTimestamp"]);
        assert!(made.contains(&&since["value"]), "{name}: {since} {made:?}");
    }
    lab.api.delete("tenants", "", "f-lost").await.unwrap();
    lab.gone("tenants", "", "f-lost").await;
    lab.gone("namespaces", "", "tenant-f-lost").await;
    let lost: Vec<String> = proxy.hits().iter().map(|hit| hit.asked.what()).collect();
    for what in [
        "patch deployments/ tenant-f-lost/core",
        "patch tenants/ /f-lost",
        "patch tenants/status /f-lost",
        "delete namespaces/ /tenant-f-lost",
    ] {
        assert!(lost.iter().any(|l| l == what), "{what}: {lost:#?}");
    }
}
