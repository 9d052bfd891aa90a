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

/// What a check finds, as text; none when all agrees. What it cannot read it names, and goes on: it fails only
/// where there is nothing that could be a ledger.
async fn found(folder: &Path) -> Option<String> {
    let store = match Store::attach(folder) {
        Ok(store) => store,
        Err(error) => return Some(error.to_string()),
    };
    let recorded = heads::read(&folder.join(heads::FILE)).unwrap();
    let report = verify::verify(&store, &recorded, at(NOW)).await.unwrap();
    store.close().await;
    (!report.is_clean()).then(|| format!("{:?} {:?}", report.damage, report.findings))
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

/// Cuts, spread over the file.
const CUTS: usize = 20;

#[tokio::test]
async fn a_file_that_was_cut_off_is_found_and_named() {
    let ground = filled().await;
    let honest = std::fs::read(ground.folder.path().join("ledger.db")).unwrap();
    for cut in 0..CUTS {
        // Also in the middle of a page.
        let length = honest.len() * (2 * cut + 1) / (2 * CUTS);
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join("ledger.db"), &honest[..length]).unwrap();
        std::fs::copy(ground.folder.path().join(heads::FILE), copy.path().join(heads::FILE))
            .unwrap();
        let what = found(copy.path()).await.unwrap_or_else(|| panic!("{length} bytes: all agrees"));
        let of_the_file = ["malformed", "not a database", "Page ", "page ", "Tree "];
        assert!(of_the_file.iter().any(|words| what.contains(words)), "{length} bytes: {what}");
    }
}

/// What a page that is gone had is named by its first row, and the accounts that are whole are checked.
#[tokio::test]
async fn a_page_that_cannot_be_read_hides_nothing_else() {
    let ground = filled().await;
    let file = ground.folder.path().join("ledger.db");
    let page = leaf(&file).await;
    let mut bytes = std::fs::read(&file).unwrap();
    // No kind of page.
    bytes[page] = 0xff;
    std::fs::write(&file, bytes).unwrap();
    let store = Store::attach(ground.folder.path()).unwrap();
    let recorded = heads::read(&ground.folder.path().join(heads::FILE)).unwrap();
    let report = verify::verify(&store, &recorded, at(NOW)).await.unwrap();
    store.close().await;
    assert!(!report.damage.is_empty(), "{report:?}");
    assert_eq!(report.accounts, 2, "{report:?}");
    let acme: Vec<_> =
        report.findings.iter().filter(|one| one.account.as_str() == "acme").collect();
    let at = acme.iter().find(|one| one.what == verify::What::Unreadable).and_then(|one| one.seq);
    assert!(at.is_some_and(|seq| seq > 1 && seq < 400), "{report:?}");
    assert_eq!(report.findings.len(), acme.len(), "{report:?}");
}

/// Where a page begins that holds rows of acme's middle, and leads to no other.
async fn leaf(file: &Path) -> usize {
    use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
    const LEAF: u8 = 0x0a;
    let bytes = std::fs::read(file).unwrap();
    let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let sql = "SELECT chain FROM usage_ledger WHERE account = 'acme' AND seq BETWEEN 150 AND 250";
    let chains: Vec<Vec<u8>> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let place = |chain: &Vec<u8>| bytes.windows(chain.len()).position(|at| at == chain.as_slice());
    let pages = chains.iter().filter_map(place).map(|at| at - at % size);
    pages.into_iter().find(|page| bytes[*page] == LEAF).expect("no leaf holds one of these rows")
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
