//! Use over time, by when it happened, in hours, days or months of the account's zone.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Session, StoreError, accounts::Account, sql::args};
pub use crate::domain::calendar::Granularity;
use crate::domain::{Quantity, meter::Meter};

/// What happened within an hour, day or month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its first instant.
    pub start: Timestamp,
    /// Rows.
    pub count: i64,
    /// Their sum.
    pub quantity: Quantity,
}

/// The points of the hours that start at `from` or later and before `to`; those in which nothing
/// happened are left out. Corrections count when what they correct happened.
///
/// # Errors
/// [`StoreError::Unreadable`] also when a sum does not fit.
pub async fn timeline(
    session: &mut Session,
    account: &Account,
    meter: Meter,
    (from, to): (Timestamp, Timestamp),
    granularity: Granularity,
) -> Result<Vec<Point>, StoreError> {
    let sql = "SELECT hour, cnt, qty_micro FROM usage_rollup_hour
               WHERE account = $1 AND meter = $2 AND hour >= $3 AND hour < $4";
    let rows = session.rows(sql, args![&account.id, meter.name(), from, to]).await?;
    let mut points: BTreeMap<Timestamp, Point> = BTreeMap::new();
    for row in rows {
        let start = granularity.start(&account.zone, row.time(0)?);
        let empty = Point { start, count: 0, quantity: Quantity::ZERO };
        let point = points.entry(start).or_insert(empty);
        point.count += row.int(1)?;
        point.quantity = point
            .quantity
            .checked_add(Quantity::from_micros(row.int(2)?))
            .ok_or_else(|| StoreError::Unreadable("the sum of hours does not fit".to_owned()))?;
    }
    Ok(points.into_values().collect())
}
