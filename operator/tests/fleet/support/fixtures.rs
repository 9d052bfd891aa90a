//! Small valid objects, each with names of its own.

use serde_json::{Value, json};

/// What every service of the tests asks for.
fn resources() -> Value {
    json!({ "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } })
}

/// A service with one port.
pub fn service(name: &str) -> Value {
    json!({
        "name": name, "image": "tenantry.dev/sample:1", "resources": resources(),
        "ports": [{ "name": "http", "port": 8080 }],
    })
}

/// A profile with one service and the gateway.
pub fn dev(name: &str) -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "DeploymentProfile",
        "metadata": { "name": name },
        "spec": {
            "tier": "dev",
            "services": [service("core")],
            "billing": {
                "storage": { "size": "1Gi" },
                "gateway": { "image": "tenantry.dev/tenantry:1", "args": ["gateway"], "resources": resources() },
            },
            "quota": { "cpu": "2", "memory": "4Gi", "storage": "20Gi", "pods": 40 },
            "rollout": { "maxInFlight": "100%" },
        },
    })
}

/// A profile with everything that production has.
pub fn prod(name: &str) -> Value {
    let mut core = service("core");
    core["replicas"] = 2.into();
    core["ingress"] = json!({ "host": "{tenant}.example.com", "port": "http" });
    let mut transcribe = service("transcribe");
    transcribe["feature"] = "voice".into();
    transcribe["acceleratable"] = true.into();
    transcribe["autoscaling"] =
        json!({ "minReplicas": 1, "maxReplicas": 10, "targetCpuPercent": 70 });
    edit(dev(name), |spec| {
        spec["tier"] = "prod".into();
        spec["services"] = json!([core, transcribe]);
        spec["telemetry"] = json!({
            "collector": { "image": "otel/collector:1", "resources": resources() },
            "metrics": { "image": "prom/prometheus:v3", "storage": "2Gi", "resources": resources() },
            "grafana": { "image": "grafana/grafana:13", "resources": resources() },
        });
        spec["backups"] = json!({
            "schedule": "0 3 * * *", "image": "tenantry.dev/tenantry:1", "args": ["backup-tenant"], "resources": resources(),
        });
        spec["overlays"] = json!({ "gpu": {
            "resources": { "limits": { "nvidia.com/gpu": 1 } },
            "tolerations": [{ "key": "nvidia.com/gpu", "effect": "NoSchedule" }],
        } });
    })
}

/// Production, and a service with a claim of its own: one object or more of each kind.
pub fn everything(name: &str) -> Value {
    let mut store = service("store");
    store["storage"] = json!({ "size": "1Gi", "mountPath": "/data" });
    edit(prod(name), |spec| {
        if let Some(services) = spec["services"].as_array_mut() {
            services.push(store);
        }
    })
}

/// A tenant of a profile.
pub fn tenant(name: &str, profile: &str) -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
        "metadata": { "name": name },
        "spec": { "displayName": format!("Tenant {name}"), "profileRef": { "name": profile } },
    })
}

/// The object with its spec changed.
pub fn edit(mut object: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut object["spec"]);
    object
}

/// The object with one value set, by JSON pointer below `spec`.
pub fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let mut place = &mut object["spec"];
    for part in pointer.trim_start_matches('/').split('/') {
        place = match part.parse::<usize>() {
            Ok(index) if place.is_array() => &mut place[index],
            _ => &mut place[part],
        };
    }
    *place = value;
    object
}
