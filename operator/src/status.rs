//! A tenant's status from what happened: a pure function on every path, also the bad ones.

mod frozen;
mod revision;
mod waiting;

pub use waiting::REASON as ROLLOUT_WAITING;

use crds::{
    TenantStatus,
    conditions::{self, NewCondition, PROFILE_VALID, READY, RECONCILING, STALLED, Truth},
    tenant::{Endpoint, Identity, ServiceAccountIdentity},
};
use k8s_openapi::jiff::Timestamp;

use crate::{
    contest,
    figures::{self, Silence},
    health::{Health, is_shown},
    kinds::Kind,
    object::Key,
    observed::{Observed, Record},
    plan::Refusal,
    suspension::Suspension,
    validate::{self, Problem},
};

/// What came of one reconciliation.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Everything is as it should be, or was just applied. `wrote`: something had to be written.
    Applied {
        /// Something had to be written.
        wrote: bool,
    },
    /// A request did not go through; it is tried again.
    Retrying {
        /// What the API server said.
        message: String,
    },
    /// The API server will not take it until a human helps.
    Blocked {
        /// `Forbidden`, `Rejected` or `QuotaExceeded`.
        reason: &'static str,
        /// What, where, and what to do.
        message: String,
    },
    /// Tenant and profile cannot be rendered together.
    Invalid(Vec<Problem>),
    /// The profile is gone: the stack stays as it is.
    ProfileMissing {
        /// The profile's name.
        profile: String,
    },
    /// The profile is there and cannot be read: the stack stays as it is.
    ProfileUnreadable {
        /// The profile's name.
        profile: String,
        /// What is wrong with it.
        error: String,
    },
    /// The pinned revision does not exist.
    RevisionMissing {
        /// `PROFILE@NUMBER`.
        revision: String,
        /// The revisions that exist.
        known: String,
    },
    /// Something that is not ours stands in the way.
    Refused(Refusal),
    /// `spec.pausedUntil` lies ahead.
    Paused {
        /// Until when, as it stands in the spec.
        until: String,
    },
    /// Another version of the operator drew the stack, and its turn has not come.
    Waiting {
        /// The profile whose rollout it waits for.
        profile: String,
    },
    /// The tenant is being deleted.
    Deleting {
        /// What is going on.
        step: &'static str,
        /// What is waited for.
        message: String,
        /// Why only a human can help, if so.
        stalled: Option<(&'static str, String)>,
    },
}

/// Everything a status is made of.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// The status that stands there.
    pub previous: Option<&'a TenantStatus>,
    /// The Tenant's `metadata.generation`.
    pub generation: Option<i64>,
    /// The Tenant's uid.
    pub uid: &'a str,
    /// The namespace of its stack.
    pub namespace: String,
    /// What came of it.
    pub outcome: &'a Outcome,
    /// The health of the stack.
    pub health: &'a Health,
    /// What was observed.
    pub observed: &'a Observed,
    /// The account that the tenant's usage is kept under, unless it is another tenant's.
    pub account: Option<&'a str>,
    /// Whether the API server is silent.
    pub silence: Option<Silence>,
    /// Whether our last status holds some of the API server's part ([`figures::held`]).
    pub held: bool,
    /// The revision that the stack is brought to.
    pub desired_revision: Option<String>,
    /// The version of the rendering.
    pub renderer: i64,
    /// Whether services are to be stopped, and by whose word.
    pub suspension: Suspension,
    /// Where the services answer.
    pub endpoints: Vec<Endpoint>,
}

/// The status that should stand there; times are only moved where a condition changed.
#[must_use]
pub fn status(input: &Input<'_>, now: Timestamp) -> TenantStatus {
    let previous = input.previous.cloned().unwrap_or_default();
    let verdict = verdict(input, &previous);
    let ready = verdict.ready.status.is_true();
    let new = [
        verdict.ready,
        verdict.reconciling,
        verdict.stalled,
        verdict.profile_valid,
        waiting::suspended(input, &previous),
    ];
    let figures = figures::figures(&previous, input.held, input.silence, now);
    let mut conditions = conditions::merge(&previous.conditions, &new, input.generation, now);
    conditions.extend(figures.conditions);
    TenantStatus {
        conditions,
        observed_generation: input.generation,
        namespace: Some(input.namespace.clone()),
        profile_revision: revision::revision(input, &previous, ready),
        components: input.health.components.iter().filter(|c| is_shown(c)).cloned().collect(),
        retained: retained(input),
        endpoints: input.endpoints.clone(),
        account_id: account(input, &previous),
        identity: identity(input),
        display: figures.display,
        // Never ours, not even stale: its instant stands in it.
        usage: None,
    }
}

struct Verdict {
    ready: NewCondition,
    reconciling: NewCondition,
    stalled: NewCondition,
    profile_valid: NewCondition,
}

impl Verdict {
    /// Not ready, nothing going on, for a human to mend.
    fn stalled(reason: &'static str, message: &str, profile_valid: NewCondition) -> Self {
        Self {
            ready: no(READY, reason, message),
            reconciling: no(RECONCILING, reason, "waiting for the cause to be mended"),
            stalled: yes(STALLED, reason, message),
            profile_valid,
        }
    }
}

fn verdict(input: &Input<'_>, previous: &TenantStatus) -> Verdict {
    let valid = || yes(PROFILE_VALID, "Rendered", "tenant and profile render together");
    match input.outcome {
        Outcome::Applied { wrote } => applied(input, previous, *wrote),
        Outcome::Retrying { message } => Verdict {
            ready: running(input),
            reconciling: yes(RECONCILING, "Retrying", message),
            stalled: no(STALLED, "Retrying", "trying again"),
            profile_valid: valid(),
        },
        // Whoever else writes to it, what runs, runs.
        Outcome::Blocked { reason: reason @ contest::REASON, message } => {
            Verdict { ready: running(input), ..Verdict::stalled(reason, message, valid()) }
        }
        Outcome::Blocked { reason, message } => Verdict::stalled(reason, message, valid()),
        Outcome::Invalid(problems) => invalid(previous, problems),
        Outcome::ProfileMissing { .. }
        | Outcome::ProfileUnreadable { .. }
        | Outcome::RevisionMissing { .. } => frozen::verdict(previous, input.outcome),
        Outcome::Refused(refusal) => refused(refusal, valid()),
        Outcome::Paused { until } => paused(input, previous, until, valid()),
        Outcome::Waiting { profile } => waiting::verdict(input, previous, profile),
        Outcome::Deleting { step, message, stalled } => {
            deleting(previous, step, message, stalled.as_ref())
        }
    }
}

fn applied(input: &Input<'_>, previous: &TenantStatus, wrote: bool) -> Verdict {
    let busy = conditions::is_true(&previous.conditions, RECONCILING)
        || input.generation != previous.observed_generation
        || previous.profile_revision.as_ref().is_some_and(|r| {
            r.current != input.desired_revision || revision::drawn_by(input, r).is_some()
        })
        || wrote;
    let nothing = |reason, message| no(RECONCILING, reason, message);
    let (ready, reconciling) = match &input.health.cause {
        None if input.suspension.stops() => {
            (no(READY, "Suspended", input.suspension.told()), nothing("Suspended", "nothing to do"))
        }
        None => (all_ready(input), nothing("InSync", "nothing to do")),
        Some(cause) if busy => (
            no(READY, cause.reason, &cause.message),
            yes(RECONCILING, cause.reason, &cause.message),
        ),
        Some(cause) => {
            (no(READY, cause.reason, &cause.message), nothing("InSync", "everything is applied"))
        }
    };
    Verdict {
        ready,
        reconciling,
        stalled: no(STALLED, "InSync", "nothing needs a human"),
        profile_valid: yes(PROFILE_VALID, "Rendered", "tenant and profile render together"),
    }
}

/// `Ready` by how the stack is, whatever could not be written to it.
fn running(input: &Input<'_>) -> NewCondition {
    match &input.health.cause {
        None if !input.suspension.stops() => all_ready(input),
        None => no(READY, "Suspended", input.suspension.told()),
        Some(cause) => no(READY, cause.reason, &cause.message),
    }
}

fn all_ready(input: &Input<'_>) -> NewCondition {
    let shown = input.health.components.iter().filter(|c| is_shown(c)).count();
    yes(READY, "AllReady", &format!("{shown} components run"))
}

fn invalid(previous: &TenantStatus, problems: &[Problem]) -> Verdict {
    let first = problems.first().map_or("Invalid", |p| p.reason);
    let texts: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
    let message = format!("{}{}", texts.join("; "), still_runs(previous));
    let ready = match first {
        validate::reasons::QUOTA_TOO_SMALL => first,
        _ => "SpecNotApplied",
    };
    Verdict {
        ready: no(READY, ready, &message),
        reconciling: no(RECONCILING, first, "waiting for the spec or the profile to be mended"),
        stalled: yes(STALLED, first, &message),
        profile_valid: no(PROFILE_VALID, first, &texts.join("; ")),
    }
}

fn still_runs(previous: &TenantStatus) -> String {
    let current = previous.profile_revision.as_ref().and_then(|r| r.current.as_deref());
    current.map_or_else(String::new, |revision| format!("; {revision} still runs"))
}

fn refused(refusal: &Refusal, profile_valid: NewCondition) -> Verdict {
    match refusal {
        Refusal::NamespaceForeign { namespace } => Verdict::stalled(
            "NamespaceNotOwned",
            &format!(
                "namespace {namespace} exists and belongs to nobody we know; rename the tenant, or delete the namespace"
            ),
            profile_valid,
        ),
        Refusal::NamespaceRetained { namespace, uid } => Verdict::stalled(
            "NamespaceNotOwned",
            &format!(
                "namespace {namespace} holds the retained stack of uid {uid}; set spec.adopt.previousUid to take it over, \
                 or annotate the namespace with {}={uid} to remove it with its data",
                crate::desired::meta::PURGE
            ),
            profile_valid,
        ),
        Refusal::ObjectForeign { key } => Verdict::stalled(
            "ObjectNotOwned",
            &format!("{key} exists and is not ours; delete or rename it, then the stack goes on"),
            profile_valid,
        ),
        Refusal::AccountInUse { account, other } => Verdict::stalled(
            "AccountInUse",
            &format!(
                "account {account:?} is that of tenant {other}: two tenants cannot share one. Make this tenant anew \
                 with another spec.accountId, or without one, or delete {other}"
            ),
            profile_valid,
        ),
        Refusal::NamespaceTerminating { namespace } => {
            let message = format!("namespace {namespace} is still being deleted");
            Verdict {
                ready: no(READY, "NamespaceTerminating", &message),
                reconciling: yes(RECONCILING, "NamespaceTerminating", &message),
                stalled: no(STALLED, "NamespaceTerminating", "it goes on by itself"),
                profile_valid,
            }
        }
    }
}

fn paused(
    input: &Input<'_>,
    previous: &TenantStatus,
    until: &str,
    profile_valid: NewCondition,
) -> Verdict {
    let ready = match &input.health.cause {
        None if waiting::stopped(previous) => no(READY, "Suspended", input.suspension.told()),
        None => all_ready(input),
        Some(cause) => no(READY, cause.reason, &cause.message),
    };
    let message = self::until(until);
    Verdict {
        ready,
        reconciling: no(RECONCILING, "Paused", &message),
        stalled: no(STALLED, "Paused", &message),
        profile_valid,
    }
}

fn until(until: &str) -> String {
    format!("spec.pausedUntil: nothing is written until {until}")
}

fn deleting(
    previous: &TenantStatus,
    step: &'static str,
    message: &str,
    stalled: Option<&(&'static str, String)>,
) -> Verdict {
    let kept = conditions::find(&previous.conditions, PROFILE_VALID);
    let profile_valid = match kept {
        Some(c) if c.status == "False" => no(PROFILE_VALID, "Deleting", &c.message),
        _ => yes(PROFILE_VALID, "Rendered", "tenant and profile render together"),
    };
    Verdict {
        ready: no(READY, "Deleting", message),
        reconciling: yes(RECONCILING, step, message),
        stalled: match stalled {
            Some((reason, message)) => yes(STALLED, reason, message),
            None => no(STALLED, "Deleting", "nothing needs a human"),
        },
        profile_valid,
    }
}

/// Told once the namespace is the tenant's: before that nothing is metered, and the stack that it
/// may still take over brings an account of its own.
fn account(input: &Input<'_>, previous: &TenantStatus) -> Option<String> {
    let account = input.account.filter(|_| has_namespace(input));
    account.map(ToOwned::to_owned).or_else(|| previous.account_id.clone())
}

fn has_namespace(input: &Input<'_>) -> bool {
    let record = input.observed.objects.get(&Key::new(Kind::Namespace, &input.namespace));
    record.is_some_and(|r| Observed::is_ours(r, input.uid))
}

/// The ServiceAccounts as they are, not as they should be: a token proves the uid of one that is.
fn identity(input: &Input<'_>) -> Option<Identity> {
    let ours = |(key, record): &(&Key, &Record)| {
        key.kind == Kind::ServiceAccount && Observed::is_ours(record, input.uid) && !record.deleting
    };
    let accounts = input.observed.objects.iter().filter(ours).map(|(key, record)| {
        ServiceAccountIdentity { name: key.name.to_string(), uid: record.uid.to_string() }
    });
    has_namespace(input).then(|| Identity {
        namespace: input.namespace.clone(),
        service_accounts: accounts.collect(),
    })
}

fn retained(input: &Input<'_>) -> Vec<String> {
    let ours = |r: &crate::observed::Record| r.retained && Observed::is_ours(r, input.uid);
    input.observed.objects.iter().filter(|(_, r)| ours(r)).map(|(k, _)| k.to_string()).collect()
}

fn yes(type_: &'static str, reason: &'static str, message: &str) -> NewCondition {
    NewCondition { type_, status: Truth::True, reason, message: message.to_owned() }
}

fn no(type_: &'static str, reason: &'static str, message: &str) -> NewCondition {
    NewCondition { type_, status: Truth::False, reason, message: message.to_owned() }
}

#[cfg(test)]
mod tests;
