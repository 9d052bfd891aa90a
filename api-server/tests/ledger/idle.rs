//! Periods of accounts that use nothing: their base fees are owed all the same.

use api_server::{
    domain::{catalogue::Catalogue, subscription::RequestError},
    ledger::{
        Append, NotChanged, PlanChange, PlanWish,
        upkeep::{Done, Upkeep},
    },
    store::{accounts, bill, sql::Value},
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

/// What one of its periods comes to now, and whether that is for good.
async fn bill(ground: &Ground, instant: &str) -> (Option<String>, bool) {
    let mut session = ground.ledger.store().read().await.unwrap();
    let acme = accounts::get(&mut session, &account("acme")).await.unwrap().unwrap();
    let bill = bill::of_period(&mut session, &acme, at(instant)).await.unwrap();
    let is_final = bill.is_final(ground.now());
    (bill.statement.map(|statement| statement.total.to_string()), is_final)
}

fn runs(id: &str, time: &str, units: &str) -> Vec<Item> {
    vec![Item::Usage(usage("acme", id, Meter::Agents, time, units))]
}

/// A plan that is recorded on 23 November for the whole year owes no October, and no event of it makes it owe one.
#[tokio::test]
async fn what_comes_late_makes_no_month_owed_that_was_over_before_the_plan() {
    let ground = on_team("2026-11-23T12:00:00Z", "2026-01-01T00:00:00Z").await;
    assert_eq!(bill(&ground, "2026-10-20T00:00:00Z").await, (None, true), "nobody stored it");
    ground.send("acme", runs("late", "2026-10-20T00:00:00Z", "45000")).await;
    assert_eq!(periods(&ground).await, ["2026-10 closed", "2026-11"]);
    let mut upkeep = Upkeep::default();
    let done = round(&ground, &mut upkeep, "2026-11-23T12:05:00Z").await;
    assert_eq!(bills(&done), [(at("2026-10-01T00:00:00Z"), String::new())]);
    assert_eq!(bill(&ground, "2026-10-20T00:00:00Z").await, (None, true));
    // It is charged in the month in which it arrived: 5,000 beyond 40,000, at 0.03.
    let done = round(&ground, &mut upkeep, "2026-12-04T00:00:00Z").await;
    assert_eq!(bills(&done), [(at("2026-11-01T00:00:00Z"), "USD 1049.00".to_owned())]);
    agrees(ground).await;
}

/// The server was away: October is owed, by the plan of then, though an event finds it before anybody looked.
#[tokio::test]
async fn what_comes_late_leaves_a_month_owed_that_passed_unseen() {
    let ground = on_team("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z").await;
    ground.set_clock("2026-11-23T12:00:00Z");
    ground.send("acme", runs("late", "2026-10-20T00:00:00Z", "1")).await;
    assert_eq!(periods(&ground).await, ["2026-10 closed", "2026-11"]);
    let done = round(&ground, &mut Upkeep::default(), "2026-11-23T12:05:00Z").await;
    assert_eq!(bills(&done), [(at("2026-10-01T00:00:00Z"), "USD 899.00".to_owned())]);
    agrees(ground).await;
}

/// A row that arrived in its grace enters its month though it is stored after that: nothing is closed under it.
#[tokio::test]
async fn a_month_that_a_row_enters_is_not_stored_as_closed() {
    let ground = on_team("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z").await;
    ground.set_clock("2026-11-04T00:00:00Z");
    let arrived = at("2026-11-03T23:59:59.999Z");
    let items = runs("waited", "2026-10-20T00:00:00Z", "45000");
    ground.ledger.append(Append { arrived, ..ground.request("acme", items) }).await.unwrap();
    assert_eq!(periods(&ground).await, ["2026-10"]);
    let done = round(&ground, &mut Upkeep::default(), "2026-11-04T00:05:00Z").await;
    assert_eq!(bills(&done), [(at("2026-10-01T00:00:00Z"), "USD 1049.00".to_owned())]);
    agrees(ground).await;
}

async fn wish(ground: &Ground, plan: Option<&str>) -> Result<PlanChange, NotChanged> {
    let (account, plan) = (account("acme"), plan.map(str::to_owned));
    let wish = PlanWish { account, plan, version: None, actor: "ada".to_owned() };
    ground.ledger.change_plan(wish).await.unwrap()
}

/// The month in which it is agreed is owed whole; of later ones nothing is, used or not, and nothing waits.
#[tokio::test]
async fn after_an_end_nothing_is_owed() {
    let ground = on_team("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z").await;
    let mut upkeep = Upkeep::default();
    round(&ground, &mut upkeep, "2026-10-10T12:00:00Z").await;
    let end = wish(&ground, None).await.unwrap();
    let when = (end.agreed.plan(), end.agreed.effective_at(), end.cost);
    assert_eq!(when, (None, at("2026-11-01T00:00:00Z"), None));
    assert!(wish(&ground, None).await.unwrap().stands);
    let done = round(&ground, &mut upkeep, "2026-11-04T00:00:00Z").await;
    assert_eq!(bills(&done), [(at("2026-10-01T00:00:00Z"), "USD 899.00".to_owned())]);
    round(&ground, &mut upkeep, "2026-12-05T00:00:00Z").await;
    assert_eq!(periods(&ground).await, ["2026-10 closed"]);
    assert_eq!(bill(&ground, "2026-11-10T00:00:00Z").await, (None, true));
    assert_eq!(bill(&ground, "2026-12-10T00:00:00Z").await, (None, false), "it runs");
    // What is used all the same is kept, and costs nothing.
    ground.send("acme", runs("after", "2026-12-04T00:00:00Z", "90000")).await;
    let done = round(&ground, &mut upkeep, "2027-01-05T00:00:00Z").await;
    assert_eq!(bills(&done), [(at("2026-12-01T00:00:00Z"), String::new())]);
    // One that starts anew, and looks through everything, finds nothing more.
    let done = round(&ground, &mut Upkeep::default(), "2027-01-05T00:05:00Z").await;
    assert_eq!((done.opened, done.closed, bills(&done).len()), (0, 0, 0));
    assert_eq!(ground.table("SELECT COUNT(*) FROM alerts").await, [["0"]]);
    agrees(ground).await;
}

/// Taken back before it takes effect, an end has changed nothing; after that a plan counts from the start of the
/// month in which it is agreed to, with all that was used in it.
#[tokio::test]
async fn a_plan_takes_an_end_back_or_begins_anew() {
    let ground = on_team("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z").await;
    let mut upkeep = Upkeep::default();
    round(&ground, &mut upkeep, "2026-10-10T12:00:00Z").await;
    wish(&ground, None).await.unwrap();
    let back = wish(&ground, Some("team")).await.unwrap();
    assert_eq!(back.cost.unwrap().net().unwrap().amount(), "0.00");
    wish(&ground, None).await.unwrap();
    let done = round(&ground, &mut upkeep, "2026-12-05T00:00:00Z").await;
    assert_eq!(bills(&done), [(at("2026-10-01T00:00:00Z"), "USD 899.00".to_owned())]);
    round(&ground, &mut upkeep, "2027-02-10T12:00:00Z").await;
    ground.send("acme", runs("before", "2027-02-09T00:00:00Z", "45000")).await;
    let again = wish(&ground, Some("team")).await.unwrap();
    assert_eq!(again.agreed.effective_at(), at("2027-02-01T00:00:00Z"));
    assert_eq!((again.from, again.cost.unwrap().charge.amount()), (None, "899.00".to_owned()));
    let reached = "SELECT level FROM alerts ORDER BY level";
    assert_eq!(ground.table(reached).await, [["hard"], ["soft"]], "of what is charged for");
    let done = round(&ground, &mut upkeep, "2027-03-04T00:00:00Z").await;
    assert_eq!(bills(&done), [(at("2027-02-01T00:00:00Z"), "USD 1049.00".to_owned())]);
    agrees(ground).await;
}

/// An account that is on none has nothing to end, and one whose plan is to come waits for it.
#[tokio::test]
async fn only_a_plan_in_force_can_be_ended() {
    let ground = Ground::empty().await;
    ground.set_clock("2026-10-10T00:00:00Z");
    ground.add("acme", "UTC", 1).await;
    let refused = wish(&ground, None).await.unwrap_err();
    assert_eq!(refused, NotChanged::Refused(RequestError::NoPlan));
    ground.agree("acme", "team", "2026-12-01T00:00:00Z").await;
    let start = at("2026-12-01T00:00:00Z");
    let refused = wish(&ground, None).await.unwrap_err();
    assert_eq!(refused, NotChanged::Refused(RequestError::NotStarted(start)));
}
