//! Claims that are missing, of another kind, or past an edge.

use api_server::auth::Refusal;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::{Cases, bases, not_strings};
use crate::fixture::{KUBERNETES, NOW, PEOPLE, WORLD, development, person, projected, sign};

pub fn times(cases: &mut Cases) {
    let wrong = [
        json!(null),
        json!("1795392300"),
        json!(1_795_392_300.5),
        json!([NOW + 300]),
        json!(true),
        json!({}),
        json!(-1),
        json!(u64::MAX),
        json!(9_223_372_036_854_775_808_u64),
    ];
    for base in bases() {
        for claim in ["exp", "nbf", "iat"] {
            for value in &wrong {
                cases.add(
                    Refusal::Time,
                    format!("{}: {claim} {value}", base.name),
                    base.clone().with(claim, value.clone()).token(),
                );
            }
            let text = base.claims_text().replacen(
                &format!("\"{claim}\":"),
                &format!("\"{claim}\":1e400,\"x\":"),
                1,
            );
            cases.add(
                Refusal::Malformed,
                format!("{}: {claim} 1e400", base.name),
                base.signed(&base.header_text(), &text),
            );
            for float in ["1795392300.0", "17953923e2", "1e10"] {
                let value: Value = serde_json::from_str(float).unwrap();
                cases.add(
                    Refusal::Time,
                    format!("{}: {claim} {float}", base.name),
                    base.clone().with(claim, value).token(),
                );
            }
        }
        for exp in [NOW, NOW - 1, NOW - 60, 0] {
            cases.add(
                Refusal::Time,
                format!("{}: exp {}", base.name, exp - NOW),
                base.clone().with("exp", exp).token(),
            );
        }
        cases.add(
            Refusal::Time,
            format!("{}: no exp", base.name),
            base.clone().without("exp").token(),
        );
        for claim in ["nbf", "iat"] {
            for ahead in [6, 60, 86_400] {
                cases.add(
                    Refusal::Time,
                    format!("{}: {claim} in {ahead} s", base.name),
                    base.clone().with(claim, NOW + ahead).token(),
                );
            }
        }
    }
}

pub fn names(cases: &mut Cases) {
    for base in bases() {
        let own = base.claims["iss"].as_str().unwrap().to_owned();
        let issuers = [
            format!("{own}/"),
            format!("{own} "),
            own.to_uppercase(),
            own[..own.len() - 1].to_owned(),
            format!("x{own}"),
            String::new(),
            "*".to_owned(),
            format!("{own}\u{0}"),
            own.replace('e', "\u{435}"),
        ];
        for issuer in issuers {
            cases.add(
                Refusal::Issuer,
                format!("{}: iss {issuer:?}", base.name),
                base.clone().with("iss", issuer).token(),
            );
        }
        cases.add(
            Refusal::Issuer,
            format!("{}: no iss", base.name),
            base.clone().without("iss").token(),
        );
        for value in [json!([own]), json!([own, "x"]), json!(null), json!(1), json!({"0": own})] {
            cases.add(
                Refusal::Malformed,
                format!("{}: iss {value}", base.name),
                base.clone().with("iss", value).token(),
            );
        }
        for value in [json!(null), json!(7), json!(["ada"]), json!({}), json!(true)] {
            cases.add(
                Refusal::Malformed,
                format!("{}: sub {value}", base.name),
                base.clone().with("sub", value).token(),
            );
        }
        for value in [String::new(), "x".repeat(257), "a\u{0}b".to_owned(), "a\nb".to_owned()] {
            cases.add(
                Refusal::Claim,
                format!("{}: sub {:.9}", base.name, value),
                base.clone().with("sub", value).token(),
            );
        }
        cases.add(
            Refusal::Claim,
            format!("{}: no sub", base.name),
            base.clone().without("sub").token(),
        );
    }
    cases.add(
        Refusal::Key,
        "people's key and claims, the cluster's name",
        person().with("iss", KUBERNETES).headless("typ").token(),
    );
    cases.add(
        Refusal::Type,
        "the cluster's key and claims, people's name",
        projected().with("iss", PEOPLE).token(),
    );
    let typed = projected().with("iss", PEOPLE).header("typ", "at+jwt");
    cases.add(Refusal::Key, "the cluster's key, people's name and typ", typed.token());
    let borrowed = sign(
        &typed.clone().header("kid", "e1").header_text(),
        &typed.claims_text(),
        &WORLD.cluster.private,
        Algorithm::ES256,
    );
    cases.add(Refusal::Signature, "the cluster's key under a person's kid", borrowed);
}

pub fn audiences(cases: &mut Cases) {
    for base in bases() {
        let wrong = [
            json!(null),
            json!(1),
            json!({}),
            json!([]),
            json!(""),
            json!("other"),
            json!(["other"]),
            json!([1]),
            json!(["billing", 1]),
            json!([["billing"]]),
            json!("Billing"),
            json!("billing "),
            json!("tenantry-usage,billing"),
            json!("billing tenantry-usage"),
            json!("bill"),
            json!("tenantry"),
            json!([null]),
            json!([""]),
            json!("*"),
        ];
        for value in wrong {
            let why = match &value {
                Value::Array(list)
                    if list.iter().any(|one| one.as_str().is_none_or(str::is_empty)) =>
                {
                    Refusal::Claim
                }
                _ => Refusal::Audience,
            };
            cases.add(
                why,
                format!("{}: aud {value}", base.name),
                base.clone().with("aud", value).token(),
            );
        }
        cases.add(
            Refusal::Audience,
            format!("{}: no aud", base.name),
            base.clone().without("aud").token(),
        );
    }
    for value in [
        json!("tenantry-usage"),
        json!(["tenantry-usage", "billing"]),
        json!(["tenantry-usage", "tenantry-gateway"]),
        json!(["tenantry-usage", "https://kubernetes.default.svc"]),
        json!(["billing"]),
    ] {
        cases.add(
            Refusal::Audience,
            format!("kubernetes: aud {value}"),
            projected().with("aud", value).token(),
        );
    }
    cases.add(
        Refusal::Audience,
        "people: aud tenantry-gateway",
        person().with("aud", "tenantry-gateway").token(),
    );
}

pub fn grants(cases: &mut Cases) {
    for base in [person(), development()] {
        for claim in ["scope", "tenant"] {
            for value in not_strings() {
                cases.add(
                    Refusal::Malformed,
                    format!("{}: {claim} {value}", base.name),
                    base.clone().with(claim, value).token(),
                );
            }
        }
        for value in [
            json!("CustomerSuccessManager"),
            json!(null),
            json!({}),
            json!([1]),
            json!([["x"]]),
            json!([""]),
            json!(vec!["r"; 65]),
        ] {
            cases.add(
                Refusal::Claim,
                format!("{}: roles {:.30}", base.name, value.to_string()),
                base.clone().with("roles", value).token(),
            );
        }
        for tenant in [
            "",
            "*",
            "acme ",
            " acme",
            "acme/../globex",
            "аcme",
            "acme,globex",
            "acme\u{0}",
            "-acme",
            ".",
            "%61cme",
        ] {
            cases.add(
                Refusal::Claim,
                format!("{}: tenant {tenant:?}", base.name),
                base.clone().with("tenant", tenant).token(),
            );
        }
        let many: Vec<String> = (0..65).map(|n| format!("s{n}")).collect();
        cases.add(
            Refusal::Claim,
            format!("{}: 65 scopes", base.name),
            base.with("scope", many.join(" ")).token(),
        );
    }
}

pub fn workloads(cases: &mut Cases) {
    let good = projected().claims["kubernetes.io"].clone();
    let mut bend = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut value = good.clone();
        change(&mut value);
        cases.add(
            Refusal::Claim,
            format!("kubernetes: {name}"),
            projected().with("kubernetes.io", value).token(),
        );
    };
    bend("not an object", &|value| *value = json!("x"));
    bend("a list", &|value| *value = json!([value.clone()]));
    bend("another namespace", &|value| value["namespace"] = json!("tenant-globex"));
    bend("another account", &|value| value["serviceaccount"]["name"] = json!("voice"));
    for pointer in ["/namespace", "/serviceaccount", "/serviceaccount/name", "/serviceaccount/uid"]
    {
        for value in [json!(null), json!(1), json!(""), json!(["core"])] {
            bend(&format!("{pointer} {value}"), &|all| {
                *all.pointer_mut(pointer).unwrap() = value.clone();
            });
        }
    }
    cases.add(
        Refusal::Claim,
        "kubernetes: claim gone",
        projected().without("kubernetes.io").token(),
    );
    for sub in [
        "system:serviceaccount:tenant-acme:voice",
        "system:serviceaccount:tenant-globex:core",
        "core",
        "system:node:n1",
        "system:serviceaccount:tenant-acme:core:x",
        "System:ServiceAccount:tenant-acme:core",
    ] {
        cases.add(
            Refusal::Claim,
            format!("kubernetes: sub {sub}"),
            projected().with("sub", sub).token(),
        );
    }
}
