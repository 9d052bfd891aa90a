//! What is told of closed periods: what they came to, and how well that was foreseen. The ledger is the
//! record; these are for looking.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

use super::usage::Taking;
use crate::domain::Ppm;
use crate::ledger::upkeep::Done;

/// No share is known.
const UNKNOWN: i64 = -1;

/// The instruments.
#[derive(Clone)]
pub struct Billing {
    charges: Counter<u64>,
    /// In millionths.
    coverage: Arc<AtomicI64>,
    taking: Taking,
}

impl Billing {
    /// The instruments, made with `meter`. Tenants have series of their own as those of `taking` do.
    #[must_use]
    pub fn new(meter: &Meter, taking: Taking) -> Self {
        let coverage = Arc::new(AtomicI64::new(UNKNOWN));
        let seen = coverage.clone();
        // The meter keeps it.
        let _kept = meter
            .f64_observable_gauge("billing_projection_interval_coverage")
            .with_description(
                "Share of the days of closed periods whose 80 % interval held the bill; 0.8 is right",
            )
            .with_callback(move |gauge| {
                let share = seen.load(Ordering::Relaxed);
                if share != UNKNOWN {
                    // The text of a decimal is a number; there is no other way that computes nothing.
                    gauge.observe(Ppm(share).to_string().parse().unwrap_or_default(), &[]);
                }
            })
            .build();
        let charges = meter
            .u64_counter("billing_charges_minor_units")
            .with_description("Bills of periods that were closed and settled, in minor units")
            .build();
        Self { charges, coverage, taking }
    }

    /// Tells what a round of upkeep settled.
    pub fn kept(&self, done: &Done) {
        for settled in &done.settled {
            let Some(total) = settled.total else { continue };
            let labels = [
                KeyValue::new("tenant", self.taking.label(&settled.account)),
                KeyValue::new("currency", total.currency().code().to_owned()),
            ];
            self.charges.add(u64::try_from(total.minor()).unwrap_or_default(), &labels);
        }
        let (foreseen, within) = done.foresight;
        let share = Ppm::of(within.into(), foreseen.into()).map_or(UNKNOWN, |share| share.0);
        self.coverage.store(share, Ordering::Relaxed);
    }
}
