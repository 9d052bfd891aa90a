//! Which tenants may move to a profile's newest revision, and how far a rollout is. Pure.

use std::collections::BTreeSet;

use crds::{
    Tenant,
    conditions::{self, READY, RECONCILING, STALLED},
    deployment_profile::{Rollout, RolloutPhase, TenantCounts},
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
    /// The profile's newest revision.
    pub revision: i64,
    /// The version of the rendering.
    pub renderer: i64,
}

/// Where one tenant stands in a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The tenant's name.
    pub name: Box<str>,
    /// It has been told to move to the target.
    pub started: bool,
    /// It runs what it should.
    pub settled: bool,
    /// `Ready` is `True`.
    pub ready: bool,
    /// It was told to move and something went wrong.
    pub failed: bool,
    /// It stays where it is, by its own wish.
    pub pinned: bool,
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
    let newest = label(profile, target.revision);
    let pin = tenant.spec.profile_ref.revision;
    let wanted = pin.map_or(newest, |pin| label(profile, pin));
    let told = revision.desired.as_deref() == Some(wanted.as_str())
        && revision.renderer == Some(target.renderer);
    let arrived = told && revision.current == revision.desired;
    let observed = status.observed_generation == tenant.metadata.generation;
    let calm = observed && !is(RECONCILING) && (is(READY) || reason == "Suspended");
    let going_on = conditions::find(&status.conditions, RECONCILING);
    Member {
        name: tenant.metadata.name.as_deref().unwrap_or_default().into(),
        started: told || granted,
        settled: arrived && calm,
        ready: is(READY),
        // One that is pinned did not fail on the newest revision, and must not hold the others.
        failed: told && pin.is_none() && !is(READY) && (is(STALLED) || FAILING.contains(&reason)),
        pinned: pin.is_some(),
        paused: going_on.is_some_and(|c| c.reason == "Paused"),
    }
}

/// What a rollout does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Tenants that may start now, in order.
    pub start: Vec<Box<str>>,
    /// How the rollout stands.
    pub phase: RolloutPhase,
    /// For the profile's status.
    pub counts: TenantCounts,
    /// The first failed tenants, by name.
    pub failed: Vec<String>,
    /// `48/50 updated, 1 failed: acme`.
    pub message: String,
}

/// Decides who may start. Tenants that are ready go first, so that one that was broken before does
/// not stop a rollout at its beginning; a failed tenant holds no place in flight, nor does a paused
/// one, which may be so for weeks and takes its turn afterwards.
#[must_use]
pub fn decide(members: &[Member], rollout: &Rollout) -> Decision {
    let failed: BTreeSet<&str> = of(members, |m| m.failed);
    let paused: BTreeSet<&str> = of(members, |m| m.paused && !m.pinned && !m.settled);
    let moves = |m: &&Member| !m.pinned && !m.paused;
    let in_flight =
        members.iter().filter(moves).filter(|m| m.started && !m.settled && !m.failed).count();
    let mut waiting: Vec<&Member> = members.iter().filter(moves).filter(|m| !m.started).collect();
    waiting.sort_by_key(|m| (!m.ready, m.name.clone()));
    let settled = members.iter().filter(|m| m.settled).count();
    let halted = failed.len() >= rollout.halt_after_failures as usize;
    let phase = match () {
        () if waiting.is_empty() && in_flight == 0 && failed.is_empty() && paused.is_empty() => {
            RolloutPhase::Complete
        }
        () if !waiting.is_empty() && rollout.paused => RolloutPhase::Paused,
        () if !waiting.is_empty() && halted => RolloutPhase::Halted,
        () => RolloutPhase::Progressing,
    };
    let free = match phase {
        RolloutPhase::Progressing => {
            rollout.max_in_flight.of(members.len()).saturating_sub(in_flight)
        }
        _ => 0,
    };
    Decision {
        start: waiting.iter().take(free).map(|m| m.name.clone()).collect(),
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
