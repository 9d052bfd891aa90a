//! The API server beside a real Kubernetes API: tenants become accounts, usage becomes status. The
//! operator's part of a status is written by the tests, as its field manager.
//!
//! Each test has a control plane of its own (`scripts/ground`), since a server keeps all tenants of its
//! cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout, reason = "a run of faults says by which seed, and what came of it")]
#![allow(clippy::large_futures, reason = "few of them, and short-lived")]

mod accounts;
#[path = "../../../operator/tests/fleet/support/apifault/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the operator's tests use more of it")]
#[allow(clippy::needless_pass_by_value, reason = "as in the operator's tests")]
mod apifault;
#[path = "../../../operator/tests/fleet/support/begun.rs"]
mod begun;
#[path = "../ledger/cluster.rs"]
#[allow(dead_code, reason = "the ledger's tests use more of it")]
mod cluster;
mod door;
mod draining;
mod empty;
mod enforcement;
mod faults;
mod gate;
#[path = "../process/gateway/ground.rs"]
#[allow(dead_code, reason = "the tests of the gateway use more of it")]
mod gateway;
mod ground;
mod lab;
mod loss;
#[path = "../process/midnight.rs"]
#[allow(dead_code, reason = "tests of processes use more of it")]
mod midnight;
mod newer;
mod outage;
mod pace;
mod plans;
mod plugin;
#[path = "../process/port.rs"]
mod port;
mod postgres;
mod private;
mod profiles;
mod provisioning;
mod rate;
#[path = "../ledger/receiver.rs"]
#[allow(dead_code, reason = "the ledger's tests use more of it")]
mod receiver;
mod seen;
#[path = "../process/serving.rs"]
#[allow(dead_code, reason = "the tests of processes use more of it")]
mod serving;
mod signals;
mod silence;
mod unreadable;
mod usage;
