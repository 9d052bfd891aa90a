//! When to look again at a stack that only a human can mend.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use crds::{
    TenantStatus,
    conditions::{self, STALLED},
};

const SHORTEST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(300);

/// How long until the next look.
///
/// Nothing tells us that the cause is mended: a foreign object carries no label of ours, so it is in
/// no watch, and watching every object of the cluster to see the few that stand in somebody's way
/// would cost the memory that the labels save; nor is a right that was granted an event to us. So we
/// look: 30 seconds after it stalled, then each time that it has been stalled twice as long, and
/// every 5 minutes at last. A look is the one request that was refused, and no other write.
pub(super) fn after(name: &str, status: Option<&TenantStatus>, now: Timestamp) -> Duration {
    let stalled = status
        .and_then(|s| conditions::find(&s.conditions, STALLED))
        .filter(|c| c.status == "True")
        .map_or(0, |c| now.as_second() - c.last_transition_time.0.as_second());
    let base = Duration::from_secs(u64::try_from(stalled).unwrap_or(0)).clamp(SHORTEST, LONGEST);
    // Up to a quarter more that differs from name to name, so that many do not come back at once.
    let spread = name.bytes().fold(0_u32, |h, byte| h.wrapping_mul(31).wrapping_add(byte.into()));
    base + base * (spread % 256) / 1024
}

#[cfg(test)]
mod tests;
