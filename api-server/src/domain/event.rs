//! A CloudEvent read into a [`UsageEvent`], with every reason why it is refused.
//!
//! What is read: CloudEvents 1.0 in JSON, one ([`read_one`]) or a batch ([`read_batch`]). Headers of
//! the binary HTTP mode become the same members and go through [`read`].
//!
//! Attributes that CloudEvents does not know ("extensions") are kept as dimensions, all as texts, so
//! that an event means the same in the binary mode, where everything is a text. `traceparent`,
//! `tracestate` and `dataschema` describe a delivery rather than usage and are not kept: a retry may
//! carry others.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::Offset};
use serde_json::{Map, Value};

use super::{Quantity, account::AccountId, meter::Meter};

mod attributes;
mod body;
mod refusal;

pub use body::{BodyRefusal, MAX_BATCH, members_of_batch, members_of_one, read_batch, read_one};
pub use refusal::{Code, Refusal};

/// The members of an event as they arrive, by name.
pub type Members = Map<String, Value>;

/// The longest `id` and `source`, in bytes.
pub const MAX_NAME_BYTES: usize = 256;
/// What corrections have in place of a source. No usage may: who knows how corrections are named would take their
/// names, and one that comes would be taken for a repeat.
pub const CORRECTIONS: &str = "/billing/corrections";
/// The most dimensions of one event.
pub const MAX_DIMS: usize = 16;
/// The longest name of a dimension, in bytes.
pub const MAX_DIM_NAME_BYTES: usize = 32;
/// The longest value of a dimension, in bytes.
pub const MAX_DIM_VALUE_BYTES: usize = 256;
/// The most that one event may count: a thousand million units.
pub const MAX_QUANTITY: Quantity = Quantity::from_micros(1_000_000_000 * 1_000_000);
/// How far ahead of the server's clock an event's time may be: a day, so that a clock set to local
/// time but labelled UTC loses no usage.
pub const MAX_SKEW: SignedDuration = SignedDuration::from_hours(24);

/// One use of a meter, as its sender reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageEvent {
    /// Whose usage.
    pub account: AccountId,
    /// Who reported it (the CloudEvent's `source`).
    pub source: String,
    /// The reporter's name for it; `source` and `id` together count once.
    pub id: String,
    /// What was used.
    pub meter: Meter,
    /// When, in whole milliseconds.
    pub time: Timestamp,
    /// How much; never negative.
    pub quantity: Quantity,
    /// Further attributes by name.
    pub dims: BTreeMap<String, String>,
}

/// What reading an event depends on beside its text.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The account that the sender's token stands for.
    pub account: &'a AccountId,
    /// When it arrived.
    pub now: Timestamp,
}

/// An event that was not taken, with every reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its `id`, when it has a readable one.
    pub id: Option<String>,
    /// Its `source`, when it has a readable one.
    pub source: Option<String>,
    /// Its meter, when its `type` names one.
    pub meter: Option<Meter>,
    /// Its `time`, when it is one that could be taken.
    pub time: Option<Timestamp>,
    /// At least one reason.
    pub refusals: Vec<Refusal>,
}

/// The first instant that an event arriving at `now` may name: a day after the start of the
/// previous month (UTC).
///
/// Keys by which a repeated event is known are kept for the month of its first arrival and the
/// month after. An event may be [`MAX_SKEW`] ahead of its arrival, so the day's margin makes sure
/// that whatever is young enough to be taken still has its key.
#[must_use]
pub fn oldest_time(now: Timestamp) -> Timestamp {
    let first = |date: Date| date.first_of_month();
    let this_month = first(Offset::UTC.to_datetime(now).date());
    let start = this_month
        .yesterday()
        .ok()
        .and_then(|day| Offset::UTC.to_timestamp(first(day).at(0, 0, 0, 0)).ok())
        .and_then(|start| start.checked_add(MAX_SKEW).ok());
    start.unwrap_or(Timestamp::MIN)
}

/// Reads one event from its members.
///
/// # Errors
/// [`Rejected`], with all that is wrong with it.
pub fn read(members: &Members, context: Context<'_>) -> Result<UsageEvent, Rejected> {
    let mut found = Vec::new();
    let mut note = |refusal| found.push(refusal);
    if let Err(refusal) = attributes::specversion(members) {
        note(refusal);
    }
    let id = attributes::id(members).map_err(&mut note).ok();
    let source = attributes::source(members).map_err(&mut note).ok();
    let meter = attributes::meter(members).map_err(&mut note).ok();
    let time = attributes::time(members, context.now).map_err(&mut note).ok();
    let quantity = attributes::quantity(members).map_err(&mut note).ok();
    if let Err(refusal) = attributes::subject(members, context.account) {
        note(refusal);
    }
    let dims = attributes::dims(members, &mut note);
    if let (Some(meter), Some(time), Some(quantity), true) =
        (meter, time, quantity, found.is_empty())
        && let (Some(id), Some(source)) = (id.clone(), source.clone())
    {
        let account = context.account.clone();
        return Ok(UsageEvent { account, source, id, meter, time, quantity, dims });
    }
    Err(Rejected { id, source, meter, time, refusals: found })
}

/// An event without a `time` gets one, in whole milliseconds; answers whether it did.
pub fn stamp(members: &mut Members, now: Timestamp) -> bool {
    let missing = members.get("time").is_none_or(Value::is_null);
    if missing {
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        members.insert("time".to_owned(), now.to_string().into());
    }
    missing
}

/// An event as members that are read as the same event again, also by another server: what was read
/// of it and nothing else. The subject is left out, since the sender's token says it.
#[must_use]
pub fn write(event: &UsageEvent) -> Members {
    let UsageEvent { account: _, source, id, meter, time, quantity, dims } = event;
    let dims = dims.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
    let mut members: Members = dims.collect();
    let texts = [
        ("specversion", "1.0".to_owned()),
        ("id", id.clone()),
        ("source", source.clone()),
        ("type", meter.event_type().to_owned()),
        ("time", time.to_string()),
    ];
    members.extend(texts.map(|(name, text)| (name.to_owned(), text.into())));
    let data: Members =
        [("quantity".to_owned(), quantity.to_string().into())].into_iter().collect();
    members.insert("data".to_owned(), data.into());
    members
}

#[cfg(test)]
mod tests;
