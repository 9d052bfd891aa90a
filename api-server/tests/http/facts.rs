//! What people state of an account, and what support reports.

use api_server::auth::Audience;
use api_server::store::facts;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Answer, Api, sender, token};

fn all() -> Value {
    json!({
        "stage": "live", "go_live_date": "2026-11-01",
        "departments": {"active": 2, "planned": 5},
        "criteria": {"met": 1, "due": 3}, "error_budget_used": "0.35", "days_overdue": 12,
        "open_incidents": {"sev1": 2, "sev2": 1, "sev1_past_sla": 1},
    })
}

async fn put(api: &Api, account: &str, token: &str, body: &Value) -> Answer {
    let request = Request::put(format!("/accounts/{account}/facts"))
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    api.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn state(api: &Api, body: &Value) -> Answer {
    put(api, "acme", &token(Audience::Billing, "success:write", None, None), body).await
}

async fn versions(api: &Api) -> i64 {
    let mut session = api.ledger.store().read().await.unwrap();
    let newest = facts::get(&mut session, &"acme".parse().unwrap(), None).await.unwrap();
    newest.map_or(0, |version| version.n)
}

#[tokio::test]
async fn facts_are_kept_in_versions_with_who_and_when() {
    let api = Api::new().await;
    let answer = state(&api, &all()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let first =
        json!({"version": 1, "stated_at": "2026-11-23T12:00:00Z", "by": "ada", "facts": all()});
    assert_eq!(answer.json(), first);
    assert_eq!(state(&api, &all()).await.json(), first, "the same again is no new version");
    let mut other = all();
    other["days_overdue"] = json!(0);
    let second = state(&api, &other).await.json();
    assert_eq!((&second["version"], &second["facts"]), (&json!(2), &other));
}

#[tokio::test]
async fn what_is_left_out_is_not_known_and_replaces_what_was() {
    let api = Api::new().await;
    state(&api, &all()).await;
    let answer = state(&api, &json!({"criteria": {"met": 0, "due": 0}})).await.json();
    let nothing = json!({
        "stage": null, "go_live_date": null, "departments": null,
        "criteria": {"met": 0, "due": 0}, "error_budget_used": null, "days_overdue": null,
        "open_incidents": null,
    });
    assert_eq!(answer["facts"], nothing);
    let unplanned = json!({"departments": {"active": 3, "planned": null}});
    let answer = state(&api, &unplanned).await.json();
    assert_eq!(answer["facts"]["departments"], unplanned["departments"]);
}

#[tokio::test]
async fn facts_that_cannot_be_are_named_together_and_nothing_is_kept() {
    let api = Api::new().await;
    for (name, value, status, pointer) in [
        ("go_live_date", json!("soon"), 422, "/go_live_date"),
        ("error_budget_used", json!("-0.1"), 422, "/error_budget_used"),
        ("error_budget_used", json!("1000.1"), 422, "/error_budget_used"),
        ("error_budget_used", json!("x"), 422, "/error_budget_used"),
        ("error_budget_used", json!(0.35), 400, "/error_budget_used"),
        ("days_overdue", json!(36_501), 422, "/days_overdue"),
        ("days_overdue", json!(-1), 400, "/days_overdue"),
        ("departments", json!({"active": 2, "planned": 0}), 422, "/departments/planned"),
        ("departments", json!({"active": 70_000}), 400, "/departments/active"),
        ("criteria", json!({"met": 4, "due": 3}), 422, "/criteria/met"),
        ("criteria", json!({"met": 4}), 400, "/criteria/due"),
        (
            "open_incidents",
            json!({"sev1": 1, "sev2": 0, "sev1_past_sla": 2}),
            422,
            "/open_incidents/sev1_past_sla",
        ),
        ("open_incidents", json!({"sev1": 0, "sev2": 36_501}), 422, "/open_incidents/sev2"),
        ("stage", json!("dead"), 400, "/stage"),
        ("mood", json!("good"), 400, "/mood"),
    ] {
        let mut body = all();
        body[name] = value.clone();
        let answer = state(&api, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{name} {value}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{name} {value}");
    }
    let both = json!({"go_live_date": "x", "days_overdue": 40_000});
    assert_eq!(state(&api, &both).await.json()["errors"].as_array().unwrap().len(), 2);
    assert_eq!(versions(&api).await, 0);
}

#[tokio::test]
async fn facts_need_their_scope_and_an_account() {
    let api = Api::new().await;
    let manager = token(Audience::Billing, "billing:read", Some("CustomerSuccessManager"), None);
    for (token, status) in [(sender(), 401), (manager, 403)] {
        assert_eq!(put(&api, "acme", &token, &all()).await.status.as_u16(), status);
    }
    let good = token(Audience::Billing, "success:write", None, None);
    for account in ["initech", "-", "a%20b"] {
        assert_eq!(put(&api, account, &good, &all()).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(versions(&api).await, 0);
}

fn interaction() -> Value {
    json!({"account": "acme", "source": "helpdesk", "id": "T-17", "sla_hours": 8,
        "opened_at": "2026-11-20T08:00:00Z", "answered_at": "2026-11-20T16:00:00Z"})
}

fn with(name: &str, value: Value) -> Value {
    let mut body = interaction();
    body[name] = value;
    body
}

async fn record(api: &Api, body: &Value) -> Answer {
    let token = token(Audience::Billing, "support:write", None, None);
    let path = "/support/interactions";
    api.post(path, Some(&token), "application/json", body.to_string()).await
}

async fn recorded(api: &Api, body: &Value) -> Value {
    let answer = record(api, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

fn counted(met: u32, missed: u32) -> Value {
    json!({"days": 90, "met": met, "missed": missed})
}

#[tokio::test]
async fn an_answer_is_met_to_the_last_instant_of_what_was_promised() {
    let api = Api::new().await;
    let first = recorded(&api, &interaction()).await;
    assert_eq!(
        first,
        json!({"duplicate": false, "sla_hours": 8, "met": true, "support_response_sla_hours": counted(1, 0)})
    );
    let mut late = with("id", json!("T-18"));
    late["answered_at"] = json!("2026-11-20T16:00:00.001Z");
    let late = recorded(&api, &late).await;
    assert_eq!(
        (&late["met"], &late["support_response_sla_hours"]),
        (&json!(false), &counted(1, 1))
    );
}

#[tokio::test]
async fn an_answer_counts_once_and_another_under_its_name_is_refused() {
    let api = Api::new().await;
    recorded(&api, &interaction()).await;
    let again = recorded(&api, &interaction()).await;
    assert_eq!(
        (&again["duplicate"], &again["support_response_sla_hours"]),
        (&json!(true), &counted(1, 0))
    );
    for other in [with("answered_at", json!("2026-11-20T09:00:00Z")), with("sla_hours", json!(4))] {
        let answer = record(&api, &other).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::CONFLICT, "conflict"));
    }
    let elsewhere = with("account", json!("globex"));
    assert_eq!(recorded(&api, &elsewhere).await["support_response_sla_hours"], counted(1, 0));
}

#[tokio::test]
async fn the_plan_in_force_says_what_was_promised() {
    let api = Api::new().await;
    let unsaid = with("sla_hours", Value::Null);
    let refused = record(&api, &unsaid).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.json()["errors"][0]["pointer"], "/sla_hours");
    let planner = token(Audience::Billing, "billing:plan", None, None);
    let body = json!({"plan": "scale"}).to_string();
    api.post("/accounts/acme/plan", Some(&planner), "application/json", body).await;
    // The question is older than the first plan: that one's promise holds.
    let answer = recorded(&api, &unsaid).await;
    assert_eq!((&answer["sla_hours"], &answer["met"]), (&json!(2), &json!(false)));
}

#[tokio::test]
async fn questions_of_more_than_90_days_ago_count_no_more() {
    let api = Api::new().await;
    let mut old = with("opened_at", json!("2026-08-25T12:00:00Z"));
    old["answered_at"] = json!("2026-08-26T12:00:00Z");
    assert_eq!(recorded(&api, &old).await["support_response_sla_hours"], counted(0, 0));
    old["id"] = json!("T-18");
    old["opened_at"] = json!("2026-08-25T12:00:00.001Z");
    assert_eq!(recorded(&api, &old).await["support_response_sla_hours"], counted(0, 1));
}

#[tokio::test]
async fn answers_that_cannot_be_are_named() {
    let api = Api::new().await;
    for (name, value, status, pointer) in [
        ("account", json!("a/b"), 422, "/account"),
        ("source", json!(""), 422, "/source"),
        ("id", json!("x".repeat(257)), 422, "/id"),
        ("id", json!("a\nb"), 422, "/id"),
        ("opened_at", json!("yesterday"), 422, "/opened_at"),
        ("answered_at", json!("2026-11-20T07:59:59Z"), 422, "/answered_at"),
        ("answered_at", json!("2026-11-23T12:05:01Z"), 422, "/answered_at"),
        ("sla_hours", json!(0), 422, "/sla_hours"),
        ("sla_hours", json!(721), 422, "/sla_hours"),
        ("sla_hours", json!("8"), 400, "/sla_hours"),
        ("mood", json!("good"), 400, "/mood"),
    ] {
        let answer = record(&api, &with(name, value.clone())).await;
        assert_eq!(answer.status.as_u16(), status, "{name} {value}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{name} {value}");
    }
    assert_eq!(
        record(&api, &with("account", json!("initech"))).await.status,
        StatusCode::NOT_FOUND
    );
    let sent = sender();
    let body = interaction().to_string();
    let answer = api.post("/support/interactions", Some(&sent), "application/json", body).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(recorded(&api, &interaction()).await["support_response_sla_hours"], counted(1, 0));
}
