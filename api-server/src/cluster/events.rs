//! Kubernetes events of levels reached and left: once for each alert of the ledger, best effort.
//!
//! An event's name is made of the alert's, so that one whose answer was lost is not raised twice; the
//! ledger remembers which were raised, since the cluster forgets events within hours.

use crds::{API_SERVER, Tenant};
use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::{Api, Resource as _, api::PostParams};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::{Context, record::Record, send::ANSWER};
use crate::{
    domain::{
        prose,
        threshold::{self, Kind},
    },
    ledger::LedgerError,
    store::{
        alerts::AlertRow,
        tenants::{self, TenantRow},
    },
};

/// Events of what has no namespace stand in this one.
pub(super) const NAMESPACE: &str = "default";
/// How many are raised in one turn; the rest in the next.
const AT_ONCE: u32 = 16;

/// Raises those that were not raised yet.
pub(super) async fn tell(ctx: &Context, record: &Record, tenant: &TenantRow) {
    if let Err(error) = try_to(ctx, record, tenant).await {
        tracing::warn!(%error, tenant = &*record.name, "alerts cannot be read");
    }
}

async fn try_to(ctx: &Context, record: &Record, tenant: &TenantRow) -> Result<(), LedgerError> {
    let mut session = ctx.ledger.store().read().await?;
    let untold = tenants::untold(&mut session, tenant, AT_ONCE).await?;
    drop(session);
    for alert in untold {
        let raised = raise(ctx, &event(record, &alert, &ctx.settings.identity)).await;
        ctx.metrics.told(if raised { "told" } else { "failed" });
        if !raised {
            break;
        }
        ctx.ledger.told(&tenant.uid, alert).await?;
    }
    Ok(())
}

/// Says of a workload that it stands for another account; best effort. The condition stays, so it is raised
/// once for each time that it is found: when the server starts, or the stack changes.
pub(super) async fn refused(ctx: &Context, record: &Record, workload: &str) {
    let event = refusal(record, workload, ctx.ledger.now(), &ctx.settings.identity);
    let raised = raise(ctx, &event).await;
    ctx.metrics.told(if raised { "told" } else { "failed" });
}

fn refusal(record: &Record, workload: &str, now: Timestamp, identity: &str) -> Value {
    let note = format!(
        "ServiceAccount {workload} stands for another account, as it was bound there, and cannot send as \
         this tenant's: end that with `api-server accounts unbind`, or rename it"
    );
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "name": named(record, &["refused", workload]), "namespace": NAMESPACE },
        "regarding": {
            "apiVersion": Tenant::api_version(&()), "kind": Tenant::kind(&()),
            "name": record.name, "uid": record.uid,
        },
        "type": "Warning",
        "reason": "WorkloadRefused",
        "action": "Bind",
        "note": note,
        "eventTime": micros(now),
        "reportingController": API_SERVER,
        "reportingInstance": identity,
    })
}

/// Raises one; answers whether it is there then.
pub(super) async fn raise(ctx: &Context, event: &Value) -> bool {
    if !ctx.may_write() {
        return false;
    }
    let Ok(event) = serde_json::from_value::<Event>(event.clone()) else { return false };
    let api = Api::<Event>::namespaced(ctx.client.clone(), NAMESPACE);
    match timeout(ANSWER, api.create(&PostParams::default(), &event)).await {
        Ok(Ok(_)) => true,
        Ok(Err(kube::Error::Api(status))) if status.is_already_exists() => true,
        Ok(Err(error)) => {
            tracing::debug!(%error, "an event was not taken");
            false
        }
        Err(_) => false,
    }
}

/// The event of an alert.
fn event(record: &Record, alert: &AlertRow, identity: &str) -> Value {
    let (type_, reason) = match alert.change.kind {
        Kind::Reached => ("Warning", "UsageThresholdReached"),
        Kind::Recovered => ("Normal", "UsageThresholdRecovered"),
    };
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "name": name(record, alert), "namespace": NAMESPACE },
        "regarding": {
            "apiVersion": Tenant::api_version(&()), "kind": Tenant::kind(&()),
            "name": record.name, "uid": record.uid,
        },
        "type": type_,
        "reason": reason,
        "action": "Measure",
        "note": note(alert),
        "eventTime": micros(alert.at),
        "reportingController": API_SERVER,
        "reportingInstance": identity,
    })
}

/// An instant as an event has it.
pub(super) fn micros(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// The tenant's name and a hash of what makes the event one of its kind.
pub(super) fn named(record: &Record, parts: &[&str]) -> String {
    let parts = [&[&*record.uid], parts].concat();
    let hash = Sha256::digest(parts.join("\n"));
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{}.{hash}", record.name)
}

fn name(record: &Record, alert: &AlertRow) -> String {
    let AlertRow { of, change, .. } = alert;
    let parts = [
        of.account.as_str(),
        &of.period_start.as_millisecond().to_string(),
        of.meter.name(),
        change.level.name(),
        &change.arming.to_string(),
        change.kind.name(),
    ];
    named(record, &parts)
}

/// What happened, in words.
fn note(alert: &AlertRow) -> String {
    let AlertRow { of, change, used, quota, .. } = alert;
    let used = prose::quantity(*used);
    let (meter, unit, mark) = (of.meter, of.meter.unit(), change.level.percent());
    let of_quota = match quota {
        Some(quota) => format!("{used} of {} {unit} used", prose::quantity(*quota)),
        None => format!("{used} {unit} used, without a quota"),
    };
    match change.kind {
        Kind::Reached => format!("{meter}: {of_quota}, {mark} % of the quota is reached"),
        Kind::Recovered => {
            let below = mark - threshold::HYSTERESIS_POINTS;
            format!("{meter}: {of_quota}, below {below} % of the quota again")
        }
    }
}
