//! `api-server erasures`

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use crate::{
    config::LedgerPlace,
    ledger::{Ledger, Settings, erasures},
};

/// What to do with erasures. No server may be working on a folder's ledger.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    ledger: LedgerPlace,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Erase again what was erased since a backup was made, after it was restored
    Replay(Replay),
}

#[derive(clap::Args, Debug)]
struct Replay {
    /// The log of erasures, as it is today; the one in the ledger's folder unless given. Each server of
    /// several writes one of its own: replay them all.
    #[arg(long)]
    log: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// What kept it from being done.
pub async fn run(Args { ledger, command: Command::Replay(args) }: Args) -> anyhow::Result<()> {
    let place = ledger.place()?;
    let log = args.log.unwrap_or_else(|| place.folder().join(erasures::FILE));
    let ledger = Ledger::open(place, Settings::default()).await?;
    let replayed = erasures::replay(&ledger, &log).await;
    ledger.close().await;
    writeln!(io::stdout(), "{}: {}", log.display(), replayed?)?;
    Ok(())
}
