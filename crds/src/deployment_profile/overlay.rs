//! Overlays: named changes to a profile's acceleratable services.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{EnvVar, Resources, Toleration};
use crate::bounded::Labels;

/// A change to every service whose `acceleratable` is true; other services never see it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Overlay {
    /// Requests and limits to add, for example `nvidia.com/gpu: 1`.
    #[serde(default)]
    pub resources: Resources,
    /// Environment to add; a name that the service sets is replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVar>,
    /// Labels that a node must carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Labels")]
    pub node_selector: Option<Labels>,
    /// Taints that the pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tolerations: Vec<Toleration>,
    /// The RuntimeClass to run with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 63))]
    pub runtime_class_name: Option<String>,
}
