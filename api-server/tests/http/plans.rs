//! The price list and the business case.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Api, rates};

#[tokio::test]
async fn the_price_list_has_every_plan_on_sale_the_cheapest_first() {
    let list = Api::new().await.get("/billing/plans", None).await;
    assert_eq!(list.status, StatusCode::OK);
    let list = list.json();
    assert_eq!(list["at"], "2026-11-23T12:00:00Z");
    let plans = list["plans"].as_array().unwrap();
    let keys: Vec<&str> = plans.iter().map(|plan| plan["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["starter", "team", "scale"]);
    let team = &plans[1];
    assert_eq!(team["base"], json!({"amount": "899.00", "currency": "USD"}));
    assert_eq!((&team["version"], &team["support_hours"]), (&json!(1), &json!(8)));
    let ingestion = team["meters"]
        .as_array()
        .unwrap()
        .iter()
        .find(|meter| meter["name"] == "ingestion")
        .unwrap();
    assert_eq!((&ingestion["included"], &ingestion["unit"]), (&json!("500"), &json!("GB")));
    assert_eq!(ingestion["price"]["kind"], "flat");
}

#[tokio::test]
async fn before_the_first_version_nothing_is_on_sale() {
    let list = Api::new().await.get("/billing/plans?at=2025-12-31T23:59:59Z", None).await.json();
    assert_eq!(list["plans"], json!([]));
    assert_eq!(list["at"], "2025-12-31T23:59:59Z");
}

#[tokio::test]
async fn an_instant_that_is_none_or_an_unknown_parameter_is_named() {
    let api = Api::new().await;
    for (query, parameter, code) in [
        ("at=yesterday", "at", "invalid_value"),
        ("at=2026-13-01T00:00:00Z", "at", "invalid_value"),
        ("at=2026-05-01", "at", "invalid_value"),
        ("at=", "at", "invalid_value"),
        ("when=now", "when", "unknown_parameter"),
        ("at=2026-05-01T00:00:00Z&at=2026-05-01T00:00:00Z", "at", "given_twice"),
    ] {
        let answer = api.get(&format!("/billing/plans?{query}"), None).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        let error = &answer.json()["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!(parameter), &json!(code)),
            "{query}"
        );
    }
}

/// The worked example: 12 people who save 4 hours a week.
fn case() -> Value {
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    json!({
        "departments": [{"people": 12, "hours_per_week": {"low": "3", "base": "4", "high": "5"}, "weeks_per_year": 46}],
        "salary": usd("52000.00"), "burden": "0.30", "productive_hours": 1800, "risk": "0.15",
        "subscription": usd("18000.00"), "run_cost": usd("3000.00"), "one_off": usd("12000.00"),
    })
}

async fn roi(api: &Api, body: &Value) -> super::api::Answer {
    api.post("/roi", None, "application/json", body.to_string()).await
}

#[tokio::test]
async fn a_case_is_worked_out() {
    let answer = roi(&Api::new().await, &case()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let answer = answer.json();
    assert_eq!(answer["annual_net"]["base"], json!({"amount": "28338.99", "currency": "USD"}));
    assert_eq!(answer["payback_months"]["base"], "5.1");
    assert_eq!(answer["npv"]["base"]["amount"], "58474.87");
    assert_eq!(answer["hours"]["base"], "2208");
    assert!(answer["roi"]["base"].as_str().unwrap().starts_with("0.91"));
}

#[tokio::test]
async fn the_first_year_can_have_half_the_benefit() {
    let mut case = case();
    case["ramp"] = json!(["0.5"]);
    let answer = roi(&Api::new().await, &case).await.json();
    assert_eq!(answer["npv"]["base"]["amount"], "36048.05");
}

#[tokio::test]
async fn every_assumption_outside_its_limits_is_named_at_once() {
    let mut bad = case();
    bad["burden"] = json!("2.5");
    bad["risk"] = json!("x");
    bad["departments"][0]["hours_per_week"]["low"] = json!("1e3");
    bad["one_off"]["currency"] = json!("XXQ");
    let answer = roi(&Api::new().await, &bad).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "invalid-values")
    );
    let errors = answer.json()["errors"].clone();
    let pointers: Vec<&str> =
        errors.as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    for pointer in ["/risk", "/departments/0/hours_per_week/low", "/one_off/currency"] {
        assert!(pointers.contains(&pointer), "{pointer} in {pointers:?}");
    }
}

#[tokio::test]
async fn limits_and_currencies_are_held() {
    let api = Api::new().await;
    for (pointer, value, blamed) in [
        ("/burden", json!("2.5"), "/burden"),
        ("/burden", json!("-0.1"), "/burden"),
        ("/burden", json!("0.00001"), "/burden"),
        ("/departments", json!([]), "/departments"),
        ("/departments/0/people", json!(0), "/departments/0/people"),
        ("/departments/0/people", json!(50_001), "/departments/0/people"),
        ("/departments/0/weeks_per_year", json!(53), "/departments/0/weeks_per_year"),
        ("/departments/0/hours_per_week/base", json!("81"), "/departments/0/hours_per_week/base"),
        ("/departments/0/hours_per_week/low", json!("6"), "/departments/0/hours_per_week/low"),
        ("/productive_hours", json!(999), "/productive_hours"),
        ("/run_cost/currency", json!("EUR"), "/run_cost/currency"),
        ("/run_cost/currency", json!("usd"), "/run_cost/currency"),
        ("/salary/amount", json!("0"), "/salary/amount"),
        ("/salary/amount", json!("52000.001"), "/salary/amount"),
        ("/salary/amount", json!(""), "/salary/amount"),
        ("/salary/amount", json!("99999999999999999999"), "/salary/amount"),
    ] {
        let mut bad = case();
        *bad.pointer_mut(pointer).unwrap() = value.clone();
        let answer = roi(&api, &bad).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{pointer} {value}: {}",
            answer.text
        );
        let errors = answer.json()["errors"].clone();
        let blames = errors.as_array().unwrap().iter().any(|error| error["pointer"] == blamed);
        assert!(blames, "{pointer} {value}: {errors}");
    }
}

#[tokio::test]
async fn amounts_as_numbers_and_fields_that_are_not_known_are_refused() {
    let api = Api::new().await;
    let mut number = case();
    number["salary"]["amount"] = json!(52_000);
    let answer = roi(&api, &number).await;
    assert_eq!(
        (answer.status, &answer.json()["errors"][0]["pointer"]),
        (StatusCode::BAD_REQUEST, &json!("/salary/amount"))
    );
    let mut unknown = case();
    unknown["tenantId"] = json!("acme");
    let answer = roi(&api, &unknown).await;
    assert_eq!(
        (answer.status, &answer.json()["errors"][0]["code"]),
        (StatusCode::BAD_REQUEST, &json!("unknown_field"))
    );
}

#[tokio::test]
async fn answers_say_what_is_left_of_the_budget_and_429_when_to_come_back() {
    let api = Api::with_rates(rates(2)).await;
    let first = api.get("/billing/plans", None).await;
    assert_eq!(first.headers["ratelimit-policy"], "\"public\";q=2;w=1");
    assert_eq!(first.headers["ratelimit"], "\"public\";r=1;t=1");
    let mut last = first;
    // Slower than the budget refills, no loop would end; the router answers far faster.
    while last.status == StatusCode::OK {
        last = api.get("/billing/plans", None).await;
    }
    assert_eq!(
        (last.status, last.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "rate-limited")
    );
    assert_eq!(last.headers["retry-after"], "1");
    assert!(last.headers["ratelimit"].to_str().unwrap().starts_with("\"public\";r=0;t="));
}

#[tokio::test]
async fn one_budget_used_up_leaves_the_others() {
    let api = Api::with_rates(rates(1)).await;
    while api.get("/billing/plans", None).await.status == StatusCode::OK {}
    let batch = "application/cloudevents-batch+json";
    let sent = api.post("/usage/events", Some(&super::api::sender()), batch, "[]").await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.text);
}
