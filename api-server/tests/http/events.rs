//! Usage in: forms, outcomes, statuses, and whose it becomes.

use api_server::auth::Audience;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Answer, Api, sender, token};

pub const ONE: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

pub fn event(id: &str, quantity: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/core", "type": "dev.tenantry.usage.ingestion",
        "subject": "acme", "time": "2026-11-22T23:50:16Z", "data": {"quantity": quantity}})
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut event = event("e-1", "1");
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[name] = value;
    event
}

pub async fn send(api: &Api, media_type: &str, body: &Value) -> Answer {
    api.post("/usage/events", Some(&sender()), media_type, body.to_string()).await
}

#[tokio::test]
async fn one_event_is_taken_and_has_a_row() {
    let answer = send(&Api::new().await, ONE, &event("e-1", "12.5")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(
        answer.json(),
        json!({"accepted": 1, "duplicates": 0, "rejected": [], "ledger": {"from": 1, "to": 1}})
    );
}

#[tokio::test]
async fn the_same_event_again_is_a_success_and_no_row() {
    let api = Api::new().await;
    send(&api, ONE, &event("e-1", "12.5")).await;
    let again = send(&api, ONE, &event("e-1", "12.50")).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(again.json(), json!({"accepted": 0, "duplicates": 1, "rejected": []}));
}

#[tokio::test]
async fn another_event_under_the_same_name_is_a_conflict() {
    let api = Api::new().await;
    send(&api, ONE, &event("e-1", "12.5")).await;
    let alone = send(&api, ONE, &event("e-1", "13")).await;
    assert_eq!(
        (alone.status, alone.code().as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "no-event-taken")
    );
    assert_eq!(alone.json()["errors"][0]["code"], "conflict");
    let mixed = send(&api, BATCH, &json!([event("e-2", "1"), event("e-1", "13")])).await;
    assert_eq!(mixed.status, StatusCode::MULTI_STATUS);
    let rejected = &mixed.json()["rejected"][0];
    assert_eq!(
        (&rejected["index"], &rejected["id"], &rejected["code"]),
        (&json!(1), &json!("e-1"), &json!("conflict"))
    );
    assert_eq!(rejected["first_seen_at"], "2026-11-23T12:00:00Z");
}

#[tokio::test]
async fn a_batch_has_an_outcome_for_each_event() {
    let api = Api::new().await;
    let batch = json!([event("a", "1"), event("a", "1"), event("b", "-1"), event("c", "2"), 7]);
    let answer = send(&api, BATCH, &batch).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS, "{}", answer.text);
    let taken = answer.json();
    assert_eq!((&taken["accepted"], &taken["duplicates"]), (&json!(2), &json!(1)));
    assert_eq!(taken["ledger"], json!({"from": 1, "to": 2}));
    let rejected = taken["rejected"].as_array().unwrap();
    assert_eq!(
        rejected.iter().map(|one| one["index"].as_u64().unwrap()).collect::<Vec<_>>(),
        [2, 4]
    );
    assert_eq!(rejected[0]["errors"][0]["pointer"], "/data/quantity");
    assert_eq!(rejected[0]["code"], "negative_quantity");
}

#[tokio::test]
async fn an_atomic_batch_with_one_bad_event_leaves_nothing() {
    let api = Api::new().await;
    send(&api, ONE, &event("old", "1")).await;
    let atomic = async |batch: Value| {
        api.post("/usage/events?atomic=true", Some(&sender()), BATCH, batch.to_string()).await
    };
    let unreadable = atomic(json!([event("a", "1"), event("b", "-1")])).await;
    assert_eq!(unreadable.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(unreadable.json()["errors"][0]["pointer"], "/1/data/quantity");
    let conflicting = atomic(json!([event("a", "1"), event("old", "2")])).await;
    assert_eq!(conflicting.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", conflicting.text);
    let codes: Vec<String> = conflicting.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes, ["not_applied", "conflict"]);
    let good = atomic(json!([event("a", "1"), event("old", "1")])).await;
    assert_eq!(
        good.json(),
        json!({"accepted": 1, "duplicates": 1, "rejected": [], "ledger": {"from": 2, "to": 2}})
    );
}

#[tokio::test]
async fn atomic_is_true_or_false() {
    let api = Api::new().await;
    for (query, status) in [
        ("atomic=false", 200),
        ("atomic=1", 400),
        ("atomic=", 400),
        ("Atomic=true", 400),
        ("atomic=true&atomic=true", 400),
    ] {
        let answer =
            api.post(&format!("/usage/events?{query}"), Some(&sender()), BATCH, "[]").await;
        assert_eq!(answer.status.as_u16(), status, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn plain_json_may_be_one_or_many() {
    let api = Api::new().await;
    assert_eq!(send(&api, "application/json", &event("a", "1")).await.json()["accepted"], 1);
    assert_eq!(
        send(&api, "application/json", &json!([event("b", "1"), event("c", "1")])).await.json()["accepted"],
        2
    );
    let padded = format!(" \n\t{}", json!([event("d", "1")]));
    assert_eq!(
        api.post("/usage/events", Some(&sender()), "application/json", padded).await.json()["accepted"],
        1
    );
}

#[tokio::test]
async fn one_where_many_belong_and_the_other_way_round_is_refused() {
    let api = Api::new().await;
    let many = send(&api, ONE, &json!([event("a", "1")])).await;
    assert_eq!(
        (many.status, &many.json()["errors"][0]["code"]),
        (StatusCode::BAD_REQUEST, &json!("not_an_object"))
    );
    let one = send(&api, BATCH, &event("a", "1")).await;
    assert_eq!(
        (one.status, &one.json()["errors"][0]["code"]),
        (StatusCode::BAD_REQUEST, &json!("not_an_array"))
    );
}

#[tokio::test]
async fn other_media_types_are_415() {
    let api = Api::new().await;
    for media_type in [
        "text/plain",
        "application/xml",
        "application/cloudevents",
        "application/cloudevents+xml",
        "application/cloudevents+json; charset=utf-16",
    ] {
        let answer = send(&api, media_type, &event("a", "1")).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{media_type}");
        assert!(answer.headers["accept"].to_str().unwrap().contains(BATCH));
    }
    assert_eq!(
        send(&api, "application/cloudevents+json; charset=UTF-8", &event("a", "1")).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_event_that_is_wrong_is_refused_where_it_is_wrong() {
    let api = Api::new().await;
    for (bad, pointer, code) in [
        (changed("/specversion", json!("0.3")), "/0/specversion", "unknown_specversion"),
        (changed("/id", json!("")), "/0/id", "empty"),
        (changed("/id", json!(7)), "/0/id", "wrong_type"),
        (changed("/id", json!("x".repeat(257))), "/0/id", "too_long"),
        (changed("/type", json!("dev.tenantry.usage.tea")), "/0/type", "unknown_type"),
        (changed("/type", json!("dev.tenantry.usage.correction")), "/0/type", "unknown_type"),
        (changed("/subject", json!("globex")), "/0/subject", "subject_mismatch"),
        (changed("/time", json!("yesterday")), "/0/time", "bad_time"),
        (changed("/time", json!("2026-12-24T00:00:00Z")), "/0/time", "time_in_future"),
        (changed("/time", json!("2020-01-01T00:00:00Z")), "/0/time", "time_too_old"),
        (changed("/data/quantity", json!("-0.000001")), "/0/data/quantity", "negative_quantity"),
        (changed("/data/quantity", json!("1e3")), "/0/data/quantity", "bad_quantity"),
        (changed("/data/quantity", json!("0.0000001")), "/0/data/quantity", "bad_quantity"),
        (changed("/data/quantity", json!(1.5)), "/0/data/quantity", "float_quantity"),
        (
            changed("/data/quantity", json!("1000000000.000001")),
            "/0/data/quantity",
            "quantity_too_large",
        ),
    ] {
        let answer = send(&api, ONE, &bad).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{pointer} {code}: {}",
            answer.text
        );
        let error = answer.json()["errors"][0].clone();
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)));
        assert!(!error["detail"].as_str().unwrap().is_empty());
    }
    let next = send(&api, ONE, &event("e-1", "1")).await;
    assert_eq!(next.json()["ledger"]["from"], 1, "nothing of the refused was written");
}

#[tokio::test]
async fn bodies_that_are_no_events_are_refused_whole() {
    let api = Api::new().await;
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    for (body, status) in [
        (String::new(), 400),
        ("{".to_owned(), 400),
        ("null".to_owned(), 400),
        (deep, 400),
        (r#"[{"id":"a","id":"b"}]"#.to_owned(), 400),
        (json!(vec![event("a", "1"); 1001]).to_string(), 413),
        (format!("[\"{}\"]", "x".repeat(5 << 20)), 413),
    ] {
        let answer = api.post("/usage/events", Some(&sender()), BATCH, body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn a_thousand_events_go_in_one_request() {
    let api = Api::new().await;
    let batch: Vec<Value> = (0..1000).map(|n| event(&format!("e-{n}"), "0.000001")).collect();
    let answer = send(&api, BATCH, &json!(batch)).await;
    assert_eq!(answer.json()["ledger"], json!({"from": 1, "to": 1000}), "{}", answer.text);
}

#[tokio::test]
async fn whose_usage_it_is_comes_from_the_token() {
    let api = Api::new().await;
    let mut nobodys = event("e-1", "1");
    nobodys.as_object_mut().unwrap().remove("subject");
    for account in ["acme", "globex"] {
        let token = token(Audience::Usage, "usage:write", None, Some(account));
        let answer = api.post("/usage/events", Some(&token), ONE, nobodys.to_string()).await;
        // The same source and id, and yet no duplicate: each account has its own first row.
        assert_eq!(answer.json()["ledger"], json!({"from": 1, "to": 1}), "{account}");
    }
    let unknown = token(Audience::Usage, "usage:write", None, Some("initech"));
    let answer = api.post("/usage/events", Some(&unknown), ONE, nobodys.to_string()).await;
    assert_eq!(answer.json()["errors"][0]["code"], "unknown_account", "{}", answer.text);
}

#[tokio::test]
async fn reading_or_billing_tokens_send_nothing() {
    let api = Api::new().await;
    for (token, status) in [
        (token(Audience::Usage, "usage:read", None, Some("acme")), 403),
        (token(Audience::Usage, "usage:write", None, None), 403),
        (
            token(
                Audience::Billing,
                "usage:write billing:read",
                Some("CustomerSuccessManager"),
                Some("acme"),
            ),
            401,
        ),
        (token(Audience::Gateway, "usage:write", None, Some("acme")), 401),
        ("rubbish".to_owned(), 401),
    ] {
        let answer =
            api.post("/usage/events", Some(&token), ONE, event("e-1", "1").to_string()).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    }
    let none = api.post("/usage/events", None, ONE, event("e-1", "1").to_string()).await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED);
}

/// An empty request is taken: there was nothing to refuse.
#[tokio::test]
async fn an_empty_batch_is_a_success() {
    let answer = send(&Api::new().await, BATCH, &json!([])).await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::OK, json!({"accepted": 0, "duplicates": 0, "rejected": []}))
    );
}

#[tokio::test]
async fn a_closed_ledger_is_503_and_acknowledges_nothing() {
    let api = Api::new().await;
    api.ledger.close().await;
    let answer = send(&api, ONE, &event("e-1", "1")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
    assert_eq!(answer.headers["retry-after"], "1");
}
