//! What gateways said of themselves, and which of them are to drain.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Session, StoreError,
    sql::{Row, args},
};
use crate::domain::account::AccountId;

/// A heartbeat that says nothing new is stored when the one before is this old: thousands of gateways
/// must not keep the writer busy with what nobody needs.
pub const STORED_EVERY: Duration = Duration::from_secs(300);

/// What a gateway said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// When.
    pub at: Timestamp,
    /// The version of its program.
    pub version: String,
    /// Events that it holds.
    pub held_events: i64,
    /// Their size, in bytes.
    pub held_bytes: i64,
    /// When the oldest of them was taken.
    pub oldest: Option<Timestamp>,
    /// Events that the ledger refused it, ever.
    pub refused: i64,
    /// Whether it takes nothing any more.
    pub sealed: bool,
    /// The uid of the tenant for whose removal that is.
    pub sealed_for: Option<String>,
}

impl Heartbeat {
    /// Whether it must be stored after `last`: when somebody may wait for what it says, or `last` is
    /// old.
    #[must_use]
    pub fn is_news_after(&self, last: &Self) -> bool {
        let rest = |beat: &Self| (beat.held_events == 0, beat.refused, beat.sealed);
        let age = self.at.duration_since(last.at);
        self.sealed
            || rest(self) != rest(last)
            || self.version != last.version
            || age.unsigned_abs() >= STORED_EVERY
    }
}

/// The last one of an account's gateway that was stored.
pub async fn last(
    session: &mut Session,
    account: &AccountId,
) -> Result<Option<Heartbeat>, StoreError> {
    let sql = "SELECT at, version, held_events, held_bytes, oldest, refused, sealed, sealed_for
               FROM gateways WHERE account = $1";
    session.row(sql, args![account]).await?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Heartbeat, StoreError> {
    Ok(Heartbeat {
        at: row.time(0)?,
        version: row.text(1)?.to_owned(),
        held_events: row.int(2)?,
        held_bytes: row.int(3)?,
        oldest: row.opt_time(4)?,
        refused: row.int(5)?,
        sealed: row.int(6)? != 0,
        sealed_for: row.opt_text(7)?.map(ToOwned::to_owned),
    })
}

/// Stores one in place of the last.
pub async fn put(
    session: &mut Session,
    account: &AccountId,
    beat: &Heartbeat,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO gateways
                 (account, at, version, held_events, held_bytes, oldest, refused, sealed, sealed_for)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
               ON CONFLICT (account) DO UPDATE SET at = excluded.at, version = excluded.version,
                 held_events = excluded.held_events, held_bytes = excluded.held_bytes,
                 oldest = excluded.oldest, refused = excluded.refused, sealed = excluded.sealed,
                 sealed_for = excluded.sealed_for";
    let values = args![
        account,
        beat.at,
        beat.version.as_str(),
        beat.held_events,
        beat.held_bytes,
        beat.oldest,
        beat.refused,
        i64::from(beat.sealed),
        beat.sealed_for.clone(),
    ];
    session.run(sql, values).await.map(drop)
}

/// The uid of the tenant for whose removal an account's gateway is to drain; none when it is not.
pub async fn drains(
    session: &mut Session,
    account: &AccountId,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT uid FROM drains WHERE account = $1";
    session.row(sql, args![account]).await?.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

/// Has an account's gateway drain for the removal of the tenant with this uid.
pub async fn drain(
    session: &mut Session,
    account: &AccountId,
    uid: &str,
    since: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO drains (account, uid, since) VALUES ($1, $2, $3)
               ON CONFLICT (account) DO UPDATE SET uid = excluded.uid, since = excluded.since";
    session.run(sql, args![account, uid, since]).await.map(drop)
}

/// Has an account's gateway take usage again, unless another tenant than this one is being removed.
pub async fn undrain(
    session: &mut Session,
    account: &AccountId,
    uid: &str,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM drains WHERE account = $1 AND uid = $2";
    session.run(sql, args![account, uid]).await.map(drop)
}

/// Has an account's gateway take usage again, unless this very tenant is being removed: the account
/// is its now, and what an earlier tenant left behind is over.
pub async fn undrain_others(
    session: &mut Session,
    account: &AccountId,
    uid: &str,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM drains WHERE account = $1 AND uid <> $2";
    session.run(sql, args![account, uid]).await.map(drop)
}
