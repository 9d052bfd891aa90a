//! Events that were taken and are not known to be in the ledger yet, durably and in order.
//!
//! One SQLite file, written by the same group commit as the ledger: many requests share a
//! transaction, and each is answered after it is durable. Events leave from the front, and only when
//! the control plane has acknowledged them.

use std::borrow::Borrow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use telemetry::shutdown::Shutdown;
use thiserror::Error;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::backup::room;
use crate::domain::account::AccountId;
use crate::domain::event::UsageEvent;
use crate::ledger::{self, Desk, Health, LedgerError, Limits, Receipt, dedup};
use crate::store::{Session, Store, StoreError};

mod hold;
mod reserve;
mod rows;
mod stamps;
#[cfg(test)]
mod tests;

use hold::{Hold, Request, Wanted};
use reserve::Reserve;
pub use rows::{Held, Refusal, Refused, State};

/// How much may wait to be stored. A request of any size that is taken fits when nothing waits.
const WAITING: Limits = Limits { items: 5_000, items_per_account: 5_000, patient: 0 };

/// How long to wait at most until the writer has looked whether a full disk has room. It looks every
/// [`Settings::probe_every`], and a disk that is slow takes its time for it.
const LOOKS_AGAIN: Duration = Duration::from_secs(60);
/// How long a disk may take until what was given up is free.
const FREED: Duration = Duration::from_secs(5);

/// How a spool works.
#[derive(Clone)]
pub struct Settings {
    /// How many bytes of events it holds at most.
    pub limit: u64,
    /// Tells when a transaction runs.
    pub clock: ledger::Clock,
    /// How often a full disk is tried again.
    pub probe_every: Duration,
}

/// An event that has just arrived.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The event.
    pub event: UsageEvent,
    /// Whether its time is ours, because it had none.
    pub stamped: bool,
}

impl Borrow<UsageEvent> for Fresh {
    fn borrow(&self) -> &UsageEvent {
        &self.event
    }
}

/// Why a request was not held. Nothing of it was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotHeld {
    /// It would be more than the spool may hold.
    #[error("the spool holds as much as it may: send again later")]
    Full,
    /// It takes nothing any more, since the tenant is being removed.
    #[error("the spool is sealed, since the tenant is being removed")]
    Sealed,
    /// It cannot store it now.
    #[error(transparent)]
    Store(#[from] LedgerError),
}

/// The running spool.
pub struct Spool {
    desk: Desk<Hold>,
    store: Store,
    limit: u64,
    reserve: Reserve,
    /// Held while the reserve's room is used.
    using: Mutex<()>,
    changes: watch::Sender<u64>,
}

impl Spool {
    /// Opens the spool in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open(folder: &Path, settings: Settings) -> Result<Self, StoreError> {
        let Settings { limit, clock, probe_every } = settings;
        let (store, mut session) = Store::open_spool(folder).await?;
        rows::prepare(&mut session).await?;
        let writer = ledger::Settings { limits: WAITING, clock, probe_every };
        let desk = Desk::open(session, Hold { limit }, writer);
        let reserve = Reserve::lay_aside_in(folder);
        let (using, changes) = (Mutex::default(), watch::Sender::new(0));
        Ok(Self { desk, store, limit, reserve, using, changes })
    }

    /// Holds a request's events; answers after that is durable.
    ///
    /// # Errors
    /// [`NotHeld`]: nothing of it was acknowledged.
    pub async fn take(
        &self,
        account: &AccountId,
        arrived: Timestamp,
        atomic: bool,
        events: Vec<Fresh>,
    ) -> Result<Receipt, NotHeld> {
        if !self.reserve.is_there() {
            return Err(NotHeld::Full);
        }
        let wanted = |fresh: Fresh| {
            let key = dedup::key(account, &fresh.event.source, &fresh.event.id);
            Wanted { key, fresh }
        };
        let items = events.into_iter().map(wanted).collect();
        let receipt = self.desk.append(None, Request { arrived, atomic, items }).await??;
        self.changes.send_modify(|changes| *changes += 1);
        Ok(receipt)
    }

    /// The first events, in order, at most so many and so many bytes of them, but one at least when
    /// there is one.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn first(&self, events: usize, bytes: usize) -> Result<Vec<Held>, StoreError> {
        rows::first(&mut self.store.read().await?, events, bytes).await
    }

    /// Lets go of the events up to number `last`, which the control plane has answered for; those
    /// that it refused are kept apart.
    ///
    /// # Errors
    /// [`LedgerError`]: then all are still held.
    pub async fn settle(&self, last: i64, refusals: Vec<Refusal>) -> Result<(), LedgerError> {
        let refusals = Arc::new(refusals);
        self.with_reserve(move |session, now| {
            let refusals = refusals.clone();
            Box::pin(async move { rows::settle(session, last, &refusals, now).await })
        })
        .await?;
        self.changes.send_modify(|changes| *changes += 1);
        Ok(())
    }

    /// Gives those of the events another time that had none of their own: what `right` says of when
    /// they were taken. Answers how many; a time that was nearly right stays.
    ///
    /// # Errors
    /// [`LedgerError`]: then none has another.
    pub async fn stamp_anew(
        &self,
        events: Vec<i64>,
        right: impl Fn(Timestamp) -> Timestamp + Clone + Send + Sync + 'static,
    ) -> Result<u64, LedgerError> {
        self.with_reserve(move |session, _| {
            let (events, right) = (events.clone(), right.clone());
            Box::pin(async move { stamps::anew(session, &events, &right).await })
        })
        .await
    }

    /// How it stands.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn state(&self) -> Result<State, StoreError> {
        rows::state(&mut self.store.read().await?).await
    }

    /// The events that were refused last, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn refused(&self, most: u32) -> Result<Vec<Refused>, StoreError> {
        rows::refused(&mut self.store.read().await?, most).await
    }

    /// Writes down whose spool it is, unless that is known; answers whose it is.
    ///
    /// # Errors
    /// [`LedgerError`] when it cannot be written.
    pub async fn belong(&self, account: &AccountId) -> Result<AccountId, LedgerError> {
        let account = account.clone();
        self.with_reserve(move |session, _| {
            let account = account.clone();
            Box::pin(async move { rows::belong(session, &account).await })
        })
        .await
    }

    /// Takes nothing from now on, since the tenant with this uid is being removed; without one takes
    /// again. What is answered before is held.
    ///
    /// # Errors
    /// [`LedgerError`] when it cannot be written.
    pub async fn seal(&self, uid: Option<String>) -> Result<(), LedgerError> {
        self.with_reserve(move |session, _| {
            let uid = uid.clone();
            Box::pin(async move { rows::seal(session, uid).await })
        })
        .await
    }

    /// Forgets times that were given before an instant; answers how many.
    ///
    /// # Errors
    /// [`LedgerError`] when it cannot be written.
    pub async fn forget_stamps(&self, before: Timestamp) -> Result<u64, LedgerError> {
        let work = self.desk.transact(None, move |session, _| {
            Box::pin(async move { stamps::forget(session, before).await })
        });
        work.await
    }

    /// Forgets events that were refused before an instant, some at a time; answers how many.
    ///
    /// # Errors
    /// [`LedgerError`] when it cannot be written.
    pub async fn forget_refused(&self, before: Timestamp) -> Result<u64, LedgerError> {
        let work = self.desk.transact(None, move |session, _| {
            Box::pin(async move { rows::forget_refused(session, before).await })
        });
        work.await
    }

    /// Does what must be possible on a full disk too: what fails for want of room is done again in the reserve's.
    async fn with_reserve<T, W>(&self, work: W) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a mut Session, Timestamp) -> BoxFuture<'a, Result<T, StoreError>>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let done = self.desk.transact(None, work.clone()).await;
        if !matches!(done, Err(LedgerError::Store(StoreError::Full(_)))) {
            return done;
        }
        let _using = self.using.lock().await;
        self.reserve.give_up();
        looked(self.health()).await;
        self.desk.transact(None, work).await
    }

    /// Has the reserve laid aside again whenever it was given up, until it is time to stop.
    pub async fn keep_room(&self, every: Duration, stop: Shutdown) {
        let mut stopped = std::pin::pin!(stop.cancelled());
        loop {
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(every) => {}
            }
            self.restore().await;
        }
    }

    /// Lays the reserve aside again if it was given up, is not in use, and has room.
    async fn restore(&self) {
        let Ok(_nobody_uses_it) = self.using.try_lock() else { return };
        if self.reserve.is_there() {
            return;
        }
        let work = self.desk.transact(None, |session, _| Box::pin(rows::shrink(session)));
        if let Err(error) = work.await {
            tracing::warn!(%error, "the spool does not get smaller");
        }
        // What was shrunk in the log alone leaves the file as it was.
        if let Err(error) = self.store.fold().await {
            tracing::warn!(%error, "the spool's log is not folded back");
        }
        self.reserve.lay_aside();
    }

    /// Nothing, when a copy of the spool fits on the disk beside all that the spool may still take.
    ///
    /// # Errors
    /// What is missing.
    pub async fn has_room_for_copy(&self) -> Result<(), String> {
        let size = async {
            let mut session = self.store.read().await?;
            Ok::<_, StoreError>((rows::size(&mut session).await?, rows::state(&mut session).await?))
        };
        let (copy, state) = size.await.map_err(|error| error.to_string())?;
        let needed = copy + self.limit.saturating_sub(state.bytes);
        let free = room::free(self.store.folder()).map_err(|error| error.to_string())?;
        match free >= needed {
            true => Ok(()),
            false => Err(format!(
                "a copy takes {copy} bytes beside what the spool may still take, {needed} in all, \
                 and the disk has {free} left: give it more room, or wait until events have left"
            )),
        }
    }

    /// Whether there is room on the disk to take events and to let them go.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.reserve.is_there()
    }

    /// How many bytes it may hold.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Tells when events came or went.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether it stores anything now; tells when that changes.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.desk.health().clone()
    }

    /// Takes nothing more, stores what waits, and closes the file.
    pub async fn close(&self) {
        self.desk.close().await;
        self.store.close().await;
    }
}

/// Waits until the writer has looked whether there is room from now on: it refuses everything before. Each look tells
/// what it found, also when that is what was known; the first may have begun before there was room, and some disks
/// free nothing at once.
async fn looked(mut health: watch::Receiver<Health>) {
    let began = Instant::now();
    let mut looks = 0;
    while matches!(*health.borrow_and_update(), Health::Full(_)) {
        if looks >= 2 && began.elapsed() >= FREED {
            return;
        }
        let Ok(Ok(())) = tokio::time::timeout_at(began + LOOKS_AGAIN, health.changed()).await
        else {
            return;
        };
        looks += 1;
    }
}
