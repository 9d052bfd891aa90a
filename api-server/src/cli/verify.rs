//! `api-server verify`

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::bail;
use jiff::Timestamp;

use crate::{
    ledger::{
        heads::{self, Heads},
        verify,
    },
    store::Store,
};

/// What to check.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The ledger's folder. A server may be working on it.
    #[arg(long, env = "TENANTRY_BILLING_STORAGE", default_value = "storage/billing")]
    storage: PathBuf,
    /// Heads that were written down, kept where who can write the ledger cannot; without it, those
    /// beside the ledger.
    #[arg(long)]
    heads: Option<PathBuf>,
}

/// Recomputes a ledger and names every difference, the first first.
///
/// # Errors
/// When there is a difference, or the ledger or heads cannot be read.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let store = Store::attach(&args.storage)?;
    let beside = args.storage.join(heads::FILE);
    let recorded = match args.heads {
        Some(file) => heads::read(&file)?,
        None if beside.exists() => heads::read(&beside)?,
        None => Heads::new(),
    };
    let report = verify::verify(&store, &recorded, Timestamp::now()).await?;
    store.close().await;
    let mut out = io::stdout().lock();
    for finding in &report.findings {
        writeln!(out, "{finding}")?;
    }
    let heads: usize = recorded.values().map(Vec::len).sum();
    writeln!(
        out,
        "{} accounts, {} rows, {heads} heads from outside, {} rows with erased dimensions: {}",
        report.accounts,
        report.rows,
        report.erased,
        if report.is_clean() { "everything agrees" } else { "DIFFERENCES" },
    )?;
    if !report.is_clean() {
        bail!(
            "the ledger is not what its rows say; keep it as it is, and restore a backup elsewhere"
        );
    }
    Ok(())
}
