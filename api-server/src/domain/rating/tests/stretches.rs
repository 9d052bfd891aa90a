//! Several plans in one period.

use jiff::Timestamp;

use super::*;
use crate::domain::calendar::Period;

fn november() -> Period {
    let edge = |text: &str| text.parse::<Timestamp>().unwrap();
    Period::from_edges(edge("2026-11-01T00:00:00Z"), edge("2026-12-01T00:00:00Z")).unwrap()
}

/// The part of November from the start of one day up to the start of another.
fn days(from: i64, to: i64) -> Share {
    let at = |days: i64| {
        november().start().checked_add(jiff::SignedDuration::from_hours(24 * days)).unwrap()
    };
    Share::between(november(), at(from), at(to))
}

#[test]
fn base_fees_are_for_the_days_of_their_plans() {
    let (small, large) = (terms("50.00", flat("0", "0")), terms("100.00", flat("0", "0")));
    let usage = Usage::new();
    let statement = rate(&[
        Stretch { terms: &small, share: days(0, 10), usage: &usage },
        Stretch { terms: &large, share: days(10, 30), usage: &usage },
    ])
    .unwrap();
    let amounts: Vec<_> = statement.base.iter().map(|l| (l.stretch, l.full, l.amount)).collect();
    let want = [(0, usd("50.00"), usd("16.67")), (1, usd("100.00"), usd("66.67"))];
    assert_eq!(amounts, want);
    // 50.00 and the 33.34 that the upgrade was said to cost.
    assert_eq!(statement.total, usd("83.34"));
}

/// Ten days on Starter, twenty on Team, with so many runs in each; the agents lines.
fn upgraded(first: &str, second: &str) -> Statement {
    let (starter, team) = (starter(), team());
    rate(&[
        Stretch { terms: &starter, share: days(0, 10), usage: &runs(first) },
        Stretch { terms: &team, share: days(10, 30), usage: &runs(second) },
    ])
    .unwrap()
}

#[test]
fn the_included_units_of_a_mixed_period_are_each_plans_for_its_days() {
    let (starter, team, usage) = (starter(), team(), Usage::new());
    let mixed = [
        Stretch { terms: &starter, share: days(0, 10), usage: &usage },
        Stretch { terms: &team, share: days(10, 30), usage: &usage },
    ];
    // 10 000 × 10/30 + 40 000 × 20/30.
    assert_eq!(included(&mixed, Meter::Agents), Ok(units("30000")));
    assert_eq!(included(&mixed, Meter::Query), Ok(Quantity::ZERO));
    assert_eq!(included(&mixed[..1], Meter::Agents), Ok(units("3333.333333")));
}

#[test]
fn an_upgrade_does_not_make_overage_of_what_was_included() {
    let statement = upgraded("10000", "20000");
    assert_eq!(statement.lines[0].included, units("30000"));
    assert_eq!(statement.lines[1].included, units("20000"));
    assert!(statement.lines.iter().all(|line| line.amount == usd("0.00")));
}

#[test]
fn overage_is_charged_by_the_plan_under_which_it_was_used() {
    let statement = upgraded("10000", "20100");
    assert_eq!(statement.lines[1].billable, units("100"));
    assert_eq!(statement.lines[1].amount, usd("3.00"));
    let statement = upgraded("30100", "100");
    let amounts: Vec<_> = statement.lines.iter().map(|l| (l.stretch, l.amount.amount())).collect();
    assert_eq!(amounts, [(0, "5.00".to_owned()), (1, "3.00".to_owned())]);
}

#[test]
fn an_upgrade_at_the_last_moment_does_not_make_overage_cheaper() {
    let (starter, scale) = (starter(), scale());
    let end = november().end();
    let change = end.checked_sub(jiff::SignedDuration::from_millis(1)).unwrap();
    let first = Share::between(november(), november().start(), change);
    let last = Share::between(november(), change, end);
    let statement = rate(&[
        Stretch { terms: &starter, share: first, usage: &runs("110000") },
        Stretch { terms: &scale, share: last, usage: &Usage::new() },
    ])
    .unwrap();
    assert_eq!(statement.total, starter.rate(&runs("110000")).unwrap().total);
}

/// Half of a month each on Starter and Team, of which 25,000 runs are included: the agents lines.
fn corrected(first: &str, second: &str, below: BelowZero) -> Vec<Line> {
    let (starter, team) = (starter(), team());
    let bill = rate_with(
        &[
            Stretch { terms: &starter, share: days(0, 15), usage: &runs(first) },
            Stretch { terms: &team, share: days(15, 30), usage: &runs(second) },
        ],
        below,
    );
    bill.unwrap().lines
}

#[test]
fn usage_below_zero_in_one_stretch_is_taken_off_the_next() {
    // 2,000 were used on Starter, and 5,000 of an earlier month taken back.
    let lines = corrected("-3000", "30000", BelowZero::Carried);
    assert_eq!((lines[0].quantity, lines[0].amount), (units("-3000"), usd("0.00")));
    assert_eq!((lines[1].included, lines[1].billable), (units("28000"), units("2000")));
    // As if 27,000 had been used at once: (27,000 - 25,000) x 0.03.
    assert_eq!(lines[1].amount, usd("60.00"));
    // Exactly none of it is left over, one run is, and more was taken back than was used.
    for (second, billable) in [("28000", "0"), ("28001", "1"), ("10", "0")] {
        let lines = corrected("-3000", second, BelowZero::Carried);
        assert_eq!(lines[1].billable, units(billable), "{second}");
    }
}

#[test]
fn by_the_first_formula_usage_below_zero_gives_no_more_to_the_next() {
    let lines = corrected("-3000", "30000", BelowZero::Lost);
    assert_eq!((lines[1].included, lines[1].billable), (units("25000"), units("5000")));
    assert_eq!(lines[1].amount, usd("150.00"));
}

#[test]
fn what_corrections_took_back_is_worth_something_as_far_as_lines_are_less() {
    let of = |first: &str, second: &str, back: &str, below| {
        let lines = corrected(first, second, below);
        without_worth(&lines.iter().collect::<Vec<_>>(), units(back), below)
    };
    let (lost, carried) = (BelowZero::Lost, BelowZero::Carried);
    // Of 25,000 that are included: 32,000 would have been used without the 5,000 taken back.
    assert_eq!(of("-3000", "30000", "5000", carried), Some(Quantity::ZERO));
    assert_eq!(of("-3000", "30000", "5000", lost), Some(units("3000")));
    // 26,000 without them: 1,000 would have been charged, 4,000 are within what is included.
    assert_eq!(of("11000", "10000", "5000", carried), Some(units("4000")));
    assert_eq!(of("3000", "0", "5000", carried), Some(units("5000")));
    assert_eq!(of("26000", "0", "5000", carried), Some(Quantity::ZERO));
    assert_eq!(of("0", "0", "0", carried), Some(Quantity::ZERO));
}

#[test]
fn what_does_not_fit_below_zero_is_an_error() {
    let team = team();
    let least = Usage::from([(Meter::Agents, Quantity::from_micros(i64::MIN))]);
    let some = runs("1");
    let stretch = |usage| Stretch { terms: &team, share: Share::WHOLE, usage };
    let result = rate(&[stretch(&least), stretch(&some)]);
    assert_eq!(result, Err(RatingError::Overflow(Meter::Agents)));
    assert!(rate_with(&[stretch(&least), stretch(&some)], BelowZero::Lost).is_ok());
}

#[test]
fn minimum_and_maximum_are_for_the_share_of_the_period() {
    let bounded =
        Charge { minimum: Some(usd("30.00")), maximum: Some(usd("60.00")), ..flat("0", "1.00") };
    let (plan, other) = (terms("0.00", bounded), terms("0.00", flat("0", "0")));
    for (used, want) in [("9", "10.00"), ("15", "15.00"), ("21", "20.00")] {
        let statement = rate(&[
            Stretch { terms: &plan, share: days(0, 10), usage: &runs(used) },
            Stretch { terms: &other, share: days(10, 30), usage: &runs("5") },
        ])
        .unwrap();
        assert_eq!(statement.lines[0].amount, usd(want), "{used}");
        assert_eq!(statement.total, usd(want), "{used}");
    }
}

#[test]
fn a_plan_from_mid_period_has_the_rest_of_fee_and_units() {
    let (team, usage) = (team(), runs("10001"));
    let rest = [Stretch { terms: &team, share: days(22, 30), usage: &usage }];
    let statement = rate(&rest).unwrap();
    assert_eq!(statement.base[0].amount, usd("239.73"));
    assert_eq!(statement.lines[0].included, units("10666.666667"));
}

#[test]
fn plans_of_two_currencies_make_no_bill() {
    let team = team();
    let mut euro = starter();
    euro.currency = Currency::EUR;
    let usage = Usage::new();
    let result = rate(&[
        Stretch { terms: &team, share: days(0, 10), usage: &usage },
        Stretch { terms: &euro, share: days(10, 30), usage: &usage },
    ]);
    assert_eq!(result, Err(RatingError::Currencies(Currency::USD, Currency::EUR)));
    assert_eq!(result.unwrap_err().to_string(), "a bill in USD cannot have charges in EUR");
}

#[test]
fn no_plan_makes_no_bill() {
    assert_eq!(rate(&[]), Err(RatingError::NoPlan));
}
