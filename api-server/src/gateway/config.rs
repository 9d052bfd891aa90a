//! What a gateway is told, by flags or environment. The operator renders the environment.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use telemetry::LogFormat;

use crate::http::budget::Rates;
use crate::http::layers::Limits;
use crate::http::server::Patience;

/// How a gateway runs.
#[derive(Args, Clone, Debug)]
pub struct GatewayConfig {
    /// Where usage is taken.
    #[arg(long, env = "TENANTRY_GATEWAY_ADDRESS", default_value = "0.0.0.0:8080")]
    pub address: SocketAddr,
    /// Where `/status`, `/healthz`, `/readyz` and `/metrics` answer.
    #[arg(long, env = "TENANTRY_HEALTH_ADDRESS", default_value = "0.0.0.0:8081")]
    pub health_address: SocketAddr,
    /// The tenant's name, to show.
    #[arg(long, env = "TENANTRY_TENANT")]
    pub tenant: String,
    /// The folder of the spool; made if it is not there. On a local disk, one gateway at a time.
    #[arg(long, env = "TENANTRY_SPOOL_DIR")]
    pub spool: PathBuf,
    /// How many bytes of events the spool holds at most; more are answered 503. Half of the disk is a
    /// good measure.
    #[arg(long, env = "TENANTRY_SPOOL_LIMIT", default_value_t = 512 << 20, value_parser = clap::value_parser!(u64).range(1..=1 << 44))]
    pub spool_limit: u64,
    /// The control plane: the API server's address.
    #[arg(long, env = "TENANTRY_CONTROL_PLANE_URL")]
    pub control_plane: String,
    /// PEM certificates that sign the control plane's certificate, beside the public ones.
    #[arg(long, env = "TENANTRY_CONTROL_PLANE_CA_FILE")]
    pub control_plane_ca_file: Option<PathBuf>,
    /// The gateway's own projected token (audience `tenantry-gateway`).
    #[arg(long, env = "TENANTRY_GATEWAY_TOKEN_FILE")]
    pub token_file: PathBuf,
    /// Senders' tokens that were made before this instant are refused: the beginning of the tenant, since which no
    /// pod of an earlier one with its name runs. Any age without it.
    #[arg(long, env = "TENANTRY_SENDERS_SINCE")]
    pub senders_since: Option<Timestamp>,
    /// How many seconds it is at most from one scheduled backup to the next, so that an alert can tell that one is
    /// missing. Nothing schedules any without it.
    #[arg(long, env = "TENANTRY_BACKUP_INTERVAL", value_parser = clap::value_parser!(u64).range(1..))]
    pub backup_interval: Option<u64>,
    /// Requests with usage a second, each of up to 1,000 events.
    #[arg(long, env = "TENANTRY_RATE_INGEST", default_value = "1000")]
    pub rate_ingest: NonZeroU32,
    /// Requests that are worked on at once; more are answered 503.
    #[arg(long, env = "TENANTRY_MAX_REQUESTS", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_requests: u32,
    /// Connections at once; more wait.
    #[arg(long, env = "TENANTRY_MAX_CONNECTIONS", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
    /// `text` or `json`.
    #[arg(long, env = "TENANTRY_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
    /// What is logged, for example `info` or `api_server=debug`.
    #[arg(long, env = "TENANTRY_LOG", default_value = "info")]
    pub log: String,
    /// Where logs, traces and metrics are sent over OTLP (HTTP/protobuf). Nowhere without it.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
}

impl GatewayConfig {
    /// The rate budgets; a gateway has one kind of request.
    #[must_use]
    pub fn rates(&self) -> Rates {
        let each = self.rate_ingest;
        Rates { public: each, read: each, write: each, ingest: each, onboarding: each }
    }

    /// How much is answered at once.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits::of(self.max_requests as usize)
    }

    /// How patient it is.
    #[must_use]
    pub fn patience(&self) -> Patience {
        Patience { connections: self.max_connections as usize, ..Patience::default() }
    }
}
