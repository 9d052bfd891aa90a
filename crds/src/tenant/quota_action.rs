//! What happens when an account has used up its quota.

use k8s_openapi::jiff::SignedDuration;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens when a meter reaches a share of its quota. Usage itself is always taken and billed.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct QuotaAction {
    /// `Alert` tells people and stops nothing. `Suspend` stops the services after `grace`, as
    /// `spec.suspend` does: data, usage gateway and backups stay. It ends by itself when the period
    /// turns, the plan grows, or this says `Alert` again.
    #[serde(default)]
    pub policy: QuotaPolicy,
    /// The share of its quota, in percent, at which a meter calls for it. Not below 80: people are
    /// told at 80 % first.
    #[serde(default = "whole")]
    #[schemars(range(min = 80, max = 1000))]
    pub at: u16,
    /// For how long the end of the services is announced before it comes, in hours, minutes and
    /// seconds such as `24h` or `1h30m`; at most 744h. A longer one puts off what is announced, a
    /// shorter one holds from the next announcement on.
    #[serde(default = "day")]
    #[schemars(
        length(min = 2, max = 15),
        regex(pattern = r"^([0-9]{1,4}h)?([0-9]{1,4}m)?([0-9]{1,4}s)?$")
    )]
    #[x_kube(validation = Rule::new("duration(self) <= duration('744h')")
        .message("spec.quotaAction.grace is at most 744h, the longest month: what is announced for later would never come in its period"))]
    pub grace: String,
}

impl Default for QuotaAction {
    fn default() -> Self {
        Self { policy: QuotaPolicy::default(), at: whole(), grace: day() }
    }
}

impl QuotaAction {
    /// How long `grace` is; a text that is no time, which the API server refuses, is a day.
    #[must_use]
    pub fn lead(&self) -> SignedDuration {
        self.grace.parse().unwrap_or(SignedDuration::from_hours(24))
    }
}

fn whole() -> u16 {
    100
}

fn day() -> String {
    "24h".to_owned()
}

/// Whether services are stopped when a quota is used up.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QuotaPolicy {
    /// People are told, nothing is stopped.
    #[default]
    Alert,
    /// Services are stopped after the grace.
    Suspend,
}

/// What the API server decided about a used-up quota.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Enforcement {
    /// What is to be done.
    pub action: EnforcementAction,
    /// Services are not stopped before this instant (RFC 3339); absent with `Alert`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 40), extend("format" = "date-time"))]
    pub not_before: Option<String>,
    /// When that was decided (RFC 3339).
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub as_of: String,
}

/// What is to be done about a used-up quota.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnforcementAction {
    /// Nothing but telling people.
    #[default]
    Alert,
    /// The services will be stopped from `notBefore` on.
    Announced,
    /// The services would be stopped, but too many tenants' would within an hour: a person is to
    /// look first.
    Held,
    /// The services are to be stopped.
    Suspend,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grace_is_read_as_people_write_it() {
        let lead = |grace: &str| {
            QuotaAction { grace: grace.to_owned(), ..QuotaAction::default() }.lead().as_secs()
        };
        let cases =
            [("24h", 86_400), ("1h30m", 5_400), ("90s", 90), ("0s", 0), ("744h", 2_678_400)];
        for (grace, seconds) in cases {
            assert_eq!(lead(grace), seconds, "{grace}");
        }
    }
}
