//! A tenant's end: its gateway, a process with real projected tokens, hands over what it holds before
//! the tenant's status says that it can go.

use crds::tenant::Drain;
use jiff::Timestamp;
use kube::api::DeleteParams;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    gate::Gate,
    gateway::{BATCH, Running, event},
    lab::{Lab, eventually, holds},
    seen::{Seen, metrics, send, series},
    serving::{Serving, client},
};

fn place_of(server: &Serving) -> String {
    server.api.trim_start_matches("http://").to_owned()
}

/// Acme's gateway, with its own token, on one and the same spool each time.
async fn gateway(lab: &Lab, folder: &std::path::Path, way: &Gate) -> Running {
    let token = lab.token("acme", "tenantry-gateway", "tenantry-gateway").await;
    std::fs::write(folder.join("token"), token).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let (spool, token, plane) = (path("spool"), path("token"), format!("http://{}", way.address));
    let places = ["gateway", "--tenant", "acme", "--spool", &spool, "--token-file", &token];
    let addresses = ["--address", "127.0.0.1:0", "--health-address", "127.0.0.1:0"];
    let gateway =
        Running::start(&[&places[..], &addresses, &["--control-plane", &plane]].concat(), &[]);
    gateway.ready().await;
    gateway
}

/// Acme's pod sends these events to its gateway.
async fn used(lab: &Lab, gateway: &Running, ids: &[&str]) -> (StatusCode, Value) {
    let token = lab.token("acme", "core", "tenantry-usage").await;
    // Of now: what happened before the account had a plan counts against no quota.
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
    let of_now = |id: &&str| {
        let mut event = event(id, "1");
        event["time"] = json!(now.to_string());
        event
    };
    let events: Vec<Value> = ids.iter().map(of_now).collect();
    let request = client()
        .post(format!("{}/usage/events", gateway.url))
        .bearer_auth(token)
        .header("content-type", BATCH)
        .body(json!(events).to_string());
    let answer = request.send().await.unwrap();
    (answer.status(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

/// The ids that the ledger has, each once.
async fn ledger(lab: &Lab) -> Vec<String> {
    let store = api_server::store::Store::attach(&lab.place.storage).unwrap();
    let mut session = store.read().await.unwrap();
    let sql = "SELECT event_id FROM usage_ledger ORDER BY event_id";
    let rows = session.rows(sql, Vec::new()).await.unwrap();
    let ids = rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect();
    drop(session);
    store.close().await;
    ids
}

fn drain(seen: &Seen) -> Option<Drain> {
    seen.usage.as_ref().and_then(|usage| usage.drain)
}

#[tokio::test]
async fn usage_reaches_the_ledger_before_the_gateway_is_said_to_be_empty() {
    let lab = Lab::new().await;
    let flags = ["--snapshot-interval", "2", "--status-interval", "1"];
    let mut server = lab.serve(&flags);
    let (folder, way) = (tempfile::tempdir().unwrap(), Gate::to(place_of(&server)).await);
    lab.operated("acme", json!({})).await;
    lab.hold("acme", true).await;
    let mut process = gateway(&lab, folder.path(), &way).await;
    let sent = async |to: &Running, ids: &[&str]| {
        let (status, body) = used(&lab, to, ids).await;
        assert_eq!((status, &body["accepted"]), (StatusCode::OK, &json!(ids.len())), "{body}");
    };
    sent(&process, &["a"]).await;
    lab.until("acme", "the use", |seen| seen.meter("query") == "1").await;

    // Deleted while the API server is away: what its services still send is taken, and arrives.
    server.kill();
    sent(&process, &["b", "c", "d"]).await;
    lab.tenants().delete("acme", &DeleteParams::default()).await.unwrap();
    lab.operate_at("acme", "StoppingServices").await;
    let mut server = lab.serve(&flags);
    way.lead_to(place_of(&server));
    let seen = lab.until("acme", "what came", |seen| seen.meter("query") == "4").await;
    assert_eq!(drain(&seen), None, "nobody is kept from sending yet");
    sent(&process, &["e"]).await;

    // The services have stopped, and the API server is away again.
    server.kill();
    sent(&process, &["f", "g"]).await;
    lab.operate_at("acme", "Draining").await;
    let server = lab.serve(&flags);
    way.lead_to(place_of(&server));
    lab.until("acme", "it is to drain", |seen| drain(seen).is_some()).await;
    // So that nobody waits a minute for its next heartbeat.
    process.kill();
    let process = gateway(&lab, folder.path(), &way).await;
    let over = Some(Drain { sealed: true, held: 0 });
    lab.until("acme", "sealed and empty", |seen| drain(seen) == over).await;
    assert_eq!(ledger(&lab).await, ["a", "b", "c", "d", "e", "f", "g"]);
    let (status, body) = used(&lab, &process, &["late"]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");

    // It stays said while the operator takes the stack down.
    lab.operate_at("acme", "RemovingStack").await;
    let seen = lab.until("acme", "the use", |seen| seen.meter("query") == "7").await;
    assert_eq!(drain(&seen), over);
    lab.hold("acme", false).await;
    eventually("the tenant is gone", async || {
        let found = lab.tenants().get_opt("acme").await.unwrap();
        holds(found.is_none(), "it is there")
    })
    .await;
}

#[tokio::test]
async fn nothing_is_taken_of_a_tenant_whose_status_does_not_say_that_the_ledger_has_it() {
    let lab = Lab::new().await;
    lab.may_write_status(false);
    let server = lab.serve(&["--snapshot-interval", "2"]);
    lab.operated("acme", json!({})).await;
    eventually("it may not say so", async || {
        let refused = "tenantry_cluster_status_writes_total{outcome=\"refused\"}";
        let text = metrics(&server).await;
        holds(series(&text, refused).is_some_and(|count| count >= 2), text)
    })
    .await;
    let token = lab.token("acme", "core", "tenantry-usage").await;
    let (status, body) = send(&server, &token, "e-1", "1").await;
    assert!(status.is_client_error(), "{status} {body}");
    lab.may_write_status(true);
    lab.ingest(&server, "acme", "e-2", "1").await;
    let seen = lab.until("acme", "the use", |seen| seen.meter("ingestion") == "1").await;
    assert_eq!(seen.says("PlanAccepted"), ("True", "Accepted"));
}
