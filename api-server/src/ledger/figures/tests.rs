//! What happens between reading an account and storing its summary.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::*;
use crate::{
    domain::{
        Quantity,
        calendar::AnchorDay,
        catalogue::{Catalogue, PlanId},
        event::UsageEvent,
        facts::Stated,
        meter::Meter,
        subscription::Agreement,
    },
    ledger::{Append, Item, Settings},
    store::{accounts, bill, facts, posted},
};

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn acme() -> AccountId {
    "acme".parse().unwrap()
}

async fn ledger(folder: &Path) -> Ledger {
    let settings = Settings { clock: Arc::new(now), ..Settings::default() };
    let ledger = Ledger::open(folder, settings).await.unwrap();
    let account = Account {
        id: acme(),
        name: "Acme".to_owned(),
        zone: "UTC".parse().unwrap(),
        anchor: AnchorDay::new(1).unwrap(),
        currency: "USD".to_owned(),
        created_at: now(),
    };
    let work = ledger.transact(None, move |session, _| {
        Box::pin(async move { accounts::add(session, &account).await.map(drop) })
    });
    work.await.unwrap();
    ledger
}

/// Works acme out and answers before its summary is stored.
async fn worked_out(ledger: &Ledger) -> Vec<Computed> {
    let figures = Figures::new(Rhythm::every(SignedDuration::from_mins(5)));
    let (now, formula_version) = (now(), FORMULA_VERSION);
    let due = Due { older_than: now, moved: now, formula_version, ahead: now };
    let mut session = ledger.store().read().await.unwrap();
    let page = snapshots::due(&mut session, due, None, PAGE).await.unwrap();
    let (rows, failed) = figures.page(&mut session, &page, now).await.unwrap();
    assert_eq!((rows.len(), failed), (1, 0));
    rows
}

async fn stored(ledger: &Ledger) -> SnapshotRow {
    let mut session = ledger.store().read().await.unwrap();
    snapshots::get(&mut session, &acme()).await.unwrap().unwrap().0
}

#[tokio::test]
async fn a_summary_that_nothing_overtook_is_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path()).await;
    let rows = worked_out(&ledger).await;
    store(&ledger, None, rows).await.unwrap();
    assert!(!stored(&ledger).await.stale);
}

fn used(id: &str, minute: u8) -> Item {
    Item::Usage(UsageEvent {
        account: acme(),
        source: "/core".to_owned(),
        id: id.to_owned(),
        meter: Meter::Agents,
        time: format!("2026-11-23T10:{minute:02}:00Z").parse().unwrap(),
        quantity: Quantity::from_units(i64::from(minute)).unwrap(),
        dims: BTreeMap::new(),
    })
}

async fn append(ledger: &Ledger, items: Vec<Item>) {
    let append = Append { account: acme(), arrived: now(), atomic: false, items };
    ledger.append(append).await.unwrap();
}

/// A bill and a summary cut the same use at the same instants, also within an hour, and also when the
/// summary is computed again after more has come.
#[tokio::test]
async fn an_hour_in_which_a_plan_changes_is_divided_as_in_the_bill() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path()).await;
    ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    for (plan, from) in [("starter", "2026-11-23T10:10:00Z"), ("team", "2026-11-23T10:30:00Z")] {
        let plan = PlanId { plan: plan.to_owned(), version: 1 };
        let effective_at = from.parse().unwrap();
        let agreement = Agreement { plan, effective_at, agreed_at: effective_at };
        ledger.agree(&acme(), agreement).await.unwrap();
    }
    append(&ledger, vec![used("a", 9), used("b", 10), used("c", 29), used("d", 30)]).await;
    let mut session = ledger.store().read().await.unwrap();
    let account = accounts::get(&mut session, &acme()).await.unwrap().unwrap();
    let bill = bill::of_period(&mut session, &account, now()).await.unwrap();
    drop(session);
    let agents = |slice: &posted::Slice| slice[&Meter::Agents].quantity.micros();
    let of_bill: Vec<i64> = bill.slices.iter().map(agents).collect();
    assert_eq!(of_bill, [9, 10 + 29, 30].map(|units| units * 1_000_000));
    let earlier =
        |kept: &Kept| -> Vec<i64> { kept.earlier.iter().map(|slice| slice["agents"]).collect() };
    let computed = worked_out(&ledger).await;
    assert_eq!(earlier(&computed[0].kept), of_bill[..2]);

    append(&ledger, vec![used("e", 5), used("f", 20), used("g", 59)]).await;
    let mut session = ledger.store().read().await.unwrap();
    let again = Gathered::again(&mut session, &account, &computed[0].kept).await.unwrap();
    assert_eq!(earlier(&again.kept), of_bill[..2]);
}

#[tokio::test]
async fn a_row_that_came_meanwhile_makes_a_summary_stale_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path()).await;
    let rows = worked_out(&ledger).await;
    let event = UsageEvent {
        account: acme(),
        source: "/core".to_owned(),
        id: "e".to_owned(),
        meter: Meter::Query,
        time: now(),
        quantity: Quantity::from_micros(1),
        dims: BTreeMap::new(),
    };
    let items = vec![Item::Usage(event)];
    let append = Append { account: acme(), arrived: now(), atomic: false, items };
    ledger.append(append).await.unwrap();
    store(&ledger, None, rows).await.unwrap();
    let row = stored(&ledger).await;
    assert_eq!((row.ledger_seq, row.stale), (0, true));
}

#[tokio::test]
async fn a_fact_that_was_stated_meanwhile_makes_a_summary_stale_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path()).await;
    let rows = worked_out(&ledger).await;
    let stated = Stated { days_overdue: Some(3), ..Stated::default() };
    let work = ledger.transact(None, move |session, now| {
        Box::pin(async move { facts::put(session, &acme(), stated, ("ada", now)).await.map(drop) })
    });
    work.await.unwrap();
    store(&ledger, None, rows).await.unwrap();
    assert!(stored(&ledger).await.stale);
}
