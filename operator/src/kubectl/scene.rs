//! One tenant as the cluster shows it, seen through the operator's own eyes: the same records, the same
//! rendering, the same judgement. Pure.

use std::{collections::BTreeMap, sync::Arc};

use crds::{DeploymentProfile, Tenant, TenantStatus, names::NAMESPACE_PREFIX};
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::Event;
use crate::{
    account,
    decide::{self, Decision, Seen},
    figures::Silence,
    kinds::Kind,
    object::{Key, Object},
    observed::Observed,
    reduce,
    revision::{self, Revision},
    rollout,
};

/// What was read of one tenant, as it was read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Recorded {
    /// The Tenant.
    pub tenant: Value,
    /// The other tenants, where it matters who they are.
    pub others: Vec<Value>,
    /// Its profile, if it is there.
    pub profile: Option<Value>,
    /// The profile's revisions.
    pub revisions: Vec<Value>,
    /// The namespace and what stands in it, but no Secret.
    pub objects: Vec<Value>,
    /// Its pods.
    pub pods: Vec<Value>,
    /// Its jobs.
    pub jobs: Vec<Value>,
    /// Events in the namespace and about the tenant.
    pub events: Vec<Value>,
    /// The leases of operator and API server.
    pub leases: Vec<Value>,
    /// What the user may not see.
    pub unseen: Vec<String>,
}

/// One tenant, understood.
pub struct Scene {
    /// What was read.
    pub recorded: Recorded,
    /// The Tenant.
    pub tenant: Tenant,
    /// Its profile, if it is there and may be seen.
    pub profile: Option<DeploymentProfile>,
    /// What the operator would know of the stack.
    pub observed: Observed,
    /// What the operator would do; of its objects those that would be seen if they were there.
    pub decision: Decision,
    /// Everything that the stack should have.
    pub rendered: Vec<Object>,
    /// The spec that the stack is brought to.
    pub revision: Option<Arc<Revision>>,
    /// Events, the newest first.
    pub events: Vec<Event>,
    /// Whether an operator leads.
    pub operator: Lead,
    /// Whether the API server lives.
    pub api_server: Lead,
}

/// What a Lease says of who should renew it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// It was renewed lately.
    Alive,
    /// Not any more.
    Silent {
        /// Who held it last.
        holder: Option<String>,
        /// When it was renewed last.
        since: Option<Timestamp>,
    },
    /// There is none.
    Absent,
    /// It may not be seen.
    Unseen,
}

/// Clocks here and there may differ by so many seconds before a Lease counts as old.
const SLACK: i64 = 45;

impl Scene {
    /// Understands what was read.
    ///
    /// # Errors
    /// When the Tenant is none.
    pub fn new(recorded: Recorded, now: Timestamp) -> Result<Self, String> {
        let tenant: Tenant = serde_json::from_value(recorded.tenant.clone()).map_err(|error| {
            format!("the tenant cannot be read, it may be of another version: {error}")
        })?;
        let read = recorded.profile.clone().map(serde_json::from_value::<DeploymentProfile>);
        let unreadable =
            read.as_ref().and_then(|read| read.as_ref().err().map(ToString::to_string));
        let profile = read.and_then(Result::ok);
        let observed = observed(&recorded);
        let revisions = revisions(&recorded, profile.as_ref());
        let seen = Seen {
            rival: rival(&recorded, &tenant, &observed),
            observed: observed.clone(),
            profile_exists: profile.is_some() || recorded.is_unseen("deploymentprofiles"),
            unreadable,
            revisions: revisions.clone(),
            granted: None,
            silence: None,
            learned: BTreeMap::new(),
        };
        let api_server = lead(&recorded, crds::API_SERVER, now);
        let silence = match &api_server {
            Lead::Silent { since, .. } => Some(Silence { since: *since }),
            Lead::Absent => Some(Silence { since: None }),
            _ => None,
        };
        let mut decision = decide::decide(&tenant, &Seen { silence, ..seen }, now);
        let rendered = decision.objects.clone();
        decision.objects.retain(|object| recorded.shows(object));
        let number = decision.revision.as_deref().and_then(rollout::parse).map(|(_, n)| n);
        let revision = number.and_then(|n| revisions.get(&n).cloned());
        let mut events: Vec<Event> = recorded.events.iter().filter_map(Event::read).collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.last));
        Ok(Self {
            operator: lead(&recorded, crate::lease::NAME, now),
            api_server,
            revision,
            observed,
            decision,
            rendered,
            profile,
            events,
            tenant,
            recorded,
        })
    }

    /// The tenant's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.tenant.metadata.name.as_deref().unwrap_or_default()
    }

    /// The namespace of its stack.
    #[must_use]
    pub fn namespace(&self) -> String {
        format!("{NAMESPACE_PREFIX}{}", self.name())
    }

    /// Its status; an empty one before anybody looked.
    #[must_use]
    pub fn status(&self) -> TenantStatus {
        self.tenant.status.clone().unwrap_or_default()
    }

    /// A live object of the stack.
    #[must_use]
    pub fn object(&self, key: &Key) -> Option<&Value> {
        let is =
            |object: &&Value| kind_of(object) == Some(key.kind) && name_of(object) == &*key.name;
        self.recorded.objects.iter().find(is)
    }

    /// The objects that a component should have.
    #[must_use]
    pub fn wanted(&self, component: &str) -> Vec<Object> {
        let all = self.decision.objects.iter();
        all.filter(|object| &*object.component == component).cloned().collect()
    }

    /// The live pods of a component.
    pub fn pods(&self, component: &str) -> impl Iterator<Item = &Value> {
        self.recorded.pods.iter().filter(move |pod| component_of(pod) == Some(component))
    }

    /// The newest event about an object of the namespace; a warning comes before what is none.
    #[must_use]
    pub fn event(&self, kind: &str, name: &str) -> Option<&Event> {
        let about = || self.events.iter().filter(move |event| event.is_about(kind, name));
        about().find(|event| event.warning).or_else(|| about().next())
    }

    /// The name of the profile with the revision that the stack is brought to.
    #[must_use]
    pub fn profile_label(&self) -> String {
        let told = || self.status().profile_revision.and_then(|r| r.desired);
        let name = || self.tenant.spec.profile_ref.name.clone();
        self.decision.revision.clone().or_else(told).unwrap_or_else(name)
    }
}

impl Recorded {
    /// Whether some of these may not be seen, such as `pods`.
    #[must_use]
    pub fn is_unseen(&self, what: &str) -> bool {
        self.unseen.iter().any(|unseen| unseen.split(' ').next() == Some(what))
    }

    /// Whether it would be among the objects if it were there.
    fn shows(&self, object: &Object) -> bool {
        let kind = object.key.kind;
        let plural = if kind == Kind::Namespace { "namespace" } else { kind.resource().plural };
        kind != Kind::Secret && !self.is_unseen(plural)
    }
}

/// The kind of an object, if it is one that stacks have.
#[must_use]
pub fn kind_of(object: &Value) -> Option<Kind> {
    let kind = object.get("kind")?.as_str()?;
    Kind::ALL.into_iter().find(|known| known.as_str() == kind)
}

/// An object's name.
#[must_use]
pub fn name_of(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

/// The component that an object or pod belongs to.
#[must_use]
pub fn component_of(object: &Value) -> Option<&str> {
    let labels = object.pointer("/metadata/labels")?;
    labels.get(crate::desired::meta::COMPONENT_LABEL)?.as_str()
}

/// A text in an object.
#[must_use]
pub fn text<'v>(object: &'v Value, pointer: &str) -> Option<&'v str> {
    object.pointer(pointer)?.as_str()
}

fn observed(recorded: &Recorded) -> Observed {
    let objects = recorded.objects.iter().filter_map(|object| {
        let kind = kind_of(object)?;
        Some((Key::new(kind, name_of(object)), reduce::record(kind, object)?))
    });
    let pods = recorded.pods.iter().filter_map(reduce::pod);
    let jobs = recorded.jobs.iter().filter_map(reduce::job);
    Observed {
        objects: objects.collect(),
        pods: pods.map(|pod| (pod.name.clone(), pod)).collect(),
        jobs: jobs.map(|job| (job.name.clone(), job)).collect(),
    }
}

/// The revisions; where they may not be seen, the profile as it is stands for the one in use.
fn revisions(
    recorded: &Recorded,
    profile: Option<&DeploymentProfile>,
) -> BTreeMap<i64, Arc<Revision>> {
    let read = recorded.revisions.iter().filter_map(revision::read);
    let mut known: BTreeMap<i64, Arc<Revision>> =
        read.map(|(_, revision)| (revision.number, Arc::new(revision))).collect();
    if let (true, Some(profile)) = (known.is_empty(), profile) {
        let told = text(&recorded.tenant, "/status/profileRevision/desired");
        let told = told.and_then(rollout::parse).map(|(_, number)| number);
        let newest = profile.status.as_ref().and_then(|status| status.revision);
        let number = told.or(newest).unwrap_or(1);
        let spec = profile.spec.clone();
        let digest = revision::digest(&spec).into();
        known.insert(number, Arc::new(Revision { number, uid: "".into(), digest, spec }));
    }
    known
}

/// The tenant that has this one's account.
fn rival(recorded: &Recorded, tenant: &Tenant, observed: &Observed) -> Option<Box<str>> {
    let account = account::effective(tenant, observed);
    let others = recorded.others.iter();
    let mut others =
        others.filter_map(|other| serde_json::from_value::<Tenant>(other.clone()).ok());
    let rival = others.find(|other| account::yields(tenant, &account, other))?;
    rival.metadata.name.map(Into::into)
}

fn lead(recorded: &Recorded, name: &str, now: Timestamp) -> Lead {
    let Some(lease) = recorded.leases.iter().find(|lease| name_of(lease) == name) else {
        return if recorded.is_unseen("leases") { Lead::Unseen } else { Lead::Absent };
    };
    let holder = text(lease, "/spec/holderIdentity").filter(|holder| !holder.is_empty());
    let since: Option<Timestamp> = text(lease, "/spec/renewTime").and_then(|t| t.parse().ok());
    let lasts = lease.pointer("/spec/leaseDurationSeconds").and_then(Value::as_i64).unwrap_or(15);
    let old = since.is_none_or(|since| now.as_second() - since.as_second() > lasts + SLACK);
    if old || holder.is_none() {
        Lead::Silent { holder: holder.map(ToOwned::to_owned), since }
    } else {
        Lead::Alive
    }
}
