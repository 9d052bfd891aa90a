//! How well a customer does: eight factors, each with points from 0 to 1, weighed into one score.
//!
//! `health = Σ weight × points ÷ Σ weight`, over the factors that apply and have data, in exact
//! fractions with one rounding (half up) at the end, then held down by [`Cap`]s. What is measured as
//! a ratio (pace, trend, error budget) enters in millionths, as it is shown, so that a score can be
//! checked from what is shown with it.
//!
//! The form is a weighted scorecard as customer-success practice has it: points on stretches of
//! straight lines, summing to a whole. The weights are a judgement, not yet fitted to who renewed.

mod cap;
mod points;
mod remedy;
mod watch;
mod words;

use super::{
    BasisPoints, Ppm, Quantity, calendar::Elapsed, decimal::div_round, threshold::LARGEST_RATIO,
};
pub use cap::Cap;
use points::Fraction;
pub use remedy::{Remedy, Step, remedy};
pub use watch::{Standing, Watch};
pub use words::OUTGROWN;

/// Below this, an account is flagged; at exactly this it is not.
pub const FLAG_BELOW: BasisPoints = BasisPoints(7_500);

/// A flagged account is clear again after [`CLEAR_AFTER`] snapshots running at or above this.
pub const CLEAR_FROM: BasisPoints = BasisPoints(7_800);

/// How many good snapshots running clear a flag.
pub const CLEAR_AFTER: u8 = 2;

/// With less of the applicable weight than this known, a score decides nothing.
pub const ENOUGH_COVERAGE: BasisPoints = BasisPoints(6_000);

/// Days without an event, since go-live, from which [`Cap::Silent`] holds.
pub const SILENT_DAYS: u32 = 14;

/// Days overdue above which [`Cap::LongOverdue`] holds.
pub const LONG_OVERDUE_DAYS: u32 = 60;

/// Where the account is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Not in production yet: use says nothing so far.
    BeforeGoLive,
    /// In production.
    Live,
}

impl Stage {
    /// Its name on the wire and in the store: `before_go_live`, `live`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeGoLive => "before_go_live",
            Self::Live => "live",
        }
    }

    /// The stage of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::BeforeGoLive, Self::Live].into_iter().find(|stage| stage.name() == name)
    }
}

/// What is weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Factor {
    /// Use against the quota's even pace.
    Pace,
    /// Use of the last week against the four before.
    Trend,
    /// Departments that use it, of those planned.
    Adoption,
    /// Days since the last event.
    Recency,
    /// Answers in time, and open incidents.
    Support,
    /// Success criteria met, of those due.
    Success,
    /// How much of the error budget is used.
    Reliability,
    /// Days overdue.
    Payment,
}

impl Factor {
    /// All factors, the heaviest and earliest first, as they are listed.
    pub const ALL: [Self; 8] = [
        Self::Pace,
        Self::Trend,
        Self::Adoption,
        Self::Recency,
        Self::Support,
        Self::Success,
        Self::Reliability,
        Self::Payment,
    ];

    /// Its weight; all weights sum to one whole.
    #[must_use]
    pub const fn weight(self) -> BasisPoints {
        BasisPoints(match self {
            Self::Pace => 2_500,
            Self::Trend | Self::Adoption | Self::Support => 1_500,
            Self::Recency | Self::Success => 1_000,
            Self::Reliability | Self::Payment => 500,
        })
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pace => "pace",
            Self::Trend => "trend",
            Self::Adoption => "adoption",
            Self::Recency => "recency",
            Self::Support => "support",
            Self::Success => "success",
            Self::Reliability => "reliability",
            Self::Payment => "payment",
        }
    }

    /// Whether it says anything at this stage.
    #[must_use]
    pub const fn applies(self, stage: Stage) -> bool {
        match stage {
            Stage::BeforeGoLive => matches!(self, Self::Success | Self::Support | Self::Payment),
            Stage::Live => true,
        }
    }
}

/// `part` of `whole` things that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Share {
    /// How many count; more than `whole` counts as all of them.
    pub part: u16,
    /// Of how many; of none, nothing is known.
    pub whole: u16,
}

/// What support knows of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Support {
    /// Answers given within the promised hours; more than `answers` counts as all of them.
    pub in_time: u32,
    /// Answers given; with none, none was late.
    pub answers: u32,
    /// Open incidents of severity 1: each costs 0.15 points.
    pub open_sev1: u32,
    /// Open incidents of severity 2: each costs 0.05 points.
    pub open_sev2: u32,
    /// Of the open incidents of severity 1, those past the promised answer.
    pub sev1_past_sla: u32,
}

/// What is known of an account; `None` where nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inputs {
    /// Its stage; it decides which factors apply.
    pub stage: Stage,
    /// See [`pace`].
    pub pace: Option<Ppm>,
    /// See [`trend`].
    pub trend: Option<Ppm>,
    /// Active departments of those planned.
    pub adoption: Option<Share>,
    /// Whole days since the last event, or since go-live where that is later or there was no event.
    pub quiet_days: Option<u32>,
    /// Support.
    pub support: Option<Support>,
    /// Success criteria met of those due by now.
    pub success: Option<Share>,
    /// Share of the error budget that is used; above 1 the objective is missed.
    pub budget_used: Option<Ppm>,
    /// Days since the oldest unpaid invoice was due.
    pub days_overdue: Option<u32>,
}

impl Inputs {
    /// Nothing known yet.
    #[must_use]
    pub const fn unknown(stage: Stage) -> Self {
        Self {
            stage,
            pace: None,
            trend: None,
            adoption: None,
            quiet_days: None,
            support: None,
            success: None,
            budget_used: None,
            days_overdue: None,
        }
    }
}

/// `used ÷ (quota × elapsed ÷ total)`: 1 is a pace at which the quota lasts exactly to the end of the stretch
/// that it is for: the period, or what was left of it when the quota began. Any use of an empty quota is as fast as can be. `None` without a quota, of an empty and unused
/// one, or before any time has passed.
#[must_use]
pub fn pace(used: Quantity, quota: Option<Quantity>, stretch: Elapsed) -> Option<Ppm> {
    let quota = quota?.micros().max(0);
    if stretch.elapsed_ms == 0 || (quota == 0 && used.micros() <= 0) {
        return None;
    }
    if quota == 0 {
        return Some(LARGEST_RATIO);
    }
    let part = i128::from(used.micros()) * i128::from(stretch.total_ms);
    Ppm::of(part, i128::from(quota) * i128::from(stretch.elapsed_ms))
        .map(|pace| pace.min(LARGEST_RATIO))
}

/// Use of the last 7 days ÷ a week's use of the 28 days before. Growth from nothing is as fast as
/// can be, nothing after nothing has stopped. Meaningful with 35 days of history only.
#[must_use]
pub fn trend(last_7_days: Quantity, previous_28_days: Quantity) -> Ppm {
    let (last, previous) = (last_7_days.micros().max(0), previous_28_days.micros().max(0));
    if previous == 0 {
        return if last == 0 { Ppm(0) } else { LARGEST_RATIO };
    }
    Ppm::of(i128::from(last) * 4, i128::from(previous)).unwrap_or(LARGEST_RATIO).min(LARGEST_RATIO)
}

/// One factor in a score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which.
    pub factor: Factor,
    /// Its weight.
    pub weight: BasisPoints,
    /// What was measured, in words with its figures; `None` where nothing is known.
    pub input: Option<String>,
    /// From 0 to 1, rounded to show.
    pub points: Option<Ppm>,
    /// Its part of the score before caps; the parts sum to it exactly.
    pub contribution: Option<BasisPoints>,
}

/// The one change that would raise the score most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Best {
    /// Of which factor.
    pub factor: Factor,
    /// By how much the score before caps would rise with this factor at full points.
    pub gain: BasisPoints,
    /// What to do, in words.
    pub advice: &'static str,
}

/// A score and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The score after caps; `None` when nothing is known.
    pub score: Option<BasisPoints>,
    /// The score before caps.
    pub uncapped: Option<BasisPoints>,
    /// The weight that is known, of the weight that applies.
    pub coverage: BasisPoints,
    /// The factors that apply, in the order of [`Factor::ALL`].
    pub lines: Vec<Line>,
    /// The caps that hold, whether or not the score reached them.
    pub caps: Vec<Cap>,
    /// What would help most; `None` when all points are had or nothing is known.
    pub best: Option<Best>,
}

/// The score of these inputs.
#[must_use]
pub fn score(inputs: &Inputs) -> Health {
    let applicable: Vec<Factor> =
        Factor::ALL.into_iter().filter(|factor| factor.applies(inputs.stage)).collect();
    let known = known(inputs);
    let all = weight(applicable.iter().copied());
    let present = weight(known.iter().map(|&(factor, _)| factor));
    let uncapped = rounded_mean(&known, present);
    let caps = Cap::of(inputs);
    Health {
        score: uncapped.map(|score| cap::held(&caps, score)),
        uncapped,
        coverage: BasisPoints::of(present, all).unwrap_or_default(),
        lines: lines(&applicable, &known, uncapped, inputs),
        best: best(&known, present, inputs),
        caps,
    }
}

/// The factors that apply and have data, with their points.
fn known(inputs: &Inputs) -> Vec<(Factor, Fraction)> {
    let applicable = Factor::ALL.into_iter().filter(|factor| factor.applies(inputs.stage));
    applicable
        .filter_map(|factor| points::of(factor, inputs).map(|points| (factor, points)))
        .collect()
}

fn weight(factors: impl Iterator<Item = Factor>) -> i128 {
    factors.map(|factor| i128::from(factor.weight().0)).sum()
}

/// `Σ weight × points ÷ Σ weight`, rounded once.
fn rounded_mean(known: &[(Factor, Fraction)], present: i128) -> Option<BasisPoints> {
    let weighed = known.iter().map(|&(factor, points)| (factor.weight().0, points));
    let sum = points::weighted_sum(weighed);
    BasisPoints::of(sum.numerator, sum.denominator * present)
}

fn lines(
    applicable: &[Factor],
    known: &[(Factor, Fraction)],
    uncapped: Option<BasisPoints>,
    inputs: &Inputs,
) -> Vec<Line> {
    let shares: Vec<u64> = known
        .iter()
        .map(|(factor, points)| factor.weight().0.unsigned_abs() * points.ppm().0.unsigned_abs())
        .collect();
    // Of a score of zero there is nothing to split.
    let parts = uncapped.and_then(|score| super::decimal::split(score.0, &shares));
    let line = |&factor: &Factor| {
        let index = known.iter().position(|&(other, _)| other == factor);
        let part = |i: usize| parts.as_ref().map_or(0, |parts| parts[i]);
        Line {
            factor,
            weight: factor.weight(),
            input: words::input(factor, inputs),
            points: index.map(|i| known[i].1.ppm()),
            contribution: index.map(|i| BasisPoints(part(i))),
        }
    };
    applicable.iter().map(line).collect()
}

/// The largest `weight × (1 − points)`; of equal ones the first.
fn best(known: &[(Factor, Fraction)], present: i128, inputs: &Inputs) -> Option<Best> {
    let missing = |&(factor, points): &(Factor, Fraction)| {
        let lost = i128::from(factor.weight().0) * (points.denominator - points.numerator);
        (lost, points.denominator)
    };
    let mut most: Option<(Factor, i128, i128)> = None;
    for entry in known {
        let (lost, per) = missing(entry);
        let more = most.is_none_or(|(_, best, best_per)| lost * best_per > best * per);
        if lost > 0 && more {
            most = Some((entry.0, lost, per));
        }
    }
    let (factor, lost, per) = most?;
    let gain = div_round(lost * i128::from(BasisPoints::ONE.0), per * present)?;
    Some(Best {
        factor,
        gain: BasisPoints(i64::try_from(gain).ok()?),
        advice: words::advice(factor, inputs),
    })
}

#[cfg(test)]
mod tests;
