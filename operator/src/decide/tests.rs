use super::*;
use crate::{
    fixtures::{in_sync, key, objects, profile, record, seen, tenant},
    plan::Refusal,
};
use crds::{
    DeploymentProfileSpec,
    tenant::{ProfileRevision, ServiceOverride},
};

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// A profile whose core runs this image, so that one can see which revision is rendered.
fn with_image(image: &str) -> DeploymentProfileSpec {
    let mut profile = profile();
    profile.services[0].image = image.to_owned();
    profile
}

fn image(decision: &Decision) -> String {
    let core = decision.objects.iter().find(|o| o.key == key(Kind::Deployment, "core"));
    core.map_or("none", |o| {
        o.body.pointer("/spec/template/spec/containers/0/image").unwrap().as_str().unwrap()
    })
    .to_owned()
}

fn two() -> Seen {
    seen(&[(1, with_image("one")), (2, with_image("two"))])
}

/// The tenant as its status says that it runs this revision, drawn by this renderer.
fn running(desired: &str, renderer: i64) -> Tenant {
    let mut tenant = tenant();
    tenant.status = Some(crds::TenantStatus {
        profile_revision: Some(ProfileRevision {
            desired: Some(desired.to_owned()),
            current: Some(desired.to_owned()),
            renderer: Some(renderer),
            current_renderer: None,
        }),
        ..Default::default()
    });
    tenant
}

#[test]
fn a_new_tenant_follows_the_newest_revision() {
    let decision = decide(&tenant(), &two(), now());
    assert_eq!((image(&decision).as_str(), decision.revision.as_deref()), ("two", Some("prod@2")));
    assert_eq!(decision.outcome, Some(Outcome::Applied { wrote: true }));
    assert_eq!(decision.actions.len(), decision.objects.len());
}

#[test]
fn a_running_tenant_moves_only_when_it_is_let() {
    let tenant = running("prod@1", RENDERER);
    let held = decide(&tenant, &two(), now());
    assert_eq!(image(&held), "one");
    let granted = |revision| decide(&tenant, &Seen { granted: Some(revision), ..two() }, now());
    assert_eq!(image(&granted(2)), "two");
    // A grant for a revision that is not the newest any more.
    assert_eq!(image(&granted(1)), "one");
}

#[test]
fn what_another_renderer_drew_is_not_touched_before_its_turn() {
    for pin in [None, Some(2)] {
        let mut tenant = running("prod@2", RENDERER - 1);
        tenant.spec.profile_ref.revision = pin;
        for granted in [None, Some(1)] {
            let held = decide(&tenant, &Seen { granted, ..two() }, now());
            assert_eq!((held.actions.len(), held.outcome), (0, waiting()), "{pin:?} {granted:?}");
            assert_eq!(held.revision, None, "the status keeps what drew it");
        }
        let free = decide(&tenant, &Seen { granted: Some(2), ..two() }, now());
        assert_eq!((image(&free).as_str(), free.actions.is_empty()), ("two", false), "{pin:?}");
    }
}

#[test]
fn what_never_ran_is_finished_at_once_whoever_began_it() {
    for (pin, to) in [(None, "prod@1"), (Some(2), "prod@2")] {
        let mut tenant = running("prod@1", RENDERER - 1);
        tenant.spec.profile_ref.revision = pin;
        tenant.status.as_mut().unwrap().profile_revision.as_mut().unwrap().current = None;
        let decision = decide(&tenant, &two(), now());
        assert_eq!(decision.outcome, Some(Outcome::Applied { wrote: true }), "{pin:?}");
        assert_eq!(decision.revision.as_deref(), Some(to), "{pin:?}");
    }
}

/// Our own repair has pods started: `Reconciling` then, and still somebody else's doing when it has to be done again.
#[test]
fn what_is_undone_while_pods_start_was_written_before() {
    let mut tenant = running("prod@2", RENDERER);
    let status = tenant.status.as_mut().unwrap();
    status.observed_generation = Some(1);
    let starts = conditions::NewCondition {
        type_: RECONCILING,
        status: conditions::Truth::True,
        reason: "WaitingForPods",
        message: String::new(),
    };
    status.conditions = conditions::merge(&[], &[starts], Some(1), now());
    let decision = decide(&tenant, &two(), now());
    assert!(decision.was_written(&tenant) && !decision.was_in_sync(&tenant));
    let not = |what: &str, change: fn(&mut Tenant)| {
        let mut other = tenant.clone();
        change(&mut other);
        assert!(!decision.was_written(&other), "{what}");
    };
    not("an edit", |t| t.metadata.generation = Some(2));
    not("never told of", |t| t.status = None);
    not("another revision", |t| {
        t.status.as_mut().unwrap().profile_revision.as_mut().unwrap().desired =
            Some("prod@1".to_owned());
    });
    not("another rendering", |t| {
        t.status.as_mut().unwrap().profile_revision.as_mut().unwrap().renderer = Some(RENDERER - 1);
    });
}

#[test]
fn what_is_still_drawn_anew_is_nobodys_drift() {
    let mut tenant = running("prod@2", RENDERER);
    tenant.status.as_mut().unwrap().observed_generation = tenant.metadata.generation;
    let settled = decide(&tenant, &two(), now());
    assert!(settled.was_in_sync(&tenant));
    let stands = tenant.status.as_mut().unwrap().profile_revision.as_mut().unwrap();
    stands.current_renderer = Some(RENDERER - 1);
    assert!(!settled.was_in_sync(&tenant));
}

/// Else all that run it would move at once, past the rollout, when an unreadable profile is mended
/// under a version that cannot read its revisions either.
#[test]
fn what_runs_a_revision_that_is_lost_waits_for_its_turn() {
    let tenant = running("prod@5", RENDERER);
    for granted in [None, Some(1), Some(5)] {
        let held = decide(&tenant, &Seen { granted, ..two() }, now());
        assert_eq!((held.actions.len(), held.outcome), (0, waiting()), "{granted:?}");
        assert_eq!(held.revision, None, "the status keeps what it runs");
    }
    let free = decide(&tenant, &Seen { granted: Some(2), ..two() }, now());
    assert_eq!((image(&free).as_str(), free.actions.is_empty()), ("two", false));
    // What never ran has nothing to be spared.
    let mut new = running("prod@5", RENDERER);
    new.status.as_mut().unwrap().profile_revision.as_mut().unwrap().current = None;
    assert_eq!(decide(&new, &two(), now()).outcome, Some(Outcome::Applied { wrote: true }));
}

/// While nothing is written, whoever reads the decision must not take it for kept in sync.
#[test]
fn beside_a_missing_profile_a_revision_is_told_only_where_the_stack_is_kept_at_it() {
    let gone = || Seen { profile_exists: false, ..two() };
    let told = |change: &dyn Fn(&mut Tenant, &mut Seen)| {
        let (mut tenant, mut seen) = (running("prod@1", RENDERER), gone());
        change(&mut tenant, &mut seen);
        let decision = decide(&tenant, &seen, now());
        assert_eq!(decision.outcome, Some(Outcome::ProfileMissing { profile: "prod".to_owned() }));
        (decision.revision.is_some(), decision.actions.is_empty())
    };
    assert_eq!(told(&|_, _| ()), (true, false));
    assert_eq!(told(&|t, _| t.spec.paused_until = Some(UNTIL.to_owned())), (false, true));
    assert_eq!(told(&|t, _| wrong_override(t)), (false, true));
    assert_eq!(told(&|_, s| foreign_namespace(s)), (false, true));
}

fn waiting() -> Option<Outcome> {
    Some(Outcome::Waiting { profile: "prod".to_owned() })
}

#[test]
fn a_profile_that_cannot_be_read_freezes_its_tenants_at_what_they_run() {
    let error = || "missing field `name`".to_owned();
    let seen = || Seen { profile_exists: false, unreadable: Some(error()), ..two() };
    let unreadable = Outcome::ProfileUnreadable { profile: "prod".to_owned(), error: error() };
    let runs = decide(&running("prod@1", RENDERER), &seen(), now());
    assert_eq!((image(&runs).as_str(), &runs.outcome), ("one", &Some(unreadable.clone())));
    let new = decide(&tenant(), &seen(), now());
    assert_eq!((new.actions.len(), new.outcome), (0, Some(unreadable)));
}

#[test]
fn what_another_renderer_drew_stays_frozen_as_it_is() {
    let gone = Seen { profile_exists: false, ..two() };
    let decision = decide(&running("prod@1", RENDERER - 1), &gone, now());
    let missing = Outcome::ProfileMissing { profile: "prod".to_owned() };
    assert_eq!((decision.actions.len(), decision.outcome), (0, Some(missing)));
    let mut pinned = running("prod@1", RENDERER - 1);
    pinned.spec.profile_ref.revision = Some(7);
    let decision = decide(&pinned, &two(), now());
    let missing =
        Outcome::RevisionMissing { revision: "prod@7".to_owned(), known: "1, 2".to_owned() };
    assert_eq!((decision.actions.len(), decision.outcome), (0, Some(missing)));
    assert_eq!(decision.revision, None);
}

/// A stack as another renderer drew it: one Deployment less, another spec of the others.
fn drawn_otherwise() -> (Tenant, Seen) {
    let mut tenant = running("prod@2", RENDERER - 1);
    let status = tenant.status.as_mut().unwrap();
    status.observed_generation = Some(1);
    let of = |name: &str| crds::tenant::ComponentStatus {
        name: name.to_owned(),
        ready: true,
        message: None,
    };
    status.components = ["core", "gateway"].map(of).into();
    let mut seen = two();
    seen.observed = in_sync(&objects());
    seen.observed.objects.remove(&key(Kind::Deployment, "transcribe"));
    seen.observed.objects.remove(&key(Kind::LimitRange, "tenantry"));
    for record in seen.observed.objects.values_mut() {
        record.fingerprint = None;
    }
    (tenant, seen)
}

#[test]
fn what_waits_is_judged_by_what_is_there_of_it() {
    let (tenant, mut seen) = drawn_otherwise();
    let health = |seen: &Seen| decide(&tenant, seen, now()).health(&seen.observed).cause;
    assert_eq!(health(&seen), None, "what only this version would draw is not missed");
    let crash = crate::health::reasons::CRASH_LOOP;
    seen.observed.pods.insert("core-x".into(), crate::fixtures::pod("core", Some((crash, "x"))));
    let core = key(Kind::Deployment, "core");
    let well = seen.observed.objects[&core].clone();
    let sick = crate::fixtures::with_workload(well, |w| w.available = 0);
    seen.observed.objects.insert(core.clone(), sick);
    assert_eq!(health(&seen).unwrap().reason, crash);
    seen.observed.objects.remove(&core);
    seen.observed.pods.clear();
    let gone = health(&seen).unwrap();
    assert!(gone.message.contains("Deployment core: not there yet"), "{}", gone.message);
    // One that had not arrived lacks whatever is not there.
    let mut half = tenant.clone();
    half.status.as_mut().unwrap().profile_revision.as_mut().unwrap().current = None;
    let decision = decide(&half, &seen, now());
    assert!(decision.objects.iter().any(|o| o.key == key(Kind::LimitRange, "tenantry")));
}

#[test]
fn while_it_waits_an_edit_is_looked_at_and_nothing_is_written() {
    let (tenant, seen) = drawn_otherwise();
    let outcome = |change: &dyn Fn(&mut Tenant)| {
        let mut tenant = tenant.clone();
        change(&mut tenant);
        let decision = decide(&tenant, &seen, now());
        assert_eq!(decision.actions.len(), 0);
        decision.outcome
    };
    assert_eq!(outcome(&|t| t.spec.suspend = true), waiting());
    let until = Some(Outcome::Paused { until: UNTIL.to_owned() });
    assert_eq!(outcome(&|t| t.spec.paused_until = Some(UNTIL.to_owned())), until);
    // What this version does not take says so to who edits it, and leaves alone what runs.
    assert_eq!(outcome(&wrong_override), None);
    let said = outcome(&|t| {
        wrong_override(t);
        t.metadata.generation = Some(2);
    });
    assert!(matches!(said, Some(Outcome::Invalid(_))), "{said:?}");
}

#[test]
fn another_rendering_is_told_before_it_is_written_and_is_nobodys_drift() {
    for (desired, renderer, moves) in
        [("prod@2", RENDERER, false), ("prod@2", RENDERER - 1, true), ("prod@1", RENDERER, true)]
    {
        let mut tenant = running(desired, renderer);
        tenant.status.as_mut().unwrap().observed_generation = Some(1);
        let decision = decide(&tenant, &Seen { granted: Some(2), ..two() }, now());
        assert_eq!(decision.moves(&tenant), moves, "{desired} {renderer}");
        assert_eq!(decision.was_in_sync(&tenant), !moves, "{desired} {renderer}");
    }
    let new = decide(&tenant(), &two(), now());
    assert!(!new.moves(&tenant()) && !new.was_in_sync(&tenant()), "it never ran");
}

#[test]
fn a_pin_wins_over_everything_that_the_rollout_says() {
    let mut tenant = running("prod@2", RENDERER);
    tenant.spec.profile_ref.revision = Some(1);
    assert_eq!(image(&decide(&tenant, &Seen { granted: Some(2), ..two() }, now())), "one");
}

#[test]
fn a_missing_pin_freezes_and_names_what_there_is() {
    let mut pinned = running("prod@2", RENDERER);
    pinned.spec.profile_ref.revision = Some(7);
    let missing =
        Outcome::RevisionMissing { revision: "prod@7".to_owned(), known: "1, 2".to_owned() };
    let frozen = decide(&pinned, &two(), now());
    assert_eq!((image(&frozen).as_str(), frozen.outcome.as_ref()), ("two", Some(&missing)));
    // A tenant that never ran anything gets nothing.
    pinned.status = None;
    let held = decide(&pinned, &two(), now());
    assert_eq!((held.actions.len(), held.outcome), (0, Some(missing)));
}

#[test]
fn a_missing_profile_freezes_the_stack_and_prunes_nothing() {
    let mut gone = two();
    gone.profile_exists = false;
    gone.observed = in_sync(&objects());
    gone.observed.objects.insert(key(Kind::ConfigMap, "old"), record());
    gone.observed.objects.remove(&key(Kind::LimitRange, "tenantry"));
    let decision = decide(&running("prod@1", RENDERER), &gone, now());
    assert_eq!(decision.outcome, Some(Outcome::ProfileMissing { profile: "prod".to_owned() }));
    let changes: Vec<String> = decision.actions.iter().map(|a| a.key().to_string()).collect();
    assert!(changes.contains(&"LimitRange tenantry".to_owned()), "drift is still undone");
    assert!(!changes.contains(&"ConfigMap old".to_owned()), "{changes:?}");
    // With the profile the same is pruned.
    gone.profile_exists = true;
    let decision = decide(&running("prod@1", RENDERER), &gone, now());
    let old = |a: &Action| a.key() == key(Kind::ConfigMap, "old");
    assert!(decision.actions.iter().any(old));
}

#[test]
fn a_profile_without_a_revision_is_waited_for_in_silence() {
    let decision = decide(&tenant(), &seen(&[]), now());
    assert_eq!((decision.actions.len(), decision.outcome), (0, None));
}

fn outcome(change: impl FnOnce(&mut Tenant, &mut Seen)) -> (usize, Outcome) {
    let (mut tenant, mut seen) = (tenant(), two());
    change(&mut tenant, &mut seen);
    let decision = decide(&tenant, &seen, now());
    (decision.actions.len(), decision.outcome.unwrap())
}

fn foreign_namespace(seen: &mut Seen) {
    let nobody = crate::observed::Record { tenant_uid: None, ..record() };
    seen.observed.objects.insert(key(Kind::Namespace, "tenant-acme"), nobody);
}

fn wrong_override(tenant: &mut Tenant) {
    let cor = ServiceOverride { name: "cor".to_owned(), ..Default::default() };
    tenant.spec.overrides.services.push(cor);
}

const UNTIL: &str = "2026-12-24T18:00:00Z";

/// Each of these writes nothing; where several hold, the one further up is said.
#[test]
fn what_holds_a_tenant_back_and_which_comes_first() {
    let reason = |(actions, outcome): (usize, Outcome)| {
        assert_eq!(actions, 0, "{outcome:?}");
        match outcome {
            Outcome::Invalid(problems) => problems[0].reason.to_owned(),
            Outcome::Paused { until } => format!("Paused {until}"),
            Outcome::Refused(Refusal::NamespaceForeign { .. }) => "Foreign".to_owned(),
            Outcome::ProfileMissing { .. } => "ProfileMissing".to_owned(),
            other => panic!("{other:?}"),
        }
    };
    let paused = |t: &mut Tenant| t.spec.paused_until = Some(UNTIL.to_owned());
    let name = |t: &mut Tenant| t.metadata.name = Some("a".repeat(41));
    assert_eq!(
        reason(outcome(|t, s| {
            name(t);
            s.profile_exists = false;
        })),
        "NameInvalid"
    );
    assert_eq!(
        reason(outcome(|t, s| {
            s.profile_exists = false;
            wrong_override(t);
            paused(t);
        })),
        "ProfileMissing"
    );
    assert_eq!(
        reason(outcome(|t, s| {
            wrong_override(t);
            paused(t);
            foreign_namespace(s);
        })),
        "OverrideUnknown"
    );
    assert_eq!(
        reason(outcome(|t, s| {
            paused(t);
            foreign_namespace(s);
        })),
        format!("Paused {UNTIL}")
    );
    assert_eq!(reason(outcome(|_, s| foreign_namespace(s))), "Foreign");
    assert_eq!(
        reason(outcome(|t, _| t.spec.paused_until = Some("tomorrow".to_owned()))),
        "PausedUntilInvalid"
    );
}

#[test]
fn a_pause_ends_by_itself() {
    for (until, holds) in [
        ("2026-11-23T12:00:01Z", true),
        ("2026-11-23T12:00:00Z", false),
        ("2020-01-01T00:00:00Z", false),
    ] {
        let (actions, outcome) = outcome(|t, _| t.spec.paused_until = Some(until.to_owned()));
        assert_eq!(matches!(outcome, Outcome::Paused { .. }), holds, "{until}");
        assert_eq!(actions == 0, holds, "{until}");
    }
}

#[test]
fn services_answer_inside_and_where_they_are_published() {
    let decision = decide(&tenant(), &two(), now());
    let all: Vec<String> =
        decision.endpoints.iter().map(|e| format!("{} {}", e.name, e.url)).collect();
    assert_eq!(
        all,
        [
            "core http://core.tenant-acme.svc:8080",
            "transcribe http://transcribe.tenant-acme.svc:8080",
            "core-public http://acme.example.com",
        ]
    );
}
