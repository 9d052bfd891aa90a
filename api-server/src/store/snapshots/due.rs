//! Which accounts are to be summed up, and what they have by now.

use jiff::Timestamp;

use crate::{
    domain::account::AccountId,
    store::{
        Session, StoreError,
        accounts::{self, Account},
        sql::{Row, Value, args},
    },
};

/// Which accounts are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Whose summary is this old or older, whatever happened.
    pub older_than: Timestamp,
    /// Whose summary is this old or older, and no longer what it was computed from.
    pub moved: Timestamp,
    /// Whose summary is by older formulas than these.
    pub formula_version: u32,
    /// Whose summary is dated later than this: by a clock that was set back since. It would not be due before that
    /// instant comes again.
    pub ahead: Timestamp,
}

/// The accounts after `after` that are due, by id, at most `limit`.
pub(crate) async fn due(
    session: &mut Session,
    due: Due,
    after: Option<&AccountId>,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let sql = "SELECT a.account, a.name, a.zone, a.anchor_day, a.currency, a.created_at
               FROM accounts a
               LEFT JOIN snapshots s ON s.account = a.account
               LEFT JOIN heads h ON h.account = a.account
               WHERE a.account > $1
                 AND (s.account IS NULL OR s.computed_at <= $2 OR s.computed_at > $6
                      OR s.formula_version <> $4
                      OR (s.computed_at <= $3 AND (s.stale = 1 OR h.seq > s.ledger_seq)))
               ORDER BY a.account LIMIT $5";
    let Due { older_than, moved, formula_version, ahead } = due;
    let after = after.map(AccountId::as_str).unwrap_or_default();
    let values = args![after, older_than, moved, formula_version, limit, ahead];
    session.rows(sql, values).await?.iter().map(accounts::account).collect()
}

/// How much of each kind an account has: what a summary has to have counted to be fresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The newest row.
    pub ledger_seq: i64,
    /// Agreements.
    pub agreements: i64,
    /// The newest version of facts.
    pub facts: i64,
    /// Answers of support.
    pub interactions: i64,
}

/// How much there is of accounts now.
pub(crate) async fn counts(
    session: &mut Session,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, Counts)>, StoreError> {
    let sql = (
        "WITH want (account) AS (",
        ") SELECT w.account,
             COALESCE((SELECT h.seq FROM heads h WHERE h.account = w.account), 0),
             COALESCE((SELECT MAX(g.n) FROM agreements g WHERE g.account = w.account), 0),
             COALESCE((SELECT MAX(f.n) FROM account_facts f WHERE f.account = w.account), 0),
             COALESCE((SELECT MAX(i.n) FROM support_interactions i
                       WHERE i.account = w.account), 0)
           FROM want w",
    );
    let values = accounts.iter().map(Value::from).collect();
    let rows = session.rows_many(sql, 1, values).await?;
    let read = |row: &Row| {
        let counts = Counts {
            ledger_seq: row.int(1)?,
            agreements: row.int(2)?,
            facts: row.int(3)?,
            interactions: row.int(4)?,
        };
        Ok((row.parsed(0)?, counts))
    };
    rows.iter().map(read).collect()
}

/// Until when the newest of all summaries may be acted on, of those that are dated no later than `until`.
pub(crate) async fn newest_validity(
    session: &mut Session,
    until: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT MAX(valid_until) FROM snapshots WHERE computed_at <= $1";
    let row = session.row(sql, args![until]).await?;
    row.map_or(Ok(None), |row| row.opt_time(0))
}

/// Which accounts were summed up at an instant or later, and when.
pub(crate) async fn dated(
    session: &mut Session,
    since: Option<Timestamp>,
) -> Result<Vec<(AccountId, Timestamp)>, StoreError> {
    let sql = "SELECT account, computed_at FROM snapshots WHERE computed_at >= $1 ORDER BY account";
    let since = since.map_or(i64::MIN, Timestamp::as_millisecond);
    let rows = session.rows(sql, args![since]).await?;
    rows.iter().map(|row| Ok((row.parsed(0)?, row.time(1)?))).collect()
}
