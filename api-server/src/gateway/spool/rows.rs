//! The spool's tables.

use std::collections::HashMap;

use jiff::Timestamp;

use super::stamps;
use crate::domain::account::AccountId;
use crate::store::sql::{Value, args};
use crate::store::{Session, StoreError};

/// How many refused events are kept.
const MOST_REFUSED: i64 = 10_000;

/// How a spool stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Events that are held.
    pub events: u64,
    /// Their size, with what it takes to hold them.
    pub bytes: u64,
    /// Times that are remembered.
    pub stamps: u64,
    /// Events that the ledger refused, ever.
    pub refused: u64,
    /// Whether it takes nothing any more.
    pub sealed: bool,
    /// The uid of the tenant for whose removal that is.
    pub sealed_for: Option<String>,
    /// Whose it is, once that is known.
    pub account: Option<AccountId>,
    /// When the first of those held was taken.
    pub oldest: Option<Timestamp>,
}

/// An event that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its number in the order of arrival.
    pub n: i64,
    /// The CloudEvent, as JSON.
    pub event: String,
}

/// Why the ledger did not take an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which.
    pub n: i64,
    /// The ledger's code.
    pub code: String,
    /// The ledger's words.
    pub detail: String,
}

/// An event that the ledger did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The CloudEvent, as JSON.
    pub event: String,
    /// When it was taken here.
    pub taken: Timestamp,
    /// The ledger's code.
    pub code: String,
    /// The ledger's words.
    pub detail: String,
    /// When the ledger said so.
    pub refused: Timestamp,
}

/// What is known of an event that is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) body: [u8; 16],
    pub(super) t_taken: Timestamp,
}

/// An event to hold.
pub(super) struct Row {
    pub(super) key: [u8; 16],
    pub(super) body: [u8; 16],
    pub(super) event: String,
    pub(super) bytes: u64,
    pub(super) t_taken: Timestamp,
}

/// A gateway is small: less memory and a smaller log than the ledger has.
pub(super) async fn prepare(session: &mut Session) -> Result<(), StoreError> {
    for pragma in [
        "PRAGMA cache_size = -8192",
        "PRAGMA wal_autocheckpoint = 256",
        "PRAGMA journal_size_limit = 1048576",
    ] {
        session.rows(pragma, Vec::new()).await?;
    }
    Ok(())
}

pub(super) async fn state(session: &mut Session) -> Result<State, StoreError> {
    let sql = "SELECT events, bytes, stamps, refused, sealed, account, sealed_for,
                 (SELECT t_taken FROM held ORDER BY n LIMIT 1) FROM state";
    let row = session.row(sql, Vec::new()).await?;
    let row = row.ok_or_else(|| StoreError::Unreadable("the spool has no state".to_owned()))?;
    let count = |column| Ok::<_, StoreError>(u64::try_from(row.int(column)?).unwrap_or(0));
    Ok(State {
        events: count(0)?,
        bytes: count(1)?,
        stamps: count(2)?,
        refused: count(3)?,
        sealed: row.int(4)? != 0,
        account: row.opt_text(5)?.map(|_| row.parsed(5)).transpose()?,
        sealed_for: row.opt_text(6)?.map(ToOwned::to_owned),
        oldest: row.opt_time(7)?,
    })
}

/// How large a copy would be, in bytes.
pub(super) async fn size(session: &mut Session) -> Result<u64, StoreError> {
    let mut pages = 0;
    for (pragma, sign) in [("PRAGMA page_count", 1), ("PRAGMA freelist_count", -1)] {
        pages += sign * session.row(pragma, Vec::new()).await?.map_or(Ok(0), |row| row.int(0))?;
    }
    let page =
        session.row("PRAGMA page_size", Vec::new()).await?.map_or(Ok(0), |row| row.int(0))?;
    Ok(u64::try_from(pages * page).unwrap_or(0))
}

/// Those of the keys that are held.
pub(super) async fn known(
    session: &mut Session,
    keys: &[[u8; 16]],
) -> Result<HashMap<[u8; 16], Known>, StoreError> {
    let sql = (
        "WITH want (k) AS (",
        ") SELECT h.k, h.body, h.t_taken FROM want CROSS JOIN held h ON h.k = want.k",
    );
    let rows = session.rows_many(sql, 1, blobs(keys)).await?;
    rows.iter()
        .map(|row| Ok((row.bytes(0)?, Known { body: row.bytes(1)?, t_taken: row.time(2)? })))
        .collect()
}

pub(super) fn blobs(keys: &[[u8; 16]]) -> Vec<Value> {
    keys.iter().map(|key| Value::from(key.as_slice())).collect()
}

/// Adds events and the times that were given to some, and sets what the spool then holds.
pub(super) async fn hold(
    session: &mut Session,
    state: State,
    rows: &[Row],
    stamps: &[([u8; 16], Timestamp)],
    most_stamps: u64,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let values = rows.iter().flat_map(|row| {
        let event = row.event.as_str();
        args![row.key.as_slice(), row.body.as_slice(), event, int(row.bytes), row.t_taken]
    });
    let sql = ("INSERT INTO held (k, body, event, bytes, t_taken)", "");
    session.run_many(sql, 5, values.collect()).await?;
    stamps::add(session, stamps).await?;
    let stamps = state.stamps + stamps.len() as u64;
    let forgotten = stamps::forget_oldest(session, stamps.saturating_sub(most_stamps)).await?;
    let sql = "UPDATE state SET events = $1, bytes = $2, stamps = $3";
    let stamps = stamps.saturating_sub(forgotten);
    session.run(sql, args![int(state.events), int(state.bytes), int(stamps)]).await.map(drop)
}

pub(super) async fn first(
    session: &mut Session,
    events: usize,
    bytes: usize,
) -> Result<Vec<Held>, StoreError> {
    let sql = "SELECT n, event FROM held ORDER BY n LIMIT $1";
    let rows = session.rows(sql, args![int(events as u64)]).await?;
    let mut first = Vec::with_capacity(rows.len());
    let mut size = 0;
    for row in rows {
        let event = row.text(1)?.to_owned();
        size += event.len();
        if size > bytes && !first.is_empty() {
            break;
        }
        first.push(Held { n: row.int(0)?, event });
    }
    Ok(first)
}

pub(super) async fn settle(
    session: &mut Session,
    last: i64,
    refusals: &[Refusal],
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO refused (n, event, t_taken, code, detail, t_refused)
               SELECT n, event, t_taken, $2, $3, $4 FROM held WHERE n = $1
               ON CONFLICT (n) DO NOTHING";
    let mut refused = 0;
    for Refusal { n, code, detail } in refusals {
        refused += session.run(sql, args![*n, code.as_str(), detail.as_str(), now]).await?;
    }
    let sum = "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM held WHERE n <= $1";
    let Some(gone) = session.row(sum, args![last]).await? else { return Ok(()) };
    let (events, bytes) = (gone.int(0)?, gone.int(1)?);
    session.run("DELETE FROM held WHERE n <= $1", args![last]).await?;
    let sql = "UPDATE state SET events = events - $1, bytes = bytes - $2, refused = refused + $3";
    session.run(sql, args![events, bytes, int(refused)]).await?;
    let sql = "DELETE FROM refused WHERE n IN
                 (SELECT n FROM refused ORDER BY n DESC LIMIT -1 OFFSET $1)";
    session.run(sql, args![MOST_REFUSED]).await.map(drop)
}

/// Events that are forgotten in one transaction: few enough that nobody waits for them.
const FORGOTTEN_AT_ONCE: i64 = 100;

/// They are whole events, with whatever their dimensions say of people, so nobody has them longer than they help.
pub(super) async fn forget_refused(
    session: &mut Session,
    before: Timestamp,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM refused WHERE n IN
                 (SELECT n FROM refused WHERE t_refused < $1 ORDER BY n LIMIT $2)";
    session.run(sql, args![before, FORGOTTEN_AT_ONCE]).await
}

/// Gives the disk back what events that left have taken.
pub(super) async fn shrink(session: &mut Session) -> Result<(), StoreError> {
    session.rows("PRAGMA incremental_vacuum", Vec::new()).await.map(drop)
}

pub(super) async fn refused(session: &mut Session, most: u32) -> Result<Vec<Refused>, StoreError> {
    let sql = "SELECT event, t_taken, code, detail, t_refused FROM refused
               ORDER BY n DESC LIMIT $1";
    let rows = session.rows(sql, args![most]).await?;
    rows.iter()
        .map(|row| {
            Ok(Refused {
                event: row.text(0)?.to_owned(),
                taken: row.time(1)?,
                code: row.text(2)?.to_owned(),
                detail: row.text(3)?.to_owned(),
                refused: row.time(4)?,
            })
        })
        .collect()
}

pub(super) async fn belong(
    session: &mut Session,
    account: &AccountId,
) -> Result<AccountId, StoreError> {
    session.run("UPDATE state SET account = $1 WHERE account IS NULL", args![account]).await?;
    let known = state(session).await?.account;
    known.ok_or_else(|| StoreError::Unreadable("the spool has no account".to_owned()))
}

pub(super) async fn seal(session: &mut Session, uid: Option<String>) -> Result<(), StoreError> {
    let sql = "UPDATE state SET sealed = $1, sealed_for = $2";
    session.run(sql, args![i64::from(uid.is_some()), uid]).await.map(drop)
}

/// Sizes here are far below what the column holds.
pub(super) fn int(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
