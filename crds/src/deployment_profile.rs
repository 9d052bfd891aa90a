//! The `DeploymentProfile` resource: a tier that many tenants follow.

mod components;
mod network;
mod overlay;
mod rollout;
mod service;

use std::{borrow::Cow, collections::BTreeMap};

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

pub use components::{
    Backups, Billing, BillingStorage, Collector, Gateway, Grafana, Metrics, Telemetry,
};
pub use network::{AllowFrom, AllowTo, Dns, DnsServer, Network};
pub use overlay::Overlay;
pub use rollout::{DeploymentProfileStatus, Rollout, RolloutPhase, TenantCounts};
pub use service::{
    Autoscaling, EnvFrom, EnvVar, Ingress, Port, Probe, Probes, Protocol, Resources, Service,
    Storage,
};

use crate::{bounded::Labels, quantity::Quantity};

/// A tier that many tenants follow. Every change of its spec becomes an immutable revision.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "DeploymentProfile",
    plural = "deploymentprofiles",
    shortname = "dprof",
    category = "tenantry",
    status = "DeploymentProfileStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A tier that many tenants follow: their services, telemetry, storage, guard rails. Every change of its spec becomes an immutable revision that rolls out as spec.rollout says.",
    label("app.kubernetes.io/part-of", "tenantry"),
    printcolumn(name = "Tier", type_ = "string", json_path = ".spec.tier"),
    printcolumn(name = "Revision", type_ = "integer", json_path = ".status.revision"),
    printcolumn(name = "Tenants", type_ = "integer", json_path = ".status.tenants.total"),
    printcolumn(name = "Updated", type_ = "integer", json_path = ".status.tenants.updated"),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.tenants.ready"),
    printcolumn(name = "Rollout", type_ = "string", json_path = ".status.rollout"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1),
    validation = Rule::new("self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be a DNS label of at most 40 characters (a-z, 0-9 and '-')")
)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentProfileSpec {
    /// `dev` or `prod`: a label for people; it switches nothing by itself.
    pub tier: Tier,

    /// The plan of tenants that name none in `spec.plan`, a key of the API server's catalogue such
    /// as `team`. Without it an account on no plan is put on `starter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 40),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub default_plan: Option<String>,

    /// The services that every tenant of this profile runs.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub services: Vec<Service>,

    /// How images are pulled, for all components.
    #[serde(default)]
    pub images: Images,

    /// The tenant's own collector, metrics store and Grafana.
    #[serde(default)]
    pub telemetry: Telemetry,

    /// The usage gateway and the storage that it spools to.
    pub billing: Billing,

    /// Scheduled backups of the tenant's stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Backups")]
    pub backups: Option<Backups>,

    /// What the whole stack of one tenant may ask for.
    pub quota: Quota,

    /// What may reach the stack and what it may reach.
    #[serde(default)]
    pub network: Network,

    /// Where components run, by component name: a service's name, `gateway`, `collector`,
    /// `metrics`, `grafana` or `backup`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 24))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["component".into()]))]
    pub scheduling: Vec<Scheduling>,

    /// Named changes that a tenant can lay over its stack with `spec.overlays`; at most 8.
    #[serde(default, skip_serializing_if = "Overlays::is_empty")]
    pub overlays: Overlays,

    /// How a change of this profile reaches its tenants.
    #[serde(default)]
    pub rollout: Rollout,
}

/// A label for people.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Evaluation and development.
    #[default]
    Dev,
    /// Production.
    Prod,
}

impl Tier {
    /// The word as it stands in the resource.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Prod => "prod",
        }
    }
}

/// How images are pulled.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Images {
    /// When a node pulls an image: always, when it lacks it, or never.
    #[serde(default)]
    pub pull_policy: PullPolicy,
    /// Names of `kubernetes.io/dockerconfigjson` Secrets in the tenant's namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub pull_secrets: Vec<String>,
}

/// When the kubelet pulls an image.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// At every start of a container.
    Always,
    /// When the node does not have it.
    #[default]
    IfNotPresent,
    /// Never: the image must be on the node.
    Never,
}

/// What the whole stack of one tenant may ask for: a ResourceQuota on its namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    /// CPU that all pods may request together, in cores.
    pub cpu: Quantity,
    /// Memory that all pods may request together, in bytes.
    pub memory: Quantity,
    /// Storage that all claims may request together, in bytes.
    pub storage: Quantity,
    /// How many pods may exist.
    #[schemars(range(min = 1, max = 10000))]
    pub pods: u32,
}

impl Default for Quota {
    fn default() -> Self {
        let zero = Quantity::from_milli(0);
        Self { cpu: zero, memory: zero, storage: zero, pods: 1 }
    }
}

/// Where one component runs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Scheduling {
    /// A service's name, `gateway`, `collector`, `metrics`, `grafana` or `backup`.
    #[schemars(length(min = 1, max = 30))]
    pub component: String,
    /// Labels that a node must carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Labels")]
    pub node_selector: Option<Labels>,
    /// Taints that the pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tolerations: Vec<Toleration>,
}

/// A taint that pods tolerate.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// The taint's key.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
    /// The taint's value; without it any value is tolerated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 63))]
    pub value: Option<String>,
    /// The taint's effect; without it every effect is tolerated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TaintEffect")]
    pub effect: Option<TaintEffect>,
}

/// What a taint does.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaintEffect {
    /// New pods stay away.
    NoSchedule,
    /// New pods stay away where possible.
    PreferNoSchedule,
    /// Pods that run there leave.
    NoExecute,
}

/// Named overlays; at most 8.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(transparent)]
pub struct Overlays(pub BTreeMap<String, Overlay>);

impl Overlays {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl JsonSchema for Overlays {
    fn schema_name() -> Cow<'static, str> {
        "Overlays".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": 8,
            "additionalProperties": generator.subschema_for::<Overlay>(),
        })
    }
}

pub(crate) fn yes() -> bool {
    true
}
