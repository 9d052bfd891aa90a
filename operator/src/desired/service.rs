//! One service of a profile.

use crds::{
    bounded::Replicas,
    deployment_profile::{Autoscaling, EnvFrom, Ingress, Service},
};
use serde_json::{Value, json};

use super::{
    ResolvedService, Stack, collector, gateway, meta,
    pod::{self, Pod},
    volume::{self, Volume},
    workload::{self, Strategy},
};
use crate::{kinds::Kind, object::Object};

/// Everything that a service needs to run.
pub fn build(stack: &Stack, service: &ResolvedService, all: &mut Vec<Object>) {
    let named = |kind, fields| workload::named(stack, &service.name, kind, fields);
    all.push(workload::account(stack, &service.name));
    if !service.ports.is_empty() {
        all.push(workload::service(stack, &service.name, &service.ports));
    }
    if let Some(storage) = &service.storage {
        let (name, class) = (meta::claim_name(&service.name), storage.class_name.as_deref());
        all.push(workload::claim(stack, &service.name, &name, storage.size, class));
    }
    let replicas = fixed_replicas(service).map(|n| if stack.suspended { 0 } else { n });
    all.push(workload::deployment(stack, &pod(stack, service), replicas, strategy(service)));
    if let Some(scaling) = &service.autoscaling {
        all.push(named(Kind::HorizontalPodAutoscaler, autoscaler(&service.name, scaling)));
    }
    if least_replicas(service) > 1 {
        all.push(named(Kind::PodDisruptionBudget, disruption_budget(&service.name)));
    }
    if let Some(ingress) = &service.ingress {
        let object = named(Kind::Ingress, ingress_fields(stack, &service.name, ingress));
        let annotations = ingress.annotations.0.iter();
        let annotations = annotations.map(|(key, value)| (key.clone(), for_tenant(stack, value)));
        all.push(meta::annotated(object, annotations));
    }
}

/// How many pods we ask for; `None` when an autoscaler or another party owns the number.
fn fixed_replicas(service: &Service) -> Option<u16> {
    match (&service.autoscaling, service.replicas) {
        (Some(_), _) | (None, Some(Replicas::External)) => None,
        (None, Some(Replicas::Count(n))) => Some(n),
        (None, None) => Some(1),
    }
}

/// The fewest pods that run when all is well.
fn least_replicas(service: &Service) -> u16 {
    let scaled = service.autoscaling.as_ref().map(|a| a.min_replicas);
    scaled.or(fixed_replicas(service)).unwrap_or(1)
}

/// A rollout must neither wait for ever for room that is not there, nor leave a gap that could be
/// avoided.
pub(crate) fn strategy(service: &Service) -> Strategy {
    let limits = pod::completed(&service.resources).limits;
    if service.storage.is_some() {
        Strategy::Recreate
    } else if limits.0.keys().any(|name| pod::is_device(name)) {
        // The device that the new pod needs is the one that the old pod holds.
        Strategy::Rolling { surge: 0, unavailable: 1 }
    } else if least_replicas(service) > 1 {
        // Goes on even when quota or nodes leave no room for one pod more.
        Strategy::Rolling { surge: 1, unavailable: 1 }
    } else {
        Strategy::Rolling { surge: 1, unavailable: 0 }
    }
}

fn pod<'a>(stack: &Stack, service: &'a ResolvedService) -> Pod<'a> {
    let data = service
        .storage
        .as_ref()
        .map(|s| Volume::claim(&meta::claim_name(&service.name), &s.mount_path));
    Pod {
        component: &service.name,
        image: &service.image,
        command: service.command.clone(),
        args: service.args.clone(),
        ports: service.ports.clone(),
        env: environment(stack, service),
        env_from: service.env_from.iter().map(env_from).collect(),
        resources: service.resources.clone(),
        run_as_user: service.run_as_user,
        probes: service.probes.clone().unwrap_or_default(),
        volumes: data.into_iter().chain([Volume::token(volume::USAGE_AUDIENCE)]).collect(),
        spread: fixed_replicas(service).is_none_or(|n| n > 1),
        placement: Some(&service.placement),
        grace_seconds: 30,
        ..Pod::default()
    }
}

/// Ours first, so that the service's own variables can refer to them as `$(TENANTRY_TENANT)`.
fn environment(stack: &Stack, service: &Service) -> Vec<Value> {
    let mut all = vec![
        pod::env("TENANTRY_TENANT", stack.tenant.as_str()),
        pod::env("TENANTRY_USAGE_URL", &format!("{}/usage/events", gateway::url(stack))),
        pod::env("TENANTRY_USAGE_TOKEN_FILE", volume::TOKEN_FILE),
    ];
    all.extend(telemetry_environment(stack, service));
    all.extend(service.env.iter().map(|e| pod::env(&e.name, &e.value)));
    all
}

fn telemetry_environment(stack: &Stack, service: &Service) -> Vec<Value> {
    if !stack.has_collector() {
        return vec![pod::env("OTEL_SDK_DISABLED", "true")];
    }
    // Two pods of one service would otherwise write the same series over each other.
    let attributes = format!(
        "service.instance.id=$(TENANTRY_POD_NAME),deployment.environment.name={}",
        stack.tier
    );
    vec![
        pod::env_field("TENANTRY_POD_NAME", "metadata.name"),
        pod::env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector::url(stack)),
        pod::env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        // A stack keeps metrics only; the other signals would be refused at every export.
        pod::env("OTEL_TRACES_EXPORTER", "none"),
        pod::env("OTEL_LOGS_EXPORTER", "none"),
        pod::env("OTEL_SERVICE_NAME", &service.name),
        pod::env("OTEL_RESOURCE_ATTRIBUTES", &attributes),
    ]
}

fn env_from(given: &EnvFrom) -> Value {
    let reference = |name: &String| json!({ "name": name });
    meta::present(json!({
        "secretRef": given.secret.as_ref().map(reference),
        "configMapRef": given.config_map.as_ref().map(reference),
    }))
}

fn autoscaler(name: &str, scaling: &Autoscaling) -> Value {
    let target = json!({ "type": "Utilization", "averageUtilization": scaling.target_cpu_percent });
    json!({ "spec": {
        "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": name },
        "minReplicas": scaling.min_replicas,
        "maxReplicas": scaling.max_replicas,
        "metrics": [{ "type": "Resource", "resource": { "name": "cpu", "target": target } }],
    }})
}

fn disruption_budget(component: &str) -> Value {
    json!({ "spec": {
        "maxUnavailable": 1,
        // A pod that is broken anyway must not keep a node from being drained.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": { "matchLabels": meta::selector(component) },
    }})
}

/// A text of the profile, with the tenant's name where it goes.
fn for_tenant(stack: &Stack, text: &str) -> String {
    text.replace("{tenant}", stack.tenant.as_str())
}

fn ingress_fields(stack: &Stack, service: &str, ingress: &Ingress) -> Value {
    let host = for_tenant(stack, &ingress.host);
    let backend = json!({ "service": { "name": service, "port": { "name": ingress.port } } });
    let path = json!({ "path": "/", "pathType": "Prefix", "backend": backend });
    let tls = ingress.tls_secret.as_ref().map(|s| json!([{ "hosts": [&host], "secretName": s }]));
    json!({ "spec": meta::present(json!({
        "ingressClassName": ingress.class_name,
        "rules": [{ "host": host, "http": { "paths": [path] } }],
        "tls": tls,
    }))})
}
