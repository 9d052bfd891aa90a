//! What waits for the writer: a queue per account, served in turn, so that a flood of one account
//! delays that account alone. Who had nothing waiting goes first, in a transaction without the others,
//! which are slow because they are large; then it is the others' turn whoever comes. Between the pieces
//! of what is large, those go who have little.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};

use crate::{domain::account::AccountId, store::LARGEST_STATEMENT};

/// The most items in one transaction, unless a single request has more.
pub(super) const GROUP_ITEMS: usize = 1_000;

/// What counts as little: as many items as the largest statement has rows. Six fewer would take ten
/// statements.
pub(super) const LITTLE_ITEMS: usize = LARGEST_STATEMENT;

/// For how many transactions it is remembered that somebody had little: some seconds of a flood.
const REMEMBERED: u32 = 256;

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Items in all.
    pub items: usize,
    /// Items of one account.
    pub items_per_account: usize,
    /// Requests that wait for room before they are read; more are refused at once.
    pub patient: usize,
}

/// For how long a request waits for room. Who floods sends its next one only when this one is answered:
/// a refusal that comes at once costs the others more than one that comes late.
const PATIENCE: Duration = Duration::from_millis(250);

impl Default for Limits {
    /// A few tens of megabytes at most, and a tenth of it for one account.
    fn default() -> Self {
        Self { items: 100_000, items_per_account: 10_000, patient: 64 }
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
    /// Something was taken out.
    freed: Notify,
    patient: Semaphore,
}

struct Waiting<T> {
    by_account: HashMap<Option<AccountId>, Line<T>>,
    /// Who has something waiting and was not served since; each account stands here or in `turns`,
    /// once.
    fresh: VecDeque<Option<AccountId>>,
    /// Who was served and has more waiting.
    turns: VecDeque<Option<AccountId>>,
    /// The last transaction let `turns` wait.
    passed_over: bool,
    /// Whose requests were taken last.
    serving: HashSet<Option<AccountId>>,
    items: usize,
    /// For how many more transactions those who have little are expected.
    little: u32,
    closed: bool,
}

struct Line<T> {
    waiting: VecDeque<T>,
    items: usize,
}

impl<T: Weigh> Queue<T> {
    pub(super) fn new(limits: Limits) -> Self {
        let waiting = Waiting {
            by_account: HashMap::new(),
            fresh: VecDeque::new(),
            turns: VecDeque::new(),
            passed_over: false,
            serving: HashSet::new(),
            items: 0,
            little: 0,
            closed: false,
        };
        Self {
            limits,
            waiting: Mutex::new(waiting),
            arrived: Notify::new(),
            freed: Notify::new(),
            patient: Semaphore::new(limits.patient),
        }
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
        if !what.alone() && what.items() <= LITTLE_ITEMS {
            waiting.little = REMEMBERED;
        }
        if !waiting.by_account.contains_key(&account) {
            waiting.fresh.push_back(account.clone());
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
                    self.freed.notify_waiters();
                    return Some(group);
                }
                if waiting.closed {
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// Whether somebody had little lately, so that what is large is worth cutting: whoever comes for the
    /// first time waits for one transaction, and nobody pays for pieces that none goes between.
    pub(super) fn little_comes(&self) -> bool {
        self.lock().little > 0
    }

    /// Whether somebody else has up to `at_most` items waiting than who is being served.
    pub(super) fn others_wait(&self, at_most: usize) -> bool {
        let waiting = self.lock();
        waiting.fresh.iter().any(|account| waiting.may_go_between(account, at_most))
    }

    /// What those have waiting, of up to `at_most` items together. Who is being served is not among
    /// them: its rows follow each other.
    pub(super) fn others(&self, at_most: usize) -> Vec<T> {
        let mut waiting = self.lock();
        let mut group = Group { jobs: Vec::new(), items: 0, full: false };
        for account in std::mem::take(&mut waiting.fresh) {
            let left = at_most.saturating_sub(group.items);
            let goes = !group.full && waiting.may_go_between(&account, left);
            let next = waiting.by_account.get(&account).and_then(|line| line.waiting.front());
            if goes && next.is_some_and(|next| group.fits(next)) {
                group.jobs.extend(waiting.pop(account, &mut group.items));
                group.full = group.jobs.last().is_some_and(Weigh::alone);
            } else {
                waiting.fresh.push_back(account);
            }
        }
        self.freed.notify_waiters();
        group.jobs
    }

    /// Whether more of an account may wait.
    pub(super) fn room(&self, account: Option<&AccountId>) -> Result<(), Refused> {
        let waiting = self.lock();
        let line = waiting.by_account.get(&account.cloned());
        if line.is_some_and(|line| line.items >= self.limits.items_per_account) {
            return Err(Refused::AccountFull);
        }
        if waiting.items >= self.limits.items {
            return Err(Refused::Full);
        }
        Ok(())
    }

    /// Waits for a while until more of an account may wait, or else answers why not.
    pub(super) async fn wait_for_room(&self, account: Option<&AccountId>) -> Result<(), Refused> {
        let Err(full) = self.room(account) else { return Ok(()) };
        let Ok(_patient) = self.patient.try_acquire() else { return Err(full) };
        let free = async {
            loop {
                let mut freed = pin!(self.freed.notified());
                freed.as_mut().enable();
                if self.room(account).is_ok() {
                    return;
                }
                freed.await;
            }
        };
        match timeout(PATIENCE, free).await {
            Ok(()) => Ok(()),
            Err(_late) => self.room(account),
        }
    }

    /// Takes no more; what waits is still served.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }
}

fn take<T: Weigh>(waiting: &mut Waiting<T>) -> Vec<T> {
    let mut group = Group { jobs: Vec::new(), items: 0, full: false };
    let both = !waiting.fresh.is_empty() && !waiting.turns.is_empty();
    let pass_over = both && !waiting.passed_over;
    waiting.serving.clear();
    if both && !pass_over {
        let round = waiting.turns.len();
        group.fill(waiting, Waiting::turns, round);
    }
    group.fill(waiting, Waiting::fresh, usize::MAX);
    if !pass_over {
        group.fill(waiting, Waiting::turns, usize::MAX);
    }
    waiting.passed_over = pass_over;
    if !group.jobs.is_empty() {
        waiting.little = waiting.little.saturating_sub(1);
    }
    group.jobs
}

/// A transaction's worth.
struct Group<T> {
    jobs: Vec<T>,
    items: usize,
    /// The next one does not fit, or it has to be alone.
    full: bool,
}

impl<T: Weigh> Group<T> {
    /// Takes a request of the account that stands first in line, as long as they fit, so often at most.
    fn fill(
        &mut self,
        waiting: &mut Waiting<T>,
        line_of: fn(&mut Waiting<T>) -> &mut VecDeque<Option<AccountId>>,
        at_most: usize,
    ) {
        let mut left = at_most;
        while !self.full
            && left > 0
            && let Some(account) = line_of(waiting).front().cloned()
        {
            let next = waiting.by_account.get(&account).and_then(|line| line.waiting.front());
            if next.is_none_or(|next| !self.fits(next)) {
                self.full = true;
                return;
            }
            left -= 1;
            line_of(waiting).pop_front();
            waiting.serving.insert(account.clone());
            self.jobs.extend(waiting.pop(account, &mut self.items));
            self.full = self.jobs.last().is_some_and(Weigh::alone);
        }
    }

    fn fits(&self, next: &T) -> bool {
        self.jobs.is_empty() || (!next.alone() && self.items + next.items() <= GROUP_ITEMS)
    }
}

impl<T: Weigh> Waiting<T> {
    fn fresh(&mut self) -> &mut VecDeque<Option<AccountId>> {
        &mut self.fresh
    }

    fn turns(&mut self) -> &mut VecDeque<Option<AccountId>> {
        &mut self.turns
    }

    /// Whether an account may be served while others' requests are under way.
    fn may_go_between(&self, account: &Option<AccountId>, at_most: usize) -> bool {
        let next = self.by_account.get(account).and_then(|line| line.waiting.front());
        !self.serving.contains(account) && next.is_some_and(|next| next.items() <= at_most)
    }

    /// The first request of an account, which stands in line again if it has more.
    fn pop(&mut self, account: Option<AccountId>, items: &mut usize) -> Option<T> {
        let line = self.by_account.get_mut(&account)?;
        let next = line.waiting.pop_front()?;
        if !next.alone() {
            let weight = next.items();
            line.items -= weight;
            self.items -= weight;
            *items += weight;
        }
        if line.waiting.is_empty() {
            self.by_account.remove(&account);
        } else {
            self.turns.push_back(account);
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests;
