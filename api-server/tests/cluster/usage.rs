//! What accounts come to stands in their tenants' status, and is written when there is something new.

use serde_json::json;

use crate::{
    lab::{Lab, eventually, holds},
    seen::{Seen, metrics, series},
};

const WRITTEN: &str = "tenantry_cluster_status_writes_total{outcome=\"written\"}";

#[tokio::test]
async fn usage_speaks_through_the_tenants_status() {
    let lab = Lab::new().await;
    let mut server = lab.serve(&["--snapshot-interval", "2"]);
    let uid = lab.operated("acme", json!({})).await;
    lab.ingest(&server, "acme", "e-1", "100").await;
    let seen = lab.until("acme", "figures", |seen| seen.meter("ingestion") == "100").await;
    assert_eq!((seen.plan(), seen.used()), ("team", "ingestion 20 %"));
    assert_eq!(seen.says("PlanAccepted"), ("True", "Accepted"));
    assert_eq!(seen.says("QuotaWithinLimits"), ("True", "WithinLimits"));
    assert_eq!(seen.usage.unwrap().plan.as_deref(), Some("team@1"));

    for (id, more, reason, events) in
        [("e-2", "300", "SoftLimitReached", 1), ("e-3", "75", "HardLimitReached", 2)]
    {
        lab.ingest(&server, "acme", id, more).await;
        let said = |seen: &Seen| seen.says("QuotaWithinLimits") == ("False", reason);
        lab.until("acme", reason, said).await;
        eventually("an event", async || {
            let told = lab.events(&uid, "UsageThresholdReached").await;
            holds(told.len() == events, format!("{told:?}"))
        })
        .await;
    }
    let mut told = lab.events(&uid, "UsageThresholdReached").await;
    told.sort();
    for (note, used, mark) in [(&told[0], 400, 80), (&told[1], 475, 95)] {
        assert!(note.starts_with(&format!("ingestion: {used} of ")), "{note}");
        assert!(note.ends_with(&format!(" GB used, {mark} % of the quota is reached")), "{note}");
    }
    // Another server writes nothing and raises nothing again.
    let version = lab.version("acme").await;
    assert!(server.stop().0.success());
    let server = lab.serve(&["--snapshot-interval", "2"]);
    eventually("it has seen all", async || {
        let vouched = series(&metrics(&server).await, "tenantry_cluster_heartbeat_age_seconds");
        holds(vouched.is_some(), "no heartbeat yet")
    })
    .await;
    rounds(&lab, &server).await;
    assert_eq!(lab.version("acme").await, version);
    assert_eq!(lab.events(&uid, "UsageThresholdReached").await.len(), 2);
}

/// Other tenants' figures get through, so that there was time for this one's.
async fn rounds(lab: &Lab, server: &crate::serving::Serving) {
    for name in ["borealis", "cobalt"] {
        lab.operated(name, json!({})).await;
        lab.ingest(server, name, "e-1", "10").await;
        lab.until(name, "figures", |seen| seen.meter("ingestion") == "10").await;
    }
}

#[tokio::test]
async fn nothing_is_written_while_nothing_is_new_and_what_others_wrote_is_put_right() {
    let lab = Lab::new().await;
    let server = lab.serve(&["--snapshot-interval", "2", "--status-interval", "1"]);
    lab.operated("acme", json!({})).await;
    lab.ingest(&server, "acme", "e-1", "100").await;
    let seen = lab.until("acme", "figures", |seen| seen.meter("ingestion") == "100").await;
    rounds(&lab, &server).await;
    assert_eq!(lab.version("acme").await, seen.version, "no write at all");

    // The operator's mark, and somebody's hand.
    let before = series(&metrics(&server).await, WRITTEN).unwrap();
    let patch = json!({ "status": { "display": { "usage": "all is well" } } });
    let params =
        kube::api::PatchParams { field_manager: Some("somebody".into()), ..Default::default() };
    let patch = kube::api::Patch::Merge(&patch);
    lab.tenants().patch_status("acme", &params, &patch).await.unwrap();
    lab.until("acme", "put right", |seen| seen.used() == "ingestion 20 %").await;
    let stale = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": "acme" },
        "status": { "conditions": [{ "type": "QuotaWithinLimits", "status": "Unknown", "reason": "Stale",
            "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" }] },
    });
    let params = kube::api::PatchParams::apply("tenantry-operator-stale").force();
    lab.tenants().patch_status("acme", &params, &kube::api::Patch::Apply(&stale)).await.unwrap();
    lab.until("acme", "put right", |seen| seen.says("QuotaWithinLimits").1 == "WithinLimits").await;
    let text = metrics(&server).await;
    assert_eq!(series(&text, WRITTEN), Some(before + 2), "{text}");
}

#[tokio::test]
async fn figures_alone_wait_and_levels_do_not() {
    let lab = Lab::new().await;
    let server = lab.serve(&["--snapshot-interval", "2", "--status-interval", "86400"]);
    lab.operated("acme", json!({})).await;
    lab.ingest(&server, "acme", "e-1", "100").await;
    let first = lab.until("acme", "figures", |seen| seen.meter("ingestion") == "100").await;
    lab.ingest(&server, "acme", "e-2", "1").await;
    rounds(&lab, &server).await;
    assert_eq!(lab.version("acme").await, first.version);
    lab.ingest(&server, "acme", "e-3", "299").await;
    let seen = lab.until("acme", "the level", |seen| seen.meter("ingestion") == "400").await;
    assert_eq!(seen.says("QuotaWithinLimits"), ("False", "SoftLimitReached"));
}
