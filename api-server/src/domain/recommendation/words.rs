//! Reasons, in words.

use super::{BreakEven, Candidate, Choice, Excluded, Needs};
use crate::domain::{Quantity, catalogue::PlanVersion, meter::Meter, prose, threshold::ratio};

/// Why a plan cannot be taken; `None` when it can.
pub(super) fn misfit(version: &PlanVersion, needs: &Needs) -> Option<String> {
    let (plan, terms) = (&version.id.plan, &version.terms);
    if terms.currency != needs.currency {
        let (has, wants) = (terms.currency.code(), needs.currency.code());
        return Some(format!("{plan} is priced in {has}, not in {wants}"));
    }
    let wanted = needs.support_hours.filter(|&wanted| terms.support_hours > wanted)?;
    let promised = terms.support_hours;
    Some(format!("{plan} answers support within {promised} h, {wanted} h are needed"))
}

/// What to say when no plan fits.
pub(super) fn nothing_fits(excluded: &[Excluded]) -> String {
    let causes: Vec<&str> = excluded.iter().map(|excluded| excluded.reason.as_str()).collect();
    if causes.is_empty() {
        return "no plan is on sale".to_owned();
    }
    format!("no plan fits: {}", causes.join("; "))
}

/// Why this plan.
pub(super) fn reasons(
    candidates: &[Candidate<'_>],
    chosen: usize,
    choice: &Choice,
    needs: &Needs,
) -> Vec<String> {
    let plan = &candidates[chosen];
    let mut reasons = vec![why(candidates, plan, choice)];
    for line in plan.high.lines.iter().filter(|line| line.billable > Quantity::ZERO) {
        let unit = line.meter.unit();
        reasons.push(match ratio(line.quantity, Some(line.included)) {
            Some(used) if line.included > Quantity::ZERO => {
                let included = format!("the {} {unit} included", prose::quantity(line.included));
                let (share, more) = (prose::share_of(used, &included), prose::money(line.amount));
                format!("in the high case use reaches {share}, {more} more")
            }
            _ => {
                let (name, amount) = (plan.name(), prose::money(line.amount));
                format!("{name} includes no {unit}: {amount} in the high case")
            }
        });
    }
    if let Some(wanted) = needs.support_hours {
        let promised = plan.version.terms.support_hours;
        reasons.push(format!("support answers within {promised} h, {wanted} h are needed"));
    }
    reasons
}

fn why(candidates: &[Candidate<'_>], plan: &Candidate<'_>, choice: &Choice) -> String {
    let name = plan.name();
    let cost = |of: &Candidate<'_>| of.expected().map(prose::money).unwrap_or_default();
    if let (Choice::Headroom, Some(cheapest)) = (choice, candidates.first()) {
        return format!(
            "{name} costs at most a tenth more than {} ({} against {} a month expected) and has no \
             overage even in the high case",
            cheapest.name(),
            cost(plan),
            cost(cheapest)
        );
    }
    match candidates.get(1) {
        None => format!("{name} is the only plan that fits: {} a month expected", cost(plan)),
        Some(next) if next.fourfold == plan.fourfold => format!(
            "{name} and {} both cost {} a month expected; {name} has {}",
            next.name(),
            cost(plan),
            if plan.version.terms.support_hours < next.version.terms.support_hours {
                "the faster support"
            } else {
                "the lower base fee"
            }
        ),
        Some(next) => format!(
            "{name} has the lowest expected cost: {} a month, {} {}",
            cost(plan),
            next.name(),
            cost(next)
        ),
    }
}

/// What would lead to another plan.
pub(super) fn would_change_if(
    chosen: &Candidate<'_>,
    candidates: &[Candidate<'_>],
    break_even: &[BreakEven],
    needs: &Needs,
) -> Vec<String> {
    let id = &chosen.version.id;
    let mut changes = Vec::new();
    for turn in break_even {
        let (units, what) = (prose::quantity(turn.units), per_month(turn.meter));
        // What is so already would change nothing.
        let reached = needs.usage.get(&turn.meter).is_some_and(|use_| use_.base >= turn.units);
        if turn.above == *id && reached {
            changes.push(format!("{} is cheaper below {units} {what}", turn.below.plan));
        } else if turn.below == *id && !reached {
            changes.push(format!("{} is no dearer from {units} {what}", turn.above.plan));
        }
    }
    let promised = chosen.version.terms.support_hours;
    if let Some(faster) = candidates.iter().find(|c| c.version.terms.support_hours < promised) {
        let name = faster.name();
        changes.push(format!("{name} if support must answer in less than {promised} h"));
    }
    changes
}

fn per_month(meter: Meter) -> String {
    format!("{} a month, other use as expected", meter.unit())
}
