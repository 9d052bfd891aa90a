//! What of a figure happened before its account had any plan, which no plan charges for.
//!
//! Hours before the plan began are taken from their sums, and the rows of the hour in which it began are
//! added up one by one, as for a bill. A sum may not fit though the figure does, which later rows have brought
//! down again: then it is `None`, and only what needs it is refused.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    Session, StoreError,
    row::{Total, TotalKey},
    sql::{Row, args, sum_of},
};
use crate::domain::{Quantity, calendar::Zone};

/// When an account's first plan began, by its clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Began {
    at: Timestamp,
    hour: Timestamp,
    first_of_hour: Timestamp,
}

impl Began {
    /// By the clocks of this zone.
    #[must_use]
    pub fn new(at: Timestamp, zone: &Zone) -> Self {
        let hour = zone.hour(at);
        Self { at, hour, first_of_hour: zone.first_of_hour(hour) }
    }

    /// The instant.
    #[must_use]
    pub const fn at(self) -> Timestamp {
        self.at
    }

    const fn hour_of(began: Option<Self>) -> Timestamp {
        match began {
            Some(began) => began.hour,
            None => Timestamp::MIN,
        }
    }
}

/// What is known of the hour in which a plan began: when it is the same again, so are its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourMark {
    rows: i64,
    quantity: i64,
    last_seq: i64,
    /// The chain value of the last of them: after a transaction that was undone, other rows may have the numbers and
    /// the sum of those that are gone.
    chain: Option<[u8; 32]>,
}

/// A figure, with what of it is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// All of it.
    pub total: Total,
    /// What happened in hours before the one in which the first plan began, if that fits.
    pub free: Option<Quantity>,
    /// That hour, when the plan began inside it and it has any rows: to be added by [`within`].
    pub divided: Option<HourMark>,
}

/// Those of the figures that exist. Where nothing is free this costs no statement more than the figures.
pub async fn load_figures(
    session: &mut Session,
    wanted: &[(TotalKey, Option<Began>)],
) -> Result<HashMap<TotalKey, Figure>, StoreError> {
    let sql = (
        "WITH want (account, period_start, meter, hour) AS (",
        // In the two parts of `sum_of!`, of which a subquery can answer but one.
        ") SELECT u.account, u.period_start, u.meter, u.cnt, u.used_micro, u.last_seq,
             (SELECT CAST(SUM(b.qty_micro / 1000000000) AS BIGINT) FROM usage_rollup_hour b
              WHERE b.account = u.account AND b.meter = u.meter
                AND b.period_start = u.period_start AND b.hour < want.hour),
             (SELECT CAST(SUM(b.qty_micro % 1000000000) AS BIGINT) FROM usage_rollup_hour b
              WHERE b.account = u.account AND b.meter = u.meter
                AND b.period_start = u.period_start AND b.hour < want.hour),
             r.cnt, r.qty_micro, r.last_seq,
             (SELECT l.chain FROM usage_ledger l WHERE l.account = r.account AND l.seq = r.last_seq)
           FROM want CROSS JOIN usage_period u LEFT JOIN usage_rollup_hour r
             ON r.account = u.account AND r.meter = u.meter
             AND r.period_start = u.period_start AND r.hour = want.hour
           WHERE u.account = want.account
             AND u.period_start = want.period_start AND u.meter = want.meter",
    );
    let value = |(key, began): &(TotalKey, Option<Began>)| {
        args![&key.account, key.period_start, key.meter.name(), Began::hour_of(*began)]
    };
    let rows = session.rows_many(sql, 4, wanted.iter().flat_map(value).collect()).await?;
    let began: HashMap<_, _> = wanted.iter().cloned().collect();
    let read = |row: &Row| {
        let key =
            TotalKey { account: row.parsed(0)?, period_start: row.time(1)?, meter: row.parsed(2)? };
        let used = Quantity::from_micros(row.int(4)?);
        let began = began.get(&key).copied().flatten();
        let mark = match row.opt_int(8)? {
            Some(rows) => {
                let (quantity, last_seq) = (row.int(9)?, row.int(10)?);
                Some(HourMark { rows, quantity, last_seq, chain: row.opt_bytes(11)? })
            }
            None => None,
        };
        let figure = Figure {
            total: Total { count: row.int(3)?, used, last_seq: row.int(5)? },
            free: sum(row, 6)?,
            divided: mark.filter(|_| began.is_some_and(|b| b.first_of_hour < b.at)),
        };
        Ok((key, figure))
    };
    rows.iter().map(read).collect()
}

/// A sum, if it fits; of no rows it is zero.
fn sum(row: &Row, column: usize) -> Result<Option<Quantity>, StoreError> {
    let sum = i64::try_from(row.opt_sum(column)?.unwrap_or_default());
    Ok(sum.ok().map(Quantity::from_micros))
}

/// What of a figure happened in the hour in which the first plan began, before it did, if that fits.
pub async fn within(
    session: &mut Session,
    key: &TotalKey,
    began: Began,
) -> Result<Option<Quantity>, StoreError> {
    let sql = concat!(
        "SELECT ",
        sum_of!("qty_micro"),
        " FROM usage_ledger
          WHERE account = $1 AND t_event >= $2 AND t_event < $3 AND period_start = $4 AND meter = $5"
    );
    let values =
        args![&key.account, began.first_of_hour, began.at, key.period_start, key.meter.name()];
    let row = session.row(sql, values).await?;
    row.map_or(Ok(Some(Quantity::ZERO)), |row| sum(&row, 0))
}

/// Hours and the rest of what is free, if both fit, and together.
#[must_use]
pub fn together(hours: Option<Quantity>, rest: Option<Quantity>) -> Option<Quantity> {
    hours?.checked_add(rest?)
}

/// What of each of the figures is free, if it fits, with the figure.
pub async fn of(
    session: &mut Session,
    wanted: &[(TotalKey, Option<Began>)],
) -> Result<HashMap<TotalKey, (Total, Option<Quantity>)>, StoreError> {
    let mut all = HashMap::new();
    let figures = load_figures(session, wanted).await?;
    for (key, began) in wanted {
        let Some(figure) = figures.get(key) else { continue };
        let rest = match (figure.divided, began) {
            (Some(_), Some(began)) => within(session, key, *began).await?,
            _ => Some(Quantity::ZERO),
        };
        all.insert(key.clone(), (figure.total, together(figure.free, rest)));
    }
    Ok(all)
}
