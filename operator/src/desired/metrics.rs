//! The stack's metrics store: a Prometheus that reads the stack's collector and its gateway, and nobody else.

use crds::deployment_profile::{Metrics, Probes};

use super::{
    Stack, config, meta,
    pod::{self, Pod},
    volume::Volume,
    workload::{self, Strategy},
};
use crate::object::Object;

/// The port that Prometheus answers on.
pub const PORT: u16 = 9090;

const FOLDER: &str = "/etc/prometheus";
const FILE: &str = "prometheus.yml";
const DATA: &str = "/prometheus";

/// Account, ConfigMap, claim, Service and Deployment.
pub fn build(stack: &Stack, all: &mut Vec<Object>) {
    let Some(metrics) = stack.telemetry.metrics.as_ref().filter(|m| m.enabled) else { return };
    let files = [(FILE, config::PROMETHEUS)];
    let (config, checksum) = workload::config(stack, meta::METRICS, &files);
    let (claim, class) = (meta::claim_name(meta::METRICS), metrics.storage_class_name.as_deref());
    let replicas = if stack.suspended { 0 } else { 1 };
    let pod = pod(metrics, checksum);
    all.push(workload::account(stack, meta::METRICS));
    all.push(config);
    all.push(workload::claim(stack, meta::METRICS, &claim, metrics.storage, class));
    all.push(workload::service(stack, meta::METRICS, &[pod::tcp("http", PORT)]));
    all.push(workload::deployment(stack, &pod, Some(replicas), Strategy::Recreate));
}

fn pod(metrics: &Metrics, checksum: String) -> Pod<'_> {
    let config_map = meta::child_name(meta::METRICS);
    Pod {
        component: meta::METRICS,
        image: &metrics.image,
        args: vec![
            format!("--config.file={FOLDER}/{FILE}"),
            format!("--storage.tsdb.path={DATA}"),
            format!("--storage.tsdb.retention.time={}", metrics.retention),
            format!("--storage.tsdb.retention.size={}", size_to_keep(metrics)),
        ],
        ports: vec![pod::tcp("http", PORT)],
        resources: metrics.resources.clone(),
        run_as_user: metrics.run_as_user,
        probes: Probes {
            readiness: Some(pod::http_probe("http", "/-/ready", 3)),
            liveness: Some(pod::http_probe("http", "/-/healthy", 6)),
            // Reading back a long write-ahead log takes minutes.
            startup: Some(pod::http_probe("http", "/-/ready", 90)),
        },
        volumes: vec![
            Volume::claim(&meta::claim_name(meta::METRICS), DATA),
            Volume::config(&config_map, FOLDER, &[(FILE, FILE)]),
        ],
        checksum: Some(checksum),
        // Time to write what is still in memory.
        grace_seconds: 120,
        ..Pod::default()
    }
}

/// Four fifths of the claim, so that the oldest blocks go before the volume is full. Prometheus'
/// `MB` is 2^20 bytes.
fn size_to_keep(metrics: &Metrics) -> String {
    let mebibytes = metrics.storage.milli() / 1000 * 4 / 5 / (1 << 20);
    format!("{}MB", mebibytes.max(1))
}
