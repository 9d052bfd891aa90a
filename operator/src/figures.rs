//! The API server's part of a Tenant's status: left alone while it lives, marked as stale while it is
//! silent, and given back when it has spoken again. Pure.
//!
//! It writes under its own field manager, and so do we. A mark takes the marked fields over. They
//! must not be left out of our next status before the API server has taken them back: an apply
//! removes what it leaves out and nobody else holds. Afterwards they must be left out: as long as we
//! hold a part of a condition, the API server could not remove the whole of it.

use crds::{
    Tenant, TenantStatus,
    conditions::{self, NewCondition, OF_API_SERVER, STALE, Truth},
    tenant::Display,
};
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, ManagedFieldsEntry},
    jiff::Timestamp,
};

use crate::reduce::FIELD_MANAGER;

/// The API server does not renew its Lease any more, or has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// When it renewed last; `None` when it has no Lease.
    pub since: Option<Timestamp>,
}

/// What we apply of the API server's part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Its conditions, each `Unknown`.
    pub conditions: Vec<Condition>,
    /// Its words for the columns, each marked.
    pub display: Option<Display>,
}

impl Figures {
    /// Whether there is nothing to apply.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty() && self.display.is_none()
    }
}

/// What follows a word that nobody vouches for.
const MARK: &str = conditions::STALE_WORD;
/// What stands for a word that there is none of; it cannot become stale.
const NONE: &str = "–";
/// The shortest bound that the schema has for a word.
const LONGEST: usize = 64;

/// What to apply of the API server's part. `held`: our last apply still holds some of it.
#[must_use]
pub fn figures(
    status: &TenantStatus,
    held: bool,
    silence: Option<Silence>,
    now: Timestamp,
) -> Figures {
    if silence.is_some() || held && all_marked(status) {
        marked(status, silence, now)
    } else {
        Figures::default()
    }
}

/// Whether the API server has said anything of this tenant.
#[must_use]
pub fn told(status: &TenantStatus) -> bool {
    status.usage.is_some() || status.display.is_some() || of_api_server(status).next().is_some()
}

fn of_api_server(status: &TenantStatus) -> impl Iterator<Item = &Condition> {
    status.conditions.iter().filter(|c| OF_API_SERVER.contains(&c.type_.as_str()))
}

/// Whether nothing of it has been said anew since we marked it.
fn all_marked(status: &TenantStatus) -> bool {
    let display = status.display.clone().unwrap_or_default();
    let words = [display.health, display.usage, display.projected];
    let is_marked = |word: &String| word.ends_with(MARK) || word == NONE;
    of_api_server(status).all(|c| c.reason == STALE) && words.iter().flatten().all(is_marked)
}

/// Everything of it marked; what is marked already stays as it is, to the letter.
fn marked(status: &TenantStatus, silence: Option<Silence>, now: Timestamp) -> Figures {
    let message = message(status, silence.and_then(|silence| silence.since));
    let condition = |old: &Condition| {
        if old.reason == STALE {
            return Some(old.clone());
        }
        let type_ = OF_API_SERVER.into_iter().find(|type_| *type_ == old.type_)?;
        let message = message.clone();
        let new = NewCondition { type_, status: Truth::Unknown, reason: STALE, message };
        // It speaks of what the API server saw, not of what we see.
        let old = std::slice::from_ref(old);
        conditions::merge(old, &[new], old[0].observed_generation, now).pop()
    };
    let display = status.display.as_ref().map(|words| Display {
        plan: None,
        health: words.health.as_deref().and_then(mark),
        usage: words.usage.as_deref().and_then(mark),
        projected: words.projected.as_deref().and_then(mark),
    });
    Figures {
        conditions: of_api_server(status).filter_map(condition).collect(),
        display: display.filter(|words| *words != Display::default()),
    }
}

fn mark(word: &str) -> Option<String> {
    if word == NONE {
        return None;
    }
    let bare = word.strip_suffix(MARK).unwrap_or(word);
    let kept: String = bare.chars().take(LONGEST - MARK.len()).collect();
    Some(format!("{kept}{MARK}"))
}

/// A silence in words.
#[must_use]
pub fn silent(silence: Silence) -> String {
    match silence.since {
        Some(since) => format!("the API server has not been heard from since {}", seconds(since)),
        None => format!("the API server is not there: Lease {} is missing", crds::API_SERVER),
    }
}

fn message(status: &TenantStatus, since: Option<Timestamp>) -> String {
    let silent = silent(Silence { since });
    match status.usage.as_ref().map(|usage| usage.as_of.as_str()) {
        Some(of) if !of.is_empty() => format!("the figures are of {of}: {silent}"),
        _ => silent,
    }
}

fn seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}

/// Whether `old` says all that we say in `new`, and what else it says is not ours.
#[must_use]
pub fn says(old: &TenantStatus, new: &TenantStatus) -> bool {
    let mut said = old.clone();
    said.usage = None;
    said.conditions.retain(|c| conditions::find(&new.conditions, &c.type_).is_some());
    said.display = new.display.as_ref().map(|asked| {
        let found = said.display.clone().unwrap_or_default();
        let of = |asked: &Option<String>, found| asked.as_ref().and(found);
        Display {
            plan: of(&asked.plan, found.plan),
            health: of(&asked.health, found.health),
            usage: of(&asked.usage, found.usage),
            projected: of(&asked.projected, found.projected),
        }
    });
    // The API server keeps a list with two writers in an order of its own.
    let sorted = |status: &TenantStatus| {
        let mut status = status.clone();
        status.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
        status
    };
    sorted(&said) == sorted(new)
}

/// Whether our last apply of the status holds some of the API server's part.
#[must_use]
pub fn held(tenant: &Tenant) -> bool {
    tenant.metadata.managed_fields.iter().flatten().any(holds)
}

/// Keeps of the managed fields only what [`held`] asks for: there are many tenants, and their
/// managed fields are longer than all the rest.
pub fn forget_managed_fields(tenant: &mut Tenant) {
    let mut kept = tenant.metadata.managed_fields.take().unwrap_or_default();
    kept.retain(holds);
    tenant.metadata.managed_fields = (!kept.is_empty()).then_some(kept);
}

fn holds(entry: &ManagedFieldsEntry) -> bool {
    let ours = entry.manager.as_deref() == Some(FIELD_MANAGER)
        && entry.operation.as_deref() == Some("Apply")
        && entry.subresource.as_deref() == Some("status");
    let status = entry.fields_v1.as_ref().and_then(|fields| fields.0.get("f:status"));
    let holds = |status: &serde_json::Value| {
        let condition = |type_: &str| format!(r#"k:{{"type":"{type_}"}}"#);
        let conditions = status.get("f:conditions");
        let any = |type_| conditions.is_some_and(|all| all.get(condition(type_)).is_some());
        status.get("f:display").is_some() || OF_API_SERVER.into_iter().any(any)
    };
    ours && status.is_some_and(holds)
}

#[cfg(test)]
mod tests;
