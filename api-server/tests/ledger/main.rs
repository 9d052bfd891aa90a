//! The ledger on real files: what it promises, each promise by a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

mod accounts;
mod appending;
mod closing;
mod commands;
mod disk;
mod ground;
mod heads;
mod kills;
mod opening;
mod plans;
mod process;
mod reading;
mod reference;
mod upkeep;
mod verifying;
mod waiting;
