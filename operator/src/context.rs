//! What every driver needs.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    cluster::Cluster, contest::Contests, events::Events, heartbeat::Heartbeat, metrics::Metrics,
    world::World,
};

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
    /// Whether the API server lives.
    pub heartbeat: Heartbeat,
    /// Per-object memory of failures and of the last status write.
    pub pace: Pace,
    /// What was put right, and how often.
    pub contests: Contests,
}

/// Backoff per object, and the pace of status writes that tell only of progress.
#[derive(Default)]
pub struct Pace {
    failures: Mutex<HashMap<Box<str>, u32>>,
    progress: Mutex<HashMap<Box<str>, Progress>>,
}

/// What was told of an object's progress so far.
#[derive(Clone, Copy, Default)]
struct Progress {
    /// Since when there is something new to tell.
    news: Option<Instant>,
    /// When a status was written last.
    told: Option<Instant>,
    /// How many in a row told only of progress.
    times: u32,
    /// What our own writes set in motion has not been told yet.
    unsettled: bool,
}

/// The shortest time between two status writes that tell only of progress; it doubles with each.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_PROGRESS_INTERVAL: Duration = Duration::from_secs(30);
/// What our own writes set in motion is told after this long, if it has not come to rest by then.
const SETTLE: Duration = Duration::from_millis(300);
/// While others wait for a slot, at most so long is added: their objects come before our words.
const BUSY: Duration = Duration::from_secs(10);
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

    /// How long news that only tell of progress still have to wait; zero: they may be written.
    /// `busy`: others wait for a slot.
    pub fn progress_delay(&self, name: &str, busy: bool) -> Duration {
        self.wait(name, busy, true)
    }

    /// How long a status that changes no condition gives way to others that wait for a slot.
    pub fn give_way(&self, name: &str, busy: bool) -> Duration {
        if busy { self.wait(name, true, false) } else { Duration::ZERO }
    }

    fn wait(&self, name: &str, busy: bool, unsettled: bool) -> Duration {
        let mut all = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = all.entry(name.into()).or_default();
        progress.unsettled |= unsettled;
        let news = progress.news.get_or_insert_with(Instant::now).elapsed();
        let settle = SETTLE + if busy { BUSY } else { Duration::ZERO };
        let interval = PROGRESS_INTERVAL.saturating_mul(1 << progress.times.min(8));
        let interval = interval.min(LONGEST_PROGRESS_INTERVAL);
        let since = progress.told.map_or(Duration::ZERO, |t| interval.saturating_sub(t.elapsed()));
        settle.saturating_sub(news).max(since)
    }

    /// Whether what our own writes set in motion has not been told yet.
    pub fn unsettled(&self, name: &str) -> bool {
        let all = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(name).is_some_and(|p| p.unsettled)
    }

    /// A status was written; `progress`: it told only of progress.
    pub fn wrote_status(&self, name: &str, progress: bool) {
        let mut all = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.get(name).map_or(0, |p| p.times);
        let times = if progress { before.saturating_add(1) } else { 0 };
        let told = Some(Instant::now());
        all.insert(name.into(), Progress { news: None, told, times, unsettled: false });
    }

    /// There is nothing to tell.
    pub fn nothing_to_tell(&self, name: &str) {
        let mut all = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(progress) = all.get_mut(name) {
            progress.news = None;
            progress.unsettled = false;
        }
    }

    /// The object is gone.
    pub fn forget(&self, name: &str) {
        self.succeeded(name);
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
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

    #[test]
    fn progress_is_told_less_and_less_often() {
        let pace = Pace::default();
        assert!(pace.progress_delay("acme", false) <= SETTLE);
        assert!(pace.unsettled("acme"));
        let delays: Vec<Duration> = (0..10)
            .map(|_| {
                pace.wrote_status("acme", true);
                assert!(!pace.unsettled("acme"));
                pace.progress_delay("acme", false)
            })
            .collect();
        assert!(delays[0] > PROGRESS_INTERVAL && delays[0] <= PROGRESS_INTERVAL * 2);
        let slack = Duration::from_millis(100);
        assert!(delays.windows(2).all(|d| d[1] + slack >= d[0]), "{delays:?}");
        assert!(delays[4] > delays[0] * 8);
        assert!(delays[9] <= LONGEST_PROGRESS_INTERVAL);
        // What is urgent starts the count again.
        pace.wrote_status("acme", false);
        assert!(pace.progress_delay("acme", false) <= PROGRESS_INTERVAL);
    }

    #[test]
    fn words_give_way_to_objects_while_others_wait() {
        let pace = Pace::default();
        assert_eq!(pace.give_way("acme", false), Duration::ZERO);
        let delay = pace.give_way("acme", true);
        assert!(delay > SETTLE && delay <= SETTLE + BUSY);
        assert!(!pace.unsettled("acme"));
    }
}
