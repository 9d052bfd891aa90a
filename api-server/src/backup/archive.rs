//! The archive's bytes: a tar file with a manifest in front.

use std::fs::{self, File as Open, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use super::{FILES, FORMAT, File, MANIFEST, Manifest};
use crate::ledger::heads::hex;

/// How large a manifest may be, in bytes: heads of a hundred thousand accounts.
const LARGEST_MANIFEST: u64 = 32 * 1024 * 1024;

/// A folder that is gone at the end, unless it becomes another.
pub(super) struct Work(Option<PathBuf>);

impl Work {
    /// A new folder in `folder`, on the same file system and for nobody else to read.
    pub(super) fn beside(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!(".tenantry-{}", uuid::Uuid::now_v7()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(Some(path)))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(""))
    }

    /// Takes a name of its own and stays.
    pub(super) fn become_folder(mut self, path: &Path) -> io::Result<()> {
        fs::rename(self.path(), path)?;
        self.0 = None;
        match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => Open::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(error) = fs::remove_dir_all(path)
        {
            tracing::warn!(%error, path = %path.display(), "a working folder was left");
        }
    }
}

/// Counts and hashes what passes.
struct Summed<T> {
    inner: T,
    hash: Sha256,
    bytes: u64,
}

impl<T> Summed<T> {
    fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    fn sha256(self) -> String {
        hex(&self.hash.finalize())
    }
}

impl<T: Read> Read for Summed<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Size and sum of a file.
pub(super) fn describe(folder: &Path, name: &str) -> anyhow::Result<File> {
    let named = || folder.join(name).display().to_string();
    let mut file = Summed::new(Open::open(folder.join(name)).with_context(named)?);
    io::copy(&mut file, &mut io::sink()).with_context(named)?;
    Ok(File { name: name.to_owned(), bytes: file.bytes, sha256: file.sha256() })
}

/// Writes an archive, which is there as a whole or not at all.
pub(super) fn write(to: &Path, manifest: &[u8], files: &[File], work: &Work) -> anyhow::Result<()> {
    let part = work.path().join("archive");
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
    let mut tar = Builder::new(open.context("archive")?);
    append(&mut tar, MANIFEST, manifest.len() as u64, manifest)?;
    for File { name, bytes, .. } in files {
        append(&mut tar, name, *bytes, Open::open(work.path().join(name))?)?;
    }
    let file = tar.into_inner().context("archive")?;
    file.sync_all().context("archive")?;
    // Never over another's file that came meanwhile.
    fs::hard_link(&part, to).with_context(|| to.display().to_string())?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    Open::open(folder.unwrap_or(Path::new(".")))?.sync_all().context("archive's folder")
}

fn append(
    tar: &mut Builder<impl Write>,
    name: &str,
    bytes: u64,
    from: impl Read,
) -> anyhow::Result<()> {
    let mut header = Header::new_ustar();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_entry_type(EntryType::Regular);
    tar.append_data(&mut header, name, from).with_context(|| format!("archive: {name}"))
}

/// Unpacks an archive into a folder, checking each file as it passes.
///
/// # Errors
/// What is damaged.
pub(super) fn read(from: &Path, folder: &Path) -> anyhow::Result<Manifest> {
    let mut archive = Archive::new(Open::open(from)?);
    let mut entries = archive.entries().context("this is no archive")?;
    let mut next = |wanted: &str| {
        let entry = entries.next().with_context(|| format!("it ends before {wanted}"))?;
        let entry = entry.with_context(|| format!("the archive is damaged at {wanted}"))?;
        let name = entry.path().map(|path| path.display().to_string()).unwrap_or_default();
        let plain = entry.header().entry_type() == EntryType::Regular;
        ensure!(plain && name == wanted, "it has {name:?} where {wanted} belongs");
        Ok(entry)
    };
    let entry = next(MANIFEST)?;
    ensure!(entry.size() <= LARGEST_MANIFEST, "{MANIFEST} is too large");
    let mut text = Vec::new();
    entry.take(LARGEST_MANIFEST).read_to_end(&mut text).context(MANIFEST)?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .with_context(|| format!("{MANIFEST} is damaged, or of a newer program"))?;
    ensure!(manifest.format == FORMAT, "{MANIFEST} has format {}: too new", manifest.format);
    let names: Vec<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    let known = FILES.get(..names.len()).is_some_and(|known| known == names);
    ensure!(known && !names.is_empty(), "{MANIFEST} lists {names:?}, not {FILES:?}");
    for file in &manifest.files {
        unpack(next(&file.name)?, file, folder)?;
    }
    if entries.next().is_some() {
        bail!("there is more in it than the manifest says");
    }
    Ok(manifest)
}

fn unpack(entry: impl Read, file: &File, folder: &Path) -> anyhow::Result<()> {
    let File { name, bytes, sha256 } = file;
    let mut open = OpenOptions::new();
    let mut into = open.write(true).create_new(true).mode(0o600).open(folder.join(name))?;
    // One byte more than there should be is enough to know.
    let mut from = Summed::new(entry.take(bytes.saturating_add(1)));
    let copied = io::copy(&mut from, &mut into);
    copied.with_context(|| format!("{name} is damaged, or the archive ends in it"))?;
    let is = from.bytes;
    ensure!(is == *bytes, "{name} is damaged: it has {is} bytes instead of {bytes}");
    ensure!(from.sha256() == *sha256, "{name} is damaged: its SHA-256 is another");
    into.sync_all().with_context(|| name.clone())
}
