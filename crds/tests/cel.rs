//! Every CEL rule, accepted once and refused once, evaluated as the API server would. A message says
//! which field is wrong and how to mend it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use crds::{DeploymentProfile, Tenant};
use kube::core::cel::{validate_cel, validate_cel_update};
use serde_json::{Value, json};

const PROFILE: &str = include_str!("../../examples/profile-prod.yaml");

fn tenant(name: &str) -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
        "metadata": { "name": name },
        "spec": { "displayName": "Acme", "profileRef": { "name": "prod" } },
    })
}

fn profile() -> Value {
    serde_saphyr::from_str(PROFILE).unwrap()
}

/// The object with `value` at `path`.
fn with(mut object: Value, path: &str, value: Value) -> Value {
    let (parent, name) = path.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"))[name] = value;
    object
}

fn check(object: &Value) -> Result<(), String> {
    let said = |e: kube::core::cel::ValidationErrors| e.to_string();
    match object["kind"].as_str() {
        Some("Tenant") => {
            let tenant: Tenant = serde_json::from_value(object.clone()).unwrap();
            validate_cel(&tenant).map_err(said)
        }
        _ => {
            let profile: DeploymentProfile = serde_json::from_value(object.clone()).unwrap();
            validate_cel(&profile).map_err(said)
        }
    }
}

/// A change of the valid profile, and what the refusal must say; `None` is accepted.
type Case = (&'static str, Value, Option<&'static str>);

fn hold(cases: Vec<Case>) {
    for (path, value, refusal) in cases {
        let object = with(profile(), path, value.clone());
        match (check(&object), refusal) {
            (Ok(()), None) => {}
            (Err(message), Some(part)) if message.contains(part) => {}
            (got, _) => panic!("{path} = {value}: wanted {refusal:?}, got {got:?}"),
        }
    }
}

#[test]
fn the_examples_are_accepted() {
    check(&profile()).unwrap();
    let dev = include_str!("../../examples/profile-dev.yaml");
    check(&serde_saphyr::from_str(dev).unwrap()).unwrap();
    let tenants = include_str!("../../examples/tenants.yaml");
    let all: Vec<Value> = serde_saphyr::from_multiple(tenants).unwrap();
    assert_eq!(all.len(), 3);
    for tenant in all {
        check(&tenant).unwrap();
    }
}

#[test]
fn a_tenants_name_is_a_label_of_at_most_40_characters() {
    for good in ["a", "acme", "a-1", &"a".repeat(40)] {
        check(&tenant(good)).unwrap();
    }
    for bad in ["a.b", "-a", "a-", "A", &"a".repeat(41)] {
        let message = check(&tenant(bad)).unwrap_err();
        assert!(
            message.contains("metadata.name must be a DNS label of at most 40 characters"),
            "{message}"
        );
    }
}

#[test]
fn a_profiles_name_is_a_label_of_at_most_40_characters() {
    let named = |name: &str| check(&with(profile(), "/metadata/name", name.into()));
    named("prod").unwrap();
    assert!(named("prod.eu").unwrap_err().contains("metadata.name must be a DNS label"));
    assert!(named(&"p".repeat(41)).unwrap_err().contains("at most 40"));
}

#[test]
fn account_and_calendar_are_set_once() {
    let bare = || tenant("acme");
    let billing = |currency| json!({ "currency": currency, "timeZone": "UTC", "anchorDay": 1 });
    for (path, value, other, part) in [
        ("/spec/accountId", json!("acme"), json!("acme2"), "spec.accountId may be set once"),
        ("/spec/billing", billing("USD"), billing("EUR"), "spec.billing may be set once"),
    ] {
        let set = with(bare(), path, value);
        let change = |old: &Value, new: &Value| {
            let read = |v: &Value| serde_json::from_value::<Tenant>(v.clone()).unwrap();
            validate_cel_update(&read(new), &read(old)).map_err(|e| e.to_string())
        };
        change(&bare(), &set).unwrap();
        change(&set, &set).unwrap();
        for refused in [with(bare(), path, other), bare()] {
            let message = change(&set, &refused).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn what_is_announced_comes_within_a_period() {
    for (grace, fits) in [("0s", true), ("24h", true), ("744h", true), ("745h", false)] {
        let action = json!({ "policy": "Suspend", "grace": grace });
        let got = check(&with(tenant("acme"), "/spec/quotaAction", action));
        let message = "spec.quotaAction.grace is at most 744h";
        assert_eq!(got.is_ok(), fits, "{grace}: {got:?}");
        assert!(got.err().is_none_or(|said| said.contains(message)), "{grace}");
    }
}

#[test]
fn replicas_or_autoscaling() {
    let scaling = || json!({ "minReplicas": 1, "maxReplicas": 2, "targetCpuPercent": 50 });
    hold(vec![
        ("/spec/services/0/autoscaling", scaling(), Some("set either replicas or autoscaling")),
        ("/spec/services/1/replicas", json!(1), Some("set either replicas or autoscaling")),
        ("/spec/services/1/autoscaling", scaling(), None),
        ("/spec/services/0/replicas", json!("External"), None),
    ]);
    let upside_down = json!({ "minReplicas": 3, "maxReplicas": 2, "targetCpuPercent": 50 });
    let message = "minReplicas must not exceed maxReplicas";
    hold(vec![("/spec/services/1/autoscaling", upside_down, Some(message))]);
}

#[test]
fn a_service_with_storage_runs_one_pod() {
    let storage = || json!({ "size": "1Gi", "mountPath": "/data" });
    let message = Some("a service with storage runs one pod: set replicas to 1 or 0");
    hold(vec![
        ("/spec/services/0/storage", storage(), message),
        ("/spec/services/1/storage", storage(), message),
    ]);
    for (replicas, fits) in
        [(json!(0), true), (json!(1), true), (json!(2), false), (json!("External"), false)]
    {
        let one = with(profile(), "/spec/services/0/storage", storage());
        let one = with(one, "/spec/services/0/replicas", replicas.clone());
        let got = check(&one);
        assert_eq!(got.is_ok(), fits, "{replicas}: {got:?}");
    }
}

#[test]
fn ports_are_named_where_they_are_used() {
    let probe = |port: &str| json!({ "port": port });
    let message = Some("every probe's port must name one of the service's ports");
    hold(vec![
        ("/spec/services/0/ingress/port", json!("web"), Some("ingress.port must name one")),
        ("/spec/services/0/ingress/port", json!("http"), None),
        ("/spec/services/0/probes", json!({}), None),
        ("/spec/services/0/probes", json!({ "startup": probe("http") }), None),
        ("/spec/services/0/probes", json!({ "startup": probe("web") }), message),
        ("/spec/services/0/probes", json!({ "liveness": probe("web") }), message),
        ("/spec/services/0/probes", json!({ "readiness": probe("web") }), message),
    ]);
    let mut portless = profile();
    portless["spec"]["services"][1].as_object_mut().unwrap().remove("ports");
    assert!(check(&portless).is_err(), "a probe of a service without ports");
    portless["spec"]["services"][1].as_object_mut().unwrap().remove("probes");
    check(&portless).unwrap();
}

#[test]
fn an_ingress_host_holds_the_tenants_name() {
    hold(vec![
        ("/spec/services/0/ingress/host", json!("core.{tenant}.example.com"), None),
        (
            "/spec/services/0/ingress/host",
            json!("core.example.com"),
            Some("host must contain {tenant}"),
        ),
    ]);
}

#[test]
fn an_ingress_has_annotations_that_are_nobody_elses() {
    let message = "annotations beginning with tenantry.dev/ or kubectl.kubernetes.io/ are";
    for (key, fits) in [
        ("cert-manager.io/cluster-issuer", true),
        ("nginx.ingress.kubernetes.io/proxy-read-timeout", true),
        ("owner", true),
        ("tenantry.dev", true),
        ("tenantry.dev/tenant-uid", false),
        ("kubectl.kubernetes.io/last-applied-configuration", false),
    ] {
        let annotations = json!({ key: "x" });
        let path = "/spec/services/0/ingress/annotations";
        hold(vec![(path, annotations, (!fits).then_some(message))]);
    }
}

#[test]
fn the_operators_names_are_its_own() {
    for name in ["gateway", "collector", "metrics", "grafana", "backup", "tenantry-x"] {
        let message = Some("name must not begin with tenantry- nor be gateway, collector");
        hold(vec![("/spec/services/1/name", name.into(), message)]);
    }
    hold(vec![("/spec/services/1/name", json!("gateways"), None)]);
    for (name, fits) in [("TENANTRY_X", false), ("OTEL_X", false), ("MY_OTEL_X", true)] {
        let message = "names beginning with TENANTRY_ or OTEL_ are set by the operator";
        let env = json!([{ "name": name, "value": "x" }]);
        hold(vec![("/spec/services/0/env", env.clone(), (!fits).then_some(message))]);
        let overlay = json!({ "env": env });
        hold(vec![("/spec/overlays/gpu", overlay, (!fits).then_some(message))]);
        let change = json!({ "services": [{ "name": "core", "env": env }] });
        let tenant = with(tenant("acme"), "/spec/overrides", change);
        assert_eq!(check(&tenant).is_ok(), fits, "{name}");
    }
}

#[test]
fn an_environment_source_is_one_thing() {
    let message = Some("name exactly one of secret and configMap");
    hold(vec![
        ("/spec/services/0/envFrom", json!([{ "secret": "a" }]), None),
        ("/spec/services/0/envFrom", json!([{ "configMap": "a" }]), None),
        ("/spec/services/0/envFrom", json!([{}]), message),
        ("/spec/services/0/envFrom", json!([{ "secret": "a", "configMap": "b" }]), message),
    ]);
}

#[test]
fn telemetry_builds_on_itself() {
    hold(vec![
        ("/spec/telemetry", json!({}), None),
        ("/spec/telemetry/grafana/enabled", json!(false), None),
        (
            "/spec/telemetry/metrics/enabled",
            json!(false),
            Some("enable telemetry.metrics too, or disable telemetry.grafana"),
        ),
        (
            "/spec/telemetry/collector/enabled",
            json!(false),
            Some("enable telemetry.collector too, or disable telemetry.metrics"),
        ),
        (
            "/spec/telemetry",
            json!({ "metrics": { "image": "i", "storage": "1Gi" } }),
            Some("the metrics store reads from the collector"),
        ),
    ]);
}

#[test]
fn who_may_come_in_and_what_is_reached_is_named() {
    let from = "name either namespaceLabels, with a label such as kubernetes.io/metadata.name";
    let to = "name either cidr, or namespaceLabels with a label such as";
    for (list, message) in [("allowFrom", from), ("allowTo", to)] {
        for (entry, fits) in [
            (json!({ "namespaceLabels": { "team": "" } }), true),
            (json!({ "cidr": "35.191.0.0/16" }), true),
            (json!({}), false),
            (json!({ "namespaceLabels": {} }), false),
            (json!({ "namespaceLabels": { "team": "a" }, "cidr": "35.191.0.0/16" }), false),
            (json!({ "namespaceLabels": {}, "cidr": "35.191.0.0/16" }), false),
        ] {
            let path = format!("/spec/network/{list}");
            let got = check(&with(profile(), &path, json!([entry])));
            assert_eq!(got.is_ok(), fits, "{path} {entry}: {got:?}");
            assert!(got.err().is_none_or(|said| said.contains(message)), "{path} {entry}");
        }
    }
}

#[test]
fn who_resolves_names_is_pods_or_addresses() {
    let message = Some("name either cidr, or namespaceLabels with at least one label");
    let namespace = || json!({ "kubernetes.io/metadata.name": "openshift-dns" });
    for (server, refusal) in [
        (json!({ "cidr": "169.254.20.10/32" }), None),
        (json!({ "namespaceLabels": namespace() }), None),
        (json!({ "namespaceLabels": namespace(), "podLabels": { "a": "b" } }), None),
        (json!({}), message),
        (json!({ "namespaceLabels": {} }), message),
        (json!({ "podLabels": { "k8s-app": "kube-dns" } }), message),
        (json!({ "cidr": "169.254.20.10/32", "namespaceLabels": namespace() }), message),
        (json!({ "cidr": "169.254.20.10/32", "podLabels": { "a": "b" } }), message),
    ] {
        let dns = json!({ "servers": [server], "ports": [5353] });
        hold(vec![("/spec/network/dns", dns, refusal)]);
    }
    hold(vec![("/spec/network/dns", json!({}), None)]);
}

#[test]
fn a_claim_is_mounted_in_a_folder_of_its_own() {
    let one = with(profile(), "/spec/services/0/replicas", json!(1));
    for (path, fits) in [
        ("/data", true),
        ("/tmp/", true),
        ("/var/lib/data", true),
        ("/var/run/app", true),
        ("/run/secretsauce", true),
        ("/development", true),
        ("/data/.cache", true),
        ("/data/..cache", true),
        ("/", false),
        ("//", false),
        ("/data//x", false),
        ("/data/..", false),
        ("/data/../proc", false),
        ("/./proc", false),
        ("/proc", false),
        ("/sys/fs", false),
        ("/dev/shm", false),
        ("/run/secrets", false),
        ("/var/run/secrets", false),
        ("/var/run/secrets/", false),
        ("/var/run/secrets/kubernetes.io/serviceaccount", false),
        ("/var/run/secrets/tenantry", false),
    ] {
        let storage = json!({ "size": "1Gi", "mountPath": path });
        let got = check(&with(one.clone(), "/spec/services/0/storage", storage));
        assert_eq!(got.is_ok(), fits, "{path}: {got:?}");
        if let Err(message) = got {
            assert!(
                message.contains("mountPath must be a folder of the service's own"),
                "{message}"
            );
        }
    }
}

/// A rule that no test above refuses would be here unseen.
#[test]
fn no_rule_is_without_a_test() {
    let tests = include_str!("cel.rs");
    let mut rules = std::collections::BTreeSet::new();
    for (_, crd) in crds::all() {
        collect(&serde_json::to_value(crd).unwrap(), &mut rules);
    }
    assert_eq!(rules.len(), 21, "a new rule needs a test here: {rules:#?}");
    for message in rules {
        let words: Vec<&str> = message.split(' ').collect();
        let told = words.windows(3).any(|w| tests.contains(&w.join(" ")));
        assert!(told, "no test speaks of: {message}");
    }
}

fn collect(value: &Value, messages: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for rule in members
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                messages.insert(rule["message"].as_str().expect("a message").to_owned());
            }
            members.values().for_each(|v| collect(v, messages));
        }
        Value::Array(items) => items.iter().for_each(|v| collect(v, messages)),
        _ => {}
    }
}
