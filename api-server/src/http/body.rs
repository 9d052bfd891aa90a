//! Request bodies: bounded in size and time, of one media type, with one meaning.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use futures::StreamExt;
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::json::{self, JsonError};
use super::problem::{Code, Problem};
use super::room::Share;

/// How large a JSON command may be once unpacked, in bytes.
pub const LARGEST_COMMAND: usize = 64 * 1024;
/// How deep JSON may nest.
pub const DEEPEST: usize = 16;
/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(15);

/// A JSON body read into `T`. Give `T` `#[serde(deny_unknown_fields)]`: what would be ignored was
/// meant by whoever sent it.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if media_type(request.headers()).as_deref() != Some("application/json") {
            return Err(wrong_media_type(&["application/json"]));
        }
        let bytes = bytes(request.into_body(), LARGEST_COMMAND).await?;
        let value = json::parse(&bytes, DEEPEST).map_err(|error| not_json(&error))?;
        typed(value).map(Json)
    }
}

/// The media type of a body, in lower case and without parameters; `None` when there is none, or
/// when it names another charset than UTF-8.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return None };
    let mut parts = value.to_str().ok()?.split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next()?;
    let utf8 = parts
        .filter_map(|part| part.strip_prefix("charset=").map(str::to_owned))
        .all(|charset| matches!(charset.trim_matches('"'), "utf-8" | "utf8"));
    utf8.then_some(essence)
}

/// 415, with what would be taken.
#[must_use]
pub fn wrong_media_type(taken: &[&str]) -> Problem {
    Problem::new(
        Code::UnsupportedMediaType,
        format!("Send the header Content-Type with {}, in UTF-8.", taken.join(" or ")),
    )
    .with_header(header::ACCEPT, taken.join(", "))
}

/// The whole body, at most `limit` bytes after unpacking.
///
/// # Errors
/// 413 when it is larger, 408 when it does not arrive in time, 400 when it ends early or cannot be
/// unpacked.
pub async fn bytes(body: Body, limit: usize) -> Result<Bytes, Problem> {
    arrived(axum::body::to_bytes(body, limit)).await?.map_err(|error| broken(&error, limit))
}

/// The whole body, as [`bytes`], its bytes held by `share` as they come.
///
/// # Errors
/// As [`bytes`], and those of [`Share::grow`].
pub async fn held(body: Body, limit: usize, share: &mut Share) -> Result<Bytes, Problem> {
    arrived(async {
        let mut whole = Vec::new();
        let mut parts = body.into_data_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| broken(&error, limit))?;
            if whole.len() + part.len() > limit {
                return Err(too_large(limit));
            }
            share.grow(part.len())?;
            whole.extend_from_slice(&part);
        }
        Ok(whole.into())
    })
    .await?
}

async fn arrived<T>(reading: impl Future<Output = T>) -> Result<T, Problem> {
    let arrived = tokio::time::timeout(ARRIVAL, reading).await;
    arrived.map_err(|_| Problem::of(StatusCode::REQUEST_TIMEOUT))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        Code::TooLarge,
        format!("The body, unpacked, is larger than {limit} bytes. Send it in parts."),
    )
}

fn broken(error: &axum::Error, limit: usize) -> Problem {
    if is_limit(error) {
        return too_large(limit);
    }
    Problem::new(
        Code::IncompleteBody,
        "The body ended early or is not what Content-Encoding says. Send it again, whole.",
    )
}

/// Whether it was the limit on bodies that ended one.
pub(crate) fn is_limit(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// 413 for a text with more in it than is read.
fn many(error: &JsonError) -> Problem {
    let detail = "The body has more in it than is read at once; see errors.";
    Problem::new(Code::TooLarge, detail).with_error("", "too_many_values", error.to_string())
}

/// 400 for a text that is not JSON as it is read here; 413 for one with too much in it.
#[must_use]
pub fn not_json(error: &JsonError) -> Problem {
    let (pointer, code) = match error {
        JsonError::Many => return many(error),
        JsonError::Depth { .. } => ("", "too_deep"),
        JsonError::Duplicate { pointer } => (pointer.as_str(), "duplicate_key"),
        JsonError::Encoding { .. } => ("", "not_utf8"),
        JsonError::Truncated { .. } => ("", "truncated"),
        JsonError::Syntax { .. } => ("", "not_json"),
    };
    Problem::new(Code::InvalidJson, "The body is not JSON that can be taken; see errors.")
        .with_error(pointer, code, error.to_string())
}

/// A value as a `T`.
///
/// # Errors
/// 400 that names the first field that does not fit.
pub fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut pointer = pointer(error.path());
        let detail = error.inner().to_string();
        let code = match detail.split('`').next().unwrap_or_default() {
            "unknown field " => "unknown_field",
            "missing field " => {
                let name = detail.split('`').nth(1).unwrap_or_default();
                pointer = format!("{pointer}/{}", json::token(name));
                "missing"
            }
            start if start.starts_with("invalid type") => "wrong_type",
            _ => "invalid_value",
        };
        Problem::field(pointer, code, detail)
    })
}

fn pointer(path: &Path) -> String {
    let token = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", json::token(key)),
        // The one member by which a choice is made.
        Segment::Enum { variant } => format!("/{}", json::token(variant)),
        Segment::Unknown => String::new(),
    };
    path.iter().map(token).collect()
}
