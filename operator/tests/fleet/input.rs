//! Bad input: refused by the API server with the field's path, or said in a condition.

#![allow(clippy::too_many_lines, reason = "tables")]

use serde_json::{Value, json};

use crate::support::{Lab, dev, everything, tenant, with};

/// Applies each variant and expects a refusal that names the path.
async fn refused(base: Value, table: Vec<(&str, Value, &str)>) {
    let lab = Lab::shared().await;
    let mut wrong = Vec::new();
    for (pointer, value, path) in table {
        let shown: String = value.to_string().chars().take(60).collect();
        match lab.api.create(&with(base.clone(), pointer, value)).await {
            Ok(_) => wrong.push(format!("{pointer} = {shown}: taken")),
            Err(refused)
                if !(400..500).contains(&refused.code) || !refused.message.contains(path) =>
            {
                wrong.push(format!("{pointer} = {shown}: {refused}"));
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn long(length: usize) -> Value {
    Value::String("a".repeat(length))
}

#[tokio::test]
async fn tenants_out_of_bounds_are_refused_by_path() {
    let twice = json!([{ "name": "core" }, { "name": "core" }]);
    let many: Vec<Value> = (0..17).map(|n| json!({ "name": format!("s{n}") })).collect();
    refused(
        tenant("bad-tenant", "dev"),
        vec![
            ("/displayName", json!(""), "spec.displayName"),
            ("/displayName", long(121), "spec.displayName"),
            ("/displayName", json!(7), "spec.displayName"),
            ("/displayName", Value::Null, "spec.displayName"),
            ("/contact", json!({ "name": "" , "email": "a@b" }), "spec.contact.name"),
            ("/contact", json!({ "name": "A" }), "spec.contact.email"),
            ("/contact", json!({ "name": "A", "email": "nobody" }), "spec.contact.email"),
            ("/contact", json!({ "name": "A", "email": "a b@c" }), "spec.contact.email"),
            (
                "/contact",
                json!({ "name": "A", "email": format!("{}@b", "a".repeat(254)) }),
                "spec.contact.email",
            ),
            ("/profileRef", json!({}), "spec.profileRef.name"),
            ("/profileRef", Value::Null, "spec.profileRef"),
            ("/profileRef/name", json!(""), "spec.profileRef.name"),
            ("/profileRef/name", long(41), "spec.profileRef.name"),
            ("/profileRef/name", json!("Prod"), "spec.profileRef.name"),
            ("/profileRef/name", json!("prüf"), "spec.profileRef.name"),
            ("/profileRef/name", json!("../etc"), "spec.profileRef.name"),
            ("/profileRef/revision", json!(0), "spec.profileRef.revision"),
            ("/profileRef/revision", json!("newest"), "spec.profileRef.revision"),
            ("/overlays", json!(["a", "b", "c", "d", "e", "f", "g", "h", "i"]), "spec.overlays"),
            ("/overlays", json!(["gpu", "gpu"]), "overlays"),
            ("/overlays", json!([""]), "spec.overlays[0]"),
            ("/overrides", json!({ "services": twice }), "overrides.services"),
            ("/overrides", json!({ "services": many }), "spec.overrides.services"),
            (
                "/overrides",
                json!({ "services": [{ "name": "core", "replicas": -1 }] }),
                "spec.overrides.services[0].replicas",
            ),
            (
                "/overrides",
                json!({ "services": [{ "name": "core", "replicas": 501 }] }),
                "spec.overrides.services[0].replicas",
            ),
            (
                "/overrides",
                json!({ "services": [{ "name": "core", "replicas": "many" }] }),
                "spec.overrides.services[0].replicas",
            ),
            ("/overrides", json!({ "services": [{ "replicas": 1 }] }), "services"),
            ("/adopt", json!({ "previousUid": "mine" }), "spec.adopt.previousUid"),
            ("/adopt", json!({ "previousUid": "Z".repeat(36) }), "spec.adopt.previousUid"),
            ("/adopt", json!({}), "spec.adopt.previousUid"),
            ("/suspend", json!("yes"), "spec.suspend"),
            ("/pausedUntil", json!("tomorrow"), "spec.pausedUntil"),
            ("/pausedUntil", long(41), "spec.pausedUntil"),
            ("/deletionPolicy", json!("Keep"), "spec.deletionPolicy"),
            ("/unheardOf", json!(1), "spec.unheardOf"),
            ("/profileRef/revison", json!(1), "spec.profileRef.revison"),
        ],
    )
    .await;
}

#[tokio::test]
async fn names_of_tenants_are_refused_with_the_rule() {
    let lab = Lab::shared().await;
    for name in ["a".repeat(41), "a.b".to_owned(), "x-".to_owned() + &"y".repeat(60)] {
        for object in [tenant(&name, "dev"), dev(&name)] {
            let refused = lab.api.apply(&object).await.unwrap_err();
            assert!(refused.message.contains("metadata.name must be a DNS label"), "{refused}");
        }
    }
    for name in ["Acme", "acme_", "äcme", "-acme", "ac me"] {
        let refused = lab.api.create(&tenant(name, "dev")).await.unwrap_err();
        assert!(refused.message.contains("metadata.name"), "{name}: {refused}");
    }
    lab.apply(&[dev("longest"), tenant(&"n".repeat(40), "longest")]).await;
    lab.ready(&"n".repeat(40)).await;
}

#[tokio::test]
async fn services_out_of_bounds_are_refused_by_path() {
    let base = || dev("bad-service");
    refused(
        base(),
        vec![
            ("/services", json!([]), "spec.services"),
            ("/services/0/name", json!("Core"), "spec.services[0].name"),
            ("/services/0/name", long(31), "spec.services[0].name"),
            ("/services/0/name", json!("gateway"), "spec.services[0].name"),
            ("/services/0/name", json!("tenantry-x"), "spec.services[0].name"),
            ("/services/0/name", json!("服务"), "spec.services[0].name"),
            ("/services/0/feature", json!("Voice!"), "spec.services[0].feature"),
            ("/services/0/image", json!(""), "spec.services[0].image"),
            ("/services/0/image", json!("a b"), "spec.services[0].image"),
            ("/services/0/image", long(513), "spec.services[0].image"),
            ("/services/0/command", json!(vec!["x"; 33]), "spec.services[0].command"),
            ("/services/0/args", json!([" ".repeat(2049)]), "spec.services[0].args[0]"),
            (
                "/services/0/ports",
                json!([{ "name": "http", "port": 0 }]),
                "spec.services[0].ports[0].port",
            ),
            (
                "/services/0/ports",
                json!([{ "name": "http", "port": 65536 }]),
                "spec.services[0].ports[0].port",
            ),
            (
                "/services/0/ports",
                json!([{ "name": "HTTP", "port": 80 }]),
                "spec.services[0].ports[0].name",
            ),
            (
                "/services/0/ports",
                json!([{ "name": "a", "port": 80, "protocol": "SCTP" }]),
                "spec.services[0].ports[0].protocol",
            ),
            (
                "/services/0/env",
                json!([{ "name": "1A", "value": "" }]),
                "spec.services[0].env[0].name",
            ),
            (
                "/services/0/env",
                json!([{ "name": "TENANTRY_TENANT", "value": "x" }]),
                "spec.services[0].env[0].name",
            ),
            (
                "/services/0/env",
                json!([{ "name": "OTEL_SDK_DISABLED", "value": "x" }]),
                "spec.services[0].env[0].name",
            ),
            (
                "/services/0/env",
                json!([{ "name": "A", "value": "a".repeat(4097) }]),
                "spec.services[0].env[0].value",
            ),
            ("/services/0/envFrom", json!([{}]), "spec.services[0].envFrom[0]"),
            (
                "/services/0/envFrom",
                json!([{ "secret": "a", "configMap": "b" }]),
                "spec.services[0].envFrom[0]",
            ),
            ("/services/0/replicas", json!(-1), "spec.services[0].replicas"),
            ("/services/0/replicas", json!(501), "spec.services[0].replicas"),
            ("/services/0/replicas", json!("Auto"), "spec.services[0].replicas"),
            (
                "/services/0/autoscaling",
                json!({ "minReplicas": 3, "maxReplicas": 2, "targetCpuPercent": 50 }),
                "spec.services[0].autoscaling.minReplicas",
            ),
            (
                "/services/0/autoscaling",
                json!({ "minReplicas": 0, "maxReplicas": 2, "targetCpuPercent": 50 }),
                "spec.services[0].autoscaling.minReplicas",
            ),
            (
                "/services/0/autoscaling",
                json!({ "minReplicas": 1, "maxReplicas": 2, "targetCpuPercent": 101 }),
                "spec.services[0].autoscaling.targetCpuPercent",
            ),
            (
                "/services/0/resources",
                json!({ "requests": { "cpu": "lots" } }),
                "spec.services[0].resources.requests.cpu",
            ),
            (
                "/services/0/resources",
                json!({ "limits": { "memory": "-1Gi" } }),
                "spec.services[0].resources.limits.memory",
            ),
            (
                "/services/0/probes",
                json!({ "readiness": { "port": "other" } }),
                "spec.services[0].probes",
            ),
            (
                "/services/0/probes",
                json!({ "readiness": { "port": "http", "path": "healthz" } }),
                "spec.services[0].probes.readiness.path",
            ),
            (
                "/services/0/probes",
                json!({ "liveness": { "port": "http", "periodSeconds": 0 } }),
                "spec.services[0].probes.liveness.periodSeconds",
            ),
            (
                "/services/0/storage",
                json!({ "size": "1Gi", "mountPath": "data" }),
                "spec.services[0].storage.mountPath",
            ),
            (
                "/services/0/storage",
                json!({ "size": "big", "mountPath": "/data" }),
                "spec.services[0].storage.size",
            ),
            (
                "/services/0/ingress",
                json!({ "host": "www.example.com", "port": "http" }),
                "spec.services[0].ingress.host",
            ),
            (
                "/services/0/ingress",
                json!({ "host": "{tenant}.example.com", "port": "grpc" }),
                "spec.services[0].ingress.port",
            ),
            (
                "/services/0/ingress",
                json!({ "host": "{tenant}.example.com", "port": "http", "annotations": { "tenantry.dev/tenant-uid": "x" } }),
                "spec.services[0].ingress.annotations",
            ),
            ("/services/0/runAsUser", json!(0), "spec.services[0].runAsUser"),
            ("/services/0/privileged", json!(true), "privileged"),
        ],
    )
    .await;
}

#[tokio::test]
async fn profiles_out_of_bounds_are_refused_by_path() {
    refused(everything("bad-profile"), vec![
        ("/tier", json!("gold"), "spec.tier"),
        ("/tier", Value::Null, "spec.tier"),
        ("/images", json!({ "pullPolicy": "Sometimes" }), "spec.images.pullPolicy"),
        ("/telemetry/collector/enabled", json!(false), "spec.telemetry.metrics.enabled"),
        ("/telemetry/metrics/enabled", json!(false), "spec.telemetry.grafana.enabled"),
        ("/telemetry/metrics/retention", json!("a while"), "spec.telemetry.metrics.retention"),
        ("/telemetry/metrics/storage", json!("1GiB"), "spec.telemetry.metrics.storage"),
        ("/billing/storage/size", json!("much"), "spec.billing.storage.size"),
        ("/billing/gateway/image", json!(""), "spec.billing.gateway.image"),
        ("/billing", json!({}), "spec.billing"),
        ("/backups/schedule", json!("at night"), "spec.backups.schedule"),
        ("/backups/timeZone", json!("9"), "spec.backups.timeZone"),
        ("/quota", json!({ "cpu": 1 }), "spec.quota"),
        ("/quota/pods", json!(0), "spec.quota.pods"),
        ("/quota/pods", json!(10001), "spec.quota.pods"),
        ("/quota/cpu", json!("1e3"), "spec.quota.cpu"),
        ("/network", json!({ "allowTo": [{ "cidr": "everywhere" }] }), "spec.network.allowTo[0].cidr"),
        ("/network", json!({ "allowTo": [{ "cidr": "10.0.0.0/8", "ports": [0] }] }), "spec.network.allowTo[0].ports[0]"),
        ("/network", json!({ "allowTo": [{ "ports": [443] }] }), "spec.network.allowTo[0]"),
        ("/network", json!({ "allowFrom": [{ "cidr": "everywhere" }] }), "spec.network.allowFrom[0].cidr"),
        ("/network", json!({ "allowFrom": [{ "cidr": "10.0.0.0/8", "namespaceLabels": { "a": "b" } }] }), "spec.network.allowFrom[0]"),
        ("/network", json!({ "dns": { "servers": [] } }), "spec.network.dns.servers"),
        ("/network", json!({ "dns": { "servers": [{ "podLabels": { "a": "b" } }] } }), "spec.network.dns.servers[0]"),
        ("/network", json!({ "dns": { "ports": [0] } }), "spec.network.dns.ports[0]"),
        ("/scheduling", json!([{ "component": "" }]), "spec.scheduling[0].component"),
        ("/scheduling", json!([{ "component": "core", "nodeSelector": { "a": "b c" } }]), "spec.scheduling[0].nodeSelector.a"),
        ("/scheduling", json!([{ "component": "core", "tolerations": [{ "key": "k", "effect": "Never" }] }]), "spec.scheduling[0].tolerations[0].effect"),
        ("/rollout", json!({ "maxInFlight": 0 }), "spec.rollout.maxInFlight"),
        ("/rollout", json!({ "maxInFlight": "0%" }), "spec.rollout.maxInFlight"),
        ("/rollout", json!({ "maxInFlight": "101%" }), "spec.rollout.maxInFlight"),
        ("/rollout", json!({ "haltAfterFailures": 0 }), "spec.rollout.haltAfterFailures"),
        ("/overlays", (0..9).map(|n| (format!("o{n}"), json!({}))).collect(), "spec.overlays"),
        ("/services/2/replicas", json!(2), "spec.services[2].storage"),
        ("/services/1/replicas", json!(2), "spec.services[1].replicas"),
    ])
    .await;
}

#[tokio::test]
async fn a_huge_spec_is_refused() {
    let lab = Lab::shared().await;
    let services: Vec<Value> =
        (0..17).map(|n| json!({ "name": format!("s{n}"), "image": "a".repeat(500) })).collect();
    let refused =
        lab.api.apply(&with(dev("huge"), "/services", json!(services))).await.unwrap_err();
    assert!(refused.message.contains("spec.services"), "{refused}");
    let note = json!({ "metadata": { "annotations": { "a": "b".repeat(300_000) } } });
    let mut object = tenant("huge", "dev");
    object["metadata"]["annotations"] = note["metadata"]["annotations"].clone();
    assert!(lab.api.apply(&object).await.is_err());
}

#[tokio::test]
async fn unicode_in_texts_for_people_is_welcome() {
    let lab = Lab::shared().await;
    let t = with(
        tenant("unicode", "unicode"),
        "/displayName",
        json!("Ünï 株式会社 🚀 \"a\" \\ \u{202e}rtl"),
    );
    lab.apply(&[dev("unicode"), t]).await;
    lab.ready("unicode").await;
}

#[tokio::test]
async fn the_largest_allowed_stack_becomes_ready() {
    let lab = Lab::shared().await;
    let services: Vec<Value> = (0..16)
        .map(|n| json!({ "name": format!("{}{n:02}", "s".repeat(28)), "image": "sample:1",
            "ports": [{ "name": "http", "port": 80 }],
            "resources": { "requests": { "cpu": "1m", "memory": "1Mi" }, "limits": { "memory": "4Mi" } } }))
        .collect();
    lab.stack(with(dev("largest"), "/services", json!(services)), "largest").await;
}

#[tokio::test]
async fn a_secret_that_envfrom_names_and_nobody_made_is_no_silence() {
    let lab = Lab::shared().await;
    // The cluster lets the pod wait for it; on simulated nodes the reference itself is what shows.
    let from = json!([{ "secret": "customers-own" }]);
    lab.stack(with(dev("env-from"), "/services/0/envFrom", from), "env-from").await;
    let live = lab.object("env-from", "deployments", "core").await.unwrap();
    let container = &live["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["envFrom"][0]["secretRef"]["name"], "customers-own");
}
