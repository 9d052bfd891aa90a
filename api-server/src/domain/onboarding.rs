//! A customer's request to be taken on: what the form says, what would fit, and what became of it.
//!
//! The form is what a stranger wrote. It is kept, shown to customer success, and changes nothing by
//! itself: only a person's decision does.

mod check;
mod state;

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{
    Money, Quantity,
    calendar::{AnchorDay, CalendarError, Zone},
    catalogue::PlanVersion,
    meter::Meter,
    money::Currency,
    recommendation::{
        Needs, ProfileNeeds, ProfileRecommendation, Purpose, Ranked, Recommendation, recommend,
        recommend_profile,
    },
    roi::{self, Inputs, Invalid, Range, Roi},
};
pub use check::check;
pub use state::{Actor, AlreadyDecided, Decision, Move, State, Status, Verdict};

/// Whom to talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// A person or a team.
    pub name: String,
    /// Their address.
    pub email: String,
}

/// A sign, in the customer's words, by which it will be seen whether it goes well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuccessCriterion {
    /// What is to be so.
    pub text: String,
    /// The day by which it is.
    pub by: Option<Date>,
}

/// The form. [`check`] says whether its values can be worked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intake {
    /// The customer's name, to show.
    pub display_name: String,
    /// The name of the tenant and of its account.
    pub tenant: String,
    /// Whom to talk to.
    pub contact: Contact,
    /// What it is for, in the customer's words.
    pub use_case: String,
    /// To try it or to work with it.
    pub purpose: Purpose,
    /// The day on which work is to begin, in the customer's zone.
    pub go_live: Date,
    /// The customer's own signs of success.
    pub success_criteria: Vec<SuccessCriterion>,
    /// The departments' names, in the order of `roi.departments`.
    pub departments: Vec<String>,
    /// Expected use in a month.
    pub usage: BTreeMap<Meter, Range<Quantity>>,
    /// Minutes of speech a month.
    pub voice_minutes: u64,
    /// Support must answer within so many hours; `None` when any will do.
    pub support_hours: Option<u32>,
    /// What is paid in.
    pub currency: Currency,
    /// An IANA name.
    pub time_zone: String,
    /// The day of the month on which periods start.
    pub anchor_day: i64,
    /// Who saves time and what it costs. Its subscription is nothing: that follows from the plan.
    pub roi: Inputs,
}

impl Intake {
    /// By whose midnights, and from which day, the account's periods would run.
    ///
    /// # Errors
    /// [`CalendarError`] when zone or day are none.
    pub fn calendar(&self) -> Result<(Zone, AnchorDay), CalendarError> {
        Ok((self.time_zone.parse()?, AnchorDay::new(self.anchor_day)?))
    }

    fn needs(&self) -> Needs {
        let Self { usage, support_hours, currency, .. } = self;
        Needs { usage: usage.clone(), support_hours: *support_hours, currency: *currency }
    }
}

/// What would fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The plan.
    pub plan: Recommendation,
    /// What the recommended plan would cost in a month; `None` when no plan fits.
    pub costs: Option<Ranked>,
    /// The profile.
    pub profile: ProfileRecommendation,
    /// Whether it pays, with twelve expected months as subscription; `None` when no plan fits.
    pub roi: Option<Roi>,
}

/// Evaluates a form that was found good, for `plans` (the versions on sale).
///
/// # Errors
/// [`Invalid`] fields when its values are so large together that they cannot be worked with.
pub fn evaluate(intake: &Intake, plans: &[&PlanVersion]) -> Result<Evaluation, Vec<Invalid>> {
    let plan = recommend(plans, &intake.needs()).map_err(|_| vec![too_large()])?;
    let costs = plan.ranking.iter().find(|ranked| Some(&ranked.plan) == plan.plan.as_ref());
    let costs = costs.cloned();
    let roi = costs.as_ref().map(|costs| business_case(intake, costs.expected)).transpose()?;
    let profile = recommend_profile(&ProfileNeeds {
        purpose: intake.purpose,
        voice_minutes: intake.voice_minutes,
        support_hours: intake.support_hours,
    });
    Ok(Evaluation { plan, costs, profile, roi })
}

fn business_case(intake: &Intake, month: Money) -> Result<Roi, Vec<Invalid>> {
    let year = month.minor().checked_mul(12).ok_or_else(|| vec![too_large()])?;
    let subscription = Money::from_minor(year, month.currency());
    let invalid = |invalid: Vec<Invalid>| invalid.into_iter().map(check::in_form).collect();
    roi::calculate(&Inputs { subscription, ..intake.roi.clone() }).map_err(invalid)
}

fn too_large() -> Invalid {
    let message = "is more than can be priced: lower it".to_owned();
    Invalid { pointer: "/usage".to_owned(), message }
}

#[cfg(test)]
pub(super) mod tests;
