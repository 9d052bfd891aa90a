//! The Tenantry operator: makes every tenant's stack match its deployment profile.
//!
//! ```text
//! watch ─▶ observe (I/O) ─▶ validate (pure) ─▶ desired (pure) ─▶ plan (pure) ─▶ apply (I/O) ─▶ status (pure, one patch if changed)
//!                               └── problems ─────────────────────────────────▶ status
//! ```
//!
//! Pure: [`decide`] and what it calls ([`validate`], [`desired`], [`plan`]), [`account`], [`suspension`], [`health`], [`status`],
//! [`rollout`], [`revision`], [`drift`], [`figures`], [`fingerprint`], [`reduce`]. They take no client, clock,
//! randomness or environment.
//!
//! Beside it: [`kubectl`], the plugin, which sees with the operator's eyes.
//!
//! I/O: [`watch`] feeds [`world`]; [`tenants`] and [`profiles`] are the drivers; [`cluster`] is the
//! only way to write.

pub mod account;
pub mod census;
pub mod cluster;
pub mod config;
pub mod contest;
pub mod context;
pub mod decide;
pub mod desired;
pub mod drift;
pub mod events;
pub mod figures;
pub mod fingerprint;
#[cfg(test)]
mod fixtures;
pub mod health;
pub mod heartbeat;
pub mod kicks;
pub mod kinds;
pub mod kubectl;
pub mod lease;
pub mod metrics;
pub mod object;
pub mod observed;
pub mod plan;
pub mod profiles;
pub mod program;
pub mod queue;
pub mod rbac;
pub mod reduce;
pub mod revision;
pub mod rollout;
pub mod run;
pub mod status;
pub mod suspension;
pub mod tenants;
pub mod validate;
pub mod watch;
pub mod world;
