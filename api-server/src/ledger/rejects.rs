//! Events that were not taken wait here to be written down, beside the way of those that were.
//!
//! Writing them costs the one who writes a transaction. So they are collected: at most one
//! transaction in a while, of at most a thousand. What waits is bounded, in all and for each account,
//! and the oldest gives way. Noting one never waits and never fails.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, watch};

use super::Ledger;
use crate::{
    domain::account::AccountId,
    store::rejects::{self, Reject},
};

/// How long after a transaction the next may run.
pub const EVERY: Duration = Duration::from_secs(1);
/// The most rejects in one transaction.
const AT_ONCE: usize = 1_000;
/// The most that wait, of one account and in all: a few megabytes.
const WAITING_OF_ACCOUNT: usize = 1_000;
const WAITING: usize = 10_000;

/// Notes rejects; clones share what waits.
#[derive(Clone, Default)]
pub struct Rejects {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    waiting: Mutex<Waiting>,
    arrived: Notify,
    done: watch::Sender<u64>,
}

#[derive(Default)]
struct Waiting {
    by_account: BTreeMap<AccountId, VecDeque<Reject>>,
    /// How many wait, were noted in all, and gave way.
    count: usize,
    noted: u64,
    lost: u64,
}

impl Waiting {
    fn note(&mut self, reject: Reject) {
        self.noted += 1;
        if self.count >= WAITING {
            self.lost += 1;
            return;
        }
        let own = self.by_account.entry(reject.account.clone()).or_default();
        own.push_back(reject);
        if own.len() > WAITING_OF_ACCOUNT {
            own.pop_front();
            self.lost += 1;
        } else {
            self.count += 1;
        }
    }

    /// What one transaction takes: of each account the oldest, an equal share.
    fn take(&mut self) -> Vec<Reject> {
        let share = (AT_ONCE / self.by_account.len().max(1)).max(1);
        let mut taken = Vec::new();
        for own in self.by_account.values_mut() {
            let count = share.min(own.len()).min(AT_ONCE - taken.len());
            taken.extend(own.drain(..count));
        }
        self.by_account.retain(|_, own| !own.is_empty());
        self.count -= taken.len();
        taken
    }

    /// How many were noted and wait no more, when none is being written.
    const fn settled(&self) -> u64 {
        self.noted - self.count as u64
    }
}

impl Rejects {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held.
        self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes rejects of one request; they are written soon.
    pub fn note(&self, all: impl IntoIterator<Item = Reject>) {
        let mut waiting = self.lock();
        all.into_iter().for_each(|reject| waiting.note(reject));
        drop(waiting);
        self.inner.arrived.notify_one();
    }

    /// How many gave way, or could not be written, since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lock().lost
    }

    /// Waits until everything that was noted so far is written, or has given way.
    pub async fn settled(&self) {
        let noted = self.lock().noted;
        let mut done = self.inner.done.subscribe();
        // The sender lives as long as this does.
        let _ended = done.wait_for(|done| *done >= noted).await.is_err();
    }

    /// Writes what is noted, for ever; `every` is how long after a transaction the next may run.
    pub async fn run(&self, ledger: &Ledger, every: Duration) {
        loop {
            let arrived = self.inner.arrived.notified();
            if self.lock().count == 0 {
                arrived.await;
            }
            self.write(ledger).await;
            tokio::time::sleep(every).await;
        }
    }

    /// Writes what waits, when no more comes, before the ledger is closed.
    pub async fn finish(&self, ledger: &Ledger) {
        while self.lock().count > 0 {
            self.write(ledger).await;
        }
    }

    async fn write(&self, ledger: &Ledger) {
        let taken = self.lock().take();
        if taken.is_empty() {
            return;
        }
        let count = taken.len();
        let work = ledger.transact(None, move |session, now| {
            Box::pin(async move { rejects::add(session, &taken, now).await })
        });
        if let Err(error) = work.await {
            tracing::warn!(%error, count, "rejected events could not be written down");
            self.lock().lost += count as u64;
        }
        let settled = self.lock().settled();
        self.inner.done.send_replace(settled);
    }
}
