//! How the ledger itself is backed up, as flags and environment say.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::ensure;
use clap::Args;
use jiff::SignedDuration;
use opentelemetry::metrics::Meter;

use super::ServeConfig;
use crate::backup::bucket::LARGEST;
use crate::backup::keeper::{Keeper, Settings};
use crate::backup::vault::Vault;
use crate::store::Place;

/// When the ledger is backed up, and how many are kept. Where is where tenants' backups are kept.
#[derive(Args, Clone, Debug)]
pub struct OwnArgs {
    /// Hours after which the ledger itself is backed up again, to where the backups of tenants are kept
    /// (--backups). 0: not by the server. A ledger in PostgreSQL is not: the database's own tools do it.
    #[arg(long, env = "TENANTRY_BACKUPS_LEDGER_EVERY", default_value_t = 24, value_parser = clap::value_parser!(u16).range(0..=168))]
    pub backups_ledger_every: u16,
    /// How many backups of the ledger are kept, the newest.
    #[arg(long, env = "TENANTRY_BACKUPS_LEDGER_KEEP", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub backups_ledger_keep: u32,
    /// How large the ledger may be to be backed up to a bucket, in bytes. On its way there it needs room for
    /// twice as much in --backups.
    #[arg(long, env = "TENANTRY_BACKUPS_LEDGER_LARGEST", default_value_t = LARGEST, value_parser = clap::value_parser!(u64).range(1..=1 << 44))]
    pub backups_ledger_largest: u64,
}

impl OwnArgs {
    /// How it is backed up; not at all with 0 hours.
    ///
    /// # Errors
    /// When more is allowed than a bucket takes.
    fn settings(&self, to_a_bucket: bool) -> anyhow::Result<Option<Settings>> {
        let largest = self.backups_ledger_largest;
        ensure!(
            !to_a_bucket || largest <= LARGEST,
            "--backups-ledger-largest (TENANTRY_BACKUPS_LEDGER_LARGEST) is more than a bucket takes at once: \
             {LARGEST} at most"
        );
        let every = SignedDuration::from_hours(self.backups_ledger_every.into());
        let keep = self.backups_ledger_keep as usize;
        Ok((!every.is_zero()).then_some(Settings { every, keep, largest }))
    }
}

/// A ledger that is backed up, and how.
pub struct OwnBackups {
    folder: PathBuf,
    settings: Settings,
    vault: Arc<Vault>,
}

impl OwnBackups {
    /// What does it.
    #[must_use]
    pub fn keeper(self, meter: &Meter) -> Keeper {
        Keeper::new(self.vault, self.folder, self.settings, meter)
    }
}

impl ServeConfig {
    /// How the server backs its ledger up; not where there is no vault, and not a database elsewhere. The log
    /// says which.
    ///
    /// # Errors
    /// When the settings cannot be used, or the database's URL cannot be read.
    pub fn own_backups(&self, vault: Option<&Arc<Vault>>) -> anyhow::Result<Option<OwnBackups>> {
        let settings = self.own.settings(self.bucket.settings()?.is_some())?;
        let why = match (self.ledger.place()?, settings, vault) {
            (Place::Postgres { .. }, _, _) => "it is in PostgreSQL, whose own tools do that",
            (_, None, _) => "--backups-ledger-every is 0",
            (_, _, None) => "there is no place for it: give --backups",
            (Place::Folder(folder), Some(settings), Some(vault)) => {
                return Ok(Some(OwnBackups { folder, settings, vault: vault.clone() }));
            }
        };
        tracing::info!(why, "this server does not back the ledger up");
        Ok(None)
    }
}
