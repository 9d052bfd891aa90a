//! What gateways ask of the control plane.

use api_server::auth::Audience;
use api_server::ledger::drains::Drain;
use api_server::store::gateways::{self, Heartbeat};
use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::api::{Answer, Api, now};
use super::cluster::{GATEWAY, projected};

fn token(tenant: &str) -> String {
    projected(tenant, GATEWAY, &[Audience::Gateway])
}

fn beat() -> Value {
    json!({"version": "0.1.0", "held_events": 3, "held_bytes": 900, "oldest": "2026-11-23T11:59:00Z",
        "refused": 1, "sealed": false})
}

async fn send(api: &Api, tenant: &str, body: &Value) -> Answer {
    api.post("/gateway/heartbeat", Some(&token(tenant)), "application/json", body.to_string()).await
}

async fn last(api: &Api, account: &str) -> Option<Heartbeat> {
    let mut session = api.ledger.store().read().await.unwrap();
    gateways::last(&mut session, &account.parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_heartbeat_is_kept_and_hears_whose_gateway_it_is() {
    let api = Api::new().await;
    let answer = send(&api, "acme", &beat()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json(), json!({"account": "acme", "drain": false, "now": now().to_string()}));
    let kept = last(&api, "acme").await.unwrap();
    assert_eq!((kept.held_events, kept.held_bytes, kept.refused, kept.sealed), (3, 900, 1, false));
    assert_eq!(kept.oldest, Some("2026-11-23T11:59:00Z".parse().unwrap()));
    assert_eq!(last(&api, "globex").await, None);
}

#[tokio::test]
async fn a_gateway_is_told_to_drain_for_its_own_account_alone() {
    let api = Api::new().await;
    let drain_for = async |tenant| {
        let told = send(&api, tenant, &beat()).await.json();
        assert_eq!(told["drain"], json!(told["drain_for"].is_string()));
        told["drain_for"].clone()
    };
    let acme = "acme".parse().unwrap();
    assert_eq!(drain_for("acme").await, Value::Null);
    let drain = api.ledger.drain(None, &acme, "u-1").await.unwrap();
    assert_eq!(drain, Drain { sealed: false, held: 3 });
    assert_eq!((drain_for("acme").await, drain_for("globex").await), (json!("u-1"), Value::Null));
    // Taken back for another's removal it stays, for its own it ends.
    for (uid, still) in [("u-0", json!("u-1")), ("u-1", Value::Null)] {
        let work = api.ledger.transact(None, move |session, _| {
            Box::pin(async move { gateways::undrain(session, &"acme".parse().unwrap(), uid).await })
        });
        work.await.unwrap();
        assert_eq!(drain_for("acme").await, still);
    }
}

/// Whoever is told that nothing can be held must be right, whatever arrives at the same moment.
#[tokio::test]
async fn a_gateway_never_heard_of_holds_nothing_and_drains_from_its_first_word_on() {
    let api = Api::new().await;
    let acme = "acme".parse().unwrap();
    for _ in 0..2 {
        let drain = api.ledger.drain(None, &acme, "u-1").await.unwrap();
        assert!(drain.is_over(), "{drain:?}");
    }
    assert_eq!(send(&api, "acme", &beat()).await.json()["drain_for"], "u-1");
    let drain = api.ledger.drain(None, &acme, "u-1").await.unwrap();
    assert_eq!(drain, Drain { sealed: false, held: 3 });
}

#[tokio::test]
async fn only_what_was_sealed_for_this_removal_and_is_empty_may_go() {
    let api = Api::new().await;
    let acme = "acme".parse().unwrap();
    for (sealed_for, held, told) in [
        (None, 0, Drain { sealed: false, held: 0 }),
        // An account that an earlier tenant had, and the spool that it left.
        (Some("u-0"), 0, Drain { sealed: false, held: 0 }),
        (Some("u-1"), 3, Drain { sealed: true, held: 3 }),
        (Some("u-1"), 0, Drain { sealed: true, held: 0 }),
    ] {
        let mut body = beat();
        body["held_events"] = json!(held);
        if let Some(uid) = sealed_for {
            (body["sealed"], body["sealed_for"]) = (json!(true), json!(uid));
        }
        assert_eq!(send(&api, "acme", &body).await.status, StatusCode::OK);
        assert_eq!(api.ledger.drain(None, &acme, "u-1").await.unwrap(), told);
        assert_eq!(told.is_over(), held == 0 && sealed_for == Some("u-1"));
    }
}

#[tokio::test]
async fn what_a_heartbeat_cannot_say_is_refused() {
    let api = Api::new().await;
    for (name, value, status, at) in [
        ("version", json!(""), 422, "/version"),
        ("version", json!("a b"), 422, "/version"),
        ("version", json!("x".repeat(65)), 422, "/version"),
        ("sealed_for", json!(""), 422, "/sealed_for"),
        ("sealed_for", json!("x".repeat(65)), 422, "/sealed_for"),
        ("held_events", json!(u64::MAX), 422, "/held_events"),
        ("refused", json!(-1), 400, "/refused"),
        ("held_bytes", json!("900"), 400, "/held_bytes"),
        ("oldest", json!("yesterday"), 400, "/oldest"),
        ("drained", json!(true), 400, "/drained"),
    ] {
        let mut body = beat();
        body[name] = value;
        let answer = send(&api, "acme", &body).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], at, "{name}");
    }
    assert_eq!(last(&api, "acme").await, None);
}

/// Thousands of gateways must not keep the writer busy, and whoever waits must not wait.
#[test]
fn only_news_is_stored() {
    let last = Heartbeat {
        at: now(),
        version: "1".to_owned(),
        held_events: 5,
        held_bytes: 100,
        oldest: None,
        refused: 0,
        sealed: false,
        sealed_for: None,
    };
    let after =
        |seconds| Heartbeat { at: now() + SignedDuration::from_secs(seconds), ..last.clone() };
    assert!(!after(60).is_news_after(&last));
    assert!(!Heartbeat { held_events: 9, held_bytes: 1, ..after(60) }.is_news_after(&last));
    assert!(after(300).is_news_after(&last) && after(-300).is_news_after(&last));
    for news in [
        Heartbeat { held_events: 0, ..after(1) },
        Heartbeat { refused: 1, ..after(1) },
        Heartbeat { sealed: true, ..after(1) },
        Heartbeat { version: "2".to_owned(), ..after(1) },
    ] {
        assert!(news.is_news_after(&last), "{news:?}");
        // What is sealed is waited for: every word of it counts.
        assert_eq!(news.clone().is_news_after(&news), news.sealed);
    }
}

#[tokio::test]
async fn a_gateway_is_given_the_public_keys_of_its_cluster() {
    let api = Api::new().await;
    let answer = api.get("/gateway/keys", Some(&token("acme"))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/jwk-set+json");
    let keys = answer.json()["keys"].clone();
    assert_eq!((keys[0]["kid"].as_str(), keys.as_array().unwrap().len()), (Some("k1"), 1));
    assert!(keys[0].get("d").is_none());
}

#[tokio::test]
async fn a_gateways_token_sends_its_own_accounts_usage_and_reads_nothing() {
    let api = Api::new().await;
    let event = json!({"specversion": "1.0", "id": "e-1", "source": "/core", "type": "dev.tenantry.usage.query",
        "time": "2026-11-22T23:50:16Z", "data": {"quantity": "1"}});
    let send = async |event: &Value| {
        let kind = "application/cloudevents+json";
        api.post("/usage/events", Some(&token("acme")), kind, event.to_string()).await
    };
    assert_eq!(send(&event).await.json()["accepted"], 1);
    let mut other = event.clone();
    other["subject"] = json!("globex");
    assert_eq!(send(&other).await.json()["errors"][0]["code"], "subject_mismatch");
    let core = projected("acme", "core", &[Audience::Gateway]);
    let refused =
        api.post("/gateway/heartbeat", Some(&core), "application/json", beat().to_string());
    assert_eq!(refused.await.status, StatusCode::UNAUTHORIZED);
}
