//! What a forecast costs.

use super::Forecast;
use crate::domain::{Money, Quantity};

/// The price of a forecast and of its edges, each through the tiers: never a straight line in money.
/// `low` and `high` are prices of the interval's lower and upper units; under volume pricing more
/// units may cost less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Of the mean.
    pub units: Money,
    /// Of the 80 % interval's edges, the lower first.
    pub likely: (Money, Money),
    /// Of the 95 % interval's edges, the lower first.
    pub nearly_certain: (Money, Money),
}

impl Forecast {
    /// Prices it by `rate`, which knows the plan.
    ///
    /// # Errors
    /// The first error of `rate`.
    pub fn cost<E>(&self, rate: &dyn Fn(Quantity) -> Result<Money, E>) -> Result<Cost, E> {
        Ok(Cost {
            units: rate(self.units)?,
            likely: (rate(self.likely.low)?, rate(self.likely.high)?),
            nearly_certain: (rate(self.nearly_certain.low)?, rate(self.nearly_certain.high)?),
        })
    }
}
