//! The hash chain of an account: `chain = SHA-256(previous chain ‖ row)`.
//!
//! The row's bytes (version 1): one byte `1`; then account, seq, kind, source, event id, meter,
//! event, arrival and storage time, quantity, corrected row, period start, "happened in", hash of
//! the dimensions, in this order. A text is its length in four bytes and its UTF-8; a number is
//! eight bytes, big-endian, two's complement (times in milliseconds, quantities in millionths);
//! what may be absent begins with a byte, `0` absent, `1` there. The first row's predecessor is 32
//! zero bytes.

use sha2::{Digest as _, Sha256};

use crate::store::row::Entry;

const VERSION: u8 = 1;

/// The chain value of a row after the row whose value is `previous`.
#[must_use]
pub fn next(previous: &[u8; 32], entry: &Entry) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(canonical(entry)).finalize().into()
}

/// The hash by which a row holds its dimensions: `SHA-256(salt ‖ JSON)`.
#[must_use]
pub fn dims_hash(salt: &[u8; 16], json: &str) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(json).finalize().into()
}

/// A row's bytes.
#[must_use]
pub fn canonical(entry: &Entry) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    text(&mut bytes, entry.account.as_str());
    number(&mut bytes, entry.seq);
    number(&mut bytes, entry.kind.number());
    text(&mut bytes, &entry.source);
    text(&mut bytes, &entry.event_id);
    text(&mut bytes, entry.meter.name());
    number(&mut bytes, entry.t_event.as_millisecond());
    number(&mut bytes, entry.t_ingest.as_millisecond());
    number(&mut bytes, entry.t_stored.as_millisecond());
    number(&mut bytes, entry.quantity.micros());
    maybe(&mut bytes, entry.ref_seq);
    number(&mut bytes, entry.period_start.as_millisecond());
    maybe(&mut bytes, entry.happened_in.map(|t| t.as_millisecond()));
    match &entry.dims_hash {
        None => bytes.push(0),
        Some(hash) => {
            bytes.push(1);
            bytes.extend_from_slice(hash);
        }
    }
    bytes
}

/// Appends a text with its length in front.
pub(super) fn text(bytes: &mut Vec<u8>, text: &str) {
    // Every text here is bounded far below four gigabytes.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

/// Appends a number.
pub(super) fn number(bytes: &mut Vec<u8>, number: i64) {
    bytes.extend_from_slice(&number.to_be_bytes());
}

fn maybe(bytes: &mut Vec<u8>, value: Option<i64>) {
    match value {
        None => bytes.push(0),
        Some(value) => {
            bytes.push(1);
            number(bytes, value);
        }
    }
}

#[cfg(test)]
mod tests;
