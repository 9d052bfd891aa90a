//! The operator's own metrics. No tenant's name is ever a label; its account is one, in `tenant_ready`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry::{
    KeyValue,
    metrics::{AsyncInstrument, Counter, Gauge, Histogram, Meter},
};

use crate::{census, kinds::Kind, world::World};

/// Until a stack first runs, in seconds: from pods that start at once to volumes and images that take an hour.
const PROVISIONING: [f64; 15] = [
    1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0,
];

/// All instruments. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    writes: Counter<u64>,
    reconciles: Counter<u64>,
    duration: Histogram<f64>,
    rewritten: Counter<u64>,
    drift: Counter<u64>,
    leader: Gauge<u64>,
    provisioning: Histogram<f64>,
    meter: Meter,
    leads: Arc<AtomicBool>,
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
            provisioning: meter
                .f64_histogram("tenant_provisioning_duration")
                .with_unit("s")
                .with_boundaries(PROVISIONING.into())
                .with_description(
                    "How long after a Tenant was made its stack first ran, or it went",
                )
                .build(),
            meter: meter.clone(),
            leads: Arc::default(),
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
        self.leads.store(leads, Ordering::Relaxed);
        self.leader.record(u64::from(leads), &[]);
    }

    /// A stack ran for the first time, or its tenant went before it had.
    pub fn provisioning(&self, profile: &str, outcome: &'static str, took: f64) {
        let profile = KeyValue::new("profile", profile.to_owned());
        self.provisioning.record(took, &[profile, KeyValue::new("outcome", outcome)]);
    }

    /// Tells how many tenants there are, which of them run, and how many wait to be looked at, while
    /// this process leads: who stands by knows the same, and would count them twice.
    pub fn tell_tenants(&self, world: &World) {
        let known = world.clone();
        self.told("tenant_count", "Tenants, by profile and by how far they are", move |gauge| {
            let counts = census::counts(&known.tenants(), &known.profile_names());
            for ((profile, phase), count) in counts {
                let profile = KeyValue::new("profile", String::from(profile));
                gauge.observe(count, &[profile, KeyValue::new("phase", phase)]);
            }
        });
        let known = world.clone();
        self.told("tenant_ready", "1 while the stack of an account runs", move |gauge| {
            let tenants = known.tenants();
            for (account, ready) in census::ready(&tenants, telemetry::MOST_PER_TENANT) {
                gauge.observe(u64::from(ready), &[KeyValue::new("tenant", account.to_owned())]);
            }
        });
        let known = world.clone();
        let about = "Names that wait to be looked at, by resource";
        self.told("tenantry_operator_queue_depth", about, move |gauge| {
            for (resource, kicks) in
                [("tenants", &known.tenant_kicks), ("profiles", &known.profile_kicks)]
            {
                gauge.observe(kicks.depth() as u64, &[KeyValue::new("resource", resource)]);
            }
        });
    }

    /// A gauge that is asked while this process leads.
    fn told(
        &self,
        name: &'static str,
        about: &'static str,
        observe: impl Fn(&dyn AsyncInstrument<u64>) + Send + Sync + 'static,
    ) {
        let leads = self.leads.clone();
        let gauge = self.meter.u64_observable_gauge(name).with_description(about);
        // The provider keeps the callback; the handle is of no use.
        let _ = gauge
            .with_callback(move |gauge| {
                if leads.load(Ordering::Relaxed) {
                    observe(gauge);
                }
            })
            .build();
    }
}
