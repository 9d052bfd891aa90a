//! Default deny in both directions, and the least openings that the stack needs.
//!
//! A connection needs the sender's egress and the receiver's ingress, so each component has one
//! policy that says both for it. `tests/reachability.rs` holds the table of who reaches whom.

use crds::{
    bounded::Labels,
    deployment_profile::{AllowTo, DnsServer},
};
use serde_json::{Value, json};

use super::{Stack, cidr, collector, gateway, meta, metrics};
use crate::{kinds::Kind, object::Object};

/// The namespace of operator and API server.
pub const CONTROL_PLANE_NAMESPACE: &str = "tenantry-system";
/// The port that the API server answers on.
pub const CONTROL_PLANE_PORT: u16 = 8080;
/// The label by which Kubernetes names every namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// What one policy opens.
#[derive(Default)]
struct Rules {
    ingress: Vec<Value>,
    egress: Vec<Value>,
}

/// The policies; none when the profile turns isolation off.
pub fn build(stack: &Stack, all: &mut Vec<Object>) {
    if !stack.network.isolation {
        return;
    }
    all.push(policy(stack, "tenantry-default-deny", json!({}), None));
    all.push(policy(stack, "tenantry-dns", every_pod_that_dials(), Some(dns(stack))));
    service_policies(stack, all);
    let mut component = |name: &str, rules| {
        let selector = json!({ "matchLabels": meta::selector(name) });
        all.push(policy(stack, &meta::child_name(name), selector, Some(rules)));
    };
    component(meta::GATEWAY, gateway_rules(stack));
    if stack.has_collector() {
        component(meta::COLLECTOR, collector_rules(stack));
    }
    if stack.has_metrics() {
        component(meta::METRICS, metrics_rules(stack));
    }
    if stack.has_grafana() {
        component(
            meta::GRAFANA,
            Rules { ingress: vec![], egress: vec![to_pods(meta::METRICS, &[metrics::PORT])] },
        );
    }
    if stack.has_backups() {
        let egress = vec![to_pods(meta::GATEWAY, &[gateway::PORT])];
        component(meta::BACKUP, Rules { ingress: vec![], egress });
    }
}

/// Everybody but the collector, which only ever listens.
fn every_pod_that_dials() -> Value {
    json!({ "matchExpressions": [
        { "key": meta::COMPONENT_LABEL, "operator": "NotIn", "values": [meta::COLLECTOR] },
    ]})
}

fn dns(stack: &Stack) -> Rules {
    let dns = stack.network.dns.clone().unwrap_or_default();
    let servers: Vec<Value> = dns.servers.iter().map(dns_server).collect();
    let both = |port| ["UDP", "TCP"].map(|protocol| json!({ "protocol": protocol, "port": port }));
    let ports: Vec<Value> = dns.ports.iter().flat_map(both).collect();
    Rules { ingress: vec![], egress: vec![json!({ "to": servers, "ports": ports })] }
}

fn dns_server(server: &DnsServer) -> Value {
    if let Some(cidr) = &server.cidr {
        return addresses(cidr);
    }
    meta::present(json!({
        "namespaceSelector": server.namespace_labels.as_ref().map(matching),
        "podSelector": server.pod_labels.as_ref().map(matching),
    }))
}

/// One policy for what all services may dial, and one for each service's own ports.
fn service_policies(stack: &Stack, all: &mut Vec<Object>) {
    if stack.services.is_empty() {
        return;
    }
    let selector = services(stack);
    let rules = Rules { ingress: vec![], egress: services_egress(stack) };
    all.push(policy(stack, "tenantry-services", selector, Some(rules)));
    let from = callers_of_services(stack);
    for service in stack.services.iter().filter(|s| !s.ports.is_empty()) {
        let ports: Vec<Value> = service
            .ports
            .iter()
            .map(|p| json!({ "protocol": p.protocol, "port": p.port }))
            .collect();
        let rules =
            Rules { ingress: vec![json!({ "from": from, "ports": ports })], egress: vec![] };
        let selector = json!({ "matchLabels": meta::selector(&service.name) });
        all.push(policy(stack, &format!("tenantry-to-{}", service.name), selector, Some(rules)));
    }
}

fn services(stack: &Stack) -> Value {
    let names: Vec<&str> = stack.services.iter().map(|s| s.name.as_str()).collect();
    json!({ "matchExpressions": [
        { "key": meta::COMPONENT_LABEL, "operator": "In", "values": names },
    ]})
}

fn callers_of_services(stack: &Stack) -> Vec<Value> {
    let foreign = stack.network.allow_from.iter().filter_map(|from| match &from.cidr {
        Some(cidr) => Some(json!({ "ipBlock": { "cidr": cidr } })),
        None => namespace(from.namespace_labels.as_ref()),
    });
    std::iter::once(json!({ "podSelector": services(stack) })).chain(foreign).collect()
}

fn services_egress(stack: &Stack) -> Vec<Value> {
    let mut egress = vec![
        // Which ports is the business of the service that is called.
        json!({ "to": [{ "podSelector": services(stack) }] }),
        to_pods(meta::GATEWAY, &[gateway::PORT]),
    ];
    if stack.has_collector() {
        egress.push(to_pods(meta::COLLECTOR, &collector::OTLP));
    }
    egress.extend(stack.network.allow_to.iter().filter_map(outside));
    egress
}

fn outside(to: &AllowTo) -> Option<Value> {
    let peer = match &to.cidr {
        Some(cidr) => addresses(cidr),
        None => namespace(to.namespace_labels.as_ref())?,
    };
    let ports = if to.ports.is_empty() { json!([{ "protocol": "TCP" }]) } else { tcp(&to.ports) };
    Some(json!({ "to": [peer], "ports": ports }))
}

/// An empty selector would mean every namespace, which nobody asked for by leaving it empty.
fn namespace(labels: Option<&Labels>) -> Option<Value> {
    let labels = labels.filter(|labels| !labels.0.is_empty())?;
    Some(json!({ "namespaceSelector": matching(labels) }))
}

fn matching(labels: &Labels) -> Value {
    json!({ "matchLabels": labels })
}

fn addresses(cidr: &str) -> Value {
    let except: Vec<&str> = cidr::link_local_within(cidr).into_iter().collect();
    json!({ "ipBlock": meta::present(json!({ "cidr": cidr, "except": except })) })
}

fn gateway_rules(stack: &Stack) -> Rules {
    let mut from = Vec::new();
    if !stack.services.is_empty() {
        from.push(json!({ "podSelector": services(stack) }));
    }
    if stack.has_backups() {
        from.push(json!({ "podSelector": { "matchLabels": meta::selector(meta::BACKUP) } }));
    }
    // A rule without senders would let everybody in.
    let mut ingress = Vec::new();
    if !from.is_empty() {
        ingress.push(json!({ "from": from, "ports": tcp(&[gateway::PORT]) }));
    }
    ingress.push(json!({ "from": [readers_of_metrics()], "ports": tcp(&[gateway::HEALTH_PORT]) }));
    if stack.has_metrics() {
        ingress.push(from_pods(meta::METRICS, &[gateway::HEALTH_PORT]));
    }
    let control_plane = json!({ "namespaceSelector": { "matchLabels": { NAMESPACE_NAME: CONTROL_PLANE_NAMESPACE } } });
    Rules {
        ingress,
        egress: vec![json!({ "to": [control_plane], "ports": tcp(&[CONTROL_PLANE_PORT]) })],
    }
}

/// Nobody, until whoever runs the cluster labels a namespace; and no tenant, whatever their own says.
fn readers_of_metrics() -> Value {
    json!({ "namespaceSelector": {
        "matchLabels": { (meta::READS_METRICS_LABEL): "true" },
        "matchExpressions": [{ "key": meta::TENANT_LABEL, "operator": "DoesNotExist" }],
    } })
}

fn collector_rules(stack: &Stack) -> Rules {
    let mut ingress = Vec::new();
    if !stack.services.is_empty() {
        let from = json!([{ "podSelector": services(stack) }]);
        ingress.push(json!({ "from": from, "ports": tcp(&collector::OTLP) }));
    }
    if stack.has_metrics() {
        ingress.push(from_pods(meta::METRICS, &collector::SCRAPED));
    }
    Rules { ingress, egress: vec![] }
}

fn metrics_rules(stack: &Stack) -> Rules {
    let ingress =
        if stack.has_grafana() { vec![from_pods(meta::GRAFANA, &[metrics::PORT])] } else { vec![] };
    let egress = vec![
        to_pods(meta::COLLECTOR, &collector::SCRAPED),
        to_pods(meta::GATEWAY, &[gateway::HEALTH_PORT]),
    ];
    Rules { ingress, egress }
}

fn from_pods(component: &str, ports: &[u16]) -> Value {
    let peer = json!({ "podSelector": { "matchLabels": meta::selector(component) } });
    json!({ "from": [peer], "ports": tcp(ports) })
}

fn to_pods(component: &str, ports: &[u16]) -> Value {
    let peer = json!({ "podSelector": { "matchLabels": meta::selector(component) } });
    json!({ "to": [peer], "ports": tcp(ports) })
}

fn tcp(ports: &[u16]) -> Value {
    ports.iter().map(|port| json!({ "protocol": "TCP", "port": port })).collect()
}

/// A policy with these rules; without rules it denies both directions.
fn policy(stack: &Stack, name: &str, selector: Value, rules: Option<Rules>) -> Object {
    let (types, rules) = match rules {
        None => (vec!["Ingress", "Egress"], Rules::default()),
        Some(rules) => {
            let ingress = (!rules.ingress.is_empty()).then_some("Ingress");
            let egress = (!rules.egress.is_empty()).then_some("Egress");
            (ingress.into_iter().chain(egress).collect(), rules)
        }
    };
    let mut spec = meta::present(
        json!({ "policyTypes": types, "ingress": rules.ingress, "egress": rules.egress }),
    );
    // Not through `present`: the empty selector means every pod.
    spec["podSelector"] = selector;
    meta::object(stack, meta::GUARD_RAILS, Kind::NetworkPolicy, name, json!({ "spec": spec }))
}
