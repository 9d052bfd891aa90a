//! Places beside the slots, for work that waits for somebody else.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

tokio::task_local! {
    /// The places that work in a slot may move to.
    pub(super) static HERE: Places;
}

/// A bounded number of places. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Places {
    most: usize,
    taken: Arc<AtomicUsize>,
    changed: Arc<Notify>,
}

/// A place that is taken; free again when dropped.
#[derive(Debug)]
pub struct Beside(Places);

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self { most, taken: Arc::default(), changed: Arc::default() }
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// Takes one, if one is free.
    pub(super) fn take(&self) -> Option<Beside> {
        let more = |taken: usize| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        self.changed.notify_one();
        Some(Beside(self.clone()))
    }

    /// Completes when a place was taken or became free.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_one();
    }
}

/// Gives the slot of the work that calls it to others, as long as the returned place is held. `None`
/// when no place is free, and outside of a slot.
#[must_use]
pub fn step_aside() -> Option<Beside> {
    HERE.try_with(Places::take).ok().flatten()
}
