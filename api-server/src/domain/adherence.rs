//! How well support kept what plans promise: `support_response_sla_hours`, counted up.

use jiff::SignedDuration;

use super::Ppm;

/// Answers that were promised within the same hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Within how many hours they were promised.
    pub promised_hours: u32,
    /// Answers within them.
    pub met: u32,
    /// Later ones.
    pub missed: u32,
    /// How long the slowest took.
    pub slowest: SignedDuration,
}

/// Some tallies together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adherence {
    /// Answers that came when they were promised.
    pub met: u32,
    /// Later ones.
    pub missed: u32,
    /// How long the slowest took.
    pub slowest: Option<SignedDuration>,
}

impl Adherence {
    /// The sum of tallies.
    #[must_use]
    pub fn of(tallies: &[Tally]) -> Self {
        tallies.iter().fold(Self::default(), |sum, tally| Self {
            met: sum.met.saturating_add(tally.met),
            missed: sum.missed.saturating_add(tally.missed),
            slowest: sum.slowest.max(Some(tally.slowest)),
        })
    }

    /// The share of answers in time, rounded down: it is 1 only when all were. `None` without any.
    #[must_use]
    pub fn share(&self) -> Option<Ppm> {
        let all = i64::from(self.met) + i64::from(self.missed);
        (all > 0).then(|| Ppm(i64::from(self.met) * Ppm::ONE.0 / all))
    }
}

/// Hundredths of an hour, rounded up: who answered a second late was not in time.
#[must_use]
pub fn hundredths_of_hours(time: SignedDuration) -> i64 {
    let whole = i128::from(SignedDuration::from_secs(36).as_secs()) * 1_000_000_000;
    let hundredths = (time.as_nanos() + whole - 1).div_euclid(whole);
    i64::try_from(hundredths).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tally(promised_hours: u32, met: u32, missed: u32, slowest: i64) -> Tally {
        Tally { promised_hours, met, missed, slowest: SignedDuration::from_mins(slowest) }
    }

    #[test]
    fn tallies_of_several_promises_add_up() {
        let sum = Adherence::of(&[tally(8, 18, 1, 500), tally(24, 1, 0, 1_400)]);
        assert_eq!((sum.met, sum.missed), (19, 1));
        assert_eq!(
            (sum.share(), sum.slowest),
            (Some(Ppm(950_000)), Some(SignedDuration::from_mins(1_400)))
        );
        assert_eq!(Adherence::of(&[]).share(), None);
    }

    #[test]
    fn one_is_never_all_but_one() {
        assert_eq!(Adherence::of(&[tally(8, 3_999_999, 1, 1)]).share(), Some(Ppm(999_999)));
        assert_eq!(Adherence::of(&[tally(8, 7, 0, 1)]).share(), Some(Ppm::ONE));
    }

    #[test]
    fn hours_are_rounded_up() {
        for (seconds, hundredths) in
            [(0, 0), (1, 1), (36, 1), (37, 2), (28_800, 800), (28_801, 801)]
        {
            assert_eq!(
                hundredths_of_hours(SignedDuration::from_secs(seconds)),
                hundredths,
                "{seconds}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_share_is_from_0_to_1(met in any::<u32>(), missed in any::<u32>()) {
            let share = Adherence { met, missed, slowest: None }.share();
            prop_assert_eq!(share.is_none(), met == 0 && missed == 0);
            if let Some(share) = share {
                prop_assert!((Ppm(0)..=Ppm::ONE).contains(&share));
                prop_assert_eq!(share == Ppm::ONE, missed == 0);
                prop_assert!(share > Ppm(0) || met == 0 || met < missed / 1_000);
            }
        }
    }
}
