//! Which plan and profile.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Answer, Api};

fn needs() -> Value {
    json!({"usage": {"agents": {"base": "12000"}, "ingestion": {"base": "40", "low": "30", "high": "45"}}, "purpose": "evaluation"})
}

async fn recommend(needs: &Value) -> Answer {
    Api::new().await.post("/recommendation", None, "application/json", needs.to_string()).await
}

#[tokio::test]
async fn the_least_expected_cost_is_recommended_with_reasons() {
    let answer = recommend(&needs()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let answer = answer.json();
    // 12 000 runs: starter at 299.00 + 2 000 × 0.050 = 399.00.
    assert_eq!(answer["plan"], json!({"key": "starter", "version": 1}));
    assert_eq!(
        answer["ranking"][0]["costs"]["base"],
        json!({"amount": "399.00", "currency": "USD"})
    );
    assert_eq!(answer["ranking"].as_array().unwrap().len(), 3);
    // 1.5 × 12 000 − 10 000.
    assert_eq!(answer["ranking"][0]["overage"], json!({"agents": "8000"}));
    for words in ["reasons", "would_change_if"] {
        assert!(!answer[words].as_array().unwrap().is_empty(), "{answer}");
    }
    assert_eq!(answer["profile"]["key"], "dev");
}

#[tokio::test]
async fn support_excludes_plans_and_voice_leads_to_gpu() {
    let mut needs = needs();
    needs["support_hours"] = json!(2);
    needs["voice_minutes"] = json!(10_000);
    let answer = recommend(&needs).await.json();
    assert_eq!(answer["plan"]["key"], "scale");
    let excluded: Vec<&str> = answer["excluded"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["plan"]["key"].as_str().unwrap())
        .collect();
    assert_eq!(excluded, ["starter", "team"]);
    assert_eq!(
        (&answer["profile"]["key"], &answer["profile"]["overlays"]),
        (&json!("prod"), &json!(["gpu"]))
    );
}

#[tokio::test]
async fn where_no_plan_fits_there_is_none_and_a_reason() {
    let mut needs = needs();
    needs["currency"] = json!("EUR");
    let answer = recommend(&needs).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json()["plan"], Value::Null);
    assert_eq!(answer.json()["excluded"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn needs_outside_their_limits_are_named() {
    for (pointer, value, blamed) in [
        ("/usage/agents/base", json!("-1"), "/usage/agents/base"),
        ("/usage/agents/base", json!("many"), "/usage/agents/base"),
        ("/usage/agents/base", json!("1000000000.1"), "/usage/agents/base"),
        ("/usage/ingestion/low", json!("41"), "/usage/ingestion"),
        ("/usage/ingestion", json!({"base": "1", "low": "1"}), "/usage/ingestion"),
        ("/usage", json!({"tea/cup": {"base": "1"}}), "/usage/tea~1cup"),
        ("/support_hours", json!(0), "/support_hours"),
        ("/voice_minutes", json!(1_000_000_001), "/voice_minutes"),
        ("/currency", json!("DOLLAR"), "/currency"),
    ] {
        let mut needs = needs();
        match needs.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => needs[&pointer[1..]] = value.clone(),
        }
        let answer = recommend(&needs).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{pointer} {value}: {}",
            answer.text
        );
        assert_eq!(answer.json()["errors"][0]["pointer"], blamed, "{pointer} {value}");
    }
}

#[tokio::test]
async fn a_purpose_that_is_none_is_refused() {
    let mut needs = needs();
    needs["purpose"] = json!("fun");
    let answer = recommend(&needs).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["errors"][0]["pointer"], "/purpose");
}
