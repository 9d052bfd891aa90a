//! The archive's bytes: a tar file with a manifest in front.

use std::fs::{self, File as Open, OpenOptions};
use std::io::{self, Cursor, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use sha2::{Digest, Sha256};
use tar::{Archive, Entries, EntryType, Header};

use super::{FORMAT, File, MANIFEST, Manifest};
use crate::ledger::heads::hex;

/// How large a manifest may be, in bytes: heads of a hundred thousand accounts.
const LARGEST_MANIFEST: u64 = 32 * 1024 * 1024;
/// What a tar archive is made of, in bytes.
const BLOCK: u64 = 512;
/// How the names of working folders begin.
const WORK: &str = ".tenantry-";

/// A folder that is gone at the end, unless it becomes another.
pub(super) struct Work(Option<PathBuf>);

impl Work {
    /// A new folder in `folder`, on the same file system and for nobody else to read.
    pub(super) fn beside(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("{WORK}{}", uuid::Uuid::now_v7()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(Some(path)))
    }

    /// Removes those in `folder` that a killed process left. Nobody may be working in it.
    pub(super) fn clear(folder: &Path) {
        let left = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(WORK);
        for entry in fs::read_dir(folder).into_iter().flatten().flatten().filter(left) {
            drop(Self(Some(entry.path())));
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(""))
    }

    /// Takes a name of its own and stays.
    pub(super) fn become_folder(mut self, path: &Path) -> io::Result<()> {
        fs::rename(self.path(), path)?;
        self.0 = None;
        sync_folder_of(path)
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
pub(super) struct Summed<T> {
    inner: T,
    hash: Sha256,
    bytes: u64,
}

impl<T> Summed<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    fn sha256(self) -> [u8; 32] {
        self.hash.finalize().into()
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

/// How many bytes there are to read, and their SHA-256.
pub(super) fn sum(from: impl Read) -> io::Result<(u64, [u8; 32])> {
    let mut from = Summed::new(from);
    io::copy(&mut from, &mut io::sink())?;
    Ok((from.bytes, from.sha256()))
}

/// Size and sum of a file.
pub(super) fn describe(folder: &Path, name: &str) -> anyhow::Result<File> {
    let named = || folder.join(name).display().to_string();
    let (bytes, sha256) =
        sum(Open::open(folder.join(name)).with_context(named)?).with_context(named)?;
    Ok(File { name: name.to_owned(), bytes, sha256: hex(&sha256) })
}

/// How large an archive is, in bytes.
pub(super) fn size(manifest: &[u8], files: &[File]) -> u64 {
    let entry = |bytes: u64| BLOCK + bytes.next_multiple_of(BLOCK);
    let files: u64 = files.iter().map(|file| entry(file.bytes)).sum();
    entry(manifest.len() as u64) + files + 2 * BLOCK
}

/// The bytes of an archive: the manifest, then the files that it lists, which are in `folder`.
pub(super) fn bytes(
    manifest: &[u8],
    files: &[File],
    folder: &Path,
) -> anyhow::Result<Box<dyn Read + Send>> {
    let mut all = entry(MANIFEST, manifest.len() as u64, Cursor::new(manifest.to_vec()))?;
    for File { name, bytes, .. } in files {
        let content = Open::open(folder.join(name)).with_context(|| name.clone())?;
        all = Box::new(all.chain(entry(name, *bytes, content)?));
    }
    // An archive ends with two empty blocks.
    Ok(Box::new(all.chain(io::repeat(0).take(2 * BLOCK))))
}

fn entry(
    name: &str,
    bytes: u64,
    content: impl Read + Send + 'static,
) -> anyhow::Result<Box<dyn Read + Send>> {
    let mut header = Header::new_ustar();
    header.set_path(name).with_context(|| format!("archive: {name}"))?;
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    let padding = io::repeat(0).take(bytes.next_multiple_of(BLOCK) - bytes);
    let header = Cursor::new(header.as_bytes().to_vec());
    Ok(Box::new(header.chain(content.take(bytes)).chain(padding)))
}

/// Writes an archive, which is there as a whole or not at all.
pub(super) fn write(to: &Path, manifest: &[u8], files: &[File], work: &Work) -> anyhow::Result<()> {
    let part = work.path().join("archive");
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
    let mut file = open.context("archive")?;
    let written =
        io::copy(&mut bytes(manifest, files, work.path())?, &mut file).context("archive")?;
    ensure!(written == size(manifest, files), "a file changed while it was written");
    file.flush().and_then(|()| file.sync_all()).context("archive")?;
    // Never over another's file that came meanwhile.
    fs::hard_link(&part, to).with_context(|| to.display().to_string())?;
    sync_folder_of(to).context("archive's folder")
}

/// Makes a new name in a folder durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Open::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// What an archive says is in it. What follows is not looked at.
///
/// # Errors
/// When there is no such thing at its beginning.
pub(super) fn manifest(from: &Path) -> anyhow::Result<Manifest> {
    let mut archive = Archive::new(Open::open(from)?);
    first(&mut entries(&mut archive)?)
}

/// What is in an archive, header by header: long names and other extensions, which the library would
/// read into memory whole before it hands anything out, are entries like any other, and refused as such.
fn entries(archive: &mut Archive<Open>) -> anyhow::Result<Entries<'_, Open>> {
    Ok(archive.entries().context("this is no archive")?.raw(true))
}

/// Unpacks an archive into a folder, checking each file as it passes; without a folder, checks them
/// alone.
///
/// # Errors
/// What is damaged.
pub(super) fn read(from: &Path, folder: Option<&Path>) -> anyhow::Result<Manifest> {
    let mut archive = Archive::new(Open::open(from)?);
    let mut entries = entries(&mut archive)?;
    let manifest = first(&mut entries)?;
    for file in &manifest.files {
        let entry = next(&mut entries, &file.name)?;
        match folder {
            Some(folder) => unpack(entry, file, folder)?,
            None => check(entry, file, &mut io::sink())?,
        }
    }
    if entries.next().is_some() {
        bail!("there is more in it than the manifest says");
    }
    Ok(manifest)
}

fn next<'a>(entries: &mut Entries<'a, Open>, wanted: &str) -> anyhow::Result<tar::Entry<'a, Open>> {
    let entry = entries.next().with_context(|| format!("it ends before {wanted}"))?;
    let entry = entry.with_context(|| format!("the archive is damaged at {wanted}"))?;
    let name = entry.path().map(|path| path.display().to_string()).unwrap_or_default();
    let kind = entry.header().entry_type();
    ensure!(
        kind == EntryType::Regular && name == wanted,
        "it has {name:?} ({kind:?}) where {wanted} belongs"
    );
    Ok(entry)
}

fn first(entries: &mut Entries<'_, Open>) -> anyhow::Result<Manifest> {
    let entry = next(entries, MANIFEST)?;
    ensure!(entry.size() <= LARGEST_MANIFEST, "{MANIFEST} is too large");
    let mut text = Vec::new();
    entry.take(LARGEST_MANIFEST).read_to_end(&mut text).context(MANIFEST)?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .with_context(|| format!("{MANIFEST} is damaged, or of a newer program"))?;
    ensure!(manifest.format == FORMAT, "{MANIFEST} has format {}: too new", manifest.format);
    let names: Vec<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    let may = manifest.may_hold();
    let known = may.get(..names.len()).is_some_and(|known| known == names);
    ensure!(known && !names.is_empty(), "{MANIFEST} lists {names:?}, not {may:?}");
    Ok(manifest)
}

fn unpack(entry: impl Read, file: &File, folder: &Path) -> anyhow::Result<()> {
    let mut open = OpenOptions::new();
    let mut into = open.write(true).create_new(true).mode(0o600).open(folder.join(&file.name))?;
    check(entry, file, &mut into)?;
    into.sync_all().with_context(|| file.name.clone())
}

fn check(entry: impl Read, file: &File, into: &mut impl io::Write) -> anyhow::Result<()> {
    let File { name, bytes, sha256 } = file;
    // One byte more than there should be is enough to know.
    let mut from = Summed::new(entry.take(bytes.saturating_add(1)));
    let copied = io::copy(&mut from, into);
    copied.with_context(|| format!("{name} is damaged, or the archive ends in it"))?;
    let is = from.bytes;
    ensure!(is == *bytes, "{name} is damaged: it has {is} bytes instead of {bytes}");
    ensure!(hex(&from.sha256()) == *sha256, "{name} is damaged: its SHA-256 is another");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The library would read what such an entry holds before anybody sees it: 64 MiB here, and as much as
    /// an upload may have elsewhere.
    #[test]
    fn headers_that_speak_of_other_entries_are_no_backups() {
        let folder = tempfile::tempdir().unwrap();
        let kinds = [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader];
        for kind in kinds.into_iter().chain([EntryType::XGlobalHeader, EntryType::GNUSparse]) {
            let path = folder.path().join("archive");
            let mut header = Header::new_gnu();
            header.set_path(MANIFEST).unwrap();
            header.set_size(64 << 20);
            header.set_entry_type(kind);
            header.set_cksum();
            fs::write(&path, header.as_bytes()).unwrap();
            Open::options().write(true).open(&path).unwrap().set_len((64 << 20) + 4096).unwrap();
            let expected = format!("it has \"manifest.json\" ({kind:?}) where");
            for refused in [read(&path, None).unwrap_err(), manifest(&path).unwrap_err()] {
                assert!(format!("{refused:#}").starts_with(&expected), "{kind:?}: {refused:#}");
            }
        }
    }
}
