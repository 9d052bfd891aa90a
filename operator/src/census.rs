//! The tenants in numbers, as the operator's metrics tell them. Pure.

use std::{collections::BTreeMap, sync::Arc};

use crds::{
    Tenant, TenantStatus,
    conditions::{self, READY, RECONCILING, STALLED, SUSPENDED},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::account;

/// How many profiles are told apart, in the order of their names. Tenants of others, and of such as do not exist,
/// share [`OTHER`]: what a tenant names must not make series without end.
pub const MOST_PROFILES: usize = 100;
/// The label of those.
pub const OTHER: &str = "other";

/// How far a tenant is. Each is in one.
pub const PHASES: [&str; 6] =
    ["ready", "progressing", "failing", "stalled", "suspended", "deleting"];

fn phase(tenant: &Tenant) -> &'static str {
    let conditions = tenant.status.as_ref().map(|s| &*s.conditions).unwrap_or_default();
    let is = |type_| conditions::is_true(conditions, type_);
    let fails = conditions::find(conditions, READY)
        .is_some_and(|ready| conditions::FAILING.contains(&&*ready.reason));
    match () {
        () if tenant.metadata.deletion_timestamp.is_some() => "deleting",
        () if is(STALLED) => "stalled",
        () if is(SUSPENDED) => "suspended",
        () if is(READY) => "ready",
        // Also one that is still on its way: it gets nowhere.
        () if fails => "failing",
        () if is(RECONCILING) || conditions.is_empty() => "progressing",
        () => "failing",
    }
}

/// The label of a profile, among those that there are, which are sorted.
#[must_use]
pub fn label<'a>(profile: &'a str, sorted: &[Box<str>]) -> &'a str {
    let at = sorted.binary_search_by(|known| (**known).cmp(profile));
    if at.is_ok_and(|at| at < MOST_PROFILES) { profile } else { OTHER }
}

/// How many tenants there are, by profile and phase. Of a profile that exists every phase is told, also when
/// nobody is in it.
#[must_use]
pub fn counts(
    tenants: &[Arc<Tenant>],
    profiles: &[Box<str>],
) -> BTreeMap<(Box<str>, &'static str), u64> {
    let told = profiles.iter().take(MOST_PROFILES);
    let empty = told.flat_map(|profile| PHASES.map(|phase| ((profile.clone(), phase), 0)));
    let mut counts: BTreeMap<_, u64> = empty.collect();
    for tenant in tenants {
        let profile = label(&tenant.spec.profile_ref.name, profiles);
        *counts.entry((profile.into(), phase(tenant))).or_default() += 1;
    }
    counts
}

/// Whether the stack of each account runs, for so many of them. Of two tenants that ask for one account it is the
/// one's that has it.
#[must_use]
pub fn ready(tenants: &[Arc<Tenant>], most: usize) -> BTreeMap<&str, bool> {
    let told = |tenant: &&Arc<Tenant>| {
        tenant.status.as_ref().is_some_and(|status| status.account_id.is_some())
    };
    let (have, ask): (Vec<_>, Vec<_>) = tenants.iter().partition(told);
    let mut all = BTreeMap::new();
    for tenant in have.into_iter().chain(ask) {
        all.entry(account::claimed(tenant)).or_insert_with(|| phase(tenant) == "ready");
    }
    all.into_iter().take(most).collect()
}

fn has_run(status: &TenantStatus) -> bool {
    status.profile_revision.as_ref().is_some_and(|revision| revision.current.is_some())
}

fn seconds(from: Option<&Time>, to: Option<&Time>) -> Option<f64> {
    Some(to?.0.duration_since(from?.0).as_secs_f64().max(0.0))
}

/// How long it took from a tenant's creation until its stack ran, if `new` is the first status to say that it
/// does.
#[must_use]
pub fn provisioned(tenant: &Tenant, old: &TenantStatus, new: &TenantStatus) -> Option<f64> {
    let ready = conditions::find(&new.conditions, READY).filter(|ready| ready.status == "True")?;
    let first = has_run(new) && !has_run(old);
    let created = tenant.metadata.creation_timestamp.as_ref();
    seconds(created, Some(&ready.last_transition_time)).filter(|_| first)
}

/// For how long it was there, if it is deleted and its stack never ran.
#[must_use]
pub fn given_up(tenant: &Tenant) -> Option<f64> {
    let ran = tenant.status.as_ref().is_some_and(has_run);
    let metadata = &tenant.metadata;
    let there = seconds(metadata.creation_timestamp.as_ref(), metadata.deletion_timestamp.as_ref());
    there.filter(|_| !ran)
}

#[cfg(test)]
mod tests;
