//! Rules that every stack keeps, whatever its profile.

use std::collections::BTreeMap;

use operator::{
    desired::{self, Stack, meta},
    kinds::Kind,
    object::Key,
};
use serde_json::{Value, json};

use super::{
    support,
    walk::{each_object, pod_template, quantity},
};

#[test]
fn names_are_unique_and_in_the_order_of_applying() {
    for (case, stack) in support::every_stack() {
        let objects = desired::objects(&stack);
        let keys: Vec<Key> = objects.iter().map(|o| o.key.clone()).collect();
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{case}: {keys:?}");
        for object in &objects {
            let metadata = &object.body["metadata"];
            assert_eq!(metadata["name"], *object.key.name, "{case}");
            assert_eq!(object.body["kind"], object.key.kind.as_str(), "{case}");
            assert!(object.key.name.len() <= 63, "{case}: {}", object.key);
            let namespace = (object.key.kind != Kind::Namespace).then(|| stack.tenant.namespace());
            assert_eq!(metadata.get("namespace"), namespace.map(Value::from).as_ref(), "{case}");
        }
    }
}

#[test]
fn what_holds_data_has_no_owner_and_everything_else_has() {
    each_object(|at, stack, object| {
        let metadata = &object.body["metadata"];
        let uid = &*stack.uid;
        if object.key.kind.holds_data() {
            assert!(metadata.get("ownerReferences").is_none(), "{at}");
            assert_eq!(metadata["annotations"][meta::TENANT_UID], uid, "{at}");
        } else {
            let owners = metadata["ownerReferences"].as_array().unwrap();
            assert_eq!(owners.len(), 1, "{at}");
            assert_eq!(owners[0]["uid"], uid, "{at}");
            assert_eq!(owners[0]["controller"], true, "{at}");
        }
        assert_eq!(metadata["labels"][meta::MANAGED_BY_LABEL], meta::MANAGED_BY, "{at}");
    });
}

#[test]
fn secrets_carry_no_data() {
    let mut secrets = 0;
    each_object(|at, _, object| {
        if object.key.kind == Kind::Secret {
            assert_eq!(object.generated, ["admin-password"], "{at}");
            let fields: Vec<&String> = object.body.as_object().unwrap().keys().collect();
            assert_eq!(fields, ["apiVersion", "kind", "metadata", "type"], "{at}");
            secrets += 1;
        } else {
            assert!(object.generated.is_empty(), "{at}");
        }
    });
    assert!(secrets > 0);
}

/// A selector can never be changed, and must find the component's own pods and no other.
#[test]
fn selectors_are_stable_and_find_their_own_pods() {
    for (case, stack) in support::every_stack() {
        let objects = desired::objects(&stack);
        let pods: Vec<(&str, &Value)> = objects
            .iter()
            .filter_map(|o| Some((&*o.component, &pod_template(o)?["metadata"]["labels"])))
            .collect();
        for object in &objects {
            let selector = match object.key.kind {
                Kind::Deployment | Kind::PodDisruptionBudget => "/spec/selector/matchLabels",
                Kind::Service => "/spec/selector",
                _ => continue,
            };
            let selector = object.body.pointer(selector).unwrap();
            assert_eq!(
                *selector,
                json!({ "tenantry.dev/component": &*object.component }),
                "{case}"
            );
            let found: Vec<&str> = pods
                .iter()
                .filter(|(_, labels)| {
                    selector.as_object().unwrap().iter().all(|(k, v)| labels[k] == *v)
                })
                .map(|(component, _)| *component)
                .collect();
            assert_eq!(found, [&*object.component], "{case}: {}", object.key);
        }
    }
}

/// Mounted ConfigMaps, Secrets and claims, ServiceAccounts, and the ports that Services lead to.
#[test]
fn what_a_pod_refers_to_is_in_the_stack() {
    for (case, stack) in support::every_stack() {
        let objects = desired::objects(&stack);
        let has = |kind, name: &Value| {
            let key = Key::new(kind, name.as_str().unwrap());
            assert!(objects.iter().any(|o| o.key == key), "{case}: no {key}");
        };
        let mut ports: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for object in &objects {
            let Some(template) = pod_template(object) else { continue };
            let pod = &template["spec"];
            has(Kind::ServiceAccount, &pod["serviceAccountName"]);
            for volume in pod["volumes"].as_array().unwrap() {
                if let Some(name) = volume.pointer("/configMap/name") {
                    has(Kind::ConfigMap, name);
                }
                if let Some(name) = volume.pointer("/secret/secretName") {
                    has(Kind::Secret, name);
                }
                if let Some(name) = volume.pointer("/persistentVolumeClaim/claimName") {
                    has(Kind::PersistentVolumeClaim, name);
                }
            }
            let named = pod["containers"][0]["ports"].as_array();
            let named = named.into_iter().flatten().map(|p| &p["name"]).collect();
            ports.insert(&object.component, named);
        }
        for service in objects.iter().filter(|o| o.key.kind == Kind::Service) {
            for port in service.body["spec"]["ports"].as_array().unwrap() {
                let known = &ports[&*service.component];
                assert!(known.contains(&&port["targetPort"]), "{case}: {}: {port}", service.key);
            }
        }
    }
}

/// A rule without peers, or a peer without a selector, would let everybody through.
#[test]
fn no_network_rule_is_open() {
    each_object(|at, _, object| {
        if object.key.kind != Kind::NetworkPolicy {
            return;
        }
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            for rule in object.body["spec"][direction].as_array().into_iter().flatten() {
                let peers = rule[peers].as_array().unwrap_or_else(|| panic!("{at}: {rule}"));
                assert!(!peers.is_empty(), "{at}: {rule}");
                for peer in peers {
                    for selector in peer.as_object().unwrap().values() {
                        assert!(!selector.as_object().unwrap().is_empty(), "{at}: {peer}");
                        assert_ne!(selector.get("matchLabels"), Some(&json!({})), "{at}: {peer}");
                    }
                }
            }
        }
    });
}

/// Those of the profile, with the tenant's name where it goes; and no other object has any of them.
#[test]
fn an_ingress_has_the_annotations_of_its_profile() {
    let mut seen = 0;
    each_object(|at, stack, object| {
        if object.key.kind != Kind::Ingress {
            return;
        }
        let annotations = object.body["metadata"].get("annotations");
        if at.starts_with("everything") {
            let wanted = json!({
                "cert-manager.io/cluster-issuer": "letsencrypt",
                "alb.ingress.kubernetes.io/tags": format!("tenant={}", stack.tenant),
                "example.test/empty": "",
            });
            assert_eq!(annotations, Some(&wanted), "{at}");
            seen += 1;
        } else {
            assert_eq!(annotations, None, "{at}");
        }
    });
    assert!(seen > 0);
}

#[test]
fn without_isolation_there_is_no_network_policy() {
    let (_, open) =
        support::every_stack().into_iter().find(|(c, _)| c.contains("isolation")).unwrap();
    assert!(desired::objects(&open).iter().all(|o| o.key.kind != Kind::NetworkPolicy));
}

/// Suspending touches nothing but the numbers that are ours, and spares gateway and backups.
#[test]
fn suspending_changes_only_the_replicas_of_services_and_telemetry() {
    for case in ["prod", "everything"] {
        let running = support::stack(case);
        let suspended = Stack { suspended: true, ..running.clone() };
        let mut stopped = Vec::new();
        for (mut up, down) in
            desired::objects(&running).into_iter().zip(desired::objects(&suspended))
        {
            if up.body != down.body {
                assert!(up.body["spec"]["replicas"].as_u64().unwrap() > 0);
                up.body["spec"]["replicas"] = 0.into();
                stopped.push(up.component.clone());
            }
            assert_eq!(up, down);
        }
        let services: &[&str] = if case == "prod" { &["core"] } else { &["voice"] };
        let telemetry = ["tenantry-collector", "tenantry-grafana", "tenantry-metrics"];
        let telemetry = telemetry.map(|name| name.trim_start_matches("tenantry-"));
        let expected: Vec<&str> = services.iter().copied().chain(telemetry).collect();
        let mut stopped: Vec<&str> = stopped.iter().map(AsRef::as_ref).collect();
        stopped.sort_unstable();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(stopped, expected, "{case}");
    }
}

/// What an autoscaler or another party sets, we never send.
#[test]
fn replicas_that_are_not_ours_are_not_sent() {
    let objects = support::objects("everything");
    let replicas = |name: &str| {
        let key = Key::new(Kind::Deployment, name);
        let found = objects.iter().find(|o| o.key == key).unwrap();
        found.body["spec"].get("replicas").cloned()
    };
    assert_eq!(replicas("api"), None);
    assert_eq!(replicas("worker"), None);
    assert_eq!(replicas("index"), Some(0.into()));
    assert_eq!(replicas("voice"), Some(1.into()));
}

#[test]
fn budgets_exist_only_where_a_pod_can_be_spared() {
    let budgets = |case| -> Vec<String> {
        let objects = support::objects(case);
        let budgets = objects.iter().filter(|o| o.key.kind == Kind::PodDisruptionBudget);
        budgets.map(|o| o.key.name.to_string()).collect()
    };
    assert_eq!(budgets("dev"), [""; 0]);
    assert_eq!(budgets("prod"), ["core"]);
    assert_eq!(budgets("everything"), ["worker"]);
}

#[test]
fn a_device_comes_with_an_overlay_and_to_acceleratable_services_only() {
    let plain = desired::objects(&support::prod_with("acme", |_| {}));
    let gpu = support::prod_with("acme", |tenant| tenant.spec.overlays = vec!["gpu".to_owned()]);
    let gpu = desired::objects(&gpu);
    let changed: Vec<String> =
        plain.iter().zip(&gpu).filter(|(a, b)| a != b).map(|(_, b)| b.key.to_string()).collect();
    assert_eq!(changed, ["Deployment transcribe"]);
    let key = Key::new(Kind::Deployment, "transcribe");
    let deployment = &gpu.iter().find(|o| o.key == key).unwrap().body["spec"];
    let resources = &deployment["template"]["spec"]["containers"][0]["resources"];
    assert_eq!(resources["limits"]["nvidia.com/gpu"], "1");
    assert_eq!(resources["requests"]["nvidia.com/gpu"], "1");
    // Nobody waits for a second device while rolling.
    assert_eq!(deployment["strategy"]["rollingUpdate"]["maxSurge"], 0);
}

/// The schedules of a profile and its overlay are joined; where both name a label the overlay wins.
#[test]
fn placement_joins_profile_and_overlay() {
    let objects = support::objects("everything");
    let key = Key::new(Kind::Deployment, "voice");
    let pod = &objects.iter().find(|o| o.key == key).unwrap().body["spec"]["template"]["spec"];
    assert_eq!(pod["nodeSelector"], json!({ "zone": "b", "node.example/plain": "" }));
    assert_eq!(pod["runtimeClassName"], "nvidia");
    let tolerations = json!([
        { "key": "dedicated", "operator": "Equal", "effect": "NoExecute" },
        { "key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule" },
    ]);
    assert_eq!(pod["tolerations"], tolerations);
}

/// The quota of the examples holds the stack at its largest, while everything rolls.
#[test]
fn the_examples_fit_their_quota_at_their_largest() {
    for case in ["dev", "prod", "prod-gpu"] {
        let objects = support::objects(case);
        let (mut pods, mut sums) = (0, BTreeMap::from([("cpu", 0), ("memory", 0)]));
        for object in &objects {
            let Some(template) = pod_template(object) else { continue };
            let key = Key::new(Kind::HorizontalPodAutoscaler, &object.key.name);
            let scaler = objects.iter().find(|o| o.key == key);
            let most =
                scaler.map_or(&object.body["spec"]["replicas"], |s| &s.body["spec"]["maxReplicas"]);
            let surge = object.body.pointer("/spec/strategy/rollingUpdate/maxSurge");
            let most = most.as_i64().unwrap_or(1) + surge.and_then(Value::as_i64).unwrap_or(0);
            pods += most;
            let requests = &template["spec"]["containers"][0]["resources"]["requests"];
            for (name, sum) in &mut sums {
                *sum += i128::from(most) * quantity(&requests[*name]);
            }
        }
        let hard = &objects.iter().find(|o| o.key.kind == Kind::ResourceQuota).unwrap().body["spec"]
            ["hard"];
        assert!(i128::from(pods) * 1000 <= quantity(&hard["pods"]), "{case}: {pods} pods");
        assert!(sums["cpu"] <= quantity(&hard["requests.cpu"]), "{case}: {sums:?}");
        assert!(sums["memory"] <= quantity(&hard["requests.memory"]), "{case}: {sums:?}");
    }
}
