//! The stack's OpenTelemetry collector. It stamps `tenant.id` itself; a client cannot.

use crds::deployment_profile::{Collector, Port, Probes, Resources};

use super::{
    Stack, config, meta,
    pod::{self, Pod},
    volume::Volume,
    workload::{self, Strategy},
};
use crate::object::Object;

/// Where services send OTLP over gRPC.
pub const OTLP_GRPC: u16 = 4317;
/// Where services send OTLP over HTTP.
pub const OTLP_HTTP: u16 = 4318;
/// Where the collector shows what it took in.
pub const METRICS: u16 = 8889;
/// Where the collector shows its own metrics.
pub const SELF_METRICS: u16 = 8888;
/// What services may reach.
pub const OTLP: [u16; 2] = [OTLP_GRPC, OTLP_HTTP];
/// What the metrics store may reach.
pub const SCRAPED: [u16; 2] = [METRICS, SELF_METRICS];
const HEALTH: u16 = 13133;

const FOLDER: &str = "/etc/otelcol";
const FILE: &str = "collector.yaml";

/// Where services send OTLP over HTTP.
#[must_use]
pub fn url(stack: &Stack) -> String {
    let name = meta::child_name(meta::COLLECTOR);
    format!("http://{name}.{}.svc:{OTLP_HTTP}", stack.tenant.namespace())
}

/// Account, ConfigMap, Service and Deployment.
pub fn build(stack: &Stack, all: &mut Vec<Object>) {
    let Some(collector) = stack.telemetry.collector.as_ref().filter(|c| c.enabled) else { return };
    let files = [(FILE, config::COLLECTOR)];
    let (config, checksum) = workload::config(stack, meta::COLLECTOR, &files);
    let pod = pod(stack, collector, checksum);
    let replicas = if stack.suspended { 0 } else { 1 };
    let strategy = Strategy::Rolling { surge: 1, unavailable: 0 };
    all.push(workload::account(stack, meta::COLLECTOR));
    all.push(config);
    all.push(workload::service(stack, meta::COLLECTOR, &ports()));
    all.push(workload::deployment(stack, &pod, Some(replicas), strategy));
}

fn ports() -> [Port; 4] {
    [
        pod::tcp("otlp-grpc", OTLP_GRPC),
        pod::tcp("otlp-http", OTLP_HTTP),
        pod::tcp("metrics", METRICS),
        pod::tcp("self-metrics", SELF_METRICS),
    ]
}

fn pod<'a>(stack: &Stack, collector: &'a Collector, checksum: String) -> Pod<'a> {
    Pod {
        component: meta::COLLECTOR,
        image: &collector.image,
        args: vec![format!("--config={FOLDER}/{FILE}")],
        ports: ports().into_iter().chain([pod::tcp("health", HEALTH)]).collect(),
        env: vec![
            // It listens on the pod's address only, not on every interface.
            pod::env_field("MY_POD_IP", "status.podIP"),
            pod::env("TENANT_ID", stack.tenant.as_str()),
            pod::env("GOMEMLIMIT", &memory_goal(&collector.resources)),
        ],
        resources: collector.resources.clone(),
        run_as_user: collector.run_as_user,
        probes: Probes {
            readiness: Some(pod::http_probe("health", "/", 3)),
            liveness: Some(pod::http_probe("health", "/", 6)),
            startup: None,
        },
        volumes: vec![Volume::config(&meta::child_name(meta::COLLECTOR), FOLDER, &[(FILE, FILE)])],
        checksum: Some(checksum),
        grace_seconds: 30,
        ..Pod::default()
    }
}

/// Four fifths of the memory limit: Go's collector works harder from there, instead of being killed
/// at the limit.
fn memory_goal(resources: &Resources) -> String {
    format!("{}KiB", pod::memory_limit_bytes(resources) * 4 / 5 / 1024)
}
