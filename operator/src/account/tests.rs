use crds::{TenantStatus, tenant::Adopt};
use k8s_openapi::jiff::Timestamp;

use super::*;
use crate::{
    fixtures::{UID, key, record, tenant},
    observed::Record,
};

const PREVIOUS: &str = "6f1c0000-0000-4000-8000-000000000000";

fn told_of(account: &str) -> Option<TenantStatus> {
    Some(TenantStatus { account_id: Some(account.to_owned()), ..TenantStatus::default() })
}

/// A namespace of this owner that names this account.
fn stack_of(owner: &str, account: Option<&str>) -> Observed {
    let facts = Facts::Namespace { purge: None, account: account.map(Into::into), created: 0 };
    let namespace = Record { tenant_uid: Some(owner.into()), facts, ..record() };
    let objects = [(key(Kind::Namespace, "tenant-acme"), namespace)].into();
    Observed { objects, ..Observed::default() }
}

fn adopting() -> Tenant {
    let mut tenant = tenant();
    tenant.spec.adopt = Some(Adopt { previous_uid: PREVIOUS.to_owned() });
    tenant
}

#[test]
fn a_tenant_that_says_nothing_has_an_account_of_its_own() {
    assert_eq!(&*effective(&tenant(), &Observed::default()), UID);
    // Not what somebody wrote on the namespace.
    assert_eq!(&*effective(&tenant(), &stack_of(UID, Some("globex"))), UID);
}

#[test]
fn the_spec_comes_first() {
    let mut tenant = adopting();
    tenant.spec.account_id = Some("acme".to_owned());
    tenant.status = told_of("other");
    assert_eq!(&*effective(&tenant, &stack_of(PREVIOUS, Some("old"))), "acme");
}

#[test]
fn a_stack_that_is_taken_over_brings_its_account() {
    let of = |observed: &Observed| effective(&adopting(), observed).to_string();
    assert_eq!(of(&stack_of(PREVIOUS, Some("old"))), "old");
    assert_eq!(of(&stack_of(UID, Some("old"))), "old", "once it is ours, too");
    assert_eq!(of(&stack_of(PREVIOUS, None)), PREVIOUS, "its account was its uid's");
    assert_eq!(of(&stack_of(PREVIOUS, Some("not an id"))), PREVIOUS);
    assert_eq!(of(&stack_of("somebody", Some("old"))), UID);
    assert_eq!(of(&Observed::default()), UID);
}

#[test]
fn what_was_told_stays_unless_it_was_the_uid_before_a_stack_was_taken_over() {
    let mut tenant = adopting();
    tenant.status = told_of("old");
    assert_eq!(&*effective(&tenant, &stack_of(UID, Some("globex"))), "old");
    tenant.status = told_of(UID);
    assert_eq!(&*effective(&tenant, &stack_of(PREVIOUS, Some("old"))), "old");
}

fn other(name: &str, account: &str, created: i64) -> Tenant {
    let mut tenant = tenant();
    tenant.metadata.name = Some(name.to_owned());
    tenant.metadata.uid = Some(name.to_owned());
    tenant.metadata.creation_timestamp = Some(Time(Timestamp::from_second(created).unwrap()));
    tenant.spec.account_id = Some(account.to_owned());
    tenant
}

#[test]
fn the_later_of_two_yields() {
    let (first, second) = (other("b", "acme", 1), other("a", "acme", 2));
    assert!(yields(&second, "acme", &first));
    assert!(!yields(&first, "acme", &second));
    assert!(!yields(&first, "acme", &first), "nobody yields to itself");
    // Made in the same second: by name, so that one of them goes on.
    let (left, right) = (other("a", "acme", 1), other("b", "acme", 1));
    assert!(yields(&right, "acme", &left) && !yields(&left, "acme", &right));
}

#[test]
fn who_has_an_account_keeps_it_against_an_older_tenant_that_asks_for_it_now() {
    let (older, mut younger) = (other("old", "acme", 1), other("young", "acme", 2));
    younger.status = told_of("acme");
    assert!(yields(&older, "acme", &younger));
    assert!(!yields(&younger, "acme", &older));
}

#[test]
fn another_account_is_no_rival() {
    let (first, mut second) = (other("a", "acme", 1), other("b", "acme", 2));
    assert!(!yields(&second, "globex", &first));
    second.spec.account_id = None;
    assert_eq!(claimed(&second), "b", "its uid");
    second.status = told_of("acme");
    assert_eq!(claimed(&second), "acme");
}
