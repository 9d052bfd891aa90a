//! The objects, pods and jobs of stacks, and what was learned of them.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{Learned, World};
use crate::{
    object::Key,
    observed::{JobRecord, Observed, PodRecord, Record},
};

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

/// Objects that a watch has shown to be gone, and at which version: an answer to a write of ours that comes later
/// speaks of what was. One that is back in the watch, as its label is, has a newer version.
#[derive(Default)]
pub(super) struct Gone {
    versions: HashMap<Box<str>, u64>,
    order: VecDeque<Box<str>>,
}

impl Gone {
    /// How many are remembered: answers are late by seconds, not by thousands of deletions.
    const MOST: usize = 4096;

    fn note(&mut self, uid: &str, version: u64) {
        if self.versions.insert(uid.into(), version).is_none() {
            self.order.push_back(uid.into());
        }
        while self.order.len() > Self::MOST {
            let oldest = self.order.pop_front();
            oldest.and_then(|uid| self.versions.remove(&uid));
        }
    }

    fn is_past(&self, record: &Record) -> bool {
        self.versions.get(&record.uid).is_some_and(|gone| record.resource_version <= *gone)
    }
}

impl World {
    /// Takes an owned object in, unless a newer record of it is known, or that it is gone. Wakes the tenant when the
    /// record says something new.
    pub fn put_object(&self, tenant: &str, key: Key, mut record: Record) {
        let mut inner = self.lock();
        if inner.gone.is_past(&record) {
            return;
        }
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

    /// Forgets an object that a watch has shown to be gone, at this version, and wakes the tenant.
    pub fn remove_object(&self, tenant: &str, key: &Key, uid: &str, version: u64) {
        self.lock().gone.note(uid, version);
        self.remove(tenant, Part::Object(key), Some(uid));
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
