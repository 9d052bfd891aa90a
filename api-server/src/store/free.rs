//! What of a figure happened before its account had any plan, which no plan charges for.
//!
//! Hours before the plan began are taken from their sums, and the rows of the hour in which it began are
//! added up one by one, as for a bill.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    Session, StoreError,
    row::{Total, TotalKey},
    sql::args,
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
}

/// A figure, with what of it is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// All of it.
    pub total: Total,
    /// What happened in hours before the one in which the first plan began.
    pub free: Quantity,
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
        ") SELECT u.account, u.period_start, u.meter, u.cnt, u.used_micro, u.last_seq,
             (SELECT CAST(SUM(b.qty_micro) AS BIGINT) FROM usage_rollup_hour b
              WHERE b.account = u.account AND b.meter = u.meter
                AND b.period_start = u.period_start AND b.hour < want.hour),
             r.cnt, r.qty_micro, r.last_seq
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
    let read = |row: &super::sql::Row| {
        let key =
            TotalKey { account: row.parsed(0)?, period_start: row.time(1)?, meter: row.parsed(2)? };
        let used = Quantity::from_micros(row.int(4)?);
        let began = began.get(&key).copied().flatten();
        let mark = match row.opt_int(7)? {
            Some(rows) => Some(HourMark { rows, quantity: row.int(8)?, last_seq: row.int(9)? }),
            None => None,
        };
        let figure = Figure {
            total: Total { count: row.int(3)?, used, last_seq: row.int(5)? },
            free: Quantity::from_micros(row.opt_int(6)?.unwrap_or_default()),
            divided: mark.filter(|_| began.is_some_and(|b| b.first_of_hour < b.at)),
        };
        Ok((key, figure))
    };
    rows.iter().map(read).collect()
}

/// What of a figure happened in the hour in which the first plan began, before it did.
pub async fn within(
    session: &mut Session,
    key: &TotalKey,
    began: Began,
) -> Result<Quantity, StoreError> {
    let sql = "SELECT CAST(SUM(qty_micro) AS BIGINT) FROM usage_ledger
               WHERE account = $1 AND t_event >= $2 AND t_event < $3 AND period_start = $4
                 AND meter = $5";
    let values =
        args![&key.account, began.first_of_hour, began.at, key.period_start, key.meter.name()];
    let row = session.row(sql, values).await?;
    let sum = row.map_or(Ok(None), |row| row.opt_int(0))?;
    Ok(Quantity::from_micros(sum.unwrap_or_default()))
}

/// What of each of the figures is free, with the figure.
pub async fn of(
    session: &mut Session,
    wanted: &[(TotalKey, Option<Began>)],
) -> Result<HashMap<TotalKey, (Total, Quantity)>, StoreError> {
    let mut all = HashMap::new();
    let figures = load_figures(session, wanted).await?;
    for (key, began) in wanted {
        let Some(figure) = figures.get(key) else { continue };
        let rest = match (figure.divided, began) {
            (Some(_), Some(began)) => within(session, key, *began).await?,
            _ => Quantity::ZERO,
        };
        let free = figure.free.checked_add(rest);
        let free =
            free.ok_or_else(|| StoreError::Unreadable("what is free does not fit".into()))?;
        all.insert(key.clone(), (figure.total, free));
    }
    Ok(all)
}
