//! The server as its clients meet it: bodies, limits, errors, routes, on SQLite. `postgres.rs` has what
//! asks the ledger on PostgreSQL, too, as a part of `tests/ledger`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they left out"
)]
#![allow(clippy::too_many_lines, reason = "tables of bad input are as long as they are")]
#![allow(missing_docs, reason = "a test's name says what it shows")]

mod account_plans;
mod alerts;
mod api;
mod audits;
mod backups;
mod binary;
mod bodies;
mod brief;
mod cluster;
mod commercial;
mod corrections;
mod described;
mod desk;
mod document;
mod echo;
mod erasures;
mod events;
mod explain;
mod exports;
mod facts;
mod gateways;
mod home;
mod isolation;
mod layers;
mod limits;
mod listing;
mod matrix;
mod onboarding;
mod pages;
mod plans;
mod profiles;
mod proxies;
mod recommendation;
mod reference;
#[path = "../process/small.rs"]
mod small;
mod timeline;
mod usage;
mod webhooks;
mod wire;
mod workloads;
