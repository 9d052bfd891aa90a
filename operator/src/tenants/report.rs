//! Saying how it went: one status patch if something changed, an event where a person cares.

use std::time::Duration;

use crds::{
    Tenant, TenantStatus,
    conditions::{self, READY, STALLED},
    names::NAMESPACE_PREFIX,
};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use super::{Next, relook};
use crate::{
    cluster::ApiError,
    context::Context,
    decide::{Decision, Seen},
    desired::RENDERER,
    health::Health,
    observed::Observed,
    status::{self, Input, Outcome},
};

/// Writes the status that follows from what happened, if it says anything new.
pub(super) async fn report(
    ctx: &Context,
    tenant: &Tenant,
    decision: &Decision,
    outcome: Result<Option<Outcome>, ApiError>,
    now: Timestamp,
) -> Result<Next, ApiError> {
    let (outcome, error) = match outcome {
        Ok(outcome) => (outcome, None),
        // It changed under our hands: decide again at once, without a word.
        Err(error @ (ApiError::Changed(_) | ApiError::Gone | ApiError::Fenced)) => {
            return Err(error);
        }
        Err(error) => (Some(Outcome::Retrying { message: error.to_string() }), Some(error)),
    };
    let Some(outcome) = outcome else { return Ok(None) };
    let observed = ctx.world.observed(&tenant.name_any());
    let health = decision.health(&observed);
    let next = write(ctx, tenant, decision, &outcome, &observed, &health, now).await?;
    match error {
        Some(error) => Err(error),
        None => Ok(next.or(wake(tenant, &outcome, now))),
    }
}

/// Says, before the first write, where a stack is being brought to.
pub(super) async fn announce(
    ctx: &Context,
    tenant: &Tenant,
    seen: &Seen,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), ApiError> {
    let mut health = decision.health(&seen.observed);
    let message = format!(
        "{} objects to write for {}",
        decision.actions.len(),
        decision.revision.as_deref().unwrap_or("the spec")
    );
    health.cause = Some(crate::health::Cause { reason: "Applying", message });
    let outcome = Outcome::Applied { wrote: true };
    write(ctx, tenant, decision, &outcome, &seen.observed, &health, now).await.map(|_| ())
}

async fn write(
    ctx: &Context,
    tenant: &Tenant,
    decision: &Decision,
    outcome: &Outcome,
    observed: &Observed,
    health: &Health,
    now: Timestamp,
) -> Result<Next, ApiError> {
    let name = tenant.name_any();
    let new = status::status(
        &Input {
            previous: tenant.status.as_ref(),
            generation: tenant.metadata.generation,
            uid: tenant.metadata.uid.as_deref().unwrap_or_default(),
            namespace: format!("{NAMESPACE_PREFIX}{name}"),
            outcome,
            health,
            observed,
            desired_revision: decision.revision.clone(),
            renderer: RENDERER,
            suspended: tenant.spec.suspend,
            endpoints: decision.endpoints.clone(),
        },
        now,
    );
    put(ctx, tenant, new).await
}

/// Patches the status if it differs. What tells only of progress waits its turn.
pub(super) async fn put(
    ctx: &Context,
    tenant: &Tenant,
    new: TenantStatus,
) -> Result<Next, ApiError> {
    let name = tenant.name_any();
    let old = tenant.status.clone().unwrap_or_default();
    if new == old {
        return Ok(None);
    }
    let delay = ctx.pace.progress_delay(&name);
    if !delay.is_zero() && only_progress(&old, &new) {
        return Ok(Some(delay));
    }
    ctx.cluster.write_tenant_status(tenant, &new).await?;
    ctx.pace.wrote_status(&name);
    tell(ctx, tenant, &old, &new).await;
    Ok(None)
}

fn only_progress(old: &TenantStatus, new: &TenantStatus) -> bool {
    let heads = |status: &TenantStatus| -> Vec<(String, String, String)> {
        let of = |c: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
            (c.type_.clone(), c.status.clone(), c.reason.clone())
        };
        status.conditions.iter().map(of).collect()
    };
    heads(old) == heads(new)
        && old.observed_generation == new.observed_generation
        && old.profile_revision == new.profile_revision
}

/// An event when `Ready` or `Stalled` changes.
async fn tell(ctx: &Context, tenant: &Tenant, old: &TenantStatus, new: &TenantStatus) {
    for type_ in [READY, STALLED] {
        let Some(after) = conditions::find(&new.conditions, type_) else { continue };
        let before = conditions::find(&old.conditions, type_);
        if before.is_some_and(|b| b.status == after.status && b.reason == after.reason) {
            continue;
        }
        match (type_, after.status.as_str()) {
            (READY, "True") => ctx.events.normal(tenant, "Ready", &after.message).await,
            (STALLED, "True") => ctx.events.warning(tenant, &after.reason, &after.message).await,
            (READY, _) if crate::health::reasons::FAILING.contains(&after.reason.as_str()) => {
                ctx.events.warning(tenant, &after.reason, &after.message).await;
            }
            _ => {}
        }
    }
}

/// When time alone changes what is to be done.
fn wake(tenant: &Tenant, outcome: &Outcome, now: Timestamp) -> Next {
    match outcome {
        Outcome::Paused { .. } => {
            let until: Timestamp = tenant.spec.paused_until.as_deref()?.parse().ok()?;
            let seconds = until.as_second() - now.as_second();
            Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0) + 1))
        }
        Outcome::Refused(_) | Outcome::Blocked { .. } => {
            Some(relook::after(&tenant.name_any(), tenant.status.as_ref(), now))
        }
        _ => None,
    }
}
