//! What a business case was worked out from.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Evaluated;
use super::form::{self, IntakeIn, NamedDepartmentIn};
use crate::domain::money::Currency;
use crate::domain::{BasisPoints, Money, Ppm};
use crate::http::Problem;
use crate::routes::wire::{MoneyOnWire, RangeOnWire};

/// What a business case was worked out from: as the form has it, with what is usual where it says
/// nothing. `POST /roi` answers to the same assumptions with the same case.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AssumptionsOut {
    /// Who saves time.
    pub departments: Vec<NamedDepartmentIn>,
    /// What one of them earns in a year.
    pub salary: MoneyOnWire,
    /// What an employer pays on top, as a share of the salary.
    #[schema(example = "0.30")]
    pub burden: String,
    /// Hours that one of them works in a year.
    #[schema(example = 1800)]
    pub productive_hours: u32,
    /// The share of saved time that becomes other work.
    pub realisation: RangeOnWire<String>,
    /// The share of the benefit that is written off as too hopeful.
    #[schema(example = "0.15")]
    pub risk: String,
    /// The yearly cost of errors that will not happen.
    pub error_cost_avoided: MoneyOnWire,
    /// What we charge in a year: twelve expected months; null when no plan fits.
    pub subscription: Option<MoneyOnWire>,
    /// What it costs to run in a year.
    pub run_cost: MoneyOnWire,
    /// What it costs once.
    pub one_off: MoneyOnWire,
    /// The discount rate.
    #[schema(example = "0.10")]
    pub discount: String,
    /// The share of the benefit in the first years; later years have all of it.
    pub ramp: Vec<String>,
    /// How many years are looked ahead.
    #[schema(example = 3)]
    pub years: u32,
}

/// The assumptions of a form, and of what was answered to it.
///
/// # Errors
/// [`form::case`].
pub(super) fn of(form: &IntakeIn, answered: &Evaluated) -> Result<AssumptionsOut, Problem> {
    let roi = form::case(form)?;
    Ok(AssumptionsOut {
        departments: form.departments.clone(),
        salary: roi.salary.into(),
        burden: share(roi.burden),
        productive_hours: roi.productive_hours,
        realisation: RangeOnWire {
            low: share(roi.realisation.low),
            base: share(roi.realisation.base),
            high: share(roi.realisation.high),
        },
        risk: share(roi.risk),
        error_cost_avoided: roi.error_cost_avoided.into(),
        subscription: answered.plan.expected.as_ref().and_then(year),
        run_cost: roi.run_cost.into(),
        one_off: roi.one_off.into(),
        discount: share(roi.discount),
        ramp: roi.ramp.iter().copied().map(share).collect(),
        years: roi.years,
    })
}

/// As the wire has shares: `0.15`.
fn share(share: BasisPoints) -> String {
    Ppm::from(share).to_string()
}

/// Twelve of a month's amount, as the business case has it.
fn year(month: &MoneyOnWire) -> Option<MoneyOnWire> {
    let currency = Currency::from_code(&month.currency)?;
    let minor = Money::parse(&month.amount, currency).ok()?.minor().checked_mul(12)?;
    Some(Money::from_minor(minor, currency).into())
}
