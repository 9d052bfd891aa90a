//! What is answered about profiles.

use crds::deployment_profile::RolloutPhase;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cluster::profiles::kept::{Content, Follower, Profile, ServiceInShort};
use crate::cluster::profiles::shown::{Counts, Run, Stage, Summary};
use crate::routes::wire::ListMeta;

/// All profiles.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Deployments {
    /// By name.
    pub data: Vec<DeploymentOut>,
    /// Since when the cluster does not answer: this is from before. Null while it does.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub lost_since: Option<Timestamp>,
    /// Always the whole.
    pub meta: ListMeta,
}

/// A profile.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DeploymentOut {
    /// Its name.
    #[schema(example = "prod")]
    pub name: String,
    /// Whether it is gone: tenants still name it, and stay as they are.
    pub missing: bool,
    /// What its stacks are made of now; null when it is gone.
    pub content: Option<ContentOut>,
    /// The number of its newest revision; null until the operator has numbered it.
    pub revision: Option<i64>,
    /// How far that is; null when it is gone.
    pub rollout: Option<RolloutOut>,
    /// Who follows it.
    pub tenants: FollowerCounts,
}

/// What stacks are made of, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContentOut {
    /// `dev` or `prod`.
    #[schema(example = "prod")]
    pub tier: String,
    /// The plan of tenants that name none; null where they are put on the catalogue's first.
    #[schema(example = "team")]
    pub default_plan: Option<String>,
    /// The services that each tenant runs.
    pub services: Vec<ServiceOut>,
    /// What tenants can lay over it, by name.
    pub overlays: Vec<String>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceOut {
    /// Its name.
    #[schema(example = "core")]
    pub name: String,
    /// What it is part of.
    pub feature: Option<String>,
    /// What it runs.
    pub image: String,
}

/// How far a revision is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloutOut {
    /// `complete`, `progressing`, `paused` or `halted`; null until the operator has said so of the profile as it is now.
    #[schema(example = "progressing")]
    pub phase: Option<String>,
    /// The same in a line, by the operator.
    #[schema(example = "48/50 updated, 1 failed: acme")]
    pub message: Option<String>,
    /// How many tenants may be on their way at once: a number, or a share of all.
    #[schema(example = "10%")]
    pub max_in_flight: String,
    /// With so many failed ones no further tenant is started.
    pub halt_after_failures: u32,
    /// Whether somebody holds it.
    pub paused: bool,
}

/// How many tenants are where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowerCounts {
    /// All that name the profile.
    pub total: u32,
    /// Those whose stack runs as it should.
    pub ready: u32,
    /// Those that run the newest revision, or the one that they keep to.
    pub updated: u32,
    /// Those that are on their way.
    pub moving: u32,
    /// Those that were not told yet.
    pub waiting: u32,
    /// Those that were told and went wrong.
    pub failed: u32,
    /// Those that are being removed.
    pub removed: u32,
    /// Those that keep to a revision by their own wish; each is in one of the others too.
    pub pinned: u32,
}

/// The revisions of a profile.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Revisions {
    /// The newest first.
    pub data: Vec<RevisionOut>,
    /// Since when the cluster does not answer: this is from before. Null while it does.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub lost_since: Option<Timestamp>,
    /// Always the whole.
    pub meta: ListMeta,
}

/// A revision.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RevisionOut {
    /// Its number.
    #[schema(example = 7)]
    pub number: i64,
    /// When it was made; null when it is gone and a tenant names it still.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub made_at: Option<Timestamp>,
    /// What its stacks are made of; null when it is gone.
    pub content: Option<ContentOut>,
    /// How many tenants ran it healthily last.
    pub running: u32,
    /// How many are being brought to it.
    pub coming: u32,
    /// How many keep to it by their own wish.
    pub pinned: u32,
}

/// Tenants of a profile.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Followers {
    /// By name.
    pub data: Vec<FollowerOut>,
    /// Since when the cluster does not answer: this is from before. Null while it does.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub lost_since: Option<Timestamp>,
    /// About the page.
    pub meta: ListMeta,
}

/// A tenant of a profile.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FollowerOut {
    /// Its name.
    #[schema(example = "acme")]
    pub tenant: String,
    /// The customer's name.
    pub display_name: String,
    /// Its account, once the operator says which.
    pub account: Option<String>,
    /// `updated`, `moving`, `waiting`, `failed` or `removed`.
    #[schema(example = "updated")]
    pub stage: String,
    /// What it ran healthily last, as `PROFILE@NUMBER`.
    #[schema(example = "prod@7")]
    pub runs: Option<String>,
    /// What it is being brought to.
    #[schema(example = "prod@8")]
    pub wanted: Option<String>,
    /// The revision that it keeps to by its own wish.
    pub pinned: Option<i64>,
    /// Whether its stack runs as it should.
    pub ready: bool,
    /// Why it does not, in a word; null when it does.
    #[schema(example = "PodPending")]
    pub reason: Option<String>,
    /// The same in a sentence.
    pub message: Option<String>,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
}

impl From<Summary> for DeploymentOut {
    fn from(Summary { name, is, tenants }: Summary) -> Self {
        Self {
            name: name.into(),
            missing: is.is_none(),
            revision: is.as_ref().and_then(|profile| profile.status.revision),
            rollout: is.as_ref().map(RolloutOut::from),
            content: is.and_then(|profile| profile.content).map(ContentOut::from),
            tenants: tenants.into(),
        }
    }
}

impl From<&Profile> for RolloutOut {
    fn from(profile: &Profile) -> Self {
        let status = Some(&profile.status).filter(|_| profile.observed);
        let phase = status.and_then(|status| status.rollout).map(|phase| match phase {
            RolloutPhase::Complete => "complete",
            RolloutPhase::Progressing => "progressing",
            RolloutPhase::Paused => "paused",
            RolloutPhase::Halted => "halted",
        });
        Self {
            phase: phase.map(str::to_owned),
            message: status.and_then(|status| status.message.clone()),
            max_in_flight: profile.rollout.max_in_flight.to_string(),
            halt_after_failures: profile.rollout.halt_after_failures,
            paused: profile.rollout.paused,
        }
    }
}

impl From<Content> for ContentOut {
    fn from(content: Content) -> Self {
        let service = |ServiceInShort { name, feature, image }| ServiceOut { name, feature, image };
        Self {
            tier: content.tier.to_owned(),
            default_plan: content.default_plan,
            services: content.services.into_iter().map(service).collect(),
            overlays: content.overlays,
        }
    }
}

impl From<Counts> for FollowerCounts {
    fn from(counts: Counts) -> Self {
        Self {
            total: counts.total,
            ready: counts.ready,
            updated: counts.at(Stage::Updated),
            moving: counts.at(Stage::Moving),
            waiting: counts.at(Stage::Waiting),
            failed: counts.at(Stage::Failed),
            removed: counts.at(Stage::Removed),
            pinned: counts.pinned,
        }
    }
}

impl From<Run> for RevisionOut {
    fn from(Run { number, made_at, content, running, coming, pinned }: Run) -> Self {
        let content = content.map(ContentOut::from);
        Self { number, made_at, content, running, coming, pinned }
    }
}

impl From<(Box<str>, Follower, Stage)> for FollowerOut {
    fn from((tenant, is, stage): (Box<str>, Follower, Stage)) -> Self {
        let said = |text: Box<str>| Some(String::from(text)).filter(|t| !is.ready && !t.is_empty());
        Self {
            tenant: tenant.into(),
            display_name: is.display_name.into(),
            account: is.account.map(Into::into),
            stage: stage.name().to_owned(),
            runs: is.runs.map(Into::into),
            wanted: is.wanted.map(Into::into),
            pinned: is.pinned,
            ready: is.ready,
            reason: said(is.reason),
            message: said(is.message),
            since: is.since,
        }
    }
}
