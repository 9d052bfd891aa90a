//! Which account of the ledger a tenant's usage is kept under, and who of two may have it. Pure.

use crds::{Tenant, names::TenantName};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    kinds::Kind,
    object::Key,
    observed::{Facts, Observed},
};

/// The account in effect: the spec's, else that of the stack which was taken over, else the uid.
///
/// What was told once stays: the annotation on the namespace is read only to find the account of a
/// stack that an earlier tenant left.
#[must_use]
pub fn effective(tenant: &Tenant, observed: &Observed) -> Box<str> {
    let uid = tenant.metadata.uid.as_deref().unwrap_or_default();
    let told = told(tenant).filter(|account| *account != uid);
    let spec = tenant.spec.account_id.as_deref();
    spec.or(told).or_else(|| adopted(tenant, observed)).unwrap_or(uid).into()
}

/// The account that the tenant's status names.
fn told(tenant: &Tenant) -> Option<&str> {
    tenant.status.as_ref()?.account_id.as_deref()
}

/// The account of the stack that the tenant takes over; a stack that says none was its uid's.
fn adopted<'a>(tenant: &'a Tenant, observed: &'a Observed) -> Option<&'a str> {
    let previous = tenant.spec.adopt.as_ref()?.previous_uid.as_str();
    let name = TenantName::new(tenant.metadata.name.as_deref()?).ok()?;
    let record = observed.objects.get(&Key::new(Kind::Namespace, &name.namespace()))?;
    let owner = record.tenant_uid.as_deref();
    if owner.is_none() || (owner != Some(previous) && owner != tenant.metadata.uid.as_deref()) {
        return None;
    }
    let Facts::Namespace { account, .. } = &record.facts else { return Some(previous) };
    Some(account.as_deref().filter(|account| is_id(account)).unwrap_or(previous))
}

/// Whether the ledger would take this text for an account's id.
fn is_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.len() <= 64
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(allowed)
}

/// The account that a tenant claims, by what it says of itself.
#[must_use]
pub fn claimed(tenant: &Tenant) -> &str {
    let uid = tenant.metadata.uid.as_deref().unwrap_or_default();
    tenant.spec.account_id.as_deref().or_else(|| told(tenant)).unwrap_or(uid)
}

/// Whether `tenant` must leave `account` to `other`: who has it keeps it, else the older one gets
/// it.
#[must_use]
pub fn yields(tenant: &Tenant, account: &str, other: &Tenant) -> bool {
    claimed(other) == account
        && other.metadata.uid != tenant.metadata.uid
        && rank(other, account) < rank(tenant, account)
}

type Rank<'a> = (bool, Option<&'a Time>, Option<&'a str>);

fn rank<'a>(tenant: &'a Tenant, account: &str) -> Rank<'a> {
    let has_not = told(tenant) != Some(account);
    let metadata = &tenant.metadata;
    (has_not, metadata.creation_timestamp.as_ref(), metadata.name.as_deref())
}

#[cfg(test)]
mod tests;
