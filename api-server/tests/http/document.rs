//! The document says what the routes do. Who is let in: `matrix`.

use api_server::routes::Routes;
use axum::http::StatusCode;
use serde_json::Value;

use crate::api::Api;

pub fn document() -> Value {
    serde_json::from_str(&Routes::all().document().unwrap()).unwrap()
}

/// `GET /billing/plans` and so on, as the document has them.
pub fn operations() -> Vec<(String, String, Value)> {
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
