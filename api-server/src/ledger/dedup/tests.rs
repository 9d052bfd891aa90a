use std::collections::BTreeMap;

use super::*;
use crate::domain::{Quantity, meter::Meter};

fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

fn event() -> UsageEvent {
    UsageEvent {
        account: account("acme"),
        source: "/core".to_owned(),
        id: "e-1".to_owned(),
        meter: Meter::Query,
        time: "2026-11-23T00:00:00Z".parse().unwrap(),
        quantity: Quantity::from_micros(1),
        dims: BTreeMap::new(),
    }
}

#[test]
fn account_source_and_id_make_the_key_each_on_its_own() {
    let known = key(&account("ab"), "cd", "ef");
    assert_eq!(known, key(&account("ab"), "cd", "ef"));
    for (a, s, i) in
        [("abc", "d", "ef"), ("ab", "cde", "f"), ("ab", "cd", "eg"), ("a", "bcd", "ef")]
    {
        assert_ne!(known, key(&account(a), s, i));
    }
}

#[test]
fn what_an_event_says_makes_the_body_and_its_name_does_not() {
    let body = event_body(&event(), "");
    let named = UsageEvent { id: "other".to_owned(), source: "/x".to_owned(), ..event() };
    assert_eq!(event_body(&named, ""), body);
    let said = [
        UsageEvent { meter: Meter::Agents, ..event() },
        UsageEvent { quantity: Quantity::from_micros(2), ..event() },
        UsageEvent { time: "2026-11-23T00:00:00.001Z".parse().unwrap(), ..event() },
    ];
    for event in said {
        assert_ne!(event_body(&event, ""), body);
    }
    assert_ne!(event_body(&event(), r#"{"a":"b"}"#), body);
}

#[test]
fn a_correction_never_repeats_an_event() {
    let by = |change| Correction {
        source: "/core".to_owned(),
        id: "e-1".to_owned(),
        ref_seq: 1,
        change,
        notes: BTreeMap::new(),
    };
    let changes = [Change::Void, Change::By(Quantity::ZERO), Change::By(Quantity::from_micros(1))];
    let mut bodies: Vec<_> = changes.map(|c| correction_body(&by(c), "")).to_vec();
    bodies.push(correction_body(&Correction { ref_seq: 2, ..by(Change::Void) }, ""));
    bodies.push(correction_body(&by(Change::Void), r#"{"reason":"x"}"#));
    bodies.push(event_body(&event(), ""));
    let distinct: std::collections::BTreeSet<_> = bodies.iter().collect();
    assert_eq!(distinct.len(), bodies.len());
}

#[test]
fn keys_are_looked_for_in_the_month_of_arrival_and_the_one_before() {
    let months = |t: &str| months(t.parse().unwrap());
    assert_eq!(months("2026-11-01T00:00:00Z"), (202_611, 202_610));
    assert_eq!(months("2026-10-31T23:59:59.999Z"), (202_610, 202_609));
    assert_eq!(months("2027-01-31T12:00:00Z"), (202_701, 202_612));
    // By UTC, whatever the account's zone: keys of all accounts age together.
    assert_eq!(months("2026-11-30T23:30:00-05:00"), (202_612, 202_611));
}

#[test]
fn after_december_comes_january() {
    assert_eq!(after(202_611), 202_612);
    assert_eq!(after(202_612), 202_701);
}
