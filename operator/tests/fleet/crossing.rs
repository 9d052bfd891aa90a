//! Edits that cross with a status that the operator writes at the same moment: the answer to its
//! write holds them before any watch shows them.

use serde_json::{Value, json};

use crate::support::{
    Lab,
    apifault::{Asked, Fault, Proxy},
    dev, eventually, holds,
    lab::is,
    with,
};

fn tells(a: &Asked, resource: &str) -> bool {
    a.resource == resource && a.subresource == "status"
}

/// Refuses that a status is written, until something happened that it should tell; then has the
/// watch of that resource fall silent, so that what follows is seen by the answer alone.
async fn kept_from_telling(proxy: &Proxy, resource: &'static str) {
    let before = proxy.hits().len();
    eventually("the operator has something to tell", async || {
        let hits = proxy.hits().len();
        holds(hits > before, hits)
    })
    .await;
    proxy.hold(move |a| a.resource == resource);
}

async fn told(lab: &Lab, what: &str, seen: impl AsyncFn(&Lab) -> (bool, Value)) {
    eventually(what, async || {
        let (right, status) = seen(lab).await;
        holds(right, status)
    })
    .await;
}

async fn suspend(lab: &Lab, on: bool) {
    let body = json!({ "spec": { "suspend": on } });
    lab.api.merge("tenants", "", "x-edit", &body).await.unwrap();
}

#[tokio::test]
async fn an_edit_that_crosses_with_a_status_is_not_lost() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let process = lab.operator_through(&proxy, "crossing", &[]);
    process.ready().await;
    lab.stack(dev("x-edit"), "x-edit").await;
    lab.told_of("x-edit", 1).await;

    // A profile's: its status is to say that a tenant is not ready any more.
    proxy.always(Fault::Refuse(503), |a| tells(a, "deploymentprofiles"));
    suspend(&lab, true).await;
    lab.says("x-edit", "Ready", "False", "Suspended").await;
    kept_from_telling(&proxy, "deploymentprofiles").await;
    lab.apply(&[with(dev("x-edit"), "/services/0/image", json!("tenantry.dev/sample:2"))]).await;
    proxy.obey();
    told(&lab, "the profile tells of the suspension", async |lab| {
        let status = lab.profile("x-edit").await["status"].clone();
        (status["tenants"]["ready"] == 0, status)
    })
    .await;
    proxy.release();
    let moved = |t: &Value| t["status"]["profileRevision"]["current"] == "x-edit@2";
    lab.status("x-edit", "follows the profile", moved).await;

    // A tenant's: its status is to say that it goes to the third revision.
    proxy.always(Fault::Refuse(503), |a| tells(a, "tenants"));
    lab.apply(&[with(dev("x-edit"), "/services/0/image", json!("tenantry.dev/sample:3"))]).await;
    kept_from_telling(&proxy, "tenants").await;
    lab.becomes("x-edit", ("deployments", "core"), "changed and at rest", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] == "tenantry.dev/sample:3"
            && d["status"]["observedGeneration"] == d["metadata"]["generation"]
    })
    .await;
    suspend(&lab, false).await;
    proxy.obey();
    told(&lab, "the tenant tells of its revision", async |lab| {
        let status = lab.tenant("x-edit").await["status"].clone();
        (status["profileRevision"]["desired"] == "x-edit@3", status)
    })
    .await;
    proxy.release();
    let t = lab.ready("x-edit").await;
    assert!(is(&t, "Suspended", "False"));
}
