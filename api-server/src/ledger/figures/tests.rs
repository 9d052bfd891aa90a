//! What happens between reading an account and storing its summary.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::*;
use crate::{
    domain::{Quantity, calendar::AnchorDay, event::UsageEvent, facts::Stated, meter::Meter},
    ledger::{Append, Item, Settings},
    store::{accounts, facts},
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
    let due = Due { older_than: now(), moved: now(), formula_version: FORMULA_VERSION };
    let mut session = ledger.store().read().await.unwrap();
    let page = snapshots::due(&mut session, due, None, PAGE).await.unwrap();
    let (rows, failed) = figures.page(&mut session, &page, now()).await.unwrap();
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
    store(&ledger, rows).await.unwrap();
    assert!(!stored(&ledger).await.stale);
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
    store(&ledger, rows).await.unwrap();
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
    store(&ledger, rows).await.unwrap();
    assert!(stored(&ledger).await.stale);
}
