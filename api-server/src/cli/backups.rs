//! `api-server backups`

mod remove;

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use uuid::Uuid;

use crate::backup::bucket::Bucket;
use crate::backup::erased;
use crate::backup::own::{self, Kind, Own, Standing};
use crate::backup::shelf::{Shelf, Wanted};
use crate::backup::stray::{self, Stray};
use crate::backup::vault;
use crate::config::LedgerPlace;
use crate::config::bucket::BucketArgs;
use crate::domain::account::AccountId;
use crate::store::Store;
use crate::store::backups::{self, Backup};

/// How many are read at once.
const AT_ONCE: u32 = 1000;

/// What to do with the backups that gateways sent, and with those of the ledger itself. Servers may be working on
/// it, unless `remove` says otherwise.
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
    /// Remove an account's for good, as of one that has left. No server may be working on a folder's ledger; a
    /// PostgreSQL database's may go on.
    Remove(remove::Args),
}

#[derive(clap::Args, Debug)]
struct Which {
    /// Of one account alone.
    #[arg(long)]
    account: Option<AccountId>,
    /// Of the ledger alone, which is not looked at: it may be lost.
    #[arg(long, conflicts_with = "account")]
    ledger: bool,
}

#[derive(clap::Args, Debug)]
struct One {
    /// Whose.
    #[arg(long, required_unless_present = "ledger")]
    account: Option<AccountId>,
    /// The ledger's own, which is not looked at: it may be lost.
    #[arg(long, conflicts_with = "account")]
    ledger: bool,
    /// Its id, as `list` says; the newest without.
    #[arg(long)]
    id: Option<String>,
    /// The file, which must not be there yet; `-` is standard output. It is for its owner alone to read: what
    /// is in it is as sensitive as what it was made of.
    #[arg(long)]
    to: PathBuf,
    /// With --ledger: a file for the log of what was erased since, for `restore --erasures`. It must not be
    /// there yet.
    #[arg(long, requires = "ledger")]
    erasures: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
/// What is missing or damaged.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let Args { ledger, backups: folder, bucket, command } = args;
    // What comes out of a bucket stands somewhere while it is looked at. Not where temporary files are: these have
    // little room where this runs as a pod.
    let beside = if folder.is_dir() { folder.clone() } else { std::env::temp_dir() };
    let shelf = match bucket.settings()? {
        None => Shelf::Folder(folder.clone()),
        Some(bucket) => Shelf::Bucket(Box::new(Bucket::open(bucket)?)),
    };
    match command {
        Command::List(which) => {
            if which.ledger {
                return list_own(&shelf).await;
            }
            let store = Store::attach(ledger.place()?)?;
            let done = list(&store, &shelf, which.account.as_ref()).await;
            store.close().await;
            done?;
            match which.account {
                None => list_own(&shelf).await.context("the ledger's own"),
                Some(_) => Ok(()),
            }
        }
        Command::Check(which) => {
            let own = match which.account {
                None => check_own(&shelf, &beside).await?,
                Some(_) => 0,
            };
            let mut tenants = 0;
            if !which.ledger {
                let store = Store::attach(ledger.place()?)?;
                let done = check(&store, &shelf, &beside, which.account.as_ref()).await;
                store.close().await;
                tenants = done?;
            }
            ensure!(
                own == 0,
                "backups of the ledger are damaged: remove them, and start the server anew"
            );
            ensure!(
                tenants == 0,
                "backups are missing or damaged: have those tenants' gateways send new ones"
            );
            Ok(())
        }
        Command::Get(One { account: Some(account), id, to, .. }) => {
            let store = Store::attach(ledger.place()?)?;
            let done = get(&store, &shelf, (account, id), (&to, &beside)).await;
            store.close().await;
            done
        }
        Command::Get(One { id, to, erasures, .. }) => {
            get_own(&shelf, id.as_deref(), (&to, &beside), erasures.as_deref()).await
        }
        Command::Remove(args) => remove::run(args, ledger.place()?, &shelf).await,
    }
}

async fn list_own(shelf: &Shelf) -> anyhow::Result<()> {
    let Standing { archives, logs } = own::all(shelf).await?;
    for own in archives.iter().chain(&logs) {
        writeln!(io::stdout(), "{}", line_of(shelf, own))?;
    }
    Ok(())
}

/// How many are damaged.
async fn check_own(shelf: &Shelf, beside: &Path) -> anyhow::Result<u64> {
    let Standing { archives, logs } = own::all(shelf).await?;
    let mut bad = 0_u64;
    for own in archives.iter().chain(&logs) {
        if let Err(error) = own::check(shelf, own, beside).await {
            bad += 1;
            writeln!(io::stdout(), "{error:#}")?;
        }
    }
    let (count, logs) = (archives.len(), logs.len());
    writeln!(
        io::stdout(),
        "{count} backups of the ledger and {logs} logs of erasures, {bad} damaged"
    )?;
    Ok(bad)
}

async fn get_own(
    shelf: &Shelf,
    id: Option<&str>,
    to: (&Path, &Path),
    erasures: Option<&Path>,
) -> anyhow::Result<()> {
    let wanted = |own: &Own| id.is_none_or(|id| own.id() == id);
    let Standing { archives, logs } = own::all(shelf).await?;
    let ledgers: BTreeSet<_> = archives.iter().filter_map(|own| own.ledger).collect();
    ensure!(
        id.is_some() || ledgers.len() < 2,
        "backups of {} ledgers stand there, and the newest may be of one that was begun on an empty disk: \
         take one by --id; api-server backups list --ledger names them",
        ledgers.len()
    );
    let own = archives.into_iter().find(wanted);
    let own =
        own.context("no such backup of the ledger: api-server backups list --ledger names them")?;
    put(shelf, &own, to, &line_of(shelf, &own)).await?;
    // Standard output may be the archive.
    match erasures {
        Some(log) => {
            erased::fetch(shelf, log).await?;
            writeln!(io::stderr(), "{}: what was erased, for restore --erasures", log.display())?;
        }
        None if !logs.is_empty() => writeln!(
            io::stderr(),
            "what was erased since is in it: take the log too, by --erasures, and give it to restore"
        )?,
        None => {}
    }
    Ok(())
}

fn line_of(shelf: &Shelf, own: &Own) -> String {
    let (id, made, bytes, place) = (own.id(), own.made, own.bytes, shelf.place(own));
    let what = match own.kind {
        Kind::Archive => "the ledger",
        Kind::Erasures => "its erasures",
    };
    let of = own.ledger.map(|of| format!(" {of}")).unwrap_or_default();
    format!("{what}{of} {id} made {made}, {bytes} bytes: {place}")
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

/// How many are missing or damaged.
async fn check(
    store: &Store,
    shelf: &Shelf,
    beside: &Path,
    only: Option<&AccountId>,
) -> anyhow::Result<u64> {
    let (mut last, mut bad, mut count) = (None, 0_u64, 0_u64);
    while let Some(page) = page(store, &mut last).await? {
        for backup in page.iter().filter(|backup| is_of(only, backup)) {
            count += 1;
            if let Err(error) = shelf.check(backup, beside).await {
                bad += 1;
                writeln!(io::stdout(), "{error:#}")?;
            }
        }
    }
    for place in strangers(store, shelf, only).await? {
        writeln!(io::stdout(), "{place}: nothing is recorded of it")?;
    }
    writeln!(io::stdout(), "{count} backups, {bad} missing or damaged")?;
    Ok(bad)
}

/// Puts a backup where it is asked for, a new file or standard output, and says what it is. Nothing is put out before
/// all of it is found whole; what comes out of a bucket for that stands in `beside`.
async fn put(
    shelf: &Shelf,
    wanted: impl Into<Wanted>,
    (to, beside): (&Path, &Path),
    told: &str,
) -> anyhow::Result<()> {
    if to != Path::new("-") {
        shelf.fetch(wanted, to).await?;
        writeln!(io::stdout(), "{}: {told}", to.display())?;
        return Ok(());
    }
    let mut opened = shelf.open(wanted, beside).await?;
    let copy = move || io::copy(&mut opened, &mut io::stdout().lock());
    tokio::task::spawn_blocking(copy).await?.context("standard output")?;
    writeln!(io::stderr(), "{told}")?;
    Ok(())
}

async fn get(
    store: &Store,
    shelf: &Shelf,
    (account, id): (AccountId, Option<String>),
    to: (&Path, &Path),
) -> anyhow::Result<()> {
    let id: Option<Uuid> = id.map(|id| id.parse()).transpose().context("--id")?;
    let mut session = store.read().await?;
    let known = backups::of(&mut session, &account).await?;
    drop(session);
    let is_wanted = |one: Uuid| id.is_none_or(|id| one == id);
    let strays = match stray::of(shelf, &account, &known).await {
        // A key may be good for reading alone.
        Err(error) if known.iter().any(|backup| is_wanted(backup.id)) => {
            writeln!(io::stderr(), "whether anything newer stands there is not known: {error:#}")?;
            Vec::new()
        }
        strays => strays?,
    };
    let newest = known.iter().map(|backup| backup.id).max();
    // What came after the backup that the ledger was restored from is newer than all that it knows.
    let mut strays =
        strays.into_iter().filter(|stray| id.is_some() || newest.is_none_or(|id| stray.id > id));
    if let Some(stray) = strays.find(|stray| is_wanted(stray.id)) {
        stray::check(shelf, &stray, to.1).await?;
        return put(shelf, &stray, to, &line_of_stray(shelf, &stray)).await;
    }
    let backup = known.into_iter().find(|backup| is_wanted(backup.id));
    let backup = backup.with_context(|| {
        format!("no such backup of account {account}: api-server backups list names them")
    })?;
    put(shelf, &backup, to, &line(shelf, &backup)).await
}

fn line_of_stray(shelf: &Shelf, stray: &Stray) -> String {
    let Stray { account, id, bytes, .. } = stray;
    let place = shelf.place(stray);
    format!("{account} {id}, {bytes} bytes, of which the ledger knows nothing: {place}")
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
        let places = names.iter().map(|name| shelf.place_of(account.as_str(), name));
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
