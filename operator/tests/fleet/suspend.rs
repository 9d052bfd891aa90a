//! Suspension stops the services, spares what holds data, and comes back exactly.

use serde_json::{Value, json};

use crate::support::{Lab, dev, edit, everything, lab::is, tenant, with};

async fn suspend(lab: &Lab, name: &str, on: bool) {
    let body = json!({ "spec": { "suspend": on } });
    lab.api.merge("tenants", "", name, &body).await.unwrap();
    if on {
        lab.says(name, "Ready", "False", "Suspended").await;
    } else {
        lab.ready(name).await;
    }
}

pub async fn scale(lab: &Lab, tenant: &str, deployment: &str, replicas: i64) {
    let namespace = format!("tenant-{tenant}");
    let body = json!({ "spec": { "replicas": replicas } });
    lab.api.merge_sub(["deployments", &namespace, deployment], "scale", &body).await.unwrap();
    let available = |d: &Value| d["status"]["availableReplicas"] == replicas;
    lab.becomes(tenant, ("deployments", deployment), "scaled", available).await;
}

pub async fn replicas(lab: &Lab, tenant: &str, deployment: &str) -> i64 {
    let live = lab.object(tenant, "deployments", deployment).await.unwrap();
    live["spec"]["replicas"].as_i64().unwrap()
}

#[tokio::test]
async fn a_suspended_tenant_stops_its_services_and_comes_back() {
    let lab = Lab::shared().await;
    lab.stack(everything("s-plain"), "s-plain").await;
    suspend(&lab, "s-plain", true).await;
    let t = lab.tenant("s-plain").await;
    assert!(is(&t, "Suspended", "True") && is(&t, "Reconciling", "False"));
    for name in ["core", "store", "transcribe"] {
        assert_eq!(replicas(&lab, "s-plain", name).await, 0, "{name}");
        assert!(
            lab.pods("s-plain", name)
                .await
                .iter()
                .all(|p| !p["metadata"]["deletionTimestamp"].is_null())
        );
    }
    suspend(&lab, "s-plain", false).await;
    assert_eq!(replicas(&lab, "s-plain", "core").await, 2);
    assert_eq!(replicas(&lab, "s-plain", "store").await, 1);
    assert_eq!(replicas(&lab, "s-plain", "transcribe").await, 1);
}

/// Nobody gets a minute out of it that the operator does not write against others without end.
#[tokio::test]
async fn who_starts_a_suspended_service_again_and_again_does_not_have_it() {
    let lab = Lab::shared().await;
    lab.stack(dev("s-again"), "s-again").await;
    suspend(&lab, "s-again", true).await;
    for _ in 0..8 {
        let one = json!({ "spec": { "replicas": 1 } });
        let core = ["deployments", "tenant-s-again", "core"];
        lab.api.merge_sub(core, "scale", &one).await.unwrap();
        lab.becomes("s-again", ("deployments", "core"), "stopped", |d: &Value| {
            d["spec"]["replicas"] == 0
        })
        .await;
    }
}

#[tokio::test]
async fn gateway_storage_and_backups_are_spared() {
    let lab = Lab::shared().await;
    lab.stack(everything("s-spared"), "s-spared").await;
    let uid = async || {
        let pods = lab.pods("s-spared", "gateway").await;
        pods[0]["metadata"]["uid"].clone()
    };
    let before = uid().await;
    suspend(&lab, "s-spared", true).await;
    assert_eq!(replicas(&lab, "s-spared", "tenantry-gateway").await, 1);
    assert_eq!(uid().await, before, "the gateway is not even restarted");
    let job = lab.object("s-spared", "cronjobs", "tenantry-backup").await.unwrap();
    assert_eq!(job["spec"]["suspend"], false);
    for claim in ["tenantry-billing", "store-data"] {
        let claim = lab.object("s-spared", "persistentvolumeclaims", claim).await.unwrap();
        assert_eq!(claim["status"]["phase"], "Bound");
    }
}

#[tokio::test]
async fn an_autoscalers_seven_comes_back_as_seven() {
    let lab = Lab::shared().await;
    lab.stack(everything("s-seven"), "s-seven").await;
    scale(&lab, "s-seven", "transcribe", 7).await;
    suspend(&lab, "s-seven", true).await;
    let parked = lab.object("s-seven", "deployments", "transcribe").await.unwrap();
    assert_eq!(parked["metadata"]["annotations"]["tenantry.dev/replicas-before-suspend"], "7");
    suspend(&lab, "s-seven", false).await;
    let back = lab.object("s-seven", "deployments", "transcribe").await.unwrap();
    assert_eq!(back["spec"]["replicas"], 7);
    assert!(back["metadata"]["annotations"]["tenantry.dev/replicas-before-suspend"].is_null());
}

#[tokio::test]
async fn an_external_replica_count_is_kept_and_restored() {
    let lab = Lab::shared().await;
    let profile = with(dev("s-external"), "/services/0/replicas", json!("External"));
    lab.stack(profile, "s-external").await;
    scale(&lab, "s-external", "core", 5).await;
    lab.nudge("s-external").await;
    suspend(&lab, "s-external", true).await;
    assert_eq!(replicas(&lab, "s-external", "core").await, 0);
    suspend(&lab, "s-external", false).await;
    assert_eq!(replicas(&lab, "s-external", "core").await, 5);
}

#[tokio::test]
async fn a_parked_service_that_somebody_scales_up_goes_down_again() {
    let lab = Lab::shared().await;
    lab.stack(everything("s-up"), "s-up").await;
    scale(&lab, "s-up", "transcribe", 4).await;
    suspend(&lab, "s-up", true).await;
    let body = json!({ "spec": { "replicas": 2 } });
    lab.api.merge_sub(["deployments", "tenant-s-up", "transcribe"], "scale", &body).await.unwrap();
    let down = |d: &Value| d["spec"]["replicas"] == 0;
    lab.becomes("s-up", ("deployments", "transcribe"), "down again", down).await;
    suspend(&lab, "s-up", false).await;
    assert_eq!(replicas(&lab, "s-up", "transcribe").await, 4, "the memory stays");
}

#[tokio::test]
async fn an_edit_while_suspended_starts_nothing() {
    let lab = Lab::shared().await;
    lab.stack(dev("s-edit"), "s-edit").await;
    suspend(&lab, "s-edit", true).await;
    lab.apply(&[with(dev("s-edit"), "/services/0/image", json!("tenantry.dev/sample:2"))]).await;
    let moved = |t: &Value| t["status"]["profileRevision"]["current"] == "s-edit@2";
    lab.status("s-edit", "follows the profile", moved).await;
    assert_eq!(replicas(&lab, "s-edit", "core").await, 0);
    suspend(&lab, "s-edit", false).await;
    let live = lab.object("s-edit", "deployments", "core").await.unwrap();
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "tenantry.dev/sample:2");
}

#[tokio::test]
async fn a_tenant_may_begin_suspended() {
    let lab = Lab::shared().await;
    let t = edit(tenant("s-begin", "s-begin"), |spec| spec["suspend"] = true.into());
    lab.apply(&[everything("s-begin"), t]).await;
    lab.says("s-begin", "Ready", "False", "Suspended").await;
    assert!(lab.pods("s-begin", "core").await.is_empty());
    suspend(&lab, "s-begin", false).await;
    assert_eq!(replicas(&lab, "s-begin", "transcribe").await, 1);
}

#[tokio::test]
async fn handing_replicas_to_an_autoscaler_keeps_their_number() {
    let lab = Lab::shared().await;
    let mut profile = dev("s-handover");
    profile["spec"]["services"][0]["replicas"] = json!(3);
    profile["spec"]["quota"] =
        json!({ "cpu": "20", "memory": "20Gi", "storage": "20Gi", "pods": 50 });
    lab.stack(profile, "s-handover").await;
    let name = lab.tenant("s-handover").await["spec"]["profileRef"]["name"].clone();
    let service = lab.profile(name.as_str().unwrap()).await["spec"]["services"][0]["name"].clone();
    let core = service.as_str().unwrap();
    let mark = lab.mark();
    let external = json!({ "services": [{ "name": core, "replicas": "External" }] });
    lab.apply(&[with(tenant("s-handover", "s-handover"), "/overrides", external)]).await;
    lab.becomes("s-handover", ("deployments", core), "no longer set by us", |d| {
        d["metadata"]["managedFields"].as_array().unwrap().iter().all(|entry| {
            entry["manager"] != "tenantry-operator"
                || entry["fieldsV1"]["f:spec"]["f:replicas"].is_null()
        })
    })
    .await;
    assert_eq!(replicas(&lab, "s-handover", core).await, 3, "{:?}", lab.writes(mark));
}

/// A class of volumes that do not grow: what asks for more is refused for good.
fn rigid() -> Value {
    json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "s-rigid" },
        "provisioner": "kubernetes.io/host-path", "allowVolumeExpansion": false })
}

#[tokio::test]
async fn what_the_api_server_refuses_of_a_stack_keeps_no_service_running() {
    let lab = Lab::shared().await;
    let profile = |size: &str| {
        let storage = json!({ "size": size, "className": "s-rigid" });
        with(everything("s-refused"), "/billing/storage", storage)
    };
    lab.apply(&[rigid()]).await;
    lab.stack(profile("1Gi"), "s-refused").await;
    scale(&lab, "s-refused", "transcribe", 2).await;
    lab.apply(&[profile("2Gi")]).await;
    lab.says("s-refused", "Stalled", "True", "Rejected").await;
    let wish = async |on: bool| {
        let body = json!({ "spec": { "suspend": on } });
        lab.api.merge("tenants", "", "s-refused", &body).await.unwrap();
    };
    wish(true).await;
    lab.says("s-refused", "Suspended", "True", "SpecSuspend").await;
    for name in ["core", "store", "transcribe"] {
        assert_eq!(replicas(&lab, "s-refused", name).await, 0, "{name}");
    }
    lab.says("s-refused", "Stalled", "True", "Rejected").await;
    // They come back with what is refused mended, and until then nobody says that they have.
    wish(false).await;
    lab.says("s-refused", "Suspended", "True", "SpecNotApplied").await;
    lab.apply(&[profile("1Gi")]).await;
    lab.ready("s-refused").await;
    lab.says("s-refused", "Suspended", "False", "NotSuspended").await;
    assert_eq!(replicas(&lab, "s-refused", "transcribe").await, 2);
}

#[tokio::test]
async fn a_service_that_was_dropped_in_what_is_refused_stops_too() {
    let lab = Lab::shared().await;
    let profile = |size: &str| {
        let storage = json!({ "size": size, "className": "s-rigid" });
        with(everything("s-dropped"), "/billing/storage", storage)
    };
    lab.apply(&[rigid()]).await;
    lab.stack(profile("1Gi"), "s-dropped").await;
    let without = edit(profile("2Gi"), |spec| {
        spec["services"].as_array_mut().unwrap().retain(|service| service["name"] != "transcribe");
    });
    lab.apply(&[without]).await;
    lab.says("s-dropped", "Stalled", "True", "Rejected").await;
    assert!(lab.object("s-dropped", "deployments", "transcribe").await.is_ok(), "it was to run on");
    let body = json!({ "spec": { "suspend": true } });
    lab.api.merge("tenants", "", "s-dropped", &body).await.unwrap();
    lab.says("s-dropped", "Suspended", "True", "SpecSuspend").await;
    let dropped = lab.object("s-dropped", "deployments", "transcribe").await;
    assert_eq!(dropped.unwrap_err().code, 404);
    assert_eq!(replicas(&lab, "s-dropped", "core").await, 0);
}
