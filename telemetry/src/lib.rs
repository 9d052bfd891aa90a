//! What every Tenantry program says about itself: logs, traces, metrics, health, and how it stops.
//!
//! - [`Telemetry`] sets up logs on stderr; logs, traces and metrics over OTLP; the Prometheus registry.
//! - [`health`] serves `/healthz`, `/readyz` and `/metrics` on a port of their own.
//! - [`shutdown`] tells every task of a program that it is time to stop.
//!
//! Settings come in as [`Config`]; no environment is read here. The OpenTelemetry SDK itself reads
//! its standard variables (`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_TIMEOUT`,
//! `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_TRACES_SAMPLER`, …), and the
//! exporters' HTTP client the usual proxy variables.
//!
//! ```no_run
//! use telemetry::health::{Checks, Server};
//! use telemetry::shutdown::{self, Shutdown};
//! use telemetry::{Config, LogFormat, Telemetry};
//!
//! #[tokio::main]
//! async fn main() -> anyhow::Result<()> {
//!     let telemetry = Telemetry::init(Config {
//!         service_name: "tenantry-operator",
//!         service_version: env!("CARGO_PKG_VERSION"),
//!         log_filter: "info".to_owned(),
//!         log_format: LogFormat::Json,
//!         otlp_endpoint: Some("http://collector:4318".to_owned()),
//!     })?;
//!     telemetry.build_info(&[]);
//!     let signalled = shutdown::signal()?;
//!
//!     let checks = Checks::new();
//!     let synced = checks.ready("watch tenants"); // given to the task that watches
//!     let health = Server::bind("[::]:8081".parse()?, &checks, telemetry.registry()).await?;
//!     tracing::info!(address = %health.local_addr(), "health");
//!
//!     // Health has a token of its own: it answers until all else has ended.
//!     let (stop, stop_health) = (Shutdown::new(), Shutdown::new());
//!     let health = tokio::spawn(health.run(stop_health.clone()));
//!     let work = tokio::spawn({
//!         let stop = stop.clone();
//!         async move {
//!             synced.ok();
//!             stop.cancelled().await;
//!         }
//!     });
//!
//!     let signal = signalled.await;
//!     tracing::info!(signal, "stopping");
//!     stop.cancel();
//!     work.await?;
//!     stop_health.cancel();
//!     health.await?;
//!     telemetry.shutdown().await;
//!     Ok(())
//! }
//! ```

mod checks;
mod filter;
pub mod health;
pub mod healthcheck;
mod logs;
mod metrics;
mod otlp;
pub mod shutdown;
#[cfg(test)]
mod tests;

use std::time::Duration;

use anyhow::Context;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus::Registry;
use tokio::sync::oneshot;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use logs::LogFormat;
pub use metrics::{MOST_PER_TENANT, SECONDS};

/// How long [`Telemetry::shutdown`] waits for what is still unsent.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// One output of the log and span stream; boxed, because which ones exist is decided at run time.
type Output = Box<dyn Layer<tracing_subscriber::Registry> + Send + Sync>;

/// What a program must say to have telemetry.
#[derive(Clone, Debug)]
pub struct Config {
    /// `service.name` of traces and metrics, for example `tenantry-operator`.
    pub service_name: &'static str,
    /// `service.version`, usually `env!("CARGO_PKG_VERSION")`.
    pub service_version: &'static str,
    /// Which log lines to write, as `tracing` directives: `warn`, or `operator=debug,hyper=off`.
    /// `info` where no directive says otherwise. Logs over OTLP are the same lines. It does not filter
    /// traces.
    pub log_filter: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Base URL of an OTLP http/protobuf receiver, for example `http://collector:4318`; `/v1/logs`,
    /// `/v1/traces` and `/v1/metrics` are appended. `None` or empty: nothing is exported.
    pub otlp_endpoint: Option<String>,
}

/// The running telemetry of a program. Keep it until the end, then call [`Telemetry::shutdown`].
#[derive(Debug)]
pub struct Telemetry {
    service_name: &'static str,
    service_version: &'static str,
    registry: Registry,
    meters: SdkMeterProvider,
    traces: Option<SdkTracerProvider>,
    logs: Option<SdkLoggerProvider>,
}

impl Telemetry {
    /// Starts telemetry for the whole process: the log output, the exporters when there is an
    /// endpoint, and the global meter provider. Call it first in `main`, before any TLS client is
    /// made, because it also chooses the process's TLS implementation (ring).
    ///
    /// A receiver that is down is no error, then or later: what cannot be sent is logged and lost.
    ///
    /// # Errors
    ///
    /// When the log filter does not parse, the endpoint is not an http or https URL, or the process
    /// has a log output already.
    pub fn init(config: Config) -> anyhow::Result<Self> {
        let (telemetry, outputs) = Self::build(config)?;
        tracing_subscriber::registry()
            .with(outputs)
            .try_init()
            .context("this process has a log output already")?;
        global::set_meter_provider(telemetry.meters.clone());
        Ok(telemetry)
    }

    /// Everything of [`Telemetry::init`] that is not global, so that tests can have several.
    fn build(config: Config) -> anyhow::Result<(Self, Vec<Output>)> {
        let Config { service_name, service_version, log_filter, log_format, otlp_endpoint } =
            config;
        // reqwest is built without a TLS provider and panics at its first client unless one is set.
        // An error means that one is set already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resource = Resource::builder()
            .with_service_name(service_name)
            .with_attribute(KeyValue::new("service.version", service_version))
            .build();
        let endpoint =
            otlp_endpoint.filter(|url| !url.is_empty()).map(otlp::Endpoint::parse).transpose()?;

        let mut outputs = vec![logs::output(&log_filter, log_format)?];
        let traces = match &endpoint {
            Some(endpoint) => Some(otlp::traces(endpoint, resource.clone())?),
            None => None,
        };
        outputs.extend(traces.as_ref().map(|traces| otlp::output(traces, service_name)));
        let logs = match &endpoint {
            Some(endpoint) => Some(otlp::logger(endpoint, resource.clone())?),
            None => None,
        };
        if let Some(logs) = &logs {
            outputs.push(otlp::log_output(logs, &log_filter)?);
        }
        let registry = Registry::new();
        let meters = metrics::provider(resource, &registry, endpoint.as_ref())?;
        Ok((Self { service_name, service_version, registry, meters, traces, logs }, outputs))
    }

    /// A meter to make instruments with. `name` is usually the program's; instrument names must be
    /// unique in the process, because `/metrics` does not show which meter they came from.
    ///
    /// Three things the exporter does: counters get `_total` appended and units their name (`s` →
    /// `_seconds`), so leave both out of instrument names; histograms default to boundaries made for
    /// milliseconds (for seconds see [`SECONDS`]); and one instrument keeps at most 2,000 label
    /// sets ([`MOST_PER_TENANT`] when it is an observed gauge named `tenant_…`), the rest is summed under
    /// `otel_metric_overflow="true"`.
    #[must_use]
    pub fn meter(&self, name: &'static str) -> Meter {
        self.meters.meter(name)
    }

    /// Everything recorded through this telemetry's meters, for [`health::Server::bind`].
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Publishes the gauge `tenantry_build_info`, always 1, with the labels `service` and `version`
    /// and those given, for example the commit. Call it once.
    pub fn build_info(&self, labels: &[(&'static str, &'static str)]) {
        let own = [("service", self.service_name), ("version", self.service_version)];
        metrics::build_info(&self.meter(self.service_name), own.iter().chain(labels));
    }

    /// Sends what is still unsent and stops the exporters, in at most 5 seconds. What is recorded
    /// afterwards is lost, and `/metrics` is empty. Failure is only logged: by now nobody can act.
    pub async fn shutdown(self) {
        self.shutdown_within(FLUSH_LIMIT).await;
    }

    /// [`Telemetry::shutdown`] with another bound. The runtime is never blocked.
    pub async fn shutdown_within(self, limit: Duration) {
        let Self { meters, traces, logs, .. } = self;
        let metrics = flush("metrics", limit, move || meters.shutdown());
        let traces = flush("traces", limit, move || {
            traces.map_or(Ok(()), |traces| traces.shutdown_with_timeout(limit))
        });
        let logs = flush("logs", limit, move || {
            logs.map_or(Ok(()), |logs| logs.shutdown_with_timeout(limit))
        });
        tokio::join!(metrics, traces, logs);
    }
}

/// Runs a blocking flush on a thread of its own, and stops waiting for it after `limit`.
///
/// Not `spawn_blocking`: the end of the runtime would wait for it, and the SDK's metrics flush takes
/// up to 5 seconds whatever limit it is given.
async fn flush(
    what: &'static str,
    limit: Duration,
    work: impl FnOnce() -> OTelSdkResult + Send + 'static,
) {
    let (done, outcome) = oneshot::channel();
    let thread = std::thread::Builder::new().name(format!("flush-{what}")).spawn(move || {
        // Nobody listens any more when the limit has passed.
        let _ = done.send(work());
    });
    let problem = match (thread, tokio::time::timeout(limit, outcome).await) {
        (Err(error), _) => error.to_string(),
        (_, Err(_)) => format!("no answer within {limit:?}"),
        (_, Ok(Err(_))) => "the flush died".to_owned(),
        (_, Ok(Ok(Err(error)))) => error.to_string(),
        (_, Ok(Ok(Ok(())))) => return,
    };
    tracing::warn!(what, problem, "telemetry not fully sent at shutdown");
}
