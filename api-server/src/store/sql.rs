//! Statements and rows in the few types that both engines share: 64-bit integers, texts, bytes.
//!
//! Queries are written once, with `$1` placeholders; a [`Session`] runs them on its engine. What
//! both understand alike: `FROM want CROSS JOIN t … WHERE …` (never `ON`), `CAST(SUM(…) AS BIGINT)`
//! (of quantities `sum_of!`),
//! `UPDATE … FROM`, `ON CONFLICT` with no row twice in one statement, `ORDER BY` wherever the order
//! matters. A migration is a file for SQLite and its twin for PostgreSQL, texts `COLLATE "C"`; a test
//! compares their columns. What depends on an account's rows is read after [`Session::lock`].

use jiff::Timestamp;
use sqlx::{PgConnection, SqliteConnection, Transaction};

use super::{StoreError, lock::Lock, postgres, sqlite};
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

/// Selects, as two columns, a sum for [`Row::sum`]. One that does not fit, or not on the way, would fail
/// the statement, and with it what else is done in its transaction.
macro_rules! sum_of {
    ($column:literal) => {
        concat!(
            "CAST(SUM(",
            $column,
            " / 1000000000) AS BIGINT), CAST(SUM(",
            $column,
            " % 1000000000) AS BIGINT)"
        )
    };
}
pub(crate) use sum_of;

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

    /// A sum that `sum_of!` selected as this column and the next.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] also when it does not fit.
    pub fn sum(&self, column: usize) -> Result<i64, StoreError> {
        let sum = self.opt_sum(column)?.ok_or_else(|| self.wrong(column, "a sum"))?;
        let overflow = |_| StoreError::Unreadable(format!("the sum {sum} does not fit"));
        i64::try_from(sum).map_err(overflow)
    }

    /// The same of rows of which there may be none, however large it is.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn opt_sum(&self, column: usize) -> Result<Option<i128>, StoreError> {
        let parts = self.opt_int(column)?.zip(self.opt_int(column + 1)?);
        Ok(parts.map(|(large, small)| i128::from(large) * 1_000_000_000 + i128::from(small)))
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
pub struct Session(pub(super) Engine);

pub(super) enum Engine {
    // The lock goes after the connection does.
    SqliteWriter { connection: SqliteConnection, _lock: Lock },
    SqliteReader(Transaction<'static, sqlx::Sqlite>),
    PostgresWriter(postgres::Writer),
    PostgresReader(Transaction<'static, sqlx::Postgres>),
}

/// What a statement runs on.
enum On<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

impl Session {
    pub(super) const fn sqlite_writer(connection: SqliteConnection, lock: Lock) -> Self {
        Self(Engine::SqliteWriter { connection, _lock: lock })
    }

    pub(super) const fn sqlite_reader(snapshot: Transaction<'static, sqlx::Sqlite>) -> Self {
        Self(Engine::SqliteReader(snapshot))
    }

    pub(super) const fn postgres_writer(writer: postgres::Writer) -> Self {
        Self(Engine::PostgresWriter(writer))
    }

    pub(super) const fn postgres_reader(snapshot: Transaction<'static, sqlx::Postgres>) -> Self {
        Self(Engine::PostgresReader(snapshot))
    }

    fn on(&mut self) -> Result<On<'_>, StoreError> {
        Ok(match &mut self.0 {
            Engine::SqliteWriter { connection, .. } => On::Sqlite(connection),
            Engine::SqliteReader(snapshot) => On::Sqlite(snapshot),
            Engine::PostgresWriter(writer) => On::Postgres(writer.connection()?),
            Engine::PostgresReader(snapshot) => On::Postgres(snapshot),
        })
    }

    /// Lets the writer know what became of a statement.
    fn heed<T>(&mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        match &mut self.0 {
            Engine::PostgresWriter(writer) => writer.heed(done),
            _ => done,
        }
    }

    /// Runs a statement; answers how many rows it changed.
    pub async fn run(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64, StoreError> {
        let done = match self.on()? {
            On::Sqlite(connection) => sqlite::run(connection, sql.into(), args).await,
            On::Postgres(connection) => postgres::run(connection, sql.into(), args).await,
        };
        self.heed(done)
    }

    /// Runs a query; answers all its rows.
    pub async fn rows(
        &mut self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let done = match self.on()? {
            On::Sqlite(connection) => sqlite::rows(connection, sql.into(), args).await,
            On::Postgres(connection) => postgres::rows(connection, sql.into(), args).await,
        };
        self.heed(done)
    }

    /// Like [`Session::rows`], of a statement in parts, which are the program's own.
    pub async fn rows_of(
        &mut self,
        parts: &[&'static str],
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let sql = parts.concat().into();
        let done = match self.on()? {
            On::Sqlite(connection) => sqlite::rows(connection, sql, args).await,
            On::Postgres(connection) => postgres::rows(connection, sql, args).await,
        };
        self.heed(done)
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
    /// another in `values`, in as many statements as it takes; answers how many rows it changed.
    /// PostgreSQL gets an array per column instead of `VALUES`: one statement for all numbers of
    /// rows.
    pub(crate) async fn change_many(
        &mut self,
        parts: (&'static str, &'static str),
        width: usize,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let done = match self.on()? {
            On::Sqlite(connection) => sqlite::run_many(connection, parts, width, values).await,
            On::Postgres(connection) => postgres::run_many(connection, parts, width, values).await,
        };
        self.heed(done)
    }

    /// Like [`Session::change_many`], for who does not count.
    pub async fn run_many(
        &mut self,
        parts: (&'static str, &'static str),
        width: usize,
        values: Vec<Value>,
    ) -> Result<(), StoreError> {
        self.change_many(parts, width, values).await.map(drop)
    }

    /// Like [`Session::run_many`] for a query: the rows of all statements.
    pub async fn rows_many(
        &mut self,
        parts: (&'static str, &'static str),
        width: usize,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let done = match self.on()? {
            On::Sqlite(connection) => sqlite::rows_many(connection, parts, width, values).await,
            On::Postgres(connection) => postgres::rows_many(connection, parts, width, values).await,
        };
        self.heed(done)
    }
}
