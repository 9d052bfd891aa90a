//! `api-server backups remove`

use std::io::{self, Write as _};

use anyhow::ensure;
use uuid::Uuid;

use super::{line, line_of_stray};
use crate::backup::shelf::Shelf;
use crate::backup::stray::{self, Stray};
use crate::domain::account::AccountId;
use crate::ledger::{Ledger, Settings};
use crate::store::backups::{self, Backup};
use crate::store::{Place, Store};

/// Which. Not all of them by leaving something out.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub(super) struct Args {
    /// Whose.
    #[arg(long)]
    account: AccountId,
    /// One alone, by its id, as `list` says.
    #[arg(long, group = "which")]
    id: Option<Uuid>,
    /// Every one, also what the ledger knows nothing of.
    #[arg(long, group = "which")]
    all: bool,
}

pub(super) async fn run(args: Args, at: Place, shelf: &Shelf) -> anyhow::Result<()> {
    let Args { account, id, .. } = args;
    // To open a ledger makes one where there is none: that one would know of no backup.
    Store::attach(at.clone())?.close().await;
    let ledger = Ledger::open(at, Settings::default()).await?;
    let done = remove(&ledger, shelf, &account, id).await;
    ledger.close().await;
    done
}

async fn remove(
    ledger: &Ledger,
    shelf: &Shelf,
    account: &AccountId,
    id: Option<Uuid>,
) -> anyhow::Result<()> {
    let mut session = ledger.store().read().await?;
    let mut known = backups::of(&mut session, account).await?;
    drop(session);
    let mut strays = stray::of(shelf, account, &known).await?;
    let is_wanted = |one: Uuid| id.is_none_or(|id| one == id);
    known.retain(|backup| is_wanted(backup.id));
    strays.retain(|stray| is_wanted(stray.id));
    ensure!(
        !(known.is_empty() && strays.is_empty()),
        "no such backup of account {account}: api-server backups list names those that are recorded, check the others"
    );
    for stray in &strays {
        remove_stray(shelf, stray).await?;
    }
    for backup in &known {
        remove_known(ledger, shelf, backup).await?;
    }
    Ok(())
}

async fn remove_stray(shelf: &Shelf, stray: &Stray) -> anyhow::Result<()> {
    shelf.take_away(stray).await?;
    writeln!(io::stdout(), "removed {}", line_of_stray(shelf, stray))?;
    Ok(())
}

/// From the shelf first, then from the ledger: what cannot be removed stays recorded.
async fn remove_known(ledger: &Ledger, shelf: &Shelf, backup: &Backup) -> anyhow::Result<()> {
    shelf.take_away(backup).await?;
    let (of, gone) = (backup.account.clone(), [backup.id]);
    let forget = ledger.transact(Some(of.clone()), move |session, _| {
        Box::pin(async move { backups::forget(session, &of, &gone).await })
    });
    forget.await?;
    writeln!(io::stdout(), "removed {}", line(shelf, backup))?;
    Ok(())
}
