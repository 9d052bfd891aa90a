//! The web pages: found, cached, and kept to themselves. What they do: `frontend/e2e`.

use std::io::Read as _;

use api_server::ui::{ASSETS, PAGES};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use tower::ServiceExt;

use crate::api::Api;
use crate::document::document;

/// A request as a browser makes it, and the bytes of its answer.
async fn ask(
    api: &Api,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, Bytes) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 16 << 20).await.unwrap();
    (parts.status, parts.headers, body)
}

/// Everything that the document loads.
async fn assets(api: &Api) -> Vec<String> {
    let page = api.get("/", None).await.text;
    let parts = page.split('"').filter(|part| part.starts_with("/assets/"));
    parts.map(str::to_owned).collect()
}

/// A page of a route: its parameters filled with something.
fn example(page: &str) -> String {
    let parts = page.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_page_is_the_one_document() {
    let api = Api::new().await;
    let first = api.get("/", None).await;
    assert!(first.text.starts_with("<!doctype html>"), "{}", first.text);
    for page in PAGES {
        let (status, headers, body) = ask(&api, "GET", &example(page), &[]).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert_eq!(headers["content-type"], "text/html; charset=utf-8", "{page}");
        assert_eq!(headers["cache-control"], "no-cache", "{page}");
        assert_eq!(body, first.text.as_bytes(), "{page}");
    }
}

#[tokio::test]
async fn nothing_inline_runs_and_no_other_host_is_asked() {
    let api = Api::new().await;
    let page = api.get("/", None).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    for said in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.split("; ").any(|part| part == said), "{said}: {policy}");
    }
    for never in ["unsafe", "data:", "blob:", "http", "*"] {
        assert!(!policy.contains(never), "{policy}");
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(page.headers[name], value, "{name}");
    }
    assert!(page.headers.contains_key("permissions-policy"));
    assert!(!page.text.contains("<style") && !page.text.contains("style="), "{}", page.text);
    for script in page.text.split("<script").skip(1) {
        let (tag, rest) = script.split_once('>').unwrap();
        assert!(tag.contains("src=\"/assets/"), "{tag}");
        assert!(rest.starts_with("</script>"), "{rest}");
    }
    assert!(!page.text.contains("://"), "{}", page.text);
}

#[tokio::test]
async fn what_the_document_loads_is_there_and_never_changes() {
    let api = Api::new().await;
    let assets = assets(&api).await;
    for (ending, media_type) in [
        (".js", "text/javascript; charset=utf-8"),
        (".css", "text/css; charset=utf-8"),
        (".svg", "image/svg+xml"),
    ] {
        let mut of_a_kind = assets.iter().filter(|path| path.ends_with(ending)).peekable();
        assert!(of_a_kind.peek().is_some(), "no {ending} in {assets:?}");
        for path in of_a_kind {
            let (status, headers, body) = ask(&api, "GET", path, &[]).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert_eq!(headers["content-type"], media_type, "{path}");
            assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable", "{path}");
            assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
            assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
            assert!(!body.is_empty(), "{path}");
        }
    }
}

#[tokio::test]
async fn packed_is_the_same_and_for_those_who_take_it() {
    let api = Api::new().await;
    let mut all = assets(&api).await;
    all.push("/".to_owned());
    for path in all {
        let (_, plain, content) = ask(&api, "GET", &path, &[]).await;
        assert!(!plain.contains_key("content-encoding"), "{path}");
        assert_eq!(plain["vary"], "accept-encoding", "{path}");
        let (_, headers, packed) =
            ask(&api, "GET", &path, &[("accept-encoding", "gzip, br")]).await;
        if !headers.contains_key("content-encoding") {
            assert!(content.len() < 512, "{path} is not packed");
            continue;
        }
        assert_eq!(headers["content-encoding"], "gzip", "{path}");
        assert!(packed.len() < content.len(), "{path}");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, content, "{path}");
    }
}

#[tokio::test]
async fn who_has_the_document_is_told_so() {
    let api = Api::new().await;
    let (_, first, _) = ask(&api, "GET", "/", &[]).await;
    let tag = first["etag"].to_str().unwrap();
    for known in [tag, &format!("\"other\", {tag}")] {
        let (status, headers, body) = ask(&api, "GET", "/", &[("if-none-match", known)]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
        assert_eq!(headers["etag"], tag);
        assert_eq!(headers["cache-control"], "no-cache");
    }
    let (status, _, _) = ask(&api, "GET", "/", &[("if-none-match", "\"other\"")]).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn heads_are_answered_and_nothing_can_be_sent() {
    let api = Api::new().await;
    let (status, headers, body) = ask(&api, "HEAD", "/", &[]).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    for method in ["POST", "PUT", "DELETE"] {
        let (status, _, _) = ask(&api, method, "/", &[]).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
}

#[tokio::test]
async fn what_is_not_there_stays_a_problem() {
    let api = Api::new().await;
    for path in [
        "/assets/none.js",
        "/assets/",
        "/assets/..%2findex.html",
        "/assets/%2e%2e/Cargo.toml",
        "/index.html",
        "/nothing",
        "/onboarding/",
        "/billing/",
    ] {
        let (status, headers, _) = ask(&api, "GET", path, &[("accept", "text/html")]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(headers["content-type"], "application/problem+json", "{path}");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
    }
}

/// A page whose first word is the API's would one day stand in its way, or it in the page's.
#[test]
fn pages_and_the_api_have_no_first_word_in_common() {
    let first = |path: &str| path.split('/').nth(1).unwrap().to_owned();
    let document = document();
    let mut api: Vec<String> =
        document["paths"].as_object().unwrap().keys().map(|p| first(p)).collect();
    api.extend(["docs", "openapi.json", "healthz", "readyz", "metrics"].map(str::to_owned));
    for page in PAGES.into_iter().chain([ASSETS]) {
        assert!(!api.contains(&first(page)), "{page}");
    }
}
