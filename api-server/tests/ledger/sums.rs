//! Sums whose parts fit where they were stored, but not together, or not on the way.

use std::collections::BTreeMap;

use api_server::{
    domain::{
        Quantity,
        calendar::period_of,
        catalogue::{Catalogue, PlanId},
        meter::Meter,
        subscription::Agreement,
    },
    ledger::{
        Change, Correction, Item, Outcome, Reason,
        figures::{Done, Figures, Rhythm},
    },
    store::{accounts, posted},
};
use jiff::SignedDuration;

use super::ground::{Ground, accepted, account, at, check, query, usage};

/// Nine tenths of what fits.
const NEARLY_ALL: i64 = i64::MAX / 10 * 9;

fn vast(id: &str, time: &str) -> Item {
    let mut event = usage("acme", id, Meter::Query, time, "0");
    event.quantity = Quantity::from_micros(NEARLY_ALL);
    Item::Usage(event)
}

/// Accounts, of which `acme` used nearly all that fits.
async fn with_vast_use(accounts: &[&str], (now, happened): (&str, &str)) -> Ground {
    let ground = Ground::with(accounts).await;
    ground.set_clock(now);
    accepted(&ground.send("acme", vec![vast("e-1", happened)]).await);
    ground
}

/// A day's use that was posted to two periods: each of them can hold its part, nothing can hold both.
#[tokio::test]
async fn a_day_whose_sum_does_not_fit_leaves_the_other_accounts_their_summaries() {
    let first = ("2026-10-20T12:00:00Z", "2026-10-20T10:00:00Z");
    let ground = with_vast_use(&["acme", "borealis"], first).await;
    ground.set_clock("2026-11-05T12:00:00Z");
    ground.ledger.close_due().await.unwrap();
    accepted(&ground.send("acme", vec![vast("e-2", "2026-10-20T11:00:00Z")]).await);
    ground.set_clock(super::ground::NOW);
    accepted(&ground.send("borealis", vec![query("borealis", "e-1", "1")]).await);
    let mut figures = Figures::new(Rhythm::every(SignedDuration::from_mins(5)));
    let done = figures.round(&ground.ledger).await;
    assert_eq!(done, Ok(Done { computed: 1, failed: 1 }));
    let summed_up = ground.table("SELECT account FROM snapshots").await;
    assert_eq!(summed_up, [["borealis"]]);
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

/// By the order of time a row is added up before what took another one back.
#[tokio::test]
async fn an_hour_that_a_plan_divides_adds_up_whatever_was_taken_back_meanwhile() {
    let first = ("2026-11-23T12:00:00Z", "2026-11-23T10:15:00Z");
    let ground = with_vast_use(&["acme"], first).await;
    let void = Item::Correction(Correction {
        source: "/corrections".to_owned(),
        id: "c-1".to_owned(),
        ref_seq: 1,
        change: Change::Void,
        notes: BTreeMap::new(),
    });
    accepted(&ground.send("acme", vec![void]).await);
    let items = vec![vast("e-2", "2026-11-23T10:10:00Z"), query("acme", "e-3", "0")];
    accepted(&ground.send("acme", items).await);
    let mut session = ground.ledger.store().read().await.unwrap();
    let acme = accounts::get(&mut session, &account("acme")).await.unwrap().unwrap();
    let period = period_of(ground.now(), &acme.zone, acme.anchor).unwrap();
    let cuts = [at("2026-11-23T10:30:00Z")];
    let slices = posted::in_slices(&mut session, &acme, period, &cuts).await.unwrap();
    let before = slices[0][&Meter::Query];
    assert_eq!((before.rows, before.quantity.micros()), (3, NEARLY_ALL));
    assert_eq!(slices[1][&Meter::Query].quantity, Quantity::ZERO);
}

/// As many as fit were used twice and taken back once: in the order of time they do not fit on the way.
fn back_and_forth() -> Vec<Vec<Item>> {
    let void = Item::Correction(Correction {
        source: "/corrections".to_owned(),
        id: "c-1".to_owned(),
        ref_seq: 1,
        change: Change::Void,
        notes: BTreeMap::new(),
    });
    vec![
        vec![vast("e-1", "2026-11-23T10:15:00Z")],
        vec![void],
        vec![vast("e-2", "2026-11-23T10:10:00Z")],
    ]
}

/// What was free is looked up with each batch: where its rows cannot be added up, nobody's use would come in.
#[tokio::test]
async fn what_was_free_within_an_hour_is_added_up_whatever_was_taken_back_meanwhile() {
    let ground = Ground::with(&["acme"]).await;
    for items in back_and_forth() {
        accepted(&ground.send("acme", items).await);
    }
    ground.agree("acme", "team", "2026-11-23T10:30:00Z").await;
    let ground = ground.reopen().await;
    accepted(&ground.send("acme", vec![query("acme", "e-3", "0")]).await);
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

/// The same of whole hours: what came late in the two first ones was taken back in the third one's month.
#[tokio::test]
async fn what_was_free_in_whole_hours_is_added_up_whatever_was_taken_back_meanwhile() {
    let first = ("2026-10-20T16:00:00Z", "2026-10-20T09:00:00Z");
    let ground = with_vast_use(&["acme", "borealis"], first).await;
    ground.agree("acme", "team", "2026-10-20T12:00:00Z").await;
    ground.set_clock(super::ground::NOW);
    ground.ledger.close_due().await.unwrap();
    accepted(&ground.send("acme", back_and_forth().swap_remove(1)).await);
    for (id, time) in [("e-2", "2026-10-20T08:00:00Z"), ("e-3", "2026-10-20T07:00:00Z")] {
        accepted(&ground.send("acme", vec![vast(id, time)]).await);
    }
    accepted(&ground.send("acme", vec![query("acme", "e-4", "0")]).await);
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

/// Free use that came late, beside as much that was taken back after the plan had begun: the figure fits, and what
/// of it is free does not. The account is told so by name, and the others go on.
#[tokio::test]
async fn free_use_that_does_not_fit_refuses_the_accounts_items_by_name_and_nobody_elses() {
    let first = ("2026-10-20T16:00:00Z", "2026-10-20T14:00:00Z");
    let ground = with_vast_use(&["acme", "borealis"], first).await;
    ground.agree("acme", "team", "2026-10-20T12:00:00Z").await;
    ground.set_clock(super::ground::NOW);
    ground.ledger.close_due().await.unwrap();
    accepted(&ground.send("acme", vec![vast("e-2", "2026-10-20T08:00:00Z")]).await);
    let void = back_and_forth().swap_remove(1);
    accepted(&ground.send("acme", void).await);
    // The figure would be as large as one of them.
    let both = vec![vast("e-3", "2026-10-20T09:00:00Z"), query("acme", "e-4", "0")];
    let receipt = ground.send("acme", both).await;
    assert_eq!(receipt.outcomes[0], Outcome::Refused(Reason::TotalOverflow));
    assert!(matches!(receipt.outcomes[1], Outcome::Accepted { .. }), "{receipt:?}");
    accepted(&ground.send("borealis", vec![query("borealis", "e-1", "1")]).await);
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

/// A plan that would begin where what was free before it does not fit: it is refused by name, and use goes on.
#[tokio::test]
async fn a_plan_whose_free_use_does_not_fit_is_refused_by_name() {
    let first = ("2026-10-20T16:00:00Z", "2026-10-20T14:00:00Z");
    let ground = with_vast_use(&["acme"], first).await;
    ground.set_clock("2026-11-05T12:00:00Z");
    ground.ledger.close_due().await.unwrap();
    accepted(&ground.send("acme", back_and_forth().swap_remove(1)).await);
    for (id, time) in [("e-2", "2026-10-20T08:00:00Z"), ("e-3", "2026-10-20T09:00:00Z")] {
        accepted(&ground.send("acme", vec![vast(id, time)]).await);
    }
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    let plan = PlanId { plan: "team".to_owned(), version: 1 };
    let effective_at = at("2026-10-20T12:00:00Z");
    let agreement = Agreement { plan, effective_at, agreed_at: ground.now() };
    let refused = ground.ledger.agree(&account("acme"), agreement).await.unwrap_err().to_string();
    assert!(refused.contains("what acme used free of query since 2026-"), "{refused}");
    assert_eq!(ground.table("SELECT COUNT(*) FROM agreements").await, [["0"]]);
    ground.set_clock(super::ground::NOW);
    accepted(&ground.send("acme", vec![query("acme", "e-4", "0")]).await);
}
