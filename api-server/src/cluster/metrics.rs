//! What is counted of the work on the cluster.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

/// The instruments. Labels are names of our own.
#[derive(Clone)]
pub struct Metrics {
    writes: Counter<u64>,
    events: Counter<u64>,
    decisions: Counter<u64>,
    unreadable: Counter<u64>,
    renewed: Arc<Mutex<Option<Instant>>>,
}

impl Metrics {
    /// The instruments, made with `meter`.
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        let renewed: Arc<Mutex<Option<Instant>>> = Arc::default();
        let seen = renewed.clone();
        // The meter keeps it.
        let _kept = meter
            .u64_observable_gauge("tenantry_cluster_heartbeat_age_seconds")
            .with_description(
                "Since when the Lease that vouches for tenants' figures was not renewed, by the \
                 server that keeps the cluster's tenants",
            )
            .with_callback(move |gauge| {
                let renewed = *seen.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(renewed) = renewed {
                    gauge.observe(renewed.elapsed().as_secs(), &[]);
                }
            })
            .build();
        let counter = |name: &'static str, told: &'static str| {
            meter.u64_counter(name).with_description(told).build()
        };
        let unreadable = counter(
            "tenantry_cluster_summaries_unreadable",
            "Turns of a tenant in which its account's summary could not be read",
        );
        // So that the first one is a rise.
        unreadable.add(0, &[]);
        Self {
            unreadable,
            writes: counter(
                "tenantry_cluster_status_writes",
                "Writes to tenants' status, by what became of them",
            ),
            events: counter(
                "tenantry_cluster_events",
                "Kubernetes events of levels reached and left, by what became of them",
            ),
            decisions: counter(
                "tenantry_cluster_quota_decisions",
                "Decisions about used-up quotas, by what was decided",
            ),
            renewed,
        }
    }

    /// Counts a decision: `alert`, `announced`, `held`, `suspend` or `ended`.
    pub(super) fn decided(&self, action: &'static str) {
        self.decisions.add(1, &[KeyValue::new("action", action)]);
    }

    /// Counts a write: `written`, `gone`, `overtaken`, `refused` or `unanswered`.
    pub(super) fn wrote(&self, outcome: &'static str) {
        self.writes.add(1, &[KeyValue::new("outcome", outcome)]);
    }

    /// Counts a summary that cannot be read.
    pub(super) fn unreadable(&self) {
        self.unreadable.add(1, &[]);
    }

    /// Counts an event: `told` or `failed`.
    pub(super) fn told(&self, outcome: &'static str) {
        self.events.add(1, &[KeyValue::new("outcome", outcome)]);
    }

    /// The heartbeat was renewed.
    pub(super) fn renewed(&self) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Another server has it now.
    pub(super) fn forget_heartbeat(&self) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
