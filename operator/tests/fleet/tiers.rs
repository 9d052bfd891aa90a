//! From tier to tier and back: data is detached, never lost, and found again.

use serde_json::{Value, json};

use crate::support::{Lab, dev, everything, lab::is};

async fn move_to(lab: &Lab, name: &str, profile: &str) -> Value {
    let body = json!({ "spec": { "profileRef": { "name": profile } } });
    lab.api.merge("tenants", "", name, &body).await.unwrap();
    let revision = format!("{profile}@1");
    lab.status(name, &format!("runs {revision}"), |t| {
        is(t, "Ready", "True")
            && is(t, "Reconciling", "False")
            && t["status"]["profileRevision"]["current"] == revision.as_str()
    })
    .await
}

async fn data_of(lab: &Lab, name: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for claim in ["tenantry-billing", "tenantry-metrics-data", "store-data"] {
        let live = lab.object(name, "persistentvolumeclaims", claim).await.unwrap();
        all.extend([live["metadata"]["uid"].clone(), live["spec"]["volumeName"].clone()]);
    }
    let secret = lab.object(name, "secrets", "tenantry-grafana").await.unwrap();
    all.extend([secret["metadata"]["uid"].clone(), secret["data"].clone()]);
    all
}

#[tokio::test]
async fn dev_prod_dev_prod_finds_the_same_data() {
    let lab = Lab::shared().await;
    lab.apply(&[everything("move-prod")]).await;
    lab.stack(dev("move-dev"), "mover").await;
    let billing = lab.object("mover", "persistentvolumeclaims", "tenantry-billing").await.unwrap();
    move_to(&lab, "mover", "move-prod").await;
    let before = data_of(&lab, "mover").await;
    assert_eq!(before[0], billing["metadata"]["uid"]);
    let t = move_to(&lab, "mover", "move-dev").await;
    let retained = json!([
        "Secret tenantry-grafana",
        "PersistentVolumeClaim store-data",
        "PersistentVolumeClaim tenantry-metrics-data",
    ]);
    assert_eq!(t["status"]["retained"], retained);
    assert_eq!(data_of(&lab, "mover").await, before, "detached, not touched");
    for (plural, name) in [
        ("deployments", "transcribe"),
        ("deployments", "tenantry-grafana"),
        ("cronjobs", "tenantry-backup"),
        ("ingresses", "core"),
        ("horizontalpodautoscalers", "transcribe"),
        ("configmaps", "tenantry-metrics"),
    ] {
        lab.gone(plural, "tenant-mover", name).await;
    }
    let t = move_to(&lab, "mover", "move-prod").await;
    assert_eq!(data_of(&lab, "mover").await, before);
    assert!(t["status"]["retained"].is_null(), "{}", t["status"]["retained"]);
    let claim = lab.object("mover", "persistentvolumeclaims", "store-data").await.unwrap();
    assert!(claim["metadata"]["labels"]["tenantry.dev/retained"].is_null());
}

#[tokio::test]
async fn a_service_taken_out_of_a_profile_keeps_its_claim() {
    let lab = Lab::shared().await;
    lab.stack(everything("out"), "out").await;
    let before = data_of(&lab, "out").await;
    let mut less = everything("out");
    less["spec"]["services"].as_array_mut().unwrap().retain(|s| s["name"] != "store");
    lab.apply(&[less]).await;
    let listed = |t: &Value| {
        t["status"]["retained"] == json!(["PersistentVolumeClaim store-data"])
            && is(t, "Ready", "True")
    };
    lab.status("out", "the claim is listed as retained", listed).await;
    lab.gone("deployments", "tenant-out", "store").await;
    lab.apply(&[everything("out")]).await;
    lab.status("out", "in use again", |t| {
        t["status"]["retained"].is_null() && is(t, "Ready", "True")
    })
    .await;
    assert_eq!(data_of(&lab, "out").await, before);
}

#[tokio::test]
async fn moving_to_a_profile_that_is_not_there_keeps_everything() {
    let lab = Lab::shared().await;
    lab.stack(dev("lost"), "lost").await;
    let body = json!({ "spec": { "profileRef": { "name": "nowhere" } } });
    lab.api.merge("tenants", "", "lost", &body).await.unwrap();
    let message = lab.says("lost", "Ready", "False", "ProfileMissing").await;
    assert!(message.contains("lost@1 still runs"), "{message}");
    let core = lab.object("lost", "deployments", "core").await.unwrap();
    assert_eq!(core["status"]["availableReplicas"], 1);
}
