//! At what rate figures are written that may wait: each tenant once in the interval, and the fleet evenly
//! over it, however many come due at one instant.

use jiff::{SignedDuration, Timestamp};

/// Gives out places in time.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    every: SignedDuration,
    free: Option<Timestamp>,
}

impl Pace {
    /// One write of each tenant in this interval.
    #[must_use]
    pub const fn new(every: SignedDuration) -> Self {
        Self { every, free: None }
    }

    /// The next place, now or later, in a fleet of so many tenants. It is kept: who asks uses it.
    pub fn place(&mut self, now: Timestamp, tenants: usize) -> Timestamp {
        // Nobody waits for longer than the interval: a place beyond it was given by a clock that was set back since.
        let last = now.checked_add(self.every).unwrap_or(Timestamp::MAX);
        let place = self.free.filter(|free| *free <= last).map_or(now, |free| free.max(now));
        let share = i32::try_from(tenants.max(1)).unwrap_or(i32::MAX);
        let gap = self.every.checked_div(share).unwrap_or(SignedDuration::ZERO);
        self.free = Some(place.checked_add(gap).unwrap_or(place));
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: SignedDuration = SignedDuration::from_secs(300);

    fn after(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn a_fleet_that_comes_due_at_once_is_written_evenly_over_the_interval() {
        let mut pace = Pace::new(EVERY);
        let places: Vec<_> = (0..1_000).map(|_| pace.place(after(0), 1_000)).collect();
        assert_eq!(places[0], after(0), "nobody waits for nothing");
        assert!(places.windows(2).all(|two| two[1] == two[0] + SignedDuration::from_millis(300)));
        assert!(places[999] < after(300_000));
        // The next time they come due as they were written, and nobody waits.
        for (n, place) in places.into_iter().enumerate() {
            assert_eq!(pace.place(place + EVERY, 1_000), place + EVERY, "{n}");
        }
    }

    #[test]
    fn no_span_of_time_has_more_than_its_share_and_one() {
        // Whenever they ask: by a fixed sequence that looks like none.
        let (mut pace, mut seed, mut now) = (Pace::new(EVERY), 7_u64, 0_i64);
        let mut places = Vec::new();
        for _ in 0..5_000 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            now += i64::try_from(seed >> 55).unwrap();
            places.push(pace.place(after(now), 1_000));
        }
        for from in 0..places.len() - 11 {
            let span = places[from + 11].duration_since(places[from]);
            assert!(span >= SignedDuration::from_millis(11 * 300), "{from}: {span}");
        }
    }

    #[test]
    fn nobody_waits_for_a_clock_that_was_set_back() {
        let mut pace = Pace::new(EVERY);
        pace.place(after(86_400_000), 1_000);
        assert_eq!(pace.place(after(0), 1_000), after(0));
        assert_eq!(pace.place(after(0), 1_000), after(300));
    }

    #[test]
    fn few_tenants_wait_for_nobody_and_idle_time_is_not_saved_up() {
        let mut pace = Pace::new(EVERY);
        assert_eq!(pace.place(after(0), 1), after(0));
        assert_eq!(pace.place(after(300_000), 1), after(300_000));
        let mut pace = Pace::new(EVERY);
        pace.place(after(0), 1_000);
        let long = after(3_600_000);
        assert_eq!(pace.place(long, 1_000), long);
        assert_eq!(pace.place(long, 1_000), long + SignedDuration::from_millis(300));
        assert_eq!(pace.place(long, 0), long + SignedDuration::from_millis(600));
    }
}
