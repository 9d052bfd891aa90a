//! Accounts of a cluster's tenants: made, bound, put on plans and ended, each as often as one likes.

use api_server::{
    domain::catalogue::Catalogue,
    ledger::tenants::{Answered, PlanAsk, Registered, Registration},
    store::{accounts, gateways, plans},
};

use super::ground::{Ground, account, at, query};

/// A tenant `acme` with one workload.
pub fn registration(uid: &str, workload: &str) -> Registration {
    Registration {
        name: "acme".to_owned(),
        uid: uid.to_owned(),
        account: account(uid),
        display_name: "Acme Legal".to_owned(),
        currency: "USD".to_owned(),
        zone: "UTC".parse().unwrap(),
        anchor: api_server::domain::calendar::AnchorDay::new(1).unwrap(),
        namespace: "tenant-acme".to_owned(),
        workloads: vec![("core".to_owned(), workload.to_owned())],
        issuer: None,
        binds: true,
    }
}

async fn ground() -> Ground {
    let ground = Ground::empty().await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    ground
}

async fn register(ground: &Ground, new: &Registration) -> Registered {
    ground.ledger.register(None, new.clone()).await.unwrap()
}

async fn bound(ground: &Ground, uid: &str) -> Option<String> {
    let mut session = ground.ledger.store().read().await.unwrap();
    let found = accounts::bound(&mut session, "tenant-acme", "core", uid).await.unwrap();
    found.map(|bound| bound.account.to_string())
}

async fn ask(ground: &Ground, generation: i64, plan: Option<&str>) -> Answered {
    let ask = PlanAsk {
        account: account("u-1"),
        name: "acme".to_owned(),
        uid: "u-1".to_owned(),
        generation,
        plan: plan.map(str::to_owned),
        otherwise: Some("starter".to_owned()),
    };
    ground.ledger.ask_for_plan(None, ask).await.unwrap()
}

async fn agreed(ground: &Ground) -> Vec<String> {
    let mut session = ground.ledger.store().read().await.unwrap();
    let all = plans::asked(&mut session, &account("u-1")).await.unwrap();
    let plan = |one: &plans::Asked| one.recorded.agreed.plan().map(|id| id.plan.clone());
    all.iter().map(|one| plan(one).unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_tenant_is_registered_once_however_often() {
    let ground = ground().await;
    let first = register(&ground, &registration("u-1", "w-1")).await;
    ground.set_clock("2026-11-24T00:00:00Z");
    assert_eq!(register(&ground, &registration("u-1", "w-1")).await, first);
    assert_eq!(first.account.name, "Acme Legal");
    assert!(first.refused.is_empty());
    assert_eq!(bound(&ground, "w-1").await.as_deref(), Some("u-1"));
}

#[tokio::test]
async fn a_service_account_made_anew_replaces_the_old_one() {
    let ground = ground().await;
    register(&ground, &registration("u-1", "w-1")).await;
    register(&ground, &registration("u-1", "w-2")).await;
    assert_eq!(bound(&ground, "w-1").await, None);
    assert_eq!(bound(&ground, "w-2").await.as_deref(), Some("u-1"));
}

#[tokio::test]
async fn a_drain_ends_with_its_tenant_and_never_meets_the_next_one() {
    let ground = ground().await;
    let of_account = |uid: &str| Registration { account: account("a-1"), ..registration(uid, uid) };
    let drains = async || {
        let mut session = ground.ledger.store().read().await.unwrap();
        gateways::drains(&mut session, &account("a-1")).await.unwrap()
    };
    register(&ground, &of_account("u-1")).await;
    ground.ledger.drain(None, &account("a-1"), "u-1").await.unwrap();
    register(&ground, &of_account("u-1")).await;
    assert_eq!(drains().await.as_deref(), Some("u-1"), "registered again, it still drains");
    ground.ledger.end_others(None, &["u-2".to_owned()]).await.unwrap();
    assert_eq!(drains().await, None);
    // One whose end nobody saw, and the next tenant of the account under another name.
    register(&ground, &of_account("u-2")).await;
    ground.ledger.drain(None, &account("a-1"), "u-2").await.unwrap();
    let next = Registration { name: "next".to_owned(), ..of_account("u-3") };
    register(&ground, &next).await;
    assert_eq!(drains().await, None);
}

#[tokio::test]
async fn an_account_that_is_there_stays_as_it_is() {
    let ground = ground().await;
    ground.add("u-1", "Asia/Tokyo", 15).await;
    let is = register(&ground, &registration("u-1", "w-1")).await.account;
    assert_eq!((is.zone.name(), is.anchor.day(), is.name.as_str()), ("Asia/Tokyo", 15, "U-1"));
}

#[tokio::test]
async fn another_name_than_before_names_the_account_and_the_first_does_not() {
    let ground = ground().await;
    ground.add("u-1", "UTC", 1).await;
    let called = |name: &str| {
        let name = name.to_owned();
        Registration { display_name: name, ..registration("u-1", "w-1") }
    };
    let says = async |name: &str| register(&ground, &called(name)).await.account.name;
    assert_eq!(says("Acme").await, "U-1", "as whoever opened the account had it");
    ground.set_clock("2026-11-24T00:00:00Z");
    assert_eq!(says("Acme").await, "U-1");
    assert_eq!(says("Acme Legal").await, "Acme Legal");
    ground.set_clock("2026-11-25T00:00:00Z");
    assert_eq!(says("Acme Legal").await, "Acme Legal");
    // A tenant that takes the account over does not name it by being there.
    let next = Registration { uid: "u-2".to_owned(), ..called("Next") };
    assert_eq!(register(&ground, &next).await.account.name, "Acme Legal");
    let seen = "SELECT uid, CAST(seen_at / 3600000 AS BIGINT), name FROM tenant_names ORDER BY uid, seen_at";
    let hour = |text: &str| (at(text).as_second() / 3_600).to_string();
    let (first, second) = (hour("2026-11-23T12:00:00Z"), hour("2026-11-24T00:00:00Z"));
    let third = hour("2026-11-25T00:00:00Z");
    assert_eq!(
        ground.table(seen).await,
        [["u-1", &first, "Acme"], ["u-1", &second, "Acme Legal"], ["u-2", &third, "Next"]]
    );
}

#[tokio::test]
async fn who_does_not_bind_yet_sees_what_is_anothers() {
    let ground = ground().await;
    register(&ground, &registration("u-1", "w-1")).await;
    let other = Registration { name: "other".to_owned(), ..registration("u-2", "w-2") };
    let looks = Registration { binds: false, ..other.clone() };
    assert_eq!(register(&ground, &looks).await.refused, ["core"]);
    assert_eq!(bound(&ground, "w-2").await, None);
    let free = Registration { namespace: "tenant-other".to_owned(), ..looks };
    assert!(register(&ground, &free).await.refused.is_empty());
    assert_eq!(ground.table("SELECT account FROM bindings").await, [["u-1"]]);
}

#[tokio::test]
async fn a_name_that_is_used_again_is_another_tenant() {
    let ground = ground().await;
    register(&ground, &registration("u-1", "w-1")).await;
    ground.send("u-1", vec![query("u-1", "e-1", "1")]).await;
    register(&ground, &registration("u-2", "w-2")).await;
    assert_eq!(bound(&ground, "w-1").await, None, "the old one's token");
    assert_eq!(bound(&ground, "w-2").await.as_deref(), Some("u-2"));
    let rows = ground.table("SELECT seq FROM usage_ledger WHERE account = 'u-2'").await;
    assert!(rows.is_empty());
    // What the old one used is still there.
    assert_eq!(ground.table("SELECT seq FROM usage_ledger").await.len(), 1);
}

#[tokio::test]
async fn a_tenant_that_is_gone_stands_for_nothing_and_may_come_back() {
    let ground = ground().await;
    register(&ground, &registration("u-1", "w-1")).await;
    let uids = ["u-1".to_owned()];
    assert!(ground.ledger.end_others(None, &uids).await.unwrap().is_empty());
    let gone = ground.ledger.end_others(None, &[]).await.unwrap();
    assert_eq!(gone.len(), 1);
    assert_eq!(bound(&ground, "w-1").await, None);
    assert!(ground.ledger.end_others(None, &[]).await.unwrap().is_empty(), "once");
    register(&ground, &registration("u-1", "w-1")).await;
    assert_eq!(bound(&ground, "w-1").await.as_deref(), Some("u-1"));
}

#[tokio::test]
async fn somebody_elses_workload_keeps_standing_for_them() {
    let ground = ground().await;
    ground.add("globex", "UTC", 1).await;
    let other = accounts::Binding {
        account: account("globex"),
        namespace: "tenant-acme".to_owned(),
        service_account: "core".to_owned(),
        uid: "w-1".to_owned(),
        issuer: None,
    };
    let work = ground.ledger.transact(None, move |session, now| {
        Box::pin(async move { accounts::bind(session, &other, now).await })
    });
    work.await.unwrap();
    let told = register(&ground, &registration("u-1", "w-1")).await;
    assert_eq!(told.refused, ["core"]);
    assert_eq!(bound(&ground, "w-1").await.as_deref(), Some("globex"));
}

#[tokio::test]
async fn a_plan_is_asked_for_once_each_time_that_it_is_named() {
    let ground = ground().await;
    register(&ground, &registration("u-1", "w-1")).await;
    let first = ask(&ground, 1, Some("team")).await.asked.unwrap();
    assert_eq!(first.accepted_at, Some(at(super::ground::NOW)));
    ground.set_clock("2026-11-24T00:00:00Z");
    assert_eq!(ask(&ground, 2, Some("team")).await.asked.unwrap(), first);
    assert_eq!(agreed(&ground).await, ["team"]);
    // Agreed elsewhere: the spec, which names what it named before, does not undo it.
    let wish = api_server::ledger::PlanWish {
        account: account("u-1"),
        plan: Some("scale".to_owned()),
        version: None,
        actor: "someone".to_owned(),
    };
    ground.ledger.change_plan(wish).await.unwrap().unwrap();
    ask(&ground, 3, Some("team")).await;
    assert_eq!(agreed(&ground).await, ["team", "scale"]);
    // Named anew, it is.
    ask(&ground, 4, None).await;
    ask(&ground, 5, Some("team")).await;
    assert_eq!(agreed(&ground).await, ["team", "scale", "team"]);
}

/// As when a list of the cluster is older than what was seen of it before.
#[tokio::test]
async fn an_earlier_spec_does_not_take_back_what_a_later_one_asked_for() {
    let ground = ground().await;
    register(&ground, &registration("u-1", "w-1")).await;
    ask(&ground, 1, Some("team")).await;
    let later = ask(&ground, 3, Some("scale")).await;
    for earlier in [Some("team"), None] {
        assert_eq!(ask(&ground, 2, earlier).await, later, "{earlier:?}");
    }
    assert_eq!(agreed(&ground).await, ["team", "scale"]);
    ask(&ground, 4, Some("team")).await;
    assert_eq!(agreed(&ground).await, ["team", "scale", "team"]);
}

#[tokio::test]
async fn a_plan_that_there_is_not_leaves_the_account_and_is_asked_for_again() {
    let ground = ground().await;
    register(&ground, &registration("u-1", "w-1")).await;
    ask(&ground, 1, Some("team")).await;
    let answered = ask(&ground, 2, Some("tema")).await;
    assert_eq!(
        answered.refused.unwrap().to_string(),
        r#""tema" is not in the catalogue (starter, team, scale); the account stays on "team""#
    );
    let asked = answered.asked.unwrap();
    assert_eq!((asked.plan.as_str(), asked.generation, asked.accepted_at), ("tema", 2, None));
    ground.set_clock("2026-11-24T00:00:00Z");
    let again = ask(&ground, 3, Some("tema")).await.asked.unwrap();
    assert_eq!(again, asked, "since when it is asked for stays");
    assert_eq!(agreed(&ground).await, ["team"]);
    assert_eq!(ask(&ground, 4, Some("scale")).await.refused, None);
    assert_eq!(agreed(&ground).await, ["team", "scale"]);
}

#[tokio::test]
async fn who_names_no_plan_is_on_the_usual_one_and_then_left_alone() {
    let ground = ground().await;
    register(&ground, &registration("u-1", "w-1")).await;
    for generation in 1..4 {
        let answered = ask(&ground, generation, None).await;
        assert_eq!(answered, Answered { asked: None, refused: None });
    }
    assert_eq!(agreed(&ground).await, ["starter"]);
}
