//! How a number stands in a sentence. Fields of an answer keep every digit; who reads a sentence wants
//! its thousands set apart, and no more places than say something.

use super::{Money, Ppm, Quantity, decimal};

/// Places of a quantity that a sentence has at most; below a hundredth all of them, so that a little is
/// never said to be nothing.
const PLACES: u32 = 2;

/// Beyond so many times the whole, nobody reads how many.
const MOST_TIMES: i64 = 10;

/// `USD 1,049.00`
#[must_use]
pub fn money(money: Money) -> String {
    format!("{} {}", money.currency().code(), grouped(&money.amount()))
}

/// `40,000`, `12.35`
#[must_use]
pub fn quantity(quantity: Quantity) -> String {
    let step = 10_i64.pow(super::quantity::PLACES - PLACES);
    let micros = quantity.micros();
    let told = match decimal::div_round(micros.into(), step.into()) {
        Some(hundredths) if hundredths != 0 => decimal::format(hundredths, PLACES, 0),
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

/// `83 % of the quota`, `more than 10 times the quota`: a share in words with what it is of.
#[must_use]
pub fn share_of(ratio: Ppm, whole: &str) -> String {
    if is_beyond(ratio) {
        return format!("more than {MOST_TIMES} times {whole}");
    }
    format!("{} of {whole}", percent(ratio))
}

/// Whether a share is told as [`share_of`] tells those that are too large to read.
#[must_use]
pub const fn is_beyond(Ppm(ratio): Ppm) -> bool {
    ratio > MOST_TIMES * Ppm::ONE.0
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
            ("1234567.891234", "1,234,567.89"),
            ("82077.547685", "82,077.55"),
            ("12.5", "12.5"),
            ("12.345678", "12.35"),
            ("0.004999", "0.004999"),
            ("0.005", "0.01"),
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
    fn a_share_that_is_too_large_to_read_is_told_in_times() {
        let of = |ratio| share_of(Ppm(ratio), "the quota");
        assert_eq!(of(682_784), "68.3 % of the quota");
        assert_eq!(of(10_000_000), "1,000 % of the quota");
        assert_eq!(of(10_000_001), "more than 10 times the quota");
        assert_eq!(of(i64::MAX), "more than 10 times the quota");
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
