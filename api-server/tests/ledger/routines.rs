//! What the rounds of customer success, Finance and auditors read from the store.

use api_server::domain::{
    account::AccountId,
    adherence::Tally,
    catalogue::{Catalogue, PlanId},
    subscription::Agreement,
};
use api_server::ledger::figures::{Figures, Rhythm};
use api_server::store::{
    kpis, retention,
    support::{self, Outcome, Reported},
};
use jiff::SignedDuration;

use super::ground::{Ground, account, at, query};

pub async fn answered(
    ground: &Ground,
    id: &str,
    n: usize,
    opened: &str,
    hours: i64,
    promised: u32,
) {
    let opened_at = at(opened);
    let new = Reported {
        account: account(id),
        source: "helpdesk".to_owned(),
        id: format!("T-{n}"),
        opened_at,
        answered_at: opened_at + SignedDuration::from_hours(hours),
        sla_hours: Some(promised),
        actor: "ada".to_owned(),
    };
    let work = ground.ledger.transact(Some(account(id)), move |session, now| {
        Box::pin(async move { support::record(session, &new, now).await })
    });
    assert!(matches!(work.await.unwrap(), Outcome::New(_)));
}

async fn sum_up(ground: &Ground) {
    let mut figures = Figures::new(Rhythm::every(SignedDuration::from_mins(5)));
    figures.round(&ground.ledger).await.unwrap();
}

/// Whole days since 1970.
fn day(text: &str) -> i64 {
    at(&format!("{text}T00:00:00Z")).as_second() / 86_400
}

fn tally(promised_hours: u32, met: u32, missed: u32, slowest: i64) -> Tally {
    Tally { promised_hours, met, missed, slowest: SignedDuration::from_hours(slowest) }
}

#[tokio::test]
async fn answers_are_tallied_by_promise_within_edges() {
    let ground = Ground::with(&["acme", "globex"]).await;
    let from = at("2026-11-09T00:00:00Z");
    for (n, (opened, hours, promised)) in [
        // Answered right before, at the first instant, within, at the last, right after.
        ("2026-11-08T22:59:59.999Z", 1, 8),
        ("2026-11-08T16:00:00Z", 8, 8),
        ("2026-11-10T00:00:00Z", 9, 8),
        ("2026-11-15T03:59:59.999Z", 20, 24),
        ("2026-11-15T23:00:00Z", 1, 8),
    ]
    .into_iter()
    .enumerate()
    {
        answered(&ground, "acme", n, opened, hours, promised).await;
    }
    let week = (from, at("2026-11-16T00:00:00Z"));
    let mut session = ground.ledger.store().read().await.unwrap();
    let found = support::tallies(&mut session, &account("acme"), week).await.unwrap();
    assert_eq!(found, [tally(8, 1, 1, 9), tally(24, 1, 0, 20)]);
    assert_eq!(support::tallies(&mut session, &account("globex"), week).await.unwrap(), []);
    let answers = kpis::answers(&mut session, week).await.unwrap();
    assert_eq!(answers.into_iter().collect::<Vec<_>>(), [(account("acme"), (2, 3))]);
}

#[tokio::test]
async fn a_month_ends_with_the_last_summary_in_it() {
    let ground = Ground::with(&["acme", "globex"]).await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    for (plan, from) in [("starter", "2026-10-01T00:00:00Z"), ("team", "2026-11-20T00:00:00Z")] {
        let plan = PlanId { plan: plan.to_owned(), version: 1 };
        let agreement = Agreement { plan, effective_at: at(from), agreed_at: at(from) };
        ground.ledger.agree(&account("acme"), agreement).await.unwrap();
    }
    for now in ["2026-11-24T12:00:00Z", "2026-11-30T23:00:00Z", "2026-12-01T01:00:00Z"] {
        ground.set_clock(now);
        sum_up(&ground).await;
    }
    let mut session = ground.ledger.store().read().await.unwrap();
    let november = (day("2026-11-01"), day("2026-12-01"));
    let last = kpis::last(&mut session, november).await.unwrap();
    let found: Vec<_> =
        last.iter().map(|last| (last.account.to_string(), last.computed_at)).collect();
    let end = at("2026-11-30T23:00:00Z");
    assert_eq!(found, [("acme".to_owned(), end), ("globex".to_owned(), end)]);
    let none = (day("2026-10-01"), day("2026-11-01"));
    assert_eq!(kpis::last(&mut session, none).await.unwrap(), []);
    let wanted = |time: &str| [(account("acme"), at(time)), (account("globex"), at(time))];
    for (time, plan) in [("2026-11-19T23:59:59Z", "starter@1"), ("2026-11-30T23:00:00Z", "team@1")]
    {
        let plans = kpis::plans_at(&mut session, &wanted(time)).await.unwrap();
        let named: Vec<_> =
            plans.iter().map(|(id, plan)| (id.to_string(), plan.to_string())).collect();
        assert_eq!(named, [("acme".to_owned(), plan.to_owned())], "{time}");
    }
    let on: Vec<_> = kpis::on_plans(&mut session).await.unwrap().into_iter().collect();
    assert_eq!(on, [(PlanId { plan: "team".to_owned(), version: 1 }, 1)]);
}

fn ids(found: &[(AccountId, jiff::Timestamp)]) -> Vec<&str> {
    found.iter().map(|(id, _)| id.as_str()).collect()
}

#[tokio::test]
async fn what_has_aged_is_found_from_its_edge_on() {
    let ground = Ground::with(&["acme", "globex"]).await;
    let mut named = query("acme", "e-1", "1");
    if let api_server::ledger::Item::Usage(event) = &mut named {
        event.dims.insert("user".to_owned(), "ada".to_owned());
    }
    ground.send("acme", vec![query("acme", "e-0", "1"), named]).await;
    ground.send("globex", vec![query("globex", "e-0", "1")]).await;
    sum_up(&ground).await;
    let mut session = ground.ledger.store().read().await.unwrap();
    let stored = at("2026-11-23T12:00:00Z");
    let later = stored + SignedDuration::from_millis(1);
    let found = retention::attributes(&mut session, later, 9).await.unwrap();
    assert_eq!(found, [(account("acme"), stored)], "globex' events have no attributes");
    assert_eq!(retention::attributes(&mut session, stored, 9).await.unwrap(), []);
    let (before, after) = (day("2026-11-23"), day("2026-11-24"));
    assert_eq!(ids(&retention::days(&mut session, after, 9).await.unwrap()), ["acme", "globex"]);
    assert_eq!(ids(&retention::days(&mut session, after, 1).await.unwrap()), ["acme"]);
    assert_eq!(retention::days(&mut session, before, 9).await.unwrap(), []);
    let found = retention::keys(&mut session, 202_612, 9).await.unwrap();
    assert_eq!(found, [(account("acme"), stored), (account("globex"), stored)]);
    assert_eq!(retention::keys(&mut session, 202_611, 9).await.unwrap(), []);
    assert_eq!(retention::contacts(&mut session, later, 9).await.unwrap(), []);
}
