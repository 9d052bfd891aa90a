//! What a newer version wrote, and this one cannot read, hides nothing else, and is not gone.

use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    lab::{Lab, eventually, holds},
    seen::send,
    serving::{Serving, client},
};

/// Objects as they are, whatever that is.
fn raw<K: kube::Resource<DynamicType = ()>>(lab: &Lab) -> Api<DynamicObject> {
    Api::all_with(lab.client.clone(), &ApiResource::erase::<K>(&()))
}

/// Lets the cluster take any spec, as the definitions of a newer version would.
fn newer_definitions(lab: &Lab) {
    let schema = "/spec/versions/0/schema/openAPIV3Schema";
    let any = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let any = json!({ "op": "replace", "path": format!("{schema}/properties/spec"), "value": any });
    // Rules that name fields which are none any more.
    let free = json!({ "op": "remove", "path": format!("{schema}/x-kubernetes-validations") });
    for (definition, patch) in [
        ("crd/tenants.tenantry.dev", json!([free, any])),
        ("crd/deploymentprofiles.tenantry.dev", json!([any])),
    ] {
        lab.ground().kubectl(&["patch", definition, "--type=json", "-p", &patch.to_string()]);
    }
}

/// Changes a spec; waits until the newer definitions let it.
async fn changed(api: &Api<DynamicObject>, name: &str, spec: Value) {
    let patch = Patch::Merge(json!({ "spec": spec }));
    eventually("the newer definitions are in force", async || {
        api.patch(name, &PatchParams::default(), &patch).await.map(|_| ())
    })
    .await;
}

async fn profiles(lab: &Lab, server: &Serving) -> Value {
    let token = lab.person("billing:read", Some("CustomerSuccessManager"));
    let request = client().get(format!("{}/profiles", server.api)).bearer_auth(token);
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_tenant_and_a_profile_that_cannot_be_read_hide_no_other() {
    let lab = Lab::new().await;
    lab.profile("new", Some("team")).await;
    let mut server = lab.serve(&["--snapshot-interval", "2"]);
    lab.operated("acme", json!({})).await;
    lab.ingest(&server, "acme", "e-1", "1").await;
    assert!(server.stop().0.success());
    newer_definitions(&lab);
    changed(&raw::<crds::Tenant>(&lab), "acme", json!({ "suspend": "of tomorrow" })).await;
    changed(&raw::<crds::DeploymentProfile>(&lab), "new", json!({ "services": "of tomorrow" }))
        .await;

    // It begins with lists in which they are.
    let server = lab.serve(&["--snapshot-interval", "2"]);
    lab.operated("globex", json!({})).await;
    lab.ingest(&server, "globex", "e-1", "2").await;
    lab.until("globex", "its figures", |seen| seen.meter("ingestion") == "2").await;
    // Nobody took the account of the one that cannot be read away.
    let token = lab.token("acme", "core", "tenantry-usage").await;
    let (status, body) = send(&server, &token, "e-2", "1").await;
    assert!(status.is_success() && body["accepted"] == 1, "{status} {body}");
    eventually("profiles are told", async || {
        let all = profiles(&lab, &server).await;
        let named = |name: &str| {
            let all = all["data"].as_array()?;
            all.iter().find(|one| one["name"] == name).cloned()
        };
        let (dev, new) = (named("dev").unwrap_or_default(), named("new").unwrap_or_default());
        let whole = dev["content"]["default_plan"] == "team" && dev["tenants"]["total"] == 2;
        holds(whole && new["missing"] == false && new["content"].is_null(), &all)
    })
    .await;
}
