//! Somebody else who changes what we put right, again and again. Two programs that take each other's writes for drift
//! would write without end; so each object is put right a few times a minute at most, and people are told. Pure but for
//! its memory.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::object::Key;

/// What `Stalled` says of it.
pub const REASON: &str = "DriftContested";
/// How often an object is put right within [`WINDOW`].
const MOST: usize = 5;
const WINDOW: Duration = Duration::from_secs(60);

type Undone = HashMap<Key, VecDeque<Instant>>;

/// When what was put right, by tenant and object.
#[derive(Debug, Default)]
pub struct Contests(Mutex<HashMap<Box<str>, Undone>>);

impl Contests {
    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Undone>> {
        // Each change is whole under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object of a tenant was put right.
    pub fn undone(&self, tenant: &str, key: &Key, now: Instant) {
        let mut all = self.lock();
        let objects = all.entry(tenant.into()).or_default();
        for times in objects.values_mut() {
            times.retain(|then| now.duration_since(*then) < WINDOW);
        }
        objects.retain(|_, times| !times.is_empty());
        objects.entry(key.clone()).or_default().push_back(now);
    }

    /// Whether an object is to be left as somebody else made it for now.
    pub fn is_contested(&self, tenant: &str, key: &Key, now: Instant) -> bool {
        let all = self.lock();
        let times = all.get(tenant).and_then(|objects| objects.get(key));
        times.is_some_and(|times| rest(times, now).is_some())
    }

    /// An object of a tenant that was put right so often, and when that may be done again.
    pub fn of(&self, tenant: &str, now: Instant) -> Option<(Key, Duration)> {
        let all = self.lock();
        let objects = all.get(tenant)?.iter();
        let contested = objects.filter_map(|(key, times)| Some((key, rest(times, now)?)));
        contested.min_by_key(|(key, _)| *key).map(|(key, rest)| (key.clone(), rest))
    }

    /// The tenant is gone.
    pub fn forget(&self, tenant: &str) {
        self.lock().remove(tenant);
    }
}

/// How long until there is room for another, if there is none now.
fn rest(times: &VecDeque<Instant>, now: Instant) -> Option<Duration> {
    let oldest = times.len().checked_sub(MOST).and_then(|at| times.get(at))?;
    WINDOW.checked_sub(now.duration_since(*oldest)).filter(|rest| !rest.is_zero())
}

/// What people are told.
#[must_use]
pub fn words(key: &Key) -> String {
    format!(
        "{key} was changed by somebody else and put right {MOST} times within a minute: end what changes it (its \
         metadata.managedFields name it); until then it is put right {MOST} times a minute, and no more"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kind;

    #[test]
    fn each_object_is_put_right_five_times_a_minute() {
        let (contests, begin) = (Contests::default(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        let [bounds, other] = ["tenantry", "other"].map(|name| Key::new(Kind::LimitRange, name));
        for second in 0..5 {
            assert!(!contests.is_contested("acme", &bounds, at(second)), "{second}");
            contests.undone("acme", &bounds, at(second));
        }
        assert!(contests.is_contested("acme", &bounds, at(5)));
        assert!(!contests.is_contested("acme", &other, at(5)), "each by itself");
        assert!(!contests.is_contested("borealis", &bounds, at(5)));
        assert_eq!(contests.of("acme", at(5)), Some((bounds.clone(), Duration::from_secs(55))));
        // One at a time falls out of the minute.
        assert!(!contests.is_contested("acme", &bounds, at(60)));
        contests.undone("acme", &bounds, at(60));
        assert_eq!(contests.of("acme", at(60)), Some((bounds, Duration::from_secs(1))));
        assert_eq!(contests.of("acme", at(200)), None);
        contests.forget("acme");
        assert_eq!(contests.of("acme", at(60)), None);
    }
}
