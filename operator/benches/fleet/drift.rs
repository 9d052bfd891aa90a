//! Somebody edits or deletes an object by hand: how long until the operator has undone it.

use std::time::{Duration, Instant};

use anyhow::Context;
use futures::StreamExt;
use kube::{
    Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, WatchEvent, WatchParams},
};
use operator::kinds::Kind;
use serde_json::{Value, json};

use crate::raw;

/// What is done to an object: a merge patch and where it shows, or nothing: it is deleted.
type Change = (Kind, &'static str, Option<(Value, &'static str)>);

fn changes() -> Vec<Change> {
    let label = || json!({ "metadata": { "labels": { "tenantry.dev/component": "edited" } } });
    let at = "/metadata/labels/tenantry.dev~1component";
    vec![
        (Kind::Deployment, "core", Some((label(), at))),
        (Kind::NetworkPolicy, "tenantry-default-deny", None),
        (
            Kind::ResourceQuota,
            "tenantry",
            Some((json!({ "spec": { "hard": { "pods": "99" } } }), "/spec/hard/pods")),
        ),
        (Kind::Service, "tenantry-gateway", None),
        (
            Kind::Deployment,
            "core",
            Some((
                json!({ "spec": { "template": { "metadata": {
            "labels": { "app.kubernetes.io/managed-by": "edited" } } } } }),
                "/spec/template/metadata/labels/app.kubernetes.io~1managed-by",
            )),
        ),
        (Kind::LimitRange, "tenantry", None),
        (Kind::Service, "core", Some((label(), at))),
        (Kind::Deployment, "tenantry-gateway", None),
        (Kind::NetworkPolicy, "tenantry-dns", Some((label(), at))),
        (Kind::ServiceAccount, "core", None),
    ]
}

/// Makes `count` changes, one after another, over these tenants; the latencies, sorted.
pub async fn run(
    client: &Client,
    tenants: &[String],
    count: usize,
) -> anyhow::Result<Vec<Duration>> {
    let changes = changes();
    let step = (tenants.len() / count).max(1);
    let mut all = Vec::new();
    for i in 0..count {
        let tenant = &tenants[i * step % tenants.len()];
        let change = &changes[i % changes.len()];
        let one = tokio::time::timeout(Duration::from_secs(30), undone(client, tenant, change));
        let what = || format!("{} {} of {tenant}", change.0, change.1);
        all.push(one.await.with_context(what)?.with_context(what)?);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    all.sort();
    Ok(all)
}

async fn undone(client: &Client, tenant: &str, change: &Change) -> anyhow::Result<Duration> {
    let (kind, name, edit) = change;
    let api = raw::api(client, *kind, tenant);
    let only = format!("metadata.name={name}");
    // By a list: its version is today's, so that the watch is never told that it is too old.
    let mut list = api.list(&ListParams::default().fields(&only)).await?;
    let before = list.items.pop().context("it is not there")?;
    let version = list.metadata.resource_version.unwrap_or_default();
    let params = WatchParams::default().fields(&only);
    let mut events = api.watch(&params, &version).await?.boxed();
    let old = serde_json::to_value(&before)?;
    match edit {
        Some((patch, _)) => {
            let params =
                PatchParams { field_manager: Some("a-person".into()), ..Default::default() };
            api.patch(name, &params, &Patch::Merge(patch)).await?;
        }
        None => {
            api.delete(name, &DeleteParams::background()).await?;
        }
    }
    let answered = Instant::now();
    let mut changed = false;
    while let Some(event) = events.next().await {
        let (WatchEvent::Added(object) | WatchEvent::Modified(object)) = event? else { continue };
        let repaired = match edit {
            None => object.metadata.uid != before.metadata.uid,
            Some((_, at)) => {
                let same = serde_json::to_value(&object)?.pointer(at) == old.pointer(at);
                changed |= !same;
                same && changed
            }
        };
        if repaired {
            return Ok(answered.elapsed());
        }
    }
    anyhow::bail!("the watch ended")
}
