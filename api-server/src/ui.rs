//! The web pages, as `frontend/` built them into `ui/`, compiled in and served as they are.
//!
//! They are one program with several addresses: each of [`PAGES`] answers the same document. The
//! addresses are a list, not "everything else", so that no page stands before a route of the API and
//! what is not there stays a 404.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::http::Problem;

mod packed;

use packed::{Packed, takes_gzip};

/// Where the pages are, as routes; none of them may be where the API is.
pub const PAGES: [&str; 11] = [
    "/",
    "/start",
    "/start/{step}",
    "/requests/{id}",
    "/customers",
    "/customers/{account}",
    "/customers/{account}/brief",
    "/approvals",
    "/approvals/{id}",
    "/stacks",
    "/stacks/{name}",
];
/// Where what the pages load is. A name has a hash of its content, so that it never changes.
pub const ASSETS: &str = "/assets/{name}";

const DOCUMENT: &str = "index.html";
/// A name's content stays what it is for ever; the document names others when they change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// No script or style that is not a file of ours, no other host, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// What every answer here has, beside its own.
static ALWAYS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::VARY, "accept-encoding"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// What the document has on top.
static OF_THE_DOCUMENT: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-cache"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

static LISTED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/ui.rs"));

/// A file of the pages.
struct File {
    name: &'static str,
    packed: Packed,
    /// Changes with the content.
    tag: HeaderValue,
}

static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let file = |&(name, content): &(&'static str, &'static [u8])| {
        let tag = URL_SAFE_NO_PAD.encode(Sha256::digest(content));
        let tag = HeaderValue::from_str(&format!("\"{}\"", tag.get(..22).unwrap_or(&tag))).ok()?;
        Some(File { name, packed: Packed::new(content), tag })
    };
    LISTED.iter().filter_map(file).collect()
});

fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

/// The pages' routes.
pub(crate) fn pages() -> Router {
    let pages = PAGES.into_iter().fold(Router::new(), |routes, page| {
        routes.route(page, get(async |headers: HeaderMap| document(&headers)))
    });
    pages.route(ASSETS, get(asset))
}

fn document(headers: &HeaderMap) -> Response {
    let Some(file) = find(DOCUMENT) else { return Problem::not_found().into_response() };
    // No cache keeps it unasked: it says which assets belong together.
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let tag = file.tag.to_str().unwrap_or_default();
    let same = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let mut response =
        if same { StatusCode::NOT_MODIFIED.into_response() } else { content(file, headers) };
    set(&mut response, &OF_THE_DOCUMENT);
    set(&mut response, &ALWAYS);
    response.headers_mut().insert(header::ETAG, file.tag.clone());
    response
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(file) = find(&format!("assets/{name}")) else {
        return Problem::not_found().into_response();
    };
    let mut response = content(file, &headers);
    set(&mut response, &[(header::CACHE_CONTROL, FOR_EVER)]);
    set(&mut response, &ALWAYS);
    response
}

/// A file, packed for whoever takes that.
fn content(file: &File, headers: &HeaderMap) -> Response {
    let packed = takes_gzip(headers).then(|| file.packed.gzip()).flatten();
    let encoded = packed.is_some();
    let body = packed.unwrap_or_else(|| Bytes::from_static(file.packed.plain()));
    let mut response = body.into_response();
    set(&mut response, &[(header::CONTENT_TYPE, media_type(file.name))]);
    if encoded {
        set(&mut response, &[(header::CONTENT_ENCODING, "gzip")]);
    }
    response
}

fn set(response: &mut Response, headers: &[(HeaderName, &'static str)]) {
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
