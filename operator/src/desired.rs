//! What a tenant's stack should be: a pure function from a validated [`Stack`] to its objects.
//!
//! One file per component; [`meta`] is the only place where labels, owner references and names are
//! made. No client, clock, randomness or environment in here.

pub mod backup;
pub(crate) mod cidr;
pub mod collector;
pub mod config;
pub mod gateway;
pub mod grafana;
pub mod guard_rails;
pub mod meta;
pub mod metrics;
pub mod network;
pub mod pod;
mod schedule;
pub mod service;
pub mod volume;
pub mod workload;

use crds::{
    deployment_profile::{
        Backups, Billing, Images, Network, Overlay, Quota, Scheduling, Service, Telemetry,
    },
    names::TenantName,
    tenant::Contact,
};

use jiff::Timestamp;

use crate::object::Object;

/// The version of this rendering. It is raised whenever the same profile renders differently, so
/// that a new operator rolls out like a profile edit does; the golden manifests show when.
pub const RENDERER: i64 = 7;

/// A tenant and its profile, checked and merged: overlays and overrides are already in `services`.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// The tenant.
    pub tenant: TenantName,
    /// The uid of its Tenant resource.
    pub uid: Box<str>,
    /// When the tenant began, if its API server has said so: no sender's token is older.
    pub since: Option<Timestamp>,
    /// The account in the ledger that its usage is kept under.
    pub account: Box<str>,
    /// The customer's name as people write it.
    pub display_name: String,
    /// Whom to reach.
    pub contact: Option<Contact>,
    /// `dev` or `prod`, for people.
    pub tier: &'static str,
    /// The profile's name, for people.
    pub profile: Box<str>,
    /// Whether services and telemetry are scaled to nothing.
    pub suspended: bool,
    /// The services, with overlays and overrides merged in.
    pub services: Vec<ResolvedService>,
    /// How images are pulled.
    pub images: Images,
    /// Collector, metrics store, Grafana.
    pub telemetry: Telemetry,
    /// Gateway and its storage.
    pub billing: Billing,
    /// Backups.
    pub backups: Option<Backups>,
    /// The namespace's quota.
    pub quota: Quota,
    /// What may reach the stack and what it may reach.
    pub network: Network,
    /// Where components run.
    pub scheduling: Vec<Scheduling>,
}

/// A service with its overlays and overrides merged in, and where its pods run.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedService {
    /// The merged service.
    pub service: Service,
    /// What overlays add to its pods (their resources and environment are merged already).
    pub placement: Overlay,
}

impl std::ops::Deref for ResolvedService {
    type Target = Service;
    fn deref(&self) -> &Service {
        &self.service
    }
}

impl Stack {
    /// Whether the collector is made.
    #[must_use]
    pub fn has_collector(&self) -> bool {
        self.telemetry.collector.as_ref().is_some_and(|c| c.enabled)
    }

    /// Whether the metrics store is made.
    #[must_use]
    pub fn has_metrics(&self) -> bool {
        self.telemetry.metrics.as_ref().is_some_and(|m| m.enabled)
    }

    /// Whether Grafana is made.
    #[must_use]
    pub fn has_grafana(&self) -> bool {
        self.telemetry.grafana.as_ref().is_some_and(|g| g.enabled)
    }

    /// Whether backups are made.
    #[must_use]
    pub fn has_backups(&self) -> bool {
        self.backups.as_ref().is_some_and(|b| b.enabled)
    }
}

/// Every object of the stack, in the order of applying.
#[must_use]
pub fn objects(stack: &Stack) -> Vec<Object> {
    let mut all = Vec::with_capacity(32);
    guard_rails::build(stack, &mut all);
    network::build(stack, &mut all);
    for service in &stack.services {
        service::build(stack, service, &mut all);
    }
    gateway::build(stack, &mut all);
    collector::build(stack, &mut all);
    metrics::build(stack, &mut all);
    grafana::build(stack, &mut all);
    backup::build(stack, &mut all);
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all
}
