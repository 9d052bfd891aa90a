//! What is done from time to time, and the months for which repeats are known.

use std::collections::BTreeMap;

use api_server::{
    domain::{Quantity, event::oldest_time, meter::Meter},
    ledger::{
        Append, Change, Correction, Item, Outcome,
        figures::{Figures, Rhythm},
        heads::{self, Heads},
        upkeep::{Done, Upkeep},
        verify::{What, verify},
    },
};
use jiff::SignedDuration;

use super::ground::{Ground, accepted, at, check, query, tamper, usage};

const KEYS: &str = "SELECT month FROM dedup ORDER BY month";

fn first(done: &Done) -> (u64, bool, u64) {
    (done.closed, done.heads, done.keys)
}

#[tokio::test]
async fn a_round_closes_writes_heads_once_a_day_and_drops_keys_once_a_month() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    let mut upkeep = Upkeep::default();
    assert_eq!(first(&upkeep.round(&ground.ledger).await.unwrap()), (0, true, 0));
    assert!(ground.folder.path().join(heads::FILE).is_file());
    assert_eq!(first(&upkeep.round(&ground.ledger).await.unwrap()), (0, false, 0));
    ground.set_clock("2026-12-03T23:00:00Z");
    assert_eq!(first(&upkeep.round(&ground.ledger).await.unwrap()), (1, true, 0));
    ground.set_clock("2027-01-01T01:00:00Z");
    assert_eq!(first(&upkeep.round(&ground.ledger).await.unwrap()), (0, true, 1));
    assert_eq!(ground.table(KEYS).await.len(), 0);
    assert_eq!(ground.table("SELECT seq FROM usage_ledger").await.len(), 1);
}

#[tokio::test]
async fn a_repeat_is_known_to_the_last_instant_of_the_month_after_its_arrival() {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock("2026-11-01T00:00:00Z");
    ground.send("acme", vec![Item::Usage(event())]).await;
    ground.set_clock("2026-12-31T23:59:59.999Z");
    Upkeep::default().round(&ground.ledger).await.unwrap();
    let again = ground.send("acme", vec![Item::Usage(event())]).await;
    assert!(matches!(again.outcomes[0], Outcome::Duplicate { seq: 1, .. }));
}

fn event() -> api_server::domain::event::UsageEvent {
    usage("acme", "e-1", Meter::Query, "2026-11-02T00:00:00Z", "1")
}

/// A day ahead of its arrival, so its time is as young as it can be when its key is dropped.
#[tokio::test]
async fn when_a_key_is_dropped_its_event_is_too_old_to_be_taken() {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock("2026-10-31T23:59:59.999Z");
    let ahead = usage("acme", "e-1", Meter::Query, "2026-11-01T23:59:59.999Z", "1");
    ground.send("acme", vec![Item::Usage(ahead.clone())]).await;
    ground.set_clock("2026-12-01T01:00:00Z");
    assert_eq!(Upkeep::default().round(&ground.ledger).await.unwrap().keys, 1);
    assert!(ahead.time < oldest_time(ground.now()));
}

/// A server whose clock is behind still looks for them: there it is the month before.
#[tokio::test]
async fn keys_stay_until_it_is_the_new_month_by_every_servers_clock() {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock("2026-10-31T12:00:00Z");
    let event = usage("acme", "e-1", Meter::Query, "2026-10-31T11:00:00Z", "1");
    ground.send("acme", vec![Item::Usage(event.clone())]).await;
    ground.set_clock("2026-12-01T00:59:59.999Z");
    let mut upkeep = Upkeep::default();
    assert_eq!(upkeep.round(&ground.ledger).await.unwrap().keys, 0);
    let behind = Append {
        arrived: at("2026-11-30T23:59:59.999Z"),
        ..ground.request("acme", vec![Item::Usage(event)])
    };
    let again = ground.ledger.append(behind).await.unwrap();
    assert!(matches!(again.outcomes[0], Outcome::Duplicate { seq: 1, .. }), "{again:?}");
    ground.set_clock("2026-12-01T01:00:00Z");
    assert_eq!(upkeep.round(&ground.ledger).await.unwrap().keys, 1);
}

fn correction(id: &str, ref_seq: i64, change: Change, reason: &str) -> Item {
    Item::Correction(Correction {
        source: "/corrections".to_owned(),
        id: id.to_owned(),
        ref_seq,
        change,
        notes: BTreeMap::from([("reason".to_owned(), reason.to_owned())]),
    })
}

/// Unlike an event it is never too old to be taken, so its row says what its key no longer does.
#[tokio::test]
async fn a_correction_that_comes_again_after_its_key_was_dropped_counts_once() {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock("2027-01-05T12:00:00Z");
    let event = |id| Item::Usage(usage("acme", id, Meter::Query, "2027-01-04T00:00:00Z", "5"));
    let by = |units: i64| Change::By(Quantity::from_micros(units * 1_000_000));
    let added = || correction("c-1", 1, by(100), "undercount");
    let void = || correction("c-2", 2, Change::Void, "twice");
    accepted(&ground.send("acme", vec![event("e-1"), event("e-2")]).await);
    accepted(&ground.send("acme", vec![added(), void()]).await);
    let first_seen_at = ground.now();
    ground.set_clock("2027-03-01T01:00:00Z");
    assert_eq!(Upkeep::default().round(&ground.ledger).await.unwrap().keys, 4);

    ground.set_clock("2027-03-03T12:00:00Z");
    let others = [
        correction("c-1", 1, by(99), "undercount"),
        correction("c-1", 1, Change::Void, "undercount"),
        correction("c-1", 1, by(100), "another reason"),
    ];
    let again = ground.send("acme", [added(), void()].into_iter().chain(others).collect()).await;
    let expected = [
        Outcome::Duplicate { seq: 3, first_seen_at },
        Outcome::Duplicate { seq: 4, first_seen_at },
        Outcome::Conflict { first_seen_at },
        Outcome::Conflict { first_seen_at },
        Outcome::Conflict { first_seen_at },
    ];
    assert_eq!(again.outcomes, expected);
    let rows = ground.table("SELECT kind, qty_micro FROM usage_ledger WHERE seq > 2 ORDER BY seq");
    assert_eq!(rows.await, [["1", "100000000"], ["2", "-5000000"]]);
    let new = ground.send("acme", vec![correction("c-3", 1, by(1), "undercount")]).await;
    assert_eq!(accepted(&new), [5]);
    // As of now: the keys of January are no longer missed.
    let report = verify(ground.ledger.store(), &Heads::new(), ground.now()).await.unwrap();
    assert_eq!(report.findings, []);
}

#[tokio::test]
async fn many_old_keys_go_while_young_ones_stay() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    ground.set_clock("2026-09-15T00:00:00Z");
    for of in ["acme", "borealis"] {
        for batch in 0..3 {
            let item =
                |n| usage(of, &format!("{batch}-{n}"), Meter::Query, "2026-09-14T00:00:00Z", "1");
            let items = (0..900).map(item).map(Item::Usage).collect();
            accepted(&ground.send(of, items).await);
        }
    }
    ground.set_clock(super::ground::NOW);
    ground.send("acme", vec![query("acme", "young", "1")]).await;
    assert_eq!(Upkeep::default().round(&ground.ledger).await.unwrap().keys, 5_400);
    assert_eq!(ground.table(KEYS).await, [["202611"]]);
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

/// October on the plan `team`, summed up at the end of each day; the runs of each day, and of the last.
pub async fn october(daily: &str, last: &str) -> Ground {
    let ground = Ground::empty().await;
    ground.set_clock("2026-10-01T00:00:00Z");
    ground.add("acme", "UTC", 1).await;
    ground.agree("acme", "team", "2026-10-01T00:00:00Z").await;
    let mut figures = Figures::new(Rhythm::every(SignedDuration::from_mins(5)));
    for day in 1..=31 {
        ground.set_clock(&format!("2026-10-{day:02}T12:00:00Z"));
        let runs = if day == 31 { last } else { daily };
        let time = format!("2026-10-{day:02}T11:00:00Z");
        let run = usage("acme", &format!("d-{day}"), Meter::Agents, &time, runs);
        ground.send("acme", vec![Item::Usage(run)]).await;
        let end = ground.now() + SignedDuration::from_hours(12);
        ground.set_clock(&end.to_string());
        figures.round(&ground.ledger).await.unwrap();
    }
    ground.set_clock("2026-11-05T00:00:00Z");
    ground
}

#[tokio::test]
async fn a_closed_period_is_settled_once_with_how_it_was_foreseen() {
    for (last, bill, all) in [("2000", "USD 1559.00", true), ("102000", "USD 4559.00", false)] {
        let ground = october("2000", last).await;
        let mut upkeep = Upkeep::default();
        let done = upkeep.round(&ground.ledger).await.unwrap();
        let [settled] = &done.settled[..] else { panic!("{done:?}") };
        assert_eq!(settled.total.unwrap().to_string(), bill);
        assert_eq!(settled.period_start, at("2026-10-01T00:00:00Z"));
        let foresight = settled.foresight;
        // From the fourth day on there is a projection; nobody could foresee the last day's jump.
        assert!(foresight.foreseen >= 20, "{foresight:?}");
        assert_eq!(foresight.within == foresight.foreseen, all, "{foresight:?}");
        assert_eq!(done.foresight, (foresight.foreseen, foresight.within));
        assert_eq!(foresight.error.unwrap().0 > 100_000, !all, "{foresight:?}");

        let again = upkeep.round(&ground.ledger).await.unwrap();
        assert_eq!((again.settled.len(), again.foresight), (0, done.foresight));
        ground.ledger.close().await;
        assert_eq!(check(ground.folder.path()).await.findings, []);
        tamper(ground.folder.path(), &["UPDATE settlements SET total_minor = total_minor - 1"])
            .await;
        let findings = check(ground.folder.path()).await.findings;
        assert_eq!((findings.len(), findings[0].what), (1, What::Settlement), "{findings:?}");
    }
}

#[tokio::test]
async fn a_period_without_a_plan_is_settled_as_none() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    ground.set_clock("2026-12-05T00:00:00Z");
    let done = Upkeep::default().round(&ground.ledger).await.unwrap();
    assert_eq!((done.settled.len(), done.settled[0].total), (1, None));
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}
