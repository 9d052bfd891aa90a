//! What a gateway tells of usage as it takes it: a series for each meter, and none for the tenant, whose gateway it
//! is. The ledger is the record; these are for looking.

use std::collections::BTreeMap;

use opentelemetry::metrics::{Counter, Meter as Instruments};

use super::meters::Names;
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
            let Names { gateway: name, about, .. } = Names::of(one);
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
