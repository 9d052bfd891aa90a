//! What to do for one tenant: choose the revision, validate, render, plan. Pure.

use std::{collections::BTreeMap, sync::Arc};

use crds::{
    Tenant, TenantStatus,
    conditions::{self, RECONCILING},
    names::TenantName,
    tenant::Endpoint,
};
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
    /// Why that profile exists and cannot be read, if so.
    pub unreadable: Option<String>,
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

    /// Whether it brings the stack to another revision or another rendering than its status says.
    #[must_use]
    pub fn moves(&self, tenant: &Tenant) -> bool {
        let stands = tenant.status.as_ref().and_then(|s| s.profile_revision.as_ref());
        stands.is_some_and(|r| {
            r.desired.is_some() && (r.desired != self.revision || !drawn_here(tenant))
        })
    }

    /// Whether the stack was in sync with it: what is to be written then, somebody else changed.
    #[must_use]
    pub fn was_in_sync(&self, tenant: &Tenant) -> bool {
        let Some(status) = &tenant.status else { return false };
        let stands = status.profile_revision.as_ref();
        status.observed_generation == tenant.metadata.generation
            && stands.is_some_and(|r| r.has_arrived() && r.current == self.revision)
            && drawn_here(tenant)
            && !conditions::is_true(&status.conditions, RECONCILING)
    }

    /// Whether its status already spoke of this, be the stack still on its way: what has to be written again and again
    /// then, somebody else changes. Pods that our own repair set going hide nobody.
    #[must_use]
    pub fn was_written(&self, tenant: &Tenant) -> bool {
        let Some(status) = &tenant.status else { return false };
        let stands = status.profile_revision.as_ref();
        status.observed_generation == tenant.metadata.generation
            && stands.is_some_and(|r| r.desired == self.revision)
            && drawn_here(tenant)
    }

    /// The health of the stack by what is known now.
    #[must_use]
    pub fn health(&self, observed: &Observed) -> Health {
        health::judge(&self.objects, observed)
    }
}

/// Whether this version of the operator drew the tenant's stack.
fn drawn_here(tenant: &Tenant) -> bool {
    let stands = tenant.status.as_ref().and_then(|s| s.profile_revision.as_ref());
    stands.and_then(|r| r.renderer) == Some(RENDERER)
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
        Choice::Keep(revision, outcome) => {
            return keep(tenant, seen, &revision, suspension, outcome, now);
        }
        Choice::Hold(outcome) => return Decision { outcome, ..Decision::default() },
    };
    let mut decision = render(tenant, seen, &revision, suspension);
    if decision.outcome.is_none() {
        plan_for(tenant, seen, now, frozen.is_some(), &mut decision);
    }
    if let Some(outcome) = frozen {
        // What the stack is kept in sync with is told only where it is: see `waiting::suspended`.
        if !matches!(decision.outcome, Some(Outcome::Applied { .. })) {
            decision.revision = None;
        }
        decision.outcome = Some(outcome);
    }
    decision
}

enum Choice {
    /// Bring the stack to this revision.
    Follow(Arc<Revision>),
    /// Keep the stack at this revision, prune nothing, say why.
    Frozen(Arc<Revision>, Outcome),
    /// Another version of the operator drew the stack at this revision, or one is to be followed that
    /// it was never told to move to: write nothing to it, say how it is, and first what is told here.
    Keep(Arc<Revision>, Option<Outcome>),
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
    // What another version of the operator drew is not touched before its turn. What never ran has
    // nothing to be spared: it is finished at once.
    let has_run = status.is_some_and(|r| r.current.is_some());
    let drawn_by_another = desired.is_some() && has_run && !drawn_here(tenant);
    let frozen = |outcome: Outcome| match of(current.or(desired)) {
        Some(revision) if drawn_by_another => Choice::Keep(revision, Some(outcome)),
        Some(revision) => Choice::Frozen(revision, outcome),
        None => Choice::Hold(Some(outcome)),
    };
    let missing_profile = || {
        let profile = profile.to_owned();
        frozen(match seen.unreadable.clone() {
            Some(error) => Outcome::ProfileUnreadable { profile, error },
            None => Outcome::ProfileMissing { profile },
        })
    };
    if let Some(pin) = tenant.spec.profile_ref.revision {
        let known =
            || seen.revisions.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return match (of(Some(pin)), seen.profile_exists || !seen.revisions.is_empty()) {
            (Some(revision), _) if drawn_by_another && seen.granted != Some(pin) => {
                Choice::Keep(of(desired).unwrap_or(revision), None)
            }
            (Some(revision), _) => Choice::Follow(revision),
            (None, true) => frozen(Outcome::RevisionMissing {
                revision: rollout::label(profile, pin),
                known: known(),
            }),
            (None, false) => missing_profile(),
        };
    }
    if !seen.profile_exists {
        return missing_profile();
    }
    // The profile's first revision is on its way; its arrival wakes us.
    let Some((&newest, newest_revision)) = seen.revisions.last_key_value() else {
        return Choice::Hold(None);
    };
    let stays = || of(desired).unwrap_or_else(|| newest_revision.clone());
    match desired {
        Some(_) if seen.granted == Some(newest) => Choice::Follow(newest_revision.clone()),
        // The revision that it runs is lost, or cannot be read: to the newest it moves by the rollout.
        Some(number) if has_run && !seen.revisions.contains_key(&number) => {
            Choice::Keep(newest_revision.clone(), None)
        }
        Some(_) if drawn_by_another => Choice::Keep(stays(), None),
        Some(_) => Choice::Follow(stays()),
        None => Choice::Follow(newest_revision.clone()),
    }
}

/// Judges a stack that another version of the operator drew, and writes nothing to it.
fn keep(
    tenant: &Tenant,
    seen: &Seen,
    revision: &Revision,
    suspension: Suspension,
    first: Option<Outcome>,
    now: Timestamp,
) -> Decision {
    let rendered = render(tenant, seen, revision, suspension);
    let status = tenant.status.clone().unwrap_or_default();
    let edited = status.observed_generation != tenant.metadata.generation;
    let outcome = match (first, rendered.outcome) {
        (Some(first), _) => Some(first),
        // What this version does not take is said of an edit, or in its turn: until then it runs.
        (None, Some(invalid)) => edited.then_some(invalid),
        (None, None) => {
            let profile = tenant.spec.profile_ref.name.clone();
            held_back(tenant, seen, now).or(Some(Outcome::Waiting { profile }))
        }
    };
    Decision {
        outcome,
        objects: as_they_are(rendered.objects, &seen.observed, &status),
        endpoints: status.endpoints,
        ..Decision::default()
    }
}

/// The part of `objects` that a stack can be judged by that another version drew: what is there of
/// it, and the Deployments that it was said to have; with as many pods as they are told to run now.
fn as_they_are(objects: Vec<Object>, observed: &Observed, status: &TenantStatus) -> Vec<Object> {
    let arrived = status.profile_revision.as_ref().is_some_and(|r| r.current == r.desired);
    let told = |o: &Object| status.components.iter().any(|c| c.name == *o.component);
    let is_part = |o: &Object| {
        let missed = !arrived || (o.key.kind == Kind::Deployment && told(o));
        observed.objects.contains_key(&o.key) || missed
    };
    let mut parts: Vec<Object> = objects.into_iter().filter(is_part).collect();
    let specs = parts.iter_mut().filter_map(|o| o.body.pointer_mut("/spec"));
    for spec in specs.filter_map(Value::as_object_mut) {
        spec.remove("replicas");
    }
    parts
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
    if let Some(outcome) = held_back(tenant, seen, now) {
        return decision.outcome = Some(outcome);
    }
    let claimant = Claimant {
        uid: tenant.metadata.uid.as_deref().unwrap_or_default(),
        adopts: tenant.spec.adopt.as_ref().map(|a| a.previous_uid.as_str()),
        suspended: decision.suspension.stops(),
    };
    match plan::plan(&decision.objects, &seen.observed, claimant, &seen.learned) {
        Ok(actions) => {
            let prunes = |a: &Action| matches!(a, Action::Delete { .. } | Action::Retain { .. });
            decision.actions = actions.into_iter().filter(|a| !frozen || !prunes(a)).collect();
            decision.outcome = Some(Outcome::Applied { wrote: !decision.actions.is_empty() });
        }
        Err(refusal) => decision.outcome = Some(Outcome::Refused(refusal)),
    }
}

/// Why nothing is written to a tenant that can be rendered.
fn held_back(tenant: &Tenant, seen: &Seen, now: Timestamp) -> Option<Outcome> {
    match paused_until(tenant, now) {
        Err(problem) => Some(Outcome::Invalid(vec![problem])),
        Ok(Some(until)) => Some(Outcome::Paused { until }),
        Ok(None) => seen.rival.clone().map(|other| {
            let account = account::effective(tenant, &seen.observed);
            Outcome::Refused(Refusal::AccountInUse { account, other })
        }),
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
