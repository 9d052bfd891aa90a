//! Decimal numbers as text and as scaled integers, and the one rounding rule.

use thiserror::Error;

/// Why a text is not a number that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// Not an optional sign, digits, and at most one point with digits on both sides.
    #[error("is not a decimal number such as 12.5")]
    Malformed,
    /// More digits after the point than are kept.
    #[error("has more than {0} digits after the point")]
    TooPrecise(u32),
    /// Larger than can be kept.
    #[error("is larger than can be kept")]
    Overflow,
    /// Mostly zeros that say nothing.
    #[error("has more than {MOST} characters")]
    TooLong,
}

/// The longest text of a number.
pub const MOST: usize = 64;

/// Reads `text` as an integer number of 10^-`places`. No exponent, no blanks, no `+`, no bare point.
///
/// # Errors
/// [`DecimalError`], which reads on after a field's name.
pub fn parse(text: &str, places: u32) -> Result<i64, DecimalError> {
    if text.len() > MOST {
        return Err(DecimalError::TooLong);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return Err(DecimalError::Malformed);
    }
    let fraction = fraction.trim_end_matches('0');
    let kept = u32::try_from(fraction.len()).map_err(|_| DecimalError::TooPrecise(places))?;
    let missing = places.checked_sub(kept).ok_or(DecimalError::TooPrecise(places))?;
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(i128::from(digit - b'0')))
            .ok_or(DecimalError::Overflow)?;
    }
    let scale = 10_i128.checked_pow(missing).ok_or(DecimalError::Overflow)?;
    let value = value.checked_mul(scale).ok_or(DecimalError::Overflow)?;
    i64::try_from(if negative { -value } else { value }).map_err(|_| DecimalError::Overflow)
}

/// Writes `value`, a number of 10^-`places`, with at least `at_least` and no needless digits after
/// the point: `format(1_250_000, 6, 0)` is `1.25`, `format(104_900, 2, 2)` is `1049.00`.
#[must_use]
pub fn format(value: impl Into<i128>, places: u32, at_least: usize) -> String {
    let value: i128 = value.into();
    let sign = if value < 0 { "-" } else { "" };
    let width = places as usize + 1;
    let digits = format!("{:0>width$}", value.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() - places as usize);
    let kept = fraction.trim_end_matches('0').len().max(at_least.min(fraction.len()));
    match &fraction[..kept] {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

/// `numerator ÷ denominator`, rounded half away from zero; `None` when the denominator is zero or
/// the result does not fit.
#[must_use]
pub fn div_round(numerator: i128, denominator: i128) -> Option<i128> {
    let (quotient, rest) =
        (numerator.checked_div(denominator)?, numerator.checked_rem(denominator)?);
    // Not `2 × rest`, which could overflow.
    let up = rest.unsigned_abs() >= denominator.unsigned_abs() - rest.unsigned_abs();
    if rest == 0 || !up {
        return Some(quotient);
    }
    quotient.checked_add(if (numerator < 0) == (denominator < 0) { 1 } else { -1 })
}

/// Splits `total` in proportion to `weights` so that the parts sum to it exactly: each gets its
/// share rounded down, the rest goes one by one to the largest remainders, the earlier first.
/// `None` when all weights are zero, there is none, or a sum does not fit.
///
/// Source: the largest remainder method (Hare–Niemeyer).
#[must_use]
pub fn split(total: i64, weights: &[u64]) -> Option<Vec<i64>> {
    let sum: u128 = weights.iter().map(|&w| u128::from(w)).sum();
    if sum == 0 {
        return None;
    }
    let amount = u128::from(total.unsigned_abs());
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    for (index, &weight) in weights.iter().enumerate() {
        let product = amount.checked_mul(u128::from(weight))?;
        parts.push(product / sum);
        remainders.push((product % sum, index));
    }
    let given: u128 = parts.iter().sum();
    remainders.sort_by_key(|&(rest, index)| (std::cmp::Reverse(rest), index));
    let left = usize::try_from(amount - given).ok()?;
    for &(_, index) in remainders.iter().take(left) {
        parts[index] += 1;
    }
    let signed = |part: u128| {
        let part = i128::try_from(part).ok()?;
        i64::try_from(if total < 0 { -part } else { part }).ok()
    };
    parts.into_iter().map(signed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_is_a_number_and_nothing_else() {
        let ok = [
            ("0", 0),
            ("12.5", 12_500_000),
            ("-0.000001", -1),
            ("007.100000000", 7_100_000),
            ("9223372036854.775807", i64::MAX),
            ("-9223372036854.775808", i64::MIN),
        ];
        for (text, value) in ok {
            assert_eq!(parse(text, 6), Ok(value), "{text}");
        }
        use DecimalError::{Malformed, Overflow, TooPrecise};
        let bad = [
            ("", Malformed),
            ("-", Malformed),
            (".5", Malformed),
            ("5.", Malformed),
            ("1e3", Malformed),
            ("+1", Malformed),
            (" 1", Malformed),
            ("1.2.3", Malformed),
            ("--1", Malformed),
            ("1,000", Malformed),
            ("٣", Malformed),
            ("NaN", Malformed),
            ("0.0000001", TooPrecise(6)),
            ("9223372036854.775808", Overflow),
            ("99999999999999999999999999999999999999999999", Overflow),
        ];
        for (text, error) in bad {
            assert_eq!(parse(text, 6), Err(error), "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        assert_eq!(format(1_250_000, 6, 0), "1.25");
        assert_eq!(format(104_900, 2, 2), "1049.00");
        assert_eq!(format(-5, 3, 3), "-0.005");
        assert_eq!(format(1049, 0, 0), "1049");
        assert_eq!(format(i64::MIN, 6, 0), "-9223372036854.775808");
    }

    #[test]
    fn rounds_half_away_from_zero() {
        let cases =
            [(5, 2, 3), (-5, 2, -3), (5, -2, -3), (-5, -2, 3), (4, 3, 1), (-4, 3, -1), (7, 7, 1)];
        for (n, d, want) in cases {
            assert_eq!(div_round(n, d), Some(want), "{n} / {d}");
        }
        assert_eq!(div_round(1, 0), None);
        assert_eq!(div_round(i128::MAX, 2), Some(i128::MAX / 2 + 1));
        assert_eq!(div_round(i128::MIN, -1), None);
    }

    #[test]
    fn splits_with_the_largest_remainders_first() {
        assert_eq!(split(100, &[1, 1, 1]), Some(vec![34, 33, 33]));
        assert_eq!(split(-100, &[1, 1, 1]), Some(vec![-34, -33, -33]));
        assert_eq!(split(10, &[0, 3, 1]), Some(vec![0, 8, 2]));
        assert_eq!(split(5, &[]), None);
        assert_eq!(split(5, &[0, 0]), None);
    }

    proptest! {
        #[test]
        fn text_and_number_are_the_same(value: i64, places in 0_u32..=9) {
            prop_assert_eq!(parse(&format(value, places, 0), places), Ok(value));
        }

        #[test]
        fn parts_sum_to_the_whole(total: i64, weights in prop::collection::vec(0..=u64::MAX, 1..20)) {
            prop_assume!(weights.iter().any(|&w| w > 0));
            let parts = split(total, &weights).unwrap();
            prop_assert_eq!(parts.iter().map(|&p| i128::from(p)).sum::<i128>(), i128::from(total));
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(*weight > 0 || *part == 0);
            }
        }

        #[test]
        fn rounding_is_never_off_by_more_than_half(n in -1_000_000_i128..1_000_000, d in 1_i128..10_000) {
            let rounded = div_round(n, d).unwrap();
            prop_assert!((rounded * d - n).abs() * 2 <= d);
        }
    }
}
