//! Where the control plane keeps the backups that gateways send: a folder per account, a file per
//! backup, and what is known of each in the ledger.
//!
//! A file is checked as it arrives and stands under its name before the ledger says that it is kept.
//! Its name has its SHA-256, so no backup can take another's place.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, DirEntry};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::body::Bytes;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{Manifest, archive};
use crate::domain::account::AccountId;
use crate::ledger::heads::hex;
use crate::ledger::{Ledger, LedgerError};
use crate::store::StoreError;
use crate::store::backups::{self, Backup};

/// How many are taken at once.
const AT_ONCE: usize = 4;
/// How long the next bytes of one may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(15);
/// How the names of files end that are arriving.
const PART: &str = ".part";
/// How old one must be to be removed: one that arrives is younger.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// How backups are kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder.
    pub folder: PathBuf,
    /// How many of an account, the newest.
    pub keep: usize,
    /// How large one may be, in bytes.
    pub largest: u64,
}

/// What is said of a backup before it arrives.
#[derive(Clone, Debug)]
pub struct Announced {
    /// Whose it is, as the sender has proved.
    pub account: AccountId,
    /// Its id.
    pub id: Uuid,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

/// Why a backup was not kept. Nothing of it is.
#[derive(Debug, Error)]
pub enum NotKept {
    /// Others arrive; to be sent again.
    #[error("others are arriving")]
    Busy,
    /// It is larger than this many bytes.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// It did not go on arriving.
    #[error("it stopped arriving")]
    Late,
    /// It ended early.
    #[error("it ended early")]
    Incomplete,
    /// What arrived is not what was announced.
    #[error("what arrived has another SHA-256 than was announced")]
    Damaged,
    /// It is no archive of a spool.
    #[error("{0}")]
    NoBackup(String),
    /// It is another account's.
    #[error("it is the spool of another account")]
    Foreign,
    /// The account has another one of that id.
    #[error("another backup has that id")]
    Other,
    /// It cannot be written now.
    #[error("{0:#}")]
    Disk(anyhow::Error),
    /// It cannot be recorded now.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<io::Error> for NotKept {
    fn from(error: io::Error) -> Self {
        Self::Disk(error.into())
    }
}

/// The folder of backups.
pub struct Vault {
    settings: Settings,
    room: Semaphore,
    /// Accounts whose backup arrives.
    taking: Mutex<BTreeSet<AccountId>>,
}

impl Vault {
    /// The vault in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(settings: Settings) -> anyhow::Result<Self> {
        let named = || format!("the folder of backups {}", settings.folder.display());
        make(&settings.folder).with_context(named)?;
        // Found out at the start, not in the night.
        let probe = settings.folder.join(format!(".{}", Uuid::now_v7()));
        fs::File::create_new(&probe).and_then(|_| fs::remove_file(&probe)).with_context(named)?;
        Ok(Self { settings, room: Semaphore::new(AT_ONCE), taking: Mutex::default() })
    }

    /// How large a backup may be, in bytes.
    #[must_use]
    pub fn largest(&self) -> u64 {
        self.settings.largest
    }

    /// Takes a backup in; answers what is recorded of it, and whether it is new. The same again is a
    /// success.
    ///
    /// # Errors
    /// [`NotKept`].
    pub async fn take(
        &self,
        ledger: &Ledger,
        announced: &Announced,
        body: impl Stream<Item = Result<Bytes, NotKept>> + Unpin,
    ) -> Result<(Backup, bool), NotKept> {
        let _room = self.room.try_acquire().map_err(|_| NotKept::Busy)?;
        let _turn = self.turn(&announced.account)?;
        let folder = self.settings.folder.join(announced.account.as_str());
        make(&folder).and_then(|()| archive::sync_folder_of(&folder))?;
        let part = Part::in_folder(&folder);
        let bytes = self.arrive(&part.0, announced, body).await?;
        let manifest = looked_at(&part.0).await?;
        let of = manifest.spool.as_ref();
        let of =
            of.ok_or_else(|| NotKept::NoBackup("It is a ledger's, not a gateway's.".into()))?;
        if of.account != announced.account.as_str() {
            return Err(NotKept::Foreign);
        }
        let name = file_name(announced.id, &announced.sha256);
        part.becomes(&folder.join(&name))?;
        let Recorded { backup, new, gone } =
            self.record(ledger, announced, &manifest, bytes).await?;
        let other = backup.sha256 != announced.sha256;
        let mut unwanted: Vec<String> = gone.iter().map(|b| file_name(b.id, &b.sha256)).collect();
        unwanted.extend(other.then_some(name));
        sweep(folder, unwanted).await;
        if other { Err(NotKept::Other) } else { Ok((backup, new)) }
    }

    /// One at a time of an account: the next would be as good.
    fn turn(&self, account: &AccountId) -> Result<Turn<'_>, NotKept> {
        let mut taking = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        match taking.insert(account.clone()) {
            true => Ok(Turn { of: self, account: account.clone() }),
            false => Err(NotKept::Busy),
        }
    }

    /// Writes what arrives, durably; answers how much it was.
    async fn arrive(
        &self,
        path: &Path,
        announced: &Announced,
        mut body: impl Stream<Item = Result<Bytes, NotKept>> + Unpin,
    ) -> Result<u64, NotKept> {
        let largest = self.settings.largest;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).await?;
        let (mut bytes, mut hash) = (0, Sha256::new());
        while let Some(some) =
            tokio::time::timeout(ARRIVAL, body.next()).await.map_err(|_| NotKept::Late)?
        {
            let some = some?;
            bytes += some.len() as u64;
            if bytes > largest {
                return Err(NotKept::TooLarge(largest));
            }
            hash.update(&some);
            file.write_all(&some).await?;
        }
        if <[u8; 32]>::from(hash.finalize()) != announced.sha256 {
            return Err(NotKept::Damaged);
        }
        file.flush().await?;
        File::sync_all(&file).await?;
        Ok(bytes)
    }

    async fn record(
        &self,
        ledger: &Ledger,
        announced: &Announced,
        manifest: &Manifest,
        bytes: u64,
    ) -> Result<Recorded, NotKept> {
        let Announced { account, id, sha256 } = announced.clone();
        let (made, held) = (manifest.made_at, manifest.rows_of("held"));
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let (keep, of) = (self.settings.keep, account.clone());
        let work = ledger.transact(Some(account), move |session, received| {
            Box::pin(async move {
                if let Some(backup) = backups::get(session, &of, id).await? {
                    return Ok(Recorded { backup, new: false, gone: Vec::new() });
                }
                let backup = Backup { account: of, id, received, made, bytes, sha256, held };
                backups::put(session, &backup).await?;
                let gone = backups::keep_newest(session, &backup.account, keep).await?;
                Ok(Recorded { backup, new: true, gone })
            })
        });
        Ok(work.await?)
    }
}

/// What is known of a backup once it is here.
struct Recorded {
    backup: Backup,
    new: bool,
    /// Those that were too many.
    gone: Vec<Backup>,
}

/// An account's turn.
struct Turn<'v> {
    of: &'v Vault,
    account: AccountId,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.of.taking.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.account);
    }
}

/// A file that is gone unless it gets its name.
struct Part(PathBuf);

impl Part {
    fn in_folder(folder: &Path) -> Self {
        Self(folder.join(format!(".{}{PART}", Uuid::now_v7())))
    }

    fn becomes(&self, path: &Path) -> io::Result<()> {
        fs::rename(&self.0, path)?;
        archive::sync_folder_of(path)
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

/// Where an account's backup is, below the vault's folder.
#[must_use]
pub fn path(folder: &Path, backup: &Backup) -> PathBuf {
    folder.join(backup.account.as_str()).join(file_name(backup.id, &backup.sha256))
}

fn file_name(id: Uuid, sha256: &[u8; 32]) -> String {
    format!("{id}.{}.tar", hex(sha256))
}

/// Holds a kept backup against what is recorded of it, and against itself.
///
/// # Errors
/// What is missing or damaged.
pub fn check(folder: &Path, backup: &Backup) -> anyhow::Result<()> {
    let path = path(folder, backup);
    let summed = fs::File::open(&path).and_then(archive::sum);
    let (bytes, sha256) = summed.with_context(|| path.display().to_string())?;
    let whole = i64::try_from(bytes) == Ok(backup.bytes) && sha256 == backup.sha256;
    anyhow::ensure!(whole, "{}: it is not what was received", path.display());
    archive::read(&path, None).with_context(|| path.display().to_string()).map(drop)
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// What an archive says of itself, once all that it says is so.
async fn looked_at(path: &Path) -> Result<Manifest, NotKept> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || archive::read(&path, None)).await;
    let read = read.map_err(|error| NotKept::Disk(error.into()))?;
    read.map_err(|error| NotKept::NoBackup(format!("It is no whole backup: {error:#}.")))
}

/// Removes files of an account that are `unwanted`, and parts that a killed server left. What fails is
/// left, and found by [`strangers`]. So is what the ledger does not know: after an older ledger was
/// restored, that is what one would miss.
async fn sweep(folder: PathBuf, unwanted: Vec<String>) {
    let removing = move || -> io::Result<()> {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let part = name.starts_with('.') && name.ends_with(PART);
            if unwanted.contains(&name) || part && is_forgotten(&entry) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    };
    match tokio::task::spawn_blocking(removing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "backups that are too many were left"),
        Err(error) => tracing::warn!(%error, "backups that are too many were left"),
    }
}

/// Files of an account of which nothing is recorded.
///
/// # Errors
/// When the folder cannot be read.
pub fn strangers(
    folder: &Path,
    account: &AccountId,
    recorded: &[Backup],
) -> anyhow::Result<Vec<PathBuf>> {
    let folder = folder.join(account.as_str());
    let known: BTreeSet<String> = recorded.iter().map(|b| file_name(b.id, &b.sha256)).collect();
    let mut strangers = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !known.contains(&name) {
            strangers.push(entry.path());
        }
    }
    strangers.sort();
    Ok(strangers)
}

fn is_forgotten(entry: &DirEntry) -> bool {
    let age = entry.metadata().and_then(|data| data.modified()).map(|at| at.elapsed());
    matches!(age, Ok(Ok(age)) if age > FORGOTTEN)
}

/// All that are recorded, in the order of accounts and ids, a page at a time.
///
/// # Errors
/// [`StoreError`].
pub async fn recorded(
    session: &mut crate::store::Session,
    after: Option<&Backup>,
    most: u32,
) -> Result<Vec<Backup>, StoreError> {
    let id = after.map(|backup| backup.id.to_string()).unwrap_or_default();
    let account = after.map(|backup| backup.account.as_str()).unwrap_or_default();
    backups::after(session, (account, &id), most).await
}
