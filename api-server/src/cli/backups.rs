//! `api-server backups`

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use uuid::Uuid;

use crate::backup::bucket::Bucket;
use crate::backup::shelf::Shelf;
use crate::backup::vault;
use crate::config::LedgerPlace;
use crate::config::bucket::BucketArgs;
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
    /// The folder of backups. With --backups-s3-endpoint they stand in a bucket, and here only while they
    /// are checked.
    #[arg(long, global = true, env = "TENANTRY_BACKUPS", default_value = "storage/backups")]
    backups: PathBuf,
    #[command(flatten)]
    bucket: BucketArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// One line for each, with where it is.
    List(Which),
    /// Read each through and name what is missing or damaged; the exit code says whether there is
    /// anything.
    Check(Which),
    /// Copy one into a new file, for `restore`, once it is found whole.
    Get(One),
}

#[derive(clap::Args, Debug)]
struct Which {
    /// Of one account alone.
    #[arg(long)]
    account: Option<AccountId>,
}

#[derive(clap::Args, Debug)]
struct One {
    /// Whose.
    #[arg(long)]
    account: AccountId,
    /// Its id, as `list` says; the newest without.
    #[arg(long)]
    id: Option<Uuid>,
    /// The file, which must not be there yet; `-` is standard output. It is for its owner alone to read: what
    /// is in it is as sensitive as what it was made of.
    #[arg(long)]
    to: PathBuf,
}

/// Does it.
///
/// # Errors
/// What is missing or damaged.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let Args { ledger, backups: folder, bucket, command } = args;
    let shelf = match bucket.settings()? {
        None => Shelf::Folder(folder.clone()),
        Some(bucket) => Shelf::Bucket(Box::new(Bucket::open(bucket)?)),
    };
    let store = Store::attach(ledger.place()?)?;
    let done = match command {
        Command::List(which) => list(&store, &shelf, which.account.as_ref()).await,
        Command::Check(which) => check(&store, &shelf, &folder, which.account.as_ref()).await,
        Command::Get(one) => get(&store, &shelf, one).await,
    };
    store.close().await;
    done
}

async fn list(store: &Store, shelf: &Shelf, only: Option<&AccountId>) -> anyhow::Result<()> {
    let mut last = None;
    while let Some(page) = page(store, &mut last).await? {
        for backup in page.iter().filter(|backup| is_of(only, backup)) {
            writeln!(io::stdout(), "{}", line(shelf, backup))?;
        }
    }
    Ok(())
}

async fn check(
    store: &Store,
    shelf: &Shelf,
    folder: &Path,
    only: Option<&AccountId>,
) -> anyhow::Result<()> {
    // What comes out of a bucket stands somewhere while it is looked at.
    let beside = if folder.is_dir() { folder.to_owned() } else { std::env::temp_dir() };
    let (mut last, mut bad, mut count) = (None, 0_u64, 0_u64);
    while let Some(page) = page(store, &mut last).await? {
        for backup in page.iter().filter(|backup| is_of(only, backup)) {
            count += 1;
            if let Err(error) = shelf.check(backup, &beside).await {
                bad += 1;
                writeln!(io::stdout(), "{error:#}")?;
            }
        }
    }
    for place in strangers(store, shelf, only).await? {
        writeln!(io::stdout(), "{place}: nothing is recorded of it")?;
    }
    writeln!(io::stdout(), "{count} backups, {bad} missing or damaged")?;
    if bad > 0 {
        bail!("backups are missing or damaged: have those tenants' gateways send new ones");
    }
    Ok(())
}

/// Has a backup put where it is asked for, a new file or standard output, and says what it is. Nothing is put out
/// before all of it is found whole.
async fn put(
    to: &Path,
    fetch: impl AsyncFnOnce(&Path) -> anyhow::Result<()>,
    told: &str,
) -> anyhow::Result<()> {
    if to != Path::new("-") {
        fetch(to).await?;
        writeln!(io::stdout(), "{}: {told}", to.display())?;
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("backup.tar");
    fetch(&file).await?;
    let copy = move || io::copy(&mut File::open(file)?, &mut io::stdout().lock());
    tokio::task::spawn_blocking(copy).await?.context("standard output")?;
    writeln!(io::stderr(), "{told}")?;
    Ok(())
}

async fn get(store: &Store, shelf: &Shelf, one: One) -> anyhow::Result<()> {
    let One { account, id, to } = one;
    let mut session = store.read().await?;
    let known = backups::of(&mut session, &account).await?;
    drop(session);
    let wanted = |backup: &Backup| id.is_none_or(|id| backup.id == id);
    let backup = known.into_iter().find(wanted);
    let backup = backup.with_context(|| {
        format!("no such backup of account {account}: api-server backups list names them")
    })?;
    put(&to, async |file| shelf.fetch(&backup, file).await, &line(shelf, &backup)).await
}

/// The next of all that are recorded.
async fn page(store: &Store, last: &mut Option<Backup>) -> anyhow::Result<Option<Vec<Backup>>> {
    let mut session = store.read().await?;
    let page = vault::recorded(&mut session, last.as_ref(), AT_ONCE).await?;
    drop(session);
    *last = page.last().cloned();
    Ok(Some(page).filter(|page| !page.is_empty()))
}

fn is_of(only: Option<&AccountId>, backup: &Backup) -> bool {
    only.is_none_or(|account| *account == backup.account)
}

/// What stands there and the ledger knows nothing of, as after an older ledger was restored.
async fn strangers(
    store: &Store,
    shelf: &Shelf,
    only: Option<&AccountId>,
) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    for (account, names) in shelf.names(only).await? {
        let mut session = store.read().await?;
        let recorded = backups::of(&mut session, &account).await?;
        drop(session);
        let known: Vec<String> = recorded.iter().map(|backup| shelf.place(backup)).collect();
        let places = names.iter().map(|name| shelf.place_of(&account, name));
        all.extend(places.filter(|place| !known.contains(place)));
    }
    all.sort();
    Ok(all)
}

fn line(shelf: &Shelf, backup: &Backup) -> String {
    let Backup { account, id, made, bytes, held, .. } = backup;
    let place = shelf.place(backup);
    format!("{account} {id} made {made}, {bytes} bytes, {held} events held: {place}")
}
