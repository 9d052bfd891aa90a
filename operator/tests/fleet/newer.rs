//! What a newer version left behind: a profile and a revision that this one cannot read.

use serde_json::{Value, json};

use crate::support::{
    Lab,
    api::url,
    dev, eventually, holds,
    lab::{SYSTEM, condition, is},
    tenant, with,
};

/// Lets the API server take any spec of a profile, as the definitions of a newer version would.
async fn newer_definitions(lab: &Lab) {
    let crd = url("customresourcedefinitions", "", "deploymentprofiles.tenantry.dev");
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
    let any = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let body = json!([{ "op": "replace", "path": path, "value": any }]);
    lab.api.send("PATCH", &crd, "application/json-patch+json", &body).await.unwrap();
}

/// Changes the spec of a profile; waits until the newer definitions let it.
async fn changed(lab: &Lab, name: &str, spec: Value) {
    let body = json!({ "spec": spec });
    eventually("the newer definitions are in force", async || {
        let taken = lab.api.merge("deploymentprofiles", "", name, &body).await;
        holds(taken.is_ok(), format!("{:?}", taken.err()))
    })
    .await;
}

#[tokio::test]
async fn a_profile_that_cannot_be_read_stops_its_own_tenants_and_nobody_else() {
    let lab = Lab::own().await;
    let operator = lab.operator("first");
    operator.ready().await;
    lab.stack(dev("x-new"), "x-new").await;
    lab.stack(dev("x-old"), "x-old").await;
    newer_definitions(&lab).await;
    let mut services = dev("x-new")["spec"]["services"].clone();
    let image = services[0]["image"].clone();
    services[0]["image"] = json!({ "of": "tomorrow" });
    changed(&lab, "x-new", json!({ "services": services })).await;

    // It is said where somebody looks, and what runs goes on, drift and all.
    let p = lab
        .eventually("the profile says that it cannot be read", async || {
            let p = lab.profile("x-new").await;
            holds(condition(&p, "Stalled")["reason"] == "Unreadable", &p["status"]).map(|()| p)
        })
        .await;
    assert!(is(&p, "Ready", "False") && is(&p, "TenantsHealthy", "True"), "{}", p["status"]);
    assert_eq!(
        (&p["status"]["revision"], &p["status"]["tenants"]["total"]),
        (&json!(1), &json!(1))
    );
    let said = lab.says("x-new", "Stalled", "True", "ProfileUnreadable").await;
    assert!(said.contains("invalid type") && said.contains("x-new@1 still runs"), "{said}");
    lab.api.delete("services", "tenant-x-new", "core").await.unwrap();
    lab.becomes("x-new", ("services", "core"), "is back", |_| true).await;
    let told = lab.api.list("events", "", "").await;
    assert!(told.iter().any(|e| e["reason"] == "ProfileUnreadable"), "an event");

    // Others move, also under an operator that has never seen it otherwise.
    lab.end(operator).await;
    let operator = lab.operator("second");
    operator.ready().await;
    lab.apply(&[with(dev("x-old"), "/services/0/image", json!("sample:2"))]).await;
    lab.status("x-old", "moved", |t| {
        is(t, "Ready", "True") && t["status"]["profileRevision"]["current"] == "x-old@2"
    })
    .await;
    lab.apply(&[tenant("x-late", "x-new")]).await;
    lab.says("x-late", "Stalled", "True", "ProfileUnreadable").await;

    // A revision of the newer version keeps its number.
    let mut newer = lab.api.get("controllerrevisions", SYSTEM, "profile.x-new.1").await.unwrap();
    newer["metadata"] = json!({ "name": "profile.x-new.2", "namespace": SYSTEM,
        "labels": newer["metadata"]["labels"] });
    newer["revision"] = json!(2);
    newer["data"]["digest"] = json!("of-tomorrow");
    newer["data"]["spec"]["services"] = services.clone();
    lab.apply(&[newer]).await;

    // Mended, all goes on by itself.
    services[0]["image"] = json!("sample:3");
    assert_ne!(services[0]["image"], image);
    changed(&lab, "x-new", json!({ "services": services })).await;
    for name in ["x-new", "x-late"] {
        lab.status(name, "it follows", |t| {
            is(t, "Ready", "True") && t["status"]["profileRevision"]["current"] == "x-new@3"
        })
        .await;
    }
    eventually("the profile is well again", async || {
        let p = lab.profile("x-new").await;
        holds(is(&p, "Ready", "True") && p["status"]["message"] == "2/2 updated", &p["status"])
    })
    .await;
}
