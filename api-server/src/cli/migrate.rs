//! `api-server migrate`

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use crate::store::{self, migrations};

/// Which ledger.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The ledger's folder. No server may be working on it.
    #[arg(long, env = "TENANTRY_BILLING_STORAGE", default_value = "storage/billing")]
    storage: PathBuf,
}

/// Brings a ledger's schema up to date; `serve` does the same when it starts.
///
/// # Errors
/// As [`store::migrate`].
pub async fn run(args: Args) -> anyhow::Result<()> {
    store::migrate(&args.storage, migrations::LATEST).await?;
    let (folder, version) = (args.storage.display(), migrations::LATEST);
    writeln!(io::stdout(), "the ledger in {folder} has schema version {version}")?;
    Ok(())
}
