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
        started: false,
        settled: false,
        ready,
        failed: false,
        pinned: false,
        paused: false,
    }
}

#[test]
fn the_broken_go_last_and_the_pinned_never() {
    let pinned = Member { pinned: true, ..waiting("a", true) };
    let members = [waiting("b", false), waiting("d", true), waiting("c", true), pinned];
    let start = decide(&members, &rollout(9, 3)).start;
    assert_eq!(start, ["c", "d", "b"].map(Box::from));
}

#[test]
fn failures_halt_and_a_pause_holds() {
    let failed = Member { started: true, failed: true, ..waiting("a", false) };
    let members = [failed, waiting("b", true)];
    let halted = decide(&members, &rollout(9, 1));
    assert_eq!((halted.phase, halted.start.len()), (RolloutPhase::Halted, 0));
    assert!(halted.message.starts_with("0/2 updated, 1 failed: a; halted by"));
    let paused = decide(&members, &Rollout { paused: true, ..rollout(9, 9) });
    assert_eq!((paused.phase, paused.start.len()), (RolloutPhase::Paused, 0));
    assert_eq!(decide(&members, &rollout(1, 9)).start, ["b".into()] as [Box<str>; 1]);
}

#[test]
fn a_paused_tenant_neither_starts_nor_holds_a_place_nor_counts_as_updated() {
    let paused = Member { paused: true, ..waiting("a", true) };
    let under_way = Member { started: true, ..paused.clone() };
    for paused in [paused, under_way] {
        let one = decide(&[paused.clone(), waiting("b", true)], &rollout(1, 1));
        assert_eq!(one.start, ["b".into()] as [Box<str>; 1]);
        let updated = Member { started: true, settled: true, ..waiting("b", true) };
        let rest = decide(&[paused.clone(), updated], &rollout(1, 1));
        assert_eq!((rest.phase, rest.start.len()), (RolloutPhase::Progressing, 0));
        assert_eq!(rest.message, "1/2 updated, 1 held by spec.pausedUntil: a");
        let over = Member { paused: false, started: false, ..paused };
        assert_eq!(decide(&[over], &rollout(1, 1)).start, ["a".into()] as [Box<str>; 1]);
    }
    let settled = Member { started: true, settled: true, paused: true, ..waiting("a", true) };
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
            }),
            ..Default::default()
        }),
        ..Tenant::default()
    }
}

#[test]
fn a_tenant_is_paused_while_its_status_says_so() {
    let target = Target { revision: 1, renderer: 1 };
    for (reason, paused) in [("Paused", true), ("InSync", false)] {
        let message = String::new();
        let going_on =
            conditions::NewCondition { type_: RECONCILING, status: false.into(), reason, message };
        assert_eq!(member(&running(going_on), "prod", target, false).paused, paused);
    }
}

#[test]
fn a_suspended_tenant_settles_without_being_ready() {
    let target = Target { revision: 1, renderer: 1 };
    for (reason, settled) in [("Suspended", true), ("PodsStarting", false)] {
        let message = String::new();
        let ready =
            conditions::NewCondition { type_: READY, status: false.into(), reason, message };
        let member = member(&running(ready), "prod", target, false);
        assert_eq!((member.settled, member.failed, member.ready), (settled, false, false));
    }
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
        }),
        ..Default::default()
    });
    let target = Target { revision: 2, renderer: 1 };
    assert!(!member(&tenant, "prod", target, false).failed);
    tenant.spec.profile_ref.revision = None;
    let target = Target { revision: 1, renderer: 1 };
    assert!(member(&tenant, "prod", target, false).failed);
}

proptest! {
    #[test]
    fn never_too_many_and_all_in_the_end(
        pins in prop::collection::vec(any::<(bool, bool)>(), 1..40),
        most in 1_u32..10,
    ) {
        let mut members: Vec<Member> = pins
            .iter()
            .enumerate()
            .map(|(n, (pinned, ready))| Member { pinned: *pinned, ..waiting(&format!("t{n}"), *ready) })
            .collect();
        for _ in 0..=members.len() {
            for name in decide(&members, &rollout(most, 1)).start {
                let member = members.iter_mut().find(|m| m.name == name).unwrap();
                prop_assert!(!member.pinned && !member.started);
                member.started = true;
            }
            let flying = members.iter().filter(|m| m.started && !m.settled).count();
            prop_assert!(flying <= most as usize);
            prop_assert!(decide(&members, &rollout(most, 1)).start.len() + flying <= most as usize);
            // The first that flies lands.
            if let Some(m) = members.iter_mut().find(|m| m.started && !m.settled) {
                (m.settled, m.ready) = (true, true);
            }
        }
        prop_assert!(members.iter().all(|m| m.pinned || m.settled));
    }
}
