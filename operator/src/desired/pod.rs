//! The one pod template that every component is made from: Pod Security `restricted`, no default
//! token, a read-only root, explicit resources.

use crds::{
    Quantity,
    deployment_profile::{Overlay, Port, Probe, Probes, Resources, Toleration},
};
use serde_json::{Map, Value, json};

use super::{Stack, guard_rails, meta, volume::Volume};

/// What differs between the pods of two components.
#[derive(Clone, Debug, Default)]
pub struct Pod<'a> {
    /// The component; its ServiceAccount and container are called after it.
    pub component: &'a str,
    /// The image.
    pub image: &'a str,
    /// The command instead of the image's entry point; empty for the image's own.
    pub command: Vec<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// The ports that it answers on.
    pub ports: Vec<Port>,
    /// Environment variables, made with [`env`] and [`env_field`].
    pub env: Vec<Value>,
    /// Whole Secrets and ConfigMaps as environment.
    pub env_from: Vec<Value>,
    /// Requests and limits as the profile has them; [`completed`] fills the gaps.
    pub resources: Resources,
    /// The user and group that it runs as.
    pub run_as_user: i64,
    /// When it counts as ready, alive and started.
    pub probes: Probes,
    /// What it mounts besides `/tmp`.
    pub volumes: Vec<Volume>,
    /// A hash of its configuration, so that an edit is rolled.
    pub checksum: Option<String>,
    /// Whether several pods of it should run on different nodes.
    pub spread: bool,
    /// What overlays add to where it runs.
    pub placement: Option<&'a Overlay>,
    /// Seconds between being asked to stop and being killed.
    pub grace_seconds: u16,
    /// For jobs; other pods are always restarted.
    pub restart_policy: Option<&'static str>,
}

/// The pod template of a component.
#[must_use]
pub fn template(stack: &Stack, pod: &Pod<'_>) -> Value {
    let volumes = volumes(pod);
    let scratch: Vec<&str> = volumes.iter().filter_map(Volume::scratch_name).collect();
    let annotations = json!({
        meta::CONFIG_CHECKSUM: pod.checksum,
        meta::EVICTABLE_VOLUMES: scratch.join(","),
    });
    let pull_secrets: Vec<Value> =
        stack.images.pull_secrets.iter().map(|name| json!({ "name": name })).collect();
    let spec = json!({
        "serviceAccountName": meta::child_name(pod.component),
        "automountServiceAccountToken": false,
        // Without this every Service of the namespace lands in every container's environment.
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": pod.grace_seconds,
        "restartPolicy": pod.restart_policy,
        "securityContext": security(pod),
        "imagePullSecrets": pull_secrets,
        "nodeSelector": node_selector(stack, pod),
        "tolerations": tolerations(stack, pod),
        "runtimeClassName": pod.placement.and_then(|p| p.runtime_class_name.as_deref()),
        "topologySpreadConstraints": spread(pod),
        "containers": [container(stack, pod)],
        "volumes": volumes.iter().map(Volume::source).collect::<Vec<_>>(),
    });
    let metadata = json!({
        "labels": meta::labels(stack, pod.component),
        "annotations": meta::present(annotations),
    });
    json!({ "metadata": meta::present(metadata), "spec": meta::present(spec) })
}

fn security(pod: &Pod<'_>) -> Value {
    // Volumes belong to the pod's group, or a fresh claim could not be written.
    let group = (!pod.volumes.is_empty()).then_some(pod.run_as_user);
    meta::present(json!({
        "runAsNonRoot": true,
        "runAsUser": pod.run_as_user,
        "runAsGroup": pod.run_as_user,
        "fsGroup": group,
        "fsGroupChangePolicy": group.map(|_| "OnRootMismatch"),
        "seccompProfile": { "type": "RuntimeDefault" },
    }))
}

fn container(stack: &Stack, pod: &Pod<'_>) -> Value {
    let resources = completed(&pod.resources);
    let ports: Vec<Value> = pod
        .ports
        .iter()
        .map(|p| json!({ "name": p.name, "containerPort": p.port, "protocol": p.protocol }))
        .collect();
    meta::present(json!({
        "name": meta::child_name(pod.component),
        "image": pod.image,
        "imagePullPolicy": stack.images.pull_policy,
        "command": pod.command,
        "args": pod.args,
        "ports": ports,
        "env": pod.env,
        "envFrom": pod.env_from,
        "resources": { "requests": resources.requests, "limits": resources.limits },
        "readinessProbe": pod.probes.readiness.as_ref().map(probe),
        "livenessProbe": pod.probes.liveness.as_ref().map(probe),
        "startupProbe": pod.probes.startup.as_ref().map(probe),
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": volumes(pod).iter().map(Volume::mount).collect::<Vec<_>>(),
    }))
}

/// `/tmp` and what the component asks for; its own volume at `/tmp` takes the place of ours.
fn volumes(pod: &Pod<'_>) -> Vec<Volume> {
    let own_tmp = pod.volumes.iter().any(|v| v.path() == "/tmp");
    let tmp = (!own_tmp).then(|| Volume::scratch("tmp", "/tmp", "64Mi"));
    tmp.into_iter().chain(pod.volumes.iter().cloned()).collect()
}

/// Requests and limits with the gaps filled, so that the manifest says what runs:
/// - a limit without a request is the request too, as the API server has it;
/// - devices (`nvidia.com/gpu`) cannot be shared, so request and limit are one number;
/// - without a CPU or memory request the namespace's defaults hold;
/// - without a memory limit the request is the limit where it exceeds the namespace's default: the
///   default limit would otherwise lie below the request and the pod be refused.
#[must_use]
pub fn completed(given: &Resources) -> Resources {
    let mut all = given.clone();
    let (requests, limits) = (&mut all.requests.0, &mut all.limits.0);
    for (name, request) in requests.iter().filter(|(name, _)| is_device(name)) {
        limits.entry(name.clone()).or_insert(*request);
    }
    for (name, limit) in limits.iter() {
        if is_device(name) {
            requests.insert(name.clone(), *limit);
        } else {
            requests.entry(name.clone()).or_insert(*limit);
        }
    }
    let cpu = Quantity::from_milli(guard_rails::DEFAULT_CPU_MILLI);
    requests.entry("cpu".to_owned()).or_insert(cpu);
    let memory = Quantity::from_milli_binary(guard_rails::DEFAULT_MEMORY_MILLI);
    let memory = *requests.entry("memory".to_owned()).or_insert(memory);
    let least = Quantity::from_milli_binary(guard_rails::DEFAULT_MEMORY_LIMIT_MILLI);
    let limit = if memory.milli() > least.milli() { memory } else { least };
    limits.entry("memory".to_owned()).or_insert(limit);
    all
}

/// Whether a resource is counted in whole devices rather than shared.
#[must_use]
pub fn is_device(resource: &str) -> bool {
    !matches!(resource, "cpu" | "memory" | "ephemeral-storage")
}

/// The memory limit of a pod with these resources, in whole bytes.
#[must_use]
pub fn memory_limit_bytes(given: &Resources) -> i128 {
    completed(given).limits.0.get("memory").map_or(0, |limit| limit.milli() / 1000)
}

fn spread(pod: &Pod<'_>) -> Option<Value> {
    pod.spread.then(|| {
        json!([{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            // Anyway: on a small cluster two pods on one node are better than one pod pending.
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": meta::selector(pod.component) },
            // Each revision by itself, or pods that are about to go would push new ones together.
            "matchLabelKeys": ["pod-template-hash"],
        }])
    })
}

fn node_selector(stack: &Stack, pod: &Pod<'_>) -> Map<String, Value> {
    let profile = scheduling(stack, pod).filter_map(|s| s.node_selector.as_ref());
    let overlay = pod.placement.and_then(|p| p.node_selector.as_ref());
    // Where both name a label the overlay wins: it knows which nodes have the device.
    profile
        .chain(overlay)
        .flat_map(|labels| labels.0.iter().map(|(k, v)| (k.clone(), v.as_str().into())))
        .collect()
}

fn tolerations(stack: &Stack, pod: &Pod<'_>) -> Vec<Value> {
    let profile = scheduling(stack, pod).flat_map(|s| s.tolerations.iter());
    let overlay = pod.placement.into_iter().flat_map(|p| p.tolerations.iter());
    let mut all: Vec<Value> = Vec::new();
    for toleration in profile.chain(overlay).map(toleration) {
        if !all.contains(&toleration) {
            all.push(toleration);
        }
    }
    all
}

fn scheduling<'s>(
    stack: &'s Stack,
    pod: &Pod<'_>,
) -> impl Iterator<Item = &'s crds::deployment_profile::Scheduling> {
    let component = pod.component.to_owned();
    stack.scheduling.iter().filter(move |s| s.component == component)
}

fn toleration(given: &Toleration) -> Value {
    let operator = if given.value.is_some() { "Equal" } else { "Exists" };
    meta::present(json!({
        "key": given.key,
        "operator": operator,
        "value": given.value,
        "effect": given.effect,
    }))
}

fn probe(given: &Probe) -> Value {
    let check = match &given.path {
        Some(path) => ("httpGet", json!({ "path": path, "port": given.port })),
        None => ("tcpSocket", json!({ "port": given.port })),
    };
    json!({
        check.0: check.1,
        "periodSeconds": given.period_seconds,
        "timeoutSeconds": given.timeout_seconds,
        "failureThreshold": given.failure_threshold,
    })
}

/// An HTTP probe every ten seconds.
#[must_use]
pub fn http_probe(port: &str, path: &str, failure_threshold: u16) -> Probe {
    Probe {
        port: port.to_owned(),
        path: Some(path.to_owned()),
        period_seconds: 10,
        timeout_seconds: 3,
        failure_threshold,
    }
}

/// A TCP port.
#[must_use]
pub fn tcp(name: &str, port: u16) -> Port {
    Port { name: name.to_owned(), port, ..Port::default() }
}

/// An environment variable. An empty value is left out: the API server would drop it.
#[must_use]
pub fn env(name: &str, value: &str) -> Value {
    meta::present(json!({ "name": name, "value": value }))
}

/// An environment variable from a field of the pod itself, for example `status.podIP`.
#[must_use]
pub fn env_field(name: &str, path: &str) -> Value {
    // `fieldRef` is one atomic value to the API server, which would add the version by itself.
    json!({ "name": name, "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": path } } })
}
