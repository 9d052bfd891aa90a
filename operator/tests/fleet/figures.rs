//! What the API server says of a tenant's usage, beside what the operator says: nobody takes the
//! other's words, and words that nobody vouches for any more are marked.

use serde_json::{Value, json};

use crate::support::{
    Api, Lab,
    api::{Refused, url},
    audit, dev, eventually, holds,
    lab::condition,
    tenant, with,
};

const LEASE: &str = "tenantry-api-server";
const THEIRS: [&str; 3] = ["PlanAccepted", "QuotaWithinLimits", "CustomerHealthy"];

/// A status as the API server would apply it, with so much used.
pub fn figures(used: &str) -> Value {
    let condition = |type_: &str, status: &str| {
        json!({ "type": type_, "status": status, "reason": "Because", "message": used,
            "observedGeneration": 1, "lastTransitionTime": "2026-11-28T22:00:00Z" })
    };
    json!({
        "conditions": [condition(THEIRS[0], "True"), condition(THEIRS[1], "False"), condition(THEIRS[2], "Unknown")],
        "display": { "plan": "team", "health": "–", "usage": format!("ingestion {used} %"), "projected": "USD 1,049.00" },
        "usage": {
            "plan": "team@1", "asOf": "2026-11-28T23:00:00Z",
            "period": { "start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z" },
            "meters": [{ "name": "ingestion", "used": used, "quota": "100", "ratioPpm": 830_000, "level": "soft" }],
            "highest": { "meter": "ingestion", "ratioPpm": 830_000 },
            "projectedCost": { "amount": "1049.00", "currency": "USD" },
        },
    })
}

/// Speaks as the API server: server-side apply to the status, under its own name.
pub async fn speak(lab: &Lab, name: &str, status: &Value) {
    said(&account(lab).await, name, status).await.unwrap();
}

/// The API server's account, which the roles and the policy know.
async fn account(lab: &Lab) -> Api {
    let user = "system:serviceaccount:tenantry-system:tenantry-api-server";
    Api::impersonating(&lab.ground.path("kubeconfig"), user, &[]).await
}

async fn said(api: &Api, name: &str, status: &Value) -> Result<Value, Refused> {
    let body = json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
        "metadata": { "name": name }, "status": status });
    let url = format!(
        "{}/status?fieldManager=tenantry-api-server&force=true&fieldValidation=Strict",
        url("tenants", "", name)
    );
    api.send("PATCH", &url, "application/apply-patch+yaml", &body).await
}

/// Renews the API server's Lease, for so many seconds.
pub async fn renew(lab: &Lab, at: &str, seconds: u32) {
    let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": LEASE, "namespace": "tenantry-system" },
        "spec": { "holderIdentity": "api-0", "renewTime": at, "leaseDurationSeconds": seconds } });
    lab.apply(&[lease]).await;
}

/// What a manager owns of a tenant's status.
fn owned(tenant: &Value, manager: &str) -> Value {
    let all = tenant["metadata"]["managedFields"].as_array().into_iter().flatten();
    let is = |e: &&Value| {
        e["manager"] == manager && e["subresource"] == "status" && e["operation"] == "Apply"
    };
    all.filter(is).map(|e| e["fieldsV1"]["f:status"].clone()).next().unwrap_or_default()
}

/// The types of the API server's conditions of which a manager owns some part.
fn conditions_of(owned: &Value) -> Vec<&'static str> {
    let has =
        |type_: &&str| !owned["f:conditions"][format!("k:{{\"type\":\"{type_}\"}}")].is_null();
    THEIRS.into_iter().filter(has).collect()
}

/// The API server's part of a status.
fn part(tenant: &Value) -> Value {
    let conditions: Vec<_> = THEIRS.iter().map(|type_| condition(tenant, type_)).collect();
    json!({ "conditions": conditions, "display": tenant["status"]["display"], "usage": tenant["status"]["usage"] })
}

async fn suspended(lab: &Lab, name: &str, yes: bool) -> Value {
    lab.apply(&[with(tenant(name, name), "/suspend", json!(yes))]).await;
    match yes {
        true => {
            lab.says(name, "Suspended", "True", "SpecSuspend").await;
            lab.status(name, "at rest", |t| condition(t, "Reconciling")["status"] == "False").await
        }
        false => lab.ready(name).await,
    }
}

/// The operator's writes of this tenant's status since `mark`, once it has surely looked at it
/// again: what is changed on the stack now is put right.
pub async fn statuses(lab: &Lab, name: &str, mark: audit::Mark) -> Vec<String> {
    let body = json!({ "metadata": { "labels": { "tenantry.dev/component": "other" } } });
    let namespace = format!("tenant-{name}");
    lab.api.merge("serviceaccounts", &namespace, "core", &body).await.unwrap();
    lab.becomes(name, ("serviceaccounts", "core"), "put right", |a| {
        a["metadata"]["labels"]["tenantry.dev/component"] == "core"
    })
    .await;
    let mut all = lab.writes(mark);
    all.retain(|w| w == &format!("patch tenants/status /{name}"));
    all
}

/// Speaks until the operator, which looks at the Lease now and then, has surely heard of it: it looks
/// at the tenant and does not mark the words. It looks twice, since a look that puts the stack right may
/// mark the words after that; when it looks again, the first one is over.
async fn heard(lab: &Lab, name: &str, status: &Value) {
    eventually("the Lease is heard of", async || {
        speak(lab, name, status).await;
        for _ in 0..2 {
            statuses(lab, name, lab.mark()).await;
        }
        let now = lab.tenant(name).await;
        let told = condition(&now, THEIRS[0]);
        holds(told["reason"] == "Because", told)
    })
    .await;
}

#[tokio::test]
async fn operator_and_api_server_leave_each_others_words_alone() {
    let lab = Lab::shared().await;
    renew(&lab, "2026-11-28T23:00:00.000000Z", 3600).await;
    lab.stack(dev("w-both"), "w-both").await;
    heard(&lab, "w-both", &figures("83")).await;
    let first = lab.tenant("w-both").await;
    let said = part(&first);
    assert_eq!(said["conditions"][1]["status"], "False", "{said}");
    // The operator writes its own status, several times.
    for yes in [true, false, true, false] {
        let mark = lab.mark();
        let now = suspended(&lab, "w-both", yes).await;
        assert_eq!(part(&now), said, "suspended: {yes}");
        assert!(!statuses(&lab, "w-both", mark).await.is_empty(), "it has written");
        assert_eq!(owned(&now, LEASE), owned(&first, LEASE));
        let ours = owned(&now, "tenantry-operator");
        assert_eq!(conditions_of(&ours), [""; 0], "{ours}");
        assert!(ours["f:display"].is_null() && ours["f:usage"].is_null(), "{ours}");
    }
    // The API server writes: the operator's words stay, and it sees no reason to write.
    let ready = condition(&lab.tenant("w-both").await, "Ready").clone();
    let mark = lab.mark();
    let mut less = figures("84");
    less["usage"].as_object_mut().unwrap().remove("highest");
    speak(&lab, "w-both", &less).await;
    let now = lab.tenant("w-both").await;
    assert_eq!(now["status"]["display"]["usage"], "ingestion 84 %");
    assert!(now["status"]["usage"]["highest"].is_null(), "what it leaves out goes");
    assert_eq!(condition(&now, "Ready"), &ready);
    assert!(now["status"]["components"].is_array() && now["status"]["identity"].is_object());
    assert_eq!(statuses(&lab, "w-both", mark).await, [""; 0]);
}

/// Waits until the API server's words are marked.
async fn stale(lab: &Lab, name: &str) -> Value {
    lab.status(name, "stale", |t| THEIRS.iter().all(|c| condition(t, c)["reason"] == "Stale")).await
}

/// As [`figures`] of 83 read when nobody vouches for them.
fn is_marked(marked: &Value) {
    for type_ in THEIRS {
        let told = condition(marked, type_);
        assert_eq!(told["status"], "Unknown", "{told}");
        assert_eq!(
            told["message"],
            "the figures are of 2026-11-28T23:00:00Z: the API server has not been heard from since 2026-11-28T23:30:00Z"
        );
    }
    let words = json!({ "plan": "team", "health": "–", "usage": "ingestion 83 % (stale)", "projected": "USD 1,049.00 (stale)" });
    assert_eq!(marked["status"]["display"], words);
    assert_eq!(
        marked["status"]["usage"],
        figures("83")["usage"],
        "dated, so never old news as fact"
    );
}

/// Waits until the operator holds nothing of what the API server says.
async fn let_go(lab: &Lab, name: &str) -> Value {
    lab.status(name, "the operator has let go", |t| {
        let ours = owned(t, "tenantry-operator");
        conditions_of(&ours).is_empty() && ours["f:display"].is_null()
    })
    .await
}

#[tokio::test]
async fn words_of_a_silent_api_server_are_marked_held_and_given_back() {
    let lab = Lab::own().await;
    let mut process = lab.operator("figures-0");
    process.ready().await;
    lab.stack(dev("w-stale"), "w-stale").await;
    lab.stack(dev("w-none"), "w-none").await;
    renew(&lab, "2026-11-28T23:30:00.000000Z", 2).await;
    speak(&lab, "w-stale", &figures("83")).await;

    let marked = stale(&lab, "w-stale").await;
    is_marked(&marked);
    assert!(lab.tenant("w-none").await["status"]["display"].is_null());

    // Nobody is told twice, not by another operator either.
    let mark = lab.mark();
    assert_eq!(statuses(&lab, "w-stale", mark).await, [""; 0]);
    lab.end(process).await;
    let mark = lab.mark();
    process = lab.operator("figures-1");
    process.ready().await;
    assert_eq!(statuses(&lab, "w-stale", mark).await, [""; 0]);
    // The marks stay while the operator writes of other things, and while the API server is back but
    // has not come to this tenant yet.
    let said = part(&marked);
    assert_eq!(part(&suspended(&lab, "w-stale", true).await), said);
    renew(&lab, "2026-11-28T23:50:00.000000Z", 3600).await;
    assert_eq!(part(&suspended(&lab, "w-stale", false).await), said);

    // It speaks: its words stand, and the operator lets go of them without taking any along.
    speak(&lab, "w-stale", &figures("90")).await;
    let free = let_go(&lab, "w-stale").await;
    assert_eq!(part(&free), figures("90"), "{free}");
    let mark = lab.mark();
    assert_eq!(statuses(&lab, "w-stale", mark).await, [""; 0], "at rest");
    // All of it is the API server's again: it can take a condition back.
    let mut fewer = figures("90");
    fewer["conditions"].as_array_mut().unwrap().pop();
    speak(&lab, "w-stale", &fewer).await;
    assert!(condition(&lab.tenant("w-stale").await, THEIRS[2]).is_null());

    // No Lease at all is a silence, too. A new operator gives it some time to come.
    lab.end(process).await;
    lab.api.delete("leases", "tenantry-system", LEASE).await.unwrap();
    process = lab.operator("figures-2");
    process.ready().await;
    let marked = lab.status("w-stale", "stale", |t| {
        THEIRS[..2].iter().all(|c| condition(t, c)["reason"] == "Stale")
    });
    let message = condition(&marked.await, THEIRS[0])["message"].clone();
    let words = "of 2026-11-28T23:00:00Z: the API server is not there: Lease tenantry-api-server";
    assert!(message.as_str().unwrap().contains(words), "{message}");

    // Deleted now, it waits: the usage that its gateway holds may be all there is of it.
    lab.api.delete("tenants", "", "w-stale").await.unwrap();
    let message = lab.says("w-stale", "Reconciling", "True", "Draining").await;
    let words = "as far as is known: the API server is not there: Lease tenantry-api-server";
    assert!(
        message.contains(words) && message.contains("tenantry.dev/discard-spool="),
        "{message}"
    );
    // Of this one it never spoke, so nobody could send.
    lab.api.delete("tenants", "", "w-none").await.unwrap();
    lab.gone("tenants", "", "w-none").await;
    assert!(lab.object("w-stale", "deployments", "tenantry-gateway").await.is_ok());
    lab.end(process).await;
}

#[tokio::test]
async fn the_api_servers_account_writes_its_part_of_a_status_and_nothing_else() {
    let lab = Lab::shared().await;
    lab.stack(dev("w-rights"), "w-rights").await;
    let theirs = account(&lab).await;
    // The API server of Kubernetes takes a moment to know of the policy.
    for stolen in [
        json!({ "accountId": "globex" }),
        json!({ "namespace": "tenant-globex" }),
        json!({ "identity": { "namespace": "tenant-w-rights", "serviceAccounts": [{ "name": "core", "uid": "u" }] } }),
        json!({ "conditions": [{ "type": "Ready", "status": "False", "reason": "X", "message": "",
            "lastTransitionTime": "2026-11-28T22:00:00Z" }] }),
    ] {
        eventually(&format!("{stolen} is denied"), async || {
            let refused = said(&theirs, "w-rights", &stolen).await.err();
            let text = refused.map_or_else(|| "taken".to_owned(), |r| r.to_string());
            holds(text.starts_with("403") && text.contains("leaves what the operator says"), text)
        })
        .await;
    }
    lab.ready("w-rights").await;
    said(&theirs, "w-rights", &figures("83")).await.unwrap();
    said(&theirs, "w-rights", &json!({})).await.unwrap();
    assert!(!theirs.list("tenants", "", "").await.is_empty());
    assert!(!theirs.list("deploymentprofiles", "", "").await.is_empty());
    let lease = |name: &str, namespace: &str| {
        json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": name, "namespace": namespace }, "spec": { "leaseDurationSeconds": 3600 } })
    };
    // Made by an apply, as by the first API server of all; then renewed.
    let _none_yet = lab.api.delete("leases", "tenantry-system", LEASE).await;
    for _ in 0..2 {
        theirs.apply(&lease(LEASE, "tenantry-system")).await.unwrap();
    }
    for (what, answer) in [
        ("another Lease", theirs.apply(&lease("tenantry-operator", "tenantry-system")).await),
        ("one elsewhere", theirs.apply(&lease(LEASE, "default")).await),
        ("a tenant", theirs.create(&tenant("w-new", "w-rights")).await),
        (
            "a spec",
            theirs.apply(&with(tenant("w-rights", "w-rights"), "/suspend", json!(true))).await,
        ),
        ("an end", theirs.delete("tenants", "", "w-rights").await),
        ("a secret", theirs.get("secrets", "tenantry-system", "x").await),
        ("a pod", theirs.get("pods", "tenant-w-rights", "x").await),
    ] {
        assert_eq!(answer.unwrap_err().code, 403, "{what}");
    }
}

#[tokio::test]
async fn the_api_server_makes_tenants_of_requests_alone_and_only_where_it_may() {
    let lab = Lab::shared().await;
    lab.apply(&[dev("w-made")]).await;
    let theirs = account(&lab).await;
    let mut made = tenant("w-made", "w-made");
    made["metadata"]["annotations"] = json!({ "tenantry.dev/intake": "019c" });
    // No chart bound the role yet.
    assert_eq!(theirs.create(&made).await.unwrap_err().code, 403);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": "w-made" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": "tenantry-api-server-onboarding" },
        "subjects": [{ "kind": "ServiceAccount", "name": "tenantry-api-server", "namespace": "tenantry-system" }],
    });
    lab.apply(&[binding]).await;
    eventually("one without a request is denied", async || {
        let refused = theirs.create(&tenant("w-made", "w-made")).await.err();
        let text = refused.map_or_else(|| "taken".to_owned(), |r| r.to_string());
        holds(text.starts_with("403") && text.contains("Tenants of approved requests"), text)
    })
    .await;
    theirs.create(&made).await.unwrap();
    let edit = with(made, "/suspend", json!(true));
    assert_eq!(theirs.apply(&edit).await.unwrap_err().code, 403);
    lab.api.delete("clusterrolebindings", "", "w-made").await.unwrap();
    lab.api.delete("tenants", "", "w-made").await.unwrap();
}
