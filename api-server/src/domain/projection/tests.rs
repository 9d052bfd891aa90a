use jiff::civil::date;

use super::*;
use crate::domain::{Money, UnitPrice, money};

mod laws;
mod reference;

const JUNE: Date = date(2026, 6, 1);
const WORKED: [i64; 10] = [1_200, 1_180, 1_220, 1_210, 1_190, 400, 380, 1_230, 1_200, 1_210];

fn units(n: i64) -> Quantity {
    Quantity::from_units(n).unwrap()
}

fn quantities(days: &[i64]) -> Vec<Quantity> {
    days.iter().map(|&n| units(n)).collect()
}

/// Weekdays 1.225, weekends 0.4375.
fn working_week() -> Season {
    let (weekday, weekend) = (1_225_000_000, 437_500_000);
    Season::new([weekday, weekday, weekday, weekday, weekday, weekend, weekend]).unwrap()
}

fn june(full: &[Quantity]) -> Inputs<'_> {
    Inputs {
        first_day: JUNE,
        days: 30,
        full,
        running: None,
        apart: Quantity::ZERO,
        season: working_week(),
        prior: None,
        quota: None,
        grain: grain(Meter::Agents),
    }
}

fn forecast_of(inputs: &Inputs<'_>) -> Forecast {
    match project(inputs).unwrap() {
        Projection::Forecast(forecast) => forecast,
        Projection::TooEarly => panic!("too early"),
    }
}

/// A figure with so many digits after the point.
fn shown(figure: Quantity, places: u32) -> String {
    let scale = 10_i128.pow(6 - places);
    let rounded = div_round(i128::from(figure.micros()), scale).unwrap();
    crate::domain::decimal::format(rounded as i64, places, places as usize)
}

#[test]
fn what_happened_on_no_day_of_the_period_is_used_and_tells_nothing_of_the_days() {
    let full = quantities(&WORKED);
    let plain = forecast_of(&june(&full));
    let late = forecast_of(&Inputs { apart: units(700), ..june(&full) });
    let more = |figure: Quantity| figure.checked_add(units(700)).unwrap();
    assert_eq!((late.used, late.units), (more(plain.used), more(plain.units)));
    assert_eq!((late.linear, late.likely.high), (more(plain.linear), more(plain.likely.high)));
    assert_eq!((late.rate, late.deviation, late.error), (plain.rate, plain.deviation, plain.error));
    let on = |apart, quota| {
        let quota = Some(units(quota));
        forecast_of(&Inputs { apart: units(apart), quota, ..june(&full) }).exhausted_on
    };
    // 700 apart and 1 200 on the first day; 700 apart alone are used up on that day as well.
    assert_eq!(on(700, 1_900), Some(date(2026, 6, 1)));
    assert_eq!(on(700, 1_901), Some(date(2026, 6, 2)));
    assert_eq!(on(700, 600), Some(date(2026, 6, 1)));
    assert_eq!((on(0, 25_000), on(700, 25_700)), (on(700, 25_700), on(0, 25_000)));
}

#[test]
fn ten_days_of_june() {
    let full = quantities(&WORKED);
    let forecast = forecast_of(&june(&full));
    assert_eq!(forecast.used, units(10_420));
    assert_eq!(forecast.linear, units(31_260));
    assert_eq!(shown(forecast.rate, 2), "965.22");
    assert_eq!(shown(forecast.deviation, 2), "41.98");
    assert_eq!(shown(forecast.error, 1), "328.6");
    assert_eq!(forecast.units, units(29_507));
    assert_eq!(forecast.likely, Interval { low: units(29_086), high: units(29_928) });
    assert_eq!(forecast.nearly_certain, Interval { low: units(28_863), high: units(30_151) });
    assert_eq!(forecast.linear.checked_sub(forecast.units), Some(units(1_753)));
}

#[test]
fn the_remaining_days_weigh_19_775() {
    let full = quantities(&WORKED);
    let estimate = estimate::of(&june(&full)).unwrap().unwrap();
    assert_eq!(estimate.remaining.len(), 20);
    let ahead: i128 = estimate.remaining.iter().sum();
    let (rate, total) = (estimate.rate, 19_775_i128);
    assert!((ahead * 1_000 - rate * total).abs() <= 20 * 1_000, "r × F to the last digit");
}

#[test]
fn last_periods_rate_draws_the_forecast_towards_it() {
    let full = quantities(&WORKED);
    let forecast = forecast_of(&Inputs { prior: Some(units(900)), ..june(&full) });
    assert_eq!(shown(forecast.rate, 2), "950.17");
    assert_eq!(forecast.units, units(29_210));
}

#[test]
fn the_quota_runs_out_on_day_25() {
    let full = quantities(&WORKED);
    let on = |quota| forecast_of(&Inputs { quota, ..june(&full) }).exhausted_on;
    assert_eq!(on(Some(units(25_000))), Some(date(2026, 6, 25)));
    assert_eq!(on(Some(units(29_507))), Some(date(2026, 6, 30)));
    assert_eq!(on(Some(units(29_508))), None);
    assert_eq!(on(None), None);
    assert_eq!(on(Some(Quantity::ZERO)), None);
}

#[test]
fn a_quota_that_has_run_out_names_the_day_when_it_did() {
    let full = quantities(&WORKED);
    let on = |quota| forecast_of(&Inputs { quota: Some(units(quota)), ..june(&full) }).exhausted_on;
    assert_eq!(on(1_200), Some(JUNE));
    assert_eq!(on(1_201), Some(date(2026, 6, 2)));
    assert_eq!(on(10_420), Some(date(2026, 6, 10)));
    assert_eq!(on(10_421), Some(date(2026, 6, 11)));
    let running = Some(Running { used: units(580), elapsed: Ppm(500_000) });
    let inputs = Inputs { quota: Some(units(11_000)), running, ..june(&full) };
    assert_eq!(forecast_of(&inputs).exhausted_on, Some(date(2026, 6, 11)));
}

#[test]
fn overage_is_rated_from_the_figure_that_is_shown() {
    let full = quantities(&WORKED);
    let price: UnitPrice = "0.05".parse().unwrap();
    let rate = |used: Quantity| -> Result<Money, ()> {
        let over = used.checked_sub(units(25_000)).unwrap().max(Quantity::ZERO);
        Ok(money::round_to_money(price.times(over), money::Currency::USD).unwrap())
    };
    let cost = forecast_of(&june(&full)).cost(&rate).unwrap();
    assert_eq!(cost.units.amount(), "225.35");
    assert_eq!([cost.likely.0.amount(), cost.likely.1.amount()], ["204.30", "246.40"]);
    let edges = [cost.nearly_certain.0.amount(), cost.nearly_certain.1.amount()];
    assert_eq!(edges, ["193.15", "257.55"]);
}

/// 390,000, 400,000 and 410,000 units at 0.010 each up to 400,000 and 0.008 each beyond.
#[test]
fn the_cost_of_the_mean_is_within_also_where_more_use_costs_less() {
    let at = |n: i64| Interval { low: units(400_000 - n), high: units(400_000 + n) };
    let forecast = Forecast {
        units: units(400_000),
        likely: at(10_000),
        nearly_certain: at(15_000),
        ..forecast_of(&june(&quantities(&WORKED)))
    };
    let rate = |used: Quantity| -> Result<Money, ()> {
        let each = if used > units(400_000) { "0.008" } else { "0.010" };
        let exact = each.parse::<UnitPrice>().unwrap().times(used);
        Ok(money::round_to_money(exact, money::Currency::USD).unwrap())
    };
    let cost = forecast.cost(&rate).unwrap();
    assert_eq!(cost.units.amount(), "4000.00");
    let shown = |(low, high): (Money, Money)| [low.amount(), high.amount()];
    assert_eq!(shown(cost.likely), ["3280.00", "4000.00"]);
    // 385,000 cost 3,850.00 and 415,000 cost 3,320.00: the wider interval holds the narrower one.
    assert_eq!(shown(cost.nearly_certain), ["3280.00", "4000.00"]);
}

#[test]
fn a_price_that_cannot_be_told_is_an_error() {
    let full = quantities(&WORKED);
    let forecast = forecast_of(&june(&full));
    let rate = |used: Quantity| {
        if used > units(30_000) { Err("too much") } else { Ok(Money::zero(money::Currency::USD)) }
    };
    assert_eq!(forecast.cost(&rate), Err("too much"));
}

#[test]
fn it_is_too_early_before_three_full_days() {
    let full = quantities(&WORKED);
    let days = |n: usize, running| project(&Inputs { running, ..june(&full[..n]) }).unwrap();
    let evening = Some(Running { used: units(1_000), elapsed: Ppm(999_999) });
    assert_eq!(days(0, None), Projection::TooEarly);
    assert_eq!(days(2, evening), Projection::TooEarly);
    assert!(matches!(days(3, None), Projection::Forecast(_)));
}

#[test]
fn it_is_too_early_before_a_tenth_of_the_period() {
    let full = quantities(&WORKED);
    let of = |days, running| {
        project(&Inputs { days, running, season: Season::LEVEL, ..june(&full) }).unwrap()
    };
    assert!(matches!(of(100, None), Projection::Forecast(_)));
    assert_eq!(of(101, None), Projection::TooEarly);
    let running = Some(Running { used: units(1), elapsed: Ppm(100_000) });
    assert!(matches!(of(101, running), Projection::Forecast(_)));
}

#[test]
fn the_running_day_counts_as_far_as_it_has_passed() {
    let full = quantities(&[100, 100, 100, 100]);
    let level = Inputs { days: 10, season: Season::LEVEL, ..june(&full) };
    let half = |used| Some(Running { used: units(used), elapsed: Ppm(500_000) });
    let forecast = forecast_of(&Inputs { running: half(50), ..level });
    assert_eq!((forecast.rate, forecast.units), (units(100), units(1_000)));
    assert_eq!((forecast.error, forecast.linear), (Quantity::ZERO, units(1_000)));
    // 500 in 4.5 days, 5.5 to come.
    let forecast = forecast_of(&Inputs { running: half(100), ..level });
    assert_eq!(shown(forecast.rate, 3), "111.111");
    assert_eq!(forecast.units, units(1_111));
}

#[test]
fn the_rest_of_the_running_day_is_uncertain_for_its_share() {
    let full = quantities(&[90, 110, 90, 110]);
    let running = Some(Running { used: units(25), elapsed: Ppm(250_000) });
    let inputs = Inputs { days: 5, running, season: Season::LEVEL, ..june(&full) };
    let forecast = forecast_of(&inputs);
    // s² = 400 ÷ 3; se² = s² × (0.75 + 0.75² ÷ 4.25).
    assert_eq!((forecast.units, shown(forecast.error, 6).as_str()), (units(500), "10.846523"));
}

#[test]
fn at_the_end_the_forecast_is_what_was_used() {
    let full = quantities(&WORKED);
    let forecast = forecast_of(&Inputs { days: 10, ..june(&full) });
    let used = units(10_420);
    assert_eq!((forecast.units, forecast.linear, forecast.error), (used, used, Quantity::ZERO));
    assert_eq!(forecast.likely, Interval { low: used, high: used });
}

#[test]
fn no_edge_is_below_what_is_used() {
    let full = quantities(&[0, 3_000, 0, 2_500, 0, 900]);
    let forecast = forecast_of(&Inputs { days: 7, season: Season::LEVEL, ..june(&full) });
    assert_eq!(forecast.nearly_certain.low, units(6_400));
    assert!(forecast.nearly_certain.high > forecast.units);
    let shrinking = quantities(&[500, -100, -700, -200]);
    let forecast = forecast_of(&Inputs { season: Season::LEVEL, ..june(&shrinking) });
    assert_eq!((forecast.used, forecast.rate), (units(-500), Quantity::ZERO));
    assert_eq!(forecast.units, units(-500));
}

#[test]
fn days_of_rest_say_nothing_of_the_rate() {
    let day = 1_400_000_000;
    let season = Season::new([day, day, day, day, day, 0, 0]).unwrap();
    let full = quantities(&[140, 140, 140, 140, 140, 0, 7]);
    let forecast = forecast_of(&Inputs { season, ..june(&full) });
    assert_eq!((forecast.rate, forecast.error), (units(100), Quantity::ZERO));
    // June 2026 has 22 working days.
    assert_eq!(forecast.units, units(22 * 140 + 7));
    // A period that begins with a weekend has to wait for its third working day.
    let weekend = quantities(&[0, 0, 140, 140]);
    let saturday = Inputs { first_day: date(2026, 8, 1), season, ..june(&weekend) };
    assert_eq!(project(&saturday), Ok(Projection::TooEarly));
    // A factor of a twentieth tells, less does not.
    let edge = |friday| {
        let thursday = 7_000_000_000 - friday;
        let season = Season::new([0, 0, 0, thursday, friday, 0, 0]).unwrap();
        let full = quantities(&[0, 0, 0, 10, 2, 0, 0, 0, 0, 0, 10]);
        project(&Inputs { season, ..june(&full) }).unwrap()
    };
    assert!(matches!(edge(50_000_000), Projection::Forecast(_)));
    assert_eq!(edge(49_999_999), Projection::TooEarly);
}

#[test]
fn fractions_of_a_gigabyte_are_kept_to_a_thousandth() {
    let full: Vec<Quantity> = vec!["0.4004".parse().unwrap(); 10];
    let inputs = Inputs { season: Season::LEVEL, grain: grain(Meter::Ingestion), ..june(&full) };
    let forecast = forecast_of(&inputs);
    assert_eq!(forecast.units, "12.012".parse().unwrap());
    let whole = forecast_of(&Inputs { grain: grain(Meter::Query), ..inputs });
    assert_eq!(whole.units, units(12));
    assert_eq!(whole.used, "4.004".parse().unwrap());
}

#[test]
fn inputs_that_contradict_each_other_are_refused() {
    let full = quantities(&WORKED);
    let good = june(&full);
    let running = |ppm| Some(Running { used: units(1), elapsed: Ppm(ppm) });
    let cases = [
        (Inputs { days: 9, ..good }, ProjectionError::Days),
        (Inputs { days: 10, running: running(0), ..good }, ProjectionError::Days),
        (Inputs { days: 0, full: &[], ..good }, ProjectionError::Days),
        (Inputs { running: running(-1), ..good }, ProjectionError::Elapsed),
        (Inputs { running: running(1_000_000), ..good }, ProjectionError::Elapsed),
        (Inputs { grain: Quantity::ZERO, ..good }, ProjectionError::Grain),
        (
            Inputs { first_day: Date::MAX, quota: Some(units(11_000)), ..good },
            ProjectionError::Overflow,
        ),
    ];
    for (inputs, want) in cases {
        assert_eq!(project(&inputs), Err(want), "{inputs:?}");
    }
}

#[test]
fn the_largest_quantities_are_an_error_and_never_wrong() {
    let most = Quantity::from_micros(i64::MAX);
    let full = [most, Quantity::ZERO, most, Quantity::ZERO];
    let inputs = Inputs { season: Season::LEVEL, ..june(&full) };
    assert_eq!(project(&inputs), Err(ProjectionError::Overflow));
    // A billion billion millionths a day still works, to every digit.
    let large = Quantity::from_micros(100_000_000_000_000_000);
    let full = [large, Quantity::ZERO, large, Quantity::ZERO];
    let forecast = forecast_of(&Inputs { days: 5, season: Season::LEVEL, ..june(&full) });
    assert_eq!(forecast.units.micros(), 250_000_000_000_000_000);
    // s² = 4 × (0.5e17)² ÷ 3; se² = s² × (1 + 1/4).
    assert_eq!(forecast.deviation.micros(), 57_735_026_918_962_576);
    assert_eq!(forecast.error.micros() / 100_000_000, 645_497_224);
}

#[test]
fn eight_past_weeks_make_the_factors() {
    let week = [1_225, 1_225, 1_225, 1_225, 1_225, 437, 438];
    let history = quantities(&week.repeat(8));
    let season = Season::from_history(date(2026, 4, 6), &history);
    let friday_and_weekend = [4, 5, 6].map(|day| season.of(JUNE, day));
    assert_eq!(friday_and_weekend, [1_225_000_000, 437_000_000, 438_000_000]);
    // Begun on a Thursday, the same days fall on other weekdays.
    let shifted = Season::from_history(date(2026, 4, 9), &history);
    assert_eq!(shifted.of(date(2026, 6, 4), 5), 437_000_000);
}

#[test]
fn only_the_last_eight_whole_weeks_count() {
    let week = [140, 140, 140, 140, 140, 0, 0];
    let mut history = quantities(&[9_000; 3]);
    history.extend(quantities(&week.repeat(8)));
    // The three old days are a Friday, Saturday and Sunday.
    let season = Season::from_history(date(2026, 4, 3), &history);
    assert_eq!([0, 4, 5].map(|day| season.of(JUNE, day)), [1_400_000_000, 1_400_000_000, 0]);
}

#[test]
fn without_three_weeks_or_use_all_days_are_alike() {
    let week = [140, 140, 140, 140, 140, 0, 0];
    let from = |days: &[i64]| Season::from_history(JUNE, &quantities(days));
    assert_eq!(from(&week.repeat(3)[..20]), Season::LEVEL);
    assert_ne!(from(&week.repeat(3)), Season::LEVEL);
    assert_eq!(from(&[0; 56]), Season::LEVEL);
    assert_eq!(from(&[-1; 56]), Season::LEVEL);
    assert_eq!(from(&[]), Season::LEVEL);
}

#[test]
fn factors_have_the_mean_one() {
    assert_eq!(Season::new([1_000_000_000; 7]), Some(Season::LEVEL));
    assert_eq!(Season::new([1_000_000_001; 7]), None);
    assert_eq!(
        Season::new([
            -1,
            2_000_000_001,
            1_000_000_000,
            1_000_000_000,
            1_000_000_000,
            1_000_000_000,
            1_000_000_000
        ]),
        None
    );
    assert_eq!(Season::new([i64::MAX; 7]), None);
    // Thirds do not divide: the parts still sum to seven.
    let thirds = Season::from_history(JUNE, &quantities(&[1, 1, 1, 0, 0, 0, 0].repeat(3)));
    assert_eq!((0..7).map(|day| thirds.of(JUNE, day)).sum::<i128>(), 7_000_000_000);
}

/// Tests before work begins are no weeks of work: by them alone every other day would be one of rest.
#[test]
fn a_few_events_of_before_make_no_weekdays() {
    let mut before = vec![Quantity::ZERO; 56];
    before[50] = units(1);
    before[51] = units(1);
    let first = JUNE.checked_sub(SignedDuration::from_hours(24 * 56)).unwrap();
    assert_eq!(Season::from_history(first, &before), Season::LEVEL);
    // Three weeks with use do.
    for week in [0, 3] {
        before[week * 7 + 1] = units(1);
    }
    assert_ne!(Season::from_history(first, &before), Season::LEVEL);
}

#[test]
fn days_of_rest_on_which_much_is_used_are_none() {
    let tuesdays = Season::new([0, 7_000_000_000, 0, 0, 0, 0, 0]).unwrap();
    let full = quantities(&[1_000; 15]);
    let forecast = forecast_of(&Inputs { season: tuesdays, ..june(&full) });
    assert_eq!((forecast.rate, forecast.units), (units(1_000), units(30_000)));
    // One worked Saturday among many working days changes nothing.
    let day = 1_400_000_000;
    let season = Season::new([day, day, day, day, day, 0, 0]).unwrap();
    let full = quantities(&[140, 140, 140, 140, 140, 140, 0]);
    let forecast = forecast_of(&Inputs { season, ..june(&full) });
    assert_eq!(forecast.rate, units(100));
}
