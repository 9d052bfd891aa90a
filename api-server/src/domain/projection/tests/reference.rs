//! The same formulas in exact fractions, slowly, and square roots by Newton's method.

#[derive(Clone, Copy, Debug)]
pub(super) struct Exact(i128, i128);

impl Exact {
    pub const fn whole(n: i128) -> Self {
        Self(n, 1)
    }

    pub fn new(n: i128, d: i128) -> Self {
        let (mut a, mut b) = (n.abs(), d);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        Self(n / a.max(1), d / a.max(1))
    }

    pub fn plus(self, other: Self) -> Self {
        Self::new(self.0 * other.1 + other.0 * self.1, self.1 * other.1)
    }

    pub fn minus(self, other: Self) -> Self {
        self.plus(Self(-other.0, other.1))
    }

    pub fn times(self, other: Self) -> Self {
        Self::new(self.0 * other.0, self.1 * other.1)
    }

    pub fn over(self, other: Self) -> Self {
        Self::new(self.0 * other.1, self.1 * other.0)
    }

    /// In millionths, rounded down.
    pub fn micros(self) -> i128 {
        (self.0 * 1_000_000).div_euclid(self.1)
    }

    /// The square root in millionths, rounded down.
    pub fn root_micros(self) -> i128 {
        newton((self.0 * 1_000_000_000_000).div_euclid(self.1))
    }
}

fn newton(n: i128) -> i128 {
    let mut root = n.max(1);
    loop {
        let next = i128::midpoint(root, n / root);
        if next >= root {
            return if root * root > n { root - 1 } else { root };
        }
        root = next;
    }
}

pub(super) fn sum(all: &[Exact]) -> Exact {
    all.iter().fold(Exact::whole(0), |sum, &x| sum.plus(x))
}

/// Mean and standard error after `full` days of whole units, with factors in quarters from the
/// period's first weekday on.
pub(super) fn project(
    full: &[i64],
    days: usize,
    quarters: &[i64; 7],
    prior: Option<i64>,
) -> (Exact, Exact, Exact) {
    let factor = |day: usize| Exact::new(i128::from(quarters[day % 7]), 4);
    let levels: Vec<Exact> = full
        .iter()
        .enumerate()
        .map(|(day, &used)| Exact::whole(i128::from(used)).over(factor(day)))
        .collect();
    let k = i128::from(prior.is_some()) * 3;
    let n = full.len() as i128;
    let drawn = Exact::whole(k * i128::from(prior.unwrap_or(0)));
    let rate = sum(&levels).plus(drawn).over(Exact::whole(n + k));
    let ahead: Vec<Exact> = (full.len()..days).map(factor).collect();
    let total = sum(&ahead);
    let used = Exact::whole(full.iter().map(|&day| i128::from(day)).sum());
    let mean = sum(&levels).over(Exact::whole(n));
    let squares: Vec<Exact> =
        levels.iter().map(|x| x.minus(mean)).map(|apart| apart.times(apart)).collect();
    let variance = sum(&squares).over(Exact::whole(n - 1));
    let own: Vec<Exact> = ahead.iter().map(|&f| f.times(f)).collect();
    let spread = sum(&own).plus(total.times(total).over(Exact::whole(n + k)));
    (rate, used.plus(rate.times(total)), variance.times(spread))
}
