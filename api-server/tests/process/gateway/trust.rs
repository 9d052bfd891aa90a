//! Keys, tokens, clocks: what a gateway believes, and for how long.

use std::path::PathBuf;

use api_server::gateway::routes::OPERATIONS;
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::ground::{BATCH, Cluster, Ground, empty, event};
use crate::serving::client;

/// Keys that were had `hours` ago, as a gateway that was away so long would find them.
fn aged(ground: &Ground, hours: i64) {
    let file: PathBuf = ground.folder.path().join("spool/keys.json");
    let mut copy: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let fetched = Timestamp::now() - SignedDuration::from_hours(hours);
    copy["fetched_at"] = json!(fetched.to_string());
    std::fs::write(&file, copy.to_string()).unwrap();
}

/// A ground whose gateway has reached the control plane once; now both are down.
async fn once_reached() -> Ground {
    let ground = Ground::new();
    let _plane = ground.control_plane();
    let mut gateway = ground.gateway();
    gateway.ready().await;
    assert!(gateway.terminate());
    ground
}

#[tokio::test]
async fn without_the_control_plane_keys_are_good_for_a_week() {
    let ground = once_reached().await;
    for (hours, taken) in [(7 * 24 - 1, true), (7 * 24 + 1, false), (-2, false)] {
        aged(&ground, hours);
        let mut gateway = ground.gateway();
        let answer = ground.send(&gateway, &json!([event(&format!("e{hours}"), "1")])).await;
        assert_eq!(answer.status == StatusCode::OK, taken, "{hours} h: {}", answer.body);
        if !taken {
            assert_eq!((answer.status.as_u16(), answer.code()), (503, "not-ready"), "{hours} h");
        }
        gateway.kill();
    }
}

#[tokio::test]
async fn a_kept_key_set_of_another_issuer_or_none_at_all_is_not_believed() {
    let ground = once_reached().await;
    let file = ground.folder.path().join("spool/keys.json");
    let good = std::fs::read_to_string(&file).unwrap();
    for bad in
        [good.replace("kubernetes.default", "elsewhere"), "{}".to_owned(), good[..40].to_owned()]
    {
        std::fs::write(&file, &bad).unwrap();
        let gateway = ground.gateway();
        let answer = ground.send(&gateway, &json!([event("a", "1")])).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (503, "not-ready"), "{bad}");
    }
}

/// The cluster makes a new key; the control plane hears of it, and the gateway from it, at once.
#[tokio::test]
async fn a_new_key_of_the_cluster_is_known_when_it_is_first_used() {
    let mut ground = Ground::new();
    let new = Cluster::new("k2");
    let old = ground.cluster.jwk.clone();
    ground.write("jwks.json", &new.keys(&[&old]));
    let _plane = ground.control_plane();
    let gateway = ground.gateway();
    gateway.ready().await;
    ground.cluster = new;
    assert_eq!(ground.send(&gateway, &json!([event("a", "1")])).await.status, StatusCode::OK);
    // The kubelet replaces the gateway's own token as well; the next request carries it.
    ground.rotate(Timestamp::now());
    ground.send(&gateway, &json!([event("b", "1")])).await;
    gateway.until("empty", empty).await;
    assert_eq!(ground.ledger().await.len(), 2);
}

#[tokio::test]
async fn a_gateway_that_is_not_bound_waits_says_why_and_loses_nothing() {
    let ground = once_reached().await;
    let token = ground.cluster.token(
        "tenant-globex",
        "tenantry-gateway",
        "tenantry-gateway",
        Timestamp::now(),
    );
    let gateway = ground.gateway();
    ground.write("token", &token);
    let _plane = ground.control_plane();
    assert_eq!(ground.send(&gateway, &json!([event("a", "1")])).await.status, StatusCode::OK);
    let status = gateway.until("refused", |status| {
        status["control_plane"]["failing"].as_str().is_some_and(|why| why.contains("401"))
            && status["forwarding"]["waits_for"].is_string()
    });
    assert_eq!(status.await["held"]["events"], 1);
    assert!(ground.ledger().await.is_empty());
    ground.rotate(Timestamp::now());
    gateway.until("empty", empty).await;
    assert_eq!(ground.ledger().await.len(), 1);
}

/// The namespace was deleted and made anew: a token that a former pod kept is of its former life.
#[tokio::test]
async fn a_token_from_before_the_tenant_is_refused_though_its_hour_is_not_over() {
    let ground = Ground::new();
    let _plane = ground.control_plane();
    let now = Timestamp::now();
    let gateway = ground.gateway_with(&["--senders-since", &now.to_string()], &[]);
    gateway.ready().await;
    let former = now - SignedDuration::from_mins(10);
    let former = ground.cluster.token("tenant-acme", "core", "tenantry-usage", former);
    let events = json!([event("former", "1")]);
    let answer = ground.send_as(&gateway, &former, BATCH, &events).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.body);
    let today = ground.cluster.token("tenant-acme", "core", "tenantry-usage", now);
    let answer = ground.send_as(&gateway, &today, BATCH, &json!([event("today", "1")])).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    gateway.until("empty", empty).await;
    assert_eq!(ground.ledger().await.into_keys().collect::<Vec<_>>(), ["today"]);
}

/// Else nobody could send until it was as late again, and for as long as the tokens of until then are good.
#[tokio::test]
async fn a_cluster_whose_clock_was_set_back_since_the_tenant_began_believes_its_senders() {
    let ground = Ground::new();
    let _plane = ground.control_plane();
    let now = Timestamp::now();
    let ahead = (now + SignedDuration::from_mins(30)).to_string();
    let gateway = ground.gateway_with(&["--senders-since", &ahead], &[]);
    gateway.ready().await;
    let today = ground.cluster.token("tenant-acme", "core", "tenantry-usage", now);
    let answer = ground.send_as(&gateway, &today, BATCH, &json!([event("today", "1")])).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    gateway.until("empty", empty).await;
    assert_eq!(ground.ledger().await.into_keys().collect::<Vec<_>>(), ["today"]);
}

/// Each operation, asked by everybody whom it is not for.
#[tokio::test]
async fn no_operation_is_for_strangers() {
    let ground = Ground::new();
    let _plane = ground.control_plane();
    let gateway = ground.gateway();
    gateway.ready().await;
    let before = gateway.until("account", |status| status["account"] == "acme").await;
    let of = |namespace, account, audience| {
        Some(ground.cluster.token(namespace, account, audience, Timestamp::now()))
    };
    let strangers = [
        ("nobody", None),
        ("a neighbour's service", of("tenant-globex", "core", "tenantry-usage")),
        ("a neighbour's gateway", of("tenant-globex", "tenantry-gateway", "tenantry-gateway")),
        ("a neighbour's backup", of("tenant-globex", "tenantry-backup", "tenantry-gateway")),
        ("an own token for another reader", of("tenant-acme", "core", "tenantry-billing")),
    ];
    for (method, path) in OPERATIONS {
        for (who, token) in &strangers {
            let url = format!("{}{}", gateway.url, path.replace("{id}", &"0".repeat(32)));
            let mut request = client()
                .request(method.parse().unwrap(), url)
                .header("content-type", BATCH)
                .body(json!([event("strange", "1")]).to_string());
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let status = request.send().await.unwrap().status();
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path} by {who}");
        }
    }
    // And who may send may not say for whom.
    let mut other = event("other", "1");
    other["subject"] = json!("globex");
    let answer = ground.send(&gateway, &json!([other])).await;
    assert_eq!(answer.body["errors"][0]["code"], "subject_mismatch", "{}", answer.body);
    let after = gateway.status().await;
    assert_eq!(
        (&before["held"]["events"], &before["backup"]),
        (&after["held"]["events"], &after["backup"])
    );
    assert!(ground.ledger().await.is_empty());
}

/// Bound to another account than the one that its spool was filled for.
#[tokio::test]
async fn what_was_taken_for_one_account_never_goes_to_another() {
    let mut ground = once_reached().await;
    let mut gateway = ground.gateway();
    ground.send(&gateway, &json!([event("a", "1")])).await;
    gateway.kill();
    ground.billing_of("globex");
    let _plane = ground.control_plane();
    let gateway = ground.gateway();
    let status = gateway.until("foreign", |status| {
        status["takes_nothing_because"].as_str().is_some_and(|why| why.contains("globex"))
    });
    assert_eq!(status.await["held"]["events"], 1);
    let answer = ground.send(&gateway, &json!([event("b", "1")])).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "not-ready"));
    assert!(ground.ledger().await.is_empty());
}

/// The sender's clock and the gateway's are what they are; the control plane's decides in the end,
/// and what it does not take is shown.
#[tokio::test]
async fn times_are_judged_twice_and_a_missing_one_is_the_gateways() {
    let ground = Ground::new();
    let _plane = ground.control_plane();
    let gateway = ground.gateway();
    gateway.ready().await;
    let at = |hours: i64| (Timestamp::now() + SignedDuration::from_hours(hours)).to_string();
    let mut ahead = event("ahead", "1");
    ahead["time"] = json!(at(23));
    let mut far = event("far", "1");
    far["time"] = json!(at(25));
    let mut old = event("old", "1");
    old["time"] = json!(at(-24 * 70));
    let mut none = event("none", "1");
    none.as_object_mut().unwrap().remove("time");
    let answer =
        ground.send_as(&gateway, &ground.sender(), BATCH, &json!([ahead, far, old, none])).await;
    let codes: Vec<_> =
        answer.body["rejected"].as_array().unwrap().iter().map(|r| r["code"].clone()).collect();
    assert_eq!(
        (answer.body["accepted"].as_u64(), codes),
        (Some(2), vec![json!("time_in_future"), json!("time_too_old")])
    );
    gateway.until("empty", empty).await;
    // A repeat, whenever it comes, is the same event.
    for _ in 0..2 {
        let again = ground.send(&gateway, &json!([none])).await;
        assert_eq!(again.status, StatusCode::OK);
        gateway.until("empty", empty).await;
    }
    let status = gateway.status().await;
    assert_eq!(status["refused"]["events"], 0, "{status:#}");
    assert!(status["control_plane"]["clock_ahead_ms"].as_i64().unwrap().abs() < 60_000);
    assert_eq!(ground.ledger().await.into_keys().collect::<Vec<_>>(), ["ahead", "none"]);
}

/// A namespace that was made anew under its name, of which somebody still holds tokens: who was bound is asked for by
/// uid, at the control plane, and whoever speaks there as the former gateway is nobody.
#[tokio::test]
async fn of_a_namespaces_former_life_the_ledger_believes_nothing() {
    let ground = Ground::new();
    ground.bind_sender();
    let plane = ground.control_plane();
    let mut gateway = ground.gateway();
    gateway.ready().await;
    let now = Timestamp::now();
    let former = |account: &str, audience: &str| {
        ground.cluster.token_of(("tenant-acme", account, "of-its-former-life"), audience, now)
    };
    let body = json!([event("former", "1")]);
    for (account, audience) in [
        ("core", "tenantry-usage"),
        ("tenantry-gateway", "tenantry-usage"),
        ("tenantry-gateway", "tenantry-gateway"),
    ] {
        let answer = ground.send_as(&plane, &former(account, audience), BATCH, &body).await;
        let told = (answer.status.as_u16(), answer.code());
        assert_eq!(told, (401, "unauthenticated"), "{account} {audience}");
    }
    // A gateway of its former life, with its volume and all that it holds.
    assert!(gateway.terminate());
    ground.write("token", &former("tenantry-gateway", "tenantry-gateway"));
    let gateway = ground.gateway();
    assert_eq!(ground.send(&gateway, &body).await.status, StatusCode::OK);
    let refused = |status: &Value| {
        status["control_plane"]["failing"].as_str().is_some_and(|why| why.contains("401"))
            && status["forwarding"]["waits_for"].is_string()
    };
    assert_eq!(gateway.until("refused", refused).await["held"]["events"], 1);
    assert!(ground.ledger().await.is_empty());
}
