//! Sums whose parts fit where they were stored, but not together, or not on the way.

use std::collections::BTreeMap;

use api_server::{
    domain::{Quantity, calendar::period_of, meter::Meter},
    ledger::{
        Change, Correction, Item,
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

/// A day's use that was posted to two periods: each of them can hold its part, nothing can hold both.
#[tokio::test]
async fn a_day_whose_sum_does_not_fit_leaves_the_other_accounts_their_summaries() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    ground.set_clock("2026-10-20T12:00:00Z");
    accepted(&ground.send("acme", vec![vast("e-1", "2026-10-20T10:00:00Z")]).await);
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
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock("2026-11-23T12:00:00Z");
    let void = Item::Correction(Correction {
        source: "/corrections".to_owned(),
        id: "c-1".to_owned(),
        ref_seq: 1,
        change: Change::Void,
        notes: BTreeMap::new(),
    });
    accepted(&ground.send("acme", vec![vast("e-1", "2026-11-23T10:15:00Z")]).await);
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
