//! When an account's periods begin and end, and which are closed.

use jiff::Timestamp;

use super::{Session, StoreError, accounts::Account, sql::args};
use crate::domain::{
    account::AccountId,
    bill::FORMULA_VERSION,
    calendar::{GRACE, Period, period_of},
};

/// A stored period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodRow {
    /// Its edges.
    pub period: Period,
    /// When it was closed; until then its figures are not final.
    pub closed: Option<Closed>,
    /// By which version of [`crate::domain::bill::FORMULA`] it is billed.
    pub formula: u32,
    /// Whether it is on record; one that is not is as the calendar has it.
    pub stored: bool,
}

impl PeriodRow {
    /// Until when what is agreed counts for its bill; while it is open on record, whatever is. One that nobody
    /// stored was as good as closed when its grace was over.
    #[must_use]
    pub fn agreed_before(&self) -> Option<Timestamp> {
        match self.closed {
            Some(closed) => Some(closed.at),
            None if self.stored => None,
            None => grace_over(self.period),
        }
    }
}

/// When nothing enters a period any more by the clock; never at the end of time.
#[must_use]
pub fn grace_over(period: Period) -> Option<Timestamp> {
    period.end().checked_add(GRACE).ok()
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
    let sql = "SELECT period_start, period_end, closed_at, closed_seq, formula FROM periods
               WHERE account = $1 ORDER BY period_start";
    let rows = session.rows(sql, args![account]).await?;
    let read = |row: &super::sql::Row| {
        let period = Period::from_edges(row.time(0)?, row.time(1)?)
            .map_err(|error| StoreError::Unreadable(format!("periods: {error}")))?;
        let closed = match row.opt_time(2)? {
            Some(at) => Some(Closed { at, seq: row.int(3)? }),
            None => None,
        };
        Ok(PeriodRow { period, closed, formula: formula(row, 4)?, stored: true })
    };
    rows.iter().map(read).collect()
}

/// Reads a version of the formula.
pub(super) fn formula(row: &super::sql::Row, column: usize) -> Result<u32, StoreError> {
    let unreadable = |_| StoreError::Unreadable("periods.formula".to_owned());
    u32::try_from(row.int(column)?).map_err(unreadable)
}

/// The period in which an instant lies: the stored one, or by the calendar.
///
/// # Errors
/// [`StoreError::Unreadable`] also for an instant outside of the calendar.
pub async fn at(
    session: &mut Session,
    account: &Account,
    instant: Timestamp,
) -> Result<PeriodRow, StoreError> {
    let stored = of_account(session, &account.id).await?;
    if let Some(row) = stored.into_iter().find(|row| row.period.contains(instant)) {
        return Ok(row);
    }
    let period = period_of(instant, &account.zone, account.anchor)
        .map_err(|error| StoreError::Unreadable(error.to_string()))?;
    Ok(PeriodRow { period, closed: None, formula: FORMULA_VERSION, stored: false })
}

/// Accounts after `after` that agreed to a plan which has begun and not ended, and whose running period is not
/// stored.
pub(crate) async fn without_running(
    session: &mut Session,
    after: Option<&AccountId>,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<AccountId>, StoreError> {
    let sql = "SELECT DISTINCT g.account FROM agreements g
               WHERE g.account > $1 AND g.effective_at <= $2 AND NOT EXISTS
                 (SELECT 1 FROM periods p WHERE p.account = g.account
                    AND p.period_start <= $2 AND p.period_end > $2)
                 AND NOT EXISTS
                 (SELECT 1 FROM agreements e WHERE e.account = g.account
                    AND e.plan IS NULL AND e.effective_at <= $2
                    AND e.n = (SELECT MAX(m.n) FROM agreements m WHERE m.account = g.account))
               ORDER BY g.account LIMIT $3";
    let after = after.map(AccountId::as_str).unwrap_or_default();
    let rows = session.rows(sql, args![after, now, limit]).await?;
    rows.iter().map(|row| row.parsed(0)).collect()
}

/// Accounts whose periods are closed in one transaction: few enough that nobody waits for them.
const AT_ONCE: u32 = 500;

/// Closes the periods whose grace is over at `now`, of some of the accounts that have any; answers
/// how many. To be done again until there are none. A close comes after whatever was agreed before
/// it, also when another server's clock is ahead.
pub async fn close_due(session: &mut Session, now: Timestamp) -> Result<u64, StoreError> {
    let Ok(ended_before) = now.checked_sub(GRACE) else { return Ok(0) };
    let due = "SELECT DISTINCT account FROM periods
               WHERE closed_at IS NULL AND period_end <= $1 ORDER BY account LIMIT $2";
    let due = session.rows(due, args![ended_before, AT_ONCE]).await?;
    let due: Vec<AccountId> = due.iter().map(|row| row.parsed(0)).collect::<Result<_, _>>()?;
    // Else a row that another server stores meanwhile would be in the period, but after its close.
    session.lock(&due).await?;
    let sql = (
        "WITH want (account, closed_at, ended_before) AS (",
        ") UPDATE periods SET closed_at = COALESCE(
             (SELECT MAX(g.recorded_at) + 1 FROM agreements g
              WHERE g.account = periods.account AND g.recorded_at >= want.closed_at),
             want.closed_at),
           closed_seq = COALESCE(
             (SELECT h.seq FROM heads h WHERE h.account = periods.account), 0)
           FROM want WHERE periods.account = want.account
             AND periods.closed_at IS NULL AND periods.period_end <= want.ended_before",
    );
    let values = due.iter().flat_map(|account| args![account, now, ended_before]).collect();
    session.change_many(sql, 3, values).await
}
