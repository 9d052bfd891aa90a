//! Where whole backups stand: files of a folder, or objects of a bucket, under the same names. A name
//! has the archive's SHA-256, so no backup can take another's place.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use uuid::Uuid;

use super::archive::{self, Work};
use super::bucket::Bucket;
use crate::domain::account::AccountId;
use crate::ledger::heads::hex;
use crate::store::backups::Backup;

/// A shelf.
pub enum Shelf {
    /// A folder, with one of each account in it.
    Folder(PathBuf),
    /// A bucket, with the account before the name.
    Bucket(Box<Bucket>),
}

/// A backup's name among those of its account.
pub(super) fn name(id: Uuid, sha256: &[u8; 32]) -> String {
    format!("{id}.{}.tar", hex(sha256))
}

/// The file of a backup, below a folder.
#[must_use]
pub fn path(folder: &Path, backup: &Backup) -> PathBuf {
    folder.join(backup.account.as_str()).join(name(backup.id, &backup.sha256))
}

impl Shelf {
    /// Puts an archive that stands under a name of its own here under its name, whole and durable.
    pub(super) async fn put(
        &self,
        from: &Path,
        account: &AccountId,
        name: &str,
        what: (u64, &[u8; 32]),
    ) -> anyhow::Result<()> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(account.as_str()).join(name);
                fs::rename(from, &path)?;
                Ok(archive::sync_folder_of(&path)?)
            }
            Self::Bucket(bucket) => bucket.put(&object(account, name), from, what).await,
        }
    }

    /// Removes one, which need not be there.
    pub(super) async fn remove(&self, account: &AccountId, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(account.as_str()).join(name);
                match tokio::fs::remove_file(&path).await {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        Err(error).with_context(|| path.display().to_string())
                    }
                    _ => Ok(()),
                }
            }
            Self::Bucket(bucket) => bucket.remove(&object(account, name)).await,
        }
    }

    /// Where a backup is, for people.
    #[must_use]
    pub fn place(&self, backup: &Backup) -> String {
        self.place_of(&backup.account, &name(backup.id, &backup.sha256))
    }

    /// Where something of an account is, for people.
    #[must_use]
    pub fn place_of(&self, account: &AccountId, name: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(account.as_str()).join(name).display().to_string(),
            Self::Bucket(bucket) => bucket.place(&object(account, name)),
        }
    }

    /// Holds a backup against what is recorded of it, and against itself. What comes out of a bucket
    /// stands in `beside` meanwhile.
    ///
    /// # Errors
    /// What is missing or damaged.
    pub async fn check(&self, backup: &Backup, beside: &Path) -> anyhow::Result<()> {
        match self {
            Self::Folder(folder) => holds(&path(folder, backup), backup),
            Self::Bucket(bucket) => {
                let work = Work::beside(beside).with_context(|| beside.display().to_string())?;
                taken_out(bucket, backup, &work.path().join(ARCHIVE)).await
            }
        }
        .with_context(|| self.place(backup))
    }

    /// Copies a backup into a new file, once it is found whole.
    ///
    /// # Errors
    /// When it is missing or damaged, or the file is there; then no file is made.
    pub async fn fetch(&self, backup: &Backup, to: &Path) -> anyhow::Result<()> {
        let beside = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        let beside = beside.unwrap_or(Path::new("."));
        let work = Work::beside(beside).with_context(|| beside.display().to_string())?;
        let part = work.path().join(ARCHIVE);
        let copied = match self {
            Self::Folder(folder) => copied(&path(folder, backup), backup, &part),
            Self::Bucket(bucket) => taken_out(bucket, backup, &part).await,
        };
        copied.with_context(|| self.place(backup))?;
        // Never over a file that is there.
        fs::hard_link(&part, to).with_context(|| to.display().to_string())?;
        Ok(archive::sync_folder_of(to)?)
    }

    /// The names of all that stands here, by account, or of one account's alone.
    ///
    /// # Errors
    /// When not all of them can be read.
    pub async fn names(
        &self,
        only: Option<&AccountId>,
    ) -> anyhow::Result<BTreeMap<AccountId, Vec<String>>> {
        let all = match (self, only) {
            (Self::Folder(folder), _) => files(folder)?,
            (Self::Bucket(bucket), None) => bucket.list("").await?,
            (Self::Bucket(bucket), Some(account)) => bucket.list(&object(account, "")).await?,
        };
        let mut names = BTreeMap::<_, Vec<_>>::new();
        for object in all {
            let Some((account, name)) = object.split_once('/') else { continue };
            let Ok(account) = account.parse::<AccountId>() else { continue };
            if !name.starts_with('.') && only.is_none_or(|only| *only == account) {
                names.entry(account).or_default().push(name.to_owned());
            }
        }
        Ok(names)
    }
}

/// What an archive is called that is looked at.
const ARCHIVE: &str = "archive";

fn object(account: &AccountId, name: &str) -> String {
    format!("{account}/{name}")
}

/// The files of a folder's folders, named as a bucket names them.
fn files(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    let entries =
        |folder: &Path| fs::read_dir(folder).with_context(|| folder.display().to_string());
    for account in entries(folder)? {
        let account = account?;
        if !account.file_type()?.is_dir() {
            continue;
        }
        for file in entries(&account.path())? {
            let (account, file) = (account.file_name(), file?.file_name());
            all.push(format!("{}/{}", account.to_string_lossy(), file.to_string_lossy()));
        }
    }
    all.sort();
    Ok(all)
}

/// Copies an archive out of a bucket into a new file, whole.
async fn taken_out(bucket: &Bucket, backup: &Backup, to: &Path) -> anyhow::Result<()> {
    let mut open = tokio::fs::OpenOptions::new();
    let mut file = open.write(true).create_new(true).mode(0o600).open(to).await?;
    let bytes = u64::try_from(backup.bytes).unwrap_or(0);
    let name = object(&backup.account, &name(backup.id, &backup.sha256));
    ensure!(bucket.get(&name, bytes, &mut file).await?, "it is not there");
    file.sync_all().await?;
    holds(to, backup)
}

fn copied(from: &Path, backup: &Backup, to: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut open = fs::OpenOptions::new();
    let mut file = open.write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut fs::File::open(from)?, &mut file)?;
    file.sync_all()?;
    holds(to, backup)
}

fn holds(path: &Path, backup: &Backup) -> anyhow::Result<()> {
    let (bytes, sha256) = fs::File::open(path).and_then(archive::sum)?;
    let whole = i64::try_from(bytes) == Ok(backup.bytes) && sha256 == backup.sha256;
    ensure!(whole, "it is not what was received");
    archive::read(path, None).map(drop)
}
