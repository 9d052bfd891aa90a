//! One service of a profile.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounded::{Annotations, Replicas, ResourceMap};

/// A service that every tenant of the profile runs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.autoscaling) || !has(self.replicas)")
    .message("set either replicas or autoscaling, not both: with autoscaling the autoscaler owns the number").field_path(".replicas"))]
#[x_kube(validation = Rule::new("!has(self.storage) || (!has(self.autoscaling) && (!has(self.replicas) || self.replicas in [0, 1]))")
    .message("a service with storage runs one pod: set replicas to 1 or 0, without autoscaling, or remove storage").field_path(".storage"))]
#[x_kube(validation = Rule::new("!has(self.ingress) || self.ports.exists(p, p.name == self.ingress.port)")
    .message("ingress.port must name one of the service's ports").field_path(".ingress.port"))]
#[x_kube(validation = Rule::new("!has(self.probes) || [self.probes].all(p, (!has(p.readiness) || self.ports.exists(q, q.name == p.readiness.port)) && (!has(p.liveness) || self.ports.exists(q, q.name == p.liveness.port)) && (!has(p.startup) || self.ports.exists(q, q.name == p.startup.port)))")
    .message("every probe's port must name one of the service's ports").field_path(".probes"))]
pub struct Service {
    /// The service's name: a DNS label of at most 30 characters that does not begin with
    /// `tenantry-` and is none of our components' names.
    #[schemars(length(min = 1, max = 30), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    #[x_kube(validation = Rule::new("!self.startsWith('tenantry-') && !(self in ['gateway', 'collector', 'metrics', 'grafana', 'backup', 'default'])")
        .message("name must not begin with tenantry- nor be gateway, collector, metrics, grafana, backup or default: those are the operator's own components and Kubernetes' own account"))]
    pub name: String,
    /// What the service is part of, for people and dashboards (core, voice, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 30),
        regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub feature: Option<String>,
    /// The container image, with its tag or digest.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[^\s]+$"))]
    pub image: String,
    /// The command to run instead of the image's entry point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 2048)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub command: Vec<String>,
    /// Arguments of the image's entry point, or of `command`, one word each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 2048)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub args: Vec<String>,
    /// Ports that the service answers on; they become a Service of the same name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub ports: Vec<Port>,
    /// Environment variables that every pod of the service gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVar>,
    /// Secrets and ConfigMaps of the tenant's namespace whose keys become environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub env_from: Vec<EnvFrom>,
    /// Pods to run: a number (1 when nothing is said), or `External` when something else sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Replicas")]
    pub replicas: Option<Replicas>,
    /// Let a HorizontalPodAutoscaler set the number of pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Autoscaling")]
    pub autoscaling: Option<Autoscaling>,
    /// Requests and limits of each pod. The quota counts requests: name cpu and memory.
    #[serde(default)]
    pub resources: Resources,
    /// When a pod counts as ready, alive and started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Probes")]
    pub probes: Option<Probes>,
    /// A claim of its own, kept when the service goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Storage")]
    pub storage: Option<Storage>,
    /// Publish one port under a host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Ingress")]
    pub ingress: Option<Ingress>,
    /// The user id that the container runs as (never 0).
    #[serde(default = "user")]
    #[schemars(range(min = 1, max = 4294967294_i64))]
    pub run_as_user: i64,
    /// Whether overlays such as `gpu` change this service.
    #[serde(default)]
    pub acceleratable: bool,
}

fn user() -> i64 {
    65532
}

/// A port that a service answers on.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// The port's name.
    #[schemars(length(min = 1, max = 15), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The port's number, the same in the pod and in the Service.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The transport protocol.
    #[serde(default)]
    pub protocol: Protocol,
}

/// A transport.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// One environment variable.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Its name. Names beginning with `TENANTRY_` or `OTEL_` are the operator's.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    #[x_kube(validation = Rule::new("!self.startsWith('TENANTRY_') && !self.startsWith('OTEL_')")
        .message("environment names beginning with TENANTRY_ or OTEL_ are set by the operator; choose another name"))]
    pub name: String,
    /// Its value. What is secret belongs in a Secret that `envFrom` names.
    #[schemars(length(max = 4096))]
    pub value: String,
}

/// A Secret or ConfigMap of the tenant's namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.secret) != has(self.configMap)").message("name exactly one of secret and configMap"))]
pub struct EnvFrom {
    /// The Secret's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 63))]
    pub secret: Option<String>,
    /// The ConfigMap's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 63))]
    pub config_map: Option<String>,
}

/// A HorizontalPodAutoscaler on CPU.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas")
    .message("minReplicas must not exceed maxReplicas").field_path(".minReplicas"))]
pub struct Autoscaling {
    /// The fewest pods to scale down to.
    #[schemars(range(min = 1, max = 500))]
    pub min_replicas: u16,
    /// The most pods to scale up to.
    #[schemars(range(min = 1, max = 500))]
    pub max_replicas: u16,
    /// Average CPU use to aim for, in percent of the request.
    #[schemars(range(min = 1, max = 100))]
    pub target_cpu_percent: u16,
}

/// Requests and limits of one pod.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What the scheduler reserves and the quota counts (cpu in cores, memory in bytes).
    #[serde(default)]
    pub requests: ResourceMap,
    /// What the container may use at most (cpu in cores, memory in bytes): at its cpu limit it is
    /// slowed down, at its memory limit it is ended.
    #[serde(default)]
    pub limits: ResourceMap,
}

/// When a pod counts as ready, alive and started.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Probes {
    /// Ready for traffic: a pod that fails it gets none, and `Ready` is `False`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Probe")]
    pub readiness: Option<Probe>,
    /// Alive: a container that fails it is restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Probe")]
    pub liveness: Option<Probe>,
    /// Started: the other probes wait until it has passed once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Probe")]
    pub startup: Option<Probe>,
}

/// One probe: an HTTP GET when `path` is given, else a TCP connection.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// The name of one of the service's ports.
    #[schemars(length(min = 1, max = 15))]
    pub port: String,
    /// The path to GET; an answer from 200 to 399 passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 256), regex(pattern = r"^/"))]
    pub path: Option<String>,
    /// Seconds between two probes.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 3600))]
    pub period_seconds: u16,
    /// Seconds until a probe counts as failed.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 300))]
    pub timeout_seconds: u16,
    /// Failures in a row until the pod counts as failed.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 100))]
    pub failure_threshold: u16,
}

fn one() -> u16 {
    1
}
fn three() -> u16 {
    3
}
fn ten() -> u16 {
    10
}

/// A claim that a service writes to.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// How much, in bytes, for example `5Gi`. It can grow where the storage class allows it, never
    /// shrink.
    pub size: crate::Quantity,
    /// The storage class; the cluster's default without it. It cannot change later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 63))]
    pub class_name: Option<String>,
    /// The absolute path at which the container finds it.
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^/[^:]*$"))]
    #[x_kube(validation = Rule::new("self.matches('^(/[^/]+)+/?$') && !self.matches('/[.][.]?(/|$)') && !self.matches('^(/var)?/run/secrets(/|$)') && !self.matches('^/(proc|sys|dev)(/|$)')")
        .message("mountPath must be a folder of the service's own, such as /data: not / itself, not the system's /proc, /sys, /dev or /run/secrets (tokens are there), and without //, /./ or /../"))]
    pub mount_path: String,
}

impl Default for Storage {
    fn default() -> Self {
        Self { size: crate::Quantity::from_milli(0), class_name: None, mount_path: String::new() }
    }
}

/// One port published under a host name.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.host.contains('{tenant}')")
    .message("host must contain {tenant}, or two tenants would share one host name").field_path(".host"))]
#[x_kube(validation = Rule::new("!has(self.annotations) || self.annotations.all(key, !key.startsWith('tenantry.dev/') && !key.startsWith('kubectl.kubernetes.io/'))")
    .message("annotations beginning with tenantry.dev/ or kubectl.kubernetes.io/ are the operator's and kubectl's own: take them away").field_path(".annotations"))]
pub struct Ingress {
    /// The ingress class; the cluster's default without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 63))]
    pub class_name: Option<String>,
    /// The host name, with `{tenant}` where the tenant's name goes, for example
    /// `core.{tenant}.example.com`.
    #[schemars(length(min = 8, max = 200), regex(pattern = r"^[-a-z0-9.]*\{tenant\}[-a-z0-9.]*$"))]
    pub host: String,
    /// The name of the port to publish.
    #[schemars(length(min = 1, max = 15))]
    pub port: String,
    /// Annotations for the ingress controller and others, for example `cert-manager.io/cluster-issuer`,
    /// with `{tenant}` where the tenant's name goes.
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// A TLS Secret of the tenant's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 63))]
    pub tls_secret: Option<String>,
}
