//! What the operator knows of a tenant's objects: compact records, not the objects.

use std::collections::BTreeMap;

use crate::object::Key;

/// What is known of one owned object.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// `metadata.uid`.
    pub uid: Box<str>,
    /// `metadata.resourceVersion`, which the API server lets us compare as a number.
    pub resource_version: u64,
    /// The uid of the Tenant that it belongs to, by owner reference or, for what holds data, by
    /// annotation. `None`: nobody's.
    pub tenant_uid: Option<Box<str>>,
    /// The hash of what we own on it ([`crate::fingerprint`]).
    pub fingerprint: Option<u64>,
    /// It has a deletion timestamp.
    pub deleting: bool,
    /// It carries the label of what the stack no longer uses.
    pub retained: bool,
    /// What its kind adds.
    pub facts: Facts,
}

/// What a kind adds to a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Facts {
    /// Nothing that is needed.
    #[default]
    Plain,
    /// A namespace.
    Namespace {
        /// The value of the annotation that asks for the removal of a retained namespace.
        purge: Option<Box<str>>,
        /// The account in the ledger that its stack's usage is kept under.
        account: Option<Box<str>>,
        /// When it was made, in seconds since 1970; 0 when nobody says.
        created: i64,
    },
    /// A Deployment.
    Workload(Box<Workload>),
    /// A PersistentVolumeClaim.
    Claim {
        /// Bound to a volume.
        bound: bool,
        /// The requested size in thousandths of a byte.
        size_milli: i128,
        /// The storage class that it was made with.
        class: Option<Box<str>>,
    },
}

/// What is known of a Deployment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// `spec.replicas`.
    pub replicas: i32,
    /// Our applies set `spec.replicas`.
    pub owns_replicas: bool,
    /// Replicas remembered when it was suspended.
    pub parked: Option<i32>,
    /// Its controller has seen the newest spec.
    pub observed: bool,
    /// `metadata.generation`.
    pub generation: i64,
    /// The generation that the counts below speak of.
    pub counted: i64,
    /// The hash of its pod template.
    pub template: u64,
    /// The generation since which it is known to have this pod template.
    pub template_since: i64,
    /// Pods of the newest template.
    pub updated: i32,
    /// Pods that exist.
    pub existing: i32,
    /// Pods that are available.
    pub available: i32,
    /// Why its pods cannot be made (the message of `ReplicaFailure`).
    pub replica_failure: Option<Box<str>>,
    /// It made no progress within its deadline.
    pub stuck: bool,
}

impl Workload {
    /// Whether `updated`, `existing` and `available` speak of pods of the template that stands in
    /// the spec now. They do when the controller has seen the newest spec, and also when it has not
    /// but only other fields changed since what it saw, such as the replicas.
    #[must_use]
    pub fn counts_hold(&self) -> bool {
        self.observed || (self.counted > 0 && self.counted >= self.template_since)
    }

    /// Takes over from the record before it since when the template is the same. Not across
    /// generations that nobody saw: between two equal templates may have been another.
    pub fn follow(&mut self, before: &Workload) {
        let next = before.generation..=before.generation.saturating_add(1);
        if self.template == before.template && next.contains(&self.generation) {
            self.template_since = before.template_since;
        }
    }
}

/// What is known of a pod of a stack.
#[derive(Clone, Debug, PartialEq)]
pub struct PodRecord {
    /// `metadata.name`.
    pub name: Box<str>,
    /// `metadata.uid`.
    pub uid: Box<str>,
    /// `metadata.resourceVersion`.
    pub resource_version: u64,
    /// The component that it runs.
    pub component: Box<str>,
    /// It is ready, and not being deleted.
    pub ready: bool,
    /// It finished (a job's pod).
    pub finished: bool,
    /// It has a deletion timestamp.
    pub deleting: bool,
    /// What is wrong with it, if anything.
    pub problem: Option<Problem>,
}

/// What is wrong with a pod or a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// One of the reasons in [`crate::health::reasons`].
    pub reason: &'static str,
    /// What it says, for a person.
    pub message: Box<str>,
}

/// What is known of a job that a CronJob of the stack made.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRecord {
    /// `metadata.name`.
    pub name: Box<str>,
    /// `metadata.uid`.
    pub uid: Box<str>,
    /// `metadata.resourceVersion`.
    pub resource_version: u64,
    /// The component that it runs.
    pub component: Box<str>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// It ended well.
    pub succeeded: bool,
    /// Why it failed, if it did.
    pub failed: Option<Box<str>>,
}

/// Everything known of one tenant's stack at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Owned objects.
    pub objects: BTreeMap<Key, Record>,
    /// Pods.
    pub pods: BTreeMap<Box<str>, PodRecord>,
    /// Jobs.
    pub jobs: BTreeMap<Box<str>, JobRecord>,
}

impl Record {
    /// Takes over what the record before it knew of the same object and an object does not tell.
    pub fn follow(&mut self, before: &Record) {
        if let (true, Facts::Workload(now), Facts::Workload(before)) =
            (self.uid == before.uid, &mut self.facts, &before.facts)
        {
            now.follow(before);
        }
    }
}

impl Observed {
    /// Whether the record belongs to the Tenant with this uid.
    #[must_use]
    pub fn is_ours(record: &Record, tenant_uid: &str) -> bool {
        record.tenant_uid.as_deref() == Some(tenant_uid)
    }
}

#[cfg(test)]
mod tests;
