//! The gateway's own clock is wrong: the control plane's decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api_server::auth::caller::Clock;
use api_server::domain::event::UsageEvent;
use api_server::domain::meter::Meter;
use api_server::gateway::Time;
use api_server::gateway::forward::Forwarder;
use api_server::gateway::heartbeat::Told;
use api_server::gateway::plane::ControlPlane;
use api_server::gateway::spool::{Fresh, Settings, Spool};
use api_server::store::Store;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use telemetry::shutdown::Shutdown;
use tokio::sync::watch;

use super::ground::{BATCH, Ground, empty, event};
use crate::serving::client;

/// When the ledger says that each event happened.
async fn times(ground: &Ground) -> BTreeMap<String, Timestamp> {
    let store = Store::attach(std::path::Path::new(&ground.path("billing"))).unwrap();
    let mut session = store.read().await.unwrap();
    let sql = "SELECT event_id, t_event FROM usage_ledger";
    let rows = session.rows(sql, Vec::new()).await.unwrap();
    let times = rows.iter().map(|row| (row.text(0).unwrap().to_owned(), row.time(1).unwrap()));
    let times = times.collect();
    drop(session);
    store.close().await;
    times
}

fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap()
}

/// As it comes from a sender to a gateway whose clock says `time`.
fn fresh(id: &str, time: Timestamp, stamped: bool) -> Fresh {
    let event = UsageEvent {
        account: "acme".parse().unwrap(),
        source: "/core".to_owned(),
        id: id.to_owned(),
        meter: Meter::Query,
        time: whole(time),
        quantity: "1".parse().unwrap(),
        dims: BTreeMap::new(),
    };
    Fresh { event, stamped }
}

async fn emptied(spool: &Spool) {
    let mut changes = spool.changes();
    while spool.state().await.unwrap().events > 0 {
        changes.changed().await.unwrap();
    }
}

/// A gateway that was started with a clock that is wrong by `ahead` while the control plane was away.
async fn started_with_a_clock_ahead_by(ahead: SignedDuration) {
    let ground = Ground::new();
    let _plane = ground.control_plane();
    let real = Timestamp::now();
    let wrong = real + ahead;
    let clock: Clock = Arc::new(move || wrong);
    let settings =
        Settings { limit: 1 << 30, clock: clock.clone(), probe_every: Duration::from_secs(1) };
    let spool = Arc::new(Spool::open(&ground.folder.path().join("spool"), settings).await.unwrap());
    let account = "acme".parse().unwrap();
    spool.belong(&account).await.unwrap();
    let taken = [fresh("none", wrong, true), fresh("own", real, false), fresh("bad", wrong, false)];
    spool.take(&account, wrong, false, taken.to_vec()).await.unwrap();

    let url = format!("http://127.0.0.1:{}", ground.port);
    let plane = ControlPlane::new(&url, None, &ground.folder.path().join("token")).unwrap();
    let ahead_ms = i64::try_from(ahead.as_millis()).unwrap();
    let told =
        Told { account: Some(account.clone()), at: Some(wrong), ahead_ms, ..Told::default() };
    let told = watch::Sender::new(told);
    let sleep = Arc::new(|how_long| {
        Box::pin(tokio::time::sleep(how_long)) as futures::future::BoxFuture<'static, ()>
    });
    let meter = opentelemetry::global::meter("test");
    let time = Time { clock, sleep };
    let forwarder = Forwarder::new(spool.clone(), Arc::new(plane), time, told.subscribe(), &meter);
    let stop = Shutdown::new();
    let running = tokio::spawn(forwarder.run(stop.clone()));
    emptied(&spool).await;

    let found = times(&ground).await;
    assert_eq!(found.keys().collect::<Vec<_>>(), ["none", "own"]);
    assert_eq!(found["none"], whole(real), "it had no time, and happened when it came");
    // A sender's own time is the sender's; what cannot be is kept, with the reason.
    let refused = spool.refused(10).await.unwrap();
    assert_eq!((refused.len(), refused[0].event.contains("bad")), (1, true));
    // A repeat without a time is the same event.
    let again = vec![fresh("none", wrong, true)];
    spool.take(&account, wrong, false, again).await.unwrap();
    emptied(&spool).await;
    assert_eq!(spool.state().await.unwrap().refused, 1);
    assert_eq!(times(&ground).await, found);
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_clock_that_was_ahead_has_stamped_gets_the_control_planes_time() {
    started_with_a_clock_ahead_by(SignedDuration::from_hours(3 * 24)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_clock_that_was_behind_has_stamped_gets_the_control_planes_time() {
    started_with_a_clock_ahead_by(SignedDuration::from_hours(-80 * 24)).await;
}

/// Everything as it is, but heartbeats are answered as if it were `off` from now: a machine has one
/// clock, so that it is the control plane's which is bent.
async fn bent(to: String, off: SignedDuration) -> String {
    let pass = move |method: Method, uri: Uri, headers: HeaderMap, request: Request| {
        let to = to.clone();
        async move {
            let body = axum::body::to_bytes(request.into_body(), 1 << 22).await.unwrap();
            let asked = client().request(method, format!("{to}{uri}")).headers(headers).body(body);
            let Ok(answer) = asked.send().await else {
                return (StatusCode::BAD_GATEWAY, HeaderMap::new(), Bytes::new());
            };
            let (status, mut headers) = (answer.status(), answer.headers().clone());
            let mut body = answer.bytes().await.unwrap();
            if uri.path() == "/gateway/heartbeat" && status.is_success() {
                let mut said: Value = serde_json::from_slice(&body).unwrap();
                let now: Timestamp = said["now"].as_str().unwrap().parse().unwrap();
                said["now"] = json!((now + off).to_string());
                body = said.to_string().into();
            }
            headers.remove("content-length");
            headers.remove("transfer-encoding");
            (status, headers, body)
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = axum::Router::new().fallback(pass);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_goes_by_the_control_planes_clock_once_it_was_heard() {
    let ground = Ground::new();
    let plane = ground.control_plane();
    let off = SignedDuration::from_hours(-36);
    let url = bent(plane.url.clone(), off).await;
    let gateway = ground.gateway_at(&url);
    gateway.ready().await;
    let status = gateway.status().await;
    let ahead = status["control_plane"]["clock_ahead_ms"].as_i64().unwrap();
    assert!((ahead - 36 * 3_600_000).abs() < 600_000, "{ahead}");
    assert!(gateway.metrics().await.contains("tenantry_gateway_clock_ahead_seconds"));

    let there = Timestamp::now() + off;
    let mut none = event("none", "1");
    none.as_object_mut().unwrap().remove("time");
    // A minute ago by this machine's clock is far ahead of the control plane's.
    let future = event("future", "1");
    let sender = ground.cluster.token("tenant-acme", "core", "tenantry-usage", there);
    let answer = ground.send_as(&gateway, &sender, BATCH, &json!([none, future])).await;
    assert_eq!(answer.body["accepted"], 1, "{}", answer.body);
    assert_eq!(answer.body["rejected"][0]["code"], "time_in_future");
    gateway.until("empty", empty).await;
    let found = times(&ground).await["none"];
    let apart = found.duration_since(there).abs();
    assert!(apart < SignedDuration::from_mins(10), "{found} is {apart} from {there}");
}
