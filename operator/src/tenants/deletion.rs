//! A tenant that is being deleted: its stack comes down in order, then the finalizer goes.

use crds::{Tenant, names::TenantName, tenant::DeletionPolicy};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use super::{Next, forbidden, report};
use crate::{
    account, census,
    cluster::{ApiError, FINALIZER, Target},
    context::Context,
    decide, figures,
    health::Health,
    plan::{Cleanup, REMOVING, Spool, cleanup, spool},
    status::{self, Input, Outcome},
    suspension,
};

pub(super) async fn reconcile(ctx: &Context, tenant: &Tenant) -> Result<Next, ApiError> {
    let name = tenant.name_any();
    if !tenant.finalizers().iter().any(|f| f == FINALIZER) {
        return Ok(None);
    }
    let Ok(namespace) = TenantName::new(&name).map(|n| n.namespace()) else {
        return ctx.cluster.set_finalizer(tenant, false).await.map(|_| None);
    };
    let now = Timestamp::now();
    if let Ok(Some(until)) = decide::paused_until(tenant, now) {
        let message = format!("spec.pausedUntil: nothing is removed until {until}");
        let next = say(ctx, tenant, "Paused", message, None, now).await?;
        return Ok(next.or(report::pause_ends(tenant, now)));
    }
    let uid = tenant.metadata.uid.as_deref().unwrap_or_default();
    let delete_data = tenant.spec.deletion_policy == DeletionPolicy::Delete;
    let spool = spool(tenant, ctx.heartbeat.silence());
    match cleanup(&ctx.world.observed(&name), uid, &namespace, delete_data, &spool) {
        Cleanup::Done => {
            let ended = ctx.cluster.set_finalizer(tenant, false).await?;
            // Looked at again before the watch shows that it is gone, it went only once.
            if let Some(took) = census::given_up(tenant).filter(|_| ended) {
                report::timed(ctx, tenant, "deleted", took);
            }
            Ok(None)
        }
        Cleanup::Wait { step, message } => say(ctx, tenant, step, message, None, now).await,
        Cleanup::Do { step, actions } => {
            let at = Target { tenant: &name, namespace: &namespace, uid, adopts: None };
            say(ctx, tenant, step, format!("{} objects to go", actions.len()), None, now).await?;
            if let (REMOVING, Spool::Discarded(words)) = (step, &spool) {
                tracing::warn!(tenant = name, words, "usage is given up");
                ctx.events.warning(tenant, "SpoolDiscarded", words).await;
            }
            for action in &actions {
                match ctx.cluster.run(at, action, false).await {
                    Ok(()) | Err(ApiError::Gone) => {}
                    Err(error) => {
                        if let Some((reason, words)) = refused(&error, &namespace) {
                            let stalled = Some((reason, words.clone()));
                            say(ctx, tenant, step, words, stalled, now).await?;
                        }
                        return Err(error);
                    }
                }
            }
            // What was removed from our records may already be enough for the next step.
            ctx.world.tenant_kicks.kick(&name);
            Ok(None)
        }
    }
}

/// What only a human can help with, as a condition has it.
fn refused(error: &ApiError, namespace: &str) -> Option<(&'static str, String)> {
    match error {
        ApiError::Forbidden { verb, resource, message } => {
            Some(("Forbidden", forbidden(verb, resource, namespace, message)))
        }
        ApiError::Rejected(message) | ApiError::Quota(message) => {
            Some(("Rejected", format!("the API server refuses {message}")))
        }
        _ => None,
    }
}

async fn say(
    ctx: &Context,
    tenant: &Tenant,
    step: &'static str,
    message: String,
    stalled: Option<(&'static str, String)>,
    now: Timestamp,
) -> Result<Next, ApiError> {
    let name = tenant.name_any();
    let tenant = ctx.world.tenant(&name).unwrap_or_else(|| tenant.clone().into());
    let observed = ctx.world.observed(&name);
    let account = account::effective(&tenant, &observed);
    let outcome = Outcome::Deleting { step, message, stalled };
    let new = status::status(
        &Input {
            previous: tenant.status.as_ref(),
            generation: tenant.metadata.generation,
            uid: tenant.metadata.uid.as_deref().unwrap_or_default(),
            namespace: format!("{}{name}", crds::names::NAMESPACE_PREFIX),
            outcome: &outcome,
            health: &Health::default(),
            observed: &observed,
            silence: ctx.heartbeat.silence(),
            held: figures::held(&tenant),
            account: Some(&*account).filter(|account| ctx.world.rival(&tenant, account).is_none()),
            desired_revision: None,
            renderer: crate::desired::RENDERER,
            suspension: suspension::suspension(&tenant, ctx.heartbeat.silence(), now),
            endpoints: Vec::new(),
        },
        now,
    );
    report::put(ctx, &tenant, new).await
}
