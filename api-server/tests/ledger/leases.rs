//! Work that one server does at a time.

use api_server::ledger::{
    heads,
    lease::{self, Lease},
    upkeep::{Done, Upkeep},
};

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
