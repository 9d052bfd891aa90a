//! Whether a tenant's services are to be stopped, and by whose word. Pure.
//!
//! `spec.suspend` is a person's word. For a used-up quota the API server decides
//! (`status.usage.enforcement`) and we obey, where `spec.quotaAction` still asks for it. Services are
//! not stopped on figures that nobody vouches for. What is stopped already stays so while the API
//! server is silent: starting a fleet because the one that knows better is down would be a change
//! made on no knowledge. But no decision outlives its billing period, whose end needs no figures.

use crds::{
    Tenant,
    conditions::{self, NewCondition, SUSPENDED, Truth},
    tenant::{EnforcementAction, QuotaPolicy},
};
use k8s_openapi::jiff::Timestamp;

use crate::figures::Silence;

/// Why [`SUSPENDED`] is `True` when the API server asked for it.
const QUOTA_USED_UP: &str = "QuotaUsedUp";

/// By whose word services are stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Suspension {
    /// They are not.
    #[default]
    No,
    /// `spec.suspend`.
    Spec,
    /// The API server's: a quota is used up.
    Quota(Quota),
}

/// What the API server decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The meter that is furthest.
    meter: Option<String>,
    /// The share of its quota at which it came to this, in percent.
    at: u16,
    /// When it was decided.
    since: String,
    /// When the billing period ends, and this with it.
    until: Timestamp,
    /// The figures are old, or nobody vouches for them.
    kept: bool,
}

impl Suspension {
    /// Whether services are stopped.
    #[must_use]
    pub fn stops(&self) -> bool {
        *self != Self::No
    }

    /// What `Ready` says of it.
    #[must_use]
    pub const fn told(&self) -> &'static str {
        match self {
            Self::Quota(_) => {
                "services are stopped since a quota is used up; data, gateway and backups stay"
            }
            _ => "services are stopped as asked; data, gateway and backups stay",
        }
    }

    /// The condition [`SUSPENDED`].
    #[must_use]
    pub fn condition(&self) -> NewCondition {
        let (status, reason, message) = match self {
            Self::No => (Truth::False, "NotSuspended", "spec.suspend is false".to_owned()),
            Self::Spec => (Truth::True, "SpecSuspend", "spec.suspend is true".to_owned()),
            Self::Quota(quota) => (Truth::True, QUOTA_USED_UP, quota.message()),
        };
        NewCondition { type_: SUSPENDED, status, reason, message }
    }
}

impl Quota {
    fn message(&self) -> String {
        let Self { meter, at, since, until, kept } = self;
        let meter = meter.as_deref().unwrap_or("a meter");
        let kept =
            if *kept { " The figures are old; this stays until then all the same." } else { "" };
        format!(
            "{meter} has reached {at} % of its quota (spec.quotaAction): services are stopped since {since} until \
             the billing period ends at {until}. They start before that when a larger plan is agreed \
             (spec.plan), or at once with spec.quotaAction.policy: Alert.{kept}"
        )
    }
}

/// By whose word a tenant's services are to be stopped at `now`.
#[must_use]
pub fn suspension(tenant: &Tenant, silence: Option<Silence>, now: Timestamp) -> Suspension {
    if tenant.spec.suspend {
        return Suspension::Spec;
    }
    let Some(asked) = asked(tenant) else { return Suspension::No };
    let current = silence.is_none() && asked.valid_until.is_some_and(|until| until > now);
    let begins = current && asked.not_before.is_some_and(|from| from <= now);
    if asked.quota.until > now && (begins || is_in_force(tenant)) {
        Suspension::Quota(Quota { kept: !current, ..asked.quota })
    } else {
        Suspension::No
    }
}

/// When time alone changes that.
#[must_use]
pub fn next(tenant: &Tenant, now: Timestamp) -> Option<Timestamp> {
    let asked = asked(tenant)?;
    [asked.not_before, Some(asked.quota.until)].into_iter().flatten().filter(|at| *at > now).min()
}

/// What the API server asks for.
struct Asked {
    quota: Quota,
    not_before: Option<Timestamp>,
    valid_until: Option<Timestamp>,
}

/// That services be stopped, where spec and API server ask for it.
fn asked(tenant: &Tenant) -> Option<Asked> {
    let action = tenant.spec.quota_action.as_ref()?;
    let usage = tenant.status.as_ref()?.usage.as_ref()?;
    let told = usage.enforcement.as_ref()?;
    if action.policy != QuotaPolicy::Suspend || told.action != EnforcementAction::Suspend {
        return None;
    }
    let instant = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
    let quota = Quota {
        meter: usage.highest.as_ref().map(|highest| highest.meter.clone()),
        at: action.at,
        since: told.as_of.clone(),
        until: usage.period.end.parse().ok()?,
        kept: false,
    };
    let (not_before, valid_until) = (instant(&told.not_before), instant(&usage.valid_until));
    Some(Asked { quota, not_before, valid_until })
}

/// Whether we did as asked before.
fn is_in_force(tenant: &Tenant) -> bool {
    let conditions = tenant.status.as_ref().map(|status| status.conditions.as_slice());
    let told = conditions::find(conditions.unwrap_or_default(), SUSPENDED);
    told.is_some_and(|c| c.status == Truth::True.as_str() && c.reason == QUOTA_USED_UP)
}

#[cfg(test)]
mod tests;
