//! Who resolves names: one value for the chart's own policies and for the tenants' pods, and what the operator takes by itself
//! where nobody says anything.

use crds::{
    DeploymentProfile,
    deployment_profile::{Dns, DnsServer},
};
use serde_json::{Value, json};

use crate::helm::{objects, prints, template, values};

/// Every part that has a policy.
const EVERYTHING: &[&str] = &[
    "--set=platform.prometheus.enabled=true,platform.grafana.enabled=true,platform.collector.enabled=true",
    "--set=platform.grafana.existingSecret=grafana",
    "--set=routines.enabled=true,routines.existingSecret=routines",
];
/// OpenShift's, and an address.
const OTHER: &str = r#"--set-json=networkPolicies={"dns":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"openshift-dns"}},"podSelector":{"matchLabels":{"dns.operator.openshift.io/daemonset-dns":"default"}}},{"ipBlock":{"cidr":"172.30.0.10/32"}}],"dnsPorts":[5353,53]}"#;

fn rendered(more: &[&str]) -> Vec<Value> {
    objects(&prints(&template(&[EVERYTHING, more].concat())))
}

/// The rule of each policy that is about these ports, by the policy's name; panics where one has none.
fn rules(all: &[Value], ports: &[u16]) -> Vec<(String, Value)> {
    let both = |port: &u16| ["UDP", "TCP"].map(|p| json!({ "port": port, "protocol": p }));
    let ports: Vec<Value> = ports.iter().flat_map(both).collect();
    let policies = all.iter().filter(|object| object["kind"] == "NetworkPolicy");
    let rule = |policy: &Value| {
        let name = policy["metadata"]["name"].as_str().unwrap().to_owned();
        let rules = policy["spec"]["egress"].as_array().unwrap();
        let mut found = rules.iter().filter(|rule| rule["ports"] == json!(ports));
        let found = found.next().unwrap_or_else(|| panic!("{name} resolves nothing: {rules:#?}"));
        (name, found["to"].clone())
    };
    policies.map(rule).collect()
}

/// As a peer of a policy.
fn peer(server: &DnsServer) -> Value {
    if let Some(cidr) = &server.cidr {
        return json!({ "ipBlock": { "cidr": cidr } });
    }
    json!({
        "namespaceSelector": { "matchLabels": server.namespace_labels },
        "podSelector": { "matchLabels": server.pod_labels },
    })
}

fn profiles(all: &[Value]) -> Vec<DeploymentProfile> {
    let profiles = all.iter().filter(|object| object["kind"] == "DeploymentProfile");
    profiles.map(|profile| serde_json::from_value(profile.clone()).expect("a profile")).collect()
}

#[test]
fn what_nobody_changed_is_what_the_operator_takes_by_itself() {
    let usual = Dns::default();
    let all = rendered(&[]);
    let found = rules(&all, &usual.ports);
    assert!(found.len() >= 5, "{found:?}");
    let wanted: Value = usual.servers.iter().map(peer).collect();
    for (name, to) in found {
        assert_eq!(to, wanted, "{name}");
    }
    for profile in profiles(&all) {
        assert_eq!(profile.spec.network.dns, None, "{:?}", profile.metadata.name);
    }
}

#[test]
fn what_is_changed_reaches_every_policy_and_both_profiles() {
    let all = rendered(&[OTHER]);
    let both = profiles(&all);
    assert_eq!(both.len(), 2);
    for profile in &both {
        let dns = profile.spec.network.dns.as_ref().expect("the profile says it");
        assert_eq!(dns.ports, [5353, 53]);
        assert_eq!(dns.servers.len(), 2);
        let wanted: Value = dns.servers.iter().map(peer).collect();
        for (name, to) in rules(&all, &dns.ports) {
            assert_eq!(to, wanted, "{name}");
        }
        assert!(profile.spec.network.isolation);
        kube::core::cel::validate_cel(profile).expect("rules of the definition");
    }
    let prod = both.iter().find(|p| p.metadata.name.as_deref() == Some("prod")).unwrap();
    let network = &prod.spec.network;
    assert!(network.allow_from.len() == 1 && network.allow_to.len() == 1, "{network:?}");
}

#[test]
fn a_profile_that_says_its_own_keeps_it() {
    let own = r#"--set-json=profiles.prod.spec={"network":{"dns":{"ports":[54]}}}"#;
    for more in [vec![own, OTHER], vec![own]] {
        let all = rendered(&more);
        for profile in profiles(&all) {
            let dns = profile.spec.network.dns.map(|dns| dns.ports);
            let wanted = match profile.metadata.name.as_deref() {
                Some("prod") => Some(vec![54]),
                _ => more.contains(&OTHER).then(|| vec![5353, 53]),
            };
            assert_eq!(dns, wanted, "{:?}", profile.metadata.name);
        }
    }
    // A number from the command line is another kind of number than one from a file.
    let prod = values("prod");
    let text = prints(&template(&["--values", &prod, "--set=networkPolicies.dnsPorts={53}"]));
    for profile in profiles(&objects(&text)) {
        assert_eq!(profile.spec.network.dns, None, "{:?}", profile.metadata.name);
    }
}
