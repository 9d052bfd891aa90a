//! The ledger on real files: what it promises, each promise by a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod accounts;
mod appending;
mod closing;
mod ground;
mod heads;
mod opening;
mod reference;
mod verifying;
