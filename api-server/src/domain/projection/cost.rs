//! What a forecast costs.

use super::Forecast;
use crate::domain::{Money, Quantity};

/// The price of a forecast and of its edges, each through the tiers: never a straight line in money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Of the mean.
    pub units: Money,
    /// The 80 % interval, the lower edge first; the mean is within.
    pub likely: (Money, Money),
    /// The 95 % interval, the lower edge first; the 80 % interval is within.
    pub nearly_certain: (Money, Money),
}

impl Cost {
    /// From the prices of the mean and of the intervals' lower and upper units. By volume prices more
    /// units may cost less, so that these prices need not rise, nor hold that of the mean between them.
    #[must_use]
    pub fn new(units: Money, likely: (Money, Money), nearly_certain: (Money, Money)) -> Self {
        let likely = around(units, likely);
        let nearly_certain = around(likely.1, around(likely.0, nearly_certain));
        Self { units, likely, nearly_certain }
    }
}

/// Two edges in order, moved apart as far as an amount between them needs.
#[must_use]
pub fn around(amount: Money, (one, other): (Money, Money)) -> (Money, Money) {
    let least = |a: Money, b: Money| if b.minor() < a.minor() { b } else { a };
    let most = |a: Money, b: Money| if b.minor() > a.minor() { b } else { a };
    (least(least(one, amount), other), most(most(one, amount), other))
}

impl Forecast {
    /// Prices it by `rate`, which knows the plan.
    ///
    /// # Errors
    /// The first error of `rate`.
    pub fn cost<E>(&self, rate: &dyn Fn(Quantity) -> Result<Money, E>) -> Result<Cost, E> {
        let likely = (rate(self.likely.low)?, rate(self.likely.high)?);
        let certain = (rate(self.nearly_certain.low)?, rate(self.nearly_certain.high)?);
        Ok(Cost::new(rate(self.units)?, likely, certain))
    }
}
