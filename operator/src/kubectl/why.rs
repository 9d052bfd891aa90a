//! Why a tenant is not ready: condition → object → event → who set the field → what to do. Pure.
//!
//! The causes are the operator's own ([`crate::decide`], [`crate::health`]), found again in what the
//! cluster shows now; so an answer does not wait for an operator that is gone.

mod deleting;
mod lead;
mod origin;
mod parts;
mod pending;
mod said;
mod tree;
mod usage;

use crds::conditions::{self, READY, RECONCILING, STALLED};
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

pub use tree::render;

use super::{scene::Scene, words};
use crate::health::reasons::WAITING_FOR_OBJECTS;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// The tenant.
    pub tenant: String,
    /// Whether its stack is ready.
    pub ready: bool,
    /// The answer in one line.
    pub headline: String,
    /// Every cause, the one that matters most first.
    pub causes: Vec<Cause>,
    /// What could not be looked at, since the user may not see it.
    pub unseen: Vec<String>,
}

/// One cause, with what leads to it and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// One word for it: a reason of the tenant's conditions where there is one.
    pub cause: String,
    /// From what the condition speaks of down to what is wrong.
    pub chain: Vec<Link>,
    /// What to do, the nearest remedy first.
    pub remedies: Vec<String>,
}

/// One step from a condition to its cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// What it is and how it stands.
    pub text: String,
    /// Who says so, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Link {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    fn by(mut self, by: Option<String>) -> Self {
        self.by = by;
        self
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

impl Cause {
    fn new(cause: &str, chain: Vec<Link>, remedies: Vec<String>) -> Self {
        Self { cause: cause.to_owned(), chain, remedies }
    }
}

/// Explains how the tenant stands.
#[must_use]
pub fn why(scene: &Scene, now: Timestamp) -> Why {
    let mut causes: Vec<Cause> = lead::causes(scene, now).into_iter().collect();
    let lead = causes.len();
    if scene.tenant.metadata.deletion_timestamp.is_some() {
        causes.extend(deleting::causes(scene, now));
    } else {
        causes.extend(said::causes(scene, now));
        let alone = causes.len() == lead;
        causes.extend(said::waiting(scene, now, alone));
        let alone = causes.len() == lead;
        causes.extend(parts::causes(scene, now, alone));
        // Without an operator nobody makes what is missing.
        causes.retain(|cause| lead == 0 || cause.cause != WAITING_FOR_OBJECTS);
        causes.extend(said::fights(scene, now));
        causes.extend(usage::causes(scene, now));
    }
    let status = scene.status();
    let ready = conditions::is_true(&status.conditions, READY);
    if !ready && causes.is_empty() {
        causes.extend(as_told(scene, now));
    }
    Why {
        tenant: scene.name().to_owned(),
        ready,
        headline: headline(scene, ready, &causes, now),
        causes,
        unseen: scene.recorded.unseen.clone(),
    }
}

/// The conditions' own words, where nothing more is known.
fn as_told(scene: &Scene, now: Timestamp) -> Option<Cause> {
    let status = scene.status();
    let told = conditions::find(&status.conditions, READY)?;
    let link = Link::new(told.message.clone())
        .by(Some(format!("condition Ready, {} ago", words::age(told.last_transition_time.0, now))));
    let going_on = conditions::is_true(&status.conditions, RECONCILING);
    let remedy = if going_on {
        "wait: the operator is at work; kubectl tenant status shows how far it is".to_owned()
    } else {
        format!("kubectl describe tenant {} shows its events", scene.name())
    };
    Some(Cause::new(&told.reason, vec![link], vec![remedy]))
}

fn headline(scene: &Scene, ready: bool, causes: &[Cause], now: Timestamp) -> String {
    let (name, status) = (scene.name(), scene.status());
    let Some(told) = conditions::find(&status.conditions, READY) else {
        return format!("{name} has not been looked at yet: {}", first(causes, "NotSeenYet"));
    };
    let since = words::age(told.last_transition_time.0, now);
    match (ready, causes) {
        (true, []) => format!("{name} is Ready since {since}; nothing is wrong"),
        (true, _) => format!("{name} is Ready since {since}, but: {}", first(causes, "")),
        (false, _) => {
            let stalled = conditions::find(&status.conditions, STALLED);
            let stalled = stalled.filter(|c| c.status == "True").map(|c| c.reason.clone());
            let reason = stalled.unwrap_or_else(|| told.reason.clone());
            // What was found now may be newer, or nearer to the cause, than what was told.
            let reason = if causes.is_empty() { reason } else { first(causes, &reason) };
            format!("{name} is not Ready since {since}: {reason}")
        }
    }
}

fn first(causes: &[Cause], otherwise: &str) -> String {
    causes.first().map_or_else(|| otherwise.to_owned(), |cause| cause.cause.clone())
}

/// `kubelet, 3m ago`.
fn ago(by: &str, then: Option<Timestamp>, now: Timestamp) -> String {
    then.map_or_else(|| by.to_owned(), |then| format!("{by}, {} ago", words::age(then, now)))
}

#[cfg(test)]
mod tests;
