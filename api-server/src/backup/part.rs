//! Backups that are arriving: files that nobody takes for whole ones.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

/// How the names of files end that are arriving.
const PART: &str = ".part";
/// How old one must be to be removed: one that arrives is younger.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// A file that is gone unless it gets its name.
pub(super) struct Part(PathBuf);

impl Part {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self(folder.join(format!(".{}{PART}", Uuid::now_v7())))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %self.0.display(), "a part of a backup was left");
            }
            _ => {}
        }
    }
}

/// Removes parts of an account's backups that a killed server left. What the ledger does not know stays:
/// after an older ledger was restored, that is what one would miss.
pub(super) async fn sweep(folder: PathBuf) {
    let removing = move || -> io::Result<()> {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') && name.ends_with(PART) && is_forgotten(&entry) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    };
    let swept = tokio::task::spawn_blocking(removing).await;
    if let Err(error) = swept.map_err(io::Error::other).flatten() {
        tracing::warn!(%error, "parts of backups were left");
    }
}

fn is_forgotten(entry: &DirEntry) -> bool {
    let age = entry.metadata().and_then(|data| data.modified()).map(|at| at.elapsed());
    matches!(age, Ok(Ok(age)) if age > FORGOTTEN)
}
