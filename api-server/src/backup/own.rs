//! The ledger's own backups, in a place of their own among those of the tenants. The ledger records nothing of
//! them: what is lost with it could not be found again by it. A name says when one was made, of which ledger,
//! and what its SHA-256 is, and all else is in the archive. A server that finds its disk empty begins another
//! ledger: by its name, that one's backups neither take the place of the lost one's nor pass for them.

use std::fmt;
use std::path::Path;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use sha2::{Digest, Sha256};

use super::Manifest;
use super::shelf::{Shelf, Wanted};
use crate::ledger::Ledger;
use crate::ledger::heads::{hex, unhex};
use crate::store::cursors;

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

/// Which ledger a backup is of: made of what each draws when its first server starts, and keeps through
/// backup and restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerId([u8; 4]);

impl LedgerId {
    /// A ledger's.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn of(ledger: &Ledger) -> anyhow::Result<Self> {
        let mut session = ledger.store().read().await?;
        let key = cursors::kept(&mut session).await?;
        let key = key.context("no server was started on this ledger: it has no name yet")?;
        // The key itself is for nobody to see.
        let sum = Sha256::new().chain_update("ledger backups").chain_update(key).finalize();
        let [a, b, c, d, ..] = <[u8; 32]>::from(sum);
        Ok(Self([a, b, c, d]))
    }

    fn read(text: &str) -> Option<Self> {
        let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        let id = Self([byte(0)?, byte(2)?, byte(4)?, byte(6)?]);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Something of the ledger's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Own {
    /// When it was made, to the second.
    pub made: Timestamp,
    /// What it is.
    pub kind: Kind,
    /// Of which ledger; a log of erasures is known by its lines.
    pub ledger: Option<LedgerId>,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// How large it is, where it stands.
    pub bytes: u64,
}

impl Own {
    /// A backup of a ledger.
    pub(super) fn archive(of: LedgerId, made: Timestamp, what: (u64, [u8; 32])) -> Self {
        Self { ledger: Some(of), ..Self::new(Kind::Archive, made, what) }
    }

    /// A log of erasures.
    pub(super) fn log(made: Timestamp, what: (u64, [u8; 32])) -> Self {
        Self::new(Kind::Erasures, made, what)
    }

    fn new(kind: Kind, made: Timestamp, (bytes, sha256): (u64, [u8; 32])) -> Self {
        let made = Timestamp::from_second(made.as_second()).unwrap_or(made);
        Self { made, kind, ledger: None, sha256, bytes }
    }

    /// What it is called where one is asked for.
    #[must_use]
    pub fn id(&self) -> String {
        self.made.strftime(MADE).to_string()
    }

    pub(super) fn name(&self) -> String {
        let of = self.ledger.map(|ledger| format!("{ledger}.")).unwrap_or_default();
        format!("{}.{of}{}.{}", self.id(), hex(&self.sha256), self.kind.ending())
    }

    fn read(name: &str, bytes: u64) -> Option<Self> {
        let (id, rest) = name.split_once('.')?;
        let made = DateTime::strptime(MADE, id).ok()?;
        let made = Offset::UTC.to_timestamp(made).ok()?;
        let kind = Kind::ALL.into_iter().find(|kind| rest.ends_with(kind.ending()))?;
        let rest = rest.strip_suffix(kind.ending())?.strip_suffix('.')?;
        let (ledger, sum) = match kind {
            Kind::Archive => rest.split_once('.').map(|(of, sum)| (LedgerId::read(of), sum))?,
            Kind::Erasures => (None, rest),
        };
        let own = Self { ledger, ..Self::new(kind, made, (bytes, unhex(sum)?)) };
        if own.ledger.is_none() && kind == Kind::Archive {
            return None;
        }
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
        let own = Own::archive(LedgerId([0, 1, 0xc2, 0xd3]), made, (9, [0xab; 32]));
        let name = own.name();
        assert_eq!(name, format!("20261129T030007Z.0001c2d3.{}.tar", "ab".repeat(32)));
        assert_eq!(Own::read(&name, 9), Some(own));
        let log = Own::log(made, (9, [0xab; 32]));
        assert_eq!(Own::read(&log.name(), 9), Some(log.clone()));
        let strange = [
            name.replace("ab", "AB"),
            name.replace(".tar", ""),
            name.replace("c2d3", "C2D3"),
            name.replace(".0001c2d3", ""),
            name.replace("0001c2d3", "1c2d3"),
            log.name().replace("Z.", "Z.0001c2d3."),
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
