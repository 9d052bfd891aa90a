//! Which revision a stack is brought to, and which one it runs. Pure.

use super::{Input, Outcome};
use crate::contest;
use crds::{TenantStatus, tenant::ProfileRevision};

/// `current` follows `desired` once the stack runs; until then it says what ran last.
pub(super) fn revision(
    input: &Input<'_>,
    previous: &TenantStatus,
    ready: bool,
) -> Option<ProfileRevision> {
    let before = previous.profile_revision.clone().unwrap_or_default();
    let waits = matches!(input.outcome, Outcome::Waiting { .. });
    let Some(desired) = input.desired_revision.clone().filter(|_| !waits) else {
        return previous.profile_revision.clone();
    };
    // What somebody else changes again and again is as it should be but for that.
    let applied = matches!(
        input.outcome,
        Outcome::Applied { .. } | Outcome::Blocked { reason: contest::REASON, .. }
    );
    let suspended = applied && input.suspension.stops() && input.health.cause.is_none();
    let arrived = applied && ready || suspended;
    let current = if arrived { Some(desired.clone()) } else { before.current.clone() };
    let current_renderer = drawn_by(input, &before).filter(|_| !arrived);
    let renderer = Some(input.renderer);
    Some(ProfileRevision { desired: Some(desired), current, renderer, current_renderer })
}

/// Which rendering what ran last is of, while another takes its place. The labels are the same on such
/// a way, and who comes after a crash has to know of it.
pub(super) fn drawn_by(input: &Input<'_>, before: &ProfileRevision) -> Option<i64> {
    before.current.as_ref()?;
    let other = before.renderer.filter(|renderer| *renderer != input.renderer);
    before.current_renderer.or(other)
}
