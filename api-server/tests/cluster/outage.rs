//! The cluster out of reach: usage is taken all the same, and what it comes to is told afterwards.

use serde_json::json;

use crate::{
    gate::Gate,
    lab::{Lab, eventually, holds},
    seen::{metrics, series},
};

#[tokio::test]
async fn what_came_while_the_cluster_was_out_of_reach_is_told_afterwards() {
    let lab = Lab::new().await;
    let gate = Gate::to(lab.address()).await;
    let kubeconfig = lab.kubeconfig_by(&format!("https://{}", gate.address));
    let server = lab.serve_by(&kubeconfig, &["--snapshot-interval", "2", "--status-interval", "1"]);
    let uid = lab.operated("acme", json!({})).await;
    lab.ingest(&server, "acme", "e-1", "100").await;
    lab.until("acme", "figures", |seen| seen.meter("ingestion") == "100").await;

    gate.set(false);
    lab.ingest(&server, "acme", "e-2", "380").await;
    let unanswered = "tenantry_cluster_status_writes_total{outcome=\"unanswered\"}";
    eventually("a write that nobody answers", async || {
        let text = metrics(&server).await;
        holds(series(&text, unanswered).is_some(), "none yet")
    })
    .await;
    // Somebody is made and goes meanwhile.
    lab.operated("borealis", json!({})).await;
    gate.set(true);

    let seen = lab.until("acme", "what came", |seen| seen.meter("ingestion") == "480").await;
    assert_eq!(seen.says("QuotaWithinLimits"), ("False", "HardLimitReached"));
    eventually("both levels are told", async || {
        let told = lab.events(&uid, "UsageThresholdReached").await;
        holds(told.len() == 2, format!("{told:?}"))
    })
    .await;
    lab.until("borealis", "its plan", |seen| seen.plan() == "team").await;
    let lease = lab.lease().await.unwrap().spec.unwrap();
    assert_eq!(lease.lease_duration_seconds, Some(180));
}

#[tokio::test]
async fn figures_are_vouched_for_while_they_are_kept() {
    let lab = Lab::new().await;
    assert!(lab.lease().await.is_none());
    let mut server = lab.serve(&[]);
    let first = eventually("the Lease", async || lab.lease().await.ok_or("there is none")).await;
    let spec = first.spec.unwrap();
    assert!(spec.renew_time.is_some() && spec.holder_identity.is_some());
    assert!(server.stop().0.success());
    // Another one goes on with it.
    let _server = lab.serve(&[]);
    eventually("it is renewed", async || {
        let now = lab.lease().await.unwrap().spec.unwrap();
        holds(now.holder_identity != spec.holder_identity, format!("{now:?}"))
    })
    .await;
}
