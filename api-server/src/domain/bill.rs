//! A period's bill: which of the use that was posted to it is charged by which plan.
//!
//! A period is cut where plans change. What happened between two cuts is charged by the plan that was
//! in force then; what happened before the period and came too late for its own is charged by the
//! first plan of this one. What was used before there was any plan costs nothing.

use jiff::Timestamp;
use thiserror::Error;

use super::{
    calendar::Period,
    catalogue::PlanId,
    quota::KnownTerms,
    rating::{BelowZero, RatingError, Statement, Stretch, Usage, rate_with},
    subscription::{PlanStretch, Subscription},
};

/// The name of the formula by which bills are made; [`super::rating`] explains it.
pub const FORMULA: &str = "rating";
/// Raised with every change that can change a bill. A period keeps the one by which it was opened. 2: what
/// corrections took back beyond a stretch's own use is taken off the next one's; quotas are held against
/// what is charged for.
pub const FORMULA_VERSION: u32 = 2;

/// Why there is no bill.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BillError {
    /// The stored catalogue lacks a version.
    #[error("the stored catalogue has no {0}, which was in force: restore it")]
    Unknown(PlanId),
    /// Something cannot be priced.
    #[error(transparent)]
    Rating(#[from] RatingError),
}

/// The plans of a period, and where they cut it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    began: Option<Timestamp>,
    stretches: Vec<PlanStretch>,
}

/// What becomes of one slice of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slice {
    /// No plan was in force.
    Free,
    /// Charged by the stretch with this number, from 0.
    Charged(usize),
}

impl Cut {
    /// Cuts a period by the plans of a subscription, if there is one.
    #[must_use]
    pub fn new(subscription: Option<&Subscription>, period: Period) -> Self {
        let began = subscription.and_then(Subscription::began);
        let stretches = subscription.map(|plans| plans.stretches(period)).unwrap_or_default();
        Self { began, stretches }
    }

    /// The stretches, in the order of time.
    #[must_use]
    pub fn stretches(&self) -> &[PlanStretch] {
        &self.stretches
    }

    /// The instants that cut the use into slices, rising, one fewer than there are slices: when the
    /// first plan of all began, which may be long before the period, and each change in it.
    #[must_use]
    pub fn instants(&self) -> Vec<Timestamp> {
        let began = self.began.filter(|_| !self.stretches.is_empty());
        let changes = self.stretches.iter().skip(1).map(|stretch| stretch.start);
        began.into_iter().chain(changes).collect()
    }

    /// What becomes of the slice with this number, from 0.
    #[must_use]
    pub fn slice(index: usize) -> Slice {
        index.checked_sub(1).map_or(Slice::Free, Slice::Charged)
    }

    /// The bill by a version of the formula, given what was used in each slice; `None` when no plan was
    /// in force.
    ///
    /// # Errors
    /// [`BillError`].
    pub fn bill(
        &self,
        terms: &KnownTerms,
        slices: &[Usage],
        formula: u32,
    ) -> Result<Option<Statement>, BillError> {
        let unused = Usage::new();
        let mut charged = slices.iter().skip(1).chain(std::iter::repeat(&unused));
        let stretch = |stretch: &PlanStretch| -> Result<_, BillError> {
            let known = terms.get(&stretch.plan);
            let terms = known.ok_or_else(|| BillError::Unknown(stretch.plan.clone()))?;
            Ok((terms, stretch.share))
        };
        let terms = self.stretches.iter().map(stretch).collect::<Result<Vec<_>, _>>()?;
        if terms.is_empty() {
            return Ok(None);
        }
        let stretches: Vec<_> = terms
            .into_iter()
            .map(|(terms, share)| Stretch {
                terms,
                share,
                usage: charged.next().unwrap_or(&unused),
            })
            .collect();
        Ok(Some(rate_with(&stretches, below_zero(formula))?))
    }
}

/// What becomes of what is below zero, by a version of the formula.
#[must_use]
pub const fn below_zero(formula: u32) -> BelowZero {
    if formula == 1 { BelowZero::Lost } else { BelowZero::Carried }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Quantity, catalogue::Catalogue, meter::Meter, subscription::Agreement};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn terms() -> KnownTerms {
        let shipped = Catalogue::shipped().unwrap();
        shipped.versions().map(|v| (v.id.clone(), v.terms.clone())).collect()
    }

    fn june() -> Period {
        Period::from_edges(at("2026-06-01T00:00:00Z"), at("2026-07-01T00:00:00Z")).unwrap()
    }

    /// June, with these plans since these instants.
    fn cut(plans: &[(&str, &str)]) -> Cut {
        let mut all = plans.iter().map(|(plan, from)| Agreement {
            plan: PlanId { plan: (*plan).to_owned(), version: 1 },
            effective_at: at(from),
            agreed_at: at(from),
        });
        let Some(first) = all.next() else { return Cut::new(None, june()) };
        let mut subscription = Subscription::start(first);
        all.for_each(|later| subscription.append(later));
        Cut::new(Some(&subscription), june())
    }

    fn runs(units: i64) -> Usage {
        Usage::from([(Meter::Agents, Quantity::from_units(units).unwrap())])
    }

    #[test]
    fn one_plan_charges_everything() {
        let team = cut(&[("team", "2026-01-01T00:00:00Z")]);
        assert_eq!(team.instants(), [at("2026-01-01T00:00:00Z")]);
        assert_eq!([Cut::slice(0), Cut::slice(1)], [Slice::Free, Slice::Charged(0)]);
        let bill = team.bill(&terms(), &[runs(7), runs(45_000)], FORMULA_VERSION).unwrap().unwrap();
        let whole = terms()[&team.stretches()[0].plan].rate(&runs(45_000)).unwrap();
        assert_eq!((bill.lines, bill.total), (whole.lines, whole.total));
        assert_eq!(bill.total.to_string(), "USD 1049.00");
    }

    #[test]
    fn an_upgrade_cuts_the_period_where_it_takes_effect() {
        let half = cut(&[("starter", "2026-01-01T00:00:00Z"), ("team", "2026-06-16T00:00:00Z")]);
        assert_eq!(half.instants(), [at("2026-01-01T00:00:00Z"), at("2026-06-16T00:00:00Z")]);
        let bill = half
            .bill(&terms(), &[Usage::new(), runs(26_000), runs(1_000)], FORMULA_VERSION)
            .unwrap()
            .unwrap();
        // 5,000 and 20,000 are included; 1,000 go beyond them on starter, 1,000 on team.
        let amounts: Vec<_> = bill
            .lines
            .iter()
            .filter(|line| line.meter == Meter::Agents)
            .map(|line| (line.stretch, line.billable.to_string(), line.amount.amount()))
            .collect();
        let expected = [(0, "1000", "50.00"), (1, "1000", "30.00")];
        let expected = expected.map(|(n, units, amount)| (n, units.to_owned(), amount.to_owned()));
        assert_eq!(amounts, expected);
    }

    #[test]
    fn use_before_the_first_plan_is_free() {
        let late = cut(&[("team", "2026-06-16T00:00:00Z")]);
        assert_eq!(late.instants(), [at("2026-06-16T00:00:00Z")]);
        let bill = late
            .bill(&terms(), &[runs(1_000_000), runs(20_001)], FORMULA_VERSION)
            .unwrap()
            .unwrap();
        // Half of the fee, and one run beyond half of the included ones.
        assert_eq!(bill.total.to_string(), "USD 449.53");
    }

    #[test]
    fn a_period_is_billed_by_the_formula_that_it_was_opened_by() {
        let half = cut(&[("starter", "2026-01-01T00:00:00Z"), ("team", "2026-06-16T00:00:00Z")]);
        let slices = [Usage::new(), runs(-3_000), runs(30_000)];
        let overage = |formula| {
            let bill = half.bill(&terms(), &slices, formula).unwrap().unwrap();
            bill.lines.iter().map(|line| line.amount.minor()).sum::<i64>()
        };
        assert_eq!((overage(1), overage(FORMULA_VERSION)), (15_000, 6_000));
    }

    #[test]
    fn without_a_plan_there_is_no_bill() {
        let none = cut(&[]);
        assert_eq!(
            (none.instants(), none.bill(&terms(), &[runs(7)], FORMULA_VERSION)),
            (vec![], Ok(None))
        );
        let later = cut(&[("team", "2026-07-01T00:00:00Z")]);
        assert_eq!(
            (later.instants(), later.bill(&terms(), &[runs(7)], FORMULA_VERSION)),
            (vec![], Ok(None))
        );
    }

    #[test]
    fn a_version_that_is_gone_is_named() {
        let gone = cut(&[("gone", "2026-01-01T00:00:00Z")]);
        let error = gone.bill(&terms(), &[Usage::new(), runs(1)], FORMULA_VERSION).unwrap_err();
        assert!(error.to_string().contains("gone@1"), "{error}");
    }

    #[test]
    fn slices_that_nothing_was_said_of_were_not_used() {
        let half = cut(&[("starter", "2026-01-01T00:00:00Z"), ("team", "2026-06-16T00:00:00Z")]);
        let bill = half.bill(&terms(), &[], FORMULA_VERSION).unwrap().unwrap();
        assert_eq!(bill.total.to_string(), "USD 599.00");
    }
}
