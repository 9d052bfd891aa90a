//! At rest nothing is written, and credentials outlive the operator that made them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    support::{Lab, begun::begun, dev, eventually, everything, holds, lab::is, prod, tenant, with},
    watches::resync,
};

async fn all_ready(lab: &Lab, count: usize) {
    eventually(&format!("{count} tenants are ready"), async || {
        let all = lab.api.list("tenants", "", "").await;
        let calm = |t: &&Value| is(t, "Ready", "True") && is(t, "Reconciling", "False");
        let ready = all.iter().filter(calm).count();
        holds(ready == count, format!("{ready} of {}", all.len()))
    })
    .await;
}

/// Waits until the operator has seen everything: a change to a tenant made now is done by it.
async fn has_caught_up(lab: &Lab) {
    let body = json!({ "metadata": { "labels": { "tenantry.dev/tier": "other" } } });
    let mark = lab.mark();
    lab.api.merge("namespaces", "", "tenant-z-0", &body).await.unwrap();
    eventually("the operator works", async || {
        let ns = lab.api.get("namespaces", "", "tenant-z-0").await.unwrap();
        holds(ns["metadata"]["labels"]["tenantry.dev/tier"] == "dev", &ns["metadata"]["labels"])
    })
    .await;
    // It tells of it afterwards, and that is a write too.
    eventually("the operator has told of it", async || {
        let writes = lab.writes(mark);
        holds(writes.iter().any(|w| w.contains(" events ")), format!("{writes:?}"))
    })
    .await;
}

#[tokio::test]
async fn fifty_tenants_at_rest_cause_no_write_over_restarts_and_resyncs() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let mut process = lab.operator_through(&proxy, "rest-0", &[]);
    process.ready().await;
    lab.apply(&[dev("z-dev"), prod("z-prod")]).await;
    for number in 0..50 {
        let profile = if number % 10 == 9 { "z-prod" } else { "z-dev" };
        lab.apply(&[tenant(&format!("z-{number}"), profile)]).await;
    }
    all_ready(&lab, 50).await;
    for profile in ["z-dev", "z-prod"] {
        eventually("the rollout is complete", async || {
            let p = lab.profile(profile).await;
            holds(p["status"]["rollout"] == "Complete", &p["status"])
        })
        .await;
    }
    has_caught_up(&lab).await;
    for round in 1..=10 {
        let mark = lab.mark();
        resync(&lab, &proxy, &process).await;
        assert_eq!(lab.writes(mark), Vec::<String>::new(), "resync {round}");
    }
    // Each restart lists and judges everything anew too.
    for round in 1..=3 {
        let mark = lab.mark();
        lab.end(process).await;
        process = lab.operator(&format!("rest-{round}"));
        process.ready().await;
        eventually("everything was reconciled", async || {
            let done = process.reconciled().await;
            holds(done >= 50, format!("{done}\n{}", process.log_tail()))
        })
        .await;
        assert_eq!(lab.writes(mark), Vec::<String>::new(), "restart {round}");
    }
}

/// What a namespace holds, without what differs from run to run.
pub async fn world(lab: &Lab, name: &str) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for plural in [
        "resourcequotas",
        "limitranges",
        "networkpolicies",
        "serviceaccounts",
        "configmaps",
        "secrets",
        "persistentvolumeclaims",
        "services",
        "deployments",
        "horizontalpodautoscalers",
        "poddisruptionbudgets",
        "cronjobs",
        "ingresses",
    ] {
        let query = "labelSelector=app.kubernetes.io/managed-by=tenantry";
        for item in lab.api.list(plural, &format!("tenant-{name}"), query).await {
            let labels = item["metadata"]["labels"].clone();
            let text = json!({ "labels": labels, "spec": plain(&item["spec"]), "keys": keys(&item["data"]) });
            let text = text.to_string().replace(name, "NAME");
            let key = format!("{plural}/{}", item["metadata"]["name"].as_str().unwrap());
            all.insert(key, Value::String(text));
        }
    }
    all
}

fn keys(data: &Value) -> Vec<String> {
    data.as_object().map(|d| d.keys().cloned().collect()).unwrap_or_default()
}

/// The parts of a spec that the server or a controller fills in differently each time.
fn plain(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(fields) = spec.as_object_mut() {
        for name in ["clusterIP", "clusterIPs", "volumeName", "replicas"] {
            fields.remove(name);
        }
    }
    begun(&mut spec);
    spec
}

/// Runs operators that are killed after a growing number of writes, until one gets through.
async fn killed_after_some_writes(lab: &Lab, step: usize, done: impl AsyncFn() -> bool) {
    let mut deaths = 0;
    loop {
        let after = deaths * step;
        let mark = lab.mark();
        let identity = format!("mortal-{}-{deaths}", crate::support::lab::nonce());
        let process = lab.operator(&identity);
        let through = loop {
            if done().await {
                break true;
            }
            if lab.writes(mark).len() > after {
                break false;
            }
            tokio::task::yield_now().await;
        };
        process.kill();
        // A cut-off operator's lease would make the next one wait.
        let _none_yet = lab.api.delete("leases", "tenantry-system", "tenantry-operator").await;
        if through {
            return;
        }
        deaths += 1;
    }
}

#[tokio::test]
async fn credentials_are_made_once_however_often_the_operator_dies() {
    let lab = Lab::own().await;
    lab.apply(&[everything("x-secret"), tenant("x-secret", "x-secret")]).await;
    let ready = async || {
        let t = lab.tenant("x-secret").await;
        is(&t, "Ready", "True") && is(&t, "Reconciling", "False")
    };
    let mark = lab.mark();
    killed_after_some_writes(&lab, 9, ready).await;
    let creations = crate::support::audit::entries(&lab.ground, mark)
        .iter()
        .filter(|e| e["objectRef"]["resource"] == "secrets" && e["responseStatus"]["code"] == 201)
        .count();
    assert_eq!(creations, 1, "made once");
    let before = lab.object("x-secret", "secrets", "tenantry-grafana").await.unwrap();
    // A move between tiers under the same treatment regenerates nothing.
    lab.apply(&[dev("x-small")]).await;
    lab.apply(&[with(tenant("x-secret", "x-small"), "/profileRef/name", json!("x-small"))]).await;
    let moved = async || {
        let t = lab.tenant("x-secret").await;
        is(&t, "Ready", "True") && t["status"]["profileRevision"]["current"] == "x-small@1"
    };
    killed_after_some_writes(&lab, 9, moved).await;
    let after = lab.object("x-secret", "secrets", "tenantry-grafana").await.unwrap();
    assert_eq!(before["data"], after["data"]);
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
}
