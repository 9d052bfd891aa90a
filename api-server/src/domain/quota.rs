//! How much of a meter an account may use in a period.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    Quantity,
    calendar::Period,
    catalogue::PlanId,
    meter::Meter,
    rating::{Stretch, Terms, Usage, included},
    subscription::Subscription,
};

/// Terms by plan version. They never change once published, so they may be kept for good.
pub type KnownTerms = HashMap<PlanId, Terms>;

/// The included units of a period, each plan's for its share of it; `None` when no plan that is in
/// force in it charges for the meter, or the terms of one are not known.
#[must_use]
pub fn quota(
    subscription: Option<&Subscription>,
    terms: &KnownTerms,
    period: Period,
    meter: Meter,
) -> Option<Quantity> {
    let stretches = subscription?.stretches(period);
    let unused = Usage::new();
    let stretches: Option<Vec<_>> = stretches
        .iter()
        .map(|s| Some(Stretch { terms: terms.get(&s.plan)?, share: s.share, usage: &unused }))
        .collect();
    let stretches = stretches?;
    let charged = stretches.iter().any(|s| s.terms.charges.contains_key(&meter));
    if !charged {
        return None;
    }
    included(&stretches, meter).ok()
}

/// When the quota of a period began: with the first plan in it that charges for the meter; without any, the
/// period's start.
#[must_use]
pub fn since(
    subscription: Option<&Subscription>,
    terms: &KnownTerms,
    period: Period,
    meter: Meter,
) -> Timestamp {
    let charges = |plan| terms.get(plan).is_some_and(|t: &Terms| t.charges.contains_key(&meter));
    let stretches = subscription.map(|plans| plans.stretches(period)).unwrap_or_default();
    let first = stretches.iter().find(|stretch| charges(&stretch.plan));
    first.map_or(period.start(), |stretch| stretch.start)
}

/// Since when quotas of earlier periods led up to a period's without a gap: days since then may be held against it,
/// as what was used without a plan may not. The period's start, when there was none right before it.
#[must_use]
pub fn unbroken_since(
    subscription: Option<&Subscription>,
    terms: &KnownTerms,
    period: Period,
    meter: Meter,
) -> Timestamp {
    let charges =
        |plan: &PlanId| terms.get(plan).is_some_and(|t: &Terms| t.charges.contains_key(&meter));
    let since = subscription.and_then(|plans| plans.unbroken_since(period.start(), charges));
    since.unwrap_or(period.start())
}

/// What counts against a quota, of `used` of which `free` happened before the account had any plan. That
/// is charged to nobody, so it uses up nothing. By the first version of the bill's formula all counts.
#[must_use]
pub const fn counted(used: Quantity, free: Quantity, formula: u32) -> Quantity {
    if formula == 1 {
        return used;
    }
    Quantity::from_micros(used.micros().saturating_sub(free.micros()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        catalogue::Catalogue,
        subscription::{Agreement, End},
    };

    fn at(text: &str) -> jiff::Timestamp {
        text.parse().unwrap()
    }

    fn terms() -> KnownTerms {
        let shipped = Catalogue::shipped().unwrap();
        shipped.versions().map(|v| (v.id.clone(), v.terms.clone())).collect()
    }

    fn on(plan: &str, from: &str) -> Agreement {
        let plan = PlanId { plan: plan.to_owned(), version: 1 };
        Agreement { plan, effective_at: at(from), agreed_at: at(from) }
    }

    fn june() -> Period {
        Period::from_edges(at("2026-06-01T00:00:00Z"), at("2026-07-01T00:00:00Z")).unwrap()
    }

    fn units(subscription: Option<&Subscription>, meter: Meter) -> Option<String> {
        quota(subscription, &terms(), june(), meter).map(|quota| quota.to_string())
    }

    #[test]
    fn a_plan_for_the_whole_period_gives_all_its_units() {
        let team = Subscription::start(on("team", "2026-01-01T00:00:00Z"));
        assert_eq!(units(Some(&team), Meter::Agents).as_deref(), Some("40000"));
    }

    #[test]
    fn an_upgrade_halfway_gives_half_of_each() {
        let mut plans = Subscription::start(on("starter", "2026-01-01T00:00:00Z"));
        plans.append(on("team", "2026-06-16T00:00:00Z"));
        assert_eq!(units(Some(&plans), Meter::Agents).as_deref(), Some("25000"));
    }

    #[test]
    fn a_quota_begins_with_the_first_plan_that_charges_for_the_meter() {
        let began = |plans: Option<&Subscription>, meter| since(plans, &terms(), june(), meter);
        let (start, middle) = (june().start(), at("2026-06-16T00:00:00Z"));
        let mut plans = Subscription::start(on("starter", "2026-01-01T00:00:00Z"));
        plans.append(on("team", "2026-06-16T00:00:00Z"));
        assert_eq!(began(Some(&plans), Meter::Agents), start);
        let team = Subscription::start(on("team", "2026-06-16T00:00:00Z"));
        assert_eq!(began(Some(&team), Meter::Agents), middle);
        assert_eq!(began(Some(&team), Meter::Signup), start);
        assert_eq!(began(None, Meter::Agents), start);
    }

    #[test]
    fn quotas_lead_up_to_a_periods_since_plans_charge_for_the_meter_without_a_gap() {
        let led =
            |plans: Option<&Subscription>, meter| unbroken_since(plans, &terms(), june(), meter);
        let (start, may) = (june().start(), at("2026-05-10T00:00:00Z"));
        let mut plans = Subscription::start(on("starter", "2026-05-10T00:00:00Z"));
        plans.append(on("team", "2026-05-20T00:00:00Z"));
        assert_eq!(led(Some(&plans), Meter::Agents), may);
        // What begins with the period or in it was not there before.
        plans.append(on("scale", "2026-06-01T00:00:00Z"));
        plans.append(on("team", "2026-06-05T00:00:00Z"));
        assert_eq!(led(Some(&plans), Meter::Agents), may);
        assert_eq!(led(Some(&plans), Meter::Signup), start);
        let new = Subscription::start(on("team", "2026-06-01T00:00:00Z"));
        assert_eq!((led(Some(&new), Meter::Agents), led(None, Meter::Agents)), (start, start));
        // Nor does what was before a gap.
        let end = at("2026-05-01T00:00:00Z");
        let mut again = Subscription::start(on("team", "2026-01-01T00:00:00Z"));
        again.append(End { effective_at: end, agreed_at: end });
        assert_eq!(led(Some(&again), Meter::Agents), start);
        again.append(on("team", "2026-05-10T00:00:00Z"));
        assert_eq!(led(Some(&again), Meter::Agents), may);
    }

    #[test]
    fn what_was_used_before_there_was_a_plan_uses_up_nothing() {
        let units = |n| Quantity::from_units(n).unwrap();
        for (used, free, counts) in [
            (30_000, 30_000, 0),
            (30_000, 29_999, 1),
            (30_000, 0, 30_000),
            // Corrections of an earlier period took back free use: of what counts they take nothing.
            (30_000, -5_000, 35_000),
        ] {
            assert_eq!(counted(units(used), units(free), 2), units(counts));
            assert_eq!(counted(units(used), units(free), 1), units(used));
        }
    }

    #[test]
    fn what_no_plan_charges_for_has_no_quota() {
        let team = Subscription::start(on("team", "2026-01-01T00:00:00Z"));
        assert_eq!(units(Some(&team), Meter::Signup), None);
        assert_eq!(units(None, Meter::Agents), None);
        let later = Subscription::start(on("team", "2026-07-01T00:00:00Z"));
        assert_eq!(units(Some(&later), Meter::Agents), None);
        let unknown = Subscription::start(on("gone", "2026-01-01T00:00:00Z"));
        assert_eq!(units(Some(&unknown), Meter::Agents), None);
    }
}
