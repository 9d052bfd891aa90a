//! What is kept too long, and what an installation changed of the price list.

use api_server::auth::Audience;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::api::{Api, now, token, token_at};
use super::onboarding::{form, submitted};

fn auditor(at: Timestamp) -> String {
    token_at(at, Audience::Billing, "billing:audit", None, None)
}

async fn audit(api: &Api, at: Timestamp, path: &str) -> Value {
    let answer = api.get(path, Some(&auditor(at))).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    answer.json()
}

fn kinds(audit: &Value) -> Vec<&str> {
    audit["data"].as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn contacts_that_nobody_needs_are_named_until_they_are_erased() {
    let api = Api::new().await;
    let csm = token(Audience::Billing, "onboarding:approve", Some("CustomerSuccessManager"), None);
    let (rejected, _) = submitted(&api, &form()).await;
    let (waiting, _) = submitted(&api, &form()).await;
    let (approved, _) = submitted(&api, &form()).await;
    let reason = json!({"reason": "no"}).to_string();
    for (path, body) in
        [(format!("{rejected}/reject"), reason), (format!("{approved}/approve"), String::new())]
    {
        let done = api.post(&path, Some(&csm), "application/json", body).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    }
    assert_eq!(kinds(&audit(&api, now(), "/audit/retention").await), [] as [&str; 0]);
    let later: Timestamp = "2027-05-23T12:00:00Z".parse().unwrap();
    api.set_clock("2027-05-23T12:00:00Z");
    let found = audit(&api, later, "/audit/retention").await;
    let requests: Vec<String> = found["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("/onboarding/{}", row["request"].as_str().unwrap()))
        .collect();
    let mut expected = vec![rejected.clone(), waiting.clone()];
    expected.sort();
    assert_eq!(requests, expected, "not the customer's: {found}");
    assert_eq!(found["rules"][0]["days"], 180);
    assert_eq!(
        kinds(&audit(&api, later, "/audit/retention?contact_days=182").await),
        [] as [&str; 0]
    );
    let eraser = token_at(later, Audience::Billing, "privacy:erase", None, None);
    let id = rejected.rsplit_once('/').unwrap().1;
    let body =
        json!({"subject": {"intake": id}, "reason": "too long", "reference": "audit"}).to_string();
    let done = api.post("/erasures", Some(&eraser), "application/json", body).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let left = audit(&api, later, "/audit/retention").await;
    assert_eq!(kinds(&left).len(), 1, "{left}");
    assert!(waiting.ends_with(left["data"][0]["request"].as_str().unwrap()));
}

#[tokio::test]
async fn attributes_are_looked_at_when_that_is_asked() {
    let api = Api::new().await;
    let event = json!({"specversion": "1.0", "id": "e", "source": "/core", "user": "ada",
        "type": "dev.tenantry.usage.query", "time": "2026-11-23T11:00:00Z", "data": {"quantity": "1"}});
    let sent = api
        .post("/usage/events", Some(&super::api::sender()), "application/json", event.to_string())
        .await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.text);
    let later: Timestamp = "2026-12-23T12:00:00Z".parse().unwrap();
    api.set_clock("2026-12-23T12:00:00Z");
    let silent = audit(&api, later, "/audit/retention").await;
    assert!(kinds(&silent).is_empty() && silent["rules"][1]["days"].is_null(), "{silent}");
    let found = audit(&api, later, "/audit/retention?attribute_days=29").await;
    assert_eq!(kinds(&found), ["event_attributes"]);
    assert_eq!(
        (&found["data"][0]["account"], &found["data"][0]["since"]),
        (&json!("acme"), &json!("2026-11-23T12:00:00Z"))
    );
    assert!(!found.to_string().contains("ada"), "{found}");
    assert_eq!(
        kinds(&audit(&api, later, "/audit/retention?attribute_days=31").await),
        [] as [&str; 0]
    );
    for path in [
        "/audit/retention?contact_days=0",
        "/audit/retention?attribute_days=x",
        "/audit/retention?days=1",
    ] {
        let answer = api.get(path, Some(&auditor(later))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn a_list_as_shipped_has_nothing_to_audit() {
    let api = Api::new().await;
    let found = audit(&api, now(), "/audit/overrides").await;
    assert_eq!((&found["data"], &found["by_file"]), (&json!([]), &json!(false)));
    let csv = api.get("/audit/overrides?format=csv", Some(&auditor(now()))).await;
    assert_eq!(
        csv.text,
        "\"kind\",\"name\",\"version\",\"status\",\"accounts\",\"changes\",\"remedy\"\r\n"
    );
}
