//! What is said of a stack that another version of the operator drew, until its turn comes. Pure.
//!
//! While nothing is asked of it, it reads as before: an upgrade writes no status but in its turn.

use super::{Input, Outcome, Verdict, all_ready, no, yes};
use crds::{
    TenantStatus,
    conditions::{self, NewCondition, PROFILE_VALID, READY, RECONCILING, STALLED, SUSPENDED},
};

/// Why something that is asked for is not done yet.
pub const REASON: &str = "RolloutWaiting";

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

/// Whether it was edited, or was on its way to something, since it was drawn.
fn is_asked_for_more(input: &Input<'_>, previous: &TenantStatus) -> bool {
    let told = conditions::find(&previous.conditions, RECONCILING);
    let told_so = told.is_some_and(|c| c.status == "True" && c.reason == REASON);
    told_so
        || input.generation != previous.observed_generation
        || input.suspension.stops() != stopped(previous)
        || previous.profile_revision.as_ref().is_some_and(|r| r.current != r.desired)
}

/// The condition of who stops the services: while it waits they are as they were, whatever is asked.
pub(super) fn suspended(input: &Input<'_>, previous: &TenantStatus) -> NewCondition {
    let Outcome::Waiting { profile } = input.outcome else { return input.suspension.condition() };
    match (input.suspension.stops(), stopped(previous)) {
        (true, false) => no(SUSPENDED, REASON, &message(profile)),
        (false, true) => yes(SUSPENDED, REASON, &message(profile)),
        _ => input.suspension.condition(),
    }
}

fn stopped(previous: &TenantStatus) -> bool {
    conditions::is_true(&previous.conditions, SUSPENDED)
}

fn message(profile: &str) -> String {
    format!(
        "another version of the operator drew this stack; what is asked for since then is done when the rollout of \
         profile {profile} comes to it: kubectl get dprof {profile}"
    )
}

#[cfg(test)]
mod tests;
