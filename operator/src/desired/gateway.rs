//! The usage gateway and the storage that it spools to. Suspending a tenant spares both: what was
//! used still has to reach the ledger.

use crds::deployment_profile::Probes;
use serde_json::Value;

use super::{
    Stack, meta, network,
    pod::{self, Pod},
    schedule,
    volume::{self, Volume},
    workload::{self, Strategy},
};
use crate::object::Object;

/// The claim that usage is spooled to.
pub const CLAIM: &str = "tenantry-billing";
/// Where the gateway sees it.
pub const SPOOL: &str = "/var/lib/tenantry/billing";
/// The port that the gateway takes usage on.
pub const PORT: u16 = 8080;
/// The port on which it shows its health, status and metrics.
pub const HEALTH_PORT: u16 = 8081;
/// The Service of the API server.
const CONTROL_PLANE: &str = "tenantry-api-server";

/// Where the stack's pods reach the gateway.
#[must_use]
pub fn url(stack: &Stack) -> String {
    format!("http://{}.{}.svc:{PORT}", meta::child_name(meta::GATEWAY), stack.tenant.namespace())
}

/// Where the gateway reaches the API server.
fn control_plane() -> String {
    let (namespace, port) = (network::CONTROL_PLANE_NAMESPACE, network::CONTROL_PLANE_PORT);
    format!("http://{CONTROL_PLANE}.{namespace}.svc:{port}")
}

/// Account, claim, Service and Deployment.
pub fn build(stack: &Stack, all: &mut Vec<Object>) {
    let (storage, mut ports) = (&stack.billing.storage, vec![pod::tcp("http", PORT)]);
    if stack.has_metrics() {
        ports.push(pod::tcp("health", HEALTH_PORT));
    }
    let class = storage.class_name.as_deref();
    all.push(workload::account(stack, meta::GATEWAY));
    all.push(workload::claim(stack, meta::GATEWAY, CLAIM, storage.size, class));
    all.push(workload::service(stack, meta::GATEWAY, &ports));
    all.push(workload::deployment(stack, &pod(stack), Some(1), Strategy::Recreate));
}

fn pod(stack: &Stack) -> Pod<'_> {
    let gateway = &stack.billing.gateway;
    Pod {
        component: meta::GATEWAY,
        image: &gateway.image,
        args: gateway.args.clone(),
        ports: vec![pod::tcp("http", PORT), pod::tcp("health", HEALTH_PORT)],
        env: env(stack),
        resources: gateway.resources.clone(),
        run_as_user: gateway.run_as_user,
        probes: Probes {
            readiness: Some(pod::http_probe("health", "/readyz", 3)),
            liveness: Some(pod::http_probe("health", "/healthz", 6)),
            startup: None,
        },
        volumes: vec![Volume::claim(CLAIM, SPOOL), Volume::token(volume::GATEWAY_AUDIENCE)],
        // Time to close the spool.
        grace_seconds: 60,
        ..Pod::default()
    }
}

fn env(stack: &Stack) -> Vec<Value> {
    // The spool's file has free pages and a log beside it: half of the claim is events.
    let limit = stack.billing.storage.size.milli() / 2000;
    let mut env = vec![
        pod::env("TENANTRY_TENANT", stack.tenant.as_str()),
        pod::env("TENANTRY_SPOOL_DIR", SPOOL),
        pod::env("TENANTRY_SPOOL_LIMIT", &limit.to_string()),
        pod::env("TENANTRY_CONTROL_PLANE_URL", &control_plane()),
        pod::env("TENANTRY_GATEWAY_TOKEN_FILE", volume::TOKEN_FILE),
        pod::env("OTEL_SDK_DISABLED", "true"),
    ];
    let backups = stack.backups.as_ref().filter(|backups| backups.enabled);
    let interval = backups.and_then(|backups| schedule::longest_gap(&backups.schedule));
    env.extend(interval.map(|every| pod::env("TENANTRY_BACKUP_INTERVAL", &every.to_string())));
    env.extend(stack.since.map(|since| pod::env("TENANTRY_SENDERS_SINCE", &since.to_string())));
    env
}
