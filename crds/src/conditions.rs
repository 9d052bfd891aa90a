//! Condition types and reasons, and how a new condition meets an old one.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

/// The stack runs as its profile asks.
pub const READY: &str = "Ready";
/// The operator is still bringing the stack to what is asked (kstatus).
pub const RECONCILING: &str = "Reconciling";
/// Only a human can help now (kstatus).
pub const STALLED: &str = "Stalled";
/// The tenant's spec and its profile can be rendered together.
pub const PROFILE_VALID: &str = "ProfileValid";
/// No tenant of the profile has failed on its way to what it should run, nor fails since.
pub const TENANTS_HEALTHY: &str = "TenantsHealthy";
/// The tenant is suspended as asked.
pub const SUSPENDED: &str = "Suspended";

/// The ledger's subscription is on the plan that the tenant asks for (API server).
pub const PLAN_ACCEPTED: &str = "PlanAccepted";
/// No meter has reached the share of its quota at which people are told (API server).
pub const QUOTA_WITHIN_LIMITS: &str = "QuotaWithinLimits";
/// The customer's health is not flagged (API server).
pub const CUSTOMER_HEALTHY: &str = "CustomerHealthy";

/// No workload of the stack stands for another account, so that the usage of all is taken as this
/// tenant's (API server).
pub const WORKLOADS_ACCEPTED: &str = "WorkloadsAccepted";

/// The conditions that the API server writes, under [`crate::API_SERVER`] as field manager.
pub const OF_API_SERVER: [&str; 4] =
    [PLAN_ACCEPTED, QUOTA_WITHIN_LIMITS, CUSTOMER_HEALTHY, WORKLOADS_ACCEPTED];

/// A tenant that is being deleted waits until the usage that its gateway holds is in the ledger: the
/// operator's reason, by which the API server has the gateway drained.
pub const DRAINING: &str = "Draining";

/// The spec's billing is such that there cannot be an account, and so no usage: the API server's
/// reason.
pub const BILLING_INVALID: &str = "BillingInvalid";

/// Nobody vouches for what a condition of the API server says: it is `Unknown` since the API
/// server was last heard from.
pub const STALE: &str = "Stale";

/// What follows a word of a column that nobody vouches for any more.
pub const STALE_WORD: &str = " (stale)";

/// The operator's reasons of a stack that is not `Ready` which are failures rather than progress.
pub const FAILING: [&str; 7] = [
    "CrashLoop",
    "ImagePull",
    "ContainerConfig",
    "PodFailed",
    "PodPending",
    "PodRefused",
    "JobFailed",
];

/// The longest message we write; the API server takes 32 768 bytes.
const MESSAGE_MAX: usize = 1024;

/// What a condition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// Nobody can say: data is missing, too little, or too old.
    Unknown,
}

impl Truth {
    /// The word as it stands in a condition.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }

    /// Whether it is so.
    #[must_use]
    pub const fn is_true(self) -> bool {
        matches!(self, Self::True)
    }
}

impl From<bool> for Truth {
    fn from(so: bool) -> Self {
        if so { Self::True } else { Self::False }
    }
}

/// One condition as it should be now, before it meets the one that stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCondition {
    /// The condition's type, such as [`READY`].
    pub type_: &'static str,
    /// `True`, `False` or `Unknown`.
    pub status: Truth,
    /// One CamelCase word from a closed set.
    pub reason: &'static str,
    /// What, where, and what to do, for a person.
    pub message: String,
}

/// Replaces the conditions named in `new`, keeps all others, and moves `lastTransitionTime` only
/// where the status changed.
#[must_use]
pub fn merge(
    old: &[Condition],
    new: &[NewCondition],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    new.iter()
        .map(|n| {
            let status = n.status.as_str();
            let since = old
                .iter()
                .find(|o| o.type_ == n.type_ && o.status == status)
                .map_or_else(|| Time(now), |o| o.last_transition_time.clone());
            Condition {
                type_: n.type_.to_owned(),
                status: status.to_owned(),
                reason: n.reason.to_owned(),
                message: shorten(&n.message),
                observed_generation: generation,
                last_transition_time: since,
            }
        })
        .collect()
}

/// Whether the condition of this type stands and is `True`.
#[must_use]
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|c| c.status == "True")
}

/// The condition of this type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

fn shorten(message: &str) -> String {
    if message.len() <= MESSAGE_MAX {
        return message.to_owned();
    }
    let cut = (0..=MESSAGE_MAX - 4).rev().find(|&i| message.is_char_boundary(i)).unwrap_or(0);
    format!("{} …", &message[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(status: bool, message: &str) -> NewCondition {
        NewCondition {
            type_: READY,
            status: status.into(),
            reason: "Because",
            message: message.to_owned(),
        }
    }

    #[test]
    fn what_nobody_can_say_is_unknown() {
        let unknown = NewCondition { status: Truth::Unknown, ..ready(true, "") };
        let before = merge(&[], &[ready(true, "a")], None, Timestamp::UNIX_EPOCH);
        let now = Timestamp::from_second(60).unwrap();
        let after = merge(&before, &[unknown], None, now);
        assert_eq!(
            (after[0].status.as_str(), &after[0].last_transition_time),
            ("Unknown", &Time(now))
        );
        assert!(!is_true(&after, READY));
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let first = merge(&[], &[ready(false, "a")], Some(1), Timestamp::UNIX_EPOCH);
        let later = Timestamp::from_second(60).unwrap();
        let same = merge(&first, &[ready(false, "b")], Some(2), later);
        assert_eq!(same[0].last_transition_time, first[0].last_transition_time);
        assert_eq!(same[0].message, "b");
        let flipped = merge(&same, &[ready(true, "b")], Some(2), later);
        assert_eq!(flipped[0].last_transition_time, Time(later));
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let long = merge(&[], &[ready(false, &"é".repeat(2000))], None, Timestamp::UNIX_EPOCH);
        assert!(long[0].message.len() <= MESSAGE_MAX && long[0].message.ends_with('…'));
    }
}
