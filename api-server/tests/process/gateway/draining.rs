//! The end of a tenant: nothing new, what is left is handed over, and the control plane knows.

use std::path::Path;

use api_server::ledger::drains::Drain;
use api_server::ledger::{Ledger, Settings};
use api_server::store::gateways;
use reqwest::StatusCode;
use serde_json::json;

use super::ground::{BOUND, Ground, Running, empty, event};

/// What a tenant's deletion does, and its end. No server may be working on the ledger.
async fn drain(ground: &Ground, uid: Option<&'static str>) {
    let folder = ground.path("billing");
    let ledger = Ledger::open(Path::new(&folder), Settings::default()).await.unwrap();
    let acme = "acme".parse().unwrap();
    match uid {
        Some(uid) => drop(ledger.drain(None, &acme, uid).await.unwrap()),
        None => {
            let work = ledger.transact(None, |session, _| {
                let acme = "acme".parse().unwrap();
                Box::pin(async move { gateways::undrain(session, &acme, "u-2").await })
            });
            work.await.unwrap();
        }
    }
    ledger.close().await;
}

/// What the ledger has heard of it, for the removal of `uid`.
async fn drained(ground: &Ground, uid: &str) -> Drain {
    let store = api_server::store::Store::attach(Path::new(&ground.path("billing"))).unwrap();
    let mut session = store.read().await.unwrap();
    let last = gateways::last(&mut session, &"acme".parse().unwrap()).await.unwrap();
    drop(session);
    store.close().await;
    Drain::by(last.as_ref(), uid)
}

async fn until_drained(ground: &Ground, uid: &str) {
    let patience = tokio::time::Instant::now() + BOUND;
    loop {
        let told = drained(ground, uid).await;
        if told.is_over() {
            return;
        }
        assert!(tokio::time::Instant::now() < patience, "never drained: {told:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn refuses(ground: &Ground, gateway: &Running) {
    let answer = ground.send(gateway, &json!([event("late", "1")])).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::SERVICE_UNAVAILABLE, "sealed"));
    assert!(answer.retry_after.is_some());
}

#[tokio::test]
async fn ten_thousand_events_arrive_once_before_it_is_said_to_be_empty() {
    const EVENTS: usize = 10_000;
    let ground = Ground::new();
    let mut plane = ground.control_plane();
    let mut gateway = ground.gateway();
    gateway.ready().await;
    plane.kill();
    let ids: Vec<String> = (0..EVENTS).map(|n| format!("e-{n}")).collect();
    for some in ids.chunks(1_000) {
        let events: Vec<_> = some.iter().map(|id| event(id, "1")).collect();
        let answer = ground.send(&gateway, &json!(events)).await;
        assert_eq!((answer.status, &answer.body["accepted"]), (StatusCode::OK, &json!(1_000)));
    }
    // The tenant is deleted while all of them wait and nobody is told of it.
    gateway.kill();
    drain(&ground, Some("u-1")).await;
    let gateway = ground.gateway();
    assert_eq!(gateway.status().await["held"]["events"], EVENTS);
    assert!(!drained(&ground, "u-1").await.is_over());
    let mut plane = ground.control_plane();
    // It is killed in the middle, and what the gateway heard until then holds.
    gateway.until("some arrived", |s| s["held"]["events"].as_u64() < Some(EVENTS as u64)).await;
    plane.kill();
    let _plane = ground.control_plane();
    until_drained(&ground, "u-1").await;
    let status = gateway.status().await;
    assert!(status["sealed"] == true && empty(&status), "{status:#}");
    refuses(&ground, &gateway).await;
    let ledger = ground.ledger().await;
    assert_eq!(ledger.len(), EVENTS);
    assert!(ids.iter().all(|id| ledger.get(id) == Some(&1_000_000)));
}

#[tokio::test]
async fn it_stays_sealed_through_its_end_and_says_anew_for_whom() {
    let ground = Ground::new();
    let mut plane = ground.control_plane();
    let mut gateway = ground.gateway();
    gateway.ready().await;
    plane.kill();
    ground.send(&gateway, &json!([event("a", "1"), event("b", "1")])).await;
    gateway.kill();
    drain(&ground, Some("u-1")).await;
    let mut plane = ground.control_plane();
    let mut gateway = ground.gateway();
    until_drained(&ground, "u-1").await;
    // Nobody is there to tell it again.
    plane.kill();
    gateway.kill();
    let mut gateway = ground.gateway();
    gateway.ready().await;
    refuses(&ground, &gateway).await;
    assert_eq!(ground.ledger().await.into_keys().collect::<Vec<_>>(), ["a", "b"]);

    // The account's next tenant is deleted: what was sealed for the first says nothing of this one.
    drain(&ground, Some("u-2")).await;
    assert_eq!(drained(&ground, "u-2").await, Drain { sealed: false, held: 0 });
    gateway.kill();
    let mut plane = ground.control_plane();
    let mut gateway = ground.gateway();
    until_drained(&ground, "u-2").await;

    // A third one adopts what was left.
    plane.kill();
    drain(&ground, None).await;
    gateway.kill();
    let _plane = ground.control_plane();
    let gateway = ground.gateway();
    gateway.until("open", |status| status["sealed"] == false).await;
    assert_eq!(ground.send(&gateway, &json!([event("c", "1")])).await.status, StatusCode::OK);
    gateway.until("empty", empty).await;
    assert_eq!(ground.ledger().await.len(), 3);
}
