use super::*;
use crate::domain::{
    BasisPoints,
    catalogue::{Catalogue, PlanVersion},
    projection::Interval,
    rating::RatingError,
};

const JUNE: Date = jiff::civil::date(2026, 6, 1);

fn units(n: i64) -> Quantity {
    Quantity::from_units(n).unwrap()
}

fn quantities(days: &[i64]) -> Vec<Quantity> {
    days.iter().map(|&n| units(n)).collect()
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn team() -> PlanVersion {
    let at = instant("2026-06-01T00:00:00Z");
    Catalogue::shipped().unwrap().live("team", at).unwrap().clone()
}

/// Eight weeks of 1 225 runs a weekday and 437.5 a day on weekends.
fn past() -> Vec<Quantity> {
    let (weekday, weekend) = (units(1_225), "437.5".parse().unwrap());
    [weekday, weekday, weekday, weekday, weekday, weekend, weekend].repeat(8)
}

fn ten_days() -> Vec<Quantity> {
    quantities(&[1_200, 1_180, 1_220, 1_210, 1_190, 400, 380, 1_230, 1_200, 1_210])
}

fn facts() -> Facts {
    Facts {
        stage: Stage::Live,
        adoption: Some(Share { part: 4, whole: 5 }),
        quiet_days: Some(0),
        support: Some(Support::default()),
        success: Some(Share { part: 3, whole: 4 }),
        budget_used: Some(Ppm(0)),
        days_overdue: Some(0),
    }
}

fn metered<'a>(quota: i64, past: &'a [Quantity], full: &'a [Quantity]) -> Metered<'a> {
    Metered {
        quota: Some(units(quota)),
        since: instant("2026-06-01T00:00:00Z"),
        past,
        held: past.len(),
        full,
        today: Quantity::ZERO,
        apart: Quantity::ZERO,
        prior: None,
    }
}

/// June 2026 after ten days.
fn inputs(meters: BTreeMap<Meter, Metered<'_>>) -> Inputs<'_> {
    let edges = calendar::Period::from_edges(
        instant("2026-06-01T00:00:00Z"),
        instant("2026-07-01T00:00:00Z"),
    );
    Inputs {
        computed_at: instant("2026-06-11T00:00:00Z"),
        ledger_seq: 4_198,
        period: Period { edges: edges.unwrap(), first_day: JUNE, days: 30, running: None },
        meters,
        facts: facts(),
        watch: Watch::default(),
    }
}

fn of(inputs: &Inputs<'_>) -> Snapshot {
    let plan = team();
    snapshot(inputs, Some(&|usage: &Usage| plan.terms.rate(usage).map(|bill| bill.total))).unwrap()
}

fn forecast(snapshot: &Snapshot, meter: Meter) -> Forecast {
    match snapshot.meters[&meter].projection {
        Projection::Forecast(forecast) => forecast,
        Projection::TooEarly => panic!("too early"),
    }
}

#[test]
fn a_snapshot_says_what_it_was_computed_from() {
    let (past, full) = (past(), ten_days());
    let snapshot = of(&inputs(BTreeMap::from([(Meter::Agents, metered(40_000, &past, &full))])));
    assert_eq!(snapshot.computed_at, instant("2026-06-11T00:00:00Z"));
    assert_eq!((snapshot.ledger_seq, snapshot.formula_version), (4_198, FORMULA_VERSION));
}

#[test]
fn ratio_level_and_forecast_come_from_the_ledgers_days() {
    let (past, full) = (past(), ten_days());
    let snapshot = of(&inputs(BTreeMap::from([(Meter::Agents, metered(12_000, &past, &full))])));
    let meter = &snapshot.meters[&Meter::Agents];
    assert_eq!((meter.used, meter.quota), (units(10_420), Some(units(12_000))));
    assert_eq!((meter.ratio, meter.level), (Some(Ppm(868_333)), Some(Level::Soft)));
    assert_eq!(snapshot.highest, Some((Meter::Agents, Ppm(868_333))));
    let forecast = forecast(&snapshot, Meter::Agents);
    assert_eq!(forecast.units, units(29_507), "weekdays were learned from the weeks before");
    assert_eq!(forecast.exhausted_on, Some(jiff::civil::date(2026, 6, 12)));
}

#[test]
fn the_running_day_counts_in_use_and_forecast() {
    let (past, full) = (past(), ten_days());
    let today = Metered { today: units(600), ..metered(40_000, &past, &full) };
    let mut inputs = inputs(BTreeMap::from([(Meter::Agents, today)]));
    inputs.period.running = Some(Ppm(500_000));
    let snapshot = of(&inputs);
    assert_eq!(snapshot.meters[&Meter::Agents].used, units(11_020));
    assert_eq!(forecast(&snapshot, Meter::Agents).used, units(11_020));
}

#[test]
fn health_takes_pace_and_trend_from_the_leading_meter() {
    let (past, full) = (past(), ten_days());
    let quiet = quantities(&[1; 10]);
    let meters = BTreeMap::from([
        (Meter::Query, metered(1_000_000, &past, &quiet)),
        (Meter::Agents, metered(40_000, &past, &full)),
    ]);
    let snapshot = of(&inputs(meters));
    let said: Vec<_> = snapshot.health.lines.iter().map(|l| l.input.clone().unwrap()).collect();
    // 10 420 of 40 000 after a third of the month.
    assert_eq!(said[0], "use at 78.2 % of the quota's even pace");
    // Days 4 to 10 of June, 6 820 runs, against 27 925 in the 28 days before.
    assert_eq!(said[1], "last week at 97.7 % of the four weeks before");
    assert_eq!(snapshot.health.coverage, BasisPoints::ONE);
    assert_eq!((snapshot.standing, snapshot.flagged), (Standing::Healthy, false));
}

/// Two thirds of the month's quota, of which half is used after half of the time that it is for.
#[test]
fn a_quota_that_began_within_the_period_is_paced_by_what_was_left_of_it() {
    let full = quantities(&[
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400,
    ]);
    let said = |since: &str| {
        let metered = Metered { since: instant(since), ..metered(8_000, &[], &full) };
        let mut inputs = inputs(BTreeMap::from([(Meter::Agents, metered)]));
        inputs.computed_at = instant("2026-06-21T00:00:00Z");
        of(&inputs).health.lines[0].input.clone().unwrap()
    };
    assert_eq!(said("2026-06-11T00:00:00Z"), "use at 100 % of the quota's even pace");
    assert_eq!(said("2026-06-01T00:00:00Z"), "use at 75 % of the quota's even pace");
    // One that began earlier is this period's from its start.
    assert_eq!(said("2026-05-11T00:00:00Z"), said("2026-06-01T00:00:00Z"));
}

/// By the rule of projections, but from when the quota began.
#[test]
fn a_quota_has_a_pace_only_after_three_days_and_a_tenth_of_its_period() {
    let full = quantities(&[400; 20]);
    let of_period = |since: &str, now: &str, end: &str| {
        let metered = Metered { since: instant(since), ..metered(8_000, &[], &full) };
        let mut inputs = inputs(BTreeMap::from([(Meter::Agents, metered)]));
        let edges = calendar::Period::from_edges(instant("2026-06-01T00:00:00Z"), instant(end));
        inputs.period.edges = edges.unwrap();
        inputs.computed_at = instant(now);
        let health = of(&inputs).health;
        (health.lines[0].input.is_some(), health.coverage)
    };
    let of = |since, now| of_period(since, now, "2026-07-01T00:00:00Z");
    let (known, unknown) = (BasisPoints(8_500), BasisPoints(6_000));
    assert_eq!(of("2026-06-18T00:00:00Z", "2026-06-21T00:00:00Z"), (true, known));
    assert_eq!(of("2026-06-18T00:00:00.001Z", "2026-06-21T00:00:00Z"), (false, unknown));
    assert_eq!(of("2026-06-20T23:59:00Z", "2026-06-21T00:00:00Z"), (false, unknown));
    // A quota of before begins anew with its period.
    assert_eq!(of("2026-05-01T00:00:00Z", "2026-06-03T23:59:59.999Z"), (false, unknown));
    assert_eq!(of("2026-05-01T00:00:00Z", "2026-06-04T00:00:00Z"), (true, known));
    // Of 31 days three are less than a tenth.
    let long = |now| of_period("2026-06-01T00:00:00Z", now, "2026-07-02T00:00:00Z").0;
    assert!(!long("2026-06-04T02:23:59Z") && long("2026-06-04T02:24:00Z"));
}

/// What its first event comes to then: so much too fast that nothing else would count.
/// At five past midnight on the first nothing is used yet, and nothing has become worse.
#[test]
fn a_period_that_begins_changes_no_health() {
    let (day, month) = (units(1_000), vec![units(1_000); 30]);
    let weeks = vec![day; 56];
    let old = Metered { today: day, ..metered(37_500, &weeks, &month[..29]) };
    let mut before = inputs(BTreeMap::from([(Meter::Agents, old)]));
    before.computed_at = instant("2026-07-01T00:00:00Z");
    let edges = [instant("2026-07-01T00:00:00Z"), instant("2026-08-01T00:00:00Z")];
    // As much a day as June's.
    let new = Metered { since: edges[0], ..metered(38_750, &weeks, &[]) };
    let unused = Metered { since: edges[0], ..metered(10, &[], &[]) };
    let mut after = inputs(BTreeMap::from([(Meter::Agents, new), (Meter::Ingestion, unused)]));
    after.period.edges = calendar::Period::from_edges(edges[0], edges[1]).unwrap();
    after.computed_at = instant("2026-07-01T00:05:00Z");
    let (before, after) = (of(&before), of(&after));
    assert_eq!(after.highest, Some((Meter::Ingestion, Ppm(0))), "the first of those without use");
    for (before, after) in before.health.lines.iter().zip(&after.health.lines) {
        let apart = before.points.unwrap_or(Ppm(0)).0 - after.points.unwrap_or(Ppm(0)).0;
        assert!(apart.abs() < 2_000, "{before:?} {after:?}");
    }
    assert_eq!(before.health.coverage, after.health.coverage);
}

/// What was used without a plan counts against nothing, and so against no pace.
#[test]
fn days_without_a_quota_before_a_period_count_against_no_pace() {
    let past = vec![units(100_000); 20];
    let said = |held, full: &[Quantity]| {
        let metered = Metered { held, ..metered(30_000, &past, full) };
        let mut inputs = inputs(BTreeMap::from([(Meter::Agents, metered)]));
        let days = SignedDuration::from_hours(24 * i64::try_from(full.len()).unwrap());
        inputs.computed_at = inputs.period.edges.start().checked_add(days).unwrap();
        of(&inputs).health.lines[0].input.clone()
    };
    let as_even = vec![units(1_000); 4];
    assert_eq!(said(0, &as_even[..2]), None, "two days are too few");
    let even = Some("use at 100 % of the quota's even pace".to_owned());
    assert_eq!(said(0, &as_even), even);
    // One day of a hundred times too much: (4 + 100) / 5.
    assert_eq!(
        said(1, &as_even),
        Some("use at more than 10 times the quota's even pace".to_owned())
    );
    assert_eq!(said(1, &as_even[..1]), None);
    assert!(said(2, &as_even[..1]).is_some());
}

#[test]
fn the_first_minute_of_a_quota_costs_no_health() {
    let full = quantities(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 100]);
    let metered = Metered { since: instant("2026-06-10T23:59:00Z"), ..metered(8_000, &[], &full) };
    let mut inputs = inputs(BTreeMap::from([(Meter::Agents, metered)]));
    inputs.facts.adoption = None;
    let early = of(&inputs);
    assert_eq!(early.health.coverage, BasisPoints(4_500));
    assert_eq!((early.standing, early.flagged), (Standing::InsufficientData, false));
    assert!(early.health.best.is_none_or(|best| best.factor != health::Factor::Pace));
}

#[test]
fn a_trend_needs_thirty_five_days() {
    let (past, full) = (past(), ten_days());
    let trend = |past| {
        let meters = BTreeMap::from([(Meter::Agents, metered(40_000, past, &full))]);
        of(&inputs(meters)).health.lines[1].points
    };
    assert!(trend(&past[..25]).is_some());
    assert_eq!(trend(&past[..24]), None);
}

#[test]
fn the_highest_ratio_leads_and_the_first_of_equal_ones() {
    let full = quantities(&[10; 10]);
    let at = |quotas: &[(Meter, i64)]| {
        let meters = quotas.iter().map(|&(meter, q)| (meter, metered(q, &[], &full))).collect();
        of(&inputs(meters)).highest
    };
    let low_high = [(Meter::Ingestion, 1_000), (Meter::Timeline, 200)];
    assert_eq!(at(&low_high), Some((Meter::Timeline, Ppm(500_000))));
    let equal = [(Meter::Query, 200), (Meter::Agents, 200)];
    assert_eq!(at(&equal), Some((Meter::Query, Ppm(500_000))));
    let empty = [(Meter::Query, 0), (Meter::Agents, 1)];
    assert_eq!(at(&empty), Some((Meter::Query, threshold::LARGEST_RATIO)));
}

#[test]
fn the_bill_is_projected_through_the_plan_with_its_edges() {
    let (past, full) = (
        past(),
        quantities(&[12_000, 11_800, 12_200, 12_100, 11_900, 4_000, 3_800, 12_300, 12_000, 12_100]),
    );
    let data = quantities(&[20; 10]);
    let meters = BTreeMap::from([
        (Meter::Agents, metered(40_000, &past, &full)),
        (Meter::Ingestion, metered(500, &[], &data)),
    ]);
    let snapshot = of(&inputs(meters));
    let runs = forecast(&snapshot, Meter::Agents);
    // Ten times the worked case.
    assert_eq!(runs.units, units(295_073));
    let cost = snapshot.projected_cost.unwrap();
    // 899 + 0.03 × (units − 40 000) + 0.30 × (600 − 500).
    let bill = |runs: Quantity| 89_900 + 3 * (runs.micros() / 1_000_000 - 40_000) + 3_000;
    let Interval { low, high } = runs.likely;
    assert_eq!(cost.units.minor(), bill(runs.units));
    assert_eq!((cost.likely.0.minor(), cost.likely.1.minor()), (bill(low), bill(high)));
    let Interval { low, high } = runs.nearly_certain;
    let wide = (cost.nearly_certain.0.minor(), cost.nearly_certain.1.minor());
    assert_eq!(wide, (bill(low), bill(high)));
}

#[test]
fn no_bill_is_projected_while_one_meter_is_too_early() {
    let two = quantities(&[5, 5]);
    let snapshot = of(&inputs(BTreeMap::from([(Meter::Agents, metered(40_000, &[], &two))])));
    assert_eq!(snapshot.meters[&Meter::Agents].projection, Projection::TooEarly);
    assert_eq!(snapshot.projected_cost, None);
    assert_eq!(of(&inputs(BTreeMap::new())).projected_cost, None);
}

#[test]
fn what_is_never_billed_holds_no_bill_up() {
    let (two, full) = (quantities(&[0, 5]), ten_days());
    let sign_ups = Metered { quota: None, ..metered(1, &[], &two) };
    let all = [(Meter::Agents, metered(40_000, &[], &full)), (Meter::Signup, sign_ups)];
    let snapshot = of(&inputs(BTreeMap::from(all)));
    assert_eq!(snapshot.meters[&Meter::Signup].projection, Projection::TooEarly);
    assert!(snapshot.projected_cost.is_some());
    let alone = of(&inputs(BTreeMap::from([(Meter::Signup, metered(1, &[], &full))])));
    assert_eq!(alone.projected_cost, None);
}

#[test]
fn who_is_not_flagged_is_given_no_reason() {
    let (past, full) = (past(), ten_days());
    let mut inputs = inputs(BTreeMap::from([(Meter::Agents, metered(40_000, &past, &full))]));
    inputs.facts.quiet_days = Some(14);
    inputs.watch = of(&inputs).watch;
    // Too little is known now, though the flag was raised before.
    inputs.meters.clear();
    inputs.facts.adoption = None;
    inputs.facts.support = None;
    let snapshot = of(&inputs);
    assert_eq!((snapshot.standing, snapshot.flagged), (Standing::InsufficientData, false));
    assert!(snapshot.watch.flagged, "it is kept for when more is known");
    assert_eq!((snapshot.reason(), snapshot.helps_most()), (None, None));
}

#[test]
fn of_two_quotas_that_are_nearly_used_up_the_worse_is_named() {
    let (some, many) = (quantities(&[97; 10]), quantities(&[150; 10]));
    let all =
        [(Meter::Query, metered(1_000, &[], &some)), (Meter::Agents, metered(1_000, &[], &many))];
    let reason = of(&inputs(BTreeMap::from(all))).reason().unwrap();
    assert!(reason.contains("1,500 of 1,000 runs"), "{reason}");
}

#[test]
fn an_account_without_a_quota_has_no_ratio_and_thinner_coverage() {
    let full = quantities(&[10; 10]);
    let unlimited = Metered { quota: None, ..metered(1, &[], &full) };
    let snapshot = of(&inputs(BTreeMap::from([(Meter::Signup, unlimited)])));
    assert_eq!((snapshot.highest, snapshot.flagged), (None, false));
    assert_eq!(snapshot.health.coverage, BasisPoints(6_000));
}

#[test]
fn more_than_95_percent_is_flagged_whatever_the_health() {
    let full = quantities(&[950; 10]);
    let at = |quota| {
        let plan = metered(quota, &[], &full);
        of(&inputs(BTreeMap::from([(Meter::Agents, plan)])))
    };
    let exactly = at(10_000);
    assert_eq!((exactly.standing, exactly.flagged), (Standing::Healthy, false));
    assert_eq!(exactly.meters[&Meter::Agents].level, Some(Level::Hard));
    let above = at(9_999);
    assert_eq!((above.standing, above.flagged), (Standing::Healthy, true));
}

#[test]
fn poor_health_is_flagged_and_remembered() {
    let (past, full) = (past(), ten_days());
    let mut inputs = inputs(BTreeMap::from([(Meter::Agents, metered(40_000, &past, &full))]));
    inputs.facts.quiet_days = Some(14);
    let low = of(&inputs);
    assert_eq!((low.health.score, low.flagged), (Some(BasisPoints(5_000)), true));
    inputs.facts.quiet_days = Some(0);
    inputs.watch = low.watch;
    let first = of(&inputs);
    assert!(first.health.score > Some(BasisPoints(7_800)) && first.flagged);
    inputs.watch = first.watch;
    assert_eq!(of(&inputs).standing, Standing::Healthy);
}

#[test]
fn equal_inputs_make_equal_snapshots() {
    let (past, full) = (past(), ten_days());
    let inputs = inputs(BTreeMap::from([(Meter::Agents, metered(40_000, &past, &full))]));
    assert_eq!(of(&inputs), of(&inputs.clone()));
    let later = Inputs { ledger_seq: 4_199, ..inputs.clone() };
    assert_ne!(of(&inputs), of(&later));
}

#[test]
fn what_cannot_be_summed_up_names_the_meter() {
    let plan = team();
    let try_at = |inputs: &Inputs<'_>| {
        snapshot(inputs, Some(&|usage: &Usage| plan.terms.rate(usage).map(|bill| bill.total)))
            .unwrap_err()
    };
    let most = [Quantity::from_micros(i64::MAX); 10];
    let overflow = inputs(BTreeMap::from([(Meter::Query, metered(1, &[], &most))]));
    assert_eq!(try_at(&overflow), SnapshotError::Overflow(Meter::Query));
    let full = quantities(&[1; 31]);
    let long = inputs(BTreeMap::from([(Meter::Agents, metered(1, &[], &full))]));
    let error = try_at(&long);
    assert_eq!(error, SnapshotError::Projection(Meter::Agents, ProjectionError::Days));
    assert_eq!(error.to_string(), "agents: the days do not fit into the period");
    let full = quantities(&[1; 10]);
    let good = inputs(BTreeMap::from([(Meter::Agents, metered(1, &[], &full))]));
    let refused = snapshot(&good, Some(&|_: &Usage| Err(RatingError::NoPlan))).unwrap_err();
    assert_eq!(refused, SnapshotError::Rating(RatingError::NoPlan));
}

#[test]
fn a_flagged_account_says_why_what_costs_most_and_what_would_help() {
    let (past, full) = (past(), ten_days());
    let mut inputs = inputs(BTreeMap::from([(Meter::Agents, metered(40_000, &past, &full))]));
    inputs.facts.adoption = Some(Share { part: 1, whole: 5 });
    inputs.facts.success = Some(Share { part: 1, whole: 4 });
    inputs.facts.days_overdue = Some(61);
    let poor = of(&inputs);
    assert!(poor.flagged);
    assert_eq!(
        poor.reason().unwrap(),
        "Health is 0.60, below 0.75: an invoice is more than 60 days overdue."
    );
    assert_eq!(
        poor.costs_most(),
        Some((health::Factor::Adoption, "1 of 5 planned departments active".to_owned()))
    );
    let help = poor.helps_most().unwrap();
    assert!(help.contains("ettle the invoice that is 61 days overdue"), "{help}");
    assert!(help.contains("health would be 0."), "{help}");
}

#[test]
fn an_account_that_is_well_but_nearly_out_of_units_says_so() {
    let (past, full) = (past(), ten_days());
    let snapshot = of(&inputs(BTreeMap::from([(Meter::Agents, metered(10_900, &past, &full))])));
    assert!(snapshot.flagged && !snapshot.watch.flagged);
    assert_eq!(
        snapshot.reason().unwrap(),
        "Agents is at 95.6 % of what the plan includes, 10,420 of 10,900 runs, used up on 2026-06-11."
    );
    assert_eq!(snapshot.helps_most().unwrap(), "Offer the next plan before use outgrows this one.");
}

#[test]
fn an_account_that_is_well_has_no_reason_to_be_called() {
    let (past, full) = (past(), ten_days());
    let snapshot = of(&inputs(BTreeMap::from([(Meter::Agents, metered(40_000, &past, &full))])));
    assert_eq!((snapshot.reason(), snapshot.helps_most()), (None, None));
}

#[test]
fn without_a_plan_nothing_costs_anything() {
    let (past, full) = (past(), ten_days());
    let inputs = inputs(BTreeMap::from([(Meter::Agents, metered(40_000, &past, &full))]));
    let snapshot = snapshot::<RatingError>(&inputs, None).unwrap();
    assert_eq!(snapshot.projected_cost, None);
    assert!(matches!(snapshot.meters[&Meter::Agents].projection, Projection::Forecast(_)));
}

#[test]
fn the_prior_is_an_average_day_of_the_period_before() {
    let past = past();
    // Whole weeks of 1 225 and 437.5: a mean of 1 000 a day.
    let prior = |days| prior(Meter::Agents, JUNE, &past, days).unwrap();
    assert_eq!((prior(28), prior(31)), (Some(units(1_000)), Some(units(1_000))));
    assert_eq!(super::prior(Meter::Agents, JUNE, &past[..2], 31), Ok(None));
    assert_eq!(super::prior(Meter::Agents, JUNE, &[], 31), Ok(None));
}

#[test]
fn what_happened_on_no_day_of_the_period_is_used() {
    let (past, full) = (past(), ten_days());
    let apart = Metered { apart: units(80), ..metered(12_000, &past, &full) };
    let snapshot = of(&inputs(BTreeMap::from([(Meter::Agents, apart)])));
    assert_eq!(snapshot.meters[&Meter::Agents].used, units(10_500));
    assert_eq!(forecast(&snapshot, Meter::Agents).used, units(10_500));
}
