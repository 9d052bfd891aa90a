//! How a change of a profile reaches its tenants, and how far it has come.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounded::CountOrPercent;

/// How a change of this profile reaches its tenants.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// How many tenants may be on their way to the new revision at once: a number, or a share of
    /// all tenants of the profile such as `10%` (rounded up).
    #[serde(default = "ten_percent")]
    pub max_in_flight: CountOrPercent,
    /// Start no further tenant while this many have failed on the new revision.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 100000))]
    pub halt_after_failures: u32,
    /// Start no further tenant; those that have started go on.
    #[serde(default)]
    pub paused: bool,
}

impl Default for Rollout {
    fn default() -> Self {
        Self { max_in_flight: ten_percent(), halt_after_failures: three(), paused: false }
    }
}

fn ten_percent() -> CountOrPercent {
    CountOrPercent::Percent(10)
}
fn three() -> u32 {
    3
}

/// What the operator saw and did, for people and tools.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentProfileStatus {
    /// `Ready`, `Reconciling`, `Stalled` speak of the rollout, `TenantsHealthy` of the tenants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The `metadata.generation` that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub observed_generation: Option<i64>,
    /// The newest revision of this profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub revision: Option<i64>,
    /// How many tenants follow this profile, and how far they are.
    #[serde(default)]
    pub tenants: TenantCounts,
    /// The first tenants that failed on the newest revision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 40)))]
    pub failed: Vec<String>,
    /// How the rollout of the newest revision stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RolloutPhase")]
    pub rollout: Option<RolloutPhase>,
    /// The same in one line: `48/50 updated, 1 failed: acme`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 1024))]
    pub message: Option<String>,
}

/// How many tenants follow a profile, and how far they are.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TenantCounts {
    /// Tenants that name this profile, pinned ones included.
    pub total: u32,
    /// Those that run the newest revision healthily (or the one they are pinned to).
    pub updated: u32,
    /// Those whose `Ready` is `True`.
    pub ready: u32,
    /// Those that failed on the newest revision.
    pub failed: u32,
}

/// How the rollout of a revision stands.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutPhase {
    /// Every tenant was brought to the newest revision or the one it is pinned to; `failed` names
    /// those that do not run there.
    Complete,
    /// Tenants are on their way.
    Progressing,
    /// `spec.rollout.paused` holds it.
    Paused,
    /// As many tenants failed as `spec.rollout.haltAfterFailures` says.
    Halted,
}
