//! What the routes count. Labels are names of our own, so that no caller can make new series.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

use super::events::Taken;
use crate::ledger::rejects::Rejects;

pub mod billing;
pub mod held;
mod meters;
pub mod usage;

use billing::Billing;
use held::Held;
use usage::Taking;

/// The instruments of the routes.
#[derive(Clone)]
pub struct Metrics {
    events: Counter<u64>,
    support: Counter<u64>,
    pub(super) taking: Taking,
    /// Of closed periods; a gateway has none.
    pub billing: Option<Billing>,
    /// Of what a gateway takes; nobody else has it.
    pub held: Option<Held>,
}

impl Metrics {
    /// The instruments, made with `meter`.
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        let metrics = Self::counting(meter, "tenantry_usage_events");
        let billing = Some(Billing::new(meter, metrics.taking.clone()));
        Self { billing, ..metrics }
    }

    /// Those of a gateway, whose events the ledger counts once more.
    #[must_use]
    pub fn of_gateway(meter: &Meter) -> Self {
        Self { held: Some(Held::new(meter)), ..Self::counting(meter, "tenantry_gateway_events") }
    }

    fn counting(meter: &Meter, events: &'static str) -> Self {
        let events = meter
            .u64_counter(events)
            .with_description("Usage events received, by what became of them")
            .build();
        let support = meter
            .u64_counter("support_response_sla_hours")
            .with_description("Answers of support, by whether they came within the promised hours")
            .build();
        Self { events, support, taking: Taking::new(meter), billing: None, held: None }
    }

    /// Counts an answer of support.
    pub(super) fn support(&self, met: bool) {
        let outcome = if met { "met" } else { "missed" };
        self.support.add(1, &[KeyValue::new("outcome", outcome)]);
    }

    /// Shows how many rejected events were not written down.
    pub fn watch(&self, meter: &Meter, rejects: Rejects) {
        // The meter keeps it.
        let _kept = meter
            .u64_observable_counter("tenantry_usage_rejects_lost")
            .with_description("Rejected events that are not listed, since too many came at once")
            .with_callback(move |observer| observer.observe(rejects.lost(), &[]))
            .build();
    }

    /// Counts what became of a request's events.
    pub(crate) fn events(&self, taken: &Taken) {
        taken.rejected.iter().for_each(|one| self.taking.rejected(&one.code));
        let conflicts = taken.rejected.iter().filter(|one| one.code == "conflict").count();
        for (outcome, count) in [
            ("accepted", taken.accepted),
            ("duplicate", taken.duplicates),
            ("conflict", conflicts),
            ("rejected", taken.rejected.len() - conflicts),
        ] {
            if count > 0 {
                self.events.add(count as u64, &[KeyValue::new("outcome", outcome)]);
            }
        }
    }
}
