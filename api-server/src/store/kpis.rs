//! What accounts came to in a month, for key figures.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Session, StoreError, plans,
    sql::{Row, args},
};
use crate::domain::{BasisPoints, Ppm, account::AccountId, catalogue::PlanId};

/// The last summary of an account in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// Whose.
    pub account: AccountId,
    /// When it was computed.
    pub computed_at: Timestamp,
    /// Whether the account was flagged.
    pub flagged: bool,
    /// Health.
    pub health: Option<BasisPoints>,
    /// The highest share of a quota.
    pub ratio: Option<Ppm>,
}

/// The last summary of each account on the days from `from` on and before `to`, which are whole days
/// since 1970 (UTC).
pub async fn last(session: &mut Session, (from, to): (i64, i64)) -> Result<Vec<Last>, StoreError> {
    let sql = "SELECT d.account, d.computed_at, d.flagged, d.health_bp, d.ratio_ppm
               FROM snapshot_days d
               JOIN (SELECT account, MAX(day) AS last FROM snapshot_days
                     WHERE day >= $1 AND day < $2 GROUP BY account) m
                 ON m.account = d.account AND m.last = d.day
               ORDER BY d.account";
    let read = |row: &Row| {
        Ok(Last {
            account: row.parsed(0)?,
            computed_at: row.time(1)?,
            flagged: row.int(2)? != 0,
            health: row.opt_int(3)?.map(BasisPoints),
            ratio: row.opt_int(4)?.map(Ppm),
        })
    };
    session.rows(sql, args![from, to]).await?.iter().map(read).collect()
}

/// Of each account that support answered from `from` on and before `to`: answers in time, and all.
pub async fn answers(
    session: &mut Session,
    (from, to): (Timestamp, Timestamp),
) -> Result<BTreeMap<AccountId, (i64, i64)>, StoreError> {
    let sql = "SELECT account, CAST(SUM(met) AS BIGINT), COUNT(*) FROM support_interactions
               WHERE answered_at >= $1 AND answered_at < $2 GROUP BY account ORDER BY account";
    let read = |row: &Row| Ok((row.parsed(0)?, (row.int(1)?, row.int(2)?)));
    session.rows(sql, args![from, to]).await?.iter().map(read).collect()
}

/// The plan that was in force at each account's instant; those on none are left out.
pub async fn plans_at(
    session: &mut Session,
    wanted: &[(AccountId, Timestamp)],
) -> Result<BTreeMap<AccountId, PlanId>, StoreError> {
    let ids: Vec<AccountId> = wanted.iter().map(|(id, _)| id.clone()).collect();
    let agreed = plans::agreements(session, &ids).await?;
    let plan = |(id, at): &(AccountId, Timestamp)| {
        let subscription = plans::subscription(agreed.get(id)?)?;
        Some((id.clone(), subscription.at(*at)?.plan.clone()))
    };
    Ok(wanted.iter().filter_map(plan).collect())
}

/// How many accounts were on which plan version when they were last summed up.
pub async fn on_plans(session: &mut Session) -> Result<BTreeMap<PlanId, u64>, StoreError> {
    let sql =
        "SELECT plan, version, COUNT(*) FROM snapshots WHERE plan <> '' GROUP BY plan, version
               ORDER BY plan, version";
    let bad = |_| StoreError::Unreadable("snapshots.version".to_owned());
    let read = |row: &Row| {
        let version = u32::try_from(row.int(1)?).map_err(bad)?;
        let count = u64::try_from(row.int(2)?).map_err(bad)?;
        Ok((PlanId { plan: row.text(0)?.to_owned(), version }, count))
    };
    session.rows(sql, Vec::new()).await?.iter().map(read).collect()
}
