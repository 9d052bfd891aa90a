//! What holds of every score.

use proptest::prelude::*;

use super::*;

fn ratios() -> impl Strategy<Value = Option<Ppm>> {
    prop::option::of((0_i64..2_500_000).prop_map(Ppm))
}

fn shares() -> impl Strategy<Value = Option<Share>> {
    prop::option::of((0_u16..20, 0_u16..20).prop_map(|(part, whole)| Share { part, whole }))
}

prop_compose! {
    fn supports()(in_time in 0_u32..50, late in 0_u32..50, open_sev1 in 0_u32..4, open_sev2 in 0_u32..4, sev1_past_sla in 0_u32..2) -> Support {
        Support { in_time, answers: in_time + late, open_sev1, open_sev2, sev1_past_sla }
    }
}

prop_compose! {
    pub(super) fn inputs()(
        live: bool,
        pace in ratios(),
        trend in ratios(),
        adoption in shares(),
        quiet_days in prop::option::of(0_u32..20),
        support in prop::option::of(supports()),
        success in shares(),
        budget_used in prop::option::of((0_i64..12_000_000).prop_map(Ppm)),
        days_overdue in prop::option::of(0_u32..90),
    ) -> Inputs {
        let stage = if live { Stage::Live } else { Stage::BeforeGoLive };
        Inputs { stage, pace, trend, adoption, quiet_days, support, success, budget_used, days_overdue }
    }
}

fn not_above(a: &Health, b: &Health) -> bool {
    a.score.unwrap_or_default() <= b.score.unwrap_or_default()
}

proptest! {
    /// Bounds, coverage, caps and the sum of parts hold for whatever is known.
    #[test]
    fn a_score_is_what_its_parts_say(inputs in inputs()) {
        let health = score(&inputs);
        let known: i64 =
            health.lines.iter().filter(|l| l.points.is_some()).map(|l| l.weight.0).sum();
        let all: i64 = health.lines.iter().map(|l| l.weight.0).sum();
        prop_assert_eq!(health.score.is_some(), known > 0);
        prop_assert_eq!(health.coverage, BasisPoints((known * 20_000 + all) / (2 * all)));
        if let (Some(score), Some(uncapped)) = (health.score, health.uncapped) {
            prop_assert!(BasisPoints(0) <= score && score <= uncapped && uncapped <= BasisPoints::ONE);
            prop_assert_eq!(contributions(&health).iter().sum::<i64>(), uncapped.0);
            let limit = health.caps.iter().map(|c| c.limit()).min().unwrap_or(BasisPoints::ONE);
            prop_assert_eq!(score, uncapped.min(limit));
            // The mean of what is shown, which is rounded to millionths, is the score to a point.
            let shown: i64 = health
                .lines
                .iter()
                .filter_map(|l| l.points.map(|p| p.0 * l.weight.0))
                .sum();
            prop_assert!((shown / known - uncapped.0 * 100).abs() <= 51);
        }
    }

    /// More open incidents never raise health, nor does passing the promised hours.
    #[test]
    fn incidents_never_help(inputs in inputs(), support in supports(), sev1 in 0_u32..3, sev2 in 0_u32..3, past in 0_u32..2) {
        let worse = Support {
            open_sev1: support.open_sev1 + sev1,
            open_sev2: support.open_sev2 + sev2,
            sev1_past_sla: support.sev1_past_sla + past,
            ..support
        };
        let with = |support| score(&Inputs { support: Some(support), ..inputs });
        prop_assert!(not_above(&with(worse), &with(support)));
    }

    /// More answers in time never lower health.
    #[test]
    fn answers_in_time_never_hurt(inputs in inputs(), support in supports(), more in 0_u32..9) {
        let better =
            Support { in_time: support.in_time + more, answers: support.answers + more, ..support };
        let with = |support| score(&Inputs { support: Some(support), ..inputs });
        // The very first answer replaces "none was late", which is full points already.
        prop_assert!(not_above(&with(support), &with(better)));
    }

    /// Growth, adoption and criteria never hurt; silence, debt and a used budget never help.
    #[test]
    fn better_is_never_worse(inputs in inputs(), more in 0_i64..500_000, days in 0_u32..40, count in 0_u16..5) {
        let raise = |x: Option<Ppm>| x.map(|x| Ppm(x.0 + more));
        let later = |d: Option<u32>| d.map(|d| d + days);
        let add = |s: Option<Share>| s.map(|s| Share { part: s.part + count, ..s });
        let now = score(&inputs);
        let better = [
            Inputs { trend: raise(inputs.trend), ..inputs },
            Inputs { adoption: add(inputs.adoption), ..inputs },
            Inputs { success: add(inputs.success), ..inputs },
        ];
        let worse = [
            Inputs { quiet_days: later(inputs.quiet_days), ..inputs },
            Inputs { days_overdue: later(inputs.days_overdue), ..inputs },
            Inputs { budget_used: raise(inputs.budget_used), ..inputs },
        ];
        for better in better {
            prop_assert!(not_above(&now, &score(&better)), "{better:?}");
        }
        for worse in worse {
            prop_assert!(not_above(&score(&worse), &now), "{worse:?}");
        }
    }

    /// Doing what is advised gains what was promised (before caps), and nothing else gains more.
    #[test]
    fn the_best_change_keeps_its_promise(inputs in inputs()) {
        let now = score(&inputs);
        let full = |factor| match factor {
            Factor::Pace => Inputs { pace: Some(Ppm(500_000)), ..inputs },
            Factor::Trend => Inputs { trend: Some(LARGEST_RATIO), ..inputs },
            Factor::Adoption => Inputs { adoption: share(1, 1), ..inputs },
            Factor::Recency => Inputs { quiet_days: Some(0), ..inputs },
            Factor::Support => Inputs { support: Some(Support::default()), ..inputs },
            Factor::Success => Inputs { success: share(1, 1), ..inputs },
            Factor::Reliability => Inputs { budget_used: Some(Ppm(0)), ..inputs },
            Factor::Payment => Inputs { days_overdue: Some(0), ..inputs },
        };
        let gains = now.lines.iter().filter(|line| line.points.is_some()).map(|line| {
            score(&full(line.factor)).uncapped.unwrap().0 - now.uncapped.unwrap().0
        });
        let most = gains.max().unwrap_or(0);
        match now.best {
            None => prop_assert_eq!(most, 0),
            Some(best) => {
                prop_assert!((best.gain.0 - most).abs() <= 1);
                let then = score(&full(best.factor)).uncapped.unwrap().0 - now.uncapped.unwrap().0;
                prop_assert!((best.gain.0 - then).abs() <= 1);
            }
        }
    }
}
