//! Summaries of accounts: the newest of each, what it was computed from, and one a day.

use jiff::Timestamp;

use super::{
    Session, StoreError,
    sql::{Row, Value, args},
};
use crate::domain::{
    BasisPoints, Money, Ppm,
    account::AccountId,
    catalogue::PlanId,
    health::Standing,
    meter::Meter,
    money::{Currency, exponent},
    threshold::Level,
};

mod days;
mod due;
mod list;
mod marks;

pub use days::{Day, Recorded, Told, Weeks, days, weeks};
pub(crate) use days::{drop_days, recorded, told_health};
pub use due::Counts;
pub(crate) use due::{Due, counts, dated, due, newest_validity};
pub use list::{Filter, Listed, Position, Query, Sort, page};
pub(crate) use marks::{outdate, outdate_after};

/// For how many days a line over time is kept.
pub const KEPT_DAYS: i64 = 400;

/// What an account came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Whose.
    pub account: AccountId,
    /// When it was computed.
    pub computed_at: Timestamp,
    /// Until when it may be acted on.
    pub valid_until: Timestamp,
    /// The newest row that it counts.
    pub ledger_seq: i64,
    /// By which formulas.
    pub formula_version: u32,
    /// Whether something that it was computed from has changed since.
    pub stale: bool,
    /// The plan in force.
    pub plan: Option<PlanId>,
    /// Health.
    pub health: Option<BasisPoints>,
    /// How much of what health is made of is known.
    pub coverage: BasisPoints,
    /// What health says over time.
    pub standing: Standing,
    /// Flagged, by health or by use.
    pub flagged: bool,
    /// The highest level that any meter has reached.
    pub level: Option<Level>,
    /// The highest share of a quota, and whose.
    pub highest: Option<(Meter, Ppm)>,
    /// What the period will cost, and the edges of the 80 % interval.
    pub cost: Option<(Money, Money, Money)>,
    /// The share of support's answers that came in time; none where nobody asked.
    pub support: Option<Ppm>,
    /// Why it is flagged.
    pub reason: Option<String>,
    /// What costs most health, in words.
    pub costs: Option<String>,
    /// What helps most, in words.
    pub helps: Option<String>,
}

impl SnapshotRow {
    /// By what a list by health is sorted: what is not known comes after all others.
    #[must_use]
    pub fn by_health(&self) -> i64 {
        self.health.map_or(i64::MAX, |health| health.0)
    }

    /// By what a list by use is sorted: what has no quota comes before all others.
    #[must_use]
    pub fn by_ratio(&self) -> i64 {
        self.highest.map_or(-1, |(_, ratio)| ratio.0)
    }

    /// By what a list by cost is sorted: thousandths of a currency's main unit, whichever it is; what
    /// is not known comes before all others.
    #[must_use]
    pub fn by_cost(&self) -> i64 {
        self.cost.map_or(-1, |(cost, _, _)| {
            let places = 3_u32.saturating_sub(exponent(cost.currency()));
            cost.minor().saturating_mul(10_i64.saturating_pow(places))
        })
    }

    /// By what a list by support is sorted: where nobody asked comes after all others.
    #[must_use]
    pub fn by_support(&self) -> i64 {
        self.support.map_or(i64::MAX, |share| share.0)
    }

    /// The day of a line over time that it stands on: whole days since 1970, UTC.
    #[must_use]
    pub fn day(&self) -> i64 {
        self.computed_at.as_millisecond().div_euclid(86_400_000)
    }
}

/// How `level` stands in the store and on the wire.
#[must_use]
pub const fn level_name(level: Option<Level>) -> &'static str {
    match level {
        None => "ok",
        Some(level) => level.name(),
    }
}

const WIDTH: usize = 26;
macro_rules! columns {
    () => {
        "s.account, s.computed_at, s.valid_until, s.ledger_seq, s.formula_version, s.stale, s.plan,
         s.version, s.health_bp, s.coverage_bp, s.standing, s.flagged, s.level, s.ratio_ppm,
         s.meter, s.currency, s.cost_minor, s.cost_low_minor, s.cost_high_minor, s.by_health,
         s.by_ratio, s.by_cost, s.reason, s.costs, s.helps, s.by_support"
    };
}
use columns;

fn snapshot(row: &Row) -> Result<SnapshotRow, StoreError> {
    let bad = |what: &str| StoreError::Unreadable(format!("snapshots.{what}"));
    let small = |at: usize| u32::try_from(row.int(at)?).map_err(|_| bad("version"));
    let plan = match row.text(6)? {
        "" => None,
        plan => Some(PlanId { plan: plan.to_owned(), version: small(7)? }),
    };
    let level = match row.text(12)? {
        "ok" => None,
        name => Some(Level::from_name(name).ok_or_else(|| bad("level"))?),
    };
    let highest = match row.opt_int(13)? {
        None => None,
        Some(ratio) => Some((row.parsed(14)?, Ppm(ratio))),
    };
    let cost = match row.opt_text(15)? {
        None => None,
        Some(code) => {
            let currency = Currency::from_code(code).ok_or_else(|| bad("currency"))?;
            let money = |at| Ok::<_, StoreError>(Money::from_minor(row.int(at)?, currency));
            Some((money(16)?, money(17)?, money(18)?))
        }
    };
    let text = |at| Ok::<_, StoreError>(row.opt_text(at)?.map(str::to_owned));
    Ok(SnapshotRow {
        account: row.parsed(0)?,
        computed_at: row.time(1)?,
        valid_until: row.time(2)?,
        ledger_seq: row.int(3)?,
        formula_version: small(4)?,
        stale: row.int(5)? != 0,
        plan,
        health: row.opt_int(8)?.map(BasisPoints),
        coverage: BasisPoints(row.int(9)?),
        standing: Standing::from_name(row.text(10)?).ok_or_else(|| bad("standing"))?,
        flagged: row.int(11)? != 0,
        level,
        highest,
        cost,
        support: Some(row.int(25)?).filter(|share| *share != i64::MAX).map(Ppm),
        reason: text(22)?,
        costs: text(23)?,
        helps: text(24)?,
    })
}

fn values(row: &SnapshotRow) -> Vec<Value> {
    let cost = row.cost;
    let minor = |money: Option<Money>| money.map(Money::minor);
    let mut values = args![
        &row.account,
        row.computed_at,
        row.valid_until,
        row.ledger_seq,
        row.formula_version,
        row.stale,
        row.plan.as_ref().map_or("", |plan| plan.plan.as_str()),
        row.plan.as_ref().map(|plan| i64::from(plan.version)),
        row.health.map(|health| health.0),
        row.coverage.0,
        row.standing.name(),
        row.flagged,
        level_name(row.level),
        row.highest.map(|(_, ratio)| ratio.0),
        row.highest.map(|(meter, _)| meter.name().to_owned()),
    ];
    values.extend(args![
        cost.map(|(cost, _, _)| cost.currency().code().to_owned()),
        minor(cost.map(|(cost, _, _)| cost)),
        minor(cost.map(|(_, low, _)| low)),
        minor(cost.map(|(_, _, high)| high)),
        row.by_health(),
        row.by_ratio(),
        row.by_cost(),
        row.reason.clone(),
        row.costs.clone(),
        row.helps.clone(),
        row.by_support(),
    ]);
    values
}

/// An account's newest summary, with what it was computed from.
pub async fn get(
    session: &mut Session,
    account: &AccountId,
) -> Result<Option<(SnapshotRow, String)>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        ", i.document FROM snapshots s JOIN snapshot_inputs i ON i.account = s.account
         WHERE s.account = $1"
    );
    let row = session.row(sql, args![account]).await?;
    row.map(|row| Ok((snapshot(&row)?, row.text(WIDTH)?.to_owned()))).transpose()
}

/// What each of these summaries was computed from, where there is one.
pub(crate) async fn documents(
    session: &mut Session,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, String)>, StoreError> {
    let sql = (
        "WITH want (account) AS (",
        ") SELECT i.account, i.document FROM want CROSS JOIN snapshot_inputs i
           WHERE i.account = want.account",
    );
    let values = accounts.iter().map(Value::from).collect();
    let rows = session.rows_many(sql, 1, values).await?;
    rows.iter().map(|row| Ok((row.parsed(0)?, row.text(1)?.to_owned()))).collect()
}

/// A summary to be written down.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// It.
    pub(crate) row: SnapshotRow,
    /// What it was computed from.
    pub(crate) inputs: String,
    /// The part of that which its day needs.
    pub(crate) knew: String,
}

/// Writes down newest summaries with what they were computed from, and the day's last.
pub(crate) async fn put(session: &mut Session, all: &[Made]) -> Result<(), StoreError> {
    let sql = (
        "INSERT INTO snapshots (account, computed_at, valid_until, ledger_seq, formula_version,
           stale, plan, version, health_bp, coverage_bp, standing, flagged, level, ratio_ppm, meter,
           currency, cost_minor, cost_low_minor, cost_high_minor, by_health, by_ratio, by_cost,
           reason, costs, helps, by_support)",
        "ON CONFLICT (account) DO UPDATE SET computed_at = excluded.computed_at,
           valid_until = excluded.valid_until, ledger_seq = excluded.ledger_seq,
           formula_version = excluded.formula_version, stale = excluded.stale,
           plan = excluded.plan, version = excluded.version, health_bp = excluded.health_bp,
           coverage_bp = excluded.coverage_bp, standing = excluded.standing,
           flagged = excluded.flagged, level = excluded.level, ratio_ppm = excluded.ratio_ppm,
           meter = excluded.meter, currency = excluded.currency, cost_minor = excluded.cost_minor,
           cost_low_minor = excluded.cost_low_minor, cost_high_minor = excluded.cost_high_minor,
           by_health = excluded.by_health, by_ratio = excluded.by_ratio,
           by_cost = excluded.by_cost, reason = excluded.reason, costs = excluded.costs,
           helps = excluded.helps, by_support = excluded.by_support",
    );
    session.run_many(sql, WIDTH, all.iter().flat_map(|made| values(&made.row)).collect()).await?;
    let documents = all.iter().flat_map(|made| args![&made.row.account, made.inputs.as_str()]);
    let sql = (
        "INSERT INTO snapshot_inputs (account, document)",
        "ON CONFLICT (account) DO UPDATE SET document = excluded.document",
    );
    session.run_many(sql, 2, documents.collect()).await?;
    days::put(session, all).await
}
