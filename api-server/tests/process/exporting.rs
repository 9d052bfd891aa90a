//! What the server and a gateway say over OTLP, as a receiver gets it: metrics, traces, logs, and in these what is
//! billed, flow by flow; nothing of it lets anybody in.

use serde_json::{Value, json};

use crate::gateway::ground::{BOUND, Ground, Running, empty, event};
use crate::otlp::{self, Notes, arrived, attribute, contains};
use crate::serving::client;

const SERVER: &str = "tenantry-api-server";
const GATEWAY: &str = "tenantry-gateway";
/// What is metered, with a quantity that nothing else has.
const FLOWS: [(&str, &str); 4] =
    [("ingestion", "1.25"), ("query", "37"), ("timeline", "411"), ("agents", "5003")];

async fn eventually(what: &str, notes: &Notes, holds: impl Fn() -> bool) {
    let patience = tokio::time::Instant::now() + BOUND;
    while !holds() {
        let paths: Vec<_> = notes.lock().unwrap().iter().map(|note| note.path.clone()).collect();
        assert!(tokio::time::Instant::now() < patience, "never {what}: {paths:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// One event of each meter, through the gateway, until the ledger has them.
async fn used(ground: &Ground, gateway: &Running) {
    let of = |(meter, quantity): (&str, &str)| {
        let mut event = event(meter, quantity);
        event["type"] = json!(format!("dev.tenantry.usage.{meter}"));
        event
    };
    let answer = ground.send(gateway, &Value::Array(FLOWS.map(of).to_vec())).await;
    assert_eq!(answer.body["accepted"], FLOWS.len(), "{}", answer.body);
    gateway.until("empty", empty).await;
}

/// A form as a prospect sends it; what follows it and lets them in.
async fn submitted(server: &Running, key: &str) -> String {
    let mut form: Value = serde_json::from_str(include_str!("../fuzz/form.json")).unwrap();
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    form["go_live_date"] = json!(today + jiff::Span::new().days(30));
    form["contact"]["email"] = json!("told-to-nobody@initech.example");
    let request = client().post(format!("{}/onboarding", server.url)).body(form.to_string());
    let request = request.header("content-type", "application/json").header("idempotency-key", key);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    told["receipt_token"].as_str().unwrap().to_owned()
}

/// A token, and each part of it by which it could be made anew.
fn parts(token: &str) -> Vec<String> {
    token.split('.').chain([token]).map(|part| part.trim().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_and_gateway_send_metrics_traces_and_logs_with_each_flow_and_without_secrets() {
    let notes = Notes::default();
    let endpoint = otlp::start(&notes).await;
    let ground = Ground::new();
    let often = ["env", "OTEL_METRIC_EXPORT_INTERVAL=200", "OTEL_BSP_SCHEDULE_DELAY=200"];
    let to = ["--otlp-endpoint", endpoint.as_str()];
    let mut server = ground.control_plane_with(&to);
    let mut gateway = ground.gateway_with(&to, &often);
    gateway.ready().await;
    used(&ground, &gateway).await;
    let key = "a-key-that-the-prospect-made-up";
    let receipt = submitted(&server, key).await;

    let of = |program: &str| attribute("service.name", program);
    eventually("the gateway's metrics while it runs", &notes, || {
        let words = [&of(GATEWAY), "tenantry_gateway_forwarded_events", "tenantry_gateway_events"];
        arrived(&notes, "/v1/metrics", &words)
    })
    .await;
    eventually("the gateway's traces while it runs", &notes, || {
        arrived(&notes, "/v1/traces", &[&of(GATEWAY), "/usage/events"])
    })
    .await;
    assert!(gateway.terminate());
    assert!(arrived(&notes, "/v1/logs", &[&of(GATEWAY), "serving"]), "the gateway's logs");

    // All that is unsent is sent before it ends.
    assert!(server.terminate());
    let tenant = attribute("tenant", "acme");
    for name in ["ingestion_gigabytes", "query_requests", "timeline_entries", "agents_runs"] {
        let name = format!("tenant_usage_{name}");
        assert!(arrived(&notes, "/v1/metrics", &[&of(SERVER), &name, &tenant]), "{name}");
    }
    // In the logs, and in the span of the request.
    for path in ["/v1/logs", "/v1/traces"] {
        for (flow, quantity) in FLOWS {
            let (of_flow, account) = (attribute("flow", flow), attribute("account", "acme"));
            let quantity = attribute("quantity", quantity);
            let words = [of(SERVER), "billing".to_owned(), of_flow, account, quantity];
            assert!(arrived(&notes, path, &words.each_ref().map(String::as_str)), "{path}: {flow}");
        }
        let words = [of(SERVER), attribute("flow", "onboarding"), attribute("step", "submitted")];
        assert!(arrived(&notes, path, &words.each_ref().map(String::as_str)), "{path}: onboarding");
    }

    let own = std::fs::read_to_string(ground.path("token")).unwrap();
    let mut secrets = [parts(&own), parts(&receipt)].concat();
    // Also how every JSON Web Token begins, the sender's for one.
    secrets.extend([key, "told-to-nobody", "eyJhbGci", "Bearer "].map(str::to_owned));
    for note in notes.lock().unwrap().iter() {
        for secret in &secrets {
            assert!(!contains(&note.body, secret), "{} holds {secret}", note.path);
        }
    }
}
