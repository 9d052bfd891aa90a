//! What waits for the writer: a queue per account, served in turn, so that a flood of one account
//! delays that account alone.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::domain::account::AccountId;

/// The most items in one transaction, unless a single request has more.
pub(super) const GROUP_ITEMS: usize = 1_000;

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Items in all.
    pub items: usize,
    /// Items of one account.
    pub items_per_account: usize,
}

impl Default for Limits {
    /// A few tens of megabytes at most, and a tenth of it for one account.
    fn default() -> Self {
        Self { items: 100_000, items_per_account: 10_000 }
    }
}

/// Why something may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// This account's queue is full.
    AccountFull,
    /// All queues together are.
    Full,
    /// Nothing is taken any more.
    Closed,
}

/// Something with a size; `alone` when it needs a transaction of its own.
pub(super) trait Weigh {
    fn items(&self) -> usize;
    fn alone(&self) -> bool;
}

/// Queues of `T`, one per account, and one of the house (`None`).
pub(super) struct Queue<T> {
    limits: Limits,
    waiting: Mutex<Waiting<T>>,
    arrived: Notify,
}

struct Waiting<T> {
    by_account: HashMap<Option<AccountId>, Line<T>>,
    /// Whose turn it is; each account that has something waiting stands here once.
    turns: VecDeque<Option<AccountId>>,
    items: usize,
    closed: bool,
}

struct Line<T> {
    waiting: VecDeque<T>,
    items: usize,
}

impl<T: Weigh> Queue<T> {
    pub(super) fn new(limits: Limits) -> Self {
        let waiting =
            Waiting { by_account: HashMap::new(), turns: VecDeque::new(), items: 0, closed: false };
        Self { limits, waiting: Mutex::new(waiting), arrived: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        // Nothing panics while it is held, and its state is whole between statements anyway.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something at the end of its account's line; what is alone in its line always fits.
    pub(super) fn push(&self, account: Option<AccountId>, what: T) -> Result<(), Refused> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Refused::Closed);
        }
        // What runs alone is small, and has to be answered even in a flood.
        let items = if what.alone() { 0 } else { what.items() };
        let line_items = waiting.by_account.get(&account).map_or(0, |line| line.items);
        if line_items > 0 && line_items + items > self.limits.items_per_account {
            return Err(Refused::AccountFull);
        }
        if waiting.items > 0 && waiting.items + items > self.limits.items {
            return Err(Refused::Full);
        }
        waiting.items += items;
        if !waiting.by_account.contains_key(&account) {
            waiting.turns.push_back(account.clone());
        }
        let line = waiting
            .by_account
            .entry(account)
            .or_insert_with(|| Line { waiting: VecDeque::new(), items: 0 });
        line.items += items;
        line.waiting.push_back(what);
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// The next transaction's worth, in turn one request of each account; `None` when the queue
    /// was closed and nothing is left.
    pub(super) async fn next(&self) -> Option<Vec<T>> {
        loop {
            let arrived = self.arrived.notified();
            {
                let mut waiting = self.lock();
                let group = take(&mut waiting);
                if !group.is_empty() {
                    return Some(group);
                }
                if waiting.closed {
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// Takes no more; what waits is still served.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }
}

fn take<T: Weigh>(waiting: &mut Waiting<T>) -> Vec<T> {
    let mut group = Vec::new();
    let mut items = 0;
    while let Some(account) = waiting.turns.front().cloned() {
        let Some(line) = waiting.by_account.get_mut(&account) else { break };
        let fits = line.waiting.front().is_some_and(|next| {
            group.is_empty() || (!next.alone() && items + next.items() <= GROUP_ITEMS)
        });
        if !fits {
            break;
        }
        let Some(next) = line.waiting.pop_front() else { break };
        let (weight, alone) = (next.items(), next.alone());
        if !alone {
            line.items -= weight;
            waiting.items -= weight;
            items += weight;
        }
        waiting.turns.pop_front();
        if line.waiting.is_empty() {
            waiting.by_account.remove(&account);
        } else {
            waiting.turns.push_back(account);
        }
        group.push(next);
        if alone {
            break;
        }
    }
    group
}

#[cfg(test)]
mod tests;
