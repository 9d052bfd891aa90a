//! Connections that are lost: before the commit, in the middle of it, and for long.

use std::time::Duration;

use api_server::{
    ledger::{Health, Ledger, LedgerError, Outcome, Settings},
    store::StoreError,
};

use super::{
    ground::{Ground, accepted, check, query, settings},
    proxy::{Cut, Proxy},
};
use crate::cluster;

/// A server that reaches the ground's database through a proxy.
async fn behind(proxy: &Proxy, ground: &Ground) -> Ledger {
    let quick = Duration::from_millis(20);
    let settings = Settings { probe_every: quick, ..settings(&ground.clock) };
    Ledger::open(proxy.place(ground.folder.path()), settings).await.unwrap()
}

async fn until_ready(ledger: &Ledger) {
    ledger.health_changes().wait_for(|health| *health == Health::Ready).await.unwrap();
}

/// The client does not know, and need not: it sends again, to whoever answers.
#[tokio::test]
async fn a_commit_of_which_nobody_knows_is_settled_by_sending_again_elsewhere() {
    for cut in [Cut::Before, Cut::After] {
        let ground = Ground::with(&["acme"]).await;
        let proxy = Proxy::start().await;
        let cut_off = behind(&proxy, &ground).await;
        let items = || vec![query("acme", "e-1", "1"), query("acme", "e-2", "1")];
        proxy.cut_at_commit(cut);
        let refused = cut_off.append(ground.request("acme", items())).await.unwrap_err();
        assert!(matches!(refused, LedgerError::Store(StoreError::Away(_))), "{refused}");
        let first_seen_at = ground.now();
        let duplicates = [1, 2].map(|seq| Outcome::Duplicate { seq, first_seen_at });
        let elsewhere = ground.send("acme", items()).await;
        match cut {
            Cut::Before => assert_eq!(accepted(&elsewhere), [1, 2]),
            Cut::After => assert_eq!(elsewhere.outcomes, duplicates),
        }
        until_ready(&cut_off).await;
        let here = cut_off.append(ground.request("acme", items())).await.unwrap();
        assert_eq!(here.outcomes, duplicates);
        cut_off.close().await;
        ground.ledger.close().await;
        let report = check(ground.folder.path()).await;
        assert_eq!((report.findings, report.rows), (Vec::new(), 2), "{cut:?}");
    }
}

/// Nobody has to send anything for it to be noticed, and nobody has to start anything anew.
#[tokio::test]
async fn a_database_that_is_away_is_told_by_health_and_comes_back_by_itself() {
    let ground = Ground::with(&["acme"]).await;
    let proxy = Proxy::start().await;
    let ledger = behind(&proxy, &ground).await;
    proxy.set_open(false);
    let mut health = ledger.health_changes();
    health.wait_for(|health| matches!(health, Health::Away(_))).await.unwrap();
    let request = || ground.request("acme", vec![query("acme", "e-1", "1")]);
    let refused = ledger.append(request()).await.unwrap_err();
    assert!(matches!(refused, LedgerError::Store(StoreError::Away(_))), "{refused}");
    assert!(refused.to_string().contains("resumes by itself"), "{refused}");
    let unread = ledger.store().read().await.err().unwrap();
    assert!(matches!(unread, StoreError::Away(_)), "{unread}");
    proxy.set_open(true);
    until_ready(&ledger).await;
    assert_eq!(accepted(&ledger.append(request()).await.unwrap()), [1]);
    ledger.store().read().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_the_database_ended_is_made_anew_unnoticed() {
    let ground = Ground::with(&["acme"]).await;
    for n in 0..5 {
        let name = cluster::database(ground.folder.path());
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        cluster::execute("postgres", end).await;
        accepted(&ground.send("acme", vec![query("acme", &format!("e-{n}"), "1")]).await);
        assert_eq!(ground.table("SELECT seq FROM heads").await[0][0], (n + 1).to_string());
    }
}
