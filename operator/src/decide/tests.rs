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
    let tenant = running("prod@2", RENDERER - 1);
    let held = decide(&tenant, &two(), now());
    assert_eq!((held.actions.len(), held.outcome), (0, None));
    assert_eq!(image(&decide(&tenant, &Seen { granted: Some(2), ..two() }, now())), "two");
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
