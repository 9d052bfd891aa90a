//! Work that one server does at a time.

use api_server::{
    ledger::{
        LedgerError,
        figures::{Figures, Rhythm},
        heads::{self, HeadsError},
        lease::{self, Lease, Token},
        upkeep::{Done, Upkeep},
    },
    store::StoreError,
};
use jiff::SignedDuration;

use telemetry::shutdown::Shutdown;

use super::{
    HERE,
    ground::{Ground, query},
};
use crate::Engine;

/// As when its holder has not been heard of for long.
async fn end(ground: &Ground) {
    let sql = "UPDATE leases SET until_at = 0";
    let work = ground.ledger.transact(None, move |session, _| Box::pin(session.run(sql, vec![])));
    assert_eq!(work.await, Ok(1));
}

#[tokio::test]
async fn one_of_two_has_it_until_it_gives_it_back() {
    let ground = Ground::empty().await;
    let (mut first, mut second) = (Lease::new("work"), Lease::new("work"));
    assert!(!first.is_held());
    assert_eq!(first.hold(&ground.ledger).await, Ok(true));
    assert_eq!(second.hold(&ground.ledger).await, Ok(false));
    assert_eq!(first.hold(&ground.ledger).await, Ok(true));
    assert!(first.is_held() && !second.is_held());
    // Who does not have it cannot give it back.
    second.release(&ground.ledger).await.unwrap();
    assert_eq!(second.hold(&ground.ledger).await, Ok(false));
    first.release(&ground.ledger).await.unwrap();
    assert!(!first.is_held());
    assert_eq!(second.hold(&ground.ledger).await, Ok(true));
}

#[tokio::test]
async fn what_was_not_kept_is_another_ones_after_its_end() {
    let ground = Ground::empty().await;
    let (mut first, mut second) = (Lease::new("work"), Lease::new("work"));
    assert_eq!(first.hold(&ground.ledger).await, Ok(true));
    end(&ground).await;
    assert_eq!(second.hold(&ground.ledger).await, Ok(true));
    assert_eq!(first.hold(&ground.ledger).await, Ok(false));
    assert!(!first.is_held());
}

/// As a server that thaws: what it read before is of another time, though nobody else took the lease meanwhile.
#[tokio::test]
async fn who_takes_it_anew_writes_nothing_by_what_it_read_before() {
    let ground = Ground::empty().await;
    let mut ours = Lease::new("work");
    assert_eq!(ours.hold(&ground.ledger).await, Ok(true));
    let before = ours.token();
    assert_eq!(ours.hold(&ground.ledger).await, Ok(true));
    let by = async |token: Token| {
        let work = ground
            .ledger
            .transact_by(Some(&token), None, |_, _| Box::pin(async { Ok::<_, StoreError>(()) }));
        work.await
    };
    assert_eq!(by(before.clone()).await, Ok(()), "it was kept");
    ours.release(&ground.ledger).await.unwrap();
    assert_eq!(ours.hold(&ground.ledger).await, Ok(true));
    assert_eq!(by(before).await, Err(LedgerError::Overtaken));
    assert_eq!(by(ours.token()).await, Ok(()));
}

/// As with a clock that was set back meanwhile: nobody else had it, and its row says for long that it is held.
#[tokio::test]
async fn who_lost_it_has_it_back_where_nobody_else_took_it() {
    let ground = Ground::empty().await;
    let (mut ours, mut other) = (Lease::new("work"), Lease::new("work"));
    assert_eq!(ours.hold(&ground.ledger).await, Ok(true));
    let before = ours.token();
    let sql = "UPDATE leases SET until_at = until_at + 86400000";
    let work = ground.ledger.transact(None, move |session, _| Box::pin(session.run(sql, vec![])));
    assert_eq!(work.await, Ok(1));
    tokio::time::pause();
    tokio::time::advance(lease::LENGTH).await;
    tokio::time::resume();
    assert!(!ours.is_held());
    assert_eq!(other.hold(&ground.ledger).await, Ok(false));
    assert_eq!(ours.hold(&ground.ledger).await, Ok(true));
    let work = ground
        .ledger
        .transact_by(Some(&before), None, |_, _| Box::pin(async { Ok::<_, StoreError>(()) }));
    assert_eq!(work.await, Err(LedgerError::Overtaken), "what it read before is of then");
}

/// Where one process at a time has the ledger, whoever opens it is alone; a database has others.
#[tokio::test]
async fn what_a_killed_server_held_is_free_for_who_opens_its_folder() {
    let ground = Ground::empty().await;
    let mut killed = Lease::new("work");
    assert_eq!(killed.hold(&ground.ledger).await, Ok(true));
    let ground = ground.reopen().await;
    let ours = Lease::new("work").hold(&ground.ledger).await;
    assert_eq!(ours, Ok(HERE == Engine::Sqlite));
}

#[tokio::test]
async fn it_lasts_by_the_databases_clock_and_not_by_the_ledgers() {
    let ground = Ground::empty().await;
    let (mut first, mut second) = (Lease::new("work"), Lease::new("work"));
    assert_eq!(first.hold(&ground.ledger).await, Ok(true));
    ground.set_clock("2126-01-01T00:00:00Z");
    assert_eq!(second.hold(&ground.ledger).await, Ok(false));
}

#[tokio::test]
async fn who_was_refused_does_not_ask_again_at_once() {
    let ground = Ground::empty().await;
    let (mut first, mut second) = (Lease::new("work"), Lease::new("work"));
    assert!(first.keep(&ground.ledger).await && !second.keep(&ground.ledger).await);
    first.release(&ground.ledger).await.unwrap();
    assert!(!second.keep(&ground.ledger).await, "it is not time to ask again");
    assert_eq!(second.hold(&ground.ledger).await, Ok(true));
    assert!(second.keep(&ground.ledger).await);
}

#[tokio::test]
async fn work_that_ends_or_is_stopped_gives_its_lease_back() {
    let ground = Ground::empty().await;
    let stop = Shutdown::new();
    for stopped in [false, true] {
        let work = async |lease: &mut Lease| {
            assert!(lease.keep(&ground.ledger).await);
            if stopped {
                stop.cancel();
                std::future::pending::<()>().await;
            }
        };
        lease::under("work", &ground.ledger, stop.clone(), work).await;
        let mut other = Lease::new("work");
        assert_eq!(other.hold(&ground.ledger).await, Ok(true), "{stopped}");
        other.release(&ground.ledger).await.unwrap();
    }
}

#[tokio::test]
async fn different_work_is_different_servers() {
    let ground = Ground::empty().await;
    assert_eq!(Lease::new("this").hold(&ground.ledger).await, Ok(true));
    assert_eq!(Lease::new("that").hold(&ground.ledger).await, Ok(true));
}

#[tokio::test]
async fn only_who_has_the_lease_keeps_the_ledger() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    let mut other = Lease::new("upkeep");
    assert_eq!(other.hold(&ground.ledger).await, Ok(true));
    let (mut ours, mut upkeep) = (Lease::new("upkeep"), Upkeep::default());
    assert_eq!(upkeep.turn(&ground.ledger, &mut ours).await.unwrap(), None);
    assert!(!ground.folder.path().join(heads::FILE).exists());
    end(&ground).await;
    let done = Done { heads: true, ..Done::default() };
    assert_eq!(upkeep.turn(&ground.ledger, &mut ours).await.unwrap(), Some(done));
    assert!(ground.folder.path().join(heads::FILE).exists());
}

#[tokio::test]
async fn who_has_lost_the_lease_writes_nothing_by_what_it_read_before() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    let (mut frozen, mut next) = (Lease::new("figures"), Lease::new("figures"));
    assert_eq!(frozen.hold(&ground.ledger).await, Ok(true));
    let rhythm = Rhythm::every(SignedDuration::from_mins(5));
    let mut figures = Figures::new(rhythm).under(&frozen);
    assert_eq!(figures.round(&ground.ledger).await.unwrap().computed, 1);
    // Its end alone takes nothing away: nobody else has begun.
    end(&ground).await;
    ground.set_clock("2026-11-23T12:05:00Z");
    assert_eq!(figures.round(&ground.ledger).await.unwrap().computed, 1);
    assert_eq!(next.hold(&ground.ledger).await, Ok(true));
    ground.set_clock("2026-11-23T12:10:00Z");
    const NEWEST: &str = "SELECT computed_at FROM snapshots";
    let before = ground.table(NEWEST).await;
    assert_eq!(figures.round(&ground.ledger).await, Err(LedgerError::Overtaken));
    assert_eq!(ground.table(NEWEST).await, before);
    let done = Figures::new(rhythm).under(&next).round(&ground.ledger).await;
    assert_eq!(done.unwrap().computed, 1);
    assert_ne!(ground.table(NEWEST).await, before);
}

#[tokio::test]
async fn who_has_lost_the_lease_closes_and_settles_nothing() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    let (mut frozen, mut next) = (Lease::new("upkeep"), Lease::new("upkeep"));
    let (mut late, mut upkeep) = (Upkeep::default(), Upkeep::default());
    assert!(late.turn(&ground.ledger, &mut frozen).await.unwrap().is_some());
    end(&ground).await;
    assert_eq!(next.hold(&ground.ledger).await, Ok(true));
    ground.set_clock("2026-12-05T00:00:00Z");
    let refused = late.round(&ground.ledger).await;
    assert!(matches!(refused, Err(HeadsError::Ledger(LedgerError::Overtaken))), "{refused:?}");
    const CLOSED: &str = "SELECT account FROM periods WHERE closed_at IS NOT NULL";
    assert!(ground.table(CLOSED).await.is_empty());
    let done = upkeep.turn(&ground.ledger, &mut next).await.unwrap().unwrap();
    assert_eq!((done.closed, done.settled.len()), (1, 1));
    // Closed by the other one, it would still be settled.
    assert!(ground.table("SELECT account FROM settlements").await.len() == 1);
}
