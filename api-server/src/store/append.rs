//! What the writer reads and writes within its transaction.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    Session, StoreError, accounts,
    periods::Closed,
    row::{self, ENTRY_WIDTH, Entry, Rollup, RollupKey, Total, TotalKey},
    sql::{Value, args},
};
use crate::domain::{Quantity, account::AccountId, bill::FORMULA_VERSION, calendar::Period};

/// The newest row of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 when there is none.
    pub seq: i64,
    /// Its chain value; zeros when there is none.
    pub chain: [u8; 32],
}

impl Head {
    /// Before the first row.
    pub const NONE: Self = Self { seq: 0, chain: [0; 32] };
}

/// A period that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredPeriod {
    /// Its edges.
    pub period: Period,
    /// Whether it was closed.
    pub closed: bool,
    /// See [`super::periods::PeriodRow::formula`].
    pub formula: u32,
}

/// A period that is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Whose.
    pub account: AccountId,
    /// Its edges.
    pub period: Period,
    /// Its close, of one that is over already.
    pub closed: Option<Closed>,
}

/// Where a repeated event is known by: account, month of arrival (202611), key.
pub type DedupKey = (AccountId, i64, [u8; 16]);

/// What is known of an event by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its row.
    pub seq: i64,
    /// The first bytes of the hash of what it said.
    pub body: [u8; 16],
    /// When it first arrived.
    pub t_ingest: Timestamp,
}

/// A row that corrections may be about, and what it counts by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrected {
    /// The row.
    pub entry: Entry,
    /// Its quantity with all its corrections.
    pub net: Quantity,
}

/// Dimensions as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaltedDims {
    /// Random bytes, so that the hash of few possible values says nothing.
    pub salt: [u8; 16],
    /// A JSON object with sorted names.
    pub json: String,
}

fn names(accounts: &[AccountId]) -> Vec<Value> {
    accounts.iter().map(Value::from).collect()
}

/// The accounts that exist, with their heads.
pub async fn load_accounts(
    session: &mut Session,
    wanted: &[AccountId],
) -> Result<Vec<(accounts::Account, Head)>, StoreError> {
    let sql = (
        "WITH want (account) AS (",
        ") SELECT a.account, a.name, a.zone, a.anchor_day, a.currency, a.created_at, h.seq, h.chain
           FROM want CROSS JOIN accounts a LEFT JOIN heads h ON h.account = a.account
           WHERE a.account = want.account",
    );
    let rows = session.rows_many(sql, 1, names(wanted)).await?;
    let read = |row: &super::sql::Row| {
        let at = accounts::COLUMNS;
        let head = match row.opt_int(at)? {
            Some(seq) => Head { seq, chain: row.bytes(at + 1)? },
            None => Head::NONE,
        };
        Ok((accounts::account(row)?, head))
    };
    rows.iter().map(read).collect()
}

/// The stored periods of accounts.
pub async fn load_periods(
    session: &mut Session,
    wanted: &[AccountId],
) -> Result<Vec<(AccountId, StoredPeriod)>, StoreError> {
    let sql = (
        "WITH want (account) AS (",
        ") SELECT p.account, p.period_start, p.period_end, p.closed_at, p.formula
           FROM want CROSS JOIN periods p WHERE p.account = want.account",
    );
    let rows = session.rows_many(sql, 1, names(wanted)).await?;
    let read = |row: &super::sql::Row| {
        let period = Period::from_edges(row.time(1)?, row.time(2)?)
            .map_err(|error| StoreError::Unreadable(format!("periods: {error}")))?;
        let (closed, formula) = (row.opt_int(3)?.is_some(), super::periods::formula(row, 4)?);
        Ok((row.parsed(0)?, StoredPeriod { period, closed, formula }))
    };
    rows.iter().map(read).collect()
}

/// Those of the keys that are known.
pub async fn load_keys(
    session: &mut Session,
    wanted: &[DedupKey],
) -> Result<HashMap<(AccountId, [u8; 16]), Known>, StoreError> {
    let sql = (
        "WITH want (account, month, k) AS (",
        ") SELECT d.account, d.k, d.seq, d.body, d.t_ingest
           FROM want CROSS JOIN dedup d
           WHERE d.account = want.account AND d.month = want.month AND d.k = want.k",
    );
    let values = wanted.iter().flat_map(|(a, m, k)| args![a, *m, k.as_slice()]).collect();
    let rows = session.rows_many(sql, 3, values).await?;
    let read = |row: &super::sql::Row| {
        let known = Known { seq: row.int(2)?, body: row.bytes(3)?, t_ingest: row.time(4)? };
        Ok(((row.parsed(0)?, row.bytes(1)?), known))
    };
    rows.iter().map(read).collect()
}

/// The rows that corrections name, with what they count by now.
pub async fn load_corrected(
    session: &mut Session,
    wanted: &[(AccountId, i64)],
) -> Result<HashMap<(AccountId, i64), Corrected>, StoreError> {
    let sql = (
        "WITH want (account, seq) AS (",
        ") SELECT l.account, l.seq, l.kind, l.source, l.event_id, l.meter, l.t_event, l.t_ingest,
             l.t_stored, l.qty_micro, l.ref_seq, l.period_start, l.happened_in, l.dims_hash,
             l.chain,
             (SELECT CAST(SUM(c.qty_micro) AS BIGINT) FROM usage_ledger c
              WHERE c.account = l.account AND c.ref_seq = l.seq)
           FROM want CROSS JOIN usage_ledger l
           WHERE l.account = want.account AND l.seq = want.seq",
    );
    let values = wanted.iter().flat_map(|(account, seq)| args![account, *seq]).collect();
    let rows = session.rows_many(sql, 2, values).await?;
    let read = |row: &super::sql::Row| {
        let (entry, _) = row::entry(row)?;
        let changes = Quantity::from_micros(row.opt_int(ENTRY_WIDTH)?.unwrap_or(0));
        let net = entry.quantity.checked_add(changes);
        let net = net.ok_or_else(|| StoreError::Unreadable("corrections overflow".to_owned()))?;
        Ok(((entry.account.clone(), entry.seq), Corrected { entry, net }))
    };
    rows.iter().map(read).collect()
}

/// Those of the figures that exist.
pub async fn load_totals(
    session: &mut Session,
    wanted: &[TotalKey],
) -> Result<HashMap<TotalKey, Total>, StoreError> {
    let sql = (
        "WITH want (account, period_start, meter) AS (",
        ") SELECT u.account, u.period_start, u.meter, u.cnt, u.used_micro, u.last_seq
           FROM want CROSS JOIN usage_period u WHERE u.account = want.account
             AND u.period_start = want.period_start AND u.meter = want.meter",
    );
    let values = wanted.iter().flat_map(total_key).collect();
    let rows = session.rows_many(sql, 3, values).await?;
    let read = |row: &super::sql::Row| {
        let key =
            TotalKey { account: row.parsed(0)?, period_start: row.time(1)?, meter: row.parsed(2)? };
        let used = Quantity::from_micros(row.int(4)?);
        Ok((key, Total { count: row.int(3)?, used, last_seq: row.int(5)? }))
    };
    rows.iter().map(read).collect()
}

/// Those of the hours that exist.
pub async fn load_rollups(
    session: &mut Session,
    wanted: &[RollupKey],
) -> Result<HashMap<RollupKey, Rollup>, StoreError> {
    let sql = (
        "WITH want (account, period_start, meter, hour) AS (",
        ") SELECT r.account, r.period_start, r.meter, r.hour,
             r.cnt, r.qty_micro, r.first_seq, r.last_seq
           FROM want CROSS JOIN usage_rollup_hour r WHERE r.account = want.account
             AND r.meter = want.meter AND r.period_start = want.period_start
             AND r.hour = want.hour",
    );
    let values = wanted.iter().flat_map(rollup_key).collect();
    let rows = session.rows_many(sql, 4, values).await?;
    rows.iter().map(rollup).collect()
}

/// Reads account, period_start, meter, hour, cnt, qty_micro, first_seq, last_seq.
pub(super) fn rollup(row: &super::sql::Row) -> Result<(RollupKey, Rollup), StoreError> {
    let total =
        TotalKey { account: row.parsed(0)?, period_start: row.time(1)?, meter: row.parsed(2)? };
    let rollup = Rollup {
        count: row.int(4)?,
        quantity: Quantity::from_micros(row.int(5)?),
        first_seq: row.int(6)?,
        last_seq: row.int(7)?,
    };
    Ok((RollupKey { total, hour: row.time(3)? }, rollup))
}

fn total_key(key: &TotalKey) -> Vec<Value> {
    args![&key.account, key.period_start, key.meter.name()]
}

fn rollup_key(key: &RollupKey) -> Vec<Value> {
    let mut values = total_key(&key.total);
    values.push(key.hour.into());
    values
}

/// Adds ledger rows, each with its chain value.
pub async fn insert_entries(
    session: &mut Session,
    entries: &[(Entry, [u8; 32])],
) -> Result<(), StoreError> {
    let sql = (
        "INSERT INTO usage_ledger (account, seq, kind, source, event_id, meter, t_event, t_ingest,
           t_stored, qty_micro, ref_seq, period_start, happened_in, dims_hash, chain)",
        "",
    );
    let values = entries.iter().flat_map(|(e, chain)| {
        args![
            &e.account,
            e.seq,
            e.kind.number(),
            e.source.as_str(),
            e.event_id.as_str(),
            e.meter.name(),
            e.t_event,
            e.t_ingest,
            e.t_stored,
            e.quantity.micros(),
            e.ref_seq,
            e.period_start,
            e.happened_in,
            e.dims_hash,
            chain.as_slice(),
        ]
    });
    session.run_many(sql, ENTRY_WIDTH, values.collect()).await
}

/// Adds dimensions of rows.
pub async fn insert_dims(
    session: &mut Session,
    dims: &[(AccountId, i64, SaltedDims)],
) -> Result<(), StoreError> {
    let values = dims
        .iter()
        .flat_map(|(a, seq, d)| args![a, *seq, d.salt.as_slice(), d.json.as_str()])
        .collect();
    session.run_many(("INSERT INTO event_dims (account, seq, salt, dims)", ""), 4, values).await
}

/// Adds keys by which repeated events are known.
pub async fn insert_keys(
    session: &mut Session,
    keys: &[(DedupKey, Known)],
) -> Result<(), StoreError> {
    let values = keys.iter().flat_map(|((account, month, k), known)| {
        let body = known.body.as_slice();
        args![account, *month, k.as_slice(), known.seq, body, known.t_ingest]
    });
    let sql = ("INSERT INTO dedup (account, month, k, seq, body, t_ingest)", "");
    session.run_many(sql, 6, values.collect()).await
}

/// Writes down when periods begin and end, and that they are billed by today's formula.
pub async fn insert_periods(session: &mut Session, periods: &[Opened]) -> Result<(), StoreError> {
    let values = periods.iter().flat_map(|Opened { account, period, closed }| {
        let (at, seq) = closed.map(|closed| (closed.at, closed.seq)).unzip();
        args![account, period.start(), period.end(), FORMULA_VERSION, at, seq]
    });
    let sql = (
        "INSERT INTO periods (account, period_start, period_end, formula, closed_at, closed_seq)",
        "ON CONFLICT (account, period_start) DO NOTHING",
    );
    session.run_many(sql, 6, values.collect()).await
}

/// Sets figures to what they are now.
pub async fn put_totals(
    session: &mut Session,
    totals: &[(TotalKey, Total)],
) -> Result<(), StoreError> {
    let values = totals.iter().flat_map(|(key, total)| {
        let mut values = total_key(key);
        values.extend(args![total.count, total.used.micros(), total.last_seq]);
        values
    });
    let sql = (
        "INSERT INTO usage_period (account, period_start, meter, cnt, used_micro, last_seq)",
        "ON CONFLICT (account, period_start, meter) DO UPDATE SET
           cnt = excluded.cnt, used_micro = excluded.used_micro, last_seq = excluded.last_seq",
    );
    session.run_many(sql, 6, values.collect()).await
}

/// Sets hours to what they are now.
pub async fn put_rollups(
    session: &mut Session,
    rollups: &[(RollupKey, Rollup)],
) -> Result<(), StoreError> {
    let values = rollups.iter().flat_map(|(key, r)| {
        let mut values = rollup_key(key);
        values.extend(args![r.count, r.quantity.micros(), r.first_seq, r.last_seq]);
        values
    });
    let sql = (
        "INSERT INTO usage_rollup_hour
           (account, period_start, meter, hour, cnt, qty_micro, first_seq, last_seq)",
        "ON CONFLICT (account, meter, period_start, hour) DO UPDATE SET cnt = excluded.cnt,
           qty_micro = excluded.qty_micro, last_seq = excluded.last_seq",
    );
    session.run_many(sql, 8, values.collect()).await
}

/// Moves heads on.
pub async fn put_heads(
    session: &mut Session,
    heads: &[(AccountId, Head)],
) -> Result<(), StoreError> {
    let values = heads.iter().flat_map(|(a, h)| args![a, h.seq, h.chain.as_slice()]).collect();
    let sql = (
        "INSERT INTO heads (account, seq, chain)",
        "ON CONFLICT (account) DO UPDATE SET seq = excluded.seq, chain = excluded.chain",
    );
    session.run_many(sql, 3, values).await
}

/// Drops up to `limit` of an account's keys of months before one; answers how many.
pub async fn drop_keys(
    session: &mut Session,
    account: &AccountId,
    before: i64,
    limit: u32,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM dedup WHERE account = $1 AND month < $2 AND k IN
                 (SELECT k FROM dedup WHERE account = $1 AND month < $2 LIMIT $3)";
    session.run(sql, args![account, before, limit]).await
}
