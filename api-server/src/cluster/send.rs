//! Requests to the cluster, each given up when nobody answers.

use std::time::Duration;

use crds::{API_SERVER, Tenant};
use kube::{
    Api, Resource as _,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::time::timeout;

use super::{
    Context,
    record::{Record, Shown},
};

/// How long the API server may take for an answer.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// Why a tenant's status was not written.
#[derive(Debug, Error)]
pub(super) enum NotWritten {
    /// There is no such tenant any more.
    #[error("the tenant is gone")]
    Gone,
    /// It was decided by what is not the newest any more, or another server may have taken over.
    #[error("the tenant is another since, or another server keeps it; looked at again")]
    Overtaken,
    /// The server may not write any tenant's status.
    #[error("{0}: the chart's ClusterRole \"tenantry-api-server\" grants it")]
    Forbidden(String),
    /// This write was refused.
    #[error("{0}")]
    Refused(String),
    /// Nobody answered, or not in time, or not now.
    #[error("{0}")]
    Unanswered(String),
}

impl NotWritten {
    /// As metrics name it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Overtaken => "overtaken",
            Self::Forbidden(_) | Self::Refused(_) => "refused",
            Self::Unanswered(_) => "unanswered",
        }
    }
}

/// Writes our part of a tenant's status; answers with the tenant as it is then.
pub(super) async fn status(
    ctx: &Context,
    record: &Record,
    shown: &Shown,
) -> Result<Record, NotWritten> {
    if !ctx.may_write() {
        return Err(NotWritten::Overtaken);
    }
    let api = Api::<Tenant>::all(ctx.client.clone());
    let params = PatchParams::apply(API_SERVER).force();
    let body = body(record, shown);
    let patch = Patch::Apply(&body);
    let sent = timeout(ANSWER, api.patch_status(&record.name, &params, &patch)).await;
    let answer = match sent {
        Ok(answer) => answer.map_err(refused),
        Err(_) => Err(NotWritten::Unanswered(format!("no answer within {} s", ANSWER.as_secs()))),
    };
    answer.and_then(|tenant| Record::of(tenant).ok_or(NotWritten::Gone))
}

/// The uid makes it a conflict to write to another tenant of the name, and the version to write over
/// what a server wrote that took over meanwhile: a write may be on its way for long.
fn body(record: &Record, shown: &Shown) -> Value {
    let Shown { display, usage, conditions } = shown;
    let mut status = json!({ "display": display, "conditions": conditions });
    if let (Some(usage), Some(status)) = (usage, status.as_object_mut()) {
        status.insert("usage".to_owned(), json!(usage));
    }
    json!({
        "apiVersion": Tenant::api_version(&()),
        "kind": Tenant::kind(&()),
        "metadata": {
            "name": record.name, "uid": record.uid, "resourceVersion": record.version.to_string(),
        },
        "status": status,
    })
}

fn refused(error: kube::Error) -> NotWritten {
    match error {
        kube::Error::Api(status) if status.is_not_found() => NotWritten::Gone,
        kube::Error::Api(status) if status.is_conflict() => NotWritten::Overtaken,
        kube::Error::Api(status) if status.is_forbidden() && is_by_rights(&status.message) => {
            NotWritten::Forbidden(status.message)
        }
        kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 429 => {
            NotWritten::Refused(status.message)
        }
        other => NotWritten::Unanswered(other.to_string()),
    }
}

/// Whether it is a matter of rights, as opposed to a policy that refuses one tenant.
fn is_by_rights(message: &str) -> bool {
    message.contains("cannot patch resource")
}
