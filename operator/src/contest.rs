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

type Undone = HashMap<Key, Fight>;

/// What was put right of one object.
#[derive(Debug, Default)]
struct Fight {
    /// When, within [`WINDOW`].
    times: VecDeque<Instant>,
    /// So often at some time since it was last left alone for a whole [`WINDOW`]. Somebody who changes it at about the
    /// pace that is allowed would else be told of, and not, by turns.
    contested: bool,
}

impl Fight {
    /// Forgets what is longer ago; whether anything is left.
    fn goes_on(&mut self, now: Instant) -> bool {
        self.times.retain(|then| now.duration_since(*then) < WINDOW);
        !self.times.is_empty()
    }

    /// How long until there is room for another, if there is none now.
    fn rest(&self, now: Instant) -> Option<Duration> {
        let oldest = self.times.len().checked_sub(MOST).and_then(|at| self.times.get(at))?;
        left(*oldest, now)
    }

    /// How long until something changes of one that is contested: there is room for another, or it is over.
    fn told(&self, now: Instant) -> Option<Duration> {
        let ends = left(*self.times.back().filter(|_| self.contested)?, now)?;
        Some(self.rest(now).unwrap_or(ends))
    }
}

/// What is left of [`WINDOW`] since then.
fn left(then: Instant, now: Instant) -> Option<Duration> {
    WINDOW.checked_sub(now.duration_since(then)).filter(|left| !left.is_zero())
}

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
        objects.retain(|_, fight| fight.goes_on(now));
        let fight = objects.entry(key.clone()).or_default();
        fight.times.push_back(now);
        fight.contested |= fight.times.len() >= MOST;
    }

    /// Whether an object is to be left as somebody else made it for now.
    pub fn is_contested(&self, tenant: &str, key: &Key, now: Instant) -> bool {
        let all = self.lock();
        let fight = all.get(tenant).and_then(|objects| objects.get(key));
        fight.is_some_and(|fight| fight.rest(now).is_some())
    }

    /// The first object of a tenant that was put right so often and not left alone since, and when to look again at any of
    /// them.
    pub fn of(&self, tenant: &str, now: Instant) -> Option<(Key, Duration)> {
        let all = self.lock();
        let objects = all.get(tenant)?.iter();
        let contested: Vec<_> =
            objects.filter_map(|(key, fight)| Some((key, fight.told(now)?))).collect();
        let first = contested.iter().map(|(key, _)| *key).min()?.clone();
        Some((first, contested.into_iter().map(|(_, next)| next).min()?))
    }

    /// The tenant is gone.
    pub fn forget(&self, tenant: &str) {
        self.lock().remove(tenant);
    }
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
        assert_eq!(contests.of("acme", at(120)), None, "left alone for a minute");
        assert_eq!(contests.of("acme", at(200)), None);
        contests.forget("acme");
        assert_eq!(contests.of("acme", at(60)), None);
    }
    /// As with a controller that comes back every 13 s: five times within a minute, then four, then five.
    #[test]
    fn who_goes_on_at_the_pace_that_is_allowed_is_told_of_until_it_is_over() {
        let (contests, begin) = (Contests::default(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        let bounds = Key::new(Kind::LimitRange, "tenantry");
        for second in [0, 13, 26, 39, 52] {
            assert_eq!(contests.of("acme", at(second)), None, "{second}");
            contests.undone("acme", &bounds, at(second));
        }
        for second in [65, 78, 91, 104] {
            assert!(!contests.is_contested("acme", &bounds, at(second)), "{second}: there is room");
            let told = contests.of("acme", at(second)).map(|(key, _)| key);
            assert_eq!(told.as_ref(), Some(&bounds), "{second}");
            contests.undone("acme", &bounds, at(second));
        }
        // Looked at again when it is over, should nothing happen before.
        let end = Some((bounds.clone(), Duration::from_secs(1)));
        assert_eq!(contests.of("acme", at(163)), end);
        assert_eq!(contests.of("acme", at(164)), None);
        contests.undone("acme", &bounds, at(165));
        assert_eq!(contests.of("acme", at(165)), None, "one is none");
    }

    #[test]
    fn the_first_of_several_is_named_and_none_waits_for_anothers_rest() {
        let (contests, begin) = (Contests::default(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        let [first, second] = ["a", "b"].map(|name| Key::new(Kind::LimitRange, name));
        for (key, from) in [(&second, 0), (&first, 10)] {
            (0..5).for_each(|n| contests.undone("acme", key, at(from + n)));
        }
        assert_eq!(contests.of("acme", at(20)), Some((first, Duration::from_secs(40))));
        assert!(!contests.is_contested("acme", &second, at(60)));
    }
}
