//! What is logged, sent over OTLP. One test, because it takes the process's one log output.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use telemetry::{Config, LogFormat, Telemetry};

mod receiver;

use receiver::{Notes, attribute, contains};

/// The 16 bytes behind a field's key and length, wherever that stands.
fn after<'a>(body: &'a [u8], key: &[u8]) -> Vec<&'a [u8]> {
    let at = body.windows(key.len()).enumerate().filter(|(_, part)| *part == key);
    at.filter_map(|(at, _)| body.get(at + key.len()..at + key.len() + 16)).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_logged_arrives_with_its_fields_and_the_trace_in_which_it_was() {
    let notes = Notes::default();
    let endpoint = receiver::start(&notes).await;
    let telemetry = Telemetry::init(Config {
        service_name: "tenantry-test",
        service_version: "1.2.3",
        log_filter: "warn".to_owned(),
        log_format: LogFormat::Json,
        otlp_endpoint: Some(endpoint),
    })
    .unwrap();
    tracing::info_span!("reconcile").in_scope(|| {
        tracing::warn!(tenant = "acme", "no room left");
        tracing::info!("not asked for");
        tracing::warn!(target: "hyper_util::client", "own transport");
    });
    telemetry.shutdown().await;

    let notes = notes.lock().unwrap();
    let body_of = |path: &str| &notes.iter().find(|note| note.path == path).unwrap().body;
    let logs = body_of("/v1/logs");
    let service = attribute("service.name", "tenantry-test");
    for expected in ["no room left", "WARN", &attribute("tenant", "acme"), &service] {
        assert!(contains(logs, expected), "{expected}");
    }
    for unwanted in ["not asked for", "own transport"] {
        assert!(!contains(logs, unwanted), "{unwanted}");
    }
    // A log record's trace id is field 9 of 16 bytes, a span's is field 1.
    let of_log = after(logs, &[0x4a, 16]);
    let of_spans = after(body_of("/v1/traces"), &[0x0a, 16]);
    assert!(of_log.iter().any(|id| of_spans.contains(id)), "{of_log:?} in {of_spans:?}");
}
