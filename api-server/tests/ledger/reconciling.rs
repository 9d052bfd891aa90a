//! The ledger is compared with itself, one account after another, while it serves.

use std::collections::BTreeMap;

use api_server::ledger::{
    figures::{Figures, Rhythm},
    reconcile::{Compared, Part, Reconciler},
    upkeep::Upkeep,
};
use jiff::SignedDuration;

use super::{
    ground::{Ground, account, query, tamper},
    upkeep::october,
};

fn figures() -> Figures {
    Figures::new(Rhythm::every(SignedDuration::from_mins(5)))
}

/// Compares every account once: how many there were, and what differed.
async fn pass(reconciler: &mut Reconciler, ground: &Ground) -> (usize, BTreeMap<Part, u64>) {
    let mut accounts = 0;
    while step(reconciler, ground, 100).await != Compared::Nothing {
        accounts += 1;
    }
    (accounts, reconciler.differences())
}

async fn step(reconciler: &mut Reconciler, ground: &Ground, rows: i64) -> Compared {
    reconciler.step(ground.ledger.store(), ground.now(), rows).await.unwrap()
}

fn one(part: Part) -> BTreeMap<Part, u64> {
    BTreeMap::from([(part, 1)])
}

async fn changed(ground: Ground, statement: &'static str) -> Ground {
    ground.ledger.close().await;
    tamper(ground.folder.path(), &[statement]).await;
    ground.reopen().await
}

#[tokio::test]
async fn a_difference_counts_until_it_is_gone() {
    let ground = Ground::with(&["acme", "bigco", "cobalt"]).await;
    let mut reconciler = Reconciler::default();
    assert_eq!(pass(&mut reconciler, &ground).await, (3, BTreeMap::new()));
    for id in ["acme", "bigco"] {
        ground.send(id, vec![query(id, "e-1", "3")]).await;
    }
    figures().round(&ground.ledger).await.unwrap();
    // What came since is no difference.
    ground.send("acme", vec![query("acme", "e-2", "4")]).await;
    assert_eq!(pass(&mut reconciler, &ground).await, (3, BTreeMap::new()));

    let ground =
        changed(ground, "UPDATE snapshots SET health_bp = 1 WHERE account = 'bigco'").await;
    assert_eq!(pass(&mut reconciler, &ground).await, (3, one(Part::Summary)));
    assert_eq!(pass(&mut reconciler, &ground).await, (3, one(Part::Summary)), "not one more");

    let later = ground.now() + SignedDuration::from_mins(6);
    ground.set_clock(&later.to_string());
    figures().round(&ground.ledger).await.unwrap();
    assert_eq!(reconciler.differences(), one(Part::Summary), "nobody has looked yet");
    assert_eq!(pass(&mut reconciler, &ground).await, (3, BTreeMap::new()));
}

#[tokio::test]
async fn rows_and_sums_are_recomputed_and_many_rows_are_not() {
    for (statement, part) in [
        ("UPDATE usage_period SET used_micro = used_micro + 1", Part::Figures),
        ("UPDATE usage_ledger SET t_event = t_event + 1", Part::Rows),
    ] {
        let ground = Ground::with(&["acme"]).await;
        ground.send("acme", vec![query("acme", "e-1", "3"), query("acme", "e-2", "3")]).await;
        let ground = changed(ground, statement).await;
        let mut reconciler = Reconciler::default();
        assert_eq!(step(&mut reconciler, &ground, 1).await, Compared::Told);
        assert_eq!(reconciler.differences(), BTreeMap::new(), "{statement}");
        assert_eq!(step(&mut reconciler, &ground, 1).await, Compared::Nothing);
        assert_eq!(step(&mut reconciler, &ground, 2).await, Compared::Whole);
        assert_eq!(reconciler.differences(), one(part), "{statement}");
    }
}

#[tokio::test]
async fn a_closed_period_is_billed_again_to_the_cent() {
    let ground = october("2000", "2000").await;
    let settled = Upkeep::default().round(&ground.ledger).await.unwrap().settled;
    assert_eq!((settled.len(), &settled[0].account), (1, &account("acme")));
    let mut reconciler = Reconciler::default();
    assert_eq!(pass(&mut reconciler, &ground).await, (1, BTreeMap::new()));
    let ground = changed(ground, "UPDATE settlements SET total_minor = total_minor + 1").await;
    assert_eq!(pass(&mut reconciler, &ground).await, (1, one(Part::Bill)));
    // Of an account with many rows, too.
    let mut reconciler = Reconciler::default();
    assert_eq!(step(&mut reconciler, &ground, 1).await, Compared::Told);
    assert_eq!(reconciler.differences(), one(Part::Bill));
}
