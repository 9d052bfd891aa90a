//! An account's rows, page by page.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Session, StoreError,
    row::{self, ENTRY_WIDTH, Entry},
    sql::{Value, args},
};
use crate::domain::{account::AccountId, meter::Meter};

/// Which rows; what is `None` is not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this meter.
    pub meter: Option<Meter>,
    /// In the figures of the period with this start.
    pub period_start: Option<Timestamp>,
    /// That happened at this instant or later.
    pub from: Option<Timestamp>,
    /// That happened before this instant.
    pub to: Option<Timestamp>,
}

/// A row with its dimensions, which are gone when they were erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// The row.
    pub entry: Entry,
    /// What else was said of it.
    pub dims: Option<BTreeMap<String, String>>,
}

/// The rows after number `after`, by number, at most `limit`: the next page begins after the last.
/// As rows are only ever added at the end, no page skips or repeats one.
pub async fn page(
    session: &mut Session,
    account: &AccountId,
    filter: Filter,
    after: i64,
    limit: u32,
) -> Result<Vec<EventRow>, StoreError> {
    let sql = "SELECT l.account, l.seq, l.kind, l.source, l.event_id, l.meter, l.t_event,
                 l.t_ingest, l.t_stored, l.qty_micro, l.ref_seq, l.period_start, l.happened_in,
                 l.dims_hash, l.chain, d.dims
               FROM usage_ledger l
               LEFT JOIN event_dims d ON d.account = l.account AND d.seq = l.seq
               WHERE l.account = $1 AND l.seq > $2
                 AND ($4 IS NULL OR l.meter = $4)
                 AND ($5 IS NULL OR l.period_start = $5)
                 AND ($6 IS NULL OR l.t_event >= $6)
                 AND ($7 IS NULL OR l.t_event < $7)
               ORDER BY l.seq LIMIT $3";
    let Filter { meter, period_start, from, to } = filter;
    let meter = Value::from(meter.map(|meter| meter.name().to_owned()));
    let mut values = args![account, after, limit];
    values.push(meter);
    values.extend(args![period_start, from, to]);
    let rows = session.rows(sql, values).await?;
    rows.iter()
        .map(|row| {
            let (entry, _) = row::entry(row)?;
            let dims = match row.opt_text(ENTRY_WIDTH)? {
                Some(json) => Some(read(json)?),
                None if entry.dims_hash.is_some() => None,
                None => Some(BTreeMap::new()),
            };
            Ok(EventRow { entry, dims })
        })
        .collect()
}

fn read(json: &str) -> Result<BTreeMap<String, String>, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Unreadable(format!("dims: {error}")))
}
