//! Whether it pays: what saved hours are worth, less what they cost, over some years.
//!
//! ```text
//! hourly rate = salary × (1 + burden) ÷ productive hours
//! hours       = Σ departments (people × hours a week × weeks a year)
//! benefit     = hours × rate × realisation × (1 − risk) + errors avoided
//! annual net  = benefit − subscription − running cost
//! payback     = one-off ÷ (annual net ÷ 12); with a ramp, year by year
//! NPV         = −one-off + Σ net of year t ÷ (1 + discount)^t
//! ROI         = (present benefit − present cost) ÷ present cost
//! ```
//!
//! Discounted cash flow, with the risk adjustment that analysts' economic-impact studies use.
//! Realisation is the share of saved time that becomes other work, and `ramp` the share of the
//! benefit that is had in each of the first years.
//!
//! Arithmetic is fixed-point in a billionth of a minor unit; each figure shown is rounded once, by
//! itself. So a difference of two figures may differ from the figure of the difference by one minor
//! unit.

mod check;

use super::{
    BasisPoints, Money, Ppm, Quantity, UnitPrice,
    decimal::div_round,
    money::{Currency, PRICE_PLACES, exponent},
};
pub use check::Invalid;

/// A low, a likely and a high estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range<T> {
    /// The cautious estimate.
    pub low: T,
    /// The likely one: the median, which outliers do not move.
    pub base: T,
    /// The hopeful one.
    pub high: T,
}

impl<T: Copy> Range<T> {
    /// The same estimate three times.
    pub const fn all(value: T) -> Self {
        Self { low: value, base: value, high: value }
    }
}

/// The share of saved time that becomes other work, where nothing else is known.
pub const USUAL_REALISATION: Range<BasisPoints> =
    Range { low: BasisPoints(5_000), base: BasisPoints(7_000), high: BasisPoints(8_000) };

/// The hours that a person works in a year, where nothing else is known.
pub const USUAL_PRODUCTIVE_HOURS: u32 = 1_800;

/// The discount rate, where nothing else is known.
pub const USUAL_DISCOUNT: BasisPoints = BasisPoints(1_000);

/// The years looked ahead, where nothing else is known.
pub const USUAL_YEARS: u32 = 3;

/// Some people who will save time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Department {
    /// How many.
    pub people: u32,
    /// Hours that each saves in a week.
    pub hours_per_week: Range<Quantity>,
    /// Weeks that they work in a year.
    pub weeks_per_year: u32,
}

/// The assumptions. Amounts share one currency; all but `one_off` are per year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// Who saves time.
    pub departments: Vec<Department>,
    /// What one of them earns.
    pub salary: Money,
    /// What an employer pays on top, as a share of the salary.
    pub burden: BasisPoints,
    /// Hours that one of them works.
    pub productive_hours: u32,
    /// The share of saved time that becomes other work.
    pub realisation: Range<BasisPoints>,
    /// The share of the benefit to be written off as too hopeful.
    pub risk: BasisPoints,
    /// The cost of errors that will not happen.
    pub error_cost_avoided: Money,
    /// What we charge.
    pub subscription: Money,
    /// What it costs the customer to run.
    pub run_cost: Money,
    /// What it costs once, at the start.
    pub one_off: Money,
    /// The discount rate.
    pub discount: BasisPoints,
    /// The share of the benefit in the first years; later years have all of it.
    pub ramp: Vec<BasisPoints>,
    /// How many years to look ahead.
    pub years: u32,
}

/// The outcome of one set of estimates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Hours saved in a year.
    pub hours: Quantity,
    /// What a full year is worth.
    pub benefit: Money,
    /// What is left of it after subscription and running cost.
    pub annual_net: Money,
    /// Months of a full year's net until the one-off cost is back, to a tenth; `None` for never, or
    /// not within a thousand years.
    pub payback_months: Option<Quantity>,
    /// Today's value of all benefits.
    pub present_benefit: Money,
    /// Today's value of all costs, the one-off included.
    pub present_cost: Money,
    /// Today's value of it all.
    pub npv: Money,
    /// What is gained per cost; `None` when it costs nothing.
    pub roi: Option<Ppm>,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roi {
    /// What an hour costs the employer, per hour.
    pub hourly_rate: UnitPrice,
    /// With the cautious, likely and hopeful estimates.
    pub outcomes: Range<Outcome>,
    /// Hours that each person must save in a week for an NPV of nothing, with the likely
    /// realisation, rounded up; `None` when no number of hours is enough.
    pub break_even_hours: Option<Quantity>,
}

/// Billionths of a minor unit.
const FINE: i128 = 1_000_000_000;
const WHOLE: i128 = BasisPoints::ONE.0 as i128;
/// A thousand years.
const MOST_TENTHS_OF_MONTHS: i128 = 120_000;

/// Works the case out.
///
/// # Errors
/// Every [`Invalid`] input, or one at the root when the amounts together do not fit.
pub fn calculate(inputs: &Inputs) -> Result<Roi, Vec<Invalid>> {
    let invalid = check::all(inputs);
    if !invalid.is_empty() {
        return Err(invalid);
    }
    roi(inputs).ok_or_else(|| vec![check::too_large()])
}

fn roi(inputs: &Inputs) -> Option<Roi> {
    let outcome = |hours: fn(&Range<Quantity>) -> Quantity, realisation: BasisPoints| {
        let weekly = inputs.departments.iter().map(|d| yearly(d, hours(&d.hours_per_week)));
        outcome(inputs, weekly.sum(), realisation)
    };
    let outcomes = Range {
        low: outcome(|range| range.low, inputs.realisation.low)?,
        base: outcome(|range| range.base, inputs.realisation.base)?,
        high: outcome(|range| range.high, inputs.realisation.high)?,
    };
    Some(Roi { hourly_rate: hourly_rate(inputs)?, outcomes, break_even_hours: break_even(inputs) })
}

/// Millionths of an hour that a department saves in a year.
fn yearly(department: &Department, hours_per_week: Quantity) -> i128 {
    let weeks = i128::from(department.people) * i128::from(department.weeks_per_year);
    weeks * i128::from(hours_per_week.micros())
}

fn hourly_rate(inputs: &Inputs) -> Option<UnitPrice> {
    let yearly = i128::from(inputs.salary.minor()) * (WHOLE + i128::from(inputs.burden.0));
    let to_nanos = 10_i128.pow(PRICE_PLACES.checked_sub(exponent(inputs.salary.currency()))?);
    let nanos = div_round(yearly * to_nanos, WHOLE * i128::from(inputs.productive_hours))?;
    i64::try_from(nanos).ok().map(UnitPrice::from_nanos)
}

/// What millionths of an hour in a year are worth.
fn worth(inputs: &Inputs, hours: i128, realisation: BasisPoints) -> Option<i128> {
    let yearly = i128::from(inputs.salary.minor()) * (WHOLE + i128::from(inputs.burden.0));
    // Hours are in millionths and `yearly` in ten-thousandths; both shorten against `FINE`.
    let gross = div_round(hours * yearly, 10 * i128::from(inputs.productive_hours))?;
    let kept = i128::from(realisation.0) * (WHOLE - i128::from(inputs.risk.0));
    div_round(gross * kept, WHOLE * WHOLE)
}

fn fine(money: Money) -> i128 {
    i128::from(money.minor()) * FINE
}

fn money(fine: i128, currency: Currency) -> Option<Money> {
    let minor = i64::try_from(div_round(fine, FINE)?).ok()?;
    Some(Money::from_minor(minor, currency))
}

/// Today's value of this much in a full year, in every year, each with its share.
fn present(inputs: &Inputs, yearly: i128, shares: &[BasisPoints]) -> Option<i128> {
    let discounted = WHOLE + i128::from(inputs.discount.0);
    // From the last year back: (… (x₃ ÷ d + x₂) ÷ d + x₁) ÷ d.
    (0..inputs.years as usize).rev().try_fold(0_i128, |later, year| {
        let share = shares.get(year).map_or(WHOLE, |share| i128::from(share.0));
        let this = div_round(yearly * share, WHOLE)?;
        div_round((later + this) * WHOLE, discounted)
    })
}

fn outcome(inputs: &Inputs, hours: i128, realisation: BasisPoints) -> Option<Outcome> {
    let currency = inputs.salary.currency();
    let benefit = worth(inputs, hours, realisation)? + fine(inputs.error_cost_avoided);
    let yearly_cost = fine(inputs.subscription) + fine(inputs.run_cost);
    let one_off = fine(inputs.one_off);
    let present_benefit = present(inputs, benefit, &inputs.ramp)?;
    let present_cost = one_off + present(inputs, yearly_cost, &[])?;
    let npv = present_benefit - present_cost;
    Some(Outcome {
        hours: Quantity::from_micros(i64::try_from(hours).ok()?),
        benefit: money(benefit, currency)?,
        annual_net: money(benefit - yearly_cost, currency)?,
        payback_months: payback(one_off, benefit, yearly_cost, &inputs.ramp),
        present_benefit: money(present_benefit, currency)?,
        present_cost: money(present_cost, currency)?,
        npv: money(npv, currency)?,
        roi: Ppm::of(npv, present_cost),
    })
}

/// Year by year, each with the share of the benefit that it has by then; within a year evenly.
fn payback(one_off: i128, benefit: i128, cost: i128, ramp: &[BasisPoints]) -> Option<Quantity> {
    let mut left = one_off;
    let mut tenths_before = 0;
    let shares = ramp.iter().map(|share| i128::from(share.0)).chain(std::iter::once(WHOLE));
    for (year, share) in (1..).zip(shares) {
        let net = div_round(benefit * share, WHOLE)? - cost;
        if net > 0 && (left <= net || year > ramp.len()) {
            let tenths = tenths_before + div_round(left * 120, net)?;
            let told = i64::try_from(tenths).ok().filter(|_| tenths <= MOST_TENTHS_OF_MONTHS)?;
            return Some(Quantity::from_micros(told * 100_000));
        }
        left -= net;
        tenths_before += 120;
    }
    None
}

/// Hours a week that make the likely NPV nothing: it is a straight line in them.
fn break_even(inputs: &Inputs) -> Option<Quantity> {
    let one_hour = Quantity::from_units(1)?;
    let hours: i128 = inputs.departments.iter().map(|d| yearly(d, one_hour)).sum();
    let per_hour = present(inputs, worth(inputs, hours, inputs.realisation.base)?, &inputs.ramp)?;
    let yearly_cost = fine(inputs.subscription) + fine(inputs.run_cost);
    let cost = fine(inputs.one_off) + present(inputs, yearly_cost, &[])?;
    let without = present(inputs, fine(inputs.error_cost_avoided), &inputs.ramp)?;
    let missing = cost - without;
    if missing <= 0 {
        return Some(Quantity::ZERO);
    }
    let up = (missing * i128::from(one_hour.micros()) + per_hour - 1).checked_div(per_hour)?;
    i64::try_from(up).ok().map(Quantity::from_micros)
}

#[cfg(test)]
mod tests;
