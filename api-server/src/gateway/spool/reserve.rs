//! Room that is kept for letting go.
//!
//! Deleting needs room too: it is written ahead before anything is freed. On a disk that is full to
//! the last byte the events could never leave. So a file of zeros lies beside the spool; it is given
//! up when letting go fails for want of room, and laid aside anew as soon as that is possible. While
//! it is gone nothing is taken, so that senders do not use it up.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// How large it is, in bytes: the log and what it still has to be folded into.
pub(super) const SIZE: usize = 8 * 1024 * 1024;
const FILE: &str = "spool.reserve";

/// The reserve beside a spool.
pub(super) struct Reserve {
    file: PathBuf,
    there: AtomicBool,
}

impl Reserve {
    /// Lays it aside, if there is room.
    pub(super) fn lay_aside_in(folder: &Path) -> Self {
        let reserve = Self { file: folder.join(FILE), there: AtomicBool::new(false) };
        reserve.lay_aside();
        reserve
    }

    /// Whether it is there, so that events may be taken.
    pub(super) fn is_there(&self) -> bool {
        self.there.load(Ordering::Relaxed)
    }

    /// Lays it aside again, if it is gone and there is room.
    pub(super) fn lay_aside(&self) {
        if self.is_there() {
            return;
        }
        match self.write() {
            Ok(()) => self.there.store(true, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(%error, "no room for the spool's reserve: nothing is taken until there is");
                self.remove();
            }
        }
    }

    fn write(&self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.create(true).write(true).truncate(false).open(&self.file)?;
        if file.metadata()?.len() == SIZE as u64 {
            return Ok(());
        }
        file.set_len(0)?;
        // Written, not only announced: a file with a hole reserves nothing.
        file.write_all(&vec![0; SIZE])?;
        file.sync_all()
    }

    /// Gives it up.
    pub(super) fn give_up(&self) {
        if self.there.swap(false, Ordering::Relaxed) {
            tracing::warn!(
                "the disk is full: the spool's reserve is given up so that events can leave"
            );
            self.remove();
        }
    }

    fn remove(&self) {
        if let Err(error) = std::fs::remove_file(&self.file) {
            tracing::warn!(%error, path = %self.file.display(), "the spool's reserve");
        }
        if let Some(folder) = self.file.parent() {
            // A removal that a power cut undoes does no harm.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
    }
}
