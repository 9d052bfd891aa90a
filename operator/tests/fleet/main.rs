//! The operator on a real Kubernetes with simulated nodes: the binary as it is shipped, with the
//! rights that it ships, against a control plane that the tests start themselves.
//!
//! Not part of a plain `cargo test`, because it takes minutes. Threads are places to wait in:
//! `support/lab.rs` says how many tests run at once.
//!
//! ```text
//! cargo test --workspace --test fleet -- --test-threads 16
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::needless_pass_by_value, reason = "tests hand over what they build")]

mod account;
mod bookkeeping;
mod census;
mod conditions;
mod crash;
mod crossing;
mod deletion;
mod documents;
mod drain;
mod drift;
mod enforcement;
mod eviction;
mod export;
mod faults;
mod figures;
mod guard;
mod in_turn;
mod input;
mod kstatus;
mod kubectl;
mod leader;
mod newer;
mod reading;
#[path = "../../../telemetry/tests/receiver/mod.rs"]
mod receiver;
mod renderer;
mod rest;
mod revisions;
mod rights;
mod stack;
mod support;
mod suspend;
mod tiers;
mod tokens;
mod truth;
mod watches;
