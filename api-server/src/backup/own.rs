//! The ledger's own backups, in a place of their own among those of the tenants. The ledger records nothing of
//! them: what is lost with it could not be found again by it. A name says when one was made and what its
//! SHA-256 is, and all else is in the archive.

use std::path::Path;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::Manifest;
use super::shelf::{Shelf, Wanted};
use crate::ledger::heads::{hex, unhex};

/// The place where they stand. No account has such an id.
pub const OF: &str = "_ledger";
/// When one was made, as its name says.
const MADE: &str = "%Y%m%dT%H%M%SZ";

/// What stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A backup of the ledger.
    Archive,
    /// Its log of erasures.
    Erasures,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Archive, Self::Erasures];

    const fn ending(self) -> &'static str {
        match self {
            Self::Archive => "tar",
            Self::Erasures => "erasures.jsonl",
        }
    }
}

/// Something of the ledger's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Own {
    /// When it was made, to the second.
    pub made: Timestamp,
    /// What it is.
    pub kind: Kind,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// How large it is, where it stands.
    pub bytes: u64,
}

impl Own {
    pub(super) fn new(kind: Kind, made: Timestamp, (bytes, sha256): (u64, [u8; 32])) -> Self {
        let made = Timestamp::from_second(made.as_second()).unwrap_or(made);
        Self { made, kind, sha256, bytes }
    }

    /// What it is called where one is asked for.
    #[must_use]
    pub fn id(&self) -> String {
        self.made.strftime(MADE).to_string()
    }

    pub(super) fn name(&self) -> String {
        format!("{}.{}.{}", self.id(), hex(&self.sha256), self.kind.ending())
    }

    fn read(name: &str, bytes: u64) -> Option<Self> {
        let (id, rest) = name.split_once('.')?;
        let (sum, ending) = rest.split_once('.')?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.ending() == ending)?;
        let made = DateTime::strptime(MADE, id).ok()?;
        let made = Offset::UTC.to_timestamp(made).ok()?;
        let own = Self { made, kind, sha256: unhex(sum)?, bytes };
        // One name for each: what is written in another way is somebody else's.
        (own.name() == name).then_some(own)
    }
}

impl From<&Own> for Wanted {
    fn from(own: &Own) -> Self {
        Self::new(OF, own.name(), (own.bytes, own.sha256))
    }
}

/// All that stand there, the newest first.
pub struct Standing {
    /// Backups.
    pub archives: Vec<Own>,
    /// Logs of erasures.
    pub logs: Vec<Own>,
}

/// What stands there.
///
/// # Errors
/// When it cannot be told.
pub async fn all(shelf: &Shelf) -> anyhow::Result<Standing> {
    let names = shelf.stands(OF).await?.into_iter();
    let mut all: Vec<Own> = names.filter_map(|(name, bytes)| Own::read(&name, bytes)).collect();
    all.sort();
    all.reverse();
    let (archives, logs) = all.into_iter().partition(|own| own.kind == Kind::Archive);
    Ok(Standing { archives, logs })
}

/// Removes one. What cannot be removed is warned of, and removed another time.
pub(super) async fn let_go(shelf: &Shelf, own: &Own) {
    if let Err(error) = shelf.remove(OF, &own.name()).await {
        let (error, place) = (format!("{error:#}"), shelf.place(own));
        tracing::warn!(error, place, "what is no longer wanted of the ledger's backups was left");
    }
}

/// Reads one through.
///
/// # Errors
/// What is damaged, or no ledger's.
pub async fn check(shelf: &Shelf, own: &Own, beside: &Path) -> anyhow::Result<()> {
    if own.kind == Kind::Erasures {
        return shelf.text(own).await.map(drop);
    }
    let manifest = shelf.check(own, beside).await?;
    is_ledgers(&manifest).with_context(|| shelf.place(own))
}

/// Copies one into a new file, once it is found whole.
///
/// # Errors
/// What is damaged, or that the file is there; then no file is made.
pub async fn fetch(shelf: &Shelf, own: &Own, to: &Path) -> anyhow::Result<()> {
    shelf.fetch(own, to).await.map(drop)
}

fn is_ledgers(manifest: &Manifest) -> anyhow::Result<()> {
    ensure!(manifest.spool.is_none(), "it is a gateway's, not a ledger's");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_and_what_and_another_spelling_is_nobodys() {
        let made: Timestamp = "2026-11-29T03:00:07.9Z".parse().unwrap();
        let own = Own::new(Kind::Archive, made, (9, [0xab; 32]));
        let name = own.name();
        assert_eq!(name, format!("20261129T030007Z.{}.tar", "ab".repeat(32)));
        assert_eq!(Own::read(&name, 9), Some(own));
        let log = Own::new(Kind::Erasures, made, (9, [0xab; 32]));
        assert_eq!(Own::read(&log.name(), 9), Some(log));
        let strange = [
            name.replace("ab", "AB"),
            name.replace(".tar", ""),
            name.replace("20261129", "20261329"),
            format!(".{name}"),
            format!("{name}.tar"),
            "20261129T030007Z.tar".to_owned(),
            String::new(),
        ];
        for name in strange {
            assert_eq!(Own::read(&name, 9), None, "{name}");
        }
    }

    #[test]
    fn no_account_has_the_place_of_the_ledger() {
        assert!(OF.parse::<crate::domain::account::AccountId>().is_err());
    }
}
