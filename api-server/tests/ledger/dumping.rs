//! A ledger in PostgreSQL, dumped and restored by the database's own programs, as the documents say.

use api_server::ledger::{heads, verify};

use super::ground::{Ground, TOTALS, accepted, at, check, folder, open, query, settings, tamper};
use crate::cluster;

#[tokio::test]
async fn what_pg_dump_took_agrees_with_heads_and_goes_on_elsewhere() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    for n in 0..20 {
        ground.send("acme", vec![query("acme", &format!("e-{n}"), "1.5")]).await;
    }
    ground.send("borealis", vec![query("borealis", "e-1", "1")]).await;
    ground.ledger.record_heads().await.unwrap();
    let (before, file) = (ground.table(TOTALS).await, ground.folder.path().join("ledger.dump"));
    // The server works on meanwhile.
    cluster::dump(ground.folder.path(), &file);
    ground.send("acme", vec![query("acme", "later", "1")]).await;

    let elsewhere = folder().await;
    cluster::restore(&file, elsewhere.path());
    std::fs::copy(ground.folder.path().join(heads::FILE), elsewhere.path().join(heads::FILE))
        .unwrap();
    let report = check(elsewhere.path()).await;
    assert_eq!((report.findings.as_slice(), report.rows), (&[][..], 21));
    let ledger = open(elsewhere.path(), settings(&ground.clock)).await.unwrap();
    let restored = Ground { folder: elsewhere, ledger, clock: ground.clock.clone() };
    assert_eq!(restored.table(TOTALS).await, before);
    // What came after the dump is sent again, with all that was sent before: each counts once.
    let again = restored.send("acme", vec![query("acme", "e-7", "1.5")]).await;
    assert!(format!("{:?}", again.outcomes[0]).starts_with("Duplicate"), "{again:?}");
    assert_eq!(accepted(&restored.send("acme", vec![query("acme", "later", "1")]).await), [21]);
    restored.ledger.close().await;
    assert_eq!(check(restored.folder.path()).await.findings, []);
}

#[tokio::test]
async fn a_dump_from_which_rows_are_missing_is_found_by_heads() {
    let ground = Ground::with(&["acme"]).await;
    let events = (0..5).map(|n| query("acme", &format!("e-{n}"), "1")).collect();
    ground.send("acme", events).await;
    ground.ledger.record_heads().await.unwrap();
    ground.ledger.close().await;
    let recorded = heads::read(&ground.folder.path().join(heads::FILE)).unwrap();
    tamper(ground.folder.path(), &["DELETE FROM usage_ledger WHERE seq = 5"]).await;
    let file = ground.folder.path().join("ledger.dump");
    cluster::dump(ground.folder.path(), &file);
    let elsewhere = folder().await;
    cluster::restore(&file, elsewhere.path());
    let store = api_server::store::Store::attach(cluster::place(elsewhere.path())).unwrap();
    let report = verify::verify(&store, &recorded, at(super::ground::NOW)).await.unwrap();
    store.close().await;
    let external = report.findings.iter().filter(|finding| finding.what == verify::What::External);
    assert_eq!(external.map(|finding| finding.seq).collect::<Vec<_>>(), [Some(5)], "{report:?}");
}
