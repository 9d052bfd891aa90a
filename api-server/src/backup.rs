//! The ledger, or a gateway's spool, in one file that says what is in it, and back.
//!
//! A backup is a tar archive: `manifest.json`, then the files that it lists, each with its size and
//! SHA-256. The database in it is a consistent copy of one moment, taken beside the running server.
//! Restoring believes nothing: sizes and sums of the files, counts of rows, then everything that
//! [`verify`](crate::ledger::verify) recomputes, held against the chains' heads in the manifest.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::erasures::{self, Counts};
use crate::ledger::heads::{self, Heads};
use crate::ledger::verify::{self, Report, What};
use crate::ledger::{Ledger, Settings};
use crate::store::append::Head;
use crate::store::{DATABASE, SPOOL, Store, audit, copy, migrations};

mod archive;
mod arriving;
pub mod bucket;
pub mod erased;
pub mod keeper;
pub mod own;
mod part;
pub mod room;
pub mod share;
pub mod shelf;
pub mod spool;
pub mod stray;
pub mod vault;

/// The only version of the archive so far.
const FORMAT: u32 = 1;
/// The first file of an archive.
const MANIFEST: &str = "manifest.json";
/// What an archive of a ledger may hold beside it.
const FILES: [&str; 2] = [DATABASE, heads::FILE];
/// What an archive of a spool holds beside it.
const SPOOL_FILES: [&str; 1] = [SPOOL.0];

/// What is in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the archive.
    pub format: u32,
    /// Whose spool it is; absent when it is a ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool: Option<SpoolOf>,
    /// When it was made.
    pub made_at: Timestamp,
    /// The program that made it.
    pub program: String,
    /// The version of the database's schema.
    pub schema: i64,
    /// Rows in each of its tables.
    pub rows: BTreeMap<String, i64>,
    /// The newest row of each account.
    pub heads: Vec<HeadOf>,
    /// The files that follow, in order.
    pub files: Vec<File>,
}

/// Whose spool it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpoolOf {
    /// The tenant's name.
    pub tenant: String,
    /// Its account.
    pub account: String,
}

/// The newest row of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadOf {
    /// Whose.
    pub account: String,
    /// Its number.
    pub seq: i64,
    /// Its chain value, in hexadecimal.
    pub chain: String,
}

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Backs a ledger up into a new file; a server may be working on it.
///
/// # Errors
/// When the file is there already or cannot be written, or the ledger cannot be read.
pub async fn make(storage: &Path, to: &Path, now: Timestamp) -> anyhow::Result<Manifest> {
    ensure!(!to.exists(), "{} is there already: a backup never replaces a file", to.display());
    let beside = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let beside = beside.unwrap_or(Path::new("."));
    let named = || format!("a folder beside {}", to.display());
    let work = archive::Work::beside(beside).with_context(named)?;
    // Before the database, so that no head in it is newer than the rows.
    let recorded = storage.join(heads::FILE);
    if recorded.exists() {
        std::fs::copy(&recorded, work.path().join(heads::FILE))
            .with_context(|| recorded.display().to_string())?;
    }
    copy::database(&storage.join(DATABASE), &work.path().join(DATABASE)).await?;
    let manifest = describe(work.path(), now).await?;
    let (text, to) = (serde_json::to_vec_pretty(&manifest)?, to.to_owned());
    let files = manifest.files.clone();
    tokio::task::spawn_blocking(move || archive::write(&to, &text, &files, &work)).await??;
    Ok(manifest)
}

async fn describe(folder: &Path, now: Timestamp) -> anyhow::Result<Manifest> {
    let store = Store::attach(folder)?;
    let mut session = store.read().await?;
    let heads = audit::heads(&mut session).await?;
    drop(session);
    store.close().await;
    let heads = heads.into_iter().map(|(account, head)| HeadOf {
        account: account.to_string(),
        seq: head.seq,
        chain: heads::hex(&head.chain),
    });
    let mut files = Vec::new();
    for name in FILES.into_iter().filter(|name| folder.join(name).exists()) {
        files.push(archive::describe(folder, name)?);
    }
    let database = folder.join(DATABASE);
    Ok(Manifest {
        format: FORMAT,
        spool: None,
        made_at: now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: copy::schema(&database).await?,
        rows: copy::counts(&database).await?,
        heads: heads.collect(),
        files,
    })
}

/// What came back.
pub struct Restored {
    /// What the archive said of itself.
    pub manifest: Manifest,
    /// What was recomputed of it.
    pub report: Report,
    /// What was erased again, when a log of erasures was given.
    pub erased: Option<Counts>,
}

/// What an archive says is in it.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn manifest(from: &Path) -> anyhow::Result<Manifest> {
    archive::manifest(from).with_context(|| from.display().to_string())
}

/// Restores a ledger into a folder that is empty or not there yet. What `erasures`, the log of the
/// ledger as it is today, says was erased is erased again before the folder has its name.
///
/// # Errors
/// What is damaged or differs, or a log that cannot be read; then nothing is in the folder.
pub async fn restore(
    from: &Path,
    storage: &Path,
    erasures: Option<&Path>,
    now: Timestamp,
) -> anyhow::Result<Restored> {
    let empty = !storage.exists()
        || std::fs::read_dir(storage).is_ok_and(|mut entries| entries.next().is_none());
    ensure!(empty, "{} is not empty: restore into an empty folder", storage.display());
    let beside = storage.parent().filter(|folder| !folder.as_os_str().is_empty());
    let beside = beside.unwrap_or(Path::new("."));
    std::fs::create_dir_all(beside).with_context(|| beside.display().to_string())?;
    let work = archive::Work::beside(beside).with_context(|| beside.display().to_string())?;
    let (source, folder) = (from.to_owned(), work.path().to_owned());
    let named = || from.display().to_string();
    let read = tokio::task::spawn_blocking(move || archive::read(&source, Some(&folder))).await?;
    let manifest = read.with_context(named)?;
    let report = check(work.path(), &manifest, now).await.with_context(named)?;
    let erased = match erasures {
        Some(log) => Some(erase_again(work.path(), log).await?),
        None => None,
    };
    if storage.exists() {
        std::fs::remove_dir(storage).with_context(|| storage.display().to_string())?;
    }
    work.become_folder(storage).with_context(|| storage.display().to_string())?;
    Ok(Restored { manifest, report, erased })
}

/// Replays a log of erasures, and keeps it with the ledger: later backups are restored with it too.
async fn erase_again(folder: &Path, log: &Path) -> anyhow::Result<Counts> {
    let kept = folder.join(erasures::FILE);
    std::fs::copy(log, &kept).with_context(|| format!("the erasure log {}", log.display()))?;
    let ledger = Ledger::open(folder, Settings::default()).await?;
    let replayed = erasures::replay(&ledger, &kept).await;
    ledger.close().await;
    Ok(replayed?)
}

/// Holds the restored ledger against the manifest and against itself.
async fn check(folder: &Path, manifest: &Manifest, now: Timestamp) -> anyhow::Result<Report> {
    manifest.is_known_up_to(migrations::LATEST)?;
    let database = folder.join(DATABASE);
    manifest.has_rows_of(&database).await?;
    // An older schema is checked as it is restored: verify reads the newest.
    crate::store::migrate(folder, migrations::LATEST).await?;
    let store = Store::attach(folder)?;
    let report = verify::verify(&store, &manifest.recorded()?, now).await?;
    let mut session = store.read().await?;
    let heads = audit::heads(&mut session).await?.len();
    drop(session);
    store.close().await;
    if let Some(first) = report.damage.first() {
        bail!("{DATABASE} is damaged: {first}");
    }
    // What was told of a day long ago keeps nobody from what is owed.
    if let Some(first) = report.findings.iter().find(|finding| finding.what != What::Day) {
        bail!("{DATABASE} is not what its rows say: {first}; {} findings", report.findings.len());
    }
    let was = manifest.heads.len();
    ensure!(heads == was, "{DATABASE}: {heads} accounts have rows, the manifest says {was}");
    Ok(report)
}

impl Manifest {
    /// The files that may follow, in order.
    fn may_hold(&self) -> &'static [&'static str] {
        if self.spool.is_some() { &SPOOL_FILES } else { &FILES }
    }

    /// Rows of a table.
    #[must_use]
    pub fn rows_of(&self, table: &str) -> i64 {
        self.rows.get(table).copied().unwrap_or(0)
    }

    fn is_known_up_to(&self, latest: i64) -> anyhow::Result<()> {
        let is = self.schema;
        ensure!(
            is <= latest,
            "it has schema version {is}, this program knows up to {latest}: restore with the newer program"
        );
        Ok(())
    }

    /// Holds a database against what is said of its schema and rows.
    async fn has_rows_of(&self, database: &Path) -> anyhow::Result<()> {
        let file = database.file_name().unwrap_or_default().display();
        ensure!(copy::schema(database).await? == self.schema, "{file}: another schema version");
        let rows = copy::counts(database).await?;
        for table in rows.keys().chain(self.rows.keys()) {
            let (is, was) = (rows.get(table), self.rows.get(table));
            ensure!(is == was, "{file}: table {table} has {is:?} rows, the manifest says {was:?}");
        }
        Ok(())
    }

    /// The heads, as [`verify`](crate::ledger::verify) takes them.
    fn recorded(&self) -> anyhow::Result<Heads> {
        let mut all = Heads::new();
        for HeadOf { account, seq, chain } in &self.heads {
            let named = || format!("{MANIFEST}: the head of account {account:?}");
            let chain = heads::unhex(chain).with_context(named)?;
            let account = account.parse().with_context(named)?;
            all.entry(account).or_default().push(Head { seq: *seq, chain });
        }
        Ok(all)
    }
}
