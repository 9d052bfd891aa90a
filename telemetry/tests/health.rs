//! The health server, over real HTTP.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::net::SocketAddr;
use std::time::Duration;

use telemetry::health::{Checks, Server};
use telemetry::shutdown::Shutdown;
use telemetry::{Config, LogFormat, SECONDS, Telemetry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

struct Running {
    address: SocketAddr,
    stop: Shutdown,
    task: JoinHandle<()>,
}

async fn serve(checks: &Checks, registry: &prometheus::Registry) -> Running {
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), checks, registry).await.unwrap();
    let (address, stop) = (server.local_addr(), Shutdown::new());
    Running { address, stop: stop.clone(), task: tokio::spawn(server.run(stop)) }
}

/// Sends a request, byte by byte as given, and reads until the server closes the connection.
async fn send(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Status, headers in lower case, body.
async fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    let answer = send(address, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

async fn status_and_body(running: &Running, path: &str) -> (u16, String) {
    let (status, _, body) = get(running.address, path).await;
    (status, body)
}

#[tokio::test]
async fn readiness_names_the_failing_checks() {
    let checks = Checks::new();
    let running = serve(&checks, &prometheus::Registry::new()).await;
    assert_eq!(status_and_body(&running, "/readyz").await, (200, "ok\n".into()));

    let tenants = checks.ready("watch tenants");
    let deployments = checks.clone().ready("watch deployments");
    let both = "watch tenants: starting\nwatch deployments: starting\n";
    assert_eq!(status_and_body(&running, "/readyz").await, (503, both.into()));

    tenants.ok();
    deployments.failing("not synced");
    let one = "watch deployments: not synced\n";
    assert_eq!(status_and_body(&running, "/readyz").await, (503, one.into()));

    deployments.ok();
    assert_eq!(status_and_body(&running, "/readyz").await, (200, "ok\n".into()));

    tenants.clone().failing("stopped:\n  410 Gone\r\n");
    let again = "watch tenants: stopped: 410 Gone\n";
    assert_eq!(status_and_body(&running, "/readyz").await, (503, again.into()));

    let same = checks.ready("watch tenants");
    let restarted = "watch tenants: starting\n";
    assert_eq!(status_and_body(&running, "/readyz").await, (503, restarted.into()));
    same.ok();
    assert_eq!(status_and_body(&running, "/readyz").await, (200, "ok\n".into()));
}

#[tokio::test]
async fn liveness_is_apart_from_readiness() {
    let checks = Checks::new();
    let (_ready, alive) = (checks.ready("lease"), checks.live("lease"));
    let running = serve(&checks, &prometheus::Registry::new()).await;
    assert_eq!(status_and_body(&running, "/healthz").await, (200, "ok\n".into()));
    alive.failing("no renewal");
    assert_eq!(status_and_body(&running, "/healthz").await, (503, "lease: no renewal\n".into()));
    assert_eq!(status_and_body(&running, "/readyz").await, (503, "lease: starting\n".into()));
    alive.ok();
    assert_eq!(status_and_body(&running, "/healthz").await, (200, "ok\n".into()));
}

#[tokio::test]
async fn metrics_show_what_the_meters_recorded() {
    let telemetry = Telemetry::init(Config {
        service_name: "tenantry-test",
        service_version: "1.2.3",
        log_filter: "info".to_owned(),
        log_format: LogFormat::Text,
        otlp_endpoint: None,
    })
    .unwrap();
    telemetry.build_info(&[("commit", "abc")]);
    let meter = telemetry.meter("test");
    meter.u64_counter("applies").with_description("Writes").build().add(3, &[]);
    let histogram = meter.f64_histogram("reconcile").with_unit("s");
    histogram.with_boundaries(SECONDS.into()).build().record(0.03, &[]);

    let running = serve(&Checks::new(), telemetry.registry()).await;
    let (status, head, body) = get(running.address, "/metrics").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    for line in [
        "# HELP applies_total Writes",
        "# TYPE applies_total counter",
        "applies_total 3",
        "reconcile_seconds_bucket{le=\"0.025\"} 0",
        "reconcile_seconds_bucket{le=\"0.05\"} 1",
        "reconcile_seconds_count 1",
        "tenantry_build_info{commit=\"abc\",service=\"tenantry-test\",version=\"1.2.3\"} 1",
    ] {
        assert!(body.lines().any(|have| have == line), "{line} in\n{body}");
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let running = serve(&Checks::new(), &prometheus::Registry::new()).await;
    assert_eq!(status_and_body(&running, "/").await.0, 404);
    assert_eq!(status_and_body(&running, "/readyz/").await.0, 404);
    let post = send(running.address, "POST /healthz HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(post.starts_with("HTTP/1.1 405"), "{post}");
}

// With the clock paused, time passes only when nothing else can happen, and then at once: these
// tests see the limits exactly, and wait for none.

#[tokio::test(start_paused = true)]
async fn an_unfinished_request_is_cut_off() {
    let running = serve(&Checks::new(), &prometheus::Registry::new()).await;
    let start = Instant::now();
    let answer = send(running.address, "GET /healthz HTTP/1.1\r\nhost: slow").await;
    assert!(!answer.contains("200"), "{answer}");
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn idle_connections_lock_nobody_out() {
    let running = serve(&Checks::new(), &prometheus::Registry::new()).await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(TcpStream::connect(running.address).await.unwrap());
    }
    let start = Instant::now();
    assert_eq!(status_and_body(&running, "/healthz").await.0, 200);
    assert_eq!(start.elapsed().as_secs(), 5, "waits until the first idle ones are cut off");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_off() {
    // More than the buffers between server and client hold.
    const SIZE: usize = 32 << 20;
    let registry = prometheus::Registry::new();
    let gauge = prometheus::IntGauge::new("big", "x".repeat(SIZE)).unwrap();
    registry.register(Box::new(gauge)).unwrap();
    let running = serve(&Checks::new(), &registry).await;

    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: lazy\r\n\r\n").await.unwrap();
    stream.readable().await.unwrap();
    sleep(Duration::from_secs(31)).await;
    let mut answer = Vec::new();
    // Cut off is an end or a reset, depending on what the kernel still held.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    assert!(answer.len() < SIZE, "{} bytes", answer.len());
}

#[tokio::test]
async fn a_stopped_server_is_gone() {
    let running = serve(&Checks::new(), &prometheus::Registry::new()).await;
    assert_eq!(status_and_body(&running, "/healthz").await.0, 200);
    running.stop.cancel();
    running.task.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let running = serve(&Checks::new(), &prometheus::Registry::new()).await;
    let again = Server::bind(running.address, &Checks::new(), &prometheus::Registry::new()).await;
    let error = again.unwrap_err();
    assert!(error.to_string().contains(&running.address.to_string()), "{error:#}");
}
