//! A database of each earlier schema, with rows in every table that it had, under today's program.
//!
//! The rows are those that today's program writes, in the columns that the schema of then had: a step that
//! changed what a column means would need rows of its own here.

use std::collections::BTreeMap;

use api_server::{
    domain::{
        Quantity,
        catalogue::Catalogue,
        facts::{Departments, Stated},
        meter::Meter,
    },
    ledger::{
        Change, Correction, Item,
        figures::{Figures, Rhythm},
    },
    store::{
        self,
        accounts::{self, Bound},
        facts, migrations,
    },
};
use jiff::SignedDuration;

use super::ground::{
    Ground, TOTALS, accepted, account, check, folder, open, place, query, settings, tamper, usage,
};
use super::tables;

/// What no test before this one has written: a row of each table that other parts fill.
const REST: &[&str] = &[
    "INSERT INTO bindings VALUES ('acme', 'tenant-acme', 'voice', 'uid-1', 1, 'https://here.example')",
    "INSERT INTO intakes (intake, tenant, display_name, form, answer, profile, currency, zone, anchor_day, receipt,
       salt, submitted_at, status)
     VALUES ('018f', 'acme', 'ACME', '{}', '{}', 'prod', 'EUR', 'Europe/Berlin', 1, x'00', x'00', 1, 'approved')",
    "INSERT INTO leases VALUES ('figures', 'somebody', 0)",
    "INSERT INTO rejects VALUES ('acme', 1, '/core', 'bad', 'query', 1, 2, 3, NULL, '[]', 40)",
    "INSERT INTO reject_rings VALUES ('acme', 1, 40)",
    "INSERT INTO erasures VALUES ('e-1', 1, 'dims', 'acme', NULL, 'ada', 'asked', 'T-1', '{}')",
    "INSERT INTO agreement_notes VALUES ('acme', 1, 'ada', NULL, NULL)",
    "INSERT INTO support_interactions VALUES ('acme', 1, 'desk', 't-1', 1, 2, 4, 1, 3, 'ada')",
    "INSERT INTO gateways VALUES ('acme', 1, '0.1.0', 2, 300, 1, 0, 0, NULL)",
    "INSERT INTO drains VALUES ('acme', 1, 'uid-1')",
    "INSERT INTO backups VALUES ('acme', 'b-1', 2, 1, 300, x'00', 2)",
    "INSERT INTO settlements VALUES ('acme', 0, 1, NULL, NULL, 0, 0, NULL)",
    "INSERT INTO provisions VALUES ('018f', 1, 'made', 1, NULL, NULL, 2, 'ready', 3, 4, 4, NULL)",
    "INSERT INTO tenants VALUES ('acme', 'uid-1', 'acme', 'tenant-acme', 1, NULL)",
    "INSERT INTO tenant_plans VALUES ('acme', 'uid-1', 'starter', 1, 1, 2)",
    "INSERT INTO tenant_alerts VALUES ('acme', 'uid-1', 1, 'query', 'soft', 1, 'threshold_reached', 2)",
    "INSERT INTO webhook_endpoints VALUES ('w-1', 'https://example.com', '', '', x'00', NULL, NULL, NULL, NULL, 1, 'ada')",
    "INSERT INTO webhook_deliveries VALUES ('w-1', 'msg_0', 'webhook.test', '{}', 1, 'dead', 1, 1, NULL, 1, 500, 'no')",
    "INSERT INTO enforcements VALUES ('acme', 'uid-1', 1, 'alert', 'none', 1, 2, 1, 1, 'query', 96, 100, 1, NULL)",
    "INSERT INTO tenant_names VALUES ('acme', 'uid-1', 1, 'ACME')",
    "INSERT INTO cursor_key VALUES (1, zeroblob(32))",
];

/// A ledger of today's with a row in each table, and a clean one.
async fn filled() -> Ground {
    let ground = Ground::with(&["acme"]).await;
    ground.agree("acme", "starter", "2026-01-01T00:00:00Z").await;
    let mut event = usage("acme", "e-1", Meter::Query, "2026-11-22T11:00:00Z", "97000");
    event.dims.insert("region".to_owned(), "eu".to_owned());
    ground.send("acme", vec![Item::Usage(event), query("acme", "e-2", "2")]).await;
    let correction = Correction {
        source: "/corrections".to_owned(),
        id: "c-1".to_owned(),
        ref_seq: 2,
        change: Change::By(Quantity::from_micros(-500_000)),
        notes: BTreeMap::new(),
    };
    ground.send("acme", vec![Item::Correction(correction)]).await;
    let departments = Some(Departments { active: 2, planned: Some(5) });
    let stated = Stated { departments, ..Stated::default() };
    let work = ground.ledger.transact(Some(account("acme")), move |session, now| {
        let put = async move { facts::put(session, &account("acme"), stated, ("ada", now)).await };
        Box::pin(async move { put.await.map(drop) })
    });
    work.await.unwrap();
    Figures::new(Rhythm::every(SignedDuration::from_mins(5))).round(&ground.ledger).await.unwrap();
    ground.ledger.record_heads().await.unwrap();
    ground.ledger.close().await;
    tamper(ground.folder.path(), REST).await;
    ground
}

#[tokio::test]
async fn a_database_of_each_earlier_schema_keeps_its_rows_and_goes_on() {
    let today = filled().await;
    let newest = tables::of(today.folder.path()).await;
    for (table, held) in tables::content(today.folder.path(), &newest).await {
        // One that is added later needs a row here, so that its next step is tried with one.
        assert!(!held.is_empty(), "nothing in {table}");
    }
    for version in 1..=migrations::LATEST {
        let old = folder().await;
        store::migrate(place(old.path()), version).await.unwrap();
        let then = tables::of(old.path()).await;
        assert!(
            // Steps after this one change indexes, and what may be NULL.
            version >= 20 || then != newest,
            "version {version} changes no table"
        );
        tables::copy(today.folder.path(), old.path(), &then).await;
        let before = tables::content(old.path(), &then).await;
        assert_eq!(before, tables::content(today.folder.path(), &then).await);

        store::migrate(place(old.path()), migrations::LATEST).await.unwrap();
        assert_eq!(tables::of(old.path()).await, newest, "from version {version}");
        assert_eq!(tables::content(old.path(), &then).await, before, "from version {version}");
        goes_on(&today, old, version).await;
    }
}

/// What agrees, agrees; a repeat is known and more is counted, as if there had been no other schema.
async fn goes_on(today: &Ground, old: super::ground::Folder, version: i64) {
    let ledger = open(old.path(), settings(&today.clock)).await.unwrap();
    let ground = Ground { folder: old, ledger, clock: today.clock.clone() };
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    if version == 1 {
        // Nothing was agreed before there were plans.
        ground.agree("acme", "starter", "2026-01-01T00:00:00Z").await;
    }
    let mut session = ground.ledger.store().read().await.unwrap();
    let bound = accounts::bound(&mut session, "tenant-acme", "voice", "uid-1").await.unwrap();
    drop(session);
    // Of a binding from before that nobody said whose tokens it is about.
    let issuer = (version >= 21).then(|| "https://here.example".to_owned());
    assert_eq!(bound, Some(Bound { account: account("acme"), issuer }), "from version {version}");
    let receipt = ground.send("acme", vec![query("acme", "e-2", "2")]).await;
    assert_eq!(receipt.outcomes.len(), 1);
    assert!(format!("{:?}", receipt.outcomes[0]).starts_with("Duplicate"), "{receipt:?}");
    assert_eq!(accepted(&ground.send("acme", vec![query("acme", "e-3", "1")]).await), [4]);
    assert_eq!(ground.table(TOTALS).await[0][3..], ["4", "97002500000"], "from version {version}");
    let alerts = ground.table("SELECT level, seq FROM alerts ORDER BY level").await;
    let row = if version == 1 { "3" } else { "1" };
    assert_eq!(alerts, [["hard", row], ["soft", row]], "from version {version}");
    Figures::new(Rhythm::every(SignedDuration::from_mins(5))).round(&ground.ledger).await.unwrap();
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, [], "from version {version}");
}
