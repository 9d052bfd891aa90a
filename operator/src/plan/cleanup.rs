//! Taking a stack down, step by step; each step waits for the one before it. Never needs a valid
//! spec or a profile.

use crds::conditions::DRAINING;

use super::{Action, Spool};
use crate::{
    desired::{gateway, meta},
    kinds::Kind,
    object::Key,
    observed::{Observed, Record},
};

/// The step that takes gateway and guard rails away.
pub const REMOVING: &str = "RemovingStack";

/// What to do next for a tenant that is being deleted.
#[derive(Clone, Debug, PartialEq)]
pub enum Cleanup {
    /// Do these, then look again. `step` says what is going on, for people.
    Do {
        /// What is going on.
        step: &'static str,
        /// The requests.
        actions: Vec<Action>,
    },
    /// Nothing to send; something is still going away.
    Wait {
        /// What is going on.
        step: &'static str,
        /// What is waited for.
        message: String,
    },
    /// Everything is gone or retained: the finalizer can go.
    Done,
}

/// The next step; `uid` is the Tenant's, `delete_data` its deletion policy, `spool` what its gateway
/// may still hold.
///
/// Order: services and what feeds them stop; when their pods are gone, the gateway hands over what it
/// holds; then gateway and guard rails go; last comes what holds data, deleted or marked as retained.
#[must_use]
pub fn cleanup(
    observed: &Observed,
    uid: &str,
    namespace: &str,
    delete_data: bool,
    spool: &Spool,
) -> Cleanup {
    let ours = || observed.objects.iter().rev().filter(|(_, r)| Observed::is_ours(r, uid));
    let stops = |key: &Key| key.name.as_ref() != "tenantry-gateway" && is_running(key.kind);
    if let Some(step) = remove("StoppingServices", ours().filter(|(k, _)| stops(k))) {
        return step;
    }
    let running: Vec<&str> = observed
        .pods
        .values()
        .filter(|p| !p.finished && p.component.as_ref() != meta::GATEWAY)
        .map(|p| p.name.as_ref())
        .collect();
    let namespace_is_ours = observed
        .objects
        .get(&Key::new(Kind::Namespace, namespace))
        .is_some_and(|r| Observed::is_ours(r, uid));
    if !running.is_empty() && namespace_is_ours {
        let message = format!("{} pods are stopping: {}", running.len(), shown(&running));
        return Cleanup::Wait { step: "StoppingServices", message };
    }
    if let Spool::Held(message) = spool
        && has_spool(observed, uid)
    {
        return Cleanup::Wait { step: DRAINING, message: message.clone() };
    }
    if let Some(step) = remove(REMOVING, ours().filter(|(k, _)| !k.kind.holds_data())) {
        return step;
    }
    if delete_data { delete_namespace(observed, uid, namespace) } else { retain(observed, uid) }
}

/// Whether there is anything that usage may be held on. What was retained was let go before.
fn has_spool(observed: &Observed, uid: &str) -> bool {
    let claim = observed.objects.get(&Key::new(Kind::PersistentVolumeClaim, gateway::CLAIM));
    claim.is_some_and(|claim| Observed::is_ours(claim, uid) && !claim.retained)
}

/// Kinds that run something or lead to it.
fn is_running(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Deployment
            | Kind::HorizontalPodAutoscaler
            | Kind::PodDisruptionBudget
            | Kind::CronJob
            | Kind::Ingress
    )
}

fn remove<'a>(
    step: &'static str,
    objects: impl Iterator<Item = (&'a Key, &'a Record)> + Clone,
) -> Option<Cleanup> {
    let mut waiting = Vec::new();
    let mut actions = Vec::new();
    for (key, record) in objects {
        if record.deleting {
            waiting.push(key.to_string());
        } else {
            actions.push(Action::Delete { key: key.clone(), uid: record.uid.clone() });
        }
    }
    if !actions.is_empty() {
        return Some(Cleanup::Do { step, actions });
    }
    let names: Vec<&str> = waiting.iter().map(String::as_str).collect();
    (!waiting.is_empty()).then(|| Cleanup::Wait {
        step,
        message: format!("{} objects are going away: {}", names.len(), shown(&names)),
    })
}

fn retain(observed: &Observed, uid: &str) -> Cleanup {
    let actions: Vec<Action> = observed
        .objects
        .iter()
        .rev()
        .filter(|(_, r)| Observed::is_ours(r, uid) && !r.retained && !r.deleting)
        .map(|(key, record)| Action::Retain { key: key.clone(), uid: record.uid.clone() })
        .collect();
    if actions.is_empty() { Cleanup::Done } else { Cleanup::Do { step: "RetainingData", actions } }
}

fn delete_namespace(observed: &Observed, uid: &str, namespace: &str) -> Cleanup {
    let key = Key::new(Kind::Namespace, namespace);
    match observed.objects.get(&key) {
        Some(record) if Observed::is_ours(record, uid) && !record.deleting => Cleanup::Do {
            step: "DeletingData",
            actions: vec![Action::Delete { key, uid: record.uid.clone() }],
        },
        Some(record) if Observed::is_ours(record, uid) => Cleanup::Wait {
            step: "DeletingData",
            message: format!("namespace {namespace} is being deleted"),
        },
        _ => Cleanup::Done,
    }
}

/// The first few names of many.
fn shown(names: &[&str]) -> String {
    let few = names.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 3 { format!("{few}, …") } else { few }
}

#[cfg(test)]
mod tests;
