//! What was posted to a period, cut at instants: what a bill is made from.
//!
//! Hours that no cut divides are taken from their sums; only the rows of an hour with a cut inside
//! are added up one by one. So a period of millions of rows costs a few thousand sums.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Session, StoreError,
    accounts::Account,
    row::TotalKey,
    sql::{args, sum_of},
    usage,
};
use crate::domain::{
    Quantity,
    calendar::{Granularity, Period},
    meter::Meter,
};

/// Rows of one meter that were posted to a period and happened within one of its slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Posted {
    /// How many.
    pub rows: i64,
    /// Their sum.
    pub quantity: Quantity,
    /// The oldest of them; 0 when there is none.
    pub first: i64,
    /// The newest of them; 0 when there is none.
    pub last: i64,
    /// Those that happened before the period: late use, and corrections of it.
    pub late: i64,
    /// Those that are corrections or voids.
    pub corrections: i64,
    /// What corrections of closed periods add up to; below zero when they took back.
    pub corrected: Quantity,
}

impl Posted {
    fn add(&mut self, other: Self) -> Result<(), StoreError> {
        self.quantity = self.quantity.checked_add(other.quantity).ok_or_else(overflow)?;
        self.first = if self.rows == 0 { other.first } else { self.first.min(other.first) };
        self.last = self.last.max(other.last);
        self.rows += other.rows;
        self.late += other.late;
        self.corrections += other.corrections;
        self.corrected = self.corrected.checked_add(other.corrected).ok_or_else(overflow)?;
        Ok(())
    }
}

fn overflow() -> StoreError {
    StoreError::Unreadable("the sum of a period does not fit".to_owned())
}

/// What happened in one slice, by meter; a meter without rows is not in it.
pub type Slice = BTreeMap<Meter, Posted>;

/// What was posted to a period, in slices: before the first cut, from each cut to the next, from the
/// last one on. `cuts` rise.
///
/// # Errors
/// [`StoreError::Unreadable`] also when a sum does not fit.
pub async fn in_slices(
    session: &mut Session,
    account: &Account,
    period: Period,
    cuts: &[Timestamp],
) -> Result<Vec<Slice>, StoreError> {
    let hours: Vec<_> = cuts.iter().map(|cut| account.zone.hour(*cut)).collect();
    let divided: BTreeSet<_> = cuts
        .iter()
        .zip(&hours)
        .filter(|(cut, hour)| account.zone.first_of_hour(**hour) < **cut)
        .map(|(_, hour)| *hour)
        .collect();
    let mut slices = vec![Slice::new(); cuts.len() + 1];
    for meter in Meter::ALL {
        let (id, period_start) = (account.id.clone(), period.start());
        let of = TotalKey { account: id, period_start, meter };
        for (hour, sum) in usage::hours(session, &of).await? {
            if divided.contains(&hour) {
                continue;
            }
            // Hours never go back: one that is known by a cut's hour or a later one is behind it.
            let slice = hours.partition_point(|cut| *cut <= hour);
            let late = if hour < period.start() { sum.count } else { 0 };
            let posted = Posted {
                rows: sum.count,
                quantity: sum.quantity,
                first: sum.first_seq,
                last: sum.last_seq,
                late,
                ..Posted::default()
            };
            slices[slice].entry(meter).or_default().add(posted)?;
        }
    }
    for hour in divided {
        add_divided(session, account, period, cuts, hour, &mut slices).await?;
    }
    count_corrections(session, account, period, cuts, &mut slices).await?;
    Ok(slices)
}

/// Adds the rows of an hour that cuts divide.
async fn add_divided(
    session: &mut Session,
    account: &Account,
    period: Period,
    cuts: &[Timestamp],
    hour: Timestamp,
    slices: &mut [Slice],
) -> Result<(), StoreError> {
    let zone = &account.zone;
    let end = zone.first_of_hour(Granularity::Hour.next(zone, hour));
    let first = zone.first_of_hour(hour);
    let mut start = first;
    let inside = cuts.iter().copied().filter(|cut| first < *cut && *cut < end);
    for until in inside.chain([end]) {
        let slice = cuts.partition_point(|cut| *cut <= start);
        let sql = concat!(
            "SELECT meter, COUNT(*), ",
            sum_of!("qty_micro"),
            ", MIN(seq), MAX(seq) FROM usage_ledger
              WHERE account = $1 AND t_event >= $2 AND t_event < $3 AND period_start = $4
              GROUP BY meter"
        );
        let values = args![&account.id, start, until, period.start()];
        for row in session.rows(sql, values).await? {
            let late = if start < period.start() { row.int(1)? } else { 0 };
            let posted = Posted {
                rows: row.int(1)?,
                quantity: Quantity::from_micros(row.sum(2)?),
                first: row.int(4)?,
                last: row.int(5)?,
                late,
                ..Posted::default()
            };
            slices[slice].entry(row.parsed(0)?).or_default().add(posted)?;
        }
        start = until;
    }
    Ok(())
}

/// Counts the corrections, and adds up those of what is in a closed period: they are few, and have an
/// index of their own.
async fn count_corrections(
    session: &mut Session,
    account: &Account,
    period: Period,
    cuts: &[Timestamp],
    slices: &mut [Slice],
) -> Result<(), StoreError> {
    let sql = concat!(
        "SELECT meter, t_event, happened_in, COUNT(*), ",
        sum_of!("qty_micro"),
        " FROM usage_ledger WHERE account = $1 AND ref_seq > 0 AND period_start = $2
          GROUP BY meter, t_event, happened_in"
    );
    for row in session.rows(sql, args![&account.id, period.start()]).await? {
        let time = row.time(1)?;
        let slice = cuts.partition_point(|cut| *cut <= time);
        let of = slices[slice].entry(row.parsed(0)?).or_default();
        of.corrections += row.int(3)?;
        // What came late and is corrected in the period that it came to is in no closed one.
        if row.opt_time(2)?.is_some() {
            let corrected = of.corrected.checked_add(Quantity::from_micros(row.sum(4)?));
            of.corrected = corrected.ok_or_else(overflow)?;
        }
    }
    Ok(())
}
