//! What is said of a stack whose profile or revision is not at hand: it stays as it is. Pure.

use super::{Outcome, Verdict, no, still_runs};
use crds::{TenantStatus, conditions::PROFILE_VALID};

pub(super) fn verdict(previous: &TenantStatus, outcome: &Outcome) -> Verdict {
    let still = still_runs(previous);
    let (reason, message) = match outcome {
        Outcome::RevisionMissing { revision, known } => (
            "RevisionMissing",
            format!(
                "spec.profileRef.revision: {revision} does not exist{still}; known revisions: {known}"
            ),
        ),
        Outcome::ProfileUnreadable { profile, error } => (
            "ProfileUnreadable",
            format!(
                "DeploymentProfile {profile:?} cannot be read by this version of the operator: {error}{still}; \
                 upgrade it, or take out of the profile what it does not know"
            ),
        ),
        Outcome::ProfileMissing { profile } => ("ProfileMissing", missing(profile, &still)),
        _ => ("ProfileMissing", missing("", &still)),
    };
    Verdict::stalled(reason, &message, no(PROFILE_VALID, reason, &message))
}

fn missing(profile: &str, still: &str) -> String {
    format!(
        "spec.profileRef.name {profile:?}: no such DeploymentProfile{still}; create it, or name another"
    )
}
