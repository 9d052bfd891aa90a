//! Names with the time at which they are to be looked at again.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use tokio::time::Instant;

/// Each name at most once.
#[derive(Debug, Default)]
pub(super) struct Later {
    order: BTreeSet<(Instant, Box<str>)>,
    at: HashMap<Box<str>, Instant>,
}

impl Later {
    /// Puts a name in, in the place of what was said of it before.
    pub(super) fn put(&mut self, name: Box<str>, delay: Duration) {
        self.remove(&name);
        let at = Instant::now() + delay;
        self.order.insert((at, name.clone()));
        self.at.insert(name, at);
    }

    /// Takes a name out.
    pub(super) fn remove(&mut self, name: &str) {
        if let Some((name, at)) = self.at.remove_entry(name) {
            self.order.remove(&(at, name));
        }
    }

    /// When the first is due.
    pub(super) fn first(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes out the names whose time has come.
    pub(super) fn due(&mut self) -> Vec<Box<str>> {
        let now = Instant::now();
        let mut due = Vec::new();
        while self.order.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, name)) = self.order.pop_first() else { break };
            self.at.remove(&name);
            due.push(name);
        }
        due
    }
}

/// Sleeps until then; for ever without a time.
pub(super) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
