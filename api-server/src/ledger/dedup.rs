//! By what a repeated event is known: a key of account, source and id, and a hash of what it says.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::Offset};
use sha2::{Digest as _, Sha256};

use super::{
    chain::{number, text},
    request::{Change, Correction},
};
use crate::{
    domain::{account::AccountId, event::UsageEvent},
    store::{
        append::SaltedDims,
        row::{Entry, Kind},
    },
};

/// The first 128 bits of `SHA-256(account ‖ source ‖ id)`, each with its length in front.
#[must_use]
pub fn key(account: &AccountId, source: &str, id: &str) -> [u8; 16] {
    let mut bytes = Vec::new();
    for part in [account.as_str(), source, id] {
        text(&mut bytes, part);
    }
    first_half(&bytes)
}

/// A hash of what an event says beside its name.
#[must_use]
pub fn event_body(event: &UsageEvent, dims: &str) -> [u8; 16] {
    let mut bytes = vec![0];
    text(&mut bytes, event.meter.name());
    number(&mut bytes, event.time.as_millisecond());
    number(&mut bytes, event.quantity.micros());
    text(&mut bytes, dims);
    first_half(&bytes)
}

/// A hash of what a correction says beside its name.
#[must_use]
pub fn correction_body(correction: &Correction, dims: &str) -> [u8; 16] {
    let mut bytes = vec![1];
    number(&mut bytes, correction.ref_seq);
    match correction.change {
        Change::By(quantity) => number(&mut bytes, quantity.micros()),
        Change::Void => bytes.push(0),
    }
    text(&mut bytes, dims);
    first_half(&bytes)
}

/// The hash of what a row says; unknown when its dimensions were erased.
#[must_use]
pub fn body(entry: &Entry, dims: Option<&SaltedDims>) -> Option<[u8; 16]> {
    if entry.dims_hash.is_some() && dims.is_none() {
        return None;
    }
    let json = dims.map_or("", |dims| dims.json.as_str());
    let (source, id) = (entry.source.clone(), entry.event_id.clone());
    let Some(ref_seq) = entry.ref_seq else {
        let event = UsageEvent {
            account: entry.account.clone(),
            source,
            id,
            meter: entry.meter,
            time: entry.t_event,
            quantity: entry.quantity,
            dims: BTreeMap::new(),
        };
        return Some(event_body(&event, json));
    };
    let void = entry.kind == Kind::Void;
    let change = if void { Change::Void } else { Change::By(entry.quantity) };
    let correction = Correction { source, id, ref_seq, change, notes: BTreeMap::new() };
    Some(correction_body(&correction, json))
}

fn first_half(bytes: &[u8]) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

/// The month of an arrival (UTC) and the one before it, as 202611 and 202610: the months in which
/// keys are looked for.
#[must_use]
pub fn months(arrival: Timestamp) -> (i64, i64) {
    let date = Offset::UTC.to_datetime(arrival).date();
    let (year, month) = (i64::from(date.year()), i64::from(date.month()));
    let previous = if month == 1 { (year - 1) * 100 + 12 } else { year * 100 + month - 1 };
    (year * 100 + month, previous)
}

/// The month after one, both as 202612.
#[must_use]
pub fn after(month: i64) -> i64 {
    if month % 100 == 12 { month + 89 } else { month + 1 }
}

#[cfg(test)]
mod tests;
