//! Traces and metrics of a working operator, as a receiver gets them.

use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;

use crate::support::{Lab, apifault::wire::Wire, eventually, everything, holds, lab::SYSTEM};

/// Path and body of each request.
type Notes = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A receiver that takes everything; its address.
async fn receiver(notes: Notes) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let notes = notes.clone();
            tokio::spawn(async move {
                let mut wire = Wire::new(stream);
                while let Ok(Some(request)) = wire.request().await {
                    notes.lock().unwrap().push((request.target, request.body));
                    if wire.answer(200, "", b"").await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Whether one request to `path` held all of `words`.
fn arrived(notes: &Notes, path: &str, words: &[&str]) -> bool {
    let all = |body: &[u8]| words.iter().all(|word| contains(body, word));
    notes.lock().unwrap().iter().any(|(at, body)| at == path && all(body))
}

#[tokio::test]
async fn metrics_and_traces_arrive_with_the_service_s_name_and_without_secrets() {
    let notes = Notes::default();
    let endpoint = receiver(notes.clone()).await;
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ];
    let process = lab.operator_through(&proxy, "exports", &settings);
    process.ready().await;
    lab.stack(everything("o-all"), "o-all").await;
    let name = "tenantry-operator";
    eventually("metrics arrive while it runs", async || {
        let words = ["service.name", name, "tenantry_operator_writes", "tenantry_operator_leader"];
        holds(arrived(&notes, "/v1/metrics", &words), notes.lock().unwrap().len())
    })
    .await;
    eventually("a trace of its work arrives", async || {
        let words = ["service.name", name, "tenant-o-all"];
        holds(arrived(&notes, "/v1/traces", &words), notes.lock().unwrap().len())
    })
    .await;
    eventually("each reconciliation is a span", async || {
        let words = ["reconcile", "resource", "tenants", "o-all", "result", "ok"];
        holds(arrived(&notes, "/v1/traces", &words), notes.lock().unwrap().len())
    })
    .await;
    process.signal("TERM");
    eventually("it has ended well", async || {
        process.ended().map_or_else(|| Err("it runs".to_owned()), |how| holds(how.success(), how))
    })
    .await;
    let token = std::fs::read_to_string(lab.ground.path("operator.kubeconfig")).unwrap();
    let token: serde_json::Value = serde_json::from_str(&token).unwrap();
    let token = token["users"][0]["user"]["token"].as_str().unwrap();
    let secret = lab.object("o-all", "secrets", "tenantry-grafana").await.unwrap();
    let values = secret["data"].as_object().unwrap().values().map(|v| v.as_str().unwrap());
    let mut secrets: Vec<String> = values.flat_map(|v| [v.to_owned(), decoded(v)]).collect();
    secrets.push(token.to_owned());
    assert!(secrets.len() >= 3, "there are secrets to be looked for in {SYSTEM}");
    for (path, body) in notes.lock().unwrap().iter() {
        for secret in &secrets {
            assert!(!contains(body, secret), "{path} holds a secret");
        }
    }
}

/// Base64 as text.
fn decoded(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned());
    let bytes: k8s_openapi::ByteString = serde_json::from_value(quoted).unwrap();
    String::from_utf8(bytes.0).unwrap()
}
