//! `api-server backup` and `api-server restore`

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use jiff::Timestamp;

use crate::backup;

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
    /// The archive.
    #[arg(long)]
    from: PathBuf,
    /// The ledger's folder: empty, or not there yet.
    #[arg(long, env = "TENANTRY_BILLING_STORAGE", default_value = "storage/billing")]
    storage: PathBuf,
    /// The ledger's `erasures.jsonl` as it is today: what was erased since the backup is erased again.
    #[arg(long)]
    erasures: Option<PathBuf>,
}

/// Backs a ledger up.
///
/// # Errors
/// As [`backup::make`].
pub async fn run(args: Args) -> anyhow::Result<()> {
    let manifest = backup::make(&args.storage, &args.to, Timestamp::now()).await?;
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    let (to, accounts, rows) = (args.to.display(), manifest.heads.len(), manifest.ledger_rows());
    writeln!(io::stdout(), "{to}: {accounts} accounts with usage, {rows} rows, {bytes} bytes")?;
    Ok(())
}

/// Restores one.
///
/// # Errors
/// As [`backup::restore`].
pub async fn restore(args: RestoreArgs) -> anyhow::Result<()> {
    let RestoreArgs { from, storage, erasures } = args;
    let restored = backup::restore(&from, &storage, erasures.as_deref(), Timestamp::now()).await?;
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
