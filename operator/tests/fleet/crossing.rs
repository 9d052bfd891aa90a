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

async fn suspend(lab: &Lab, name: &str, on: bool) {
    let body = json!({ "spec": { "suspend": on } });
    lab.api.merge("tenants", "", name, &body).await.unwrap();
}

fn image(profile: &Value, number: u32) -> Value {
    with(profile.clone(), "/services/0/image", json!(format!("tenantry.dev/sample:{number}")))
}

async fn goes_to(lab: &Lab, name: &str, revision: &str) {
    told(lab, "the tenant tells of its revision", async |lab| {
        let status = lab.tenant(name).await["status"].clone();
        (status["profileRevision"]["desired"] == revision, status)
    })
    .await;
}

#[tokio::test]
async fn an_edit_that_crosses_with_a_status_is_not_lost() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let process = lab.operator_through(&proxy, "crossing", &[]);
    process.ready().await;
    lab.stack(dev("x-edit"), "x-edit").await;
    lab.told_of("x-edit", 1).await;
    a_profiles(&lab, &proxy).await;
    a_tenants(&lab, &proxy).await;
    one_between_decision_and_write(&lab, &proxy).await;
}

/// The profile's status is to say that a tenant is not ready any more.
async fn a_profiles(lab: &Lab, proxy: &Proxy) {
    proxy.always(Fault::Refuse(503), |a| tells(a, "deploymentprofiles"));
    suspend(lab, "x-edit", true).await;
    lab.says("x-edit", "Ready", "False", "Suspended").await;
    kept_from_telling(proxy, "deploymentprofiles").await;
    lab.apply(&[image(&dev("x-edit"), 2)]).await;
    proxy.obey();
    told(lab, "the profile tells of the suspension", async |lab| {
        let status = lab.profile("x-edit").await["status"].clone();
        (status["tenants"]["ready"] == 0, status)
    })
    .await;
    proxy.release();
    let moved = |t: &Value| t["status"]["profileRevision"]["current"] == "x-edit@2";
    lab.status("x-edit", "follows the profile", moved).await;
}

/// The tenant's status is to say that it goes to the third revision.
async fn a_tenants(lab: &Lab, proxy: &Proxy) {
    proxy.always(Fault::Refuse(503), |a| tells(a, "tenants"));
    lab.apply(&[image(&dev("x-edit"), 3)]).await;
    kept_from_telling(proxy, "tenants").await;
    lab.becomes("x-edit", ("deployments", "core"), "changed and at rest", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] == "tenantry.dev/sample:3"
            && d["status"]["observedGeneration"] == d["metadata"]["generation"]
    })
    .await;
    suspend(lab, "x-edit", false).await;
    proxy.obey();
    goes_to(lab, "x-edit", "x-edit@3").await;
    proxy.release();
    let t = lab.ready("x-edit").await;
    assert!(is(&t, "Suspended", "False"));
}

/// Where a rollout counts who is under way, that is said before the first write. What was decided
/// for the generation before must not be written under the new one's name.
async fn one_between_decision_and_write(lab: &Lab, proxy: &Proxy) {
    let profile = with(dev("x-told"), "/rollout", json!({ "maxInFlight": 1 }));
    lab.stack(profile.clone(), "x-told").await;
    lab.told_of("x-told", 1).await;
    proxy.always(Fault::Refuse(503), |a| tells(a, "tenants"));
    lab.apply(&[image(&profile, 2)]).await;
    kept_from_telling(proxy, "tenants").await;
    let mark = lab.mark();
    suspend(lab, "x-told", true).await;
    proxy.obey();
    goes_to(lab, "x-told", "x-told@2").await;
    proxy.release();
    lab.says("x-told", "Ready", "False", "Suspended").await;
    let writes = lab.writes(mark);
    let of_core = writes.iter().filter(|w| *w == "patch deployments tenant-x-told/core");
    assert_eq!(of_core.count(), 1, "{writes:#?}");
}
