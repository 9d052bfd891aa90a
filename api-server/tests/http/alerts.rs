//! What happened to levels, listed.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Answer, Api, customer, manager, token};

/// acme crossed soft, then hard; globex crossed both at once, and a correction took both back.
async fn told() -> Api {
    let api = Api::new().await;
    api.set_clock("2026-11-20T10:00:00Z");
    for account in ["acme", "globex"] {
        api.agree(account, "starter", "2026-01-01T00:00:00Z").await;
    }
    api.use_up("acme", &[("a", "agents", "2026-11-20T09:00:00Z", "8000")]).await;
    api.set_clock("2026-11-20T11:00:00Z");
    api.use_up("globex", &[("g", "agents", "2026-11-20T09:00:00Z", "9700")]).await;
    api.set_clock("2026-11-20T12:00:00Z");
    api.use_up("acme", &[("b", "agents", "2026-11-20T09:30:00Z", "1500")]).await;
    api.set_clock("2026-11-23T12:00:00Z");
    let void = json!({"account": "globex", "id": "c", "row": 1, "change": "void", "reason": "r", "reference": "T"});
    let corrector = token(api_server::auth::Audience::Billing, "billing:correct", None, None);
    let done = api
        .post("/billing/corrections", Some(&corrector), "application/json", void.to_string())
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    api
}

/// `account kind level` of each alert.
fn shown(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let answer = answer.json();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let row = |row: &Value| {
        let kind = text(row, "kind").replace("threshold_", "");
        format!("{} {kind} {}", text(row, "account"), text(row, "level"))
    };
    answer["data"].as_array().unwrap().iter().map(row).collect()
}

async fn list(api: &Api, query: &str) -> Vec<String> {
    shown(&api.get(&format!("/billing/usage/alerts?{query}"), Some(&manager())).await)
}

#[tokio::test]
async fn alerts_are_listed_by_time_with_the_figures_of_then() {
    let api = told().await;
    let answer = api.get("/billing/usage/alerts", Some(&manager())).await;
    assert_eq!(
        shown(&answer),
        [
            "acme reached soft",
            "globex reached hard",
            "globex reached soft",
            "acme reached hard",
            "globex recovered hard",
            "globex recovered soft"
        ]
    );
    assert_eq!(
        answer.json()["data"][0],
        json!({"account": "acme", "meter": "agents", "unit": "runs", "kind": "threshold_reached",
            "level": "soft", "percent": 80, "arming": 1, "period": "2026-11-01T00:00:00Z",
            "used": "8000", "quota": "10000", "row": 1, "at": "2026-11-20T10:00:00Z"})
    );
    assert_eq!(answer.json()["meta"]["page"]["next"], Value::Null);
    let newest = list(&api, "sort=at%20desc&page[size]=1").await;
    assert_eq!(newest, ["globex recovered soft"]);
}

#[tokio::test]
async fn alerts_are_filtered_by_account_level_kind_meter_and_time() {
    let api = told().await;
    for (query, expected) in [
        ("filter[account][eq]=acme", vec!["acme reached soft", "acme reached hard"]),
        ("filter[account][eq]=nobody", vec![]),
        (
            "filter[level][eq]=hard&filter[kind][eq]=threshold_reached",
            vec!["globex reached hard", "acme reached hard"],
        ),
        (
            "filter[kind][eq]=threshold_recovered",
            vec!["globex recovered hard", "globex recovered soft"],
        ),
        ("filter[meter][eq]=query", vec![]),
        (
            "filter[at][gte]=2026-11-20T12:00:00Z&filter[at][lt]=2026-11-23T12:00:00Z",
            vec!["acme reached hard"],
        ),
        ("filter[at][lt]=2026-11-20T11:00:00Z", vec!["acme reached soft"]),
    ] {
        assert_eq!(list(&api, query).await, expected, "{query}");
    }
    for (query, parameter) in [
        ("filter[level][eq]=loud", "filter[level][eq]"),
        ("filter[kind][eq]=reached", "filter[kind][eq]"),
        ("filter[meter][eq]=cpu", "filter[meter][eq]"),
        ("filter[account][eq]=%20", "filter[account][eq]"),
        ("filter[at][gte]=now", "filter[at][gte]"),
        ("filter[since][gte]=now", "filter[since][gte]"),
        ("sort=level", "sort"),
        ("page[after]=x", "page[after]"),
    ] {
        let answer = api.get(&format!("/billing/usage/alerts?{query}"), Some(&manager())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], parameter, "{query}");
    }
}

#[tokio::test]
async fn pages_hold_each_alert_once_in_either_order() {
    let api = told().await;
    for order in ["asc", "desc"] {
        let all = list(&api, &format!("sort=at%20{order}")).await;
        let mut seen = Vec::new();
        let mut path = format!("/billing/usage/alerts?page[size]=2&sort=at%20{order}");
        loop {
            let answer = api.get(&path, Some(&manager())).await;
            seen.extend(shown(&answer));
            let Some(next) = answer.json()["meta"]["page"]["next"].as_str().map(str::to_owned)
            else {
                break;
            };
            path = next;
        }
        assert_eq!(seen, all);
        assert_eq!(seen.len(), 6);
    }
}

#[tokio::test]
async fn a_customer_lists_their_own_and_nobody_elses() {
    let api = told().await;
    let own = api.get("/billing/usage/globex/alerts?page[size]=3", Some(&customer("globex"))).await;
    assert_eq!(
        shown(&own),
        ["globex reached hard", "globex reached soft", "globex recovered hard"]
    );
    let next = own.json()["meta"]["page"]["next"].as_str().unwrap().to_owned();
    assert_eq!(shown(&api.get(&next, Some(&customer("globex"))).await), ["globex recovered soft"]);
    // A cursor of one account's list is none of another's.
    let stolen = next.replace("globex", "acme");
    let answer = api.get(&stolen, Some(&customer("acme"))).await;
    assert_eq!(answer.json()["errors"][0]["code"], "bad_cursor", "{}", answer.text);
    let others = api.get("/billing/usage/acme/alerts", Some(&customer("globex"))).await;
    assert_eq!(others.status, StatusCode::NOT_FOUND);
    let all = api.get("/billing/usage/alerts", Some(&customer("globex"))).await;
    assert_eq!(all.status, StatusCode::FORBIDDEN);
    let filter =
        api.get("/billing/usage/acme/alerts?filter[account][eq]=globex", Some(&manager())).await;
    assert_eq!(filter.status, StatusCode::BAD_REQUEST);
}
