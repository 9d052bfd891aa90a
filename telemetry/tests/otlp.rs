//! Telemetry as a program uses it, against a receiver that takes notes. One test, because it takes
//! the process's one log output.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use telemetry::{Config, LogFormat, Telemetry};

mod receiver;

use receiver::{Notes, attribute, contains};

/// On one thread with the receiver: a shutdown that blocked the runtime would never end.
#[tokio::test(flavor = "current_thread")]
async fn spans_and_metrics_arrive_by_the_end_of_shutdown() {
    let notes = Notes::default();
    let endpoint = receiver::start(&notes).await;
    let config = Config {
        service_name: "tenantry-test",
        service_version: "1.2.3",
        // What is logged does not decide what is traced.
        log_filter: "off".to_owned(),
        log_format: LogFormat::Json,
        otlp_endpoint: Some(endpoint),
    };
    let telemetry = Telemetry::init(config.clone()).unwrap();
    telemetry.build_info(&[("commit", "abc")]);
    tracing::info_span!("reconcile", tenant = "acme").in_scope(|| {
        let kube = tracing::debug_span!(target: "kube_client::client", "list_pods");
        kube.in_scope(|| tracing::debug_span!(target: "hyper_util::client", "own_transport"));
        tracing::debug_span!("too_detailed");
    });
    opentelemetry::global::meter("test").u64_counter("works").build().add(7, &[]);
    telemetry.shutdown().await;

    let notes = notes.lock().unwrap();
    let body_of = |path: &str| {
        let note = notes.iter().find(|note| note.path == path).unwrap();
        assert_eq!(note.format, "application/x-protobuf");
        &note.body
    };
    let service =
        [attribute("service.name", "tenantry-test"), attribute("service.version", "1.2.3")];
    for expected in ["reconcile", "list_pods", &attribute("tenant", "acme")] {
        assert!(contains(body_of("/v1/traces"), expected), "{expected}");
    }
    for unwanted in ["own_transport", "too_detailed"] {
        assert!(!contains(body_of("/v1/traces"), unwanted), "{unwanted}");
    }
    for expected in ["works", "tenantry_build_info", &attribute("commit", "abc")] {
        assert!(contains(body_of("/v1/metrics"), expected), "{expected}");
    }
    for expected in &service {
        assert!(contains(body_of("/v1/traces"), expected), "{expected}");
        assert!(contains(body_of("/v1/metrics"), expected), "{expected}");
    }

    // Nothing was logged, so nothing was sent.
    assert!(!notes.iter().any(|note| note.path == "/v1/logs"));

    let second = Telemetry::init(config).unwrap_err();
    assert!(second.to_string().contains("already"), "{second:#}");
}
