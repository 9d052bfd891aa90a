//! SQLite: how it is opened, how statements run on it, what its errors mean.

use std::{path::Path, time::Duration};

use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
    SqlitePool, TypeInfo as _, ValueRef as _,
    sqlite::{
        SqliteArguments, SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode,
        SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};
use std::borrow::Cow;

use super::{
    StoreError,
    sql::{Row, Value},
};

/// The oldest SQLite that is used: earlier ones can corrupt a database when a writer and a
/// checkpoint meet (the "WAL-reset" fault).
pub const OLDEST: [u32; 3] = [3, 51, 3];

/// Connections that read.
const READERS: u32 = 4;
/// Pages after which the log is folded back: at 1,000, its default, random keys cost five times
/// as much.
const CHECKPOINT_PAGES: &str = "10000";
const CACHE: &str = "-65536";
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(PATIENCE)
        .foreign_keys(true)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

/// Whether a database gives its disk back what it no longer needs, when it is asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shrinks {
    /// It only grows, as a ledger does.
    Never,
    /// By `PRAGMA incremental_vacuum`.
    OnDemand,
}

/// The connection that writes; makes the file if it is not there.
pub(super) async fn writer(file: &Path, shrinks: Shrinks) -> Result<SqliteConnection, StoreError> {
    let mut options = options(file);
    if shrinks == Shrinks::OnDemand {
        options = options.auto_vacuum(SqliteAutoVacuum::Incremental);
    }
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("cache_size", CACHE)
        // What is erased is overwritten, not only forgotten.
        .pragma("secure_delete", "ON")
        .statement_cache_capacity(256);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    check_version(&mut connection).await?;
    Ok(connection)
}

/// Connections that only read; the file must be there.
pub(super) fn readers(file: &Path) -> SqlitePool {
    let options = options(file).pragma("query_only", "ON");
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options)
}

async fn check_version(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let rows = rows(connection, "SELECT sqlite_version()".into(), Vec::new()).await?;
    let found = rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()?;
    require_version(&found.unwrap_or_default())
}

/// Refuses a SQLite older than [`OLDEST`].
pub(super) fn require_version(found: &str) -> Result<(), StoreError> {
    let mut parts = found.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = [(); 3].map(|()| parts.next().unwrap_or(0));
    if version < OLDEST {
        return Err(StoreError::SqliteTooOld(found.to_owned()));
    }
    Ok(())
}

fn bind(args: Vec<Value>) -> Result<SqliteArguments, StoreError> {
    use sqlx::Arguments as _;
    let mut bound = SqliteArguments::default();
    bound.reserve(args.len(), 0);
    for arg in args {
        let result = match arg {
            Value::Int(value) => bound.add(value),
            Value::Text(value) => bound.add(value),
            Value::Blob(value) => bound.add(value),
        };
        result.map_err(|error| StoreError::Statement(error.to_string()))?;
    }
    Ok(bound)
}

// The texts are the program's own: literals, and literals with a number of `(?, ?)` between them.
fn query(sql: Cow<'static, str>) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql.into_owned())
}

pub(super) async fn run(
    connection: &mut SqliteConnection,
    sql: Cow<'static, str>,
    args: Vec<Value>,
) -> Result<u64, StoreError> {
    let done = sqlx::query_with(query(sql), bind(args)?).execute(connection).await?;
    Ok(done.rows_affected())
}

pub(super) async fn rows(
    connection: &mut SqliteConnection,
    sql: Cow<'static, str>,
    args: Vec<Value>,
) -> Result<Vec<Row>, StoreError> {
    let found = sqlx::query_with(query(sql), bind(args)?).fetch_all(connection).await?;
    found.iter().map(read).collect()
}

/// Runs `head VALUES (…), (…) tail` over all rows; answers how many it changed.
pub(super) async fn run_many(
    connection: &mut SqliteConnection,
    parts: (&str, &str),
    width: usize,
    values: Vec<Value>,
) -> Result<u64, StoreError> {
    let mut changed = 0;
    for (count, chunk) in chunks(width, values) {
        changed += run(connection, with_values(parts, width, count), chunk).await?;
    }
    Ok(changed)
}

pub(super) async fn rows_many(
    connection: &mut SqliteConnection,
    parts: (&str, &str),
    width: usize,
    values: Vec<Value>,
) -> Result<Vec<Row>, StoreError> {
    let mut all = Vec::new();
    for (count, chunk) in chunks(width, values) {
        all.append(&mut rows(connection, with_values(parts, width, count), chunk).await?);
    }
    Ok(all)
}

fn read(row: &SqliteRow) -> Result<Row, StoreError> {
    let mut values = Vec::with_capacity(row.len());
    for column in row.columns() {
        let at = column.ordinal();
        let kind = row.try_get_raw(at)?.type_info().into_owned();
        values.push(match kind.name() {
            _ if row.try_get_raw(at)?.is_null() => Value::Int(None),
            "INTEGER" => Value::Int(row.try_get(at)?),
            "TEXT" => Value::Text(row.try_get(at)?),
            "BLOB" => Value::Blob(row.try_get(at)?),
            // Of no type that is ever stored: as a text, it is refused where a number is wanted.
            _ => Value::Text(row.try_get_unchecked(at)?),
        });
    }
    Ok(Row(values))
}

/// The most rows that one statement stores.
pub(crate) const LARGEST_STATEMENT: usize = 256;

/// Rows per statement: few sizes, so that each statement is parsed once and then reused.
const SIZES: [usize; 5] = [LARGEST_STATEMENT, 64, 16, 4, 1];

/// Cuts rows of `width` values into statements' worth, with how many rows each holds.
fn chunks(width: usize, values: Vec<Value>) -> Vec<(usize, Vec<Value>)> {
    let mut left = values.len() / width.max(1);
    let mut values = values.into_iter();
    let mut all = Vec::new();
    while let Some(size) = SIZES.into_iter().find(|size| *size <= left) {
        all.push((size, values.by_ref().take(size * width).collect()));
        left -= size;
    }
    all
}

fn with_values((head, tail): (&str, &str), width: usize, count: usize) -> Cow<'static, str> {
    let tuple = format!("({})", vec!["?"; width].join(", "));
    format!("{head} VALUES {} {tail}", vec![tuple; count].join(", ")).into()
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        match &error {
            sqlx::Error::Database(inner) => {
                let code = inner.code().and_then(|code| code.parse().ok()).unwrap_or(1);
                by_code(code, text)
            }
            sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => Self::Broken(text),
            sqlx::Error::PoolTimedOut => Self::Busy(text),
            _ => Self::Statement(text),
        }
    }
}

/// What an (extended) result code means for who wanted to write.
pub(super) fn by_code(code: i32, text: String) -> StoreError {
    const IOERR_SHMSIZE: i32 = 4874;
    match (code, code & 0xff) {
        // 13 FULL. The shared index could not grow: full as well, and the log is untouched.
        (IOERR_SHMSIZE, _) | (_, 13) => StoreError::Full(text),
        // 5 BUSY, 6 LOCKED.
        (_, 5 | 6) => StoreError::Busy(text),
        // 7 NOMEM, 8 READONLY, 10 IOERR, 11 CORRUPT, 14 CANTOPEN, 26 NOTADB.
        (_, 7 | 8 | 10 | 11 | 14 | 26) => StoreError::Broken(text),
        _ => StoreError::Statement(text),
    }
}

#[cfg(test)]
mod tests;
