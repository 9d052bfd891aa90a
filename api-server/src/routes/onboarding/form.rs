//! The form as it is sent.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::money::Currency;
use crate::domain::onboarding::{Contact, Intake, SuccessCriterion, check};
use crate::domain::recommendation::{Purpose, usual_range};
use crate::domain::roi::{Inputs, Range};
use crate::domain::{Quantity, meter::Meter};
use crate::http::Problem;
use crate::routes::recommendation::PurposeIn;
use crate::routes::roi::{self, DepartmentIn, RoiIn};
use crate::routes::wire::{Faults, MoneyOnWire, RangeOnWire};

/// A customer's request to be taken on. It holds no secrets; customer success reads it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IntakeIn {
    /// The customer's name.
    #[schema(example = "Acme Legal", min_length = 1, max_length = 100)]
    pub display_name: String,
    /// The name of the tenant: a DNS label.
    #[schema(example = "acme", pattern = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$", max_length = 40)]
    pub tenant: String,
    /// Whom to talk to.
    pub contact: ContactIn,
    /// What it is for.
    #[schema(min_length = 1, max_length = 1000)]
    pub use_case: String,
    /// To try it or to work with it.
    pub purpose: PurposeIn,
    /// The day on which work is to begin, at most three years ahead.
    #[schema(format = Date, example = "2027-01-15")]
    pub go_live_date: String,
    /// The customer's own signs of success; none unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub success_criteria: Vec<SuccessCriterionIn>,
    /// Who saves time.
    #[schema(min_items = 1, max_items = 50)]
    pub departments: Vec<NamedDepartmentIn>,
    /// Expected use in a month, by meter: `ingestion`, `query`, `timeline`, `agents`.
    #[serde(default)]
    pub usage: BTreeMap<String, UsageIn>,
    /// Minutes of speech a month; none unless given.
    #[serde(default)]
    #[schema(maximum = 100_000_000)]
    pub voice_minutes: u64,
    /// Support must answer within so many hours; any will do unless given.
    #[schema(minimum = 1, maximum = 720)]
    pub support_hours: Option<u32>,
    /// ISO 4217 code of what is paid in.
    #[schema(example = "USD", min_length = 3, max_length = 3)]
    pub currency: String,
    /// An IANA time zone: by its midnights the account is billed.
    #[schema(example = "America/Chicago")]
    pub time_zone: String,
    /// The day of the month on which billing periods start; 1 unless given.
    #[serde(default = "first")]
    #[schema(minimum = 1, maximum = 31)]
    pub anchor_day: i64,
    /// What saved time is worth.
    pub roi: AssumptionsIn,
}

const fn first() -> i64 {
    1
}

/// Whom to talk to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactIn {
    /// A person or a team.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Their mail address.
    #[schema(example = "ops@acme.example", max_length = 254)]
    pub email: String,
}

/// A sign by which it will be seen whether it goes well, in the customer's words.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuccessCriterionIn {
    /// What is to be so, in one line.
    #[schema(example = "Nobody reads a lease by hand", min_length = 1, max_length = 200)]
    pub text: String,
    /// The day by which it is, at most ten years ahead; no day unless given.
    #[schema(format = Date, example = "2027-06-30")]
    pub by: Option<String>,
}

/// Some people who will save time.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedDepartmentIn {
    /// What they are called.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// How many.
    #[schema(minimum = 1, maximum = 50000)]
    pub people: u32,
    /// Hours that each saves in a week, from 0 to 80.
    pub hours_per_week: RangeOnWire<String>,
    /// Weeks that they work in a year.
    #[schema(minimum = 1, maximum = 52)]
    pub weeks_per_year: u32,
}

/// Expected use of a meter in a month, in its unit. Give low and high, or neither: then they are
/// 0.73 and 1.5 times the likely one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageIn {
    /// The cautious estimate.
    pub low: Option<String>,
    /// The likely one.
    #[schema(example = "400")]
    pub base: String,
    /// The hopeful one.
    pub high: Option<String>,
}

/// What saved time is worth, as for `POST /roi`; the departments are the form's, and the
/// subscription follows from the plan. Amounts are in the form's currency.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssumptionsIn {
    /// What one of the people earns in a year.
    pub salary: MoneyOnWire,
    /// What an employer pays on top, as a share of the salary, from 0 to 2.
    #[schema(example = "0.30")]
    pub burden: String,
    /// Hours that one of them works in a year; 1800 unless given.
    #[schema(minimum = 1000, maximum = 4000)]
    pub productive_hours: Option<u32>,
    /// The share of saved time that becomes other work; 0.5, 0.7 and 0.8 unless given.
    pub realisation: Option<RangeOnWire<String>>,
    /// The share of the benefit to write off as too hopeful; 0 unless given.
    pub risk: Option<String>,
    /// The yearly cost of errors that will not happen; nothing unless given.
    pub error_cost_avoided: Option<MoneyOnWire>,
    /// What it costs to run in a year; nothing unless given.
    pub run_cost: Option<MoneyOnWire>,
    /// What it costs once; nothing unless given.
    pub one_off: Option<MoneyOnWire>,
    /// The discount rate; 0.10 unless given.
    pub discount: Option<String>,
    /// The share of the benefit in the first years; later years have all of it.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub ramp: Vec<String>,
    /// How many years to look ahead; 3 unless given.
    #[schema(minimum = 1, maximum = 10)]
    pub years: Option<u32>,
}

/// Reads a form at an instant.
///
/// # Errors
/// 422 that names everything that is wrong with its values.
pub(super) fn read(form: &IntakeIn, now: Timestamp) -> Result<Intake, Problem> {
    let mut faults = Faults::default();
    let intake = intake(form, &mut faults);
    let invalid = check(&intake, now).into_iter();
    faults.of_values(invalid.map(|invalid| (invalid.pointer, invalid.message)));
    faults.check().map(|()| intake)
}

/// The business case of a form that was taken, also after parts of it were erased.
///
/// # Errors
/// 422 when its figures are none.
pub(super) fn case(form: &IntakeIn) -> Result<Inputs, Problem> {
    let mut faults = Faults::default();
    let inputs = assumptions(form, &mut faults);
    faults.check().map(|()| inputs)
}

const NO_DAY: &str = "is no day such as 2027-01-15";

fn intake(form: &IntakeIn, faults: &mut Faults) -> Intake {
    let currency = Currency::from_code(&form.currency).unwrap_or_else(|| {
        faults.note("/currency", "is no ISO 4217 currency such as USD");
        Currency::USD
    });
    let go_live = form.go_live_date.parse::<Date>();
    let go_live = go_live.map_err(|_| NO_DAY);
    Intake {
        display_name: form.display_name.clone(),
        tenant: form.tenant.clone(),
        contact: Contact { name: form.contact.name.clone(), email: form.contact.email.clone() },
        use_case: form.use_case.clone(),
        purpose: match form.purpose {
            PurposeIn::Evaluation => Purpose::Evaluation,
            PurposeIn::Production => Purpose::Production,
        },
        go_live: faults.or_note("/go_live_date", go_live),
        success_criteria: criteria(&form.success_criteria, faults),
        departments: form.departments.iter().map(|department| department.name.clone()).collect(),
        usage: usage(&form.usage, faults),
        voice_minutes: form.voice_minutes,
        support_hours: form.support_hours,
        currency,
        time_zone: form.time_zone.clone(),
        anchor_day: form.anchor_day,
        roi: assumptions(form, faults),
    }
}

fn criteria(given: &[SuccessCriterionIn], faults: &mut Faults) -> Vec<SuccessCriterion> {
    let mut all = Vec::with_capacity(given.len());
    for (index, SuccessCriterionIn { text, by }) in given.iter().enumerate() {
        let day = by.as_ref().map(|day| day.parse::<Date>()).transpose();
        // Of a day that is none nothing else can be said.
        let day = day.unwrap_or_else(|_| {
            faults.note(format!("/success_criteria/{index}/by"), NO_DAY);
            None
        });
        all.push(SuccessCriterion { text: text.clone(), by: day });
    }
    all
}

fn usage(
    given: &BTreeMap<String, UsageIn>,
    faults: &mut Faults,
) -> BTreeMap<Meter, Range<Quantity>> {
    let mut all = BTreeMap::new();
    for (name, usage) in given {
        let pointer = format!("/usage/{}", crate::http::json::token(name));
        match name.parse::<Meter>() {
            Ok(meter) => {
                all.insert(meter, range(&pointer, usage, faults));
            }
            Err(error) => faults.note(pointer, error),
        }
    }
    all
}

fn range(pointer: &str, given: &UsageIn, faults: &mut Faults) -> Range<Quantity> {
    let quantity = |text: &str, name: &str, faults: &mut Faults| {
        faults.or_note(&format!("{pointer}/{name}"), text.parse::<Quantity>())
    };
    let base = quantity(&given.base, "base", faults);
    match (&given.low, &given.high) {
        (Some(low), Some(high)) => {
            Range { low: quantity(low, "low", faults), base, high: quantity(high, "high", faults) }
        }
        (None, None) => usual_range(base).unwrap_or(Range::all(base)),
        (Some(_), None) => {
            faults.note(format!("{pointer}/high"), "is missing: give low and high, or neither");
            Range::all(base)
        }
        (None, Some(_)) => {
            faults.note(format!("{pointer}/low"), "is missing: give low and high, or neither");
            Range::all(base)
        }
    }
}

/// The business case, without what we charge.
fn assumptions(form: &IntakeIn, faults: &mut Faults) -> Inputs {
    let given = form.roi.clone();
    let departments = form.departments.iter().map(|department| DepartmentIn {
        people: department.people,
        hours_per_week: department.hours_per_week.clone(),
        weeks_per_year: department.weeks_per_year,
    });
    let nothing = MoneyOnWire { amount: "0".to_owned(), currency: given.salary.currency.clone() };
    let case = RoiIn {
        departments: departments.collect(),
        salary: given.salary,
        burden: given.burden,
        productive_hours: given.productive_hours,
        realisation: given.realisation,
        risk: given.risk,
        error_cost_avoided: given.error_cost_avoided,
        subscription: nothing,
        run_cost: given.run_cost,
        one_off: given.one_off,
        discount: given.discount,
        ramp: given.ramp,
        years: given.years,
    };
    let mut part = Faults::default();
    let inputs = roi::inputs(case, &mut part);
    faults.within(part, |at| match at {
        at if at.starts_with("/departments") => Some(at.to_owned()),
        // Not in the form: it fails as the salary does.
        at if at.starts_with("/subscription") => None,
        at => Some(format!("/roi{at}")),
    });
    inputs
}
