//! PostgreSQL: how it is reached, how statements run on it, what its errors mean.

use std::{borrow::Cow, time::Duration};

use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Executor as _, PgConnection, PgPool, Row as _,
    TypeInfo as _, ValueRef as _,
    postgres::{PgArguments, PgDatabaseError, PgPoolOptions, PgRow, PgSeverity},
};
use tokio::time::timeout;

use super::{
    StoreError,
    sql::{Row, Value},
};

mod address;
pub use address::{BadUrl, Database};

/// Connections that read, of one server.
const READERS: u32 = 8;
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer may take. The database itself gives up before.
const ANSWER: Duration = Duration::from_secs(30);
/// What the writer begins with. Rows are locked before anything is read that depends on them, so
/// that every statement after that sees what those before us committed.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// What a reader begins with: one snapshot.
pub(super) const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Connects for changing the schema.
pub(super) async fn migrator(database: &Database) -> Result<PgConnection, StoreError> {
    let mut connection = connect(database, database.patient()).await?;
    check(&mut connection).await?;
    Ok(connection)
}

async fn connect(
    database: &Database,
    options: sqlx::postgres::PgConnectOptions,
) -> Result<PgConnection, StoreError> {
    let late = || StoreError::Away(format!("{database}: no answer within {PATIENCE:?}"));
    let connected = timeout(PATIENCE, options.connect()).await.map_err(|_| late())?;
    connected.map_err(|error| StoreError::Away(format!("{database}: {error}")))
}

/// Refuses a database that would lose what was acknowledged, or not keep it as it was sent.
async fn check(connection: &mut PgConnection) -> Result<(), StoreError> {
    let sql = "SELECT current_setting('synchronous_commit', true),
                 current_setting('fsync', true), current_setting('server_encoding', true)";
    let found = rows(connection, sql.into(), Vec::new()).await?;
    let setting = |at| found.first().map_or(Ok(None), |row| row.opt_text(at));
    for (at, (name, bad)) in [("synchronous_commit", "off"), ("fsync", "off")].iter().enumerate() {
        if setting(at)? == Some(bad) {
            return Err(StoreError::Unfit(format!(
                "{name} is {bad}, so that what was acknowledged can be lost: set it to on in the \
                 server's configuration, or see who sets it in pg_db_role_setting"
            )));
        }
    }
    match setting(2)? {
        None | Some("UTF8") => Ok(()),
        Some(other) => Err(StoreError::Unfit(format!(
            "its encoding is {other}: make it with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE \
             template0"
        ))),
    }
}

/// Connections that only read.
pub(super) fn readers(database: &Database) -> PgPool {
    PgPoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(database.options())
}

/// The connection that writes. It is made anew when it was lost.
pub(super) struct Writer {
    database: Database,
    connection: Option<PgConnection>,
    /// A statement of this transaction failed, so that nothing of it can be committed.
    failed: bool,
}

impl Writer {
    pub(super) async fn open(database: &Database) -> Result<Self, StoreError> {
        let mut writer = Self { database: database.clone(), connection: None, failed: false };
        writer.connect().await?;
        Ok(writer)
    }

    async fn connect(&mut self) -> Result<&mut PgConnection, StoreError> {
        let mut connection = connect(&self.database, self.database.options()).await?;
        check(&mut connection).await?;
        Ok(self.connection.insert(connection))
    }

    pub(super) fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        let lost = || StoreError::Away("the connection was lost".to_owned());
        self.connection.as_mut().ok_or_else(lost)
    }

    /// Notes what became of a statement.
    pub(super) fn heed<T>(&mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &done {
            self.failed = true;
            if matches!(error, StoreError::Away(_)) {
                self.connection = None;
            }
        }
        done
    }

    /// Begins a transaction; a connection that was lost since the last one is made anew.
    pub(super) async fn begin(&mut self) -> Result<(), StoreError> {
        self.failed = false;
        if let Some(connection) = &mut self.connection {
            match simple(connection, BEGIN).await {
                Err(StoreError::Away(_)) => self.connection = None,
                done => return done,
            }
        }
        let begun = simple(self.connect().await?, BEGIN).await;
        self.heed(begun)
    }

    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        if self.failed {
            // COMMIT would answer as if all were well.
            return Err(StoreError::Statement("a statement of the transaction failed".to_owned()));
        }
        let done = simple(self.connection()?, "COMMIT").await;
        self.heed(done)
    }

    pub(super) async fn rollback(&mut self) {
        if let Some(connection) = &mut self.connection
            && simple(connection, "ROLLBACK").await.is_err()
        {
            self.connection = None;
        }
    }

    pub(super) async fn close(&mut self) -> Result<(), StoreError> {
        use sqlx::Connection as _;
        match self.connection.take() {
            Some(connection) => connection.close().await.map_err(fault),
            None => Ok(()),
        }
    }
}

async fn answered<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match timeout(ANSWER, work).await {
        Ok(done) => done.map_err(fault),
        Err(_) => Err(StoreError::Away(format!("no answer within {ANSWER:?}"))),
    }
}

/// A statement without arguments, in one message.
async fn simple(connection: &mut PgConnection, sql: &'static str) -> Result<(), StoreError> {
    answered(connection.execute(sqlx::raw_sql(sql))).await.map(drop)
}

pub(super) async fn run(
    connection: &mut PgConnection,
    sql: Cow<'static, str>,
    args: Vec<Value>,
) -> Result<u64, StoreError> {
    let done = sqlx::query_with(query(sql), bind(args)?).execute(connection);
    Ok(answered(done).await?.rows_affected())
}

pub(super) async fn rows(
    connection: &mut PgConnection,
    sql: Cow<'static, str>,
    args: Vec<Value>,
) -> Result<Vec<Row>, StoreError> {
    let found = sqlx::query_with(query(sql), bind(args)?).fetch_all(connection);
    answered(found).await?.iter().map(read).collect()
}

/// Runs a statement over rows of `width` values each, as one array per column.
pub(super) async fn run_many(
    connection: &mut PgConnection,
    parts: (&str, &str),
    width: usize,
    values: Vec<Value>,
) -> Result<u64, StoreError> {
    if values.is_empty() {
        return Ok(0);
    }
    let done = sqlx::query_with(query(with_arrays(parts, width)), columns(width, values)?);
    Ok(answered(done.execute(connection)).await?.rows_affected())
}

pub(super) async fn rows_many(
    connection: &mut PgConnection,
    parts: (&str, &str),
    width: usize,
    values: Vec<Value>,
) -> Result<Vec<Row>, StoreError> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query_with(query(with_arrays(parts, width)), columns(width, values)?);
    answered(found.fetch_all(connection)).await?.iter().map(read).collect()
}

fn with_arrays((head, tail): (&str, &str), width: usize) -> Cow<'static, str> {
    let arrays: Vec<_> = (1..=width).map(|n| format!("${n}")).collect();
    format!("{head} SELECT * FROM UNNEST({}) {tail}", arrays.join(", ")).into()
}

// The texts are the program's own: literals, and literals with a number of `$1` between them.
fn query(sql: Cow<'static, str>) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql.into_owned())
}

fn refused(error: impl std::fmt::Display) -> StoreError {
    StoreError::Statement(error.to_string())
}

fn bind(args: Vec<Value>) -> Result<PgArguments, StoreError> {
    use sqlx::Arguments as _;
    let mut bound = PgArguments::default();
    bound.reserve(args.len(), 0);
    for arg in args {
        let result = match arg {
            Value::Int(value) => bound.add(value),
            Value::Text(value) => bound.add(value),
            Value::Blob(value) => bound.add(value),
        };
        result.map_err(refused)?;
    }
    Ok(bound)
}

/// The columns of rows of `width` values, each as an array of its type.
fn columns(width: usize, values: Vec<Value>) -> Result<PgArguments, StoreError> {
    use sqlx::Arguments as _;
    let mut all: Vec<Vec<Value>> = vec![Vec::with_capacity(values.len() / width.max(1)); width];
    for (at, value) in values.into_iter().enumerate() {
        all[at % width].push(value);
    }
    let mut bound = PgArguments::default();
    for column in all {
        let mixed = || refused("a column with values of several types");
        macro_rules! array {
            ($kind:ident) => {{
                let one = |value| match value {
                    Value::$kind(value) => Ok(value),
                    _ => Err(mixed()),
                };
                bound.add(column.into_iter().map(one).collect::<Result<Vec<_>, _>>()?)
            }};
        }
        let result = match column.first() {
            None => return Err(mixed()),
            Some(Value::Int(_)) => array!(Int),
            Some(Value::Text(_)) => array!(Text),
            Some(Value::Blob(_)) => array!(Blob),
        };
        result.map_err(refused)?;
    }
    Ok(bound)
}

fn read(row: &PgRow) -> Result<Row, StoreError> {
    let mut values = Vec::with_capacity(row.len());
    for column in row.columns() {
        let at = column.ordinal();
        let null = row.try_get_raw(at).map_err(fault)?.is_null();
        let value = match column.type_info().name() {
            _ if null => Ok(Value::Int(None)),
            "INT8" => row.try_get(at).map(Value::Int),
            "INT4" => row.try_get::<i32, _>(at).map(|n| Value::from(i64::from(n))),
            "BOOL" => row.try_get::<bool, _>(at).map(Value::from),
            "TEXT" | "VARCHAR" | "NAME" => row.try_get(at).map(Value::Text),
            "BYTEA" => row.try_get(at).map(Value::Blob),
            other => {
                let name = column.name();
                let text = format!("column {name} is of type {other}: cast it to BIGINT or TEXT");
                return Err(StoreError::Unreadable(text));
            }
        };
        values.push(value.map_err(fault)?);
    }
    Ok(Row(values))
}

/// What an error of the driver means.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
pub(super) fn fault(error: sqlx::Error) -> StoreError {
    let text = error.to_string();
    match &error {
        sqlx::Error::Database(inner) => {
            let severity = inner.try_downcast_ref::<PgDatabaseError>().map(|e| e.severity());
            match severity {
                // It says why and closes the connection.
                Some(PgSeverity::Fatal | PgSeverity::Panic) => StoreError::Away(text),
                _ => by_state(inner.code().as_deref().unwrap_or_default(), text),
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => StoreError::Away(text),
        _ => StoreError::Statement(text),
    }
}

/// What an SQLSTATE means for who wanted to read or write.
fn by_state(state: &str, text: String) -> StoreError {
    match state {
        // Two transactions met; one of them has to begin anew.
        "40001" | "40P01" => StoreError::Contended(text),
        "53100" => StoreError::Full(text),
        // No memory, no lock, no answer in time.
        "53200" | "53400" | "55P03" | "57014" => StoreError::Busy(text),
        // No connection any more, or one that cannot write: a standby. Whether a commit was done
        // is not known.
        "25006" | "25P03" | "40003" | "53300" => StoreError::Away(text),
        _ if ["08", "57", "58"].iter().any(|class| state.starts_with(class)) => {
            StoreError::Away(text)
        }
        "42P01" | "42703" => StoreError::Migration(format!(
            "the database does not hold a ledger of this version ({text}): run `api-server migrate`"
        )),
        "XX001" | "XX002" => StoreError::Unreadable(text),
        _ => StoreError::Statement(text),
    }
}

#[cfg(test)]
mod tests;
