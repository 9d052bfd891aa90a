//! What the operator knows of the cluster, kept small, fed by watches and by its own writes.
//!
//! A write's answer enters here before the next decision, and an older event never replaces a newer
//! record, so the operator always reads its own writes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crds::{DeploymentProfile, Tenant};
use kube::ResourceExt;

use crate::{
    kicks::Kicks,
    object::Key,
    observed::{JobRecord, Observed, PodRecord, Record},
    revision::Revision,
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
    revisions: HashMap<Box<str>, BTreeMap<i64, Arc<Revision>>>,
    stacks: HashMap<Box<str>, Observed>,
    learned: HashMap<Box<str>, Learned>,
    grants: HashMap<Box<str>, i64>,
}

/// Names a pod or a job; the namespace is the tenant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// A pod.
    Pod(&'a str),
    /// A job.
    Job(&'a str),
    /// An owned object.
    Object(&'a Key),
}

fn version_of(resource_version: Option<&str>) -> u64 {
    resource_version.and_then(|v| v.parse().ok()).unwrap_or(0)
}

impl World {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every critical section leaves the maps whole, so a poisoned lock is still good.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a Tenant in, unless a newer one is known; wakes it and its profile.
    pub fn put_tenant(&self, tenant: Tenant) {
        let (name, version) =
            (tenant.name_any(), version_of(tenant.metadata.resource_version.as_deref()));
        let mut inner = self.lock();
        let known = inner.tenants.get(name.as_str());
        if known.is_some_and(|k| version_of(k.metadata.resource_version.as_deref()) >= version) {
            return;
        }
        let profiles = [
            known.map(|k| k.spec.profile_ref.name.clone()),
            Some(tenant.spec.profile_ref.name.clone()),
        ];
        inner.tenants.insert(name.as_str().into(), Arc::new(tenant));
        drop(inner);
        for profile in profiles.into_iter().flatten() {
            self.profile_kicks.kick(&profile);
        }
        self.tenant_kicks.kick(&name);
    }

    /// Takes in the answer to our own write: nobody needs to look at the tenant again for it.
    pub fn put_own_tenant(&self, tenant: Tenant) {
        let profile = tenant.spec.profile_ref.name.clone();
        let mut inner = self.lock();
        let name: Box<str> = tenant.name_any().into();
        let version = version_of(tenant.metadata.resource_version.as_deref());
        let known = inner.tenants.get(&name);
        // A tenant that is gone stays gone; one that changed meanwhile is newer than our answer.
        if known.is_some_and(|k| version_of(k.metadata.resource_version.as_deref()) < version) {
            inner.tenants.insert(name, Arc::new(tenant));
        }
        drop(inner);
        self.profile_kicks.kick(&profile);
    }

    /// Takes in the answer to our own write of a profile's status.
    pub fn put_own_profile(&self, profile: DeploymentProfile) {
        let mut inner = self.lock();
        let name: Box<str> = profile.name_any().into();
        let version = version_of(profile.metadata.resource_version.as_deref());
        let known = inner.profiles.get(&name);
        if known.is_some_and(|k| version_of(k.metadata.resource_version.as_deref()) < version) {
            inner.profiles.insert(name, Arc::new(profile));
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
        inner.tenants.remove(name);
        inner.learned.remove(name);
        inner.grants.remove(name);
        drop(inner);
        self.profile_kicks.kick(&profile);
        self.tenant_kicks.kick(name);
    }

    /// The newest known Tenant of this name.
    #[must_use]
    pub fn tenant(&self, name: &str) -> Option<Arc<Tenant>> {
        self.lock().tenants.get(name).cloned()
    }

    /// Every Tenant that names this profile, or whose status speaks of it.
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
        inner.profiles.insert(name.as_str().into(), Arc::new(profile));
        drop(inner);
        self.profile_kicks.kick(&name);
        if appeared {
            self.kick_tenants_of(&name);
        }
    }

    /// Forgets a profile that is gone, and wakes its tenants: they freeze.
    pub fn remove_profile(&self, name: &str) {
        self.lock().profiles.remove(name);
        self.kick_tenants_of(name);
    }

    /// Every profile's name.
    #[must_use]
    pub fn profile_names(&self) -> Vec<Box<str>> {
        self.lock().profiles.keys().cloned().collect()
    }

    /// The newest known profile of this name.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<Arc<DeploymentProfile>> {
        self.lock().profiles.get(name).cloned()
    }

    /// Takes a revision in; wakes the profile and its tenants when it is new.
    pub fn put_revision(&self, profile: &str, revision: Revision) {
        let mut inner = self.lock();
        let known = inner.revisions.entry(profile.into()).or_default();
        let newest = known.last_key_value().is_none_or(|(n, _)| *n < revision.number);
        let before = known.insert(revision.number, Arc::new(revision));
        drop(inner);
        if before.is_none() {
            self.profile_kicks.kick(profile);
            if newest {
                self.kick_tenants_of(profile);
            }
        }
    }

    /// Forgets a revision that is gone.
    pub fn remove_revision(&self, profile: &str, number: i64) {
        if let Some(known) = self.lock().revisions.get_mut(profile) {
            known.remove(&number);
        }
        self.profile_kicks.kick(profile);
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

    /// Takes an owned object in, unless a newer record of it is known. Wakes the tenant when the
    /// record says something new.
    pub fn put_object(&self, tenant: &str, key: Key, mut record: Record) {
        let mut inner = self.lock();
        let objects = &mut inner.stacks.entry(tenant.into()).or_default().objects;
        if let Some(known) = objects.get_mut(&key) {
            if known.uid == record.uid && known.resource_version >= record.resource_version {
                return;
            }
            record.follow(known);
            let before = std::mem::replace(known, record);
            if (Record { resource_version: known.resource_version, ..before } == *known) {
                return;
            }
        } else {
            objects.insert(key, record);
        }
        drop(inner);
        self.tenant_kicks.kick(tenant);
    }

    /// Takes a pod in, unless a newer record of it is known.
    pub fn put_pod(&self, tenant: &str, pod: PodRecord) {
        let mut inner = self.lock();
        let pods = &mut inner.stacks.entry(tenant.into()).or_default().pods;
        let known = pods.get(&pod.name);
        let quiet = known.is_some_and(|k| {
            PodRecord { resource_version: k.resource_version, ..pod.clone() } == *k
        });
        pods.insert(pod.name.clone(), pod);
        drop(inner);
        if !quiet {
            self.tenant_kicks.kick(tenant);
        }
    }

    /// Takes a job in.
    pub fn put_job(&self, tenant: &str, job: JobRecord) {
        let mut inner = self.lock();
        let jobs = &mut inner.stacks.entry(tenant.into()).or_default().jobs;
        let changed = jobs.get(&job.name) != Some(&job);
        jobs.insert(job.name.clone(), job);
        drop(inner);
        if changed {
            self.tenant_kicks.kick(tenant);
        }
    }

    /// Forgets what is gone, if it is still the one with this uid, and wakes the tenant.
    pub fn remove(&self, tenant: &str, part: Part<'_>, uid: Option<&str>) {
        let mut inner = self.lock();
        let Some(stack) = inner.stacks.get_mut(tenant) else { return };
        let same = |known: &str| uid.is_none_or(|uid| uid == known);
        let removed = match part {
            Part::Object(key) if stack.objects.get(key).is_some_and(|r| same(&r.uid)) => {
                stack.objects.remove(key).is_some()
            }
            Part::Pod(name) if stack.pods.get(name).is_some_and(|p| same(&p.uid)) => {
                stack.pods.remove(name).is_some()
            }
            Part::Job(name) if stack.jobs.get(name).is_some_and(|j| same(&j.uid)) => {
                stack.jobs.remove(name).is_some()
            }
            _ => false,
        };
        if stack.objects.is_empty() && stack.pods.is_empty() && stack.jobs.is_empty() {
            inner.stacks.remove(tenant);
        }
        drop(inner);
        if removed {
            self.tenant_kicks.kick(tenant);
        }
    }

    /// After a full list: forgets what `select` matches and `seen` does not name.
    pub fn retain_seen(
        &self,
        select: impl Fn(&Part<'_>) -> bool,
        seen: &BTreeSet<(Box<str>, Box<str>)>,
    ) {
        let gone: Vec<(Box<str>, OwnedPart)> = {
            let inner = self.lock();
            let parts = inner.stacks.iter().flat_map(|(tenant, stack)| {
                let objects = stack.objects.keys().map(|k| OwnedPart::Object(k.clone()));
                let pods = stack.pods.keys().map(|n| OwnedPart::Pod(n.clone()));
                let jobs = stack.jobs.keys().map(|n| OwnedPart::Job(n.clone()));
                objects.chain(pods).chain(jobs).map(move |part| (tenant.clone(), part))
            });
            parts
                .filter(|(tenant, part)| {
                    select(&part.borrow()) && !seen.contains(&(tenant.clone(), part.name().into()))
                })
                .collect()
        };
        for (tenant, part) in gone {
            self.remove(&tenant, part.borrow(), None);
        }
    }

    /// A copy of what is known of a tenant's stack.
    pub fn observed(&self, tenant: &str) -> Observed {
        self.lock().stacks.get(tenant).cloned().unwrap_or_default()
    }

    /// Tenants' names whose stacks are known although no such Tenant is.
    #[must_use]
    pub fn orphans(&self) -> Vec<Box<str>> {
        let inner = self.lock();
        inner.stacks.keys().filter(|name| !inner.tenants.contains_key(*name)).cloned().collect()
    }

    /// The fingerprints learned for a tenant's objects.
    #[must_use]
    pub fn learned(&self, tenant: &str) -> Learned {
        self.lock().learned.get(tenant).cloned().unwrap_or_default()
    }

    /// Remembers what the server made of an apply. Returns whether that differs from what was sent.
    pub fn learn(&self, tenant: &str, key: &Key, wanted: u64, live: Option<u64>) -> bool {
        let mut inner = self.lock();
        let learned = inner.learned.entry(tenant.into()).or_default();
        match live.filter(|live| *live != wanted) {
            Some(live) => {
                learned.insert(key.clone(), (wanted, live));
                true
            }
            None => {
                learned.remove(key);
                false
            }
        }
    }

    /// Lets a tenant move to a revision, and wakes it.
    pub fn grant(&self, tenant: &str, revision: i64) {
        let before = self.lock().grants.insert(tenant.into(), revision);
        if before != Some(revision) {
            self.tenant_kicks.kick(tenant);
        }
    }

    /// The revision that a tenant was last let to move to.
    #[must_use]
    pub fn granted(&self, tenant: &str) -> Option<i64> {
        self.lock().grants.get(tenant).copied()
    }
}

#[derive(Clone)]
enum OwnedPart {
    Pod(Box<str>),
    Job(Box<str>),
    Object(Key),
}

impl OwnedPart {
    fn borrow(&self) -> Part<'_> {
        match self {
            Self::Pod(name) => Part::Pod(name),
            Self::Job(name) => Part::Job(name),
            Self::Object(key) => Part::Object(key),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Pod(name) | Self::Job(name) => name,
            Self::Object(key) => &key.name,
        }
    }
}
