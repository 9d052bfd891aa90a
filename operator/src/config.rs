//! What the operator is told, by flags or environment.

use std::net::SocketAddr;

use clap::{Parser, Subcommand};
use telemetry::LogFormat;

/// Makes every tenant's stack match its deployment profile.
#[derive(Parser, Clone, Debug)]
#[command(name = "tenantry-operator", version)]
pub struct Config {
    /// What to do instead of running.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The namespace that holds the operator's lease and the profiles' revisions.
    #[arg(long, env = "TENANTRY_NAMESPACE", default_value = "tenantry-system")]
    pub namespace: String,
    /// A name for this process; unique among replicas.
    #[arg(long, env = "TENANTRY_IDENTITY")]
    pub identity: Option<String>,
    /// How many tenants are worked on at once; as many again may wait for an answer that is late.
    #[arg(long, env = "TENANTRY_CONCURRENCY", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
    /// Where `/healthz`, `/readyz` and `/metrics` answer.
    #[arg(long, env = "TENANTRY_HEALTH_ADDRESS", default_value = "0.0.0.0:8081")]
    pub health_address: SocketAddr,
    /// `text` or `json`.
    #[arg(long, env = "TENANTRY_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
    /// What is logged, for example `info` or `operator=debug`.
    #[arg(long, env = "TENANTRY_LOG", default_value = "info")]
    pub log: String,
    /// Where traces and metrics are sent over OTLP (HTTP/protobuf), for example
    /// `http://collector:4318`. Nowhere without it.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
}

/// What to do instead of running.
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Print the RBAC and the admission policies that the operator needs, for this namespace.
    Manifests {
        /// Leave out the namespace itself.
        #[arg(long)]
        without_namespace: bool,
    },
    /// Ask a running operator whether it is ready; the exit code says so.
    Healthcheck(telemetry::healthcheck::Args),
}
