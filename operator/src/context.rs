//! What every driver needs.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{cluster::Cluster, events::Events, metrics::Metrics, world::World};

/// Shared by all reconciliations.
pub struct Context {
    /// What is known.
    pub world: World,
    /// The way to the API server.
    pub cluster: Cluster,
    /// Kubernetes events.
    pub events: Events,
    /// Instruments.
    pub metrics: Metrics,
    /// The operator's own namespace.
    pub namespace: String,
    /// Per-object memory of failures and of the last status write.
    pub pace: Pace,
}

/// Backoff per object, and the pace of status writes that tell only of progress.
#[derive(Default)]
pub struct Pace {
    failures: Mutex<HashMap<Box<str>, u32>>,
    written: Mutex<HashMap<Box<str>, Instant>>,
}

/// The shortest time between two status writes that tell only of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(60);

impl Pace {
    /// Counts a failure and says how long to wait: doubling from 200 ms to 60 s, plus up to a
    /// quarter that differs from name to name, so that many do not come back at once.
    pub fn failed(&self, name: &str) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(name.into()).or_insert(0);
        *count = count.saturating_add(1);
        backoff(name, *count)
    }

    /// The object is well again.
    pub fn succeeded(&self, name: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// How long a status that tells only of progress still has to wait; zero: it may be written.
    pub fn progress_delay(&self, name: &str) -> Duration {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written
            .get(name)
            .map_or(Duration::ZERO, |at| PROGRESS_INTERVAL.saturating_sub(at.elapsed()))
    }

    /// A status was written.
    pub fn wrote_status(&self, name: &str) {
        self.written
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.into(), Instant::now());
    }

    /// The object is gone.
    pub fn forget(&self, name: &str) {
        self.succeeded(name);
        self.written.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

fn backoff(name: &str, failures: u32) -> Duration {
    let doubled = FIRST_DELAY.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let delay = doubled.min(LONGEST_DELAY);
    let spread =
        name.bytes().fold(failures, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    delay + delay * (spread % 256) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_each_time_and_never_too_long() {
        let pace = Pace::default();
        let delays: Vec<Duration> = (0..20).map(|_| pace.failed("acme")).collect();
        assert!(delays[0] >= FIRST_DELAY && delays[0] < FIRST_DELAY * 2);
        assert!(delays[3] > delays[0] * 4);
        assert!(delays.iter().all(|d| *d <= LONGEST_DELAY * 5 / 4));
        pace.succeeded("acme");
        assert!(pace.failed("acme") < FIRST_DELAY * 2);
    }
}
