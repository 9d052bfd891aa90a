//! What a file may say, and what is answered when it says something else.

use super::*;
use crate::domain::money::Money;

const PLAN: &str = r#"plans:
  - plan: team
    version: 1
    effective_from: 2026-01-01T00:00:00Z
    currency: USD
    base: "899.00"
    support_hours: 8
    meters:
      agents: { included: "40000", price: { flat: "0.030" } }
      ingestion: { included: "500", price: { flat: "0.30" } }
      query: { included: "1000000", price: { flat: "0.0006" } }
      timeline: { included: "2000000", price: { flat: "0.0002" } }
"#;

/// The sound plan with one text in it replaced.
fn edited(from: &str, to: &str) -> String {
    assert!(PLAN.contains(from), "{from}");
    PLAN.replacen(from, to, 1)
}

fn with_price(price: &str) -> String {
    edited("price: { flat: \"0.030\" }", &format!("price: {price}"))
}

/// Reads the agents' charge of the plan with this price.
fn charge_of(price: &str) -> crate::domain::rating::Charge {
    let catalogue = Catalogue::parse(&with_price(price)).unwrap();
    catalogue.get(&id("team", 1)).unwrap().terms.charges[&Meter::Agents].clone()
}

/// What is wrong with a file: `POINTER: PROBLEM`.
fn problem(text: &str) -> String {
    Catalogue::parse(text).unwrap_err().to_string()
}

#[test]
fn every_kind_of_price_can_be_written() {
    let documents = [
        "{ flat: \"0.03\" }",
        "{ graduated: [{ up_to: \"400000\", price: \"0.010\" }, { price: \"0.008\" }] }",
        "{ volume: [{ up_to: \"400000\", price: \"0.010\" }, { price: \"0.008\" }] }",
        "{ package: { size: \"1000\", price: \"9.00\" } }",
    ];
    let prices = documents.map(|price| charge_of(price).price);
    assert!(matches!(prices[0], Price::Flat(_)));
    assert!(matches!(prices[1], Price::Graduated(_)));
    assert!(matches!(prices[2], Price::Volume(_)));
    assert!(matches!(prices[3], Price::Package { .. }));
    let used = Quantity::from_units(540_000).unwrap();
    let costs = prices.map(|price| {
        let parts = price.parts(used).unwrap();
        let exact: i128 = parts.into_iter().map(|part| part.exact().unwrap()).sum();
        exact / 1_000_000_000_000_000
    });
    assert_eq!(costs, [16_200, 5_120, 4_320, 4_860]);
}

#[test]
fn minimum_and_maximum_can_be_written() {
    let charge = charge_of("{ flat: \"1\" }, minimum: \"5\", maximum: \"5.00\"");
    let five = Money::parse("5.00", Currency::USD).unwrap();
    assert_eq!((charge.minimum, charge.maximum), (Some(five), Some(five)));
}

#[test]
fn decimals_may_stand_without_quotes_and_stay_exact() {
    let text = edited("\"0.30\"", "0.123456789");
    let catalogue = Catalogue::parse(&text).unwrap();
    let charge = &catalogue.get(&id("team", 1)).unwrap().terms.charges[&Meter::Ingestion];
    assert_eq!(charge.price, Price::Flat("0.123456789".parse().unwrap()));
}

#[test]
fn a_version_reads_as_it_was_written() {
    for price in [
        "{ flat: \"0.03\" }, minimum: \"1.50\"",
        "{ graduated: [{ up_to: \"4.5\", price: \"0.010\" }, { price: \"0\" }] }",
        "{ volume: [{ price: \"0.008\" }] }, maximum: \"0.00\"",
        "{ package: { size: \"1000\", price: \"9.00\" } }",
    ] {
        let catalogue = Catalogue::parse(&with_price(price)).unwrap();
        let version = catalogue.get(&id("team", 1)).unwrap();
        let json = serde_json::to_string(&VersionDocument::from(version)).unwrap();
        let stored: VersionDocument = serde_json::from_str(&json).unwrap();
        assert_eq!(stored.read("").as_ref(), Ok(version), "{json}");
    }
}

#[test]
fn a_field_that_cannot_be_is_named_with_its_remedy() {
    let agents = "/plans/0/meters/agents";
    let cases = [
        ("plan: team", "plan: Team", "/plan: \"Team\" must be 1 to 40 of a-z, 0-9 and -"),
        ("plan: team", "plan: \"\"", "/plan: \"\" must be 1 to 40"),
        ("plan: team", "plan: 1st", "/plan: \"1st\" must be"),
        ("version: 1", "version: 0", "/version: must be 1 or more"),
        ("USD", "usd", "/currency: \"usd\" is not an ISO 4217 code such as USD"),
        ("USD", "XYZ", "/currency: \"XYZ\" is not"),
        ("899.00", "899.001", "/base: \"899.001\" has more than 2 digits after the point"),
        ("899.00", "-1", "/base: \"-1\" must not be negative"),
        ("899.00", "1,000", "/base: \"1,000\" is not a decimal number such as 12.5"),
        ("hours: 8", "hours: 0", "/support_hours: must be 1 or more"),
        ("40000", "-1", "/meters/agents/included: \"-1\" must not be negative"),
        ("0.030", "1e3", "/meters/agents/price/flat: \"1e3\" is not a decimal number"),
        ("0.030", "-0.1", "/meters/agents/price/flat: \"-0.1\" must not be negative"),
        ("0.030", "99999999999", "/meters/agents/price/flat: \"99999999999\" is larger than"),
        ("      agents: {", "      cpu: {", "/meters/cpu: \"cpu\" is not a meter (one of: ing"),
        ("      agents: {", "      a/b~: {", "/meters/a~1b~0: \"a/b~\" is not a meter"),
        ("agents: {", "signup: {", "/meters/signup: signup is recorded, never billed: remove it"),
    ];
    for (from, to, want) in cases {
        let problem = problem(&edited(from, to));
        assert!(problem.starts_with(&format!("/plans/0{want}")), "{problem}");
    }
    let long = problem(&edited("plan: team", &format!("plan: {}", "a".repeat(41))));
    assert!(long.starts_with("/plans/0/plan: "), "{long}");
    assert!(Catalogue::parse(&edited("plan: team", &format!("plan: {}", "a".repeat(40)))).is_ok());
    let bounds = problem(&with_price("{ flat: \"1\" }, minimum: \"5\", maximum: \"4.99\""));
    assert_eq!(bounds, format!("{agents}/maximum: must be 5.00 or more, the minimum"));
    let package = problem(&with_price("{ package: { size: \"0\", price: \"1\" } }"));
    assert_eq!(package, format!("{agents}/price/package/size: must be more than 0"));
}

#[test]
fn a_billed_meter_without_a_price_is_missed() {
    let line = "      timeline: { included: \"2000000\", price: { flat: \"0.0002\" } }\n";
    assert_eq!(
        problem(&edited(line, "")),
        "/plans/0/meters: timeline is missing: say what it costs"
    );
}

#[test]
fn dates_are_in_order() {
    let from = "effective_from: 2026-01-01T00:00:00Z";
    let to = |to: &str| problem(&edited(from, &format!("{from}\n    effective_to: {to}")));
    for end in ["2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z"] {
        assert_eq!(to(end), "/plans/0/effective_to: must be after effective_from");
    }
    let day = problem(&edited("2026-01-01T00:00:00Z", "2026-01-01"));
    let want = "\"2026-01-01\" is not an instant such as 2026-01-01T00:00:00Z";
    assert_eq!(day, format!("/plans/0/effective_from: {want}"));
    let draft = problem(&edited(from, "effective_to: 2026-01-01T00:00:00Z"));
    assert_eq!(draft, "/plans/0/effective_to: a draft cannot end: add effective_from");
}

#[test]
fn tiers_are_in_order_and_only_the_last_has_no_end() {
    let cases = [
        ("[]", ": must have a tier: {price}"),
        ("[{ up_to: \"1\", price: \"1\" }]", "/0/up_to: the last tier has no end: remove it"),
        ("[{ price: \"1\" }, { price: \"1\" }]", "/0/up_to: is missing: only the last tier"),
        (
            "[{ up_to: \"2\", price: \"1\" }, { up_to: \"2\", price: \"1\" }, { price: \"1\" }]",
            "/1/up_to: tier 1 must end after the one before it",
        ),
        ("[{ up_to: \"2\", price: \"x\" }, { price: \"1\" }]", "/0/price: \"x\" is not a"),
        ("[{ up_to: \"2\", price: \"1\" }, { price: \"-1\" }]", "/1/price: \"-1\" must not"),
    ];
    for model in ["graduated", "volume"] {
        for (tiers, want) in cases {
            let problem = problem(&with_price(&format!("{{ {model}: {tiers} }}")));
            let want = format!("/plans/0/meters/agents/price/{model}{want}");
            assert!(problem.starts_with(&want), "{problem}");
        }
    }
}

#[test]
fn a_field_that_does_not_exist_is_named_with_those_that_do() {
    let cases = [
        ("    base:", "    basis:", "/plans/0/basis", "basis", "base"),
        (
            "agents: { included:",
            "agents: { inclued:",
            "/plans/0/meters/agents/inclued",
            "inclued",
            "price",
        ),
        (
            "{ flat: \"0.030\"",
            "{ flat_rate: \"0.030\"",
            "/plans/0/meters/agents/price",
            "flat_rate",
            "graduated",
        ),
        ("plans:", "plan:", "/plan", "plan", "plans"),
    ];
    for (from, to, pointer, unknown, known) in cases {
        let error = Catalogue::parse(&edited(from, to)).unwrap_err();
        assert_eq!(error.pointer, pointer, "{error}");
        assert!(error.problem.contains(unknown), "{error}");
        assert!(error.problem.contains(known), "{error}");
    }
}

#[test]
fn what_is_missing_twice_or_of_the_wrong_kind_is_named_with_its_place() {
    let cases = [
        ("    currency: USD\n", "", "/plans/0", "currency"),
        ("    version: 1\n", "    version: 1\n    version: 1\n", "/plans/0", "version"),
        ("version: 1", "version: one", "/plans/0/version", "must be a whole number from 1"),
        ("hours: 8", "hours: 8.5", "/plans/0/support_hours", "must be a whole number from 1"),
        ("{ flat: \"0.030\" }", "0.030", "/plans/0/meters/agents/price", "flat, graduated"),
        ("{ flat: \"0.030\" }", "{ flat: [1] }", "/plans/0/meters/agents/price/flat", "string"),
    ];
    for (from, to, pointer, word) in cases {
        let error = Catalogue::parse(&edited(from, to)).unwrap_err();
        assert_eq!(error.pointer, pointer, "{error}");
        assert!(error.problem.contains(word), "{error}");
        assert!(error.problem.contains("line"), "{error}");
        assert!(!error.problem.contains('\n'), "{error}");
    }
}

#[test]
fn a_file_without_plans_is_no_catalogue() {
    assert_eq!(problem("plans: []"), "/plans: must have a plan");
    for text in ["", "plans:", "[]", "plans: {", "plans: []\n---\nplans: []"] {
        assert!(Catalogue::parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_place_of_a_conflict_between_versions_is_that_in_the_file() {
    let twice = format!("{PLAN}{}", PLAN.trim_start_matches("plans:\n"));
    assert!(problem(&twice).starts_with("/plans/1/version: team@1 is there twice"));
    let second = PLAN.trim_start_matches("plans:\n").replace("version: 1", "version: 2");
    let problem = problem(&format!("{PLAN}{second}"));
    assert!(problem.starts_with("/plans/1/effective_from: team@2 must be"), "{problem}");
}
