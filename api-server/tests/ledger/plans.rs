//! Plans, quotas, and the alerts that follow.

use api_server::{
    domain::{
        calendar::Period,
        catalogue::{Catalogue, PlanId},
        meter::Meter,
        subscription::Agreement,
        threshold::{Kind, Level},
    },
    ledger::{Change, Correction, Item, PlansError, verify::What},
    store::{accounts, alerts, bill, plans, usage},
};

use super::ground::{Ground, account, at, check, query, tamper, usage as event};

/// An account on `starter` since long ago: 100,000 query requests a month.
async fn subscribed() -> Ground {
    let ground = Ground::with(&["acme"]).await;
    ground.agree("acme", "starter", "2026-01-01T00:00:00Z").await;
    ground
}

/// What happened, oldest first: row, level, kind, arming.
async fn happened(ground: &Ground) -> Vec<(i64, Level, Kind, u32)> {
    let mut session = ground.ledger.store().read().await.unwrap();
    let mut rows = alerts::of_account(&mut session, &account("acme"), 100).await.unwrap();
    rows.reverse();
    rows.into_iter()
        .map(|row| (row.seq, row.change.level, row.change.kind, row.change.arming))
        .collect()
}

async fn clean(ground: Ground) {
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

fn void(id: &str, ref_seq: i64) -> Item {
    let notes = std::collections::BTreeMap::new();
    let (source, id) = ("/corrections".to_owned(), id.to_owned());
    Item::Correction(Correction { source, id, ref_seq, change: Change::Void, notes })
}

#[tokio::test]
async fn one_jump_over_both_levels_raises_both() {
    let ground = subscribed().await;
    ground.send("acme", vec![query("acme", "e-1", "96000")]).await;
    let expected = [(1, Level::Soft, Kind::Reached, 1), (1, Level::Hard, Kind::Reached, 1)];
    assert_eq!(happened(&ground).await, expected);
    let mut session = ground.ledger.store().read().await.unwrap();
    let rows = alerts::of_account(&mut session, &account("acme"), 1).await.unwrap();
    assert_eq!((rows[0].used.to_string(), rows[0].at), ("96000".to_owned(), ground.now()));
    assert_eq!(rows[0].quota.unwrap().to_string(), "100000");
    drop(session);
    clean(ground).await;
}

#[tokio::test]
async fn each_level_rings_at_the_row_that_reaches_it_and_once() {
    let ground = subscribed().await;
    let items = vec![
        query("acme", "e-1", "79999.999999"),
        query("acme", "e-2", "0.000001"),
        query("acme", "e-3", "14999"),
        query("acme", "e-4", "1"),
        query("acme", "e-5", "50000"),
    ];
    ground.send("acme", items).await;
    let expected = [(2, Level::Soft, Kind::Reached, 1), (4, Level::Hard, Kind::Reached, 1)];
    assert_eq!(happened(&ground).await, expected);
    clean(ground).await;
}

#[tokio::test]
async fn alerts_do_not_depend_on_how_rows_are_batched() {
    let mut seen = Vec::new();
    for size in [1, 2, 5] {
        let ground = subscribed().await;
        let items: Vec<_> = (0..10).map(|n| query("acme", &format!("e-{n}"), "10000")).collect();
        for batch in items.chunks(size) {
            ground.send("acme", batch.to_vec()).await;
        }
        seen.push(happened(&ground).await);
        clean(ground).await;
    }
    assert_eq!(seen[0].len(), 2);
    assert!(seen.iter().all(|alerts| *alerts == seen[0]), "{seen:?}");
}

#[tokio::test]
async fn a_correction_takes_an_alert_back_and_the_next_use_rings_anew() {
    let ground = subscribed().await;
    ground.send("acme", vec![query("acme", "e-1", "85000")]).await;
    ground.send("acme", vec![void("c-1", 1)]).await;
    ground.send("acme", vec![query("acme", "e-2", "81000")]).await;
    let expected = [
        (1, Level::Soft, Kind::Reached, 1),
        (2, Level::Soft, Kind::Recovered, 1),
        (3, Level::Soft, Kind::Reached, 2),
    ];
    assert_eq!(happened(&ground).await, expected);
    clean(ground).await;
}

#[tokio::test]
async fn an_upgrade_measures_open_figures_at_once() {
    let ground = subscribed().await;
    ground.send("acme", vec![query("acme", "e-1", "96000")]).await;
    ground.set_clock("2026-11-23T12:00:01Z");
    ground.agree("acme", "scale", "2026-11-23T12:00:00Z").await;
    let all: Vec<_> =
        happened(&ground).await.into_iter().map(|(seq, _, kind, _)| (seq, kind)).collect();
    assert_eq!(all[2..], [(1, Kind::Recovered), (1, Kind::Recovered)]);
    ground.send("acme", vec![query("acme", "e-2", "1")]).await;
    assert_eq!(happened(&ground).await.len(), 4);
    clean(ground).await;
}

#[tokio::test]
async fn without_a_plan_nothing_rings_until_there_is_one() {
    let ground = Ground::with(&["acme"]).await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    ground.send("acme", vec![query("acme", "e-1", "96000")]).await;
    assert_eq!(happened(&ground).await, []);
    ground.agree("acme", "starter", "2026-01-01T00:00:00Z").await;
    assert_eq!(happened(&ground).await.len(), 2);
    clean(ground).await;
}

/// 30,000 runs before there was any plan, Team from the 16th: 20,000 are included, and none of them used.
#[tokio::test]
async fn what_is_free_in_the_bill_uses_up_no_quota() {
    let ground = Ground::empty().await;
    ground.add("acme", "UTC", 1).await;
    let runs = |id: &str, time: &str, units: &str| {
        Item::Usage(event("acme", id, Meter::Agents, time, units))
    };
    ground.set_clock("2026-11-16T12:00:00Z");
    ground.send("acme", vec![runs("a", "2026-11-10T11:00:00Z", "30000")]).await;
    ground.agree("acme", "team", "2026-11-16T00:00:00Z").await;
    assert_eq!(happened(&ground).await, []);
    // What is late, and still before the plan, in one request with what is not.
    let late = runs("b", "2026-11-15T23:59:59.999Z", "9000");
    ground.send("acme", vec![late, runs("c", "2026-11-16T00:00:00Z", "15999")]).await;
    assert_eq!(happened(&ground).await, []);
    ground.send("acme", vec![void("v-1", 1), runs("d", "2026-11-16T11:00:00Z", "1")]).await;
    assert_eq!(happened(&ground).await, [(5, Level::Soft, Kind::Reached, 1)]);
    let mut session = ground.ledger.store().read().await.unwrap();
    let rows = alerts::of_account(&mut session, &account("acme"), 1).await.unwrap();
    let shown = (rows[0].used.to_string(), rows[0].quota.map(|quota| quota.to_string()));
    assert_eq!(shown, ("16000".to_owned(), Some("20000".to_owned())));
    drop(session);
    clean(ground).await;
}

/// A closed month's use from before the plan enters this one and is free in it; so is its correction.
#[tokio::test]
async fn late_use_from_before_the_plan_uses_up_no_quota() {
    let ground = Ground::empty().await;
    ground.add("acme", "UTC", 1).await;
    let runs = |id: &str, time: &str, units: &str| {
        Item::Usage(event("acme", id, Meter::Agents, time, units))
    };
    ground.set_clock("2026-11-16T12:00:00Z");
    ground.send("acme", vec![runs("a", "2026-11-10T11:00:00Z", "7000")]).await;
    ground.agree("acme", "team", "2026-11-16T00:00:00Z").await;
    ground.set_clock("2026-12-10T12:00:00Z");
    assert_eq!(ground.ledger.close_due().await, Ok(1));
    ground.send("acme", vec![runs("late", "2026-11-10T11:00:00Z", "39000")]).await;
    ground.send("acme", vec![runs("b", "2026-12-10T11:00:00Z", "31999")]).await;
    assert_eq!(happened(&ground).await, []);
    // Taking back what was free gives no room: 25,000 + 31,999 - 7,000 would be more than 40,000 anyway.
    ground.send("acme", vec![void("v-1", 1), void("v-2", 2)]).await;
    assert_eq!(happened(&ground).await, []);
    ground.send("acme", vec![runs("c", "2026-12-10T11:00:00Z", "1")]).await;
    assert_eq!(happened(&ground).await, [(6, Level::Soft, Kind::Reached, 1)]);
    clean(ground).await;
}

/// An hour in which a plan begins is divided there, also for levels, and whatever is remembered of it.
#[tokio::test]
async fn a_plan_that_begins_inside_an_hour_divides_it() {
    let mut ground = Ground::empty().await;
    ground.add("acme", "UTC", 1).await;
    let runs = |id: &str, minute: &str, units: &str| {
        Item::Usage(event("acme", id, Meter::Agents, &format!("2026-11-16T00:{minute}Z"), units))
    };
    ground.set_clock("2026-11-16T12:00:00Z");
    ground.send("acme", vec![runs("a", "09:59.999", "30000"), runs("b", "10:00", "100")]).await;
    ground.agree("acme", "starter", "2026-11-16T00:10:00Z").await;
    assert_eq!(happened(&ground).await, []);
    // Half of 10,000 runs, less the ten minutes' share of them.
    for (id, minute, units) in [
        ("c", "05:00", "9000"),
        ("d", "20:00", "1000"),
        ("e", "04:00", "9000"),
        ("f", "30:00", "2898"),
    ] {
        ground.send("acme", vec![runs(id, minute, units)]).await;
        assert_eq!(happened(&ground).await, [], "{id}");
        ground = ground.reopen().await;
    }
    // 4,997.685185 are included, 3,998.148148 are 80 % of them, and 3,998 were used.
    ground.send("acme", vec![runs("g", "31:00", "1")]).await;
    assert_eq!(happened(&ground).await, [(7, Level::Soft, Kind::Reached, 1)]);
    clean(ground).await;
}

#[tokio::test]
async fn another_period_begins_with_every_level_armed() {
    let ground = subscribed().await;
    let of = |id: &str, time: &str| Item::Usage(event("acme", id, Meter::Query, time, "85000"));
    ground.set_clock("2026-11-01T12:00:00Z");
    ground.send("acme", vec![of("e-1", "2026-10-31T12:00:00Z")]).await;
    ground.send("acme", vec![of("e-2", "2026-11-01T12:00:00Z")]).await;
    let expected = [(1, Level::Soft, Kind::Reached, 1), (2, Level::Soft, Kind::Reached, 1)];
    assert_eq!(happened(&ground).await, expected);
    clean(ground).await;
}

#[tokio::test]
async fn what_was_published_cannot_be_changed() {
    let ground = subscribed().await;
    let shipped = Catalogue::shipped().unwrap();
    ground.ledger.import_plans(shipped.clone()).await.unwrap();
    let mut versions: Vec<_> = shipped.versions().cloned().collect();
    versions[0].terms.support_hours += 1;
    let changed = Catalogue::new(versions).unwrap();
    let refused = ground.ledger.import_plans(changed).await.unwrap_err();
    assert!(matches!(refused, PlansError::Import(_)), "{refused}");
    let mut session = ground.ledger.store().read().await.unwrap();
    let stored = plans::catalogue(&mut session).await.unwrap();
    assert!(stored.versions().eq(shipped.versions()));
}

#[tokio::test]
async fn nobody_agrees_to_a_plan_or_for_an_account_that_is_not_there() {
    let ground = subscribed().await;
    let on = |plan: &str| Agreement {
        plan: PlanId { plan: plan.to_owned(), version: 1 },
        effective_at: ground.now(),
        agreed_at: ground.now(),
    };
    assert!(ground.ledger.agree(&account("acme"), on("gold")).await.is_err());
    assert!(ground.ledger.agree(&account("ghost"), on("team")).await.is_err());
    clean(ground).await;
}

#[tokio::test]
async fn usage_of_a_period_shows_figures_quotas_levels_and_plan() {
    let ground = subscribed().await;
    let items = vec![
        query("acme", "e-1", "81000"),
        Item::Usage(event("acme", "e-2", Meter::Signup, "2026-11-23T11:00:00Z", "3")),
    ];
    ground.send("acme", items).await;
    let mut session = ground.ledger.store().read().await.unwrap();
    let acme = accounts::get(&mut session, &account("acme")).await.unwrap().unwrap();
    let now = usage::of_period(&mut session, &acme, ground.now()).await.unwrap();
    let november = Period::from_edges(at("2026-10-31T23:00:00Z"), at("2026-11-30T23:00:00Z"));
    assert_eq!((now.period, now.closed, now.seq), (november.unwrap(), None, 2));
    assert_eq!(now.plan.unwrap().to_string(), "starter@1");
    let shown: Vec<_> = now
        .meters
        .iter()
        .map(|m| (m.meter.name(), m.total.used.to_string(), m.quota.map(|q| q.to_string())))
        .collect();
    let row =
        |meter, used: &str, quota: Option<&str>| (meter, used.to_owned(), quota.map(str::to_owned));
    let expected = [
        row("ingestion", "0", Some("50")),
        row("query", "81000", Some("100000")),
        row("timeline", "0", Some("200000")),
        row("agents", "0", Some("10000")),
        row("signup", "3", None),
    ];
    assert_eq!(shown, expected);
    assert!(now.meters[1].levels.soft.fired && !now.meters[1].levels.hard.fired);
    let before = usage::of_period(&mut session, &acme, at("2025-06-15T00:00:00Z")).await.unwrap();
    assert_eq!((before.plan, before.meters[1].total.count), (None, 0));
    assert_eq!(before.meters[1].quota, None);
}

#[tokio::test]
async fn an_alert_that_was_changed_or_taken_out_is_found() {
    for statement in [
        "DELETE FROM alerts WHERE level = 'hard'",
        "UPDATE alerts SET used_micro = 1 WHERE level = 'hard'",
        "UPDATE alerts SET seq = 2",
        "UPDATE alert_states SET hard_fired = 0",
        "DELETE FROM alert_states",
        "UPDATE agreements SET plan = 'team'",
    ] {
        let ground = subscribed().await;
        ground.send("acme", vec![query("acme", "e-1", "96000")]).await;
        ground.ledger.close().await;
        tamper(ground.folder.path(), &[statement]).await;
        let findings = check(ground.folder.path()).await.findings;
        assert!(!findings.is_empty(), "{statement}");
        assert!(findings.iter().all(|finding| finding.what == What::Alert), "{findings:?}");
    }
}

/// The clock goes back between the two, as it does when another server's is behind.
#[tokio::test]
async fn agreements_and_closes_keep_their_order_when_clocks_differ() {
    const CLOSED: &str = "2026-12-03T23:00:00Z";
    const AHEAD: &str = "2026-12-03T23:00:05Z";
    for agreed_first in [true, false] {
        let ground = subscribed().await;
        ground.send("acme", vec![query("acme", "e-1", "96000")]).await;
        if agreed_first {
            ground.set_clock(AHEAD);
            ground.agree("acme", "scale", "2026-11-01T12:00:00Z").await;
            ground.set_clock(CLOSED);
            assert_eq!(ground.ledger.close_due().await, Ok(1));
            assert_eq!(happened(&ground).await.len(), 4);
        } else {
            ground.set_clock(AHEAD);
            assert_eq!(ground.ledger.close_due().await, Ok(1));
            ground.set_clock(CLOSED);
            ground.agree("acme", "scale", "2026-11-01T12:00:00Z").await;
            assert_eq!(happened(&ground).await.len(), 2);
        }
        clean(ground).await;
    }
}

/// A smaller plan waits for the period's end: to the millisecond before the turn its predecessor measures
/// and bills, from the turn on it does, also for what comes late.
#[tokio::test]
async fn a_downgrade_takes_effect_at_its_instant() {
    const TURN: &str = "2026-12-01T00:00:00Z";
    const BEFORE: &str = "2026-11-30T23:59:59.999Z";
    let ground = Ground::empty().await;
    ground.add("acme", "UTC", 1).await;
    ground.agree("acme", "team", "2026-01-01T00:00:00Z").await;
    let plan = PlanId { plan: "starter".to_owned(), version: 1 };
    let agreement = Agreement { plan, effective_at: at(TURN), agreed_at: ground.now() };
    ground.ledger.agree(&account("acme"), agreement).await.unwrap();
    let runs = |id: &str, time: &str, units: &str| {
        vec![Item::Usage(event("acme", id, Meter::Agents, time, units))]
    };
    ground.set_clock(BEFORE);
    ground.send("acme", runs("last", BEFORE, "9000")).await;
    assert_eq!(happened(&ground).await, [], "9,000 of team's 40,000");
    ground.set_clock(TURN);
    ground.send("acme", runs("first", TURN, "9000")).await;
    assert_eq!(
        happened(&ground).await,
        [(2, Level::Soft, Kind::Reached, 1)],
        "of starter's 10,000"
    );
    // Still within grace: it enters the period before, and is team's.
    ground.send("acme", runs("late", BEFORE, "31000")).await;
    let team = [(3, Level::Soft, Kind::Reached, 1), (3, Level::Hard, Kind::Reached, 1)];
    assert_eq!(happened(&ground).await[1..], team);
    let mut session = ground.ledger.store().read().await.unwrap();
    let acme = accounts::get(&mut session, &account("acme")).await.unwrap().unwrap();
    for (instant, plan, used, quota, total) in [
        (BEFORE, "team@1", "40000", "40000", "USD 899.00"),
        (TURN, "starter@1", "9000", "10000", "USD 299.00"),
    ] {
        let bill = bill::of_period(&mut session, &acme, at(instant)).await.unwrap();
        let stretches = bill.cut.stretches();
        assert_eq!((stretches.len(), stretches[0].plan.to_string()), (1, plan.to_owned()));
        assert_eq!(bill.statement.unwrap().total.to_string(), total);
        let period = usage::of_period(&mut session, &acme, at(instant)).await.unwrap();
        assert_eq!(period.plan.unwrap().to_string(), plan);
        let agents = period.meters.iter().find(|of| of.meter == Meter::Agents).unwrap();
        let shown = (agents.total.used.to_string(), agents.quota.map(|quota| quota.to_string()));
        assert_eq!(shown, (used.to_owned(), Some(quota.to_owned())), "{instant}");
    }
    drop(session);
    // Beyond it, each by its own price: 0.03 and 0.05.
    ground.send("acme", runs("team", BEFORE, "100")).await;
    ground.send("acme", runs("starter", TURN, "1100")).await;
    let mut session = ground.ledger.store().read().await.unwrap();
    for (instant, total) in [(BEFORE, "USD 902.00"), (TURN, "USD 304.00")] {
        let bill = bill::of_period(&mut session, &acme, at(instant)).await.unwrap();
        assert_eq!(bill.statement.unwrap().total.to_string(), total);
    }
    drop(session);
    clean(ground).await;
}
