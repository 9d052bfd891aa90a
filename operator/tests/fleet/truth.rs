//! Ready is the truth: every way that a stack can fail, named, and its recovery.

use serde_json::{Value, json};

use crate::support::{Lab, dev, edit, eventually, lab::condition, prod, tenant, with};

const SAMPLE: &str = "tenantry.dev/sample:1";

/// Sets the image of the first service and applies the profile again.
async fn use_image(lab: &Lab, name: &str, image: &str) {
    lab.apply(&[with(dev(name), "/services/0/image", json!(image))]).await;
}

/// A tenant whose core fails from the beginning, and its recovery by another image.
async fn fails_by_image(name: &str, image: &str, reason: &str, words: &[&str]) {
    let lab = Lab::shared().await;
    lab.apply(&[with(dev(name), "/services/0/image", json!(image)), tenant(name, name)]).await;
    let message = lab.says(name, "Ready", "False", reason).await;
    assert!(message.starts_with("core: Pod core-"), "component and object: {message}");
    for word in words {
        assert!(message.contains(word), "{word}: {message}");
    }
    let t = lab.tenant(name).await;
    let components = t["status"]["components"].as_array().unwrap();
    let core = components.iter().find(|c| c["name"] == "core").unwrap();
    assert_eq!(core["ready"], false);
    assert_eq!(condition(&t, "Stalled")["status"], "False", "it can mend itself");
    use_image(&lab, name, SAMPLE).await;
    lab.ready(name).await;
}

/// Makes a running pod fail by annotation, or well again.
async fn fail_pod(lab: &Lab, tenant: &str, component: &str, kind: Option<&str>) {
    for pod in lab.pods(tenant, component).await {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let body = json!({ "metadata": { "annotations": { "ground.tenantry.dev/fail": kind } } });
        lab.api.merge("pods", &format!("tenant-{tenant}"), name, &body).await.unwrap();
    }
}

#[tokio::test]
async fn a_crash_loop_is_named_and_mended() {
    let words = ["CrashLoopBackOff", "exit code 1"];
    fails_by_image("t-crash", "tenantry.dev/fail/crash:1", "CrashLoop", &words).await;
}

#[tokio::test]
async fn a_container_out_of_memory_is_a_crash_loop() {
    fails_by_image("t-oom", "tenantry.dev/fail/oom:1", "CrashLoop", &["exit code 137"]).await;
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_is_named_and_mended() {
    let words = ["ImagePullBackOff", "not found"];
    fails_by_image("t-image", "tenantry.dev/fail/image:1", "ImagePull", &words).await;
}

#[tokio::test]
async fn a_failing_probe_is_named_and_mended() {
    fails_by_image("t-probe", "tenantry.dev/fail/probe:1", "PodNotReady", &["readiness probe"])
        .await;
}

#[tokio::test]
async fn a_pod_that_no_node_takes_is_named_and_mended() {
    let lab = Lab::shared().await;
    let nowhere = json!([{ "component": "core", "nodeSelector": { "disk": "golden" } }]);
    lab.apply(&[with(dev("t-pending"), "/scheduling", nowhere), tenant("t-pending", "t-pending")])
        .await;
    let message = lab.says("t-pending", "Ready", "False", "PodPending").await;
    assert!(message.starts_with("core: Pod core-") && message.contains("0/3 nodes"), "{message}");
    assert!(message.contains("selector") && !message.contains("preemption"), "{message}");
    // What it is being brought to is shown before it ever ran.
    let wide = lab.ground.kubectl(&["get", "tenant", "t-pending", "-o", "wide"]);
    assert!(wide.contains("t-pending@1") && wide.contains("PodPending"), "{wide}");
    lab.apply(&[dev("t-pending")]).await;
    lab.ready("t-pending").await;
}

#[tokio::test]
async fn a_claim_without_a_volume_is_named_and_mended() {
    let lab = Lab::shared().await;
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "nobody" },
        "provisioner": "nobody.example.com",
    });
    let url = "/apis/storage.k8s.io/v1/storageclasses";
    lab.api.send("POST", url, "application/json", &class).await.unwrap();
    let profile = with(dev("t-claim"), "/billing/storage/className", json!("nobody"));
    lab.apply(&[profile, tenant("t-claim", "t-claim")]).await;
    let names_it = |t: &Value| {
        let ready = condition(t, "Ready");
        ready["reason"] == "ClaimPending"
            && ready["message"].to_string().contains("PersistentVolumeClaim tenantry-billing")
    };
    lab.status("t-claim", "names the claim", names_it).await;
    // Somebody provides the volume by hand.
    let claim = lab.object("t-claim", "persistentvolumeclaims", "tenantry-billing").await.unwrap();
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "t-claim-by-hand" },
        "spec": {
            "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"], "storageClassName": "nobody",
            "hostPath": { "path": "/by-hand" },
            "claimRef": { "namespace": "tenant-t-claim", "name": "tenantry-billing", "uid": claim["metadata"]["uid"] },
        },
    });
    lab.api.send("POST", "/api/v1/persistentvolumes", "application/json", &volume).await.unwrap();
    lab.ready("t-claim").await;
}

#[tokio::test]
async fn a_replica_set_that_the_quota_blocks_is_named_and_mended() {
    let lab = Lab::shared().await;
    // The stack fits its quota; a pod that somebody added does not leave room for a larger core.
    let profile = with(dev("t-quota"), "/quota/pods", json!(3));
    lab.apply(&[profile, tenant("t-quota", "t-quota")]).await;
    lab.ready("t-quota").await;
    let extra = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "by-hand", "namespace": "tenant-t-quota" },
        "spec": { "securityContext": { "runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{ "name": "c", "image": "x", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } } }] },
    });
    lab.api.create(&extra).await.unwrap();
    let larger = json!({ "services": [{ "name": "core", "replicas": 2 }] });
    let t = with(tenant("t-quota", "t-quota"), "/overrides", larger);
    lab.apply(&[t]).await;
    let message = lab.says("t-quota", "Ready", "False", "PodRefused").await;
    assert!(
        message.contains("core: Deployment core") && message.contains("exceeded quota"),
        "{message}"
    );
    lab.api.delete("pods", "tenant-t-quota", "by-hand").await.unwrap();
    // The replica set controller backs off; a new attempt is not ours to force but by an edit.
    lab.apply(&[with(dev("t-quota"), "/quota/pods", json!(9))]).await;
    lab.ready("t-quota").await;
}

#[tokio::test]
async fn a_failed_job_is_named_and_the_next_good_one_mends_it() {
    let lab = Lab::shared().await;
    lab.stack(prod("t-job"), "t-job").await;
    run_backup(&lab, "t-job", "by-hand-1", Some("job")).await;
    let message = lab.says("t-job", "Ready", "False", "JobFailed").await;
    assert!(message.contains("backup: Job by-hand-1"), "{message}");
    run_backup(&lab, "t-job", "by-hand-2", None).await;
    lab.ready("t-job").await;
}

/// Runs the backup now, as `kubectl create job --from` does.
async fn run_backup(lab: &Lab, tenant: &str, name: &str, fail: Option<&str>) {
    let schedule = lab.object(tenant, "cronjobs", "tenantry-backup").await.unwrap();
    let mut spec = schedule["spec"]["jobTemplate"]["spec"].clone();
    spec["backoffLimit"] = 0.into();
    if let Some(kind) = fail {
        spec["template"]["metadata"]["annotations"]["ground.tenantry.dev/fail"] = kind.into();
    }
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "name": name, "namespace": format!("tenant-{tenant}"),
            "labels": schedule["spec"]["jobTemplate"]["metadata"]["labels"] },
        "spec": spec,
    });
    lab.api.create(&job).await.unwrap();
}

#[tokio::test]
async fn a_pod_that_dies_after_ready_is_named_without_reconciling() {
    let lab = Lab::shared().await;
    lab.stack(dev("t-later"), "t-later").await;
    fail_pod(&lab, "t-later", "core", Some("crash")).await;
    let message = lab.says("t-later", "Ready", "False", "CrashLoop").await;
    assert!(message.starts_with("core: Pod core-"), "{message}");
    let t = lab.tenant("t-later").await;
    assert_eq!(condition(&t, "Reconciling")["status"], "False", "everything is applied");
    fail_pod(&lab, "t-later", "core", None).await;
    lab.ready("t-later").await;
}

#[tokio::test]
async fn a_probe_that_fails_later_is_named_and_mended() {
    let lab = Lab::shared().await;
    lab.stack(dev("t-sick"), "t-sick").await;
    fail_pod(&lab, "t-sick", "gateway", Some("probe")).await;
    let message = lab.says("t-sick", "Ready", "False", "PodNotReady").await;
    assert!(message.starts_with("gateway: Pod tenantry-gateway-"), "{message}");
    fail_pod(&lab, "t-sick", "gateway", None).await;
    lab.ready("t-sick").await;
}

#[tokio::test]
async fn a_deleted_pod_comes_back_and_ready_with_it() {
    let lab = Lab::shared().await;
    lab.stack(dev("t-gone"), "t-gone").await;
    let pod = lab.pods("t-gone", "core").await.remove(0);
    let name = pod["metadata"]["name"].as_str().unwrap();
    lab.api.delete("pods", "tenant-t-gone", name).await.unwrap();
    eventually("another pod runs", async || {
        let pods = lab.pods("t-gone", "core").await;
        let other = pods.iter().any(|p| p["metadata"]["uid"] != pod["metadata"]["uid"]);
        crate::support::holds(other, format!("{} pods", pods.len()))
    })
    .await;
    lab.ready("t-gone").await;
}

#[tokio::test]
async fn one_failing_component_leaves_the_others_ready() {
    let lab = Lab::shared().await;
    let image = json!("tenantry.dev/fail/image:1");
    let profile = edit(prod("t-part"), |spec| spec["telemetry"]["grafana"]["image"] = image);
    lab.apply(&[profile, tenant("t-part", "t-part")]).await;
    lab.says("t-part", "Ready", "False", "ImagePull").await;
    let others_run = |t: &Value| {
        let all = t["status"]["components"].as_array().unwrap();
        all.iter().all(|c| c["ready"] == (c["name"] != "grafana"))
    };
    lab.status("t-part", "all but grafana run", others_run).await;
}

#[tokio::test]
async fn a_failure_is_told_in_an_event() {
    let lab = Lab::shared().await;
    let profile = with(dev("t-event"), "/services/0/image", json!("tenantry.dev/fail/crash:1"));
    lab.apply(&[profile, tenant("t-event", "t-event")]).await;
    lab.says("t-event", "Ready", "False", "CrashLoop").await;
    eventually("a warning about the tenant", async || {
        let events = lab.api.list("events", "default", "").await;
        let found = events.iter().any(|e| {
            e["regarding"]["name"] == "t-event"
                && e["reason"] == "CrashLoop"
                && e["type"] == "Warning"
        });
        crate::support::holds(found, format!("{} events", events.len()))
    })
    .await;
}
