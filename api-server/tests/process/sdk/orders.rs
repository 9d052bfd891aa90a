//! What the SDKs are told to send, and what must come of it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz};
use serde_json::{Value, json};

use super::Row;
use super::program::Sdk;

pub struct Order {
    /// As the program reads it.
    pub line: Value,
    /// The rows that must come of it, by id.
    pub rows: Vec<(String, Row)>,
    pub refused: Option<Refused>,
}

/// The first thing that is said to be wrong.
pub struct Refused {
    pub pointer: &'static str,
    pub code: &'static str,
}

const METERS: [(&str, &str); 5] = [
    ("ingestion", "12.5"),
    ("query", "3"),
    ("timeline", "0.000001"),
    ("agents", "1000000.75"),
    ("signup", "1"),
];

/// An event, and the row that comes of it.
fn event(id: &str, meter: &str, quantity: &Value, extensions: &Value) -> (Value, Row) {
    let line = json!({"id": id, "type": format!("dev.tenantry.usage.{meter}"),
        "data": {"quantity": quantity}, "extensions": extensions});
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let dimensions: BTreeMap<String, String> =
        extensions.as_object().unwrap().iter().map(|(k, v)| (k.clone(), text(v))).collect();
    let (meter, quantity) = (meter.to_owned(), text(quantity));
    (line, Row { meter, quantity, dimensions, time: None })
}

fn taken(mode: &str, events: Vec<(Value, Row)>) -> Order {
    let (lines, rows): (Vec<Value>, Vec<Row>) = events.into_iter().unzip();
    let ids = lines.iter().map(|line| line["id"].as_str().unwrap().to_owned());
    let rows = ids.zip(rows).collect();
    Order { line: json!({"mode": mode, "events": lines}), rows, refused: None }
}

/// What was taken before: a success, and no row.
fn known(mode: &str, events: &[Value]) -> Order {
    Order { line: json!({"mode": mode, "events": events}), rows: Vec::new(), refused: None }
}

fn refused(mode: &str, event: &Value, pointer: &'static str, code: &'static str) -> Order {
    let line = json!({"mode": mode, "events": [event]});
    Order { line, rows: Vec::new(), refused: Some(Refused { pointer, code }) }
}

fn plain(id: &str, meter: &str, quantity: impl Into<Value>) -> (Value, Row) {
    event(id, meter, &quantity.into(), &json!({"region": "eu"}))
}

/// Everything that is taken in one way.
fn good(mode: &str) -> Vec<Order> {
    let one = |event| taken(mode, vec![event]);
    let id = |name: &str| format!("{mode}-{name}");
    let mut orders: Vec<Order> =
        METERS.iter().map(|(meter, quantity)| one(plain(&id(meter), meter, *quantity))).collect();
    orders.push(one(plain(&id("whole"), "query", 2)));
    // At a clock that is an hour ahead, to the millisecond.
    let hour = tz::Offset::constant(1);
    let now = Timestamp::now() - SignedDuration::from_mins(5);
    let at = Timestamp::from_millisecond(now.as_second() * 1000 + 123).unwrap();
    let (mut line, mut row) = plain(&id("time"), "query", "1");
    line["time"] = json!(at.display_with_offset(hour).to_string());
    row.time = Some(at);
    orders.push(taken(mode, vec![(line.clone(), row)]));
    orders.push(known(mode, &[line]));
    // An id as people write them.
    let spaced = json!({"region": "eu west \"1\"", "team": "a,b;c=d/e?"});
    orders.push(one(event(&id("a b"), "query", &json!("1"), &spaced)));
    orders
}

/// What is not taken, whatever it is sent by.
fn bad(mode: &str) -> Vec<Order> {
    const AT: &str = "/0/data/quantity";
    let id = |name: &str| format!("{mode}-{name}");
    let (negative, _) = plain(&id("negative"), "query", "-1");
    let (float, _) = plain(&id("float"), "query", 1.5);
    let (unknown, _) = plain(&id("unknown"), "tea", "1");
    vec![
        refused(mode, &negative, AT, "negative_quantity"),
        refused(mode, &float, AT, "float_quantity"),
        refused(mode, &unknown, "/0/type", "unknown_type"),
    ]
}

/// What depends on how the SDK writes headers.
fn special(sdk: &Sdk, mode: &str) -> Vec<Order> {
    let id = |name: &str| format!("{mode}-{name}");
    let (foreign, row) = event(&id("foreign"), "query", &json!("1"), &json!({"city": "Zürich"}));
    let mut orders = vec![match !mode.ends_with("binary") || sdk.speaks_unicode_in_headers(mode) {
        true => taken(mode, vec![(foreign, row)]),
        false => refused(mode, &foreign, "ce-city", "invalid_value"),
    }];
    // The library that sends it takes texts alone as headers.
    if mode != "v1-binary" {
        orders.push(taken(
            mode,
            vec![event(&id("shard"), "query", &json!("1"), &json!({"shard": 7}))],
        ));
    }
    // Its emitter does not send a request without a body.
    if (sdk.name, mode) != ("node", "binary") {
        let (mut empty, _) = plain(&id("empty"), "query", "1");
        empty.as_object_mut().unwrap().remove("data");
        orders.push(refused(mode, &empty, "/0/data", "missing"));
    }
    orders
}

fn batches() -> Vec<Order> {
    let all = || METERS.iter().map(|(meter, n)| plain(&format!("batch-{meter}"), meter, *n));
    let mut first = all().collect::<Vec<_>>();
    let at = Timestamp::now().to_string();
    first.iter_mut().for_each(|(line, _)| line["time"] = json!(at));
    let lines: Vec<Value> = first.iter().map(|(line, _)| line.clone()).collect();
    let again = known("batch", &lines);
    let mut mixed = taken("batch", vec![plain("batch-good", "query", "1")]);
    let (bad, _) = plain("batch-bad", "query", "-1");
    mixed.line["events"].as_array_mut().unwrap().push(bad);
    mixed.refused = Some(Refused { pointer: "/data/quantity", code: "negative_quantity" });
    vec![taken("batch", first), again, mixed]
}

/// All that `sdk` is to send.
pub fn orders(sdk: &Sdk, to_gateway: bool) -> Vec<Order> {
    let mut orders = Vec::new();
    for mode in sdk.modes {
        orders.extend(good(mode));
        orders.extend(bad(mode));
        orders.extend(special(sdk, mode));
        // A gateway no longer knows what it has handed on; there the ledger finds it.
        if !to_gateway {
            let (other, _) = plain(&format!("{mode}-query"), "query", "4");
            orders.push(refused(mode, &other, "/0", "conflict"));
        }
    }
    orders.extend(batches());
    orders
}
