//! Where requests are handed in to a writer, and where its answers come from.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};

use super::{
    Clock, Health, LedgerError, Settings,
    queue::{Queue, Refused},
    writer::{Appends, Job, Work, Writer},
};
use crate::{
    domain::account::AccountId,
    store::{Session, StoreError},
};

/// A running writer. Dropping it lets the writer end once nothing waits any more.
pub(crate) struct Desk<A: Appends> {
    queue: Arc<Queue<Job<A>>>,
    health: watch::Receiver<Health>,
    clock: Clock,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl<A: Appends> Drop for Desk<A> {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl<A: Appends> Desk<A> {
    /// Starts a writer that stores with `appends` over `session`.
    pub(crate) fn open(session: Session, appends: A, settings: Settings) -> Self {
        let queue = Arc::new(Queue::new(settings.limits));
        let (told, health) = watch::channel(Health::Ready);
        let clock = settings.clock.clone();
        let writer = Writer::new(session, appends, queue.clone(), told, settings);
        let task = Mutex::new(Some(tokio::spawn(writer.run())));
        Self { queue, health, clock, task }
    }

    /// Has a request stored; answers after that is durable. A caller that goes away does not take
    /// its request back.
    ///
    /// # Errors
    /// [`LedgerError`]: nothing was acknowledged.
    pub(crate) async fn append(
        &self,
        account: Option<AccountId>,
        request: A::Request,
    ) -> Result<A::Receipt, LedgerError> {
        let (answer, answered) = oneshot::channel();
        self.push(account, Job::Append(request, answer))?;
        Ok(answered.await.unwrap_or_else(|_| Err(lost()))?)
    }

    /// As [`super::Ledger::transact`].
    pub(crate) async fn transact<T, W>(
        &self,
        account: Option<AccountId>,
        work: W,
    ) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: for<'a> FnOnce(&'a mut Session, Timestamp) -> BoxFuture<'a, Result<T, StoreError>>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let slot = Arc::new(Mutex::new(None));
        let filled = slot.clone();
        let work: Work = Box::new(move |session, now| {
            let (work, filled) = (work.clone(), filled.clone());
            Box::pin(async move {
                let done = work(session, now).await?;
                *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
                Ok(())
            })
        });
        self.push(account.clone(), Job::Work(account, work, answer))?;
        answered.await.unwrap_or_else(|_| Err(lost()))?;
        let done = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(done.ok_or_else(lost)?)
    }

    fn push(&self, account: Option<AccountId>, job: Job<A>) -> Result<(), LedgerError> {
        Ok(self.queue.push(account, job)?)
    }

    /// Whether a request of an account could wait now, so that nobody reads one in vain.
    pub(crate) fn room(&self, account: &AccountId) -> Result<(), LedgerError> {
        Ok(self.queue.room(Some(account))?)
    }

    /// As [`Self::room`], once it has waited a while for it.
    pub(crate) async fn wait_for_room(&self, account: &AccountId) -> Result<(), LedgerError> {
        Ok(self.queue.wait_for_room(Some(account)).await?)
    }

    /// Whether anything is stored now; tells when that changes.
    pub(crate) fn health(&self) -> &watch::Receiver<Health> {
        &self.health
    }

    /// The time, by the writer's clock.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Takes nothing more and stores what waits.
    pub(crate) async fn close(&self) {
        self.queue.close();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "a writer ended badly");
        }
    }
}

impl From<Refused> for LedgerError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::AccountFull => Self::AccountBusy,
            Refused::Full => Self::Busy,
            Refused::Closed => Self::Closed,
        }
    }
}

fn lost() -> StoreError {
    StoreError::Broken("no writer".to_owned())
}
