//! Which tenants may move to a profile's newest revision, and how far a rollout is. Pure.

use std::collections::BTreeSet;

use crds::{
    Tenant,
    conditions::{self, READY, RECONCILING, STALLED},
    deployment_profile::{Rollout, RolloutPhase, TenantCounts},
    tenant::ProfileRevision,
};

use crate::health::reasons::FAILING;

/// `PROFILE@NUMBER`, as it stands in a tenant's status.
#[must_use]
pub fn label(profile: &str, revision: i64) -> String {
    format!("{profile}@{revision}")
}

/// The parts of `PROFILE@NUMBER`.
#[must_use]
pub fn parse(label: &str) -> Option<(&str, i64)> {
    let (profile, number) = label.rsplit_once('@')?;
    Some((profile, number.parse().ok()?))
}

/// The newest thing that a tenant can run: a revision, drawn by this version of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The profile's newest revision, or the one that the tenant is pinned to.
    pub revision: i64,
    /// The version of the rendering.
    pub renderer: i64,
    /// Whether there is such a revision.
    pub exists: bool,
}

/// Where one tenant stands in a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The tenant's name.
    pub name: Box<str>,
    /// The revision that it moves to.
    pub revision: i64,
    /// It has been told to move to the target, or needs nobody's word for it.
    pub started: bool,
    /// It started and is on its way: it holds a place.
    pub moving: bool,
    /// It runs what it should.
    pub settled: bool,
    /// `Ready` is `True`.
    pub ready: bool,
    /// It was told to move and something went wrong.
    pub failed: bool,
    /// It failed before it ran as it should, rather than some time after.
    pub failed_on_the_way: bool,
    /// Nothing is written to it until `spec.pausedUntil`.
    pub paused: bool,
}

/// How a tenant stands to `target`; `granted`: it was told to move and its status may not say so yet.
#[must_use]
pub fn member(tenant: &Tenant, profile: &str, target: Target, granted: bool) -> Member {
    let status = tenant.status.clone().unwrap_or_default();
    let is = |type_| conditions::is_true(&status.conditions, type_);
    let reason = conditions::find(&status.conditions, READY).map_or("", |c| c.reason.as_str());
    let revision = status.profile_revision.clone().unwrap_or_default();
    let wanted = label(profile, target.revision);
    let drawn = revision.renderer == Some(target.renderer);
    let told = drawn && revision.desired.as_ref() == Some(&wanted);
    let pinned = tenant.spec.profile_ref.revision.is_some();
    // Nobody's word is needed for what is new here, nor to finish what never ran.
    let is_new = !is_brought_to(&revision, profile);
    let unfinished = revision.current.is_none() && (pinned || revision.desired == Some(wanted));
    let free = is_new || unfinished || pinned && (drawn || !target.exists);
    let started = told || granted || free;
    let observed = status.observed_generation == tenant.metadata.generation;
    let calm = observed && !is(RECONCILING) && (is(READY) || reason == "Suspended");
    let settled = told && revision.has_arrived() && calm;
    let wrong = !is(READY) && (is(STALLED) || FAILING.contains(&reason));
    // A pin may name what never ran. Only what was set in motion here can have failed by it.
    let under_way = !revision.has_arrived() && (is(RECONCILING) || is(STALLED));
    let drawn_anew = revision.current_renderer.is_some();
    let failed = wrong && told && (!pinned || drawn_anew && under_way);
    let going_on = conditions::find(&status.conditions, RECONCILING);
    let paused = going_on.is_some_and(|c| c.reason == "Paused");
    // One that is pinned may be unwell for months by its own wish: it must not hold the others.
    let in_motion = !pinned || is(RECONCILING) || (granted && !told);
    Member {
        name: tenant.metadata.name.as_deref().unwrap_or_default().into(),
        revision: target.revision,
        started,
        moving: started && !settled && !paused && in_motion && !(wrong && (told || pinned)),
        settled,
        ready: is(READY),
        failed,
        // An edit may be wrong, and pods may crash, long after it arrived.
        failed_on_the_way: failed && under_way,
        paused: paused && !(pinned && started),
    }
}

/// Whether two states of a tenant are the same for all who count a profile's tenants: in all that [`member`] reads. What a
/// tenant uses changes all the time, and a profile may have a thousand.
#[must_use]
pub fn reads_alike(one: &Tenant, other: &Tenant) -> bool {
    fn read(tenant: &Tenant) -> impl PartialEq {
        let status = tenant.status.as_ref();
        let told = |type_| {
            let found = status.and_then(|status| conditions::find(&status.conditions, type_));
            found.map(|found| (found.status.as_str(), found.reason.as_str()))
        };
        (
            (tenant.metadata.uid.as_deref(), tenant.metadata.generation),
            tenant.metadata.deletion_timestamp.is_some(),
            &tenant.spec.profile_ref,
            status.and_then(|status| status.observed_generation),
            status.and_then(|status| status.profile_revision.as_ref()),
            [READY, RECONCILING, STALLED].map(told),
        )
    }
    read(one) == read(other)
}

/// Whether the tenant's stack was brought to some revision of this profile.
fn is_brought_to(revision: &ProfileRevision, profile: &str) -> bool {
    revision.desired.as_deref().and_then(parse).is_some_and(|(of, _)| of == profile)
}

/// What a rollout does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Tenants that may start now, in order, each with the revision that it moves to.
    pub start: Vec<(Box<str>, i64)>,
    /// How the rollout stands.
    pub phase: RolloutPhase,
    /// Tenants are on their way, or start now.
    pub moving: bool,
    /// For the profile's status.
    pub counts: TenantCounts,
    /// The first failed tenants, by name.
    pub failed: Vec<String>,
    /// `48/50 updated, 1 failed: acme`.
    pub message: String,
}

/// Decides who may start. Tenants that are ready go first, so that one that was broken before does
/// not stop a rollout at its beginning; a failed tenant holds no place in flight, nor does a paused
/// one, which may be so for weeks and takes its turn afterwards. One that is pinned keeps its
/// revision, but waits like the others to be drawn by another version of the operator.
#[must_use]
pub fn decide(members: &[Member], rollout: &Rollout) -> Decision {
    let failed: BTreeSet<&str> = of(members, |m| m.failed);
    let paused: BTreeSet<&str> = of(members, |m| m.paused && !m.settled);
    let in_flight = members.iter().filter(|m| m.moving).count();
    let mut waiting: Vec<&Member> = members.iter().filter(|m| !m.started && !m.paused).collect();
    waiting.sort_by_key(|m| (!m.ready, m.name.clone()));
    let settled = members.iter().filter(|m| m.settled).count();
    let phase = phase(members, rollout, waiting.len(), in_flight, failed.len(), paused.len());
    let free = match phase {
        RolloutPhase::Progressing => {
            rollout.max_in_flight.of(members.len()).saturating_sub(in_flight)
        }
        _ => 0,
    };
    let start: Vec<_> = waiting.iter().take(free).map(|m| (m.name.clone(), m.revision)).collect();
    Decision {
        moving: in_flight + start.len() > 0,
        start,
        phase,
        counts: TenantCounts {
            total: count(members.len()),
            updated: count(settled),
            ready: count(members.iter().filter(|m| m.ready).count()),
            failed: count(failed.len()),
        },
        message: message(members.len(), settled, &failed, &paused, phase),
        failed: failed.iter().take(10).map(|&name| name.to_owned()).collect(),
    }
}

/// A rollout is over when nobody waits and nobody is on the way, though a tenant may have failed:
/// what is wrong with one customer's pods is no reason for others to wait for. Not when so many
/// failed on their way as would have halted it: then it is the rollout that failed.
fn phase(
    members: &[Member],
    rollout: &Rollout,
    waiting: usize,
    in_flight: usize,
    failed: usize,
    paused: usize,
) -> RolloutPhase {
    let most = rollout.halt_after_failures as usize;
    let on_the_way = members.iter().filter(|m| m.failed_on_the_way).count();
    match () {
        () if waiting > 0 && rollout.paused => RolloutPhase::Paused,
        () if waiting > 0 && failed >= most => RolloutPhase::Halted,
        () if waiting > 0 || in_flight > 0 => RolloutPhase::Progressing,
        () if on_the_way >= most => RolloutPhase::Halted,
        () if paused > 0 => RolloutPhase::Progressing,
        () => RolloutPhase::Complete,
    }
}

fn of(members: &[Member], which: impl Fn(&Member) -> bool) -> BTreeSet<&str> {
    members.iter().filter(|m| which(m)).map(|m| m.name.as_ref()).collect()
}

fn message(
    total: usize,
    settled: usize,
    failed: &BTreeSet<&str>,
    paused: &BTreeSet<&str>,
    phase: RolloutPhase,
) -> String {
    let mut message = format!("{settled}/{total} updated");
    for (names, what) in [(failed, "failed"), (paused, "held by spec.pausedUntil")] {
        if !names.is_empty() {
            let first: Vec<&str> = names.iter().take(3).copied().collect();
            let more = if names.len() > 3 { ", …" } else { "" };
            message.push_str(&format!(", {} {what}: {}{more}", names.len(), first.join(", ")));
        }
    }
    match phase {
        RolloutPhase::Paused => message.push_str("; paused by spec.rollout.paused"),
        RolloutPhase::Halted => message.push_str(
            "; halted by spec.rollout.haltAfterFailures: mend or pin the failed tenants, or change the profile",
        ),
        _ => {}
    }
    message
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
