//! The program as a process of its own, over HTTP: how it starts and stops, what it does when it is
//! killed or flooded.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they counted"
)]
#![allow(missing_docs, reason = "a test's name says what it shows")]

mod backups;
mod checker;
#[path = "../ledger/cluster.rs"]
#[allow(dead_code, reason = "the ledger's tests use the rest")]
mod cluster;
mod comparing;
mod cronjobs;
mod cursors;
mod exporting;
mod frozen;
mod gateway;
mod kills;
mod listed;
mod load;
#[allow(dead_code, reason = "the tests beside a cluster use more of it")]
mod midnight;
#[path = "../../../telemetry/tests/receiver/mod.rs"]
mod otlp;
mod overload;
mod own;
mod port;
mod program;
mod quotas;
#[path = "../ledger/receiver.rs"]
#[allow(dead_code, reason = "the ledger's tests use the rest")]
mod receiver;
mod routines;
mod sdk;
mod series;
mod serving;
mod small;
mod store;
mod strangers;
mod told;
mod webhooks;
