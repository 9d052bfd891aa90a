//! How long to wait before trying again.

use std::time::Duration;

/// The first wait, at most.
pub const FIRST: Duration = Duration::from_millis(500);
/// The longest wait of one's own accord.
pub const LONGEST: Duration = Duration::from_secs(60);
/// The longest wait that the other side may ask for.
pub const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Waits that double with each failure in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    failures: u32,
}

impl Pace {
    /// How many failures there were in a row.
    #[must_use]
    pub fn failures(self) -> u32 {
        self.failures
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// After a failure: how long to wait. Half of it is chance, so that thousands who lost the same
    /// server do not return together. What the other side `asked` for is kept, within its limit.
    pub fn failed(&mut self, asked: Option<Duration>, chance: u32) -> Duration {
        let doubled = FIRST.saturating_mul(1_u32.checked_shl(self.failures.min(20)).unwrap_or(1));
        self.failures = self.failures.saturating_add(1);
        let half = doubled.min(LONGEST) / 2;
        let share = half.as_millis() * u128::from(chance) / u128::from(u32::MAX);
        let own = half + Duration::from_millis(u64::try_from(share).unwrap_or(0));
        own.max(asked.unwrap_or_default().min(LONGEST_ASKED))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut pace = Pace::default();
        let all: Vec<u128> = (0..9).map(|_| pace.failed(None, u32::MAX).as_millis()).collect();
        assert_eq!(all, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        pace.reset();
        assert_eq!(pace.failed(None, 0), FIRST / 2);
    }

    #[test]
    fn what_is_asked_for_is_kept_within_its_limit() {
        let asked = |seconds| Pace::default().failed(Some(Duration::from_secs(seconds)), 0);
        assert_eq!(asked(7), Duration::from_secs(7));
        assert_eq!(asked(86_400), LONGEST_ASKED);
        assert_eq!(asked(0), FIRST / 2);
    }

    proptest! {
        #[test]
        fn no_wait_is_nothing_or_longer_than_the_longest(
            failures in 0_u32..100_000, asked in proptest::option::of(0_u64..1_000_000), chance: u32,
        ) {
            let mut pace = Pace { failures };
            let wait = pace.failed(asked.map(Duration::from_secs), chance);
            prop_assert!(wait >= FIRST / 2 && wait <= LONGEST_ASKED);
            prop_assert!(asked.is_some() || wait <= LONGEST);
        }
    }
}
