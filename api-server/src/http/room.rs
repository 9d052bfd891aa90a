//! What bodies may take of the server at once. Of memory: so many bytes in all, and for one account,
//! a bound that no number of senders moves. Of the processor: one large body of an account at a time.
//! Who sends much uses up its own part first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::problem::{Code, Problem};
use crate::domain::account::AccountId;

/// Bytes of usage held at once.
const ALL: usize = 64 * 1024 * 1024;
/// The same, of one account.
const EACH: usize = 16 * 1024 * 1024;
/// Bytes from which reading a body takes long enough to hold up those who share a thread with it: about
/// half a millisecond.
const LARGE: usize = 16 * 1024;

/// The bytes that are held.
#[derive(Debug)]
pub struct Room {
    all: usize,
    each: usize,
    held: Mutex<Held>,
    /// As many bodies are worked on at once as there are processors.
    processors: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    /// Who holds nothing is not in it.
    by_account: HashMap<AccountId, Own>,
}

/// What one account holds.
#[derive(Debug)]
struct Own {
    bytes: usize,
    turn: Arc<Semaphore>,
}

impl Default for Own {
    fn default() -> Self {
        Self { bytes: 0, turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new(ALL, EACH)
    }
}

impl Room {
    /// Room for `all` bytes, of which one account may hold `each`.
    #[must_use]
    pub fn new(all: usize, each: usize) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let processors = Arc::new(Semaphore::new(processors));
        Self { all, each, held: Mutex::default(), processors }
    }

    /// A request's share of it, empty at first.
    #[must_use]
    pub fn share(self: &Arc<Self>, account: &AccountId) -> Share {
        Share { room: self.clone(), account: account.clone(), bytes: 0 }
    }

    /// How many bytes are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.lock().all
    }

    /// What an account's large bodies wait for; it has one as long as it holds any bytes.
    fn turn(&self, account: &AccountId) -> Arc<Semaphore> {
        let held = self.lock();
        held.by_account.get(account).map_or_else(|| Own::default().turn, |own| own.turn.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Its state is whole between statements.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one request holds, until it is dropped.
#[derive(Debug)]
pub struct Share {
    room: Arc<Room>,
    account: AccountId,
    bytes: usize,
}

impl Share {
    /// Holds more.
    ///
    /// # Errors
    /// 429 when the account, 503 when everybody together holds as much as may be.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let mut held = self.room.lock();
        let own = held.by_account.get(&self.account).map_or(0, |own| own.bytes);
        if own + bytes > self.room.each {
            return Err(account_busy());
        }
        if held.all + bytes > self.room.all {
            return Err(overloaded());
        }
        held.all += bytes;
        held.by_account.entry(self.account.clone()).or_default().bytes += bytes;
        self.bytes += bytes;
        Ok(())
    }

    /// Does what a body asks for. A large one waits for its account's turn and is worked on beside
    /// the threads that answer everybody, so that a flood delays its own account.
    ///
    /// # Errors
    /// 503 when the server is being stopped.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        if self.bytes < LARGE {
            return Ok(work());
        }
        let turn = self.room.turn(&self.account).acquire_owned().await;
        let processor = self.room.processors.clone().acquire_owned().await;
        // Who goes away does not give the turn back before the work is done.
        let done = tokio::task::spawn_blocking(move || {
            let _held = (turn, processor);
            work()
        });
        match done.await {
            Ok(done) => Ok(done),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(overloaded()),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.room.lock();
        held.all = held.all.saturating_sub(self.bytes);
        let Some(own) = held.by_account.get_mut(&self.account) else { return };
        own.bytes = own.bytes.saturating_sub(self.bytes);
        if own.bytes == 0 {
            held.by_account.remove(&self.account);
        }
    }
}

/// One account has as much under way as it may.
#[must_use]
pub fn account_busy() -> Problem {
    Problem::new(
        Code::AccountBusy,
        "As much of this account waits to be stored as may. Send it again later, and slower.",
    )
    .with_retry_after(1)
}

/// Everybody together has.
#[must_use]
pub fn overloaded() -> Problem {
    Problem::new(
        Code::Overloaded,
        "The server answers as many requests as it can. Nothing was done; try again.",
    )
    .with_retry_after(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> AccountId {
        name.parse().unwrap()
    }

    #[test]
    fn an_account_is_refused_before_everybody_is() {
        let room = Arc::new(Room::new(10, 6));
        let mut acme = room.share(&account("acme"));
        acme.grow(6).unwrap();
        assert_eq!(acme.grow(1).unwrap_err().status().as_u16(), 429);
        assert_eq!(room.share(&account("acme")).grow(1).unwrap_err().code(), "account-busy");
        let mut globex = room.share(&account("globex"));
        globex.grow(4).unwrap();
        assert_eq!(globex.grow(1).unwrap_err().code(), "overloaded");
        assert_eq!(room.held(), 10);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn large_bodies_of_an_account_take_turns_and_hold_nobody_up() {
        let room = Arc::new(Room::default());
        let large = |name: &str| {
            let mut share = room.share(&account(name));
            share.grow(LARGE).unwrap();
            share
        };
        let (first, second, other) = (large("acme"), large("acme"), large("globex"));
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let (began, begins) = tokio::sync::oneshot::channel();
        let first = tokio::spawn(async move {
            let work = move || {
                began.send(()).unwrap();
                gate.recv()
            };
            first.work(work).await.map(|_| ())
        });
        begins.await.unwrap();
        // What is small needs no turn, and other accounts have their own where there are processors.
        let mut small = room.share(&account("acme"));
        small.grow(1).unwrap();
        assert_eq!(small.work(|| 1).await.unwrap(), 1);
        if room.processors.available_permits() > 0 {
            assert_eq!(other.work(|| 2).await.unwrap(), 2);
        }
        let mut waiting = Box::pin(second.work(|| 3));
        assert!(futures::poll!(&mut waiting).is_pending(), "the first is not done");
        go.send(()).unwrap();
        assert_eq!(waiting.await.unwrap(), 3);
        first.await.unwrap().unwrap();
    }

    #[test]
    fn what_is_dropped_is_free_and_forgotten() {
        let room = Arc::new(Room::new(10, 6));
        let mut first = room.share(&account("acme"));
        let mut second = room.share(&account("acme"));
        first.grow(2).unwrap();
        second.grow(3).unwrap();
        assert!(second.grow(9).is_err());
        drop(first);
        assert_eq!((room.held(), room.lock().by_account.len()), (3, 1));
        drop(second);
        assert_eq!((room.held(), room.lock().by_account.len()), (0, 0));
    }
}
