//! The last summary of each day.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Made;
use crate::{
    domain::{BasisPoints, Ppm, account::AccountId, health::Standing},
    store::{
        Session, StoreError,
        sql::{Row, Value, args},
    },
};

/// Writes down the last summary of each one's day.
pub(super) async fn put(session: &mut Session, all: &[Made]) -> Result<(), StoreError> {
    let values = all.iter().flat_map(|Made { row, knew, .. }| {
        args![
            &row.account,
            row.day(),
            row.computed_at,
            row.ledger_seq,
            row.stale,
            row.flagged,
            told_health(row.health, row.standing).map(|health| health.0),
            row.highest.map(|(_, ratio)| ratio.0),
            row.cost.map(|(cost, _, _)| cost.minor()),
            row.cost.map(|(_, low, _)| low.minor()),
            row.cost.map(|(_, _, high)| high.minor()),
            row.formula_version,
            knew.as_str(),
        ]
    });
    let sql = (
        "INSERT INTO snapshot_days (account, day, computed_at, ledger_seq, stale, flagged,
           health_bp, ratio_ppm, cost_minor, cost_low_minor, cost_high_minor, formula_version, knew)",
        "ON CONFLICT (account, day) DO UPDATE SET computed_at = excluded.computed_at,
           ledger_seq = excluded.ledger_seq, stale = excluded.stale, flagged = excluded.flagged,
           health_bp = excluded.health_bp, ratio_ppm = excluded.ratio_ppm,
           cost_minor = excluded.cost_minor, cost_low_minor = excluded.cost_low_minor,
           cost_high_minor = excluded.cost_high_minor,
           formula_version = excluded.formula_version, knew = excluded.knew",
    );
    session.run_many(sql, 13, values.collect()).await
}

/// Health as it stands in lines, means and key figures: where too little is known to tell, it tells nothing.
pub(crate) fn told_health(health: Option<BasisPoints>, standing: Standing) -> Option<BasisPoints> {
    health.filter(|_| standing != Standing::InsufficientData)
}

/// Drops an account's days before one.
pub(crate) async fn drop_days(
    session: &mut Session,
    account: &AccountId,
    before: i64,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM snapshot_days WHERE account = $1 AND day < $2";
    session.run(sql, args![account, before]).await.map(drop)
}

/// A day of a line over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// When its last summary was computed.
    pub computed_at: Timestamp,
    /// Whether something that happened before then came to be known later.
    pub stale: bool,
    /// Whether the account was flagged.
    pub flagged: bool,
    /// Health, where enough was known to tell.
    pub health: Option<BasisPoints>,
    /// The highest share of a quota.
    pub ratio: Option<Ppm>,
}

/// An account's last summaries of days, the oldest first, from `day` on.
pub async fn days(
    session: &mut Session,
    account: &AccountId,
    from: i64,
) -> Result<Vec<Day>, StoreError> {
    let sql = "SELECT computed_at, stale, flagged, health_bp, ratio_ppm FROM snapshot_days
               WHERE account = $1 AND day >= $2 ORDER BY day";
    let read = |row: &Row| {
        Ok(Day {
            computed_at: row.time(0)?,
            stale: row.int(1)? != 0,
            flagged: row.int(2)? != 0,
            health: row.opt_int(3)?.map(BasisPoints),
            ratio: row.opt_int(4)?.map(Ppm),
        })
    };
    session.rows(sql, args![account, from]).await?.iter().map(read).collect()
}

/// What a day's last summary came to, and what it knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Whole days since 1970, UTC.
    pub day: i64,
    /// When it was computed.
    pub computed_at: Timestamp,
    /// The newest row that it counts.
    pub ledger_seq: i64,
    /// What it came to.
    pub told: Told,
    /// By which formulas.
    pub formula_version: u32,
    /// What it knew, as JSON.
    pub knew: String,
}

/// The figures of a day's last summary; money in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether somebody should call.
    pub flagged: bool,
    /// Health.
    pub health: Option<BasisPoints>,
    /// The highest share of a quota.
    pub ratio: Option<Ppm>,
    /// What the period was to cost, and the edges of the 80 % interval.
    pub cost: Option<(i64, i64, i64)>,
}

/// An account's days that can be computed again, the oldest first.
pub(crate) async fn recorded(
    session: &mut Session,
    account: &AccountId,
) -> Result<Vec<Recorded>, StoreError> {
    let sql = "SELECT day, computed_at, ledger_seq, flagged, health_bp, ratio_ppm, cost_minor,
                 cost_low_minor, cost_high_minor, formula_version, knew
               FROM snapshot_days WHERE account = $1 AND knew IS NOT NULL ORDER BY day";
    let read = |row: &Row| {
        let unreadable = |_| StoreError::Unreadable("snapshot_days.formula_version".to_owned());
        let cost = (row.opt_int(6)?, row.opt_int(7)?, row.opt_int(8)?);
        Ok(Recorded {
            day: row.int(0)?,
            computed_at: row.time(1)?,
            ledger_seq: row.int(2)?,
            told: Told {
                flagged: row.int(3)? != 0,
                health: row.opt_int(4)?.map(BasisPoints),
                ratio: row.opt_int(5)?.map(Ppm),
                cost: cost.0.zip(cost.1).zip(cost.2).map(|((cost, low), high)| (cost, low, high)),
            },
            formula_version: u32::try_from(row.int(9)?).map_err(unreadable)?,
            knew: row.text(10)?.to_owned(),
        })
    };
    session.rows(sql, args![account]).await?.iter().map(read).collect()
}

/// For how many weeks back a list shows how health went.
pub const WEEKS: usize = 12;
/// How many days these are.
const WEEKS_DAYS: i64 = 84;

/// The last health that was known in each of these weeks, the oldest first.
pub type Weeks = [Option<BasisPoints>; WEEKS];

/// How the health of accounts went over the weeks that end with the day `today`.
pub async fn weeks(
    session: &mut Session,
    accounts: &[AccountId],
    today: i64,
) -> Result<HashMap<AccountId, Weeks>, StoreError> {
    let since = today - WEEKS_DAYS + 1;
    let sql = (
        "WITH want (account, since) AS (",
        ") SELECT d.account, d.day, d.health_bp FROM want CROSS JOIN snapshot_days d
           WHERE d.account = want.account AND d.day >= want.since AND d.health_bp IS NOT NULL
           ORDER BY d.account, d.day",
    );
    let values: Vec<Value> = accounts.iter().flat_map(|account| args![account, since]).collect();
    let mut found: HashMap<AccountId, Weeks> = HashMap::with_capacity(accounts.len());
    for row in session.rows_many(sql, 2, values).await? {
        let week = usize::try_from((row.int(1)? - since) / 7).unwrap_or(WEEKS);
        // A day after today is in no week: clocks were set back.
        if let Some(week) = found.entry(row.parsed(0)?).or_default().get_mut(week) {
            *week = Some(BasisPoints(row.int(2)?));
        }
    }
    Ok(found)
}
