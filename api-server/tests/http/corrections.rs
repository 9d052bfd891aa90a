//! Corrections by authorised people.

use api_server::auth::Audience;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Answer, Api, sender, token};

fn correction() -> Value {
    json!({"account": "acme", "id": "c-1", "row": 1, "change": {"by": "-2.5"}, "reason": "counted twice", "reference": "T-17"})
}

/// An account with one row of 12.5 GB.
async fn billed() -> Api {
    let api = Api::new().await;
    let event = json!({"specversion": "1.0", "id": "e-1", "source": "/core", "type": "dev.tenantry.usage.ingestion",
        "time": "2026-11-22T23:50:16Z", "data": {"quantity": "12.5"}});
    let sent =
        api.post("/usage/events", Some(&sender()), "application/json", event.to_string()).await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.text);
    api
}

async fn correct(api: &Api, body: &Value) -> Answer {
    let token = token(Audience::Billing, "billing:correct", None, None);
    api.post("/billing/corrections", Some(&token), "application/json", body.to_string()).await
}

fn with(name: &str, value: Value) -> Value {
    let mut body = correction();
    body[name] = value;
    body
}

#[tokio::test]
async fn a_correction_is_a_row_and_sent_again_the_same_row() {
    let api = billed().await;
    let first = correct(&api, &correction()).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text);
    assert_eq!(
        first.json(),
        json!({"row": 2, "duplicate": false, "arrived_at": "2026-11-23T12:00:00Z"})
    );
    let again = correct(&api, &correction()).await;
    assert_eq!((&again.json()["row"], &again.json()["duplicate"]), (&json!(2), &json!(true)));
    let other = correct(&api, &with("change", json!({"by": "-3"}))).await;
    assert_eq!((other.status, other.code().as_str()), (StatusCode::CONFLICT, "conflict"));
}

#[tokio::test]
async fn a_row_can_be_voided_once() {
    let api = billed().await;
    assert_eq!(correct(&api, &with("change", json!("void"))).await.status, StatusCode::OK);
    let mut again = with("change", json!("void"));
    again["id"] = json!("c-2");
    let answer = correct(&api, &again).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let error = &answer.json()["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/row"), &json!("already_void")));
}

#[tokio::test]
async fn what_the_ledger_refuses_is_named() {
    let api = billed().await;
    for (body, status, code) in [
        (with("row", json!(9)), 422, "unknown_row"),
        (with("change", json!({"by": "-12.500001"})), 422, "takes_back_too_much"),
    ] {
        let answer = correct(&api, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        assert_eq!(answer.json()["errors"][0]["code"], code);
    }
    let unknown = correct(&api, &with("account", json!("initech"))).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn fields_outside_their_limits_are_named() {
    let api = billed().await;
    for (name, value, pointer) in [
        ("account", json!("a/b"), "/account"),
        ("id", json!(" "), "/id"),
        ("id", json!("x".repeat(257)), "/id"),
        ("reason", json!(""), "/reason"),
        ("reference", json!("a\nb"), "/reference"),
        ("row", json!(0), "/row"),
        ("change", json!({"by": "0"}), "/change/by"),
        ("change", json!({"by": "1e3"}), "/change/by"),
    ] {
        let answer = correct(&api, &with(name, value.clone())).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name} {value}: {}",
            answer.text
        );
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{name} {value}");
    }
    for change in [json!("undo"), json!({"by": 1}), json!({"by": "1", "void": null}), json!(null)] {
        assert_eq!(correct(&api, &with("change", change)).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn senders_and_readers_correct_nothing() {
    let api = billed().await;
    let reader = token(Audience::Billing, "billing:read", Some("CustomerSuccessManager"), None);
    let body = correction().to_string();
    for (token, status) in [(sender(), 401), (reader, 403)] {
        let answer =
            api.post("/billing/corrections", Some(&token), "application/json", body.clone()).await;
        assert_eq!(answer.status.as_u16(), status);
    }
}
