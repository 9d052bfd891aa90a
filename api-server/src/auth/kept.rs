//! A copy of an issuer's key set in a file, for restarts while the issuer cannot be reached.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::caller::Clock;

/// How large the file may be, in bytes.
const LARGEST: u64 = 1 << 20;
/// How far ahead of the clock a copy may have been made; one from later says that the clock was
/// set back, and then its age is not known.
const SKEW: Duration = Duration::from_secs(60);

/// Where a copy of a key set is kept, and of whose.
pub(crate) struct KeptCopy {
    /// The file.
    pub(crate) file: PathBuf,
    /// Whose keys; the copy of another issuer is not used.
    pub(crate) issuer: String,
    /// Tells when it was made, and how old it is.
    pub(crate) clock: Clock,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Copy {
    issuer: String,
    fetched_at: Timestamp,
    set: String,
}

impl KeptCopy {
    /// The set and its age; `None` when there is none of this issuer.
    pub(super) fn read(&self) -> anyhow::Result<Option<(Vec<u8>, Duration)>> {
        let named = || self.file.display().to_string();
        let size = match std::fs::metadata(&self.file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.with_context(named)?.len(),
        };
        ensure!(size <= LARGEST, "{} is too large", named());
        let bytes = std::fs::read(&self.file).with_context(named)?;
        let copy: Copy = serde_json::from_slice(&bytes).with_context(named)?;
        if copy.issuer != self.issuer {
            return Ok(None);
        }
        let age = (self.clock)().duration_since(copy.fetched_at).as_millis();
        let ahead = i128::try_from(SKEW.as_millis()).unwrap_or(0);
        ensure!(age >= -ahead, "{} is from the future: set the clock", named());
        let age = Duration::from_millis(u64::try_from(age.max(0)).unwrap_or(u64::MAX));
        Ok(Some((STANDARD.decode(copy.set).with_context(named)?, age)))
    }

    /// Replaces the file as a whole.
    pub(super) fn write(&self, set: &[u8]) -> anyhow::Result<()> {
        let (issuer, fetched_at) = (self.issuer.clone(), (self.clock)());
        let copy = Copy { issuer, fetched_at, set: STANDARD.encode(set) };
        let text = serde_json::to_vec(&copy).context("key set")?;
        replace(&self.file, &text).with_context(|| self.file.display().to_string())
    }
}

/// Writes a file so that it is there as a whole or as it was before.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = file.with_extension("part");
    let mut written = std::fs::File::create(&part)?;
    written.write_all(bytes)?;
    written.sync_all()?;
    std::fs::rename(&part, file)?;
    match file.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
