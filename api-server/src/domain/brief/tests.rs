use jiff::Timestamp;

use super::*;
use crate::domain::onboarding::{evaluate, tests::intake};

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn evaluated(intake: &Intake) -> (Catalogue, Evaluation) {
    let shipped = Catalogue::shipped().unwrap();
    let evaluation = evaluate(intake, &shipped.live_plans(now())).unwrap();
    (shipped, evaluation)
}

#[test]
fn every_plan_is_compared_and_one_is_recommended() {
    let (shipped, evaluation) = evaluated(&intake());
    let rows = compare(&evaluation, evaluation.plan.plan.as_ref(), &shipped);
    let named: Vec<_> = rows.iter().map(|row| (row.plan.to_string(), row.recommended)).collect();
    // 40,000 runs: team includes them, scale costs more, starter answers only within 24 h.
    let expected = [("team@1", true), ("scale@1", false), ("starter@1", false)];
    assert_eq!(named, expected.map(|(name, is)| (name.to_owned(), is)));
    assert_eq!(rows[0].costs.unwrap().base.to_string(), "USD 899.00");
    assert_eq!((rows[0].base.to_string(), rows[0].support_hours), ("USD 899.00".to_owned(), 8));
    assert!(rows[0].included.contains(&(Meter::Agents, Quantity::from_units(40_000).unwrap())));
    assert!(rows[2].costs.is_none() && rows[2].excluded.is_some(), "{:?}", rows[2]);
}

#[test]
fn each_criterion_follows_from_the_form_and_the_answer() {
    let intake = intake();
    let (shipped, evaluation) = evaluated(&intake);
    let plan = evaluation.plan.plan.as_ref().and_then(|id| shipped.get(id));
    let all = criteria(&intake, plan, evaluation.roi.as_ref());
    let said: Vec<&str> = all.iter().map(|criterion| criterion.what.as_str()).collect();
    for part in [
        "Work begins on 2027-01-15 (America/Chicago).",
        "Litigation: 12 people save 4 hours a week each (3 to 5), 46 weeks a year.",
        "hours a week or more: from there on it pays.",
        "What it cost once is back after",
        "Support answers within 8 h.",
        "Use of agents is near 40,000 runs a month; 40,000 are included.",
        "Health is 0.75 or more",
    ] {
        assert!(said.iter().any(|what| what.contains(part)), "{part}: {said:#?}");
    }
    assert_eq!(said.len(), 7, "{said:#?}");
}

#[test]
fn what_the_customer_gave_comes_first_and_in_their_words() {
    let mut intake = intake();
    let given = |text: &str, by: Option<&str>| SuccessCriterion {
        text: text.to_owned(),
        by: by.map(|day| day.parse().unwrap()),
    };
    intake.success_criteria =
        vec![given("Nobody reads a lease", Some("2027-06-30")), given("Nobody waits", None)];
    let all = criteria(&intake, None, None);
    assert_eq!(all.len(), 5, "{all:#?}");
    assert_eq!(all[1].what, "Nobody reads a lease (by 2027-06-30)");
    assert_eq!((all[2].what.as_str(), all[2].measured_by), ("Nobody waits", "facts: criteria"));
}

#[test]
fn without_a_plan_nothing_is_promised_of_one() {
    let intake = intake();
    let all = criteria(&intake, None, None);
    assert_eq!(all.len(), 3, "{all:#?}");
    assert!(all.iter().all(|criterion| !criterion.what.contains("Support")));
}

#[test]
fn one_person_is_no_crowd() {
    let mut alone = intake();
    alone.roi.departments[0].people = 1;
    let all = criteria(&alone, None, None);
    assert!(all[1].what.starts_with("Litigation: 1 person saves 4 hours"), "{all:?}");
}
