//! Rate, mean and standard error in fixed point.

use super::{ENOUGH_DAYS, Inputs, PRIOR_DAYS, season::tells};
use crate::domain::{Ppm, Quantity, decimal::div_round};

/// How many fine units a millionth of a unit has.
pub(super) const FINE: i128 = 1_000_000;

/// Factors are in 10^-9.
const FACTOR: i128 = 1_000_000_000;

/// The root over the factors is taken four digits finer than they are.
const ROOT: i128 = 10_000;

/// Deviations keep this many bits, so that the squares of a leap year's days fit into 128.
const DEVIATION_BITS: u32 = 58;

/// All in 10^-12 of a unit.
pub(super) struct Estimate {
    pub used: i128,
    pub rate: i128,
    pub mean: i128,
    pub deviation: i128,
    pub error: i128,
    /// The mean of each remaining day, the rest of the running one first.
    pub remaining: Vec<i128>,
}

impl Estimate {
    pub fn used(&self) -> Option<Quantity> {
        i64::try_from(self.used / FINE).ok().map(Quantity::from_micros)
    }
}

/// `use ÷ factor` of one day.
fn level(used: Quantity, factor: i128) -> Option<i128> {
    div_round(i128::from(used.micros()) * FINE * FACTOR, factor)
}

/// The inner `None` when too few days tell; the outer when a figure does not fit.
pub(super) fn of(inputs: &Inputs<'_>) -> Option<Option<Estimate>> {
    let factor = |index| inputs.season.of(inputs.first_day, index);
    let ppm = i128::from(Ppm::ONE.0);
    let mut levels = Vec::with_capacity(inputs.full.len());
    for (index, &used) in inputs.full.iter().enumerate() {
        if tells(factor(index)) {
            levels.push(level(used, factor(index))?);
        }
    }
    if levels.len() < ENOUGH_DAYS {
        return Some(None);
    }
    // The running day counts for as much as has passed of it.
    let today = inputs.full.len();
    let telling = inputs.running.filter(|_| tells(factor(today)));
    let so_far = telling.map_or(Some(0), |day| level(day.used, factor(today)))?;
    let prior_days = inputs.prior.map_or(0, |_| PRIOR_DAYS);
    let prior = inputs.prior.map_or(0, |rate| i128::from(rate.micros()) * FINE * prior_days);
    let sum = levels.iter().try_fold(so_far.checked_add(prior)?, |sum, x| sum.checked_add(*x))?;
    let days = (i128::try_from(levels.len()).ok()? + prior_days) * ppm
        + telling.map_or(0, |day| i128::from(day.elapsed.0));
    let rate = div_round(sum.checked_mul(ppm)?, days)?.max(0);

    let ahead = ahead(inputs);
    let total: i128 = ahead.iter().map(|part| part.factor).sum();
    let squares = ahead.iter().try_fold(0_i128, |sum, part| sum.checked_add(part.square))?;
    let of_the_mean = div_round(total.checked_mul(total)?.checked_mul(ppm)?, days)?;
    let variance = squares.checked_add(of_the_mean)?.checked_mul(ROOT * ROOT)?;
    let spread = variance.checked_isqrt()?;
    let deviation = deviation(&levels)?;
    let all = inputs.full.iter().chain(inputs.running.as_ref().map(|day| &day.used));
    let all = all.chain(std::iter::once(&inputs.apart));
    let used = all.map(|day| i128::from(day.micros()) * FINE).sum::<i128>();
    let part = |factor: i128| div_round(rate.checked_mul(factor)?, FACTOR);
    Some(Some(Estimate {
        used,
        rate,
        mean: used.checked_add(part(total)?)?,
        deviation,
        error: div_round(deviation.checked_mul(spread)?, FACTOR * ROOT)?,
        remaining: ahead.iter().map(|ahead| part(ahead.factor)).collect::<Option<_>>()?,
    }))
}

/// A day that is still to come, or the rest of the running one.
struct Ahead {
    factor: i128,
    square: i128,
}

/// What remains. Of the running day, mean and variance remain in the same share.
fn ahead(inputs: &Inputs<'_>) -> Vec<Ahead> {
    let ppm = i128::from(Ppm::ONE.0);
    let begun = inputs.full.len();
    let remains = |index: usize| match inputs.running {
        Some(day) if index == begun => ppm - i128::from(day.elapsed.0),
        _ => ppm,
    };
    let part = |index: usize| {
        let (factor, share) = (inputs.season.of(inputs.first_day, index), remains(index));
        Ahead { factor: factor * share / ppm, square: factor * factor / ppm * share }
    };
    (begun..usize::from(inputs.days)).map(part).collect()
}

/// The sample standard deviation, `√(Σ(x − mean)² ÷ (n − 1))`.
fn deviation(levels: &[i128]) -> Option<i128> {
    let count = i128::try_from(levels.len()).ok()?;
    let sum = levels.iter().try_fold(0_i128, |sum, x| sum.checked_add(*x))?;
    let mean = div_round(sum, count)?;
    let apart: Vec<i128> = levels.iter().map(|x| x - mean).collect();
    let largest = apart.iter().map(|d| d.unsigned_abs()).max()?;
    // Very large figures give up their last digits, far below what is shown.
    let shift = (u128::BITS - largest.leading_zeros()).saturating_sub(DEVIATION_BITS);
    let squares: i128 = apart.iter().map(|d| (d >> shift) * (d >> shift)).sum();
    (squares / (count - 1)).checked_isqrt()?.checked_mul(1_i128.checked_shl(shift)?)
}
