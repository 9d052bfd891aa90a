//! A file that grows page by page and is there as a whole or not at all. Beside its part stands how far
//! it is, so that a round that was interrupted goes on there.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// How far a round is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The first page: a mark of another question is none.
    pub(super) first: String,
    /// The next page; `None` when all are there.
    pub(super) next: Option<String>,
    /// How much of the part counts.
    pub(super) bytes: u64,
}

/// The file, its part, and the mark of how far that is.
pub(super) struct Keep {
    file: PathBuf,
    part: PathBuf,
    mark: PathBuf,
    folder: PathBuf,
    /// The part, which nobody else may write at the same time.
    held: Option<File>,
}

impl Keep {
    /// A file in a folder, which is made if it is not there.
    pub(super) fn new(folder: &Path, name: &str) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let at = |name: String| folder.join(name);
        Ok(Self {
            file: at(name.to_owned()),
            part: at(format!(".{name}.part")),
            mark: at(format!(".{name}.next")),
            folder: folder.to_owned(),
            held: None,
        })
    }

    /// What is not yet the file.
    pub(super) fn part(&self) -> &Path {
        &self.part
    }

    /// Where the round that asks for `first` was, or its beginning.
    pub(super) fn resume(&mut self, first: &str) -> anyhow::Result<Mark> {
        self.held = None;
        let part = self.held()?;
        let begin = Mark { first: first.to_owned(), next: Some(first.to_owned()), bytes: 0 };
        let mark = fs::read(&self.mark).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let there = part.metadata().map_or(0, |part| part.len());
        let known = mark.filter(|mark: &Mark| mark.first == first && there >= mark.bytes);
        let mark = known.unwrap_or(begin);
        // What came after the mark may be half a page.
        part.set_len(mark.bytes).with_context(|| self.part.display().to_string())?;
        self.held = Some(part);
        Ok(mark)
    }

    /// The part, for this round alone: two that are made at the same time would mix their pages.
    fn held(&self) -> anyhow::Result<File> {
        let named = || self.part.display().to_string();
        loop {
            let part = self.open().with_context(named)?;
            match part.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    bail!("{}: the same round is being made; let it end", named())
                }
                Err(TryLockError::Error(error)) => return Err(error).with_context(named),
            }
            // A round that just ended may have given the file its name meanwhile.
            let there = fs::metadata(&self.part).map(|part| (part.dev(), part.ino())).ok();
            let held = part.metadata().map(|part| (part.dev(), part.ino())).with_context(named)?;
            if there == Some(held) {
                return Ok(part);
            }
        }
    }

    /// Adds a page, durably, and then says so.
    pub(super) fn add(&mut self, mark: &Mark, page: &[u8]) -> anyhow::Result<Mark> {
        let named = || self.part.display().to_string();
        let part = self.held.as_mut().with_context(named)?;
        part.write_all(page).and_then(|()| part.sync_all()).with_context(named)?;
        let added = u64::try_from(page.len()).unwrap_or(u64::MAX);
        let mark = Mark { bytes: mark.bytes.saturating_add(added), ..mark.clone() };
        let beside = self.mark.with_extension("new");
        let named = || self.mark.display().to_string();
        fs::write(&beside, serde_json::to_vec(&mark)?).with_context(named)?;
        fs::rename(&beside, &self.mark).with_context(named)?;
        Ok(mark)
    }

    /// Puts the whole file in its place.
    pub(super) fn finish(&self) -> anyhow::Result<&Path> {
        let named = || self.file.display().to_string();
        fs::rename(&self.part, &self.file).with_context(named)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).with_context(named)?;
        let _gone = fs::remove_file(&self.mark);
        Ok(&self.file)
    }

    /// Forgets how far it was.
    pub(super) fn forget(&self) {
        let _gone = fs::remove_file(&self.mark);
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(folder: &Path) -> Keep {
        Keep::new(folder, "crm.csv").unwrap()
    }

    #[test]
    fn an_interrupted_round_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = keep(folder.path());
        let begin = first.resume("/a").unwrap();
        assert_eq!((begin.next.as_deref(), begin.bytes), (Some("/a"), 0));
        first.add(&Mark { next: Some("/b".to_owned()), ..begin }, b"one\n").unwrap();
        // Half a page that nobody counted.
        first.open().unwrap().write_all(b"tw").unwrap();
        let mut again = keep(folder.path());
        let said = again.resume("/a").unwrap_err().to_string();
        assert!(said.contains("the same round is being made"), "{said}");
        drop(first);
        let mut again = keep(folder.path());
        let mark = again.resume("/a").unwrap();
        assert_eq!((mark.next.as_deref(), mark.bytes), (Some("/b"), 4));
        again.add(&Mark { next: None, ..mark }, b"two\n").unwrap();
        assert_eq!(fs::read(again.finish().unwrap()).unwrap(), b"one\ntwo\n");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn another_question_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut keep = keep(folder.path());
        let begin = keep.resume("/a").unwrap();
        keep.add(&Mark { next: Some("/b".to_owned()), ..begin }, b"one\n").unwrap();
        let other = keep.resume("/x").unwrap();
        assert_eq!((other.next.as_deref(), other.bytes), (Some("/x"), 0));
        assert_eq!(fs::metadata(&keep.part).unwrap().len(), 0);
    }

    #[test]
    fn a_mark_without_its_part_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut keep = keep(folder.path());
        let begin = keep.resume("/a").unwrap();
        keep.add(&Mark { next: Some("/b".to_owned()), ..begin }, b"one\n").unwrap();
        fs::remove_file(&keep.part).unwrap();
        assert_eq!(keep.resume("/a").unwrap().next.as_deref(), Some("/a"));
    }
}
