//! Heads written down outside the database, so that a ledger that was rewritten as a whole, cut off
//! at its end, or replaced by an old copy does not look complete.
//!
//! `heads.jsonl` beside the database gets a line per account whose head moved, and one with the
//! hash over all of them, which also goes to the log. Whoever keeps a copy elsewhere can check a
//! ledger against it.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::LedgerError;
use crate::{
    domain::account::AccountId,
    store::{Session, StoreError, append::Head, audit},
};

/// The file's name in the ledger's folder.
pub const FILE: &str = "heads.jsonl";

/// Why heads could not be written or read.
#[derive(Debug, Error)]
pub enum HeadsError {
    /// The file.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A line that is no head.
    #[error("{path}, line {line}: this is no head: {why}", path = .path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// Reading the ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Writing to it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Head { at: Timestamp, account: String, seq: i64, chain: String },
    Root { at: Timestamp, accounts: usize, root: String },
}

/// What was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Accounts whose head moved since the last time.
    pub moved: usize,
    /// Accounts in all.
    pub accounts: usize,
    /// The hash over all heads, in hexadecimal.
    pub root: String,
}

/// Heads by account, oldest first.
pub type Heads = BTreeMap<AccountId, Vec<Head>>;

/// Writes down the heads of a snapshot at the end of a file, durably.
///
/// # Errors
/// [`HeadsError`]; what was written before stays.
pub async fn record(
    session: &mut Session,
    file: &Path,
    now: Timestamp,
) -> Result<Recorded, HeadsError> {
    let heads = audit::heads(session).await?;
    let known = if file.exists() { read(file)? } else { Heads::new() };
    let moved = |(account, head): &&(AccountId, Head)| {
        known.get(account).and_then(|heads| heads.last()) != Some(head)
    };
    let moved: Vec<_> = heads.iter().filter(moved).collect();
    let recorded = Recorded { moved: moved.len(), accounts: heads.len(), root: root(&heads) };
    let mut text = String::new();
    for (account, head) in moved {
        let (account, seq) = (account.to_string(), head.seq);
        push(&mut text, &Line::Head { at: now, account, seq, chain: hex(&head.chain) });
    }
    let (accounts, root) = (recorded.accounts, recorded.root.clone());
    push(&mut text, &Line::Root { at: now, accounts, root });
    append(file, &text).map_err(|source| HeadsError::File { path: file.to_owned(), source })?;
    tracing::info!(target: "audit", accounts, root = recorded.root, "the ledger's heads");
    Ok(recorded)
}

fn push(text: &mut String, line: &Line) {
    // Texts and numbers always become JSON.
    text.push_str(&serde_json::to_string(line).unwrap_or_default());
    text.push('\n');
}

fn append(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.read(true).append(true).create(true).open(file)?;
    let mut before = Vec::new();
    file.read_to_end(&mut before)?;
    if before.last().is_some_and(|last| *last != b'\n') {
        // A line that a crash cut off stays as it is, on a line of its own.
        file.write_all(b"\n")?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Reads heads that were written down; a last line without its end was never acknowledged and does
/// not count, nor does what stands before the `\n` that closed it later.
///
/// # Errors
/// [`HeadsError`] when the file cannot be read or a whole line is no head.
pub fn read(file: &Path) -> Result<Heads, HeadsError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| HeadsError::File { path: file.to_owned(), source })?;
    let mut heads = Heads::new();
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let Some(line) = line.strip_suffix('\n') else { break };
        match serde_json::from_str(line) {
            Ok(Line::Root { .. }) => {}
            Ok(Line::Head { account, seq, chain, .. }) => {
                let head = account.parse().ok().zip(unhex(&chain));
                let (account, chain) = head.ok_or_else(|| bad(file, at, "account or chain"))?;
                heads.entry(account).or_default().push(Head { seq, chain });
            }
            Err(error) if error.is_eof() => {}
            Err(error) => return Err(bad(file, at, &error.to_string())),
        }
    }
    Ok(heads)
}

fn bad(file: &Path, at: usize, why: &str) -> HeadsError {
    HeadsError::Line { path: file.to_owned(), line: at + 1, why: why.to_owned() }
}

/// SHA-256 over `account, newline, seq as eight bytes, chain` of every account, by account.
fn root(heads: &[(AccountId, Head)]) -> String {
    let mut all = Sha256::new();
    for (account, head) in heads {
        all.update(account.as_str());
        all.update(b"\n");
        all.update(head.seq.to_be_bytes());
        all.update(head.chain);
    }
    hex(&all.finalize())
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}
