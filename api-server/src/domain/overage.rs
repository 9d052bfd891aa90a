//! What a period costs beyond its base fees: exactly, by its bill, and by the end of the period, by
//! what it is expected to cost.

use super::{
    Money,
    projection::around,
    rating::{BaseLine, Statement},
};

/// A bill, divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overage {
    /// The base fees.
    pub base: Money,
    /// What use costs beyond them.
    pub beyond: Money,
    /// Both together.
    pub total: Money,
}

/// What a period is expected to come to: the mean, and the interval that holds it with 80 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Of the mean.
    pub mean: Overage,
    /// The lower edge.
    pub low: Overage,
    /// The upper edge.
    pub high: Overage,
}

/// Divides a bill. `None` when a sum does not fit.
#[must_use]
pub fn of(statement: &Statement) -> Option<Overage> {
    let zero = Money::zero(statement.total.currency());
    let add = |sum: Money, line: &BaseLine| sum.checked_add(line.amount);
    let base = statement.base.iter().try_fold(zero, add)?;
    divided(base, statement.total)
}

/// Divides what a period is expected to cost, given its base fees, which do not depend on use. The
/// edges hold the mean; those of summaries by formulas before 4 may not, where more use costs less, and
/// are put in order. `None` when currencies differ or a difference does not fit.
#[must_use]
pub fn expected(base: Money, (mean, low, high): (Money, Money, Money)) -> Option<Expected> {
    let (low, high) = around(mean, (low, high));
    let of = |total| divided(base, total);
    Some(Expected { mean: of(mean)?, low: of(low)?, high: of(high)? })
}

fn divided(base: Money, total: Money) -> Option<Overage> {
    Some(Overage { base, beyond: total.checked_sub(base)?, total })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Quantity, catalogue::Catalogue, meter::Meter, money::Currency};
    use crate::domain::{catalogue::PlanId, rating::Usage};

    fn usd(text: &str) -> Money {
        Money::parse(text, Currency::USD).unwrap()
    }

    #[test]
    fn a_bill_is_its_fees_and_what_goes_beyond() {
        let shipped = Catalogue::shipped().unwrap();
        let team = shipped.get(&PlanId { plan: "team".to_owned(), version: 1 }).unwrap();
        let runs = Usage::from([(Meter::Agents, Quantity::from_units(45_000).unwrap())]);
        let divided = of(&team.terms.rate(&runs).unwrap()).unwrap();
        assert_eq!(
            (divided.base, divided.beyond, divided.total),
            (usd("899.00"), usd("150.00"), usd("1049.00"))
        );
    }

    #[test]
    fn what_is_expected_is_divided_at_each_edge() {
        let expected = expected(usd("899"), (usd("1124.35"), usd("1103.30"), usd("1145.40")));
        let expected = expected.unwrap();
        let beyond = [expected.low, expected.mean, expected.high].map(|edge| edge.beyond.amount());
        assert_eq!(beyond, ["204.30", "225.35", "246.40"]);
    }

    #[test]
    fn edges_rise_also_where_more_use_costs_less() {
        let turned = expected(usd("10"), (usd("14"), usd("15"), usd("12"))).unwrap();
        assert_eq!((turned.low.beyond, turned.high.beyond), (usd("2"), usd("5")));
        let outside = expected(usd("0"), (usd("4000"), usd("3900"), usd("3280"))).unwrap();
        assert_eq!((outside.low.total, outside.high.total), (usd("3280"), usd("4000")));
    }

    #[test]
    fn currencies_are_never_mixed() {
        let eur = Money::parse("20", Currency::EUR).unwrap();
        assert_eq!(expected(usd("10"), (eur, eur, eur)), None);
    }
}
