//! When an account's periods begin and end, and which are closed.

use jiff::Timestamp;

use super::{Session, StoreError, sql::args};
use crate::domain::{
    account::AccountId,
    calendar::{GRACE, Period},
};

/// A stored period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodRow {
    /// Its edges.
    pub period: Period,
    /// When it was closed; until then its figures are not final.
    pub closed: Option<Closed>,
}

/// The close of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// When.
    pub at: Timestamp,
    /// The account's newest row then: no later one enters the period.
    pub seq: i64,
}

/// An account's periods, the oldest first.
pub async fn of_account(
    session: &mut Session,
    account: &AccountId,
) -> Result<Vec<PeriodRow>, StoreError> {
    let sql = "SELECT period_start, period_end, closed_at, closed_seq FROM periods
               WHERE account = $1 ORDER BY period_start";
    let rows = session.rows(sql, args![account]).await?;
    let read = |row: &super::sql::Row| {
        let period = Period::from_edges(row.time(0)?, row.time(1)?)
            .map_err(|error| StoreError::Unreadable(format!("periods: {error}")))?;
        let closed = match row.opt_time(2)? {
            Some(at) => Some(Closed { at, seq: row.int(3)? }),
            None => None,
        };
        Ok(PeriodRow { period, closed })
    };
    rows.iter().map(read).collect()
}

/// Closes every period whose grace is over at `now`; answers how many. Doing it again is no harm.
pub async fn close_due(session: &mut Session, now: Timestamp) -> Result<u64, StoreError> {
    let Ok(ended_before) = now.checked_sub(GRACE) else { return Ok(0) };
    let sql = "UPDATE periods SET closed_at = $1, closed_seq = COALESCE(
                 (SELECT h.seq FROM heads h WHERE h.account = periods.account), 0)
               WHERE closed_at IS NULL AND period_end <= $2";
    session.run(sql, args![now, ended_before]).await
}
