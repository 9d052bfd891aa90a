//! The operator can do what it must, and nothing else; what it lacks it names.

use serde_json::{Value, json};

use crate::support::{
    Api, Lab,
    api::{Refused, url},
    dev, eventually, everything, holds,
    lab::SYSTEM,
    tenant,
};

const ROLE: [&str; 3] = ["clusterroles", "", "tenantry-operator"];

#[tokio::test]
async fn a_secret_in_kube_system_is_out_of_reach() {
    let lab = Lab::shared().await;
    let operator = lab.as_operator().await;
    let theirs = json!({ "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "theirs", "namespace": "kube-system" } });
    lab.api.create(&theirs).await.unwrap();
    assert_eq!(operator.get("secrets", "kube-system", "theirs").await.unwrap_err().code, 403);
    assert_eq!(operator.delete("secrets", "kube-system", "theirs").await.unwrap_err().code, 403);
    assert!(lab.api.get("secrets", "kube-system", "theirs").await.is_ok());
}

#[tokio::test]
async fn secrets_of_other_names_are_out_of_reach_even_in_a_tenants_namespace() {
    let lab = Lab::shared().await;
    lab.stack(dev("k-secret"), "k-secret").await;
    let operator = lab.as_operator().await;
    let theirs = json!({ "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "customers-own", "namespace": "tenant-k-secret" } });
    lab.api.create(&theirs).await.unwrap();
    let read = operator.get("secrets", "tenant-k-secret", "customers-own").await;
    assert_eq!(read.unwrap_err().code, 403);
    let url = "/api/v1/namespaces/tenant-k-secret/secrets";
    let list = operator.send("GET", url, "application/json", &Value::Null).await;
    assert_eq!(list.unwrap_err().code, 403);
}

#[tokio::test]
async fn what_holds_data_cannot_be_deleted_one_by_one() {
    let lab = Lab::shared().await;
    lab.stack(everything("k-data"), "k-data").await;
    let operator = lab.as_operator().await;
    for (plural, name) in
        [("secrets", "tenantry-grafana"), ("persistentvolumeclaims", "tenantry-billing")]
    {
        lab.object("k-data", plural, name).await.unwrap();
        let refused = operator.delete(plural, "tenant-k-data", name).await.unwrap_err();
        assert_eq!(refused.code, 403, "{plural}: {refused}");
    }
}

#[tokio::test]
async fn writes_outside_tenants_namespaces_are_denied_by_the_policy() {
    let lab = Lab::shared().await;
    let operator = lab.as_operator().await;
    let objects = [
        json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "evil", "namespace": "default" },
            "spec": { "selector": { "matchLabels": { "a": "b" } }, "template": {
                "metadata": { "labels": { "a": "b" } },
                "spec": { "containers": [{ "name": "c", "image": "x" }] } } } }),
        json!({ "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "evil", "namespace": "kube-system" } }),
        json!({ "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "tenantry-grafana", "namespace": "default" } }),
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "evil" } }),
    ];
    for object in objects {
        eventually(&format!("{} is denied", object["kind"]), async || {
            let refused = operator.apply(&object).await.err();
            let text = refused.map_or_else(|| "taken".to_owned(), |r| r.to_string());
            holds(text.starts_with("403") && text.contains("may write only in namespaces"), text)
        })
        .await;
    }
}

#[tokio::test]
async fn deletes_outside_tenants_namespaces_are_denied_by_the_policy() {
    let lab = Lab::shared().await;
    let operator = lab.as_operator().await;
    // The API server takes a moment to know of the policy; until then nothing must go.
    let url = "/api/v1/namespaces/default/services/kubernetes?dryRun=All";
    let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions" });
    eventually("deleting a Service of others is denied", async || {
        let refused = operator.send("DELETE", url, "application/json", &options).await.err();
        let text = refused.map_or_else(|| "taken".to_owned(), |r| r.to_string());
        holds(text.starts_with("403") && text.contains("may write only in namespaces"), text)
    })
    .await;
    for (plural, namespace, name) in
        [("configmaps", "kube-public", "kube-root-ca.crt"), ("namespaces", "", "default")]
    {
        let refused = operator.delete(plural, namespace, name).await.unwrap_err();
        assert_eq!(refused.code, 403, "{plural}: {refused}");
    }
}

/// Whether the boundary said no, with these words.
fn denied(answer: Result<Value, Refused>, words: &str) -> Result<(), String> {
    let text = answer.err().map_or_else(|| "taken".to_owned(), |r| r.to_string());
    holds(text.starts_with("403") && text.contains(words), text)
}

#[tokio::test]
async fn what_stands_beside_the_operator_is_out_of_its_reach() {
    let lab = Lab::shared().await;
    let operator = lab.as_operator().await;
    let beside = |version: &str, kind: &str, name: &str| json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name, "namespace": SYSTEM } });
    let prices = beside("v1", "ConfigMap", "k-prices");
    let held = beside("coordination.k8s.io/v1", "Lease", "k-held");
    // The API server takes a moment to know of the policy; a dry run asks without harm.
    let dry = format!("{}?dryRun=All", url("configmaps", SYSTEM, ""));
    eventually("the boundary is in force", async || {
        let answer = operator.send("POST", &dry, "application/json", &prices).await;
        denied(answer, "may write only in namespaces")
    })
    .await;
    let mut wrong = Vec::new();
    for object in [&prices, &beside("v1", "ServiceAccount", "k-account"), &held] {
        let answer = operator.create(object).await;
        wrong.extend(
            denied(answer, "may write only in namespaces")
                .err()
                .map(|why| (object["kind"].clone(), why)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    lab.api.create(&prices).await.unwrap();
    let free = json!({ "data": { "catalogue": "free" } });
    let changed = operator.merge("configmaps", SYSTEM, "k-prices", &free).await;
    denied(changed, "may write only in namespaces").unwrap();
    let deleted = operator.delete("configmaps", SYSTEM, "k-prices").await;
    denied(deleted, "may write only in namespaces").unwrap();
}

#[tokio::test]
async fn the_operator_lowers_no_namespaces_pod_security() {
    let lab = Lab::shared().await;
    lab.stack(dev("k-level"), "k-level").await;
    let operator = lab.as_operator().await;
    let labelled = |level: Value| json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": level } } });
    let words = "pod-security.kubernetes.io/enforce";
    for level in [json!("privileged"), json!("baseline"), Value::Null] {
        let answer = operator.merge("namespaces", "", "tenant-k-level", &labelled(level)).await;
        denied(answer, words).unwrap();
    }
    let older = json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce-version": "v1.19" } } });
    denied(operator.merge("namespaces", "", "tenant-k-level", &older).await, words).unwrap();
    let open =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "tenant-k-open" } });
    denied(operator.create(&open).await, words).unwrap();

    // What an administrator lowered does not keep the operator from its other work.
    let low = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "tenant-k-low",
        "labels": { "pod-security.kubernetes.io/enforce": "baseline" } } });
    lab.api.create(&low).await.unwrap();
    let note = json!({ "metadata": { "annotations": { "example.com/note": "a" } } });
    operator.merge("namespaces", "", "tenant-k-low", &note).await.unwrap();
    operator.delete("namespaces", "", "tenant-k-low").await.unwrap();
}

#[tokio::test]
async fn the_operator_changes_no_specs_of_our_resources_by_status_rights() {
    let lab = Lab::shared().await;
    lab.stack(dev("k-spec"), "k-spec").await;
    let operator = lab.as_operator().await;
    let profile = operator
        .merge("deploymentprofiles", "", "k-spec", &json!({ "spec": { "tier": "prod" } }))
        .await;
    assert_eq!(profile.unwrap_err().code, 403);
    assert_eq!(operator.delete("tenants", "", "k-spec").await.unwrap_err().code, 403);
    assert_eq!(operator.create(&tenant("k-new", "k-spec")).await.unwrap_err().code, 403);
}

#[tokio::test]
async fn other_accounts_are_not_touched_by_the_policy() {
    let lab = Lab::shared().await;
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "anybody", "namespace": "default" } });
    lab.api.create(&map).await.unwrap();
}

/// The shipped rules without one right, for a kind or for all of them.
pub fn without(rules: &Value, plural: &str, verb: &str) -> Value {
    let mut left = Vec::new();
    for rule in rules.as_array().unwrap() {
        let mut rule = rule.clone();
        let has = rule["resources"].as_array().unwrap().iter().any(|r| r == plural);
        if has {
            // The right goes from this one; its neighbours in the rule keep theirs.
            let mut less = rule.clone();
            less["resources"] = json!([plural]);
            less["verbs"].as_array_mut().unwrap().retain(|v| v != verb);
            // A rule without verbs is none.
            if less["verbs"].as_array().is_some_and(|v| !v.is_empty()) {
                left.push(less);
            }
            rule["resources"].as_array_mut().unwrap().retain(|r| r != plural);
        }
        if rule["resources"].as_array().is_some_and(|r| !r.is_empty()) {
            left.push(rule);
        }
    }
    Value::Array(left)
}

/// Waits until the API server answers the operator's question "may I" so.
pub async fn may(operator: &Api, verb: &str, group: &str, plural: &str, allowed: bool) {
    let name = if plural == "secrets" { "tenantry-grafana" } else { "" };
    let ask = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "verb": verb, "group": group, "resource": plural, "namespace": "tenant-x", "name": name } } });
    eventually(&format!("may {verb} {plural}: {allowed}"), async || {
        let answer = operator.create(&ask).await.map_err(|r| r.to_string())?;
        holds(answer["status"]["allowed"] == allowed, &answer["status"])
    })
    .await;
}

pub async fn set_rules(lab: &Lab, rules: &Value) {
    let patch = json!({ "rules": rules });
    lab.api.merge(ROLE[0], ROLE[1], ROLE[2], &patch).await.unwrap();
}
