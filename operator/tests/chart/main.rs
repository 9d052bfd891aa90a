//! The chart as Helm sees it: what values it takes and refuses, what it renders, and its life on a
//! real Kubernetes with simulated nodes, where the operator runs as a process under exactly the
//! account and rights that the chart made.
//!
//! ```text
//! cargo test --workspace --test chart        # scripts/helm gets the pinned Helm first
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod alerts;
mod collector;
mod dns;
mod flux;
mod gitops;
mod grafana;
mod helm;
mod installing;
mod installing_stops;
mod life;
mod lint;
mod monitoring;
mod moving;
mod platform;
mod rendering;
mod routines;
mod values;

#[path = "../../../telemetry/tests/receiver/mod.rs"]
mod receiver;
#[path = "../fleet/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the fleet tests' own words; few are needed here")]
#[allow(clippy::needless_pass_by_value, reason = "as in the fleet tests")]
mod support;
