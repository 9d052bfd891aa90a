use proptest::prelude::*;

use super::*;
use crate::domain::{
    UnitPrice,
    catalogue::Catalogue,
    rating::{Charge, Price, Terms},
};

fn units(n: i64) -> Quantity {
    Quantity::from_units(n).unwrap()
}

fn usd(amount: &str) -> Money {
    Money::parse(amount, Currency::USD).unwrap()
}

fn shipped() -> Vec<PlanVersion> {
    let at = "2026-06-01T00:00:00Z".parse().unwrap();
    Catalogue::shipped().unwrap().live_plans(at).into_iter().cloned().collect()
}

fn runs(low: i64, base: i64, high: i64) -> Needs {
    let range = Range { low: units(low), base: units(base), high: units(high) };
    Needs {
        usage: BTreeMap::from([(Meter::Agents, range)]),
        support_hours: None,
        currency: Currency::USD,
    }
}

fn recommended(plans: &[PlanVersion], needs: &Needs) -> Recommendation {
    recommend(&plans.iter().collect::<Vec<_>>(), needs).unwrap()
}

fn name(recommendation: &Recommendation) -> Option<&str> {
    recommendation.plan.as_ref().map(|id| id.plan.as_str())
}

/// A plan with one meter, of flat price.
fn plan(key: &str, base: &str, included: i64, price: &str, support_hours: u32) -> PlanVersion {
    let price: UnitPrice = price.parse().unwrap();
    let charge = Charge {
        included: units(included),
        price: Price::Flat(price),
        minimum: None,
        maximum: None,
    };
    PlanVersion {
        id: PlanId { plan: key.to_owned(), version: 1 },
        terms: Terms {
            currency: Currency::USD,
            base: usd(base),
            support_hours,
            charges: BTreeMap::from([(Meter::Agents, charge)]),
        },
        effective_from: None,
        effective_to: None,
    }
}

#[test]
fn thirty_thousand_runs_are_for_team() {
    let found = recommended(&shipped(), &runs(22_000, 30_000, 45_000));
    assert_eq!(name(&found), Some("team"));
    let rows: Vec<_> = found
        .ranking
        .iter()
        .map(|r| {
            let [low, base, high] = [r.costs.low, r.costs.base, r.costs.high].map(Money::amount);
            (r.plan.plan.as_str(), low, base, high, r.expected.amount())
        })
        .collect();
    let row = |plan, low: &str, base: &str, high: &str, expected: &str| {
        (plan, low.to_owned(), base.to_owned(), high.to_owned(), expected.to_owned())
    };
    assert_eq!(
        rows,
        [
            row("team", "899.00", "899.00", "1049.00", "936.50"),
            row("starter", "899.00", "1299.00", "2049.00", "1386.50"),
            row("scale", "2499.00", "2499.00", "2499.00", "2499.00"),
        ]
    );
    assert_eq!(found.ranking[0].overage, BTreeMap::from([(Meter::Agents, units(5_000))]));
}

#[test]
fn neighbours_break_even_where_their_bills_meet() {
    let found = recommended(&shipped(), &runs(22_000, 30_000, 45_000));
    let rows: Vec<_> = found
        .break_even
        .iter()
        .map(|b| (b.below.plan.as_str(), b.above.plan.as_str(), b.meter, b.units))
        .collect();
    assert_eq!(
        rows,
        [
            ("starter", "team", Meter::Agents, units(22_000)),
            // 40 000 + 1 600 ÷ 0.03 = 93 333.33
            ("team", "scale", Meter::Agents, units(93_334)),
        ]
    );
}

#[test]
fn the_reasons_name_cost_use_and_what_would_change_it() {
    let found = recommended(&shipped(), &runs(22_000, 30_000, 45_000));
    assert_eq!(
        found.reasons,
        [
            "team has the lowest expected cost: USD 936.50 a month, starter USD 1,386.50",
            "in the high case use reaches 112.5 % of the 40,000 runs included, USD 150.00 more",
        ]
    );
    assert_eq!(
        found.would_change_if,
        [
            "starter is cheaper below 22,000 runs a month, other use as expected",
            "scale is no dearer from 93,334 runs a month, other use as expected",
            "scale if support must answer in less than 8 h",
        ]
    );
}

#[test]
fn what_is_so_already_would_change_nothing() {
    let said = |low, base, high| recommended(&shipped(), &runs(low, base, high)).would_change_if;
    // Team, though fewer than 22,000 are expected: the high estimate decides.
    let team = said(15_000, 20_000, 60_000);
    assert!(!team.iter().any(|one| one.contains("22,000")), "{team:?}");
    let starter = said(5_000, 23_000, 24_000);
    assert!(!starter.iter().any(|one| one.contains("22,000")), "{starter:?}");
}

#[test]
fn other_use_counts_in_the_break_even() {
    let mut needs = runs(0, 1, 2);
    needs.usage.insert(Meter::Ingestion, Range::all(units(1_000)));
    let found = recommended(&shipped(), &needs);
    let runs: Vec<_> = found.break_even.iter().filter(|b| b.meter == Meter::Agents).collect();
    // Starter: 299 + 380 for the data, team: 899 + 150; 370 more at 0.05 a run.
    assert_eq!(runs[0].units, units(10_000 + 7_400));
    // Without runs, data alone: 299 + 0.4 × (x − 50) = 899 + 0.3 × max(0, x − 500).
    let data: Vec<_> = found.break_even.iter().filter(|b| b.meter == Meter::Ingestion).collect();
    assert_eq!(data[0].units, units(4_700));
}

#[test]
fn plans_that_answer_too_slowly_are_left_out() {
    let within = |hours| {
        recommended(&shipped(), &Needs { support_hours: Some(hours), ..runs(100, 200, 300) })
    };
    assert_eq!(name(&within(24)), Some("starter"));
    let eight = within(8);
    assert_eq!(name(&eight), Some("team"));
    assert_eq!(eight.excluded.len(), 1);
    assert_eq!(eight.excluded[0].reason, "starter answers support within 24 h, 8 h are needed");
    assert!(eight.reasons.contains(&"support answers within 8 h, 8 h are needed".to_owned()));
    assert_eq!(
        within(7).reasons[0],
        "scale is the only plan that fits: USD 2,499.00 a month expected"
    );
    let none = within(1);
    assert_eq!((name(&none), none.ranking.len(), none.excluded.len()), (None, 0, 3));
    assert!(none.reasons[0].starts_with("no plan fits: starter answers support within 24 h"));
    assert!(none.reasons[0].ends_with("scale answers support within 2 h, 1 h are needed"));
}

#[test]
fn plans_in_another_currency_are_left_out() {
    let found = recommended(&shipped(), &Needs { currency: Currency::EUR, ..runs(1, 2, 3) });
    assert_eq!(found.excluded[0].reason, "starter is priced in USD, not in EUR");
    assert_eq!(recommended(&[], &runs(1, 2, 3)).reasons, ["no plan is on sale"]);
}

#[test]
fn a_small_premium_buys_headroom() {
    let small = plan("small", "100", 1_000, "0.10", 24);
    let choose = |base| {
        let large = plan("large", base, 10_000, "0.10", 24);
        recommended(&[small.clone(), large], &runs(500, 1_000, 1_800))
    };
    // Small: 100, 100, 180: 120 expected.
    let found = choose("132");
    assert_eq!(name(&found), Some("large"));
    assert_eq!(found.ranking[0].plan.plan, "small");
    assert_eq!(
        found.reasons,
        [
            "large costs at most a tenth more than small (USD 132.00 against USD 120.00 a month expected) \
         and has no overage even in the high case"
        ]
    );
    assert_eq!(name(&choose("132.01")), Some("small"));
}

#[test]
fn headroom_is_bought_only_where_it_helps() {
    let small = plan("small", "100", 2_000, "0.10", 24);
    let large = plan("large", "105", 10_000, "0.10", 24);
    let no_overage = recommended(&[small, large], &runs(500, 1_000, 1_800));
    assert_eq!(name(&no_overage), Some("small"));
    // 127.50 expected, and still 100 runs over.
    let mid = plan("mid", "125", 1_700, "0.10", 24);
    let short = [plan("small", "100", 1_000, "0.10", 24), mid];
    assert_eq!(name(&recommended(&short, &runs(500, 1_000, 1_800))), Some("small"));
    // Only the next plan up counts, not one above it.
    let [small, mid] = short;
    let above = [small, mid, plan("large", "126", 10_000, "0.10", 24)];
    assert_eq!(name(&recommended(&above, &runs(500, 1_000, 1_800))), Some("small"));
}

#[test]
fn ties_go_to_faster_support_and_then_to_the_lower_fee() {
    let needs = runs(1_000, 1_000, 1_000);
    let slow = plan("a-slow", "100", 1_000, "0.10", 24);
    let fast = plan("b-fast", "100", 1_000, "0.10", 8);
    let found = recommended(&[slow.clone(), fast], &needs);
    assert_eq!(name(&found), Some("b-fast"));
    let said =
        "b-fast and a-slow both cost USD 100.00 a month expected; b-fast has the faster support";
    assert_eq!(found.reasons, [said]);
    // 60 and 400 runs over at 0.10.
    let lean = plan("z-lean", "60", 600, "0.10", 24);
    let found = recommended(&[slow, lean], &needs);
    assert_eq!(found.ranking[0].plan.plan, "z-lean");
    assert_eq!(found.ranking[0].expected, found.ranking[1].expected);
    // Equal cost is within a tenth, so that the headroom rule takes the one without overage.
    assert_eq!(name(&found), Some("a-slow"));
    let under = [plan("a-plain", "100", 2_000, "0.10", 24), plan("z-lean", "60", 600, "0.10", 24)];
    let found = recommended(&under, &runs(1_000, 1_000, 1_000));
    assert_eq!(name(&found), Some("a-plain"));
}

#[test]
fn expected_costs_compare_before_they_are_rounded() {
    // 4 E is 40 002 and 40 001 hundredths of a cent: both are shown as 100.01 and 100.00.
    let dearer = plan("a", "100", 1_000, "0.01", 8);
    let cheaper = plan("b", "100", 1_001, "0.01", 24);
    let found = recommended(&[dearer, cheaper], &runs(0, 0, 1_002));
    let order: Vec<&str> = found.ranking.iter().map(|r| r.plan.plan.as_str()).collect();
    assert_eq!(order, ["b", "a"]);
    assert_eq!(
        found.ranking.iter().map(|r| r.expected.amount()).collect::<Vec<_>>(),
        ["100.00", "100.01"]
    );
}

#[test]
fn a_meter_that_a_plan_does_not_include_is_named_as_such() {
    let found = recommended(&[plan("bare", "10", 0, "0.10", 24)], &runs(10, 20, 30));
    assert_eq!(found.reasons[1], "bare includes no runs: USD 3.00 in the high case");
}

#[test]
fn a_plan_without_a_crossing_has_no_break_even() {
    let cheap = plan("cheap", "10", 100, "0.01", 24);
    let never = plan("never", "20", 100, "0.02", 24);
    assert_eq!(recommended(&[cheap, never], &runs(1, 2, 3)).break_even, []);
    let same_fee = [plan("a", "10", 100, "0.02", 24), plan("b", "10", 100, "0.01", 24)];
    assert_eq!(recommended(&same_fee, &runs(1, 2, 3)).break_even, [], "never dearer");
}

#[test]
fn sign_ups_are_free_everywhere() {
    let mut needs = runs(1, 2, 3);
    needs.usage.insert(Meter::Signup, Range::all(units(1_000_000)));
    let with = recommended(&shipped(), &needs);
    let without = recommended(&shipped(), &runs(1, 2, 3));
    assert_eq!(with, without);
}

#[test]
fn a_scenario_that_cannot_be_priced_is_an_error() {
    let most = Quantity::from_micros(i64::MAX);
    let needs =
        Needs { usage: BTreeMap::from([(Meter::Agents, Range::all(most))]), ..runs(0, 0, 0) };
    let dear = plan("dear", "1", 0, "9000000000", 24);
    assert_eq!(recommend(&[&dear], &needs), Err(RatingError::Overflow(Meter::Agents)));
}

#[test]
fn a_base_estimate_spreads_to_its_usual_range() {
    let range = usual_range(units(30_000)).unwrap();
    assert_eq!((range.low, range.base, range.high), (units(21_900), units(30_000), units(45_000)));
    assert_eq!(usual_range(Quantity::from_micros(i64::MAX)), None);
}

fn profile(
    purpose: Purpose,
    voice_minutes: u64,
    support_hours: Option<u32>,
) -> ProfileRecommendation {
    recommend_profile(&ProfileNeeds { purpose, voice_minutes, support_hours })
}

#[test]
fn dev_is_for_evaluation_without_voice_and_hurry() {
    use Purpose::{Evaluation, Production};
    for hours in [None, Some(24), Some(48)] {
        assert_eq!(profile(Evaluation, 0, hours).profile, "dev");
    }
    let said = profile(Evaluation, 0, None).reasons;
    assert_eq!(
        said,
        ["dev: an evaluation without voice, for which support in 24 h or slower is enough"]
    );
    for (purpose, minutes, hours) in
        [(Production, 0, None), (Evaluation, 1, None), (Evaluation, 0, Some(23))]
    {
        let found = profile(purpose, minutes, hours);
        assert_eq!((found.profile, found.reasons.len()), ("prod", 1));
    }
    assert_eq!(
        profile(Production, 5, Some(2)).reasons,
        [
            "prod: it is for production",
            "prod: voice services run there only",
            "prod: support is needed within 2 h, dev has 24 h or slower",
        ]
    );
}

#[test]
fn gpu_pays_from_ten_thousand_voice_minutes() {
    assert_eq!(profile(Purpose::Production, 9_999, None).overlays, [""; 0]);
    let found = profile(Purpose::Evaluation, 10_000, None);
    assert_eq!((found.profile, found.overlays), ("prod", vec!["gpu"]));
    let said = "gpu: 10,000 voice minutes a month, from 10,000 on acceleration pays";
    assert_eq!(found.reasons.last().unwrap(), said);
}

prop_compose! {
    fn ranges()(low in 0_i64..60_000, more in 0_i64..60_000, most in 0_i64..200_000) -> Range<Quantity> {
        Range { low: units(low), base: units(low + more), high: units(low + more + most) }
    }
}

proptest! {
    /// The ranking rises, the choice is its first or within a tenth of it, and every break-even is
    /// the first whole unit at which the plan above costs no more.
    #[test]
    fn recommendations_keep_their_word(agents in ranges(), query in ranges(), hours in prop::option::of(1_u32..30)) {
        let plans = shipped();
        let needs = Needs {
            usage: BTreeMap::from([(Meter::Agents, agents), (Meter::Query, query)]),
            support_hours: hours,
            currency: Currency::USD,
        };
        let found = recommended(&plans, &needs);
        let costs: Vec<i64> = found.ranking.iter().map(|ranked| ranked.expected.minor()).collect();
        prop_assert!(costs.is_sorted());
        prop_assert_eq!(found.ranking.len() + found.excluded.len(), plans.len());
        if let Some(chosen) = &found.plan {
            let own = found.ranking.iter().find(|ranked| ranked.plan == *chosen).unwrap();
            prop_assert!(own.expected.minor() * 10 <= costs[0] * 11);
            let terms = &plans.iter().find(|p| p.id == *chosen).unwrap().terms;
            prop_assert!(hours.is_none_or(|hours| terms.support_hours <= hours));
        }
        for turn in &found.break_even {
            let cost = |id: &PlanId, at: Quantity| {
                let mut usage = needs.scenario(|range| range.base);
                usage.insert(turn.meter, at);
                let terms = &plans.iter().find(|p| p.id == *id).unwrap().terms;
                terms.rate(&usage).unwrap().total.minor()
            };
            let before = turn.units.checked_sub(units(1)).unwrap();
            prop_assert!(cost(&turn.above, turn.units) <= cost(&turn.below, turn.units));
            prop_assert!(cost(&turn.above, before) > cost(&turn.below, before));
        }
    }
}
