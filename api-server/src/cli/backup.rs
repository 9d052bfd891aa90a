//! `api-server backup` and `api-server restore`

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use tempfile::NamedTempFile;

use crate::{backup, config::LedgerPlace};

/// What to back up, and where to.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The ledger's folder. A server may be working on it.
    #[arg(long, env = "TENANTRY_BILLING_STORAGE", default_value = "storage/billing")]
    storage: PathBuf,
    /// The archive, which must not be there yet. Put it on another disk.
    #[arg(long)]
    to: PathBuf,
}

/// What to restore, and where to.
#[derive(clap::Args, Debug)]
pub struct RestoreArgs {
    /// The archive: of a ledger, or of a tenant's gateway; `-` is standard input.
    #[arg(long)]
    from: PathBuf,
    /// The ledger's folder: empty, or not there yet. A gateway's: one without a spool.
    #[arg(long, env = "TENANTRY_BILLING_STORAGE", default_value = "storage/billing")]
    storage: PathBuf,
    /// The ledger's `erasures.jsonl` as it is today: what was erased since the backup is erased again.
    #[arg(long)]
    erasures: Option<PathBuf>,
    /// A gateway's: take the place of a spool that holds nothing, as one has that was begun anew after a volume
    /// was lost. It stays beside it, as `before-….db`.
    #[arg(long)]
    set_aside: bool,
}

/// Backs a ledger up.
///
/// # Errors
/// As [`backup::make`]; when the ledger is in a database.
pub async fn run(args: Args) -> anyhow::Result<()> {
    is_in_a_folder("pg_dump")?;
    let manifest = backup::make(&args.storage, &args.to, Timestamp::now()).await?;
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    let (to, accounts, rows) =
        (args.to.display(), manifest.heads.len(), manifest.rows_of("usage_ledger"));
    writeln!(io::stdout(), "{to}: {accounts} accounts with usage, {rows} rows, {bytes} bytes")?;
    Ok(())
}

/// Restores one.
///
/// # Errors
/// As [`backup::restore`] and [`backup::spool::restore`]; when the ledger is in a database.
pub async fn restore(args: RestoreArgs) -> anyhow::Result<()> {
    let RestoreArgs { from, storage, erasures, set_aside } = args;
    // It is read more than once, and kept as long as that takes.
    let taken = if from == Path::new("-") { Some(taken_in().await?) } else { None };
    let from = taken.as_ref().map_or(from.as_path(), |file| file.path());
    if backup::manifest(from)?.spool.is_some() {
        ensure!(erasures.is_none(), "--erasures is for a ledger's backup; this is a gateway's");
        return restore_spool(from, &storage, set_aside).await;
    }
    ensure!(!set_aside, "--set-aside is for a gateway's backup; this is a ledger's");
    is_in_a_folder("pg_restore")?;
    let restored = backup::restore(from, &storage, erasures.as_deref(), Timestamp::now()).await?;
    let (made, folder) = (restored.manifest.made_at, storage.display());
    let (accounts, rows) = (restored.report.accounts, restored.report.rows);
    let mut out = io::stdout();
    writeln!(out, "{folder}: as of {made}, {accounts} accounts, {rows} rows: everything agrees")?;
    match restored.erased {
        Some(counts) => writeln!(out, "{folder}: {counts}")?,
        None => writeln!(
            out,
            "{folder}: what was erased after {made} is back; to erase it again: \
             api-server erasures replay --storage {folder} --log FILE"
        )?,
    }
    Ok(())
}

/// A folder may hold the ledger that was moved into a database: archived or restored, it would pass for that.
fn is_in_a_folder(instead: &str) -> anyhow::Result<()> {
    let Some(name) = LedgerPlace::elsewhere() else { return Ok(()) };
    bail!(
        "{name} is set: that ledger is in PostgreSQL, and archives are of ledgers in a folder. Use {instead}, as \
         docs/operations.md says; unset {name} for the ledger of the folder"
    )
}

/// Standard input, as a file.
async fn taken_in() -> anyhow::Result<NamedTempFile> {
    let copy = || {
        let mut file = NamedTempFile::new()?;
        io::copy(&mut io::stdin().lock(), &mut file)?;
        Ok(file)
    };
    let copied: io::Result<_> = tokio::task::spawn_blocking(copy).await?;
    copied.context("standard input")
}

async fn restore_spool(from: &Path, folder: &Path, set_aside: bool) -> anyhow::Result<()> {
    let (manifest, aside) = if set_aside {
        backup::spool::replace(from, folder, Timestamp::now()).await?
    } else {
        (backup::spool::restore(from, folder).await?, None)
    };
    if let Some(aside) = aside {
        writeln!(
            io::stdout(),
            "{}: the spool that was there, which held nothing",
            aside.display()
        )?;
    }
    let of = manifest.spool.as_ref().map(|of| of.account.as_str()).unwrap_or_default();
    let (held, refused) = (manifest.rows_of("held"), manifest.rows_of("refused"));
    let (made, folder) = (manifest.made_at, folder.display());
    writeln!(
        io::stdout(),
        "{folder}: account {of} as of {made}, {held} events held, {refused} refused: everything agrees"
    )?;
    Ok(())
}
