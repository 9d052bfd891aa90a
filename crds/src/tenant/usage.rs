//! What the API server says of a tenant's usage, in its status.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Enforcement;

/// What `kubectl get tenants` shows of plan and usage, in few words.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Display {
    /// The plan that the account is on, such as `team`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 64))]
    pub plan: Option<String>,
    /// The customer's health, such as `92.7 %`; `–` while data is too little to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 64))]
    pub health: Option<String>,
    /// The meter that is nearest to its quota and how near, such as `ingestion 83 %`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 96))]
    pub usage: Option<String>,
    /// What the period will cost if it goes on like this, such as `USD 1,049.00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 64))]
    pub projected: Option<String>,
}

/// What an account used in its billing period, as of an instant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct UsageStatus {
    /// The plan version that the account is on, such as `team@1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 64))]
    pub plan: Option<String>,
    /// The billing period.
    pub period: UsagePeriod,
    /// What was used, by meter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub meters: Vec<MeterUsage>,
    /// The meter that is nearest to its quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Highest")]
    pub highest: Option<Highest>,
    /// The customer's health in hundredths of a percent, 0 to 10,000; absent while data is too
    /// little to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = 10_000))]
    pub health_basis_points: Option<i64>,
    /// What the period will cost if it goes on like this; absent while data is too little to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "MoneyAmount")]
    pub projected_cost: Option<MoneyAmount>,
    /// What was decided about a quota that is used up (`spec.quotaAction`); absent while none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Enforcement")]
    pub enforcement: Option<Enforcement>,
    /// Until when these figures may be acted on (RFC 3339): services are not stopped on older ones.
    /// It is renewed while `enforcement` asks for that, and else only when something else is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 40), extend("format" = "date-time"))]
    pub valid_until: Option<String>,
    /// While the tenant is being deleted and its services have stopped: how far its gateway is with
    /// handing over what it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Drain")]
    pub drain: Option<Drain>,
    /// The instant that these figures speak of (RFC 3339).
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub as_of: String,
}

/// How far a gateway is with handing over what it holds. Sealed with nothing held: it can go.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// Whether it takes no usage any more.
    pub sealed: bool,
    /// Usage events that it holds and the ledger does not have, by its last word.
    #[schemars(range(min = 0))]
    pub held: i64,
}

/// A billing period: from `start` up to, not including, `end` (RFC 3339).
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct UsagePeriod {
    /// Its first instant.
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub start: String,
    /// The first instant after it.
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub end: String,
}

/// What was used of one meter.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MeterUsage {
    /// The meter, such as `ingestion`.
    #[schemars(length(min = 1, max = 40))]
    pub name: String,
    /// How much, a decimal number in the meter's unit.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^-?[0-9]+(\.[0-9]+)?$"))]
    pub used: String,
    /// How much the plan includes, in the same unit; absent for a meter without a quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 40),
        regex(pattern = r"^[0-9]+(\.[0-9]+)?$")
    )]
    pub quota: Option<String>,
    /// `used` of `quota` in millionths; absent for a meter without a quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0))]
    pub ratio_ppm: Option<i64>,
    /// How near it is to its quota.
    pub level: Level,
}

/// How near a meter is to its quota.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Below the soft mark.
    #[default]
    Ok,
    /// At the soft mark (80 %) or above.
    Soft,
    /// At the hard mark (95 %) or above.
    Hard,
}

/// The meter that is nearest to its quota.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Highest {
    /// The meter's name.
    #[schemars(length(min = 1, max = 40))]
    pub meter: String,
    /// How much of its quota is used, in millionths.
    #[schemars(range(min = 0))]
    pub ratio_ppm: i64,
}

/// An amount of money.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MoneyAmount {
    /// A decimal number, such as `1049.00`.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^-?[0-9]+(\.[0-9]+)?$"))]
    pub amount: String,
    /// The currency, ISO 4217.
    #[schemars(length(min = 3, max = 3))]
    pub currency: String,
}
