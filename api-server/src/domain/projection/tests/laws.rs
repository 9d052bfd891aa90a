//! What holds of every forecast.

use proptest::prelude::*;

use super::*;

prop_compose! {
    /// Factors in quarters, from 1/4 to 7/4, with the mean 1.
    fn quarters()(moves in prop::collection::vec((0_usize..7, 0_usize..7), 0..6)) -> [i64; 7] {
        let mut quarters = [4; 7];
        for (from, to) in moves {
            if quarters[from] > 1 && quarters[to] < 7 {
                quarters[from] -= 1;
                quarters[to] += 1;
            }
        }
        quarters
    }
}

/// Figures up to 2 000 with few denominators, so that the reference's fractions fit.
fn some_days() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(0_i64..2_000, 4..16)
}

fn season(quarters: [i64; 7]) -> Season {
    Season::new(quarters.map(|q| q * 250_000_000)).unwrap()
}

proptest! {
    /// Fixed point agrees with exact fractions to a millionth of a unit.
    #[test]
    fn fixed_point_is_as_good_as_fractions(days in some_days(), quarters in quarters(), prior in prop::option::of(0_i64..2_000), length in 16_u16..32) {
        let full = quantities(&days);
        let inputs = Inputs {
            days: length,
            season: season(quarters),
            prior: prior.map(units),
            grain: Quantity::from_micros(1),
            ..june(&full)
        };
        let forecast = forecast_of(&inputs);
        let (rate, mean, variance) =
            reference::project(&days, usize::from(length), &quarters, prior);
        let close = |ours: Quantity, exact: i128| (i128::from(ours.micros()) - exact).abs() <= 1;
        prop_assert!(close(forecast.rate, rate.micros()));
        prop_assert!(close(forecast.units, mean.micros()));
        prop_assert!(close(forecast.error, variance.root_micros()));
    }

    /// Used ≤ lower edges ≤ mean ≤ upper edges, and the wider interval holds the narrower.
    #[test]
    fn intervals_hold_the_mean_and_each_other(
        days in prop::collection::vec(-300_i64..2_000, 3..30),
        today in prop::option::of((0_i64..2_000, 0_i64..1_000_000)),
        quarters in quarters(),
        prior in prop::option::of(0_i64..2_000),
    ) {
        let full = quantities(&days);
        let running = today.map(|(used, elapsed)| Running { used: units(used), elapsed: Ppm(elapsed) });
        let inputs = Inputs { days: 31, running, season: season(quarters), prior: prior.map(units), ..june(&full) };
        let Projection::Forecast(f) = project(&inputs).unwrap() else { return Ok(()) };
        let rising =
            [f.used, f.nearly_certain.low, f.likely.low, f.units, f.likely.high, f.nearly_certain.high];
        prop_assert!(rising.is_sorted(), "{rising:?}");
    }

    /// Ten times the use is ten times the forecast, its error and its intervals.
    #[test]
    fn forecasts_scale(days in some_days(), quarters in quarters(), prior in prop::option::of(0_i64..2_000)) {
        let full = quantities(&days);
        let tenfold = quantities(&days.iter().map(|day| day * 10).collect::<Vec<_>>());
        let season = season(quarters);
        let of = |full, prior: Option<i64>, grain| {
            forecast_of(&Inputs { season, prior: prior.map(units), grain: Quantity::from_micros(grain), ..june(full) })
        };
        let (one, ten) = (of(&full, prior, 10), of(&tenfold, prior.map(|p| p * 10), 100));
        let pairs = [
            (one.units, ten.units),
            (one.linear, ten.linear),
            (one.likely.low, ten.likely.low),
            (one.nearly_certain.high, ten.nearly_certain.high),
        ];
        for (one, ten) in pairs {
            prop_assert!((one.micros() * 10 - ten.micros()).abs() <= 100);
        }
    }

    /// When every day keeps to the season, nothing is uncertain and the forecast is the season's.
    #[test]
    fn a_perfect_season_is_foreseen(quarters in quarters(), base in 1_i64..1_000, seen in 3_usize..30) {
        let day = |index: usize| units(base * quarters[index % 7]);
        let month: Vec<Quantity> = (0..30).map(day).collect();
        let forecast = forecast_of(&Inputs { season: season(quarters), ..june(&month[..seen]) });
        let all: i64 = month.iter().map(|day| day.micros()).sum();
        prop_assert_eq!(forecast.units.micros(), all);
        prop_assert_eq!(forecast.error, Quantity::ZERO);
    }

    /// A larger quota never runs out earlier, and the mean is below a quota that never does.
    #[test]
    fn larger_quotas_last_longer(days in some_days(), quarters in quarters(), quota in 1_i64..60_000, more in 0_i64..9_000) {
        let full = quantities(&days);
        let of = |quota| forecast_of(&Inputs { season: season(quarters), quota: Some(units(quota)), grain: Quantity::from_micros(1), ..june(&full) });
        let (small, large) = (of(quota), of(quota + more));
        let last = |day: Option<Date>| day.unwrap_or(Date::MAX);
        prop_assert!(last(small.exhausted_on) <= last(large.exhausted_on));
        if small.exhausted_on.is_none() {
            prop_assert!(small.units <= units(quota));
        } else {
            prop_assert!(small.units.micros() + 1 >= units(quota).micros());
        }
    }

    /// More use on any day never lowers the forecast.
    #[test]
    fn more_use_forecasts_more(days in some_days(), quarters in quarters(), at in 0_usize..4, more in 0_i64..500) {
        let full = quantities(&days);
        let mut raised = full.clone();
        raised[at] = units(days[at] + more);
        let of = |full: &[Quantity]| forecast_of(&Inputs { season: season(quarters), ..june(full) }).units;
        prop_assert!(of(&full) <= of(&raised));
    }
}
