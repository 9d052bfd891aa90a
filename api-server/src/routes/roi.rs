//! `POST /roi`: whether it pays.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wire::{Faults, MoneyOnWire, RangeOnWire};
use super::{Routes, route};
use crate::auth::{Caller, rule::Public};
use crate::domain::roi::{
    self, Department, Inputs, Outcome, Range, Roi, USUAL_DISCOUNT, USUAL_PRODUCTIVE_HOURS,
    USUAL_REALISATION, USUAL_YEARS,
};
use crate::domain::{BasisPoints, Money, Ppm, Quantity, decimal};
use crate::http::{Json, Problem};

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, calculate)
}

/// The assumptions. Amounts share one currency; all but `one_off` are per year.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoiIn {
    /// Who saves time.
    #[schema(min_items = 1, max_items = 50)]
    pub departments: Vec<DepartmentIn>,
    /// What one of them earns.
    pub salary: MoneyOnWire,
    /// What an employer pays on top, as a share of the salary, from 0 to 2.
    #[schema(example = "0.30")]
    pub burden: String,
    /// Hours that one of them works; 1800 unless given.
    #[schema(minimum = 1000, maximum = 4000)]
    pub productive_hours: Option<u32>,
    /// The share of saved time that becomes other work; 0.5, 0.7 and 0.8 unless given.
    pub realisation: Option<RangeOnWire<String>>,
    /// The share of the benefit to write off as too hopeful; 0 unless given.
    #[schema(example = "0.15")]
    pub risk: Option<String>,
    /// The cost of errors that will not happen; nothing unless given.
    pub error_cost_avoided: Option<MoneyOnWire>,
    /// What we charge.
    pub subscription: MoneyOnWire,
    /// What it costs to run; nothing unless given.
    pub run_cost: Option<MoneyOnWire>,
    /// What it costs once; nothing unless given.
    pub one_off: Option<MoneyOnWire>,
    /// The discount rate; 0.10 unless given.
    #[schema(example = "0.10")]
    pub discount: Option<String>,
    /// The share of the benefit in the first years; later years have all of it.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub ramp: Vec<String>,
    /// How many years to look ahead; 3 unless given.
    #[schema(minimum = 1, maximum = 10)]
    pub years: Option<u32>,
}

/// Some people who will save time.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DepartmentIn {
    /// How many.
    #[schema(minimum = 1, maximum = 50000)]
    pub people: u32,
    /// Hours that each saves in a week, from 0 to 80.
    pub hours_per_week: RangeOnWire<String>,
    /// Weeks that they work in a year.
    #[schema(minimum = 1, maximum = 52)]
    pub weeks_per_year: u32,
}

/// The answer: each figure with the cautious, likely and hopeful estimates.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RoiOut {
    /// What an hour costs the employer.
    pub hourly_rate: MoneyOnWire,
    /// Hours saved in a year.
    pub hours: RangeOnWire<String>,
    /// What a full year is worth.
    pub benefit: RangeOnWire<MoneyOnWire>,
    /// What is left of it after subscription and running cost.
    pub annual_net: RangeOnWire<MoneyOnWire>,
    /// Months until the one-off cost is back, to a tenth; null for never.
    pub payback_months: RangeOnWire<Option<String>>,
    /// Today's value of all benefits.
    pub present_benefit: RangeOnWire<MoneyOnWire>,
    /// Today's value of all costs.
    pub present_cost: RangeOnWire<MoneyOnWire>,
    /// Today's value of it all.
    pub npv: RangeOnWire<MoneyOnWire>,
    /// What is gained per cost; null when it costs nothing.
    pub roi: RangeOnWire<Option<String>>,
    /// Hours that each must save in a week to break even; null when none are enough.
    pub break_even_hours: Option<String>,
}

/// Whether it pays
///
/// Saved hours against cost, over some years, from the caller's own assumptions. Nothing is stored.
#[utoipa::path(
    post, path = "/roi", operation_id = "calculate_roi", tag = "plans", request_body = RoiIn,
    responses(
        (status = 200, description = "The case, worked out.", body = RoiOut),
        (status = 422, description = "Assumptions outside their limits.", body = crate::http::problem::ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn calculate(
    _: Caller<Public>,
    Json(assumptions): Json<RoiIn>,
) -> Result<axum::Json<RoiOut>, Problem> {
    let mut faults = Faults::default();
    let inputs = inputs(assumptions, &mut faults);
    faults.check()?;
    let currency = inputs.salary.currency();
    match roi::calculate(&inputs) {
        Ok(roi) => Ok(axum::Json(out(&roi, currency.code()))),
        Err(invalid) => {
            let mut faults = Faults::default();
            invalid.into_iter().for_each(|one| faults.note(one.pointer, one.message));
            Err(faults.check().err().unwrap_or_else(|| Problem::internal("no fault was named")))
        }
    }
}

pub(super) fn inputs(given: RoiIn, faults: &mut Faults) -> Inputs {
    let RoiIn {
        departments,
        salary,
        burden,
        productive_hours,
        realisation,
        risk,
        error_cost_avoided,
        subscription,
        run_cost,
        one_off,
        discount,
        ramp,
        years,
    } = given;
    let salary = faults.money("/salary", &salary);
    let nothing = Money::zero(salary.currency());
    let mut money = |pointer: &str, given: Option<MoneyOnWire>| {
        given.map_or(nothing, |given| faults.money(pointer, &given))
    };
    let error_cost_avoided = money("/error_cost_avoided", error_cost_avoided);
    let run_cost = money("/run_cost", run_cost);
    let one_off = money("/one_off", one_off);
    let subscription = money("/subscription", Some(subscription));
    let realisation =
        realisation.map_or(USUAL_REALISATION, |given| range("/realisation", &given, faults, share));
    let departments = departments.iter().enumerate();
    let departments = departments.map(|(index, given)| department(index, given, faults)).collect();
    let ramp = ramp.iter().enumerate();
    let ramp = ramp.map(|(index, given)| share(&format!("/ramp/{index}"), given, faults)).collect();
    Inputs {
        departments,
        salary,
        burden: share("/burden", &burden, faults),
        productive_hours: productive_hours.unwrap_or(USUAL_PRODUCTIVE_HOURS),
        realisation,
        risk: risk.map_or(BasisPoints(0), |given| share("/risk", &given, faults)),
        error_cost_avoided,
        subscription,
        run_cost,
        one_off,
        discount: discount.map_or(USUAL_DISCOUNT, |given| share("/discount", &given, faults)),
        ramp,
        years: years.unwrap_or(USUAL_YEARS),
    }
}

fn department(index: usize, given: &DepartmentIn, faults: &mut Faults) -> Department {
    let DepartmentIn { people, hours_per_week, weeks_per_year } = given;
    let at = format!("/departments/{index}/hours_per_week");
    let hours = |pointer: &str, text: &str, faults: &mut Faults| {
        faults.or_note(pointer, text.parse::<Quantity>())
    };
    let hours_per_week = range(&at, hours_per_week, faults, hours);
    Department { people: *people, hours_per_week, weeks_per_year: *weeks_per_year }
}

pub(super) fn range<T>(
    pointer: &str,
    given: &RangeOnWire<String>,
    faults: &mut Faults,
    read: impl Fn(&str, &str, &mut Faults) -> T,
) -> Range<T> {
    let mut one = |name: &str, text: &str| read(&format!("{pointer}/{name}"), text, faults);
    Range {
        low: one("low", &given.low),
        base: one("base", &given.base),
        high: one("high", &given.high),
    }
}

/// A share with up to four places: `0.15`.
fn share(pointer: &str, text: &str, faults: &mut Faults) -> BasisPoints {
    BasisPoints(faults.or_note(pointer, decimal::parse(text, 4)))
}

pub(super) fn out(roi: &Roi, currency: &str) -> RoiOut {
    let Roi { hourly_rate, outcomes, break_even_hours } = roi;
    let money =
        |of: fn(&Outcome) -> Money| each(outcomes, |outcome| MoneyOnWire::from(of(outcome)));
    RoiOut {
        hourly_rate: MoneyOnWire { amount: hourly_rate.to_string(), currency: currency.to_owned() },
        hours: each(outcomes, |outcome| outcome.hours.to_string()),
        benefit: money(|outcome| outcome.benefit),
        annual_net: money(|outcome| outcome.annual_net),
        payback_months: each(outcomes, |outcome| {
            outcome.payback_months.as_ref().map(Quantity::to_string)
        }),
        present_benefit: money(|outcome| outcome.present_benefit),
        present_cost: money(|outcome| outcome.present_cost),
        npv: money(|outcome| outcome.npv),
        roi: each(outcomes, |outcome| outcome.roi.as_ref().map(Ppm::to_string)),
        break_even_hours: break_even_hours.as_ref().map(Quantity::to_string),
    }
}

fn each<T>(outcomes: &Range<Outcome>, of: impl Fn(&Outcome) -> T) -> RangeOnWire<T> {
    RangeOnWire { low: of(&outcomes.low), base: of(&outcomes.base), high: of(&outcomes.high) }
}
