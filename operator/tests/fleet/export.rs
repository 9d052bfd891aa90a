//! Traces and metrics of a working operator, as a receiver gets them.

use crate::{
    receiver::{self, Notes, arrived, contains},
    support::{Lab, eventually, everything, holds, lab::SYSTEM},
};

#[tokio::test]
async fn metrics_and_traces_arrive_with_the_service_s_name_and_without_secrets() {
    let notes = Notes::default();
    let endpoint = receiver::start(&notes).await;
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
    for note in notes.lock().unwrap().iter() {
        for secret in &secrets {
            assert!(!contains(&note.body, secret), "{} holds a secret", note.path);
        }
    }
}

/// Base64 as text.
fn decoded(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned());
    let bytes: k8s_openapi::ByteString = serde_json::from_value(quoted).unwrap();
    String::from_utf8(bytes.0).unwrap()
}
