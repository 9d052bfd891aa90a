//! Export over OTLP http/protobuf.
//!
//! The exporters use reqwest's *blocking* client: the SDK exports on plain threads, where the async
//! client panics and telemetry is silently lost.

use anyhow::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::filter::Anew;
use crate::{Output, logs};

/// Sources that are never exported: they are what carries the export, and would feed themselves.
const OWN_TRANSPORT: [&str; 5] = ["h2", "hyper", "opentelemetry", "reqwest", "rustls"];

/// The base URL of an OTLP http receiver, without a slash at the end.
pub(crate) struct Endpoint(String);

impl Endpoint {
    /// Checks early what would otherwise fail, quietly, at each export.
    pub(crate) fn parse(url: impl AsRef<str>) -> anyhow::Result<Self> {
        let url = url.as_ref();
        let parsed = reqwest::Url::parse(url).with_context(|| format!("OTLP endpoint {url:?}"))?;
        let bare = parsed.query().is_none() && parsed.fragment().is_none();
        if !matches!(parsed.scheme(), "http" | "https") || !bare {
            anyhow::bail!("OTLP endpoint {url:?} is not a plain URL with http:// or https://");
        }
        Ok(Self(url.trim_end_matches('/').to_owned()))
    }

    fn of(&self, signal: &str) -> String {
        format!("{}/v1/{signal}", self.0)
    }
}

/// The metrics exporter.
pub(crate) fn metrics(endpoint: &Endpoint) -> anyhow::Result<MetricExporter> {
    MetricExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint.of("metrics"))
        .build()
        .context("OTLP metrics exporter")
}

/// The tracer provider, exporting in batches from a thread of its own.
pub(crate) fn traces(endpoint: &Endpoint, resource: Resource) -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint.of("traces"))
        .build()
        .context("OTLP traces exporter")?;
    Ok(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build())
}

/// The output that turns spans from `info` up into traces, whatever the log filter says, and the
/// Kubernetes client's requests, which are spans at `debug`.
pub(crate) fn output(traces: &SdkTracerProvider, name: &'static str) -> Output {
    let filter = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("kube_client", LevelFilter::DEBUG)
        .with_targets(OWN_TRANSPORT.map(|target| (target, LevelFilter::OFF)));
    tracing_opentelemetry::layer()
        .with_tracer(traces.tracer(name))
        // Tasks move between threads, so these say nothing.
        .with_threads(false)
        .with_filter(Anew(filter))
        .boxed()
}

/// The logger provider, exporting in batches from a thread of its own.
pub(crate) fn logger(endpoint: &Endpoint, resource: Resource) -> anyhow::Result<SdkLoggerProvider> {
    let exporter = LogExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint.of("logs"))
        .build()
        .context("OTLP logs exporter")?;
    Ok(SdkLoggerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build())
}

/// The output that sends what is logged, each line with the trace in which it was.
pub(crate) fn log_output(logger: &SdkLoggerProvider, filter: &str) -> anyhow::Result<Output> {
    let filter = logs::directives(filter, &OWN_TRANSPORT)?;
    Ok(OpenTelemetryTracingBridge::new(logger).with_filter(filter).boxed())
}
