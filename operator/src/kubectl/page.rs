//! Everything about one tenant, as data; `text` makes a page of it. Pure.

mod objects;
mod text;

use crds::{
    conditions::{self, READY},
    tenant::{Endpoint, UsageStatus},
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use serde::Serialize;

pub use text::{render, usage};

use super::{
    event::Event,
    scene::{Lead, Scene},
};

/// Everything about one tenant.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// Its name.
    pub name: String,
    /// Whether its stack is ready.
    pub ready: bool,
    /// Who it is and what it was asked to be.
    pub identity: Identity,
    /// Its profile and how far the stack is with it.
    pub profile: Profile,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// The parts of its stack.
    pub components: Vec<Component>,
    /// Where its services answer.
    pub endpoints: Vec<Endpoint>,
    /// What it used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageStatus>,
    /// By whose midnights its billing periods run.
    #[serde(skip)]
    pub time_zone: String,
    /// What `kubectl get tenants` shows of that.
    pub display: crds::tenant::Display,
    /// Objects with data that the stack no longer uses and that are kept.
    pub retained: Vec<String>,
    /// What happened lately, the newest first.
    pub events: Vec<Event>,
    /// Why what is said here may be old.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<String>,
    /// What the user may not see.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
}

/// Who a tenant is and what it was asked to be.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The customer's name.
    pub display_name: String,
    /// The Tenant's uid.
    pub uid: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was deleted, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Timestamp>,
    /// The namespace of its stack.
    pub namespace: String,
    /// Its account in the ledger.
    pub account: Option<String>,
    /// The plan that is asked for.
    pub plan: Option<String>,
    /// Its overlays.
    pub overlays: Vec<String>,
    /// The services that it overrides.
    pub overrides: Vec<String>,
    /// Whether it is suspended by its spec.
    pub suspend: bool,
    /// Until when nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<String>,
    /// What happens to its data when it is deleted.
    pub deletion_policy: String,
}

/// A tenant's profile and how far its stack is with it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Whether it exists; `None`: it may not be seen.
    pub exists: Option<bool>,
    /// The revision that is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<i64>,
    /// The revision that the stack is brought to.
    pub desired: Option<String>,
    /// The revision that it last ran healthily.
    pub current: Option<String>,
    /// The version of the rendering.
    pub renderer: Option<i64>,
    /// The profile's newest revision.
    pub newest: Option<i64>,
    /// How its rollout stands.
    pub rollout: Option<String>,
}

/// One part of a stack.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Whether all of it runs.
    pub ready: bool,
    /// What waits for what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its objects.
    pub objects: Vec<Part>,
    /// Its pods.
    pub pods: Vec<Part>,
}

/// An object or pod, and how it stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// How it stands, in few words; empty where there is nothing to say.
    pub state: String,
    /// Whether that is as it should be.
    pub good: bool,
}

/// The page of one tenant with its newest events.
#[must_use]
pub fn page(scene: &Scene, events: usize) -> Page {
    let status = scene.status();
    let about = scene.events.iter().take(events).cloned();
    Page {
        name: scene.name().to_owned(),
        ready: conditions::is_true(&status.conditions, READY),
        identity: identity(scene),
        profile: profile(scene),
        components: objects::components(scene),
        conditions: status.conditions,
        endpoints: status.endpoints,
        usage: status.usage,
        time_zone: scene.tenant.spec.billing.clone().unwrap_or_default().time_zone,
        display: status.display.unwrap_or_default(),
        retained: status.retained,
        events: about.collect(),
        doubts: doubts(scene),
        unseen: scene.recorded.unseen.clone(),
    }
}

fn identity(scene: &Scene) -> Identity {
    let (tenant, spec) = (&scene.tenant, &scene.tenant.spec);
    Identity {
        display_name: spec.display_name.clone(),
        uid: tenant.metadata.uid.clone().unwrap_or_default(),
        created: tenant.metadata.creation_timestamp.as_ref().map(|at| at.0),
        deleted: tenant.metadata.deletion_timestamp.as_ref().map(|at| at.0),
        namespace: scene.namespace(),
        account: scene.status().account_id,
        plan: spec.plan.clone(),
        overlays: spec.overlays.clone(),
        overrides: spec.overrides.services.iter().map(|service| service.name.clone()).collect(),
        suspend: spec.suspend,
        paused_until: spec.paused_until.clone(),
        deletion_policy: format!("{:?}", spec.deletion_policy),
    }
}

fn profile(scene: &Scene) -> Profile {
    let revision = scene.status().profile_revision.unwrap_or_default();
    let status = scene.profile.as_ref().and_then(|profile| profile.status.clone());
    let unseen = scene.recorded.is_unseen("deploymentprofiles");
    Profile {
        name: scene.tenant.spec.profile_ref.name.clone(),
        exists: (!unseen).then_some(scene.profile.is_some()),
        pinned: scene.tenant.spec.profile_ref.revision,
        desired: revision.desired,
        current: revision.current,
        renderer: revision.renderer,
        newest: status.as_ref().and_then(|status| status.revision),
        rollout: status.and_then(|status| status.rollout).map(|phase| format!("{phase:?}")),
    }
}

/// Why what a status says may be old.
fn doubts(scene: &Scene) -> Vec<String> {
    let mut all = Vec::new();
    if matches!(scene.operator, Lead::Silent { .. } | Lead::Absent) {
        all.push("no operator is at work: conditions and components may be old".to_owned());
    }
    let (seen, generation) = (scene.status().observed_generation, scene.tenant.metadata.generation);
    if seen != generation {
        all.push("the newest edit has not been looked at yet".to_owned());
    }
    all
}

#[cfg(test)]
mod tests;
