//! The operator can do what it must, and nothing else; what it lacks it names.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{Api, Lab, dev, eventually, everything, holds, lab::SYSTEM, tenant};

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
    for (plural, namespace, name) in
        [("configmaps", "kube-public", "kube-root-ca.crt"), ("namespaces", "", "default")]
    {
        let refused = operator.delete(plural, namespace, name).await.unwrap_err();
        assert_eq!(refused.code, 403, "{plural}: {refused}");
    }
    let services = operator.delete("services", "default", "kubernetes").await.unwrap_err();
    assert!(services.message.contains("may write only in namespaces"), "{services}");
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
async fn may(operator: &Api, verb: &str, group: &str, plural: &str, allowed: bool) {
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

#[tokio::test]
async fn each_missing_right_is_named_with_verb_and_resource() {
    let lab = Arc::new(Lab::own().await);
    let process = lab.operator("rights");
    process.ready().await;
    lab.apply(&[everything("all")]).await;
    let operator = lab.as_operator().await;
    let rules = lab.api.get(ROLE[0], ROLE[1], ROLE[2]).await.unwrap()["rules"].clone();
    for (number, kind) in operator::kinds::Kind::ALL.into_iter().enumerate() {
        let resource = kind.resource();
        // To create and to patch in turn: an apply needs both.
        let verb = if number % 2 == 0 { "create" } else { "patch" };
        let name = format!("k-{}", resource.plural);
        set_rules(&lab, &without(&rules, resource.plural, verb)).await;
        may(&operator, verb, resource.group, resource.plural, false).await;
        lab.apply(&[tenant(&name, "all")]).await;
        let message = lab.says(&name, "Stalled", "True", "Forbidden").await;
        let words = format!("may not {verb} {} in tenant-{name}", resource.plural);
        assert!(message.contains(&words), "{message}");
        assert!(message.contains("ClusterRole \"tenantry-operator\""), "{message}");
        set_rules(&lab, &rules).await;
        may(&operator, verb, resource.group, resource.plural, true).await;
        lab.nudge(&name).await;
        lab.ready(&name).await;
        lab.api.delete("tenants", "", &name).await.unwrap();
    }
}

#[tokio::test]
async fn a_missing_right_to_delete_is_named_while_deleting() {
    let lab = Lab::own().await;
    let process = lab.operator("rights-delete");
    process.ready().await;
    lab.stack(dev("k-delete"), "k-delete").await;
    let operator = lab.as_operator().await;
    let rules = lab.api.get(ROLE[0], ROLE[1], ROLE[2]).await.unwrap()["rules"].clone();
    set_rules(&lab, &without(&rules, "deployments", "delete")).await;
    may(&operator, "delete", "apps", "deployments", false).await;
    lab.api.delete("tenants", "", "k-delete").await.unwrap();
    let message = lab.says("k-delete", "Stalled", "True", "Forbidden").await;
    assert!(message.contains("may not delete deployments in tenant-k-delete"), "{message}");
    set_rules(&lab, &rules).await;
    lab.gone("tenants", "", "k-delete").await;
}

#[tokio::test]
async fn without_the_right_to_watch_it_is_not_ready() {
    let lab = Lab::own().await;
    let rules = lab.api.get(ROLE[0], ROLE[1], ROLE[2]).await.unwrap()["rules"].clone();
    let operator = lab.as_operator().await;
    set_rules(&lab, &without(&rules, "networkpolicies", "list")).await;
    may(&operator, "list", "networking.k8s.io", "networkpolicies", false).await;
    let process = lab.operator("rights-watch");
    eventually("readyz names the watch", async || {
        let answer = process.get("/readyz").await.map_err(|e| e.to_string())?;
        let named = answer.starts_with("HTTP/1.1 503") && answer.contains("networkpolicies");
        holds(named, answer)
    })
    .await;
    set_rules(&lab, &rules).await;
    process.ready().await;
    eventually("it leads", async || lab.api.get("leases", SYSTEM, "tenantry-operator").await).await;
}
