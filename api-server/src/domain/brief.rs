//! What customer success hands on when a customer was taken on: which plans were weighed, and by what
//! it will be seen whether it goes well.

use super::{
    Money, Quantity,
    catalogue::{Catalogue, PlanId, PlanVersion},
    meter::Meter,
    onboarding::{Evaluation, Intake, SuccessCriterion},
    prose,
    roi::{Range, Roi},
};

/// A plan of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Which.
    pub plan: PlanId,
    /// Whether it is the recommended one.
    pub recommended: bool,
    /// Its fee of a month.
    pub base: Money,
    /// Within how many hours it promises an answer of support.
    pub support_hours: u32,
    /// What it includes, by meter.
    pub included: Vec<(Meter, Quantity)>,
    /// What it would cost in a month, for each estimate of use; `None` when it does not fit.
    pub costs: Option<Range<Money>>,
    /// Why it does not fit.
    pub excluded: Option<String>,
}

/// One sign of success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// What is to be so.
    pub what: String,
    /// Where that shows.
    pub measured_by: &'static str,
}

/// The plans that were weighed, the least expected cost first, then those that do not fit.
/// `recommended` is the plan that the customer was told.
#[must_use]
pub fn compare(
    evaluation: &Evaluation,
    recommended: Option<&PlanId>,
    catalogue: &Catalogue,
) -> Vec<Compared> {
    let row = |id: &PlanId, costs, excluded| {
        let PlanVersion { terms, .. } = catalogue.get(id)?;
        let included = terms.charges.iter().map(|(meter, charge)| (*meter, charge.included));
        Some(Compared {
            plan: id.clone(),
            recommended: recommended == Some(id),
            base: terms.base,
            support_hours: terms.support_hours,
            included: included.collect(),
            costs,
            excluded,
        })
    };
    let ranked = evaluation.plan.ranking.iter();
    let ranked = ranked.filter_map(|ranked| row(&ranked.plan, Some(ranked.costs), None));
    let excluded = evaluation.plan.excluded.iter();
    let excluded = excluded.filter_map(|one| row(&one.plan, None, Some(one.reason.clone())));
    ranked.chain(excluded).collect()
}

/// What to look at after the hand-off: each follows from what the customer wrote and was told.
#[must_use]
pub fn criteria(intake: &Intake, plan: Option<&PlanVersion>, roi: Option<&Roi>) -> Vec<Criterion> {
    let mut all = vec![Criterion {
        what: format!("Work begins on {} ({}).", intake.go_live, intake.time_zone),
        measured_by: "facts: go_live_date",
    }];
    all.extend(intake.success_criteria.iter().map(own));
    all.extend(departments(intake));
    if let Some(roi) = roi {
        all.extend(pays(intake, roi));
    }
    if let Some(plan) = plan {
        let hours = plan.terms.support_hours;
        all.push(Criterion {
            what: format!("Support answers within {hours} h."),
            measured_by: "support_response_sla_hours",
        });
        all.extend(within(intake, plan));
    }
    all.push(Criterion {
        what: "Health is 0.75 or more, and no more than 95 % of a quota is used.".to_owned(),
        measured_by: "usage: flagged",
    });
    all
}

/// One that the customer gave, in their words.
fn own(SuccessCriterion { text, by }: &SuccessCriterion) -> Criterion {
    let what = by.map_or_else(|| text.clone(), |day| format!("{text} (by {day})"));
    Criterion { what, measured_by: "facts: criteria" }
}

fn departments(intake: &Intake) -> impl Iterator<Item = Criterion> {
    let named = intake.departments.iter().zip(&intake.roi.departments);
    named.map(|(name, department)| {
        let Range { low, base, high } = department.hours_per_week;
        let [low, base, high] = [low, base, high].map(prose::quantity);
        let (people, weeks) = (department.people, department.weeks_per_year);
        let who = match people {
            1 => "1 person saves".to_owned(),
            people => format!("{} people save", prose::count(people.into())),
        };
        let what = format!(
            "{name}: {who} {base} hours a week each ({low} to {high}), {weeks} weeks a year."
        );
        Criterion { what, measured_by: "facts: departments, criteria" }
    })
}

/// What pays from the first hour on, or cost nothing at first, is no sign of anything.
fn pays(intake: &Intake, roi: &Roi) -> Vec<Criterion> {
    let mut all = Vec::new();
    if let Some(hours) = roi.break_even_hours.filter(|hours| *hours > Quantity::ZERO) {
        all.push(Criterion {
            what: format!(
                "Each saves {} hours a week or more: from there on it pays.",
                prose::at_least(hours)
            ),
            measured_by: "facts: criteria",
        });
    }
    let once = intake.roi.one_off.minor() > 0;
    if let Some(months) = roi.outcomes.base.payback_months.filter(|_| once) {
        all.push(Criterion {
            what: format!("What it cost once is back after {} months.", prose::quantity(months)),
            measured_by: "facts: criteria",
        });
    }
    all
}

/// Meters whose expected use is known, against what the plan includes.
fn within(intake: &Intake, plan: &PlanVersion) -> Vec<Criterion> {
    let expected = intake.usage.iter().filter(|(_, range)| range.base > Quantity::ZERO);
    let of = |(meter, range): (&Meter, &Range<Quantity>)| {
        let included = prose::quantity(plan.terms.charges.get(meter)?.included);
        let (name, unit, near) = (meter.name(), meter.unit(), prose::quantity(range.base));
        let what = format!("Use of {name} is near {near} {unit} a month; {included} are included.");
        Some(Criterion { what, measured_by: "usage: meters" })
    };
    expected.filter_map(of).collect()
}

#[cfg(test)]
mod tests;
