//! The limits of each assumption.

use std::fmt::Display;

use thiserror::Error;

use super::{Department, Inputs, Range};
use crate::domain::{BasisPoints, Money, Quantity};

const DEPARTMENTS: usize = 50;
const PEOPLE: u32 = 50_000;
const HOURS_PER_WEEK: i64 = 80;
const BURDEN: BasisPoints = BasisPoints(20_000);
const PRODUCTIVE_HOURS: (u32, u32) = (1_000, 4_000);
const YEARS: u32 = 10;
/// In minor units.
const SALARY: i64 = 1_000_000_000_000;
const AMOUNT: i64 = 1_000_000_000_000_000;

/// An assumption that cannot be worked with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{pointer} {message}")]
pub struct Invalid {
    /// Where it is, as a JSON pointer: `/departments/0/people`.
    pub pointer: String,
    /// What is wrong and what would be right; reads on after the pointer.
    pub message: String,
}

/// Valid each, too large together.
pub(super) fn too_large() -> Invalid {
    let message =
        "gives amounts that are larger than can be kept: lower people or salary".to_owned();
    Invalid { pointer: String::new(), message }
}

struct Problems(Vec<Invalid>);

impl Problems {
    fn add(&mut self, pointer: &str, message: String) {
        self.0.push(Invalid { pointer: pointer.to_owned(), message });
    }

    fn within<T: PartialOrd + Copy>(
        &mut self,
        pointer: &str,
        value: T,
        range: (T, T),
        said: impl Display,
    ) {
        if value < range.0 || value > range.1 {
            self.add(pointer, format!("must be {said}"));
        }
    }

    fn share(&mut self, pointer: &str, value: BasisPoints) {
        self.within(pointer, value, (BasisPoints(0), BasisPoints::ONE), "from 0 to 1");
    }

    fn rising<T: PartialOrd + Copy>(&mut self, pointer: &str, range: Range<T>) {
        if range.low > range.base {
            self.add(&format!("{pointer}/low"), "must not be above base".to_owned());
        }
        if range.high < range.base {
            self.add(&format!("{pointer}/high"), "must not be below base".to_owned());
        }
    }
}

/// Everything that is wrong, in the order of the fields.
pub(super) fn all(inputs: &Inputs) -> Vec<Invalid> {
    let mut problems = Problems(Vec::new());
    let said = format!("a list of 1 to {DEPARTMENTS}");
    problems.within("/departments", inputs.departments.len(), (1, DEPARTMENTS), said);
    for (index, department) in inputs.departments.iter().take(DEPARTMENTS).enumerate() {
        check_department(&mut problems, &format!("/departments/{index}"), department);
    }
    check_amounts(&mut problems, inputs);
    problems.within("/burden", inputs.burden, (BasisPoints(0), BURDEN), "from 0 to 2");
    let (least, most) = PRODUCTIVE_HOURS;
    let said = format!("from {least} to {most}");
    problems.within("/productive_hours", inputs.productive_hours, (least, most), said);
    let Range { low, base, high } = inputs.realisation;
    for (name, value) in [("low", low), ("base", base), ("high", high)] {
        problems.share(&format!("/realisation/{name}"), value);
    }
    problems.rising("/realisation", inputs.realisation);
    problems.share("/risk", inputs.risk);
    problems.share("/discount", inputs.discount);
    problems.within("/years", inputs.years, (1, YEARS), format!("from 1 to {YEARS}"));
    if inputs.ramp.len() > inputs.years as usize {
        problems.add(
            "/ramp",
            format!("must have at most one share for each of {} years", inputs.years),
        );
    }
    for (index, &share) in inputs.ramp.iter().take(YEARS as usize).enumerate() {
        problems.share(&format!("/ramp/{index}"), share);
    }
    problems.0
}

fn check_department(problems: &mut Problems, at: &str, department: &Department) {
    let said = format!("from 1 to {PEOPLE}");
    problems.within(&format!("{at}/people"), department.people, (1, PEOPLE), said);
    let hours = department.hours_per_week;
    let most = Quantity::from_micros(HOURS_PER_WEEK * 1_000_000);
    for (name, value) in [("low", hours.low), ("base", hours.base), ("high", hours.high)] {
        let said = format!("from 0 to {HOURS_PER_WEEK}");
        problems.within(
            &format!("{at}/hours_per_week/{name}"),
            value,
            (Quantity::ZERO, most),
            said,
        );
    }
    problems.rising(&format!("{at}/hours_per_week"), hours);
    let weeks = department.weeks_per_year;
    problems.within(&format!("{at}/weeks_per_year"), weeks, (1, 52), "from 1 to 52");
}

fn check_amounts(problems: &mut Problems, inputs: &Inputs) {
    let currency = inputs.salary.currency();
    let amounts = [
        ("/salary", inputs.salary, (1, SALARY)),
        ("/error_cost_avoided", inputs.error_cost_avoided, (0, AMOUNT)),
        ("/subscription", inputs.subscription, (0, AMOUNT)),
        ("/run_cost", inputs.run_cost, (0, AMOUNT)),
        ("/one_off", inputs.one_off, (0, AMOUNT)),
    ];
    for (pointer, amount, (least, most)) in amounts {
        if amount.currency() != currency {
            let message = format!("must be in {}, like the salary", currency.code());
            problems.add(&format!("{pointer}/currency"), message);
        }
        let [low, high] = [least, most].map(|minor| Money::from_minor(minor, amount.currency()));
        let said = format!("from {} to {}", low.amount(), high.amount());
        problems.within(&format!("{pointer}/amount"), amount.minor(), (least, most), said);
    }
}
