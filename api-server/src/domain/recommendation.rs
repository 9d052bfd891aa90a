//! Which plan and which profile to take, and why.
//!
//! A plan is judged by its expected cost over three scenarios of use, `E = ¼ low + ½ base + ¼ high`,
//! each priced by the code that writes bills. The least E wins; of equal ones the faster support,
//! then the lower base fee. Where the next plan up costs at most a tenth more and has no overage even
//! in the high scenario, that one is recommended: a small premium for not having to watch the meter.

mod break_even;
mod profile;
mod words;

use std::collections::BTreeMap;

use super::{
    Money, Quantity,
    catalogue::{PlanId, PlanVersion},
    decimal::div_round,
    meter::Meter,
    money::Currency,
    rating::{RatingError, Statement, Usage},
    roi::Range,
};
pub use break_even::BreakEven;
pub use profile::{
    GPU_FROM_VOICE_MINUTES, ProfileNeeds, ProfileRecommendation, Purpose, recommend_profile,
};

/// A base estimate's low and high where a customer gives none: × 0.73 and × 1.5.
///
/// `None` when it does not fit.
#[must_use]
pub fn usual_range(base: Quantity) -> Option<Range<Quantity>> {
    let times = |percent: i128| {
        let micros = div_round(i128::from(base.micros()) * percent, 100)?;
        i64::try_from(micros).ok().map(Quantity::from_micros)
    };
    Some(Range { low: times(73)?, base, high: times(150)? })
}

/// What a customer expects and needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Use in a month, by meter.
    pub usage: BTreeMap<Meter, Range<Quantity>>,
    /// Support must answer within so many hours; `None` when any will do.
    pub support_hours: Option<u32>,
    /// What is paid in.
    pub currency: Currency,
}

impl Needs {
    fn scenario(&self, of: fn(&Range<Quantity>) -> Quantity) -> Usage {
        self.usage.iter().map(|(&meter, range)| (meter, of(range))).collect()
    }
}

/// A plan that fits, and what it would cost in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// Which.
    pub plan: PlanId,
    /// Its cost in each scenario.
    pub costs: Range<Money>,
    /// Its expected cost, rounded to show; plans are compared before rounding.
    pub expected: Money,
    /// What of the high scenario goes beyond what is included.
    pub overage: BTreeMap<Meter, Quantity>,
}

/// A plan that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excluded {
    /// Which.
    pub plan: PlanId,
    /// Why, in words.
    pub reason: String,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// The plan to take; `None` when none fits.
    pub plan: Option<PlanId>,
    /// The plans that fit, the least expected cost first.
    pub ranking: Vec<Ranked>,
    /// The plans that do not fit, and why.
    pub excluded: Vec<Excluded>,
    /// Why this plan, in words.
    pub reasons: Vec<String>,
    /// From how much use each plan is cheaper than the one below it.
    pub break_even: Vec<BreakEven>,
    /// What would lead to another plan, in words.
    pub would_change_if: Vec<String>,
}

/// A plan that fits, with its bills.
struct Candidate<'a> {
    version: &'a PlanVersion,
    costs: Range<Money>,
    /// Four times the expected cost, in minor units: exact.
    fourfold: i128,
    high: Statement,
}

impl Candidate<'_> {
    fn name(&self) -> &str {
        &self.version.id.plan
    }

    fn expected(&self) -> Option<Money> {
        let minor = i64::try_from(div_round(self.fourfold, 4)?).ok()?;
        Some(Money::from_minor(minor, self.costs.base.currency()))
    }

    fn overage(&self) -> BTreeMap<Meter, Quantity> {
        let lines = self.high.lines.iter().filter(|line| line.billable > Quantity::ZERO);
        lines.map(|line| (line.meter, line.billable)).collect()
    }
}

/// Why the recommended plan is the recommended one.
enum Choice {
    Cheapest,
    /// The next plan up from the cheapest.
    Headroom,
}

/// Recommends one of `plans` (the versions on sale).
///
/// # Errors
/// [`RatingError`] when a scenario cannot be priced.
pub fn recommend(plans: &[&PlanVersion], needs: &Needs) -> Result<Recommendation, RatingError> {
    let mut excluded = Vec::new();
    let mut candidates = Vec::new();
    for version in plans {
        match words::misfit(version, needs) {
            Some(reason) => excluded.push(Excluded { plan: version.id.clone(), reason }),
            None => candidates.push(candidate(version, needs)?),
        }
    }
    candidates.sort_by_key(|c| {
        let terms = &c.version.terms;
        (c.fourfold, terms.support_hours, terms.base.minor(), c.version.id.clone())
    });
    let ranking = candidates.iter().map(ranked).collect::<Result<Vec<_>, _>>()?;
    let break_even = break_even::between_neighbours(&candidates, needs);
    let Some((chosen, choice)) = choose(&candidates) else {
        let reasons = vec![words::nothing_fits(&excluded)];
        let would_change_if = Vec::new();
        return Ok(Recommendation {
            plan: None,
            ranking,
            excluded,
            reasons,
            break_even,
            would_change_if,
        });
    };
    Ok(Recommendation {
        plan: Some(candidates[chosen].version.id.clone()),
        reasons: words::reasons(&candidates, chosen, &choice, needs),
        would_change_if: words::would_change_if(
            &candidates[chosen],
            &candidates,
            &break_even,
            needs,
        ),
        ranking,
        excluded,
        break_even,
    })
}

fn candidate<'a>(version: &'a PlanVersion, needs: &Needs) -> Result<Candidate<'a>, RatingError> {
    let rate = |of| version.terms.rate(&needs.scenario(of));
    let (low, base, high) = (rate(|r| r.low)?, rate(|r| r.base)?, rate(|r| r.high)?);
    let costs = Range { low: low.total, base: base.total, high: high.total };
    let [low, base, most] =
        [costs.low, costs.base, costs.high].map(|money| i128::from(money.minor()));
    Ok(Candidate { version, costs, fourfold: low + 2 * base + most, high })
}

fn ranked(candidate: &Candidate<'_>) -> Result<Ranked, RatingError> {
    Ok(Ranked {
        plan: candidate.version.id.clone(),
        costs: candidate.costs,
        expected: candidate.expected().ok_or(RatingError::Total)?,
        overage: candidate.overage(),
    })
}

/// The index of the plan to take: the first, or the next plan up by the headroom rule.
fn choose(candidates: &[Candidate<'_>]) -> Option<(usize, Choice)> {
    let cheapest = candidates.first()?;
    let by_fee = |c: &Candidate<'_>| (c.version.terms.base.minor(), c.version.id.clone());
    let above = candidates.iter().enumerate().filter(|(_, c)| by_fee(c) > by_fee(cheapest));
    let next = above.min_by_key(|(_, c)| by_fee(c));
    let roomier = next.filter(|(_, next)| {
        !cheapest.overage().is_empty()
            && next.overage().is_empty()
            && next.fourfold * 10 <= cheapest.fourfold * 11
    });
    Some(roomier.map_or((0, Choice::Cheapest), |(index, _)| (index, Choice::Headroom)))
}

#[cfg(test)]
mod tests;
