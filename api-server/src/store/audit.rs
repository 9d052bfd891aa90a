//! Everything of one account, for recomputing it.

use super::{
    Session, StoreError,
    append::{Head, SaltedDims, rollup},
    row::{self, Entry, Rollup, RollupKey, Total, TotalKey},
    sql::{Row, args},
};
use crate::domain::{Quantity, account::AccountId};

/// A ledger row as far as it can be read, with its chain value.
pub type Read = Result<(Entry, [u8; 32]), StoreError>;

/// The rows after a number, in order, at most `limit`.
pub async fn entries_after(
    session: &mut Session,
    account: &AccountId,
    after: i64,
    limit: u32,
) -> Result<Vec<(i64, Read)>, StoreError> {
    let sql = "SELECT account, seq, kind, source, event_id, meter, t_event, t_ingest, t_stored,
                 qty_micro, ref_seq, period_start, happened_in, dims_hash, chain
               FROM usage_ledger WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    let rows = session.rows(sql, args![account, after, limit]).await?;
    rows.iter().map(|row| Ok((row.int(1)?, row::entry(row)))).collect()
}

/// The dimensions of the rows from `first` to `last`.
pub async fn dims_between(
    session: &mut Session,
    account: &AccountId,
    first: i64,
    last: i64,
) -> Result<Vec<(i64, SaltedDims)>, StoreError> {
    let sql = "SELECT seq, salt, dims FROM event_dims
               WHERE account = $1 AND seq BETWEEN $2 AND $3";
    let rows = session.rows(sql, args![account, first, last]).await?;
    let read = |row: &Row| {
        Ok((row.int(0)?, SaltedDims { salt: row.bytes(1)?, json: row.text(2)?.to_owned() }))
    };
    rows.iter().map(read).collect()
}

/// The account's stored head.
pub async fn head(session: &mut Session, account: &AccountId) -> Result<Head, StoreError> {
    let sql = "SELECT seq, chain FROM heads WHERE account = $1";
    match session.row(sql, args![account]).await? {
        Some(row) => Ok(Head { seq: row.int(0)?, chain: row.bytes(1)? }),
        None => Ok(Head::NONE),
    }
}

/// The heads of all accounts, by account.
pub async fn heads(session: &mut Session) -> Result<Vec<(AccountId, Head)>, StoreError> {
    let rows = session.rows("SELECT account, seq, chain FROM heads ORDER BY account", vec![]);
    let read = |row: &Row| Ok((row.parsed(0)?, Head { seq: row.int(1)?, chain: row.bytes(2)? }));
    rows.await?.iter().map(read).collect()
}

/// How many keys an account has from a month on.
pub async fn count_keys(
    session: &mut Session,
    account: &AccountId,
    from_month: i64,
) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM dedup WHERE account = $1 AND month >= $2";
    let row = session.row(sql, args![account, from_month]).await?;
    row.map_or(Ok(0), |row| row.int(0))
}

/// All figures of an account.
pub async fn totals(
    session: &mut Session,
    account: &AccountId,
) -> Result<Vec<(TotalKey, Total)>, StoreError> {
    let sql = "SELECT period_start, meter, cnt, used_micro, last_seq FROM usage_period
               WHERE account = $1 ORDER BY period_start, meter";
    let rows = session.rows(sql, args![account]).await?;
    let read = |row: &Row| {
        let (period_start, meter) = (row.time(0)?, row.parsed(1)?);
        let key = TotalKey { account: account.clone(), period_start, meter };
        let used = Quantity::from_micros(row.int(3)?);
        Ok((key, Total { count: row.int(2)?, used, last_seq: row.int(4)? }))
    };
    rows.iter().map(read).collect()
}

/// All hours of an account.
pub async fn rollups(
    session: &mut Session,
    account: &AccountId,
) -> Result<Vec<(RollupKey, Rollup)>, StoreError> {
    let sql = "SELECT account, period_start, meter, hour, cnt, qty_micro, first_seq, last_seq
               FROM usage_rollup_hour WHERE account = $1 ORDER BY meter, period_start, hour";
    session.rows(sql, args![account]).await?.iter().map(rollup).collect()
}
