//! What is kept that may name people, and what should have gone by itself.

use jiff::Timestamp;

use super::{
    Session, StoreError, onboarding,
    sql::{Row, args},
};
use crate::domain::account::AccountId;

/// The contact of a request that was not approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The request.
    pub request: String,
    /// What became of it.
    pub status: String,
    /// Since when it is kept without need: its decision, else its arrival.
    pub since: Timestamp,
}

/// The contacts of requests that are rejected, withdrawn or undecided since before an instant, and not
/// erased: the oldest, at most so many.
pub async fn contacts(
    session: &mut Session,
    before: Timestamp,
    most: u32,
) -> Result<Vec<Contact>, StoreError> {
    let sql = "SELECT intake, status, COALESCE(decided_at, submitted_at) FROM intakes
               WHERE status <> 'approved' AND COALESCE(decided_at, submitted_at) < $1
                 AND REPLACE(form, $2, '') = form
               ORDER BY COALESCE(decided_at, submitted_at), intake LIMIT $3";
    let read = |row: &Row| {
        Ok(Contact {
            request: row.text(0)?.to_owned(),
            status: row.text(1)?.to_owned(),
            since: row.time(2)?,
        })
    };
    let values = args![before, onboarding::ERASED.1, most];
    session.rows(sql, values).await?.iter().map(read).collect()
}

/// The oldest row of each account whose further attributes are kept, of those stored before an instant:
/// the oldest, at most so many accounts.
pub async fn attributes(
    session: &mut Session,
    before: Timestamp,
    most: u32,
) -> Result<Vec<(AccountId, Timestamp)>, StoreError> {
    let sql = "SELECT a.account, l.t_stored FROM accounts a
               JOIN usage_ledger l ON l.account = a.account AND l.seq = (
                 SELECT d.seq FROM event_dims d
                 JOIN usage_ledger u ON u.account = d.account AND u.seq = d.seq
                 WHERE d.account = a.account AND u.kind = 0 ORDER BY d.seq LIMIT 1)
               WHERE l.t_stored < $1 ORDER BY l.t_stored, a.account LIMIT $2";
    let read = |row: &Row| Ok((row.parsed(0)?, row.time(1)?));
    session.rows(sql, args![before, most]).await?.iter().map(read).collect()
}

/// Accounts with daily summaries from before a day (whole days since 1970, UTC), with the oldest of them.
pub async fn days(
    session: &mut Session,
    before: i64,
    most: u32,
) -> Result<Vec<(AccountId, Timestamp)>, StoreError> {
    let sql = "SELECT account, MIN(computed_at) FROM snapshot_days WHERE day < $1
               GROUP BY account ORDER BY account LIMIT $2";
    let read = |row: &Row| Ok((row.parsed(0)?, row.time(1)?));
    session.rows(sql, args![before, most]).await?.iter().map(read).collect()
}

/// Accounts with keys of repeats from before a month (as 202611), with the oldest of them.
pub async fn keys(
    session: &mut Session,
    before: i64,
    most: u32,
) -> Result<Vec<(AccountId, Timestamp)>, StoreError> {
    let sql = "SELECT account, MIN(t_ingest) FROM dedup WHERE month < $1
               GROUP BY account ORDER BY account LIMIT $2";
    let read = |row: &Row| Ok((row.parsed(0)?, row.time(1)?));
    session.rows(sql, args![before, most]).await?.iter().map(read).collect()
}
