//! Where a ledger is kept.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::postgres::Database;

/// Where a ledger is kept. Either has a folder for what stands outside of the database.
#[derive(Clone, Debug)]
pub enum Place {
    /// SQLite, in a folder.
    Folder(PathBuf),
    /// PostgreSQL; several servers may work on it.
    Postgres {
        /// Which database.
        database: Database,
        /// The server's own folder.
        folder: PathBuf,
    },
}

impl Place {
    /// The folder for what stands outside of the database.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self {
            Self::Folder(folder) | Self::Postgres { folder, .. } => folder,
        }
    }
}

impl<T: AsRef<Path> + ?Sized> From<&T> for Place {
    fn from(folder: &T) -> Self {
        Self::Folder(folder.as_ref().to_owned())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Postgres { database, .. } => write!(f, "{database}"),
        }
    }
}
