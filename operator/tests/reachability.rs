//! Who reaches whom: the emitted NetworkPolicies, judged by an evaluator that is written from the
//! Kubernetes API reference and knows nothing of how they are made, against tables of what is meant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "golden/policies.rs"]
mod policies;
#[path = "golden/support.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use operator::{
    desired::{self, Stack},
    kinds::Kind,
};
use policies::{Endpoint, Pod, World};

/// Every port that something in a stack answers on, and some that nothing should reach.
const PORTS: [(u16, &str); 19] = [
    (22, "TCP"),
    (53, "TCP"),
    (53, "UDP"),
    (443, "TCP"),
    (443, "UDP"),
    (3000, "TCP"),
    (4317, "TCP"),
    (4318, "TCP"),
    (5353, "TCP"),
    (5353, "UDP"),
    (5432, "TCP"),
    (6443, "TCP"),
    (8080, "TCP"),
    (8080, "UDP"),
    (8081, "TCP"),
    (8888, "TCP"),
    (8889, "TCP"),
    (9090, "TCP"),
    (13133, "TCP"),
];

/// Who resolves names where a profile says nothing.
const USUAL_DNS: &str = "dns dns-cache node-local";

/// Adds a stack's namespace, policies and one pod of each component; and one pod without labels, as
/// somebody with rights in the namespace might start.
fn add_stack(world: &mut World, stack: &Stack, prefix: &str) {
    let namespace = stack.tenant.namespace();
    let objects = desired::objects(stack);
    for object in &objects {
        let template = match object.key.kind {
            Kind::Namespace => {
                let mut labels = policies::strings(&object.body["metadata"]["labels"]);
                labels.insert("kubernetes.io/metadata.name".to_owned(), namespace.clone());
                world.namespaces.insert(namespace.clone(), labels);
                continue;
            }
            Kind::NetworkPolicy => {
                world.policies.push(serde_json::from_value(object.body.clone()).unwrap());
                continue;
            }
            Kind::Deployment => &object.body["spec"]["template"],
            Kind::CronJob => &object.body["spec"]["jobTemplate"]["spec"]["template"],
            _ => continue,
        };
        let labels = policies::strings(&template["metadata"]["labels"]);
        world.add(&format!("{prefix}{}", object.component), Pod::new(&namespace, labels));
    }
    world.add(&format!("{prefix}stray"), Pod::new(&namespace, BTreeMap::new()));
}

/// What is around every stack.
fn surroundings() -> World {
    let mut world = World::default();
    for (name, namespace, labels) in [
        ("dns", "kube-system", vec![("k8s-app", "kube-dns")]),
        ("dns-cache", "kube-system", vec![("k8s-app", "node-local-dns")]),
        (
            "dns-openshift",
            "openshift-dns",
            vec![("dns.operator.openshift.io/daemonset-dns", "default")],
        ),
        ("database", "databases", vec![]),
        ("kube-proxy", "kube-system", vec![("k8s-app", "kube-proxy")]),
        ("control-plane", "tenantry-system", vec![("app.kubernetes.io/component", "api-server")]),
        ("ingress", "ingress-nginx", vec![("app.kubernetes.io/name", "ingress-nginx")]),
        // Somebody who borrows a component's label in a namespace of their own.
        ("impostor", "default", vec![("tenantry.dev/component", "core"), ("k8s-app", "kube-dns")]),
        ("support", "support-desk", vec![]),
        ("prometheus", "monitoring", vec![]),
        // A namespace of a tenant's that says so of itself.
        ("reader", "tenant-nosy", vec![]),
    ] {
        let labels = labels.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let mut of_namespace =
            BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), namespace.to_owned())]);
        if name == "support" {
            of_namespace.insert("team".to_owned(), "support".to_owned());
            of_namespace.insert("access".to_owned(), "stacks".to_owned());
        }
        if ["prometheus", "reader"].contains(&name) {
            of_namespace.insert("tenantry.dev/reads-metrics".to_owned(), "true".to_owned());
        }
        if name == "reader" {
            of_namespace.insert("tenantry.dev/tenant".to_owned(), "nosy".to_owned());
        }
        world.namespaces.insert(namespace.to_owned(), of_namespace);
        world.add(name, Pod::new(namespace, labels));
    }
    for (name, address) in [
        ("partner", "203.0.113.7"),
        ("internet", "198.51.100.1"),
        // Of a range that load balancers call from, which are no pods.
        ("load-balancer", "35.191.7.7"),
        ("metadata", "169.254.169.254"),
        // NodeLocal DNSCache, which the node itself answers for.
        ("node-local", "169.254.20.10"),
        ("internet6", "2001:db8::7"),
        ("far6", "2400::1"),
    ] {
        world.endpoints.insert(name.to_owned(), Endpoint::Outside(address.parse().unwrap()));
    }
    world
}

/// Every connection that has one end in the stack and is let through: `from -> to PORT/PROTOCOL`.
fn reachable(world: &World, inside: &BTreeSet<String>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (from_name, from) in &world.endpoints {
        for (to_name, to) in &world.endpoints {
            let concerns = inside.contains(from_name) || inside.contains(to_name);
            if from_name == to_name || !concerns {
                continue;
            }
            for (port, protocol) in PORTS {
                if world.allows(from, to, port, protocol) {
                    all.insert(format!("{from_name} -> {to_name} {port}/{protocol}"));
                }
            }
        }
    }
    all
}

/// Rows of senders, receivers and ports, each separated by spaces.
fn table(rows: &[(&str, &str, &str)]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (senders, receivers, ports) in rows {
        for from in senders.split(' ') {
            for to in receivers.split(' ').filter(|to| *to != from) {
                for port in ports.split(' ') {
                    all.insert(format!("{from} -> {to} {port}"));
                }
            }
        }
    }
    all
}

fn check(stack: &Stack, others: &[&Stack], intended: &[(&str, &str, &str)]) {
    let mut world = surroundings();
    let outside: BTreeSet<String> = world.endpoints.keys().cloned().collect();
    add_stack(&mut world, stack, "");
    let inside = world.endpoints.keys().filter(|n| !outside.contains(*n)).cloned().collect();
    for other in others {
        add_stack(&mut world, other, &format!("{}/", other.tenant));
    }
    let (actual, intended) = (reachable(&world, &inside), table(intended));
    let surplus: Vec<_> = actual.difference(&intended).collect();
    let missing: Vec<_> = intended.difference(&actual).collect();
    assert!(surplus.is_empty() && missing.is_empty(), "open: {surplus:#?}\nclosed: {missing:#?}");
}

#[test]
fn prod() {
    let neighbours = [&support::stack("prod-gpu"), &support::stack("dev")];
    check(
        &support::stack("prod"),
        &neighbours,
        &[
            ("core transcribe", "core transcribe", "8080/TCP"),
            ("core transcribe", "gateway", "8080/TCP"),
            ("core transcribe", "collector", "4317/TCP 4318/TCP"),
            ("core transcribe", "partner", "443/TCP"),
            ("ingress", "core transcribe", "8080/TCP"),
            ("gateway", "control-plane", "8080/TCP"),
            ("prometheus", "gateway", "8081/TCP"),
            ("backup", "gateway", "8080/TCP"),
            ("metrics", "collector", "8888/TCP 8889/TCP"),
            ("metrics", "gateway", "8081/TCP"),
            ("grafana", "metrics", "9090/TCP"),
            ("core transcribe gateway backup metrics grafana stray", USUAL_DNS, "53/TCP 53/UDP"),
        ],
    );
}

#[test]
fn dev() {
    check(
        &support::stack("dev"),
        &[&support::stack("prod")],
        &[
            ("core", "gateway", "8080/TCP"),
            ("gateway", "control-plane", "8080/TCP"),
            ("prometheus", "gateway", "8081/TCP"),
            ("core gateway stray", USUAL_DNS, "53/TCP 53/UDP"),
        ],
    );
}

/// Ports other than 8080, several foreign namespaces, address ranges that hold the metadata service,
/// names resolved by OpenShift's pods and by Cloud DNS.
#[test]
fn everything() {
    check(
        &support::stack("everything"),
        &[&support::stack("dev")],
        &[
            ("api index worker voice", "api", "8081/TCP"),
            ("api index worker voice", "gateway", "8080/TCP"),
            ("api index worker voice", "collector", "4317/TCP 4318/TCP"),
            ("api index worker voice", "partner internet load-balancer", "443/TCP"),
            (
                "api index worker voice",
                "internet6",
                "22/TCP 53/TCP 443/TCP 3000/TCP 4317/TCP 4318/TCP 5353/TCP 5432/TCP 6443/TCP 8080/TCP 8081/TCP \
                 8888/TCP 8889/TCP 9090/TCP 13133/TCP",
            ),
            // 0.0.0.0/0 holds the cluster's own pods too: whoever is not closed himself is reached.
            (
                "api index worker voice",
                "database dns dns-cache dns-openshift kube-proxy control-plane ingress impostor support prometheus reader",
                "443/TCP",
            ),
            ("api index worker voice", "database", "5432/TCP"),
            ("ingress support load-balancer", "api", "8081/TCP"),
            ("gateway", "control-plane", "8080/TCP"),
            ("prometheus", "gateway", "8081/TCP"),
            ("backup", "gateway", "8080/TCP"),
            ("metrics", "collector", "8888/TCP 8889/TCP"),
            ("metrics", "gateway", "8081/TCP"),
            ("grafana", "metrics", "9090/TCP"),
            (
                "api index worker voice gateway backup metrics grafana stray",
                "dns-openshift metadata",
                "53/TCP 53/UDP 5353/TCP 5353/UDP",
            ),
        ],
    );
}

/// Nothing in the stack but the gateway: nobody calls it, and it still reports.
#[test]
fn a_stack_without_services_has_no_opening_for_everybody() {
    let bare =
        support::every_stack().into_iter().find(|(c, _)| c.contains("nothing but")).unwrap().1;
    check(
        &bare,
        &[&support::stack("dev")],
        &[
            ("gateway", "control-plane", "8080/TCP"),
            ("prometheus", "gateway", "8081/TCP"),
            ("gateway stray", USUAL_DNS, "53/TCP 53/UDP"),
        ],
    );
}

/// The evaluator itself: without policies everything is open, and a table would say so.
#[test]
fn without_isolation_everything_is_open() {
    let mut open = support::stack("dev");
    open.network.isolation = false;
    let mut world = surroundings();
    add_stack(&mut world, &open, "");
    for (from, to) in [("internet", "core"), ("core", "metadata"), ("impostor", "gateway")] {
        assert!(
            world.allows(&world.endpoints[from], &world.endpoints[to], 22, "TCP"),
            "{from} {to}"
        );
    }
}

/// No policy is there for nothing: without any one of them somebody reaches more, or less.
#[test]
fn every_policy_matters() {
    // Not `dev`: its one service opens its port to pods of its own only, and here each has one pod.
    for case in ["prod", "everything"] {
        let mut world = surroundings();
        let outside: BTreeSet<String> = world.endpoints.keys().cloned().collect();
        add_stack(&mut world, &support::stack(case), "");
        let inside = world.endpoints.keys().filter(|n| !outside.contains(*n)).cloned().collect();
        let whole = reachable(&world, &inside);
        for index in 0..world.policies.len() {
            let policy = world.policies.remove(index);
            let name = policy.metadata.name.clone();
            assert_ne!(reachable(&world, &inside), whole, "{case}: {name:?} changes nothing");
            world.policies.insert(index, policy);
        }
    }
}
