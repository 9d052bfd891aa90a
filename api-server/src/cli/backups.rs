//! `api-server backups`

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::backup::vault;
use crate::config::LedgerPlace;
use crate::domain::account::AccountId;
use crate::store::Store;
use crate::store::backups::{self, Backup};

/// How many are read at once.
const AT_ONCE: u32 = 1000;

/// What to do with the backups that gateways sent. Servers may be working on the ledger.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    ledger: LedgerPlace,
    /// The folder of backups.
    #[arg(long, global = true, env = "TENANTRY_BACKUPS", default_value = "storage/backups")]
    backups: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// One line for each, with its file.
    List(Which),
    /// Read each through and name what is missing or damaged; the exit code says whether there is
    /// anything.
    Check(Which),
}

#[derive(clap::Args, Debug)]
struct Which {
    /// Of one account alone.
    #[arg(long)]
    account: Option<AccountId>,
}

/// Does it.
///
/// # Errors
/// What is missing or damaged.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let Args { ledger, backups: folder, command } = args;
    let (which, check) = match command {
        Command::List(which) => (which, false),
        Command::Check(which) => (which, true),
    };
    let store = Store::attach(ledger.place()?)?;
    let (mut last, mut bad, mut count) = (None::<Backup>, 0_u64, 0_u64);
    loop {
        let mut session = store.read().await?;
        let page = vault::recorded(&mut session, last.as_ref(), AT_ONCE).await?;
        drop(session);
        let wanted =
            |b: &&Backup| which.account.as_ref().is_none_or(|account| *account == b.account);
        for backup in page.iter().filter(wanted) {
            count += 1;
            if !check {
                writeln!(io::stdout(), "{}", line(&folder, backup))?;
            } else if let Err(error) = vault::check(&folder, backup) {
                bad += 1;
                writeln!(io::stdout(), "{error:#}")?;
            }
        }
        match page.into_iter().next_back() {
            Some(backup) => last = Some(backup),
            None => break,
        }
    }
    if check {
        let strange = strangers(&store, &folder, which.account.as_ref()).await?;
        for path in &strange {
            writeln!(io::stdout(), "{}: nothing is recorded of it", path.display())?;
        }
    }
    store.close().await;
    if check {
        writeln!(io::stdout(), "{count} backups, {bad} missing or damaged")?;
    }
    if bad > 0 {
        bail!("backups are missing or damaged: have those tenants' gateways send new ones");
    }
    Ok(())
}

/// Files of which the ledger knows nothing, as after an older ledger was restored.
async fn strangers(
    store: &Store,
    folder: &Path,
    only: Option<&AccountId>,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name();
        let Ok(account) = name.to_string_lossy().parse::<AccountId>() else { continue };
        if only.is_some_and(|only| *only != account) {
            continue;
        }
        let mut session = store.read().await?;
        let recorded = backups::of(&mut session, &account).await?;
        drop(session);
        all.append(&mut vault::strangers(folder, &account, &recorded)?);
    }
    all.sort();
    Ok(all)
}

fn line(folder: &Path, backup: &Backup) -> String {
    let Backup { account, id, made, bytes, held, .. } = backup;
    let path = vault::path(folder, backup);
    format!("{account} {id} made {made}, {bytes} bytes, {held} events held: {}", path.display())
}
