//! Kills, restarts, a disk that is full: what was acknowledged arrives, once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::ground::{BOUND, Ground, Running, empty, event};
use crate::serving::client;
use crate::small::Small;

#[tokio::test]
async fn it_stops_when_told_and_goes_on_where_it_was() {
    let ground = Ground::new();
    let mut plane = ground.control_plane();
    let mut gateway = ground.gateway();
    gateway.ready().await;
    plane.kill();
    ground.send(&gateway, &json!([event("a", "1")])).await;
    assert!(gateway.terminate());
    // Neither keys nor account can be asked for, and both are known.
    let gateway = ground.gateway();
    gateway.ready().await;
    assert_eq!(ground.send(&gateway, &json!([event("b", "1")])).await.status, StatusCode::OK);
    assert_eq!(gateway.status().await["held"]["events"], 2);
    let _plane = ground.control_plane();
    gateway.until("empty", empty).await;
    assert_eq!(ground.ledger().await.into_keys().collect::<Vec<_>>(), ["a", "b"]);
}

/// What clients and the killer share.
struct Shared {
    urls: Mutex<String>,
    stop: AtomicBool,
    answers: watch::Sender<usize>,
    acknowledged: Mutex<BTreeMap<String, i64>>,
    sent: AtomicUsize,
}

/// Sends small batches, each until it is acknowledged, and every fourth again.
async fn sender(shared: Arc<Shared>, ground: Arc<Ground>, number: usize) {
    let mut next = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        let batch: Vec<(String, i64)> = (0..3)
            .map(|n| (format!("{number}-{next}-{n}"), (number * 1000 + next + n) as i64))
            .collect();
        let events: Vec<_> =
            batch.iter().map(|(id, units)| event(id, &units.to_string())).collect();
        shared.sent.fetch_add(batch.len(), Ordering::Relaxed);
        let body = json!(events).to_string();
        let repeats = if next % 4 == 0 { 2 } else { 1 };
        for _ in 0..repeats {
            loop {
                let url = shared.urls.lock().unwrap().clone();
                let request = client()
                    .post(format!("{url}/usage/events"))
                    .bearer_auth(ground.sender())
                    .header("content-type", super::ground::BATCH)
                    .body(body.clone());
                let good =
                    request.send().await.is_ok_and(|answer| answer.status() == StatusCode::OK);
                if good {
                    break;
                }
                if shared.stop.load(Ordering::Relaxed) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
        shared.acknowledged.lock().unwrap().extend(batch);
        shared.answers.send_modify(|answers| *answers += 1);
        next += 1;
    }
}

const KILLS: usize = 20;
const SENDERS: usize = 6;

/// Gateway and control plane are killed in turn, at every phase of taking and forwarding.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_loses_and_doubles_nothing() {
    let ground = Arc::new(Ground::new());
    let mut plane = ground.control_plane();
    let mut gateway = ground.gateway();
    gateway.ready().await;
    let shared = Arc::new(Shared {
        urls: Mutex::new(gateway.url.clone()),
        stop: AtomicBool::new(false),
        answers: watch::channel(0).0,
        acknowledged: Mutex::default(),
        sent: AtomicUsize::new(0),
    });
    let senders: Vec<_> =
        (0..SENDERS).map(|n| tokio::spawn(sender(shared.clone(), ground.clone(), n))).collect();
    for kill in 0..KILLS {
        let goal = *shared.answers.borrow() + (kill * 7) % 23;
        shared.answers.subscribe().wait_for(|answers| *answers >= goal).await.unwrap();
        if kill % 3 == 2 {
            plane.kill();
            plane = ground.control_plane();
        } else {
            gateway.kill();
            gateway = ground.gateway();
            *shared.urls.lock().unwrap() = gateway.url.clone();
        }
    }
    let goal = *shared.answers.borrow() + SENDERS;
    shared.answers.subscribe().wait_for(|answers| *answers >= goal).await.unwrap();
    shared.stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    let status = gateway.until("empty", empty).await;
    assert_eq!(status["refused"]["events"], 0, "{status:#}");
    let ledger = ground.ledger().await;
    let acknowledged = shared.acknowledged.lock().unwrap().clone();
    for (id, units) in &acknowledged {
        assert_eq!(ledger.get(id), Some(&(units * 1_000_000)), "{id} was acknowledged");
    }
    assert!(ledger.len() <= shared.sent.load(Ordering::Relaxed));
    assert!(acknowledged.len() > KILLS * 3, "only {} were acknowledged", acknowledged.len());
    println!("{KILLS} kills, {} acknowledged, {} in the ledger", acknowledged.len(), ledger.len());
    drop(plane);
}

#[tokio::test]
async fn on_a_full_disk_it_refuses_keeps_what_it_took_and_hands_it_over() {
    let disk = tempfile::tempdir().unwrap();
    let Some(_small) = Small::mount(disk.path(), "16m") else { return };
    let ground = Ground::new();
    let mut plane = ground.control_plane();
    let spool = disk.path().join("spool").display().to_string();
    let gateway = ground.gateway_with(&["--spool", &spool], &[]);
    gateway.ready().await;
    plane.kill();
    let held = filled(&ground, &gateway).await;
    assert!(held.len() > 100, "{}", held.len());
    // Nobody makes room but the events that leave.
    let _plane = ground.control_plane();
    gateway.until("empty", empty).await;
    let ledger = ground.ledger().await;
    for id in &held {
        assert!(ledger.contains_key(id), "{id} was acknowledged");
    }
    take_again(&ground, &gateway).await;
}

/// Sends until the disk is full, and it says so; answers what was acknowledged.
async fn filled(ground: &Ground, gateway: &Running) -> Vec<String> {
    let filler = "x".repeat(200);
    let patience = Instant::now() + BOUND;
    let mut held = Vec::new();
    for n in 0.. {
        let batch: Vec<_> = (0..50)
            .map(|m| {
                let mut event = event(&format!("e-{n}-{m}"), "1");
                event["filler"] = json!(filler);
                event
            })
            .collect();
        let answer = ground.send(gateway, &json!(batch)).await;
        if answer.status == StatusCode::OK {
            held.extend(batch.iter().map(|event| event["id"].as_str().unwrap().to_owned()));
        } else {
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
            // A second later a little may fit again: who was refused sees it, unless all stood still meanwhile.
            if gateway.status().await["takes_nothing_because"].is_string() {
                break;
            }
        }
        assert!(Instant::now() < patience, "never full, with {} events", held.len());
    }
    held
}

/// As soon as there is room.
async fn take_again(ground: &Ground, gateway: &Running) {
    let patience = Instant::now() + BOUND;
    loop {
        let answer = ground.send(gateway, &json!([event("later", "1")])).await;
        if answer.status == StatusCode::OK {
            return;
        }
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
        assert!(Instant::now() < patience, "never open: {}", answer.body);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
