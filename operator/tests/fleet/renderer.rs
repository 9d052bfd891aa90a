//! A new version of the operator that renders differently: it reaches tenants as a profile's edit does.
//!
//! There is no older release to upgrade from. What one would leave behind is written here as it would
//! have written it: by its account and field manager, with its number in the status.

use std::collections::BTreeMap;

use operator::{
    desired::{self, RENDERER},
    kinds::Kind,
    object::Key,
    observed::Observed,
    validate,
};
use serde_json::{Value, json};

use crate::support::{
    Lab, api, audit, dev, eventually, holds, lab::is, process::Operator, tenant, with,
};

const PROFILE: &str = "v-roll";
/// The second is pinned.
const NAMES: [&str; 4] = ["v-a", "v-b", "v-c", "v-d"];
/// Its pods fail their probe until somebody says that they do not.
const IMAGE: &str = "tenantry.dev/fail/probe:1";
const FAIL: &str = "ground.tenantry.dev/fail";
const POLICY: &str = "tenantry-default-deny";
const LABEL: &str = "app.kubernetes.io/part-of";

/// Says of each pod of a tenant's service how it fails.
async fn pods_fail(lab: &Lab, name: &str, how: &str) {
    let body = json!({ "metadata": { "annotations": { FAIL: how } } });
    for pod in lab.pods(name, "core").await {
        let pod = pod["metadata"]["name"].as_str().unwrap_or_default();
        let told = lab.api.merge("pods", &format!("tenant-{name}"), pod, &body).await;
        // One that is replaced may be gone by now.
        assert!(told.as_ref().err().is_none_or(|refused| refused.code == 404), "{told:?}");
    }
}

/// Has the tenant's service work, whenever its pod comes.
async fn works(lab: &Lab, name: &str) {
    eventually(&format!("the pod of {name} works"), async || {
        pods_fail(lab, name, "none").await;
        let live = lab.object(name, "deployments", "core").await.map_err(|r| r.to_string())?;
        let status = &live["status"];
        let seen = status["observedGeneration"] == live["metadata"]["generation"];
        let one = |what: &str| status[what] == 1;
        holds(seen && one("updatedReplicas") && one("availableReplicas") && one("replicas"), status)
    })
    .await;
}

/// Leaves a stack as another version would have drawn it: a Deployment without a label, and no policy.
/// `template`: its pods were drawn otherwise too.
async fn drawn_otherwise(lab: &Lab, name: &str, template: bool) {
    let tenant: crds::Tenant = serde_json::from_value(lab.tenant(name).await).unwrap();
    let profile: crds::DeploymentProfile =
        serde_json::from_value(lab.profile(&tenant.spec.profile_ref.name).await).unwrap();
    let stack = validate::stack(
        &tenant,
        &profile.spec,
        &tenant.spec.profile_ref.name,
        &Observed::default(),
    )
    .expect("valid");
    let mut objects = desired::objects(&stack).into_iter();
    let core = Key::new(Kind::Deployment, "core");
    let mut body = objects.find(|o| o.key == core).expect("a Deployment").body;
    body["metadata"]["labels"].as_object_mut().unwrap().remove(LABEL).expect("it has the label");
    if template {
        body["spec"]["template"]["metadata"]["annotations"]["example.com/drawn"] = "before".into();
    }
    let operator = lab.as_operator().await;
    let namespace = format!("tenant-{name}");
    let url = api::url("deployments", &namespace, "core");
    let url = format!("{url}?fieldManager=tenantry-operator&force=true");
    operator.send("PATCH", &url, "application/apply-patch+yaml", &body).await.unwrap();
    operator.delete("networkpolicies", &namespace, POLICY).await.unwrap();
    let body = json!({ "status": { "profileRevision": { "renderer": RENDERER - 1 } } });
    lab.api.merge_sub(["tenants", "", name], "status", &body).await.unwrap();
}

/// Every pod of these tenants, by uid.
async fn pods(lab: &Lab, names: &[&str]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for name in names {
        for pod in lab.api.list("pods", &format!("tenant-{name}"), "").await {
            let of = |field: &str| pod["metadata"][field].as_str().unwrap_or_default().to_owned();
            all.insert(format!("{name}/{}", of("name")), of("uid"));
        }
    }
    all
}

/// What the operators wrote to these tenants' stacks and statuses since `mark`.
fn touched(lab: &Lab, mark: audit::Mark, names: &[&str]) -> Vec<String> {
    let is_theirs = |line: &String| {
        names.iter().any(|name| {
            line.contains(&format!(" tenant-{name}/")) || line.ends_with(&format!(" /{name}"))
        })
    };
    audit::done(&lab.ground, mark).into_iter().filter(is_theirs).collect()
}

/// Goes through what was written since `mark`, and holds that never two tenants were under way, and
/// that nothing was written to a stack before its status said that it is. Gives who began, in order.
fn one_by_one(lab: &Lab, mark: audit::Mark) -> Vec<String> {
    let mut under_way: Vec<String> = Vec::new();
    let mut began = Vec::new();
    for entry in audit::entries(&lab.ground, mark) {
        let about = &entry["objectRef"];
        let taken = entry["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300);
        if entry["user"]["username"] != audit::OPERATOR || !taken {
            continue;
        }
        let is_status = about["resource"] == "tenants" && about["subresource"] == "status";
        if is_status {
            let (name, seen) = (about["name"].as_str().unwrap(), &entry["responseObject"]);
            let anew = seen["status"]["profileRevision"]["renderer"] == RENDERER;
            let settled = is(seen, "Ready", "True") && is(seen, "Reconciling", "False");
            under_way.retain(|other| other != name);
            if anew && !settled {
                under_way.push(name.to_owned());
            }
            if anew && !began.iter().any(|other| other == name) {
                began.push(name.to_owned());
            }
            assert!(under_way.len() <= 1, "under way at once: {under_way:?}");
        }
        let namespace = about["namespace"].as_str().and_then(|n| n.strip_prefix("tenant-"));
        if let Some(name) = namespace.filter(|_| about["resource"] != "events") {
            assert_eq!(under_way, [name], "{} {}", entry["verb"], about);
        }
    }
    began
}

/// Waits until a tenant is as this version draws it, with all that was taken from it.
async fn drawn_anew(lab: &Lab, name: &str) {
    lab.status(name, "it is drawn anew", |t| {
        t["status"]["profileRevision"]["renderer"] == RENDERER
            && is(t, "Ready", "True")
            && is(t, "Reconciling", "False")
    })
    .await;
    let core = lab.object(name, "deployments", "core").await.unwrap();
    assert_eq!(core["metadata"]["labels"][LABEL], "tenantry", "{name}");
    lab.object(name, "networkpolicies", POLICY).await.unwrap();
}

#[tokio::test]
async fn another_rendering_reaches_tenants_one_by_one_also_the_pinned_and_after_a_crash() {
    let lab = Lab::own().await;
    let operator = lab.operator("before");
    operator.ready().await;
    let profile = with(dev(PROFILE), "/services/0/image", json!(IMAGE));
    lab.apply(&[with(profile, "/rollout", json!({ "maxInFlight": 1 }))]).await;
    for name in NAMES {
        let body = tenant(name, PROFILE);
        let pinned = name == "v-b";
        lab.apply(&[if pinned { with(body, "/profileRef/revision", json!(1)) } else { body }])
            .await;
        works(&lab, name).await;
        lab.ready(name).await;
    }
    lab.told_of(PROFILE, 4).await;
    lab.end(operator).await;

    for name in NAMES {
        drawn_otherwise(&lab, name, name == "v-a").await;
    }
    works(&lab, "v-a").await;
    let others = &NAMES[1..];
    let before = pods(&lab, others).await;
    assert_eq!(before.len(), 6, "{before:#?}");

    // The first is let go, its new pod fails its probe, and so the others wait.
    let mark = lab.mark();
    let operator = lab.operator("first");
    operator.ready().await;
    lab.says("v-a", "Ready", "False", "PodNotReady").await;
    let p = lab.profile(PROFILE).await;
    assert_eq!(p["status"]["rollout"], "Progressing", "{}", p["status"]);
    assert_eq!(touched(&lab, mark, others), [""; 0]);
    // Whose turn has not come is looked at all the same.
    pods_fail(&lab, "v-d", "crash").await;
    lab.says("v-d", "Ready", "False", "CrashLoop").await;
    pods_fail(&lab, "v-d", "none").await;
    lab.says("v-d", "Ready", "True", "AllReady").await;
    lab.end(operator).await;

    // Who is under way is counted by the next one too.
    let operator = lab.operator("second");
    operator.ready().await;
    eventually("it has looked at all of them", async || {
        let looked = operator.reconciled().await;
        holds(looked >= NAMES.len() as u64, looked)
    })
    .await;
    lab.says("v-a", "Ready", "False", "PodNotReady").await;
    for name in others {
        let stands = lab.tenant(name).await["status"]["profileRevision"]["renderer"].clone();
        assert_eq!(stands, RENDERER - 1, "{name} waits");
    }
    works(&lab, "v-a").await;
    for name in NAMES {
        drawn_anew(&lab, name).await;
    }
    lab.told_of(PROFILE, 4).await;

    assert_eq!(one_by_one(&lab, mark), NAMES);
    assert_eq!(pods(&lab, others).await, before, "no template changed, and no pod");
    no_drift(&lab, &operator).await;
}

async fn no_drift(lab: &Lab, operator: &Operator) {
    let told = lab.api.list("events", "", "").await;
    let drifts: Vec<&Value> = told.iter().filter(|e| e["reason"] == "DriftCorrected").collect();
    assert!(drifts.is_empty(), "{drifts:#?}");
    let metrics = operator.get("/metrics").await.unwrap();
    assert!(!metrics.contains("tenantry_operator_drift_corrections_total{"), "{metrics}");
}

/// Where nothing bounds a rollout, nothing is said before it is written either.
#[tokio::test]
async fn another_rendering_is_no_drift_where_everybody_may_move_at_once() {
    let lab = Lab::own().await;
    let operator = lab.operator("before");
    operator.ready().await;
    lab.stack(dev("v-all"), "v-all").await;
    lab.end(operator).await;
    drawn_otherwise(&lab, "v-all", false).await;
    let operator = lab.operator("after");
    operator.ready().await;
    lab.status("v-all", "it is drawn anew", |t| {
        t["status"]["profileRevision"]["renderer"] == RENDERER && is(t, "Ready", "True")
    })
    .await;
    lab.object("v-all", "networkpolicies", POLICY).await.unwrap();
    no_drift(&lab, &operator).await;
}
