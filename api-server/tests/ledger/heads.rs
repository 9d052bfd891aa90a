//! Heads that are written down outside the database.

use std::{fs, io::Write as _};

use api_server::ledger::heads;

use super::ground::{Ground, account, check, query};

fn lines(ground: &Ground) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(ground.folder.path().join(heads::FILE)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn only_heads_that_moved_are_written_and_a_root_over_all() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    ground.send("borealis", vec![query("borealis", "e-1", "1")]).await;
    let first = ground.ledger.record_heads().await.unwrap();
    assert_eq!((first.moved, first.accounts), (2, 2));
    ground.send("acme", vec![query("acme", "e-2", "1")]).await;
    let second = ground.ledger.record_heads().await.unwrap();
    assert_eq!((second.moved, second.accounts), (1, 2));
    assert_ne!(first.root, second.root);
    let again = ground.ledger.record_heads().await.unwrap();
    assert_eq!((again.moved, &again.root), (0, &second.root));
    let accounts: Vec<_> =
        lines(&ground).iter().map(|line| line["account"].as_str().map(str::to_owned)).collect();
    let acme = || Some("acme".to_owned());
    assert_eq!(accounts, [acme(), Some("borealis".to_owned()), None, acme(), None, None]);
    let known = heads::read(&ground.folder.path().join(heads::FILE)).unwrap();
    assert_eq!(known[&account("acme")].iter().map(|head| head.seq).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn a_line_that_a_crash_cut_off_does_not_count() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    ground.ledger.record_heads().await.unwrap();
    let file = ground.folder.path().join(heads::FILE);
    let mut torn = fs::OpenOptions::new().append(true).open(&file).unwrap();
    torn.write_all(br#"{"at":"2026-11-23T12:00:00Z","account":"acme","seq":7,"cha"#).unwrap();
    assert_eq!(heads::read(&file).unwrap()[&account("acme")].len(), 1);
    ground.send("acme", vec![query("acme", "e-2", "1")]).await;
    ground.ledger.record_heads().await.unwrap();
    let seqs: Vec<_> =
        heads::read(&file).unwrap()[&account("acme")].iter().map(|head| head.seq).collect();
    assert_eq!(seqs, [1, 2]);
    ground.ledger.close().await;
    assert!(check(ground.folder.path()).await.is_clean());
}

#[tokio::test]
async fn a_line_that_is_no_head_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(heads::FILE);
    for bad in [
        "{}",
        "nonsense",
        r#"{"at":"2026-11-23T12:00:00Z","account":"acme","seq":1,"chain":"zz"}"#,
        r#"{"at":"2026-11-23T12:00:00Z","account":"../x","seq":1,"chain":"00"}"#,
    ] {
        fs::write(&file, format!("{bad}\n")).unwrap();
        let message = heads::read(&file).unwrap_err().to_string();
        assert!(message.contains("line 1"), "{message}");
    }
    assert!(heads::read(&folder.path().join("absent")).is_err());
}
