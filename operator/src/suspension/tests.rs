use crds::{
    TenantStatus,
    tenant::{Enforcement, Highest, QuotaAction, UsagePeriod, UsageStatus},
};

use super::*;
use crate::fixtures;

const SILENT: Option<Silence> = Some(Silence { since: None });

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2026-11-20T12:00:00Z")
}

/// A tenant of which the API server asks that it be suspended, on figures that are good at noon.
fn told(action: EnforcementAction) -> Tenant {
    let mut tenant = fixtures::tenant();
    let policy = QuotaPolicy::Suspend;
    tenant.spec.quota_action = Some(QuotaAction { policy, ..QuotaAction::default() });
    let enforcement = Enforcement {
        action,
        not_before: Some("2026-11-20T11:00:00Z".to_owned()),
        as_of: "2026-11-20T11:00:05Z".to_owned(),
    };
    let usage = UsageStatus {
        period: UsagePeriod {
            start: "2026-11-01T00:00:00Z".to_owned(),
            end: "2026-12-01T00:00:00Z".to_owned(),
        },
        highest: Some(Highest { meter: "ingestion".to_owned(), ratio_ppm: 1_010_000 }),
        enforcement: Some(enforcement),
        valid_until: Some("2026-11-20T12:10:00Z".to_owned()),
        ..UsageStatus::default()
    };
    tenant.status = Some(TenantStatus { usage: Some(usage), ..TenantStatus::default() });
    tenant
}

fn asked_for() -> Tenant {
    told(EnforcementAction::Suspend)
}

/// As it is once the operator has done and said so.
fn in_force(mut tenant: Tenant) -> Tenant {
    let done = suspension(&asked_for(), None, noon()).condition();
    let status = tenant.status.get_or_insert_default();
    status.conditions = conditions::merge(&[], &[done], Some(1), noon());
    tenant
}

fn usage(tenant: &mut Tenant) -> &mut UsageStatus {
    tenant.status.as_mut().unwrap().usage.as_mut().unwrap()
}

#[test]
fn what_the_api_server_asks_for_is_done_where_the_spec_asks_for_it_too() {
    let done = suspension(&asked_for(), None, noon());
    let said = done.condition();
    assert_eq!((said.status, said.reason), (Truth::True, "QuotaUsedUp"));
    assert_eq!(
        said.message,
        "ingestion has reached 100 % of its quota (spec.quotaAction): services are stopped since \
         2026-11-20T11:00:05Z until the billing period ends at 2026-12-01T00:00:00Z. They start before that when \
         a larger plan is agreed (spec.plan), or at once with spec.quotaAction.policy: Alert."
    );
    use EnforcementAction::{Alert, Announced, Held};
    for action in [Alert, Announced, Held] {
        // Also when it was in force: the API server took it back.
        for tenant in [told(action), in_force(told(action))] {
            assert_eq!(suspension(&tenant, None, noon()), Suspension::No, "{action:?}");
        }
    }
    for action in [None, Some(QuotaAction::default())] {
        let mut tenant = in_force(asked_for());
        tenant.spec.quota_action = action;
        assert_eq!(suspension(&tenant, None, noon()), Suspension::No);
    }
}

#[test]
fn nothing_begins_on_figures_that_nobody_vouches_for() {
    let begins = |tenant: &Tenant, silence, now| suspension(tenant, silence, now).stops();
    assert!(begins(&asked_for(), None, noon()));
    assert!(!begins(&asked_for(), SILENT, noon()), "the API server is silent");
    let end = at("2026-11-20T12:10:00Z");
    assert!(!begins(&asked_for(), None, end), "the figures are too old");
    assert!(!begins(&asked_for(), None, at("2026-11-20T10:59:59Z")), "it is too early");
    for text in [None, Some("soon".to_owned())] {
        let mut tenant = asked_for();
        usage(&mut tenant).valid_until = text.clone();
        assert!(!begins(&tenant, None, noon()), "{text:?}");
        let mut tenant = asked_for();
        usage(&mut tenant).enforcement.as_mut().unwrap().not_before = text.clone();
        assert!(!begins(&tenant, None, noon()), "{text:?}");
    }
}

#[test]
fn what_is_in_force_stays_through_a_silence_but_not_beyond_its_period() {
    let tenant = in_force(asked_for());
    let last = at("2026-11-30T23:59:59Z");
    for (silence, now) in [(SILENT, noon()), (None, last), (SILENT, last)] {
        let stays = suspension(&tenant, silence, now);
        assert!(stays.stops());
        assert!(stays.condition().message.ends_with("this stays until then all the same."));
    }
    let end = at("2026-12-01T00:00:00Z");
    for silence in [None, SILENT] {
        assert_eq!(suspension(&tenant, silence, end), Suspension::No);
    }
    // One that was suspended by hand is not in force for its quota.
    let mut by_hand = asked_for();
    let spec = Suspension::Spec.condition();
    by_hand.status.as_mut().unwrap().conditions = conditions::merge(&[], &[spec], Some(1), noon());
    assert_eq!(suspension(&by_hand, SILENT, noon()), Suspension::No);
}

#[test]
fn a_persons_word_stands_beside_it() {
    let mut tenant = in_force(asked_for());
    tenant.spec.suspend = true;
    let by_hand = suspension(&tenant, None, noon());
    assert_eq!(by_hand.condition().reason, "SpecSuspend");
    tenant.spec.suspend = false;
    assert_eq!(suspension(&tenant, None, noon()).condition().reason, "QuotaUsedUp");
}

#[test]
fn it_is_looked_at_again_when_time_alone_changes_it() {
    let tenant = asked_for();
    let (from, end) = (at("2026-11-20T11:00:00Z"), at("2026-12-01T00:00:00Z"));
    assert_eq!(next(&tenant, at("2026-11-20T10:00:00Z")), Some(from));
    assert_eq!(next(&tenant, from), Some(end));
    assert_eq!(next(&tenant, end), None);
    assert_eq!(next(&told(EnforcementAction::Announced), from), None);
}
