use super::*;
use crate::domain::money::UnitPrice;

mod stretches;

fn usd(amount: &str) -> Money {
    Money::parse(amount, Currency::USD).unwrap()
}

fn units(quantity: &str) -> Quantity {
    quantity.parse().unwrap()
}

fn price(text: &str) -> UnitPrice {
    text.parse().unwrap()
}

fn tiers(edge: &str, first: &str, rest: &str) -> Tiers {
    Tiers::new(vec![Tier { up_to: units(edge), price: price(first) }], price(rest)).unwrap()
}

fn flat(included: &str, each: &str) -> Charge {
    charge(included, Price::Flat(price(each)))
}

fn charge(included: &str, price: Price) -> Charge {
    Charge { included: units(included), price, minimum: None, maximum: None }
}

fn terms(base: &str, charge: Charge) -> Terms {
    Terms {
        currency: Currency::USD,
        base: usd(base),
        support_hours: 24,
        charges: BTreeMap::from([(Meter::Agents, charge)]),
    }
}

fn runs(quantity: &str) -> Usage {
    Usage::from([(Meter::Agents, units(quantity))])
}

/// The only line of a bill for so many runs.
fn line_for(charge: Charge, used: &str) -> Line {
    let mut statement = terms("0.00", charge).rate(&runs(used)).unwrap();
    assert_eq!(statement.lines.len(), 1);
    statement.lines.remove(0)
}

fn amount(charge: Charge, used: &str) -> String {
    line_for(charge, used).amount.amount()
}

fn starter() -> Terms {
    terms("299.00", flat("10000", "0.050"))
}

fn team() -> Terms {
    terms("899.00", flat("40000", "0.030"))
}

fn scale() -> Terms {
    terms("2499.00", flat("150000", "0.015"))
}

// ---- one meter, one plan

#[test]
fn graduated_prices_each_unit_by_its_own_tier() {
    let line =
        line_for(charge("100000", Price::Graduated(tiers("400000", "0.010", "0.008"))), "640000");
    assert_eq!(line.amount, usd("5120.00"));
    let part = |quantity, each| Part::Units { quantity: units(quantity), price: price(each) };
    assert_eq!(line.parts, [part("400000", "0.010"), part("140000", "0.008")]);
}

#[test]
fn graduated_uses_only_the_tiers_that_are_reached() {
    let graduated = || {
        let tier = |up_to, each| Tier { up_to: units(up_to), price: price(each) };
        let bounded = vec![tier("10", "3"), tier("20", "2"), tier("30", "1.50")];
        charge("5", Price::Graduated(Tiers::new(bounded, price("1")).unwrap()))
    };
    let cases = [
        ("5", 0, "0.00"),
        ("5.5", 1, "1.50"),
        ("15", 1, "30.00"),
        ("15.000001", 2, "30.00"),
        ("25", 2, "50.00"),
        ("35", 3, "65.00"),
        ("45", 4, "75.00"),
    ];
    for (used, parts, want) in cases {
        let line = line_for(graduated(), used);
        assert_eq!((line.parts.len(), line.amount.amount().as_str()), (parts, want), "{used}");
    }
}

#[test]
fn volume_prices_every_unit_by_the_tier_reached() {
    let volume = || charge("100000", Price::Volume(tiers("400000", "0.010", "0.008")));
    assert_eq!(amount(volume(), "640000"), "4320.00");
    // Its edge belongs to the tier below, and one unit more makes the whole cheaper.
    assert_eq!(amount(volume(), "500000"), "4000.00");
    assert_eq!(amount(volume(), "500001"), "3200.01");
}

#[test]
fn a_started_package_costs_as_much_as_a_full_one() {
    let package = || charge("100000", Price::Package { size: units("1000"), price: price("9.00") });
    let cases = [
        ("640000", 540, "4860.00"),
        ("640001", 541, "4869.00"),
        ("640000.000001", 541, "4869.00"),
        ("100000.000001", 1, "9.00"),
        ("101000", 1, "9.00"),
    ];
    for (used, packages, want) in cases {
        let line = line_for(package(), used);
        let (size, price) = (units("1000"), price("9.00"));
        assert_eq!(line.parts, [Part::Packages { count: packages, size, price }], "{used}");
        assert_eq!(line.amount.amount(), want, "{used}");
    }
    assert_eq!(line_for(package(), "100000").parts, []);
}

#[test]
fn plans_cost_what_the_price_list_says() {
    let cases = [
        (starter(), ["899.00", "1299.00", "2049.00"]),
        (team(), ["899.00", "899.00", "1049.00"]),
        (scale(), ["2499.00", "2499.00", "2499.00"]),
    ];
    for (plan, wants) in cases {
        for (used, want) in ["22000", "30000", "45000"].into_iter().zip(wants) {
            assert_eq!(plan.rate(&runs(used)).unwrap().total, usd(want), "{used}");
        }
    }
}

#[test]
fn units_up_to_the_included_ones_cost_nothing() {
    for (used, billable, want) in [
        ("0", "0", "0.00"),
        ("9999.999999", "0", "0.00"),
        ("10000", "0", "0.00"),
        ("10000.000001", "0.000001", "0.00"),
        ("10001", "1", "0.05"),
    ] {
        let line = line_for(flat("10000", "0.050"), used);
        assert_eq!(line.billable, units(billable), "{used}");
        assert_eq!(line.amount.amount(), want, "{used}");
    }
}

#[test]
fn a_line_is_rounded_once_and_half_away_from_zero() {
    assert_eq!(amount(flat("0", "0.0003"), "50"), "0.02");
    assert_eq!(amount(flat("0", "0.0003"), "49.999999"), "0.01");
    // Two parts of half a cent each are one cent, not two.
    let halves = charge("0", Price::Graduated(tiers("1", "0.005", "0.005")));
    assert_eq!(amount(halves, "2"), "0.01");
}

#[test]
fn a_line_carries_what_it_was_computed_from() {
    let line = line_for(flat("10000.25", "0.050"), "22000.5");
    assert_eq!(
        line,
        Line {
            stretch: 0,
            meter: Meter::Agents,
            quantity: units("22000.5"),
            included: units("10000.25"),
            billable: units("12000.25"),
            parts: vec![Part::Units { quantity: units("12000.25"), price: price("0.05") }],
            rated: usd("600.01"),
            bound: None,
            amount: usd("600.01"),
        }
    );
}

#[test]
fn the_minimum_is_charged_when_units_cost_less_or_nothing() {
    let with_minimum = || Charge { minimum: Some(usd("20.00")), ..flat("100", "1.00") };
    let cases = [
        ("0", "0.00", Some(Bound::Minimum), "20.00"),
        ("119.99", "19.99", Some(Bound::Minimum), "20.00"),
        ("120", "20.00", None, "20.00"),
        ("121", "21.00", None, "21.00"),
    ];
    for (used, rated, bound, want) in cases {
        let line = line_for(with_minimum(), used);
        assert_eq!((line.rated, line.bound, line.amount), (usd(rated), bound, usd(want)), "{used}");
    }
}

#[test]
fn the_maximum_is_charged_when_units_cost_more() {
    let capped = || Charge { maximum: Some(usd("50.00")), ..flat("100", "1.00") };
    let cases = [
        ("149.99", "49.99", None, "49.99"),
        ("150", "50.00", None, "50.00"),
        ("150.01", "50.01", Some(Bound::Maximum), "50.00"),
        ("1000000", "999900.00", Some(Bound::Maximum), "50.00"),
    ];
    for (used, rated, bound, want) in cases {
        let line = line_for(capped(), used);
        assert_eq!((line.rated, line.bound, line.amount), (usd(rated), bound, usd(want)), "{used}");
    }
}

#[test]
fn the_maximum_wins_over_the_minimum() {
    let (minimum, maximum) = (Some(usd("60.00")), Some(usd("50.00")));
    let line = line_for(Charge { minimum, maximum, ..flat("100", "1.00") }, "101");
    assert_eq!((line.rated, line.amount), (usd("1.00"), usd("50.00")));
    assert_eq!(line.bound, Some(Bound::Maximum));
}

#[test]
fn usage_below_zero_costs_nothing_and_is_shown() {
    let line = line_for(flat("0", "1.00"), "-5");
    assert_eq!((line.quantity, line.billable), (units("-5"), Quantity::ZERO));
    assert_eq!(line.amount, usd("0.00"));
    let least = Usage::from([(Meter::Agents, Quantity::from_micros(i64::MIN))]);
    assert_eq!(team().rate(&least).unwrap().total, usd("899.00"));
}

#[test]
fn what_a_plan_does_not_charge_for_costs_nothing() {
    let usage = Usage::from([(Meter::Signup, units("1000000")), (Meter::Agents, units("1"))]);
    let statement = team().rate(&usage).unwrap();
    assert_eq!(statement.total, usd("899.00"));
    assert!(statement.lines.iter().all(|line| line.meter != Meter::Signup));
}

#[test]
fn a_meter_without_usage_has_a_line_of_nothing() {
    let statement = team().rate(&Usage::new()).unwrap();
    assert_eq!(statement.lines.len(), 1);
    assert_eq!(statement.lines[0].quantity, Quantity::ZERO);
    assert_eq!(statement.total, usd("899.00"));
}

#[test]
fn currencies_without_cents_and_with_three_places_are_rounded_to_their_own() {
    for (currency, each, want) in [(Currency::JPY, "0.5", "2"), (Currency::KWD, "0.0005", "0.002")]
    {
        let mut plan = terms("0.00", flat("0", each));
        plan.currency = currency;
        plan.base = Money::zero(currency);
        assert_eq!(plan.rate(&runs("3")).unwrap().total.amount(), want);
    }
}

// ---- what does not fit

#[test]
fn a_charge_that_does_not_fit_is_an_error() {
    let most = Usage::from([(Meter::Agents, Quantity::from_micros(i64::MAX))]);
    let dear = UnitPrice::from_nanos(i64::MAX);
    let tiny = Quantity::from_micros(1);
    for price in [
        Price::Flat(dear),
        Price::Graduated(tiers("1", "1", "9000000000")),
        Price::Volume(tiers("1", "1", "9000000000")),
        Price::Package { size: tiny, price: dear },
        Price::Package { size: Quantity::ZERO, price: dear },
    ] {
        let result = terms("0.00", charge("0", price)).rate(&most);
        assert_eq!(result, Err(RatingError::Overflow(Meter::Agents)));
    }
}

#[test]
fn a_cap_does_not_hide_a_charge_that_does_not_fit() {
    let price = Price::Flat(UnitPrice::from_nanos(i64::MAX));
    let capped = Charge { maximum: Some(usd("1.00")), ..charge("0", price) };
    let most = Usage::from([(Meter::Agents, Quantity::from_micros(i64::MAX))]);
    let result = terms("0.00", capped).rate(&most);
    assert_eq!(result, Err(RatingError::Overflow(Meter::Agents)));
}

#[test]
fn a_total_that_does_not_fit_is_an_error() {
    let mut plan = terms("0.00", flat("0", "1.00"));
    plan.base = Money::from_minor(i64::MAX, Currency::USD);
    assert_eq!(plan.rate(&runs("0")).unwrap().total, plan.base);
    assert_eq!(plan.rate(&runs("1")), Err(RatingError::Total));
}

// ---- tiers

#[test]
fn tiers_that_do_not_rise_are_refused() {
    let tier = |up_to: &str| Tier { up_to: units(up_to), price: price("1") };
    let cases: [(&[&str], usize); 4] =
        [(&["0"], 0), (&["-1"], 0), (&["10", "10"], 1), (&["10", "20", "19.999999"], 2)];
    for (edges, index) in cases {
        let tiers = edges.iter().map(|e| tier(e)).collect();
        assert_eq!(Tiers::new(tiers, price("1")), Err(TierOrder(index)), "{edges:?}");
    }
    assert!(Tiers::new(Vec::new(), price("1")).is_ok());
}
