//! What must hold of every price, tried on random terms against a reference that counts unit by
//! unit.

use proptest::prelude::*;

use super::*;
use crate::domain::{decimal, money::UnitPrice};

/// Terms in small whole numbers: prices in millionths of a dollar, edges in whole units.
#[derive(Clone, Debug)]
struct Small {
    model: u8,
    included: i64,
    edges: Vec<(i64, i64)>,
    rest: i64,
    size: i64,
}

fn small() -> impl Strategy<Value = Small> {
    let edges = prop::collection::vec((1_i64..60, 0_i64..50_000), 0..4);
    (0_u8..4, 0_i64..50, edges, 0_i64..50_000, 1_i64..40).prop_map(
        |(model, included, steps, rest, size)| {
            let mut edge = 0;
            let edges = steps
                .into_iter()
                .map(|(step, price)| {
                    edge += step;
                    (edge, price)
                })
                .collect();
            Small { model, included, edges, rest, size }
        },
    )
}

fn unit_price(millionths: i64) -> UnitPrice {
    UnitPrice::from_nanos(millionths * 1000)
}

fn whole(units: i64) -> Quantity {
    Quantity::from_units(units).unwrap()
}

impl Small {
    fn tiers(&self) -> Tiers {
        let tier = |&(edge, price)| Tier { up_to: whole(edge), price: unit_price(price) };
        Tiers::new(self.edges.iter().map(tier).collect(), unit_price(self.rest)).unwrap()
    }

    fn terms(&self) -> Terms {
        let price = match self.model {
            0 => Price::Flat(unit_price(self.rest)),
            1 => Price::Graduated(self.tiers()),
            2 => Price::Volume(self.tiers()),
            _ => Price::Package { size: whole(self.size), price: unit_price(self.rest) },
        };
        let charge = Charge { included: whole(self.included), price, minimum: None, maximum: None };
        terms(charge)
    }

    /// The price, in millionths, of the tier in which the `nth` billable unit, from 1, lies.
    fn price_at(&self, nth: i64) -> i64 {
        self.edges.iter().find(|(edge, _)| nth <= *edge).map_or(self.rest, |(_, price)| *price)
    }

    /// The charge in millionths of a dollar, one unit after the other.
    fn counted(&self, used: i64) -> i64 {
        let mut charge = 0;
        let billable = (self.included + 1..=used).count();
        let billable = i64::try_from(billable).unwrap();
        for nth in 1..=billable {
            charge += match self.model {
                0 => self.rest,
                1 => self.price_at(nth),
                2 => self.price_at(billable),
                // Its first unit starts a package.
                _ if nth % self.size == 1 % self.size => self.rest,
                _ => 0,
            };
        }
        charge
    }
}

fn terms(charge: Charge) -> Terms {
    Terms {
        currency: Currency::USD,
        base: Money::zero(Currency::USD),
        support_hours: 24,
        charges: BTreeMap::from([(Meter::Query, charge)]),
    }
}

fn used(micros: i64) -> Usage {
    Usage::from([(Meter::Query, Quantity::from_micros(micros))])
}

fn total(terms: &Terms, micros: i64) -> i64 {
    terms.rate(&used(micros)).unwrap().total.minor()
}

/// The exact charge, before it is rounded.
fn exact(terms: &Terms, micros: i64) -> i128 {
    let statement = terms.rate(&used(micros)).unwrap();
    statement.lines.iter().flat_map(|l| &l.parts).map(|p| p.exact().unwrap()).sum()
}

proptest! {
    #[test]
    fn a_charge_is_what_counting_unit_by_unit_gives(small in small(), units in 0_i64..300) {
        let cents = decimal::div_round(small.counted(units).into(), 10_000).unwrap();
        prop_assert_eq!(i128::from(total(&small.terms(), units * 1_000_000)), cents);
    }

    #[test]
    fn more_use_never_costs_less_except_by_volume(
        small in small(),
        micros in 0_i64..300_000_000,
        more in 0_i64..100_000_000,
    ) {
        let small = Small { model: if small.model == 2 { 1 } else { small.model }, ..small };
        let terms = small.terms();
        prop_assert!(total(&terms, micros) <= total(&terms, micros + more));
    }

    #[test]
    fn within_one_tier_more_use_never_costs_less_by_volume(
        small in small(),
        share in 0_i64..=1_000_000,
        more in 0_i64..=1_000_000,
    ) {
        let small = Small { model: 2, ..small };
        let terms = small.terms();
        let mut from = 0;
        for &(edge, _) in &small.edges {
            let low = (small.included + from) * 1_000_000 + 1;
            let high = (small.included + edge) * 1_000_000;
            let first = low + (high - low) / 1_000_000 * share;
            let second = first + (high - first) / 1_000_000 * more;
            prop_assert!(total(&terms, first) <= total(&terms, second));
            from = edge;
        }
    }

    #[test]
    fn graduated_charges_have_no_jumps(small in small(), micros in 0_i64..300_000_000) {
        let terms = Small { model: 1, ..small.clone() }.terms();
        let step = exact(&terms, micros + 1) - exact(&terms, micros);
        let dearest = small.edges.iter().map(|(_, price)| *price).chain([small.rest]).max();
        prop_assert!(step >= 0 && step <= i128::from(unit_price(dearest.unwrap()).nanos()));
    }

    #[test]
    fn part_of_a_package_costs_as_much_as_the_whole(small in small(), micros in 1_i64..300_000_000) {
        let small = Small { model: 3, included: 0, ..small };
        let size = small.size * 1_000_000;
        let full = (micros + size - 1) / size * size;
        prop_assert_eq!(total(&small.terms(), micros), total(&small.terms(), full));
    }

    #[test]
    fn two_accounts_never_pay_less_than_one_when_graduated_prices_fall(
        small in small(),
        first in 0_i64..200_000_000,
        second in 0_i64..200_000_000,
    ) {
        let mut small = Small { model: 1, included: 0, ..small };
        let mut prices: Vec<i64> = small.edges.iter().map(|e| e.1).chain([small.rest]).collect();
        prices.sort_unstable_by(|a, b| b.cmp(a));
        for (edge, price) in small.edges.iter_mut().zip(&prices) {
            edge.1 = *price;
        }
        small.rest = prices[prices.len() - 1];
        let terms = small.terms();
        let parts = exact(&terms, first) + exact(&terms, second);
        prop_assert!(parts >= exact(&terms, first + second));
    }

    #[test]
    fn minimum_and_maximum_hold(
        small in small(),
        micros in 0_i64..300_000_000,
        minimum in 0_i64..500,
        more in 0_i64..500,
    ) {
        let free = total(&small.terms(), micros);
        let mut terms = small.terms();
        let charge = terms.charges.get_mut(&Meter::Query).unwrap();
        let bound = |minor| Some(Money::from_minor(minor, Currency::USD));
        (charge.minimum, charge.maximum) = (bound(minimum), bound(minimum + more));
        prop_assert_eq!(total(&terms, micros), free.clamp(minimum, minimum + more));
    }

    #[test]
    fn a_bill_fits_or_is_an_error(
        quantity: i64,
        nanos in 0..=i64::MAX,
        included in 0..=i64::MAX,
        size in 1..=i64::MAX,
        model in 0_u8..4,
    ) {
        let rest = UnitPrice::from_nanos(nanos);
        let tier = Tier { up_to: Quantity::from_micros(size), price: rest };
        let tiers = Tiers::new(vec![tier], rest).unwrap();
        let price = match model {
            0 => Price::Flat(rest),
            1 => Price::Graduated(tiers),
            2 => Price::Volume(tiers),
            _ => Price::Package { size: Quantity::from_micros(size), price: rest },
        };
        let charge =
            Charge { included: Quantity::from_micros(included), price, minimum: None, maximum: None };
        // In cents: what a package costs for each of its units, or what a unit costs.
        let billable = (i128::from(quantity) - i128::from(included)).max(0);
        let size = i128::from(size);
        let count = if model == 3 { (billable + size - 1) / size } else { billable };
        let scale = if model == 3 { 10_i128.pow(7) } else { 10_i128.pow(13) };
        let cents = count.checked_mul(i128::from(nanos)).unwrap();
        let cents = decimal::div_round(cents, scale).unwrap();
        match terms(charge).rate(&used(quantity)) {
            Ok(statement) => prop_assert_eq!(i128::from(statement.total.minor()), cents),
            Err(error) => {
                prop_assert_eq!(error, RatingError::Overflow(Meter::Query));
                prop_assert!(i64::try_from(cents).is_err(), "{} fits", cents);
            }
        }
    }

    #[test]
    fn lines_add_up_and_stretches_use_up_the_allowance_in_order(
        terms in prop::collection::vec(small(), 1..4),
        // Corrections of closed periods are all taken off what was used first.
        below in prop::sample::select(vec![0_i64, -1, -7_000_000, -150_000_000]),
        quantities in prop::collection::vec(0_i64..200_000_000, 3),
    ) {
        let terms: Vec<Terms> = terms.iter().map(Small::terms).collect();
        let mut quantities = quantities;
        quantities[0] += below;
        let usage: Vec<Usage> = quantities.iter().map(|&q| used(q)).collect();
        let stretches: Vec<Stretch<'_>> = terms
            .iter()
            .zip(&usage)
            .map(|(terms, usage)| Stretch { terms, share: Share::WHOLE, usage })
            .collect();
        let statement = rate(&stretches).unwrap();
        let sum: i64 = statement.lines.iter().map(|l| l.amount.minor()).sum();
        prop_assert_eq!(statement.total.minor(), sum);
        let all: i64 = quantities[..terms.len()].iter().sum();
        let allowance = included(&stretches, Meter::Query).unwrap().micros();
        let billable: i64 = statement.lines.iter().map(|l| l.billable.micros()).sum();
        prop_assert_eq!(billable, (all - allowance).max(0));
    }
}
