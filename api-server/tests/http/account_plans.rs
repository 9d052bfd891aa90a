//! Changes of an account's plan.

use api_server::auth::Audience;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Answer, Api, sender, token};

async fn change(api: &Api, account: &str, body: Value) -> Answer {
    let token = token(Audience::Billing, "billing:plan", None, None);
    let path = format!("/accounts/{account}/plan");
    api.post(&path, Some(&token), "application/json", body.to_string()).await
}

async fn changed(api: &Api, body: Value) -> Value {
    let answer = change(api, "acme", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

fn usd(amount: &str) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

/// It is 2026-11-23T12:00Z: a quarter of acme's month, 7.5 of 30 days, is left.
#[tokio::test]
async fn the_first_plan_is_charged_for_what_is_left_of_the_period() {
    let api = Api::new().await;
    assert_eq!(
        changed(&api, json!({"plan": "starter"})).await,
        json!({
            "account": "acme", "status": "agreed", "plan": {"key": "starter", "version": 1},
            "from": null, "takes_effect": "now", "effective_at": "2026-11-23T12:00:00Z",
            "agreed_at": "2026-11-23T12:00:00Z", "by": "ada",
            "period_ends_at": "2026-12-01T00:00:00Z",
            "credit": usd("0.00"), "charge": usd("74.75"), "net": usd("74.75"),
        })
    );
}

#[tokio::test]
async fn an_upgrade_takes_effect_now_and_both_fees_are_prorated() {
    let api = Api::new().await;
    changed(&api, json!({"plan": "starter"})).await;
    let up = changed(&api, json!({"plan": "team"})).await;
    assert_eq!((&up["from"]["key"], &up["takes_effect"]), (&json!("starter"), &json!("now")));
    let cost = (&up["credit"], &up["charge"], &up["net"]);
    assert_eq!(cost, (&usd("74.75"), &usd("224.75"), &usd("150.00")));
}

#[tokio::test]
async fn a_downgrade_waits_for_the_end_of_the_period_and_can_be_taken_back() {
    let api = Api::new().await;
    changed(&api, json!({"plan": "team"})).await;
    let down = changed(&api, json!({"plan": "starter"})).await;
    assert_eq!(down["takes_effect"], "period_end");
    assert_eq!(down["effective_at"], "2026-12-01T00:00:00Z");
    assert_eq!((&down["from"]["key"], &down["net"]), (&json!("team"), &Value::Null));
    let back = changed(&api, json!({"plan": "team"})).await;
    assert_eq!((&back["status"], &back["takes_effect"]), (&json!("agreed"), &json!("now")));
    assert_eq!(back["net"], usd("0.00"));
}

#[tokio::test]
async fn the_same_again_changes_nothing_and_is_answered_alike() {
    let api = Api::new().await;
    changed(&api, json!({"plan": "starter"})).await;
    for wish in [json!({"plan": "team"}), json!({"plan": "starter", "version": 1})] {
        let mut first = changed(&api, wish.clone()).await;
        assert_eq!(first["status"], "agreed");
        first["status"] = json!("standing");
        for _ in 0..2 {
            assert_eq!(changed(&api, wish.clone()).await, first);
        }
    }
    assert_eq!(agreements(&api).await, 3);
}

async fn agreements(api: &Api) -> usize {
    let mut session = api.ledger.store().read().await.unwrap();
    let sql = "SELECT n FROM agreements WHERE account = 'acme'";
    session.rows(sql, Vec::new()).await.unwrap().len()
}

#[tokio::test]
async fn a_preview_says_what_would_happen_and_records_nothing() {
    let api = Api::new().await;
    let mut would = changed(&api, json!({"plan": "team", "preview": true})).await;
    assert_eq!(would["status"], "preview");
    assert_eq!(agreements(&api).await, 0);
    would["status"] = json!("agreed");
    assert_eq!(changed(&api, json!({"plan": "team"})).await, would);
    let standing = changed(&api, json!({"plan": "team", "preview": true})).await;
    assert_eq!(standing["status"], "standing");
}

#[tokio::test]
async fn the_quota_follows_the_plan_at_once() {
    let api = Api::new().await;
    changed(&api, json!({"plan": "starter"})).await;
    // A quarter of starter's 100,000 queries is included: 24,000 reach both levels.
    let event = json!({"specversion": "1.0", "id": "e", "source": "/core", "type": "dev.tenantry.usage.query",
        "time": "2026-11-23T12:00:00Z", "data": {"quantity": "24000"}});
    let sent =
        api.post("/usage/events", Some(&sender()), "application/json", event.to_string()).await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.text);
    changed(&api, json!({"plan": "team"})).await;
    let mut session = api.ledger.store().read().await.unwrap();
    let sql = "SELECT kind FROM alerts WHERE account = 'acme' ORDER BY kind, level";
    let rows = session.rows(sql, Vec::new()).await.unwrap();
    let kinds: Vec<&str> = rows.iter().map(|row| row.text(0).unwrap()).collect();
    let (reached, recovered) = ("threshold_reached", "threshold_recovered");
    assert_eq!(kinds, [reached, reached, recovered, recovered]);
}

#[tokio::test]
async fn what_cannot_be_agreed_is_named() {
    let api = Api::new().await;
    let first = change(&api, "acme", json!({"plan": "tema"})).await;
    assert_eq!(first.status, StatusCode::UNPROCESSABLE_ENTITY);
    let error = &first.json()["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/plan"), &json!("unknown_plan")));
    assert_eq!(
        error["detail"],
        "\"tema\" is not in the catalogue (starter, team, scale); the account is on no plan yet"
    );
    changed(&api, json!({"plan": "team"})).await;
    for body in [json!({"plan": ""}), json!({"plan": "team", "version": 9})] {
        let answer = change(&api, "acme", body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let detail = answer.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
        assert!(detail.ends_with("the account stays on \"team\""), "{detail}");
    }
    for body in [json!({}), json!({"plan": 1}), json!({"plan": "team", "version": -1})] {
        assert_eq!(change(&api, "acme", body).await.status, StatusCode::BAD_REQUEST);
    }
    for account in ["initech", "a%2Fb", "-"] {
        let answer = change(&api, account, json!({"plan": "team"})).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{account}");
    }
}

#[tokio::test]
async fn readers_and_senders_change_no_plan() {
    let api = Api::new().await;
    let reader = token(Audience::Billing, "billing:read", Some("CustomerSuccessManager"), None);
    let own = token(Audience::Billing, "billing:read:own", None, Some("acme"));
    for (token, status) in [(sender(), 401), (reader, 403), (own, 403)] {
        let body = json!({"plan": "scale"}).to_string();
        let path = "/accounts/acme/plan";
        let answer = api.post(path, Some(&token), "application/json", body).await;
        assert_eq!(answer.status.as_u16(), status);
    }
    assert_eq!(agreements(&api).await, 0);
}

#[tokio::test]
async fn a_subscription_ends_with_its_period_and_an_end_can_be_taken_back() {
    let api = Api::new().await;
    let none = change(&api, "acme", json!({"plan": null})).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(none.json()["errors"][0]["code"], "no_plan");
    changed(&api, json!({"plan": "team"})).await;
    let with_version = change(&api, "acme", json!({"plan": null, "version": 1})).await;
    assert_eq!(with_version.json()["errors"][0]["pointer"], "/version", "{}", with_version.text);
    let mut end = json!({
        "account": "acme", "status": "preview", "plan": null, "from": {"key": "team", "version": 1},
        "takes_effect": "period_end", "effective_at": "2026-12-01T00:00:00Z",
        "agreed_at": "2026-11-23T12:00:00Z", "by": "ada", "period_ends_at": "2026-12-01T00:00:00Z",
        "credit": null, "charge": null, "net": null,
    });
    assert_eq!(changed(&api, json!({"plan": null, "preview": true})).await, end);
    assert_eq!(agreements(&api).await, 1);
    for status in ["agreed", "standing"] {
        end["status"] = json!(status);
        assert_eq!(changed(&api, json!({"plan": null})).await, end);
    }
    assert_eq!(agreements(&api).await, 2);
    let back = changed(&api, json!({"plan": "team"})).await;
    assert_eq!((&back["status"], &back["net"]), (&json!("agreed"), &usd("0.00")));
    assert_eq!(agreements(&api).await, 3);
}
