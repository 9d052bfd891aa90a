//! How the days of a week differ.

use jiff::civil::{Date, Weekday};

use crate::domain::{Quantity, decimal::split};

/// One factor, in 10^-9.
const ONE: i64 = 1_000_000_000;

/// A day whose factor is below a twentieth says nothing of the rate: dividing by next to nothing
/// would make any stray event on a day of rest look like a flood.
const TELLING: i64 = ONE / 20;

/// Weeks of history that factors are made of, at most and at least, the latter with use.
const MOST_WEEKS: usize = 8;
const ENOUGH_WEEKS: usize = 3;

/// A quarter of a period's use on days of rest, one in so many, and they are none any more.
const RESTLESS: i128 = 4;

/// A factor per weekday, in 10^-9, with the mean 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Season([i64; 7]);

impl Season {
    /// All days alike.
    pub const LEVEL: Self = Self([ONE; 7]);

    /// Factors in 10^-9 from Monday to Sunday; `None` when one is negative or their mean is not 1.
    #[must_use]
    pub fn new(factors: [i64; 7]) -> Option<Self> {
        let sum: i128 = factors.iter().map(|&factor| i128::from(factor)).sum();
        let fit = factors.iter().all(|&factor| factor >= 0) && sum == 7 * i128::from(ONE);
        fit.then_some(Self(factors))
    }

    /// From the days before a period, each with its use, without gaps, `first` being the date of the
    /// first: the last eight whole weeks of them. With fewer than three weeks in which anything was used, all
    /// days are alike: a test before work begins makes no week. A weekday of which corrections took more
    /// than there was counts as nothing.
    #[must_use]
    pub fn from_history(first: Date, days: &[Quantity]) -> Self {
        let weeks = (days.len() / 7).min(MOST_WEEKS);
        if weeks < ENOUGH_WEEKS {
            return Self::LEVEL;
        }
        let skipped = days.len() - weeks * 7;
        let used = days[skipped..].chunks(7).filter(|week| week.iter().any(|d| d.micros() > 0));
        if used.count() < ENOUGH_WEEKS {
            return Self::LEVEL;
        }
        let mut sums = [0_i128; 7];
        for (index, day) in days.iter().enumerate().skip(skipped) {
            sums[weekday(first.weekday(), index)] += i128::from(day.micros());
        }
        let weights = sums.map(|sum| u64::try_from(sum.max(0)).unwrap_or(u64::MAX));
        let parts = split(7 * ONE, &weights).and_then(|parts| <[i64; 7]>::try_from(parts).ok());
        parts.map_or(Self::LEVEL, Self)
    }

    /// These factors, unless the days of a period that began with `first` say otherwise: what is used on
    /// days that had none before belongs to the rate, too.
    pub(super) fn unless_contradicted(self, first: Date, full: &[Quantity]) -> Self {
        let (mut all, mut at_rest) = (0_i128, 0_i128);
        for (index, day) in full.iter().enumerate() {
            let used = i128::from(day.micros().max(0));
            all += used;
            at_rest += if tells(self.of(first, index)) { 0 } else { used };
        }
        if at_rest * RESTLESS >= all && at_rest > 0 { Self::LEVEL } else { self }
    }

    /// The factor of the day that comes `index` days after `first`.
    pub(super) fn of(&self, first: Date, index: usize) -> i128 {
        i128::from(self.0[weekday(first.weekday(), index)])
    }
}

/// Whether a day with this factor tells of the rate.
pub(super) const fn tells(factor: i128) -> bool {
    factor >= TELLING as i128
}

/// The weekday, Monday 0, of the day that comes `index` days after a `first`.
fn weekday(first: Weekday, index: usize) -> usize {
    let first = usize::from(first.to_monday_zero_offset().unsigned_abs());
    (first + index % 7) % 7
}
