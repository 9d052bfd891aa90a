//! The log of erasures, and its replay on a ledger that an older copy was put back into.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::{AT_ONCE, Counts, erase_contact, erase_dims};
use crate::{
    domain::account::AccountId,
    ledger::{Ledger, LedgerError},
    store::{audit, erasures as store},
};

/// The log's file name in the ledger's folder.
pub const FILE: &str = "erasures.jsonl";

/// Why the log was not written, or not replayed.
#[derive(Debug, Error)]
pub enum LogError {
    /// The file.
    #[error("the erasure log {path}: {error}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A line that is none of the log's.
    #[error("the erasure log {path}, line {line}: {error}", path = .path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        error: String,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Rows whose dimensions were erased: the first, the last, and the chain value of the first, by
/// which a ledger of another history is told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Range(i64, i64, String);

impl Range {
    /// Rows that rise, those that follow each other together.
    pub(super) fn of(rows: impl Iterator<Item = (i64, [u8; 32])>) -> Vec<Self> {
        let mut ranges: Vec<Self> = Vec::new();
        for (seq, chain) in rows {
            match ranges.last_mut() {
                Some(last) if last.1 + 1 == seq => last.1 = seq,
                _ => ranges.push(Self(seq, seq, hex(&chain))),
            }
        }
        ranges
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What one line says was erased. It holds numbers and ids of our own, and nothing of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub(super) enum Line {
    /// Dimensions of rows.
    Rows { account: String, rows: Vec<Range> },
    /// Rejected events up to a number.
    Rejects { account: String, until: i64 },
    /// A request's contact.
    Intake { intake: Uuid },
}

#[derive(Serialize, Deserialize)]
struct Entry {
    at: Timestamp,
    erasure: Uuid,
    #[serde(flatten)]
    line: Line,
}

/// Adds a line, durably.
pub(super) fn append(
    path: &Path,
    erasure: Uuid,
    at: Timestamp,
    line: Line,
) -> Result<(), LogError> {
    let failed = |error| LogError::File { path: path.to_owned(), error };
    let mut text = serde_json::to_string(&Entry { at, erasure, line })
        .map_err(|error| failed(std::io::Error::other(error)))?;
    text.push('\n');
    let mut options = OpenOptions::new();
    let mut file = options.append(true).read(true).create(true).open(path).map_err(failed)?;
    if !ends_a_line(&mut file).map_err(failed)? {
        text.insert(0, '\n');
    }
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)
}

/// Whether a new line can begin: a crash may have cut the last one off.
fn ends_a_line(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Erases again what a log says was erased, on a ledger into which an older copy was put back; doing
/// it again is no harm. A log that is not there is empty.
///
/// # Errors
/// [`LogError`]; what was erased by then stays erased.
pub async fn replay(ledger: &Ledger, path: &Path) -> Result<Counts, LogError> {
    let failed = |error| LogError::File { path: path.to_owned(), error };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Counts::default()),
        Err(error) => return Err(failed(error)),
    };
    let mut counts = Counts::default();
    for (index, text) in BufReader::new(file).lines().enumerate() {
        let text = text.map_err(failed)?;
        let wrong =
            |error: String| LogError::Line { path: path.to_owned(), line: index + 1, error };
        // A line that a crash cut off is of an erasure that was not begun.
        let Ok(Entry { line, .. }) = serde_json::from_str::<Entry>(&text) else {
            tracing::warn!(line = index + 1, "a line of the erasure log cannot be read");
            continue;
        };
        let account = |id: &str| id.parse::<AccountId>().map_err(|error| wrong(error.to_string()));
        match line {
            Line::Rows { account: id, rows } => {
                let id = account(&id)?;
                for range in rows {
                    counts.events += erase_range(ledger, &id, &range).await?;
                }
            }
            Line::Rejects { account: id, until } => {
                let id = account(&id)?;
                let work = ledger.transact(None, move |session, _| {
                    Box::pin(async move { store::erase_rejects(session, &id, until).await })
                });
                counts.rejected_events += work.await?;
            }
            Line::Intake { intake } => counts.intakes += erase_contact(ledger, intake).await?,
        }
    }
    Ok(counts)
}

async fn erase_range(
    ledger: &Ledger,
    account: &AccountId,
    Range(first, last, chain): &Range,
) -> Result<u64, LedgerError> {
    let mut session = ledger.store().read().await?;
    let known = store::chain(&mut session, account, *first).await?;
    let head = audit::head(&mut session, account).await?.seq;
    drop(session);
    let Some(known) = known else { return Ok(0) };
    if hex(&known) != *chain {
        tracing::warn!(%account, row = first, "another row has this number: it is left as it is");
        return Ok(0);
    }
    let (mut from, last, mut erased) = (*first, head.min(*last), 0);
    while from <= last {
        let to = last.min(from + AT_ONCE - 1);
        let mut session = ledger.store().read().await?;
        let found = store::find(&mut session, account, (from, to), None).await?;
        drop(session);
        if !found.is_empty() {
            erased += erase_dims(ledger, account, &found).await?;
        }
        from = to + 1;
    }
    Ok(erased)
}
