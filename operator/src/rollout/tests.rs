use crds::bounded::CountOrPercent;
use proptest::prelude::*;

use super::*;

fn rollout(in_flight: u32, halt: u32) -> Rollout {
    Rollout {
        max_in_flight: CountOrPercent::Count(in_flight),
        halt_after_failures: halt,
        paused: false,
    }
}

fn waiting(name: &str, ready: bool) -> Member {
    Member {
        name: name.into(),
        revision: 2,
        started: false,
        moving: false,
        settled: false,
        ready,
        failed: false,
        failed_on_the_way: false,
        paused: false,
    }
}

fn moving(name: &str) -> Member {
    Member { started: true, moving: true, ..waiting(name, false) }
}

fn failed(name: &str) -> Member {
    Member { started: true, failed: true, failed_on_the_way: true, ..waiting(name, false) }
}

fn updated(name: &str) -> Member {
    Member { started: true, settled: true, ..waiting(name, true) }
}

/// Who may start, without where to.
fn starts(decision: &Decision) -> Vec<&str> {
    decision.start.iter().map(|(name, _)| name.as_ref()).collect()
}

#[test]
fn the_broken_go_last_and_each_to_its_revision() {
    let pinned = Member { revision: 1, ..waiting("a", true) };
    let members = [waiting("b", false), waiting("d", true), waiting("c", true), pinned];
    let start = decide(&members, &rollout(9, 3)).start;
    assert_eq!(start, [("a", 1), ("c", 2), ("d", 2), ("b", 2)].map(|(n, to)| (Box::from(n), to)));
}

#[test]
fn failures_halt_and_a_pause_holds() {
    let members = [failed("a"), waiting("b", true)];
    let halted = decide(&members, &rollout(9, 1));
    assert_eq!((halted.phase, halted.start.len()), (RolloutPhase::Halted, 0));
    assert!(halted.message.starts_with("0/2 updated, 1 failed: a; halted by"));
    let paused = decide(&members, &Rollout { paused: true, ..rollout(9, 9) });
    assert_eq!((paused.phase, paused.start.len()), (RolloutPhase::Paused, 0));
    assert_eq!(starts(&decide(&members, &rollout(1, 9))), ["b"]);
}

#[test]
fn what_ails_a_customer_ends_no_rollout_and_too_many_fail_it() {
    let later = Member { failed_on_the_way: false, ..failed("a") };
    for (members, halt, expected) in [
        (vec![failed("a"), updated("b")], 2, RolloutPhase::Complete),
        (vec![failed("a"), updated("b")], 1, RolloutPhase::Halted),
        (vec![later, updated("b")], 1, RolloutPhase::Complete),
        (vec![failed("a"), moving("b")], 1, RolloutPhase::Progressing),
    ] {
        let end = decide(&members, &rollout(1, halt));
        assert_eq!(end.phase, expected, "{members:#?}");
        assert_eq!(end.moving, expected == RolloutPhase::Progressing);
        assert!(end.message.contains("1 failed: a"), "{}", end.message);
    }
}

#[test]
fn a_paused_tenant_neither_starts_nor_holds_a_place_nor_counts_as_updated() {
    let paused = Member { paused: true, ..waiting("a", true) };
    let under_way = Member { started: true, ..paused.clone() };
    for paused in [paused, under_way] {
        let one = decide(&[paused.clone(), waiting("b", true)], &rollout(1, 1));
        assert_eq!(starts(&one), ["b"]);
        let rest = decide(&[paused.clone(), updated("b")], &rollout(1, 1));
        assert_eq!((rest.phase, rest.start.len()), (RolloutPhase::Progressing, 0));
        assert!(!rest.moving, "nothing is on its way");
        assert_eq!(rest.message, "1/2 updated, 1 held by spec.pausedUntil: a");
        let over = Member { paused: false, started: false, ..paused };
        assert_eq!(starts(&decide(&[over], &rollout(1, 1))), ["a"]);
    }
    let settled = Member { paused: true, ..updated("a") };
    assert_eq!(decide(&[settled], &rollout(1, 1)).phase, RolloutPhase::Complete);
}

/// A tenant of `prod` that runs its first revision, with this condition among its own.
fn running(condition: conditions::NewCondition) -> Tenant {
    let now = k8s_openapi::jiff::Timestamp::UNIX_EPOCH;
    Tenant {
        status: Some(crds::TenantStatus {
            conditions: conditions::merge(&[], &[condition], None, now),
            profile_revision: Some(crds::tenant::ProfileRevision {
                desired: Some("prod@1".to_owned()),
                current: Some("prod@1".to_owned()),
                renderer: Some(1),
                current_renderer: None,
            }),
            ..Default::default()
        }),
        ..Tenant::default()
    }
}

#[test]
fn a_tenant_is_paused_while_its_status_says_so() {
    let target = to(1, 1);
    for (reason, paused) in [("Paused", true), ("InSync", false)] {
        let message = String::new();
        let going_on =
            conditions::NewCondition { type_: RECONCILING, status: false.into(), reason, message };
        assert_eq!(member(&running(going_on), "prod", target, false).paused, paused);
    }
}

#[test]
fn a_suspended_tenant_settles_without_being_ready() {
    let target = to(1, 1);
    for (reason, settled) in [("Suspended", true), ("PodsStarting", false)] {
        let message = String::new();
        let ready =
            conditions::NewCondition { type_: READY, status: false.into(), reason, message };
        let member = member(&running(ready), "prod", target, false);
        assert_eq!((member.settled, member.failed, member.ready), (settled, false, false));
    }
}

fn to(revision: i64, renderer: i64) -> Target {
    Target { revision, renderer, exists: true }
}

/// A tenant of `prod` that was brought to its first revision by the renderer 1.
fn told(ready: bool, reason: &'static str, reconciling: bool, stalled: bool) -> Tenant {
    let of = |type_, status: bool, reason| conditions::NewCondition {
        type_,
        status: status.into(),
        reason,
        message: String::new(),
    };
    let new = [
        of(READY, ready, reason),
        of(RECONCILING, reconciling, reason),
        of(STALLED, stalled, reason),
    ];
    let mut tenant = running(of(READY, ready, reason));
    let now = k8s_openapi::jiff::Timestamp::UNIX_EPOCH;
    tenant.status.as_mut().unwrap().conditions = conditions::merge(&[], &new, None, now);
    tenant
}

/// As its status says while the renderer 1 draws what another drew, by the same revision.
fn drawn_anew(mut tenant: Tenant) -> Tenant {
    stands(&mut tenant).current_renderer = Some(0);
    tenant
}

fn stands(tenant: &mut Tenant) -> &mut crds::tenant::ProfileRevision {
    tenant.status.as_mut().unwrap().profile_revision.as_mut().unwrap()
}

fn pinned(mut tenant: Tenant, revision: i64) -> Tenant {
    tenant.spec.profile_ref.revision = Some(revision);
    tenant
}

#[test]
fn a_pinned_tenant_waits_its_turn_to_be_drawn_anew_and_for_nothing_else() {
    let well = || told(true, "AllReady", false, false);
    let of = |tenant: &Tenant, target, granted| {
        let m = member(tenant, "prod", target, granted);
        (m.started, m.moving, m.settled)
    };
    assert_eq!(of(&pinned(well(), 1), to(1, 1), false), (true, false, true));
    assert_eq!(of(&pinned(well(), 1), to(1, 2), false), (false, false, false), "it waits");
    assert_eq!(of(&pinned(well(), 1), to(1, 2), true), (true, true, false), "it was let go");
    // A pin that somebody sets is followed at once, and so is one of a tenant that never ran.
    assert!(of(&pinned(well(), 3), to(3, 1), false).0);
    assert!(of(&pinned(Tenant::default(), 1), to(1, 2), false).0);
    // There is nothing to wait for where there is no such revision.
    let nowhere = Target { exists: false, ..to(7, 2) };
    assert_eq!(of(&pinned(well(), 7), nowhere, false), (true, false, false));
    let others = told(true, "AllReady", false, false);
    assert!(member(&pinned(others, 1), "dev", to(1, 2), false).started, "another profile's");
}

#[test]
fn a_pinned_tenant_holds_a_place_while_it_is_on_its_way_only() {
    let of = |tenant: Tenant, granted| {
        let m = member(&pinned(tenant, 1), "prod", to(1, 1), granted);
        (m.moving, m.failed, m.failed_on_the_way)
    };
    let drawn = told(false, "PodNotReady", true, false);
    assert_eq!(of(drawn, false), (true, false, false), "also after a crash, with no grant");
    assert_eq!(of(told(false, "PodNotReady", false, false), false), (false, false, false));
    // By its own wish it is what it is; by ours it counts, whoever let it go.
    for (reconciling, stalled) in [(true, false), (false, true)] {
        let crashes = || told(false, "CrashLoop", reconciling, stalled);
        for granted in [false, true] {
            assert_eq!(of(crashes(), granted), (false, false, false));
            assert_eq!(of(drawn_anew(crashes()), granted), (false, true, true));
        }
    }
    assert_eq!(of(told(false, "CrashLoop", false, false), true), (false, false, false), "later");
}

#[test]
fn one_that_was_drawn_anew_is_on_its_way_until_it_runs_although_its_label_is_the_same() {
    let of = |tenant: &Tenant, target| {
        let m = member(tenant, "prod", target, false);
        (m.started, m.moving, m.settled, m.failed_on_the_way)
    };
    assert_eq!(of(&told(true, "AllReady", false, false), to(1, 2)), (false, false, false, false));
    let announced = drawn_anew(told(false, "Applying", true, false));
    assert_eq!(of(&announced, to(1, 1)), (true, true, false, false));
    let crashes = drawn_anew(told(false, "CrashLoop", true, false));
    assert_eq!(of(&crashes, to(1, 1)), (true, false, false, true));
    assert!(!of(&told(false, "CrashLoop", false, false), to(1, 1)).3, "some time after");
}

#[test]
fn what_fails_after_it_arrived_does_not_end_the_rollout_as_a_failure() {
    for (reason, reconciling, stalled) in [
        ("CrashLoop", true, false),
        ("CrashLoop", false, false),
        ("SpecNotApplied", false, true),
        ("Forbidden", false, true),
    ] {
        for granted in [false, true] {
            let mut edited = told(false, reason, reconciling, stalled);
            let m = member(&edited, "prod", to(1, 1), granted);
            assert!(m.failed && !m.failed_on_the_way, "{reason} {granted}: {m:#?}");
            let end = decide(&[m], &rollout(1, 1));
            assert_eq!(end.phase, RolloutPhase::Complete, "{reason}");
            assert_eq!((end.moving, end.counts.failed), (false, 1), "it is told all the same");
            // The same on the way to another revision.
            stands(&mut edited).current = Some("prod@0".to_owned());
            let m = member(&edited, "prod", to(1, 1), granted);
            assert_eq!(m.failed_on_the_way, reconciling || stalled, "{reason} {granted}: {m:#?}");
        }
    }
}

#[test]
fn what_is_new_or_never_ran_waits_for_nobody() {
    let of = |tenant: &Tenant, target| {
        let m = member(tenant, "prod", target, false);
        (m.started, m.moving)
    };
    assert_eq!(of(&Tenant::default(), to(1, 1)), (true, true), "new");
    let mut switched = told(true, "AllReady", false, false);
    (stands(&mut switched).desired, stands(&mut switched).current) =
        (Some("dev@1".to_owned()), Some("dev@1".to_owned()));
    assert_eq!(of(&switched, to(1, 1)), (true, true), "of another profile before");
    let mut half_made = told(false, "WaitingForPods", true, false);
    stands(&mut half_made).current = None;
    assert_eq!(of(&half_made, to(1, 2)), (true, true), "by another version of the operator");
    assert_eq!(of(&half_made, to(2, 2)), (false, false), "the next revision it waits for");
    assert_eq!(of(&pinned(half_made, 2), to(2, 2)), (true, true), "not by a pin");
}

#[test]
fn a_pinned_tenant_that_fails_does_not_hold_the_others() {
    let mut tenant = Tenant::default();
    tenant.spec.profile_ref.revision = Some(1);
    let stalled = conditions::NewCondition {
        type_: STALLED,
        status: true.into(),
        reason: "Rejected",
        message: String::new(),
    };
    let now = k8s_openapi::jiff::Timestamp::UNIX_EPOCH;
    tenant.status = Some(crds::TenantStatus {
        conditions: conditions::merge(&[], &[stalled], None, now),
        profile_revision: Some(crds::tenant::ProfileRevision {
            desired: Some("prod@1".to_owned()),
            current: None,
            renderer: Some(1),
            current_renderer: None,
        }),
        ..Default::default()
    });
    let target = to(2, 1);
    assert!(!member(&tenant, "prod", target, false).failed);
    tenant.spec.profile_ref.revision = None;
    let target = to(1, 1);
    assert!(member(&tenant, "prod", target, false).failed);
}

proptest! {
    #[test]
    fn never_too_many_and_all_in_the_end(
        tenants in prop::collection::vec((1_i64..3, any::<bool>()), 1..40),
        most in 1_u32..10,
    ) {
        let mut members: Vec<Member> = tenants
            .iter()
            .enumerate()
            .map(|(n, (revision, ready))| Member { revision: *revision, ..waiting(&format!("t{n}"), *ready) })
            .collect();
        for _ in 0..=members.len() {
            for (name, revision) in decide(&members, &rollout(most, 1)).start {
                let member = members.iter_mut().find(|m| m.name == name).unwrap();
                prop_assert!(!member.started && member.revision == revision);
                (member.started, member.moving) = (true, true);
            }
            let flying = members.iter().filter(|m| m.moving).count();
            prop_assert!(flying <= most as usize);
            prop_assert!(decide(&members, &rollout(most, 1)).start.len() + flying <= most as usize);
            // The first that flies lands.
            if let Some(m) = members.iter_mut().find(|m| m.moving) {
                (m.moving, m.settled, m.ready) = (false, true, true);
            }
        }
        prop_assert!(members.iter().all(|m| m.settled));
    }
}
