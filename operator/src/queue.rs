//! A work queue over names: each name at most once at a time, a bounded number at once, delays that
//! a new kick cuts short.
//!
//! What is held up does not hold up the rest: a name whose last try was waits for its like only, and
//! work that waits long for one answer steps aside ([`step_aside`]), so that its slot is free.
//!
//! kube's `Controller` does the same over a store of whole objects; here the records are the store.

mod beside;
mod later;

use std::{collections::HashSet, future::Future, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

pub use beside::{Beside, step_aside};

use crate::kicks::{Kicks, Waiting};
use beside::{HERE, Places};
use later::Later;

/// How long a name rests whose work panicked.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// How the work on a name ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// When to look again, if nothing happens before.
    pub next: Option<Duration>,
    /// Whether somebody else kept it from its end: the next try must not take a slot from others.
    pub held_up: bool,
}

/// What is under way.
struct State {
    running: FuturesUnordered<BoxFuture<'static, (Box<str>, Ended)>>,
    active: HashSet<Box<str>>,
    /// Kicked while it ran: to be run once more.
    again: HashSet<Box<str>>,
    /// Ready to run, in order.
    ready: Waiting,
    /// Ready to run too, beside the others.
    ready_beside: Waiting,
    /// Names whose last try was held up.
    held_up: HashSet<Box<str>>,
    /// To be run later.
    later: Later,
    /// Work that does not count.
    beside: Places,
}

/// Runs `work` for every name that comes, without end: at most `concurrency` at once, and as many
/// again that are held up.
pub async fn run<F, W>(kicks: Kicks, concurrency: usize, work: W)
where
    W: Fn(Box<str>) -> F,
    F: Future<Output = Ended> + Send + 'static,
{
    let mut names = kicks.stream().boxed();
    let mut state = State {
        running: FuturesUnordered::new(),
        active: HashSet::new(),
        again: HashSet::new(),
        ready: Waiting::default(),
        ready_beside: Waiting::default(),
        held_up: HashSet::new(),
        later: Later::default(),
        beside: Places::new(concurrency),
    };
    loop {
        state.start(concurrency, &work);
        kicks.set_backlog(state.ready.len(), state.ready_beside.len());
        let due = state.later.first();
        tokio::select! {
            Some(name) = names.next() => state.kicked(name),
            Some((name, how)) = state.running.next(), if !state.running.is_empty() => state.ended(name, how),
            () = state.beside.changed() => {}
            () = later::until(due), if due.is_some() => state.wake(),
        }
    }
}

impl State {
    fn kicked(&mut self, name: Box<str>) {
        self.later.remove(&name);
        if self.active.contains(&name) {
            self.again.insert(name);
        } else {
            self.wait(&name);
        }
    }

    fn wait(&mut self, name: &str) {
        let held_up = self.held_up.contains(name);
        let queue = if held_up { &mut self.ready_beside } else { &mut self.ready };
        queue.push(name);
    }

    fn ended(&mut self, name: Box<str>, how: Ended) {
        self.active.remove(&name);
        if how.held_up {
            self.held_up.insert(name.clone());
        } else {
            self.held_up.remove(&name);
        }
        if self.again.remove(&name) {
            self.wait(&name);
        } else if let Some(delay) = how.next {
            self.later.put(name, delay);
        }
    }

    fn wake(&mut self) {
        for name in self.later.due() {
            self.kicked(name);
        }
    }

    fn start<F>(&mut self, concurrency: usize, work: &impl Fn(Box<str>) -> F)
    where
        F: Future<Output = Ended> + Send + 'static,
    {
        while self.active.len() < concurrency + self.beside.taken() {
            let Some(name) = self.ready.pop() else { break };
            let task = HERE.scope(self.beside.clone(), work(name.clone()));
            self.spawn(name, task);
        }
        while !self.ready_beside.is_empty() {
            let Some(place) = self.beside.take() else { return };
            let Some(name) = self.ready_beside.pop() else { return };
            let task = work(name.clone()).map(move |how| {
                drop(place);
                how
            });
            self.spawn(name, task);
        }
    }

    fn spawn(&mut self, name: Box<str>, task: impl Future<Output = Ended> + Send + 'static) {
        self.active.insert(name.clone());
        // A task of its own: rendering then uses every core, and a panic stays with its name.
        let after_panic = Ended { next: Some(AFTER_PANIC), held_up: false };
        let task = tokio::spawn(task);
        self.running.push(task.map(move |how| (name, how.unwrap_or(after_panic))).boxed());
    }
}

#[cfg(test)]
mod tests;
