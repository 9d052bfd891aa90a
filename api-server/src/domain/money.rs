//! Money in minor units of its currency, and unit prices in billionths of its main unit.

use std::fmt;

pub use iso_currency::Currency;

use super::{
    decimal::{self, DecimalError},
    quantity::Quantity,
};

/// Digits after the point of a unit price.
pub const PRICE_PLACES: u32 = 9;

/// Digits after the point of an amount in this currency (ISO 4217): USD 2, JPY 0, KWD 3. Codes that
/// have none of their own, such as XAU, count whole units.
#[must_use]
pub fn exponent(currency: Currency) -> u32 {
    currency.exponent().map_or(0, u32::from)
}

/// An amount: minor units of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// From minor units: 104 900 and USD are 1,049.00 US dollars.
    #[must_use]
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in this currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads an amount such as `1049.00` with at most the currency's digits after the point.
    ///
    /// # Errors
    /// [`DecimalError`].
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, DecimalError> {
        let minor = decimal::parse(amount, exponent(currency))?;
        Ok(Self { minor, currency })
    }

    /// Minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The amount as the wire has it: `1049.00`.
    #[must_use]
    pub fn amount(self) -> String {
        let places = exponent(self.currency);
        decimal::format(self.minor, places, places as usize)
    }

    /// The sum; `None` when the currencies differ or it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(Self { minor: self.minor.checked_add(other.minor)?, ..self })
    }

    /// The difference; `None` when the currencies differ or it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(Self { minor: self.minor.checked_sub(other.minor)?, ..self })
    }
}

impl fmt::Display for Money {
    /// `USD 1049.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency.code(), self.amount())
    }
}

/// The price of one unit of a meter, in billionths of the currency's main unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPrice(i64);

impl UnitPrice {
    /// From billionths of the main unit.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Billionths of the main unit.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// `self × quantity` in 10^-15 of the main unit: exact, and not yet rounded, so that a line of
    /// several products is rounded once, by [`round_to_money`].
    #[must_use]
    pub fn times(self, quantity: Quantity) -> i128 {
        i128::from(self.0) * i128::from(quantity.micros())
    }
}

impl std::str::FromStr for UnitPrice {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        decimal::parse(text, PRICE_PLACES).map(Self)
    }
}

impl fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal::format(self.0, PRICE_PLACES, 2))
    }
}

/// Digits after the point of an exact amount, a price times a quantity.
pub const EXACT_PLACES: u32 = PRICE_PLACES + super::quantity::PLACES;

/// Writes an exact amount, in 10^-15 of a main unit: `150`, `0.0049998`.
#[must_use]
pub fn format_exact(exact: i128) -> String {
    decimal::format(exact, EXACT_PLACES, 0)
}

/// An amount in 10^-15 of its main unit; `None` when it does not fit.
#[must_use]
pub fn exact(money: Money) -> Option<i128> {
    let unit = 10_i128.checked_pow(EXACT_PLACES.checked_sub(exponent(money.currency))?)?;
    i128::from(money.minor).checked_mul(unit)
}

/// Rounds an exact amount in 10^-15 of the main unit to minor units, half away from zero; `None`
/// when it does not fit.
#[must_use]
pub fn round_to_money(exact: i128, currency: Currency) -> Option<Money> {
    let places = exponent(currency);
    let unit = 10_i128.checked_pow(EXACT_PLACES.checked_sub(places)?)?;
    let minor = i64::try_from(decimal::div_round(exact, unit)?).ok()?;
    Some(Money { minor, currency })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_carry_the_digits_of_their_currency() {
        let cases = [("USD", "1049.00"), ("JPY", "1049"), ("KWD", "0.005"), ("EUR", "-0.01")];
        for (code, amount) in cases {
            let currency = Currency::from_code(code).unwrap();
            let money = Money::parse(amount, currency).unwrap();
            assert_eq!(money.to_string(), format!("{code} {amount}"));
        }
        assert_eq!(Money::parse("0.5", Currency::JPY), Err(DecimalError::TooPrecise(0)));
    }

    #[test]
    fn one_rounding_at_the_end() {
        let price: UnitPrice = "0.0006".parse().unwrap();
        let exact = price.times("8.333333".parse().unwrap());
        assert_eq!(round_to_money(exact, Currency::USD), Some(Money::from_minor(0, Currency::USD)));
        // 1.5 minor units in two halves: rounded once, not twice.
        let half = UnitPrice::from_nanos(7_500_000).times(Quantity::from_units(1).unwrap());
        assert_eq!(
            round_to_money(half + half, Currency::USD),
            Some(Money::from_minor(2, Currency::USD))
        );
        assert_eq!(round_to_money(i128::MAX, Currency::USD), None);
    }

    #[test]
    fn an_exact_amount_reads_as_a_decimal() {
        let price: UnitPrice = "0.0006".parse().unwrap();
        let product = price.times("8.333333".parse().unwrap());
        assert_eq!(format_exact(product), "0.0049999998");
        assert_eq!([format_exact(0), format_exact(-1)], ["0", "-0.000000000000001"]);
        let rounded = round_to_money(product, Currency::USD).unwrap();
        let up = Money::from_minor(1, Currency::USD);
        assert_eq!(
            (exact(rounded), exact(up).map(format_exact)),
            (Some(0), Some("0.01".to_owned()))
        );
    }

    #[test]
    fn currencies_do_not_mix() {
        let dollar = Money::from_minor(100, Currency::USD);
        assert_eq!(dollar.checked_add(Money::zero(Currency::EUR)), None);
        assert_eq!(dollar.checked_sub(dollar), Some(Money::zero(Currency::USD)));
        assert_eq!(dollar.checked_add(Money::from_minor(i64::MAX, Currency::USD)), None);
    }
}
