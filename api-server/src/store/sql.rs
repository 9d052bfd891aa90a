//! Statements and rows in the few types that both engines share: 64-bit integers, texts, bytes.
//!
//! Queries are written once, with `$1` placeholders; a [`Session`] runs them on its engine.

use jiff::Timestamp;
use sqlx::{SqliteConnection, Transaction};

use super::{StoreError, lock::Lock, sqlite};
use crate::domain::account::AccountId;

/// A value as it is bound or read; `None` is NULL of that type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number, an instant in milliseconds, a quantity.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Blob(Option<Vec<u8>>),
}

macro_rules! value_from {
    ($($from:ty => |$x:ident| $value:expr),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from($x: $from) -> Self {
                $value
            }
        })*
    };
}
value_from! {
    i64 => |x| Self::Int(Some(x)),
    u32 => |x| Self::Int(Some(i64::from(x))),
    bool => |x| Self::Int(Some(i64::from(x))),
    Option<i64> => |x| Self::Int(x),
    Timestamp => |x| Self::Int(Some(x.as_millisecond())),
    Option<Timestamp> => |x| Self::Int(x.map(Timestamp::as_millisecond)),
    &str => |x| Self::Text(Some(x.to_owned())),
    String => |x| Self::Text(Some(x)),
    Option<String> => |x| Self::Text(x),
    &AccountId => |x| Self::Text(Some(x.as_str().to_owned())),
    &[u8] => |x| Self::Blob(Some(x.to_vec())),
    Option<[u8; 32]> => |x| Self::Blob(x.map(Vec::from)),
}

/// The arguments of a statement, each by its own type.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::sql::Value::from($value)),*] };
}
pub(crate) use args;

/// One row of an answer, by column number.
#[derive(Clone, Debug)]
pub struct Row(pub(super) Vec<Value>);

impl Row {
    /// All its values, in the order of the columns.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    fn wrong(&self, column: usize, wanted: &str) -> StoreError {
        StoreError::Unreadable(format!("column {column} is {:?}, not {wanted}", self.0.get(column)))
    }

    /// A whole number.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.opt_int(column)?.ok_or_else(|| self.wrong(column, "a number"))
    }

    /// A whole number or NULL.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.0.get(column) {
            Some(Value::Int(value)) => Ok(*value),
            Some(Value::Text(None) | Value::Blob(None)) => Ok(None),
            _ => Err(self.wrong(column, "a number")),
        }
    }

    /// A text.
    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.opt_text(column)?.ok_or_else(|| self.wrong(column, "a text"))
    }

    /// A text or NULL.
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.0.get(column) {
            Some(Value::Text(value)) => Ok(value.as_deref()),
            Some(Value::Int(None) | Value::Blob(None)) => Ok(None),
            _ => Err(self.wrong(column, "a text")),
        }
    }

    /// Bytes or NULL.
    pub fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.0.get(column) {
            Some(Value::Blob(value)) => Ok(value.as_deref()),
            Some(Value::Int(None) | Value::Text(None)) => Ok(None),
            _ => Err(self.wrong(column, "bytes")),
        }
    }

    /// Exactly `N` bytes.
    pub fn bytes<const N: usize>(&self, column: usize) -> Result<[u8; N], StoreError> {
        self.opt_bytes(column)?.ok_or_else(|| self.wrong(column, "bytes"))
    }

    /// Exactly `N` bytes, or NULL.
    pub fn opt_bytes<const N: usize>(&self, column: usize) -> Result<Option<[u8; N]>, StoreError> {
        let Some(bytes) = self.opt_blob(column)? else { return Ok(None) };
        bytes.try_into().map(Some).map_err(|_| self.wrong(column, "bytes of that length"))
    }

    /// A text or whole number in its domain type.
    pub fn parsed<T: std::str::FromStr>(&self, column: usize) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| self.wrong(column, std::any::type_name::<T>()))
    }

    /// An instant.
    pub fn time(&self, column: usize) -> Result<Timestamp, StoreError> {
        self.opt_time(column)?.ok_or_else(|| self.wrong(column, "an instant"))
    }

    /// An instant or NULL.
    pub fn opt_time(&self, column: usize) -> Result<Option<Timestamp>, StoreError> {
        let Some(ms) = self.opt_int(column)? else { return Ok(None) };
        Timestamp::from_millisecond(ms).map(Some).map_err(|_| self.wrong(column, "an instant"))
    }
}

/// A connection that runs statements: the writer's own, or a reader's within one snapshot.
pub struct Session(Engine);

enum Engine {
    // The lock goes after the connection does.
    SqliteWriter { connection: SqliteConnection, _lock: Lock },
    SqliteReader(Transaction<'static, sqlx::Sqlite>),
}

impl Session {
    pub(super) const fn sqlite_writer(connection: SqliteConnection, lock: Lock) -> Self {
        Self(Engine::SqliteWriter { connection, _lock: lock })
    }

    pub(super) const fn sqlite_reader(snapshot: Transaction<'static, sqlx::Sqlite>) -> Self {
        Self(Engine::SqliteReader(snapshot))
    }

    pub(super) fn sqlite(&mut self) -> &mut SqliteConnection {
        match &mut self.0 {
            Engine::SqliteWriter { connection, .. } => connection,
            Engine::SqliteReader(snapshot) => snapshot,
        }
    }

    /// Runs a statement; answers how many rows it changed.
    pub async fn run(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64, StoreError> {
        sqlite::run(self.sqlite(), sql.into(), args).await
    }

    /// Runs a query; answers all its rows.
    pub async fn rows(
        &mut self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        sqlite::rows(self.sqlite(), sql.into(), args).await
    }

    /// The first row of a query, if there is one.
    pub async fn row(
        &mut self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Runs `head VALUES (…), (…) tail` over rows of `width` values each, which stand one after
    /// another in `values`, in as many statements as it takes.
    pub async fn run_many(
        &mut self,
        (head, tail): (&'static str, &'static str),
        width: usize,
        values: Vec<Value>,
    ) -> Result<(), StoreError> {
        for (count, chunk) in sqlite::chunks(width, values) {
            let sql = sqlite::with_values((head, tail), width, count);
            sqlite::run(self.sqlite(), sql, chunk).await?;
        }
        Ok(())
    }

    /// Like [`Session::run_many`] for a query: the rows of all statements.
    pub async fn rows_many(
        &mut self,
        (head, tail): (&'static str, &'static str),
        width: usize,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut all = Vec::new();
        for (count, chunk) in sqlite::chunks(width, values) {
            let sql = sqlite::with_values((head, tail), width, count);
            all.append(&mut sqlite::rows(self.sqlite(), sql, chunk).await?);
        }
        Ok(all)
    }

    /// Begins the writer's transaction: from here on nobody else writes.
    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        self.run("BEGIN IMMEDIATE", Vec::new()).await.map(drop)
    }

    /// Commits durably, or fails without saying whether it is.
    pub(crate) async fn commit(&mut self) -> Result<(), StoreError> {
        self.run("COMMIT", Vec::new()).await.map(drop)
    }

    /// Gives up the transaction, if one is under way.
    pub(crate) async fn rollback(&mut self) {
        // Some failures end a transaction by themselves; then there is none to roll back.
        if let Err(error) = self.run("ROLLBACK", Vec::new()).await {
            tracing::debug!(%error, "no transaction to roll back");
        }
    }

    /// Writes a little, durably, to see whether that works.
    pub(crate) async fn probe(&mut self) -> Result<(), StoreError> {
        self.begin().await?;
        // The header page, rewritten as it is.
        self.run("PRAGMA user_version = 0", Vec::new()).await?;
        self.commit().await
    }

    /// Folds the log into the database before the connection closes, so that the next start is
    /// quick and the file is complete by itself.
    pub(crate) async fn tidy(&mut self) -> Result<(), StoreError> {
        self.rows("PRAGMA wal_checkpoint(TRUNCATE)", Vec::new()).await.map(drop)
    }
}
