//! The operator's own metrics. No tenant's name is ever a label.

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge, Histogram, Meter},
};

use crate::kinds::Kind;

/// All instruments. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    writes: Counter<u64>,
    reconciles: Counter<u64>,
    duration: Histogram<f64>,
    rewritten: Counter<u64>,
    drift: Counter<u64>,
    leader: Gauge<u64>,
}

impl Metrics {
    /// Registers the instruments.
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        Self {
            writes: meter
                .u64_counter("tenantry_operator_writes")
                .with_description("Mutating requests sent to the API server, by verb and resource")
                .build(),
            reconciles: meter
                .u64_counter("tenantry_operator_reconciles")
                .with_description("Reconciliations, by resource and result")
                .build(),
            duration: meter
                .f64_histogram("tenantry_operator_reconcile_duration")
                .with_unit("s")
                .with_boundaries(telemetry::SECONDS.into())
                .with_description("How long one reconciliation took, by resource")
                .build(),
            rewritten: meter
                .u64_counter("tenantry_operator_rewritten_applies")
                .with_description("Applies whose values the API server changed, by kind")
                .build(),
            drift: meter
                .u64_counter("tenantry_operator_drift_corrections")
                .with_description("Foreign changes undone, by kind")
                .build(),
            leader: meter
                .u64_gauge("tenantry_operator_leader")
                .with_description("1 while this process holds the lease")
                .build(),
        }
    }

    /// A mutating request is sent.
    pub fn write(&self, verb: &'static str, resource: &'static str) {
        self.writes.add(1, &[KeyValue::new("verb", verb), KeyValue::new("resource", resource)]);
    }

    /// A reconciliation ended.
    pub fn reconciled(&self, resource: &'static str, result: &'static str, took: Duration) {
        let resource = KeyValue::new("resource", resource);
        self.duration.record(took.as_secs_f64(), std::slice::from_ref(&resource));
        self.reconciles.add(1, &[resource, KeyValue::new("result", result)]);
    }

    /// The server changed what was applied.
    pub fn rewritten(&self, kind: Kind) {
        self.rewritten.add(1, &[KeyValue::new("kind", kind.as_str())]);
    }

    /// A foreign change was undone.
    pub fn drift(&self, kind: Kind) {
        self.drift.add(1, &[KeyValue::new("kind", kind.as_str())]);
    }

    /// Whether this process holds the lease.
    pub fn leader(&self, leads: bool) {
        self.leader.record(u64::from(leads), &[]);
    }
}
