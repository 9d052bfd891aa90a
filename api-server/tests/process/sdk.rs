//! The real CloudEvents SDKs of PyPI, npm and Go (`infra/sdk`), unchanged, before the real API server
//! and before a real gateway: what they send is in the ledger, as it was sent and once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

mod losing;
mod orders;
mod program;

use crate::gateway::ground::{Ground, Running, empty};
use crate::serving::client;
use losing::Losing;
use orders::{Order, orders};
use program::{CURL, GO, NODE, PYTHON, Sdk};

/// A row as it must be: meter, quantity, further attributes, and the time where it was given.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    meter: String,
    quantity: String,
    dimensions: BTreeMap<String, String>,
    time: Option<Timestamp>,
}

/// Where usage is sent: to the API server, or to a gateway before it.
struct Place {
    ground: Ground,
    plane: Running,
    gateway: Option<Running>,
}

impl Place {
    async fn new(with_gateway: bool) -> Self {
        let ground = Ground::new();
        ground.bind_sender();
        ground.write("sender", &format!("{}\n", ground.sender()));
        let plane = ground.control_plane();
        let gateway = with_gateway.then(|| ground.gateway());
        if let Some(gateway) = &gateway {
            gateway.ready().await;
        }
        Self { ground, plane, gateway }
    }

    fn url(&self) -> &str {
        &self.gateway.as_ref().unwrap_or(&self.plane).url
    }

    /// All rows of the ledger, by source and id, as the API tells them.
    async fn rows(&self) -> Vec<(String, Row)> {
        if let Some(gateway) = &self.gateway {
            gateway.until("empty", empty).await;
        }
        let url = format!("{}/usage/events?page[size]=1000", self.plane.url);
        let answer = client().get(url).bearer_auth(self.ground.sender()).send().await.unwrap();
        let page: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(page["meta"]["page"]["next"], Value::Null);
        let rows = page["data"].as_array().unwrap().iter().map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            let dimensions = serde_json::from_value(row["dimensions"].clone()).unwrap();
            let time = Some(text("time").parse().unwrap());
            let name = format!("{} {}", text("source"), text("id"));
            (name, Row { meter: text("meter"), quantity: text("quantity"), dimensions, time })
        });
        rows.collect()
    }
}

/// What an order says and what came of it must fit.
fn check(sdk: &Sdk, order: &Order, outcome: &Value) {
    let said = format!("{}: {}: {outcome}", sdk.name, order.line);
    match &order.refused {
        None => assert_eq!(outcome["taken"], true, "{said}"),
        Some(refused) => {
            assert_eq!(outcome["taken"], false, "{said}");
            let found = match order.line["mode"] == "batch" {
                // Of a batch of which some were taken.
                true => {
                    assert_eq!(outcome["rejected"].as_array().unwrap().len(), 1, "{said}");
                    &outcome["rejected"][0]["errors"][0]
                }
                false => &outcome["problem"]["errors"][0],
            };
            assert_eq!(found["pointer"], refused.pointer, "{said}");
            assert_eq!(found["code"], refused.code, "{said}");
        }
    }
}

async fn everything_arrives_once(sdk: &Sdk, place: &Place) {
    let orders = orders(sdk, place.gateway.is_some());
    let lines: Vec<String> = orders.iter().map(|order| order.line.to_string()).collect();
    let token = place.ground.path("sender");
    let url = format!("{}/usage/events", place.url());
    let outcomes = sdk.run("all", &url, &token, &lines.join("\n")).await;
    let outcomes: Vec<Value> =
        outcomes.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(outcomes.len(), orders.len());
    for (order, outcome) in orders.iter().zip(&outcomes) {
        check(sdk, order, outcome);
    }
    let mut expected: BTreeMap<String, &Row> = BTreeMap::new();
    for (id, row) in orders.iter().flat_map(|order| &order.rows) {
        expected.insert(format!("/all {id}"), row);
    }
    let rows = place.rows().await;
    for (name, row) in &rows {
        let wanted = expected
            .remove(name)
            .unwrap_or_else(|| panic!("{name} is there twice, or was not sent"));
        let time = if wanted.time.is_some() { row.time } else { None };
        let found = (&row.meter, &row.quantity, &row.dimensions, time);
        assert_eq!(
            found,
            (&wanted.meter, &wanted.quantity, &wanted.dimensions, wanted.time),
            "{}: {name}",
            sdk.name
        );
    }
    assert!(expected.is_empty(), "{}: not in the ledger: {expected:#?}", sdk.name);
    println!("{}: {} orders, {} rows", sdk.name, orders.len(), rows.len());
}

/// The program of the documentation, whose first answer is lost after the event was taken: it sends
/// the same event again, and the event counts once.
async fn the_first_event_counts_once(sdk: &Sdk, place: &Place) {
    let losing = Losing::before(place.url()).await;
    let before = place.rows().await.len();
    let token = place.ground.path("sender");
    let shown = sdk.run("first", &format!("{}/usage/events", losing.url), &token, "").await;
    let answers = losing.answers();
    // A gateway does not know any more what it has handed on meanwhile; the ledger does.
    let known = match place.gateway {
        None => answers.get(1) == Some(&json!([200, 0, 1])),
        Some(_) => {
            [json!([200, 0, 1]), json!([200, 1, 0])].iter().any(|one| answers.get(1) == Some(one))
        }
    };
    assert!(answers.len() == 2 && known, "{}: {answers:?}", sdk.name);
    assert_eq!(answers[0], json!([200, 1, 0]), "{}", sdk.name);
    assert!(!shown.is_empty(), "{}: it says that it went well", sdk.name);
    let rows = place.rows().await;
    assert_eq!(rows.len(), before + 1, "{}", sdk.name);
    let source = format!("/shop/{} ", sdk.name);
    let (_, row) = rows.iter().find(|(name, _)| name.starts_with(&source)).unwrap();
    let region = [("region".to_owned(), "eu".to_owned())].into();
    assert_eq!((row.meter.as_str(), row.quantity.as_str()), ("ingestion", "12.5"));
    assert_eq!(row.dimensions, region);
}

async fn before_both(sdk: &Sdk) {
    for with_gateway in [false, true] {
        let place = Place::new(with_gateway).await;
        if !sdk.modes.is_empty() {
            everything_arrives_once(sdk, &place).await;
        }
        the_first_event_counts_once(sdk, &place).await;
    }
}

#[tokio::test]
async fn python_is_understood() {
    before_both(&PYTHON).await;
}

#[tokio::test]
async fn node_is_understood() {
    before_both(&NODE).await;
}

#[tokio::test]
async fn go_is_understood() {
    before_both(&GO).await;
}

#[tokio::test]
async fn curl_is_understood() {
    before_both(&CURL).await;
}

/// A program that is refused says so, with what the server says.
#[tokio::test]
async fn a_refusal_is_shown() {
    let place = Place::new(false).await;
    place.ground.write("sender", "no token\n");
    let url = format!("{}/usage/events", place.url());
    for sdk in [&PYTHON, &NODE, &GO, &CURL] {
        let complaint = sdk.complaint("first", &url, &place.ground.path("sender")).await;
        // Go's client drops the answer where it may try again.
        let part = if sdk.name == "go" { "401" } else { "problems/unauthenticated" };
        assert!(complaint.contains(part), "{}: {complaint}", sdk.name);
    }
}
