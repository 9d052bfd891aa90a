//! The task that writes, and what it does when the disk will not.

use std::{future::Future, sync::Arc};

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use super::{
    Health, Settings,
    pieces::Pieces,
    queue::{LITTLE_ITEMS, Queue, Weigh},
    whole_millisecond,
};
use crate::{
    domain::account::AccountId,
    store::{Session, StoreError},
};

pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What a writer does with the requests that it stores in one transaction.
pub(crate) trait Appends: Send + 'static {
    /// One request.
    type Request: Send + Sync + 'static;
    /// The answer to one.
    type Receipt: Send + Sync + 'static;

    /// How many items a request has.
    fn items(request: &Self::Request) -> usize;

    /// A request in parts of up to `at_most` items, in order, which may be stored one after the
    /// other with others' between them; itself alone when it may not.
    fn split(request: Self::Request, at_most: usize) -> Vec<Self::Request> {
        let _whole = at_most;
        vec![request]
    }

    /// Adds the receipt of a part to that of the parts before it.
    fn join(earlier: &mut Self::Receipt, later: Self::Receipt) {
        *earlier = later;
    }

    /// Stores requests within a transaction that is under way, perhaps anew. The receipts, one for
    /// each, hold once it is committed.
    fn append(
        &mut self,
        session: &mut Session,
        requests: &[&Self::Request],
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Self::Receipt>, StoreError>> + Send;
}

/// Other writes, in a transaction of their own.
pub(super) type Work = Box<
    dyn for<'a> Fn(&'a mut Session, Timestamp) -> BoxFuture<'a, Result<(), StoreError>>
        + Send
        + Sync,
>;

/// How often a transaction that met another server's is begun anew.
const AGAIN: u32 = 5;

/// What waits for the writer.
pub(super) enum Job<A: Appends> {
    Append(A::Request, Answer<A::Receipt>),
    /// Of an account, or of the house.
    Work(Option<AccountId>, Work, Answer<()>),
}

impl<A: Appends> Weigh for Job<A> {
    fn items(&self) -> usize {
        match self {
            Self::Append(request, _) => A::items(request),
            Self::Work(..) => 1,
        }
    }

    fn alone(&self) -> bool {
        matches!(self, Self::Work(..))
    }
}

impl<A: Appends> Job<A> {
    fn refuse(self, error: StoreError) {
        // Who went away needs no answer.
        let _gone = match self {
            Self::Append(_, answer) => answer.send(Err(error)).is_err(),
            Self::Work(.., answer) => answer.send(Err(error)).is_err(),
        };
    }
}

/// Owns the connection that writes.
pub(super) struct Writer<A: Appends> {
    session: Session,
    appends: A,
    queue: Arc<Queue<Job<A>>>,
    health: watch::Sender<Health>,
    settings: Settings,
    /// When to look whether it can be written.
    look_at: Instant,
}

impl<A: Appends> Drop for Writer<A> {
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

impl<A: Appends> Writer<A> {
    pub(super) fn new(
        session: Session,
        appends: A,
        queue: Arc<Queue<Job<A>>>,
        health: watch::Sender<Health>,
        settings: Settings,
    ) -> Self {
        let look_at = Instant::now() + settings.probe_every;
        Self { session, appends, queue, health, settings, look_at }
    }

    /// Works until the queue is closed and empty.
    pub(super) async fn run(mut self) {
        loop {
            // A database elsewhere may go away while nobody sends.
            let waits = matches!(*self.health.borrow(), Health::Full(_) | Health::Away(_));
            // Looking comes first: however many requests come, room is found again.
            let group = tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.look_at), if waits || self.session.is_shared() => {
                    Box::pin(self.look(waits)).await;
                    continue;
                }
                group = self.queue.next() => group,
            };
            let Some(group) = group else { break };
            match self.refusal() {
                None => self.serve(group).await,
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
            Health::Away(why) => Some(StoreError::Away(why.clone())),
            Health::Broken(why) => Some(StoreError::Broken(why.clone())),
        }
    }

    async fn serve(&mut self, group: Vec<Job<A>>) {
        let mut requests = Vec::new();
        for job in group {
            match job {
                Job::Append(request, answer) => requests.push((request, answer)),
                Job::Work(account, work, answer) => {
                    let done = match self.refusal() {
                        None => self.work(account.as_ref(), &work).await,
                        Some(error) => Err(error),
                    };
                    let _gone = answer.send(done).is_err();
                }
            }
        }
        if requests.is_empty() {
            return;
        }
        // What nobody goes between is one piece: each asks and writes anew what a whole does once.
        let cut = !self.session.is_shared() && self.queue.little_comes();
        self.store(Pieces::cut(requests, if cut { LITTLE_ITEMS } else { usize::MAX })).await;
    }

    /// Stores requests piece by piece: in one transaction as long as nobody else comes, else with
    /// others' transactions between its own.
    fn store(&mut self, mut pieces: Pieces<A>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            while !pieces.is_empty() {
                match self.append(&pieces).await {
                    Ok(receipts) => pieces.stored(receipts),
                    // A fault of the program that one request provokes must not fail its neighbours.
                    Err(StoreError::Statement(_) | StoreError::Unreadable(_))
                        if pieces.several() =>
                    {
                        return self.store_apart(pieces).await;
                    }
                    Err(error) => return pieces.refuse(&error),
                }
                if !pieces.is_empty() {
                    let others = self.queue.others(LITTLE_ITEMS);
                    self.serve(others).await;
                    // What others met is met by all: after a failed flush nothing more is written.
                    if let Some(error) = self.refusal() {
                        return pieces.refuse(&error);
                    }
                }
            }
        })
    }

    async fn store_apart(&mut self, pieces: Pieces<A>) {
        for one in pieces.one_by_one() {
            // The disk may fail on the way; then nothing more is tried.
            match self.refusal() {
                None => self.store(one).await,
                Some(error) => one.refuse(&error),
            }
        }
    }

    /// Stores the first of the pieces in a transaction: all of them unless others wait. Their receipts.
    async fn append(&mut self, pieces: &Pieces<A>) -> Result<Vec<A::Receipt>, StoreError> {
        let mut left = AGAIN;
        loop {
            let result = match self.begin().await {
                Ok(now) => self.fill(pieces, now).await,
                Err(error) => Err(error),
            };
            match self.end(result).await {
                Err(StoreError::Contended(_)) if left > 0 => left -= 1,
                done => return done,
            }
        }
    }

    async fn fill(
        &mut self,
        pieces: &Pieces<A>,
        now: Timestamp,
    ) -> Result<Vec<A::Receipt>, StoreError> {
        let mut receipts = Vec::with_capacity(pieces.len());
        for stride in pieces.strides() {
            receipts.extend(self.appends.append(&mut self.session, &stride, now).await?);
            // Other servers of one database would put their rows of this account between.
            let whole = self.session.is_shared() || receipts.len() == pieces.len();
            if !whole && self.queue.others_wait(LITTLE_ITEMS) {
                break;
            }
        }
        Ok(receipts)
    }

    async fn work(&mut self, of: Option<&AccountId>, work: &Work) -> Result<(), StoreError> {
        let mut left = AGAIN;
        loop {
            let result = match self.begin_work(of).await {
                Ok(now) => work(&mut self.session, now).await,
                Err(error) => Err(error),
            };
            match self.end(result).await {
                Err(StoreError::Contended(_)) if left > 0 => left -= 1,
                done => return done,
            }
        }
    }

    async fn begin_work(&mut self, of: Option<&AccountId>) -> Result<Timestamp, StoreError> {
        let now = self.begin().await?;
        match of {
            Some(account) => self.session.lock(std::slice::from_ref(account)).await?,
            None => self.session.lock_house().await?,
        }
        Ok(now)
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

    fn note(&mut self, error: &StoreError) {
        let health = match error {
            StoreError::Full(why) => {
                tracing::error!(%error, "the ledger takes nothing while its disk is full");
                self.look_at = Instant::now() + self.settings.probe_every;
                Health::Full(why.clone())
            }
            StoreError::Away(why) | StoreError::Unfit(why) => {
                if !matches!(*self.health.borrow(), Health::Away(_)) {
                    tracing::error!(%error, "the ledger takes nothing while its database is away");
                }
                // At once: often it is the connection alone that was lost.
                self.look_at = Instant::now();
                Health::Away(why.clone())
            }
            StoreError::Broken(why) => {
                tracing::error!(%error, "the ledger takes nothing any more");
                Health::Broken(why.clone())
            }
            other => {
                tracing::warn!(error = %other, "a transaction of the ledger failed");
                return;
            }
        };
        self.health.send_replace(health);
    }

    /// Looks whether it can be written; when it could not, by writing.
    async fn look(&mut self, waits: bool) {
        let looked = if waits { self.session.probe().await } else { self.session.ping().await };
        match looked {
            Err(error) => {
                self.session.rollback().await;
                self.note(&error);
            }
            Ok(()) if waits => {
                tracing::info!("the ledger can be written again");
                self.health.send_replace(Health::Ready);
            }
            Ok(()) => {}
        }
        self.look_at = Instant::now() + self.settings.probe_every;
    }
}
