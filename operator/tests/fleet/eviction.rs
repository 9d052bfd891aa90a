//! Nodes can be drained in every tier: no pod of ours stands in the way.

use serde_json::{Value, json};

use crate::support::{Lab, dev, eventually, everything, holds, tenant, with};

fn names(pods: &[Value]) -> Vec<String> {
    let alive = pods.iter().filter(|p| p["metadata"]["deletionTimestamp"].is_null());
    alive.map(|p| p["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

/// Evicts every pod of the tenant, one component after the other, as a drain does: what a budget
/// refuses now is tried again.
async fn drain(lab: &Lab, name: &str, components: &[&str]) {
    let namespace = format!("tenant-{name}");
    for component in components {
        let pods = names(&lab.pods(name, component).await);
        assert!(!pods.is_empty(), "{component}");
        for pod in pods {
            eventually(&format!("{pod} is evicted"), async || {
                match lab.api.evict(&namespace, &pod).await {
                    Err(refused) if refused.code != 404 => Err(refused.to_string()),
                    _ => Ok(()),
                }
            })
            .await;
        }
    }
    lab.ready(name).await;
}

#[tokio::test]
async fn every_pod_of_a_dev_tenant_can_be_evicted() {
    let lab = Lab::shared().await;
    lab.stack(dev("e-dev"), "e-dev").await;
    drain(&lab, "e-dev", &["core", "gateway"]).await;
}

#[tokio::test]
async fn every_pod_of_a_prod_tenant_can_be_evicted() {
    let lab = Lab::shared().await;
    lab.stack(everything("e-prod"), "e-prod").await;
    let all = ["core", "transcribe", "store", "gateway", "collector", "metrics", "grafana"];
    drain(&lab, "e-prod", &all).await;
}

#[tokio::test]
async fn every_pod_of_a_tenant_with_accelerators_can_be_evicted() {
    let lab = Lab::shared().await;
    let accelerated = with(tenant("e-gpu", "e-gpu"), "/overlays", json!(["gpu"]));
    lab.apply(&[everything("e-gpu"), accelerated]).await;
    lab.ready("e-gpu").await;
    let pods = lab.pods("e-gpu", "transcribe").await;
    let limits = &pods[0]["spec"]["containers"][0]["resources"]["limits"];
    assert_eq!(limits["nvidia.com/gpu"], "1");
    let all = ["transcribe", "core", "store", "gateway", "collector", "metrics", "grafana"];
    drain(&lab, "e-gpu", &all).await;
}

#[tokio::test]
async fn a_budget_lets_one_pod_go_at_a_time() {
    let lab = Lab::shared().await;
    lab.stack(everything("e-one"), "e-one").await;
    // One pod is not ready, so the budget is used up for the healthy one.
    let pods = names(&lab.pods("e-one", "core").await);
    let sick = json!({ "metadata": { "annotations": { "ground.tenantry.dev/fail": "probe" } } });
    lab.api.merge("pods", "tenant-e-one", &pods[0], &sick).await.unwrap();
    let used = |b: &Value| b["status"]["disruptionsAllowed"] == 0;
    lab.becomes("e-one", ("poddisruptionbudgets", "core"), "is used up", used).await;
    let refused = lab.api.evict("tenant-e-one", &pods[1]).await.unwrap_err();
    assert_eq!(refused.code, 429, "{refused}");
    // The broken one may go at any time.
    lab.api.evict("tenant-e-one", &pods[0]).await.unwrap();
    eventually("both run again", async || {
        let budget = lab.object("e-one", "poddisruptionbudgets", "core").await.unwrap();
        holds(budget["status"]["disruptionsAllowed"] == 1, &budget["status"])
    })
    .await;
}
