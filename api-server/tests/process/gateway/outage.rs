//! The control plane is away for a day. The gateway's clock is the test's: waiting moves it on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api_server::auth::caller::Clock;
use api_server::domain::event::UsageEvent;
use api_server::domain::meter::Meter;
use api_server::gateway::Time;
use api_server::gateway::forward::{Forwarder, MOST_EVENTS};
use api_server::gateway::heartbeat::Told;
use api_server::gateway::pace::LONGEST;
use api_server::gateway::plane::ControlPlane;
use api_server::gateway::spool::{Fresh, Settings, Spool};
use jiff::{SignedDuration, Timestamp};
use telemetry::shutdown::Shutdown;
use tokio::sync::watch;

use super::ground::{Ground, Running};

const EVENTS: usize = 3 * MOST_EVENTS + 1;

/// What the day looks like: the clock, and what happens as it moves.
struct Day {
    now: Mutex<Timestamp>,
    began: Timestamp,
    waits: Mutex<Vec<Duration>>,
    plane: Mutex<Option<Running>>,
    ground: Ground,
}

impl Day {
    /// Waiting: the kubelet has a fresh token in place, and after a day the control plane is back.
    fn wait(&self, how_long: Duration) {
        self.waits.lock().unwrap().push(how_long);
        let mut now = self.now.lock().unwrap();
        *now += SignedDuration::try_from(how_long).unwrap();
        if now.duration_since(self.began) >= SignedDuration::from_hours(24) {
            let mut plane = self.plane.lock().unwrap();
            if plane.is_none() {
                self.ground.rotate(Timestamp::now());
                *plane = Some(self.ground.control_plane());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_day_without_the_control_plane_everything_arrives_once() {
    let began = Timestamp::now();
    let day = Arc::new(Day {
        now: Mutex::new(began),
        began,
        waits: Mutex::default(),
        plane: Mutex::default(),
        ground: Ground::new(),
    });
    // The token that the pod started with is long expired when the control plane is back.
    day.ground.rotate(began - SignedDuration::from_hours(2));
    let of = day.clone();
    let clock: Clock = Arc::new(move || *of.now.lock().unwrap());
    let of = day.clone();
    let sleep = Arc::new(move |how_long| {
        let of = of.clone();
        Box::pin(async move { of.wait(how_long) }) as futures::future::BoxFuture<'static, ()>
    });
    let time = Time { clock: clock.clone(), sleep };
    let settings = Settings { limit: 1 << 30, clock, probe_every: Duration::from_secs(1) };
    let folder = day.ground.folder.path().join("spool");
    let spool = Arc::new(Spool::open(&folder, settings).await.unwrap());
    let account = "acme".parse().unwrap();
    for batch in 0..EVENTS.div_ceil(500) {
        let events =
            (batch * 500..EVENTS.min(batch * 500 + 500)).map(|n| fresh(n, began)).collect();
        spool.take(&account, began, false, events).await.unwrap();
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("http://127.0.0.1:{}", day.ground.port);
    let token = day.ground.folder.path().join("token");
    let plane = Arc::new(ControlPlane::new(&url, None, &token).unwrap());
    // It was heard before it went away.
    let told =
        watch::Sender::new(Told { account: Some(account), at: Some(began), ..Told::default() });
    let meter = opentelemetry::global::meter("test");
    let forwarder = Forwarder::new(spool.clone(), plane, time, told.subscribe(), &meter);
    let mut report = forwarder.report();
    let stop = Shutdown::new();
    let mut running = tokio::spawn(forwarder.run(stop.clone()));
    let mut changes = spool.changes();
    while spool.state().await.unwrap().events > 0 {
        tokio::select! {
            changed = changes.changed() => changed.unwrap(),
            ended = &mut running => panic!("the forwarder ended before it was done: {ended:?}"),
        }
    }
    stop.cancel();
    running.await.unwrap();
    let waits = day.waits.lock().unwrap().clone();
    let longest = waits.iter().max().unwrap();
    // At the longest pace, half of which is chance: between one and two tries a minute.
    assert!(
        *longest <= LONGEST && (1440..3000).contains(&waits.len()),
        "{longest:?}, {}",
        waits.len()
    );
    let ledger = day.ground.ledger().await;
    assert_eq!(ledger.len(), EVENTS);
    assert!(ledger.values().all(|micros| *micros == 1_000_000));
    assert!(report.borrow_and_update().waits_for.is_none());
    assert_eq!(spool.state().await.unwrap().refused, 0);
}

fn fresh(n: usize, time: Timestamp) -> Fresh {
    let event = UsageEvent {
        account: "acme".parse().unwrap(),
        source: "/core".to_owned(),
        id: format!("e-{n}"),
        meter: Meter::Query,
        time: Timestamp::from_millisecond(time.as_millisecond()).unwrap(),
        quantity: "1".parse().unwrap(),
        dims: std::collections::BTreeMap::new(),
    };
    Fresh { event, stamped: false }
}
