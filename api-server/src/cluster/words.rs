//! Figures as lists show them: in few words, and `–` for what is not known.

use crate::domain::{BasisPoints, Money, Ppm, meter::Meter, prose};

/// What is not known.
pub const UNKNOWN: &str = "–";

/// `92.7 %`
#[must_use]
pub fn health(health: Option<BasisPoints>) -> String {
    health.map_or_else(|| UNKNOWN.to_owned(), |health| prose::percent(health.into()))
}

/// `ingestion 83 %`; rounded down, so that 80 % stands where 80 % is reached. `query >1000 %` beyond ten
/// times the quota.
#[must_use]
pub fn usage(highest: Option<(Meter, Ppm)>) -> String {
    let told = |(meter, ratio): (Meter, Ppm)| match prose::is_beyond(ratio) {
        true => format!("{meter} >1000 %"),
        false => format!("{meter} {} %", ratio.0.div_euclid(10_000)),
    };
    highest.map_or_else(|| UNKNOWN.to_owned(), told)
}

/// `USD 1,049.00`
#[must_use]
pub fn cost(cost: Option<Money>) -> String {
    cost.map_or_else(|| UNKNOWN.to_owned(), prose::money)
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
    }

    #[test]
    fn a_mark_is_shown_only_when_it_is_reached() {
        assert_eq!(usage(Some((Meter::Query, Ppm(799_999)))), "query 79 %");
        assert_eq!(usage(Some((Meter::Query, Ppm(800_000)))), "query 80 %");
        assert_eq!(usage(Some((Meter::Query, Ppm(10_000_000)))), "query 1000 %");
        assert_eq!(usage(Some((Meter::Query, Ppm(1_000_000_000)))), "query >1000 %");
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        assert_eq!(
            (health(None), usage(None), cost(None)),
            (UNKNOWN.into(), UNKNOWN.into(), UNKNOWN.into())
        );
    }
}
