//! What is counted of messages that are sent.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

/// The instruments. Labels are names of our own.
#[derive(Clone)]
pub struct Metrics {
    attempts: Counter<u64>,
}

impl Metrics {
    /// The instruments, made with `meter`.
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        let attempts = meter
            .u64_counter("tenantry_webhook_attempts")
            .with_description("Messages sent to webhooks, by what became of them");
        Self { attempts: attempts.build() }
    }

    /// Counts an attempt: `delivered`, `failed` (it is sent again) or `dead` (it is not).
    pub(super) fn tried(&self, outcome: &'static str) {
        self.attempts.add(1, &[KeyValue::new("outcome", outcome)]);
    }
}
