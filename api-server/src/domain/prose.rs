//! How a number stands in a sentence. Fields of an answer keep every digit; who reads a sentence wants
//! its thousands set apart, and no more places than say something.

use super::{Money, Ppm, Quantity, decimal};

/// Places of a quantity that a sentence has; below a thousandth all of them, so that a little is
/// never said to be nothing.
const PLACES: u32 = 3;

/// `USD 1,049.00`
#[must_use]
pub fn money(money: Money) -> String {
    format!("{} {}", money.currency().code(), grouped(&money.amount()))
}

/// `40,000`, `12.346`
#[must_use]
pub fn quantity(quantity: Quantity) -> String {
    let step = 10_i64.pow(super::quantity::PLACES - PLACES);
    let micros = quantity.micros();
    let told = match decimal::div_round(micros.into(), step.into()) {
        Some(thousandths) if thousandths != 0 => decimal::format(thousandths, PLACES, 0),
        _ => quantity.to_string(),
    };
    grouped(&told)
}

/// `40,000`, of whole things.
#[must_use]
pub fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// Hours of which at least so many are needed: `2.1`, rounded up to a hundredth.
#[must_use]
pub fn at_least(quantity: Quantity) -> String {
    const HUNDREDTH: i64 = 10_000;
    let micros = quantity.micros();
    let hundredths = micros.div_euclid(HUNDREDTH) + i64::from(micros.rem_euclid(HUNDREDTH) > 0);
    grouped(&decimal::format(hundredths, 2, 0))
}

/// `112.5 %`: a share to a tenth of a percent, rounded half away from zero.
#[must_use]
pub fn percent(Ppm(ratio): Ppm) -> String {
    let tenths = decimal::div_round(ratio.into(), 1_000).unwrap_or_default();
    format!("{} %", grouped(&decimal::format(tenths, 1, 0)))
}

/// A decimal number with its thousands set apart.
#[must_use]
pub fn grouped(number: &str) -> String {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut told = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    if let Some(fraction) = fraction {
        told.push('.');
        told.push_str(fraction);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    #[test]
    fn amounts_have_their_thousands_set_apart() {
        let cases = [
            (104_900, Currency::USD, "USD 1,049.00"),
            (-123_456_789, Currency::USD, "USD -1,234,567.89"),
            (99_999, Currency::USD, "USD 999.99"),
            (999, Currency::JPY, "JPY 999"),
            (1_000_000, Currency::JPY, "JPY 1,000,000"),
        ];
        for (minor, currency, told) in cases {
            assert_eq!(money(Money::from_minor(minor, currency)), told);
        }
        assert_eq!([count(999), count(10_000)], ["999", "10,000"]);
    }

    #[test]
    fn quantities_have_no_more_places_than_say_something() {
        let cases = [
            ("40000", "40,000"),
            ("1234567.891234", "1,234,567.891"),
            ("12.5", "12.5"),
            ("12.345678", "12.346"),
            ("0.000499", "0.000499"),
            ("0.0005", "0.001"),
            ("-1234.5", "-1,234.5"),
            ("0", "0"),
        ];
        for (given, told) in cases {
            assert_eq!(quantity(given.parse().unwrap()), told, "{given}");
        }
    }

    #[test]
    fn what_is_needed_at_least_is_never_told_as_less() {
        let cases = [("2.09371", "2.1"), ("2.1", "2.1"), ("2.100001", "2.11"), ("1234", "1,234")];
        for (given, told) in cases {
            assert_eq!(at_least(given.parse().unwrap()), told, "{given}");
        }
    }

    #[test]
    fn shares_are_told_to_a_tenth_of_a_percent() {
        let cases = [
            (152_774, "15.3 %"),
            (682_784, "68.3 %"),
            (500_000, "50 %"),
            (1_125_000, "112.5 %"),
            (0, "0 %"),
            (1_000_000_000, "100,000 %"),
        ];
        for (ratio, told) in cases {
            assert_eq!(percent(Ppm(ratio)), told);
        }
    }
}
