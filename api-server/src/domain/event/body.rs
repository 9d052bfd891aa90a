//! From bytes to events: JSON in which no object has a key twice.
//!
//! Two readers of one text may disagree on which of two equal keys counts, and a ledger must not
//! depend on that.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{Context, Members, Rejected, UsageEvent, read};

/// The most events in one request.
pub const MAX_BATCH: usize = 1_000;

/// Why a body as a whole was not read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BodyRefusal {
    /// Not JSON, or JSON with a key twice in one object.
    #[error("the body is not JSON that can be taken: {0}")]
    InvalidJson(String),
    /// JSON, but not an object where one event belongs.
    #[error("a CloudEvent is a JSON object; a batch goes as application/cloudevents-batch+json")]
    NotAnObject,
    /// JSON, but not an array where a batch belongs.
    #[error(
        "a batch is a JSON array of CloudEvents; one event goes as application/cloudevents+json"
    )]
    NotAnArray,
    /// More events than one request may carry.
    #[error("{0} events in one request; send at most {MAX_BATCH}")]
    TooManyEvents(usize),
}

impl BodyRefusal {
    /// The stable name that answers carry.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidJson(_) => "invalid_json",
            Self::NotAnObject => "not_an_object",
            Self::NotAnArray => "not_an_array",
            Self::TooManyEvents(_) => "too_many_events",
        }
    }
}

/// The members of the event that a body holds.
///
/// # Errors
/// [`BodyRefusal`] when it holds no event at all.
pub fn members_of_one(body: &[u8]) -> Result<Members, BodyRefusal> {
    match parse(body)? {
        Value::Object(members) => Ok(members),
        _ => Err(BodyRefusal::NotAnObject),
    }
}

/// The members of each event of an array; none of what is there in an event's place and is no
/// object.
///
/// # Errors
/// [`BodyRefusal`] when it is no such array.
pub fn members_of_batch(body: &[u8]) -> Result<Vec<Members>, BodyRefusal> {
    let Value::Array(items) = parse(body)? else {
        return Err(BodyRefusal::NotAnArray);
    };
    if items.len() > MAX_BATCH {
        return Err(BodyRefusal::TooManyEvents(items.len()));
    }
    let members = |item| match item {
        Value::Object(members) => members,
        _ => Members::new(),
    };
    Ok(items.into_iter().map(members).collect())
}

/// Reads a body that holds one event.
///
/// # Errors
/// [`BodyRefusal`] when it holds no event at all; what is wrong with the event is in the inner one.
pub fn read_one(
    body: &[u8],
    context: Context<'_>,
) -> Result<Result<UsageEvent, Rejected>, BodyRefusal> {
    members_of_one(body).map(|members| read(&members, context))
}

/// Reads a body that holds an array of events, each on its own.
///
/// # Errors
/// [`BodyRefusal`] when it is no such array; what is wrong with an event is in its place.
pub fn read_batch(
    body: &[u8],
    context: Context<'_>,
) -> Result<Vec<Result<UsageEvent, Rejected>>, BodyRefusal> {
    Ok(members_of_batch(body)?.iter().map(|members| read(members, context)).collect())
}

fn parse(body: &[u8]) -> Result<Value, BodyRefusal> {
    let strict: Strict =
        serde_json::from_slice(body).map_err(|e| BodyRefusal::InvalidJson(e.to_string()))?;
    Ok(strict.0)
}

/// A JSON value without repeated keys.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
        let mut all = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Strict(Value::Array(all)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Strict, A::Error> {
        let mut all = Map::new();
        while let Some((key, Strict(value))) = members.next_entry::<String, Strict>()? {
            if all.contains_key(&key) {
                let shown: String = key.chars().take(64).collect();
                return Err(A::Error::custom(format!("the key {shown:?} stands twice")));
            }
            all.insert(key, value);
        }
        Ok(Strict(Value::Object(all)))
    }
}
