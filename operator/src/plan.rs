//! From what should be and what is to an ordered list of actions, each one API request. Pure.

mod cleanup;
mod drain;

use std::collections::BTreeMap;

use serde_json::Value;

pub use cleanup::{Cleanup, REMOVING, cleanup};
pub use drain::{Spool, spool};

use crate::{
    desired::meta,
    fingerprint,
    kinds::Kind,
    object::{Key, Object},
    observed::{Facts, Observed, Record},
};

/// One API request.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Create the namespace; refused by the server when it exists.
    CreateNamespace {
        /// The whole object.
        body: Value,
    },
    /// Server-side apply of an object that does not exist (`uid: None`) or that has this uid.
    Apply {
        /// Which object.
        key: Key,
        /// Its uid, when it exists; the server refuses another one.
        uid: Option<Box<str>>,
        /// Exactly the fields that we own.
        body: Value,
    },
    /// Create a Secret with random values for these keys. Its own field manager keeps them, so that
    /// later applies neither know nor touch them.
    Generate {
        /// Which Secret.
        key: Key,
        /// What is sent beside the random values.
        body: Value,
        /// The data keys to make.
        fields: &'static [&'static str],
    },
    /// Mark an object that holds data as no longer used.
    Retain {
        /// Which object.
        key: Key,
        /// Its uid.
        uid: Box<str>,
    },
    /// Take the mark of [`Action::Retain`] off again. Server-side apply cannot: the mark was not
    /// applied, so leaving it out of an apply removes nothing.
    Reclaim {
        /// Which object.
        key: Key,
        /// Its uid.
        uid: Box<str>,
    },
    /// Scale a Deployment whose replicas are not ours to nothing, remembering them on it.
    Park {
        /// Which Deployment.
        key: Key,
        /// The resourceVersion that `replicas` was read at.
        resource_version: u64,
        /// What to come back to.
        replicas: i32,
    },
    /// Give a parked Deployment its replicas back.
    Unpark {
        /// Which Deployment.
        key: Key,
        /// The resourceVersion that `replicas` was read at.
        resource_version: u64,
        /// What was remembered.
        replicas: i32,
    },
    /// Hold a Deployment's replicas under a manager of their own, before an apply gives them up to
    /// an autoscaler: a field that nobody holds falls back to its default, one pod.
    HandOver {
        /// Which Deployment.
        key: Key,
        /// Its uid.
        uid: Box<str>,
        /// The replicas that it has.
        replicas: i32,
    },
    /// Delete an object with this uid.
    Delete {
        /// Which object.
        key: Key,
        /// Its uid.
        uid: Box<str>,
    },
}

impl Action {
    /// The object that the action changes.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Action::CreateNamespace { body } => {
                Key::new(Kind::Namespace, body["metadata"]["name"].as_str().unwrap_or_default())
            }
            Action::Apply { key, .. }
            | Action::Generate { key, .. }
            | Action::Retain { key, .. }
            | Action::Reclaim { key, .. }
            | Action::Park { key, .. }
            | Action::Unpark { key, .. }
            | Action::HandOver { key, .. }
            | Action::Delete { key, .. } => key.clone(),
        }
    }
}

/// Why nothing may be written for a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The namespace belongs to nobody we know.
    NamespaceForeign {
        /// Its name.
        namespace: String,
    },
    /// The namespace holds the stack of an earlier tenant.
    NamespaceRetained {
        /// Its name.
        namespace: String,
        /// The earlier tenant's uid.
        uid: String,
    },
    /// The namespace is being deleted; wait.
    NamespaceTerminating {
        /// Its name.
        namespace: String,
    },
    /// Another tenant has the account.
    AccountInUse {
        /// Its id.
        account: Box<str>,
        /// Who has it.
        other: Box<str>,
    },
    /// An object of one of our names is not ours.
    ObjectForeign {
        /// Which object.
        key: Key,
    },
}

/// Who asks, and what it may take over.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    /// The Tenant's uid.
    pub uid: &'a str,
    /// The uid of the retained stack that it adopts.
    pub adopts: Option<&'a str>,
    /// Whether services are suspended.
    pub suspended: bool,
}

impl Claimant<'_> {
    fn may_take(self, record: &Record) -> bool {
        let owner = record.tenant_uid.as_deref();
        owner.is_some() && (owner == Some(self.uid) || owner == self.adopts)
    }
}

/// The actions that bring `observed` to `desired`; empty when in sync.
///
/// `learned` maps an object to a live fingerprint that is known to be what the server makes of what
/// we want now (a server that rewrites a value would otherwise look like drift for ever).
///
/// # Errors
/// A [`Refusal`] when something that is not ours stands in the way; nothing may be written then.
pub fn plan(
    desired: &[Object],
    observed: &Observed,
    claimant: Claimant<'_>,
    learned: &BTreeMap<Key, (u64, u64)>,
) -> Result<Vec<Action>, Refusal> {
    let mut actions = Vec::new();
    for object in desired {
        let record = observed.objects.get(&object.key);
        if let Some(record) = record {
            refuse_foreign(object, record, claimant)?;
        }
        want(object, record, claimant, learned, &mut actions);
    }
    park(desired, observed, claimant, &mut actions);
    prune(desired, observed, claimant, &mut actions);
    Ok(actions)
}

fn refuse_foreign(object: &Object, record: &Record, claimant: Claimant<'_>) -> Result<(), Refusal> {
    let namespace = || object.key.name.to_string();
    let is_namespace = object.key.kind == Kind::Namespace;
    match (is_namespace, record.tenant_uid.as_deref()) {
        (true, _) if record.deleting => {
            Err(Refusal::NamespaceTerminating { namespace: namespace() })
        }
        _ if claimant.may_take(record) => Ok(()),
        (true, None) => Err(Refusal::NamespaceForeign { namespace: namespace() }),
        (true, Some(uid)) => {
            Err(Refusal::NamespaceRetained { namespace: namespace(), uid: uid.to_owned() })
        }
        (false, _) => Err(Refusal::ObjectForeign { key: object.key.clone() }),
    }
}

fn want(
    object: &Object,
    record: Option<&Record>,
    claimant: Claimant<'_>,
    learned: &BTreeMap<Key, (u64, u64)>,
    actions: &mut Vec<Action>,
) {
    let key = object.key.clone();
    let body = object.body.clone();
    let Some(record) = record else {
        actions.push(match object.key.kind {
            Kind::Namespace => Action::CreateNamespace { body },
            _ if !object.generated.is_empty() => {
                Action::Generate { key, body, fields: object.generated }
            }
            _ => Action::Apply { key, uid: None, body },
        });
        return;
    };
    // What is on its way out comes back only once it is gone.
    if record.deleting {
        return;
    }
    let uid = || record.uid.clone();
    if !in_sync(object, record, claimant, learned) {
        if let Some(replicas) = given_up(object, record) {
            actions.push(Action::HandOver { key: key.clone(), uid: uid(), replicas });
        }
        actions.push(Action::Apply { key: key.clone(), uid: Some(uid()), body });
    }
    // Last, so that what is taken over is ours before it loses the mark.
    if record.retained {
        actions.push(Action::Reclaim { key, uid: uid() });
    }
}

/// The replicas of a Deployment that we set so far and no longer want to set.
fn given_up(object: &Object, record: &Record) -> Option<i32> {
    match &record.facts {
        Facts::Workload(w)
            if w.owns_replicas && object.body.pointer("/spec/replicas").is_none() =>
        {
            Some(w.replicas)
        }
        _ => None,
    }
}

fn in_sync(
    object: &Object,
    record: &Record,
    claimant: Claimant<'_>,
    learned: &BTreeMap<Key, (u64, u64)>,
) -> bool {
    if !Observed::is_ours(record, claimant.uid) {
        return false;
    }
    let Some(live) = record.fingerprint else { return false };
    let wanted = fingerprint::of_desired(&object.body);
    live == wanted || learned.get(&object.key) == Some(&(wanted, live))
}

/// Deployments whose replicas belong to an autoscaler are scaled beside server-side apply.
fn park(
    desired: &[Object],
    observed: &Observed,
    claimant: Claimant<'_>,
    actions: &mut Vec<Action>,
) {
    for object in desired.iter().filter(|o| o.key.kind == Kind::Deployment) {
        let Some(record) = observed.objects.get(&object.key) else { continue };
        let Facts::Workload(workload) = &record.facts else { continue };
        if record.deleting {
            continue;
        }
        let (key, resource_version) = (object.key.clone(), record.resource_version);
        let ours = object.body.pointer("/spec/replicas").is_some();
        match workload.parked {
            None if claimant.suspended && !ours && spared(object) => {}
            None if claimant.suspended && !ours => {
                actions.push(Action::Park { key, resource_version, replicas: workload.replicas });
            }
            Some(_) if claimant.suspended && workload.replicas != 0 && !ours => {
                // Something scaled a parked Deployment up: down again, the memory stays.
                let replicas = workload.parked.unwrap_or(workload.replicas);
                actions.push(Action::Park { key, resource_version, replicas });
            }
            Some(replicas) if !claimant.suspended || ours => {
                let replicas = if ours { workload.replicas } else { replicas };
                actions.push(Action::Unpark { key, resource_version, replicas });
            }
            _ => {}
        }
    }
}

/// Suspension spares the gateway: usage that was sent must still reach the ledger.
fn spared(object: &Object) -> bool {
    object.component.as_ref() == meta::GATEWAY
}

/// What we own and no longer want: data is detached, everything else deleted, workloads first.
fn prune(
    desired: &[Object],
    observed: &Observed,
    claimant: Claimant<'_>,
    actions: &mut Vec<Action>,
) {
    for (key, record) in observed.objects.iter().rev() {
        let wanted = desired.iter().any(|o| o.key == *key);
        if wanted || record.deleting || !claimant.may_take(record) {
            continue;
        }
        if !key.kind.holds_data() {
            actions.push(Action::Delete { key: key.clone(), uid: record.uid.clone() });
        } else if !record.retained || !Observed::is_ours(record, claimant.uid) {
            actions.push(Action::Retain { key: key.clone(), uid: record.uid.clone() });
        }
    }
}

#[cfg(test)]
mod tests;
