#![allow(clippy::too_many_lines, reason = "tables")]

use crds::{
    conditions::SUSPENDED,
    tenant::{ComponentStatus, ProfileRevision},
};
use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{UID, key, record},
    health::{Cause, reasons},
    kinds::Kind,
    observed::Record,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// What a status is made of, owned.
#[derive(Clone, Debug)]
struct Case {
    previous: Option<TenantStatus>,
    outcome: Outcome,
    health: Health,
    suspension: Suspension,
    generation: i64,
    /// The revision that the stack is brought to.
    revision: Option<String>,
}

impl Case {
    fn new(outcome: Outcome) -> Self {
        let health = Health::default();
        let suspension = Suspension::No;
        let revision = Some("prod@2".to_owned());
        Self { previous: Some(settled()), outcome, health, suspension, generation: 1, revision }
    }

    fn waiting(mut self, reason: &'static str) -> Self {
        let message = format!("core: Deployment core: {reason}");
        self.health.cause = Some(Cause { reason, message });
        self
    }

    fn at(&self, now: Timestamp) -> TenantStatus {
        let observed = Observed::default();
        status(
            &Input {
                previous: self.previous.as_ref(),
                generation: Some(self.generation),
                uid: UID,
                namespace: "tenant-acme".to_owned(),
                outcome: &self.outcome,
                health: &self.health,
                observed: &observed,
                account: None,
                silence: None,
                held: false,
                desired_revision: self.revision.clone(),
                renderer: 1,
                suspension: self.suspension.clone(),
                endpoints: Vec::new(),
            },
            now,
        )
    }
}

/// The status of a stack that runs and is at rest.
fn settled() -> TenantStatus {
    let new = [
        yes(READY, "AllReady", "runs"),
        no(RECONCILING, "InSync", ""),
        no(STALLED, "InSync", ""),
        yes(PROFILE_VALID, "Rendered", ""),
    ];
    TenantStatus {
        conditions: conditions::merge(&[], &new, Some(1), at(0)),
        observed_generation: Some(1),
        profile_revision: Some(ProfileRevision {
            desired: Some("prod@2".to_owned()),
            current: Some("prod@2".to_owned()),
            renderer: Some(1),
            current_renderer: None,
        }),
        ..TenantStatus::default()
    }
}

fn problem(reason: &'static str) -> Problem {
    Problem { reason, message: "spec.x is wrong; mend it".to_owned() }
}

fn deleting(stalled: bool) -> Case {
    let stalled = stalled.then(|| ("Forbidden", "may not delete".to_owned()));
    Case::new(Outcome::Deleting { step: "StoppingServices", message: "m".to_owned(), stalled })
}

/// The table of docs and design: a state, and `Ready`, `Reconciling`, `Stalled`, `ProfileValid`, each
/// with its status and, after a space, its reason where the table names one.
#[test]
fn every_state_reads_as_the_table_says() {
    let retained = Refusal::NamespaceRetained { namespace: "n".to_owned(), uid: "u".to_owned() };
    let foreign = Refusal::ObjectForeign { key: key(Kind::Service, "core") };
    let blocked = |reason| Case::new(Outcome::Blocked { reason, message: "m".to_owned() });
    let applied = |wrote| Case::new(Outcome::Applied { wrote });
    let invalid = |reason| Case::new(Outcome::Invalid(vec![problem(reason)]));
    let first = Case { previous: None, ..applied(true) };
    let missing = Case::new(Outcome::ProfileMissing { profile: "prod".to_owned() });
    let pin = Outcome::RevisionMissing { revision: "prod@7".to_owned(), known: "1".to_owned() };
    let table: Vec<(&str, Case, [&str; 4])> = vec![
        ("all applied and healthy", applied(false), ["True AllReady", "False", "False", "True"]),
        (
            "applying, healthy so far",
            applied(true).waiting("Applying"),
            ["False Applying", "True Applying", "False", "True"],
        ),
        (
            "pods not there yet",
            first.waiting(reasons::WAITING_FOR_PODS),
            ["False WaitingForPods", "True WaitingForPods", "False", "True"],
        ),
        (
            "applied once, a pod fails later",
            applied(false).waiting(reasons::CRASH_LOOP),
            ["False CrashLoop", "False", "False", "True"],
        ),
        (
            "cannot be rendered",
            invalid("OverrideUnknown"),
            ["False SpecNotApplied", "False", "True OverrideUnknown", "False OverrideUnknown"],
        ),
        (
            "quota too small",
            invalid("QuotaTooSmall"),
            ["False QuotaTooSmall", "False", "True QuotaTooSmall", "False QuotaTooSmall"],
        ),
        (
            "profile missing",
            missing,
            ["False ProfileMissing", "False", "True ProfileMissing", "False ProfileMissing"],
        ),
        (
            "pinned revision missing",
            Case::new(pin),
            ["False RevisionMissing", "False", "True RevisionMissing", "False RevisionMissing"],
        ),
        (
            "namespace of an earlier tenant",
            Case::new(Outcome::Refused(retained)),
            ["False NamespaceNotOwned", "False", "True NamespaceNotOwned", "True"],
        ),
        (
            "an object is not ours",
            Case::new(Outcome::Refused(foreign)),
            ["False ObjectNotOwned", "False", "True ObjectNotOwned", "True"],
        ),
        (
            "somebody else changes it as often as we do",
            blocked(contest::REASON),
            ["True AllReady", "False DriftContested", "True DriftContested", "True"],
        ),
        (
            "a right is missing",
            blocked("Forbidden"),
            ["False Forbidden", "False", "True Forbidden", "True"],
        ),
        (
            "suspended",
            Case { suspension: Suspension::Spec, ..applied(false) },
            ["False Suspended", "False", "False", "True"],
        ),
        ("deleting", deleting(false), ["False Deleting", "True StoppingServices", "False", "True"]),
        (
            "deleting, a human must act",
            deleting(true),
            ["False Deleting", "True StoppingServices", "True Forbidden", "True"],
        ),
    ];
    for (state, case, expected) in table {
        let status = case.at(at(60));
        for (type_, expected) in [READY, RECONCILING, STALLED, PROFILE_VALID].iter().zip(expected) {
            let found = conditions::find(&status.conditions, type_).unwrap();
            let words = format!("{} {}", found.status, found.reason);
            assert!(words.starts_with(expected), "{state}: {type_} is {words}, not {expected}");
            assert_eq!(found.observed_generation, Some(1), "{state}: {type_}");
        }
        let suspended = conditions::is_true(&status.conditions, SUSPENDED);
        assert_eq!(suspended, state == "suspended", "{state}");
    }
}

#[test]
fn a_spec_that_cannot_be_rendered_says_what_still_runs() {
    let case = Case::new(Outcome::Invalid(vec![problem("A"), problem("B")]));
    let status = case.at(at(60));
    let ready = conditions::find(&status.conditions, READY).unwrap();
    assert_eq!(
        ready.message,
        "spec.x is wrong; mend it; spec.x is wrong; mend it; prod@2 still runs"
    );
    let never_ran = Case { previous: None, ..case }.at(at(60));
    let ready = conditions::find(&never_ran.conditions, READY).unwrap();
    assert!(!ready.message.contains("still runs"), "{}", ready.message);
}

#[test]
fn what_is_deleted_keeps_what_was_said_of_its_profile() {
    let mut case = deleting(false);
    let bad = [no(PROFILE_VALID, "OverrideUnknown", "spec.x is wrong")];
    case.previous = Some(TenantStatus {
        conditions: conditions::merge(&[], &bad, Some(1), at(0)),
        ..TenantStatus::default()
    });
    let status = case.at(at(60));
    let kept = conditions::find(&status.conditions, PROFILE_VALID).unwrap();
    assert_eq!((kept.status.as_str(), kept.message.as_str()), ("False", "spec.x is wrong"));
}

#[test]
fn current_follows_desired_only_once_the_stack_runs() {
    let current = |case: Case| case.at(at(60)).profile_revision.unwrap().current;
    let mut moving = Case::new(Outcome::Applied { wrote: true });
    let before = moving.previous.as_mut().unwrap().profile_revision.as_mut().unwrap();
    before.current = Some("prod@1".to_owned());
    assert_eq!(current(moving.clone()).as_deref(), Some("prod@2"));
    assert_eq!(
        current(moving.clone().waiting(reasons::WAITING_FOR_PODS)).as_deref(),
        Some("prod@1")
    );
    let paused = Outcome::Paused { until: "later".to_owned() };
    assert_eq!(current(Case { outcome: paused, ..moving.clone() }).as_deref(), Some("prod@1"));
    // What somebody else changes holds no rollout up; what is refused does.
    let blocked = |reason| Outcome::Blocked { reason, message: "m".to_owned() };
    let contested = Case { outcome: blocked(contest::REASON), ..moving.clone() };
    assert_eq!(current(contested).as_deref(), Some("prod@2"));
    let refused = Case { outcome: blocked("Rejected"), ..moving.clone() };
    assert_eq!(current(refused).as_deref(), Some("prod@1"));
    assert_eq!(current(Case { suspension: Suspension::Spec, ..moving }).as_deref(), Some("prod@2"));
}

/// The labels are the same then: only this says, to the next leader too, that the stack is on its way.
#[test]
fn who_drew_what_ran_last_is_told_until_what_is_drawn_anew_runs() {
    let drawn = |status: &TenantStatus| {
        let r = status.profile_revision.clone().unwrap();
        (r.renderer, r.current_renderer, r.has_arrived())
    };
    let mut case = Case::new(Outcome::Applied { wrote: true }).waiting(reasons::POD_NOT_READY);
    case.previous.as_mut().unwrap().profile_revision.as_mut().unwrap().renderer = Some(0);
    let first = case.at(at(60));
    assert_eq!(drawn(&first), (Some(1), Some(0), false));
    // A pause on the way, and what comes after it.
    let paused = Outcome::Paused { until: "later".to_owned() };
    let held = Case { previous: Some(first), outcome: paused, ..case.clone() }.at(at(70));
    assert_eq!(drawn(&held), (Some(1), Some(0), false));
    let goes_on = Case { outcome: Outcome::Applied { wrote: false }, ..case.clone() };
    let on = Case { previous: Some(held), ..goes_on.clone() }.at(at(80));
    assert!(conditions::is_true(&on.conditions, RECONCILING), "it is not in sync yet");
    assert_eq!(drawn(&on), (Some(1), Some(0), false));
    let well = Case { previous: Some(on), health: Health::default(), ..goes_on }.at(at(90));
    assert_eq!(drawn(&well), (Some(1), None, true));
    // What never ran was drawn by nobody.
    case.previous.as_mut().unwrap().profile_revision.as_mut().unwrap().current = None;
    assert_eq!(drawn(&case.at(at(60))), (Some(1), None, false));
}

#[test]
fn services_that_nothing_is_written_to_are_called_what_they_are() {
    let missing = || Outcome::ProfileMissing { profile: "prod".to_owned() };
    let paused = || Outcome::Paused { until: "later".to_owned() };
    let foreign = Refusal::NamespaceForeign { namespace: "tenant-acme".to_owned() };
    let suspended = |status: &TenantStatus| {
        let found = conditions::find(&status.conditions, SUSPENDED).unwrap();
        (found.status.clone(), found.reason.clone())
    };
    let as_asked = Case::new(Outcome::Applied { wrote: true });
    for (outcome, reason) in [
        (paused(), "Paused"),
        (Outcome::Invalid(vec![problem("OverrideUnknown")]), "SpecNotApplied"),
        (Outcome::Refused(foreign), "Refused"),
    ] {
        for (stands, asked) in
            [(Suspension::No, Suspension::Spec), (Suspension::Spec, Suspension::No)]
        {
            let before = Case { suspension: stands.clone(), ..as_asked.clone() }.at(at(0));
            let case =
                Case { previous: Some(before), outcome: outcome.clone(), ..as_asked.clone() };
            let now = Case { suspension: asked, ..case }.at(at(60));
            let stopped = Truth::from(stands.stops()).as_str().to_owned();
            assert_eq!(suspended(&now), (stopped, reason.to_owned()), "{stands:?}");
            let is_ready = conditions::is_true(&now.conditions, READY);
            assert!(!(is_ready && stands.stops()), "{reason}: stopped, and yet ready");
        }
    }
    // Paused beside a missing profile nothing is written either, whatever is asked.
    for (stands, asked) in [(Suspension::No, Suspension::Spec), (Suspension::Spec, Suspension::No)]
    {
        let before = Case { suspension: stands.clone(), ..as_asked.clone() }.at(at(0));
        let mut paused = crate::fixtures::tenant();
        paused.spec.paused_until = Some("2026-12-24T18:00:00Z".to_owned());
        paused.spec.suspend = asked.stops();
        let mut status = before.clone();
        status.profile_revision.as_mut().unwrap().renderer = Some(crate::desired::RENDERER);
        paused.status = Some(status);
        let profile = crate::fixtures::profile();
        let gone = crate::decide::Seen {
            profile_exists: false,
            ..crate::fixtures::seen(&[(1, profile.clone()), (2, profile)])
        };
        let decision = crate::decide::decide(&paused, &gone, at(60));
        let case =
            Case { previous: Some(before), outcome: decision.outcome.unwrap(), ..as_asked.clone() };
        let now = Case { suspension: decision.suspension, revision: decision.revision, ..case }
            .at(at(60));
        let stopped = Truth::from(stands.stops()).as_str().to_owned();
        assert_eq!(suspended(&now), (stopped, "ProfileMissing".to_owned()), "{stands:?}");
    }
    // A stack that is kept at some revision is stopped as asked.
    let kept = Case { suspension: Suspension::Spec, ..Case::new(missing()) }.at(at(60));
    assert_eq!(suspended(&kept), ("True".to_owned(), "SpecSuspend".to_owned()));
}

#[test]
fn a_failed_request_is_told_beside_the_health() {
    let status = Case::new(Outcome::Retrying { message: "503".to_owned() }).at(at(60));
    assert!(conditions::is_true(&status.conditions, READY), "what runs still runs");
    let reconciling = conditions::find(&status.conditions, RECONCILING).unwrap();
    assert_eq!((reconciling.reason.as_str(), reconciling.message.as_str()), ("Retrying", "503"));
}

#[test]
fn only_our_retained_objects_are_listed() {
    let mut observed = Observed::default();
    let mut add = |name: &str, r: Record| {
        observed.objects.insert(key(Kind::PersistentVolumeClaim, name), r);
    };
    add("used", record());
    add("kept", Record { retained: true, ..record() });
    add("others", Record { retained: true, tenant_uid: Some("other".into()), ..record() });
    let case = Case::new(Outcome::Applied { wrote: false });
    let input = Input {
        previous: None,
        generation: Some(1),
        uid: UID,
        namespace: String::new(),
        outcome: &case.outcome,
        health: &case.health,
        observed: &observed,
        account: None,
        silence: None,
        held: false,
        desired_revision: None,
        renderer: 1,
        suspension: Suspension::No,
        endpoints: Vec::new(),
    };
    assert_eq!(status(&input, at(0)).retained, ["PersistentVolumeClaim kept"]);
}

#[test]
fn account_and_identity_are_told_once_the_namespace_is_the_tenants() {
    let case = Case::new(Outcome::Applied { wrote: true });
    let of = |owner: Option<&str>, account| {
        let owned =
            |uid: &str| Record { uid: uid.into(), tenant_uid: owner.map(Into::into), ..record() };
        let objects = [
            (key(Kind::Namespace, "tenant-acme"), owned("n")),
            (key(Kind::ServiceAccount, "core"), owned("u1")),
            (key(Kind::ServiceAccount, "theirs"), Record { tenant_uid: None, ..owned("u2") }),
            (key(Kind::ServiceAccount, "tenantry-gateway"), owned("u3")),
            (key(Kind::ServiceAccount, "going"), Record { deleting: true, ..owned("u4") }),
        ];
        let observed = Observed { objects: objects.into(), ..Observed::default() };
        let input = Input {
            previous: None,
            generation: Some(1),
            uid: UID,
            namespace: "tenant-acme".to_owned(),
            outcome: &case.outcome,
            health: &case.health,
            observed: &observed,
            account,
            silence: None,
            held: false,
            desired_revision: None,
            renderer: 1,
            suspension: Suspension::No,
            endpoints: Vec::new(),
        };
        let told = status(&input, at(0));
        let identity = told.identity.map(|identity| {
            let all = identity.service_accounts.into_iter().map(|a| (a.name, a.uid));
            (identity.namespace, all.collect::<Vec<_>>())
        });
        (told.account_id, identity)
    };
    for nobody in [None, Some("somebody")] {
        assert_eq!(of(nobody, Some("acme")), (None, None));
    }
    let (account, identity) = of(Some(UID), Some("acme"));
    assert_eq!(account.as_deref(), Some("acme"));
    let (namespace, accounts) = identity.unwrap();
    assert_eq!(namespace, "tenant-acme");
    let pair = |name: &str, uid: &str| (name.to_owned(), uid.to_owned());
    assert_eq!(accounts, [pair("core", "u1"), pair("tenantry-gateway", "u3")]);
    assert_eq!(of(Some(UID), None).0, None, "another tenant has it");
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let message = || "[a-z]{0,9}";
    prop_oneof![
        any::<bool>().prop_map(|wrote| Outcome::Applied { wrote }),
        message().prop_map(|message| Outcome::Retrying { message }),
        message().prop_map(|message| Outcome::Blocked { reason: "Forbidden", message }),
        prop::sample::select(vec!["QuotaTooSmall", "OverrideUnknown"])
            .prop_map(|reason| Outcome::Invalid(vec![problem(reason)])),
        message().prop_map(|profile| Outcome::ProfileMissing { profile }),
        message().prop_map(|known| Outcome::RevisionMissing { revision: "p@1".to_owned(), known }),
        message().prop_map(|namespace| Outcome::Refused(Refusal::NamespaceForeign { namespace })),
        message()
            .prop_map(|namespace| Outcome::Refused(Refusal::NamespaceTerminating { namespace })),
        message().prop_map(|until| Outcome::Paused { until }),
        message().prop_map(|profile| Outcome::Waiting { profile }),
        message().prop_map(|error| Outcome::ProfileUnreadable { profile: "p".to_owned(), error }),
        (message(), any::<bool>()).prop_map(|(message, stalled)| Outcome::Deleting {
            step: "RemovingStack",
            stalled: stalled.then(|| ("Forbidden", message.clone())),
            message,
        }),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    let cause = prop::option::of(prop::sample::select(vec![
        reasons::CRASH_LOOP,
        reasons::WAITING_FOR_PODS,
        reasons::POD_NOT_READY,
    ]));
    (outcomes(), cause, any::<bool>(), 1_i64..4).prop_map(
        |(outcome, cause, suspended, generation)| {
            let mut case = Case::new(outcome);
            let ready = cause.is_none();
            case.health.components =
                vec![ComponentStatus { name: "core".to_owned(), ready, message: None }];
            if let Some(cause) = cause {
                case = case.waiting(cause);
            }
            let suspension = if suspended { Suspension::Spec } else { Suspension::No };
            Case { previous: None, suspension, generation, ..case }
        },
    )
}

proptest! {
    /// Whatever happened before: saying the same again says nothing new, so at rest nothing is
    /// written, however late it is.
    #[test]
    fn the_same_again_says_nothing_new(history in prop::collection::vec(cases(), 1..5)) {
        let mut previous = None;
        for (second, case) in (0..).zip(&history) {
            let now = Case { previous: previous.take(), ..case.clone() };
            let once = now.at(at(second));
            let twice = Case { previous: Some(once.clone()), ..case.clone() }.at(at(second + 1000));
            prop_assert_eq!(&once, &twice, "{:?}", case);
            previous = Some(once);
        }
    }

    #[test]
    fn a_transition_time_moves_with_its_status_alone(before in cases(), after in cases()) {
        let old = before.at(at(100));
        let new = Case { previous: Some(old.clone()), ..after }.at(at(200));
        prop_assert_eq!(new.conditions.len(), 5);
        for now in &new.conditions {
            let then = conditions::find(&old.conditions, &now.type_).unwrap();
            let time = if then.status == now.status { at(100) } else { at(200) };
            prop_assert_eq!(now.last_transition_time.0, time, "{}", now.type_);
        }
    }

    #[test]
    fn ready_never_goes_with_stalled_and_always_has_its_generation(case in cases()) {
        let status = case.at(at(0));
        let is = |type_| conditions::is_true(&status.conditions, type_);
        prop_assert!(!(is(READY) && is(STALLED)));
        let deleting = matches!(case.outcome, Outcome::Deleting { .. });
        prop_assert!(deleting || !(is(RECONCILING) && is(STALLED)));
        prop_assert_eq!(status.observed_generation, Some(case.generation));
    }
}
