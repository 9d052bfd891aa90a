//! Saying how it went: one status patch if something changed, an event where a person cares.

use std::time::{Duration, Instant};

use crds::{
    Tenant, TenantStatus,
    conditions::{self, READY, STALLED},
    names::NAMESPACE_PREFIX,
};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use super::{
    Done, Next,
    news::{News, news},
    relook, result,
};
use crate::{
    account, census,
    cluster::ApiError,
    context::Context,
    decide::{Decision, Seen},
    desired::RENDERER,
    figures,
    health::{Health, reasons::FAILING},
    observed::Observed,
    status::{self, Input, Outcome},
    suspension,
};

/// Writes the status that follows from what happened, if it says anything new.
pub(super) async fn report(
    ctx: &Context,
    tenant: &Tenant,
    decision: &Decision,
    outcome: Result<Option<Outcome>, ApiError>,
    now: Timestamp,
) -> Result<Done, ApiError> {
    let (outcome, error) = match outcome {
        Ok(outcome) => (outcome, None),
        // It changed under our hands: decide again at once, without a word.
        Err(error @ (ApiError::Changed(_) | ApiError::Gone | ApiError::Fenced)) => {
            return Err(error);
        }
        Err(error) => (Some(Outcome::Retrying { message: error.to_string() }), Some(error)),
    };
    let Some(mut outcome) = outcome else { return Ok(None.into()) };
    if let Outcome::Applied { wrote } = &mut outcome {
        *wrote |= ctx.pace.unsettled(&tenant.name_any());
    }
    let observed = ctx.world.observed(&tenant.name_any());
    let health = decision.health(&observed);
    let new = compose(ctx, tenant, decision, &outcome, &observed, &health, now);
    let next = put(ctx, tenant, new).await?;
    let rest = ctx.contests.of(&tenant.name_any(), Instant::now()).map(|(_, rest)| rest);
    match error {
        Some(error) => Err(error),
        None => Ok(Done {
            next: next.or([wake(tenant, &outcome, now), rest].into_iter().flatten().min()),
            result: result(&outcome),
        }),
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
    let new = compose(ctx, tenant, decision, &outcome, &seen.observed, &health, now);
    // Not a word that can wait: it is what a rollout counts after a crash.
    let old = tenant.status.clone().unwrap_or_default();
    send(ctx, tenant, &old, &new, News::Urgent).await
}

fn compose(
    ctx: &Context,
    tenant: &Tenant,
    decision: &Decision,
    outcome: &Outcome,
    observed: &Observed,
    health: &Health,
    now: Timestamp,
) -> TenantStatus {
    // Looked up again: who asked for the same account meanwhile may be the older one.
    let account = account::effective(tenant, observed);
    let rival = ctx.world.rival(tenant, &account);
    let input = Input {
        previous: tenant.status.as_ref(),
        generation: tenant.metadata.generation,
        uid: tenant.metadata.uid.as_deref().unwrap_or_default(),
        namespace: format!("{NAMESPACE_PREFIX}{}", tenant.name_any()),
        outcome,
        health,
        observed,
        silence: ctx.heartbeat.silence(),
        held: figures::held(tenant),
        account: rival.is_none().then_some(&*account),
        desired_revision: decision.revision.clone(),
        renderer: RENDERER,
        suspension: decision.suspension.clone(),
        endpoints: decision.endpoints.clone(),
    };
    status::status(&input, now)
}

/// Patches the status if it differs. What tells only of progress waits its turn.
pub(super) async fn put(
    ctx: &Context,
    tenant: &Tenant,
    new: TenantStatus,
) -> Result<Next, ApiError> {
    let name = tenant.name_any();
    let old = tenant.status.clone().unwrap_or_default();
    let lets_go = figures::held(tenant) && !figures::told(&new);
    if figures::says(&old, &new) && !lets_go {
        ctx.pace.nothing_to_tell(&name);
        return Ok(None);
    }
    let news = news(&old, &new);
    let busy = ctx.world.tenant_kicks.backlog() > 0;
    let delay = match news {
        News::Urgent => Duration::ZERO,
        News::Settled => ctx.pace.give_way(&name, busy),
        News::Progress => ctx.pace.progress_delay(&name, busy),
    };
    if !delay.is_zero() {
        return Ok(Some(delay));
    }
    send(ctx, tenant, &old, &new, news).await?;
    Ok(None)
}

async fn send(
    ctx: &Context,
    tenant: &Tenant,
    old: &TenantStatus,
    new: &TenantStatus,
    news: News,
) -> Result<(), ApiError> {
    ctx.cluster.write_tenant_status(tenant, new).await?;
    ctx.pace.wrote_status(&tenant.name_any(), news == News::Progress);
    if let Some(took) = census::provisioned(tenant, old, new) {
        timed(ctx, tenant, "ready", took);
    }
    tell(ctx, tenant, old, new).await;
    Ok(())
}

/// Counts how long it took until a new tenant's stack ran, or it went.
pub(super) fn timed(ctx: &Context, tenant: &Tenant, outcome: &'static str, took: f64) {
    let profiles = ctx.world.profile_names();
    let profile = census::label(&tenant.spec.profile_ref.name, &profiles);
    ctx.metrics.provisioning(profile, outcome, took);
}

/// An event when a stack fails, stalls, or is well again. That a new one became ready is in its
/// status; an event for each would be a third of what a rollout writes.
async fn tell(ctx: &Context, tenant: &Tenant, old: &TenantStatus, new: &TenantStatus) {
    for type_ in [READY, STALLED] {
        let Some(after) = conditions::find(&new.conditions, type_) else { continue };
        let before = conditions::find(&old.conditions, type_);
        if before.is_some_and(|b| b.status == after.status && b.reason == after.reason) {
            continue;
        }
        match (type_, after.status.as_str()) {
            (READY, "True") if was_unwell(old) => {
                ctx.events.normal(tenant, "Ready", &after.message).await;
            }
            (STALLED, "True") => ctx.events.warning(tenant, &after.reason, &after.message).await,
            (READY, _) if FAILING.contains(&after.reason.as_str()) => {
                ctx.events.warning(tenant, &after.reason, &after.message).await;
            }
            _ => {}
        }
    }
}

fn was_unwell(old: &TenantStatus) -> bool {
    let failing = conditions::find(&old.conditions, READY)
        .is_some_and(|c| FAILING.contains(&c.reason.as_str()));
    failing || conditions::is_true(&old.conditions, STALLED)
}

/// When time alone changes what is to be done. A pause ends whatever else there is to say.
fn wake(tenant: &Tenant, outcome: &Outcome, now: Timestamp) -> Next {
    let rest = match outcome {
        Outcome::Refused(_) | Outcome::Blocked { .. } => {
            Some(relook::after(&tenant.name_any(), tenant.status.as_ref(), now))
        }
        _ => suspension::next(tenant, now).map(|at| until(at, now)),
    };
    [rest, pause_ends(tenant, now)].into_iter().flatten().min()
}

/// How long `spec.pausedUntil` lasts, if it lies ahead.
pub(super) fn pause_ends(tenant: &Tenant, now: Timestamp) -> Next {
    let at: Timestamp = tenant.spec.paused_until.as_deref()?.parse().ok()?;
    (at > now).then(|| until(at, now))
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    let seconds = at.as_second() - now.as_second();
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0) + 1)
}
