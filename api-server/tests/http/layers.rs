//! What every answer has, whatever the route.

use std::time::Duration;

use api_server::http::layers::Limits;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use crate::echo::{ask, router};

fn get(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}

async fn problem(request: Request) -> (StatusCode, Value) {
    let (status, headers, body) = ask(request).await;
    assert_eq!(headers["content-type"], "application/problem+json", "{body}");
    assert_eq!(headers["cache-control"], "no-store");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["status"], status.as_u16());
    assert_eq!(body["request_id"], headers["x-request-id"].to_str().unwrap());
    assert!(body["type"].as_str().unwrap().starts_with("https://tenantry.dev/problems/"));
    for member in ["title", "detail", "instance"] {
        assert!(!body[member].as_str().unwrap().is_empty(), "{body}");
    }
    (status, body)
}

#[tokio::test]
async fn a_path_that_is_none_is_a_404_problem() {
    let (status, body) = problem(get("/nothing/here?x=1")).await;
    assert_eq!((status, &body["instance"]), (StatusCode::NOT_FOUND, &"/nothing/here".into()));
}

#[tokio::test]
async fn tricks_with_paths_reach_no_route() {
    for path in [
        "//order",
        "/order/",
        "/./order",
        "/x/../order",
        "/%6frder",
        "/ORDER",
        "/order%2f",
        "/order;x",
        "/order.",
        "/order%00",
    ] {
        let request = Request::post(path).header("content-type", "application/json");
        let (status, _) = problem(request.body(Body::from("{\"name\":\"x\"}")).unwrap()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn another_method_is_405_and_says_which_there_are() {
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request =
            Request::builder().method(method.clone()).uri("/order").body(Body::empty()).unwrap();
        let (status, headers, body) = ask(request).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method}: {body}");
        assert_eq!(headers["allow"], "POST", "{method}");
        assert!(body.contains("method-not-allowed"), "{body}");
    }
}

#[tokio::test]
async fn a_method_in_a_header_overrides_nothing() {
    let request = Request::get("/order")
        .header("x-http-method-override", "POST")
        .body(Body::empty())
        .unwrap();
    assert_eq!(problem(request).await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_bare_error_becomes_a_problem_and_keeps_its_headers() {
    for status in [400, 404, 409, 413, 415, 418, 429, 500, 502, 503] {
        let (got, headers, body) = ask(get(&format!("/bare/{status}"))).await;
        assert_eq!((got.as_u16(), &headers["x-kept"]), (status, &"yes".parse().unwrap()));
        assert_eq!(headers["content-type"], "application/problem+json");
        assert!(!body.contains("secret"), "{body}");
    }
}

#[tokio::test]
async fn what_is_no_error_is_left_alone() {
    for status in [200, 201, 207, 302] {
        let (got, _, body) = ask(get(&format!("/bare/{status}"))).await;
        assert_eq!((got.as_u16(), body.as_str()), (status, "a secret detail"));
    }
}

#[tokio::test]
async fn an_internal_error_tells_its_cause_to_nobody() {
    let (status, body) = problem(get("/internal")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!body.to_string().contains("hunter2"), "{body}");
}

#[tokio::test]
async fn a_panic_is_a_500_that_tells_nothing() {
    let (status, body) = problem(get("/panic")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!body.to_string().contains("secret"), "{body}");
}

#[tokio::test]
async fn a_clients_request_id_is_kept_if_it_can_be_logged() {
    let id = async |given: &str| {
        let request =
            Request::get("/nothing").header("x-request-id", given).body(Body::empty()).unwrap();
        ask(request).await.1["x-request-id"].to_str().unwrap().to_owned()
    };
    for good in ["a", "7d1c-0001_x.y", &"x".repeat(64)] {
        assert_eq!(id(good).await, good);
    }
    for bad in ["", "a b", "a\"b", "ä", "<script>", &"x".repeat(65)] {
        let made = id(bad).await;
        assert_ne!(made, bad);
        assert_eq!(made.len(), 36, "{made}");
    }
}

#[tokio::test]
async fn requests_without_an_id_get_different_ones() {
    let first = ask(get("/nothing")).await.1["x-request-id"].clone();
    assert_ne!(first, ask(get("/nothing")).await.1["x-request-id"]);
}

#[tokio::test]
async fn good_answers_carry_the_request_id_too() {
    let request =
        Request::get("/bare/200").header("x-request-id", "mine").body(Body::empty()).unwrap();
    assert_eq!(ask(request).await.1["x-request-id"], "mine");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_503() {
    let limits = Limits { time: Duration::from_secs(2), ..Limits::of(8) };
    let response = router(&limits).oneshot(get("/hold")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    let body = axum::body::to_bytes(response.into_body(), 9999).await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains("problems/timeout"));
}
