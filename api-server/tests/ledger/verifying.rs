//! Whatever is done to a ledger behind its back is found, and the first row is named.

use std::collections::BTreeMap;

use api_server::{
    domain::{Quantity, meter::Meter},
    ledger::{
        Change, Correction, Item,
        verify::{Finding, What},
    },
};

use super::{
    HERE,
    ground::{Ground, check, copy, folder, query, tamper, usage},
};
use crate::Engine;

/// Two accounts, several meters and hours, dimensions, a correction; heads written down.
async fn filled() -> Ground {
    let ground = Ground::with(&["acme", "borealis"]).await;
    for n in 0..6 {
        let meter = Meter::ALL[n % 3];
        let time = format!("2026-11-2{}T0{n}:30:00Z", n % 3);
        let mut event = usage("acme", &format!("e-{n}"), meter, &time, "1.5");
        if n % 2 == 0 {
            event.dims.insert("region".to_owned(), "eu".to_owned());
        }
        ground.send("acme", vec![Item::Usage(event)]).await;
    }
    let correction = Correction {
        source: "/corrections".to_owned(),
        id: "c-1".to_owned(),
        ref_seq: 2,
        change: Change::By(Quantity::from_micros(-500_000)),
        notes: BTreeMap::from([("reason".to_owned(), "double".to_owned())]),
    };
    ground.send("acme", vec![Item::Correction(correction)]).await;
    ground.send("borealis", vec![query("borealis", "e-1", "1")]).await;
    ground.ledger.record_heads().await.unwrap();
    ground.send("acme", vec![query("acme", "after", "1")]).await;
    ground
}

/// What is found after doing this to the closed database.
async fn after(statements: &[&'static str]) -> Vec<Finding> {
    let ground = filled().await;
    ground.ledger.close().await;
    tamper(ground.folder.path(), statements).await;
    check(ground.folder.path()).await.findings
}

fn first(findings: &[Finding]) -> (&str, Option<i64>, What) {
    let finding = findings.first().expect("nothing was found");
    (finding.account.as_str(), finding.seq, finding.what)
}

#[tokio::test]
async fn an_honest_ledger_is_clean() {
    let ground = filled().await;
    ground.ledger.close().await;
    let report = check(ground.folder.path()).await;
    assert_eq!(report.findings, []);
    assert_eq!((report.accounts, report.rows, report.erased), (2, 9, 0));
}

#[tokio::test]
async fn it_can_be_checked_while_the_server_runs() {
    let ground = filled().await;
    assert!(check(ground.folder.path()).await.is_clean());
    ground.send("acme", vec![query("acme", "more", "1")]).await;
    assert_eq!(check(ground.folder.path()).await.rows, 10);
}

#[tokio::test]
async fn a_change_of_any_column_of_a_row_is_found_at_that_row() {
    for statement in [
        "UPDATE usage_ledger SET kind = 2 WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET source = '/x' WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET event_id = 'x' WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET meter = 'agents' WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET t_event = t_event + 1 WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET t_ingest = t_ingest - 1 WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET t_stored = t_stored + 1 WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET qty_micro = qty_micro - 1 WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET ref_seq = 1 WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET period_start = 0 WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET happened_in = 0 WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET dims_hash = NULL WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET dims_hash = zeroblob(32) WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET chain = zeroblob(32) WHERE account = 'acme' AND seq = 3",
    ] {
        assert_eq!(
            first(&after(&[statement]).await),
            ("acme", Some(3), What::Chain),
            "{statement}"
        );
    }
}

#[tokio::test]
async fn values_that_cannot_be_read_are_named() {
    let mut statements = vec![
        "UPDATE usage_ledger SET kind = 7 WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET meter = 'cpu' WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET chain = x'00' WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET t_event = 9223372036854775807 WHERE account = 'acme' AND seq = 3",
    ];
    // A column of PostgreSQL takes no value of another type.
    if HERE == Engine::Sqlite {
        statements
            .push("UPDATE usage_ledger SET qty_micro = 1.5 WHERE account = 'acme' AND seq = 3");
        statements
            .push("UPDATE usage_ledger SET qty_micro = 'much' WHERE account = 'acme' AND seq = 3");
    }
    for statement in statements {
        let findings = after(&[statement]).await;
        assert_eq!(first(&findings), ("acme", Some(3), What::Unreadable), "{statement}");
    }
}

#[tokio::test]
async fn a_figure_that_cannot_be_read_is_told_of_its_account() {
    let statement =
        "UPDATE usage_period SET meter = 'cpu' WHERE account = 'acme' AND meter = 'query'";
    let findings = after(&[statement]).await;
    assert_eq!(first(&findings), ("acme", None, What::Unreadable));
}

#[tokio::test]
async fn a_row_that_was_taken_out_is_missed() {
    let findings = after(&["DELETE FROM usage_ledger WHERE account = 'acme' AND seq = 3"]).await;
    assert_eq!(first(&findings), ("acme", Some(3), What::Missing));
}

#[tokio::test]
async fn a_row_that_was_put_in_is_found() {
    let findings = after(&["INSERT INTO usage_ledger
         SELECT account, 10, kind, source, 'x', meter, t_event, t_ingest, t_stored, qty_micro,
           ref_seq, period_start, happened_in, dims_hash, chain
         FROM usage_ledger WHERE account = 'acme' AND seq = 2"])
    .await;
    assert_eq!(first(&findings), ("acme", Some(9), What::Missing));
    assert!(findings.iter().any(|f| (f.seq, f.what) == (Some(10), What::Chain)), "{findings:?}");
}

#[tokio::test]
async fn swapped_rows_are_found() {
    let findings = after(&[
        "UPDATE usage_ledger SET seq = 100 WHERE account = 'acme' AND seq = 2",
        "UPDATE usage_ledger SET seq = 2 WHERE account = 'acme' AND seq = 3",
        "UPDATE usage_ledger SET seq = 3 WHERE account = 'acme' AND seq = 100",
    ])
    .await;
    assert_eq!(first(&findings), ("acme", Some(2), What::Chain));
}

#[tokio::test]
async fn a_tail_cut_off_is_found_by_the_head_and_by_what_was_written_down() {
    let cut = "DELETE FROM usage_ledger WHERE account = 'acme' AND seq >= 6";
    let findings = after(&[cut]).await;
    let what: Vec<_> = findings.iter().map(|f| f.what).collect();
    assert!(what.contains(&What::Head) && what.contains(&What::External), "{findings:?}");
    let head = "UPDATE heads SET seq = 5, chain = (SELECT chain FROM usage_ledger
                WHERE account = 'acme' AND seq = 5) WHERE account = 'acme'";
    let findings = after(&[cut, head]).await;
    let external: Vec<_> = findings.iter().filter(|f| f.what == What::External).collect();
    assert_eq!(external.len(), 1, "{findings:?}");
    assert!(external[0].detail.contains("7 rows"), "{external:?}");
    assert!(findings.iter().all(|f| f.what != What::Head), "{findings:?}");
}

/// All is consistent within the file; only what was written down elsewhere knows better.
#[tokio::test]
async fn an_old_copy_put_back_is_found_by_what_was_written_down() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    let ground = ground.reopen().await;
    ground.ledger.close().await;
    let old = folder().await;
    copy(ground.folder.path(), old.path()).await;
    let ground = ground.reopen().await;
    ground.send("acme", vec![query("acme", "e-2", "1")]).await;
    ground.ledger.record_heads().await.unwrap();
    ground.ledger.close().await;
    copy(old.path(), ground.folder.path()).await;
    let findings = check(ground.folder.path()).await.findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(first(&findings), ("acme", Some(2), What::External));
}

/// Somebody with the program writes another history from the start: every hash fits.
#[tokio::test]
async fn a_history_written_anew_is_found_by_what_was_written_down() {
    let honest = Ground::with(&["acme"]).await;
    honest.send("acme", vec![query("acme", "e-1", "5"), query("acme", "e-2", "5")]).await;
    honest.ledger.record_heads().await.unwrap();
    honest.ledger.close().await;
    let forged = Ground::with(&["acme"]).await;
    forged.send("acme", vec![query("acme", "e-1", "1"), query("acme", "e-2", "5")]).await;
    forged.ledger.close().await;
    assert!(check(forged.folder.path()).await.is_clean());
    copy(forged.folder.path(), honest.folder.path()).await;
    let findings = check(honest.folder.path()).await.findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(first(&findings), ("acme", Some(2), What::External));
}

#[tokio::test]
async fn an_account_that_is_gone_is_missed() {
    let findings = after(&[
        "DELETE FROM usage_ledger WHERE account = 'borealis'",
        "DELETE FROM heads WHERE account = 'borealis'",
        "DELETE FROM accounts WHERE account = 'borealis'",
    ])
    .await;
    assert_eq!(first(&findings), ("borealis", Some(1), What::External));
}

#[tokio::test]
async fn a_figure_or_hour_that_is_not_its_rows_is_found() {
    for (statement, what) in [
        ("UPDATE usage_period SET used_micro = used_micro + 1 WHERE meter = 'query'", What::Total),
        ("UPDATE usage_period SET cnt = cnt + 1 WHERE meter = 'query'", What::Total),
        ("UPDATE usage_period SET last_seq = 0 WHERE meter = 'query'", What::Total),
        ("DELETE FROM usage_period WHERE meter = 'ingestion'", What::Total),
        ("UPDATE usage_rollup_hour SET qty_micro = 0 WHERE meter = 'query'", What::Rollup),
        ("UPDATE usage_rollup_hour SET first_seq = 0 WHERE meter = 'query'", What::Rollup),
        ("UPDATE usage_rollup_hour SET hour = hour + 3600000 WHERE meter = 'query'", What::Rollup),
        ("DELETE FROM usage_rollup_hour WHERE meter = 'timeline'", What::Rollup),
    ] {
        let findings = after(&[statement]).await;
        assert!(!findings.is_empty(), "{statement}");
        assert!(findings.iter().all(|f| f.what == what && f.seq.is_none()), "{findings:?}");
    }
}

#[tokio::test]
async fn a_key_that_would_let_a_repeat_in_is_found() {
    for statement in [
        "DELETE FROM dedup WHERE account = 'acme' AND seq = 4",
        "UPDATE dedup SET body = zeroblob(16) WHERE account = 'acme' AND seq = 4",
        "UPDATE dedup SET seq = 1 WHERE account = 'acme' AND seq = 4",
        "UPDATE dedup SET t_ingest = 0 WHERE account = 'acme' AND seq = 4",
    ] {
        let findings = after(&[statement]).await;
        assert_eq!(first(&findings), ("acme", Some(4), What::Dedup), "{statement}");
    }
}

#[tokio::test]
async fn a_key_that_would_keep_an_event_out_is_found() {
    let findings = after(&["INSERT INTO dedup
         SELECT account, month, zeroblob(16), seq, body, t_ingest FROM dedup WHERE seq = 4"])
    .await;
    assert_eq!(first(&findings), ("acme", None, What::Dedup));
}

#[tokio::test]
async fn a_head_that_is_not_the_last_row_is_found() {
    for statement in [
        "UPDATE heads SET seq = 7 WHERE account = 'acme'",
        "UPDATE heads SET chain = zeroblob(32) WHERE account = 'acme'",
        "DELETE FROM heads WHERE account = 'acme'",
    ] {
        let findings = after(&[statement]).await;
        assert_eq!(first(&findings), ("acme", Some(8), What::Head), "{statement}");
    }
}

#[tokio::test]
async fn changed_dimensions_are_found_and_erased_ones_counted() {
    for statement in [
        "UPDATE event_dims SET dims = '{\"region\":\"us\"}' WHERE account = 'acme' AND seq = 3",
        "UPDATE event_dims SET salt = zeroblob(16) WHERE account = 'acme' AND seq = 3",
    ] {
        let findings = after(&[statement]).await;
        assert_eq!(first(&findings), ("acme", Some(3), What::Dims), "{statement}");
    }
    let added = "INSERT INTO event_dims VALUES ('acme', 2, zeroblob(16), '{\"a\":\"b\"}')";
    assert_eq!(first(&after(&[added]).await), ("acme", Some(2), What::Dims));

    let ground = filled().await;
    ground.ledger.close().await;
    tamper(ground.folder.path(), &["DELETE FROM event_dims WHERE seq = 3"]).await;
    let report = check(ground.folder.path()).await;
    assert_eq!((report.findings.len(), report.erased), (0, 1));
}

#[tokio::test]
async fn a_period_that_was_moved_or_closed_too_early_is_found() {
    let moved = "UPDATE periods SET period_start = period_start + 86400000 WHERE account = 'acme'";
    let what: Vec<_> = after(&[moved]).await.iter().map(|f| f.what).collect();
    assert!(what.contains(&What::Posting), "{what:?}");
    let closed = "UPDATE periods SET closed_at = 0, closed_seq = 4 WHERE account = 'acme'";
    assert_eq!(first(&after(&[closed]).await), ("acme", Some(5), What::Posting));
}

#[tokio::test]
async fn a_report_of_a_ruined_account_stays_short() {
    let ground = Ground::with(&["acme"]).await;
    let events = (0..500).map(|n| query("acme", &format!("e-{n}"), "1")).collect();
    ground.send("acme", events).await;
    ground.ledger.close().await;
    tamper(ground.folder.path(), &["UPDATE usage_ledger SET t_stored = 0"]).await;
    let report = check(ground.folder.path()).await;
    assert_eq!(report.findings.len(), api_server::ledger::verify::MAX_FINDINGS);
    let message = report.findings[0].to_string();
    assert!(message.starts_with("account acme, row 1: changed row:"), "{message}");
}
