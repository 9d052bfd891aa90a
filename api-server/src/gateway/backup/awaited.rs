//! Since when a first backup is awaited: since a schedule was first there, through restarts.

use std::path::Path;

use jiff::Timestamp;

use crate::auth::kept::replace;

/// Beside the spool.
const FILE: &str = "backups-since";

/// What is written down of it.
pub(super) struct Awaited;

impl Awaited {
    /// Since when, which is `now` where nothing is written down that is not after it.
    pub(super) fn since(folder: &Path, now: Timestamp) -> Timestamp {
        let file = folder.join(FILE);
        let told = std::fs::read_to_string(&file).ok();
        let told = told.and_then(|text| text.trim().parse::<Timestamp>().ok());
        if let Some(since) = told.filter(|since| *since <= now) {
            return since;
        }
        if let Err(error) = replace(&file, now.to_string().as_bytes()) {
            tracing::warn!(%error, "a gateway that is started anew will await its first backup anew");
        }
        now
    }

    /// Nothing is scheduled any more: a schedule that comes later begins anew.
    pub(super) fn forget(folder: &Path) {
        match std::fs::remove_file(folder.join(FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, file = FILE, "it is no longer needed and stays");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_awaited_from_the_first_start_with_a_schedule_on() {
        let folder = tempfile::tempdir().unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let since = |now| Awaited::since(folder.path(), at(now));
        assert_eq!((since(100), since(200)), (at(100), at(100)));
        // A clock that was ahead.
        assert_eq!((since(50), since(200)), (at(50), at(50)));
        Awaited::forget(folder.path());
        Awaited::forget(folder.path());
        assert_eq!(since(300), at(300));
        std::fs::write(folder.path().join(FILE), "soon").unwrap();
        assert_eq!((since(400), since(500)), (at(400), at(400)));
    }
}
