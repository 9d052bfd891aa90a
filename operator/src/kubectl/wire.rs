//! What the API server is asked and answers, as far as the plugin reads it: the members have the names and
//! types that `api-server/openapi.json` states, which a test checks. Pure.

use serde::{Deserialize, Serialize};

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyOnWire {
    /// A decimal.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}

/// The plan that an account is to be on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanIn {
    /// The plan's key.
    pub plan: String,
    /// Only say what would happen.
    pub preview: bool,
}

/// A version of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanVersionOut {
    /// The plan's key.
    pub key: String,
    /// The version.
    pub version: u32,
}

/// Whether anything was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatus {
    /// It was, now.
    Agreed,
    /// It was before.
    Standing,
    /// It would be.
    Preview,
}

/// When a plan takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakesEffect {
    /// At once.
    Now,
    /// When the period ends.
    PeriodEnd,
}

/// What a change of plan does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanChangeOut {
    /// Whether anything was agreed.
    pub status: PlanStatus,
    /// The plan; none of an end.
    pub plan: Option<PlanVersionOut>,
    /// The plan before it.
    pub from: Option<PlanVersionOut>,
    /// When it takes effect.
    pub takes_effect: TakesEffect,
    /// That instant.
    pub effective_at: String,
    /// When the account's current period ends.
    pub period_ends_at: String,
    /// What is given back of the old fee.
    pub credit: Option<MoneyOnWire>,
    /// What is charged of the new one.
    pub charge: Option<MoneyOnWire>,
    /// The charge less the credit.
    pub net: Option<MoneyOnWire>,
}

/// The price list at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceList {
    /// What is on sale.
    pub plans: Vec<Plan>,
}

/// One version of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The plan's key.
    pub key: String,
    /// The version.
    pub version: u32,
    /// The fee of a period.
    pub base: MoneyOnWire,
    /// Support answers within so many hours.
    pub support_hours: u32,
    /// What each meter costs.
    pub meters: Vec<PlanMeter>,
}

/// What one meter costs under a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanMeter {
    /// Its name.
    pub name: String,
    /// What is counted.
    pub unit: String,
    /// Units that the base fee pays for.
    pub included: String,
    /// The price of the units beyond.
    pub price: PlanPrice,
}

/// The price of units beyond the included ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PlanPrice {
    /// Every unit costs the same.
    Flat {
        /// Of one unit.
        price: String,
    },
    /// Each unit costs what its own tier says.
    Graduated {
        /// The tiers.
        tiers: Vec<PlanTier>,
    },
    /// Every unit costs what the tier of the whole quantity says.
    Volume {
        /// The tiers.
        tiers: Vec<PlanTier>,
    },
    /// Each started package.
    Package {
        /// Units in a package.
        size: String,
        /// Of one package.
        price: String,
    },
}

/// A tier of units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTier {
    /// Of one unit.
    pub price: String,
    /// The last unit in it.
    pub up_to: Option<String>,
}

/// What an account came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountUsage {
    /// The account's id.
    pub account: String,
    /// When and from what it was computed.
    pub as_of: FiguresOut,
    /// The billing period.
    pub period: UsagePeriodOut,
    /// What the period will cost.
    pub projected_cost: Option<CostOut>,
    /// The plans that the account is on and will be on.
    pub subscription: Option<SubscriptionOut>,
}

/// When figures were computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiguresOut {
    /// When.
    pub at: String,
    /// Rows that have come since.
    pub behind: u64,
    /// Whether something that they were computed from has changed.
    pub stale: bool,
}

/// A billing period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsagePeriodOut {
    /// Its first instant.
    pub start: String,
    /// The first instant after it.
    pub end: String,
    /// The zone by whose midnights its days begin.
    pub time_zone: String,
}

/// The plans of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionOut {
    /// The plan in force.
    pub plan: Option<PlanVersionOut>,
    /// The plan that comes next, if one was agreed.
    pub next: Option<PlanVersionOut>,
    /// From when.
    pub next_from: Option<String>,
    /// When the subscription ends, or ended.
    #[serde(default)]
    pub ends_at: Option<String>,
}

/// What a period will cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostOut {
    /// Of the mean.
    pub mean: MoneyOnWire,
    /// Of the edges of the 80 % ranges.
    pub likely: CostEdgesOut,
    /// Of the edges of the 95 % ranges.
    pub nearly_certain: CostEdgesOut,
}

/// The costs of two edges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostEdgesOut {
    /// Of the lower.
    pub low: MoneyOnWire,
    /// Of the upper.
    pub high: MoneyOnWire,
}

/// What a period costs so far, and how that comes about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// What it was read from.
    pub as_of: AsOf,
    /// The plans that were in force.
    pub plans: Vec<PlanOut>,
    /// Their fees.
    pub base: Vec<BaseOut>,
    /// What use is charged.
    pub lines: Vec<LineOut>,
    /// What was used and is not charged.
    pub uncharged: Vec<UnchargedOut>,
    /// What corrections of closed periods took back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrected: Vec<CorrectedOut>,
    /// The sum.
    pub total: Option<MoneyOnWire>,
}

/// The moment that figures are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsOf {
    /// When it was read.
    pub at: String,
}

/// A stretch of the period in which one plan version was in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanOut {
    /// Its number.
    pub stretch: u64,
    /// The plan.
    pub plan: String,
    /// Its version.
    pub version: u32,
    /// The first instant.
    pub from: String,
    /// The first instant after it.
    pub to: String,
}

/// A plan's fee for its stretch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseOut {
    /// Which stretch.
    pub stretch: u64,
    /// What it comes to.
    pub amount: MoneyOnWire,
}

/// What one meter's use in one stretch costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineOut {
    /// Which stretch.
    pub stretch: u64,
    /// The meter.
    pub meter: String,
    /// What one unit of it is.
    pub unit: String,
    /// What was used.
    pub used: String,
    /// Included units.
    pub included: String,
    /// What goes beyond them.
    pub billable: String,
    /// `minimum` or `maximum`, when that was charged instead.
    pub bound: Option<String>,
    /// What it comes to.
    pub amount: MoneyOnWire,
}

/// What was used and is not charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnchargedOut {
    /// The meter.
    pub meter: String,
    /// What one unit of it is.
    pub unit: String,
    /// What was used.
    pub used: String,
    /// `no_plan`: none was in force. `not_in_plan`: the plan has no price for it.
    pub reason: String,
}

/// What corrections of closed periods took back in this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectedOut {
    /// The meter.
    pub meter: String,
    /// What one unit of it is.
    pub unit: String,
    /// What they took back; the first line's use is less by it.
    pub taken_back: String,
    /// What of it made no line less, as it was within the included units.
    pub without_worth: String,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// What is wrong with it, and the remedy.
    pub detail: String,
}

/// What went wrong (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemBody {
    /// The code in words.
    pub title: String,
    /// The HTTP status, again.
    pub status: u16,
    /// What is wrong with this request, and the remedy.
    pub detail: String,
    /// The same as in the server's logs.
    pub request_id: String,
    /// What is wrong in the request, field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

#[cfg(test)]
mod tests;
