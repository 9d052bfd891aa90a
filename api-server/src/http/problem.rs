//! Errors as RFC 9457 problem documents.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub mod code;

pub use code::{Code, KnownProblemType, ProblemType, Remedy, Row};

/// Where a problem's code is explained; the code is appended.
pub const TYPES: &str = "https://tenantry.dev/problems/";
/// The media type of every error answer.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// How long a text in a problem may be; the rest is cut.
const LONGEST: usize = 500;

/// What went wrong, for people and programs: RFC 9457 with two members of our own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// `https://tenantry.dev/problems/` and a stable code.
    #[serde(rename = "type")]
    #[schema(value_type = ProblemType)]
    pub kind: String,
    /// The code in words; the same for every problem of this type.
    pub title: String,
    /// The HTTP status, again.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What is wrong with this request, and the remedy.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    /// The same as the header `x-request-id`; the server's logs have it too.
    pub request_id: String,
    /// What is wrong in the request, field by field; absent when no field is to blame.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// A JSON pointer into the body, or the name of a query parameter or header.
    pub pointer: String,
    /// Stable, for programs.
    pub code: String,
    /// What is wrong with it, and the remedy.
    pub detail: String,
}

/// A problem on its way to the client. The request's id and path are filled in on the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with a stable `code`, and the `detail` of this one.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let Row { status, code, title, .. } = code.row();
        let detail = bounded(detail.into());
        Self { status, code, title, detail, errors: Vec::new(), headers: Vec::new() }
    }

    /// 400 with one field to blame.
    #[must_use]
    pub fn field(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        let problem = Self::new(
            Code::InvalidRequest,
            "The request has fields that cannot be accepted; see errors.",
        );
        problem.with_error(pointer, code, detail)
    }

    /// 404, also for what exists and is another tenant's.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here that this caller may see. Check the path.")
    }

    /// 500. The cause goes to the log alone.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::of(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// 503: try again later. The cause goes to the log alone.
    pub fn unavailable(cause: impl std::fmt::Display) -> Self {
        tracing::warn!(%cause, "a request could not be served now");
        Self::of(StatusCode::SERVICE_UNAVAILABLE).with_retry_after(1)
    }

    /// The general problem of a status that no code of ours explains better.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        let (code, detail) = match status.as_u16() {
            404 => return Self::not_found(),
            405 => (Code::MethodNotAllowed, "This path has other methods; see the header Allow."),
            408 => (Code::RequestTimeout, "The request took too long to arrive."),
            413 => (Code::TooLarge, "The body is larger than this route takes."),
            414 => (Code::UriTooLong, "The path and query are too long."),
            415 => (
                Code::UnsupportedMediaType,
                "The body's media type or encoding is none that this route takes.",
            ),
            503 => (Code::Unavailable, "The server cannot do this now. Try again."),
            400..500 => (Code::InvalidRequest, "The request cannot be understood."),
            _ => (
                Code::Internal,
                "The server failed. Nothing was answered for; try again, and report the request_id.",
            ),
        };
        // The two codes for the rest keep the status that they came with.
        Self { status, ..Self::new(code, detail) }
    }

    /// Adds a field to blame.
    #[must_use]
    pub fn with_error(
        mut self,
        pointer: impl Into<String>,
        code: &str,
        detail: impl Into<String>,
    ) -> Self {
        self.errors.push(FieldError {
            pointer: bounded(pointer.into()),
            code: code.to_owned(),
            detail: bounded(detail.into()),
        });
        self
    }

    /// Adds a header; one that cannot be a header's value is left out.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((name, value));
        }
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn with_retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, seconds.to_string())
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The document for one request.
    #[must_use]
    pub fn body(&self, request_id: &str, instance: &str) -> ProblemBody {
        ProblemBody {
            kind: format!("{TYPES}{}", self.code),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: bounded(instance.to_owned()),
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
        }
    }

    /// The answer to one request.
    #[must_use]
    pub fn answer(self, request_id: &str, instance: &str) -> Response {
        let body = serde_json::to_vec(&self.body(request_id, instance)).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}

/// Without the middleware that knows the request, both stay empty; with it, it answers instead.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.clone().answer("", "");
        response.extensions_mut().insert(self);
        response
    }
}

/// At most [`LONGEST`] characters: a text may hold what the client sent.
fn bounded(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
