//! Points from 0 to 1 as exact fractions.
//!
//! Sums fit into 128 bits by the types of what they are made of: in lowest terms all curves together
//! have the denominator 45 000 000 × 13, which holds support's 20 too, and the counts add 2^32 × 2^16
//! × 2^16. That is under 2^94, times weights and basis points under 2^121.

use super::{Factor, Inputs, Share, Support};
use crate::domain::Ppm;

/// A fraction from 0 to 1 in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    pub numerator: i128,
    pub denominator: i128,
}

impl Fraction {
    const ZERO: Self = Self { numerator: 0, denominator: 1 };
    const HALF: Self = Self { numerator: 1, denominator: 2 };
    const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// `numerator ÷ denominator`, held within 0 and 1; the denominator is positive.
    fn held(numerator: i128, denominator: i128) -> Self {
        let numerator = numerator.clamp(0, denominator);
        let by = gcd(numerator, denominator);
        Self { numerator: numerator / by, denominator: denominator / by }
    }

    /// In millionths, rounded, to show.
    pub fn ppm(self) -> Ppm {
        Ppm::of(self.numerator, self.denominator).unwrap_or_default()
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// `Σ weight × points`, exactly.
pub(super) fn weighted_sum(terms: impl Iterator<Item = (i64, Fraction)>) -> Fraction {
    terms.fold(Fraction::ZERO, |sum, (weight, points)| {
        let by = gcd(sum.denominator, points.denominator);
        let denominator = sum.denominator / by * points.denominator;
        let numerator = sum.numerator * (denominator / sum.denominator)
            + i128::from(weight) * points.numerator * (denominator / points.denominator);
        Fraction { numerator, denominator }
    })
}

/// Where straight lines meet: (input, points), both in millionths, inputs rising.
type Curve = [(i64, i64)];

/// Too little use wastes the plan, too much outgrows it.
const PACE: &Curve = &[
    (0, 0),
    (100_000, 200_000),
    (500_000, 1_000_000),
    (950_000, 1_000_000),
    (1_200_000, 600_000),
    (1_500_000, 400_000),
];
const TREND: &Curve = &[(500_000, 0), (1_000_000, 800_000), (1_100_000, 1_000_000)];
const RECENCY: &Curve = &[(1_000_000, 1_000_000), (14_000_000, 0)];
const BUDGET: &Curve = &[(1_000_000, 1_000_000), (10_000_000, 0)];

/// The points of `x` on a curve; before its first and after its last corner they stay level.
fn on(curve: &Curve, x: i64) -> Fraction {
    let whole = i128::from(Ppm::ONE.0);
    let level = |y: i64| Fraction::held(i128::from(y), whole);
    for corners in curve.windows(2) {
        let [(x0, y0), (x1, y1)] = [corners[0], corners[1]];
        if x <= x0 {
            return level(y0);
        }
        if x < x1 {
            let [x, x0, y0, x1, y1] = [x, x0, y0, x1, y1].map(i128::from);
            let numerator = y0 * (x1 - x0) + (x - x0) * (y1 - y0);
            return Fraction::held(numerator, whole * (x1 - x0));
        }
    }
    curve.last().map_or(Fraction::ZERO, |&(_, y)| level(y))
}

fn days(days: u32) -> i64 {
    i64::from(days) * Ppm::ONE.0
}

fn share(Share { part, whole }: Share) -> Option<Fraction> {
    (whole > 0).then(|| Fraction::held(i128::from(part), i128::from(whole)))
}

/// The share of answers in time, less 0.15 for each open severity 1 and 0.05 for each severity 2.
fn support(support: Support) -> Fraction {
    let Support { in_time, answers, open_sev1, open_sev2, .. } = support;
    let (in_time, answers) =
        if answers == 0 { (1, 1) } else { (i128::from(in_time.min(answers)), i128::from(answers)) };
    let lost = 3 * i128::from(open_sev1) + i128::from(open_sev2);
    Fraction::held(20 * in_time - answers * lost, 20 * answers)
}

fn payment(days_overdue: u32) -> Fraction {
    match days_overdue {
        0 => Fraction::ONE,
        1..=30 => Fraction::HALF,
        _ => Fraction::ZERO,
    }
}

/// The points of a factor; `None` when nothing is known.
pub(super) fn of(factor: Factor, inputs: &Inputs) -> Option<Fraction> {
    match factor {
        Factor::Pace => inputs.pace.map(|pace| on(PACE, pace.0)),
        Factor::Trend => inputs.trend.map(|trend| on(TREND, trend.0)),
        Factor::Adoption => inputs.adoption.and_then(share),
        Factor::Recency => inputs.quiet_days.map(|quiet| on(RECENCY, days(quiet))),
        Factor::Support => inputs.support.map(support),
        Factor::Success => inputs.success.and_then(share),
        Factor::Reliability => inputs.budget_used.map(|used| on(BUDGET, used.0)),
        Factor::Payment => inputs.days_overdue.map(payment),
    }
}
