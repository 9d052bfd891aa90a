//! A summary that cannot be read is one tenant's trouble, for as long as it takes to make it anew.

use serde_json::json;
use sqlx::Connection as _;

use crate::{
    lab::{Lab, eventually, holds},
    seen::{metrics, series},
};

/// Summaries are made when rows move, and else not while this test lasts.
const SELDOM: [&str; 4] = ["--snapshot-interval", "3600", "--status-interval", "1"];

/// Puts something in the place of what an account's summary was computed from.
async fn spoil(lab: &Lab, account: &str) {
    let url = format!("sqlite://{}", lab.place.storage.join("ledger.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let sql = "UPDATE snapshot_inputs SET document = '{\"meters\": 7}' WHERE account = $1";
    let done = sqlx::query(sql).bind(account).execute(&mut connection).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_summary_that_cannot_be_read_holds_nobody_up_and_is_made_anew() {
    let lab = Lab::new().await;
    let mut server = lab.serve(&SELDOM);
    let acme = lab.operated("acme", json!({ "plan": "team" })).await;
    lab.operated("borealis", json!({ "plan": "team" })).await;
    for name in ["acme", "borealis"] {
        lab.ingest(&server, name, "e-1", "100").await;
        lab.until(name, "figures", |seen| seen.meter("ingestion") == "100").await;
    }
    assert!(server.stop().0.success());
    spoil(&lab, &acme).await;
    let mut server = lab.serve(&SELDOM);
    // Its own turn goes on: what does not need the summary is said, and no figure is.
    lab.tenant("acme", json!({ "plan": "tema" })).await;
    let seen = lab
        .until("acme", "its plan's refusal", |seen| seen.says("PlanAccepted").1 == "UnknownPlan")
        .await;
    assert_eq!((seen.plan(), seen.used(), &seen.usage), ("team", "–", &None));
    // So do the others'.
    lab.ingest(&server, "borealis", "e-2", "300").await;
    lab.until("borealis", "its figures", |seen| seen.meter("ingestion") == "400").await;
    let counted = "tenantry_cluster_summaries_unreadable_total";
    eventually("it is counted", async || {
        let text = metrics(&server).await;
        holds(series(&text, counted).is_some_and(|times| times > 0), text)
    })
    .await;
    // The next summary is as good as any.
    lab.ingest(&server, "acme", "e-2", "200").await;
    lab.until("acme", "figures again", |seen| seen.meter("ingestion") == "300").await;
    let (status, log) = server.stop();
    assert!(status.success());
    let named = |line: &str| line.contains("cannot be read") && line.contains(&acme);
    assert!(log.lines().any(named), "the log names the account:\n{log}");
}
