//! CloudEvents in the binary mode: attributes in headers, as each SDK writes them.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};

use super::api::{Answer, Api, sender};
use super::events::{ONE, event, send};

const QUANTITY: &str = r#"{"quantity":"1"}"#;

/// An event without the type of its payload and without an id.
fn unnamed() -> axum::http::request::Builder {
    Request::post("/usage/events")
        .header("authorization", format!("Bearer {}", sender()))
        .header("ce-specversion", "1.0")
        .header("ce-source", "/core")
        .header("ce-type", "dev.tenantry.usage.ingestion")
        .header("ce-time", "2026-11-22T23:50:16Z")
}

async fn named(api: &Api, id: &[u8], body: &'static str) -> Answer {
    let request = unnamed()
        .header("content-type", "application/json")
        .header("ce-id", HeaderValue::from_bytes(id).unwrap());
    api.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn it_is_the_same_event_as_in_the_structured_mode() {
    let api = Api::new().await;
    let first = unnamed()
        .header("content-type", "application/json; charset=utf-8")
        .header("ce-id", "e-1")
        .header("ce-subject", "acme");
    let first = api.send(first.body(Body::from(r#"{"quantity":"12.5"}"#)).unwrap()).await;
    assert_eq!(first.json()["accepted"], 1, "{}", first.text);
    let same = send(&api, ONE, &event("e-1", "12.5")).await;
    assert_eq!(same.json()["duplicates"], 1, "{}", same.text);
}

/// However an SDK of this or an older version of the specification writes a value.
#[tokio::test]
async fn one_value_has_many_forms() {
    let api = Api::new().await;
    for (id, forms) in [
        ("café", &["caf%C3%A9", "café", "\"caf%C3%A9\"", "\"c\\af\u{e9}\""][..]),
        ("a b", &["a%20b", "a b", "\"a b\""]),
        ("a\"b\\", &["a%22b%5C", "a%22b\\", "a\"b\\", r#""a\"b\\""#]),
    ] {
        let sent = send(&api, ONE, &event(id, "1")).await;
        assert_eq!(sent.json()["accepted"], 1, "{}", sent.text);
        for form in forms {
            let again = named(&api, form.as_bytes(), QUANTITY).await;
            assert_eq!(again.json()["duplicates"], 1, "{form}: {}", again.text);
        }
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_named() {
    let api = Api::new().await;
    for bad in ["%", "%4", "%zz", "%+1", "%ff", "100%", "\"a", "\"a\"b", "\"a\\\""] {
        let answer = named(&api, bad.as_bytes(), QUANTITY).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], "ce-id");
    }
    let latin = named(&api, b"caf\xe9", QUANTITY).await;
    assert_eq!(latin.status, StatusCode::BAD_REQUEST, "{}", latin.text);
    let twice = unnamed().header("content-type", "application/json").header("ce-id", "a");
    let twice = twice.header("ce-id", "b").body(Body::from(QUANTITY)).unwrap();
    assert_eq!(api.send(twice).await.json()["errors"][0]["code"], "given_twice");
}

/// What some SDKs leave out when their sender did.
#[tokio::test]
async fn a_payload_without_a_type_is_json_and_an_empty_one_is_none() {
    let api = Api::new().await;
    let request = unnamed().header("ce-id", "e-1").body(Body::from(QUANTITY)).unwrap();
    let taken = api.send(request).await;
    assert_eq!(taken.json()["accepted"], 1, "{}", taken.text);
    let empty = named(&api, b"e-2", "").await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", empty.text);
    let error = &empty.json()["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&"/0/data".into(), &"missing".into()));
    let other = unnamed().header("content-type", "text/plain").header("ce-id", "e-3");
    let other = api.send(other.body(Body::from(QUANTITY)).unwrap()).await;
    assert_eq!(other.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{}", other.text);
}
