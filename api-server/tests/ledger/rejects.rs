//! Events that were not taken: what is kept of them, and how little a flood can do.

use std::time::Duration;

use api_server::{
    ledger::rejects::Rejects,
    store::rejects::{self, Fault, Filter, MOST, MOST_BYTES, Reject},
};

use super::ground::{Ground, account, at, query};

fn reject(a: &str, id: usize, detail: &str) -> Reject {
    Reject {
        account: account(a),
        source: Some("/core".to_owned()),
        id: Some(id.to_string()),
        meter: None,
        time: None,
        arrived: at("2026-11-23T12:00:00Z"),
        first_seen_at: None,
        faults: vec![Fault::new("/time", "bad_time", detail)],
    }
}

async fn add(ground: &Ground, rejects: Vec<Reject>) {
    let work = ground.ledger.transact(None, move |session, now| {
        Box::pin(async move { rejects::add(session, &rejects, now).await })
    });
    work.await.unwrap();
}

/// The numbers that are kept: first, last, how many.
async fn kept(ground: &Ground, a: &str) -> (i64, i64, i64) {
    let rows = ground
        .table("SELECT account, MIN(n), MAX(n), COUNT(*) FROM rejects GROUP BY account")
        .await;
    let row = rows.into_iter().find(|row| row[0] == a);
    let number = |row: &Vec<String>, at: usize| row[at].parse().unwrap();
    row.map_or((0, 0, 0), |row| (number(&row, 1), number(&row, 2), number(&row, 3)))
}

#[tokio::test]
async fn only_the_newest_are_kept_of_each_account() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    add(&ground, vec![reject("borealis", 0, "x")]).await;
    for batch in 0..11_usize {
        add(&ground, (0..1_000).map(|n| reject("acme", batch * 1_000 + n, "x")).collect()).await;
    }
    assert_eq!(kept(&ground, "acme").await, (11_000 - MOST + 1, 11_000, MOST));
    assert_eq!(kept(&ground, "borealis").await, (1, 1, 1));
}

#[tokio::test]
async fn large_ones_are_fewer() {
    let ground = Ground::with(&["acme"]).await;
    let large = |id| Reject {
        faults: (0..8).map(|_| Fault::new("/x", "y", &"é".repeat(400))).collect(),
        ..reject("acme", id, "")
    };
    let size = i64::try_from(large(1).size()).unwrap();
    assert!((8 * 600..6_000).contains(&size), "texts are cut to 300 characters: {size}");
    for batch in 0..2_usize {
        add(&ground, (0..1_000).map(|n| large(batch * 1_000 + n)).collect()).await;
    }
    let (_, last, count) = kept(&ground, "acme").await;
    assert!(
        last == 2_000 && (count - 1) * size < MOST_BYTES && (count + 20) * size > MOST_BYTES,
        "{count}"
    );
}

#[tokio::test]
async fn accounts_that_are_not_there_have_none() {
    let ground = Ground::with(&["acme"]).await;
    add(&ground, vec![reject("nobody", 1, "x"), reject("acme", 2, "x"), reject("nobody", 3, "x")])
        .await;
    assert_eq!((kept(&ground, "acme").await.2, kept(&ground, "nobody").await.2), (1, 0));
}

#[tokio::test]
async fn noting_never_waits_and_the_oldest_gives_way() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    let rejects = Rejects::default();
    // Nobody writes yet.
    rejects.note((0..100_000).map(|n| reject("acme", n, "x")));
    rejects.note([reject("borealis", 1, "x")]);
    assert_eq!(rejects.lost(), 99_000);
    let (noted, ledger) = (rejects.clone(), ground.ledger.clone());
    let task = tokio::spawn(async move { noted.run(&ledger, Duration::ZERO).await });
    rejects.settled().await;
    task.abort();
    assert_eq!((kept(&ground, "acme").await.2, kept(&ground, "borealis").await.2), (1_000, 1));
    let mut session = ground.ledger.store().read().await.unwrap();
    let filter = Filter { id: Some("99999".to_owned()), ..Filter::default() };
    let newest =
        rejects::page(&mut session, &account("acme"), &filter, (None, true), 2).await.unwrap();
    assert_eq!(newest.len(), 1);
}

#[tokio::test]
async fn what_waits_is_written_before_the_ledger_is_closed() {
    let ground = Ground::with(&["acme"]).await;
    let rejects = Rejects::default();
    rejects.note((0..900).map(|n| reject("acme", n, "x")));
    rejects.finish(&ground.ledger).await;
    assert_eq!(kept(&ground, "acme").await.2, 900);
}

/// A disk that will not take them, or a ledger that is closed, takes nothing else with it.
#[tokio::test]
async fn what_cannot_be_written_is_counted_and_given_up() {
    let ground = Ground::with(&["acme"]).await;
    let rejects = Rejects::default();
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    ground.ledger.close().await;
    rejects.note((0..3).map(|n| reject("acme", n, "x")));
    rejects.finish(&ground.ledger).await;
    assert_eq!(rejects.lost(), 3);
    rejects.settled().await;
}
