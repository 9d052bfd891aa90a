//! What a deleted tenant leaves, how it comes back, and how it goes for good.

use serde_json::{Value, json};

use crate::support::{
    Lab,
    apifault::{Asked, Fault},
    dev, eventually, everything, holds,
    lab::is,
    prod, tenant, with,
};

const GRAFANA: (&str, &str) = ("secrets", "tenantry-grafana");
const BILLING: (&str, &str) = ("persistentvolumeclaims", "tenantry-billing");

/// Uid, volume and password: what must survive.
async fn data_of(lab: &Lab, name: &str) -> [Value; 4] {
    let claim = lab.object(name, BILLING.0, BILLING.1).await.unwrap();
    let secret = lab.object(name, GRAFANA.0, GRAFANA.1).await.unwrap();
    let uid = |o: &Value| o["metadata"]["uid"].clone();
    [uid(&claim), claim["spec"]["volumeName"].clone(), uid(&secret), secret["data"].clone()]
}

/// A production tenant that came and went with `Retain`; gives its uid and data.
async fn left_behind(lab: &Lab, name: &str) -> (String, [Value; 4]) {
    let t = lab.stack(prod(name), name).await;
    let data = data_of(lab, name).await;
    lab.api.delete("tenants", "", name).await.unwrap();
    lab.gone("tenants", "", name).await;
    (t["metadata"]["uid"].as_str().unwrap().to_owned(), data)
}

#[tokio::test]
async fn retain_keeps_and_marks_what_holds_data() {
    let lab = Lab::shared().await;
    let (uid, data) = left_behind(&lab, "d-retain").await;
    assert_eq!(data_of(&lab, "d-retain").await, data);
    let ns = lab.api.get("namespaces", "", "tenant-d-retain").await.unwrap();
    let claim = lab.object("d-retain", BILLING.0, BILLING.1).await.unwrap();
    let secret = lab.object("d-retain", GRAFANA.0, GRAFANA.1).await.unwrap();
    for kept in [&ns, &claim, &secret] {
        assert_eq!(kept["metadata"]["labels"]["tenantry.dev/retained"], "true");
        assert_eq!(kept["metadata"]["annotations"]["tenantry.dev/tenant-uid"], uid.as_str());
        assert!(kept["metadata"]["deletionTimestamp"].is_null());
    }
}

#[tokio::test]
async fn retain_removes_everything_else() {
    let lab = Lab::shared().await;
    left_behind(&lab, "d-rest").await;
    let ours = "labelSelector=app.kubernetes.io/managed-by=tenantry";
    for plural in [
        "deployments",
        "services",
        "configmaps",
        "serviceaccounts",
        "networkpolicies",
        "cronjobs",
        "ingresses",
        "horizontalpodautoscalers",
        "poddisruptionbudgets",
        "resourcequotas",
        "limitranges",
    ] {
        let left = lab.api.list(plural, "tenant-d-rest", ours).await;
        assert!(left.is_empty(), "{plural}: {left:?}");
    }
}

#[tokio::test]
async fn delete_removes_the_namespace() {
    let lab = Lab::shared().await;
    let t = with(tenant("d-delete", "d-delete"), "/deletionPolicy", json!("Delete"));
    lab.apply(&[everything("d-delete"), t]).await;
    lab.ready("d-delete").await;
    lab.api.delete("tenants", "", "d-delete").await.unwrap();
    lab.gone("tenants", "", "d-delete").await;
    lab.gone("namespaces", "", "tenant-d-delete").await;
}

#[tokio::test]
async fn the_policy_may_change_before_the_deletion() {
    let lab = Lab::shared().await;
    lab.stack(prod("d-policy"), "d-policy").await;
    let body = json!({ "spec": { "deletionPolicy": "Delete" } });
    lab.api.merge("tenants", "", "d-policy", &body).await.unwrap();
    lab.api.delete("tenants", "", "d-policy").await.unwrap();
    lab.gone("namespaces", "", "tenant-d-policy").await;
}

#[tokio::test]
async fn a_new_tenant_of_the_name_is_refused_with_the_way_out() {
    let lab = Lab::shared().await;
    let (uid, data) = left_behind(&lab, "d-again").await;
    lab.apply(&[tenant("d-again", "d-again")]).await;
    let message = lab.says("d-again", "Stalled", "True", "NamespaceNotOwned").await;
    assert!(message.contains(&format!("the retained stack of uid {uid}")), "{message}");
    assert!(message.contains("spec.adopt.previousUid"), "{message}");
    assert!(message.contains(&format!("tenantry.dev/purge={uid}")), "{message}");
    assert!(lab.api.list("deployments", "tenant-d-again", "").await.is_empty());
    assert_eq!(data_of(&lab, "d-again").await, data);
}

#[tokio::test]
async fn the_way_out_is_open_while_a_new_tenant_waits_for_the_name() {
    let lab = Lab::shared().await;
    let (uid, _) = left_behind(&lab, "d-out").await;
    lab.apply(&[tenant("d-out", "d-out")]).await;
    lab.says("d-out", "Stalled", "True", "NamespaceNotOwned").await;
    let ask =
        |value: &str| json!({ "metadata": { "annotations": { "tenantry.dev/purge": value } } });
    // Another uid than that of the stack that is kept removes nothing.
    let t = lab.tenant("d-out").await;
    let ours = t["metadata"]["uid"].as_str().unwrap();
    lab.api.merge("namespaces", "", "tenant-d-out", &ask(ours)).await.unwrap();
    lab.nudge("d-out").await;
    lab.says("d-out", "Stalled", "True", "NamespaceNotOwned").await;
    let kept = lab.api.get("namespaces", "", "tenant-d-out").await.unwrap();
    assert!(kept["metadata"]["deletionTimestamp"].is_null(), "{kept}");
    lab.api.merge("namespaces", "", "tenant-d-out", &ask(&uid)).await.unwrap();
    lab.ready("d-out").await;
    let anew = lab.api.get("namespaces", "", "tenant-d-out").await.unwrap();
    assert_ne!(anew["metadata"]["uid"], kept["metadata"]["uid"]);
}

#[tokio::test]
async fn adopting_finds_claim_volume_and_secret_again() {
    let lab = Lab::shared().await;
    let (uid, data) = left_behind(&lab, "d-adopt").await;
    let heir = with(tenant("d-adopt", "d-adopt"), "/adopt", json!({ "previousUid": uid }));
    lab.apply(&[heir]).await;
    let t = lab.ready("d-adopt").await;
    assert_eq!(data_of(&lab, "d-adopt").await, data);
    let claim = lab.object("d-adopt", BILLING.0, BILLING.1).await.unwrap();
    assert!(claim["metadata"]["labels"]["tenantry.dev/retained"].is_null(), "in use again");
    let owner = &claim["metadata"]["annotations"]["tenantry.dev/tenant-uid"];
    assert_eq!(*owner, t["metadata"]["uid"]);
}

#[tokio::test]
async fn adopting_another_uid_is_refused() {
    let lab = Lab::shared().await;
    let (uid, _) = left_behind(&lab, "d-wrong").await;
    let other = "00000000-0000-0000-0000-000000000000";
    let t = with(tenant("d-wrong", "d-wrong"), "/adopt", json!({ "previousUid": other }));
    lab.apply(&[t]).await;
    let message = lab.says("d-wrong", "Stalled", "True", "NamespaceNotOwned").await;
    assert!(message.contains(&uid), "{message}");
}

#[tokio::test]
async fn an_annotation_on_the_namespace_purges_a_retained_stack() {
    let lab = Lab::shared().await;
    let (uid, _) = left_behind(&lab, "d-purge").await;
    let ask =
        |value: &str| json!({ "metadata": { "annotations": { "tenantry.dev/purge": value } } });
    lab.api.merge("namespaces", "", "tenant-d-purge", &ask("yes")).await.unwrap();
    let ns = lab.api.get("namespaces", "", "tenant-d-purge").await.unwrap();
    assert!(ns["metadata"]["deletionTimestamp"].is_null(), "only the uid counts");
    lab.api.merge("namespaces", "", "tenant-d-purge", &ask(&uid)).await.unwrap();
    lab.gone("namespaces", "", "tenant-d-purge").await;
}

#[tokio::test]
async fn purging_a_stack_that_lives_does_nothing() {
    let lab = Lab::shared().await;
    let t = lab.stack(prod("d-alive"), "d-alive").await;
    let ask =
        json!({ "metadata": { "annotations": { "tenantry.dev/purge": t["metadata"]["uid"] } } });
    lab.api.merge("namespaces", "", "tenant-d-alive", &ask).await.unwrap();
    // Something that the operator must do afterwards shows that it has seen the annotation.
    lab.api.delete("services", "tenant-d-alive", "core").await.unwrap();
    lab.becomes("d-alive", ("services", "core"), "is back", |_| true).await;
    let ns = lab.api.get("namespaces", "", "tenant-d-alive").await.unwrap();
    assert!(ns["metadata"]["deletionTimestamp"].is_null());
}

#[tokio::test]
async fn deletion_needs_no_profile_and_no_valid_spec() {
    let lab = Lab::shared().await;
    let name = "d-invalid";
    lab.stack(prod(name), name).await;
    let wrong = json!({ "services": [{ "name": "nobody", "replicas": 1 }] });
    lab.apply(&[with(tenant(name, name), "/overrides", wrong)]).await;
    lab.says(name, "Stalled", "True", "OverrideUnknown").await;
    lab.api.delete("deploymentprofiles", "", name).await.unwrap();
    lab.api.delete("tenants", "", name).await.unwrap();
    lab.gone("tenants", "", name).await;
    assert!(lab.object(name, BILLING.0, BILLING.1).await.is_ok());
    assert!(lab.api.list("deployments", "tenant-d-invalid", "").await.is_empty());
}

#[tokio::test]
async fn a_tenant_that_never_had_a_stack_goes_at_once() {
    let lab = Lab::shared().await;
    lab.apply(&[tenant("d-never", "d-never")]).await;
    lab.says("d-never", "Stalled", "True", "ProfileMissing").await;
    lab.api.delete("tenants", "", "d-never").await.unwrap();
    lab.gone("tenants", "", "d-never").await;
}

#[tokio::test]
async fn a_suspended_tenant_can_be_deleted() {
    let lab = Lab::shared().await;
    lab.stack(prod("d-susp"), "d-susp").await;
    let body = json!({ "spec": { "suspend": true } });
    lab.api.merge("tenants", "", "d-susp", &body).await.unwrap();
    lab.says("d-susp", "Ready", "False", "Suspended").await;
    lab.api.delete("tenants", "", "d-susp").await.unwrap();
    lab.gone("tenants", "", "d-susp").await;
    assert!(lab.object("d-susp", BILLING.0, BILLING.1).await.is_ok());
}

#[tokio::test]
async fn deleting_says_what_it_waits_for() {
    let lab = Lab::shared().await;
    lab.stack(prod("d-wait"), "d-wait").await;
    // A finalizer of somebody else holds one of our objects.
    let hold = json!({ "metadata": { "finalizers": ["example.com/hold"] } });
    lab.api.merge("deployments", "tenant-d-wait", "core", &hold).await.unwrap();
    lab.api.delete("tenants", "", "d-wait").await.unwrap();
    let t = eventually("says that core is going away", async || {
        let t = lab.tenant("d-wait").await;
        let message = crate::support::lab::condition(&t, "Reconciling")["message"].clone();
        holds(message.to_string().contains("Deployment core"), &message).map(|()| t)
    })
    .await;
    assert!(is(&t, "Ready", "False") && is(&t, "Reconciling", "True"));
    let free = json!({ "metadata": { "finalizers": [] } });
    lab.api.merge("deployments", "tenant-d-wait", "core", &free).await.unwrap();
    lab.gone("tenants", "", "d-wait").await;
}

#[tokio::test]
async fn a_finalizer_removed_by_force_loses_no_data() {
    let lab = Lab::shared().await;
    let name = "d-force";
    let t = with(tenant(name, name), "/pausedUntil", json!("2036-01-01T00:00:00Z"));
    lab.stack(prod(name), name).await;
    let data = data_of(&lab, name).await;
    lab.apply(&[t]).await;
    lab.says(name, "Reconciling", "False", "Paused").await;
    lab.api.delete("tenants", "", name).await.unwrap();
    lab.api.merge("tenants", "", name, &json!({ "metadata": { "finalizers": [] } })).await.unwrap();
    lab.gone("tenants", "", name).await;
    // The garbage collector takes what has an owner; data has none.
    lab.gone("deployments", "tenant-d-force", "core").await;
    assert_eq!(data_of(&lab, name).await, data);
}

/// Somebody who replaces the Tenant as a whole drops what stands in its metadata. Without the finalizer a
/// deletion would neither drain the gateway nor remove data.
#[tokio::test]
async fn a_finalizer_that_somebody_dropped_comes_back() {
    let lab = Lab::shared().await;
    let name = "d-bare";
    lab.stack(dev(name), name).await;
    let bare = json!({ "metadata": { "finalizers": [] } });
    lab.api.merge("tenants", "", name, &bare).await.unwrap();
    eventually("has its finalizer again", async || {
        let t = lab.tenant(name).await;
        let has = t["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        holds(has, &t["metadata"])
    })
    .await;
}

#[tokio::test]
async fn a_deletion_that_a_pause_holds_goes_on_when_it_ends() {
    let lab = Lab::shared().await;
    let name = "d-held";
    lab.stack(dev(name), name).await;
    let soon = k8s_openapi::jiff::Timestamp::now() + std::time::Duration::from_secs(6);
    lab.apply(&[with(tenant(name, name), "/pausedUntil", json!(soon.to_string()))]).await;
    lab.api.delete("tenants", "", name).await.unwrap();
    lab.says(name, "Ready", "False", "Deleting").await;
    lab.gone("tenants", "", name).await;
}

/// What cannot be had back goes by what stands there, not by what was seen of it; and what keeps it is told to who waits.
#[tokio::test]
async fn a_purge_that_is_refused_is_told_of_and_can_be_taken_back() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let process = lab.operator_through(&proxy, "purges", &[]);
    let (uid, _) = left_behind(&lab, "d-back").await;
    lab.apply(&[tenant("d-back", "d-back")]).await;
    lab.says("d-back", "Stalled", "True", "NamespaceNotOwned").await;
    let purges = |asked: &Asked| asked.verb == "delete" && asked.resource == "namespaces";
    proxy.always(Fault::Refuse(403), purges);
    let ask =
        |value: Value| json!({ "metadata": { "annotations": { "tenantry.dev/purge": value } } });
    lab.api.merge("namespaces", "", "tenant-d-back", &ask(json!(uid))).await.unwrap();
    let message = lab.says("d-back", "Stalled", "True", "Rejected").await;
    assert!(message.contains("Namespace tenant-d-back: refused by the test"), "{message}");
    // Taken back, and the operator has not seen it yet.
    proxy.hold(|asked| asked.resource == "namespaces");
    let ns = lab.api.merge("namespaces", "", "tenant-d-back", &ask(Value::Null)).await.unwrap();
    proxy.obey();
    let before = proxy.count(purges);
    lab.nudge("d-back").await;
    eventually("the operator asked for it", async || {
        holds(proxy.count(purges) > before, "it did not ask")
    })
    .await;
    proxy.release();
    lab.says("d-back", "Stalled", "True", "NamespaceNotOwned").await;
    let kept = lab.api.get("namespaces", "", "tenant-d-back").await.unwrap();
    assert!(kept["metadata"]["deletionTimestamp"].is_null(), "{kept}");
    assert_eq!(kept["metadata"]["uid"], ns["metadata"]["uid"]);
    lab.end(process).await;
}
