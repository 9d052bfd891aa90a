//! A spec asks for a plan; the ledger's subscription is what shows.

use api_server::{
    domain::{catalogue::PlanId, subscription::Agreement},
    ledger::{Ledger, Settings},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    lab::{Lab, eventually, holds},
    serving::client,
};

#[tokio::test]
async fn a_plan_that_there_is_not_leaves_the_account_on_its_own() {
    let lab = Lab::new().await;
    let _server = lab.serve(&["--snapshot-interval", "2"]);
    lab.operated("acme", json!({ "plan": "team" })).await;
    lab.until("acme", "the plan", |seen| seen.says("PlanAccepted") == ("True", "Accepted")).await;
    lab.tenant("acme", json!({ "plan": "tema" })).await;
    let seen =
        lab.until("acme", "the refusal", |seen| seen.says("PlanAccepted").1 == "UnknownPlan").await;
    assert_eq!(seen.says("PlanAccepted").0, "False");
    assert_eq!(
        seen.message("PlanAccepted"),
        r#"spec.plan "tema" is not in the catalogue (starter, team, scale); the account stays on "team""#
    );
    assert_eq!(seen.plan(), "team");
}

#[tokio::test]
async fn a_larger_plan_is_had_at_once_and_a_smaller_one_when_the_period_ends() {
    let lab = Lab::new().await;
    let mut server = lab.serve(&["--snapshot-interval", "2"]);
    let uid = lab.operated("acme", json!({ "plan": "team" })).await;
    lab.ingest(&server, "acme", "e-1", "400").await;
    lab.until("acme", "80 %", |seen| seen.says("QuotaWithinLimits").1 == "SoftLimitReached").await;
    lab.tenant("acme", json!({ "plan": "scale" })).await;
    // Of 2,500 GB it is little: the level is left, and that is told.
    let larger = lab
        .until("acme", "the larger plan", |seen| {
            seen.plan() == "scale" && seen.says("QuotaWithinLimits").1 == "WithinLimits"
        })
        .await;
    assert_eq!(larger.says("PlanAccepted"), ("True", "Accepted"));
    eventually("the recovery is told", async || {
        let told = lab.events(&uid, "UsageThresholdRecovered").await;
        holds(told.len() == 1, format!("{told:?}"))
    })
    .await;

    lab.tenant("acme", json!({ "plan": "starter" })).await;
    let smaller = lab
        .until("acme", "the smaller plan", |seen| seen.says("PlanAccepted").1 == "Scheduled")
        .await;
    assert_eq!(smaller.plan(), "scale");
    let message = smaller.message("PlanAccepted");
    assert!(message.ends_with(r#"the account stays on "scale" until then"#), "{message}");

    // Once for each time that it is named, also by another server.
    assert!(server.stop().0.success());
    let server = lab.serve(&["--snapshot-interval", "2"]);
    lab.tenant("acme", json!({ "plan": "starter", "displayName": "Acme" })).await;
    let generation = lab.get("acme").await.metadata.generation;
    eventually("the spec was seen", async || {
        let conditions = lab.get("acme").await.status.unwrap().conditions;
        let ours = conditions.iter().find(|c| c.type_ == "PlanAccepted").unwrap();
        holds(ours.observed_generation == generation, format!("{:?}", ours.observed_generation))
    })
    .await;
    let token = lab.person("billing:read billing:plan", Some("CustomerSuccessManager"));
    let answer = client()
        .get(format!("{}/billing/usage/{uid}", server.api))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(answer["subscription"]["plan"]["key"], "scale", "{answer:#}");
    assert_eq!(answer["subscription"]["next"]["key"], "starter", "{answer:#}");
    drop(server);
    let rows = lab.place.run(&["verify"]);
    assert!(rows.status.success(), "{rows:?}");
}

/// Nothing else happens at that instant: no row, no edit, no new summary.
#[tokio::test]
async fn a_smaller_plan_shows_from_its_instant_on() {
    const SELDOM: [&str; 4] = ["--snapshot-interval", "3600", "--status-interval", "1"];
    let lab = Lab::new().await;
    let mut server = lab.serve(&SELDOM);
    let uid = lab.operated("acme", json!({ "plan": "team" })).await;
    lab.ingest(&server, "acme", "e-1", "10").await;
    lab.until("acme", "figures", |seen| seen.meter("ingestion") == "10").await;
    assert!(server.stop().0.success());
    // As customer success agrees it, but in a minute and not when the period ends.
    let ledger = Ledger::open(&lab.place.storage, Settings::default()).await.unwrap();
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
    let (plan, effective_at) =
        (PlanId { plan: "starter".to_owned(), version: 1 }, now + SignedDuration::from_secs(60));
    let agreement = Agreement { plan, effective_at, agreed_at: now };
    ledger.agree(&uid.parse().unwrap(), agreement).await.unwrap();
    ledger.close().await;
    let server = lab.serve(&SELDOM);
    lab.ingest(&server, "acme", "e-2", "5").await;
    let before = lab.until("acme", "what came", |seen| seen.meter("ingestion") == "15").await;
    assert_eq!(before.plan(), "team", "until {effective_at}");
    let after = lab.until("acme", "the smaller plan", |seen| seen.plan() == "starter").await;
    assert!(Timestamp::now() >= effective_at, "{after:?}");
    // The spec still asks for the larger one, and hears that it has another.
    assert_eq!(after.says("PlanAccepted"), ("False", "Superseded"), "{after:?}");
    drop(server);
    let rows = lab.place.run(&["verify"]);
    assert!(rows.status.success(), "{rows:?}");
}
