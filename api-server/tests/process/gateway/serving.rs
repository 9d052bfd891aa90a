//! Taking usage, and handing it on.

use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::ground::{BATCH, Cluster, Ground, empty, event};
use crate::serving::client;

#[tokio::test]
async fn what_is_sent_to_the_gateway_arrives_in_the_ledger() {
    let ground = Ground::new();
    let _plane = ground.control_plane();
    let gateway = ground.gateway();
    gateway.ready().await;
    let answer = ground.send(&gateway, &json!([event("a", "1.5"), event("b", "2")])).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, json!({"accepted": 2, "duplicates": 0, "rejected": []}));
    let settled = |status: &Value| empty(status) && status["forwarding"]["waits_for"].is_null();
    let status = gateway.until("empty", settled).await;
    assert_eq!(status["account"], "acme");
    let ledger = ground.ledger().await;
    assert_eq!(
        ledger.into_iter().collect::<Vec<_>>(),
        [("a".into(), 1_500_000), ("b".into(), 2_000_000)]
    );
    for series in [
        "tenantry_gateway_events_total{outcome=\"accepted\"} 2",
        "tenantry_gateway_forwarded_events_total{outcome=\"taken\"} 2",
        "tenantry_gateway_held_events 0",
    ] {
        gateway.shows(series).await;
    }
}

/// One after the other, each form in which a CloudEvents SDK sends.
#[tokio::test]
async fn every_form_of_cloudevents_is_taken() {
    let ground = Ground::new();
    let _plane = ground.control_plane();
    let gateway = ground.gateway();
    gateway.ready().await;
    for (kind, body) in [
        ("application/cloudevents+json", event("one", "1")),
        (BATCH, json!([event("batch", "1")])),
        ("application/json", event("plain", "1")),
        ("application/json", json!([event("list", "1")])),
    ] {
        let answer = ground.send_as(&gateway, &ground.sender(), kind, &body).await;
        assert_eq!(answer.body["accepted"], 1, "{kind}: {}", answer.body);
    }
    let binary = client()
        .post(format!("{}/usage/events", gateway.url))
        .bearer_auth(ground.sender())
        .header("content-type", "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-id", "binary")
        .header("ce-source", "/core")
        .header("ce-type", "dev.tenantry.usage.query")
        .header("ce-region", "a%20b")
        .body(json!({"quantity": "1"}).to_string());
    // Without a time, which the gateway adds.
    assert_eq!(binary.send().await.unwrap().status(), StatusCode::OK);
    gateway.until("empty", empty).await;
    let ids: Vec<String> = ground.ledger().await.into_keys().collect();
    assert_eq!(ids, ["batch", "binary", "list", "one", "plain"]);
}

/// The same event, sent to both, counts once: what is forwarded says exactly the same.
#[tokio::test]
async fn an_event_means_the_same_by_either_way() {
    let ground = Ground::new();
    let plane = ground.control_plane();
    let gateway = ground.gateway();
    gateway.ready().await;
    let mut odd = event("odd", "12.500000");
    let time = odd["time"].as_str().unwrap();
    odd["time"] = json!(time.replace('Z', ".123456789z").replace('T', "t"));
    odd["subject"] = json!("acme");
    odd["traceparent"] = json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    odd["region"] = json!("é \"quoted\" \\ / \u{1f600}");
    odd["count"] = json!(-7);
    odd["flag"] = json!(true);
    odd["nothing"] = Value::Null;
    let batch = json!([odd]);
    assert_eq!(ground.send(&gateway, &batch).await.body["accepted"], 1);
    gateway.until("empty", empty).await;
    // Straight to the control plane, under the gateway's own token.
    let token = std::fs::read_to_string(ground.path("token")).unwrap();
    let straight = ground.send_as(&plane, token.trim(), BATCH, &batch).await;
    assert_eq!(straight.body, json!({"accepted": 0, "duplicates": 1, "rejected": []}));
    assert_eq!(gateway.status().await["refused"]["events"], 0);
}

#[tokio::test]
async fn each_event_has_its_outcome_and_atomic_is_all_or_none() {
    let ground = Ground::new();
    let _plane = ground.control_plane();
    let gateway = ground.gateway();
    gateway.ready().await;
    let mixed = json!([event("a", "1"), event("b", "-1"), 7, event("a", "2")]);
    let answer = ground.send(&gateway, &mixed).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS);
    let codes: Vec<&str> = answer.body["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert_eq!((answer.body["accepted"].as_u64(), codes.len()), (Some(1), 3));
    assert!(codes.contains(&"negative_quantity") && codes.contains(&"conflict"), "{codes:?}");
    let atomic = client()
        .post(format!("{}/usage/events?atomic=true", gateway.url))
        .bearer_auth(ground.sender())
        .header("content-type", BATCH)
        .body(json!([event("c", "1"), event("d", "x")]).to_string());
    assert_eq!(atomic.send().await.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
    gateway.until("empty", empty).await;
    assert_eq!(ground.ledger().await.into_keys().collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn only_the_namespaces_own_workloads_are_believed() {
    let ground = Ground::new();
    let plane = ground.control_plane();
    let gateway = ground.gateway();
    gateway.ready().await;
    let now = Timestamp::now();
    let body = json!([event("a", "1")]);
    let stranger = Cluster::new("k1");
    let own_token = std::fs::read_to_string(ground.path("token")).unwrap();
    for (what, token) in [
        ("another namespace", ground.cluster.token("tenant-globex", "core", "tenantry-usage", now)),
        ("another audience", own_token.trim().to_owned()),
        ("another key", stranger.token("tenant-acme", "core", "tenantry-usage", now)),
        (
            "expired",
            ground.cluster.token(
                "tenant-acme",
                "core",
                "tenantry-usage",
                now - jiff::SignedDuration::from_hours(2),
            ),
        ),
        ("nothing", "x".to_owned()),
    ] {
        let answer = ground.send_as(&gateway, &token, BATCH, &body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::UNAUTHORIZED, "unauthenticated"),
            "{what}"
        );
    }
    let neighbour = ground.cluster.token("tenant-acme", "any-other", "tenantry-usage", now);
    assert_eq!(ground.send_as(&gateway, &neighbour, BATCH, &body).await.body["accepted"], 1);
    // The control plane takes the gateway's own token from no other ServiceAccount, and a workload
    // that is bound to nothing gets nowhere there.
    for (account, audience) in [("core", "tenantry-gateway"), ("core", "tenantry-usage")] {
        let token = ground.cluster.token("tenant-acme", account, audience, now);
        let answer = ground.send_as(&plane, &token, BATCH, &body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{account} {audience}");
    }
}

#[tokio::test]
async fn what_the_ledger_refuses_is_shown_and_blocks_nothing() {
    let ground = Ground::new();
    let plane = ground.control_plane();
    let gateway = ground.gateway();
    gateway.ready().await;
    let token = std::fs::read_to_string(ground.path("token")).unwrap();
    ground.send_as(&plane, token.trim(), BATCH, &json!([event("taken", "1")])).await;
    // Alone it is a 422, among others a 207.
    ground.send(&gateway, &json!([event("taken", "2")])).await;
    gateway.until("empty", empty).await;
    ground.send(&gateway, &json!([event("x", "1"), event("taken", "3"), event("y", "1")])).await;
    let status = gateway.until("empty", empty).await;
    assert_eq!(status["refused"]["events"], 2);
    let latest = &status["refused"]["latest"];
    assert_eq!((&latest[0]["id"], &latest[0]["code"]), (&json!("taken"), &json!("conflict")));
    let ledger: Vec<_> = ground.ledger().await.into_iter().collect();
    assert_eq!(
        ledger,
        [("taken".into(), 1_000_000), ("x".into(), 1_000_000), ("y".into(), 1_000_000)]
    );
    gateway.shows("tenantry_gateway_forwarded_events_total{outcome=\"refused\"} 2").await;
}

#[tokio::test]
async fn a_spool_that_is_full_says_so_and_keeps_what_it_took() {
    let ground = Ground::new();
    let mut plane = ground.control_plane();
    let gateway = ground.gateway_with(&["--spool-limit", "4000"], &[]);
    gateway.ready().await;
    plane.kill();
    let mut held = 0;
    let refused = loop {
        let answer = ground.send(&gateway, &json!([event(&format!("e-{held:02}"), "1")])).await;
        if answer.status != StatusCode::OK {
            break answer;
        }
        held += 1;
    };
    assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "spool-full"));
    assert!(refused.retry_after.is_some() && held > 3, "{held}");
    let status = gateway.status().await;
    assert_eq!(status["held"]["events"], held);
    let _plane = ground.control_plane();
    gateway.until("empty", empty).await;
    assert_eq!(ground.ledger().await.len(), held);
    assert_eq!(ground.send(&gateway, &json!([event("later", "1")])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_gateway_that_knows_nobody_yet_asks_its_senders_to_wait() {
    let ground = Ground::new();
    let gateway = ground.gateway();
    let answer = ground.send(&gateway, &json!([event("a", "1")])).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::SERVICE_UNAVAILABLE, "not-ready"));
    let status = gateway.status().await;
    assert_eq!(status["takes_nothing_because"], "the account is not known yet");
    let ready = client().get(format!("{}/readyz", gateway.health)).send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let alive = client().get(format!("{}/healthz", gateway.health)).send().await.unwrap();
    assert_eq!(alive.status(), StatusCode::OK);
}
