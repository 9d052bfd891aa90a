use super::*;
use crate::domain::{Quantity, calendar::Period, enforcement::Over, meter::Meter};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn standing(action: Action) -> Standing {
    let period = Period::from_edges(at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
    let units = |count| Quantity::from_units(count).unwrap();
    Standing {
        action,
        period: period.unwrap(),
        announced: at("2026-11-20T12:00:00Z"),
        not_before: at("2026-11-21T12:00:00Z"),
        since: at("2026-11-20T12:00:00Z"),
        over: Over { meter: Meter::Ingestion, used: units(505), quota: units(500) },
    }
}

fn decision(action: Option<Action>, earlier: Option<Action>) -> Decision {
    Decision { n: 2, action, earlier, of: standing(action.unwrap_or(Action::Alert)) }
}

#[test]
fn a_spec_without_a_word_asks_to_be_told_when_all_is_used() {
    let told = rule(None);
    assert_eq!((told.suspends, told.at), (false, 100));
    let asked = QuotaAction { policy: QuotaPolicy::Suspend, at: 120, grace: "90m".to_owned() };
    let asked = rule(Some(&asked));
    assert_eq!((asked.suspends, asked.at, asked.grace.as_mins()), (true, 120, 90));
}

#[test]
fn the_status_says_what_is_to_be_done_and_from_when() {
    let said = shown(&standing(Action::Announced));
    assert_eq!(said.action, EnforcementAction::Announced);
    assert_eq!(said.not_before.as_deref(), Some("2026-11-21T12:00:00Z"));
    assert_eq!(said.as_of, "2026-11-20T12:00:00Z");
    assert_eq!(shown(&standing(Action::Alert)).not_before, None);
    assert_eq!(shown(&standing(Action::Suspend)).action, EnforcementAction::Suspend);
}

#[test]
fn it_is_looked_at_again_when_it_comes_due_and_when_the_period_ends() {
    let now = at("2026-11-20T13:00:00Z");
    let next = |action| next(Some(&standing(action)), now);
    assert_eq!(next(Action::Announced), Some(at("2026-11-21T12:00:00Z")));
    assert_eq!(next(Action::Held), Some(at("2026-11-20T13:01:00Z")));
    assert_eq!(next(Action::Suspend), Some(at("2026-12-01T00:00:00Z")));
    assert_eq!(super::next(None, now), None);
}

#[test]
fn every_decision_that_people_should_hear_of_has_its_words() {
    use Action::{Alert, Announced, Held, Suspend};
    let cases = [
        (
            (Some(Alert), None),
            Some("QuotaReached"),
            "nothing is stopped (spec.quotaAction.policy is Alert)",
        ),
        (
            (Some(Announced), None),
            Some("SuspensionAnnounced"),
            "services stop at 2026-11-21T12:00:00Z",
        ),
        ((Some(Held), Some(Announced)), Some("SuspensionHeld"), "a person is to look first"),
        (
            (Some(Suspend), Some(Announced)),
            Some("SuspensionBegun"),
            "until the period ends at 2026-12-01T00:00:00Z",
        ),
        ((None, Some(Suspend)), Some("SuspensionLifted"), "services run again"),
        ((Some(Alert), Some(Suspend)), Some("SuspensionLifted"), "services run again"),
        ((None, Some(Held)), Some("SuspensionCalledOff"), "services are not stopped after all"),
        ((None, Some(Alert)), None, ""),
    ];
    for ((action, earlier), reason, words) in cases {
        let decision = decision(action, earlier);
        assert_eq!(named(&decision).map(|(_, reason)| reason), reason);
        let note = note(&decision);
        assert!(note.contains(words), "{note}");
        assert!(note.contains("ingestion: 505 of 500 GB used"), "{note}");
        // Kubernetes takes no longer one.
        assert!(note.len() <= 1024, "{note}");
    }
}
