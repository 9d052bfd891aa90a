//! Periods: open, in grace, closed; and what comes after.

use std::collections::BTreeMap;

use api_server::{
    domain::{account::AccountId, meter::Meter},
    ledger::{Append, Change, Correction, Item},
    store::periods,
};

use super::ground::{Ground, TOTALS, accepted, account, at, check, usage};

const OCTOBER: &str = "2026-09-30T22:00:00Z";
const NOVEMBER: &str = "2026-10-31T23:00:00Z";
const LAST_OF_GRACE: &str = "2026-11-03T22:59:59.999Z";
const CLOSED: &str = "2026-11-03T23:00:00Z";

fn october(id: &str) -> Item {
    Item::Usage(usage("acme", id, Meter::Query, "2026-10-20T10:30:00Z", "1"))
}

fn void(id: &str, ref_seq: i64) -> Item {
    let notes = BTreeMap::new();
    let (source, id) = ("/corrections".to_owned(), id.to_owned());
    Item::Correction(Correction { source, id, ref_seq, change: Change::Void, notes })
}

/// The account's figures: period, rows and units.
async fn figures(ground: &Ground) -> Vec<(String, String, String)> {
    let rows = ground.table(TOTALS).await;
    let start =
        |ms: &str| jiff::Timestamp::from_millisecond(ms.parse().unwrap()).unwrap().to_string();
    rows.into_iter().map(|row| (start(&row[1]), row[3].clone(), row[4].clone())).collect()
}

fn figure(start: &str, count: &str, micros: &str) -> (String, String, String) {
    (start.to_owned(), count.to_owned(), micros.to_owned())
}

async fn closed(ground: &Ground, id: &AccountId) -> Vec<Option<i64>> {
    let mut session = ground.ledger.store().read().await.unwrap();
    let rows = periods::of_account(&mut session, id).await.unwrap();
    rows.into_iter().map(|row| row.closed.map(|closed| closed.seq)).collect()
}

#[tokio::test]
async fn in_grace_an_event_still_enters_its_own_period() {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock(LAST_OF_GRACE);
    ground.send("acme", vec![october("e-1")]).await;
    assert_eq!(ground.ledger.close_due().await, Ok(0));
    assert_eq!(figures(&ground).await, [figure(OCTOBER, "1", "1000000")]);
}

#[tokio::test]
async fn after_grace_it_enters_the_open_period_and_points_to_its_own() {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock(CLOSED);
    ground.send("acme", vec![october("e-1")]).await;
    assert_eq!(figures(&ground).await, [figure(NOVEMBER, "1", "1000000")]);
    let row = ground.table("SELECT period_start, happened_in FROM usage_ledger").await;
    let expected = [NOVEMBER, OCTOBER].map(|t| at(t).as_millisecond().to_string());
    assert_eq!(row[0], expected);
}

#[tokio::test]
async fn closing_records_the_newest_row_and_is_done_once() {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock("2026-10-21T00:00:00Z");
    ground.send("acme", vec![october("e-1"), october("e-2")]).await;
    ground.set_clock(CLOSED);
    assert_eq!(ground.ledger.close_due().await, Ok(1));
    assert_eq!(ground.ledger.close_due().await, Ok(0));
    assert_eq!(closed(&ground, &account("acme")).await, [Some(2)]);
}

/// Arrived in time, but was stored only after its period was closed.
#[tokio::test]
async fn a_row_that_waited_while_its_period_closed_does_not_slip_in() {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock("2026-10-21T00:00:00Z");
    ground.send("acme", vec![october("e-1")]).await;
    ground.set_clock(CLOSED);
    ground.ledger.close_due().await.unwrap();
    let waited =
        Append { arrived: at(LAST_OF_GRACE), ..ground.request("acme", vec![october("e-2")]) };
    accepted(&ground.ledger.append(waited).await.unwrap());
    let expected = [figure(OCTOBER, "1", "1000000"), figure(NOVEMBER, "1", "1000000")];
    assert_eq!(figures(&ground).await, expected);
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

/// The close runs against a stream of events; whichever way each falls, figures add up and what is
/// closed stays.
#[tokio::test]
async fn a_close_against_late_events_loses_none_and_changes_nothing_closed() {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock(LAST_OF_GRACE);
    ground.send("acme", vec![october("first")]).await;
    let mut sends = Vec::new();
    for n in 0..40 {
        let request = ground.request("acme", vec![october(&format!("e-{n}"))]);
        let ledger = ground.ledger.clone();
        sends.push(tokio::spawn(async move { ledger.append(request).await }));
        if n == 20 {
            ground.set_clock(CLOSED);
            let ledger = ground.ledger.clone();
            sends.push(tokio::spawn(async move {
                ledger.close_due().await?;
                ledger
                    .append(Append {
                        account: account("acme"),
                        arrived: at(CLOSED),
                        atomic: false,
                        items: Vec::new(),
                    })
                    .await
            }));
        }
    }
    for send in sends {
        send.await.unwrap().unwrap();
    }
    let at_close: i64 = closed(&ground, &account("acme")).await[0].unwrap();
    let figures = figures(&ground).await;
    assert_eq!(figures[0], figure(OCTOBER, &at_close.to_string(), &format!("{at_close}000000")));
    let rows: i64 = figures.iter().map(|figure| figure.1.parse::<i64>().unwrap()).sum();
    assert_eq!(rows, 41);
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

#[tokio::test]
async fn a_correction_of_a_closed_period_enters_the_open_one() {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock("2026-10-21T00:00:00Z");
    ground.send("acme", vec![october("e-1")]).await;
    ground.set_clock(CLOSED);
    ground.ledger.close_due().await.unwrap();
    ground.send("acme", vec![void("c-1", 1)]).await;
    let expected = [figure(OCTOBER, "1", "1000000"), figure(NOVEMBER, "1", "-1000000")];
    assert_eq!(figures(&ground).await, expected);
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

#[tokio::test]
async fn a_period_without_rows_has_none_to_close() {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock("2027-01-01T00:00:00Z");
    assert_eq!(ground.ledger.close_due().await, Ok(0));
    assert_eq!(closed(&ground, &account("acme")).await, []);
}
