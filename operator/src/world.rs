//! What the operator knows of the cluster, kept small, fed by watches and by its own writes.
//!
//! A write's answer enters here before the next decision, and an older event never replaces a newer
//! record, so the operator always reads its own writes.

mod profiles;
mod stacks;
mod tenants;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crds::{DeploymentProfile, Tenant, tenant::UsageStatus};
use kube::ResourceExt;

pub use profiles::Unreadable;
pub use stacks::Part;

use crate::{
    account, figures, kicks::Kicks, object::Key, observed::Observed, revision::Revision, rollout,
};

/// Fingerprints that the server is known to make of what we want, by object: (wanted, live).
pub type Learned = BTreeMap<Key, (u64, u64)>;

/// The shared picture. Cheap to clone.
#[derive(Clone, Default)]
pub struct World {
    inner: Arc<Mutex<Inner>>,
    /// Tenants that something happened to.
    pub tenant_kicks: Kicks,
    /// Profiles that something happened to.
    pub profile_kicks: Kicks,
}

#[derive(Default)]
struct Inner {
    tenants: HashMap<Box<str>, Arc<Tenant>>,
    profiles: HashMap<Box<str>, Arc<DeploymentProfile>>,
    /// Profiles that exist and that this version of the operator cannot read.
    unreadable: HashMap<Box<str>, Arc<Unreadable>>,
    revisions: HashMap<Box<str>, BTreeMap<i64, Arc<Revision>>>,
    /// The highest number of a profile's revisions that cannot be read.
    taken: HashMap<Box<str>, i64>,
    stacks: HashMap<Box<str>, Observed>,
    /// Objects that stacks had.
    gone: stacks::Gone,
    learned: HashMap<Box<str>, Learned>,
    /// By tenant: the profile, and its revision.
    grants: HashMap<Box<str>, (Box<str>, i64)>,
}

pub(crate) fn version_of(resource_version: Option<&str>) -> u64 {
    resource_version.and_then(|v| v.parse().ok()).unwrap_or(0)
}

fn is_newer<K: ResourceExt>(object: &K, known: &K) -> bool {
    let version = |of: &K| version_of(of.meta().resource_version.as_deref());
    version(object) > version(known)
}

/// Whether the answer to a write of a status holds an edit that no watch has shown yet. When the
/// watch does, the answer is newer and the event is passed over: so the edit is seen here or never.
fn is_edited<K: ResourceExt>(answer: &K, known: &K) -> bool {
    let (answer, known) = (answer.meta(), known.meta());
    answer.generation != known.generation
        || answer.deletion_timestamp != known.deletion_timestamp
        || answer.annotations != known.annotations
}

/// The part of a status that the API server writes, beside us.
fn usage(tenant: &Tenant) -> Option<&UsageStatus> {
    tenant.status.as_ref()?.usage.as_ref()
}

/// The profiles that count their tenants otherwise by a tenant that was `known` so far.
fn counts_otherwise(known: Option<&Arc<Tenant>>, now: &Tenant) -> Vec<String> {
    if known.is_some_and(|known| rollout::reads_alike(known, now)) {
        return Vec::new();
    }
    let known = known.map(|known| &**known);
    let all = [Some(now), known].into_iter().flatten();
    all.map(|tenant| tenant.spec.profile_ref.name.clone()).collect()
}

impl World {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every critical section leaves the maps whole, so a poisoned lock is still good.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a Tenant in, unless a newer one is known; wakes it, and its profile if that counts otherwise by it.
    pub fn put_tenant(&self, mut tenant: Tenant) {
        figures::forget_managed_fields(&mut tenant);
        let (name, version) =
            (tenant.name_any(), version_of(tenant.metadata.resource_version.as_deref()));
        let mut inner = self.lock();
        let known = inner.tenants.get(name.as_str());
        if known.is_some_and(|k| version_of(k.metadata.resource_version.as_deref()) >= version) {
            return;
        }
        let profiles = counts_otherwise(known, &tenant);
        inner.tenants.insert(name.as_str().into(), Arc::new(tenant));
        drop(inner);
        for profile in profiles {
            self.profile_kicks.kick(&profile);
        }
        self.tenant_kicks.kick(&name);
    }

    /// Takes in the answer to our own write: nobody needs to look at the tenant again for it, unless
    /// somebody's edit came first.
    pub fn put_own_tenant(&self, mut tenant: Tenant) {
        figures::forget_managed_fields(&mut tenant);
        let name = tenant.name_any();
        let mut inner = self.lock();
        // A tenant that is gone stays gone; one that changed meanwhile is newer than our answer.
        let newer = inner.tenants.get(name.as_str()).cloned().filter(|k| is_newer(&tenant, &**k));
        let edited = newer
            .as_ref()
            .is_some_and(|known| is_edited(&tenant, &**known) || usage(&tenant) != usage(known));
        let mut profiles = Vec::new();
        if let Some(known) = newer {
            profiles = counts_otherwise(Some(&known), &tenant);
            inner.tenants.insert(name.as_str().into(), Arc::new(tenant));
        }
        drop(inner);
        for profile in profiles {
            self.profile_kicks.kick(&profile);
        }
        if edited {
            self.tenant_kicks.kick(&name);
        }
    }

    /// Takes in the answer to our own write of a profile's status; wakes the profile if somebody's
    /// edit came first.
    pub fn put_own_profile(&self, profile: DeploymentProfile) {
        let name = profile.name_any();
        let mut inner = self.lock();
        let newer = inner.profiles.get(name.as_str()).filter(|k| is_newer(&profile, &***k));
        let Some(edited) = newer.map(|known| is_edited(&profile, &**known)) else { return };
        inner.profiles.insert(name.as_str().into(), Arc::new(profile));
        drop(inner);
        if edited {
            self.profile_kicks.kick(&name);
        }
    }

    /// Forgets a Tenant that is gone, if it is still the one with this uid.
    pub fn remove_tenant(&self, name: &str, uid: Option<&str>) {
        let mut inner = self.lock();
        let Some(known) = inner.tenants.get(name) else { return };
        if uid.is_some() && known.metadata.uid.as_deref() != uid {
            return;
        }
        let profile = known.spec.profile_ref.name.clone();
        let account = account::claimed(known).to_owned();
        inner.tenants.remove(name);
        inner.learned.remove(name);
        inner.grants.remove(name);
        drop(inner);
        self.profile_kicks.kick(&profile);
        self.tenant_kicks.kick(name);
        self.kick_tenants_for(&account);
    }

    /// The newest known Tenant of this name.
    #[must_use]
    pub fn tenant(&self, name: &str) -> Option<Arc<Tenant>> {
        self.lock().tenants.get(name).cloned()
    }

    /// Every Tenant that names this profile.
    #[must_use]
    pub fn tenants_of(&self, profile: &str) -> Vec<Arc<Tenant>> {
        let inner = self.lock();
        inner.tenants.values().filter(|t| t.spec.profile_ref.name == profile).cloned().collect()
    }

    /// Every Tenant's name.
    #[must_use]
    pub fn tenant_names(&self) -> Vec<Box<str>> {
        self.lock().tenants.keys().cloned().collect()
    }

    /// Takes a profile in, unless a newer one is known, and wakes it.
    pub fn put_profile(&self, profile: DeploymentProfile) {
        let (name, version) =
            (profile.name_any(), version_of(profile.metadata.resource_version.as_deref()));
        let mut inner = self.lock();
        let known = inner.profiles.get(name.as_str());
        if known.is_some_and(|k| version_of(k.metadata.resource_version.as_deref()) >= version) {
            return;
        }
        let appeared = known.is_none();
        inner.unreadable.remove(name.as_str());
        inner.profiles.insert(name.as_str().into(), Arc::new(profile));
        drop(inner);
        self.profile_kicks.kick(&name);
        if appeared {
            self.kick_tenants_of(&name);
        }
    }

    /// Forgets a profile that is gone, and wakes its tenants: they freeze.
    pub fn remove_profile(&self, name: &str) {
        let mut inner = self.lock();
        inner.profiles.remove(name);
        inner.unreadable.remove(name);
        drop(inner);
        self.kick_tenants_of(name);
    }

    /// Every profile's name, in order.
    #[must_use]
    pub fn profile_names(&self) -> Vec<Box<str>> {
        let mut names: Vec<Box<str>> = self.lock().profiles.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// The newest known profile of this name.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<Arc<DeploymentProfile>> {
        self.lock().profiles.get(name).cloned()
    }

    /// Takes a revision in. When it is new, wakes the profile and whom it may concern: all tenants
    /// when it is the newest, else those that are pinned to it.
    pub fn put_revision(&self, profile: &str, revision: Revision) {
        let number = revision.number;
        let mut inner = self.lock();
        let known = inner.revisions.entry(profile.into()).or_default();
        let newest = known.last_key_value().is_none_or(|(n, _)| *n < revision.number);
        let before = known.insert(revision.number, Arc::new(revision));
        drop(inner);
        if before.is_none() {
            self.profile_kicks.kick(profile);
            if newest {
                self.kick_tenants_of(profile);
            } else {
                self.kick_pinned(profile, number);
            }
        }
    }

    /// Forgets a revision that is gone; wakes the profile and the tenants that are pinned to it.
    pub fn remove_revision(&self, profile: &str, number: i64) {
        if let Some(known) = self.lock().revisions.get_mut(profile) {
            known.remove(&number);
        }
        self.profile_kicks.kick(profile);
        self.kick_pinned(profile, number);
    }

    /// All known revisions of a profile, by number.
    #[must_use]
    pub fn revisions(&self, profile: &str) -> BTreeMap<i64, Arc<Revision>> {
        self.lock().revisions.get(profile).cloned().unwrap_or_default()
    }

    /// Every profile that revisions are known of, with their numbers.
    #[must_use]
    pub fn revision_keys(&self) -> Vec<(Box<str>, i64)> {
        let inner = self.lock();
        inner
            .revisions
            .iter()
            .flat_map(|(p, known)| known.keys().map(|n| (p.clone(), *n)))
            .collect()
    }

    fn kick_tenants_of(&self, profile: &str) {
        for tenant in self.tenants_of(profile) {
            self.tenant_kicks.kick(&tenant.name_any());
        }
    }

    fn kick_pinned(&self, profile: &str, number: i64) {
        let all = self.tenants_of(profile).into_iter();
        for tenant in all.filter(|t| t.spec.profile_ref.revision == Some(number)) {
            self.tenant_kicks.kick(&tenant.name_any());
        }
    }

    /// Lets a tenant move to a profile's revision, and wakes it.
    pub fn grant(&self, tenant: &str, profile: &str, revision: i64) {
        let granted = (profile.into(), revision);
        let before = self.lock().grants.insert(tenant.into(), granted.clone());
        if before != Some(granted) {
            self.tenant_kicks.kick(tenant);
        }
    }

    /// Takes back the word that let a tenant move: it has arrived, and waits its turn the next time.
    pub fn take_back(&self, tenant: &str, profile: &str) {
        let mut inner = self.lock();
        if inner.grants.get(tenant).is_some_and(|(granted, _)| **granted == *profile) {
            inner.grants.remove(tenant);
        }
    }

    /// The revision of this profile that a tenant was last let to move to.
    #[must_use]
    pub fn granted(&self, tenant: &str, profile: &str) -> Option<i64> {
        self.lock().grants.get(tenant).filter(|(p, _)| **p == *profile).map(|(_, n)| *n)
    }
}

#[cfg(test)]
mod tests;
