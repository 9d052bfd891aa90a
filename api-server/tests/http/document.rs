//! The document says what the routes do, and every route has a rule that keeps others out.

use std::collections::BTreeMap;

use api_server::auth::Audience;
use api_server::routes::Routes;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use serde_json::Value;

use crate::api::{Api, token};

fn document() -> Value {
    serde_json::from_str(&Routes::all().document().unwrap()).unwrap()
}

/// `GET /billing/plans` and so on, as the document has them.
fn operations() -> Vec<(String, String, Value)> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| {
            (method.to_uppercase(), path.clone(), operation.clone())
        })
    });
    each.collect()
}

#[test]
fn the_committed_document_is_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let now = Routes::all().document().unwrap();
    if std::env::var_os("TENANTRY_UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == now, "openapi.json is stale: run with TENANTRY_UPDATE_GOLDEN=1");
}

#[test]
fn every_route_is_in_the_document_and_every_operation_is_a_route() {
    let mut documented: Vec<(String, String)> =
        operations().into_iter().map(|(method, path, _)| (method, path)).collect();
    let routes = Routes::all();
    let mut registered: Vec<(String, String)> = routes
        .registered()
        .iter()
        .map(|route| (route.method.to_owned(), route.path.clone()))
        .collect();
    documented.sort();
    registered.sort();
    assert_eq!(documented, registered);
    assert!(!documented.is_empty());
}

#[test]
fn every_operation_is_described_and_has_its_errors() {
    for (method, path, operation) in operations() {
        let name = format!("{method} {path}");
        for member in ["summary", "description", "operationId", "tags", "x-access"] {
            assert!(!operation[member].is_null(), "{name} has no {member}");
        }
        let answers = operation["responses"].as_object().unwrap();
        let guarded = operation["x-access"]["rule"] != "public";
        assert_eq!(operation["security"].as_array().unwrap().len(), usize::from(guarded), "{name}");
        for status in ["400", "429", "503"] {
            assert!(answers.contains_key(status), "{name}: {status}");
        }
        for status in ["401", "403"] {
            assert_eq!(answers.contains_key(status), guarded, "{name}: {status}");
        }
        for (status, answer) in answers.iter().filter(|(status, _)| status.starts_with(['4', '5']))
        {
            assert!(answer["content"]["application/problem+json"].is_object(), "{name}: {status}");
        }
    }
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

/// Who is let in by each rule, written down once more, by hand: audience, scope, role, tenant.
/// A rule that is not here fails the matrix.
fn admitted(rule: &str, who: &Caller) -> Option<StatusCode> {
    let Caller { audience, scopes, csm, tenant } = who;
    let has = |scope: &str| scopes.split(' ').any(|one| one == scope);
    let person = |wanted: Audience, good: bool| {
        if *audience != wanted {
            StatusCode::UNAUTHORIZED
        } else if good {
            StatusCode::OK
        } else {
            StatusCode::FORBIDDEN
        }
    };
    Some(match rule {
        "public" => StatusCode::OK,
        "billing-read" => person(Audience::Billing, *csm && has("billing:read")),
        "account-read" => person(
            Audience::Billing,
            (*csm && has("billing:read")) || (tenant.is_some() && has("billing:read:own")),
        ),
        "usage-write" => person(Audience::Usage, tenant.is_some() && has("usage:write")),
        "usage-read" => person(Audience::Usage, tenant.is_some() && has("usage:read")),
        "billing-correct" => person(Audience::Billing, has("billing:correct")),
        "billing-plan" => person(Audience::Billing, has("billing:plan")),
        // A receipt, which two of these take too, is no token of this matrix.
        "onboarding-read" | "onboarding-follow" | "onboarding-decide" | "onboarding-withdraw" => {
            person(Audience::Billing, *csm && has("onboarding:approve"))
        }
        _ => return None,
    })
}

/// The id of a request that is not there.
const NO_INTAKE: &str = "018f0000-0000-7000-8000-000000000000";

struct Caller {
    audience: Audience,
    scopes: &'static str,
    csm: bool,
    tenant: Option<&'static str>,
}

const SCOPES: [&str; 10] = [
    "",
    "billing:read",
    "billing:read:own",
    "usage:write",
    "usage:read",
    "billing:correct",
    "billing:plan",
    "onboarding:approve",
    "billing:readwrite",
    "billing:read billing:read:own usage:write usage:read billing:correct billing:plan \
     onboarding:approve",
];

/// Every caller that the matrix knows.
fn callers() -> Vec<Caller> {
    let mut all = Vec::new();
    for audience in Audience::ALL {
        for scopes in SCOPES {
            for csm in [false, true] {
                for tenant in [None, Some("acme"), Some("globex")] {
                    all.push(Caller { audience, scopes, csm, tenant });
                }
            }
        }
    }
    all
}

/// Every operation of the document × every caller. What comes after the rule (a body that is none, a
/// missing row) is not looked at here: only whether the rule let the caller in.
#[tokio::test]
async fn the_authorization_matrix_holds() {
    let api = Api::new().await;
    let mut counts: BTreeMap<StatusCode, usize> = BTreeMap::new();
    for (method, path, operation) in operations() {
        let rule = operation["x-access"]["rule"].as_str().unwrap();
        let path = path.replace("{account}", "acme").replace("{id}", NO_INTAKE);
        for who in callers() {
            let expected = admitted(rule, &who)
                .unwrap_or_else(|| panic!("{method} {path}: the matrix has no rule {rule}"));
            let role = who.csm.then_some("CustomerSuccessManager");
            let token = token(who.audience, who.scopes, role, who.tenant);
            let request = Request::builder()
                .method(Method::from_bytes(method.as_bytes()).unwrap())
                .uri(&path)
                .header("authorization", format!("Bearer {token}"));
            let answer = api.send(request.body(Body::empty()).unwrap()).await;
            let refused =
                [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status);
            let got = if refused { answer.status } else { StatusCode::OK };
            let Caller { audience, scopes, csm, tenant } = &who;
            assert_eq!(
                got, expected,
                "{method} {path}: {audience} {scopes:?} {csm} {tenant:?}: {}",
                answer.text
            );
            *counts.entry(got).or_default() += 1;
        }
    }
    assert!(counts.len() == 3 && counts.values().all(|count| *count > 0), "{counts:?}");
}

#[tokio::test]
async fn the_document_and_its_page_are_served_without_any_other_host() {
    let api = Api::new().await;
    let served = api.get("/openapi.json", None).await;
    assert_eq!(served.status, StatusCode::OK);
    assert_eq!(served.json(), document());
    let page = api.get("/docs/", None).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("swagger-ui"), "{}", page.text);
    assert!(!page.text.contains("https://"), "{}", page.text);
    for part in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        assert_eq!(api.get(&format!("/docs/{part}"), None).await.status, StatusCode::OK, "{part}");
    }
}
