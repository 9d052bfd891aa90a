//! Four ways to price units: flat, graduated, volume, package.

use thiserror::Error;

use crate::domain::{money::UnitPrice, quantity::Quantity};

/// The price of the units beyond the included ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Price {
    /// Every unit costs the same.
    Flat(UnitPrice),
    /// Each unit costs what its own tier says.
    Graduated(Tiers),
    /// Every unit costs what the tier of the whole quantity says. One more unit can make the whole
    /// cheaper: 400 000 at 0.010 are 4,000.00, and 400 001 at 0.008 are 3,200.01.
    Volume(Tiers),
    /// Units are sold in packages; one that is started costs as much as a full one.
    Package {
        /// Units in a package; more than zero.
        size: Quantity,
        /// The price of a package.
        price: UnitPrice,
    },
}

/// Tiers of units beyond the included ones, and a price for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers {
    bounded: Vec<Tier>,
    rest: UnitPrice,
}

/// The units up to and including an edge, from the edge of the tier before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The last unit of the tier, counted from the first unit beyond the included ones.
    pub up_to: Quantity,
    /// The price of one unit.
    pub price: UnitPrice,
}

/// The tier with this index, from 0, does not end after the one before it (the first: after 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("tier {0} must end after the one before it")]
pub struct TierOrder(pub usize);

impl Tiers {
    /// Tiers with rising edges, and the price of the units beyond the last of them.
    ///
    /// # Errors
    /// [`TierOrder`] with the first tier whose edge does not rise, or is not above zero.
    pub fn new(bounded: Vec<Tier>, rest: UnitPrice) -> Result<Self, TierOrder> {
        let mut edge = Quantity::ZERO;
        for (index, tier) in bounded.iter().enumerate() {
            if tier.up_to <= edge {
                return Err(TierOrder(index));
            }
            edge = tier.up_to;
        }
        Ok(Self { bounded, rest })
    }

    /// The tiers that have an edge.
    #[must_use]
    pub fn bounded(&self) -> &[Tier] {
        &self.bounded
    }

    /// The price beyond the last edge.
    #[must_use]
    pub const fn rest(&self) -> UnitPrice {
        self.rest
    }

    /// The units of each tier that `quantity` reaches.
    fn graduated(&self, quantity: Quantity) -> Option<Vec<Part>> {
        let mut parts = Vec::new();
        let mut from = Quantity::ZERO;
        let last = Tier { up_to: quantity, price: self.rest };
        for tier in self.bounded.iter().chain([&last]) {
            let to = tier.up_to.min(quantity);
            if to > from {
                let quantity = to.checked_sub(from)?;
                parts.push(Part::Units { quantity, price: tier.price });
                from = to;
            }
        }
        Some(parts)
    }

    /// The price of the tier in which `quantity` ends.
    fn reached(&self, quantity: Quantity) -> UnitPrice {
        self.bounded.iter().find(|tier| quantity <= tier.up_to).map_or(self.rest, |tier| tier.price)
    }
}

/// Units of one line that have the same price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// So many units at so much each.
    Units {
        /// Units.
        quantity: Quantity,
        /// The price of one.
        price: UnitPrice,
    },
    /// So many packages at so much each.
    Packages {
        /// Packages that were started.
        count: i64,
        /// Units in one.
        size: Quantity,
        /// The price of one.
        price: UnitPrice,
    },
}

impl Part {
    /// What it costs, in 10^-15 of the currency's main unit; `None` when that does not fit.
    #[must_use]
    pub fn exact(self) -> Option<i128> {
        match self {
            Self::Units { quantity, price } => Some(price.times(quantity)),
            Self::Packages { count, price, .. } => {
                let one = price.times(Quantity::from_units(1)?);
                one.checked_mul(i128::from(count))
            }
        }
    }
}

/// The sum of what parts cost, in 10^-15 of the currency's main unit; `None` when it does not fit.
pub(super) fn exact(parts: &[Part]) -> Option<i128> {
    parts.iter().try_fold(0_i128, |sum, part| sum.checked_add(part.exact()?))
}

impl Price {
    /// What `billable` units, at least none, are charged as; `None` when a number does not fit.
    #[must_use]
    pub fn parts(&self, billable: Quantity) -> Option<Vec<Part>> {
        if billable <= Quantity::ZERO {
            return Some(Vec::new());
        }
        let units = |price| vec![Part::Units { quantity: billable, price }];
        match self {
            Self::Flat(price) => Some(units(*price)),
            Self::Graduated(tiers) => tiers.graduated(billable),
            Self::Volume(tiers) => Some(units(tiers.reached(billable))),
            Self::Package { size, price } => {
                let full = billable.micros().checked_div(size.micros())?;
                let started = billable.micros().checked_rem(size.micros())? > 0;
                let count = full.checked_add(i64::from(started))?;
                Some(vec![Part::Packages { count, size: *size, price: *price }])
            }
        }
    }
}
