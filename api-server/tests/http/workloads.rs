//! What a workload's projected token can do: send its own use, and nothing else.

use api_server::auth::Audience;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::Api;
use super::cluster::{GATEWAY, projected};

fn core() -> String {
    projected("acme", "core", &[Audience::Usage])
}

fn event() -> Value {
    json!({"specversion": "1.0", "id": "e-1", "source": "/core", "type": "dev.tenantry.usage.ingestion",
        "time": "2026-11-22T23:50:16Z", "data": {"quantity": "12.5"}})
}

fn with(pointer: &str, value: Value) -> Value {
    let mut event = event();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[name] = value;
    event
}

async fn send(api: &Api, token: &str, event: &Value) -> super::api::Answer {
    let body = event.to_string();
    api.post("/usage/events", Some(token), "application/cloudevents+json", body).await
}

#[tokio::test]
async fn a_workload_sends_the_use_of_the_tenant_that_its_namespace_proves() {
    let api = Api::new().await;
    for tenant in ["acme", "globex"] {
        let token = projected(tenant, "core", &[Audience::Usage]);
        let answer = send(&api, &token, &event()).await;
        assert_eq!(answer.status, StatusCode::OK, "{tenant}: {}", answer.text);
        // Its own first row, though both sent the same id.
        assert_eq!(answer.json()["ledger"], json!({"from": 1, "to": 1}), "{tenant}");
    }
}

#[tokio::test]
async fn a_workload_sends_no_correction_nothing_negative_and_nobody_elses_use() {
    let api = Api::new().await;
    for (name, event, pointer, code) in [
        (
            "a correction by its type",
            with("/type", json!("dev.tenantry.usage.correction")),
            "/0/type",
            "unknown_type",
        ),
        (
            "a row to take back",
            with("/data/ref_seq", json!(1)),
            "/0/data/ref_seq",
            "unknown_member",
        ),
        (
            "a negative quantity",
            with("/data/quantity", json!("-0.000001")),
            "/0/data/quantity",
            "negative_quantity",
        ),
        (
            "a negative number",
            with("/data/quantity", json!(-1)),
            "/0/data/quantity",
            "negative_quantity",
        ),
        ("another subject", with("/subject", json!("globex")), "/0/subject", "subject_mismatch"),
        (
            "a subject like its own",
            with("/subject", json!("ACME")),
            "/0/subject",
            "subject_mismatch",
        ),
        ("a list of subjects", with("/subject", json!(["acme"])), "/0/subject", "subject_mismatch"),
    ] {
        let answer = send(&api, &core(), &event).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}: {}", answer.text);
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{name}");
    }
    // The first row is still to come: nothing of these was written.
    assert_eq!(send(&api, &core(), &event()).await.json()["ledger"], json!({"from": 1, "to": 1}));
}

#[tokio::test]
async fn a_workload_corrects_nothing_and_reads_no_money() {
    let api = Api::new().await;
    send(&api, &core(), &event()).await;
    let body = json!({"account": "acme", "id": "c-1", "row": 1, "change": "void", "reason": "r", "reference": "T-1"});
    for token in [core(), projected("acme", GATEWAY, &[Audience::Gateway])] {
        let answer = api
            .post("/billing/corrections", Some(&token), "application/json", body.to_string())
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text);
        for path in ["/billing/usage", "/billing/usage/acme", "/onboarding"] {
            let status = api.get(path, Some(&token)).await.status;
            assert!([401, 404].contains(&status.as_u16()), "{path}: {status}");
        }
    }
    // What it would have voided still counts.
    let again = send(&api, &core(), &event()).await;
    assert_eq!(again.json()["duplicates"], 1, "{}", again.text);
}

#[tokio::test]
async fn a_workload_that_is_not_bound_is_nobody() {
    let api = Api::new().await;
    for token in [
        projected("initech", "core", &[Audience::Usage]),
        projected("acme", "voice", &[Audience::Usage]),
        projected("acme", "core", &[Audience::Gateway]),
        projected("acme", "core", &[Audience::Billing]),
    ] {
        assert_eq!(send(&api, &token, &event()).await.status, StatusCode::UNAUTHORIZED);
    }
}
