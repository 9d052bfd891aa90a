//! The task that writes, and what it does when the disk will not.

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use super::{
    Health, Settings, group,
    queue::{Queue, Weigh},
    request::{Prepared, Receipt},
    whole_millisecond,
};
use crate::{
    domain::quota::KnownTerms,
    store::{Session, StoreError},
};

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// Other writes, in a transaction of their own.
pub(super) type Work = Box<
    dyn for<'a> FnOnce(&'a mut Session, Timestamp) -> BoxFuture<'a, Result<(), StoreError>> + Send,
>;

/// What waits for the writer.
pub(super) enum Job {
    Append(Prepared, Answer<Receipt>),
    Work(Work, Answer<()>),
}

impl Weigh for Job {
    fn items(&self) -> usize {
        match self {
            Self::Append(request, _) => request.items.len(),
            Self::Work(..) => 1,
        }
    }

    fn alone(&self) -> bool {
        matches!(self, Self::Work(..))
    }
}

impl Job {
    fn refuse(self, error: StoreError) {
        // Who went away needs no answer.
        let _gone = match self {
            Self::Append(_, answer) => answer.send(Err(error)).is_err(),
            Self::Work(_, answer) => answer.send(Err(error)).is_err(),
        };
    }
}

/// Owns the connection that writes.
pub(super) struct Writer {
    session: Session,
    queue: Arc<Queue<Job>>,
    health: watch::Sender<Health>,
    settings: Settings,
    terms: Arc<KnownTerms>,
}

impl Drop for Writer {
    /// A writer that ended for whatever reason leaves nobody waiting.
    fn drop(&mut self) {
        self.queue.close();
        self.health.send_if_modified(|health| {
            let was_ready = *health == Health::Ready;
            if was_ready {
                *health = Health::Broken("the ledger is closed".to_owned());
            }
            was_ready
        });
    }
}

impl Writer {
    pub(super) fn new(
        session: Session,
        queue: Arc<Queue<Job>>,
        health: watch::Sender<Health>,
        settings: Settings,
    ) -> Self {
        Self { session, queue, health, settings, terms: Arc::default() }
    }

    /// Works until the queue is closed and empty.
    pub(super) async fn run(mut self) {
        let mut probe_at = None;
        loop {
            let full = matches!(*self.health.borrow(), Health::Full(_));
            let due = *probe_at.get_or_insert(Instant::now() + self.settings.probe_every);
            if !full {
                probe_at = None;
            }
            // The probe first: however many requests come, room is found again.
            let group = tokio::select! {
                biased;
                () = tokio::time::sleep_until(due), if full => {
                    probe_at = None;
                    Box::pin(self.probe()).await;
                    continue;
                }
                group = self.queue.next() => group,
            };
            let Some(group) = group else { break };
            match self.refusal() {
                None => Box::pin(self.serve(group)).await,
                Some(error) => group.into_iter().for_each(|job| job.refuse(error.clone())),
            }
        }
        if let Err(error) = self.session.tidy().await {
            tracing::warn!(%error, "the ledger was closed without tidying up");
        }
    }

    /// Why nothing is written now.
    fn refusal(&self) -> Option<StoreError> {
        match &*self.health.borrow() {
            Health::Ready => None,
            Health::Full(why) => Some(StoreError::Full(why.clone())),
            Health::Broken(why) => Some(StoreError::Broken(why.clone())),
        }
    }

    async fn serve(&mut self, group: Vec<Job>) {
        let mut requests = Vec::new();
        for job in group {
            match job {
                Job::Append(request, answer) => requests.push((request, answer)),
                Job::Work(work, answer) => {
                    let done = match self.refusal() {
                        None => self.work(work).await,
                        Some(error) => Err(error),
                    };
                    let _gone = answer.send(done).is_err();
                }
            }
        }
        if requests.is_empty() {
            return;
        }
        let stored = self.append(requests.iter().map(|(request, _)| request).collect()).await;
        match stored {
            Ok(receipts) => {
                for ((_, answer), receipt) in requests.into_iter().zip(receipts) {
                    let _gone = answer.send(Ok(receipt)).is_err();
                }
            }
            // A fault of the program that one request provokes must not fail its neighbours.
            Err(StoreError::Statement(_) | StoreError::Unreadable(_)) if requests.len() > 1 => {
                for (request, answer) in requests {
                    // The disk may fail on the way; then nothing more is tried.
                    let stored = match self.refusal() {
                        None => self.append(vec![&request]).await,
                        Some(error) => Err(error),
                    };
                    let stored = stored.map(|mut receipts| receipts.swap_remove(0));
                    let _gone = answer.send(stored).is_err();
                }
            }
            Err(error) => {
                for (_, answer) in requests {
                    let _gone = answer.send(Err(error.clone())).is_err();
                }
            }
        }
    }

    async fn append(&mut self, requests: Vec<&Prepared>) -> Result<Vec<Receipt>, StoreError> {
        let result = match self.begin().await {
            Ok(now) => group::append(&mut self.session, &mut self.terms, &requests, now).await,
            Err(error) => Err(error),
        };
        self.end(result).await
    }

    async fn work(&mut self, work: Work) -> Result<(), StoreError> {
        let result = match self.begin().await {
            Ok(now) => work(&mut self.session, now).await,
            Err(error) => Err(error),
        };
        self.end(result).await
    }

    async fn begin(&mut self) -> Result<Timestamp, StoreError> {
        self.session.begin().await?;
        Ok(whole_millisecond((self.settings.clock)()))
    }

    /// Commits what went well; what did not is undone, and a failing disk stops all writing.
    async fn end<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let result = match result {
            Ok(done) => self.session.commit().await.map(|()| done),
            Err(error) => Err(error),
        };
        if let Err(error) = &result {
            self.session.rollback().await;
            self.note(error);
        }
        result
    }

    fn note(&self, error: &StoreError) {
        match error {
            StoreError::Full(why) => {
                tracing::error!(%error, "the ledger takes nothing while its disk is full");
                self.health.send_replace(Health::Full(why.clone()));
            }
            StoreError::Broken(why) => {
                tracing::error!(%error, "the ledger takes nothing any more");
                self.health.send_replace(Health::Broken(why.clone()));
            }
            other => tracing::warn!(error = %other, "a transaction of the ledger failed"),
        }
    }

    /// Looks whether there is room again.
    async fn probe(&mut self) {
        match self.session.probe().await {
            Ok(()) => {
                tracing::info!("the ledger's disk has room again");
                self.health.send_replace(Health::Ready);
            }
            Err(error) => {
                self.session.rollback().await;
                self.note(&error);
            }
        }
    }
}
