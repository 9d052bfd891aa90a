use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    catalogue::VersionDocument,
    meter::Meter,
    quantity::Quantity,
    rating::{Stretch, Usage, rate},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(day: i64) -> Timestamp {
    november().start().checked_add(SignedDuration::from_hours(24 * day)).unwrap()
}

/// November 2026 in UTC.
fn november() -> Period {
    Period::from_edges(at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z")).unwrap()
}

fn december() -> Period {
    Period::from_edges(at("2026-12-01T00:00:00Z"), at("2027-01-01T00:00:00Z")).unwrap()
}

fn id(plan: &str, version: u32) -> PlanId {
    PlanId { plan: plan.to_owned(), version }
}

/// The shipped plans, a second version of `team` from 15 November, and one in euros.
fn catalogue() -> Catalogue {
    let shipped = Catalogue::shipped().unwrap();
    let mut versions: Vec<PlanVersion> = shipped.versions().cloned().collect();
    let mut add = |plan: &str, number: u32, currency: &str, base: &str, from: Timestamp| {
        let mut document = VersionDocument::from(shipped.get(&id("team", 1)).unwrap());
        document.plan = plan.to_owned();
        document.version = number;
        document.currency = currency.to_owned();
        document.base = base.to_owned();
        document.effective_from = Some(from.to_string());
        versions.push(document.read("").unwrap());
    };
    add("team", 2, "USD", "999.00", day(14));
    add("euro", 1, "EUR", "999.00", at("2026-01-01T00:00:00Z"));
    Catalogue::new(versions).unwrap()
}

/// On a plan since the year began.
fn on(plan: &str) -> Subscription {
    let start = at("2026-01-01T00:00:00Z");
    Subscription::start(Agreement { plan: id(plan, 1), effective_at: start, agreed_at: start })
}

fn ask<'a>(plan: &'a str) -> Request<'a> {
    Request { plan, version: None }
}

/// What asking for a plan in November leads to.
fn request(
    subscription: &Subscription,
    asked: Request<'_>,
    now: Timestamp,
) -> Result<Outcome, RequestError> {
    subscription.request(asked, &catalogue(), november(), now)
}

/// Asks, and appends what it leads to.
fn agree(subscription: &mut Subscription, plan: &str, now: Timestamp) -> Outcome {
    let outcome = request(subscription, ask(plan), now).unwrap();
    subscription.append(outcome.agreement.clone());
    outcome
}

/// The plan that is in force on each of some days of November, and on 1 December.
fn plans(subscription: &Subscription, days: &[i64]) -> Vec<String> {
    let plan = |&d| subscription.at(day(d)).map_or("-".to_owned(), |a| a.plan.to_string());
    days.iter().map(plan).collect()
}

#[test]
fn an_upgrade_takes_effect_at_once_and_is_prorated() {
    let mut subscription = on("starter");
    let outcome = agree(&mut subscription, "team", day(10));
    assert_eq!(outcome.agreement.effective_at, day(10));
    let change = outcome.change.unwrap();
    // 899.00 and 299.00, two thirds of each.
    assert_eq!(change.charge.amount(), "599.33");
    assert_eq!(change.credit.amount(), "199.33");
    assert_eq!(plans(&subscription, &[9, 10, 30]), ["starter@1", "team@1", "team@1"]);
    let before = day(10).checked_sub(SignedDuration::from_nanos(1)).unwrap();
    assert_eq!(subscription.at(before).unwrap().plan, id("starter", 1));
}

#[test]
fn a_downgrade_waits_for_the_end_of_the_period_and_costs_nothing_now() {
    let mut subscription = on("team");
    let outcome = agree(&mut subscription, "starter", day(10));
    assert_eq!(outcome.agreement.effective_at, november().end());
    assert_eq!(outcome.agreement.agreed_at, day(10));
    assert_eq!(outcome.change, None);
    assert_eq!(plans(&subscription, &[10, 29, 30]), ["team@1", "team@1", "starter@1"]);
    assert_eq!(subscription.pending(day(29)).unwrap().plan, id("starter", 1));
    assert_eq!(subscription.pending(day(30)), None);
}

#[test]
fn an_upgrade_cancels_a_downgrade_that_waits() {
    let mut subscription = on("team");
    agree(&mut subscription, "starter", day(10));
    agree(&mut subscription, "scale", day(12));
    assert_eq!(
        plans(&subscription, &[11, 12, 30, 60]),
        ["team@1", "scale@1", "scale@1", "scale@1"]
    );
}

#[test]
fn asking_for_ones_own_plan_cancels_a_downgrade_that_waits_and_costs_nothing() {
    let mut subscription = on("team");
    agree(&mut subscription, "starter", day(10));
    let outcome = agree(&mut subscription, "team", day(12));
    assert_eq!(outcome.change.unwrap().net().unwrap().amount(), "0.00");
    assert_eq!(plans(&subscription, &[12, 30, 60]), ["team@1", "team@1", "team@1"]);
    assert_eq!(subscription.pending(day(12)), None);
    // And it does not split the period.
    assert_eq!(subscription.stretches(november()).len(), 1);
}

#[test]
fn another_downgrade_replaces_the_one_that_waits() {
    let mut subscription = on("scale");
    agree(&mut subscription, "starter", day(10));
    agree(&mut subscription, "team", day(12));
    assert_eq!(plans(&subscription, &[12, 30]), ["scale@1", "team@1"]);
}

#[test]
fn a_change_that_took_effect_is_not_undone_by_the_next() {
    let mut subscription = on("starter");
    agree(&mut subscription, "team", day(5));
    agree(&mut subscription, "scale", day(10));
    assert_eq!(plans(&subscription, &[4, 5, 10]), ["starter@1", "team@1", "scale@1"]);
}

#[test]
fn an_agreement_cancels_what_had_not_taken_effect_when_it_was_made() {
    let agreement = |plan: &str, effective: i64, agreed: i64| Agreement {
        plan: id(plan, 1),
        effective_at: day(effective),
        agreed_at: day(agreed),
    };
    let mut subscription = on("scale");
    subscription.append(agreement("team", 20, 5));
    // Not even until its own day comes, when that is later.
    subscription.append(agreement("starter", 30, 10));
    assert_eq!(plans(&subscription, &[19, 20, 30]), ["scale@1", "scale@1", "starter@1"]);
}

#[test]
fn a_back_dated_agreement_replaces_what_took_effect_after_its_day() {
    let mut subscription = on("starter");
    agree(&mut subscription, "team", day(10));
    let (effective_at, agreed_at) = (day(5), day(20));
    subscription.append(Agreement { plan: id("scale", 1), effective_at, agreed_at });
    assert_eq!(
        plans(&subscription, &[4, 5, 10, 60]),
        ["starter@1", "scale@1", "scale@1", "scale@1"]
    );
    let stretch = |plan: &str, from, to| (plan.to_owned(), from, to);
    assert_eq!(
        stretches(&subscription, november()),
        [stretch("starter@1", day(0), day(5)), stretch("scale@1", day(5), day(30))]
    );
}

#[test]
fn the_agreed_version_stays_when_a_newer_one_is_on_sale() {
    let subscription = on("team");
    assert_eq!(plans(&subscription, &[13, 20, 60]), ["team@1", "team@1", "team@1"]);
    // Who declares the same plan over and over is not moved.
    let again = request(&subscription, ask("team"), day(20));
    assert_eq!(again, Err(RequestError::Unchanged(id("team", 1))));
    assert_eq!(again.unwrap_err().to_string(), "the account is on team@1 already");
}

#[test]
fn the_newer_version_is_there_for_who_asks_for_it() {
    let subscription = on("team");
    let newer = Request { plan: "team", version: Some(2) };
    let outcome = request(&subscription, newer, day(20)).unwrap();
    assert_eq!(outcome.agreement.plan, id("team", 2));
    assert_eq!(outcome.agreement.effective_at, day(20));
    // One third of 999.00 and of 899.00.
    assert_eq!(outcome.change.unwrap().net().unwrap().amount(), "33.33");
}

#[test]
fn who_changes_plan_gets_the_version_that_is_on_sale_then() {
    let subscription = on("starter");
    let plan = |now| request(&subscription, ask("team"), now).unwrap().agreement.plan;
    assert_eq!(plan(day(13)), id("team", 1));
    assert_eq!(plan(day(14)), id("team", 2));
}

#[test]
fn what_is_not_on_sale_is_answered_with_what_is() {
    let subscription = on("team");
    let message = |plan, version| {
        request(&subscription, Request { plan, version }, day(20)).unwrap_err().to_string()
    };
    assert_eq!(
        message("tema", None),
        "\"tema\" is not in the catalogue (starter, euro, team, scale); \
         the account stays on \"team\""
    );
    assert!(message("scale", Some(2)).starts_with("\"scale@2\" is not in the catalogue"));
    let starter = on("starter");
    for (version, now) in [(1, day(20)), (2, day(10))] {
        let asked = Request { plan: "team", version: Some(version) };
        let result = request(&starter, asked, now);
        assert!(matches!(result, Err(RequestError::NotOnSale { .. })), "{result:?}");
    }
}

#[test]
fn the_agreed_version_can_be_named_although_it_is_not_on_sale() {
    let mut subscription = on("team");
    agree(&mut subscription, "starter", day(20));
    let asked = Request { plan: "team", version: Some(1) };
    assert_eq!(request(&subscription, asked, day(21)).unwrap().agreement.plan, id("team", 1));
}

#[test]
fn an_account_keeps_its_currency() {
    let error = request(&on("team"), ask("euro"), day(10)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "euro@1 is in EUR, the account in USD: choose a plan in its currency"
    );
}

#[test]
fn requests_are_for_the_current_period_of_a_known_plan_that_has_started() {
    let subscription = on("team");
    for now in [at("2026-10-31T23:59:59Z"), november().end()] {
        assert_eq!(request(&subscription, ask("scale"), now), Err(RequestError::Period(now)));
    }
    let unknown = on("gone");
    let error = request(&unknown, ask("scale"), day(1)).unwrap_err();
    assert_eq!(error, RequestError::Unknown(id("gone", 1)));
    let first = Agreement { plan: id("team", 1), effective_at: day(20), agreed_at: day(1) };
    let later = Subscription::start(first);
    let error = request(&later, ask("scale"), day(2)).unwrap_err();
    assert_eq!(error, RequestError::NotStarted(day(20)));
}

#[test]
fn a_clock_that_was_set_back_undoes_nothing() {
    let mut subscription = on("starter");
    agree(&mut subscription, "team", day(10));
    let outcome = agree(&mut subscription, "scale", day(9));
    assert_eq!(outcome.agreement.agreed_at, day(10));
    assert_eq!(plans(&subscription, &[9, 10]), ["starter@1", "scale@1"]);
}

// ---- stretches and bills

fn stretches(subscription: &Subscription, period: Period) -> Vec<(String, Timestamp, Timestamp)> {
    let stretches = subscription.stretches(period);
    stretches.into_iter().map(|s| (s.plan.to_string(), s.start, s.end)).collect()
}

#[test]
fn a_period_without_a_change_is_one_stretch() {
    let whole = ("team@1".to_owned(), november().start(), november().end());
    let subscription = on("team");
    assert_eq!(stretches(&subscription, november()), [whole]);
    let share = subscription.stretches(november())[0].share;
    assert_eq!(share.of_quantity(Quantity::from_micros(7)), Some(Quantity::from_micros(7)));
}

#[test]
fn a_period_is_split_where_plans_change_and_nowhere_else() {
    let mut subscription = on("starter");
    agree(&mut subscription, "team", day(10));
    agree(&mut subscription, "starter", day(20));
    let starter = |from, to| ("starter@1".to_owned(), from, to);
    let team = |from, to| ("team@1".to_owned(), from, to);
    let first = [starter(day(0), day(10)), team(day(10), day(30))];
    assert_eq!(stretches(&subscription, november()), first);
    assert_eq!(stretches(&subscription, december()), [starter(day(30), december().end())]);
}

#[test]
fn a_back_dated_start_covers_what_is_after_it() {
    let first = Agreement { plan: id("team", 1), effective_at: day(10), agreed_at: day(25) };
    let subscription = Subscription::start(first);
    let stretch = ("team@1".to_owned(), day(10), day(30));
    assert_eq!(stretches(&subscription, november()), [stretch]);
    let october = Period::from_edges(at("2026-10-01T00:00:00Z"), november().start()).unwrap();
    assert_eq!(stretches(&subscription, october), []);
    assert_eq!(subscription.at(day(9)), None);
}

/// The bill of November when the same runs were used in each stretch.
fn bill(subscription: &Subscription, runs: i64) -> crate::domain::rating::Statement {
    let catalogue = catalogue();
    let usage = Usage::from([(Meter::Agents, Quantity::from_units(runs).unwrap())]);
    let stretches = subscription.stretches(november());
    let stretches: Vec<Stretch<'_>> = stretches
        .iter()
        .map(|stretch| {
            let terms = &catalogue.get(&stretch.plan).unwrap().terms;
            Stretch { terms, share: stretch.share, usage: &usage }
        })
        .collect();
    rate(&stretches).unwrap()
}

#[test]
fn the_bill_is_the_old_fee_and_what_the_upgrade_was_said_to_cost() {
    let mut subscription = on("starter");
    let net = agree(&mut subscription, "team", day(10)).change.unwrap().net().unwrap();
    let total = bill(&subscription, 0).total;
    assert_eq!(total.minor(), 29_900 + net.minor());
    assert_eq!(total.amount(), "699.00");
}

#[test]
fn usage_of_both_stretches_shares_the_allowance_of_both_plans() {
    let mut subscription = on("starter");
    agree(&mut subscription, "team", day(10));
    // 30 000 runs are included: 10 000 × 10/30 + 40 000 × 20/30. The 2 000 above are Team's.
    assert_eq!(bill(&subscription, 15_000).total.amount(), "699.00");
    assert_eq!(bill(&subscription, 16_000).total.amount(), "759.00");
}

proptest! {
    #[test]
    fn stretches_cover_a_period_without_gap_and_fees_foot(
        asks in prop::collection::vec((0_i64..30 * 86_400, prop::sample::select(vec!["starter", "team", "scale"])), 0..8),
    ) {
        let mut asks = asks;
        asks.sort_unstable();
        let mut subscription = on("starter");
        let mut fee = 29_900;
        for (second, plan) in asks {
            let now = november().start().checked_add(SignedDuration::from_secs(second)).unwrap();
            if let Ok(outcome) = request(&subscription, ask(plan), now) {
                fee += outcome.change.map_or(0, |change| change.net().unwrap().minor());
                subscription.append(outcome.agreement);
            }
        }
        let stretches = subscription.stretches(november());
        prop_assert_eq!(stretches.first().unwrap().start, november().start());
        prop_assert_eq!(stretches.last().unwrap().end, november().end());
        for pair in stretches.windows(2) {
            prop_assert_eq!(pair[0].end, pair[1].start);
            prop_assert_ne!(&pair[0].plan, &pair[1].plan);
        }
        for stretch in &stretches {
            prop_assert_eq!(&subscription.at(stretch.start).unwrap().plan, &stretch.plan);
        }
        prop_assert_eq!(bill(&subscription, 0).total.minor(), fee);
        prop_assert_eq!(subscription.stretches(december()).len(), 1);
    }
}

/// Asks for an end, and appends it.
fn end(subscription: &mut Subscription, period: Period, now: Timestamp) -> End {
    let end = subscription.ending(period, now).unwrap();
    subscription.append(end);
    end
}

#[test]
fn an_end_waits_for_the_end_of_the_period_and_cancels_what_waits() {
    let mut subscription = on("team");
    agree(&mut subscription, "starter", day(5));
    end(&mut subscription, november(), day(10));
    assert_eq!(plans(&subscription, &[10, 29, 30]), ["team@1", "team@1", "-"]);
    assert_eq!(subscription.pending(day(10)), None);
    for now in [day(10), day(30), day(90)] {
        assert_eq!(subscription.end(now).unwrap().effective_at, november().end());
    }
    assert_eq!(subscription.stretches(november()).len(), 1);
    assert_eq!(subscription.stretches(december()), []);
    assert_eq!(subscription.ending(december(), day(31)), Err(RequestError::NoPlan));
}

#[test]
fn a_plan_takes_an_end_back_that_waits() {
    let mut subscription = on("team");
    end(&mut subscription, november(), day(10));
    agree(&mut subscription, "team", day(12));
    assert_eq!((subscription.end(day(12)), subscription.end(day(40))), (None, None));
    assert_eq!(plans(&subscription, &[12, 30, 60]), ["team@1", "team@1", "team@1"]);
    assert_eq!(subscription.stretches(november()).len(), 1);
}

/// In the period right after, there was never a gap; later there is one of whole periods.
#[test]
fn a_plan_after_an_end_counts_from_the_start_of_its_period() {
    let mut at_once = on("team");
    end(&mut at_once, november(), day(10));
    let mut later = at_once.clone();
    let outcome = at_once.request(ask("team"), &catalogue(), december(), day(40)).unwrap();
    // The second version is on sale by then.
    assert_eq!(outcome.agreement.effective_at, december().start());
    assert_eq!(outcome.change.unwrap().charge.amount(), "999.00");
    at_once.append(outcome.agreement);
    assert_eq!(plans(&at_once, &[29, 30, 40]), ["team@1", "team@2", "team@2"]);
    let january =
        Period::from_edges(at("2027-01-01T00:00:00Z"), at("2027-02-01T00:00:00Z")).unwrap();
    let now = at("2027-01-20T00:00:00Z");
    let euro = later.request(ask("euro"), &catalogue(), january, now);
    assert!(matches!(euro, Err(RequestError::Currency { .. })), "{euro:?}");
    let outcome = later.request(ask("starter"), &catalogue(), january, now).unwrap();
    later.append(outcome.agreement);
    assert_eq!((later.stretches(december()).len(), later.stretches(january).len()), (0, 1));
    assert_eq!(later.stretches(january)[0].start, january.start());
    assert_eq!(later.began(), Some(at("2026-01-01T00:00:00Z")));
}
