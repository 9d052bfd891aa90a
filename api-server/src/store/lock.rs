//! One process per ledger: an advisory lock on a file beside the database.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::Path,
};

use super::StoreError;

/// Held as long as it lives; the operating system lets go when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, and writes down who has it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it; [`StoreError::Broken`] when the file
    /// cannot be made.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let broken = |error: std::io::Error| {
            StoreError::Broken(format!("lock file {}: {error}", path.display()))
        };
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(broken)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(broken)?;
                let holder = holder.trim().to_owned();
                return Err(StoreError::InUse { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(broken(error)),
        }
        // Who holds it is for the message alone: a full disk must not keep a ledger from opening.
        let noted = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "process {}", std::process::id()));
        if let Err(error) = noted {
            tracing::warn!(%error, path = %path.display(), "the lock file does not say who holds it");
        }
        Ok(Self { _file: file })
    }
}
