//! What is said when something stands in the way, and that nothing is broken meanwhile.

use serde_json::json;

use crate::support::{Lab, dev, everything, lab::condition, lab::is, tenant, with};

const FUTURE: &str = "2036-01-01T00:00:00Z";

#[tokio::test]
async fn a_tenant_without_a_profile_waits_for_it() {
    let lab = Lab::shared().await;
    lab.apply(&[tenant("c-noprof", "c-noprof")]).await;
    let message = lab.says("c-noprof", "Stalled", "True", "ProfileMissing").await;
    assert!(message.contains("spec.profileRef.name \"c-noprof\""), "{message}");
    let t = lab.tenant("c-noprof").await;
    assert!(is(&t, "Ready", "False") && is(&t, "ProfileValid", "False"));
    assert_eq!(lab.api.get("namespaces", "", "tenant-c-noprof").await.unwrap_err().code, 404);
    lab.apply(&[dev("c-noprof")]).await;
    lab.ready("c-noprof").await;
}

#[tokio::test]
async fn a_profile_that_goes_missing_freezes_its_stacks() {
    let lab = Lab::shared().await;
    lab.stack(dev("c-frozen"), "c-frozen").await;
    lab.api.delete("deploymentprofiles", "", "c-frozen").await.unwrap();
    let message = lab.says("c-frozen", "Ready", "False", "ProfileMissing").await;
    assert!(message.contains("c-frozen@1 still runs"), "{message}");
    // Nothing is pruned, and what is deleted by hand is put right even now.
    lab.api.delete("deployments", "tenant-c-frozen", "core").await.unwrap();
    lab.becomes("c-frozen", ("deployments", "core"), "runs again", |d| {
        d["status"]["availableReplicas"] == 1
    })
    .await;
    assert!(lab.object("c-frozen", "services", "core").await.is_ok());
    lab.apply(&[dev("c-frozen")]).await;
    let t = lab.ready("c-frozen").await;
    assert_eq!(t["status"]["profileRevision"]["current"], "c-frozen@1", "the same content");
}

#[tokio::test]
async fn an_override_of_an_unknown_service_is_named() {
    let lab = Lab::shared().await;
    lab.stack(dev("c-over"), "c-over").await;
    let wrong = json!({ "services": [{ "name": "cor", "replicas": 3 }] });
    lab.apply(&[with(tenant("c-over", "c-over"), "/overrides", wrong)]).await;
    let message = lab.says("c-over", "ProfileValid", "False", "OverrideUnknown").await;
    assert!(message.contains("spec.overrides.services[0].name \"cor\""), "{message}");
    assert!(message.contains("profile c-over has core"), "{message}");
    let message = lab.says("c-over", "Ready", "False", "SpecNotApplied").await;
    assert!(message.contains("c-over@1 still runs"), "{message}");
    lab.apply(&[tenant("c-over", "c-over")]).await;
    lab.ready("c-over").await;
}

#[tokio::test]
async fn replicas_of_a_service_with_storage_cannot_be_overridden() {
    let lab = Lab::shared().await;
    let many = json!({ "services": [{ "name": "store", "replicas": 2 }] });
    let t = with(tenant("c-store", "c-store"), "/overrides", many);
    lab.apply(&[everything("c-store"), t]).await;
    let message = lab.says("c-store", "Stalled", "True", "OverrideInvalid").await;
    assert!(message.contains("spec.overrides.services[0].replicas"), "{message}");
    assert!(message.contains("set 0 or 1"), "{message}");
}

#[tokio::test]
async fn an_unknown_overlay_is_named() {
    let lab = Lab::shared().await;
    let t = with(tenant("c-lay", "c-lay"), "/overlays", json!(["tpu"]));
    lab.apply(&[everything("c-lay"), t]).await;
    let message = lab.says("c-lay", "ProfileValid", "False", "OverlayUnknown").await;
    assert!(message.contains("spec.overlays[0] \"tpu\": profile c-lay has gpu"), "{message}");
}

#[tokio::test]
async fn a_quota_that_is_too_small_is_named_for_each_resource() {
    let lab = Lab::shared().await;
    for (field, value, words) in [
        ("cpu", json!("15m"), "core needs 1 × 10m"),
        ("memory", json!("20Mi"), "quota allows 20Mi"),
        ("storage", json!("1Mi"), "the stack claims 1Gi of storage"),
        ("pods", json!(1), "the stack runs 2 pods, quota allows 1"),
    ] {
        let name = format!("c-small-{field}");
        let profile = with(dev(&name), &format!("/quota/{field}"), value);
        lab.apply(&[profile, tenant(&name, &name)]).await;
        let message = lab.says(&name, "Ready", "False", "QuotaTooSmall").await;
        assert!(message.contains(words), "{field}: {message}");
        assert!(message.contains(&format!("spec.quota.{field}")), "{field}: {message}");
        lab.apply(&[dev(&name)]).await;
        lab.ready(&name).await;
    }
}

#[tokio::test]
async fn a_claim_does_not_shrink() {
    let lab = Lab::shared().await;
    lab.stack(with(dev("c-shrink"), "/billing/storage/size", json!("2Gi")), "c-shrink").await;
    lab.apply(&[dev("c-shrink")]).await;
    let message = lab.says("c-shrink", "Stalled", "True", "StorageImmutable").await;
    assert!(message.contains("spec.billing.storage is 1Gi"), "{message}");
    assert!(message.contains("a claim cannot shrink"), "{message}");
    let claim = lab.object("c-shrink", "persistentvolumeclaims", "tenantry-billing").await.unwrap();
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "2Gi");
    lab.apply(&[with(dev("c-shrink"), "/billing/storage/size", json!("2Gi"))]).await;
    lab.ready("c-shrink").await;
}

#[tokio::test]
async fn a_claim_grows() {
    let lab = Lab::shared().await;
    let before = lab.stack(dev("c-grow"), "c-grow").await;
    assert_eq!(before["status"]["profileRevision"]["current"], "c-grow@1");
    lab.apply(&[with(dev("c-grow"), "/billing/storage/size", json!("3Gi"))]).await;
    let object = ("persistentvolumeclaims", "tenantry-billing");
    lab.becomes("c-grow", object, "3Gi", |c| c["status"]["capacity"]["storage"] == "3Gi").await;
    lab.ready("c-grow").await;
}

#[tokio::test]
async fn a_claims_class_does_not_change() {
    let lab = Lab::shared().await;
    lab.stack(dev("c-class"), "c-class").await;
    lab.apply(&[with(dev("c-class"), "/billing/storage/className", json!("fast"))]).await;
    let message = lab.says("c-class", "Stalled", "True", "StorageImmutable").await;
    assert!(message.contains("\"fast\"") && message.contains("\"standard\""), "{message}");
}

#[tokio::test]
async fn scheduling_of_an_unknown_component_is_named() {
    let lab = Lab::shared().await;
    let wrong = json!([{ "component": "grafanna", "nodeSelector": { "a": "b" } }]);
    lab.apply(&[with(dev("c-sched"), "/scheduling", wrong), tenant("c-sched", "c-sched")]).await;
    let message = lab.says("c-sched", "ProfileValid", "False", "ComponentUnknown").await;
    assert!(message.contains("spec.scheduling[0].component \"grafanna\""), "{message}");
}

#[tokio::test]
async fn a_foreign_namespace_is_left_alone() {
    let lab = Lab::shared().await;
    let ns = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "tenant-c-theirs" } });
    let before = lab.api.create(&ns).await.unwrap();
    lab.apply(&[dev("c-theirs"), tenant("c-theirs", "c-theirs")]).await;
    let message = lab.says("c-theirs", "Stalled", "True", "NamespaceNotOwned").await;
    let words = "namespace tenant-c-theirs exists and belongs to nobody we know";
    assert!(message.contains(words), "{message}");
    let after = lab.api.get("namespaces", "", "tenant-c-theirs").await.unwrap();
    assert_eq!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    assert!(lab.api.list("deployments", "tenant-c-theirs", "").await.is_empty());
    // Removed, as the message says.
    lab.api.delete("namespaces", "", "tenant-c-theirs").await.unwrap();
    lab.gone("namespaces", "", "tenant-c-theirs").await;
    lab.nudge("c-theirs").await;
    lab.ready("c-theirs").await;
}

#[tokio::test]
async fn a_foreign_namespace_with_our_labels_is_still_foreign() {
    let lab = Lab::shared().await;
    let ns = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "tenant-c-fake",
        "labels": { "app.kubernetes.io/managed-by": "tenantry", "tenantry.dev/tenant": "c-fake" } } });
    lab.api.create(&ns).await.unwrap();
    lab.apply(&[dev("c-fake"), tenant("c-fake", "c-fake")]).await;
    lab.says("c-fake", "Stalled", "True", "NamespaceNotOwned").await;
    // Deleting the tenant leaves it alone, too.
    lab.api.delete("tenants", "", "c-fake").await.unwrap();
    lab.gone("tenants", "", "c-fake").await;
    let ns = lab.api.get("namespaces", "", "tenant-c-fake").await.unwrap();
    assert!(ns["metadata"]["deletionTimestamp"].is_null());
    assert!(ns["metadata"]["labels"]["tenantry.dev/retained"].is_null());
}

#[tokio::test]
async fn a_foreign_object_of_our_name_is_left_alone() {
    let lab = Lab::shared().await;
    lab.stack(dev("c-object"), "c-object").await;
    let theirs = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "tenantry-collector", "namespace": "tenant-c-object" }, "data": { "a": "b" } });
    lab.api.create(&theirs).await.unwrap();
    lab.apply(&[everything("c-object")]).await;
    let message = lab.says("c-object", "Stalled", "True", "ObjectNotOwned").await;
    assert!(message.contains("ConfigMap tenantry-collector exists and is not ours"), "{message}");
    let live = lab.object("c-object", "configmaps", "tenantry-collector").await.unwrap();
    assert_eq!(live["data"], json!({ "a": "b" }));
    lab.api.delete("configmaps", "tenant-c-object", "tenantry-collector").await.unwrap();
    lab.nudge("c-object").await;
    lab.ready("c-object").await;
}

#[tokio::test]
async fn a_paused_tenant_is_not_written_until_it_goes_on() {
    let lab = Lab::shared().await;
    lab.stack(dev("c-paused"), "c-paused").await;
    lab.apply(&[with(tenant("c-paused", "c-paused"), "/pausedUntil", json!(FUTURE))]).await;
    let message = lab.says("c-paused", "Reconciling", "False", "Paused").await;
    assert!(message.contains(FUTURE), "{message}");
    let drift = json!({ "spec": { "selector": { "tenantry.dev/component": "other" } } });
    lab.api.merge("services", "tenant-c-paused", "core", &drift).await.unwrap();
    lab.api.delete("serviceaccounts", "tenant-c-paused", "core").await.unwrap();
    lab.nudge("c-paused").await;
    // Its status still follows; then the drift is still there.
    lab.api.delete("deployments", "tenant-c-paused", "core").await.unwrap();
    lab.says("c-paused", "Ready", "False", "WaitingForObjects").await;
    let service = lab.object("c-paused", "services", "core").await.unwrap();
    assert_eq!(service["spec"]["selector"]["tenantry.dev/component"], "other");
    lab.apply(&[tenant("c-paused", "c-paused")]).await;
    lab.ready("c-paused").await;
    let service = lab.object("c-paused", "services", "core").await.unwrap();
    assert_eq!(service["spec"]["selector"]["tenantry.dev/component"], "core");
    assert!(lab.object("c-paused", "serviceaccounts", "core").await.is_ok());
}

#[tokio::test]
async fn a_pause_ends_by_itself() {
    let lab = Lab::shared().await;
    lab.stack(dev("c-pause"), "c-pause").await;
    let soon = k8s_openapi::jiff::Timestamp::now() + std::time::Duration::from_secs(4);
    lab.apply(&[with(tenant("c-pause", "c-pause"), "/pausedUntil", json!(soon.to_string()))]).await;
    lab.api.delete("services", "tenant-c-pause", "core").await.unwrap();
    lab.becomes("c-pause", ("services", "core"), "is back", |_| true).await;
    lab.ready("c-pause").await;
}

#[tokio::test]
async fn a_pause_of_a_new_tenant_writes_nothing() {
    let lab = Lab::shared().await;
    lab.apply(&[dev("c-held"), with(tenant("c-held", "c-held"), "/pausedUntil", json!(FUTURE))])
        .await;
    lab.says("c-held", "Reconciling", "False", "Paused").await;
    assert_eq!(lab.api.get("namespaces", "", "tenant-c-held").await.unwrap_err().code, 404);
    let t = lab.tenant("c-held").await;
    assert!(is(&t, "Ready", "False"), "{}", condition(&t, "Ready"));
}

#[tokio::test]
async fn a_pin_to_a_missing_revision_is_named() {
    let lab = Lab::shared().await;
    lab.stack(dev("c-pin"), "c-pin").await;
    lab.apply(&[with(tenant("c-pin", "c-pin"), "/profileRef/revision", json!(77))]).await;
    let message = lab.says("c-pin", "Stalled", "True", "RevisionMissing").await;
    assert!(message.contains("c-pin@77 does not exist; c-pin@1 still runs"), "{message}");
    assert!(message.contains("known revisions: 1"), "{message}");
    assert_eq!(
        lab.object("c-pin", "deployments", "core").await.unwrap()["status"]["availableReplicas"],
        1
    );
    lab.apply(&[tenant("c-pin", "c-pin")]).await;
    lab.ready("c-pin").await;
}

#[tokio::test]
async fn a_spec_that_only_the_server_refuses_ends_in_a_condition() {
    let lab = Lab::shared().await;
    // A zone that no machine knows passes the schema; the API server refuses the CronJob.
    let backups = json!({ "schedule": "0 3 * * *", "timeZone": "Mars/Olympus", "image": "b" });
    lab.apply(&[with(dev("c-zone"), "/backups", backups), tenant("c-zone", "c-zone")]).await;
    let message = lab.says("c-zone", "Stalled", "True", "Rejected").await;
    assert!(
        message.contains("CronJob tenantry-backup") && message.contains("timeZone"),
        "{message}"
    );
    lab.apply(&[dev("c-zone")]).await;
    lab.ready("c-zone").await;
}
