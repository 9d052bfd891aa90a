//! What usage costs: a plan's terms, applied to quantities.
//!
//! A bill has one base line per stretch of the period in which a plan was in force, and one line per
//! meter and stretch. Each line is rounded once, half away from zero, and the total is the sum of
//! the rounded lines. A line carries what it was computed from, so that it can be explained.
//!
//! When the plan changes within a period, the included units are those of all its plans, each for
//! its share of the period; they are used up in the order of time, and what goes beyond is charged
//! by the plan under which it was used. So an upgrade never turns units into overage that were
//! within the allowance before, and an upgrade at the last minute does not make overage cheaper.
//!
//! Where corrections of closed periods took back more than a stretch used, the rest is taken off what
//! the next one used. What nothing is left of to take it off costs nothing and gives nothing back.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{
    meter::Meter,
    money::{Currency, Money, round_to_money},
    proration::Share,
    quantity::Quantity,
};

mod price;

pub use price::{Part, Price, Tier, TierOrder, Tiers};

/// What a plan charges for one meter in one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Units that the base fee pays for; not negative.
    pub included: Quantity,
    /// The price of the units beyond those.
    pub price: Price,
    /// The least that the line comes to, used or not.
    pub minimum: Option<Money>,
    /// The most that the line comes to; it wins over the minimum.
    pub maximum: Option<Money>,
}

/// What a plan version charges per period, and what it promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The currency of every amount in the terms.
    pub currency: Currency,
    /// The fee of a whole period.
    pub base: Money,
    /// Support answers within so many hours.
    pub support_hours: u32,
    /// What each meter costs. A meter that is not in it costs nothing.
    pub charges: BTreeMap<Meter, Charge>,
}

/// Quantities of one period or stretch, by meter; a meter that is not in it was not used.
pub type Usage = BTreeMap<Meter, Quantity>;

/// A part of a period in which one plan was in force, and what was used in it.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// The terms that were in force.
    pub terms: &'a Terms,
    /// Which part of the period it is.
    pub share: Share,
    /// What was used in it.
    pub usage: &'a Usage,
}

/// A base fee for one stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseLine {
    /// Which stretch it is for, counted from 0.
    pub stretch: usize,
    /// The fee of a whole period.
    pub full: Money,
    /// Which part of the period is charged.
    pub share: Share,
    /// What it comes to.
    pub amount: Money,
}

/// The charge for one meter in one stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which stretch it is for, counted from 0.
    pub stretch: usize,
    /// What was counted.
    pub meter: Meter,
    /// How much was used. Below zero after corrections of earlier periods: that costs nothing, and is
    /// taken off what the next stretch used.
    pub quantity: Quantity,
    /// Included units that earlier stretches left over for this one, and what they have below zero.
    pub included: Quantity,
    /// What goes beyond them.
    pub billable: Quantity,
    /// The tiers or packages that priced it.
    pub parts: Vec<Part>,
    /// Their sum, rounded.
    pub rated: Money,
    /// The minimum or maximum that was charged instead.
    pub bound: Option<Bound>,
    /// What it comes to.
    pub amount: Money,
}

/// Why a line does not come to what its units cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// They cost less than the least.
    Minimum,
    /// They cost more than the most.
    Maximum,
}

/// A bill for one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Base fees, in the order of time.
    pub base: Vec<BaseLine>,
    /// Charges, by stretch, then by meter.
    pub lines: Vec<Line>,
    /// The sum of all lines.
    pub total: Money,
}

/// Why something cannot be priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RatingError {
    /// An amount or quantity does not fit.
    #[error("the charge for {0} is larger than can be kept")]
    Overflow(Meter),
    /// The sum does not fit.
    #[error("the total is larger than can be kept")]
    Total,
    /// Plans of several currencies in one period.
    #[error("a bill in {} cannot have charges in {}", .0.code(), .1.code())]
    Currencies(Currency, Currency),
    /// No plan at all.
    #[error("no plan was in force in the period")]
    NoPlan,
}

impl Terms {
    /// The bill of a whole period under these terms.
    ///
    /// # Errors
    /// [`RatingError`].
    pub fn rate(&self, usage: &Usage) -> Result<Statement, RatingError> {
        rate(&[Stretch { terms: self, share: Share::WHOLE, usage }])
    }
}

/// What becomes of what corrections took back beyond a stretch's own use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BelowZero {
    /// It is lost: the first formula.
    Lost,
    /// It is taken off what the next stretch used.
    Carried,
}

/// The bill of a period whose plans were in force one after the other.
///
/// # Errors
/// [`RatingError`].
pub fn rate(stretches: &[Stretch<'_>]) -> Result<Statement, RatingError> {
    rate_with(stretches, BelowZero::Carried)
}

/// The same, by what becomes of what is below zero.
///
/// # Errors
/// [`RatingError`].
pub fn rate_with(stretches: &[Stretch<'_>], below: BelowZero) -> Result<Statement, RatingError> {
    let currency = stretches.first().ok_or(RatingError::NoPlan)?.terms.currency;
    if let Some(other) = stretches.iter().find(|s| s.terms.currency != currency) {
        return Err(RatingError::Currencies(currency, other.terms.currency));
    }
    let base = stretches.iter().enumerate().map(base_line).collect::<Result<Vec<_>, _>>()?;
    let mut before: BTreeMap<Meter, (Quantity, Quantity)> = BTreeMap::new();
    let mut lines = Vec::new();
    for (index, stretch) in stretches.iter().enumerate() {
        for (&meter, charge) in &stretch.terms.charges {
            let included = match before.get(&meter) {
                Some(&before) => left_over(before, below).ok_or(RatingError::Overflow(meter))?,
                None => included(stretches, meter)?,
            };
            let line = line(index, stretch, (meter, charge), included)?;
            before.insert(meter, (included, line.quantity));
            lines.push(line);
        }
    }
    let amounts = base.iter().map(|l| l.amount).chain(lines.iter().map(|l| l.amount));
    let total = sum(amounts, currency).ok_or(RatingError::Total)?;
    Ok(Statement { base, lines, total })
}

/// The included units of a period: each plan's for its share of it. This is the quota that usage
/// is measured against.
///
/// # Errors
/// [`RatingError::Overflow`].
pub fn included(stretches: &[Stretch<'_>], meter: Meter) -> Result<Quantity, RatingError> {
    let mut included = Quantity::ZERO;
    for stretch in stretches {
        if let Some(charge) = stretch.terms.charges.get(&meter) {
            included = stretch
                .share
                .of_quantity(charge.included)
                .and_then(|share| included.checked_add(share))
                .ok_or(RatingError::Overflow(meter))?;
        }
    }
    Ok(included)
}

fn base_line((stretch, of): (usize, &Stretch<'_>)) -> Result<BaseLine, RatingError> {
    let full = of.terms.base;
    let amount = of.share.of_money(full).ok_or(RatingError::Total)?;
    Ok(BaseLine { stretch, full, share: of.share, amount })
}

fn line(
    index: usize,
    stretch: &Stretch<'_>,
    (meter, charge): (Meter, &Charge),
    included: Quantity,
) -> Result<Line, RatingError> {
    let overflow = RatingError::Overflow(meter);
    let quantity = stretch.usage.get(&meter).copied().unwrap_or(Quantity::ZERO);
    let billable = beyond(quantity, included);
    let parts = charge.price.parts(billable).ok_or(overflow)?;
    let exact = price::exact(&parts).ok_or(overflow)?;
    let rated = round_to_money(exact, stretch.terms.currency).ok_or(overflow)?;
    let (amount, bound) = charge.bounded(rated, stretch.share).ok_or(overflow)?;
    Ok(Line { stretch: index, meter, quantity, included, billable, parts, rated, bound, amount })
}

/// What a stretch leaves over of its included units for the next one; `None` when that does not fit.
fn left_over((included, used): (Quantity, Quantity), below: BelowZero) -> Option<Quantity> {
    let left = beyond(included, used);
    let carried = below == BelowZero::Carried && used.is_negative();
    if carried { left.checked_sub(used) } else { Some(left) }
}

/// Of `back` units that corrections of closed periods took off a meter's first line, those that make none of
/// its lines less: `None` when a sum does not fit.
#[must_use]
pub fn without_worth(lines: &[&Line], back: Quantity, below: BelowZero) -> Option<Quantity> {
    let first = lines.first()?;
    let (mut included, mut billable) = (first.included, Quantity::ZERO);
    let mut more = back;
    for line in lines {
        let used = line.quantity.checked_add(std::mem::take(&mut more))?;
        billable = billable.checked_add(beyond(used, included))?;
        included = left_over((included, used), below)?;
    }
    let add = |sum: Quantity, line: &&Line| sum.checked_add(line.billable);
    let billed = lines.iter().try_fold(Quantity::ZERO, add)?;
    back.checked_sub(billable.checked_sub(billed)?)
}

/// What `quantity` has beyond `limit`; neither a negative quantity nor a negative limit counts.
fn beyond(quantity: Quantity, limit: Quantity) -> Quantity {
    let limit = limit.micros().max(0);
    Quantity::from_micros(quantity.micros().saturating_sub(limit).max(0))
}

fn sum(amounts: impl IntoIterator<Item = Money>, currency: Currency) -> Option<Money> {
    amounts.into_iter().try_fold(Money::zero(currency), Money::checked_add)
}

impl Charge {
    /// A line's amount, held between minimum and maximum for this share of the period.
    fn bounded(&self, rated: Money, share: Share) -> Option<(Money, Option<Bound>)> {
        let mut line = (rated, None);
        if let Some(minimum) = self.minimum {
            let minimum = share.of_money(minimum)?;
            if line.0.minor() < minimum.minor() {
                line = (minimum, Some(Bound::Minimum));
            }
        }
        if let Some(maximum) = self.maximum {
            let maximum = share.of_money(maximum)?;
            if line.0.minor() > maximum.minor() {
                line = (maximum, Some(Bound::Maximum));
            }
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod laws;
