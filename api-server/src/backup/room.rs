//! Room for backups on a folder's disk.
//!
//! Who writes one says before the first byte how much it becomes, and what does not fit is refused then: a disk
//! that runs full in the middle takes the log of erasures and everybody's backups with it. What others are
//! writing counts before it is there.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

/// How many bytes of the disk no backup takes: for the log of erasures, which is always to be kept, and for what
/// a file system needs of its own.
pub const RESERVE: u64 = 16 * 1024 * 1024;

/// Why there is no room.
#[derive(Debug, Error)]
pub enum NoRoom {
    /// It does not fit.
    #[error(
        "no room in {}: it needs {needed} bytes, {free} are free, {promised} of them for others that are being \
         written, and {RESERVE} stay free. Make the volume of --backups (TENANTRY_BACKUPS; in the chart \
         apiServer.backups.size) larger, or keep fewer: --backups-keep, --backups-ledger-keep",
        .folder.display()
    )]
    Full {
        /// Where.
        folder: PathBuf,
        /// How much is to be written.
        needed: u64,
        /// How much is free, for who is not root.
        free: u64,
        /// How much of that others were promised.
        promised: u64,
    },
    /// The disk does not say.
    #[error("how much room there is in {}: {error}", .folder.display())]
    Untold {
        /// Where.
        folder: PathBuf,
        /// What it says instead.
        error: io::Error,
    },
}

/// How many bytes a folder's disk has left for who is not root.
///
/// # Errors
/// When the disk does not say.
pub fn free(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Whether it fits beside what others were promised, and leaves the reserve.
const fn fits(needed: u64, promised: u64, free: u64) -> bool {
    needed.saturating_add(promised).saturating_add(RESERVE) <= free
}

/// How many bytes a folder takes of its disk by now, with all that is in it. What goes meanwhile takes none.
fn taken(folder: &Path) -> u64 {
    let mut bytes = 0_u64;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(is) = entry.metadata() else { continue };
        let more = if is.is_dir() { taken(&entry.path()) } else { is.blocks().saturating_mul(512) };
        bytes = bytes.saturating_add(more);
    }
    bytes
}

/// What is to be written still.
#[derive(Default)]
struct Promised {
    /// By those who say how far they are.
    bytes: u64,
    /// In working folders, where they are looked at: each with all that it may ever take.
    works: Vec<(PathBuf, u64)>,
}

impl Promised {
    fn left(&self) -> u64 {
        let left = |(work, most): &(PathBuf, u64)| most.saturating_sub(taken(work));
        self.works.iter().map(left).fold(self.bytes, u64::saturating_add)
    }
}

/// The room of a folder.
#[derive(Clone)]
pub struct Room {
    folder: PathBuf,
    promised: Arc<Mutex<Promised>>,
}

impl Room {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), promised: Arc::default() }
    }

    /// Promises room to somebody.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub(super) fn hold(&self, bytes: u64) -> Result<Held<'_>, NoRoom> {
        let mut held = Held { of: self, left: 0 };
        held.grow(bytes)?;
        Ok(held)
    }

    /// Promises room to a working folder: for all that is ever in it at once, of which the disk itself says what
    /// is there by now.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub(super) fn hold_for(&self, work: &Path, most: u64) -> Result<HeldFor, NoRoom> {
        let mut promised = self.promised();
        self.fits(most, &promised)?;
        promised.works.push((work.to_owned(), most));
        Ok(HeldFor { of: self.clone(), work: work.to_owned() })
    }

    fn fits(&self, needed: u64, promised: &Promised) -> Result<(), NoRoom> {
        let folder = self.folder.clone();
        // Before the disk is asked: what is written in between is counted twice then, and not left out.
        let promised = promised.left();
        let free = match free(&folder) {
            Ok(free) => free,
            Err(error) => return Err(NoRoom::Untold { folder, error }),
        };
        if !fits(needed, promised, free) {
            return Err(NoRoom::Full { folder, needed, free, promised });
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn left(&self) -> u64 {
        self.promised().left()
    }

    fn promised(&self) -> MutexGuard<'_, Promised> {
        self.promised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that a working folder was promised, until this is dropped.
pub(super) struct HeldFor {
    of: Room,
    work: PathBuf,
}

impl Drop for HeldFor {
    fn drop(&mut self) {
        self.of.promised().works.retain(|(work, _)| *work != self.work);
    }
}

/// Room that somebody was promised; what is not used is given back.
pub struct Held<'r> {
    of: &'r Room,
    left: u64,
}

impl Held<'_> {
    /// Asks for what was not promised yet of so many bytes that are written next.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub(super) fn grow(&mut self, bytes: u64) -> Result<(), NoRoom> {
        let needed = bytes.saturating_sub(self.left);
        if needed == 0 {
            return Ok(());
        }
        let mut promised = self.of.promised();
        self.of.fits(needed, &promised)?;
        promised.bytes = promised.bytes.saturating_add(needed);
        self.left = self.left.saturating_add(needed);
        Ok(())
    }

    /// So many bytes are on the disk, which says so itself from now on.
    pub(super) fn wrote(&mut self, bytes: u64) {
        let bytes = bytes.min(self.left);
        self.left -= bytes;
        let mut promised = self.of.promised();
        promised.bytes = promised.bytes.saturating_sub(bytes);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.wrote(self.left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_and_what_others_were_promised_stay_free() {
        assert!(fits(10, 0, RESERVE + 10));
        assert!(!fits(11, 0, RESERVE + 10));
        assert!(fits(4, 6, RESERVE + 10) && !fits(5, 6, RESERVE + 10));
        assert!(!fits(1, 0, 0) && !fits(u64::MAX, u64::MAX, u64::MAX - 1));
    }

    #[test]
    fn a_promise_ends_with_what_is_written_or_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let room = Room::new(folder.path());
        let (mut one, other) = (room.hold(100).unwrap(), room.hold(50).unwrap());
        let promised = || room.promised().left();
        assert_eq!(promised(), 150);
        one.grow(80).unwrap();
        assert_eq!(promised(), 150, "that was promised before");
        one.wrote(80);
        one.grow(30).unwrap();
        assert_eq!(promised(), 80, "20 were left, and 10 are new");
        one.wrote(1000);
        assert_eq!(promised(), 50, "more than was promised takes nothing of another's");
        drop((one, other));
        assert_eq!(promised(), 0);
    }

    #[test]
    fn what_stands_in_a_working_folder_is_not_promised_a_second_time() {
        const MIB: usize = 1024 * 1024;
        let folder = tempfile::tempdir().unwrap();
        let room = Room::new(folder.path());
        let work = folder.path().join("work");
        fs::create_dir_all(work.join("within")).unwrap();
        let held = room.hold_for(&work, 4 * MIB as u64).unwrap();
        let promised = || room.promised().left();
        assert_eq!(promised(), 4 * MIB as u64);
        let write = |name: &str, bytes: usize| {
            fs::write(work.join(name), vec![7; bytes]).unwrap();
            fs::File::open(work.join(name)).unwrap().sync_all().unwrap();
        };
        write("copy", MIB);
        write("within/archive", MIB);
        assert_eq!(promised(), 2 * MIB as u64);
        // What gives way to something else gives its room to that, and not to others.
        fs::remove_file(work.join("copy")).unwrap();
        assert_eq!(promised(), 3 * MIB as u64);
        write("trial", 4 * MIB);
        assert_eq!(promised(), 0, "more than was promised takes nothing of another's");
        fs::remove_dir_all(&work).unwrap();
        assert_eq!(promised(), 4 * MIB as u64);
        drop(held);
        assert_eq!(promised(), 0);
    }

    #[test]
    fn what_can_never_fit_is_refused_with_the_figures() {
        let folder = tempfile::tempdir().unwrap();
        let why = Room::new(folder.path()).hold(u64::MAX / 2).err().unwrap().to_string();
        assert!(why.contains(&format!("it needs {} bytes", u64::MAX / 2)), "{why}");
        assert!(why.contains("are free") && why.contains("apiServer.backups.size"), "{why}");
        let gone = Room::new(Path::new("/nowhere/at/all")).hold(1).err().unwrap();
        assert!(matches!(gone, NoRoom::Untold { .. }), "{gone}");
    }
}
