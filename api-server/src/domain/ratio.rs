//! Shares as integers: millionths and ten-thousandths.

use std::fmt;

use super::decimal::{self, div_round};

/// Millionths: 830 000 is 83 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ppm(pub i64);

impl Ppm {
    /// One whole.
    pub const ONE: Self = Self(1_000_000);

    /// `part ÷ whole`, rounded half away from zero and held within what fits; `None` of nothing.
    #[must_use]
    pub fn of(part: i128, whole: i128) -> Option<Self> {
        let scaled = div_round(part.checked_mul(1_000_000)?, whole)?;
        let bounded = scaled.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        i64::try_from(bounded).ok().map(Self)
    }
}

impl fmt::Display for Ppm {
    /// As a plain number: `0.83`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal::format(self.0, 6, 2))
    }
}

/// Ten-thousandths: 9 270 is 92.7 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BasisPoints(pub i64);

impl BasisPoints {
    /// One whole.
    pub const ONE: Self = Self(10_000);

    /// `part ÷ whole`, rounded half away from zero and held within what fits; `None` of nothing.
    #[must_use]
    pub fn of(part: i128, whole: i128) -> Option<Self> {
        let scaled = div_round(part.checked_mul(10_000)?, whole)?;
        let bounded = scaled.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        i64::try_from(bounded).ok().map(Self)
    }
}

impl From<BasisPoints> for Ppm {
    fn from(share: BasisPoints) -> Self {
        Self(share.0.saturating_mul(100))
    }
}
