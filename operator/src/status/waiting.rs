//! What is said of a stack that another version of the operator drew, until its turn comes. Pure.
//!
//! While nothing is asked of it, it reads as before: an upgrade writes no status but in its turn.

use super::{Input, Outcome, Verdict, all_ready, no, yes};
use crate::plan::Refusal;
use crds::{
    TenantStatus,
    conditions::{self, NewCondition, PROFILE_VALID, READY, RECONCILING, STALLED, SUSPENDED},
};

/// Why something that is asked for is not done yet.
pub const REASON: &str = "RolloutWaiting";
/// What `Reconciling` says of a stack that nothing is left to do for.
const AT_REST: [&str; 2] = ["InSync", "Suspended"];

pub(super) fn verdict(input: &Input<'_>, previous: &TenantStatus, profile: &str) -> Verdict {
    let cause = input.health.cause.as_ref();
    let ready = match cause {
        None if stopped(previous) => no(READY, "Suspended", input.suspension.told()),
        None => all_ready(input),
        Some(cause) => no(READY, cause.reason, &cause.message),
    };
    let reconciling = match cause {
        _ if is_asked_for_more(input, previous) => yes(RECONCILING, REASON, &message(profile)),
        None if stopped(previous) => no(RECONCILING, "Suspended", "nothing to do"),
        None => no(RECONCILING, "InSync", "nothing to do"),
        Some(_) => no(RECONCILING, "InSync", "everything is applied"),
    };
    Verdict {
        ready,
        reconciling,
        stalled: no(STALLED, "InSync", "nothing needs a human"),
        profile_valid: yes(PROFILE_VALID, "Rendered", "tenant and profile render together"),
    }
}

/// Whether it was edited, or was on its way to something, since it was drawn. Whatever else than rest
/// its status spoke of, a pause or a request that did not go through, may have left something undone.
fn is_asked_for_more(input: &Input<'_>, previous: &TenantStatus) -> bool {
    let told = conditions::find(&previous.conditions, RECONCILING);
    told.is_some_and(|c| !AT_REST.contains(&c.reason.as_str()))
        || input.generation != previous.observed_generation
        || input.suspension.stops() != stopped(previous)
        || previous.profile_revision.as_ref().is_some_and(|r| !r.has_arrived())
}

/// The condition of who stops the services. While nothing is written to them they are as they were,
/// whatever is asked.
pub(super) fn suspended(input: &Input<'_>, previous: &TenantStatus) -> NewCondition {
    let (asked, stands) = (input.suspension.stops(), stopped(previous));
    let Some((reason, message)) = untouched(input).filter(|_| asked != stands) else {
        return input.suspension.condition();
    };
    if stands { yes(SUSPENDED, reason, &message) } else { no(SUSPENDED, reason, &message) }
}

/// Why services are not as asked, as nothing, or not all, is written to the stack.
fn untouched(input: &Input<'_>) -> Option<(&'static str, String)> {
    let frozen = |reason| (reason, "nothing is written to the stack: see Ready".to_owned());
    match input.outcome {
        Outcome::Waiting { profile } => Some((REASON, message(profile))),
        Outcome::Paused { until } => Some(("Paused", super::until(until))),
        Outcome::Invalid(_) => Some(frozen("SpecNotApplied")),
        // Of these something is written all the same: what stops services.
        Outcome::Blocked { .. } | Outcome::Refused(Refusal::ObjectForeign { .. }) => {
            let is_done = input.health.stopped == input.suspension.stops();
            let is_blocked = matches!(input.outcome, Outcome::Blocked { .. });
            let reason = if is_blocked { "SpecNotApplied" } else { "Refused" };
            (!is_done).then(|| (reason, "not all of the stack is written: see Ready".to_owned()))
        }
        Outcome::Refused(_) => Some(frozen("Refused")),
        // With a revision at hand the stack is kept in sync with that one, and stopped as asked.
        Outcome::ProfileMissing { .. } if input.desired_revision.is_none() => {
            Some(frozen("ProfileMissing"))
        }
        Outcome::ProfileUnreadable { .. } if input.desired_revision.is_none() => {
            Some(frozen("ProfileUnreadable"))
        }
        Outcome::RevisionMissing { .. } if input.desired_revision.is_none() => {
            Some(frozen("RevisionMissing"))
        }
        _ => None,
    }
}

/// Whether services are stopped, as far as was told.
pub(super) fn stopped(previous: &TenantStatus) -> bool {
    conditions::is_true(&previous.conditions, SUSPENDED)
}

fn message(profile: &str) -> String {
    format!(
        "another version of the operator drew this stack, or the revision that it runs is not there any more; what is asked \
         for since then is done when the rollout of profile {profile} comes to it: kubectl get dprof {profile}"
    )
}

#[cfg(test)]
mod tests;
