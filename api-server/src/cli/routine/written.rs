//! Which files of a folder a round wrote, and which of them go when there are more than should be kept.
//!
//! A name alone says little: somebody may have put a file of that name there, or changed ours. So each file
//! is noted with its sum before it is there, and goes only while it is what was noted.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ledger::heads::hex;

/// The files of a round, one a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) ending: &'static str,
}

impl Series {
    /// The file of a day.
    pub(super) fn file(&self, day: Date) -> String {
        format!("{}-{day}.{}", self.name, self.ending)
    }

    /// The day of a file; `None` of what is none of these, such as a path to elsewhere.
    fn day(&self, file: &str) -> Option<Date> {
        let rest = file.strip_prefix(&self.name)?.strip_prefix('-')?;
        let day = rest.strip_suffix(self.ending)?.strip_suffix('.')?.parse().ok()?;
        (self.file(day) == file).then_some(day)
    }
}

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    file: String,
    bytes: u64,
    sha256: String,
}

/// What a round wrote into a folder.
pub(super) struct Written {
    folder: PathBuf,
    series: Series,
    notes: PathBuf,
    keep: usize,
}

impl Written {
    pub(super) fn new(folder: &Path, series: Series, keep: u32) -> Self {
        let notes = folder.join(format!(".{}.{}.written", series.name, series.ending));
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        Self { folder: folder.to_owned(), series, notes, keep }
    }

    /// Notes that `part` is about to become `file`. Of a second round of the day both are noted: it
    /// may be cut off before the file is there.
    pub(super) fn note(&self, file: &str, part: &Path) -> anyhow::Result<()> {
        let (bytes, sha256) = summed(part).with_context(|| part.display().to_string())?;
        let mut notes = self.read()?;
        notes.push(Note { file: file.to_owned(), bytes, sha256 });
        self.write(&notes)
    }

    /// Removes what is older than the newest that are kept, and what an earlier day left unfinished.
    /// `newest` stays whatever the days of others say. Answers with the files that went.
    pub(super) fn prune(&self, newest: &str) -> anyhow::Result<Vec<String>> {
        let mut own: Vec<(Date, Note)> = Vec::new();
        for note in self.read()? {
            let Some(day) = self.series.day(&note.file) else { continue };
            if self.is(&note) && own.iter().all(|(_, other)| other.file != note.file) {
                own.push((day, note));
            }
        }
        own.sort_by(|a, b| (a.1.file == newest, a.0).cmp(&(b.1.file == newest, b.0)).reverse());
        let old = own.split_off(self.keep.min(own.len()));
        let gone: Vec<String> = old.into_iter().map(|(_, note)| note.file).collect();
        for file in &gone {
            fs::remove_file(self.folder.join(file)).with_context(|| file.clone())?;
        }
        let kept: Vec<Note> = own.into_iter().map(|(_, note)| note).collect();
        self.write(&kept)?;
        self.unfinished(newest)?;
        Ok(gone)
    }

    /// Removes what rounds of earlier days left: only a round of the same day goes on there.
    fn unfinished(&self, newest: &str) -> anyhow::Result<()> {
        let today = self.series.day(newest);
        for entry in
            fs::read_dir(&self.folder).with_context(|| self.folder.display().to_string())?
        {
            let name = entry?.file_name().into_string().unwrap_or_default();
            let file = name.strip_prefix('.').and_then(|name| name.strip_suffix(".part"));
            let day = file.and_then(|file| self.series.day(file));
            if day.is_none() || day >= today {
                continue;
            }
            let part = self.folder.join(&name);
            // One whose day ended while it was being made still has it.
            let free = File::open(&part).is_ok_and(|part| part.try_lock().is_ok());
            if free && part.symlink_metadata().is_ok_and(|part| part.is_file()) {
                fs::remove_file(&part).with_context(|| name.clone())?;
                let _none = fs::remove_file(part.with_extension("next"));
            }
        }
        Ok(())
    }

    /// Whether a file is still what was noted.
    fn is(&self, note: &Note) -> bool {
        let path = self.folder.join(&note.file);
        let plain = path.symlink_metadata().is_ok_and(|file| file.is_file());
        plain
            && summed(&path)
                .is_ok_and(|(bytes, sum)| (bytes, sum) == (note.bytes, note.sha256.clone()))
    }

    fn read(&self) -> anyhow::Result<Vec<Note>> {
        let named = || self.notes.display().to_string();
        let text = match fs::read_to_string(&self.notes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.with_context(named)?,
        };
        let notes = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        notes.with_context(|| {
            format!(
                "{}: damaged; remove it, and files of before stay until somebody removes them",
                named()
            )
        })
    }

    /// Durably and as a whole.
    fn write(&self, notes: &[Note]) -> anyhow::Result<()> {
        let named = || self.notes.display().to_string();
        let mut text = String::new();
        for note in notes {
            text += &serde_json::to_string(note)?;
            text.push('\n');
        }
        let beside = self.notes.with_extension("new");
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .with_context(named)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(named)?;
        fs::rename(&beside, &self.notes).with_context(named)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).with_context(named)
    }
}

/// Size and sum of a file, whatever its size.
fn summed(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut sum = Sha256::new();
    let mut bytes = 0;
    let mut some = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut some)?;
        let Some(read) = some.get(..count).filter(|read| !read.is_empty()) else { break };
        sum.update(read);
        bytes += u64::try_from(count).unwrap_or(u64::MAX);
    }
    Ok((bytes, hex(&sum.finalize())))
}

#[cfg(test)]
mod tests;
