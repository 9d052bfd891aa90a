//! Erasures after a restore: a backup that was made before one must not bring the data back.

use std::{collections::BTreeMap, time::Duration};

use api_server::{
    domain::meter::Meter,
    ledger::{
        Change, Correction, Item, Outcome,
        erasures::{self, AT_ONCE, Counts, Request, Subject, replay},
        rejects::Rejects,
    },
};

use super::ground::{Ground, account, check, copy, folder, usage};

fn of(id: &str, user: &str) -> Item {
    let mut event = usage("acme", id, Meter::Query, "2026-11-20T10:00:00Z", "1");
    event.dims.insert("user".to_owned(), user.to_owned());
    Item::Usage(event)
}

fn request(subject: Subject) -> Request {
    let [actor, reason, reference] = ["x"; 3].map(str::to_owned);
    let patience = Duration::from_secs(3600);
    Request { subject, actor, reason, reference, from: 1, patience }
}

async fn erase(ground: &Ground, subject: Subject) -> Counts {
    let done = erasures::erase(&ground.ledger, &Rejects::default(), request(subject)).await;
    let done = done.unwrap().unwrap();
    assert_eq!(done.stopped, None);
    done.counts
}

/// More rows than there is time for: each call does a step at least, and says where it stopped.
#[tokio::test]
async fn what_takes_longer_than_an_answer_goes_on_where_it_stopped() {
    let ground = Ground::with(&["acme"]).await;
    let users = ["ada", "bob", "eve"];
    let rows = 2 * AT_ONCE + 3;
    for from in (0..rows).step_by(1000) {
        let some = from..rows.min(from + 1000);
        let items = some.map(|n| of(&n.to_string(), users[n as usize % 3])).collect();
        ground.send("acme", items).await;
    }
    let (mut from, mut steps, mut erased) = (Some(1), Vec::new(), 0);
    while let Some(row) = from {
        let request = Request { from: row, patience: Duration::ZERO, ..request(ada()) };
        let done = erasures::erase(&ground.ledger, &Rejects::default(), request).await;
        let done = done.unwrap().unwrap();
        erased += done.counts.events;
        from = done.stopped;
        steps.extend(from);
    }
    assert_eq!(steps, [AT_ONCE + 1, 2 * AT_ONCE + 1]);
    assert_eq!(erased, (rows as u64).div_ceil(3));
    assert_eq!(erase(&ground, ada()).await, Counts::default(), "nothing was left out");
    assert_eq!(users_left(&ground).await, rows as usize - erased as usize);
}

async fn users_left(ground: &Ground) -> usize {
    users(ground).await.len()
}

fn ada() -> Subject {
    let (name, value) = ("user".to_owned(), "ada".to_owned());
    Subject::Dimension { account: account("acme"), name, value }
}

async fn users(ground: &Ground) -> Vec<String> {
    let rows = ground.table("SELECT seq, dims FROM event_dims ORDER BY seq").await;
    rows.into_iter().map(|row| format!("{} {}", row[0], row[1])).collect()
}

/// Usage that took a correction's name, as it once could, and was erased: the correction is no repeat of it.
#[tokio::test]
async fn a_correction_is_no_repeat_of_an_erased_event() {
    let ground = Ground::with(&["acme"]).await;
    let mut taken = usage("acme", "c-1", Meter::Query, "2026-11-20T10:00:00Z", "1");
    taken.source = "/billing/corrections".to_owned();
    taken.dims.insert("user".to_owned(), "ada".to_owned());
    let repeat = taken.clone();
    ground.send("acme", vec![Item::Usage(taken)]).await;
    assert_eq!(erase(&ground, ada()).await.events, 1);
    let correction = Correction {
        source: "/billing/corrections".to_owned(),
        id: "c-1".to_owned(),
        ref_seq: 1,
        change: Change::Void,
        notes: BTreeMap::from([("actor".to_owned(), "ada".to_owned())]),
    };
    let sent = ground.send("acme", vec![Item::Correction(correction)]).await;
    assert!(matches!(sent.outcomes[..], [Outcome::Conflict { .. }]), "{sent:?}");
    let sent = ground.send("acme", vec![Item::Usage(repeat)]).await;
    assert!(matches!(sent.outcomes[..], [Outcome::Duplicate { .. }]), "{sent:?}");
}

#[tokio::test]
async fn a_restored_backup_forgets_what_was_erased_since() {
    let backup = folder().await;
    let ground = Ground::with(&["acme"]).await;
    let users_of = ["ada", "bob", "ada", "ada", "bob"];
    let items = users_of.iter().enumerate().map(|(n, user)| of(&n.to_string(), user)).collect();
    ground.send("acme", items).await;
    ground.ledger.close().await;
    copy(ground.folder.path(), backup.path()).await;
    let ground = ground.reopen().await;
    ground.send("acme", vec![of("later", "ada")]).await;
    assert_eq!(erase(&ground, ada()).await.events, 4);
    let log = ground.folder.path().join(erasures::FILE);
    let text = std::fs::read_to_string(&log).unwrap();
    // In quotes: the rows' hashes are hexadecimal, where "ada" is as likely as any three digits.
    assert!(!text.contains("\"ada\"") && !text.contains("user"), "{text}");
    ground.ledger.close().await;
    copy(backup.path(), ground.folder.path()).await;
    let ground = ground.reopen().await;
    assert_eq!(users(&ground).await.len(), 5, "the backup has them all");
    assert_eq!(
        replay(&ground.ledger, &log).await.unwrap(),
        Counts { events: 3, ..Counts::default() }
    );
    assert_eq!(users(&ground).await, [r#"2 {"user":"bob"}"#, r#"5 {"user":"bob"}"#]);
    assert_eq!(replay(&ground.ledger, &log).await.unwrap(), Counts::default(), "twice is once");
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

/// After a restore, numbers are given again; a log of the history before must not reach those rows.
#[tokio::test]
async fn rows_of_another_history_are_left_alone() {
    let backup = folder().await;
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![of("1", "bob")]).await;
    ground.ledger.close().await;
    copy(ground.folder.path(), backup.path()).await;
    let ground = ground.reopen().await;
    ground.send("acme", vec![of("2", "ada")]).await;
    assert_eq!(erase(&ground, ada()).await.events, 1);
    ground.ledger.close().await;
    copy(backup.path(), ground.folder.path()).await;
    let ground = ground.reopen().await;
    ground.send("acme", vec![of("3", "carol")]).await;
    let log = ground.folder.path().join(erasures::FILE);
    assert_eq!(replay(&ground.ledger, &log).await.unwrap(), Counts::default());
    assert_eq!(users(&ground).await.len(), 2);
}

#[tokio::test]
async fn a_log_that_a_crash_cut_off_goes_on_in_a_line_of_its_own() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![of("1", "ada"), of("2", "bob")]).await;
    let log = ground.folder.path().join(erasures::FILE);
    std::fs::write(&log, r#"{"at":"2026-11-2"#).unwrap();
    erase(&ground, ada()).await;
    let text = std::fs::read_to_string(&log).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert_eq!(replay(&ground.ledger, &log).await.unwrap(), Counts::default());
    let nowhere = ground.folder.path().join("no-such-file");
    assert_eq!(replay(&ground.ledger, &nowhere).await.unwrap(), Counts::default());
}

#[tokio::test]
async fn a_whole_accounts_erasure_is_replayed_whatever_its_size() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    for batch in 0..3 {
        let items = (0..900).map(|n| of(&format!("{batch}-{n}"), "ada")).collect();
        ground.send("acme", items).await;
    }
    let mut others = usage("borealis", "1", Meter::Query, "2026-11-20T10:00:00Z", "1");
    others.dims.insert("user".to_owned(), "ada".to_owned());
    ground.send("borealis", vec![Item::Usage(others)]).await;
    let backup = folder().await;
    ground.ledger.close().await;
    copy(ground.folder.path(), backup.path()).await;
    let ground = ground.reopen().await;
    assert_eq!(erase(&ground, Subject::Account(account("acme"))).await.events, 2_700);
    ground.ledger.close().await;
    copy(backup.path(), ground.folder.path()).await;
    let ground = ground.reopen().await;
    let log = ground.folder.path().join(erasures::FILE);
    assert_eq!(replay(&ground.ledger, &log).await.unwrap().events, 2_700);
    assert_eq!(users(&ground).await.len(), 1, "another account's stay");
    ground.ledger.close().await;
    let report = check(ground.folder.path()).await;
    assert_eq!((report.findings, report.erased), (vec![], 2_700));
}
