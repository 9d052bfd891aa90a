//! From how much use the next plan up is cheaper.

use super::{Candidate, Needs};
use crate::domain::{Quantity, catalogue::PlanId, meter::Meter, rating::Usage};

/// No one uses more whole units than this in a month.
const MOST_UNITS: i64 = 1_000_000_000_000;

/// The whole units of a meter from which a plan costs no more than the plan below it, all other use
/// as in the base scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakEven {
    /// The plan with the lower base fee.
    pub below: PlanId,
    /// The plan with the next higher one.
    pub above: PlanId,
    /// Of which meter.
    pub meter: Meter,
    /// From how many units a month on.
    pub units: Quantity,
}

/// All that there are, by plan and meter. There is none where the plan above is cheaper from the
/// first unit on, or never.
pub(super) fn between_neighbours(candidates: &[Candidate<'_>], needs: &Needs) -> Vec<BreakEven> {
    let mut by_fee: Vec<_> = candidates.iter().collect();
    by_fee.sort_by_key(|c| (c.version.terms.base.minor(), c.version.id.clone()));
    let pairs = by_fee.windows(2).map(|pair| (pair[0], pair[1]));
    pairs.flat_map(|(below, above)| of_pair(below, above, needs)).collect()
}

fn of_pair(below: &Candidate<'_>, above: &Candidate<'_>, needs: &Needs) -> Vec<BreakEven> {
    let base = needs.scenario(|range| range.base);
    let meters = base.keys().filter(|meter| meter.billed());
    let found = meters.filter_map(|&meter| {
        let units = first(below, above, meter, &base)?;
        let (below, above) = (below.version.id.clone(), above.version.id.clone());
        Some(BreakEven { below, above, meter, units })
    });
    found.collect()
}

/// The first whole unit at which `above` costs no more than `below`: doubling finds a bracket,
/// halving the unit. Where prices cross several times, it is one of the crossings.
fn first(
    below: &Candidate<'_>,
    above: &Candidate<'_>,
    meter: Meter,
    base: &Usage,
) -> Option<Quantity> {
    let reached = |units: i64| {
        let mut usage = base.clone();
        usage.insert(meter, Quantity::from_units(units)?);
        let cost = |of: &Candidate<'_>| of.version.terms.rate(&usage).ok().map(|s| s.total.minor());
        Some(cost(above)? <= cost(below)?)
    };
    if reached(0)? {
        return None;
    }
    let (mut short, mut enough) = (0, 1);
    while !reached(enough)? {
        if enough >= MOST_UNITS {
            return None;
        }
        (short, enough) = (enough, enough * 2);
    }
    while enough - short > 1 {
        let middle = i64::midpoint(short, enough);
        if reached(middle)? {
            enough = middle;
        } else {
            short = middle;
        }
    }
    Quantity::from_units(enough)
}
