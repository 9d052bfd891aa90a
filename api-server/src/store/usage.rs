//! What an account used in a period, against what it may.

use jiff::Timestamp;

use super::{
    Session, StoreError,
    accounts::Account,
    alerts, audit,
    periods::{self, Closed, PeriodRow},
    plans,
    row::{Rollup, Total, TotalKey},
    sql::args,
};
use crate::domain::{
    Quantity, calendar::Period, catalogue::PlanId, meter::Meter, quota::quota, threshold::State,
};

/// A period's figures, all of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodUsage {
    /// The period.
    pub period: Period,
    /// When it was closed; until then its figures are not final.
    pub closed: Option<Closed>,
    /// The plan in force at the instant that was asked for.
    pub plan: Option<PlanId>,
    /// The account's newest row.
    pub seq: i64,
    /// One per meter, in the order in which meters are listed.
    pub meters: Vec<MeterUsage>,
}

/// A meter's figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterUsage {
    /// Which meter.
    pub meter: Meter,
    /// What was used.
    pub total: Total,
    /// What is included; none when no plan charges for it.
    pub quota: Option<Quantity>,
    /// Where its alert levels stand.
    pub levels: State,
}

/// The figures of the period in which an instant lies.
///
/// # Errors
/// [`StoreError::Unreadable`] also for an instant outside of the calendar.
pub async fn of_period(
    session: &mut Session,
    account: &Account,
    at: Timestamp,
) -> Result<PeriodUsage, StoreError> {
    let PeriodRow { period, closed, .. } = periods::at(session, account, at).await?;
    let recorded = plans::of_account(session, &account.id).await?;
    let terms = plans::terms(session, &recorded).await?;
    let subscription = plans::subscription(&recorded);
    let keys = Meter::ALL.map(|meter| TotalKey {
        account: account.id.clone(),
        period_start: period.start(),
        meter,
    });
    let totals = super::append::load_totals(session, &keys).await?;
    let levels = alerts::load(session, &keys).await?;
    let meters = keys.iter().map(|key| MeterUsage {
        meter: key.meter,
        total: totals.get(key).copied().unwrap_or_default(),
        quota: quota(subscription.as_ref(), &terms, period, key.meter),
        levels: levels.iter().find(|(of, _)| of == key).map_or_else(State::default, |l| l.1),
    });
    let meters = meters.collect();
    let plan = subscription.as_ref().and_then(|s| s.at(at)).map(|a| a.plan.clone());
    let seq = audit::head(session, &account.id).await?.seq;
    Ok(PeriodUsage { period, closed, plan, seq, meters })
}

/// The hours of which a figure is the sum, the earliest first; each names the first and last row
/// that entered it.
pub async fn hours(
    session: &mut Session,
    of: &TotalKey,
) -> Result<Vec<(Timestamp, Rollup)>, StoreError> {
    let sql = "SELECT account, period_start, meter, hour, cnt, qty_micro, first_seq, last_seq
               FROM usage_rollup_hour
               WHERE account = $1 AND meter = $2 AND period_start = $3 ORDER BY hour";
    let rows = session.rows(sql, args![&of.account, of.meter.name(), of.period_start]).await?;
    let read = |row: &super::sql::Row| {
        let (key, rollup) = super::append::rollup(row)?;
        Ok((key.hour, rollup))
    };
    rows.iter().map(read).collect()
}
