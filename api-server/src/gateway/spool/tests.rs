use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::backup::SpoolOf;
use crate::backup::spool::{SpoolCopy, restore};
use crate::domain::Quantity;
use crate::domain::meter::Meter;
use crate::ledger::{Outcome, Reason};

mod full;

const NOW: &str = "2026-11-23T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn acme() -> AccountId {
    "acme".parse().unwrap()
}

struct Ground {
    folder: tempfile::TempDir,
    spool: Spool,
}

async fn open(folder: &Path, limit: u64) -> Spool {
    let clock: ledger::Clock = Arc::new(|| at(NOW));
    let settings = Settings { limit, clock, probe_every: Duration::from_secs(1) };
    Spool::open(folder, settings).await.unwrap()
}

impl Ground {
    async fn new() -> Self {
        Self::with_limit(1 << 20).await
    }

    async fn with_limit(limit: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = open(folder.path(), limit).await;
        Self { folder, spool }
    }

    async fn reopen(self) -> Self {
        self.spool.close().await;
        let spool = open(self.folder.path(), self.spool.limit()).await;
        Self { spool, ..self }
    }

    async fn take(&self, events: Vec<Fresh>) -> Result<Vec<Outcome>, NotHeld> {
        self.spool.take(&acme(), at(NOW), false, events).await.map(|receipt| receipt.outcomes)
    }

    async fn ids(&self) -> Vec<String> {
        let held = self.spool.first(10_000, usize::MAX).await.unwrap();
        let id = |held: Held| {
            let event: Value = serde_json::from_str(&held.event).unwrap();
            event["id"].as_str().unwrap().to_owned()
        };
        held.into_iter().map(id).collect()
    }

    async fn times(&self) -> Vec<String> {
        let held = self.spool.first(10_000, usize::MAX).await.unwrap();
        let time = |held: Held| {
            let event: Value = serde_json::from_str(&held.event).unwrap();
            event["time"].as_str().unwrap().to_owned()
        };
        held.into_iter().map(time).collect()
    }

    /// What is counted is what is there.
    async fn count(&self) -> (u64, u64) {
        let state = self.spool.state().await.unwrap();
        let mut session = self.spool.store.read().await.unwrap();
        let sql =
            "SELECT COUNT(*), COALESCE(SUM(bytes), 0), (SELECT COUNT(*) FROM stamps) FROM held";
        let row = session.row(sql, Vec::new()).await.unwrap().unwrap();
        let of = |column| u64::try_from(row.int(column).unwrap()).unwrap();
        assert_eq!((state.events, state.bytes, state.stamps), (of(0), of(1), of(2)));
        (state.events, state.bytes)
    }

    async fn settle_all(&self) {
        let last = self.spool.first(10_000, usize::MAX).await.unwrap().last().unwrap().n;
        self.spool.settle(last, Vec::new()).await.unwrap();
    }
}

fn event(id: &str, quantity: &str) -> Fresh {
    let event = UsageEvent {
        account: acme(),
        source: "/core".to_owned(),
        id: id.to_owned(),
        meter: Meter::Query,
        time: at("2026-11-23T11:00:00Z"),
        quantity: quantity.parse::<Quantity>().unwrap(),
        dims: BTreeMap::new(),
    };
    Fresh { event, stamped: false }
}

fn stamped(id: &str, time: &str) -> Fresh {
    let mut fresh = event(id, "1");
    fresh.event.time = at(time);
    Fresh { stamped: true, ..fresh }
}

const NEW: Outcome = Outcome::Accepted { seq: 0 };

fn duplicate() -> Outcome {
    Outcome::Duplicate { seq: 0, first_seen_at: at(NOW) }
}

fn conflict() -> Outcome {
    Outcome::Conflict { first_seen_at: at(NOW) }
}

#[tokio::test]
async fn events_are_held_in_order_across_a_restart() {
    let ground = Ground::new().await;
    ground.take(vec![event("a", "1"), event("b", "2")]).await.unwrap();
    ground.take(vec![event("c", "3")]).await.unwrap();
    let ground = ground.reopen().await;
    assert_eq!(ground.ids().await, ["a", "b", "c"]);
    assert_eq!(ground.count().await.0, 3);
    assert_eq!(ground.spool.state().await.unwrap().oldest, Some(at(NOW)));
}

#[tokio::test]
async fn a_repeat_is_known_and_another_event_under_its_name_is_a_conflict() {
    let ground = Ground::new().await;
    assert_eq!(
        ground.take(vec![event("a", "1"), event("a", "1")]).await.unwrap(),
        [NEW, duplicate()]
    );
    let again =
        ground.take(vec![event("a", "1.0"), event("a", "2"), event("b", "1")]).await.unwrap();
    assert_eq!(again, [duplicate(), conflict(), NEW]);
    assert_eq!(ground.ids().await, ["a", "b"]);
    ground.count().await;
}

#[tokio::test]
async fn an_atomic_request_is_held_as_a_whole_or_not_at_all() {
    let ground = Ground::new().await;
    ground.take(vec![event("a", "1")]).await.unwrap();
    let before = ground.count().await;
    let atomic =
        async |events| ground.spool.take(&acme(), at(NOW), true, events).await.unwrap().outcomes;
    let not_applied = Outcome::Refused(Reason::NotApplied);
    assert_eq!(atomic(vec![event("b", "1"), event("a", "2")]).await, [not_applied, conflict()]);
    assert_eq!(ground.count().await, before);
    assert_eq!(atomic(vec![event("b", "2"), event("a", "1")]).await, [NEW, duplicate()]);
    assert_eq!(ground.ids().await, ["a", "b"]);
}

/// The sender of an event without a time cannot say it again; the spool must.
#[tokio::test]
async fn a_time_is_given_once_also_after_the_event_has_left() {
    let ground = Ground::new().await;
    let (first, later) = ("2026-11-23T12:00:00Z", "2026-11-23T15:00:00Z");
    assert_eq!(ground.take(vec![stamped("a", first)]).await.unwrap(), [NEW]);
    assert_eq!(ground.take(vec![stamped("a", later)]).await.unwrap(), [duplicate()]);
    ground.settle_all().await;
    let ground = ground.reopen().await;
    assert_eq!(ground.take(vec![stamped("a", later)]).await.unwrap(), [NEW]);
    assert_eq!(ground.times().await, [first]);
    assert_eq!(ground.take(vec![event("a", "1")]).await.unwrap(), [conflict()]);
    assert_eq!(ground.spool.forget_stamps(at(first)).await.unwrap(), 0);
    assert_eq!(ground.spool.forget_stamps(at(later)).await.unwrap(), 1);
    ground.count().await;
}

#[tokio::test]
async fn the_oldest_times_are_forgotten_when_there_are_too_many() {
    let ground = Ground::with_limit(10 * 1024).await;
    for n in 0..15 {
        ground
            .take(vec![stamped(&format!("e-{n}"), &format!("2026-11-23T12:00:{n:02}Z"))])
            .await
            .unwrap();
        ground.settle_all().await;
    }
    assert_eq!(ground.spool.state().await.unwrap().stamps, 10);
    ground.count().await;
    ground.take(vec![stamped("e-4", NOW), stamped("e-5", NOW)]).await.unwrap();
    assert_eq!(ground.times().await, [NOW, "2026-11-23T12:00:05Z"]);
}

#[tokio::test]
async fn a_full_spool_refuses_whole_requests_and_recovers_when_events_leave() {
    let ground = Ground::with_limit(2_000).await;
    let mut held = 0;
    while ground.take(vec![event(&format!("e-{held}"), "1")]).await.is_ok() {
        held += 1;
    }
    assert!((4..12).contains(&held), "{held}");
    let before = ground.count().await;
    let two = vec![event("x", "1"), event("y", "1")];
    assert_eq!(ground.take(two.clone()).await, Err(NotHeld::Full));
    assert_eq!(ground.count().await, before);
    // What is there already needs no room.
    assert_eq!(ground.take(vec![event("e-0", "1")]).await.unwrap(), [duplicate()]);
    ground.settle_all().await;
    assert_eq!(ground.count().await, (0, 0));
    assert_eq!(ground.take(two).await.unwrap(), [NEW, NEW]);
}

#[tokio::test]
async fn only_what_was_answered_for_leaves_and_refusals_are_kept() {
    let ground = Ground::new().await;
    ground.take(["a", "b", "c", "d"].map(|id| event(id, "1")).to_vec()).await.unwrap();
    let first = ground.spool.first(3, usize::MAX).await.unwrap();
    let refusal = Refusal { n: first[1].n, code: "conflict".to_owned(), detail: "no".to_owned() };
    ground.spool.settle(first[2].n, vec![refusal]).await.unwrap();
    assert_eq!(ground.ids().await, ["d"]);
    ground.count().await;
    let ground = ground.reopen().await;
    let [refused] = ground.spool.refused(9).await.unwrap().try_into().unwrap();
    assert!(refused.event.contains("\"b\"") && refused.code == "conflict", "{refused:?}");
    assert_eq!(ground.spool.state().await.unwrap().refused, 1);
    // Numbers are not used again: a second settlement of the same batch takes nothing new along.
    ground.settle_all().await;
    ground.take(vec![event("e", "1")]).await.unwrap();
    ground.spool.settle(first[2].n, Vec::new()).await.unwrap();
    assert_eq!(ground.ids().await, ["e"]);
}

/// They are whole events: none is kept longer than it helps, and no more go at once than a moment takes.
#[tokio::test]
async fn refused_events_are_forgotten_in_time_some_at_a_time() {
    let ground = Ground::new().await;
    ground.take((0..101).map(|n| event(&format!("e-{n}"), "1")).collect()).await.unwrap();
    let held = ground.spool.first(200, usize::MAX).await.unwrap();
    let refusal = |held: &Held| Refusal { n: held.n, code: "conflict".into(), detail: "no".into() };
    ground.spool.settle(held[100].n, held.iter().map(refusal).collect()).await.unwrap();
    let later = at(NOW).checked_add(jiff::SignedDuration::from_millis(1)).unwrap();
    assert_eq!(ground.spool.forget_refused(at(NOW)).await.unwrap(), 0);
    for gone in [100, 1, 0] {
        assert_eq!(ground.spool.forget_refused(later).await.unwrap(), gone);
    }
    assert!(ground.spool.refused(9).await.unwrap().is_empty());
    assert_eq!(ground.spool.state().await.unwrap().refused, 101, "that they were stays known");
}

#[tokio::test]
async fn a_batch_is_bounded_in_events_and_bytes_but_never_empty() {
    let ground = Ground::new().await;
    ground.take(["a", "b", "c"].map(|id| event(id, "1")).to_vec()).await.unwrap();
    let size = ground.spool.first(1, usize::MAX).await.unwrap()[0].event.len();
    for (events, bytes, expected) in
        [(9, 1, 1), (9, size * 2, 2), (2, usize::MAX, 2), (9, usize::MAX, 3)]
    {
        assert_eq!(ground.spool.first(events, bytes).await.unwrap().len(), expected);
    }
}

#[tokio::test]
async fn what_is_sealed_takes_nothing_until_it_is_opened() {
    let ground = Ground::new().await;
    ground.take(vec![event("a", "1")]).await.unwrap();
    ground.spool.seal(Some("u-1".to_owned())).await.unwrap();
    let ground = ground.reopen().await;
    assert_eq!(ground.take(vec![event("b", "1")]).await, Err(NotHeld::Sealed));
    let state = ground.spool.state().await.unwrap();
    assert_eq!((state.sealed_for.as_deref(), state.events), (Some("u-1"), 1));
    ground.spool.seal(None).await.unwrap();
    assert_eq!(ground.take(vec![event("b", "1")]).await.unwrap(), [NEW]);
}

#[tokio::test]
async fn a_spool_belongs_to_the_first_account_that_is_named() {
    let ground = Ground::new().await;
    assert_eq!(ground.spool.belong(&acme()).await.unwrap(), acme());
    let ground = ground.reopen().await;
    assert_eq!(ground.spool.belong(&"globex".parse().unwrap()).await.unwrap(), acme());
}

#[tokio::test]
async fn a_second_gateway_on_the_same_folder_is_refused() {
    let ground = Ground::new().await;
    let clock: ledger::Clock = Arc::new(|| at(NOW));
    let settings = Settings { limit: 1, clock, probe_every: Duration::from_secs(1) };
    let refused = Spool::open(ground.folder.path(), settings).await.err().unwrap();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
}

/// An archive of what a spool holds, in a file of its folder.
async fn archive(ground: &Ground) -> std::path::PathBuf {
    let of = SpoolOf { tenant: "acme".to_owned(), account: "acme".to_owned() };
    ground.spool.belong(&acme()).await.unwrap();
    let copy = SpoolCopy::make(ground.folder.path(), of, at(NOW)).await.unwrap();
    let file = ground.folder.path().join("acme.tar");
    let written =
        std::io::copy(&mut copy.read().unwrap(), &mut std::fs::File::create(&file).unwrap());
    assert_eq!((written.unwrap(), copy.held), (copy.bytes, 3));
    file
}

async fn held() -> Ground {
    let ground = Ground::new().await;
    ground.take(vec![event("a", "1"), event("b", "2")]).await.unwrap();
    ground.take(vec![stamped("c", NOW)]).await.unwrap();
    ground
}

#[tokio::test]
async fn what_is_held_comes_back_from_a_backup_and_what_came_later_does_not() {
    let ground = held().await;
    let archive = archive(&ground).await;
    let before = ground.spool.state().await.unwrap();
    ground.take(vec![event("d", "4")]).await.unwrap();
    // A volume's root has files of its own.
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lost+found")).unwrap();
    let manifest = restore(&archive, folder.path()).await.unwrap();
    assert_eq!((manifest.rows_of("held"), manifest.made_at), (3, at(NOW)));
    let again = Ground { spool: open(folder.path(), 1 << 20).await, folder };
    assert_eq!(again.spool.state().await.unwrap(), before);
    assert_eq!(again.ids().await, ["a", "b", "c"]);
    again.count().await;
    // The time that was given stays given.
    assert_eq!(
        again.take(vec![stamped("c", "2026-11-23T12:00:01Z")]).await.unwrap(),
        [duplicate()]
    );
    let there = restore(&archive, again.folder.path()).await.unwrap_err().to_string();
    assert!(there.contains("spool.db is there"), "{there}");
}

#[tokio::test]
async fn a_damaged_backup_is_named_and_nothing_comes_of_it() {
    let ground = held().await;
    let archive = archive(&ground).await;
    let good = std::fs::read(&archive).unwrap();
    let database = good.windows(15).position(|bytes| bytes == b"SQLite format 3").unwrap();
    let changed = |from: &str, to: &str| {
        let at = good.windows(from.len()).position(|bytes| bytes == from.as_bytes()).unwrap();
        let mut bytes = good.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    let mut cases = vec![
        (good[..database + 5_000].to_vec(), "spool.db is damaged"),
        (changed("\"held\": 3", "\"held\": 4"), "table held"),
        (changed("\"account\": \"acme\"", "\"account\": \"acmf\""), "is of account \"acme\""),
        (changed("\"schema\": 2", "\"schema\": 9"), "newer program"),
        (changed("spool.db", "ledger.d"), "manifest.json lists"),
    ];
    for step in 0..20 {
        let mut bytes = good.clone();
        bytes[database + step * 997] ^= 1;
        cases.push((bytes, "spool.db is damaged"));
    }
    let (damaged, folder) = (ground.folder.path().join("bad.tar"), tempfile::tempdir().unwrap());
    for (bytes, words) in cases {
        std::fs::write(&damaged, bytes).unwrap();
        let error = format!("{:#}", restore(&damaged, folder.path()).await.unwrap_err());
        assert!(error.contains(words) && error.contains("bad.tar"), "{words:?} in {error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{words}");
    }
}

#[tokio::test]
async fn a_copy_takes_no_room_that_the_spool_may_need() {
    let ground = Ground::with_limit(1 << 50).await;
    let why = ground.spool.has_room_for_copy().await.unwrap_err();
    assert!(why.contains("give it more room"), "{why}");
    Ground::new().await.spool.has_room_for_copy().await.unwrap();
}
