//! The forms in which CloudEvents arrive over HTTP: structured, batched, binary.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};
use serde_json::Value;

use crate::domain::event::{self, BodyRefusal, Members};
use crate::http::Problem;
use crate::http::body::{DEEPEST, media_type, not_json, wrong_media_type};
use crate::http::json;
use crate::http::problem::Code;

const ONE: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
const EITHER: &str = "application/json";
/// What stands before an attribute's name in a header of the binary mode.
const PREFIX: &str = "ce-";
const ENCODE: &str = "Percent-encode what is not ASCII, as UTF-8, and % itself; or send the event in the body, as \
    application/cloudevents+json.";

/// The events of a request, each as its members; nothing is checked of them yet.
///
/// # Errors
/// When the body as a whole is no such thing.
pub(super) fn members(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Members>, Problem> {
    let media_type = media_type(headers);
    let binary = headers.keys().any(|name| name.as_str() == "ce-specversion");
    // SDKs leave the type of a payload out that its sender did not name; ours is always JSON.
    let unnamed = !headers.contains_key(header::CONTENT_TYPE);
    match media_type.as_deref() {
        Some(ONE) => one(body),
        Some(BATCH) => batch(body),
        // A CloudEvent in headers, whose payload happens to be JSON.
        Some(EITHER) if binary => Ok(vec![binary_members(headers, body)?]),
        None if binary && unnamed => Ok(vec![binary_members(headers, body)?]),
        Some(EITHER) if starts_list(body) => batch(body),
        Some(EITHER) => one(body),
        _ => Err(wrong_media_type(&[ONE, BATCH, EITHER])),
    }
}

fn one(body: &[u8]) -> Result<Vec<Members>, Problem> {
    refuse_shape(body)?;
    let members = event::members_of_one(body).map_err(|refusal| refused(&refusal))?;
    Ok(vec![members])
}

fn batch(body: &[u8]) -> Result<Vec<Members>, Problem> {
    refuse_shape(body)?;
    event::members_of_batch(body).map_err(|refusal| refused(&refusal))
}

fn refuse_shape(body: &[u8]) -> Result<(), Problem> {
    json::check_shape(body, DEEPEST).map_err(|error| not_json(&error))
}

fn starts_list(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
}

fn refused(refusal: &BodyRefusal) -> Problem {
    let code = match refusal {
        BodyRefusal::TooManyEvents(_) => Code::TooLarge,
        BodyRefusal::InvalidJson(_) => Code::InvalidJson,
        BodyRefusal::NotAnObject | BodyRefusal::NotAnArray => Code::InvalidRequest,
    };
    let detail = "The body as a whole cannot be taken; see errors.";
    Problem::new(code, detail).with_error("", refusal.code(), refusal.to_string())
}

/// The members of an event whose attributes stand in `ce-*` headers and whose payload is the body.
fn binary_members(headers: &HeaderMap, body: &[u8]) -> Result<Members, Problem> {
    let mut members = Members::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix(PREFIX) else { continue };
        let fault = |code: &str, detail: &str| Problem::field(name.as_str(), code, detail);
        let text = unquoted(value.as_bytes()).and_then(|bytes| decoded(&bytes));
        let text = text.ok_or_else(|| fault("invalid_value", ENCODE))?;
        if members.insert(attribute.to_owned(), Value::String(text)).is_some() {
            return Err(fault("given_twice", "Give each attribute once."));
        }
    }
    if let Some(media_type) =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
    {
        members.insert("datacontenttype".to_owned(), media_type.into());
    }
    // Nothing is an event without data, which says more than that the text is no JSON.
    if !body.is_empty() {
        let data = json::parse(body, DEEPEST).map_err(|error| not_json(&error))?;
        members.insert("data".to_owned(), data);
    }
    Ok(members)
}

/// Undoes double quotes, which senders by older versions of the specification set around a value
/// with spaces; `None` when they do not end where the value ends.
fn unquoted(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(inner) = value.strip_prefix(b"\"") else { return Some(value.into()) };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.iter();
    loop {
        match rest.next()? {
            b'"' => return rest.next().is_none().then_some(bytes.into()),
            b'\\' => bytes.push(*rest.next()?),
            byte => bytes.push(*byte),
        }
    }
}

/// Undoes percent-encoding; `None` when what comes out is not UTF-8 or an escape is broken. What is
/// UTF-8 without being encoded, as some SDKs send it, is taken.
fn decoded(mut rest: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        // `from_str_radix` takes a sign.
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}
