//! Watches that break, fall silent, or begin with what was long ago.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{
    Lab,
    apifault::{Asked, Fault, Proxy},
    audit, dev, eventually, holds,
    lab::{is, nonce},
    process::Operator,
    tenant, with,
};

/// Has everything listed anew while the operator runs, as after a long break of all watches, and
/// every tenant looked at again. Returns when that is done.
pub async fn resync(lab: &Lab, proxy: &Proxy, process: &Operator) {
    let resources = proxy.watched();
    let lists =
        |resource: &str| proxy.count(|a: &Asked| a.verb == "list" && a.resource == resource);
    let listed: BTreeMap<_, _> = resources.iter().map(|r| (r.clone(), lists(r))).collect();
    let reconciled = process.reconciled().await;
    let tenants = lab.api.list("tenants", "", "").await;
    proxy.hold(|_| true);
    let touch = json!({ "metadata": { "labels": { "somebody/else": nonce() } } });
    for tenant in &tenants {
        let name = tenant["metadata"]["name"].as_str().unwrap();
        lab.api.merge("tenants", "", name, &touch).await.unwrap();
    }
    for resource in resources.clone() {
        let which = move |a: &Asked| a.verb == "watch" && a.resource == resource;
        proxy.first(1, Fault::Gone, which);
    }
    assert_eq!(proxy.cut(|_| true), resources.len());
    proxy.release();
    eventually("everything was listed and watched anew", async || {
        let behind: Vec<_> = listed.iter().filter(|(r, before)| lists(r) <= **before).collect();
        holds(behind.is_empty() && proxy.watched() == resources, format!("{behind:?}"))
    })
    .await;
    eventually("every tenant was looked at", async || {
        let now = process.reconciled().await;
        let all = reconciled + tenants.len() as u64;
        holds(now >= all, format!("{now} of {all}"))
    })
    .await;
}

async fn service_is_back(lab: &Lab, name: &str) {
    lab.becomes(name, ("services", "core"), "is back", |_| true).await;
    lab.ready(name).await;
}

/// Drift of several forms, and a tenant of which nobody knows yet.
async fn changes(lab: &Lab, round: usize) {
    lab.api.delete("services", "tenant-w-0", "core").await.unwrap();
    let label = json!({ "metadata": { "labels": { "tenantry.dev/tier": "other" } } });
    lab.api.merge("namespaces", "", "tenant-w-1", &label).await.unwrap();
    let image = json!([{ "op": "replace",
        "path": "/spec/template/spec/containers/0/image", "value": "evil:1" }]);
    let url = crate::support::api::url("deployments", "tenant-w-2", "core");
    lab.api.send("PATCH", &url, "application/json-patch+json", &image).await.unwrap();
    lab.apply(&[tenant(&format!("w-new-{round}"), "w-dev")]).await;
}

async fn changes_are_undone(lab: &Lab, round: usize) {
    service_is_back(lab, "w-0").await;
    eventually("the label is put right", async || {
        let ns = lab.api.get("namespaces", "", "tenant-w-1").await.map_err(|r| r.to_string())?;
        holds(ns["metadata"]["labels"]["tenantry.dev/tier"] == "dev", &ns["metadata"]["labels"])
    })
    .await;
    lab.becomes("w-2", ("deployments", "core"), "runs its own image", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] == "tenantry.dev/sample:1"
    })
    .await;
    for name in ["w-1", "w-2", &format!("w-new-{round}")] {
        lab.ready(name).await;
    }
}

#[tokio::test]
async fn what_happened_while_watches_were_broken_is_caught_up() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let process = lab.operator_through(&proxy, "broken", &[]);
    process.ready().await;
    lab.apply(&[dev("w-dev")]).await;
    for name in ["w-0", "w-1", "w-2"] {
        lab.apply(&[tenant(name, "w-dev")]).await;
    }
    for name in ["w-0", "w-1", "w-2"] {
        lab.ready(name).await;
    }
    for round in 0..3 {
        // Nothing of it arrives: what was on its way is lost with the connection.
        proxy.hold(|_| true);
        changes(&lab, round).await;
        if round == 1 {
            // Nor can the next watch go on where this one ended.
            proxy.first(6, Fault::Gone, |a| a.verb == "watch");
        }
        assert!(proxy.cut(|_| true) > 10);
        proxy.release();
        changes_are_undone(&lab, round).await;
    }
}

#[tokio::test]
async fn watches_that_are_cut_all_the_time_still_show_everything() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let process = lab.operator_through(&proxy, "cut", &[]);
    process.ready().await;
    lab.apply(&[dev("w-dev")]).await;
    for name in ["w-0", "w-1", "w-2"] {
        lab.apply(&[tenant(name, "w-dev")]).await;
    }
    let cutting = async {
        loop {
            eventually("a watch is open", async || holds(!proxy.watched().is_empty(), "none"))
                .await;
            proxy.cut(|_| true);
        }
    };
    let work = async {
        for name in ["w-0", "w-1", "w-2"] {
            lab.ready(name).await;
        }
        changes(&lab, 0).await;
        changes_are_undone(&lab, 0).await;
    };
    tokio::select! { () = work => {}, () = cutting => {} }
}

#[tokio::test]
async fn a_watch_that_is_too_old_is_listed_anew_and_nothing_is_written_for_it() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let process = lab.operator_through(&proxy, "old", &[]);
    process.ready().await;
    lab.stack(crate::support::everything("w-old"), "w-old").await;
    lab.told_of("w-old", 1).await;
    let mark = lab.mark();
    resync(&lab, &proxy, &process).await;
    assert_eq!(lab.writes(mark), Vec::<String>::new());
    // What is missing after such a list is made again, and only that.
    proxy.hold(|_| true);
    lab.api.delete("services", "tenant-w-old", "core").await.unwrap();
    let mark = lab.mark();
    proxy.first(40, Fault::Gone, |a| a.verb == "watch");
    proxy.cut(|_| true);
    proxy.release();
    service_is_back(&lab, "w-old").await;
    let writes = lab.writes(mark);
    let others = |w: &&String| !w.contains(" events ") && !w.contains(" tenants/status ");
    let others: Vec<&String> = writes.iter().filter(others).collect();
    assert_eq!(others, ["patch services tenant-w-old/core"]);
}

/// Every list that the operator makes, as it is answered now.
async fn lists(lab: &Lab) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let kinds = operator::kinds::Kind::ALL.into_iter().map(|k| k.resource().plural);
    for plural in kinds.chain(["pods", "jobs", "tenants"]) {
        let query = match plural {
            "secrets" => "fieldSelector=metadata.name%3Dtenantry-grafana",
            "tenants" => "",
            _ => "labelSelector=app.kubernetes.io/managed-by%3Dtenantry",
        };
        let url = format!("{}?{query}", crate::support::api::url(plural, "", ""));
        let list = lab.api.send("GET", &url, "application/json", &Value::Null).await.unwrap();
        all.insert(plural.to_owned(), list);
    }
    all
}

/// The uids of what stands in a tenant's namespace.
async fn uids(lab: &Lab, name: &str) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let namespace = format!("tenant-{name}");
    for kind in operator::kinds::Kind::ALL {
        let plural = kind.resource().plural;
        let within = if plural == "namespaces" { "" } else { &namespace };
        for item in lab.api.list(plural, within, "").await {
            let key = format!("{plural}/{}", item["metadata"]["name"]);
            assert!(item["metadata"]["deletionTimestamp"].is_null(), "{key} is being deleted");
            all.insert(key, item["metadata"]["uid"].clone());
        }
    }
    all.retain(|key, _| !key.starts_with("namespaces/") || key.contains(&namespace));
    all
}

/// The same name under a new uid, while the operator is down; returns the lists from before.
async fn made_anew(lab: &Lab, proxy: &Proxy) -> BTreeMap<String, Value> {
    let process = lab.operator_through(proxy, "before", &[]);
    process.ready().await;
    let policy = json!("Delete");
    lab.apply(&[crate::support::everything("w-time")]).await;
    let first = with(tenant("w-time", "w-time"), "/deletionPolicy", policy);
    lab.apply(std::slice::from_ref(&first)).await;
    let old = lab.ready("w-time").await;
    // The list of this moment shows the tenant and its stack on their way out.
    proxy.always(Fault::Refuse(503), |a| a.verb == "delete");
    lab.api.delete("tenants", "", "w-time").await.unwrap();
    let recorded = lists(lab).await;
    let seen = &recorded["tenants"]["items"][0]["metadata"];
    assert_eq!(seen["uid"], old["metadata"]["uid"]);
    assert!(seen["deletionTimestamp"].is_string(), "{seen}");
    proxy.heal();
    lab.gone("tenants", "", "w-time").await;
    lab.gone("namespaces", "", "tenant-w-time").await;
    lab.apply(&[first]).await;
    let new = lab.ready("w-time").await;
    assert_ne!(new["metadata"]["uid"], old["metadata"]["uid"]);
    lab.end(process).await;
    recorded
}

#[tokio::test]
async fn an_old_list_after_a_restart_does_nothing_to_the_new_tenant_of_that_name() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let recorded = made_anew(&lab, &proxy).await;
    let before = uids(&lab, "w-time").await;
    assert!(before.len() > 25, "{before:#?}");
    let mark = lab.mark();
    for (plural, list) in recorded {
        let which = move |a: &Asked| a.verb == "list" && a.resource == plural;
        proxy.always(Fault::Recorded(list), which);
    }
    proxy.hold(|a| a.resource != "deploymentprofiles");
    let tries = |a: &Asked| a.writes() && !matches!(a.resource.as_str(), "leases" | "events");
    let earlier = proxy.count(tries);
    let process = lab.operator_through(&proxy, "after", &[]);
    process.ready().await;
    eventually("it tried to go on with the deletion", async || {
        let now = proxy.count(tries);
        holds(now >= earlier + 3, format!("{now}\n{}", process.log_tail()))
    })
    .await;
    // A profile may count what the list shows; nothing else is written.
    let done = audit::done(&lab.ground, mark);
    let others = done.iter().filter(|w| !w.contains(" deploymentprofiles/status "));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(uids(&lab, "w-time").await, before);
    // When the watches go on it sees the truth, and has nothing to mend.
    proxy.heal();
    resync(&lab, &proxy, &process).await;
    let t = lab.ready("w-time").await;
    assert!(is(&t, "Ready", "True"));
    assert_eq!(uids(&lab, "w-time").await, before);
    lab.api.delete("services", "tenant-w-time", "core").await.unwrap();
    service_is_back(&lab, "w-time").await;
}
