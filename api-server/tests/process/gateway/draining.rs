//! The end of a tenant: nothing new, what is left is handed over, and the control plane knows.

use std::path::Path;

use api_server::ledger::{Ledger, Settings};
use api_server::store::gateways::{self, Heartbeat};
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::json;

use super::ground::{Ground, empty, event};

/// What a tenant's deletion will do, and taking it back. No server may be working on the ledger.
async fn drain(ground: &Ground, since: Option<Timestamp>) {
    let folder = ground.path("billing");
    let ledger = Ledger::open(Path::new(&folder), Settings::default()).await.unwrap();
    let work = ledger.transact(None, move |session, _| {
        Box::pin(async move { gateways::drain(session, &"acme".parse().unwrap(), since).await })
    });
    work.await.unwrap();
    ledger.close().await;
}

async fn last(ground: &Ground) -> Option<Heartbeat> {
    let store = api_server::store::Store::attach(Path::new(&ground.path("billing"))).unwrap();
    let mut session = store.read().await.unwrap();
    let last = gateways::last(&mut session, &"acme".parse().unwrap()).await.unwrap();
    drop(session);
    store.close().await;
    last
}

#[tokio::test]
async fn told_to_drain_it_seals_hands_over_and_says_so() {
    let ground = Ground::new();
    let mut plane = ground.control_plane();
    let mut gateway = ground.gateway();
    gateway.ready().await;
    plane.kill();
    ground.send(&gateway, &json!([event("a", "1"), event("b", "1")])).await;
    gateway.kill();
    drain(&ground, Some(Timestamp::now())).await;
    let mut plane = ground.control_plane();
    let gateway = ground.gateway();
    gateway.until("sealed and empty", |s| s["sealed"] == true && empty(s)).await;
    let answer = ground.send(&gateway, &json!([event("c", "1")])).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::SERVICE_UNAVAILABLE, "sealed"));
    assert!(answer.retry_after.is_some());
    loop {
        let beat = last(&ground).await;
        if beat.is_some_and(|beat| beat.sealed && beat.held_events == 0) {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(ground.ledger().await.into_keys().collect::<Vec<_>>(), ["a", "b"]);

    // The deletion was taken back.
    plane.kill();
    drain(&ground, None).await;
    let _plane = ground.control_plane();
    gateway.until("open", |status| status["sealed"] == false).await;
    assert_eq!(ground.send(&gateway, &json!([event("c", "1")])).await.status, StatusCode::OK);
    gateway.until("empty", empty).await;
    assert_eq!(ground.ledger().await.len(), 3);
}
