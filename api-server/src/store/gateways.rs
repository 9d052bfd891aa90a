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
    let sql = "SELECT at, version, held_events, held_bytes, oldest, refused, sealed
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
    })
}

/// Stores one in place of the last.
pub async fn put(
    session: &mut Session,
    account: &AccountId,
    beat: &Heartbeat,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO gateways
                 (account, at, version, held_events, held_bytes, oldest, refused, sealed)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
               ON CONFLICT (account) DO UPDATE SET at = excluded.at, version = excluded.version,
                 held_events = excluded.held_events, held_bytes = excluded.held_bytes,
                 oldest = excluded.oldest, refused = excluded.refused, sealed = excluded.sealed";
    let values = args![
        account,
        beat.at,
        beat.version.as_str(),
        beat.held_events,
        beat.held_bytes,
        beat.oldest,
        beat.refused,
        i64::from(beat.sealed),
    ];
    session.run(sql, values).await.map(drop)
}

/// Since when an account's gateway is to drain; none when it is not.
pub async fn drains_since(
    session: &mut Session,
    account: &AccountId,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT since FROM drains WHERE account = $1";
    session.row(sql, args![account]).await?.map(|row| row.time(0)).transpose()
}

/// Has an account's gateway drain, or take usage again.
pub async fn drain(
    session: &mut Session,
    account: &AccountId,
    since: Option<Timestamp>,
) -> Result<(), StoreError> {
    let done = match since {
        Some(since) => {
            let sql = "INSERT INTO drains (account, since) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            session.run(sql, args![account, since]).await
        }
        None => session.run("DELETE FROM drains WHERE account = $1", args![account]).await,
    };
    done.map(drop)
}
