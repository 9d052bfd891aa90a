use crds::tenant::ProfileRevision;
use k8s_openapi::jiff::Timestamp;

use super::{
    super::{Truth, status},
    *,
};
use crate::{
    health::{Cause, Health, reasons},
    kinds::Kind,
    object::Key,
    observed::Observed,
    suspension::Suspension,
};

/// What stands there, and what is said of it with this health and this wish.
fn says(
    previous: &TenantStatus,
    cause: Option<&'static str>,
    suspension: Suspension,
) -> TenantStatus {
    let outcome = Outcome::Waiting { profile: "prod".to_owned() };
    after(previous, &outcome, cause, suspension)
}

/// The same after something else, with nothing written to the stack.
fn after(
    previous: &TenantStatus,
    outcome: &Outcome,
    cause: Option<&'static str>,
    suspension: Suspension,
) -> TenantStatus {
    let cause = cause.map(|reason| Cause { reason, message: "core: Pod core-x: x".to_owned() });
    with(previous, outcome, &Health { cause, ..Health::default() }, suspension)
}

fn with(
    previous: &TenantStatus,
    outcome: &Outcome,
    health: &Health,
    suspension: Suspension,
) -> TenantStatus {
    let input = Input {
        previous: Some(previous),
        generation: Some(1),
        uid: "u",
        namespace: "tenant-acme".to_owned(),
        outcome,
        health,
        observed: &Observed::default(),
        account: None,
        silence: None,
        held: false,
        desired_revision: None,
        renderer: 2,
        suspension,
        endpoints: Vec::new(),
    };
    status(&input, Timestamp::UNIX_EPOCH)
}

/// A stack at rest that renderer 1 drew, said by the operator that drew it.
fn settled(suspension: Suspension) -> TenantStatus {
    let stands = |current: &str| ProfileRevision {
        desired: Some("prod@2".to_owned()),
        current: Some(current.to_owned()),
        renderer: Some(1),
        current_renderer: None,
    };
    let before = TenantStatus { observed_generation: Some(1), ..TenantStatus::default() };
    let outcome = Outcome::Applied { wrote: false };
    let health = Health::default();
    let input = Input {
        previous: Some(&TenantStatus { profile_revision: Some(stands("prod@2")), ..before }),
        generation: Some(1),
        uid: "u",
        namespace: "tenant-acme".to_owned(),
        outcome: &outcome,
        health: &health,
        observed: &Observed::default(),
        account: None,
        silence: None,
        held: false,
        desired_revision: Some("prod@2".to_owned()),
        renderer: 1,
        suspension,
        endpoints: Vec::new(),
    };
    status(&input, Timestamp::UNIX_EPOCH)
}

fn told(status: &TenantStatus, type_: &str) -> (String, String) {
    let found = conditions::find(&status.conditions, type_).unwrap();
    (found.status.clone(), found.reason.clone())
}

fn pair(status: Truth, reason: &str) -> (String, String) {
    (status.as_str().to_owned(), reason.to_owned())
}

#[test]
fn of_a_stack_at_rest_nothing_new_is_said() {
    for suspension in [Suspension::No, Suspension::Spec] {
        let before = settled(suspension.clone());
        assert_eq!(says(&before, None, suspension), before);
    }
}

#[test]
fn what_fails_meanwhile_is_told_and_what_drew_it_stays() {
    let before = settled(Suspension::No);
    let now = says(&before, Some(reasons::CRASH_LOOP), Suspension::No);
    assert_eq!(told(&now, READY), pair(Truth::False, reasons::CRASH_LOOP));
    assert_eq!(told(&now, RECONCILING), pair(Truth::False, "InSync"));
    assert_eq!(now.profile_revision, before.profile_revision);
    assert_eq!(told(&says(&now, None, Suspension::No), READY), pair(Truth::True, "AllReady"));
}

#[test]
fn what_is_asked_for_meanwhile_is_said_to_wait_until_it_is_done() {
    let edited = TenantStatus { observed_generation: Some(0), ..settled(Suspension::No) };
    let mut on_its_way = settled(Suspension::No);
    on_its_way.profile_revision.as_mut().unwrap().current = Some("prod@1".to_owned());
    for before in [edited, on_its_way] {
        let now = says(&before, None, Suspension::No);
        assert_eq!(told(&now, READY), pair(Truth::True, "AllReady"));
        assert_eq!(told(&now, RECONCILING), pair(Truth::True, REASON));
        assert_eq!(now.observed_generation, Some(1));
        assert_eq!(says(&now, None, Suspension::No), now, "and stays so");
    }
}

#[test]
fn services_that_still_run_are_not_called_suspended_nor_the_other_way_round() {
    for (stands, asked, suspended, ready) in [
        (Suspension::No, Suspension::Spec, Truth::False, "AllReady"),
        (Suspension::Spec, Suspension::No, Truth::True, "Suspended"),
    ] {
        let now = says(&settled(stands), None, asked.clone());
        assert_eq!(told(&now, SUSPENDED), pair(suspended, REASON));
        assert_eq!(told(&now, READY).1, ready);
        assert_eq!(told(&now, RECONCILING), pair(Truth::True, REASON));
        assert_eq!(says(&now, None, asked), now);
    }
}

/// Edits and wishes that came meanwhile have been seen by then, and none of them done.
#[test]
fn after_a_pause_or_a_missing_profile_nothing_is_taken_for_done() {
    let paused = Outcome::Paused { until: "later".to_owned() };
    let missing = Outcome::ProfileMissing { profile: "prod".to_owned() };
    let failed = Outcome::Retrying { message: "503".to_owned() };
    for outcome in [&paused, &missing, &failed] {
        let edited = TenantStatus { observed_generation: Some(0), ..settled(Suspension::No) };
        let then = after(&edited, outcome, None, Suspension::No);
        assert_eq!(then.observed_generation, Some(1), "the edit was seen");
        let now = says(&then, None, Suspension::No);
        assert_eq!(told(&now, RECONCILING), pair(Truth::True, REASON), "{outcome:?}");
        assert_eq!(told(&now, READY), pair(Truth::True, "AllReady"));
        assert_eq!(says(&now, None, Suspension::No), now, "and stays so");
    }
    for outcome in [&paused, &missing] {
        for (stands, asked, suspended, ready) in [
            (Suspension::No, Suspension::Spec, Truth::False, "AllReady"),
            (Suspension::Spec, Suspension::No, Truth::True, "Suspended"),
        ] {
            let then = after(&settled(stands), outcome, None, asked.clone());
            assert_eq!(told(&then, SUSPENDED).0, suspended.as_str(), "{outcome:?}");
            let now = says(&then, None, asked);
            assert_eq!(told(&now, SUSPENDED), pair(suspended, REASON), "{outcome:?}");
            assert_eq!(told(&now, READY).1, ready);
            assert_eq!(told(&now, RECONCILING), pair(Truth::True, REASON));
        }
    }
}

/// What stops services is written though something else is refused: they are called stopped once they are.
#[test]
fn beside_what_is_refused_services_are_called_what_they_are() {
    let blocked = Outcome::Blocked { reason: "Rejected", message: "m".to_owned() };
    let key = Key::new(Kind::ConfigMap, "theirs");
    let foreign = Outcome::Refused(Refusal::ObjectForeign { key });
    for (outcome, reason) in [(&blocked, "SpecNotApplied"), (&foreign, "Refused")] {
        for (stands, asked, stopped, suspended) in [
            (Suspension::No, Suspension::Spec, false, pair(Truth::False, reason)),
            (Suspension::No, Suspension::Spec, true, pair(Truth::True, "SpecSuspend")),
            (Suspension::Spec, Suspension::No, true, pair(Truth::True, reason)),
            (Suspension::Spec, Suspension::No, false, pair(Truth::False, "NotSuspended")),
        ] {
            let health = Health { stopped, ..Health::default() };
            let now = with(&settled(stands), outcome, &health, asked);
            assert_eq!(told(&now, SUSPENDED), suspended, "{outcome:?}");
        }
    }
}
