//! Where whole backups stand: files of a folder, or objects of a bucket, under the same names. A name
//! has the archive's SHA-256, so no backup can take another's place. Each stands in the place of who it is
//! of: an account, or the ledger itself.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use uuid::Uuid;

use super::Manifest;
use super::archive::{self, Work};
use super::bucket::Bucket;
use crate::domain::account::AccountId;
use crate::ledger::heads::{hex, unhex};
use crate::store::backups::Backup;

/// A shelf.
pub enum Shelf {
    /// A folder, with one of each account in it, and the ledger's.
    Folder(PathBuf),
    /// A bucket, with the account before the name.
    Bucket(Box<Bucket>),
}

/// An archive that should stand on a shelf.
pub struct Wanted {
    /// Whose place it stands in.
    of: String,
    /// Its name there.
    name: String,
    /// Its size.
    bytes: u64,
    sha256: [u8; 32],
}

impl Wanted {
    pub(super) fn new(of: &str, name: String, (bytes, sha256): (u64, [u8; 32])) -> Self {
        Self { of: of.to_owned(), name, bytes, sha256 }
    }
}

impl From<&Backup> for Wanted {
    fn from(backup: &Backup) -> Self {
        let Backup { account, id, bytes, sha256, .. } = backup;
        let bytes = u64::try_from(*bytes).unwrap_or(0);
        Self::new(account.as_str(), name(*id, sha256), (bytes, *sha256))
    }
}

/// A backup's name among those of its account.
pub(super) fn name(id: Uuid, sha256: &[u8; 32]) -> String {
    format!("{id}.{}.tar", hex(sha256))
}

/// What such a name says; another spelling is nobody's.
pub(super) fn read(name: &str) -> Option<(Uuid, [u8; 32])> {
    let (id, sum) = name.strip_suffix(".tar")?.split_once('.')?;
    let (id, sha256) = (id.parse().ok()?, unhex(sum)?);
    (self::name(id, &sha256) == name).then_some((id, sha256))
}

/// The file of a backup, below a folder.
#[must_use]
pub fn path(folder: &Path, backup: &Backup) -> PathBuf {
    folder.join(backup.account.as_str()).join(name(backup.id, &backup.sha256))
}

/// A backup that was found whole, to be read. What came out of a bucket stands somewhere as long as this.
pub struct Opened {
    file: fs::File,
    _place: Option<Work>,
}

impl io::Read for Opened {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.file.read(into)
    }
}

impl Shelf {
    /// Puts an archive that stands under a name of its own here under its name, whole and durable.
    pub(super) async fn put(
        &self,
        from: &Path,
        of: &str,
        name: &str,
        what: (u64, &[u8; 32]),
    ) -> anyhow::Result<()> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(of).join(name);
                fs::rename(from, &path)?;
                Ok(archive::sync_folder_of(&path)?)
            }
            Self::Bucket(bucket) => bucket.put(&object(of, name), from, what).await,
        }
    }

    /// Removes one, which need not be there.
    pub(super) async fn remove(&self, of: &str, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(of).join(name);
                match tokio::fs::remove_file(&path).await {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        Err(error).with_context(|| path.display().to_string())
                    }
                    _ => Ok(()),
                }
            }
            Self::Bucket(bucket) => bucket.remove(&object(of, name)).await,
        }
    }

    /// Where a backup is, for people.
    #[must_use]
    pub fn place(&self, wanted: impl Into<Wanted>) -> String {
        let Wanted { of, name, .. } = wanted.into();
        self.place_of(&of, &name)
    }

    /// Where something of an account, or of the ledger, is, for people.
    #[must_use]
    pub fn place_of(&self, of: &str, name: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(of).join(name).display().to_string(),
            Self::Bucket(bucket) => bucket.place(&object(of, name)),
        }
    }

    /// Holds a backup against what is known of it, and against itself; answers what is in it. What comes
    /// out of a bucket stands in `beside` meanwhile.
    ///
    /// # Errors
    /// What is missing or damaged.
    pub async fn check(
        &self,
        wanted: impl Into<Wanted>,
        beside: &Path,
    ) -> anyhow::Result<Manifest> {
        let wanted = wanted.into();
        match self {
            Self::Folder(folder) => holds(&folder.join(&wanted.of).join(&wanted.name), &wanted),
            Self::Bucket(bucket) => {
                let work = Work::beside(beside).with_context(|| beside.display().to_string())?;
                taken_out(bucket, &wanted, &work.path().join(ARCHIVE)).await
            }
        }
        .with_context(|| self.place_of(&wanted.of, &wanted.name))
    }

    /// Copies a backup into a new file, once it is found whole.
    ///
    /// # Errors
    /// When it is missing or damaged, or the file is there; then no file is made.
    pub async fn fetch(&self, wanted: impl Into<Wanted>, to: &Path) -> anyhow::Result<Manifest> {
        let wanted = wanted.into();
        let beside = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        let beside = beside.unwrap_or(Path::new("."));
        let work = Work::beside(beside).with_context(|| beside.display().to_string())?;
        let part = work.path().join(ARCHIVE);
        let copied = match self {
            Self::Folder(folder) => {
                copied(&folder.join(&wanted.of).join(&wanted.name), &wanted, &part)
            }
            Self::Bucket(bucket) => taken_out(bucket, &wanted, &part).await,
        };
        let manifest = copied.with_context(|| self.place_of(&wanted.of, &wanted.name))?;
        // Never over a file that is there.
        fs::hard_link(&part, to).with_context(|| to.display().to_string())?;
        archive::sync_folder_of(to)?;
        Ok(manifest)
    }

    /// Opens a backup, once it is found whole. One of a folder is read where it stands: there may be no room for
    /// another. What comes out of a bucket stands in `beside` meanwhile.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub async fn open(&self, wanted: impl Into<Wanted>, beside: &Path) -> anyhow::Result<Opened> {
        let wanted = wanted.into();
        match self {
            Self::Folder(folder) => opened(&folder.join(&wanted.of).join(&wanted.name), &wanted),
            Self::Bucket(bucket) => taken_beside(bucket, &wanted, beside).await,
        }
        .with_context(|| self.place_of(&wanted.of, &wanted.name))
    }

    /// Removes a backup, which need not be there.
    ///
    /// # Errors
    /// When it may still be there.
    pub async fn take_away(&self, wanted: impl Into<Wanted>) -> anyhow::Result<()> {
        let Wanted { of, name, .. } = wanted.into();
        self.remove(&of, &name).await
    }

    /// The bytes of something that is no archive, found whole.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub(super) async fn text(&self, wanted: impl Into<Wanted>) -> anyhow::Result<Vec<u8>> {
        let wanted = wanted.into();
        let place = || self.place_of(&wanted.of, &wanted.name);
        let mut text = Vec::new();
        match self {
            Self::Folder(folder) => {
                let path = folder.join(&wanted.of).join(&wanted.name);
                text = fs::read(path).with_context(place)?;
            }
            Self::Bucket(bucket) => {
                let name = object(&wanted.of, &wanted.name);
                let there = bucket.get(&name, wanted.bytes, &mut text).await;
                ensure!(there.with_context(place)?, "{}: it is not there", place());
            }
        }
        let is = archive::sum(text.as_slice()).with_context(place)?;
        ensure!(is == (wanted.bytes, wanted.sha256), "{}: it is not what was kept", place());
        Ok(text)
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
            (Self::Bucket(bucket), Some(account)) => {
                bucket.list(&object(account.as_str(), "")).await?
            }
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

    /// Names and sizes of all that stands in one place, which need not be there.
    pub(super) async fn stands(&self, of: &str) -> anyhow::Result<Vec<(String, u64)>> {
        match self {
            Self::Folder(folder) => {
                let folder = folder.join(of);
                let named = || folder.display().to_string();
                let entries = match fs::read_dir(&folder) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                    entries => entries.with_context(named)?,
                };
                sizes(entries).with_context(named)
            }
            Self::Bucket(bucket) => {
                let under = object(of, "");
                let all = bucket.objects(&under).await?.into_iter();
                let own = |(name, bytes): (String, u64)| {
                    name.strip_prefix(&under).map(|name| (name.to_owned(), bytes))
                };
                Ok(all.filter_map(own).collect())
            }
        }
    }
}

/// Names and sizes of those of a folder's entries that are still there.
fn sizes(
    entries: impl Iterator<Item = io::Result<fs::DirEntry>>,
) -> io::Result<Vec<(String, u64)>> {
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry?;
        let bytes = match entry.metadata() {
            // Since the folder was read it was dropped, or has become whole under another name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata?.len(),
        };
        all.push((entry.file_name().to_string_lossy().into_owned(), bytes));
    }
    Ok(all)
}

/// What an archive is called that is looked at.
const ARCHIVE: &str = "archive";

fn object(of: &str, name: &str) -> String {
    format!("{of}/{name}")
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
async fn taken_out(bucket: &Bucket, wanted: &Wanted, to: &Path) -> anyhow::Result<Manifest> {
    let mut open = tokio::fs::OpenOptions::new();
    let mut file = open.write(true).create_new(true).mode(0o600).open(to).await?;
    let name = object(&wanted.of, &wanted.name);
    ensure!(bucket.get(&name, wanted.bytes, &mut file).await?, "it is not there");
    file.sync_all().await?;
    holds(to, wanted)
}

async fn taken_beside(bucket: &Bucket, wanted: &Wanted, beside: &Path) -> anyhow::Result<Opened> {
    let work = Work::beside(beside).with_context(|| beside.display().to_string())?;
    let path = work.path().join(ARCHIVE);
    taken_out(bucket, wanted, &path).await?;
    Ok(Opened { file: fs::File::open(path)?, _place: Some(work) })
}

/// Held open before it is looked at: a server may let go of it meanwhile.
fn opened(path: &Path, wanted: &Wanted) -> anyhow::Result<Opened> {
    let file = fs::File::open(path)?;
    holds(path, wanted)?;
    Ok(Opened { file, _place: None })
}

fn copied(from: &Path, wanted: &Wanted, to: &Path) -> anyhow::Result<Manifest> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut open = fs::OpenOptions::new();
    let mut file = open.write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut fs::File::open(from)?, &mut file)?;
    file.sync_all()?;
    holds(to, wanted)
}

fn holds(path: &Path, wanted: &Wanted) -> anyhow::Result<Manifest> {
    let is = fs::File::open(path).and_then(archive::sum)?;
    ensure!(is == (wanted.bytes, wanted.sha256), "it is not what was received");
    archive::read(path, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As when a list is made at the moment at which one is put in its place.
    #[test]
    fn what_was_renamed_or_dropped_since_the_folder_was_read_ends_no_list() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["dropped", "part", "stays"] {
            fs::write(path(name), name).unwrap();
        }
        let read: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(read.len(), 3);
        fs::rename(path("part"), path("whole")).unwrap();
        fs::remove_file(path("dropped")).unwrap();
        assert_eq!(sizes(read.into_iter()).unwrap(), [("stays".to_owned(), 5)]);
    }
}
