//! Services that stop for a used-up quota: decided by the API server in a status, done by the operator,
//! and undone exactly.

use serde_json::{Value, json};

use crate::{
    figures::{renew, speak, statuses},
    support::{Lab, dev, eventually, everything, holds, lab::condition},
    suspend::{replicas, scale},
};

const NEVER: &str = "2099-12-01T00:00:00Z";
const LONG_AGO: &str = "2026-11-20T12:00:00Z";

/// What the API server says of a tenant that has used all: its decision, until when its figures may be
/// acted on, and when the period ends.
fn told(action: &str, valid_until: &str, end: &str) -> Value {
    json!({
        "display": { "plan": "team", "health": "–", "usage": "ingestion 101 %", "projected": "–" },
        "usage": {
            "plan": "team@1", "asOf": LONG_AGO, "validUntil": valid_until,
            "period": { "start": "2026-11-01T00:00:00Z", "end": end },
            "meters": [{ "name": "ingestion", "used": "505", "quota": "500", "ratioPpm": 1_010_000, "level": "hard" }],
            "highest": { "meter": "ingestion", "ratioPpm": 1_010_000 },
            "enforcement": { "action": action, "notBefore": LONG_AGO, "asOf": LONG_AGO },
        },
    })
}

/// The API server decides so, on figures that are good for long.
async fn decides(lab: &Lab, name: &str, action: &str) {
    speak(lab, name, &told(action, NEVER, NEVER)).await;
}

/// The spec says what is to be done.
async fn asks(lab: &Lab, name: &str, policy: &str) {
    let action = json!({ "spec": { "quotaAction": { "policy": policy } } });
    lab.api.merge("tenants", "", name, &action).await.unwrap();
}

async fn stops(lab: &Lab, name: &str) -> Value {
    lab.says(name, "Suspended", "True", "QuotaUsedUp").await;
    lab.says(name, "Ready", "False", "Suspended").await;
    assert_eq!(replicas(lab, name, "core").await, 0);
    lab.tenant(name).await
}

async fn runs(lab: &Lab, name: &str, core: i64) {
    lab.says(name, "Suspended", "False", "NotSuspended").await;
    lab.ready(name).await;
    assert_eq!(replicas(lab, name, "core").await, core);
}

/// The operator has looked at it, and left it running.
async fn left_running(lab: &Lab, name: &str, core: i64) {
    statuses(lab, name, lab.mark()).await;
    assert_eq!(condition(&lab.tenant(name).await, "Suspended")["status"], "False");
    assert_eq!(replicas(lab, name, "core").await, core);
}

#[tokio::test]
async fn services_stop_for_a_used_up_quota_and_come_back_exactly() {
    let lab = Lab::own().await;
    renew(&lab, "2026-11-28T23:00:00.000000Z", 3600).await;
    let process = lab.operator("enforce-0");
    process.ready().await;
    lab.stack(everything("q-seven"), "q-seven").await;
    scale(&lab, "q-seven", "transcribe", 7).await;
    let core = replicas(&lab, "q-seven", "core").await;

    // Nobody asked for it, or it is not to be yet.
    decides(&lab, "q-seven", "Suspend").await;
    left_running(&lab, "q-seven", core).await;
    for action in ["Alert", "Announced", "Held"] {
        decides(&lab, "q-seven", action).await;
        asks(&lab, "q-seven", "Suspend").await;
        left_running(&lab, "q-seven", core).await;
    }

    decides(&lab, "q-seven", "Suspend").await;
    let stopped = stops(&lab, "q-seven").await;
    let message = condition(&stopped, "Suspended")["message"].as_str().unwrap().to_owned();
    for part in [
        "ingestion has reached 100 % of its quota",
        "since 2026-11-20T12:00:00Z until",
        "spec.quotaAction.policy: Alert",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(replicas(&lab, "q-seven", "transcribe").await, 0);
    assert_eq!(replicas(&lab, "q-seven", "tenantry-gateway").await, 1, "it is spared");
    let job = lab.object("q-seven", "cronjobs", "tenantry-backup").await.unwrap();
    assert_eq!(job["spec"]["suspend"], false);

    // A person's word stands beside it, and changes nothing of it.
    let by_hand = |yes: bool| json!({ "spec": { "suspend": yes } });
    lab.api.merge("tenants", "", "q-seven", &by_hand(true)).await.unwrap();
    lab.says("q-seven", "Suspended", "True", "SpecSuspend").await;
    lab.api.merge("tenants", "", "q-seven", &by_hand(false)).await.unwrap();
    stops(&lab, "q-seven").await;

    // The API server takes it back.
    let mut undone = told("Suspend", NEVER, NEVER);
    undone["usage"].as_object_mut().unwrap().remove("enforcement");
    speak(&lab, "q-seven", &undone).await;
    runs(&lab, "q-seven", core).await;
    assert_eq!(replicas(&lab, "q-seven", "transcribe").await, 7);

    // So does the spec, at once and without the API server.
    decides(&lab, "q-seven", "Suspend").await;
    stops(&lab, "q-seven").await;
    asks(&lab, "q-seven", "Alert").await;
    runs(&lab, "q-seven", core).await;
    assert_eq!(replicas(&lab, "q-seven", "transcribe").await, 7);
    lab.end(process).await;
}

/// The API server is silent, or not any more, as far as the operator knows.
async fn is_silent(lab: &Lab, yes: bool) {
    let (at, lasts) = if yes { ("10", 2) } else { ("20", 3600) };
    renew(lab, &format!("2026-11-28T23:{at}:00.000000Z"), lasts).await;
    let witness = told("Alert", NEVER, NEVER);
    eventually("the operator knows of it", async || {
        speak(lab, "q-witness", &witness).await;
        statuses(lab, "q-witness", lab.mark()).await;
        let shown = lab.tenant("q-witness").await["status"]["display"]["usage"].clone();
        let marked = shown.as_str().is_some_and(|shown| shown.ends_with("(stale)"));
        holds(marked == yes, shown)
    })
    .await;
}

#[tokio::test]
async fn nothing_begins_on_old_figures_and_what_is_in_force_ends_with_its_period() {
    let lab = Lab::own().await;
    renew(&lab, "2026-11-28T23:00:00.000000Z", 3600).await;
    let mut process = lab.operator("enforce-0");
    process.ready().await;
    for name in ["q-old", "q-force", "q-witness"] {
        lab.stack(dev(name), name).await;
        asks(&lab, name, "Suspend").await;
    }
    let core = replicas(&lab, "q-old", "core").await;

    // Figures that are too old begin nothing; newer ones do.
    speak(&lab, "q-force", &told("Suspend", LONG_AGO, NEVER)).await;
    left_running(&lab, "q-force", core).await;
    decides(&lab, "q-force", "Suspend").await;
    stops(&lab, "q-force").await;
    // What is in force stays when they grow old.
    speak(&lab, "q-force", &told("Suspend", LONG_AGO, NEVER)).await;
    lab.status("q-force", "it says that it is kept", |t| {
        let message = condition(t, "Suspended")["message"].clone();
        message.as_str().is_some_and(|m| m.contains("The figures are old"))
    })
    .await;
    stops(&lab, "q-force").await;

    // Silence begins nothing, and ends nothing, not with another operator either.
    is_silent(&lab, true).await;
    decides(&lab, "q-old", "Suspend").await;
    left_running(&lab, "q-old", core).await;
    stops(&lab, "q-force").await;
    lab.end(process).await;
    process = lab.operator("enforce-1");
    process.ready().await;
    is_silent(&lab, true).await;
    stops(&lab, "q-force").await;
    // Its period ends all the same.
    let soon = k8s_openapi::jiff::Timestamp::now().as_second() + 2;
    let soon = k8s_openapi::jiff::Timestamp::from_second(soon).unwrap().to_string();
    speak(&lab, "q-force", &told("Suspend", LONG_AGO, &soon)).await;
    runs(&lab, "q-force", core).await;

    // It is heard from again, and says the same again.
    is_silent(&lab, false).await;
    decides(&lab, "q-old", "Suspend").await;
    speak(&lab, "q-old", &told("Suspend", "2099-11-01T00:00:00Z", NEVER)).await;
    stops(&lab, "q-old").await;
    lab.end(process).await;
}
