//! Accounts and bindings.

use api_server::store::accounts::{self, Added, Binding};

use super::ground::{Ground, account};

fn binding(of: &str, namespace: &str, uid: &str) -> Binding {
    Binding {
        account: account(of),
        namespace: namespace.to_owned(),
        service_account: "core".to_owned(),
        uid: uid.to_owned(),
    }
}

async fn bind(ground: &Ground, new: Binding) -> Added {
    let work = ground.ledger.transact(None, |session, now| {
        Box::pin(async move { accounts::bind(session, &new, now).await })
    });
    work.await.unwrap()
}

async fn bound(ground: &Ground, namespace: &str, uid: &str) -> Option<String> {
    let mut session = ground.ledger.store().read().await.unwrap();
    let found = accounts::bound(&mut session, namespace, "core", uid).await.unwrap();
    found.map(|id| id.to_string())
}

#[tokio::test]
async fn an_account_is_added_once_and_never_changed() {
    let ground = Ground::empty().await;
    assert_eq!(ground.add("acme", "Asia/Tokyo", 15).await, Added::New);
    ground.set_clock("2026-11-24T00:00:00Z");
    assert_eq!(ground.add("acme", "Asia/Tokyo", 15).await, Added::Same);
    assert_eq!(ground.add("acme", "Asia/Tokyo", 16).await, Added::Other);
    assert_eq!(ground.add("acme", "Europe/Berlin", 15).await, Added::Other);
    let mut session = ground.ledger.store().read().await.unwrap();
    let known = accounts::get(&mut session, &account("acme")).await.unwrap().unwrap();
    assert_eq!((known.zone.name(), known.anchor.day()), ("Asia/Tokyo", 15));
    assert_eq!(known.created_at, super::ground::at(super::ground::NOW));
    assert_eq!(accounts::get(&mut session, &account("ghost")).await.unwrap(), None);
}

#[tokio::test]
async fn accounts_come_in_pages_without_gaps_or_repeats() {
    let ground = Ground::with(&["d", "b", "a", "e", "c"]).await;
    let mut session = ground.ledger.store().read().await.unwrap();
    let mut seen = Vec::new();
    loop {
        let after = seen.last().cloned();
        let page = accounts::page(&mut session, after.as_ref(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        seen.extend(page.into_iter().map(|account| account.id));
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"].map(account));
}

#[tokio::test]
async fn a_workload_stands_for_the_account_it_was_bound_to() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    assert_eq!(bind(&ground, binding("acme", "tenant-acme", "u-1")).await, Added::New);
    assert_eq!(bind(&ground, binding("acme", "tenant-acme", "u-1")).await, Added::Same);
    assert_eq!(bound(&ground, "tenant-acme", "u-1").await.as_deref(), Some("acme"));
    assert_eq!(bound(&ground, "tenant-acme", "u-2").await, None);
    assert_eq!(bound(&ground, "tenant-borealis", "u-1").await, None);
}

#[tokio::test]
async fn a_service_account_made_anew_replaces_the_old_one() {
    let ground = Ground::with(&["acme"]).await;
    bind(&ground, binding("acme", "tenant-acme", "u-1")).await;
    assert_eq!(bind(&ground, binding("acme", "tenant-acme", "u-2")).await, Added::New);
    assert_eq!(bound(&ground, "tenant-acme", "u-1").await, None);
    assert_eq!(bound(&ground, "tenant-acme", "u-2").await.as_deref(), Some("acme"));
}

#[tokio::test]
async fn a_workload_of_one_account_cannot_be_bound_to_another() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    bind(&ground, binding("acme", "tenant-acme", "u-1")).await;
    assert_eq!(bind(&ground, binding("borealis", "tenant-acme", "u-9")).await, Added::Other);
    assert_eq!(bound(&ground, "tenant-acme", "u-1").await.as_deref(), Some("acme"));
    assert_eq!(bound(&ground, "tenant-acme", "u-9").await, None);
}

#[tokio::test]
async fn failed_work_leaves_nothing_behind() {
    let ground = Ground::with(&["acme"]).await;
    let refused: Result<(), _> = ground
        .ledger
        .transact(None, |session, now| {
            Box::pin(async move {
                accounts::bind(session, &binding("acme", "n", "u"), now).await?;
                session.run("INSERT INTO accounts (account) VALUES ('half')", vec![]).await?;
                Ok(())
            })
        })
        .await;
    assert!(refused.is_err());
    assert_eq!(bound(&ground, "n", "u").await, None);
    // And the writer goes on.
    assert_eq!(bind(&ground, binding("acme", "n", "u")).await, Added::New);
}
