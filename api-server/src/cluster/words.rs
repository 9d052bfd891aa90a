//! Figures as lists show them: in few words, and `–` for what is not known.

use crate::domain::{BasisPoints, Money, Ppm, decimal, meter::Meter};

/// What is not known.
pub const UNKNOWN: &str = "–";

/// `92.7 %`
#[must_use]
pub fn health(health: Option<BasisPoints>) -> String {
    let tenths = health.and_then(|health| decimal::div_round(health.0.into(), 10));
    tenths.map_or_else(|| UNKNOWN.to_owned(), |t| format!("{} %", decimal::format(t, 1, 0)))
}

/// `ingestion 83 %`; rounded down, so that 80 % stands where 80 % is reached.
#[must_use]
pub fn usage(highest: Option<(Meter, Ppm)>) -> String {
    let told =
        |(meter, Ppm(ratio)): (Meter, Ppm)| format!("{meter} {} %", ratio.div_euclid(10_000));
    highest.map_or_else(|| UNKNOWN.to_owned(), told)
}

/// `USD 1,049.00`
#[must_use]
pub fn cost(cost: Option<Money>) -> String {
    let told = |cost: Money| format!("{} {}", cost.currency().code(), grouped(&cost.amount()));
    cost.map_or_else(|| UNKNOWN.to_owned(), told)
}

/// A decimal number with its thousands set apart.
fn grouped(number: &str) -> String {
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
    fn figures_read_as_people_write_them() {
        assert_eq!(health(Some(BasisPoints(9_270))), "92.7 %");
        assert_eq!(health(Some(BasisPoints(10_000))), "100 %");
        assert_eq!(health(Some(BasisPoints(9_275))), "92.8 %");
        assert_eq!(usage(Some((Meter::Ingestion, Ppm(830_000)))), "ingestion 83 %");
        assert_eq!(cost(Some(Money::from_minor(104_900, Currency::USD))), "USD 1,049.00");
        assert_eq!(cost(Some(Money::from_minor(-123_456_789, Currency::USD))), "USD -1,234,567.89");
        assert_eq!(cost(Some(Money::from_minor(999, Currency::JPY))), "JPY 999");
        assert_eq!(cost(Some(Money::from_minor(1_000_000, Currency::JPY))), "JPY 1,000,000");
    }

    #[test]
    fn a_mark_is_shown_only_when_it_is_reached() {
        assert_eq!(usage(Some((Meter::Query, Ppm(799_999)))), "query 79 %");
        assert_eq!(usage(Some((Meter::Query, Ppm(800_000)))), "query 80 %");
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        assert_eq!(
            (health(None), usage(None), cost(None)),
            (UNKNOWN.into(), UNKNOWN.into(), UNKNOWN.into())
        );
    }
}
