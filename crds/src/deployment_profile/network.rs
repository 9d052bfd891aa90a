//! What may reach a stack and what it may reach.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::bounded::Labels;

/// What may reach the stack and what it may reach. Inside the namespace the components reach what
/// they need; everything else is denied unless it is allowed here.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// Emit default-deny NetworkPolicies and the needed openings.
    #[serde(default = "super::yes")]
    pub isolation: bool,
    /// Who may reach the services from outside the namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub allow_from: Vec<AllowFrom>,
    /// What services may reach outside the namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub allow_to: Vec<AllowTo>,
    /// Who resolves names for the stack's pods; without it the cluster's kube-dns or CoreDNS, and
    /// NodeLocal DNSCache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Dns")]
    pub dns: Option<Dns>,
}

impl Default for Network {
    fn default() -> Self {
        Self { isolation: true, allow_from: Vec::new(), allow_to: Vec::new(), dns: None }
    }
}

/// Who resolves names.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Dns {
    /// Those who answer: pods by labels, or addresses.
    #[serde(default = "servers")]
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub servers: Vec<DnsServer>,
    /// The ports that they answer on, by UDP and TCP: those of the pods, where a Service has others.
    #[serde(default = "ports")]
    #[schemars(length(min = 1, max = 4), inner(range(min = 1, max = 65535)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub ports: Vec<u16>,
}

impl Default for Dns {
    fn default() -> Self {
        Self { servers: servers(), ports: ports() }
    }
}

/// The cluster's DNS by the label that every distribution of CoreDNS keeps, and the cache on each
/// node: pods where Cilium sends to it, else an address that the node itself answers on.
fn servers() -> Vec<DnsServer> {
    let labels = |key: &str, value: &str| Labels([(key.to_owned(), value.to_owned())].into());
    let pods = |name: &str| DnsServer {
        namespace_labels: Some(labels("kubernetes.io/metadata.name", "kube-system")),
        pod_labels: Some(labels("k8s-app", name)),
        cidr: None,
    };
    let cache = DnsServer { cidr: Some("169.254.20.10/32".to_owned()), ..DnsServer::default() };
    vec![pods("kube-dns"), pods("node-local-dns"), cache]
}

fn ports() -> Vec<u16> {
    vec![53]
}

/// One who resolves names.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.cidr) ? !has(self.namespaceLabels) && !has(self.podLabels) : has(self.namespaceLabels) && self.namespaceLabels.size() > 0")
    .message("name either cidr, or namespaceLabels with at least one label and best podLabels too, for example kubernetes.io/metadata.name: kube-system and k8s-app: kube-dns"))]
pub struct DnsServer {
    /// Labels of the namespace that its pods are in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Labels")]
    pub namespace_labels: Option<Labels>,
    /// Labels of its pods; without it every pod of that namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Labels")]
    pub pod_labels: Option<Labels>,
    /// Addresses that are no pods', for example `169.254.20.10/32` of NodeLocal DNSCache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 49), regex(pattern = r"^[0-9a-fA-F:.]+/[0-9]{1,3}$"))]
    pub cidr: Option<String>,
}

/// Who may reach the services: pods by their namespace, or addresses.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.cidr) ? !has(self.namespaceLabels) : has(self.namespaceLabels) && self.namespaceLabels.size() > 0")
    .message("name either namespaceLabels, with a label such as kubernetes.io/metadata.name: ingress-nginx (none would mean every namespace), or cidr, for load balancers that are no pods"))]
pub struct AllowFrom {
    /// Labels that the namespace carries, for example `kubernetes.io/metadata.name: ingress-nginx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Labels")]
    pub namespace_labels: Option<Labels>,
    /// Addresses that are no pods', for example `35.191.0.0/16` of Google's load balancers, or the
    /// subnets of an ALB with target type `ip`. A range that holds the cluster's pods lets other
    /// tenants in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 49), regex(pattern = r"^[0-9a-fA-F:.]+/[0-9]{1,3}$"))]
    pub cidr: Option<String>,
}

/// What services may reach: addresses, or pods by their namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.cidr) ? !has(self.namespaceLabels) : has(self.namespaceLabels) && self.namespaceLabels.size() > 0")
    .message("name either cidr, or namespaceLabels with a label such as kubernetes.io/metadata.name: databases (none would mean every namespace)"))]
pub struct AllowTo {
    /// An IPv4 or IPv6 range, for example `203.0.113.0/24`. With Cilium it stands for no pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 49), regex(pattern = r"^[0-9a-fA-F:.]+/[0-9]{1,3}$"))]
    pub cidr: Option<String>,
    /// Labels of a namespace whose pods may be reached, for example
    /// `kubernetes.io/metadata.name: databases`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Labels")]
    pub namespace_labels: Option<Labels>,
    /// TCP ports; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(range(min = 1, max = 65535)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub ports: Vec<u16>,
}
