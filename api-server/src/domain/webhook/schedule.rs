//! When a message that was not taken is sent again: the specification's schedule, over three days.

use jiff::SignedDuration;

/// How long to wait after each failed attempt, in seconds: 5 s, 5 min, 30 min, 2, 5, 10, 14, 20, 24 h.
const DELAYS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// How much is added at most by chance, in percent: those that failed together do not all come back
/// together.
const JITTER: i64 = 10;
/// The longest that a receiver can make us wait.
const LONGEST: i64 = 86_400;

/// How many attempts a message gets.
pub const ATTEMPTS: i64 = 1 + DELAYS.len() as i64;

/// How long to wait after so many failed attempts; `None`: it is not sent again. `chance` is random,
/// `asked` what the receiver asked for (`Retry-After`, seconds).
#[must_use]
pub fn wait(failed: i64, chance: u16, asked: Option<u32>) -> Option<SignedDuration> {
    let place = usize::try_from(failed.checked_sub(1)?).ok()?;
    let delay = DELAYS.get(place)? * 1_000;
    let jitter = delay * JITTER * i64::from(chance) / (100 * i64::from(u16::MAX));
    let asked = asked.map_or(0, |asked| i64::from(asked).min(LONGEST) * 1_000);
    Some(SignedDuration::from_millis((delay + jitter).max(asked)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_attempts_within_three_days_and_four_hours() {
        let waits: Vec<i64> =
            (1..).map_while(|failed| wait(failed, 0, None)).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, DELAYS);
        assert_eq!(waits.len() as i64 + 1, ATTEMPTS);
        assert_eq!(waits.iter().sum::<i64>(), 75 * 3_600 + 35 * 60 + 5);
        for none in [i64::MIN, -1, 0, 10, i64::MAX] {
            assert_eq!(wait(none, 0, None), None, "{none}");
        }
    }

    #[test]
    fn a_receiver_may_ask_for_longer_up_to_a_day() {
        let waits = |asked| wait(1, 0, Some(asked)).unwrap().as_secs();
        assert_eq!((waits(0), waits(4), waits(60), waits(u32::MAX)), (5, 5, 60, 86_400));
    }

    proptest! {
        #[test]
        fn chance_adds_a_tenth_at_most(failed in 1_i64..10, chance: u16) {
            let least = wait(failed, 0, None).unwrap().as_millis();
            let with = wait(failed, chance, None).unwrap().as_millis();
            prop_assert!(least <= with && with <= least * 110 / 100, "{least} {with}");
        }
    }
}
