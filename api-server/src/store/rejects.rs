//! Events that were not taken: the newest of each account, so that who asks "I sent it, where is
//! it?" gets an answer, and a flood of bad events cannot fill the disk.
//!
//! What an event said is not kept, only its name, its times and what was wrong with it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Session, StoreError,
    sql::{Row, Value, args},
};
use crate::domain::{account::AccountId, meter::Meter};

/// The most rejects that are kept of an account.
pub const MOST: i64 = 10_000;
/// The most bytes that they take, counted as [`Reject::size`].
pub const MOST_BYTES: i64 = 4 * 1024 * 1024;
/// The most faults that are kept of one event.
pub const MOST_FAULTS: usize = 8;
/// The longest text of a fault that is kept, in characters.
const LONGEST: usize = 300;

/// One thing that was wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where, as a JSON pointer into the event.
    pub pointer: String,
    /// The stable name that answers carry.
    pub code: String,
    /// What is wrong and what to send instead.
    pub detail: String,
}

impl Fault {
    /// A fault, cut to what is kept.
    #[must_use]
    pub fn new(pointer: &str, code: &str, detail: &str) -> Self {
        let cut = |text: &str| text.chars().take(LONGEST).collect();
        Self { pointer: cut(pointer), code: cut(code), detail: cut(detail) }
    }
}

/// An event that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Whose token sent it.
    pub account: AccountId,
    /// Its source, when it has a readable one.
    pub source: Option<String>,
    /// Its id, when it has a readable one.
    pub id: Option<String>,
    /// Its meter, when it names one.
    pub meter: Option<Meter>,
    /// Its time, when it has a readable one.
    pub time: Option<Timestamp>,
    /// When it arrived.
    pub arrived: Timestamp,
    /// When the event that it conflicts with arrived.
    pub first_seen_at: Option<Timestamp>,
    /// What was wrong, at least one thing and at most [`MOST_FAULTS`].
    pub faults: Vec<Fault>,
}

impl Reject {
    /// Roughly how many bytes it takes on the disk.
    #[must_use]
    pub fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let faults =
            self.faults.iter().map(|f| f.pointer.len() + f.code.len() + f.detail.len() + 40);
        100 + self.account.as_str().len()
            + text(&self.source)
            + text(&self.id)
            + faults.sum::<usize>()
    }
}

/// A reject as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its number inside the account, from 1, rising.
    pub n: i64,
    /// What was rejected.
    pub reject: Reject,
    /// When it was stored.
    pub stored: Timestamp,
}

/// Stores rejects, in this order, and drops the oldest beyond what is kept. Those of accounts that
/// are not in the ledger are left out. Give this a transaction.
pub async fn add(
    session: &mut Session,
    rejects: &[Reject],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut left = rejects;
    while let Some(first) = left.first() {
        let same = left.iter().take_while(|reject| reject.account == first.account).count();
        let (own, rest) = left.split_at(same);
        add_own(session, own, now).await?;
        left = rest;
    }
    Ok(())
}

/// Stores rejects of one account.
async fn add_own(
    session: &mut Session,
    rejects: &[Reject],
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(Reject { account, .. }) = rejects.first() else { return Ok(()) };
    let sql = "SELECT a.account, r.newest, r.size FROM accounts a
               LEFT JOIN reject_rings r ON r.account = a.account WHERE a.account = $1";
    let Some(ring) = session.row(sql, args![account]).await? else { return Ok(()) };
    let mut n = ring.opt_int(1)?.unwrap_or(0);
    let mut size = ring.opt_int(2)?.unwrap_or(0);
    let mut values = Vec::with_capacity(rejects.len() * WIDTH);
    for reject in rejects {
        n += 1;
        size = size.saturating_add(i64::try_from(reject.size()).unwrap_or(i64::MAX));
        values.extend(columns(reject, n, size, now)?);
    }
    let head =
        "INSERT INTO rejects (account, n, source, event_id, meter, t_event, t_ingest, t_stored,
                  first_seen_at, faults, size_until)";
    session.run_many((head, ""), WIDTH, values).await?;
    let sql = "INSERT INTO reject_rings (account, newest, size) VALUES ($1, $2, $3)
               ON CONFLICT (account) DO UPDATE SET newest = excluded.newest, size = excluded.size";
    session.run(sql, args![account, n, size]).await?;
    // Numbers and sizes both rise, so the ring is cut by comparing; the newest always stays.
    let sql = "DELETE FROM rejects WHERE account = $1 AND n < $2 AND (n <= $3 OR size_until <= $4)";
    let values = args![account, n, n.saturating_sub(MOST), size.saturating_sub(MOST_BYTES)];
    session.run(sql, values).await.map(drop)
}

const WIDTH: usize = 11;

fn columns(reject: &Reject, n: i64, size: i64, now: Timestamp) -> Result<Vec<Value>, StoreError> {
    let faults = serde_json::to_string(&reject.faults)
        .map_err(|error| StoreError::Unreadable(format!("faults: {error}")))?;
    Ok(args![
        &reject.account,
        n,
        reject.source.clone(),
        reject.id.clone(),
        reject.meter.map(|meter| meter.name().to_owned()),
        reject.time,
        reject.arrived,
        now,
        reject.first_seen_at,
        faults,
        size,
    ])
}

/// Which rejects; what is `None` is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// With this id.
    pub id: Option<String>,
    /// Of this source.
    pub source: Option<String>,
    /// That name this meter.
    pub meter: Option<Meter>,
    /// That name a time from, and before, these.
    pub time: (Option<Timestamp>, Option<Timestamp>),
    /// That arrived from, and before, these.
    pub arrived: (Option<Timestamp>, Option<Timestamp>),
    /// That were stored from, and before, these.
    pub stored: (Option<Timestamp>, Option<Timestamp>),
}

macro_rules! rejects_page {
    ($beyond:literal, $order:literal) => {
        concat!(
            "SELECT account, n, source, event_id, meter, t_event, t_ingest, t_stored, first_seen_at,
                    faults
             FROM rejects WHERE account = $1 AND n ",
            $beyond,
            " $2 AND ($4 IS NULL OR event_id = $4) AND ($5 IS NULL OR source = $5)
               AND ($6 IS NULL OR meter = $6)
               AND ($7 IS NULL OR t_event >= $7) AND ($8 IS NULL OR t_event < $8)
               AND ($9 IS NULL OR t_ingest >= $9) AND ($10 IS NULL OR t_ingest < $10)
               AND ($11 IS NULL OR t_stored >= $11) AND ($12 IS NULL OR t_stored < $12)
             ORDER BY n ",
            $order,
            " LIMIT $3"
        )
    };
}

/// An account's rejects behind number `after`, at most `limit`.
pub async fn page(
    session: &mut Session,
    account: &AccountId,
    filter: &Filter,
    (after, descending): (Option<i64>, bool),
    limit: u32,
) -> Result<Vec<Stored>, StoreError> {
    let after = after.unwrap_or(if descending { i64::MAX } else { 0 });
    let mut values = args![account, after, limit, filter.id.clone(), filter.source.clone()];
    values.push(Value::from(filter.meter.map(|meter| meter.name().to_owned())));
    for (from, to) in [filter.time, filter.arrived, filter.stored] {
        values.extend(args![from, to]);
    }
    let sql = if descending { rejects_page!("<", "DESC") } else { rejects_page!(">", "ASC") };
    session.rows(sql, values).await?.iter().map(stored).collect()
}

fn stored(row: &Row) -> Result<Stored, StoreError> {
    let text = |column| Ok::<_, StoreError>(row.opt_text(column)?.map(str::to_owned));
    let faults = serde_json::from_str(row.text(9)?)
        .map_err(|error| StoreError::Unreadable(format!("rejects.faults: {error}")))?;
    let meter = match row.opt_text(4)? {
        Some(_) => Some(row.parsed(4)?),
        None => None,
    };
    let reject = Reject {
        account: row.parsed(0)?,
        source: text(2)?,
        id: text(3)?,
        meter,
        time: row.opt_time(5)?,
        arrived: row.time(6)?,
        first_seen_at: row.opt_time(8)?,
        faults,
    };
    Ok(Stored { n: row.int(1)?, reject, stored: row.time(7)? })
}
