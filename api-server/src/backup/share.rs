//! An account's share of the room for backups.
//!
//! Held against what stands on the shelf, not against what the ledger knows of: an upload that is broken off at
//! the right moment leaves what nobody has recorded, and who does that often fills the disk all the same.

use thiserror::Error;
use uuid::Uuid;

use super::shelf::{self, Shelf};
use crate::domain::account::AccountId;
use crate::ledger::{Ledger, LedgerError};
use crate::store::backups::{self, Backup};

/// A backup that is more than its account's share takes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "account {account} keeps {kept} bytes of backups, and each account may keep {each}: one of {needed} more does not \
     fit. Keep fewer of each tenant (--backups-keep, TENANTRY_BACKUPS_KEEP; in the chart apiServer.backups.keep), or \
     raise --backups-each (TENANTRY_BACKUPS_EACH; in the chart apiServer.backups.each)"
)]
pub struct OverShare {
    /// Whose share.
    pub account: AccountId,
    /// How much of it is taken, in bytes, without what is let go of once this one stands.
    pub kept: u64,
    /// How much this one takes, as far as it is known.
    pub needed: u64,
    /// How much each account may take.
    pub each: u64,
}

/// What is known of an account's backups, the newest first, and what stands in its place.
pub(super) struct Place {
    account: AccountId,
    known: Vec<Backup>,
    /// By name and size; nothing when the shelf does not say.
    stands: Option<Vec<(String, u64)>>,
}

impl Place {
    pub(super) async fn of(
        shelf: &Shelf,
        ledger: &Ledger,
        account: &AccountId,
    ) -> Result<Self, LedgerError> {
        let mut session = ledger.store().read().await?;
        let known = backups::of(&mut session, account).await?;
        drop(session);
        let stands = shelf.stands(account.as_str()).await;
        if let Err(error) = &stands {
            let error = format!("{error:#}");
            tracing::warn!(%account, error, "what stands of an account's backups is not known");
        }
        Ok(Self { account: account.clone(), known, stands: stands.ok() })
    }

    /// What is recorded of the same backup, if it stands as it was sent. Of a shelf that does not say none does.
    pub(super) fn has(&self, id: Uuid, sha256: &[u8; 32]) -> Option<Backup> {
        let known = self.known.iter().find(|one| one.id == id && one.sha256 == *sha256)?;
        let mut stands = self.stands.iter().flatten();
        let (name, bytes) = (shelf::name(id, sha256), u64::try_from(known.bytes).ok()?);
        stands.any(|(is, size)| *is == name && *size == bytes).then(|| known.clone())
    }

    /// The account's share, of which what is let go of for one more takes none. Of a shelf that does not say, what
    /// is recorded counts.
    pub(super) fn share(&self, keep: usize, each: u64) -> Share {
        let recorded = |one: &Backup| {
            let bytes = u64::try_from(one.bytes).unwrap_or(0);
            (shelf::name(one.id, &one.sha256), bytes)
        };
        let recorded = || self.known.iter().map(recorded).collect();
        let stands = self.stands.clone().unwrap_or_else(recorded);
        Share::new((&self.account, each), &stands, &self.known, keep)
    }
}

/// What is left of a share.
#[derive(Clone, Debug)]
pub(super) struct Share {
    account: AccountId,
    kept: u64,
    each: u64,
}

impl Share {
    /// Of what stands in an account's place, by name and size, without the recorded ones that are let go of once
    /// one more is among the `keep` newest. `known` begins with the newest.
    pub(super) fn new(
        (account, each): (&AccountId, u64),
        stands: &[(String, u64)],
        known: &[Backup],
        keep: usize,
    ) -> Self {
        let goes = known.iter().skip(keep.saturating_sub(1));
        let goes: Vec<_> = goes.map(|one| shelf::name(one.id, &one.sha256)).collect();
        let stays = stands.iter().filter(|(name, _)| !goes.contains(name));
        let kept = stays.fold(0, |sum: u64, (_, bytes)| sum.saturating_add(*bytes));
        Self { account: account.clone(), kept, each }
    }

    /// Nothing, if a backup of so many bytes fits.
    ///
    /// # Errors
    /// [`OverShare`].
    pub(super) fn fits(&self, needed: u64) -> Result<(), OverShare> {
        let Self { account, kept, each } = self;
        if kept.saturating_add(needed) <= *each {
            return Ok(());
        }
        Err(OverShare { account: account.clone(), kept: *kept, needed, each: *each })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn known(n: u128) -> Backup {
        let (account, at) = ("acme".parse().unwrap(), Timestamp::UNIX_EPOCH);
        let (id, sha256) = (Uuid::from_u128(n), [7; 32]);
        Backup { account, id, received: at, made: at, bytes: 10, sha256, held: 0 }
    }

    #[test]
    fn what_is_let_go_of_counts_no_more_and_what_nobody_knows_of_does() {
        let account: AccountId = "acme".parse().unwrap();
        let known = [known(3), known(2), known(1)];
        let stands = known.iter().map(|one| (shelf::name(one.id, &one.sha256), 10));
        let stands: Vec<_> = stands.chain([("stray".to_owned(), 5)]).collect();
        let left = |keep| {
            let share = Share::new((&account, 40), &stands, &known, keep);
            (0..=40).rev().find(|bytes| share.fits(*bytes).is_ok()).unwrap()
        };
        // Of three that are kept, two stay beside the new one.
        assert_eq!((left(4), left(3), left(2), left(1)), (5, 15, 25, 35));
        let over = Share::new((&account, 40), &stands, &known, 3).fits(16).unwrap_err();
        assert_eq!((over.kept, over.needed, over.each), (25, 16, 40));
        let full = Share::new((&account, 4), &stands, &[], 3);
        assert!(full.fits(0).is_err() && full.fits(u64::MAX).is_err());
    }

    #[test]
    fn who_is_refused_is_told_whose_share_it_is_and_what_to_do() {
        let (account, kept, needed, each) = ("acme".parse().unwrap(), 25, 16, 40);
        let said = OverShare { account, kept, needed, each }.to_string();
        for part in ["account acme", "keeps 25 bytes", "keep 40", "of 16 more", "--backups-each"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(
            said.contains("--backups-keep") && said.contains("apiServer.backups.each"),
            "{said}"
        );
    }
}
