//! Parts of a period, and what they cost.
//!
//! A share of a period is counted in milliseconds, not in days: edges and changes are instants, a
//! day of 23 or 25 hours needs no rule of its own, and 20 whole days left of 30 are two thirds.
//!
//! A stretch from `a` to `b` costs what is left of the fee at `a` less what is left of it at `b`,
//! each rounded (half away from zero). The same figures are the charge for the new plan and the
//! credit for the old one when a plan changes, so that the changes a customer was shown add up to
//! the bill, and stretches that together are the whole period add up to the whole fee.

use jiff::Timestamp;

use super::{
    calendar::Period,
    decimal::{self, div_round},
    money::Money,
    quantity::Quantity,
};

/// A stretch of a period, by how many milliseconds of the period are left at its two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    left_at_start: u64,
    left_at_end: u64,
    total: u64,
}

/// What a change of plan within a period costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is given back of the old plan's fee.
    pub credit: Money,
    /// What is charged of the new plan's fee.
    pub charge: Money,
}

impl Share {
    /// All of a period.
    pub const WHOLE: Self = Self { left_at_start: 1, left_at_end: 0, total: 1 };

    /// The part of `period` from `start` up to `end`; what lies outside of the period does not count.
    #[must_use]
    pub fn between(period: Period, start: Timestamp, end: Timestamp) -> Self {
        let (start, end) = (period.elapsed(start), period.elapsed(end.max(start)));
        Self { left_at_start: start.left_ms(), left_at_end: end.left_ms(), total: start.total_ms }
    }

    /// Its length in milliseconds, and the period's. [`Share::WHOLE`] is 1 of 1.
    #[must_use]
    pub const fn of_total(self) -> (u64, u64) {
        (self.left_at_start - self.left_at_end, self.total)
    }

    /// This share of an amount for the whole period; `None` when it does not fit.
    #[must_use]
    pub fn of_money(self, whole: Money) -> Option<Money> {
        Some(Money::from_minor(self.of(whole.minor())?, whole.currency()))
    }

    /// This share of a quantity for the whole period; `None` when it does not fit.
    #[must_use]
    pub fn of_quantity(self, whole: Quantity) -> Option<Quantity> {
        self.of(whole.micros()).map(Quantity::from_micros)
    }

    fn of(self, whole: i64) -> Option<i64> {
        let left = |ms: u64| div_round(i128::from(whole) * i128::from(ms), self.total.into());
        let part = left(self.left_at_start)?.checked_sub(left(self.left_at_end)?)?;
        i64::try_from(part).ok()
    }
}

impl Change {
    /// What it costs to go from one fee to another at an instant: each fee's share of what is left
    /// of the period. `None` when the currencies differ or an amount does not fit.
    #[must_use]
    pub fn at(now: Timestamp, period: Period, old: Money, new: Money) -> Option<Self> {
        let rest = Share::between(period, now, period.end());
        let change = Self { credit: rest.of_money(old)?, charge: rest.of_money(new)? };
        change.net().map(|_| change)
    }

    /// The charge less the credit; `None` when that does not fit.
    #[must_use]
    pub fn net(self) -> Option<Money> {
        self.charge.checked_sub(self.credit)
    }
}

/// Splits an amount in proportion to `weights`, so that the parts add up to it; the cents that
/// rounding down leaves go one by one to the largest remainders, the earlier first. `None` when all
/// weights are zero or there is none.
///
/// Source: the largest remainder method (Hare–Niemeyer).
#[must_use]
pub fn split(amount: Money, weights: &[u64]) -> Option<Vec<Money>> {
    let parts = decimal::split(amount.minor(), weights)?;
    Some(parts.into_iter().map(|part| Money::from_minor(part, amount.currency())).collect())
}

#[cfg(test)]
mod tests;
