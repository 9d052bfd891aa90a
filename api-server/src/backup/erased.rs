//! The log of erasures, beside the ledger's own backups: what was erased after one was made is erased again when
//! it is restored, also where the ledger's disk is lost. The log names no person.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::archive::Work;
use super::own::{self, Own};
use super::shelf::Shelf;
use crate::ledger::erasures::FILE;

/// What it is called until it has its name.
const PART: &str = "log";

/// How large a ledger's log is now.
pub(super) fn size(storage: &Path) -> u64 {
    fs::metadata(storage.join(FILE)).map_or(0, |file| file.len())
}

/// Its lines. One that is being written is for the next time.
pub(super) fn lines(storage: &Path) -> anyhow::Result<Vec<u8>> {
    let path = storage.join(FILE);
    let mut text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.with_context(|| path.display().to_string())?,
    };
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    text.truncate(whole);
    Ok(text)
}

/// Puts a log on the shelf. Those that stand there and are its beginning go after that; one of another history
/// stays.
pub(super) async fn keep(
    shelf: &Shelf,
    folder: &Path,
    text: &[u8],
    standing: &[Own],
    now: Timestamp,
) -> anyhow::Result<()> {
    let sha256: [u8; 32] = Sha256::digest(text).into();
    if !standing.iter().any(|log| log.sha256 == sha256) {
        let new = Own::log(now, (text.len() as u64, sha256));
        let work = Work::beside(folder).with_context(|| folder.display().to_string())?;
        let part = work.path().join(PART);
        write(&part, text).with_context(|| part.display().to_string())?;
        shelf.put(&part, own::OF, &new.name(), (new.bytes, &new.sha256)).await?;
    }
    for log in standing.iter().filter(|log| log.sha256 != sha256 && is_beginning(log, text)) {
        own::let_go(shelf, log).await;
    }
    Ok(())
}

fn is_beginning(log: &Own, of: &[u8]) -> bool {
    let text = usize::try_from(log.bytes).ok().and_then(|bytes| of.get(..bytes));
    text.is_some_and(|text| <[u8; 32]>::from(Sha256::digest(text)) == log.sha256)
}

/// All that is known to have been erased, in one file for `restore`, which must not be there yet.
///
/// # Errors
/// When one is damaged, or the file is there.
pub async fn fetch(shelf: &Shelf, to: &Path) -> anyhow::Result<()> {
    let (mut text, mut seen) = (Vec::new(), BTreeSet::new());
    for log in own::all(shelf).await?.logs.iter().rev() {
        for line in shelf.text(log).await?.split_inclusive(|byte| *byte == b'\n') {
            if seen.insert(line.to_vec()) {
                text.extend_from_slice(line);
            }
        }
    }
    write(to, &text).with_context(|| to.display().to_string())
}

fn write(to: &Path, text: &[u8]) -> io::Result<()> {
    let mut open = fs::OpenOptions::new();
    let mut file = open.write(true).create_new(true).mode(0o600).open(to)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.filter(|path| path.is_file());
        let mut all: Vec<String> = files.map(|path| fs::read_to_string(path).unwrap()).collect();
        all.sort();
        all
    }

    #[tokio::test]
    async fn a_longer_log_takes_the_place_of_its_beginning_and_of_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::Folder(folder.path().to_owned());
        let own = folder.path().join(own::OF);
        fs::create_dir(&own).unwrap();
        let keep = async |text: &str, second: i64| {
            let standing = own::all(&shelf).await.unwrap().logs;
            let now = Timestamp::from_second(second).unwrap();
            keep(&shelf, &own, text.as_bytes(), &standing, now).await.unwrap();
            texts(&own)
        };
        assert_eq!(keep("a\n", 1).await, ["a\n"]);
        assert_eq!(keep("a\n", 2).await, ["a\n"]);
        assert_eq!(keep("a\nb\n", 3).await, ["a\nb\n"]);
        // After a restore without it another history begins.
        assert_eq!(keep("c\n", 4).await, ["a\nb\n", "c\n"]);
        let to = folder.path().join("all");
        fetch(&shelf, &to).await.unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "a\nb\nc\n");
        assert!(fetch(&shelf, &to).await.is_err(), "a file that is there is never replaced");
        assert_eq!(keep("a\nb\nc\nd\n", 5).await, ["a\nb\nc\nd\n", "c\n"]);
        fs::remove_file(&to).unwrap();
        fetch(&shelf, &to).await.unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "c\na\nb\nd\n");
    }

    #[test]
    fn a_line_that_is_being_written_is_for_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!((size(folder.path()), lines(folder.path()).unwrap()), (0, vec![]));
        for (text, whole) in [("a", ""), ("a\n", "a\n"), ("a\nb", "a\n"), ("", "")] {
            fs::write(folder.path().join(FILE), text).unwrap();
            assert_eq!(lines(folder.path()).unwrap(), whole.as_bytes());
        }
    }
}
