//! A consistent copy of a ledger's database, and what is in it.

use std::{collections::BTreeMap, path::Path};

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};

use super::{StoreError, sqlite};

/// Copies a database as it is at one moment into a new file; a server may be working on it.
///
/// # Errors
/// [`StoreError`] when there is no ledger or it cannot be copied.
pub(crate) async fn database(from: &Path, into: &Path) -> Result<(), StoreError> {
    if !from.is_file() {
        return Err(StoreError::NoLedger(from.parent().unwrap_or(from).to_owned()));
    }
    let mut connection = sqlite::options(from).connect().await?;
    let done = sqlx::query("VACUUM INTO $1")
        .bind(into.display().to_string())
        .execute(&mut connection)
        .await;
    connection.close().await?;
    done?;
    // The copy must be there before anybody says so.
    let synced = std::fs::File::open(into).and_then(|file| file.sync_all());
    synced.map_err(|error| StoreError::Broken(format!("{}: {error}", into.display())))
}

/// The version of a database's schema.
pub(crate) async fn schema(file: &Path) -> Result<i64, StoreError> {
    let mut connection = sqlite::options(file).connect().await?;
    let sql = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations";
    let version = one(&mut connection, sql).await;
    connection.close().await?;
    version
}

/// How many rows each table has.
pub(crate) async fn counts(file: &Path) -> Result<BTreeMap<String, i64>, StoreError> {
    let mut connection = sqlite::options(file).connect().await?;
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let rows = sqlite::rows(&mut connection, sql.into(), Vec::new()).await?;
    let mut counts = BTreeMap::new();
    for row in rows {
        let table = row.text(0)?.to_owned();
        // A damaged schema could name anything.
        if !table.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(StoreError::Unreadable(format!("a table is called {table:?}")));
        }
        let count = one(&mut connection, &format!("SELECT COUNT(*) FROM {table}")).await?;
        counts.insert(table, count);
    }
    connection.close().await?;
    Ok(counts)
}

/// What a spool says of itself, and what its rows say.
pub(crate) struct SpoolFound {
    /// `ok`, or what is wrong with the file.
    pub(crate) integrity: String,
    /// Events, their bytes, stamps, as the spool counts them.
    pub(crate) says: [i64; 3],
    /// The same, counted anew.
    pub(crate) is: [i64; 3],
    /// Whose it is.
    pub(crate) account: Option<String>,
}

/// Looks through a spool.
pub(crate) async fn spool(file: &Path) -> Result<SpoolFound, StoreError> {
    let mut connection = sqlite::options(file).connect().await?;
    let integrity = sqlite::rows(&mut connection, "PRAGMA integrity_check(1)".into(), Vec::new());
    let integrity = integrity.await?;
    let sql = "SELECT events, bytes, stamps, account, (SELECT COUNT(*) FROM held),
                 (SELECT COALESCE(SUM(bytes), 0) FROM held), (SELECT COUNT(*) FROM stamps) FROM state";
    let state = sqlite::rows(&mut connection, sql.into(), Vec::new()).await?;
    connection.close().await?;
    let (Some(integrity), [state]) = (integrity.first(), state.as_slice()) else {
        return Err(StoreError::Unreadable("the spool has no state".to_owned()));
    };
    Ok(SpoolFound {
        integrity: integrity.text(0)?.to_owned(),
        says: [state.int(0)?, state.int(1)?, state.int(2)?],
        account: state.opt_text(3)?.map(str::to_owned),
        is: [state.int(4)?, state.int(5)?, state.int(6)?],
    })
}

async fn one(connection: &mut SqliteConnection, sql: &str) -> Result<i64, StoreError> {
    let sql = AssertSqlSafe(sql.to_owned());
    Ok(sqlx::query_scalar(sql).fetch_one(connection).await?)
}
