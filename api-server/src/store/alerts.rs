//! Alerts: where each quota's levels stand, and what happened to them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Session, StoreError,
    row::TotalKey,
    sql::{Row, Value, args},
    webhooks,
};
use crate::domain::{
    Quantity,
    account::AccountId,
    meter::Meter,
    threshold::{Alert, Change, Kind, Level, State},
    webhook::{Message, message::Crossing},
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

impl AlertRow {
    /// What is told of it.
    fn message(&self) -> Message {
        let Self { of, change, seq, used, quota, at } = self;
        let TotalKey { account, period_start, meter } = of;
        let (used, quota, row, at) = (*used, *quota, *seq, *at);
        let (meter, period, change) = (*meter, *period_start, *change);
        Crossing { account, meter, period, change, used, quota, row, at }.message()
    }
}

/// Adds what happened to levels, and has it told.
pub(crate) async fn insert(
    session: &mut Session,
    alerts: &[AlertRow],
    now: Timestamp,
) -> Result<(), StoreError> {
    let messages: Vec<_> = alerts.iter().map(AlertRow::message).collect();
    webhooks::tell(session, &messages, now).await?;
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

/// Which alerts; what is `None` is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of this meter.
    pub meter: Option<Meter>,
    /// Of this level.
    pub level: Option<Level>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// That happened at this instant or later.
    pub from: Option<Timestamp>,
    /// That happened before this instant.
    pub to: Option<Timestamp>,
}

/// Where a page begins: behind the alert of this time and key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position(i64, String, i64, String, String, u32, String);

impl Position {
    /// Of an alert.
    #[must_use]
    pub fn of(row: &AlertRow) -> Self {
        let AlertRow { of, change, at, .. } = row;
        Self(
            at.as_millisecond(),
            of.account.to_string(),
            of.period_start.as_millisecond(),
            of.meter.name().to_owned(),
            change.level.name().to_owned(),
            change.arming,
            change.kind.name().to_owned(),
        )
    }

    /// Before or behind all that can be stored, so that the first page needs no query of its own.
    const fn edge(descending: bool) -> Self {
        let at = if descending { i64::MAX } else { i64::MIN };
        Self(at, String::new(), 0, String::new(), String::new(), 0, String::new())
    }
}

/// Which part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The newest first.
    pub descending: bool,
    /// Behind this one.
    pub after: Option<Position>,
    /// At most so many.
    pub limit: u32,
}

macro_rules! alerts_page {
    ($whose:literal, $beyond:literal, $order:literal) => {
        concat!(
            "SELECT account, period_start, meter, level, arming, kind, seq, used_micro, quota_micro, at
             FROM alerts
             WHERE (at, account, period_start, meter, level, arming, kind) ",
            $beyond,
            " ($1, $2, $3, $4, $5, $6, $7) AND ",
            $whose,
            " AND ($9 IS NULL OR meter = $9) AND ($10 IS NULL OR level = $10)
               AND ($11 IS NULL OR kind = $11)
               AND ($12 IS NULL OR at >= $12) AND ($13 IS NULL OR at < $13)
             ORDER BY at ",
            $order,
            ", account ",
            $order,
            ", period_start ",
            $order,
            ", meter ",
            $order,
            ", level ",
            $order,
            ", arming ",
            $order,
            ", kind ",
            $order,
            " LIMIT $8"
        )
    };
}

/// Alerts by the time at which they happened.
pub async fn page(
    session: &mut Session,
    filter: Filter,
    page: Page,
) -> Result<Vec<AlertRow>, StoreError> {
    let Filter { account, meter, level, kind, from, to } = filter;
    let Page { descending, after, limit } = page;
    let Position(at, of, period, of_meter, of_level, arming, of_kind) =
        after.unwrap_or_else(|| Position::edge(descending));
    let mut values = args![at, of, period, of_meter, of_level, arming, of_kind, limit];
    let text = |name: Option<&str>| Value::from(name.map(str::to_owned));
    values.extend([
        text(meter.map(Meter::name)),
        text(level.map(Level::name)),
        text(kind.map(Kind::name)),
    ]);
    values.extend(args![from, to]);
    let one = account.is_some();
    values.extend(account.as_ref().map(Value::from));
    let sql = match (one, descending) {
        (false, false) => alerts_page!("1 = 1", ">", "ASC"),
        (false, true) => alerts_page!("1 = 1", "<", "DESC"),
        (true, false) => alerts_page!("account = $14", ">", "ASC"),
        (true, true) => alerts_page!("account = $14", "<", "DESC"),
    };
    session.rows(sql, values).await?.iter().map(alert).collect()
}

pub(super) fn alert(row: &Row) -> Result<AlertRow, StoreError> {
    let bad = |what: &str| StoreError::Unreadable(format!("alerts.{what}"));
    let kind = Kind::from_name(row.text(5)?).ok_or_else(|| bad("kind"))?;
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
