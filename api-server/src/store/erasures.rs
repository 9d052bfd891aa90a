//! Personal data taken out of the store, and the record of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Session, StoreError,
    append::DedupKey,
    sql::{Row, args},
};
use crate::domain::account::AccountId;

/// The hash of what an event said, once its dimensions were erased: of nothing. A repeat of such an
/// event is a repeat, whatever it says.
pub const NO_BODY: [u8; 16] = [0; 16];

/// A row whose dimensions are to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub seq: i64,
    /// Its source and id, by which its key is known.
    pub name: (String, String),
    /// When it arrived.
    pub arrived: Timestamp,
    /// Its chain value.
    pub chain: [u8; 32],
    /// Its dimensions.
    pub dims: BTreeMap<String, String>,
}

/// The usage rows with dimensions, from number `first` to `last`, whose dimensions hold `text`, by
/// the letter; notes of corrections are left out.
pub async fn find(
    session: &mut Session,
    account: &AccountId,
    (first, last): (i64, i64),
    text: Option<&str>,
) -> Result<Vec<Found>, StoreError> {
    let sql = "SELECT d.seq, l.source, l.event_id, l.t_ingest, l.chain, d.dims FROM event_dims d
               JOIN usage_ledger l ON l.account = d.account AND l.seq = d.seq
               WHERE d.account = $1 AND d.seq BETWEEN $2 AND $3 AND l.kind = 0
                 AND ($4 IS NULL OR REPLACE(d.dims, $4, '') <> d.dims)
               ORDER BY d.seq";
    let values = args![account, first, last, text.map(str::to_owned)];
    session.rows(sql, values).await?.iter().map(found).collect()
}

fn found(row: &Row) -> Result<Found, StoreError> {
    let dims = serde_json::from_str(row.text(5)?)
        .map_err(|error| StoreError::Unreadable(format!("dims: {error}")))?;
    let name = (row.text(1)?.to_owned(), row.text(2)?.to_owned());
    Ok(Found { seq: row.int(0)?, name, arrived: row.time(3)?, chain: row.bytes(4)?, dims })
}

/// The chain value of a row, if there is such a row.
pub async fn chain(
    session: &mut Session,
    account: &AccountId,
    seq: i64,
) -> Result<Option<[u8; 32]>, StoreError> {
    let sql = "SELECT chain FROM usage_ledger WHERE account = $1 AND seq = $2";
    let row = session.row(sql, args![account, seq]).await?;
    row.map(|row| row.bytes(0)).transpose()
}

/// Erases dimensions of rows, and the hash by which a guess of them could be tried.
pub(crate) async fn erase_dims(
    session: &mut Session,
    account: &AccountId,
    rows: &[(i64, DedupKey)],
) -> Result<u64, StoreError> {
    let mut erased = 0;
    for (seq, (_, month, key)) in rows {
        let sql = "DELETE FROM event_dims WHERE account = $1 AND seq = $2";
        erased += session.run(sql, args![account, *seq]).await?;
        let sql = "UPDATE dedup SET body = $4 WHERE account = $1 AND month = $2 AND k = $3";
        session.run(sql, args![account, *month, key.as_slice(), NO_BODY.as_slice()]).await?;
    }
    Ok(erased)
}

/// Erases rejected events up to a number.
pub async fn erase_rejects(
    session: &mut Session,
    account: &AccountId,
    until: i64,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM rejects WHERE account = $1 AND n <= $2";
    session.run(sql, args![account, until]).await
}

/// Erases rejected events by their numbers.
pub async fn erase_these_rejects(
    session: &mut Session,
    account: &AccountId,
    numbers: &[i64],
) -> Result<u64, StoreError> {
    let mut erased = 0;
    for n in numbers {
        let sql = "DELETE FROM rejects WHERE account = $1 AND n = $2";
        erased += session.run(sql, args![account, *n]).await?;
    }
    Ok(erased)
}

/// What was erased, by whom and why; not of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: Uuid,
    /// When it was asked for.
    pub at: Timestamp,
    /// Of what kind the subject was.
    pub kind: &'static str,
    /// Whose data.
    pub account: Option<AccountId>,
    /// Of which request of a customer.
    pub intake: Option<Uuid>,
    /// Who asked.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// By which ticket.
    pub reference: String,
}

/// Records that an erasure has begun; `counts` as JSON come when it is done.
pub async fn begin(session: &mut Session, record: &Record) -> Result<(), StoreError> {
    let sql = "INSERT INTO erasures
                 (erasure, at, kind, account, intake, actor, reason, reference, counts)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = args![
        record.id.to_string(),
        record.at,
        record.kind,
        record.account.as_ref().map(AccountId::to_string),
        record.intake.map(|intake| intake.to_string()),
        record.actor.as_str(),
        record.reason.as_str(),
        record.reference.as_str(),
        "null",
    ];
    session.run(sql, values).await.map(drop)
}

/// Records what an erasure came to.
pub async fn end(session: &mut Session, id: Uuid, counts: &str) -> Result<(), StoreError> {
    let sql = "UPDATE erasures SET counts = $2 WHERE erasure = $1";
    session.run(sql, args![id.to_string(), counts]).await.map(drop)
}
