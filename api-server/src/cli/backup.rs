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
    let (manifest, report) = backup::restore(&args.from, &args.storage, Timestamp::now()).await?;
    let (made, folder) = (manifest.made_at, args.storage.display());
    let (accounts, rows) = (report.accounts, report.rows);
    writeln!(
        io::stdout(),
        "{folder}: as of {made}, {accounts} accounts, {rows} rows: everything agrees"
    )?;
    Ok(())
}
