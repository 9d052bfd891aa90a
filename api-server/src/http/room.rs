//! How many bytes of bodies are held at once: in all, and for one account. So memory has a bound
//! that no number of senders moves, and who sends much uses up its own part first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;

use super::problem::Problem;
use crate::domain::account::AccountId;

/// Bytes of usage held at once.
const ALL: usize = 64 * 1024 * 1024;
/// The same, of one account.
const EACH: usize = 16 * 1024 * 1024;

/// The bytes that are held.
#[derive(Debug)]
pub struct Room {
    all: usize,
    each: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    /// Who holds nothing is not in it.
    by_account: HashMap<AccountId, usize>,
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
        Self { all, each, held: Mutex::default() }
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
        let own = held.by_account.get(&self.account).copied().unwrap_or_default();
        if own + bytes > self.room.each {
            return Err(account_busy());
        }
        if held.all + bytes > self.room.all {
            return Err(overloaded());
        }
        held.all += bytes;
        held.by_account.insert(self.account.clone(), own + bytes);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.room.lock();
        held.all = held.all.saturating_sub(self.bytes);
        let left = held.by_account.get(&self.account).copied().unwrap_or_default();
        match left.saturating_sub(self.bytes) {
            0 => held.by_account.remove(&self.account),
            left => held.by_account.insert(self.account.clone(), left),
        };
    }
}

/// One account has as much under way as it may.
#[must_use]
pub fn account_busy() -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "account-busy",
        "Too much waits",
        "As much of this account waits to be stored as may. Send it again later, and slower.",
    )
    .with_retry_after(1)
}

/// Everybody together has.
#[must_use]
pub fn overloaded() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "overloaded",
        "Overloaded",
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
