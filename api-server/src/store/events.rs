//! An account's rows, page by page.
//!
//! A page looks at a bounded number of rows, whatever is asked for: where few rows of many are wanted,
//! it may hold fewer than it could, and says where to look on.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Session, StoreError, audit,
    row::{self, ENTRY_WIDTH, Entry},
    sql::{Row, Value, args},
};
use crate::domain::{account::AccountId, meter::Meter};

/// The most rows that one page looks at.
pub const SCAN: i64 = 50_000;

/// Which rows; what is `None` is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this meter.
    pub meter: Option<Meter>,
    /// In the figures of the period with this start.
    pub period_start: Option<Timestamp>,
    /// With this id.
    pub id: Option<String>,
    /// Of this source.
    pub source: Option<String>,
    /// That happened from, and before, these.
    pub time: (Option<Timestamp>, Option<Timestamp>),
    /// That arrived from, and before, these.
    pub arrived: (Option<Timestamp>, Option<Timestamp>),
    /// That were stored from, and before, these.
    pub stored: (Option<Timestamp>, Option<Timestamp>),
    /// The first and the last number.
    pub rows: (Option<i64>, Option<i64>),
}

/// By what rows are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By number: the order in which they were stored.
    #[default]
    Row,
    /// By when they happened, then by number.
    Time,
}

/// Which part of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// By what.
    pub order: Order,
    /// The last first.
    pub descending: bool,
    /// Behind this one: its time, which counts by [`Order::Time`] alone, and number.
    pub after: Option<(i64, i64)>,
    /// At most so many.
    pub limit: u32,
}

/// A row with its dimensions, which are gone when they were erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// The row.
    pub entry: Entry,
    /// What else was said of it.
    pub dims: Option<BTreeMap<String, String>>,
}

impl EventRow {
    /// Where the page after it begins.
    #[must_use]
    pub fn position(&self) -> (i64, i64) {
        (self.entry.t_event.as_millisecond(), self.entry.seq)
    }
}

/// What a page found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The rows, in order.
    pub rows: Vec<EventRow>,
    /// Where the search stopped, when there are more rows to look at than one page does.
    pub stopped: Option<(i64, i64)>,
}

/// The last position of a window.
macro_rules! window_end {
    ($beyond:literal, $within:literal, $order:literal) => {
        concat!(
            "SELECT t_event, seq FROM usage_ledger WHERE account = $1 AND (t_event, seq) ",
            $beyond,
            " ($2, $3) AND (t_event, seq) ",
            $within,
            " ($4, $5) ORDER BY t_event ",
            $order,
            ", seq ",
            $order,
            " LIMIT 1 OFFSET $6"
        )
    };
}

// `+` keeps SQLite to the index of the window.
macro_rules! select_rows {
    ($window:literal, $order:literal) => {
        concat!(
            "SELECT l.account, l.seq, l.kind, l.source, l.event_id, l.meter, l.t_event,
               l.t_ingest, l.t_stored, l.qty_micro, l.ref_seq, l.period_start, l.happened_in,
               l.dims_hash, l.chain, d.dims
             FROM usage_ledger l
             LEFT JOIN event_dims d ON d.account = l.account AND d.seq = l.seq
             WHERE l.account = $1 AND ",
            $window,
            " AND +l.t_event >= $6 AND +l.t_event < $7
              AND l.t_ingest >= $8 AND l.t_ingest < $9 AND l.t_stored >= $10 AND l.t_stored < $11
              AND ($12 IS NULL OR l.meter = $12) AND ($13 IS NULL OR l.period_start = $13)
              AND ($14 IS NULL OR l.event_id = $14) AND ($15 IS NULL OR l.source = $15)
              AND ($16 IS NULL OR +l.seq >= $16) AND ($17 IS NULL OR +l.seq <= $17)
             ORDER BY ",
            $order,
            " LIMIT $18"
        )
    };
}

/// The rows behind a position. As rows are only ever added, no page skips or repeats one.
pub async fn page(
    session: &mut Session,
    account: &AccountId,
    filter: &Filter,
    page: Page,
) -> Result<Found, StoreError> {
    let window = match page.order {
        Order::Row => by_row(session, account, filter, page).await?,
        Order::Time => by_time(session, account, filter, page).await?,
    };
    let Some(Window { values, stopped }) = window else { return Ok(Found::default()) };
    let rows = session.rows(statement(page), select(values, account, filter, page.limit)).await?;
    let rows = rows.iter().map(event).collect::<Result<Vec<_>, _>>()?;
    let full = rows.len() >= page.limit as usize;
    Ok(Found { rows, stopped: stopped.filter(|_| !full) })
}

/// The rows that are looked at, as the statement's own four values.
struct Window {
    values: Vec<Value>,
    stopped: Option<(i64, i64)>,
}

/// Numbers from `low` to `high`, said twice: the statement has four values.
async fn by_row(
    session: &mut Session,
    account: &AccountId,
    filter: &Filter,
    page: Page,
) -> Result<Option<Window>, StoreError> {
    let (mut low, mut high) =
        (filter.rows.0.unwrap_or(1).max(1), filter.rows.1.unwrap_or(i64::MAX));
    let after = page.after.map(|(_, seq)| seq);
    match (after, page.descending) {
        (Some(after), false) => low = low.max(after.saturating_add(1)),
        (Some(after), true) => high = high.min(after.saturating_sub(1)),
        (None, _) => {}
    }
    high = high.min(audit::head(session, account).await?.seq);
    if low > high {
        return Ok(None);
    }
    let stopped = if page.descending {
        let first = high.saturating_sub(SCAN - 1);
        let stopped = (first > low).then_some((0, first));
        low = low.max(first);
        stopped
    } else {
        let last = low.saturating_add(SCAN - 1);
        let stopped = (last < high).then_some((0, last));
        high = high.min(last);
        stopped
    };
    Ok(Some(Window { values: args![low, high, low, high], stopped }))
}

/// Positions behind the last one, as many as one page looks at.
async fn by_time(
    session: &mut Session,
    account: &AccountId,
    filter: &Filter,
    page: Page,
) -> Result<Option<Window>, StoreError> {
    // Numbers begin with 1: a time with 0 is before all that happened then.
    let (from, to) = milliseconds(filter.time);
    let (first, last) = if page.descending {
        (page.after.unwrap_or((to, 0)).min((to, 0)), (from, 0))
    } else {
        (page.after.unwrap_or((from, 0)).max((from, 0)), (to, 0))
    };
    let end = args![first.0, first.1, last.0, last.1, SCAN - 1];
    let sql =
        if page.descending { window_end!("<", ">", "DESC") } else { window_end!(">", "<", "ASC") };
    let values = [vec![Value::from(account)], end].concat();
    let stopped = match session.row(sql, values).await? {
        Some(row) => Some((row.int(0)?, row.int(1)?)),
        None => None,
    };
    let last = stopped.unwrap_or(last);
    Ok(Some(Window { values: args![first.0, first.1, last.0, last.1], stopped }))
}

const fn statement(page: Page) -> &'static str {
    match (page.order, page.descending) {
        (Order::Row, false) => {
            select_rows!("l.seq BETWEEN $2 AND $3 AND l.seq BETWEEN $4 AND $5", "l.seq")
        }
        (Order::Row, true) => {
            select_rows!("l.seq BETWEEN $2 AND $3 AND l.seq BETWEEN $4 AND $5", "l.seq DESC")
        }
        (Order::Time, false) => select_rows!(
            "(l.t_event, l.seq) > ($2, $3) AND (l.t_event, l.seq) <= ($4, $5)",
            "l.t_event, l.seq"
        ),
        (Order::Time, true) => select_rows!(
            "(l.t_event, l.seq) < ($2, $3) AND (l.t_event, l.seq) >= ($4, $5)",
            "l.t_event DESC, l.seq DESC"
        ),
    }
}

fn select(window: Vec<Value>, account: &AccountId, filter: &Filter, limit: u32) -> Vec<Value> {
    let mut values = vec![Value::from(account)];
    values.extend(window);
    for between in [filter.time, filter.arrived, filter.stored] {
        let (from, to) = milliseconds(between);
        values.extend(args![from, to]);
    }
    values.push(Value::from(filter.meter.map(|meter| meter.name().to_owned())));
    values.extend(args![filter.period_start, filter.id.clone(), filter.source.clone()]);
    values.extend(args![filter.rows.0, filter.rows.1, limit]);
    values
}

/// A stretch of time, with edges beyond all that is stored where there is none.
fn milliseconds((from, to): (Option<Timestamp>, Option<Timestamp>)) -> (i64, i64) {
    // Within a millisecond, what is stored begins with the next one.
    let up = |time: Timestamp| {
        let whole = Timestamp::from_millisecond(time.as_millisecond()).is_ok_and(|ms| ms >= time);
        time.as_millisecond() + i64::from(!whole)
    };
    (from.map_or(i64::MIN, up), to.map_or(i64::MAX, up))
}

/// The rows from number `first` to `last`, each with its chain value.
pub async fn stretch(
    session: &mut Session,
    account: &AccountId,
    first: i64,
    last: i64,
) -> Result<Vec<(EventRow, [u8; 32])>, StoreError> {
    let sql = "SELECT l.account, l.seq, l.kind, l.source, l.event_id, l.meter, l.t_event,
                 l.t_ingest, l.t_stored, l.qty_micro, l.ref_seq, l.period_start, l.happened_in,
                 l.dims_hash, l.chain, d.dims
               FROM usage_ledger l
               LEFT JOIN event_dims d ON d.account = l.account AND d.seq = l.seq
               WHERE l.account = $1 AND l.seq BETWEEN $2 AND $3 ORDER BY l.seq";
    let rows = session.rows(sql, args![account, first, last]).await?;
    rows.iter().map(|row| Ok((event(row)?, row.bytes(ENTRY_WIDTH - 1)?))).collect()
}

fn event(row: &Row) -> Result<EventRow, StoreError> {
    let (entry, _) = row::entry(row)?;
    let dims = match row.opt_text(ENTRY_WIDTH)? {
        Some(json) => Some(read(json)?),
        None if entry.dims_hash.is_some() => None,
        None => Some(BTreeMap::new()),
    };
    Ok(EventRow { entry, dims })
}

fn read(json: &str) -> Result<BTreeMap<String, String>, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Unreadable(format!("dims: {error}")))
}
