use super::*;

mod laws;
mod remedies;

fn ppm(text: &str) -> Ppm {
    let micros: Quantity = text.parse().unwrap();
    Ppm(micros.micros())
}

fn share(part: u16, whole: u16) -> Option<Share> {
    Some(Share { part, whole })
}

/// Everything at full points.
fn perfect() -> Inputs {
    Inputs {
        stage: Stage::Live,
        pace: Some(ppm("0.84")),
        trend: Some(ppm("1.2")),
        adoption: share(5, 5),
        quiet_days: Some(0),
        support: Some(Support::default()),
        success: share(4, 4),
        budget_used: Some(ppm("0.5")),
        days_overdue: Some(0),
    }
}

fn case_a() -> Inputs {
    Inputs {
        trend: Some(ppm("1.04")),
        adoption: share(4, 5),
        quiet_days: Some(1),
        success: share(3, 4),
        ..perfect()
    }
}

fn case_b() -> Inputs {
    Inputs {
        pace: Some(ppm("0.3")),
        trend: Some(ppm("0.8")),
        adoption: share(2, 5),
        quiet_days: Some(3),
        support: Some(Support { in_time: 9, answers: 10, open_sev2: 1, ..Support::default() }),
        success: share(1, 3),
        ..perfect()
    }
}

fn case_c() -> Inputs {
    let support =
        Support { in_time: 8, answers: 10, open_sev1: 1, sev1_past_sla: 1, ..Support::default() };
    Inputs { support: Some(support), success: None, ..perfect() }
}

fn points(inputs: &Inputs, factor: Factor) -> Option<Ppm> {
    score(inputs).lines.iter().find(|line| line.factor == factor).and_then(|line| line.points)
}

fn contributions(health: &Health) -> Vec<i64> {
    health.lines.iter().filter_map(|line| line.contribution).map(|part| part.0).collect()
}

#[test]
fn a_customer_who_does_well() {
    let health = score(&case_a());
    assert_eq!(health.score, Some(BasisPoints(9_270)));
    assert_eq!(health.coverage, BasisPoints::ONE);
    assert_eq!(contributions(&health), [2_500, 1_320, 1_200, 1_000, 1_500, 750, 500, 500]);
    assert_eq!(points(&case_a(), Factor::Trend), Some(ppm("0.88")));
    assert_eq!(Watch::default().observe(&health), (Watch::default(), Standing::Healthy));
}

#[test]
fn a_customer_in_trouble_is_rounded_once() {
    let health = score(&case_b());
    // 6 274.487.
    assert_eq!(health.score, Some(BasisPoints(6_274)));
    assert_eq!(contributions(&health), [1_500, 720, 600, 846, 1_275, 333, 500, 500]);
    assert_eq!(points(&case_b(), Factor::Recency), Some(ppm("0.846154")));
    assert_eq!(points(&case_b(), Factor::Support), Some(ppm("0.85")));
    assert_eq!(Watch::default().observe(&health).1, Standing::Flagged);
}

#[test]
fn parts_are_not_rounded_before_they_are_summed() {
    // … + 214.286 + 846.154 + 333.333 + … = 5 888.77: each part alone would be rounded down.
    let sevenths = Inputs { adoption: share(1, 7), ..case_b() };
    assert_eq!(score(&sevenths).score, Some(BasisPoints(5_889)));
    assert_eq!(contributions(&score(&sevenths)), [1_500, 720, 214, 846, 1_275, 334, 500, 500]);
    // 250 of a known weight of 8 000 is 312.5: a half is rounded up.
    let half = Inputs {
        days_overdue: Some(1),
        pace: Some(Ppm(0)),
        trend: Some(Ppm(0)),
        adoption: share(0, 1),
        success: share(0, 1),
        quiet_days: Some(14),
        ..Inputs::unknown(Stage::Live)
    };
    assert_eq!(score(&half).uncapped, Some(BasisPoints(313)));
}

#[test]
fn an_unknown_factor_lowers_coverage_and_a_late_incident_caps() {
    let health = score(&case_c());
    assert_eq!(health.uncapped, Some(BasisPoints(9_417)));
    assert_eq!(health.coverage, BasisPoints(9_000));
    assert_eq!(health.caps, [Cap::Sev1PastSla]);
    assert_eq!(health.score, Some(BasisPoints(7_400)));
    assert_eq!(Watch::default().observe(&health).1, Standing::Flagged);
    let success = health.lines.iter().find(|line| line.factor == Factor::Success).unwrap();
    assert_eq!((&success.input, success.points, success.contribution), (&None, None, None));
    assert_eq!(contributions(&health).iter().sum::<i64>(), 9_417);
}

#[test]
fn pace_is_best_between_half_and_the_hard_level() {
    let cases = [
        ("-1", "0"),
        ("0", "0"),
        ("0.05", "0.1"),
        ("0.1", "0.2"),
        ("0.3", "0.6"),
        ("0.499999", "0.999998"),
        ("0.5", "1"),
        ("0.84", "1"),
        ("0.95", "1"),
        ("1", "0.92"),
        ("1.2", "0.6"),
        ("1.35", "0.5"),
        ("1.5", "0.4"),
        ("1000", "0.4"),
    ];
    for (pace, want) in cases {
        let inputs = Inputs { pace: Some(ppm(pace)), ..perfect() };
        assert_eq!(points(&inputs, Factor::Pace), Some(ppm(want)), "{pace}");
    }
}

#[test]
fn trend_rewards_growth() {
    let cases = [
        ("0", "0"),
        ("0.5", "0"),
        ("0.8", "0.48"),
        ("1", "0.8"),
        ("1.04", "0.88"),
        ("1.1", "1"),
        ("9", "1"),
    ];
    for (trend, want) in cases {
        let inputs = Inputs { trend: Some(ppm(trend)), ..perfect() };
        assert_eq!(points(&inputs, Factor::Trend), Some(ppm(want)), "{trend}");
    }
}

#[test]
fn recency_fades_over_a_fortnight() {
    let cases = [(0, "1"), (1, "1"), (3, "0.846154"), (13, "0.076923"), (14, "0"), (u32::MAX, "0")];
    for (quiet, want) in cases {
        let inputs = Inputs { quiet_days: Some(quiet), ..perfect() };
        assert_eq!(points(&inputs, Factor::Recency), Some(ppm(want)), "{quiet}");
    }
}

#[test]
fn support_loses_by_late_answers_and_open_incidents() {
    let cases = [
        ((0, 0, 0, 0), "1"),
        ((0, 0, 1, 1), "0.8"),
        ((10, 10, 0, 0), "1"),
        ((9, 10, 0, 1), "0.85"),
        ((8, 10, 1, 0), "0.65"),
        ((1, 3, 0, 0), "0.333333"),
        ((0, 10, 0, 0), "0"),
        ((10, 10, 7, 0), "0"),
        ((12, 10, 0, 0), "1"),
        ((10, 10, u32::MAX, u32::MAX), "0"),
    ];
    for ((in_time, answers, open_sev1, open_sev2), want) in cases {
        let support = Support { in_time, answers, open_sev1, open_sev2, sev1_past_sla: 0 };
        let inputs = Inputs { support: Some(support), ..perfect() };
        assert_eq!(points(&inputs, Factor::Support), Some(ppm(want)), "{support:?}");
    }
}

#[test]
fn shares_of_nothing_are_unknown_and_never_more_than_all() {
    for (given, want) in [
        (share(0, 0), None),
        (share(3, 0), None),
        (share(0, 3), Some("0")),
        (share(3, 4), Some("0.75")),
        (share(9, 4), Some("1")),
    ] {
        let inputs = Inputs { success: given, adoption: given, ..perfect() };
        assert_eq!(points(&inputs, Factor::Success), want.map(ppm));
        assert_eq!(points(&inputs, Factor::Adoption), want.map(ppm));
    }
}

#[test]
fn the_error_budget_may_be_used_up_but_not_ten_times_over() {
    for (used, want) in [("0", "1"), ("1", "1"), ("5.5", "0.5"), ("10", "0"), ("99", "0")] {
        let inputs = Inputs { budget_used: Some(ppm(used)), ..perfect() };
        assert_eq!(points(&inputs, Factor::Reliability), Some(ppm(want)), "{used}");
    }
}

#[test]
fn payment_has_three_steps() {
    for (overdue, want) in [(0, "1"), (1, "0.5"), (30, "0.5"), (31, "0"), (400, "0")] {
        let inputs = Inputs { days_overdue: Some(overdue), ..perfect() };
        assert_eq!(points(&inputs, Factor::Payment), Some(ppm(want)), "{overdue}");
    }
}

#[test]
fn silence_caps_from_the_fourteenth_day_and_only_when_live() {
    let quiet = |days| Inputs { quiet_days: Some(days), ..perfect() };
    assert_eq!(score(&quiet(13)).caps, []);
    let health = score(&quiet(14));
    assert_eq!(
        (health.uncapped, health.score),
        (Some(BasisPoints(9_000)), Some(BasisPoints(5_000)))
    );
    let early = Inputs { stage: Stage::BeforeGoLive, ..quiet(40) };
    assert_eq!((score(&early).score, score(&early).caps), (Some(BasisPoints::ONE), vec![]));
}

#[test]
fn long_overdue_caps_after_sixty_days() {
    let overdue = |days| score(&Inputs { days_overdue: Some(days), ..perfect() });
    assert_eq!(overdue(60).score, Some(BasisPoints(9_500)));
    assert_eq!(overdue(61).score, Some(BasisPoints(6_000)));
}

#[test]
fn the_lowest_cap_wins_and_a_cap_never_raises() {
    let all = Inputs { quiet_days: Some(14), days_overdue: Some(61), ..case_c() };
    assert_eq!(score(&all).caps, Cap::ALL);
    assert_eq!(score(&all).score, Some(BasisPoints(5_000)));
    let low = Inputs { pace: Some(Ppm(0)), trend: Some(Ppm(0)), adoption: share(0, 5), ..all };
    let health = score(&low);
    assert!(health.uncapped.unwrap() < BasisPoints(5_000));
    assert_eq!(health.score, health.uncapped);
}

#[test]
fn before_go_live_only_what_can_be_known_counts() {
    let early = Inputs { stage: Stage::BeforeGoLive, ..perfect() };
    let health = score(&early);
    let factors: Vec<Factor> = health.lines.iter().map(|line| line.factor).collect();
    assert_eq!(factors, [Factor::Support, Factor::Success, Factor::Payment]);
    assert_eq!((health.score, health.coverage), (Some(BasisPoints::ONE), BasisPoints::ONE));
    let no_criteria = Inputs { success: None, ..early };
    assert_eq!(score(&no_criteria).coverage, BasisPoints(6_667));
    let no_support = Inputs { support: None, ..early };
    let health = score(&no_support);
    assert_eq!(health.coverage, BasisPoints(5_000));
    assert_eq!(Watch::default().observe(&health).1, Standing::InsufficientData);
}

#[test]
fn with_nothing_known_there_is_no_score() {
    let health = score(&Inputs::unknown(Stage::Live));
    assert_eq!((health.score, health.coverage, health.best), (None, BasisPoints(0), None));
    assert_eq!(health.lines.len(), 8);
    assert_eq!(Watch::default().observe(&health), (Watch::default(), Standing::InsufficientData));
}

#[test]
fn the_change_that_helps_most_is_the_heaviest_loss() {
    // Losses: pace 1 000, trend 780, adoption 900, recency 153.8, support 225, success 666.7.
    let best = score(&case_b()).best.unwrap();
    assert_eq!((best.factor, best.gain), (Factor::Pace, BasisPoints(1_000)));
    assert_eq!(best.advice, "bring more of the plan into use, or offer a smaller one");
    // Its own loss over the weight that is known: 525 ÷ 0.9.
    let best = score(&case_c()).best.unwrap();
    assert_eq!((best.factor, best.gain), (Factor::Support, BasisPoints(583)));
    assert_eq!(score(&perfect()).best, None);
}

#[test]
fn equal_losses_name_the_first_and_fast_use_asks_for_the_next_plan() {
    let equal = Inputs { adoption: share(0, 1), trend: Some(Ppm(0)), ..perfect() };
    assert_eq!(score(&equal).best.unwrap().factor, Factor::Trend);
    let fast = Inputs { pace: Some(ppm("1.3")), ..perfect() };
    assert_eq!(
        score(&fast).best.unwrap().advice,
        "offer the next plan before use outgrows this one"
    );
}

#[test]
fn each_input_is_said_with_its_figures() {
    let health = score(&Inputs { days_overdue: Some(1), ..case_b() });
    let said: Vec<&str> = health.lines.iter().filter_map(|line| line.input.as_deref()).collect();
    assert_eq!(
        said,
        [
            "use at 30 % of the quota's even pace",
            "last week at 80 % of the four weeks before",
            "2 of 5 planned departments active",
            "quiet for 3 days",
            "9 of 10 answers in time; open: 0 of severity 1, 1 of severity 2",
            "1 of 3 due criteria met",
            "50 % of the error budget used",
            "1 day overdue",
        ]
    );
}

#[test]
fn pace_is_measured_against_the_elapsed_share() {
    let units = |n| Quantity::from_units(n).unwrap();
    let days = |elapsed_ms| Elapsed { elapsed_ms, total_ms: 30 };
    let of = |used, quota, elapsed| pace(units(used), Some(units(quota)), days(elapsed));
    assert_eq!(of(2_800, 10_000, 10), Some(ppm("0.84")));
    assert_eq!(of(10_000, 10_000, 30), Some(Ppm::ONE));
    assert_eq!(of(100, 10_000, 0), None);
    assert_eq!(of(1, 0, 10), Some(LARGEST_RATIO));
    assert_eq!(of(0, 0, 10), None);
    assert_eq!(pace(units(1), None, days(10)), None);
    assert_eq!(
        pace(Quantity::from_micros(i64::MAX), Some(Quantity::from_micros(1)), days(1)),
        Some(LARGEST_RATIO)
    );
}

#[test]
fn trend_compares_a_week_with_a_quarter_of_four() {
    let units = |n| Quantity::from_units(n).unwrap();
    assert_eq!(trend(units(260), units(1_000)), ppm("1.04"));
    assert_eq!(trend(units(0), units(1_000)), Ppm(0));
    assert_eq!(trend(units(5), units(0)), LARGEST_RATIO);
    assert_eq!(trend(units(0), units(0)), Ppm(0));
    assert_eq!(trend(units(-5), units(-9)), Ppm(0));
    assert_eq!(trend(Quantity::from_micros(i64::MAX), Quantity::from_micros(1)), LARGEST_RATIO);
}

/// A health of this score, with everything known.
fn of_score(score: i64) -> Health {
    Health { score: Some(BasisPoints(score)), ..super::score(&perfect()) }
}

fn standings(scores: &[i64]) -> Vec<bool> {
    let mut watch = Watch::default();
    scores
        .iter()
        .map(|&score| {
            let (next, standing) = watch.observe(&of_score(score));
            watch = next;
            standing == Standing::Flagged
        })
        .collect()
}

#[test]
fn the_flag_rises_below_7_500_exactly() {
    assert_eq!(standings(&[7_500]), [false]);
    assert_eq!(standings(&[7_499]), [true]);
}

#[test]
fn the_flag_clears_after_two_good_snapshots_running() {
    assert_eq!(standings(&[7_499, 7_799, 7_799, 9_000, 9_000]), [true, true, true, true, false]);
    assert_eq!(standings(&[7_000, 7_800, 7_800]), [true, true, false]);
    assert_eq!(standings(&[7_000, 7_800, 7_700, 7_800, 7_800]), [true, true, true, true, false]);
    assert_eq!(standings(&[7_000, 9_000, 9_000, 7_600, 7_499]), [true, true, false, false, true]);
}

#[test]
fn a_gap_in_the_data_neither_raises_nor_clears_a_flag() {
    let unknown = score(&Inputs::unknown(Stage::Live));
    let (watch, _) = Watch::default().observe(&of_score(7_000));
    let (watch, _) = watch.observe(&of_score(9_000));
    let (watch, standing) = watch.observe(&unknown);
    assert_eq!((watch.flagged, standing), (true, Standing::InsufficientData));
    let (watch, standing) = watch.observe(&of_score(9_000));
    assert_eq!(standing, Standing::Flagged, "good snapshots were not running");
    assert_eq!(watch.observe(&of_score(9_000)).1, Standing::Healthy);
    let thin = Health { coverage: BasisPoints(5_999), ..of_score(1) };
    assert_eq!(Watch::default().observe(&thin), (Watch::default(), Standing::InsufficientData));
    let enough = Health { coverage: BasisPoints(6_000), ..of_score(1) };
    assert_eq!(Watch::default().observe(&enough).1, Standing::Flagged);
}

#[test]
fn weights_sum_to_one_whole() {
    let sum = |stage| -> i64 {
        Factor::ALL.iter().filter(|f| f.applies(stage)).map(|f| f.weight().0).sum()
    };
    assert_eq!([sum(Stage::Live), sum(Stage::BeforeGoLive)], [10_000, 3_000]);
}

#[test]
fn the_largest_counts_do_not_overflow() {
    let support = Support { in_time: u32::MAX - 6, answers: u32::MAX - 4, ..Support::default() };
    let inputs = Inputs {
        pace: Some(Ppm(1_300_001)),
        trend: Some(Ppm(700_001)),
        adoption: share(65_520, 65_521),
        quiet_days: Some(6),
        support: Some(support),
        success: share(65_518, 65_519),
        budget_used: Some(Ppm(2_000_003)),
        ..perfect()
    };
    let health = score(&inputs);
    // 1 333.33 + 480.00 + 1 499.98 + 615.38 + 1 500.00 + 999.98 + 444.44 + 500.
    assert_eq!(health.score, Some(BasisPoints(7_373)));
    assert_eq!(health.best.map(|best| best.gain), Some(BasisPoints(1_167)));
}
