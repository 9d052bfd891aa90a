//! What is known of the backups that gateways sent; the archives stand elsewhere.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Session, StoreError,
    sql::{Row, args},
};
use crate::domain::account::AccountId;

/// A backup that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Whose.
    pub account: AccountId,
    /// Its id, which its gateway gave it.
    pub id: Uuid,
    /// When it was here, whole.
    pub received: Timestamp,
    /// When it was made, by the gateway's clock.
    pub made: Timestamp,
    /// The archive's size, in bytes.
    pub bytes: i64,
    /// The archive's SHA-256.
    pub sha256: [u8; 32],
    /// Events in it that were not known to be in the ledger.
    pub held: i64,
}

const COLUMNS: &str = "SELECT account, id, received, made, bytes, sha256, held FROM backups ";

fn read(row: &Row) -> Result<Backup, StoreError> {
    Ok(Backup {
        account: row.parsed(0)?,
        id: row.parsed(1)?,
        received: row.time(2)?,
        made: row.time(3)?,
        bytes: row.int(4)?,
        sha256: row.bytes(5)?,
        held: row.int(6)?,
    })
}

/// An account's backup of that id.
pub async fn get(
    session: &mut Session,
    account: &AccountId,
    id: Uuid,
) -> Result<Option<Backup>, StoreError> {
    let rows = session
        .rows_of(&[COLUMNS, "WHERE account = $1 AND id = $2"], args![account, id.to_string()])
        .await?;
    rows.first().map(read).transpose()
}

/// The next backups after a place in the order of accounts and ids, at most `most`.
pub async fn after(
    session: &mut Session,
    (account, id): (&str, &str),
    most: u32,
) -> Result<Vec<Backup>, StoreError> {
    let tail = "WHERE account > $1 OR (account = $1 AND id > $2) ORDER BY account, id LIMIT $3";
    let rows = session.rows_of(&[COLUMNS, tail], args![account, id, most]).await?;
    rows.iter().map(read).collect()
}

/// All of an account, the newest first.
pub async fn of(session: &mut Session, account: &AccountId) -> Result<Vec<Backup>, StoreError> {
    let tail = "WHERE account = $1 ORDER BY received DESC, id DESC";
    let rows = session.rows_of(&[COLUMNS, tail], args![account]).await?;
    rows.iter().map(read).collect()
}

/// Records one; its account has none of that id.
pub async fn put(session: &mut Session, backup: &Backup) -> Result<(), StoreError> {
    let sql = "INSERT INTO backups (account, id, received, made, bytes, sha256, held)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let Backup { account, id, received, made, bytes, sha256, held } = backup;
    let id = id.to_string();
    let sha256 = sha256.as_slice();
    session.run(sql, args![account, id, *received, *made, *bytes, sha256, *held]).await.map(drop)
}

/// Those of an account that are not among its newest.
pub async fn older(
    session: &mut Session,
    account: &AccountId,
    newest: usize,
) -> Result<Vec<Backup>, StoreError> {
    Ok(of(session, account).await?.into_iter().skip(newest).collect())
}

/// Forgets backups of an account.
pub async fn forget(
    session: &mut Session,
    account: &AccountId,
    ids: &[Uuid],
) -> Result<(), StoreError> {
    for id in ids {
        let sql = "DELETE FROM backups WHERE account = $1 AND id = $2";
        session.run(sql, args![account, id.to_string()]).await?;
    }
    Ok(())
}
