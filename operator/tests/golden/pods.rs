//! What every pod of every stack keeps.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::walk::{each_pod, quantity};

#[test]
fn every_pod_is_restricted() {
    each_pod(|at, template| {
        let pod = &template["spec"];
        for forbidden in ["hostNetwork", "hostPID", "hostIPC", "initContainers", "hostUsers"] {
            assert!(pod.get(forbidden).is_none(), "{at}: {forbidden}");
        }
        assert_eq!(pod["automountServiceAccountToken"], false, "{at}");
        assert_eq!(pod["enableServiceLinks"], false, "{at}");
        let security = &pod["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{at}");
        assert!(security["runAsUser"].as_i64().unwrap() > 0, "{at}");
        assert!(security["runAsGroup"].as_i64().unwrap() > 0, "{at}");
        assert_eq!(security["seccompProfile"], json!({ "type": "RuntimeDefault" }), "{at}");
        let containers = pod["containers"].as_array().unwrap();
        assert_eq!(containers.len(), 1, "{at}");
        let expected = json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        });
        assert_eq!(containers[0]["securityContext"], expected, "{at}");
        for volume in pod["volumes"].as_array().unwrap() {
            let kinds: Vec<&String> =
                volume.as_object().unwrap().keys().filter(|k| *k != "name").collect();
            let allowed = ["configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"];
            assert!(kinds.len() == 1 && allowed.contains(&kinds[0].as_str()), "{at}: {volume}");
            if let Some(scratch) = volume.get("emptyDir") {
                assert!(scratch["sizeLimit"].is_string(), "{at}: {volume} has no bound");
            }
        }
    });
}

/// The cluster autoscaler removes no node with a pod whose scratch it was not told of; and it must not be told of anything else.
#[test]
fn the_cluster_autoscaler_knows_what_is_scratch() {
    let mut seen = BTreeSet::new();
    each_pod(|at, template| {
        let volumes = template["spec"]["volumes"].as_array().unwrap();
        let scratch = volumes.iter().filter(|volume| volume.get("emptyDir").is_some());
        let names: Vec<&str> = scratch.map(|volume| volume["name"].as_str().unwrap()).collect();
        let annotations = template["metadata"].get("annotations");
        let told = annotations
            .and_then(|all| all.get("cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"))
            .map(|told| told.as_str().unwrap().to_owned());
        assert_eq!(told, (!names.is_empty()).then(|| names.join(",")), "{at}");
        seen.insert(told);
    });
    // Without any, with the usual one, and with Grafana's.
    assert!(seen.contains(&None) && seen.contains(&Some("tmp".to_owned())), "{seen:?}");
    assert!(seen.iter().flatten().any(|told| told.contains(',')), "{seen:?}");
}

/// The gateway and the job that asks it for backups show who they are to others of Tenantry; services
/// only report usage, and nobody else has any token.
#[test]
fn every_pod_has_the_token_of_its_part_alone() {
    let mut seen = BTreeSet::new();
    each_pod(|at, template| {
        let component = template["metadata"]["labels"]["tenantry.dev/component"].as_str().unwrap();
        let volumes = template["spec"]["volumes"].as_array().unwrap();
        let sources = volumes.iter().filter_map(|v| v["projected"]["sources"].as_array()).flatten();
        let audiences: Vec<&str> =
            sources.map(|s| s["serviceAccountToken"]["audience"].as_str().unwrap()).collect();
        let expected: &[&str] = match component {
            "gateway" | "backup" => &["tenantry-gateway"],
            "collector" | "metrics" | "grafana" => &[],
            _ => &["tenantry-usage"],
        };
        assert_eq!(audiences, expected, "{at}");
        seen.insert(component.to_owned());
    });
    assert!(seen.contains("backup") && seen.contains("gateway") && seen.len() > 5, "{seen:?}");
}

#[test]
fn every_mount_has_its_volume_and_a_path_of_its_own() {
    each_pod(|at, template| {
        let pod = &template["spec"];
        let names = |list: &Value, field: &str| -> Vec<String> {
            list.as_array().unwrap().iter().map(|v| v[field].as_str().unwrap().to_owned()).collect()
        };
        let mounts = &pod["containers"][0]["volumeMounts"];
        assert_eq!(names(&pod["volumes"], "name"), names(mounts, "name"), "{at}");
        let paths = names(mounts, "mountPath");
        assert_eq!(paths.len(), paths.iter().collect::<BTreeSet<_>>().len(), "{at}: {paths:?}");
        assert!(paths.contains(&"/tmp".to_owned()), "{at}: the root is read-only: {paths:?}");
        let env = names(pod["containers"][0].get("env").unwrap_or(&json!([])), "name");
        assert_eq!(env.len(), env.iter().collect::<BTreeSet<_>>().len(), "{at}: {env:?}");
    });
}

#[test]
fn every_container_says_what_it_takes() {
    each_pod(|at, template| {
        let resources = &template["spec"]["containers"][0]["resources"];
        let (requests, limits) = (&resources["requests"], &resources["limits"]);
        assert!(quantity(&requests["cpu"]) > 0, "{at}");
        assert!(quantity(&requests["memory"]) > 0, "{at}");
        for (name, limit) in limits.as_object().unwrap() {
            let request = quantity(&requests[name]);
            assert!(request <= quantity(limit), "{at}: {name}: the request exceeds the limit");
            if !["cpu", "memory", "ephemeral-storage"].contains(&name.as_str()) {
                assert_eq!(request, quantity(limit), "{at}: {name} cannot be shared");
            }
        }
        assert!(limits.get("memory").is_some(), "{at}");
    });
}
