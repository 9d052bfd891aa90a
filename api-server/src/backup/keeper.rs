//! Backs the ledger up by itself, beside the running server: a copy of one moment, restored on trial, then put on
//! the shelf where the tenants' backups stand; the oldest go after that.
//!
//! When the next one is due is by what stands there, so that a server that is started anew neither makes one
//! each time nor forgets it. What fails is tried again, later each time. The log of erasures goes there as soon
//! as it has grown.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use opentelemetry::metrics::{Counter, Meter};
use telemetry::shutdown::Shutdown;
use tokio::runtime::Handle;

use super::archive::{self, Work};
use super::bucket::LARGEST;
use super::erased;
use super::own::{self, LedgerId, Own, Standing};
use super::room::HeldFor;
use super::shelf::Shelf;
use super::vault::{self, Vault};
use crate::ledger::Ledger;
use crate::ledger::lease::{self, Lease};
use crate::store::DATABASE;

/// What one is called until it has its name.
const ARCHIVE: &str = "archive";
/// How long after a failure it is tried again; each time twice as long, up to an hour.
const FIRST: Duration = Duration::from_secs(10);
const LAST: Duration = Duration::from_secs(3600);
/// How often it looks whether the log of erasures has grown, or the clock was set.
const LOOK: Duration = Duration::from_secs(10);

/// How the ledger is backed up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long after one the next is made.
    pub every: SignedDuration,
    /// How many are kept, the newest.
    pub keep: usize,
    /// How large the database may be where archives go to a bucket, in bytes: there is room in the folder for
    /// so much twice.
    pub largest: u64,
}

/// Who makes them.
pub struct Keeper {
    vault: Arc<Vault>,
    /// The ledger's folder.
    storage: PathBuf,
    settings: Settings,
    metrics: Metrics,
    /// How large the log of erasures was when it was kept.
    logged: AtomicU64,
    cleared: Once,
}

impl Keeper {
    /// Backs up the ledger in a folder, onto the vault's shelf.
    #[must_use]
    pub fn new(vault: Arc<Vault>, storage: PathBuf, settings: Settings, meter: &Meter) -> Self {
        let metrics = Metrics::new(meter, settings.every);
        Self { vault, storage, settings, metrics, logged: AtomicU64::new(0), cleared: Once::new() }
    }

    /// Goes on until it is dropped; `stop` ends a copy that is under way. At rest it asks nobody, and looks at
    /// the size of one file.
    pub async fn run(&self, ledger: &Ledger, lease: &mut Lease, stop: &Shutdown) {
        let mut again = FIRST;
        loop {
            match self.turn(ledger, lease, stop).await {
                Ok(due) => {
                    again = FIRST;
                    self.sleep_until(ledger, due).await;
                }
                Err(_) if stop.is_cancelled() => return,
                Err(error) => {
                    let (error, again_in) = (format!("{error:#}"), again.as_secs());
                    tracing::error!(error, again_in, "the ledger could not be backed up");
                    self.metrics.failures.add(1, &[]);
                    tokio::time::sleep(again).await;
                    again = again.saturating_mul(2).min(LAST);
                }
            }
        }
    }

    async fn sleep_until(&self, ledger: &Ledger, due: Timestamp) {
        while let Ok(left) = Duration::try_from(due.duration_since(ledger.now()))
            && !left.is_zero()
            && erased::size(&self.storage) == self.logged.load(Ordering::Relaxed)
        {
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }

    /// Does what it is time for, if it is this server's turn; answers when to look again.
    ///
    /// # Errors
    /// What was not done. What stands there stays.
    pub async fn turn(
        &self,
        ledger: &Ledger,
        lease: &mut Lease,
        stop: &Shutdown,
    ) -> anyhow::Result<Timestamp> {
        let id = LedgerId::of(ledger).await?;
        let mut standing = own::all(self.vault.shelf()).await?;
        // Another ledger's are nothing to go by, and stay.
        let all = standing.archives.len();
        standing.archives.retain(|own| own.ledger == Some(id));
        if standing.archives.is_empty() && all > 0 {
            tracing::warn!(
                ledger = %id,
                others = all,
                "backups of another ledger stand there, and none of this one: if it was begun because the disk was \
                 empty, restore one of those"
            );
        }
        let (now, every) = (ledger.now(), self.settings.every);
        // One of the future was made by a wrong clock, and says nothing.
        let newest = standing.archives.iter().find(|own| own.made <= now);
        let newest = newest.inspect(|newest| self.metrics.tell(newest));
        let next = newest.map(|newest| due(newest.made, every)).filter(|due| *due > now);
        let grown = erased::size(&self.storage) != self.logged.load(Ordering::Relaxed);
        if let Some(next) = next
            && !grown
        {
            return Ok(next);
        }
        if !lease.hold(ledger).await? {
            tokio::time::sleep(lease::RENEW).await;
            return Ok(now);
        }
        let work = async {
            let folder = self.folder()?;
            self.keep_log(&folder, &standing, now).await?;
            match next {
                Some(next) => Ok(next),
                None => {
                    let made = self.make(&folder, (id, &standing), now, stop).await;
                    made.map(|own| due(own.made, every))
                }
            }
        };
        let done = tokio::select! {
            done = work => done,
            () = keep(lease, ledger) => bail!("the lease was lost"),
        };
        lease.release(ledger).await?;
        done
    }

    /// Where they are made.
    fn folder(&self) -> anyhow::Result<PathBuf> {
        let folder = self.vault.folder().join(own::OF);
        vault::make(&folder).with_context(|| folder.display().to_string())?;
        // What a killed server left. One process at a time has the ledger, so nobody else works here; but what we
        // began ourselves may go on after its lease was lost.
        self.cleared.call_once(|| Work::clear(&folder));
        Ok(folder)
    }

    /// Keeps the log of erasures, if there is any that is not kept.
    async fn keep_log(
        &self,
        folder: &Path,
        standing: &Standing,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        // Before it is read: what is written meanwhile is seen the next time.
        let size = erased::size(&self.storage);
        let lines = erased::lines(&self.storage)?;
        if !lines.is_empty() {
            let kept = erased::keep(self.vault.shelf(), folder, &lines, &standing.logs, now).await;
            kept.context("the log of erasures")?;
        }
        self.logged.store(size, Ordering::Relaxed);
        Ok(())
    }

    /// Makes one, puts it on the shelf, and lets those go that are too many then.
    async fn make(
        &self,
        folder: &Path,
        (id, standing): (LedgerId, &Standing),
        now: Timestamp,
        stop: &Shutdown,
    ) -> anyhow::Result<Own> {
        let size = self.size()?;
        self.passes(size)?;
        let shelf = self.vault.shelf();
        let work = Work::beside(folder).with_context(|| folder.display().to_string())?;
        // The copy and the archive that is made of it; then the archive and what is restored on trial.
        let room = self.vault.disk().hold_for(work.path(), size.saturating_mul(2))?;
        let storage = self.storage.clone();
        let copied = move |work: PathBuf| async move {
            super::make(&storage, &work.join(ARCHIVE), now).await
        };
        let (held, _) = beside((work, room), stop, copied).await?;
        let (held, own) = beside(held, stop, move |work| tried(work, id, now)).await?;
        let (work, room) = held;
        drop(room);
        let archive = work.path().join(ARCHIVE);
        if matches!(shelf, Shelf::Bucket(_)) {
            let is = own.bytes;
            ensure!(is <= LARGEST, "the archive has {is} bytes, a bucket takes {LARGEST} at once");
        }
        let what = (own.bytes, &own.sha256);
        shelf.put(&archive, own::OF, &own.name(), what).await?;
        drop(work);
        self.metrics.tell(&own);
        tracing::info!(place = shelf.place(&own), bytes = own.bytes, "the ledger was backed up");
        // The new one stays, also where an older one was made by a clock that was ahead.
        let others = standing.archives.iter().filter(|other| **other != own);
        for other in others.skip(self.settings.keep.saturating_sub(1)) {
            own::let_go(shelf, other).await;
        }
        Ok(own)
    }

    /// How large the ledger is, with what is written ahead of it.
    fn size(&self) -> anyhow::Result<u64> {
        let database = self.storage.join(DATABASE);
        let is = std::fs::metadata(&database).with_context(|| database.display().to_string())?;
        let ahead = self.storage.join(format!("{DATABASE}-wal"));
        // It is there only while somebody writes.
        let ahead = std::fs::metadata(ahead).map_or(0, |ahead| ahead.len());
        Ok(is.len().saturating_add(ahead))
    }

    /// A folder that archives only pass through has no room for any ledger.
    fn passes(&self, is: u64) -> anyhow::Result<()> {
        if matches!(self.vault.shelf(), Shelf::Folder(_)) {
            return Ok(());
        }
        let most = self.settings.largest;
        ensure!(
            is <= most,
            "the ledger has {is} bytes, which is more than --backups-ledger-largest \
             (TENANTRY_BACKUPS_LEDGER_LARGEST) has room for on its way to the bucket: {most}. Raise it \
             together with the room of --backups, up to {LARGEST}; or keep backups in a folder"
        );
        Ok(())
    }
}

/// Where one is made, and the room for it, which is given back after the folder.
type Place = (Work, HeldFor);

/// Works in a folder beside the threads that answer, until it is done or the server stops: it reads, sums and
/// recomputes all that there is. Who waits for it no longer, because the lease was lost, does not end it: folder and
/// room are its own until then.
async fn beside<T: Send + 'static, F: Future<Output = anyhow::Result<T>>>(
    place: Place,
    stop: &Shutdown,
    what: impl FnOnce(PathBuf) -> F + Send + 'static,
) -> anyhow::Result<(Place, T)> {
    let (stopped, runtime) = (stop.cancelled(), Handle::current());
    let done = tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            tokio::select! {
                done = what(place.0.path().to_owned()) => Ok((place, done?)),
                () = stopped => bail!("the server stops"),
            }
        })
    });
    done.await.context("the copy ended badly")?
}

/// An archive, once it was restored beside and found whole.
async fn tried(folder: PathBuf, id: LedgerId, now: Timestamp) -> anyhow::Result<Own> {
    let archive = folder.join(ARCHIVE);
    super::restore(&archive, &folder.join("trial"), None, now).await?;
    let what = std::fs::File::open(&archive).and_then(archive::sum)?;
    Ok(Own::archive(id, now, what))
}

/// Keeps a lease; ends when that is lost.
async fn keep(lease: &mut Lease, ledger: &Ledger) {
    loop {
        tokio::time::sleep(lease::RENEW).await;
        if !lease.keep(ledger).await {
            return;
        }
    }
}

fn due(made: Timestamp, every: SignedDuration) -> Timestamp {
    made.checked_add(every).unwrap_or(Timestamp::MAX)
}

/// What is told of them.
struct Metrics {
    newest: Arc<Mutex<Option<Own>>>,
    failures: Counter<u64>,
}

impl Metrics {
    fn new(meter: &Meter, every: SignedDuration) -> Self {
        let newest = Arc::new(Mutex::new(None::<Own>));
        let known = |newest: &Mutex<Option<Own>>| {
            newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        let of = newest.clone();
        let _ = meter
            .u64_observable_gauge("tenantry_ledger_backup_last_success_timestamp")
            .with_description("When the newest backup of the ledger was made; 0 when none is known")
            .with_unit("s")
            .with_callback(move |gauge| {
                // 0, and not nothing: who never had one is to be told too.
                let made = known(&of).map_or(0, |own| own.made.as_second().unsigned_abs());
                gauge.observe(made, &[]);
            })
            .build();
        let of = newest.clone();
        let _ = meter
            .u64_observable_gauge("tenantry_ledger_backup_size")
            .with_description("Size of the newest backup of the ledger")
            .with_unit("By")
            .with_callback(move |gauge| {
                if let Some(own) = known(&of) {
                    gauge.observe(own.bytes, &[]);
                }
            })
            .build();
        let every = every.as_secs().unsigned_abs();
        let _ = meter
            .u64_observable_gauge("tenantry_ledger_backup_interval")
            .with_description("How long after one backup of the ledger the next is made")
            .with_unit("s")
            .with_callback(move |gauge| gauge.observe(every, &[]))
            .build();
        let failures = meter
            .u64_counter("tenantry_ledger_backup_failures")
            .with_description("Backups of the ledger that failed; each is tried again")
            .build();
        // So that the first one is seen as a rise.
        failures.add(0, &[]);
        Self { newest, failures }
    }

    fn tell(&self, own: &Own) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(own.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::room::Room;
    use super::*;

    /// As when the lease is lost in the middle of a copy.
    #[tokio::test]
    async fn what_nobody_waits_for_any_more_has_its_room_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let room = Room::new(folder.path());
        let work = Work::beside(folder.path()).unwrap();
        let path = work.path().to_owned();
        let held = room.hold_for(&path, 1000).unwrap();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (end, ends) = tokio::sync::oneshot::channel::<()>();
        let stop = Shutdown::default();
        let copy = beside((work, held), &stop, move |_| async move {
            let _heard = begun.send(());
            Ok(ends.await?)
        });
        tokio::select! {
            _ = copy => panic!("it ended before it was told to"),
            heard = begins => heard.unwrap(),
        }
        assert!(path.exists());
        assert_eq!(room.left(), 1000);
        end.send(()).unwrap();
        while room.left() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(!path.exists(), "the folder goes before its room is given back");
    }
}
