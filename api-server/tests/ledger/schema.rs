//! The schema: its versions, and what it refuses.

use api_server::{
    ledger::Settings,
    store::{self, Store, StoreError, migrations},
};

use super::ground::{Ground, accepted, folder, open, place, query, tamper};

#[tokio::test]
async fn readers_cannot_write() {
    let ground = Ground::with(&["acme"]).await;
    let mut session = ground.ledger.store().read().await.unwrap();
    let refused = session.run("DELETE FROM heads", vec![]).await.unwrap_err().to_string();
    assert!(refused.contains("read"), "{refused}");
}

#[tokio::test]
async fn nobody_changes_or_deletes_a_row() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    for sql in ["UPDATE usage_ledger SET qty_micro = 0", "DELETE FROM usage_ledger"] {
        let work =
            ground.ledger.transact(None, move |session, _| Box::pin(session.run(sql, Vec::new())));
        let refused = work.await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
}

#[tokio::test]
async fn a_closed_ledger_can_be_opened_at_once() {
    let mut ground = Ground::with(&["acme"]).await;
    for n in 0..5 {
        accepted(&ground.send("acme", vec![query("acme", &format!("e-{n}"), "1")]).await);
        ground = ground.reopen().await;
    }
    assert_eq!(ground.table("SELECT seq FROM usage_ledger").await.len(), 5);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let ground = Ground::empty().await;
    ground.ledger.close().await;
    let newer = "INSERT INTO _sqlx_migrations
                 SELECT 9999, 'future', installed_on, success, checksum, 0 FROM _sqlx_migrations LIMIT 1";
    tamper(ground.folder.path(), &[newer]).await;
    let refused = Store::open(place(ground.folder.path())).await.err().unwrap();
    let message = refused.to_string();
    assert!(matches!(refused, StoreError::Migration(_)), "{message}");
    assert!(message.contains("9999") && message.contains("newer program"), "{message}");
}

#[tokio::test]
async fn a_schema_step_that_was_edited_is_refused() {
    let ground = Ground::empty().await;
    ground.ledger.close().await;
    tamper(ground.folder.path(), &["UPDATE _sqlx_migrations SET checksum = x'00'"]).await;
    let refused = Store::open(place(ground.folder.path())).await.err().unwrap();
    assert!(matches!(refused, StoreError::Migration(_)), "{refused}");
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let folder = folder().await;
    for _ in 0..2 {
        store::migrate(place(folder.path()), migrations::LATEST).await.unwrap();
    }
    open(folder.path(), Settings::default()).await.unwrap();
}
