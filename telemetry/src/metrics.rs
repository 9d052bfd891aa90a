//! One meter provider, read by Prometheus scrapes and, when there is an endpoint, pushed by OTLP.

use anyhow::Context;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{Instrument, InstrumentKind, SdkMeterProvider, Stream};
use prometheus::{Encoder, Registry, TextEncoder};

use crate::otlp::{self, Endpoint};

/// Histogram boundaries, in seconds, from one millisecond to five minutes: for requests and
/// reconciles, as in `meter.f64_histogram("reconcile").with_unit("s").with_boundaries(SECONDS.into())`.
pub const SECONDS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// How many label sets a gauge that says something of each tenant may have: more than the 2,000 of other
/// instruments, and still bounded.
pub const MOST_PER_TENANT: usize = 10_000;

/// Those are observed, and named `tenant_…`: what is not observed any more is not shown any more.
fn per_tenant(instrument: &Instrument) -> Option<Stream> {
    let every = instrument.kind() == InstrumentKind::ObservableGauge
        && instrument.name().starts_with("tenant_");
    // The limit is a number that it takes.
    every.then(|| Stream::builder().with_cardinality_limit(MOST_PER_TENANT).build().ok()).flatten()
}

pub(crate) fn provider(
    resource: Resource,
    registry: &Registry,
    endpoint: Option<&Endpoint>,
) -> anyhow::Result<SdkMeterProvider> {
    let scrapes = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        // One label less on every series; names are unique in a process anyway.
        .scope_info_enabled(false)
        .build()
        .context("Prometheus exporter")?;
    let mut provider = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_view(per_tenant)
        .with_reader(scrapes);
    if let Some(endpoint) = endpoint {
        provider = provider.with_periodic_exporter(otlp::metrics(endpoint)?);
    }
    Ok(provider.build())
}

/// The gauge `tenantry_build_info`, always 1. Observable, so that every export shows it.
pub(crate) fn build_info<'a>(
    meter: &Meter,
    labels: impl Iterator<Item = &'a (&'static str, &'static str)>,
) {
    let labels: Vec<_> = labels.map(|(name, value)| KeyValue::new(*name, *value)).collect();
    // The provider keeps the callback; the handle is of no use.
    let _ = meter
        .u64_observable_gauge("tenantry_build_info")
        .with_description("Which build of which program this is; always 1")
        .with_callback(move |gauge| gauge.observe(1, &labels))
        .build();
}

/// The registry as Prometheus text, and its content type.
pub(crate) fn text(registry: &Registry) -> anyhow::Result<(String, Vec<u8>)> {
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    encoder.encode(&registry.gather(), &mut text).context("cannot encode the metrics")?;
    Ok((encoder.format_type().to_owned(), text))
}
