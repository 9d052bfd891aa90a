//! `api-server migrate`

use std::io::{self, Write as _};

use crate::config::LedgerPlace;
use crate::store::{self, migrations};

/// Which ledger.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    ledger: LedgerPlace,
}

/// Brings a ledger's schema up to date; `serve` does the same when it starts. No server may be
/// working on a folder's.
///
/// # Errors
/// As [`store::migrate`].
pub async fn run(args: Args) -> anyhow::Result<()> {
    let place = args.ledger.place()?;
    store::migrate(place.clone(), migrations::LATEST).await?;
    let version = migrations::LATEST;
    writeln!(io::stdout(), "the ledger in {place} has schema version {version}")?;
    Ok(())
}
