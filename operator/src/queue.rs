//! A work queue over names: each name at most once at a time, a bounded number at once, delays that
//! a new kick cuts short.
//!
//! kube's `Controller` does the same over a store of whole objects; here the records are the store.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::Instant;

use crate::kicks::{Kicks, Waiting};

/// How long a name rests whose work panicked.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// What is under way.
struct State {
    running: FuturesUnordered<BoxFuture<'static, (Box<str>, Option<Duration>)>>,
    active: HashSet<Box<str>>,
    /// Kicked while it ran: to be run once more.
    again: HashSet<Box<str>>,
    /// Ready to run, in order.
    ready: Waiting,
    /// To be run later.
    later: HashMap<Box<str>, Instant>,
}

/// Runs `work` for every name that comes, without end.
pub async fn run<F, W>(kicks: Kicks, concurrency: usize, work: W)
where
    W: Fn(Box<str>) -> F,
    F: Future<Output = Option<Duration>> + Send + 'static,
{
    let mut names = kicks.stream().boxed();
    let mut state = State {
        running: FuturesUnordered::new(),
        active: HashSet::new(),
        again: HashSet::new(),
        ready: Waiting::default(),
        later: HashMap::new(),
    };
    loop {
        state.start(concurrency, &work);
        kicks.set_backlog(state.ready.len());
        let due = state.later.values().min().copied();
        tokio::select! {
            Some(name) = names.next() => state.kicked(name),
            Some((name, next)) = state.running.next(), if !state.running.is_empty() => state.ended(name, next),
            () = sleep_until(due), if due.is_some() => state.wake(),
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due).await;
    }
}

impl State {
    fn kicked(&mut self, name: Box<str>) {
        self.later.remove(&name);
        if self.active.contains(&name) {
            self.again.insert(name);
        } else {
            self.ready.push(&name);
        }
    }

    fn ended(&mut self, name: Box<str>, next: Option<Duration>) {
        self.active.remove(&name);
        if self.again.remove(&name) {
            self.ready.push(&name);
        } else if let Some(delay) = next {
            self.later.insert(name, Instant::now() + delay);
        }
    }

    fn wake(&mut self) {
        let now = Instant::now();
        let due: Vec<Box<str>> =
            self.later.iter().filter(|(_, at)| **at <= now).map(|(name, _)| name.clone()).collect();
        for name in due {
            self.kicked(name);
        }
    }

    fn start<F>(&mut self, concurrency: usize, work: &impl Fn(Box<str>) -> F)
    where
        F: Future<Output = Option<Duration>> + Send + 'static,
    {
        while self.active.len() < concurrency {
            let Some(name) = self.ready.pop() else { return };
            self.active.insert(name.clone());
            // A task of its own: rendering then uses every core, and a panic stays with its name.
            let task = tokio::spawn(work(name.clone()));
            self.running
                .push(task.map(move |next| (name, next.unwrap_or(Some(AFTER_PANIC)))).boxed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    #[tokio::test(start_paused = true)]
    async fn bounded_and_one_at_a_time_per_name() {
        let kicks = Kicks::default();
        for n in 0..20 {
            kicks.kick(&format!("t{n}"));
        }
        let (now, most, total) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicUsize::new(0)),
        );
        let counters = (now.clone(), most.clone(), total.clone());
        let queue = run(kicks, 3, move |_| {
            let (now, most, total) = counters.clone();
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                total.fetch_add(1, Ordering::SeqCst);
                None
            }
        });
        assert!(tokio::time::timeout(Duration::from_secs(60), queue).await.is_err());
        assert_eq!((most.load(Ordering::SeqCst), total.load(Ordering::SeqCst)), (3, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_kick_cuts_a_delay_short() {
        let kicks = Kicks::default();
        kicks.kick("a");
        let runs = Arc::new(AtomicUsize::new(0));
        let (counter, kicker) = (runs.clone(), kicks.clone());
        let queue = run(kicks, 3, move |_| {
            let counter = counter.clone();
            async move {
                counter.fetch_add(1, Ordering::SeqCst);
                Some(Duration::from_secs(3600))
            }
        });
        let kick = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            kicker.kick("a");
            tokio::time::sleep(Duration::from_secs(5)).await;
        };
        tokio::select! { () = queue => {}, () = kick => {} }
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }
}
