//! Bytes of the database's file flipped behind the ledger's back.

use std::{collections::BTreeMap, path::Path};

use api_server::{
    domain::meter::Meter,
    ledger::{Item, heads, verify},
    store::Store,
};

use super::{
    ground::{Ground, NOW, at, query, usage},
    tables,
};

/// Flips, spread over the file.
const FLIPS: usize = 400;

/// What `verify` answers for; the rest is words, such as a customer's name.
const OF_USAGE: [&str; 8] = [
    "alert_states",
    "alerts",
    "dedup",
    "event_dims",
    "heads",
    "usage_ledger",
    "usage_period",
    "usage_rollup_hour",
];

/// Rows of some hundred events, over several pages of each table.
async fn filled() -> Ground {
    let ground = Ground::with(&["acme", "borealis"]).await;
    for n in 0..40 {
        let some = (0..10).map(|m| query("acme", &format!("e-{n}-{m}"), "1.5"));
        ground.send("acme", some.collect()).await;
    }
    let mut event = usage("borealis", "e-1", Meter::Agents, "2026-11-23T10:00:00Z", "1");
    event.dims.insert("region".to_owned(), "eu".to_owned());
    ground.send("borealis", vec![Item::Usage(event)]).await;
    ground.ledger.record_heads().await.unwrap();
    ground.ledger.close().await;
    ground
}

async fn said(folder: &Path) -> BTreeMap<String, String> {
    let mut all = tables::of(folder).await;
    all.retain(|table| OF_USAGE.contains(&table.name.as_str()));
    tables::content(folder, &all).await
}

/// What a check finds, as text; none when all agrees.
async fn found(folder: &Path) -> Option<String> {
    let report = async {
        let store = Store::attach(folder)?;
        let recorded = heads::read(&folder.join(heads::FILE)).unwrap();
        let report = verify::verify(&store, &recorded, at(NOW)).await;
        store.close().await;
        report
    };
    match report.await {
        Err(error) => Some(error.to_string()),
        Ok(report) if report.is_clean() => None,
        Ok(report) => Some(format!("{:?} {:?}", report.damage, report.findings)),
    }
}

#[tokio::test]
async fn a_flipped_byte_is_found_or_changes_nothing_that_is_said_of_usage() {
    let ground = filled().await;
    let honest = std::fs::read(ground.folder.path().join("ledger.db")).unwrap();
    let before = said(ground.folder.path()).await;
    assert_eq!(before.len(), OF_USAGE.len());
    let mut caught = 0;
    for flip in 0..FLIPS {
        // A stride that shares no factor with a page's size, so that every part of a page is met.
        let place = flip * (honest.len() / FLIPS) + flip * 37 % (honest.len() / FLIPS);
        let copy = tempfile::tempdir().unwrap();
        let mut bytes = honest.clone();
        bytes[place] ^= 1 << (flip % 8);
        std::fs::write(copy.path().join("ledger.db"), bytes).unwrap();
        std::fs::copy(ground.folder.path().join(heads::FILE), copy.path().join(heads::FILE))
            .unwrap();
        if found(copy.path()).await.is_some() {
            caught += 1;
            continue;
        }
        assert_eq!(said(copy.path()).await, before, "a bit of byte {place} of {}", honest.len());
    }
    println!(
        "{FLIPS} bytes flipped in {} KiB: {caught} found, the rest without effect",
        honest.len() / 1024
    );
    // Much of a small file is room for more.
    assert!(caught > FLIPS / 8, "only {caught} were found");
}

/// An index that does not fit its table: rows are read by another way, which finds nothing.
#[tokio::test]
async fn what_is_wrong_with_the_file_alone_is_found() {
    let ground = filled().await;
    let file = ground.folder.path().join("ledger.db");
    {
        use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
        let options = SqliteConnectOptions::new().filename(&file);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        for sql in [
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_schema SET sql = replace(sql, 't_event, seq', 't_stored, seq')
             WHERE name = 'usage_ledger_by_time'",
        ] {
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    }
    let what = found(ground.folder.path()).await.expect("nothing was found");
    assert!(what.contains("usage_ledger_by_time"), "{what}");
}
