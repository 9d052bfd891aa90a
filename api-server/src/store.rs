//! The ledger's tables: one home for all SQL, a thin driver per engine.
//!
//! A [`Store`] hands out snapshots to read from; the one [`Session`] that writes belongs to the
//! ledger's writer. Today the engine is SQLite in a folder: `ledger.db`, `ledger.lock`.

use std::path::{Path, PathBuf};

use sqlx::SqlitePool;
use thiserror::Error;

pub mod accounts;
pub mod alerts;
pub(crate) mod append;
pub(crate) mod audit;
pub mod events;
pub mod list;
mod lock;
pub mod migrations;
pub mod onboarding;
pub mod periods;
pub mod plans;
pub mod row;
pub mod sql;
mod sqlite;
pub mod timeline;
pub mod usage;

use lock::Lock;
pub use sql::Session;
pub use sqlite::OLDEST as OLDEST_SQLITE;

/// The database's file name in its folder.
pub const DATABASE: &str = "ledger.db";
const LOCK: &str = "ledger.lock";

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The disk is full. Nothing was written; it works again when there is room.
    #[error("the ledger's disk is full ({0}): free some space; writing resumes by itself")]
    Full(String),
    /// Reading or writing the disk failed, so what was written last is not known to be there.
    #[error("the ledger's storage failed ({0}): check the disk, then restart the server")]
    Broken(String),
    /// Somebody else holds the database; to be tried again.
    #[error("the ledger is busy ({0}): try again")]
    Busy(String),
    /// Another process has this ledger.
    #[error(
        "{path} is held by {holder}: one server works on a ledger at a time; stop that one first",
        path = .path.display()
    )]
    InUse {
        /// The lock file.
        path: PathBuf,
        /// Who has it, as that process wrote it down.
        holder: String,
    },
    /// There is no ledger to read.
    #[error("there is no ledger in {path}: start `api-server serve` on that folder first", path = .0.display())]
    NoLedger(PathBuf),
    /// A SQLite with a fault that can corrupt the ledger.
    #[error("SQLite {0} is older than 3.51.3, which can corrupt a ledger: use a newer one")]
    SqliteTooOld(String),
    /// The schema cannot be brought to what the program needs.
    #[error("{0}")]
    Migration(String),
    /// A stored value is not of its type.
    #[error("the ledger holds a value that cannot be read: {0}")]
    Unreadable(String),
    /// A statement that the engine refuses: a fault of the program.
    #[error("the database refused a statement: {0}")]
    Statement(String),
}

/// Where to read.
#[derive(Clone, Debug)]
pub struct Store {
    readers: SqlitePool,
    folder: PathBuf,
}

impl Store {
    /// Opens a ledger to write and read it: makes the folder and the database, takes the lock,
    /// brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it; what else keeps it from opening.
    pub async fn open(folder: &Path) -> Result<(Self, Session), StoreError> {
        let writer = open_at(folder, migrations::LATEST).await?;
        let readers = sqlite::readers(&folder.join(DATABASE));
        Ok((Self { readers, folder: folder.to_owned() }, writer))
    }

    /// Opens a ledger to read it alone, also beside the server that writes it.
    ///
    /// # Errors
    /// [`StoreError::NoLedger`] when there is none.
    pub fn attach(folder: &Path) -> Result<Self, StoreError> {
        let file = folder.join(DATABASE);
        if !file.is_file() {
            return Err(StoreError::NoLedger(folder.to_owned()));
        }
        Ok(Self { readers: sqlite::readers(&file), folder: folder.to_owned() })
    }

    /// The folder it lies in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A snapshot: all that is read from it is of one moment, and never part of a batch.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when all readers are taken for long.
    pub async fn read(&self) -> Result<Session, StoreError> {
        Ok(Session::sqlite_reader(self.readers.begin().await?))
    }

    /// Lets go of the connections that read.
    pub async fn close(&self) {
        self.readers.close().await;
    }
}

/// Brings a ledger's schema to a version and closes it again.
///
/// # Errors
/// As [`Store::open`]; [`StoreError::Migration`] when the database is newer than `target`.
pub async fn migrate(folder: &Path, target: i64) -> Result<(), StoreError> {
    open_at(folder, target).await?.tidy().await
}

async fn open_at(folder: &Path, target: i64) -> Result<Session, StoreError> {
    let broken = |error| StoreError::Broken(format!("folder {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(broken)?;
    let lock = locked(&folder.join(LOCK)).await?;
    let mut connection = sqlite::writer(&folder.join(DATABASE)).await?;
    migrations::sqlite(&mut connection, target).await?;
    Ok(Session::sqlite_writer(connection, lock))
}

/// Takes the lock. Who has just ended may hold it for a moment longer: a process that is started by
/// another keeps its files open until it runs.
async fn locked(path: &Path) -> Result<Lock, StoreError> {
    let mut left = 50;
    loop {
        match Lock::take(path) {
            Err(StoreError::InUse { .. }) if left > 0 => left -= 1,
            result => return result,
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
