//! What a meter will have counted by the end of its period, with how sure that is.
//!
//! Days are made comparable by a factor per weekday, so that a forecast made on a Friday does not
//! take the weekend for a working day. With deseasonalised days `x = use ÷ factor`:
//!
//! ```text
//! rate  r  = (Σx + k × prior) ÷ (n + k)            prior: last period's rate, k = 3 (0 without)
//! units    = used + r × F                           F = Σ factors of what remains
//! error se = s × √(Σ factor² + F² ÷ (n + k))        s = sample standard deviation of x
//! ```
//!
//! and intervals of `units ± z × se`, never below what is used already. The error is the prediction
//! error of a sum of independent days about an estimated mean, as in classical seasonal averages with
//! shrinkage towards a prior.
//!
//! Arithmetic is fixed-point: use and rates in 10^-12 of a unit, factors in 10^-9, intermediate
//! products in 128 bits, square roots to the last integer. So a forecast is off by less than a
//! millionth of a unit before its one rounding, to the meter's [`grain`]: what is shown is what is
//! rated. It holds for meters that add up, which all do ([`Aggregation::Sum`]).
//!
//! [`Aggregation::Sum`]: super::meter::Aggregation::Sum

mod cost;
mod estimate;
mod season;

use jiff::{SignedDuration, civil::Date};
use thiserror::Error;

use super::{Ppm, Quantity, decimal::div_round, meter::Meter};
pub use cost::{Cost, around};
use estimate::{Estimate, FINE};
pub use season::Season;

/// Fewer full days than this tell too little.
pub const ENOUGH_DAYS: usize = 3;

/// How many days of use the last period's rate weighs as much as.
const PRIOR_DAYS: i128 = 3;

/// Two-sided quantiles of the normal distribution, in ten-thousandths: 80 % and 95 %.
const Z_80: i128 = 12_816;
const Z_95: i128 = 19_600;

/// The running day so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// What was used today.
    pub used: Quantity,
    /// The share of the day that has passed: from 0 to below 1.
    pub elapsed: Ppm,
}

/// What a forecast is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inputs<'a> {
    /// The period's first day.
    pub first_day: Date,
    /// How many days the period has.
    pub days: u16,
    /// Use of each full day so far, the first day first.
    pub full: &'a [Quantity],
    /// The running day; `None` exactly at a day's end.
    pub running: Option<Running>,
    /// What entered the period's figure and happened on none of these days: late, or ahead of the
    /// clock. It is used, and says nothing of the days.
    pub apart: Quantity,
    /// The weekdays' factors; where a quarter of what was used fell on days that had none, all are alike.
    pub season: Season,
    /// Last period's [`Forecast::rate`]; `None` in the first period.
    pub prior: Option<Quantity>,
    /// What is included; `None` when nothing is or everything.
    pub quota: Option<Quantity>,
    /// What forecasts are rounded to: [`grain`] of the meter.
    pub grain: Quantity,
}

/// Why there is no forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProjectionError {
    /// More days than the period has, an empty period, or a running day after its end.
    #[error("the days do not fit into the period")]
    Days,
    /// A share of the running day below 0, or 1 and above.
    #[error("the share of the running day is not from 0 to below 1")]
    Elapsed,
    /// A grain of nothing or less.
    #[error("the grain is not positive")]
    Grain,
    /// A figure that does not fit.
    #[error("a figure is larger than can be kept")]
    Overflow,
}

/// A range that holds the end of the period with a stated probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Its lower edge, never below what is used.
    pub low: Quantity,
    /// Its upper edge.
    pub high: Quantity,
}

/// A forecast of one meter for one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// What is used so far.
    pub used: Quantity,
    /// What will have been used: the mean.
    pub units: Quantity,
    /// Holds the end with 80 %.
    pub likely: Interval,
    /// Holds the end with 95 %.
    pub nearly_certain: Interval,
    /// For comparison: `used × days ÷ elapsed days`, blind to weekdays; units apart are added as they
    /// are.
    pub linear: Quantity,
    /// Use of an average day; the next period's prior.
    pub rate: Quantity,
    /// The standard deviation of a day, seasons taken out.
    pub deviation: Quantity,
    /// The standard error of `units`.
    pub error: Quantity,
    /// The first day at whose end the quota is used up: past when it is already, within the period
    /// when the mean gets there, else `None`.
    pub exhausted_on: Option<Date>,
}

/// A forecast, or the honest answer that it is too early for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// Fewer than [`ENOUGH_DAYS`] full days that tell, or less than a tenth of the period.
    TooEarly,
    /// A forecast.
    Forecast(Forecast),
}

/// What forecasts of a meter are rounded to: whole things, and thousandths of a GB.
#[must_use]
pub const fn grain(meter: Meter) -> Quantity {
    match meter {
        Meter::Ingestion => Quantity::from_micros(1_000),
        Meter::Query | Meter::Timeline | Meter::Agents | Meter::Signup => {
            Quantity::from_micros(1_000_000)
        }
    }
}

/// Forecasts the end of the period.
///
/// # Errors
/// [`ProjectionError`] for inputs that contradict each other, or too large ones.
pub fn project(inputs: &Inputs<'_>) -> Result<Projection, ProjectionError> {
    check(inputs)?;
    let elapsed = elapsed(inputs);
    let tenth = elapsed * 10 >= i128::from(inputs.days) * i128::from(Ppm::ONE.0);
    if !tenth || inputs.full.len() < ENOUGH_DAYS {
        return Ok(Projection::TooEarly);
    }
    let season = inputs.season.unless_contradicted(inputs.first_day, inputs.full);
    let inputs = &Inputs { season, ..*inputs };
    let estimate = estimate::of(inputs).ok_or(ProjectionError::Overflow)?;
    match estimate {
        None => Ok(Projection::TooEarly),
        Some(estimate) => forecast(inputs, elapsed, &estimate).map(Projection::Forecast),
    }
}

fn check(inputs: &Inputs<'_>) -> Result<(), ProjectionError> {
    let begun = inputs.full.len() + usize::from(inputs.running.is_some());
    if inputs.days == 0 || begun > usize::from(inputs.days) {
        return Err(ProjectionError::Days);
    }
    if inputs.running.is_some_and(|day| !(Ppm(0)..Ppm::ONE).contains(&day.elapsed)) {
        return Err(ProjectionError::Elapsed);
    }
    if inputs.grain <= Quantity::ZERO {
        return Err(ProjectionError::Grain);
    }
    Ok(())
}

/// Elapsed days in millionths.
fn elapsed(inputs: &Inputs<'_>) -> i128 {
    let full = i128::try_from(inputs.full.len()).unwrap_or(i128::MAX);
    full * i128::from(Ppm::ONE.0) + inputs.running.map_or(0, |day| i128::from(day.elapsed.0))
}

fn forecast(
    inputs: &Inputs<'_>,
    elapsed: i128,
    estimate: &Estimate,
) -> Result<Forecast, ProjectionError> {
    let fits = |value: Option<Quantity>| value.ok_or(ProjectionError::Overflow);
    let used = fits(estimate.used())?;
    let edge = |value: i128| fits(rounded(value, inputs.grain)).map(|value| value.max(used));
    let around = |z: i128| {
        let half = estimate.error.checked_mul(z).ok_or(ProjectionError::Overflow)? / 10_000;
        Ok(Interval { low: edge(estimate.mean - half)?, high: edge(estimate.mean + half)? })
    };
    let whole = i128::from(inputs.days) * i128::from(Ppm::ONE.0);
    let apart = i128::from(inputs.apart.micros());
    let linear = (i128::from(used.micros()) - apart).checked_mul(whole).and_then(|all| {
        let fine = div_round(all.checked_mul(FINE)?, elapsed)?;
        rounded(fine.checked_add(apart.checked_mul(FINE)?)?, inputs.grain)
    });
    let one = Quantity::from_micros(1);
    Ok(Forecast {
        used,
        units: edge(estimate.mean)?,
        likely: around(Z_80)?,
        nearly_certain: around(Z_95)?,
        linear: fits(linear)?,
        rate: fits(rounded(estimate.rate, one))?,
        deviation: fits(rounded(estimate.deviation, one))?,
        error: fits(rounded(estimate.error, one))?,
        exhausted_on: exhausted_on(inputs, estimate)?,
    })
}

/// A fine figure as the nearest whole number of grains.
fn rounded(fine: i128, grain: Quantity) -> Option<Quantity> {
    let grain = i128::from(grain.micros());
    let micros = div_round(fine, grain * FINE)?.checked_mul(grain)?;
    i64::try_from(micros).ok().map(Quantity::from_micros)
}

/// The first day at whose end the quota is used up.
fn exhausted_on(inputs: &Inputs<'_>, estimate: &Estimate) -> Result<Option<Date>, ProjectionError> {
    let Some(quota) = inputs.quota.map(Quantity::micros).filter(|&quota| quota > 0) else {
        return Ok(None);
    };
    let quota = i128::from(quota) * FINE;
    let index = if estimate.used >= quota {
        let apart = i128::from(inputs.apart.micros()) * FINE;
        first_at(quota, apart, 0, inputs.full.iter().map(|day| i128::from(day.micros()) * FINE))
            .or(Some(inputs.full.len()))
    } else {
        first_at(quota, estimate.used, inputs.full.len(), estimate.remaining.iter().copied())
    };
    let Some(index) = index else { return Ok(None) };
    let days = i64::try_from(index).map_err(|_| ProjectionError::Overflow)?;
    let date = inputs.first_day.checked_add(SignedDuration::from_hours(24 * days));
    date.map(Some).map_err(|_| ProjectionError::Overflow)
}

/// The index of the day at whose end `sum` has reached `quota`, counted from `first`.
fn first_at(
    quota: i128,
    mut sum: i128,
    first: usize,
    days: impl Iterator<Item = i128>,
) -> Option<usize> {
    for (index, day) in days.enumerate() {
        sum = sum.checked_add(day)?;
        if sum >= quota {
            return Some(first + index);
        }
    }
    None
}

#[cfg(test)]
mod tests;
