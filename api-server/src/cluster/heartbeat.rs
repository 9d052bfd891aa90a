//! The Lease that says that figures in tenants' status are vouched for. It is renewed while they can
//! be written and the ledger's summaries are current; when it ends, the operator says so in their
//! place.

use std::time::Duration;

use crds::API_SERVER;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Resource as _,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::time::timeout;

use super::{Context, send::ANSWER};
use crate::{
    ledger::figures::ahead_of,
    store::{StoreError, snapshots},
};

/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(20);
/// How long it is good. A server that was killed is followed by another one sooner: the ledger's own
/// lease ends after 90 seconds, and in a folder when it is opened.
pub const SECONDS: i32 = 180;
/// How often to look while it cannot be renewed.
const LOOK: Duration = Duration::from_secs(2);

/// Renews it, for ever.
pub(super) async fn run(ctx: &Context) {
    let mut told = false;
    loop {
        let done = beat(ctx).await;
        if let Err(why) = &done
            && !told
        {
            tracing::warn!(why, "tenants' figures cannot be vouched for; tried again");
        }
        told = done.is_err();
        tokio::time::sleep(if done.is_ok() { RENEW } else { LOOK }).await;
    }
}

async fn beat(ctx: &Context) -> Result<(), String> {
    if !ctx.world.is_known() {
        return Err("the cluster's tenants are not known yet".to_owned());
    }
    if let Some(why) = ctx.kept.forbidden() {
        return Err(why);
    }
    if !are_current(ctx).await.map_err(|error| error.to_string())? {
        return Err("the ledger's summaries are old".to_owned());
    }
    if !ctx.may_write() {
        return Err("another server may keep the cluster's tenants".to_owned());
    }
    match timeout(ANSWER, renew(ctx)).await {
        Ok(Ok(())) => {
            ctx.metrics.renewed();
            Ok(())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", ANSWER.as_secs())),
    }
}

/// Whether summaries are made: the newest may be acted on, or there is none to make.
async fn are_current(ctx: &Context) -> Result<bool, StoreError> {
    let mut session = ctx.ledger.store().read().await?;
    let now = ctx.ledger.now();
    let newest = snapshots::newest_validity(&mut session, ahead_of(now)).await?;
    Ok(newest.is_none_or(|until| until > now))
}

async fn renew(ctx: &Context) -> kube::Result<()> {
    let api = Api::<Lease>::namespaced(ctx.client.clone(), &ctx.settings.namespace);
    let now = Timestamp::now();
    let body = json!({
        "apiVersion": Lease::api_version(&()),
        "kind": Lease::kind(&()),
        "metadata": { "name": API_SERVER },
        "spec": {
            "holderIdentity": ctx.settings.identity,
            "leaseDurationSeconds": SECONDS,
            "renewTime": format!("{now:.6}"),
        },
    });
    let params = PatchParams::apply(API_SERVER).force();
    api.patch(API_SERVER, &params, &Patch::Apply(&body)).await.map(drop)
}
