//! Ledgers that cannot be backed up now, and servers that are killed meanwhile.

use std::fs;

use api_server::backup::room::{RESERVE, free};
use sqlx::Connection;

use super::{Lab, NEWEST, failed, newest, told, until};
use crate::backups::{events, names, send, text};
use crate::small::Small;

/// What cannot be restored is no backup.
#[tokio::test]
async fn a_ledger_that_is_not_what_its_rows_say_replaces_no_backup() {
    let lab = Lab::with(&events(0, 20), None).await;
    let file = lab.place.storage.join("ledger.db");
    let url = format!("sqlite://{}", file.display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let sql = "UPDATE usage_period SET used_micro = used_micro + 1";
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let server = lab.server(&[]);
    failed(&server).await;
    let log = server.log().join("\n");
    assert!(log.contains("is not what its rows say"), "{log}");
    assert_eq!((told(&server, NEWEST).await, lab.listed()), (Some(0), vec![]));
    assert_eq!(lab.files(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_leaves_nothing_that_counts() {
    let mut lab = Lab::with(&events(0, 1000), None).await;
    let own = lab.own();
    let mut server = lab.server(&[]);
    until("one under way", async || {
        own.is_dir().then(|| !names(&own).is_empty()).filter(|made| *made)
    })
    .await;
    server.kill();
    let whole = lab.listed().len();
    let output = lab.backups(&["check", "--ledger"]);
    assert!(
        text(&output)
            .contains(&format!("{whole} backups of the ledger and 0 logs of erasures, 0 damaged")),
        "{}",
        text(&output)
    );
    if whole > 0 {
        lab.aged("20260101T000000Z");
    }
    // What another one left long ago, too, and not what is somebody else's.
    let left = own.join(".tenantry-left");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("archive"), "half").unwrap();
    fs::write(own.join("notes.txt"), "whose?").unwrap();
    let server = lab.server(&[]);
    let made = || {
        let tars = lab.files().into_iter().filter(|name| name.ends_with(".tar"));
        tars.filter(|name| !name.starts_with('.')).count()
    };
    until("one", async || (made() > whole).then_some(())).await;
    until("nothing else", async || (lab.files().len() == whole + 2).then_some(())).await;
    assert!(lab.files().contains(&"notes.txt".to_owned()));
    drop(server);
    assert_eq!(lab.comes_back(1000).await, 1000);
}

#[tokio::test]
async fn a_full_disk_is_told_keeps_nothing_half_and_is_tried_again() {
    let lab = Lab::with(&events(0, 100), None).await;
    let folder = lab.path("backups");
    fs::create_dir(&folder).unwrap();
    let Some(small) = Small::mount(&folder, "128k") else { return };
    let server = lab.server(&[]);
    failed(&server).await;
    let log = server.log().join("\n");
    assert!(log.contains("the ledger could not be backed up"), "{log}");
    assert!(log.contains("no room in") && log.contains("it needs"), "{log}");
    assert_eq!(lab.files(), Vec::<String>::new());
    // Usage is taken all the same.
    let taken = send(&server, &lab.place, &events(100, 110)).await;
    assert_eq!(taken["accepted"], 10, "{taken}");
    small.resize("64m");
    newest(&server).await;
    assert_eq!(lab.listed().len(), 1);
}

#[tokio::test]
async fn what_would_fill_the_disk_is_not_begun_and_the_last_good_one_stays() {
    let lab = Lab::with(&events(0, 100), None).await;
    let folder = lab.path("backups");
    fs::create_dir(&folder).unwrap();
    let Some(_small) = Small::mount(&folder, "48m") else { return };
    let server = lab.server(&[]);
    newest(&server).await;
    drop(server);
    // The next one is due, and somebody has filled the disk but for what backups leave.
    lab.aged("20260101T000000Z");
    let kept = lab.files();
    let (ballast, room) = (folder.join("ballast"), free(&folder).unwrap() - RESERVE);
    fs::write(&ballast, vec![1; usize::try_from(room).unwrap()]).unwrap();
    let left = free(&folder).unwrap();
    let server = lab.server(&[]);
    failed(&server).await;
    let log = server.log().join("\n");
    assert!(log.contains("no room in") && log.contains(&format!("{left} are free")), "{log}");
    assert_eq!(lab.files(), kept);
    let checked = text(&lab.backups(&["check", "--ledger"]));
    assert!(
        checked.contains("1 backups of the ledger and 0 logs of erasures, 0 damaged"),
        "{checked}"
    );
    assert_eq!(free(&folder).unwrap(), left, "nothing was begun");
    fs::remove_file(&ballast).unwrap();
    until("another one", async || (lab.listed().len() == 2).then_some(())).await;
    assert!(lab.files().contains(&kept[0]));
}
