//! Telling of what may happen as often as strangers like, without letting them fill the log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the same is told at most.
const EVERY: Duration = Duration::from_secs(60);

/// What is told once a minute at most.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<Since>);

#[derive(Debug, Default)]
struct Since {
    told: Option<Instant>,
    untold: u64,
}

impl Seldom {
    /// It happened: how often since it was told last, this time included, when it is time to tell it.
    pub fn happened(&self, now: Instant) -> Option<u64> {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.untold += 1;
        if since.told.is_some_and(|told| now.duration_since(told) < EVERY) {
            return None;
        }
        since.told = Some(now);
        Some(std::mem::take(&mut since.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_a_minute_and_none_is_forgotten() {
        let (seldom, began) = (Seldom::default(), Instant::now());
        let at = |seconds| seldom.happened(began + Duration::from_secs(seconds));
        let told: Vec<_> = [0, 1, 59, 60, 61, 200].map(at).into();
        assert_eq!(told, [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
