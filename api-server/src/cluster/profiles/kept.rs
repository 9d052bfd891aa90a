//! What is kept of profiles, revisions and tenants. Pure.

use crds::{
    DeploymentProfile, DeploymentProfileSpec, PROFILE, Tenant,
    conditions::{self, FAILING, READY, RECONCILING, STALLED},
    deployment_profile::{DeploymentProfileStatus, Rollout, Service},
    tenant::ComponentStatus,
};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// What of a spec is shown: what stacks are made of, in short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// `dev` or `prod`.
    pub tier: &'static str,
    /// The plan of tenants that name none.
    pub default_plan: Option<String>,
    /// The services.
    pub services: Vec<ServiceInShort>,
    /// What tenants can lay over it.
    pub overlays: Vec<String>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceInShort {
    /// Its name.
    pub name: String,
    /// What it is part of.
    pub feature: Option<String>,
    /// What it runs.
    pub image: String,
}

impl Content {
    fn of(spec: DeploymentProfileSpec) -> Self {
        let short = |Service { name, feature, image, .. }| ServiceInShort { name, feature, image };
        Self {
            tier: spec.tier.as_str(),
            default_plan: spec.default_plan,
            services: spec.services.into_iter().map(short).collect(),
            overlays: spec.overlays.0.into_keys().collect(),
        }
    }
}

/// A profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// What it is made of now; none where this version cannot read it.
    pub content: Option<Content>,
    /// How its changes reach tenants.
    pub rollout: Rollout,
    /// What the operator says.
    pub status: DeploymentProfileStatus,
    /// Whether it says so of the spec as it is now.
    pub observed: bool,
}

impl Profile {
    /// Of a resource.
    #[must_use]
    pub fn of(profile: DeploymentProfile) -> Self {
        let status = profile.status.unwrap_or_default();
        let observed = status.observed_generation == profile.metadata.generation;
        let rollout = profile.spec.rollout.clone();
        Self { content: Some(Content::of(profile.spec)), rollout, status, observed }
    }

    /// Of a resource whose content cannot be read.
    #[must_use]
    pub fn without_content(profile: DeploymentProfile) -> Self {
        Self { content: None, ..Self::of(profile) }
    }
}

/// A revision of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Whose.
    pub profile: Box<str>,
    /// Which.
    pub number: i64,
    /// When it was made.
    pub made_at: Option<Timestamp>,
    /// What it is made of; none where it cannot be read.
    pub content: Option<Content>,
}

impl Revision {
    /// Of the operator's object; none of one that is no revision of a profile.
    #[must_use]
    pub fn of(object: ControllerRevision) -> Option<Self> {
        let profile = object.metadata.labels?.remove(PROFILE)?.into();
        let spec = object.data.0.get("spec").cloned();
        let spec = spec.and_then(|spec| serde_json::from_value(spec).ok());
        Some(Self {
            profile,
            number: object.revision?,
            made_at: object.metadata.creation_timestamp.map(|Time(at)| at),
            content: spec.map(Content::of),
        })
    }
}

/// A tenant that follows a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    /// The customer's name.
    pub display_name: Box<str>,
    /// Its account, once the operator says which.
    pub account: Option<Box<str>>,
    /// The profile that it names.
    pub profile: Box<str>,
    /// The revision that it keeps to by its own wish.
    pub pinned: Option<i64>,
    /// What its stack is being brought to, as `PROFILE@NUMBER`.
    pub wanted: Option<Box<str>>,
    /// What it last ran healthily.
    pub runs: Option<Box<str>>,
    /// Whether all of it runs.
    pub ready: bool,
    /// Whether it is being worked on.
    pub reconciling: bool,
    /// Whether it went wrong: by itself it does not get well, or not soon.
    pub failing: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Why it is not ready.
    pub reason: Box<str>,
    /// The same in words.
    pub message: Box<str>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// What its stack is made of, as the operator last saw it.
    pub components: Box<[Component]>,
}

/// A component of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub name: Box<str>,
    /// Whether all of it runs.
    pub ready: bool,
    /// Which object waits for what.
    pub message: Option<Box<str>>,
}

impl Follower {
    /// Of a resource.
    #[must_use]
    pub fn of(tenant: Tenant) -> Self {
        let status = tenant.status.unwrap_or_default();
        let is = |type_| conditions::is_true(&status.conditions, type_);
        let (ready, said) = (is(READY), conditions::find(&status.conditions, READY));
        let reason = said.map_or("", |said| said.reason.as_str());
        let revision = status.profile_revision.unwrap_or_default();
        let component = |ComponentStatus { name, ready, message }: ComponentStatus| Component {
            name: name.into(),
            ready,
            message: message.map(Into::into),
        };
        Self {
            display_name: tenant.spec.display_name.into(),
            account: status.account_id.map(Into::into),
            profile: tenant.spec.profile_ref.name.into(),
            pinned: tenant.spec.profile_ref.revision,
            wanted: revision.desired.map(Into::into),
            runs: revision.current.map(Into::into),
            ready,
            reconciling: is(RECONCILING),
            failing: !ready && (is(STALLED) || FAILING.contains(&reason)),
            deleting: tenant.metadata.deletion_timestamp.is_some(),
            reason: reason.into(),
            message: said.map_or("", |said| said.message.as_str()).into(),
            since: said.map(|said| said.last_transition_time.0),
            components: status.components.into_iter().map(component).collect(),
        }
    }
}
