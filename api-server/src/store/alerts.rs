//! Alerts: where each quota's levels stand, and what happened to them.

use jiff::Timestamp;

use super::{
    Session, StoreError,
    row::TotalKey,
    sql::{Row, args},
};
use crate::domain::{
    Quantity,
    account::AccountId,
    threshold::{Alert, Change, Kind, Level, State},
};

/// A level that was reached or has recovered, with the figures of that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRow {
    /// Which figure.
    pub of: TotalKey,
    /// What happened to which level.
    pub change: Change,
    /// The row with which it happened; the newest row when a change of plan did it.
    pub seq: i64,
    /// The figure then.
    pub used: Quantity,
    /// The quota then; none when it was lifted.
    pub quota: Option<Quantity>,
    /// When.
    pub at: Timestamp,
}

fn key(row: &Row) -> Result<TotalKey, StoreError> {
    Ok(TotalKey { account: row.parsed(0)?, period_start: row.time(1)?, meter: row.parsed(2)? })
}

fn state(row: &Row) -> Result<(TotalKey, State), StoreError> {
    let alert = |at: usize| -> Result<Alert, StoreError> {
        let arming = u32::try_from(row.int(at)?)
            .map_err(|error| StoreError::Unreadable(format!("alert_states: {error}")))?;
        Ok(Alert { arming, fired: row.int(at + 1)? != 0 })
    };
    Ok((key(row)?, State { soft: alert(3)?, hard: alert(5)? }))
}

/// Those states that are stored; the others are all armed.
pub(crate) async fn load(
    session: &mut Session,
    wanted: &[TotalKey],
) -> Result<Vec<(TotalKey, State)>, StoreError> {
    let sql = (
        "WITH want (account, period_start, meter) AS (",
        ") SELECT s.account, s.period_start, s.meter,
             s.soft_arming, s.soft_fired, s.hard_arming, s.hard_fired
           FROM want CROSS JOIN alert_states s WHERE s.account = want.account
             AND s.period_start = want.period_start AND s.meter = want.meter",
    );
    let values = wanted.iter().flat_map(|k| args![&k.account, k.period_start, k.meter.name()]);
    session.rows_many(sql, 3, values.collect()).await?.iter().map(state).collect()
}

/// All states of an account.
pub async fn states(
    session: &mut Session,
    account: &AccountId,
) -> Result<Vec<(TotalKey, State)>, StoreError> {
    let sql = "SELECT account, period_start, meter,
                 soft_arming, soft_fired, hard_arming, hard_fired
               FROM alert_states WHERE account = $1 ORDER BY period_start, meter";
    session.rows(sql, args![account]).await?.iter().map(state).collect()
}

/// Stores where levels stand now.
pub(crate) async fn put_states(
    session: &mut Session,
    states: &[(TotalKey, State)],
) -> Result<(), StoreError> {
    let values = states.iter().flat_map(|(k, State { soft, hard })| {
        let key = args![&k.account, k.period_start, k.meter.name()];
        let levels = args![soft.arming, soft.fired, hard.arming, hard.fired];
        key.into_iter().chain(levels)
    });
    let sql = (
        "INSERT INTO alert_states (account, period_start, meter,
           soft_arming, soft_fired, hard_arming, hard_fired)",
        "ON CONFLICT (account, period_start, meter) DO UPDATE SET
           soft_arming = excluded.soft_arming, soft_fired = excluded.soft_fired,
           hard_arming = excluded.hard_arming, hard_fired = excluded.hard_fired",
    );
    session.run_many(sql, 7, values.collect()).await
}

/// Adds what happened to levels.
pub(crate) async fn insert(session: &mut Session, alerts: &[AlertRow]) -> Result<(), StoreError> {
    let values = alerts.iter().flat_map(|alert| {
        let AlertRow { of, change, seq, used, quota, at } = alert;
        args![
            &of.account,
            of.period_start,
            of.meter.name(),
            change.level.name(),
            change.arming,
            change.kind.name(),
            *seq,
            used.micros(),
            quota.map(Quantity::micros),
            *at,
        ]
    });
    let sql = (
        "INSERT INTO alerts (account, period_start, meter, level, arming, kind, seq, used_micro,
           quota_micro, at)",
        "",
    );
    session.run_many(sql, 10, values.collect()).await
}

/// What happened to an account's levels, the newest first, at most `limit`. A jump reaches soft
/// before hard, a drop recovers hard before soft.
pub async fn of_account(
    session: &mut Session,
    account: &AccountId,
    limit: u32,
) -> Result<Vec<AlertRow>, StoreError> {
    let sql = "SELECT account, period_start, meter, level, arming, kind, seq, used_micro,
                 quota_micro, at
               FROM alerts WHERE account = $1
               ORDER BY seq DESC, at DESC, meter, kind,
                 CASE kind WHEN 'threshold_reached' THEN level END, level DESC LIMIT $2";
    session.rows(sql, args![account, limit]).await?.iter().map(alert).collect()
}

fn alert(row: &Row) -> Result<AlertRow, StoreError> {
    let bad = |what: &str| StoreError::Unreadable(format!("alerts.{what}"));
    let kind = [Kind::Reached, Kind::Recovered];
    let name = row.text(5)?;
    let kind = kind.into_iter().find(|kind| kind.name() == name).ok_or_else(|| bad("kind"))?;
    let level = Level::from_name(row.text(3)?).ok_or_else(|| bad("level"))?;
    let arming = u32::try_from(row.int(4)?).map_err(|_| bad("arming"))?;
    Ok(AlertRow {
        of: key(row)?,
        change: Change { kind, level, arming },
        seq: row.int(6)?,
        used: Quantity::from_micros(row.int(7)?),
        quota: row.opt_int(8)?.map(Quantity::from_micros),
        at: row.time(9)?,
    })
}
