//! Periods of accounts that use nothing: their base fees are owed all the same.

use api_server::{
    domain::catalogue::Catalogue,
    ledger::upkeep::{Done, Upkeep},
    store::sql::Value,
};
use jiff::Timestamp;

use super::HERE;
use super::ground::{Ground, account, at, check, query, tamper, usage};
use crate::Engine;
use api_server::domain::meter::Meter;
use api_server::ledger::Item;

/// On `team` since an instant, in UTC.
async fn on_team(now: &str, since: &str) -> Ground {
    let ground = Ground::empty().await;
    ground.set_clock(now);
    ground.add("acme", "UTC", 1).await;
    ground.agree("acme", "team", since).await;
    ground
}

async fn round(ground: &Ground, upkeep: &mut Upkeep, now: &str) -> Done {
    ground.set_clock(now);
    upkeep.round(&ground.ledger).await.unwrap()
}

/// The starts of its periods, by month, and which are closed.
async fn periods(ground: &Ground) -> Vec<String> {
    let rows = ground.table("SELECT period_start, closed_at FROM periods ORDER BY period_start");
    let month = |ms: &str| Timestamp::from_millisecond(ms.parse().unwrap()).unwrap().to_string();
    let show = |row: Vec<String>| {
        let closed = if row[1] == "-" { "" } else { " closed" };
        format!("{}{closed}", &month(&row[0])[..7])
    };
    rows.await.into_iter().map(show).collect()
}

fn bills(done: &Done) -> Vec<(Timestamp, String)> {
    let bill = |total: Option<api_server::domain::Money>| total.map(|t| t.to_string());
    let settled = done.settled.iter().map(|s| (s.period_start, bill(s.total).unwrap_or_default()));
    settled.collect()
}

async fn agrees(ground: Ground) {
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

#[tokio::test]
async fn a_period_without_use_is_closed_and_settled_with_its_base_fee() {
    let ground = on_team("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z").await;
    let mut upkeep = Upkeep::default();
    assert_eq!(round(&ground, &mut upkeep, "2026-10-01T00:05:00Z").await.closed, 0);
    assert_eq!(periods(&ground).await, ["2026-10"]);
    assert_eq!(round(&ground, &mut upkeep, "2026-11-03T23:59:59.999Z").await.closed, 0);
    let done = round(&ground, &mut upkeep, "2026-11-04T00:00:00Z").await;
    assert_eq!(bills(&done), [(at("2026-10-01T00:00:00Z"), "USD 899.00".to_owned())]);
    assert_eq!(periods(&ground).await, ["2026-10 closed", "2026-11"]);
    agrees(ground).await;
}

/// Nobody looked for months.
#[tokio::test]
async fn what_passed_unseen_is_made_up_for_each_month() {
    let ground = on_team("2026-10-16T12:00:00Z", "2026-10-16T12:00:00Z").await;
    let done = round(&ground, &mut Upkeep::default(), "2027-01-02T00:00:00Z").await;
    // Half of October: 15.5 of 31 days.
    let expected = [("2026-10-01T00:00:00Z", "USD 449.50"), ("2026-11-01T00:00:00Z", "USD 899.00")];
    assert_eq!(bills(&done), expected.map(|(start, bill)| (at(start), bill.to_owned())));
    let expected = ["2026-10 closed", "2026-11 closed", "2026-12", "2027-01"];
    assert_eq!(periods(&ground).await, expected);
    agrees(ground).await;
}

/// Use opened the month before and, by a clock that is ahead, the month after.
#[tokio::test]
async fn a_month_between_months_with_use_is_found() {
    let ground = on_team("2026-09-10T00:00:00Z", "2026-09-01T00:00:00Z").await;
    let on = |id: &str, time: &str| Item::Usage(usage("acme", id, Meter::Agents, time, "1"));
    ground.send("acme", vec![on("e-1", "2026-09-09T00:00:00Z")]).await;
    ground.set_clock("2026-10-31T23:00:00Z");
    ground.send("acme", vec![on("e-2", "2026-11-01T00:30:00Z")]).await;
    assert_eq!(periods(&ground).await, ["2026-09", "2026-11"]);
    let mut upkeep = Upkeep::default();
    let done = round(&ground, &mut upkeep, "2026-10-31T23:30:00Z").await;
    assert_eq!((done.closed, periods(&ground).await[1].as_str()), (1, "2026-10"));
    let done = round(&ground, &mut upkeep, "2026-11-05T00:00:00Z").await;
    assert_eq!(bills(&done), [(at("2026-10-01T00:00:00Z"), "USD 899.00".to_owned())]);
    agrees(ground).await;
}

/// A ledger of which an earlier version kept only the months with use.
#[tokio::test]
async fn an_older_month_that_was_never_stored_is_found_once() {
    let ground = on_team("2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z").await;
    ground.set_clock("2026-11-23T12:00:00Z");
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    assert_eq!(periods(&ground).await, ["2026-11"]);
    let mut upkeep = Upkeep::default();
    let done = round(&ground, &mut upkeep, "2026-11-23T12:00:00Z").await;
    assert_eq!((done.closed, bills(&done).len()), (3, 3));
    let expected = ["2026-08 closed", "2026-09 closed", "2026-10 closed", "2026-11"];
    assert_eq!(periods(&ground).await, expected);
    let again = round(&ground, &mut upkeep, "2026-11-23T12:05:00Z").await;
    assert_eq!((again.closed, bills(&again).len()), (0, 0));
    agrees(ground).await;
}

/// A plan that is recorded long after it began changes no bill of a month that was over, used or not.
#[tokio::test]
async fn a_plan_that_came_late_opens_no_month_that_was_over() {
    let ground = Ground::empty().await;
    ground.set_clock("2026-08-01T00:00:00Z");
    ground.add("acme", "UTC", 1).await;
    ground.set_clock("2026-11-03T12:00:00Z");
    ground.agree("acme", "team", "2026-08-01T00:00:00Z").await;
    let mut upkeep = Upkeep::default();
    round(&ground, &mut upkeep, "2026-11-03T12:00:00Z").await;
    // October was in its grace.
    assert_eq!(periods(&ground).await, ["2026-10", "2026-11"]);
    let done = round(&ground, &mut upkeep, "2026-11-04T00:00:00Z").await;
    assert_eq!(bills(&done), [(at("2026-10-01T00:00:00Z"), "USD 899.00".to_owned())]);
    agrees(ground).await;
}

/// Without a plan nothing is owed, nor from before the ledger knew the account, nor ahead of a plan.
#[tokio::test]
async fn only_what_is_owed_by_a_known_account_is_opened() {
    let ground = on_team("2026-11-23T12:00:00Z", "2026-01-01T00:00:00Z").await;
    ground.add("borealis", "UTC", 1).await;
    ground.add("cygnus", "UTC", 1).await;
    ground.agree("cygnus", "team", "2026-12-01T00:00:00Z").await;
    let mut upkeep = Upkeep::default();
    round(&ground, &mut upkeep, "2026-11-23T12:00:00Z").await;
    let of = "SELECT account FROM periods ORDER BY account, period_start";
    assert_eq!(ground.table(of).await, [["acme"]]);
    round(&ground, &mut upkeep, "2026-12-02T12:00:00Z").await;
    assert_eq!(ground.table(of).await, [["acme"], ["acme"], ["cygnus"]]);
    agrees(ground).await;
}

/// A page of which one account cannot be read: each of the others has its periods all the same.
#[tokio::test]
async fn an_account_that_cannot_be_read_keeps_nobody_elses_periods_waiting() {
    let ground = on_team("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z").await;
    for id in ["borealis", "cygnus"] {
        ground.add(id, "UTC", 1).await;
        ground.agree(id, "team", "2026-10-01T00:00:00Z").await;
    }
    ground.ledger.close().await;
    let path = ground.folder.path().to_owned();
    tamper(&path, &["UPDATE accounts SET zone = 'Nowhere/At_All' WHERE account = 'borealis'"])
        .await;
    let ground = ground.reopen().await;
    ground.set_clock("2026-11-02T00:00:00Z");
    let mut upkeep = Upkeep::default();
    let of = "SELECT account, COUNT(*) FROM periods GROUP BY account ORDER BY account";
    // Its keys and its heads cannot be looked after either, which is said.
    let said = upkeep.round(&ground.ledger).await.map(|done| done.opened);
    assert_eq!(ground.table(of).await, [["acme", "2"], ["cygnus", "2"]], "{said:?}");
    ground.ledger.close().await;
    tamper(&path, &["UPDATE accounts SET zone = 'UTC' WHERE account = 'borealis'"]).await;
    let ground = ground.reopen().await;
    upkeep.round(&ground.ledger).await.unwrap();
    assert_eq!(ground.table(of).await, [["acme", "2"], ["borealis", "2"], ["cygnus", "2"]]);
    agrees(ground).await;
}

/// From now on the database takes no new period, or takes them again.
async fn takes_periods(ground: &Ground, takes: bool) {
    let statements: &[&'static str] = match (HERE, takes) {
        (Engine::Sqlite, false) => &["CREATE TRIGGER full_up BEFORE INSERT ON periods
                                      BEGIN SELECT RAISE(ABORT, 'full up'); END"],
        (Engine::Postgres, false) => &[
            "CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql
               AS $$ BEGIN RAISE EXCEPTION 'full up'; END $$",
            "CREATE TRIGGER full_up BEFORE INSERT ON periods
               FOR EACH ROW EXECUTE FUNCTION full_up()",
        ],
        (Engine::Sqlite, true) => &["DROP TRIGGER full_up"],
        (Engine::Postgres, true) => &["DROP TRIGGER full_up ON periods", "DROP FUNCTION full_up"],
    };
    let work = ground.ledger.transact(None, move |session, _| {
        Box::pin(async move {
            for sql in statements {
                session.run(sql, Vec::new()).await?;
            }
            Ok(())
        })
    });
    work.await.unwrap();
}

/// Older months are looked for once only, and that is over when they were stored.
#[tokio::test]
async fn a_page_that_cannot_be_stored_is_looked_at_again() {
    let ground = on_team("2026-08-01T00:00:00Z", "2026-08-01T00:00:00Z").await;
    ground.set_clock("2026-11-23T12:00:00Z");
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    takes_periods(&ground, false).await;
    let mut upkeep = Upkeep::default();
    for _ in 0..2 {
        let error = upkeep.round(&ground.ledger).await.unwrap_err().to_string();
        assert!(error.contains("full up"), "{error}");
        assert_eq!(periods(&ground).await, ["2026-11"]);
    }
    takes_periods(&ground, true).await;
    let done = round(&ground, &mut upkeep, "2026-11-23T12:10:00Z").await;
    assert_eq!((done.opened, done.closed, bills(&done).len()), (3, 3, 3));
    agrees(ground).await;
}

/// More than are looked at in one transaction, or in one round.
#[tokio::test]
async fn many_accounts_have_their_periods_in_the_same_round_once_they_run() {
    const ACCOUNTS: i64 = 1_203;
    let ground = Ground::empty().await;
    ground.set_clock("2026-10-01T00:00:00Z");
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    let since = at("2026-10-01T00:00:00Z");
    let many = ground.ledger.transact(None, move |session, now| {
        Box::pin(async move {
            let since = Value::from(since);
            for n in 0..ACCOUNTS {
                let id = account(&format!("a-{n:04}"));
                let sql =
                    "INSERT INTO accounts (account, name, zone, anchor_day, currency, created_at)
                           VALUES ($1, $1, 'UTC', 1, 'USD', $2)";
                session.run(sql, vec![Value::from(&id), since.clone()]).await?;
                let sql = "INSERT INTO agreements (account, n, plan, version, effective_at,
                             agreed_at, recorded_at, at_seq)
                           VALUES ($1, 1, 'team', 1, $2, $2, $3, 0)";
                let values = vec![Value::from(&id), since.clone(), Value::from(now)];
                session.run(sql, values).await?;
            }
            Ok(())
        })
    });
    many.await.unwrap();
    let mut upkeep = Upkeep::default();
    round(&ground, &mut upkeep, "2026-10-01T00:05:00Z").await;
    let count = "SELECT COUNT(*), COUNT(closed_at) FROM periods";
    assert_eq!(ground.table(count).await, [[ACCOUNTS.to_string(), "0".to_owned()]]);
    let done = round(&ground, &mut upkeep, "2026-11-04T00:00:00Z").await;
    assert_eq!(done.closed, u64::try_from(ACCOUNTS).unwrap());
    let both = [(2 * ACCOUNTS).to_string(), ACCOUNTS.to_string()];
    assert_eq!(ground.table(count).await, [both]);
}
