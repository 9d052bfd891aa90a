//! What was decided about tenants' used-up quotas.

use jiff::Timestamp;

use super::{
    Session, StoreError,
    sql::{Row, args},
};
use crate::domain::{
    Quantity,
    account::AccountId,
    calendar::Period,
    enforcement::{Action, Over, Standing, Traffic, WINDOW},
};

/// One decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its number among the tenant's, from 1.
    pub n: i64,
    /// What stands from then on; none: nothing any more.
    pub action: Option<Action>,
    /// What stood before.
    pub earlier: Option<Action>,
    /// What it rests on; of one that ended, as it was while it stood, but for `since`.
    pub of: Standing,
}

impl Decision {
    /// What stands by it.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.action.map(|action| Standing { action, ..self.of })
    }
}

const NONE: &str = "none";

fn name(action: Option<Action>) -> &'static str {
    action.map_or(NONE, Action::name)
}

macro_rules! columns {
    () => {
        "n, action, earlier, period_start, period_end, announced_at, not_before, meter, used_micro,
         quota_micro, at"
    };
}

fn decision(row: &Row) -> Result<Decision, StoreError> {
    let bad = |what: &str| StoreError::Unreadable(format!("enforcements.{what}"));
    let action = |at, what| match row.text(at)? {
        NONE => Ok(None),
        name => Action::from_name(name).map(Some).ok_or_else(|| bad(what)),
    };
    let now = action(1, "action")?;
    let period =
        Period::from_edges(row.time(3)?, row.time(4)?).map_err(|error| bad(&error.to_string()))?;
    let over = Over {
        meter: row.parsed(7)?,
        used: Quantity::from_micros(row.int(8)?),
        quota: Quantity::from_micros(row.int(9)?),
    };
    let of = Standing {
        action: now.unwrap_or(Action::Alert),
        period,
        announced: row.time(5)?,
        not_before: row.time(6)?,
        since: row.time(10)?,
        over,
    };
    Ok(Decision { n: row.int(0)?, action: now, earlier: action(2, "earlier")?, of })
}

/// The last decision about a tenant.
///
/// # Errors
/// [`StoreError`].
pub async fn last(
    session: &mut Session,
    account: &AccountId,
    uid: &str,
) -> Result<Option<Decision>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM enforcements WHERE account = $1 AND uid = $2 ORDER BY n DESC LIMIT 1"
    );
    session.row(sql, args![account, uid]).await?.as_ref().map(decision).transpose()
}

/// Adds a decision.
pub(crate) async fn put(
    session: &mut Session,
    account: &AccountId,
    uid: &str,
    new: &Decision,
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO enforcements (account, uid, n, action, earlier, period_start, period_end,
                 announced_at, not_before, meter, used_micro, quota_micro, at, told_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, NULL)";
    let Decision { n, action, earlier, of } = new;
    let values = args![
        account,
        uid,
        *n,
        name(*action),
        name(*earlier),
        of.period.start(),
        of.period.end(),
        of.announced,
        of.not_before,
        of.over.meter.name(),
        of.over.used.micros(),
        of.over.quota.micros(),
        of.since,
    ];
    session.run(sql, values).await.map(drop)
}

/// What a brake counts, for one that is due at `now`: all others, by what stands of them.
pub(crate) async fn traffic(
    session: &mut Session,
    uid: &str,
    now: Timestamp,
) -> Result<Traffic, StoreError> {
    let (before, until) = (edge(now.checked_sub(WINDOW)), edge(now.checked_add(WINDOW)));
    let sql = "SELECT COUNT(*) FROM tenants WHERE ended_at IS NULL";
    let tenants = count(session.row(sql, Vec::new()).await?)?;
    // Also of those that are gone: they were hit.
    let sql = "SELECT COUNT(DISTINCT uid) FROM enforcements
               WHERE action = 'suspend' AND at > $1 AND uid <> $2";
    let done = count(session.row(sql, args![before, uid]).await?)?;
    let sql = "SELECT COUNT(*) FROM enforcements e
               JOIN tenants t ON t.account = e.account AND t.uid = e.uid AND t.ended_at IS NULL
               WHERE e.action IN ('announced', 'held') AND e.period_end > $1 AND e.uid <> $2
                 AND e.not_before > $3 AND e.not_before <= $4
                 AND NOT EXISTS (SELECT 1 FROM enforcements o WHERE o.account = e.account
                   AND o.uid = e.uid AND o.n > e.n)";
    let due = count(session.row(sql, args![now, uid, i64::MIN, now]).await?)?;
    let coming = count(session.row(sql, args![now, uid, now, until]).await?)?;
    Ok(Traffic { tenants, done, due, coming })
}

fn edge(instant: Result<Timestamp, jiff::Error>) -> i64 {
    instant.unwrap_or(Timestamp::MAX).as_millisecond()
}

fn count(row: Option<Row>) -> Result<u64, StoreError> {
    let count = row.map_or(Ok(0), |row| row.int(0))?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// The decisions about a tenant that the cluster was not told of yet, the oldest first, at most
/// `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn untold(
    session: &mut Session,
    account: &AccountId,
    uid: &str,
    limit: u32,
) -> Result<Vec<Decision>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM enforcements WHERE account = $1 AND uid = $2 AND told_at IS NULL ORDER BY n LIMIT $3"
    );
    session.rows(sql, args![account, uid, limit]).await?.iter().map(decision).collect()
}

/// Writes down that the cluster was told of a decision.
pub(crate) async fn told(
    session: &mut Session,
    account: &AccountId,
    uid: &str,
    n: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE enforcements SET told_at = $4 WHERE account = $1 AND uid = $2 AND n = $3";
    session.run(sql, args![account, uid, n, now]).await.map(drop)
}
