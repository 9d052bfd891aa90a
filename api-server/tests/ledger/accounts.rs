//! Accounts and bindings.

use api_server::auth::bindings::Recorded;
use api_server::auth::caller::Bindings;
use api_server::auth::{Audience, ServiceAccount, Workload, issuer};
use api_server::store::accounts::{self, Added, Binding, Bound};

use super::ground::{Ground, account};

fn binding(of: &str, namespace: &str, uid: &str) -> Binding {
    Binding {
        account: account(of),
        namespace: namespace.to_owned(),
        service_account: "core".to_owned(),
        uid: uid.to_owned(),
        issuer: None,
    }
}

const HERE: &str = "https://here.example";
const THERE: &str = "https://there.example";

fn binding_by(issuer: &str, uid: &str) -> Binding {
    Binding { issuer: Some(issuer.to_owned()), ..binding("acme", "tenant-acme", uid) }
}

/// For whom the workload stands whose token an issuer signed, to a server that trusts these clusters.
async fn taken(ground: &Ground, trusted: &[&str], by: &str, uid: &str) -> Option<String> {
    let cluster =
        |name: &&str| format!("{{issuer: '{name}', kind: kubernetes, keys: {{file: k}}}}");
    let people = "{issuer: 'https://id.example', kind: people, keys: {file: k}}".to_owned();
    let all: Vec<_> = trusted.iter().map(cluster).chain([people]).collect();
    let trusted = issuer::read(&format!("issuers: [{}]", all.join(", "))).unwrap();
    let workload = Workload {
        issuer: by.to_owned(),
        subject: "system:serviceaccount:tenant-acme:core".to_owned(),
        audience: Audience::Usage,
        account: ServiceAccount {
            namespace: "tenant-acme".to_owned(),
            name: "core".to_owned(),
            uid: uid.to_owned(),
        },
        issued: None,
    };
    let recorded = Recorded::new(ground.ledger.clone(), &trusted);
    let account = recorded.account(&workload).await.unwrap();
    account.map(|account| account.to_string())
}

async fn issuer_of(ground: &Ground, uid: &str) -> Option<String> {
    let mut session = ground.ledger.store().read().await.unwrap();
    let found = accounts::bound(&mut session, "tenant-acme", "core", uid).await.unwrap();
    found.unwrap().issuer
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
    found.map(|Bound { account, .. }| account.to_string())
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

/// Uids are made up by whoever runs a cluster: of two that are trusted each speaks for its own workloads.
#[tokio::test]
async fn a_workload_is_taken_of_the_cluster_that_it_is_of() {
    let ground = Ground::with(&["acme"]).await;
    assert_eq!(bind(&ground, binding_by(HERE, "u-1")).await, Added::New);
    for trusted in [&[HERE][..], &[HERE, THERE]] {
        assert_eq!(taken(&ground, trusted, HERE, "u-1").await.as_deref(), Some("acme"));
    }
    for trusted in [&[THERE][..], &[HERE, THERE]] {
        assert_eq!(taken(&ground, trusted, THERE, "u-1").await, None, "{trusted:?}");
    }
    // Who says nothing of it leaves it; who says another moves it.
    assert_eq!(bind(&ground, binding("acme", "tenant-acme", "u-1")).await, Added::Same);
    assert_eq!(bind(&ground, binding("acme", "tenant-acme", "u-2")).await, Added::New);
    assert_eq!(issuer_of(&ground, "u-2").await.as_deref(), Some(HERE));
    assert_eq!(bind(&ground, binding_by(HERE, "u-2")).await, Added::Same);
    assert_eq!(bind(&ground, binding_by(THERE, "u-2")).await, Added::New);
    assert_eq!(taken(&ground, &[HERE, THERE], HERE, "u-2").await, None);
    assert_eq!(taken(&ground, &[HERE, THERE], THERE, "u-2").await.as_deref(), Some("acme"));
}

#[tokio::test]
async fn who_nobody_said_anything_of_is_of_the_one_cluster_that_is_trusted_from_its_first_use() {
    let ground = Ground::with(&["acme"]).await;
    bind(&ground, binding("acme", "tenant-acme", "u-1")).await;
    // Nobody can tell, and so nobody is believed.
    for by in [HERE, THERE] {
        assert_eq!(taken(&ground, &[HERE, THERE], by, "u-1").await, None, "{by}");
    }
    assert_eq!(issuer_of(&ground, "u-1").await, None);
    assert_eq!(taken(&ground, &[HERE], HERE, "u-9").await, None, "another uid names nothing");
    assert_eq!(issuer_of(&ground, "u-1").await, None);
    assert_eq!(taken(&ground, &[HERE], HERE, "u-1").await.as_deref(), Some("acme"));
    assert_eq!(issuer_of(&ground, "u-1").await.as_deref(), Some(HERE));
    // A cluster that is trusted later, also in the place of the first.
    for trusted in [&[HERE, THERE][..], &[THERE]] {
        assert_eq!(taken(&ground, trusted, THERE, "u-1").await, None, "{trusted:?}");
    }
    assert_eq!(taken(&ground, &[HERE, THERE], HERE, "u-1").await.as_deref(), Some("acme"));
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
