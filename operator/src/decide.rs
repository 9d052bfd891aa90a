//! What to do for one tenant: choose the revision, validate, render, plan. Pure.

use std::{collections::BTreeMap, sync::Arc};

use crds::{Tenant, names::TenantName, tenant::Endpoint};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::{
    account,
    desired::{self, RENDERER, Stack},
    figures::Silence,
    health::{self, Health},
    kinds::Kind,
    object::{Key, Object},
    observed::Observed,
    plan::{self, Action, Claimant, Refusal},
    revision::Revision,
    rollout,
    status::Outcome,
    suspension::{self, Suspension},
    validate,
};

/// Everything that a decision rests on.
pub struct Seen {
    /// What is known of the stack.
    pub observed: Observed,
    /// Whether the profile that the tenant names exists.
    pub profile_exists: bool,
    /// The revisions of that profile.
    pub revisions: BTreeMap<i64, Arc<Revision>>,
    /// The revision that the rollout lets the tenant move to.
    pub granted: Option<i64>,
    /// The tenant that has this one's account.
    pub rival: Option<Box<str>>,
    /// Whether the API server is silent.
    pub silence: Option<Silence>,
    /// See [`plan::plan`].
    pub learned: BTreeMap<Key, (u64, u64)>,
}

/// What to do for a tenant.
#[derive(Debug, Default)]
pub struct Decision {
    /// Requests to send, in order.
    pub actions: Vec<Action>,
    /// What the status says if they all go through; `None`: leave the status alone.
    pub outcome: Option<Outcome>,
    /// The objects that the stack should have.
    pub objects: Vec<Object>,
    /// `PROFILE@NUMBER` that the stack is brought to.
    pub revision: Option<String>,
    /// Whether its services are to be stopped, and by whose word.
    pub suspension: Suspension,
    /// Where its services answer.
    pub endpoints: Vec<Endpoint>,
}

impl Decision {
    fn only(outcome: Outcome) -> Self {
        Self { outcome: Some(outcome), ..Self::default() }
    }

    /// The health of the stack by what is known now.
    #[must_use]
    pub fn health(&self, observed: &Observed) -> Health {
        health::judge(&self.objects, observed)
    }
}

/// Decides for a tenant that is not being deleted.
#[must_use]
pub fn decide(tenant: &Tenant, seen: &Seen, now: Timestamp) -> Decision {
    let suspension = suspension::suspension(tenant, seen.silence, now);
    Decision { suspension: suspension.clone(), ..decide_with(tenant, seen, suspension, now) }
}

fn decide_with(tenant: &Tenant, seen: &Seen, suspension: Suspension, now: Timestamp) -> Decision {
    if let Err(error) = TenantName::new(tenant.metadata.name.as_deref().unwrap_or_default()) {
        let problem = validate::Problem {
            reason: validate::reasons::NAME_INVALID,
            message: error.to_string(),
        };
        return Decision::only(Outcome::Invalid(vec![problem]));
    }
    let (revision, frozen) = match choose(tenant, seen) {
        Choice::Follow(revision) => (revision, None),
        Choice::Frozen(revision, outcome) => (revision, Some(outcome)),
        Choice::Hold(outcome) => return Decision { outcome, ..Decision::default() },
    };
    let mut decision = render(tenant, seen, &revision, suspension);
    if decision.outcome.is_none() {
        plan_for(tenant, seen, now, frozen.is_some(), &mut decision);
    }
    if let Some(outcome) = frozen {
        decision.outcome = Some(outcome);
    }
    decision
}

enum Choice {
    /// Bring the stack to this revision.
    Follow(Arc<Revision>),
    /// Keep the stack at this revision, prune nothing, say why.
    Frozen(Arc<Revision>, Outcome),
    /// Write nothing to the stack; with `None` not even a status.
    Hold(Option<Outcome>),
}

fn choose(tenant: &Tenant, seen: &Seen) -> Choice {
    let profile = tenant.spec.profile_ref.name.as_str();
    let status = tenant.status.as_ref().and_then(|s| s.profile_revision.as_ref());
    let in_this = |label: Option<&str>| {
        label.and_then(rollout::parse).filter(|(p, _)| *p == profile).map(|(_, n)| n)
    };
    let desired = in_this(status.and_then(|r| r.desired.as_deref()));
    let current = in_this(status.and_then(|r| r.current.as_deref()));
    let of = |number: Option<i64>| number.and_then(|n| seen.revisions.get(&n).cloned());
    if let Some(pin) = tenant.spec.profile_ref.revision {
        let known =
            || seen.revisions.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return match (of(Some(pin)), seen.profile_exists || !seen.revisions.is_empty()) {
            (Some(revision), _) => Choice::Follow(revision),
            (None, true) => {
                let label = rollout::label(profile, pin);
                let outcome = Outcome::RevisionMissing { revision: label, known: known() };
                match of(current.or(desired)) {
                    Some(revision) => Choice::Frozen(revision, outcome),
                    None => Choice::Hold(Some(outcome)),
                }
            }
            (None, false) => missing_profile(profile, None),
        };
    }
    if !seen.profile_exists {
        return missing_profile(profile, of(current.or(desired)));
    }
    // The profile's first revision is on its way; its arrival wakes us.
    let Some((&newest, newest_revision)) = seen.revisions.last_key_value() else {
        return Choice::Hold(None);
    };
    let renderer = status.and_then(|r| r.renderer);
    let may_move = seen.granted == Some(newest);
    match desired {
        None => Choice::Follow(newest_revision.clone()),
        Some(d) if (d == newest && renderer == Some(RENDERER)) || may_move => {
            Choice::Follow(newest_revision.clone())
        }
        // Another version of the operator drew what runs: nothing is written until it is our turn.
        Some(_) if renderer != Some(RENDERER) => Choice::Hold(None),
        Some(d) => {
            of(Some(d)).map_or_else(|| Choice::Follow(newest_revision.clone()), Choice::Follow)
        }
    }
}

fn missing_profile(profile: &str, revision: Option<Arc<Revision>>) -> Choice {
    let outcome = Outcome::ProfileMissing { profile: profile.to_owned() };
    match revision {
        Some(revision) => Choice::Frozen(revision, outcome),
        None => Choice::Hold(Some(outcome)),
    }
}

/// Validates and renders; on problems the outcome says them and nothing is to be done.
fn render(tenant: &Tenant, seen: &Seen, revision: &Revision, suspension: Suspension) -> Decision {
    let label = rollout::label(&tenant.spec.profile_ref.name, revision.number);
    let mut decision = Decision { revision: Some(label), suspension, ..Decision::default() };
    match validate::stack(tenant, &revision.spec, &tenant.spec.profile_ref.name, &seen.observed) {
        Ok(mut stack) => {
            stack.suspended = decision.suspension.stops();
            decision.objects = desired::objects(&stack);
            decision.endpoints = endpoints(&stack, &decision.objects);
        }
        Err(problems) => decision.outcome = Some(Outcome::Invalid(problems)),
    }
    decision
}

fn plan_for(tenant: &Tenant, seen: &Seen, now: Timestamp, frozen: bool, decision: &mut Decision) {
    match paused_until(tenant, now) {
        Err(problem) => return decision.outcome = Some(Outcome::Invalid(vec![problem])),
        Ok(Some(until)) => return decision.outcome = Some(Outcome::Paused { until }),
        Ok(None) => {}
    }
    let claimant = Claimant {
        uid: tenant.metadata.uid.as_deref().unwrap_or_default(),
        adopts: tenant.spec.adopt.as_ref().map(|a| a.previous_uid.as_str()),
        suspended: decision.suspension.stops(),
    };
    if let Some(other) = seen.rival.clone() {
        let account = account::effective(tenant, &seen.observed);
        decision.outcome = Some(Outcome::Refused(Refusal::AccountInUse { account, other }));
        return;
    }
    match plan::plan(&decision.objects, &seen.observed, claimant, &seen.learned) {
        Ok(actions) => {
            let prunes = |a: &Action| matches!(a, Action::Delete { .. } | Action::Retain { .. });
            decision.actions = actions.into_iter().filter(|a| !frozen || !prunes(a)).collect();
            decision.outcome = Some(Outcome::Applied { wrote: !decision.actions.is_empty() });
        }
        Err(refusal) => decision.outcome = Some(Outcome::Refused(refusal)),
    }
}

/// The instant of `spec.pausedUntil`, if it lies ahead, as it stands in the spec.
///
/// # Errors
/// When it is no instant.
pub fn paused_until(tenant: &Tenant, now: Timestamp) -> Result<Option<String>, validate::Problem> {
    let Some(text) = &tenant.spec.paused_until else { return Ok(None) };
    match text.parse::<Timestamp>() {
        Ok(until) => Ok((until > now).then(|| text.clone())),
        Err(_) => Err(validate::Problem {
            reason: validate::reasons::PAUSED_UNTIL_INVALID,
            message: format!(
                "spec.pausedUntil {text:?} is no instant; write it in RFC 3339, for example 2026-12-24T18:00:00Z"
            ),
        }),
    }
}

/// Every Service and Ingress of the stack's services.
fn endpoints(stack: &Stack, objects: &[Object]) -> Vec<Endpoint> {
    let namespace = stack.tenant.namespace();
    let is_service = |o: &&Object| stack.services.iter().any(|s| s.name == o.component.as_ref());
    let mut all: Vec<Endpoint> = Vec::new();
    for object in objects.iter().filter(is_service) {
        let url = match object.key.kind {
            Kind::Service => {
                let port = object.body.pointer("/spec/ports/0/port").and_then(Value::as_i64);
                port.map(|p| format!("http://{}.{namespace}.svc:{p}", object.key.name))
            }
            Kind::Ingress => {
                let host = object.body.pointer("/spec/rules/0/host").and_then(Value::as_str);
                let scheme =
                    if object.body.pointer("/spec/tls").is_some() { "https" } else { "http" };
                host.map(|h| format!("{scheme}://{h}"))
            }
            _ => None,
        };
        let Some(url) = url else { continue };
        let suffix = if object.key.kind == Kind::Ingress { "-public" } else { "" };
        all.push(Endpoint { name: format!("{}{suffix}", object.component), url });
    }
    all
}

#[cfg(test)]
mod tests;
