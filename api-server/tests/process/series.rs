//! What is counted and logged as usage is taken, and that ten thousand tenants make few series.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use api_server::domain::Quantity;
use api_server::domain::catalogue::{Catalogue, PlanId};
use api_server::domain::event::UsageEvent;
use api_server::domain::meter::Meter;
use api_server::domain::subscription::Agreement;
use api_server::ledger::{Append, Item, Ledger, Settings};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};

use crate::checker::compare;
use crate::gateway::ground::BOUND;
use crate::load::{Fact, Load};
use crate::serving::{Place, Serving, client};

const TENANTS: usize = 10_000;
/// Tenants with a series of their own (`routes::metrics::usage::MOST_TENANTS`), and the one for the rest.
const MOST: usize = 1_001;

async fn metrics(server: &Serving) -> String {
    let answer = client().get(format!("{}/metrics", server.health)).send().await.unwrap();
    answer.text().await.unwrap()
}

/// The series of a metric and the sum of their values.
fn series(metrics: &str, name: &str) -> (usize, f64) {
    let lines = metrics.lines().filter(|line| line.starts_with(&format!("{name}{{")));
    let values = lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
    let values: Vec<f64> = values.collect();
    (values.len(), values.iter().sum())
}

/// What the summaries say: of every tenant, once.
async fn each_has_its_figures(server: &Serving) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(300);
    let all = format!("tenantry_figures_accounts{{state=\"current\"}} {TENANTS}\n");
    let mut text = metrics(server).await;
    while !text.contains(&all) {
        assert!(tokio::time::Instant::now() < patience, "never shown: {text:.3000}");
        tokio::task::yield_now().await;
        text = metrics(server).await;
    }
    for name in ["tenant_flagged", "tenant_support_late_answers"] {
        assert_eq!(series(&text, name).0, TENANTS, "{name}");
    }
    // Nobody has a plan, an answer of support, or a cost.
    for name in ["tenant_info", "tenant_quota_usage_ratio", "tenant_projected_cost"] {
        assert_eq!(series(&text, name).0, 0, "{name}");
    }
    assert!(!text.contains("otel_metric_overflow"), "a metric has more series than it may");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_tenants_make_a_bounded_number_of_series() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let names: Vec<String> = (0..TENANTS).map(|number| format!("t{number}")).collect();
    place.create_many(&names).await;
    let mut server = Serving::start(&place, &[]);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let load = Load::new(&place, &names, &server.api);
    let time = jiff::Timestamp::now().as_millisecond();
    let event = [("e".to_owned(), Fact { meter: "query", time, micros: 500_000 })];
    // Again, where an answer came too late on a machine that stood still.
    let sent = futures::stream::iter(&load.accounts).map(|account| load.deliver(account, &event));
    let sent: Vec<Option<u64>> = sent.buffer_unordered(32).collect().await;
    assert!(sent.iter().all(Option::is_some));

    let text = metrics(&server).await;
    let (count, sum) = series(&text, "tenant_usage_query_requests_total");
    assert_eq!((count, sum), (MOST, 5000.0));
    assert!(text.contains("tenant_usage_query_requests_total{tenant=\"other\"} 4500"));
    // One name of it in every other metric would be thousands of lines.
    let others = text.lines().filter(|line| !line.starts_with("tenant_")).count();
    assert!(others < 500, "{others} lines beside those");
    assert_eq!(series(&text, "tenantry_issuer_keys_left_seconds").0, 0, "a secret does not age");
    assert!(text.contains("\nbilling_ingest_lag_seconds "), "{text:.2000}");
    each_has_its_figures(&server).await;
    load.stop.store(true, Ordering::Relaxed);
    let (_, log) = server.stop();
    let told = log.lines().filter(|line| line.contains("\"flow\":\"query\"")).count();
    assert!(told >= 1000, "{told} of the last lines tell of a flow");
    compare(&place, &load).await;
}

#[tokio::test]
async fn what_is_refused_is_counted_by_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    place.create("acme");
    let server = Serving::start(&place, &[]);
    let body = r#"{"specversion":"1.0","id":"e","source":"/s","type":"dev.tenantry.usage.tea","data":{"quantity":"1"},
        "time":"2020-01-01T00:00:00Z"}"#;
    let request =
        client().post(format!("{}/usage/events", server.api)).bearer_auth(place.sender("acme"));
    let answer =
        request.header("content-type", "application/json").body(body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 422);
    let text = metrics(&server).await;
    assert!(
        text.contains("billing_events_rejected_total{reason=\"unknown_type\"} 1"),
        "{text:.3000}"
    );
    assert_eq!(series(&text, "tenant_usage_query_requests_total").0, 0);
}

/// A period of some months ago, which nobody has closed yet.
async fn used_long_ago(place: &Place) {
    let then = Timestamp::now() - SignedDuration::from_hours(24 * 100);
    let settings = Settings { clock: Arc::new(move || then), ..Settings::default() };
    let ledger = Ledger::open(&place.storage, settings).await.unwrap();
    ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    let account = "acme".parse().unwrap();
    let plan = PlanId { plan: "team".to_owned(), version: 1 };
    // Long before, so that the period has the whole fee.
    let effective_at = then - SignedDuration::from_hours(24 * 50);
    let agreement = Agreement { plan, effective_at, agreed_at: effective_at };
    ledger.agree(&account, agreement).await.unwrap();
    let event = UsageEvent {
        account: account.clone(),
        source: "/core".to_owned(),
        id: "e".to_owned(),
        meter: Meter::Agents,
        time: then,
        quantity: Quantity::from_units(45_000).unwrap(),
        dims: BTreeMap::new(),
    };
    let items = vec![Item::Usage(event)];
    ledger.append(Append { account, arrived: then, atomic: false, items }).await.unwrap();
    ledger.close().await;
}

#[tokio::test]
async fn what_a_closed_period_came_to_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    place.create("acme");
    used_long_ago(&place).await;
    let mut server = Serving::start(&place, &[]);
    // 899.00 and 5,000 runs at 0.03.
    let charge = "billing_charges_minor_units_total{currency=\"USD\",tenant=\"acme\"} 104900";
    let patience = tokio::time::Instant::now() + BOUND;
    while !metrics(&server).await.contains(charge) {
        let text = metrics(&server).await;
        assert!(tokio::time::Instant::now() < patience, "never counted: {text}");
        tokio::task::yield_now().await;
    }
    // No day foresaw it, so nothing is said of that.
    assert_eq!(series(&metrics(&server).await, "billing_charges_minor_units_total").0, 1);
    assert!(!metrics(&server).await.contains("billing_projection_interval_coverage"));
    let (status, _) = server.stop();
    assert!(status.success());
    assert!(place.run(&["verify"]).status.success());
}
