//! The driver for tenants: observe, decide, apply, say how it went.

mod deletion;
mod news;
mod orphans;
mod relook;
mod report;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use crds::{Tenant, names::TenantName};
use k8s_openapi::{api::core::v1::ObjectReference, jiff::Timestamp};
use kube::ResourceExt;
use serde_json::Value;

use crate::{
    account,
    cluster::{ApiError, FINALIZER, Target},
    contest,
    context::Context,
    decide::{self, Decision, Seen},
    drift, events,
    kinds::Kind,
    observed::Observed,
    plan::{Action, Refusal},
    status::Outcome,
    validate,
};

/// When to look at a tenant again, if nothing happens before.
pub type Next = Option<Duration>;

/// How a look at a tenant ended, if it need not be done over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// When to look again.
    pub next: Next,
    /// One word for metrics: `ok`, or why not all that was decided is in the cluster.
    pub result: &'static str,
}

impl From<Next> for Done {
    fn from(next: Next) -> Self {
        Self { next, result: "ok" }
    }
}

/// Brings one tenant closer to what it should be.
///
/// # Errors
/// [`ApiError`] when the status could not be written or the work must be done over.
pub async fn reconcile(ctx: &Context, name: &str) -> Result<Done, ApiError> {
    let Some(tenant) = ctx.world.tenant(name) else {
        ctx.pace.forget(name);
        ctx.contests.forget(name);
        return orphans::look(ctx, name).await.map(Done::from);
    };
    if tenant.metadata.deletion_timestamp.is_some() {
        return deletion::reconcile(ctx, &tenant).await.map(Done::from);
    }
    let now = Timestamp::now();
    let seen = observe(ctx, &tenant);
    let decision = decide::decide(&tenant, &seen, now);
    if let Some(Outcome::Refused(Refusal::NamespaceRetained { namespace, .. })) = &decision.outcome
        && let Err(error) = orphans::look(ctx, name).await
    {
        // It waits all the same, and is told so.
        let outcome = refused_or(error, &decision, namespace).map(Some);
        return report::report(ctx, &tenant, &decision, outcome, now).await;
    }
    // As it was before it is announced where the stack is being brought to.
    let again = decision.was_written(&tenant);
    let tenant = prepare(ctx, tenant, &seen, &decision, now).await?;
    let outcome = act(ctx, &tenant, &decision, again).await;
    report::report(ctx, &tenant, &decision, outcome, now).await
}

fn observe(ctx: &Context, tenant: &Tenant) -> Seen {
    let name = tenant.name_any();
    let profile = tenant.spec.profile_ref.name.as_str();
    let observed = ctx.world.observed(&name);
    Seen {
        rival: ctx.world.rival(tenant, &account::effective(tenant, &observed)),
        observed,
        profile_exists: ctx.world.profile(profile).is_some(),
        unreadable: ctx.world.unreadable_profile(profile).map(|u| u.error.clone()),
        revisions: ctx.world.revisions(profile),
        granted: ctx.world.granted(&name, profile),
        silence: ctx.heartbeat.silence(),
        learned: ctx.world.learned(&name),
    }
}

/// The finalizer, before the first write and where somebody took it off a stack that stands: without it a
/// deletion would drain and remove nothing. Then, before the first write too, in a rollout that counts who is under way a status
/// that says where the stack is being brought to: after a crash on the way it still counts.
async fn prepare(
    ctx: &Context,
    tenant: Arc<Tenant>,
    seen: &Seen,
    decision: &Decision,
    now: Timestamp,
) -> Result<Arc<Tenant>, ApiError> {
    let (name, decided) = (tenant.name_any(), tenant.metadata.generation);
    let lacks = !tenant.finalizers().iter().any(|f| f == FINALIZER);
    if lacks && (!decision.actions.is_empty() || is_bare(&tenant, seen)) {
        ctx.cluster.set_finalizer(&tenant, true).await?;
    }
    if decision.actions.is_empty() {
        return unedited(decided, ctx.world.tenant(&name).unwrap_or(tenant));
    }
    let tenant = unedited(decided, ctx.world.tenant(&name).unwrap_or(tenant))?;
    if decision.moves(&tenant) && is_counted(ctx, &tenant) {
        report::announce(ctx, &tenant, seen, decision, now).await?;
    }
    unedited(decided, ctx.world.tenant(&name).unwrap_or(tenant))
}

/// Whether the tenant has a stack that a deletion would leave behind. A pause is of the stack; the finalizer is the
/// Tenant's.
fn is_bare(tenant: &Tenant, seen: &Seen) -> bool {
    let uid = tenant.metadata.uid.as_deref().unwrap_or_default();
    seen.observed.objects.values().any(|record| Observed::is_ours(record, uid))
}

/// The tenant, if it is still the generation that was decided for. The status says what generation it
/// speaks of: it must not be a newer one than what is applied.
fn unedited(decided: Option<i64>, tenant: Arc<Tenant>) -> Result<Arc<Tenant>, ApiError> {
    if tenant.metadata.generation == decided {
        return Ok(tenant);
    }
    Err(ApiError::Changed("the tenant was edited meanwhile".to_owned()))
}

/// Whether the rollout of the tenant's profile bounds how many are under way at once.
fn is_counted(ctx: &Context, tenant: &Tenant) -> bool {
    let profile = ctx.world.profile(&tenant.spec.profile_ref.name);
    profile.is_some_and(|p| !p.spec.rollout.max_in_flight.is_everybody())
}

/// Sends the decision's requests, one by one, until one is refused. What the API server will not take of
/// a stack must not keep its services running when they are to stop: that much is still sent then. `again`: all of it was
/// sent before.
async fn act(
    ctx: &Context,
    tenant: &Tenant,
    decision: &Decision,
    again: bool,
) -> Result<Option<Outcome>, ApiError> {
    let name = tenant.name_any();
    let Ok(namespace) = TenantName::new(&name).map(|n| n.namespace()) else {
        return Ok(decision.outcome.clone());
    };
    let at = Target {
        tenant: &name,
        namespace: &namespace,
        uid: tenant.metadata.uid.as_deref().unwrap_or_default(),
        adopts: tenant.spec.adopt.as_ref().map(|a| a.previous_uid.as_str()),
    };
    // A stack that was in sync and is not any more was changed by somebody else.
    let drifted = decision.was_in_sync(tenant);
    let (mut fresh, mut quota, mut refused) = (false, false, None);
    let mut undone = BTreeSet::new();
    for action in &decision.actions {
        // What stops services is always sent: whoever starts them again and again gets no minute out of it.
        let halts = decision.suspension.stops() && stops(action);
        if refused.is_some() && !halts {
            continue;
        }
        let key = action.key();
        // Several requests for one object are one time.
        let more = again && !halts && !undone.contains(&key);
        if more && ctx.contests.is_contested(&name, &key, Instant::now()) {
            continue;
        }
        let change = if drifted { drift_of(ctx, at, action).await } else { None };
        if let Err(error) = ctx.cluster.run(at, action, fresh).await {
            // What a quota allows is what its controller has seen of it: a moment after it was written.
            if let (ApiError::Quota(message), true) = (&error, quota) {
                return Err(ApiError::Transient(message.clone()));
            }
            refused.get_or_insert(refused_or(error, decision, &namespace)?);
            continue;
        }
        if again && undone.insert(key.clone()) {
            ctx.contests.undone(&name, &key, Instant::now());
        }
        if matches!(action, Action::CreateNamespace { .. }) {
            fresh = true;
            // Its instant is rendered; what was decided before it was known would be written twice.
            if validate::late_namespace(tenant, &ctx.world.observed(&name)).is_some() {
                return Err(ApiError::Changed("the namespace came late; decided anew".to_owned()));
            }
        }
        quota |= matches!(action, Action::Apply { key, .. } if key.kind == Kind::ResourceQuota);
        if let Some((part, note)) = change {
            ctx.metrics.drift(key.kind);
            ctx.events.normal_of_part(tenant, part, "DriftCorrected", &note).await;
        }
    }
    Ok(refused.or_else(|| contested(ctx, &name, decision)).or_else(|| decision.outcome.clone()))
}

/// What is said of a stack that somebody else changes as often as we put it right, also right after we have.
fn contested(ctx: &Context, name: &str, decision: &Decision) -> Option<Outcome> {
    let Some(Outcome::Applied { .. }) = &decision.outcome else { return None };
    let (key, _) = ctx.contests.of(name, Instant::now())?;
    Some(Outcome::Blocked { reason: contest::REASON, message: contest::words(&key) })
}

/// Whether it stops pods of a Deployment that is there, and does nothing that needs what was refused.
fn stops(action: &Action) -> bool {
    match action {
        Action::Park { .. } => true,
        Action::Delete { key, .. } => key.kind == Kind::Deployment,
        Action::Apply { key, uid: Some(_), body } => {
            key.kind == Kind::Deployment
                && body.pointer("/spec/replicas").and_then(Value::as_i64) == Some(0)
        }
        _ => false,
    }
}

/// What somebody did to the object that this action puts right, and to which part of it.
async fn drift_of(
    ctx: &Context,
    at: Target<'_>,
    action: &Action,
) -> Option<(ObjectReference, String)> {
    let Action::Apply { key, uid, body } = action else { return None };
    if uid.is_none() {
        let part = events::part(at.namespace, key, None);
        return Some((part, format!("{key} was deleted; made again")));
    }
    let live = ctx.cluster.read(at.namespace, key).await.ok()?;
    let change = drift::describe(body, &live)?;
    let part = events::part(at.namespace, key, Some(&change.field));
    Some((part, format!("{key}: {change}; undone")))
}

/// Turns a refused request into what the status says, or hands it on to be tried again.
fn refused_or(error: ApiError, decision: &Decision, namespace: &str) -> Result<Outcome, ApiError> {
    let revision = decision.revision.as_deref().unwrap_or("the profile");
    Ok(match error {
        ApiError::Foreign(key) if key.kind == Kind::Namespace => {
            Outcome::Refused(Refusal::NamespaceForeign { namespace: key.name.to_string() })
        }
        ApiError::Foreign(key) => Outcome::Refused(Refusal::ObjectForeign { key }),
        ApiError::Forbidden { verb, resource, message } => Outcome::Blocked {
            reason: "Forbidden",
            message: forbidden(verb, &resource, namespace, &message),
        },
        ApiError::Quota(message) => Outcome::Blocked {
            reason: "QuotaExceeded",
            message: format!(
                "{message}; raise spec.quota of the profile ({revision}) or ask for less"
            ),
        },
        ApiError::Rejected(message) => Outcome::Blocked {
            reason: "Rejected",
            message: format!("the API server refuses {message} ({revision})"),
        },
        other => return Err(other),
    })
}

/// An outcome in the words that metrics have for errors.
fn result(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Blocked { reason: "Forbidden", .. } => "forbidden",
        Outcome::Blocked { reason: "QuotaExceeded", .. } => "quota",
        Outcome::Blocked { reason: contest::REASON, .. } => "contested",
        Outcome::Blocked { .. } => "rejected",
        Outcome::Refused(
            Refusal::NamespaceForeign { .. }
            | Refusal::NamespaceRetained { .. }
            | Refusal::ObjectForeign { .. },
        ) => "foreign",
        _ => "ok",
    }
}

/// A missing permission, in words that say where it belongs.
pub(crate) fn forbidden(verb: &str, resource: &str, namespace: &str, message: &str) -> String {
    // The API server checks "create" on its own when an apply makes a new object.
    let verb = if message.contains("cannot create resource") { "create" } else { verb };
    format!(
        "may not {verb} {resource} in {namespace}; the ClusterRole \"tenantry-operator\" grants it: apply it again, as it is shipped"
    )
}
