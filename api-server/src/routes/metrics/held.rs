//! What a gateway tells of usage as it takes it: a series for each meter, and none for the tenant, whose gateway it
//! is. The ledger is the record; these are for looking.

use std::collections::BTreeMap;

use opentelemetry::metrics::{Counter, Meter as Instruments};

use super::usage::{Flows, units};
use crate::domain::meter::Meter;

/// The instruments.
#[derive(Clone)]
pub struct Held(BTreeMap<Meter, Counter<f64>>);

impl Held {
    /// The instruments, made with `meter`. Each is there from the start, so that a meter that nobody used shows
    /// nothing and not that nobody knows.
    #[must_use]
    pub fn new(meter: &Instruments) -> Self {
        let counter = |one: Meter| {
            let (name, about) = name(one);
            let counter = meter.f64_counter(name).with_description(about).build();
            counter.add(0.0, &[]);
            (one, counter)
        };
        Self(Meter::ALL.into_iter().map(counter).collect())
    }

    /// Tells what a request added.
    pub fn taken(&self, flows: &Flows) {
        for (meter, flow) in &flows.by_meter {
            if let Some(used) = self.0.get(meter) {
                used.add(units(flow.quantity), &[]);
            }
        }
    }
}

/// One name per unit, and never a label for it.
fn name(meter: Meter) -> (&'static str, &'static str) {
    match meter {
        Meter::Ingestion => ("tenantry_gateway_ingestion_gigabytes", "GB taken in"),
        Meter::Query => ("tenantry_gateway_query_requests", "Queries answered"),
        Meter::Timeline => ("tenantry_gateway_timeline_entries", "Timeline entries written"),
        Meter::Agents => ("tenantry_gateway_agents_runs", "Agent runs"),
        Meter::Signup => ("tenantry_gateway_signups", "Sign-ups, which are never billed"),
    }
}
