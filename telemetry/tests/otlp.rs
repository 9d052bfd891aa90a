//! Telemetry as a program uses it, against a receiver that takes notes. One test, because it takes
//! the process's one log output.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use telemetry::{Config, LogFormat, Telemetry};

/// Path, content type and body of each request.
type Notes = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

async fn note(State(notes): State<Notes>, uri: Uri, headers: HeaderMap, body: Bytes) {
    let format = headers["content-type"].to_str().unwrap().to_owned();
    notes.lock().unwrap().push((uri.path().to_owned(), format, body.to_vec()));
}

/// A protobuf `KeyValue` with a short string, from its key on.
fn attribute(key: &str, value: &str) -> String {
    let length = u8::try_from(value.len()).unwrap();
    format!("{key}\u{12}{}\n{}{value}", char::from(length + 2), char::from(length))
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|part| part == text.as_bytes())
}

/// On one thread with the receiver: a shutdown that blocked the runtime would never end.
#[tokio::test(flavor = "current_thread")]
async fn spans_and_metrics_arrive_by_the_end_of_shutdown() {
    let notes = Notes::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    let receiver = Router::new().fallback(note).with_state(Arc::clone(&notes));
    tokio::spawn(async { axum::serve(listener, receiver).await });

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
        let (_, format, body) = notes.iter().find(|(at, ..)| at == path).unwrap();
        assert_eq!(format, "application/x-protobuf");
        body
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

    let second = Telemetry::init(config).unwrap_err();
    assert!(second.to_string().contains("already"), "{second:#}");
}
