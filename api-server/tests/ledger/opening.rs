//! Opening a folder: its lock, its files.

use std::{process::Command, sync::Arc};

use api_server::{
    ledger::{Health, Ledger, Settings},
    store::{Store, StoreError},
};

use super::{
    commands,
    ground::{Ground, check, query},
};

#[tokio::test]
async fn a_ledger_is_made_with_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("storage/billing");
    let ledger = Ledger::open(&deep, Settings::default()).await.unwrap();
    assert_eq!(ledger.health(), Health::Ready);
    assert!(deep.join("ledger.db").is_file());
}

#[tokio::test]
async fn it_writes_ahead_and_waits_for_the_disk() {
    let ground = Ground::empty().await;
    let pragmas = ground.ledger.transact(None, |session, _| {
        Box::pin(async move {
            let mode = session.row("PRAGMA journal_mode", vec![]).await?.unwrap();
            let sync = session.row("PRAGMA synchronous", vec![]).await?.unwrap();
            let pages = session.row("PRAGMA wal_autocheckpoint", vec![]).await?.unwrap();
            Ok((mode.text(0)?.to_owned(), sync.int(0)?, pages.int(0)?))
        })
    });
    assert_eq!(pragmas.await.unwrap(), ("wal".to_owned(), 2, 10_000));
}

#[tokio::test]
async fn a_second_server_is_refused_and_told_who_has_it() {
    let ground = Ground::empty().await;
    let refused = Store::open(ground.folder.path()).await.err().unwrap();
    let holder = format!("process {}", std::process::id());
    assert!(matches!(&refused, StoreError::InUse { holder: h, .. } if *h == holder), "{refused}");
    let message = refused.to_string();
    assert!(message.contains("ledger.lock") && message.contains("stop that one"), "{message}");
}

/// Across processes: somebody else's lock, by the same call that every `flock` makes.
#[tokio::test]
async fn another_process_holds_it_out_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("ledger.lock");
    let mut other = Command::new("flock")
        .arg("--exclusive")
        .arg(&lock)
        .args(["sh", "-c", "echo held; read -r _"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut held = [0; 5];
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut held).unwrap();
    let refused = Ledger::open(folder.path(), Settings::default()).await.err().unwrap();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    drop(other.stdin.take());
    other.wait().unwrap();
    Ledger::open(folder.path(), Settings::default()).await.unwrap();
}

#[tokio::test]
async fn after_a_clean_close_the_database_is_complete_by_itself() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    ground.ledger.close().await;
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(ground.folder.path().join("ledger.db"), copy.path().join("ledger.db")).unwrap();
    let report = check(copy.path()).await;
    assert_eq!((report.rows, report.findings.len()), (1, 0));
}

#[tokio::test]
async fn reading_needs_a_ledger_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Store::attach(folder.path()).unwrap_err();
    assert_eq!(refused, StoreError::NoLedger(folder.path().to_owned()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_no_database_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    std::fs::write(&file, "not a database, but somebody's notes".repeat(200)).unwrap();
    let refused = Store::open(folder.path()).await.err().unwrap();
    assert!(matches!(refused, StoreError::Broken(_)), "{refused}");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("not a database"));
}

#[tokio::test]
async fn a_ledger_that_nobody_holds_any_more_lets_go() {
    let ground = Ground::with(&["acme"]).await;
    let folder = Arc::new(ground.folder);
    let mut health = ground.ledger.health_changes();
    drop(ground.ledger);
    health.wait_for(|health| *health != Health::Ready).await.unwrap();
    // The writer says so as it ends; its lock goes with it.
    while health.changed().await.is_ok() {}
    Ledger::open(folder.path(), Settings::default()).await.unwrap();
}

#[tokio::test]
async fn what_writes_waits_for_no_server_and_says_who_has_it() {
    let ground = Ground::empty().await;
    let complaint = commands::refused(ground.folder.path(), &["accounts", "create", "acme"]);
    assert!(complaint.contains("stop that one first"), "{complaint}");
}
