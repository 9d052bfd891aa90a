//! What closed periods came to, and how well that was foreseen.

use jiff::Timestamp;

use super::{
    Session, StoreError,
    sql::{Row, args},
};
use crate::domain::{Money, Ppm, account::AccountId, calendar::Period, money::Currency};

/// What a closed period came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Whose.
    pub account: AccountId,
    /// The period's start.
    pub period_start: Timestamp,
    /// Its bill; none when no plan was in force.
    pub total: Option<Money>,
    /// How it was foreseen.
    pub foresight: Foresight,
}

/// How bills were foreseen, by the last summary of each day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Foresight {
    /// Days that said between which edges it would be.
    pub foreseen: i64,
    /// Those of them that were right.
    pub within: i64,
    /// How far their means were off on average, as a share of the bill; none without a day or a bill.
    pub error: Option<Ppm>,
}

/// What one day foresaw, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// The mean.
    pub mean: i64,
    /// The lower edge of the 80 % interval.
    pub low: i64,
    /// The upper edge.
    pub high: i64,
}

/// Closed periods that are not settled, at most so many.
pub async fn due(
    session: &mut Session,
    most: u32,
) -> Result<Vec<(AccountId, Timestamp)>, StoreError> {
    let sql = "SELECT p.account, p.period_start FROM periods p
               LEFT JOIN settlements s ON s.account = p.account AND s.period_start = p.period_start
               WHERE p.closed_at IS NOT NULL AND s.account IS NULL
               ORDER BY p.account, p.period_start LIMIT $1";
    let rows = session.rows(sql, args![most]).await?;
    rows.iter().map(|row| Ok((row.parsed(0)?, row.time(1)?))).collect()
}

/// What the days of a period foresaw.
pub async fn foreseen(
    session: &mut Session,
    account: &AccountId,
    period: Period,
) -> Result<Vec<Foreseen>, StoreError> {
    let sql = "SELECT cost_minor, cost_low_minor, cost_high_minor FROM snapshot_days
               WHERE account = $1 AND computed_at >= $2 AND computed_at < $3
                 AND cost_minor IS NOT NULL AND cost_low_minor IS NOT NULL AND cost_high_minor IS NOT NULL
               ORDER BY day";
    let rows = session.rows(sql, args![account, period.start(), period.end()]).await?;
    let read = |row: &Row| Ok(Foreseen { mean: row.int(0)?, low: row.int(1)?, high: row.int(2)? });
    rows.iter().map(read).collect()
}

/// Records one; answers false when that was done before.
pub(crate) async fn put(
    session: &mut Session,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Settlement { account, period_start, total, foresight } = settlement;
    let sql = "INSERT INTO settlements
                 (account, period_start, recorded_at, total_minor, currency, foreseen, within, error_ppm)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let values = args![
        account,
        *period_start,
        now,
        total.map(Money::minor),
        total.map(|total| total.currency().code().to_owned()),
        foresight.foreseen,
        foresight.within,
        foresight.error.map(|error| error.0),
    ];
    Ok(session.run(sql, values).await? == 1)
}

/// An account's settled periods, the oldest first.
pub async fn of(session: &mut Session, account: &AccountId) -> Result<Vec<Settlement>, StoreError> {
    let sql = "SELECT account, period_start, total_minor, currency, foreseen, within, error_ppm
               FROM settlements WHERE account = $1 ORDER BY period_start";
    session.rows(sql, args![account]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Settlement, StoreError> {
    let bad = || StoreError::Unreadable("settlements.currency".to_owned());
    let currency = row.opt_text(3)?.map(|code| Currency::from_code(code).ok_or_else(bad));
    let currency = currency.transpose()?;
    let total = row.opt_int(2)?.zip(currency);
    Ok(Settlement {
        account: row.parsed(0)?,
        period_start: row.time(1)?,
        total: total.map(|(minor, currency)| Money::from_minor(minor, currency)),
        foresight: Foresight {
            foreseen: row.int(4)?,
            within: row.int(5)?,
            error: row.opt_int(6)?.map(Ppm),
        },
    })
}

/// How many days foresaw the bills of periods since an instant, and how many were right.
pub async fn foresight(session: &mut Session, since: Timestamp) -> Result<(i64, i64), StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(foreseen), 0) AS BIGINT), CAST(COALESCE(SUM(within), 0) AS BIGINT)
               FROM settlements WHERE period_start >= $1";
    let row = session.row(sql, args![since]).await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
}
