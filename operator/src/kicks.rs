//! A queue of names to look at again. A name waits in it once, however often it is put in, so it
//! never grows beyond the number of tenants.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::Stream;
use tokio::sync::Notify;

/// See the module. Cheap to clone.
#[derive(Clone, Default)]
pub struct Kicks {
    waiting: Arc<Mutex<Waiting>>,
    notify: Arc<Notify>,
    backlog: Arc<AtomicUsize>,
    held_up: Arc<AtomicUsize>,
}

/// Names in the order in which they came, each once.
#[derive(Debug, Default)]
pub struct Waiting {
    order: VecDeque<Box<str>>,
    names: HashSet<Box<str>>,
}

impl Waiting {
    /// Puts a name at the end; `false` when it waits already.
    pub fn push(&mut self, name: &str) -> bool {
        if self.names.contains(name) {
            return false;
        }
        self.names.insert(name.into());
        self.order.push_back(name.into());
        true
    }

    /// Takes the oldest name out.
    pub fn pop(&mut self) -> Option<Box<str>> {
        let name = self.order.pop_front()?;
        self.names.remove(&name);
        Some(name)
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

impl Kicks {
    /// Puts a name in, unless it waits already.
    pub fn kick(&self, name: &str) {
        if self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(name) {
            self.notify.notify_one();
        }
    }

    /// Takes the oldest name out.
    fn take(&self) -> Option<Box<str>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// How many names wait for a free slot, as the queue last said.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }

    /// Tells how many names wait for a free slot, and how many that were held up for a place beside.
    pub fn set_backlog(&self, names: usize, held_up: usize) {
        self.backlog.store(names, Ordering::Relaxed);
        self.held_up.store(held_up, Ordering::Relaxed);
    }

    /// How many names wait to be looked at: those that the queue has not taken yet, and those that it
    /// has no room for. What is to be looked at again later is not among them.
    #[must_use]
    pub fn depth(&self) -> usize {
        let untaken = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).len();
        untaken + self.backlog() + self.held_up.load(Ordering::Relaxed)
    }

    /// The names as they come, without end. One reader at a time.
    pub fn stream(&self) -> impl Stream<Item = Box<str>> + Send + 'static {
        futures::stream::unfold(self.clone(), |kicks| async move {
            loop {
                if let Some(name) = kicks.take() {
                    return Some((name, kicks));
                }
                kicks.notify.notified().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;

    #[tokio::test]
    async fn a_name_waits_once() {
        let kicks = Kicks::default();
        for name in ["a", "b", "a"] {
            kicks.kick(name);
        }
        let taken: Vec<_> = kicks.stream().take(2).collect().await;
        assert_eq!(taken, ["a".into(), "b".into()] as [Box<str>; 2]);
        assert!(kicks.take().is_none());
    }

    #[test]
    fn whoever_waits_counts_once_wherever_it_does() {
        let kicks = Kicks::default();
        kicks.kick("a");
        kicks.kick("b");
        assert_eq!(kicks.depth(), 2);
        kicks.take();
        kicks.set_backlog(3, 4);
        assert_eq!(
            (kicks.depth(), kicks.backlog()),
            (8, 3),
            "words give way to those with a slot to come"
        );
    }
}
