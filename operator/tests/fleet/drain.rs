//! A deleted tenant's gateway goes once the ledger has what it held. The tests speak as the API server,
//! which reports it; `api-server/tests/cluster/draining.rs` has the real one, and a real gateway.

use serde_json::{Value, json};

use crate::{
    figures::{figures, speak},
    support::{Lab, dev, eventually, holds, lab::condition, tenant, with},
};

const GATEWAY: (&str, &str) = ("deployments", "tenantry-gateway");

/// The API server says how far the drain is.
async fn drained(lab: &Lab, name: &str, sealed: bool, held: i64) {
    let mut status = figures("83");
    status["usage"]["drain"] = json!({ "sealed": sealed, "held": held });
    speak(lab, name, &status).await;
}

/// A tenant of which the API server has spoken, deleted; answers its uid once it waits.
async fn deleted(lab: &Lab, name: &str, spec: Option<(&str, Value)>) -> String {
    let made = tenant(name, name);
    let made = spec.map_or(made.clone(), |(path, value)| with(made, path, value));
    lab.apply(&[dev(name), made]).await;
    let uid = lab.ready(name).await["metadata"]["uid"].as_str().unwrap().to_owned();
    speak(lab, name, &figures("83")).await;
    lab.api.delete("tenants", "", name).await.unwrap();
    lab.says(name, "Reconciling", "True", "Draining").await;
    uid
}

/// What it says that it waits for, once that has these words.
async fn waits(lab: &Lab, name: &str, words: &str) -> String {
    eventually(&format!("{name} says {words:?}"), async || {
        let tenant = lab.tenant(name).await;
        let told = condition(&tenant, "Reconciling");
        let message = told["message"].as_str().unwrap_or_default().to_owned();
        let good = told["reason"] == "Draining" && message.contains(words);
        if good { Ok(message) } else { Err(told.to_string()) }
    })
    .await
}

async fn annotate(lab: &Lab, name: &str, value: &str) {
    let body = json!({ "metadata": { "annotations": { "tenantry.dev/discard-spool": value } } });
    lab.api.merge("tenants", "", name, &body).await.unwrap();
}

/// Gateway, account, policies, service and claim: all that it takes to hand usage over.
async fn has_what_it_needs(lab: &Lab, name: &str) {
    for (plural, object) in [
        GATEWAY,
        ("services", "tenantry-gateway"),
        ("serviceaccounts", "tenantry-gateway"),
        ("persistentvolumeclaims", "tenantry-billing"),
    ] {
        let found = lab.object(name, plural, object).await.unwrap();
        assert!(found["metadata"]["deletionTimestamp"].is_null(), "{plural} {object}");
    }
    let namespace = format!("tenant-{name}");
    assert!(!lab.api.list("networkpolicies", &namespace, "").await.is_empty());
    assert!(lab.object(name, "deployments", "core").await.is_err(), "its services have stopped");
}

#[tokio::test]
async fn what_the_gateway_holds_is_waited_for_step_by_step() {
    let lab = Lab::shared().await;
    let name = "q-wait";
    let uid = deleted(&lab, name, None).await;
    let way_out =
        format!("to give them up: kubectl annotate tenant {name} tenantry.dev/discard-spool={uid}");
    let message = waits(&lab, name, "has not said yet how much it holds").await;
    assert!(message.ends_with(&way_out), "{message}");
    has_what_it_needs(&lab, name).await;

    drained(&lab, name, false, 0).await;
    waits(&lab, name, "the gateway has not said yet that it takes no more usage").await;
    drained(&lab, name, true, 1_204).await;
    let message = waits(&lab, name, "1,204 usage events wait for the ledger").await;
    assert!(message.ends_with(&way_out), "{message}");
    let now = lab.tenant(name).await;
    assert_eq!(condition(&now, "Ready")["reason"], "Deleting");
    assert_eq!(condition(&now, "Stalled")["status"], "False");

    // Another tenant's uid, or any other word, is none.
    annotate(&lab, name, "00000000-0000-0000-0000-000000000000").await;
    let message = waits(&lab, name, "which is not the uid of this tenant, and does nothing").await;
    assert!(message.ends_with(&format!("{way_out} --overwrite")), "{message}");
    has_what_it_needs(&lab, name).await;

    drained(&lab, name, true, 0).await;
    lab.gone("tenants", "", name).await;
    lab.gone(GATEWAY.0, "tenant-q-wait", GATEWAY.1).await;
    let claim = lab.object(name, "persistentvolumeclaims", "tenantry-billing").await.unwrap();
    assert_eq!(claim["metadata"]["labels"]["tenantry.dev/retained"], "true");
}

#[tokio::test]
async fn the_tenants_uid_gives_up_what_is_held() {
    let lab = Lab::shared().await;
    let name = "q-discard";
    let uid = deleted(&lab, name, Some(("/deletionPolicy", json!("Delete")))).await;
    drained(&lab, name, true, 1_204).await;
    waits(&lab, name, "1,204 usage events").await;
    annotate(&lab, name, &uid).await;
    lab.gone("tenants", "", name).await;
    lab.gone("namespaces", "", "tenant-q-discard").await;
    eventually("an event tells of it", async || {
        let events = lab.api.list("events", "default", "").await;
        let told = events.iter().find(|event| {
            event["reason"] == "SpoolDiscarded" && event["regarding"]["uid"] == uid.as_str()
        });
        let note = told.map_or(Value::Null, |event| event["note"].clone());
        holds(note.as_str().is_some_and(|note| note.contains("1,204 usage events")), note)
    })
    .await;
}

#[tokio::test]
async fn what_was_held_is_waited_for_whoever_is_the_operator() {
    let lab = Lab::own().await;
    let process = lab.operator("drain-0");
    process.ready().await;
    deleted(&lab, "q-next", None).await;
    lab.end(process).await;
    drained(&lab, "q-next", true, 2).await;
    let process = lab.operator("drain-1");
    process.ready().await;
    waits(&lab, "q-next", "2 usage events wait for the ledger").await;
    has_what_it_needs(&lab, "q-next").await;
    lab.end(process).await;
    drained(&lab, "q-next", true, 0).await;
    let process = lab.operator("drain-2");
    process.ready().await;
    lab.gone("tenants", "", "q-next").await;
    lab.end(process).await;
}
