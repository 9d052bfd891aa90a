//! A gateway's spool in an archive: what was taken and is not known to be in the ledger, the times
//! that were given, what the ledger refused.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use jiff::Timestamp;

use super::archive::{self, Work};
use super::{FORMAT, File, Manifest, SpoolOf};
use crate::store::{SPOOL, Store, copy, migrations};

/// A copy of a spool as it was at one moment. Its bytes make an archive; it is gone at the end.
pub struct SpoolCopy {
    work: Work,
    manifest: Vec<u8>,
    files: Vec<File>,
    /// The archive's size, in bytes.
    pub bytes: u64,
    /// The archive's SHA-256.
    pub sha256: [u8; 32],
    /// Events that are held in it.
    pub held: i64,
}

impl SpoolCopy {
    /// Copies the spool in a folder, beside it; a gateway may be working on it.
    ///
    /// # Errors
    /// When it cannot be read, or there is no room for the copy.
    pub async fn make(folder: &Path, of: SpoolOf, now: Timestamp) -> anyhow::Result<Self> {
        let named = || format!("a folder in {}", folder.display());
        let work = Work::beside(folder).with_context(named)?;
        let database = work.path().join(SPOOL.0);
        copy::database(&folder.join(SPOOL.0), &database).await?;
        let manifest = Manifest {
            format: FORMAT,
            spool: Some(of),
            made_at: now,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            schema: copy::schema(&database).await?,
            rows: copy::counts(&database).await?,
            heads: Vec::new(),
            files: Vec::new(),
        };
        tokio::task::spawn_blocking(move || Self::summed(work, manifest)).await?
    }

    fn summed(work: Work, mut manifest: Manifest) -> anyhow::Result<Self> {
        manifest.files.push(archive::describe(work.path(), SPOOL.0)?);
        let (held, files) = (manifest.rows_of("held"), manifest.files.clone());
        let manifest = serde_json::to_vec_pretty(&manifest)?;
        let (bytes, sha256) = archive::sum(archive::bytes(&manifest, &files, work.path())?)?;
        ensure!(bytes == archive::size(&manifest, &files), "the copy changed while it was read");
        Ok(Self { work, manifest, files, bytes, sha256, held })
    }

    /// The archive, from its beginning.
    ///
    /// # Errors
    /// When the copy is gone.
    pub fn read(&self) -> anyhow::Result<Box<dyn Read + Send>> {
        archive::bytes(&self.manifest, &self.files, self.work.path())
    }
}

/// Removes what a killed gateway left of its copies. Nobody may be making one.
pub fn clear(folder: &Path) {
    Work::clear(folder);
}

/// Restores a spool in place of one that holds nothing, which stays beside it: what a gateway has begun anew after its
/// volume was lost. No gateway may be at work there.
///
/// # Errors
/// As [`restore`], when a gateway is at work, and when events would be lost. Then the folder is as it was.
pub async fn replace(
    from: &Path,
    folder: &Path,
    now: Timestamp,
) -> anyhow::Result<(Manifest, Option<PathBuf>)> {
    let named = || folder.display().to_string();
    // Held to the end: a gateway that starts meanwhile finds the one spool or the other.
    let _lock = Store::lock_spool(folder).await.with_context(named)?;
    let aside = set_aside(folder, now).await?;
    let restored = restore(from, folder).await;
    match (restored, aside) {
        (Ok(manifest), aside) => Ok((manifest, aside)),
        (Err(error), None) => Err(error),
        (Err(error), Some(aside)) => {
            rename(&aside, &folder.join(SPOOL.0)).with_context(named)?;
            Err(error)
        }
    }
}

/// Gives a spool that holds nothing another name; answers that.
async fn set_aside(folder: &Path, now: Timestamp) -> anyhow::Result<Option<PathBuf>> {
    let file = folder.join(SPOOL.0);
    if !file.exists() {
        return Ok(None);
    }
    let found = copy::spool(&file).await.with_context(|| file.display().to_string())?;
    let [held, ..] = found.is;
    ensure!(
        held == 0 && found.integrity == "ok",
        "{} is {} and holds {held} events that are not known to be in the ledger: let its gateway send them first, or \
         move it away yourself",
        file.display(),
        found.integrity,
    );
    let aside = folder.join(format!("before-{}.db", now.as_second()));
    ensure!(!aside.exists(), "{} is there already", aside.display());
    rename(&file, &aside).with_context(|| file.display().to_string())?;
    Ok(Some(aside))
}

/// Renames a database with what stands beside it.
fn rename(file: &Path, to: &Path) -> std::io::Result<()> {
    for end in ["-wal", "-shm", ""] {
        let [file, to] = [file, to].map(|path| PathBuf::from(format!("{}{end}", path.display())));
        if file.exists() {
            fs::rename(file, to)?;
        }
    }
    Ok(())
}

/// Restores a spool into a folder that has none. The folder may be a volume's root, with other files
/// in it.
///
/// # Errors
/// What is damaged or differs; then the folder is as it was.
pub async fn restore(from: &Path, folder: &Path) -> anyhow::Result<Manifest> {
    for end in ["", "-wal", "-shm"] {
        let file = folder.join(format!("{}{end}", SPOOL.0));
        ensure!(
            !file.exists(),
            "{} is there: stop its gateway and restore with --set-aside, or into another folder",
            file.display(),
        );
    }
    let named = || folder.display().to_string();
    fs::create_dir_all(folder).with_context(named)?;
    let work = Work::beside(folder).with_context(named)?;
    let (source, into) = (from.to_owned(), work.path().to_owned());
    let read = tokio::task::spawn_blocking(move || archive::read(&source, Some(&into))).await?;
    let manifest = read.with_context(|| from.display().to_string())?;
    check(work.path(), &manifest).await.with_context(|| from.display().to_string())?;
    let file = folder.join(SPOOL.0);
    // Never over a spool that came meanwhile.
    fs::hard_link(work.path().join(SPOOL.0), &file).with_context(|| file.display().to_string())?;
    archive::sync_folder_of(&file).with_context(named)?;
    Ok(manifest)
}

async fn check(folder: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let of = manifest.spool.as_ref().context("it is a ledger's, not a gateway's")?;
    manifest.is_known_up_to(migrations::LATEST_SPOOL)?;
    let database = folder.join(SPOOL.0);
    manifest.has_rows_of(&database).await?;
    let found = copy::spool(&database).await?;
    let (file, whole) = (SPOOL.0, &found.integrity);
    ensure!(whole == "ok", "{file} is damaged: {whole}");
    ensure!(found.says == found.is, "{file} says {:?} of itself and is {:?}", found.says, found.is);
    let (is, was) = (found.account.as_deref().unwrap_or_default(), &of.account);
    ensure!(is == was, "{file} is of account {is:?}, the manifest says {was:?}");
    Ok(())
}
