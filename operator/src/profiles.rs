//! The driver for profiles: keep revisions, let tenants move, say how far the rollout is.

mod unreadable;

use std::{collections::BTreeSet, sync::Arc};

use crds::{
    DeploymentProfile, DeploymentProfileStatus,
    conditions::{self, NewCondition, READY, RECONCILING, STALLED, TENANTS_HEALTHY},
    deployment_profile::RolloutPhase,
};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use crate::{
    cluster::ApiError,
    context::Context,
    desired::RENDERER,
    revision,
    rollout::{self, Decision, Member, Target},
    tenants::Next,
    world::World,
};

/// Brings one profile's bookkeeping up to date.
///
/// # Errors
/// [`ApiError`] when something could not be written.
pub async fn reconcile(ctx: &Context, name: &str) -> Result<Next, ApiError> {
    if let Some(unreadable) = ctx.world.unreadable_profile(name) {
        return unreadable::tell(ctx, &unreadable).await.map(|()| None);
    }
    let Some(profile) = ctx.world.profile(name) else {
        ctx.pace.forget(&pace_key(name));
        return collect(ctx, name).await.map(|()| None);
    };
    if profile.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    let newest = ensure_revision(ctx, &profile).await?;
    let members = members(ctx, name, newest);
    let decision = rollout::decide(&members, &profile.spec.rollout);
    for settled in members.iter().filter(|m| m.settled) {
        ctx.world.take_back(&settled.name, name);
    }
    for (tenant, revision) in &decision.start {
        ctx.world.grant(tenant, name, *revision);
    }
    let next = report(ctx, &profile, newest, &decision).await?;
    collect(ctx, name).await?;
    Ok(next)
}

/// The number of the newest revision, which is made when the spec is new.
async fn ensure_revision(ctx: &Context, profile: &DeploymentProfile) -> Result<i64, ApiError> {
    let name = profile.name_any();
    let known = ctx.world.revisions(&name);
    let Some(number) = revision::missing(&profile.spec, &known) else {
        return Ok(known.keys().last().copied().unwrap_or(1));
    };
    let number = ctx.world.free_number(&name, number);
    let body = revision::object(&name, number, &ctx.namespace, &profile.spec);
    // Somebody else's revision of this number arrives by the watch; then we look again.
    let live = ctx.cluster.create_revision(&ctx.namespace, &body).await?;
    if let Some((profile, revision)) = revision::read(&live) {
        ctx.world.put_revision(&profile, revision);
    }
    Ok(number)
}

fn members(ctx: &Context, profile: &str, newest: i64) -> Vec<Member> {
    let known = ctx.world.revisions(profile);
    let tenants = ctx.world.tenants_of(profile);
    let alive = tenants.iter().filter(|t| t.metadata.deletion_timestamp.is_none());
    alive
        .map(|tenant| {
            let revision = tenant.spec.profile_ref.revision.unwrap_or(newest);
            let exists = known.contains_key(&revision);
            let granted = ctx.world.granted(&tenant.name_any(), profile) == Some(revision);
            rollout::member(
                tenant,
                profile,
                Target { revision, renderer: RENDERER, exists },
                granted,
            )
        })
        .collect()
}

async fn report(
    ctx: &Context,
    profile: &Arc<DeploymentProfile>,
    revision: i64,
    decision: &Decision,
) -> Result<Next, ApiError> {
    let old = profile.status.clone().unwrap_or_default();
    let new = DeploymentProfileStatus {
        conditions: conditions::merge(
            &old.conditions,
            &judge(decision),
            profile.metadata.generation,
            Timestamp::now(),
        ),
        observed_generation: profile.metadata.generation,
        revision: Some(revision),
        tenants: decision.counts,
        failed: decision.failed.clone(),
        rollout: Some(decision.phase),
        message: Some(decision.message.clone()),
    };
    if new == old {
        return Ok(None);
    }
    let key = pace_key(&profile.name_any());
    let same_phase = old.rollout == new.rollout && old.revision == new.revision;
    let delay = ctx.pace.progress_delay(&key, false);
    if !delay.is_zero() && same_phase {
        return Ok(Some(delay));
    }
    ctx.cluster.write_profile_status(profile, &new).await?;
    ctx.pace.wrote_status(&key, false);
    if old.rollout != new.rollout && new.rollout == Some(RolloutPhase::Halted) {
        ctx.events.warning(profile.as_ref(), "RolloutHalted", &decision.message).await;
    }
    Ok(None)
}

/// The first three speak of the rollout, for whoever waits for it: it is over when nobody is on the
/// way and nobody starts, be it that somebody asked for that. How the tenants are is the fourth.
fn judge(decision: &Decision) -> [NewCondition; 4] {
    let condition = |type_, status: bool, reason| NewCondition {
        type_,
        status: status.into(),
        reason,
        message: decision.message.clone(),
    };
    let (ready, reconciling, stalled, reason) = match (decision.phase, decision.moving) {
        (RolloutPhase::Complete, _) => (true, false, false, "Complete"),
        (RolloutPhase::Progressing, true) => (false, true, false, "Progressing"),
        (RolloutPhase::Progressing, false) => (true, false, false, "TenantsPaused"),
        (RolloutPhase::Paused, true) => (false, true, false, "Paused"),
        (RolloutPhase::Paused, false) => (true, false, false, "Paused"),
        (RolloutPhase::Halted, _) => (false, false, true, "Halted"),
    };
    let healthy = decision.failed.is_empty();
    [
        condition(READY, ready, reason),
        condition(RECONCILING, reconciling, reason),
        condition(STALLED, stalled, reason),
        condition(TENANTS_HEALTHY, healthy, if healthy { "NoneFailed" } else { "TenantsFailed" }),
    ]
}

/// Deletes revisions beyond the history that nobody runs, is brought to, or is pinned to.
async fn collect(ctx: &Context, name: &str) -> Result<(), ApiError> {
    let known = ctx.world.revisions(name);
    if known.len() <= revision::HISTORY {
        return Ok(());
    }
    let numbers: Vec<i64> = known.keys().copied().collect();
    for number in revision::surplus(&numbers, &used(&ctx.world, name)) {
        let Some(surplus) = known.get(&number) else { continue };
        let object = revision::object_name(name, number);
        ctx.cluster.delete_revision(&ctx.namespace, &object, &surplus.uid).await?;
        ctx.world.remove_revision(name, number);
    }
    Ok(())
}

/// Also by who names another profile since, and does not run it yet.
fn used(world: &World, profile: &str) -> BTreeSet<i64> {
    let mut used = BTreeSet::new();
    for tenant in world.tenants() {
        let named = Some(&tenant.spec.profile_ref).filter(|named| named.name == profile);
        used.extend(named.and_then(|named| named.revision));
        let status = tenant.status.as_ref().and_then(|s| s.profile_revision.as_ref());
        let labels = status.map(|r| [r.desired.as_deref(), r.current.as_deref()]);
        for label in labels.into_iter().flatten().flatten() {
            used.extend(rollout::parse(label).filter(|(p, _)| *p == profile).map(|(_, n)| n));
        }
    }
    used
}

fn pace_key(profile: &str) -> String {
    // Tenants' names cannot contain a slash.
    format!("profile/{profile}")
}

#[cfg(test)]
mod tests {
    use crds::{TenantStatus, tenant::ProfileRevision};

    use super::*;
    use crate::fixtures;

    /// One that is frozen on its way from one profile to another needs what it runs to go back to.
    #[test]
    fn a_revision_is_used_by_whoever_runs_it_whichever_profile_it_names_by_now() {
        let world = World::default();
        let mut tenant = fixtures::tenant();
        tenant.metadata.resource_version = Some("7".to_owned());
        tenant.spec.profile_ref.name = "dev".to_owned();
        tenant.spec.profile_ref.revision = Some(9);
        let label = |number: i64| Some(rollout::label("prod", number));
        let runs = ProfileRevision { current: label(2), desired: label(3), ..Default::default() };
        tenant.status = Some(TenantStatus { profile_revision: Some(runs), ..Default::default() });
        world.put_tenant(tenant);
        assert_eq!(used(&world, "prod"), BTreeSet::from([2, 3]));
        assert_eq!(used(&world, "dev"), BTreeSet::from([9]));
    }

    /// `Ready`, `Reconciling`, `Stalled`, `TenantsHealthy` of a rollout in this phase.
    fn says(phase: RolloutPhase, moving: bool, failed: &[&str]) -> [bool; 4] {
        let decision = Decision {
            start: Vec::new(),
            phase,
            moving,
            counts: crds::deployment_profile::TenantCounts::default(),
            failed: failed.iter().map(|&name| name.to_owned()).collect(),
            message: "1/2 updated".to_owned(),
        };
        judge(&decision).map(|c| c.status.is_true())
    }

    /// kstatus, and so Flux and `helm --wait`, take `Reconciling` for going on, `Stalled` for failed.
    #[test]
    fn who_waits_for_a_rollout_waits_for_what_moves_and_for_nothing_else() {
        use RolloutPhase::{Complete, Halted, Paused, Progressing};
        let (over, goes_on, failed) =
            ([true, false, false], [false, true, false], [false, false, true]);
        for (phase, moving, expected) in [
            (Complete, false, over),
            (Progressing, true, goes_on),
            (Progressing, false, over),
            (Paused, true, goes_on),
            (Paused, false, over),
            (Halted, true, failed),
            (Halted, false, failed),
        ] {
            for (names, healthy) in [(&["acme"][..], false), (&[], true)] {
                let [first, second, third] = expected;
                let all = [first, second, third, healthy];
                assert_eq!(says(phase, moving, names), all, "{phase:?} {moving} {names:?}");
            }
        }
    }
}
