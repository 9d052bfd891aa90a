#![allow(clippy::needless_pass_by_value, reason = "json! stands at the call")]

use serde_json::{Value, json};

use super::*;
use crate::kubectl::recording::golden;

fn usd(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "USD" })
}

fn plan(key: &str, base: &str, hours: u32, agents: &str, price: Value) -> Value {
    json!({ "key": key, "version": 1, "base": usd(base), "support_hours": hours, "meters": [
        { "name": "agents", "unit": "runs", "included": agents, "price": price },
        { "name": "ingestion", "unit": "GB", "included": "500",
            "price": { "kind": "graduated", "tiers": [{ "price": "0.3", "up_to": "100" }, { "price": "0.2" }] } },
    ] })
}

fn asked(change: Option<Value>) -> Price {
    let list = [
        plan("starter", "299.00", 24, "10000", json!({ "kind": "flat", "price": "0.05" })),
        plan("team", "899.00", 8, "40000", json!({ "kind": "flat", "price": "0.03" })),
        plan(
            "scale",
            "2499.00",
            2,
            "150000",
            json!({ "kind": "package", "size": "1000", "price": "15" }),
        ),
    ];
    let list = list.into_iter().map(|plan| serde_json::from_value(plan).unwrap()).collect();
    let change = change.map(|change| serde_json::from_value(change).unwrap());
    let mut price = Price { plan: "scale".to_owned(), change, list, not_shown: None };
    price.keep_those_concerned();
    price
}

fn change(status: &str, effect: &str) -> Value {
    json!({ "account": "acme-1", "status": status, "plan": { "key": "scale", "version": 1 },
        "from": { "key": "team", "version": 1 }, "takes_effect": effect,
        "effective_at": "2026-11-23T12:00:00Z", "agreed_at": "2026-11-23T12:00:00Z",
        "period_ends_at": "2026-12-01T00:00:00Z", "by": "ada",
        "credit": usd("224.75"), "charge": usd("624.75"), "net": usd("400.00") })
}

#[test]
fn a_price_reads_as_committed() {
    let mut later = change("preview", "period_end");
    for name in ["credit", "charge", "net"] {
        later[name] = Value::Null;
    }
    later["effective_at"] = "2026-12-01T00:00:00Z".into();
    let unpriced = Price { not_shown: Some("no token".to_owned()), ..asked(None) };
    let unknown = Price { list: Vec::new(), ..unpriced.clone() };
    let texts = [
        ("an upgrade", asked(Some(change("preview", "now")))),
        ("a downgrade", asked(Some(later))),
        ("what is agreed already", asked(Some(change("standing", "now")))),
        ("without a token, from a server that is named", unpriced),
        ("without either", unknown),
    ]
    .map(|(name, one)| format!("# {name}\n{}\n", price(&one, Style::default())));
    golden("price.txt", &texts.concat());
}

#[test]
fn a_bill_reads_as_committed() {
    let ledger = json!({ "rows": 1, "late": 0, "corrections": 0, "events": "/x" });
    let line = |meter: &str, unit: &str, used: &str, billable: &str, cost: &str| {
        json!({ "stretch": 1, "meter": meter, "unit": unit, "used": used, "included": "500",
            "billable": billable, "parts": [], "exact": cost, "rated": usd(cost), "rounding": "0",
            "amount": usd(cost), "bound": null, "ledger": ledger })
    };
    let stretch = |number: u64, plan: &str, from: &str, to: &str| json!({ "stretch": number, "plan": plan, "version": 1, "from": from, "to": to });
    let corrected = |meter: &str, unit: &str, back: &str, worthless: &str| json!({ "meter": meter, "unit": unit, "taken_back": back, "without_worth": worthless });
    let bill_ = json!({ "as_of": { "row": 7, "at": "2026-11-29T10:00:00Z" },
        "plans": [stretch(0, "starter", "2026-11-01T00:00:00Z", "2026-11-16T00:00:00Z"),
            stretch(1, "team", "2026-11-16T00:00:00Z", "2026-12-01T00:00:00Z")],
        "base": [{ "stretch": 0, "full": usd("299.00"), "amount": usd("149.50") },
            { "stretch": 1, "full": usd("899.00"), "amount": usd("449.50") }],
        "lines": [line("ingestion", "GB", "1560.5", "1060.5", "318.15"), line("agents", "runs", "12", "0", "0.00")],
        "uncharged": [{ "stretch": 1, "meter": "signup", "unit": "signups", "used": "3",
            "reason": "not_in_plan", "ledger": ledger }],
        "corrected": [corrected("ingestion", "GB", "40", "0"), corrected("agents", "runs", "5000", "5000"),
            corrected("query", "requests", "1200", "200")],
        "total": usd("1917.15") });
    let edges = |low: &str, high: &str| json!({ "low": usd(low), "high": usd(high) });
    let used = json!({ "account": "acme-1",
        "as_of": { "at": "2026-11-29T09:58:00Z", "behind": 0, "stale": false },
        "period": { "start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z", "time_zone": "UTC" },
        "projected_cost": { "mean": usd("1984.10"), "likely": edges("1950.00", "2020.00"),
            "nearly_certain": edges("1917.15", "2101.00") } });
    let whole = Bill {
        usage: Some(serde_json::from_value(used.clone()).unwrap()),
        bill: Some(serde_json::from_value(bill_).unwrap()),
        not_shown: None,
    };
    let mut early = used;
    early["projected_cost"] = Value::Null;
    early["subscription"] =
        json!({ "plan": { "key": "team", "version": 1 }, "ends_at": "2026-12-01T00:00:00Z" });
    let early = Bill { usage: Some(serde_json::from_value(early).unwrap()), ..Bill::default() };
    let none = Bill { not_shown: Some("no token".to_owned()), ..Bill::default() };
    let texts = [("a bill", whole), ("too early", early), ("not shown", none)]
        .map(|(name, one)| format!("# {name}\n{}\n", bill(&one, Style::default())));
    golden("bill.txt", &texts.concat());
}

#[test]
fn thousands_stand_apart() {
    for (number, text) in [
        ("0", "0"),
        ("999.5", "999.5"),
        ("1049.00", "1,049.00"),
        ("-1234567.25", "-1,234,567.25"),
        ("100000", "100,000"),
        ("x", "x"),
    ] {
        assert_eq!(grouped(number), text);
    }
}
