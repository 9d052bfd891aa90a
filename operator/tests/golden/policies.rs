//! NetworkPolicies as the Kubernetes API reference defines them.
//!
//! A pod that no policy of a direction selects is open in that direction. Otherwise a connection
//! needs one rule of one such policy that matches both the other end and the port.

use std::{collections::BTreeMap, net::IpAddr};

use k8s_openapi::{
    api::networking::v1::{IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use serde_json::Value;

pub type Labels = BTreeMap<String, String>;

/// A pod, as far as policies see it.
pub struct Pod {
    namespace: String,
    labels: Labels,
    address: IpAddr,
}

/// One end of a connection.
pub enum Endpoint {
    Pod(Pod),
    Outside(IpAddr),
}

/// Namespaces with their labels, policies, and the ends of connections by name.
#[derive(Default)]
pub struct World {
    pub namespaces: BTreeMap<String, Labels>,
    pub policies: Vec<NetworkPolicy>,
    pub endpoints: BTreeMap<String, Endpoint>,
}

impl Pod {
    pub fn new(namespace: &str, labels: Labels) -> Self {
        Self { namespace: namespace.to_owned(), labels, address: IpAddr::from([10, 0, 0, 0]) }
    }
}

impl World {
    /// Adds a pod and gives it an address.
    pub fn add(&mut self, name: &str, mut pod: Pod) {
        let host = u8::try_from(self.endpoints.len() + 1).unwrap();
        pod.address = IpAddr::from([10, 0, 0, host]);
        assert!(self.endpoints.insert(name.to_owned(), Endpoint::Pod(pod)).is_none(), "{name}");
    }

    /// Whether a connection gets through: the sender's egress and the receiver's ingress.
    pub fn allows(&self, from: &Endpoint, to: &Endpoint, port: u16, protocol: &str) -> bool {
        self.passes(from, to, port, protocol, "Egress")
            && self.passes(to, from, port, protocol, "Ingress")
    }

    /// Whether `of` lets the connection with `other` through in this direction.
    fn passes(
        &self,
        of: &Endpoint,
        other: &Endpoint,
        port: u16,
        protocol: &str,
        way: &str,
    ) -> bool {
        let Endpoint::Pod(pod) = of else { return true };
        let mut isolated = false;
        for policy in self.policies.iter().filter(|p| selects(p, pod) && governs(p, way)) {
            isolated = true;
            let namespace = policy.metadata.namespace.as_deref().unwrap();
            let matches = |peers: Option<&Vec<_>>, ports: Option<&Vec<_>>| {
                self.peers_match(namespace, peers, other) && ports_match(ports, port, protocol)
            };
            let spec = policy.spec.as_ref().unwrap();
            let open = if way == "Ingress" {
                spec.ingress.iter().flatten().any(|r| matches(r.from.as_ref(), r.ports.as_ref()))
            } else {
                spec.egress.iter().flatten().any(|r| matches(r.to.as_ref(), r.ports.as_ref()))
            };
            if open {
                return true;
            }
        }
        !isolated
    }

    /// No peers, or an empty list of them: everybody.
    fn peers_match(
        &self,
        namespace: &str,
        peers: Option<&Vec<NetworkPolicyPeer>>,
        other: &Endpoint,
    ) -> bool {
        let Some(peers) = peers.filter(|p| !p.is_empty()) else { return true };
        peers.iter().any(|peer| match (&peer.ip_block, other) {
            // A pod has an address too; whether a block matches it is up to the network, so it does.
            (Some(block), Endpoint::Pod(pod)) => in_block(block, pod.address),
            (Some(block), Endpoint::Outside(address)) => in_block(block, *address),
            (None, Endpoint::Pod(pod)) => self.pod_matches(namespace, peer, pod),
            (None, Endpoint::Outside(_)) => false,
        })
    }

    fn pod_matches(&self, namespace: &str, peer: &NetworkPolicyPeer, pod: &Pod) -> bool {
        let right_namespace = match &peer.namespace_selector {
            Some(selector) => matches_labels(selector, &self.namespaces[&pod.namespace]),
            None => pod.namespace == namespace,
        };
        right_namespace && peer.pod_selector.as_ref().is_none_or(|s| matches_labels(s, &pod.labels))
    }
}

fn selects(policy: &NetworkPolicy, pod: &Pod) -> bool {
    let selector = policy.spec.as_ref().unwrap().pod_selector.clone().unwrap_or_default();
    policy.metadata.namespace.as_deref() == Some(&*pod.namespace)
        && matches_labels(&selector, &pod.labels)
}

/// Without `policyTypes` a policy governs ingress always, egress if it has egress rules.
fn governs(policy: &NetworkPolicy, way: &str) -> bool {
    let spec = policy.spec.as_ref().unwrap();
    match &spec.policy_types {
        Some(types) => types.iter().any(|t| t == way),
        None => way == "Ingress" || spec.egress.is_some(),
    }
}

fn matches_labels(selector: &LabelSelector, labels: &Labels) -> bool {
    let equal = selector.match_labels.iter().flatten().all(|(k, v)| labels.get(k) == Some(v));
    equal
        && selector.match_expressions.iter().flatten().all(|rule| {
            let value = labels.get(&rule.key);
            let listed =
                value.is_some_and(|v| rule.values.iter().flatten().any(|known| known == v));
            match rule.operator.as_str() {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                other => panic!("no operator {other}"),
            }
        })
}

/// No ports, or an empty list of them: all.
fn ports_match(ports: Option<&Vec<NetworkPolicyPort>>, port: u16, protocol: &str) -> bool {
    let Some(ports) = ports.filter(|p| !p.is_empty()) else { return true };
    ports.iter().any(|rule| {
        let right_port = match &rule.port {
            None => true,
            Some(IntOrString::Int(first)) => {
                (*first..=rule.end_port.unwrap_or(*first)).contains(&i32::from(port))
            }
            Some(IntOrString::String(name)) => panic!("named port {name}: not used by a stack"),
        };
        right_port && rule.protocol.as_deref().unwrap_or("TCP") == protocol
    })
}

fn in_block(block: &IPBlock, address: IpAddr) -> bool {
    let excepted = block.except.iter().flatten().any(|cidr| in_range(cidr, address));
    in_range(&block.cidr, address) && !excepted
}

fn in_range(cidr: &str, address: IpAddr) -> bool {
    let (network, length) = cidr.split_once('/').unwrap();
    let network: IpAddr = network.parse().unwrap();
    let bits = |address: IpAddr| -> String {
        match address {
            IpAddr::V4(v4) => v4.octets().iter().map(|byte| format!("{byte:08b}")).collect(),
            IpAddr::V6(v6) => v6.octets().iter().map(|byte| format!("{byte:08b}")).collect(),
        }
    };
    let length: usize = length.parse().unwrap();
    network.is_ipv4() == address.is_ipv4() && bits(network)[..length] == bits(address)[..length]
}

/// A map of texts.
pub fn strings(value: &Value) -> Labels {
    serde_json::from_value(value.clone()).unwrap()
}
