//! Where the control plane keeps the backups that gateways send: on a [`Shelf`], and what is known of
//! each in the ledger.
//!
//! A backup is checked as it arrives, in a folder, and stands under its name on the shelf before the
//! ledger says that it is kept. One that is let go of leaves the shelf before the ledger forgets it: what
//! cannot be removed now is removed with the next.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use axum::body::Bytes;
use futures::Stream;
use thiserror::Error;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::arriving::Arriving;
use super::bucket::{self, Bucket};
use super::part::{Part, sweep};
use super::room::{Held, NoRoom, Room};
use super::share::{OverShare, Place, Share};
use super::shelf::{self, Shelf};
use super::{Manifest, archive};
use crate::domain::account::AccountId;
use crate::ledger::{Ledger, LedgerError};
use crate::store::StoreError;
use crate::store::backups::{self, Backup};

/// How many are taken at once.
const AT_ONCE: usize = 4;

/// How backups are kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder in which they arrive, and stay where there is no bucket.
    pub folder: PathBuf,
    /// The bucket to which they go.
    pub bucket: Option<bucket::Settings>,
    /// How many of an account, the newest.
    pub keep: usize,
    /// How large one may be, in bytes.
    pub largest: u64,
    /// How many bytes of them each account may keep.
    pub each: u64,
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
    /// Its size, if that was said.
    pub bytes: Option<u64>,
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
    /// There is no room for it.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// Its account has taken its share.
    #[error(transparent)]
    OverShare(#[from] OverShare),
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
    /// It cannot be put on the shelf now.
    #[error("{0:#}")]
    Shelf(anyhow::Error),
    /// It cannot be recorded now.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<io::Error> for NotKept {
    fn from(error: io::Error) -> Self {
        Self::Shelf(error.into())
    }
}

/// The backups, and who takes them in.
pub struct Vault {
    folder: PathBuf,
    keep: usize,
    largest: u64,
    each: u64,
    shelf: Shelf,
    disk: Room,
    turns: Semaphore,
    /// Accounts whose backup arrives.
    taking: Mutex<BTreeSet<AccountId>>,
}

impl Vault {
    /// The vault in a folder, which is made if it is not there. A bucket is not asked yet.
    ///
    /// # Errors
    /// When the folder cannot be written, or the bucket's settings cannot be used.
    pub fn open(settings: Settings) -> anyhow::Result<Self> {
        let Settings { folder, bucket, keep, largest, each } = settings;
        let named = || format!("the folder of backups {}", folder.display());
        make(&folder).with_context(named)?;
        // Found out at the start, not in the night.
        let probe = folder.join(format!(".{}", Uuid::now_v7()));
        fs::File::create_new(&probe).and_then(|_| fs::remove_file(&probe)).with_context(named)?;
        let shelf = match bucket {
            None => Shelf::Folder(folder.clone()),
            Some(bucket) => Shelf::Bucket(Box::new(Bucket::open(bucket)?)),
        };
        let (turns, taking) = (Semaphore::new(AT_ONCE), Mutex::default());
        let disk = Room::new(&folder);
        Ok(Self { folder, keep, largest, each, shelf, disk, turns, taking })
    }

    /// Tries whether the shelf takes something, and says in the log if it does not. A bucket that is away
    /// keeps backups waiting, not the server from starting.
    pub async fn try_out(&self) {
        if let Shelf::Bucket(bucket) = &self.shelf {
            match bucket.try_out(&self.folder).await {
                Ok(()) => tracing::info!(bucket = bucket.place(""), "backups go there"),
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "backups cannot be kept now");
                }
            }
        }
    }

    /// Where they stand.
    pub(super) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Where they arrive.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The room on its disk.
    pub(super) fn disk(&self) -> &Room {
        &self.disk
    }

    /// How large a backup may be, in bytes.
    #[must_use]
    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// Takes a backup in; answers what is recorded of it, and whether it is new. The same again is a
    /// success, which takes no room: of one that stands there nothing is written.
    ///
    /// # Errors
    /// [`NotKept`].
    pub async fn take(
        &self,
        ledger: &Ledger,
        announced: &Announced,
        body: impl Stream<Item = Result<Bytes, NotKept>> + Unpin,
    ) -> Result<(Backup, bool), NotKept> {
        let _place = self.turns.try_acquire().map_err(|_| NotKept::Busy)?;
        let _turn = self.turn(&announced.account)?;
        let said = announced.bytes.unwrap_or(0);
        if said > self.largest {
            return Err(NotKept::TooLarge(self.largest));
        }
        let Announced { account, id, sha256, .. } = announced;
        let folder = self.folder.join(account.as_str());
        if folder.is_dir() {
            // What a server that was killed left here would count against the account for good.
            sweep(folder.clone()).await;
        }
        let place = Place::of(&self.shelf, ledger, account).await?;
        if let Some(kept) = place.has(*id, sha256) {
            let mut arriving = Arriving::new(body, self.largest);
            while arriving.next().await?.is_some() {}
            arriving.whole(announced)?;
            return Ok((kept, false));
        }
        // Before anything of it is here; of one that does not say how large it is, piece by piece.
        let share = place.share(self.keep, self.each);
        share.fits(said)?;
        let room = self.disk.hold(said)?;
        make(&folder).and_then(|()| archive::sync_folder_of(&folder))?;
        let part = Part::in_folder(&folder);
        let bytes = self.write(part.path(), announced, (room, &share), body).await?;
        let manifest = looked_at(part.path()).await?;
        let of = manifest.spool.as_ref();
        let of =
            of.ok_or_else(|| NotKept::NoBackup("It is a ledger's, not a gateway's.".into()))?;
        if of.account != account.as_str() {
            return Err(NotKept::Foreign);
        }
        let name = shelf::name(*id, sha256);
        let put = self.shelf.put(part.path(), account.as_str(), &name, (bytes, sha256)).await;
        put.map_err(NotKept::Shelf)?;
        let Recorded { backup, new, too_many } =
            self.record(ledger, announced, &manifest, bytes).await?;
        let other = backup.sha256 != *sha256;
        if other {
            self.removed(account, &name).await;
        }
        self.let_go(ledger, account, too_many).await;
        sweep(folder).await;
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
    async fn write(
        &self,
        path: &Path,
        announced: &Announced,
        (mut room, share): (Held<'_>, &Share),
        body: impl Stream<Item = Result<Bytes, NotKept>> + Unpin,
    ) -> Result<u64, NotKept> {
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).await?;
        let mut arriving = Arriving::new(body, self.largest);
        while let Some(some) = arriving.next().await? {
            share.fits(arriving.bytes())?;
            room.grow(some.len() as u64)?;
            file.write_all(&some).await?;
            room.wrote(some.len() as u64);
        }
        let bytes = arriving.whole(announced)?;
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
        let Announced { account, id, sha256, .. } = announced.clone();
        let (made, held) = (manifest.made_at, manifest.rows_of("held"));
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let (keep, of) = (self.keep, account.clone());
        let work = ledger.transact(Some(account), move |session, received| {
            Box::pin(async move {
                if let Some(backup) = backups::get(session, &of, id).await? {
                    return Ok(Recorded { backup, new: false, too_many: Vec::new() });
                }
                let backup = Backup { account: of, id, received, made, bytes, sha256, held };
                backups::put(session, &backup).await?;
                let too_many = backups::older(session, &backup.account, keep).await?;
                Ok(Recorded { backup, new: true, too_many })
            })
        });
        Ok(work.await?)
    }

    /// Removes backups of an account and then forgets them. What fails stays recorded, for the next time.
    async fn let_go(&self, ledger: &Ledger, account: &AccountId, too_many: Vec<Backup>) {
        let mut gone = Vec::new();
        for backup in too_many {
            if self.removed(account, &shelf::name(backup.id, &backup.sha256)).await {
                gone.push(backup.id);
            }
        }
        if gone.is_empty() {
            return;
        }
        let of = account.clone();
        let work = ledger.transact(Some(account.clone()), move |session, _| {
            Box::pin(async move { backups::forget(session, &of, &gone).await })
        });
        if let Err(error) = work.await {
            tracing::warn!(%account, %error, "backups that are gone are still recorded");
        }
    }

    /// Whether it is gone. What is not is warned of.
    async fn removed(&self, account: &AccountId, name: &str) -> bool {
        let removed = self.shelf.remove(account.as_str(), name).await;
        if let Err(error) = &removed {
            let (error, place) =
                (format!("{error:#}"), self.shelf.place_of(account.as_str(), name));
            tracing::warn!(error, place, "a backup that is no longer wanted was left");
        }
        removed.is_ok()
    }
}

/// What is known of a backup once it is here.
struct Recorded {
    backup: Backup,
    new: bool,
    /// Those that are more than are kept.
    too_many: Vec<Backup>,
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

pub(super) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// What an archive says of itself, once all that it says is so.
async fn looked_at(path: &Path) -> Result<Manifest, NotKept> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || archive::read(&path, None)).await;
    let read = read.map_err(|error| NotKept::Shelf(error.into()))?;
    read.map_err(|error| NotKept::NoBackup(format!("It is no whole backup: {error:#}.")))
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
