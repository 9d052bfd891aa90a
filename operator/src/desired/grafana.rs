//! The tenant's own Grafana: its own stack and nothing of other customers. It keeps no state; what
//! it shows is provisioned.

use crds::deployment_profile::{Grafana, Probes};
use serde_json::{Value, json};

use super::{
    Stack, config, meta,
    pod::{self, Pod},
    volume::Volume,
    workload::{self, Strategy},
};
use crate::{kinds::Kind, object::Object};

/// The port that Grafana answers on.
pub const PORT: u16 = 3000;
/// The Secret's key with the password of `admin`; made once, at random.
const PASSWORD: &str = "admin-password";

const PROVISIONING: &str = "/etc/grafana/provisioning";
const SECRETS: &str = "/var/run/secrets/grafana";

/// Account, Secret, ConfigMap, Service and Deployment.
pub fn build(stack: &Stack, all: &mut Vec<Object>) {
    let Some(grafana) = stack.telemetry.grafana.as_ref().filter(|g| g.enabled) else { return };
    let files = [
        ("datasources.yaml", config::DATASOURCES),
        ("dashboards.yaml", config::DASHBOARDS),
        ("stack.json", config::STACK_DASHBOARD),
    ];
    let (config, checksum) = workload::config(stack, meta::GRAFANA, &files);
    let replicas = if stack.suspended { 0 } else { 1 };
    let strategy = Strategy::Rolling { surge: 1, unavailable: 0 };
    all.push(workload::account(stack, meta::GRAFANA));
    all.push(secret(stack));
    all.push(config);
    all.push(workload::service(stack, meta::GRAFANA, &[pod::tcp("http", PORT)]));
    all.push(workload::deployment(stack, &pod(grafana, checksum), Some(replicas), strategy));
}

fn secret(stack: &Stack) -> Object {
    let mut secret =
        workload::named(stack, meta::GRAFANA, Kind::Secret, json!({ "type": "Opaque" }));
    secret.generated = &[PASSWORD];
    secret
}

fn pod(grafana: &Grafana, checksum: String) -> Pod<'_> {
    let name = meta::child_name(meta::GRAFANA);
    let provisioned = [
        ("datasources.yaml", "datasources/tenantry.yaml"),
        ("dashboards.yaml", "dashboards/tenantry.yaml"),
        ("stack.json", "json/stack.json"),
    ];
    Pod {
        component: meta::GRAFANA,
        image: &grafana.image,
        ports: vec![pod::tcp("http", PORT)],
        env: environment(),
        resources: grafana.resources.clone(),
        run_as_user: grafana.run_as_user,
        probes: Probes {
            readiness: Some(pod::http_probe("http", "/api/health", 3)),
            liveness: Some(pod::http_probe("http", "/api/health", 6)),
            // The first start makes its database.
            startup: Some(pod::http_probe("http", "/api/health", 30)),
        },
        volumes: vec![
            Volume::scratch("state", "/var/lib/grafana", "512Mi"),
            Volume::config(&name, PROVISIONING, &provisioned),
            Volume::secret(&name, SECRETS, &[(PASSWORD, PASSWORD)]),
        ],
        checksum: Some(checksum),
        grace_seconds: 30,
        ..Pod::default()
    }
}

/// Nobody without a password, nothing sent out, no plugins fetched.
fn environment() -> Vec<Value> {
    let password = format!("{SECRETS}/{PASSWORD}");
    let dashboard = format!("{PROVISIONING}/json/stack.json");
    [
        ("GF_SECURITY_ADMIN_PASSWORD__FILE", password.as_str()),
        ("GF_SECURITY_DISABLE_GRAVATAR", "true"),
        ("GF_AUTH_ANONYMOUS_ENABLED", "false"),
        ("GF_USERS_ALLOW_SIGN_UP", "false"),
        ("GF_ANALYTICS_REPORTING_ENABLED", "false"),
        ("GF_ANALYTICS_CHECK_FOR_UPDATES", "false"),
        ("GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES", "false"),
        ("GF_NEWS_NEWS_FEED_ENABLED", "false"),
        ("GF_PLUGINS_PREINSTALL_DISABLED", "true"),
        ("GF_PATHS_PROVISIONING", PROVISIONING),
        ("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH", dashboard.as_str()),
        // The default logs to a file too, and the root file system is read-only.
        ("GF_LOG_MODE", "console"),
    ]
    .map(|(name, value)| pod::env(name, value))
    .to_vec()
}
