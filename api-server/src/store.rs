//! The ledger's tables: one home for all SQL, a thin driver per engine.
//!
//! A [`Store`] hands out snapshots to read from; the one [`Session`] that writes belongs to the
//! ledger's writer. The engine is SQLite in a folder (`ledger.db`, `ledger.lock`), or PostgreSQL.

use std::path::{Path, PathBuf};

use sqlx::{PgPool, SqliteConnection, SqlitePool};
use thiserror::Error;

pub mod accounts;
pub mod alerts;
pub(crate) mod append;
pub(crate) mod audit;
pub mod backups;
pub mod bill;
pub(crate) mod copy;
pub(crate) mod corrections;
pub(crate) mod cursors;
pub mod enforcements;
pub mod erasures;
pub mod events;
pub mod facts;
pub mod free;
pub mod funnel;
pub mod gateways;
pub mod kpis;
pub(crate) mod leases;
pub mod list;
mod lock;
pub mod migrations;
pub mod onboarding;
pub mod periods;
mod place;
pub mod plans;
pub mod posted;
pub mod postgres;
pub mod provisions;
pub mod rejects;
pub mod retention;
pub mod row;
pub mod settlements;
pub mod snapshots;
pub mod sql;
mod sqlite;
pub mod support;
pub mod tenants;
pub mod timeline;
mod turn;
pub mod usage;
pub mod webhooks;

use lock::Lock;
pub use place::Place;
pub use sql::Session;
pub(crate) use sqlite::LARGEST_STATEMENT;
pub use sqlite::OLDEST as OLDEST_SQLITE;
use sqlite::Shrinks;

/// The database's file name in its folder.
pub const DATABASE: &str = "ledger.db";
const LOCK: &str = "ledger.lock";
/// A gateway's database, in its own folder.
pub(crate) const SPOOL: (&str, &str) = ("spool.db", "spool.lock");

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The disk is full. Nothing was written; it works again when there is room.
    #[error("the ledger's disk is full ({0}): free some space; writing resumes by itself")]
    Full(String),
    /// Reading or writing the disk failed, so what was written last is not known to be there.
    #[error("the ledger's storage failed ({0}): check the disk, then restart the server")]
    Broken(String),
    /// The database does not answer, or takes no writes. What was being committed is there or not.
    #[error(
        "the ledger's database cannot be reached or written ({0}): writing resumes by itself when \
         it can"
    )]
    Away(String),
    /// The database is set up so that it would break the ledger's promises.
    #[error("the ledger's database is not fit for it: {0}")]
    Unfit(String),
    /// Somebody else holds the database; to be tried again.
    #[error("the ledger is busy ({0}): try again")]
    Busy(String),
    /// Another server's transaction met this one; nothing was written, and it may be begun anew.
    #[error("another server wrote at the same moment ({0}): try again")]
    Contended(String),
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
    readers: Readers,
    folder: PathBuf,
}

#[derive(Clone, Debug)]
enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool, postgres::Database),
}

impl Store {
    /// Opens a ledger to write and read it: makes the folder, brings the schema up to date. In a
    /// folder, makes the database and takes the lock.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it; what else keeps it from opening.
    pub async fn open(at: impl Into<Place>) -> Result<(Self, Session), StoreError> {
        let at = at.into();
        let mut writer = open_at(&at, migrations::LATEST).await?;
        if let Place::Folder(_) = &at {
            // Who has the lock is alone: a server that was killed gave nothing back.
            leases::end_all(&mut writer).await?;
        }
        Ok((Self::over(&at), writer))
    }

    /// Opens a gateway's spool, as [`Store::open`] opens a ledger in a folder.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub(crate) async fn open_spool(folder: &Path) -> Result<(Self, Session), StoreError> {
        let shrinks = Shrinks::OnDemand;
        let (mut connection, lock) = opened(folder, SPOOL, shrinks).await?;
        migrations::spool(&mut connection).await?;
        let readers = Readers::Sqlite(sqlite::readers(&folder.join(SPOOL.0)));
        let writer = Session::sqlite_writer(connection, lock);
        Ok((Self { readers, folder: folder.to_owned() }, writer))
    }

    /// Keeps gateways from a spool's folder, as long as the answer is kept.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while one works there.
    pub(crate) async fn lock_spool(folder: &Path) -> Result<Lock, StoreError> {
        make(folder)?;
        locked(&folder.join(SPOOL.1)).await
    }

    /// Opens a ledger to read it alone, also beside the servers that write it.
    ///
    /// # Errors
    /// [`StoreError::NoLedger`] when there is none in a folder.
    pub fn attach(at: impl Into<Place>) -> Result<Self, StoreError> {
        let at = at.into();
        match &at {
            Place::Folder(folder) if !folder.join(DATABASE).is_file() => {
                Err(StoreError::NoLedger(folder.clone()))
            }
            _ => Ok(Self::over(&at)),
        }
    }

    fn over(at: &Place) -> Self {
        let readers = match at {
            Place::Folder(folder) => Readers::Sqlite(sqlite::readers(&folder.join(DATABASE))),
            Place::Postgres { database, .. } => {
                Readers::Postgres(postgres::readers(database), database.clone())
            }
        };
        Self { readers, folder: at.folder().to_owned() }
    }

    /// The folder for what stands outside of the database.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A snapshot: all that is read from it is of one moment, and never part of a batch.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when all readers are taken for long; [`StoreError::Away`].
    pub async fn read(&self) -> Result<Session, StoreError> {
        match &self.readers {
            Readers::Sqlite(pool) => Ok(Session::sqlite_reader(pool.begin().await?)),
            Readers::Postgres(pool, database) => {
                let snapshot = pool.begin_with(postgres::SNAPSHOT).await;
                let named = |error| match postgres::fault(error) {
                    StoreError::Away(why) => StoreError::Away(format!("{database}: {why}")),
                    other => other,
                };
                Ok(Session::postgres_reader(snapshot.map_err(named)?))
            }
        }
    }

    /// Folds SQLite's log into the database, as far as readers let it: only then does the file of one that was
    /// shrunk get smaller. Of PostgreSQL nothing.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written, which leaves it as it was.
    pub(crate) async fn fold(&self) -> Result<(), StoreError> {
        let Readers::Sqlite(pool) = &self.readers else { return Ok(()) };
        let mut reader = pool.acquire().await?;
        let folds = "PRAGMA wal_checkpoint(PASSIVE)".into();
        sqlite::rows(&mut reader, folds, Vec::new()).await.map(drop)
    }

    /// Whether it is a database's, which other programs and roles may use.
    #[must_use]
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self.readers, Readers::Postgres(..))
    }

    /// What is wrong with a database's file itself, at most 20 lines: pages and indexes that do not fit
    /// together, which a reader that takes another way does not meet. PostgreSQL has checks of its own.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read at all.
    pub async fn damage(&self) -> Result<Vec<String>, StoreError> {
        let Readers::Sqlite(_) = &self.readers else { return Ok(Vec::new()) };
        let mut session = self.read().await?;
        let rows = session.rows("PRAGMA integrity_check(20)", Vec::new()).await?;
        let lines = rows.iter().map(|row| row.text(0).map(str::to_owned));
        let lines: Result<Vec<_>, _> = lines.collect();
        Ok(lines?.into_iter().filter(|line| line != "ok").collect())
    }

    /// Lets go of the connections that read.
    pub async fn close(&self) {
        match &self.readers {
            Readers::Sqlite(pool) => pool.close().await,
            Readers::Postgres(pool, _) => pool.close().await,
        }
    }
}

/// Brings a ledger's schema to a version and closes it again.
///
/// # Errors
/// As [`Store::open`]; [`StoreError::Migration`] when the database is newer than `target`.
pub async fn migrate(at: impl Into<Place>, target: i64) -> Result<(), StoreError> {
    open_at(&at.into(), target).await?.tidy().await
}

async fn open_at(at: &Place, target: i64) -> Result<Session, StoreError> {
    make(at.folder())?;
    match at {
        Place::Folder(folder) => {
            let files = (DATABASE, LOCK);
            let (mut connection, lock) = opened(folder, files, Shrinks::Never).await?;
            migrations::sqlite(&mut connection, target).await?;
            Ok(Session::sqlite_writer(connection, lock))
        }
        Place::Postgres { database, .. } => {
            migrations::postgres(database, target).await?;
            Ok(Session::postgres_writer(postgres::Writer::open(database).await?))
        }
    }
}

fn make(folder: &Path) -> Result<(), StoreError> {
    let broken = |error| StoreError::Broken(format!("folder {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(broken)
}

/// The one connection that writes a database in a folder, which is made if it is not there.
async fn opened(
    folder: &Path,
    (database, lock): (&str, &str),
    shrinks: Shrinks,
) -> Result<(SqliteConnection, Lock), StoreError> {
    make(folder)?;
    let lock = locked(&folder.join(lock)).await?;
    Ok((sqlite::writer(&folder.join(database), shrinks).await?, lock))
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
