use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::domain::money::Currency;

fn usd(amount: &str) -> Money {
    Money::parse(amount, Currency::USD).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// November 2026 in UTC: 30 days of 24 hours.
fn november() -> Period {
    Period::from_edges(at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z")).unwrap()
}

fn change(now: &str, old: &str, new: &str) -> (String, String, String) {
    let change = Change::at(at(now), november(), usd(old), usd(new)).unwrap();
    (change.credit.amount(), change.charge.amount(), change.net().unwrap().amount())
}

fn texts(credit: &str, charge: &str, net: &str) -> (String, String, String) {
    (credit.to_owned(), charge.to_owned(), net.to_owned())
}

#[test]
fn each_side_of_an_upgrade_is_rounded_and_they_foot() {
    // 20 of 30 days left: exactly 33.333… more, but 66.67 and 33.33 are what the lines say.
    assert_eq!(change("2026-11-11T00:00:00Z", "50.00", "100.00"), texts("33.33", "66.67", "33.34"));
}

#[test]
fn an_upgrade_costs_the_whole_difference_first_and_nothing_at_the_end() {
    assert_eq!(
        change("2026-11-01T00:00:00Z", "50.00", "100.00"),
        texts("50.00", "100.00", "50.00")
    );
    assert_eq!(change("2026-12-01T00:00:00Z", "50.00", "100.00"), texts("0.00", "0.00", "0.00"));
    assert_eq!(
        change("2026-10-01T00:00:00Z", "50.00", "100.00"),
        texts("50.00", "100.00", "50.00")
    );
}

#[test]
fn shares_are_of_milliseconds_not_of_days() {
    // 12 hours into the month, and in Berlin's March, which is an hour short.
    assert_eq!(change("2026-11-01T12:00:00Z", "0.00", "60.00").1, "59.00");
    let march = Period::from_edges(at("2026-02-28T23:00:00Z"), at("2026-03-31T22:00:00Z")).unwrap();
    let change = Change::at(at("2026-03-31T21:00:00Z"), march, usd("0.00"), usd("743.00")).unwrap();
    assert_eq!(change.charge, usd("1.00"));
}

#[test]
fn currencies_do_not_mix_in_a_change() {
    let euro = Money::from_minor(100, Currency::EUR);
    assert_eq!(Change::at(november().start(), november(), usd("1.00"), euro), None);
}

#[test]
fn a_stretch_ends_at_the_periods_edges() {
    let share = Share::between(november(), at("2020-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z"));
    assert_eq!(share.of_money(usd("299.00")), Some(usd("299.00")));
    let (length, total) = share.of_total();
    assert_eq!((length, total), (30 * 86_400_000, 30 * 86_400_000));
    let backwards = Share::between(november(), at("2026-11-20T00:00:00Z"), november().start());
    assert_eq!(backwards.of_total().0, 0);
    assert_eq!(backwards.of_money(usd("299.00")), Some(usd("0.00")));
}

#[test]
fn a_share_of_units_is_exact_to_a_millionth() {
    let share = Share::between(november(), november().start(), at("2026-11-11T00:00:00Z"));
    let third = share.of_quantity(Quantity::from_units(10_000).unwrap()).unwrap();
    assert_eq!(third.to_string(), "3333.333333");
}

#[test]
fn the_whole_of_the_largest_amount_fits() {
    for minor in [i64::MIN, i64::MAX] {
        let most = Money::from_minor(minor, Currency::USD);
        assert_eq!(Share::WHOLE.of_money(most), Some(most));
        let all = Share::between(november(), november().start(), november().end());
        assert_eq!(all.of_money(most), Some(most));
    }
}

#[test]
fn an_amount_is_split_without_losing_a_cent() {
    let parts = split(usd("100.00"), &[1, 1, 1]).unwrap();
    assert_eq!(parts, [usd("33.34"), usd("33.33"), usd("33.33")]);
    let parts = split(usd("0.05"), &[1, 0, 2]).unwrap();
    assert_eq!(parts, [usd("0.02"), usd("0.00"), usd("0.03")]);
    assert_eq!(split(usd("1.00"), &[0]), None);
}

fn millisecond(ms: i64) -> Timestamp {
    november().start().checked_add(SignedDuration::from_millis(ms)).unwrap()
}

proptest! {
    #[test]
    fn stretches_of_a_period_add_up_to_the_whole(
        minor in -1_000_000_i64..1_000_000_000,
        mut cuts in prop::collection::vec(0_i64..30 * 86_400_000, 0..6),
    ) {
        cuts.sort_unstable();
        let mut edges = vec![november().start()];
        edges.extend(cuts.into_iter().map(millisecond));
        edges.push(november().end());
        let whole = Money::from_minor(minor, Currency::USD);
        let parts: Vec<i64> = edges
            .windows(2)
            .map(|e| Share::between(november(), e[0], e[1]).of_money(whole).unwrap().minor())
            .collect();
        prop_assert_eq!(parts.iter().sum::<i64>(), minor);
    }

    #[test]
    fn a_share_is_within_a_cent_of_the_exact_one(
        minor in 0_i64..1_000_000_000,
        from in 0_i64..30 * 86_400_000,
        length in 0_i64..30 * 86_400_000,
    ) {
        let share = Share::between(november(), millisecond(from), millisecond(from + length));
        let (ms, total) = share.of_total();
        let part = share.of_money(Money::from_minor(minor, Currency::USD)).unwrap().minor();
        let off = i128::from(part) * i128::from(total) - i128::from(minor) * i128::from(ms);
        prop_assert!(off.abs() <= i128::from(total), "{part} of {minor} for {ms} of {total}");
    }

    #[test]
    fn the_changes_that_were_shown_add_up_to_the_bill(
        fees in prop::collection::vec(0_i64..1_000_000, 1..5),
        mut cuts in prop::collection::vec(0_i64..30 * 86_400_000, 4),
    ) {
        cuts.sort_unstable();
        let money = |minor: i64| Money::from_minor(minor, Currency::USD);
        let cuts: Vec<Timestamp> = cuts.into_iter().take(fees.len() - 1).map(millisecond).collect();
        let mut shown = fees[0];
        for (fees, cut) in fees.windows(2).zip(&cuts) {
            let change = Change::at(*cut, november(), money(fees[0]), money(fees[1])).unwrap();
            shown += change.net().unwrap().minor();
        }
        let mut edges = cuts;
        edges.insert(0, november().start());
        edges.push(november().end());
        let mut billed = 0;
        for (fee, edges) in fees.iter().zip(edges.windows(2)) {
            let share = Share::between(november(), edges[0], edges[1]);
            billed += share.of_money(money(*fee)).unwrap().minor();
        }
        prop_assert_eq!(shown, billed);
    }
}
