//! A tenant's own users cannot change what guards the tenant; who must, can.

use serde_json::{Value, json};

use crate::support::{
    Api, Lab,
    api::{Refused, url},
    dev, eventually, holds,
};

const NAMESPACE: &str = "tenant-g-rails";

/// The labels by which the operator finds what is its own.
fn ours() -> Value {
    json!({ "app.kubernetes.io/managed-by": "tenantry" })
}

/// One who may do anything in one namespace, and change the namespace itself: more than `admin`.
pub async fn mighty(lab: &Lab, user: &str, namespace: &str) -> Api {
    let rule = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
    let cluster = json!([{ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["*"] }]);
    let metadata = json!({ "name": user, "namespace": namespace });
    let subjects =
        json!([{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }]);
    let named =
        |kind: &str| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": user });
    let version = "rbac.authorization.k8s.io/v1";
    lab.apply(&[
        json!({ "apiVersion": version, "kind": "Role", "metadata": metadata, "rules": rule }),
        json!({ "apiVersion": version, "kind": "ClusterRole", "metadata": { "name": user }, "rules": cluster }),
        json!({ "apiVersion": version, "kind": "RoleBinding", "metadata": metadata,
            "roleRef": named("Role"), "subjects": subjects }),
        json!({ "apiVersion": version, "kind": "ClusterRoleBinding", "metadata": { "name": user },
            "roleRef": named("ClusterRole"), "subjects": subjects }),
    ])
    .await;
    Api::impersonating(&lab.ground.path("kubeconfig"), user, &[]).await
}

/// Whether it was the policy that said no, or why not. Where the stack's accounts are guarded too, either
/// policy may be told first.
fn by_policy(answer: Result<Value, Refused>) -> Result<(), String> {
    match answer {
        Err(refused) if refused.to_string().contains("is the stack's own") => Ok(()),
        answer => refused_with(answer, "this guards a tenant"),
    }
}

pub fn refused_with(answer: Result<Value, Refused>, words: &str) -> Result<(), String> {
    match answer {
        Ok(_) => Err("taken".to_owned()),
        Err(refused) => {
            let text = refused.to_string();
            holds(text.starts_with("403") && text.contains(words), text)
        }
    }
}

/// As `kubectl scale` does.
async fn scaled(user: &Api, deployment: &str, replicas: u8) -> Result<Value, Refused> {
    let body = json!({ "spec": { "replicas": replicas } });
    user.merge_sub(["deployments", NAMESPACE, deployment], "scale", &body).await
}

/// An autoscaler of one's own, over a Deployment of the stack.
fn autoscaler(over: &str) -> Value {
    json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "own", "namespace": NAMESPACE },
        "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": over },
            "minReplicas": 1, "maxReplicas": 1 } })
}

/// Whom an autoscaler is over may be said later, and in an older version of the interface.
async fn autoscalers(user: &Api) -> Vec<(&'static str, Result<Value, Refused>)> {
    const OVER: &str = "tenantry-gateway";
    let mut older = autoscaler(OVER);
    older["apiVersion"] = "autoscaling/v1".into();
    let v1 = url("horizontalpodautoscalers", NAMESPACE, "").replace("/v2/", "/v1/");
    assert!(v1.contains("/autoscaling/v1/"), "{v1}");
    let all = vec![
        ("two gateways by an autoscaler", user.create(&autoscaler(OVER)).await),
        ("by one of v1", user.send("POST", &v1, "application/json", &older).await),
    ];
    // Over a service it is one's own, until it turns to the gateway.
    user.create(&autoscaler("core")).await.expect("an autoscaler over a service");
    let turned = json!({ "spec": { "scaleTargetRef": { "name": OVER } } });
    let turned = user.merge("horizontalpodautoscalers", NAMESPACE, "own", &turned).await;
    user.delete("horizontalpodautoscalers", NAMESPACE, "own").await.expect("deleted");
    all.into_iter().chain([("by one that turns to it", turned)]).collect()
}

/// The same changes by ways beside the whole object: what they reach is an object all the same.
async fn sideways(user: &Api) -> Vec<(&'static str, Result<Value, Refused>)> {
    let privileged =
        json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "privileged" } } });
    let disowned = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": null } } });
    let lifted = json!({ "status": { "hard": { "pods": "999" } } });
    let owned = json!({ "metadata": { "ownerReferences": [{ "apiVersion": "v1", "kind": "ConfigMap",
        "name": "gone", "uid": "00000000-0000-4000-8000-000000000000" }] } });
    let another =
        json!({ "metadata": { "annotations": { "tenantry.dev/tenant-uid": "another" } } });
    let mut whole = user.get("namespaces", "", NAMESPACE).await.expect("the namespace");
    whole["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "privileged".into();
    // Whatever was written meanwhile.
    whole["metadata"]["resourceVersion"] = Value::Null;
    let finalize = format!("{}/finalize", url("namespaces", "", NAMESPACE));
    let quota = ["resourcequotas", NAMESPACE, "tenantry"];
    let claim = ["persistentvolumeclaims", NAMESPACE, "tenantry-billing"];
    let gateway = ["services", NAMESPACE, "tenantry-gateway"];
    vec![
        (
            "pod security lowered by the status",
            user.merge_sub(["namespaces", "", NAMESPACE], "status", &privileged).await,
        ),
        (
            "pod security lowered by finalize",
            user.send("PUT", &finalize, "application/json", &whole).await,
        ),
        ("the quota lifted by its status", user.merge_sub(quota, "status", &lifted).await),
        ("the claim disowned by its status", user.merge_sub(claim, "status", &disowned).await),
        ("a Service disowned by its status", user.merge_sub(gateway, "status", &disowned).await),
        ("the claim disowned", user.merge(claim[0], NAMESPACE, claim[2], &disowned).await),
        (
            "the claim left to the collector",
            user.merge(claim[0], NAMESPACE, claim[2], &owned).await,
        ),
        ("the claim of another tenant", user.merge(claim[0], NAMESPACE, claim[2], &another).await),
        ("the gateway scaled away", scaled(user, "tenantry-gateway", 0).await),
    ]
}

/// Requests of a tenant's user that must all fail.
async fn attempts(user: &Api) -> Vec<(&'static str, Result<Value, Refused>)> {
    let open = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "open", "namespace": NAMESPACE },
        "spec": { "podSelector": {}, "ingress": [{}], "egress": [{}] } });
    let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": { "name": "more", "namespace": NAMESPACE }, "spec": { "hard": { "pods": "999" } } });
    let limits = json!({ "apiVersion": "v1", "kind": "LimitRange",
        "metadata": { "name": "more", "namespace": NAMESPACE }, "spec": { "limits": [] } });
    let posing = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "posing", "namespace": NAMESPACE, "labels": ours() } });
    let privileged =
        json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "privileged" } } });
    let unlabelled = json!({ "metadata": { "labels": { "tenantry.dev/tenant": null } } });
    let no_rules = json!({ "spec": { "hard": null } });
    let ours_no_more =
        json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": null } } });
    let image = json!({ "spec": { "template": { "spec": { "serviceAccountName": "default" } } } });
    vec![
        ("a policy that opens everything", user.create(&open).await),
        ("a quota of one's own", user.create(&quota).await),
        ("limits of one's own", user.create(&limits).await),
        ("an object that poses as ours", user.create(&posing).await),
        ("the quota changed", user.merge("resourcequotas", NAMESPACE, "tenantry", &no_rules).await),
        ("the quota deleted", user.delete("resourcequotas", NAMESPACE, "tenantry").await),
        ("the limits deleted", user.delete("limitranges", NAMESPACE, "tenantry").await),
        (
            "default deny deleted",
            user.delete("networkpolicies", NAMESPACE, "tenantry-default-deny").await,
        ),
        (
            "all policies deleted",
            user.send(
                "DELETE",
                &url("networkpolicies", NAMESPACE, ""),
                "application/json",
                &Value::Null,
            )
            .await,
        ),
        (
            "the gateway changed",
            user.merge("deployments", NAMESPACE, "tenantry-gateway", &image).await,
        ),
        (
            "the gateway disowned",
            user.merge("deployments", NAMESPACE, "tenantry-gateway", &ours_no_more).await,
        ),
        (
            "the gateway's account deleted",
            user.delete("serviceaccounts", NAMESPACE, "tenantry-gateway").await,
        ),
        (
            "the billing claim deleted",
            user.delete("persistentvolumeclaims", NAMESPACE, "tenantry-billing").await,
        ),
        ("pod security lowered", user.merge("namespaces", "", NAMESPACE, &privileged).await),
        ("the namespace disowned", user.merge("namespaces", "", NAMESPACE, &unlabelled).await),
        ("the namespace deleted", user.delete("namespaces", "", NAMESPACE).await),
    ]
}

#[tokio::test]
async fn guard_rails_are_out_of_reach_of_a_tenants_users() {
    let lab = Lab::shared().await;
    lab.stack(dev("g-rails"), "g-rails").await;
    let user = mighty(&lab, "ada", NAMESPACE).await;
    // The policy takes a moment to be known; a dry run asks without harm.
    let probe = json!({ "apiVersion": "v1", "kind": "LimitRange",
        "metadata": { "name": "probe", "namespace": NAMESPACE }, "spec": { "limits": [] } });
    let dry = format!("{}?dryRun=All", url("limitranges", NAMESPACE, ""));
    eventually("the policy is in force", async || {
        by_policy(user.send("POST", &dry, "application/json", &probe).await)
    })
    .await;
    let mut wrong = Vec::new();
    // Before those that delete: what is gone by one of them says nothing.
    let mut all = sideways(&user).await;
    all.extend(autoscalers(&user).await);
    all.extend(attempts(&user).await);
    for (what, answer) in all {
        wrong.extend(by_policy(answer).err().map(|why| format!("{what}: {why}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    // What is one's own is one's own.
    let own = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "own", "namespace": NAMESPACE }, "data": { "a": "b" } });
    user.create(&own).await.expect("a ConfigMap of one's own");
    user.merge("configmaps", NAMESPACE, "own", &json!({ "data": { "a": "c" } }))
        .await
        .expect("changed");
    user.delete("configmaps", NAMESPACE, "own").await.expect("deleted");
    scaled(&user, "core", 1).await.expect("of a service nothing is guarded here");
    // Drivers of volumes mark claims and say how large they are.
    let mark = json!({ "metadata": { "annotations": { "volume.example.com/zone": "a" } } });
    let claim = ["persistentvolumeclaims", NAMESPACE, "tenantry-billing"];
    user.merge(claim[0], claim[1], claim[2], &mark).await.expect("a driver's mark");
    let resized = json!({ "status": { "conditions": [
        { "type": "FileSystemResizePending", "status": "True" }] } });
    user.merge_sub(claim, "status", &resized).await.expect("a driver's word");
    let pods = lab.pods("g-rails", "core").await;
    let pod = pods[0]["metadata"]["name"].as_str().expect("a name");
    user.delete("pods", NAMESPACE, pod).await.expect("a pod may be started anew");
    lab.ready("g-rails").await;

    break_glass(&lab).await;
}

/// Who breaks the glass may; the operator then undoes what it owns, as ever.
async fn break_glass(lab: &Lab) {
    let group = "tenantry:break-glass";
    let hammer = Api::impersonating(&lab.ground.path("kubeconfig"), "grace", &[group]).await;
    lab.apply(&[
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": "tenantry-break-glass" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "tenantry-break-glass" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group }] }),
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": "g-grace-edits" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ada" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "grace" }] }),
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "g-grace-edits", "namespace": NAMESPACE },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "ada" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "grace" }] }),
    ])
    .await;
    let note = json!({ "metadata": { "annotations": { "example.com/incident": "7" } } });
    eventually("who breaks the glass is let through", async || {
        hammer
            .merge("namespaces", "", NAMESPACE, &note)
            .await
            .map(|_| ())
            .map_err(|r| r.to_string())
    })
    .await;
    scaled(&hammer, "tenantry-gateway", 1).await.expect("a restore stops it by this");
}

const OWN: &str = "tenant-g-own";

fn service(namespace: &str, addresses: &[&str]) -> Value {
    json!({ "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "own", "namespace": namespace },
        "spec": { "ports": [{ "port": 53, "protocol": "UDP" }], "externalIPs": addresses } })
}

fn ingress(name: &str) -> Value {
    let backend = json!({ "service": { "name": "own", "port": { "number": 80 } } });
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": { "name": name, "namespace": OWN },
        "spec": { "rules": [{ "host": "core.another.example.com", "http": { "paths": [
            { "path": "/", "pathType": "Prefix", "backend": backend }] } }] } })
}

#[tokio::test]
async fn nobody_takes_what_is_meant_for_others() {
    let lab = Lab::shared().await;
    lab.stack(dev("g-own"), "g-own").await;
    let user = mighty(&lab, "eve", OWN).await;
    let addressed = service(OWN, &["10.96.0.10"]);
    let words = "takes traffic that is meant for others";
    eventually("a Service with another's address is refused", async || {
        let url = format!("{}?dryRun=All", url("services", OWN, ""));
        refused_with(user.send("POST", &url, "application/json", &addressed).await, words)
    })
    .await;
    user.create(&service(OWN, &[])).await.expect("a Service of one's own");
    let later = json!({ "spec": { "externalIPs": ["10.96.0.10"] } });
    refused_with(user.merge("services", OWN, "own", &later).await, words).unwrap();
    user.delete("services", OWN, "own").await.expect("deleted");

    let words = "tenantry-own-ingresses";
    refused_with(user.create(&ingress("own")).await, words).unwrap();
    // What the cluster's administrators made stays as it is, and may go.
    lab.api.create(&ingress("theirs")).await.unwrap();
    let other = json!({ "metadata": { "annotations": { "example.com/snippet": "x" } } });
    refused_with(user.merge("ingresses", OWN, "theirs", &other).await, words).unwrap();
    // A controller outside of the cluster lets go of what it finalizes: else the namespace would stay for ever.
    for held in [json!(["example.com/balancer"]), json!([])] {
        let body = json!({ "metadata": { "finalizers": held } });
        user.merge("ingresses", OWN, "theirs", &body).await.expect("a finalizer takes nothing");
    }
    user.delete("ingresses", OWN, "theirs").await.expect("deleted");
    let routed = json!({ "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": { "name": "elsewhere", "namespace": OWN, "labels": { "kubernetes.io/service-name": "core" } },
        "addressType": "IPv4", "endpoints": [{ "addresses": ["10.0.0.9"] }], "ports": [{ "port": 8080 }] });
    let slices = format!("/apis/discovery.k8s.io/v1/namespaces/{OWN}/endpointslices?dryRun=All");
    let answer = user.send("POST", &slices, "application/json", &routed).await;
    refused_with(answer, "another tenant's pods").unwrap();

    // Who solves challenges by Ingresses is given the right; every right in the namespace is none.
    let binding = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": "g-own-ingresses" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "tenantry-own-ingresses" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve" }] });
    lab.apply(&[binding]).await;
    eventually("with the right it is taken", async || {
        user.create(&ingress("solver")).await.map(|_| ()).map_err(|r| r.to_string())
    })
    .await;
    user.delete("ingresses", OWN, "solver").await.expect("deleted");
}

#[tokio::test]
async fn controllers_still_work_where_guard_rails_are() {
    let lab = Lab::shared().await;
    let profile = crate::support::edit(dev("g-ends"), |spec| spec["quota"]["pods"] = 41.into());
    lab.stack(profile, "g-ends").await;
    // The quota controller counts.
    lab.becomes("g-ends", ("resourcequotas", "tenantry"), "pods are counted", |quota| {
        quota["status"]["used"]["pods"].as_str().is_some_and(|n| n != "0")
    })
    .await;
    // The garbage collector and the namespace controller take everything away.
    let body = json!({ "spec": { "deletionPolicy": "Delete" } });
    lab.api.merge("tenants", "", "g-ends", &body).await.expect("asked");
    lab.api.delete("tenants", "", "g-ends").await.expect("deleted");
    lab.gone("tenants", "", "g-ends").await;
    lab.gone("namespaces", "", "tenant-g-ends").await;
}

#[tokio::test]
async fn namespaces_of_others_are_not_touched_by_the_policy() {
    let lab = Lab::shared().await;
    let theirs =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "tenant-like" } });
    let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": { "name": "own", "namespace": "tenant-like" }, "spec": { "hard": { "pods": "9" } } });
    lab.apply(&[theirs]).await;
    let subject =
        json!([{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob" }]);
    let version = "rbac.authorization.k8s.io/v1";
    let role = json!({ "apiVersion": version, "kind": "Role",
        "metadata": { "name": "bob", "namespace": "tenant-like" },
        "rules": [{ "apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["*"] }] });
    let binding = json!({ "apiVersion": version, "kind": "RoleBinding",
        "metadata": { "name": "bob", "namespace": "tenant-like" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "bob" }, "subjects": subject });
    lab.apply(&[role, binding]).await;
    let bob = Api::impersonating(&lab.ground.path("kubeconfig"), "bob", &[]).await;
    eventually("bob's role is known", async || {
        let dry = format!("{}?dryRun=All", url("resourcequotas", "tenant-like", ""));
        bob.send("POST", &dry, "application/json", &quota).await.map_err(|r| r.to_string())
    })
    .await;
    bob.create(&quota).await.expect("a namespace that is no tenant's");
    lab.api.create(&service("tenant-like", &["192.0.2.1"])).await.expect("neither its Services");
}
