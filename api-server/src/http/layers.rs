//! What surrounds every route: an id, a span, a bound on how many are answered at once and how long
//! each may take, problems in place of bare errors, and measurements.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http_body_util::Limited;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};
use tokio::sync::Semaphore;
use tower::ServiceBuilder;
use tower_http::decompression::{DecompressionBody, RequestDecompressionLayer};
use tracing::Instrument;
use uuid::Uuid;

use super::budget::Receipt;
use super::problem::{Code, MEDIA_TYPE, Problem};
use super::rest::Shared;
use super::room::overloaded;

/// The header that carries a request's id, both ways.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How large a body may be as it is sent, in bytes.
pub const LARGEST_BODY: usize = 8 * 1024 * 1024;
/// How long a request may take, from its last header to its answer.
pub const TIME_LIMIT: Duration = Duration::from_secs(30);
/// The route whose bodies are files, larger and longer on their way than all others.
pub const UPLOADS: &str = "/backups/{id}";
/// How long an upload may take.
pub const UPLOAD_TIME: Duration = Duration::from_secs(600);

/// A request's id: the client's, if it is one that can be logged, else a new one.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

impl RequestId {
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok());
        let good = given.filter(|id| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !id.is_empty() && id.len() <= 64 && id.bytes().all(known)
        });
        Self(good.map_or_else(|| Uuid::now_v7().to_string().into(), Into::into))
    }
}

/// How much is answered at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests that are worked on at once; more are answered 503.
    pub requests: usize,
    /// How long a request may take.
    pub time: Duration,
    /// How large an upload may be, in bytes; as much as any other body, when it is less.
    pub largest_upload: usize,
}

impl Limits {
    /// A limit on requests at once, and no uploads.
    #[must_use]
    pub fn of(requests: usize) -> Self {
        Self { requests, time: TIME_LIMIT, largest_upload: 0 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(1024)
    }
}

struct Outer {
    room: Semaphore,
    limits: Limits,
    answered: Counter<u64>,
    duration: Histogram<f64>,
}

impl Outer {
    fn time(&self, route: &str) -> Duration {
        if route == UPLOADS { UPLOAD_TIME.max(self.limits.time) } else { self.limits.time }
    }

    fn largest(&self, route: &str) -> usize {
        let upload = if route == UPLOADS { self.limits.largest_upload } else { 0 };
        upload.max(LARGEST_BODY)
    }
}

/// Bounds a body as it is sent; one that says that it is larger is not read.
async fn limit(State(outer): State<Arc<Outer>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let largest = outer.largest(route.map_or("", MatchedPath::as_str));
    let said = request.headers().get(header::CONTENT_LENGTH);
    let said = said.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if said.is_some_and(|said| said > largest) {
        return Problem::of(StatusCode::PAYLOAD_TOO_LARGE).into_response();
    }
    next.run(request.map(|body| Body::new(Limited::new(body, largest)))).await
}

/// Puts everything around `routes` that every request and answer has.
pub fn around(routes: Router, limits: &Limits, meter: &Meter) -> Router {
    let outer = Arc::new(Outer {
        room: Semaphore::new(limits.requests),
        limits: limits.clone(),
        answered: meter
            .u64_counter("tenantry_api_requests")
            .with_description("Requests answered, by route and class of status")
            .build(),
        duration: meter
            .f64_histogram("tenantry_api_request_duration")
            .with_unit("s")
            .with_boundaries(telemetry::SECONDS.into())
            .with_description("Time from a request's last header to its answer's first")
            .build(),
    });
    let unpack = ServiceBuilder::new()
        .layer(RequestDecompressionLayer::new().gzip(true))
        .map_request(|request: Request<DecompressionBody<_>>| request.map(Body::new));
    routes
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::of(StatusCode::METHOD_NOT_ALLOWED))
        .layer(unpack)
        .layer(from_fn_with_state(outer.clone(), limit))
        .layer(from_fn(explain))
        .layer(from_fn_with_state(outer, surround))
}

/// The outermost: id, span, room, time, measurement.
async fn surround(State(outer): State<Arc<Outer>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let rest = Shared::new(body);
    let mut request = Request::from_parts(parts, Body::new(rest.clone()));
    let id = RequestId::of(request.headers());
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let route = route.unwrap_or_else(|| "unmatched".to_owned());
    request.extensions_mut().insert(id.clone());
    let receipt = Receipt::default();
    request.extensions_mut().insert(receipt.clone());
    let span = tracing::info_span!(
        "request", otel.name = format!("{method} {route}"), otel.kind = "server", request_id = &*id.0,
        http.request.method = %method, http.route = route, http.response.status_code = tracing::field::Empty,
    );
    let answered = match outer.room.try_acquire() {
        Ok(_room) => {
            let time = outer.time(&route);
            match tokio::time::timeout(time, next.run(request).instrument(span.clone())).await {
                Ok(response) => response,
                Err(_) => timed_out().into_response(),
            }
        }
        Err(_) => overloaded().into_response(),
    };
    rest.drain().await;
    let mut response = finish(answered, &id, &path);
    for (name, value) in receipt.headers() {
        response.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    span.record("http.response.status_code", response.status().as_u16());
    let labels = labels(method.as_str(), route, response.status());
    outer.answered.add(1, &labels);
    outer.duration.record(began.elapsed().as_secs_f64(), &labels);
    response
}

/// Bounded: known methods, the routes' templates, five classes.
fn labels(method: &str, route: String, status: StatusCode) -> [KeyValue; 3] {
    let method = match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method.to_owned(),
        _ => "other".to_owned(),
    };
    let class = match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    [KeyValue::new("method", method), KeyValue::new("route", route), KeyValue::new("status", class)]
}

/// A handler that panics answers 500 and takes nobody else along.
async fn explain(request: Request, next: Next) -> Response {
    use futures::FutureExt;
    let answer = std::panic::AssertUnwindSafe(next.run(request)).catch_unwind();
    answer.await.unwrap_or_else(|panic| panicked(&*panic).into_response())
}

fn panicked(panic: &(dyn Any + Send)) -> Problem {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Problem::internal(text.unwrap_or_else(|| "a panic".to_owned()))
}

fn timed_out() -> Problem {
    Problem::new(
        Code::Timeout,
        "The answer took too long. It may or may not have been done; try again with the same keys.",
    )
    .with_retry_after(1)
}

/// Every error leaves as a problem document with the request's id and path; headers that say more
/// stay.
fn finish(response: Response, id: &RequestId, path: &str) -> Response {
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let problem = match parts.extensions.remove::<Problem>() {
        Some(problem) => problem,
        None if is_problem(&parts.headers) => return Response::from_parts(parts, body),
        None => Problem::of(parts.status),
    };
    let mut response = problem.answer(&id.0, path);
    for (name, value) in &parts.headers {
        let about_the_body = [header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name);
        if !about_the_body && !response.headers().contains_key(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

fn is_problem(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE)
}
