//! `api-server verify`

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::bail;
use jiff::Timestamp;

use crate::{
    config::LedgerPlace,
    ledger::{
        heads::{self, Heads},
        verify,
    },
    store::Store,
};

/// What to check.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    ledger: LedgerPlace,
    /// Heads that were written down, kept where who can write the ledger cannot; without it, those
    /// in the ledger's folder. May be repeated: each server of several writes a file of its own.
    #[arg(long)]
    heads: Vec<PathBuf>,
}

/// Recomputes a ledger and names every difference, the first first.
///
/// # Errors
/// When there is a difference, or the ledger or heads cannot be read.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let store = Store::attach(args.ledger.place()?)?;
    let mut files = args.heads;
    let beside = store.folder().join(heads::FILE);
    if files.is_empty() && beside.exists() {
        files.push(beside);
    }
    let mut recorded = Heads::new();
    for file in &files {
        for (account, mut heads) in heads::read(file)? {
            recorded.entry(account).or_default().append(&mut heads);
        }
    }
    let report = verify::verify(&store, &recorded, Timestamp::now()).await?;
    store.close().await;
    let mut out = io::stdout().lock();
    for line in &report.damage {
        writeln!(out, "database file: {line}")?;
    }
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
