//! Times that the gateway gave to events that had none: remembered, so that a repeat is the same event.

use std::collections::HashMap;

use jiff::Timestamp;

use super::hold::text;
use super::rows::{blobs, int};
use crate::domain::account::AccountId;
use crate::domain::event::{self, Context, Members, UsageEvent};
use crate::ledger::{dedup, dims_json};
use crate::store::sql::args;
use crate::store::{Session, StoreError};

/// How many are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 2_000;
/// How far from right a time has to be to be given anew.
const FAR: u64 = 60_000;

/// The times that were given to those of the keys that got one.
pub(super) async fn of(
    session: &mut Session,
    keys: &[[u8; 16]],
) -> Result<HashMap<[u8; 16], Timestamp>, StoreError> {
    let sql = (
        "WITH want (k) AS (",
        ") SELECT s.k, s.t_event FROM want CROSS JOIN stamps s ON s.k = want.k",
    );
    let rows = session.rows_many(sql, 1, blobs(keys)).await?;
    rows.iter().map(|row| Ok((row.bytes(0)?, row.time(1)?))).collect()
}

pub(super) async fn add(
    session: &mut Session,
    stamps: &[([u8; 16], Timestamp)],
) -> Result<(), StoreError> {
    let values = stamps.iter().flat_map(|(key, time)| args![key.as_slice(), *time]);
    session.run_many(("INSERT INTO stamps (k, t_event)", ""), 2, values.collect()).await
}

/// Gives those of the events that are held another time whose time was given: what `right` says of
/// when they were taken, where that is far from what they have. Answers how many.
pub(super) async fn anew(
    session: &mut Session,
    events: &[i64],
    right: impl Fn(Timestamp) -> Timestamp,
) -> Result<u64, StoreError> {
    let account = super::rows::state(session).await?.account;
    let Some(account) = account else { return Ok(0) };
    let mut done = 0;
    for n in events {
        let sql = "SELECT h.k, h.event, h.t_taken, s.t_event FROM held h JOIN stamps s ON s.k = h.k
                   WHERE h.n = $1";
        let Some(row) = session.row(sql, args![*n]).await? else { continue };
        let key: [u8; 16] = row.bytes(0)?;
        let (time, given) = (whole(right(row.time(2)?)), row.time(3)?);
        // One that cannot be read at the time that was given has a time of its own.
        let Ok(event) = read(row.text(1)?, &account, given) else { continue };
        let apart = time.as_millisecond().abs_diff(given.as_millisecond());
        if event.time != given || apart <= FAR {
            continue;
        }
        let event = UsageEvent { time, ..event };
        let body = dedup::event_body(&event, &dims_json(&event.dims));
        let sql = "UPDATE held SET event = $2, body = $3 WHERE n = $1";
        session.run(sql, args![*n, text(&event).as_str(), body.as_slice()]).await?;
        let sql = "UPDATE stamps SET t_event = $2 WHERE k = $1";
        done += session.run(sql, args![key.as_slice(), time]).await?;
    }
    Ok(done)
}

/// An event as it was written here, at a time at which it was good.
fn read(text: &str, account: &AccountId, now: Timestamp) -> Result<UsageEvent, StoreError> {
    let unreadable = |why: String| StoreError::Unreadable(format!("held: {why}"));
    let members: Members =
        serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
    event::read(&members, Context { account, now })
        .map_err(|_| unreadable("an event that is held cannot be read".to_owned()))
}

/// As stamps are, in whole milliseconds.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

pub(super) async fn forget_oldest(session: &mut Session, many: u64) -> Result<u64, StoreError> {
    if many == 0 {
        return Ok(0);
    }
    let sql = "DELETE FROM stamps WHERE k IN (SELECT k FROM stamps ORDER BY t_event LIMIT $1)";
    session.run(sql, args![int(many)]).await
}

pub(super) async fn forget(session: &mut Session, before: Timestamp) -> Result<u64, StoreError> {
    let sql = "DELETE FROM stamps WHERE k IN
                 (SELECT k FROM stamps WHERE t_event < $1 ORDER BY t_event LIMIT $2)";
    let gone = session.run(sql, args![before, FORGOTTEN_AT_ONCE]).await?;
    session.run("UPDATE state SET stamps = stamps - $1", args![int(gone)]).await?;
    Ok(gone)
}
