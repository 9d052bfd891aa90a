//! The API server beside a real Kubernetes API: tenants become accounts, usage becomes status. The
//! operator's part of a status is written by the tests, as its field manager.
//!
//! Each test has a control plane of its own (`scripts/ground`), since a server keeps all tenants of its
//! cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod accounts;
mod draining;
mod enforcement;
mod gate;
#[path = "../process/gateway/ground.rs"]
#[allow(dead_code, reason = "the tests of the gateway use more of it")]
mod gateway;
mod ground;
mod lab;
mod outage;
mod plans;
mod provisioning;
mod seen;
#[path = "../process/serving.rs"]
#[allow(dead_code, reason = "the tests of processes use more of it")]
mod serving;
mod usage;
