//! The operator's own components in a stack: telemetry, billing, backups.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::Resources;
use crate::quantity::Quantity;

/// The tenant's own collector, metrics store and Grafana. What is absent is not made.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.metrics) || !self.metrics.enabled || (has(self.collector) && self.collector.enabled)")
    .message("the metrics store reads from the collector: enable telemetry.collector too, or disable telemetry.metrics").field_path(".metrics.enabled"))]
#[x_kube(validation = Rule::new("!has(self.grafana) || !self.grafana.enabled || (has(self.metrics) && self.metrics.enabled)")
    .message("Grafana reads from the metrics store: enable telemetry.metrics too, or disable telemetry.grafana").field_path(".grafana.enabled"))]
pub struct Telemetry {
    /// An OpenTelemetry collector that stamps `tenant.id` on what the services send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Collector")]
    pub collector: Option<Collector>,
    /// A Prometheus that keeps the stack's metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Metrics")]
    pub metrics: Option<Metrics>,
    /// The tenant's own Grafana: its own stack and usage, nothing of other customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Grafana")]
    pub grafana: Option<Grafana>,
}

/// An OpenTelemetry collector.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Collector {
    /// Whether it runs. `false` takes it away and keeps its settings, and its claim if it has one.
    #[serde(default = "super::yes")]
    pub enabled: bool,
    /// An OpenTelemetry Collector image with the components of docs/architecture.md.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[^\s]+$"))]
    pub image: String,
    /// Requests and limits of the pod.
    #[serde(default)]
    pub resources: Resources,
    /// The user id that the container runs as (never 0).
    #[serde(default = "collector_user")]
    #[schemars(range(min = 1, max = 4294967294_i64))]
    pub run_as_user: i64,
}

fn collector_user() -> i64 {
    10001
}

/// A Prometheus.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// Whether it runs. `false` takes it away and keeps its settings, and its claim if it has one.
    #[serde(default = "super::yes")]
    pub enabled: bool,
    /// A Prometheus 3 image.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[^\s]+$"))]
    pub image: String,
    /// How long metrics are kept: a number and `h`, `d`, `w` or `y`, for example `15d`.
    #[serde(default = "retention")]
    #[schemars(length(min = 2, max = 8), regex(pattern = r"^[1-9][0-9]{0,4}(h|d|w|y)$"))]
    pub retention: String,
    /// The size of its claim, in bytes, for example `20Gi`. It can grow where the storage class
    /// allows it, never shrink.
    pub storage: Quantity,
    /// The storage class; the cluster's default without it. It cannot change later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 63))]
    pub storage_class_name: Option<String>,
    /// Requests and limits of the pod.
    #[serde(default)]
    pub resources: Resources,
    /// The user id that the container runs as (never 0).
    #[serde(default = "metrics_user")]
    #[schemars(range(min = 1, max = 4294967294_i64))]
    pub run_as_user: i64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            enabled: true,
            image: String::new(),
            retention: retention(),
            storage: Quantity::from_milli(0),
            storage_class_name: None,
            resources: Resources::default(),
            run_as_user: metrics_user(),
        }
    }
}

fn retention() -> String {
    "15d".to_owned()
}
fn metrics_user() -> i64 {
    65534
}

/// A Grafana.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Grafana {
    /// Whether it runs. `false` takes it away and keeps its settings, and its claim if it has one.
    #[serde(default = "super::yes")]
    pub enabled: bool,
    /// A Grafana image.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[^\s]+$"))]
    pub image: String,
    /// Requests and limits of the pod.
    #[serde(default)]
    pub resources: Resources,
    /// The user id that the container runs as (never 0).
    #[serde(default = "grafana_user")]
    #[schemars(range(min = 1, max = 4294967294_i64))]
    pub run_as_user: i64,
}

fn grafana_user() -> i64 {
    472
}

/// The usage gateway and the storage that it spools to.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Billing {
    /// The claim that usage is spooled to before it is acknowledged.
    pub storage: BillingStorage,
    /// The gateway that services send usage to.
    pub gateway: Gateway,
}

/// The claim that usage is spooled to.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct BillingStorage {
    /// How much, in bytes, for example `5Gi`. It can grow where the storage class allows it, never
    /// shrink.
    pub size: Quantity,
    /// The storage class; the cluster's default without it. It cannot change later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 63))]
    pub class_name: Option<String>,
}

impl Default for BillingStorage {
    fn default() -> Self {
        Self { size: Quantity::from_milli(0), class_name: None }
    }
}

/// The gateway that services send usage to.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// The gateway's image.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[^\s]+$"))]
    pub image: String,
    /// Arguments of the image's entry point, one word each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 2048)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub args: Vec<String>,
    /// Requests and limits of the pod.
    #[serde(default)]
    pub resources: Resources,
    /// The user id that the container runs as (never 0).
    #[serde(default = "gateway_user")]
    #[schemars(range(min = 1, max = 4294967294_i64))]
    pub run_as_user: i64,
}

fn gateway_user() -> i64 {
    65532
}

/// Scheduled backups of a tenant's billing storage: a job has the gateway send a copy to the control
/// plane.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Backups {
    /// Whether backups are made. `false` takes the schedule away and keeps the settings.
    #[serde(default = "super::yes")]
    pub enabled: bool,
    /// When, in cron's five fields, for example `0 3 * * *`.
    #[schemars(length(min = 9, max = 100), regex(pattern = r"^(\S+\s+){4}\S+$"))]
    pub schedule: String,
    /// The time zone of the schedule, for example `America/Chicago`.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z][A-Za-z0-9_+/-]*$"))]
    pub time_zone: String,
    /// The backup job's image.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[^\s]+$"))]
    pub image: String,
    /// Arguments of the image's entry point, one word each; `backup-tenant` for the shipped image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 2048)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub args: Vec<String>,
    /// Requests and limits of the pod.
    #[serde(default)]
    pub resources: Resources,
    /// The user id that the container runs as (never 0).
    #[serde(default = "gateway_user")]
    #[schemars(range(min = 1, max = 4294967294_i64))]
    pub run_as_user: i64,
}

fn utc() -> String {
    "Etc/UTC".to_owned()
}
