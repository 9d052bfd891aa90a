//! The configuration files that components read.
//!
//! They are plain files next to this one, the same for every tenant: what differs comes from the
//! pod's environment or from names that mean "this namespace". So the tools of their own makers
//! (`otelcol validate`, `promtool check config`, dashboard linters) can read them as they are.

/// The OpenTelemetry collector's configuration. `TENANT_ID` is stamped on everything that it takes
/// in, over whatever the sender claims.
pub const COLLECTOR: &str = include_str!("files/collector.yaml");

/// Prometheus' configuration: it scrapes the stack's collector and nothing else.
pub const PROMETHEUS: &str = include_str!("files/prometheus.yaml");

/// Grafana's one data source.
pub const DATASOURCES: &str = include_str!("files/datasources.yaml");

/// Where Grafana finds its dashboards.
pub const DASHBOARDS: &str = include_str!("files/dashboards.yaml");

/// The dashboard of the tenant's own stack.
pub const STACK_DASHBOARD: &str = include_str!("files/stack-dashboard.json");
