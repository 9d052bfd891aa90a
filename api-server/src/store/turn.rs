//! Transactions of the writer: how they begin and end, and what keeps writers apart.
//!
//! In SQLite one process has the file, and its transactions come one after the other. In PostgreSQL
//! several servers write: whoever writes to accounts locks their rows in `accounts`, in the order of
//! their ids, and whoever writes what is no account's locks the one row of `house` before. So two
//! transactions on one account follow each other, and none waits for one that waits for it.

use super::{
    Session, StoreError,
    sql::{Engine, Value},
};
use crate::domain::account::AccountId;

impl Session {
    /// Begins the writer's transaction. In SQLite nobody else writes from here on.
    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        if let Engine::PostgresWriter(writer) = &mut self.0 {
            return writer.begin().await;
        }
        self.run("BEGIN IMMEDIATE", Vec::new()).await.map(drop)
    }

    /// From here to the end of the transaction nobody else writes to these accounts, and all that
    /// was written to them before is seen. Those that are not there are passed over.
    pub(crate) async fn lock(&mut self, accounts: &[AccountId]) -> Result<(), StoreError> {
        if !self.is_shared() {
            return Ok(());
        }
        let sql = (
            "SELECT a.account FROM accounts a WHERE a.account IN (",
            ") ORDER BY a.account FOR UPDATE OF a",
        );
        self.rows_many(sql, 1, accounts.iter().map(Value::from).collect()).await.map(drop)
    }

    /// From here to the end of the transaction nobody else writes what is no account's.
    pub(crate) async fn lock_house(&mut self) -> Result<(), StoreError> {
        if !self.is_shared() {
            return Ok(());
        }
        let row = self.row("SELECT id FROM house WHERE id = 1 FOR UPDATE", Vec::new()).await?;
        let gone = || StoreError::Unreadable("the row of the table house is gone".to_owned());
        row.map(drop).ok_or_else(gone)
    }

    /// Whether other processes write to the same database.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self.0, Engine::PostgresWriter(_))
    }

    /// The time by the database's clock, in milliseconds.
    pub(crate) async fn clock(&mut self) -> Result<i64, StoreError> {
        let sql = if self.is_shared() {
            "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
        } else {
            "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)"
        };
        let row = self.row(sql, Vec::new()).await?;
        row.ok_or_else(|| StoreError::Unreadable("no clock".to_owned()))?.int(0)
    }

    /// Commits durably, or fails without saying whether it is.
    pub(crate) async fn commit(&mut self) -> Result<(), StoreError> {
        if let Engine::PostgresWriter(writer) = &mut self.0 {
            return writer.commit().await;
        }
        self.run("COMMIT", Vec::new()).await.map(drop)
    }

    /// Gives up the transaction, if one is under way.
    pub(crate) async fn rollback(&mut self) {
        if let Engine::PostgresWriter(writer) = &mut self.0 {
            return writer.rollback().await;
        }
        // Some failures end a transaction by themselves; then there is none to roll back.
        if let Err(error) = self.run("ROLLBACK", Vec::new()).await {
            tracing::debug!(%error, "no transaction to roll back");
        }
    }

    /// Writes a little, durably, to see whether that works.
    pub(crate) async fn probe(&mut self) -> Result<(), StoreError> {
        self.begin().await?;
        if self.is_shared() {
            self.run("UPDATE house SET id = id WHERE id = 1", Vec::new()).await?;
        } else {
            // The header page, rewritten as it is.
            self.run("PRAGMA user_version = 0", Vec::new()).await?;
        }
        self.commit().await
    }

    /// Asks a database elsewhere whether it is there.
    pub(crate) async fn ping(&mut self) -> Result<(), StoreError> {
        self.begin().await?;
        self.rollback().await;
        Ok(())
    }

    /// Folds SQLite's log into the database before the connection closes, so that the next start is
    /// quick and the file is complete by itself.
    pub(crate) async fn tidy(&mut self) -> Result<(), StoreError> {
        if let Engine::PostgresWriter(writer) = &mut self.0 {
            return writer.close().await;
        }
        self.rows("PRAGMA wal_checkpoint(TRUNCATE)", Vec::new()).await.map(drop)
    }
}
