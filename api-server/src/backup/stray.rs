//! A tenant's backups that the ledger knows nothing of, as those are that came after the backup which it was
//! restored from. Their names say which they are and what their sums must be, and what is in them whose.

use std::path::Path;

use anyhow::ensure;
use uuid::Uuid;

use super::shelf::{self, Shelf, Wanted};
use crate::domain::account::AccountId;
use crate::store::backups::Backup;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// In whose place it stands.
    pub account: AccountId,
    /// Its id, as its gateway drew it: of two the later one is the greater.
    pub id: Uuid,
    /// How large it is, where it stands.
    pub bytes: u64,
    sha256: [u8; 32],
}

impl From<&Stray> for Wanted {
    fn from(stray: &Stray) -> Self {
        let Stray { account, id, bytes, sha256 } = stray;
        Self::new(account.as_str(), shelf::name(*id, sha256), (*bytes, *sha256))
    }
}

/// Those of an account, the newest first.
///
/// # Errors
/// When it cannot be told.
pub async fn of(
    shelf: &Shelf,
    account: &AccountId,
    known: &[Backup],
) -> anyhow::Result<Vec<Stray>> {
    let stands = shelf.stands(account.as_str()).await?.into_iter();
    let mut all: Vec<_> = stands
        .filter_map(|(name, bytes)| {
            let (id, sha256) = shelf::read(&name)?;
            Some(Stray { account: account.clone(), id, bytes, sha256 })
        })
        .filter(|stray| known.iter().all(|backup| backup.id != stray.id))
        .collect();
    all.sort_by_key(|stray| std::cmp::Reverse(stray.id));
    Ok(all)
}

/// Finds one whole, and of that account.
///
/// # Errors
/// What is damaged or another's.
pub async fn check(shelf: &Shelf, stray: &Stray, beside: &Path) -> anyhow::Result<()> {
    let manifest = shelf.check(stray, beside).await?;
    let of = manifest.spool.map(|of| of.account).unwrap_or_default();
    ensure!(of == stray.account.as_str(), "{}: it is of account {of:?}", shelf.place(stray));
    Ok(())
}
