//! Several servers on one database: as if they were one.

use std::sync::{Arc, Mutex};

use api_server::{
    domain::{
        catalogue::{Catalogue, PlanId},
        meter::Meter,
        subscription::Agreement,
    },
    ledger::{
        Append, Item, Ledger, LedgerError, Outcome, PlansError, lease::Lease, tenants::PlanAsk,
    },
    store::{self, StoreError, gateways, migrations, webhooks},
};
use tokio::sync::oneshot;

use super::ground::{
    Ground, TOTALS, accepted, account, at, check, folder, open, place, query, settings, usage,
};
use super::{tenants::registration, webhooks::endpoint};

/// Another server on the same database and clock.
async fn another(ground: &Ground) -> Ledger {
    open(ground.folder.path(), settings(&ground.clock)).await.unwrap()
}

/// Holds a server's transaction of an account, or of the house, until the answer is dropped.
async fn hold(ledger: &Ledger, of: Option<&str>) -> oneshot::Sender<()> {
    let (go, wait) = oneshot::channel::<()>();
    let (started, has_started) = oneshot::channel::<()>();
    let once = Arc::new(Mutex::new(Some((started, wait))));
    let (ledger, of) = (ledger.clone(), of.map(account));
    tokio::spawn(async move {
        let work = ledger.transact(of, move |_, _| {
            Box::pin(async move {
                let (started, wait) = once.lock().unwrap().take().unwrap();
                started.send(()).unwrap();
                let _go = wait.await;
                Ok::<_, StoreError>(())
            })
        });
        work.await.unwrap();
    });
    has_started.await.unwrap();
    go
}

/// Every task sends the same events in its own order, each piece to another server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_three_servers_counts_every_event_once_in_one_chain() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    let servers = [ground.ledger.clone(), another(&ground).await, another(&ground).await];
    let mut tasks = Vec::new();
    for task in 0..12_usize {
        let of = ["acme", "borealis"][task % 2];
        let event =
            |n: usize| usage(of, &format!("e-{n}"), Meter::Agents, "2026-11-23T11:00:00Z", "0.5");
        let mut mine: Vec<_> = (0..200).map(event).collect();
        mine.rotate_left(task * 13);
        let (servers, now) = (servers.clone(), ground.now());
        tasks.push(tokio::spawn(async move {
            let mut new = 0;
            for (n, chunk) in mine.chunks(7).enumerate() {
                let items = chunk.iter().cloned().map(Item::Usage).collect();
                let request = Append { account: account(of), arrived: now, atomic: false, items };
                let receipt = servers[(n + task) % 3].append(request).await.unwrap();
                let accepted = |o: &&Outcome| matches!(o, Outcome::Accepted { .. });
                new += receipt.outcomes.iter().filter(accepted).count();
            }
            new
        }));
    }
    let mut new = 0;
    for task in tasks {
        new += task.await.unwrap();
    }
    assert_eq!(new, 400);
    for row in ground.table(TOTALS).await {
        assert_eq!(row[3..], ["200", "100000000"]);
    }
    for server in servers {
        server.close().await;
    }
    let report = check(ground.folder.path()).await;
    assert_eq!((report.findings, report.rows), (Vec::new(), 400));
}

/// One server closes while the others store what arrived in time: whichever way each falls, what is
/// closed stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_at_one_server_and_late_events_at_others_agree() {
    const CLOSED: &str = "2026-11-03T23:00:00Z";
    let ids = ["acme", "borealis", "cobalt"];
    let ground = Ground::with(&ids).await;
    ground.set_clock("2026-11-03T22:59:59.999Z");
    let servers = [another(&ground).await, another(&ground).await];
    let october = |of: &str, n: usize| {
        Item::Usage(usage(of, &format!("e-{n}"), Meter::Query, "2026-10-20T10:30:00Z", "1"))
    };
    for of in ids {
        ground.send(of, vec![october(of, 0)]).await;
    }
    let mut sends = Vec::new();
    for n in 1..60 {
        let of = ids[n % 3];
        let (ledger, request) = (servers[n % 2].clone(), ground.request(of, vec![october(of, n)]));
        sends.push(tokio::spawn(async move { ledger.append(request).await.map(drop) }));
        if n == 25 {
            ground.set_clock(CLOSED);
            let ledger = ground.ledger.clone();
            sends.push(tokio::spawn(async move { ledger.close_due().await.map(drop) }));
        }
    }
    for send in sends {
        send.await.unwrap().unwrap();
    }
    let closed = "SELECT p.account, p.closed_seq, u.last_seq, u.cnt FROM periods p
                  JOIN usage_period u ON u.account = p.account AND u.period_start = p.period_start
                  WHERE p.closed_at IS NOT NULL ORDER BY p.account";
    let closed = ground.table(closed).await;
    assert_eq!(closed.len(), 3);
    for row in closed {
        let number = |at: usize| row[at].parse::<i64>().unwrap();
        let (at_close, last, count) = (number(1), number(2), number(3));
        // What arrived after the grace enters November, also before the close is recorded.
        assert!(count <= last && last <= at_close, "{row:?}");
    }
    let rows = ground.table(TOTALS).await;
    let counted: i64 = rows.iter().map(|row| row[3].parse::<i64>().unwrap()).sum();
    assert_eq!(counted, 62);
    for server in servers {
        server.close().await;
    }
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

#[tokio::test]
async fn what_one_server_holds_up_is_that_account_alone() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    let (second, third) = (another(&ground).await, another(&ground).await);
    let go = hold(&ground.ledger, Some("acme")).await;
    let request = ground.request("acme", vec![query("acme", "e-1", "1")]);
    let waits = tokio::spawn(async move { second.append(request).await });
    let other = third.append(ground.request("borealis", vec![query("borealis", "e-1", "1")])).await;
    assert_eq!(accepted(&other.unwrap()), [1]);
    assert!(!waits.is_finished());
    drop(go);
    assert_eq!(accepted(&waits.await.unwrap().unwrap()), [1]);
}

#[tokio::test]
async fn what_is_the_houses_is_done_by_one_server_at_a_time() {
    let ground = Ground::with(&["acme"]).await;
    let second = another(&ground).await;
    let go = hold(&ground.ledger, None).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let after = order.clone();
    let waits = tokio::spawn(async move {
        let work = second.transact(None, move |_, _| {
            let after = after.clone();
            Box::pin(async move {
                after.lock().unwrap().push("second");
                Ok::<_, StoreError>(())
            })
        });
        work.await
    });
    // Usage does not wait for the house.
    let third = another(&ground).await;
    third.append(ground.request("acme", vec![query("acme", "e-1", "1")])).await.unwrap();
    order.lock().unwrap().push("first");
    drop(go);
    waits.await.unwrap().unwrap();
    assert_eq!(*order.lock().unwrap(), ["first", "second"]);
}

/// Who writes under a lease keeps it until that is committed, however long the lease is over.
#[tokio::test]
async fn a_lease_is_not_taken_while_its_holder_writes_under_it() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    let second = another(&ground).await;
    let (mut ours, mut theirs) = (Lease::new("work"), Lease::new("work"));
    assert_eq!(ours.hold(&ground.ledger).await, Ok(true));
    let ended = "UPDATE leases SET until_at = 0";
    let work = ground.ledger.transact(None, |session, _| Box::pin(session.run(ended, vec![])));
    assert_eq!(work.await, Ok(1));
    let (go, wait) = oneshot::channel::<()>();
    let (started, has_started) = oneshot::channel::<()>();
    let once = Arc::new(Mutex::new(Some((started, wait))));
    let (ledger, token) = (ground.ledger.clone(), ours.token());
    let order = Arc::new(Mutex::new(Vec::new()));
    let (first, last) = (order.clone(), order.clone());
    let writes = tokio::spawn(async move {
        let work = ledger.transact_by(Some(&token), Some(account("acme")), move |_, _| {
            Box::pin(async move {
                let (started, wait) = once.lock().unwrap().take().unwrap();
                started.send(()).unwrap();
                let _go = wait.await;
                first.lock().unwrap().push("written");
                Ok::<_, StoreError>(())
            })
        });
        work.await
    });
    has_started.await.unwrap();
    let takes = tokio::spawn(async move {
        let taken = theirs.hold(&second).await;
        last.lock().unwrap().push("taken");
        taken
    });
    // Time for it, if it did not wait: others' transactions get through.
    let third = another(&ground).await;
    for n in 0..20 {
        let item = query("borealis", &format!("e-{n}"), "1");
        let _none = third.append(ground.request("borealis", vec![item])).await;
    }
    go.send(()).unwrap();
    assert_eq!((writes.await.unwrap(), takes.await.unwrap()), (Ok(()), Ok(true)));
    assert_eq!(*order.lock().unwrap(), ["written", "taken"]);
}

/// A server that was stopped for longer than its lease saw tenants as they were before: its successor's ledger stays
/// as it is.
#[tokio::test]
async fn what_a_frozen_server_saw_of_the_cluster_changes_no_tenant_of_its_successor() {
    let ground = Ground::empty().await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    let second = another(&ground).await;
    let (mut ours, mut theirs) = (Lease::new("cluster"), Lease::new("cluster"));
    assert_eq!(ours.hold(&ground.ledger).await, Ok(true));
    let frozen = ours.token();
    let first = ground.ledger.register(Some(&frozen), registration("u-1", "w-1")).await.unwrap();
    let ended = "UPDATE leases SET until_at = 0";
    let work = ground.ledger.transact(None, |session, _| Box::pin(session.run(ended, vec![])));
    assert_eq!(work.await, Ok(1));
    assert_eq!(theirs.hold(&second).await, Ok(true));
    // The tenant was made anew meanwhile.
    let next = second.register(Some(&theirs.token()), registration("u-2", "w-2")).await.unwrap();
    let (ledger, by, id) = (&ground.ledger, Some(&frozen), first.account.id.clone());
    let ask = PlanAsk {
        account: id.clone(),
        name: "acme".to_owned(),
        uid: "u-1".to_owned(),
        generation: 1,
        plan: Some("team".to_owned()),
        otherwise: None,
    };
    let overtaken = Some(LedgerError::Overtaken);
    assert_eq!(ledger.end_others(by, &["u-1".to_owned()]).await.err(), overtaken);
    assert_eq!(ledger.register(by, registration("u-1", "w-1")).await.err(), overtaken);
    assert_eq!(ledger.ask_for_plan(by, ask).await.err(), overtaken);
    assert_eq!(ledger.drain(by, &next.account.id, "u-2").await.err(), overtaken);
    let live = "SELECT uid FROM tenants WHERE ended_at IS NULL";
    assert_eq!(ground.table(live).await, [["u-2"]]);
    assert_eq!(ground.table("SELECT account FROM agreements").await, Vec::<Vec<String>>::new());
    let mut session = ground.ledger.store().read().await.unwrap();
    assert_eq!(gateways::drains(&mut session, &next.account.id).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_files_that_change_each_other_one_is_refused() {
    let ground = Ground::empty().await;
    let second = another(&ground).await;
    let shipped = Catalogue::shipped().unwrap();
    let changed = |hours: u32| {
        let mut versions: Vec<_> = shipped.versions().cloned().collect();
        versions[0].terms.support_hours += hours;
        Catalogue::new(versions).unwrap()
    };
    let (a, b) =
        tokio::join!(ground.ledger.import_plans(changed(1)), second.import_plans(changed(2)),);
    let refused = [&a, &b].iter().filter(|r| matches!(r, Err(PlansError::Import(_)))).count();
    assert_eq!((refused, a.is_ok() || b.is_ok()), (1, true), "{a:?} {b:?}");
    let published = if a.is_ok() { changed(1) } else { changed(2) };
    let mut session = ground.ledger.store().read().await.unwrap();
    let stored = store::plans::catalogue(&mut session).await.unwrap();
    assert!(stored.versions().eq(published.versions()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_at_once_make_one_schema() {
    let folder = folder().await;
    let servers = (0..6).map(|_| {
        let place = place(folder.path());
        tokio::spawn(async move { store::migrate(place, migrations::LATEST).await })
    });
    for server in servers.collect::<Vec<_>>() {
        server.await.unwrap().unwrap();
    }
    let ground = Ground::empty().await;
    ground.ledger.close().await;
    let ledger = open(folder.path(), settings(&ground.clock)).await.unwrap();
    let ground = ground.replace(ledger);
    let versions = ground.table("SELECT COUNT(*) FROM _sqlx_migrations").await;
    assert_eq!(versions[0][0], migrations::LATEST.to_string());
}

/// A plan that one server learned is another's as well.
#[tokio::test]
async fn an_agreement_at_one_server_rings_at_another() {
    let ground = Ground::with(&["acme"]).await;
    let second = another(&ground).await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    second.append(ground.request("acme", vec![query("acme", "e-1", "70000")])).await.unwrap();
    let plan = PlanId { plan: "starter".to_owned(), version: 1 };
    let from = at("2026-01-01T00:00:00Z");
    let agreement =
        api_server::domain::subscription::Agreement { plan, effective_at: from, agreed_at: from };
    ground.ledger.agree(&account("acme"), agreement).await.unwrap();
    second.append(ground.request("acme", vec![query("acme", "e-2", "26000")])).await.unwrap();
    let alerts = ground.table("SELECT seq, level FROM alerts ORDER BY level").await;
    assert_eq!(alerts, [["2", "hard"], ["2", "soft"]]);
    second.close().await;
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

/// What tells webhooks is written with usage, and must not wait for who changes them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_is_deleted_meanwhile_keeps_no_usage_from_being_stored() {
    let ground = Ground::with(&["acme"]).await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    let plan = PlanId { plan: "starter".to_owned(), version: 1 };
    let from = at("2026-01-01T00:00:00Z");
    let agreement = Agreement { plan, effective_at: from, agreed_at: from };
    ground.ledger.agree(&account("acme"), agreement).await.unwrap();
    let hook = endpoint(&ground, 1, "https://a.example/", &[]).await;
    let other = another(&ground).await;
    let (deleted, is_deleted) = oneshot::channel::<()>();
    let (go, wait) = oneshot::channel::<()>();
    let once = Arc::new(Mutex::new(Some((deleted, wait))));
    let deleting = tokio::spawn(async move {
        let work = other.transact(None, move |session, _| {
            Box::pin(async move {
                let gone = webhooks::remove(session, hook).await?;
                let (deleted, wait) = once.lock().unwrap().take().unwrap();
                deleted.send(()).unwrap();
                let _go = wait.await;
                Ok::<_, StoreError>(gone)
            })
        });
        work.await
    });
    is_deleted.await.unwrap();
    // Both levels are reached while the endpoint is there for us and gone for the other.
    accepted(&ground.send("acme", vec![query("acme", "e-1", "96000")]).await);
    go.send(()).unwrap();
    assert_eq!(deleting.await.unwrap(), Ok(true));
    let mut session = ground.ledger.store().read().await.unwrap();
    assert_eq!(webhooks::due(&mut session, ground.now()).await, Ok(vec![]));
    assert_eq!(webhooks::next(&mut session, hook, ground.now()).await, Ok(None));
}
