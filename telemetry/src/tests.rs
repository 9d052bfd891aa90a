//! Telemetry without the global part, so that each test has its own.

use tokio::net::TcpListener;
use tokio::time::Instant;
use tracing_subscriber::layer::SubscriberExt;

use super::*;

fn config(endpoint: Option<String>) -> Config {
    Config {
        service_name: "tenantry-test",
        service_version: "1.2.3",
        log_filter: "off".to_owned(),
        log_format: LogFormat::Text,
        otlp_endpoint: endpoint,
    }
}

/// Records a span and a counter, and tells how many seconds the shutdown then takes. The clock is
/// paused: it moves only when the runtime has nothing to do but wait, and then at once. So it shows
/// the bound if that is what ended the shutdown, else 0, and nobody really waits.
async fn seconds_to_shut_down(endpoint: String) -> u64 {
    let (telemetry, outputs) = Telemetry::build(config(Some(endpoint))).unwrap();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(outputs));
    tracing::info_span!("work").in_scope(|| tracing::info!("working"));
    telemetry.meter("test").u64_counter("work").build().add(1, &[]);

    let start = Instant::now();
    telemetry.shutdown().await;
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_never_answers_does_not_hold_shutdown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    // The kernel completes the connections, which nobody ever reads.
    assert_eq!(seconds_to_shut_down(endpoint).await, FLUSH_LIMIT.as_secs());
    drop(listener);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_down_does_not_hold_shutdown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    // Less if all retries were refused before the runtime looked.
    assert!(seconds_to_shut_down(endpoint).await <= FLUSH_LIMIT.as_secs());
}

#[tokio::test]
async fn without_an_endpoint_there_is_nothing_to_send() {
    for endpoint in [None, Some(String::new())] {
        let (telemetry, outputs) = Telemetry::build(config(endpoint)).unwrap();
        assert!(telemetry.traces.is_none() && telemetry.logs.is_none());
        assert_eq!(outputs.len(), 1);
        telemetry.shutdown().await;
    }
}

#[test]
fn a_bad_endpoint_is_refused_by_name() {
    for bad in ["collector:4318", "/v1/traces", "grpc://collector", "http://", "http://c/?key=1"] {
        let error = Telemetry::build(config(Some(bad.to_owned()))).err().unwrap();
        assert!(error.to_string().contains(bad), "{bad}: {error:#}");
    }
}

/// The lines of a metric's series.
fn series(telemetry: &Telemetry, name: &str) -> Vec<String> {
    let (_, text) = metrics::text(telemetry.registry()).unwrap();
    let text = String::from_utf8(text).unwrap();
    let of = |line: &&str| line.starts_with(&format!("{name}{{"));
    text.lines().filter(of).map(str::to_owned).collect()
}

/// A program may say something of each of ten thousand tenants; one of whom it says nothing any more is gone
/// with the next look.
#[tokio::test]
async fn a_gauge_of_tenants_shows_them_all_and_none_that_are_gone() {
    let (telemetry, _) = Telemetry::build(config(None)).unwrap();
    let meter = telemetry.meter("test");
    let tenants = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(MOST_PER_TENANT));
    let seen = tenants.clone();
    let _kept = meter
        .u64_observable_gauge("tenant_flagged")
        .with_callback(move |gauge| {
            for number in 0..seen.load(std::sync::atomic::Ordering::Relaxed) {
                gauge.observe(1, &[KeyValue::new("tenant", format!("t{number}"))]);
            }
        })
        .build();
    let lines = series(&telemetry, "tenant_flagged");
    assert_eq!(lines.len(), MOST_PER_TENANT);
    assert!(lines.iter().all(|line| !line.contains("overflow")));

    tenants.store(1, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(series(&telemetry, "tenant_flagged"), ["tenant_flagged{tenant=\"t0\"} 1"]);

    // A counter of the same prefix is bounded as all others are.
    let counter = meter.u64_counter("tenant_usage").build();
    (0..3000).for_each(|n| counter.add(1, &[KeyValue::new("tenant", format!("t{n}"))]));
    let lines = series(&telemetry, "tenant_usage_total");
    assert!(lines.len() <= 2001, "{}", lines.len());
    assert!(lines.iter().any(|line| line.contains("overflow")));
    telemetry.shutdown().await;
}
