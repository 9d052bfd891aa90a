//! What is told of usage as it is taken: series per meter and tenant, and a billing event in log and
//! trace for every flow. The ledger is the record; these are for looking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Meter as Instruments};

use super::meters::Names;
use crate::domain::Quantity;
use crate::domain::account::AccountId;
use crate::domain::event::UsageEvent;
use crate::domain::meter::Meter;
use crate::ledger::Outcome;

/// Tenants with a series of their own; later ones share the series `other`.
pub const MOST_TENANTS: usize = 1000;
const OTHER: &str = "other";

/// What of one meter a request added to the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// New events.
    pub events: u64,
    /// What they count together; as much of it as fits.
    pub quantity: Quantity,
}

/// The flows of a request, and the time of its newest new event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flows {
    /// By meter.
    pub by_meter: BTreeMap<Meter, Flow>,
    /// When the newest of them happened.
    pub newest: Option<Timestamp>,
}

impl Flows {
    /// Adds an event, if it is new in the ledger.
    pub fn note(&mut self, (meter, quantity, time): (Meter, Quantity, Timestamp), told: &Outcome) {
        if !matches!(told, Outcome::Accepted { .. }) {
            return;
        }
        let flow = self.by_meter.entry(meter).or_default();
        flow.events += 1;
        flow.quantity = flow.quantity.checked_add(quantity).unwrap_or(flow.quantity);
        self.newest = self.newest.max(Some(time));
    }
}

/// What a flow needs to know of an event.
#[must_use]
pub fn of(event: &UsageEvent) -> (Meter, Quantity, Timestamp) {
    (event.meter, event.quantity, event.time)
}

/// The instruments.
#[derive(Clone)]
pub struct Taking {
    used: BTreeMap<Meter, Counter<f64>>,
    rejected: Counter<u64>,
    lag: Gauge<f64>,
    tenants: Arc<Mutex<BTreeSet<AccountId>>>,
}

impl Taking {
    /// The instruments, made with `meter`.
    #[must_use]
    pub fn new(meter: &Instruments) -> Self {
        let counter = |one: Meter| {
            let Names { ledger: name, about, .. } = Names::of(one);
            (one, meter.f64_counter(name).with_description(about).build())
        };
        Self {
            used: Meter::ALL.into_iter().map(counter).collect(),
            rejected: meter
                .u64_counter("billing_events_rejected")
                .with_description(
                    "Usage events that were not taken, by the code of the first fault",
                )
                .build(),
            lag: meter
                .f64_gauge("billing_ingest_lag")
                .with_unit("s")
                .with_description("Age of the newest event when the last request with one arrived")
                .build(),
            tenants: Arc::default(),
        }
    }

    /// Tells what a request of `account` added.
    pub fn taken(&self, account: &AccountId, flows: &Flows, arrived: Timestamp) {
        let Some(newest) = flows.newest else { return };
        // A sender's clock may be ahead.
        self.lag.record(arrived.duration_since(newest).as_secs_f64().max(0.0), &[]);
        let tenant = KeyValue::new("tenant", self.label(account));
        for (meter, flow) in &flows.by_meter {
            if let Some(used) = self.used.get(meter) {
                used.add(units(flow.quantity), std::slice::from_ref(&tenant));
            }
            tracing::info!(
                target: "billing", flow = meter.name(), %account, events = flow.events,
                quantity = %flow.quantity, unit = meter.unit(), "usage taken",
            );
        }
    }

    /// Counts an event that was not taken. `code` is one of ours.
    pub fn rejected(&self, code: &str) {
        self.rejected.add(1, &[KeyValue::new("reason", code.to_owned())]);
    }

    /// The tenant's own series, or the one that those beyond the first share.
    pub(super) fn label(&self, account: &AccountId) -> String {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let own = tenants.contains(account)
            || (tenants.len() < MOST_TENANTS && tenants.insert(account.clone()));
        if own { account.to_string() } else { OTHER.to_owned() }
    }
}

/// A quantity as metrics have it. The text of a decimal is a number; there is no other way that computes nothing.
pub(super) fn units(quantity: Quantity) -> f64 {
    quantity.to_string().parse().unwrap_or_default()
}
