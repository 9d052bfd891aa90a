//! Nobody in a tenant's namespace gets a token by which its stack speaks to the ledger; kubelets do.

use serde_json::{Value, json};

use crate::guard::{mighty, refused_with};
use crate::support::{
    Api, Lab,
    api::{Refused, url},
    dev, eventually,
};

const NAMESPACE: &str = "tenant-g-tokens";
const OURS: &str = "tenantry-gateway";
const MADE: &str = "made by kubelets alone";
const RUN: &str = "is the stack's own, and runs what the operator makes";
const ENTERED: &str = "nobody enters them";

async fn mint(by: &Api, account: &str, spec: Value) -> Result<Value, Refused> {
    let body =
        json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec });
    let url = format!("{}/token", url("serviceaccounts", NAMESPACE, account));
    by.send("POST", &url, "application/json", &body).await
}

fn container(name: &str) -> Value {
    json!({ "name": name, "image": "tenantry.dev/sample:0.1.0",
        "resources": { "requests": { "cpu": "1m", "memory": "1Mi" }, "limits": { "cpu": "1m", "memory": "1Mi" } },
        "securityContext": { "allowPrivilegeEscalation": false, "runAsNonRoot": true, "runAsUser": 65532,
            "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" } } })
}

/// A pod's spec as who wants the token writes it: it mounts one for the gateway's audience.
fn running_as(account: &str) -> Value {
    let token = json!({ "audience": "tenantry-gateway", "path": "token" });
    json!({ "serviceAccountName": account, "automountServiceAccountToken": false,
        "containers": [container("main")],
        "volumes": [{ "name": "token", "projected": { "sources": [{ "serviceAccountToken": token }] } }] })
}

fn object(version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": version, "kind": kind,
        "metadata": { "name": name, "namespace": NAMESPACE }, "spec": spec })
}

/// Everything that Kubernetes makes pods of, with pods of that account.
fn workloads(account: &str) -> Vec<Value> {
    let labels = json!({ "app": "own" });
    let template = |restart: &str| {
        let mut spec = running_as(account);
        spec["restartPolicy"] = restart.into();
        json!({ "metadata": { "labels": labels }, "spec": spec })
    };
    let selected = json!({ "selector": { "matchLabels": labels }, "template": template("Always") });
    let once = json!({ "template": template("Never") });
    let mut stateful = selected.clone();
    stateful["serviceName"] = "own".into();
    vec![
        object("v1", "Pod", "own", running_as(account)),
        object("apps/v1", "Deployment", "own", selected.clone()),
        object("apps/v1", "StatefulSet", "own", stateful),
        object("apps/v1", "DaemonSet", "own", selected.clone()),
        object("apps/v1", "ReplicaSet", "own-set", selected),
        object("batch/v1", "Job", "own", once.clone()),
        object(
            "batch/v1",
            "CronJob",
            "own",
            json!({ "schedule": "0 0 1 1 *", "jobTemplate": { "spec": once } }),
        ),
        object(
            "v1",
            "ReplicationController",
            "own",
            json!({ "selector": labels, "template": template("Always") }),
        ),
    ]
}

/// Asks for a command in a pod. Simulated nodes run none, so who is let through hears of that.
async fn enter(by: &Api, pod: &str, way: &str) -> Result<Value, Refused> {
    let url = format!("{}/{way}?command=id&stdout=true", url("pods", NAMESPACE, pod));
    by.send("POST", &url, "application/json", &Value::Null).await
}

/// Adds a container to a pod that runs.
async fn look_inside(by: &Api, pod: &str) -> Result<Value, Refused> {
    let url = format!("{}/ephemeralcontainers", url("pods", NAMESPACE, pod));
    let mut looks = container("looks");
    looks["resources"] = json!({});
    looks["volumeMounts"] = json!([{ "name": "token", "mountPath": "/token" }]);
    let body = json!({ "spec": { "ephemeralContainers": [looks] } });
    by.send("PATCH", &url, "application/strategic-merge-patch+json", &body).await
}

async fn pod_of(lab: &Lab, component: &str) -> (String, Value) {
    let pods = lab.pods("g-tokens", component).await;
    (pods[0]["metadata"]["name"].as_str().expect("a name").to_owned(), pods[0].clone())
}

#[tokio::test]
async fn a_stacks_accounts_are_the_stacks() {
    let lab = Lab::shared().await;
    lab.stack(dev("g-tokens"), "g-tokens").await;
    let user = mighty(&lab, "mallory", NAMESPACE).await;
    let for_gateway = json!({ "audiences": ["tenantry-gateway"] });
    eventually("the policy is in force", async || {
        refused_with(mint(&user, OURS, for_gateway.clone()).await, MADE)
    })
    .await;
    let mut wrong = Vec::new();
    let mut refused = |what: String, answer: Result<Value, Refused>, words: &str| {
        wrong.extend(refused_with(answer, words).err().map(|why| format!("{what}: {why}")));
    };
    for (account, audiences) in [
        (OURS, json!([])),
        (OURS, json!(["elsewhere"])),
        ("core", json!(["tenantry-usage"])),
        ("core", json!(["elsewhere", "tenantry-usage"])),
        ("default", json!(["tenantry-gateway"])),
    ] {
        let answer = mint(&user, account, json!({ "audiences": audiences })).await;
        refused(format!("a token of {account} for {audiences}"), answer, MADE);
    }
    for object in workloads(OURS) {
        refused(format!("{}", object["kind"]), user.create(&object).await, RUN);
    }
    // By its older name.
    let mut pod = object("v1", "Pod", "own", running_as(OURS));
    pod["spec"]["serviceAccount"] = pod["spec"]["serviceAccountName"].take();
    pod["spec"].as_object_mut().unwrap().remove("serviceAccountName");
    refused("serviceAccount".to_owned(), user.create(&pod).await, RUN);
    let (gateway, running) = pod_of(&lab, "gateway").await;
    refused("a container beside the gateway".to_owned(), look_inside(&user, &gateway).await, RUN);
    let mut containers = running["spec"]["containers"].clone();
    containers[0]["image"] = json!("example.com/other:1");
    let another = json!({ "spec": { "containers": containers } });
    let answer = user.merge("pods", NAMESPACE, &gateway, &another).await;
    refused("another image in the gateway".to_owned(), answer, RUN);
    for way in ["exec", "attach"] {
        refused(way.to_owned(), enter(&user, &gateway, way).await, ENTERED);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    let note = json!({ "metadata": { "annotations": { "example.com/note": "x" } } });
    user.merge("pods", NAMESPACE, &gateway, &note).await.expect("a note changes no program");
    kubelets_make_them(&lab, &running).await;
    what_is_ones_own_is_free(&lab, &user).await;
}

/// As the node's own, for the pod that stands there; and nobody by the name alone.
async fn kubelets_make_them(lab: &Lab, pod: &Value) {
    let node = pod["spec"]["nodeName"].as_str().expect("a node");
    let user = format!("system:node:{node}");
    let metadata = &pod["metadata"];
    let bound = json!({ "audiences": ["tenantry-gateway"], "boundObjectRef": { "apiVersion": "v1", "kind": "Pod",
        "name": metadata["name"], "uid": metadata["uid"] } });
    let kubeconfig = lab.ground.path("kubeconfig");
    let kubelet = Api::impersonating(&kubeconfig, &user, &["system:nodes"]).await;
    let token = mint(&kubelet, OURS, bound.clone()).await.expect("a kubelet's token");
    assert!(token["status"]["token"].is_string(), "{token}");
}

async fn what_is_ones_own_is_free(lab: &Lab, user: &Api) {
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": "own", "namespace": NAMESPACE } });
    user.create(&account).await.expect("an account of one's own");
    mint(user, "own", json!({ "audiences": ["elsewhere"] })).await.expect("a token of it");
    for object in workloads("own") {
        let kind = &object["kind"];
        user.create(&object).await.unwrap_or_else(|refused| panic!("{kind}: {refused}"));
    }
    let taken = json!({ "spec": { "template": { "spec": { "serviceAccountName": OURS } } } });
    let changed = user.merge("deployments", NAMESPACE, "own", &taken).await;
    refused_with(changed, RUN).unwrap();
    // A backup by hand, as the plugin makes it of the stack's schedule.
    let mut spec = running_as("tenantry-backup");
    spec["restartPolicy"] = "Never".into();
    let job = object("batch/v1", "Job", "by-hand", json!({ "template": { "spec": spec } }));
    user.create(&job).await.expect("a backup by hand");
    let (core, _) = pod_of(lab, "core").await;
    let entered = enter(user, &core, "exec").await.expect_err("no node runs it");
    assert_ne!(entered.code, 403, "{entered}");

    // Who breaks the glass may.
    let subject =
        json!([{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "mallory" }]);
    lab.apply(&[json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": "g-tokens-hammer" }, "subjects": subject,
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "tenantry-break-glass" } })])
    .await;
    eventually("who breaks the glass is let through", async || {
        let answer = mint(user, OURS, json!({ "audiences": ["tenantry-gateway"] })).await;
        answer.map(|_| ()).map_err(|refused| refused.to_string())
    })
    .await;
}
