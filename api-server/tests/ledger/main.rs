//! The ledger on real databases: what it promises, each promise by a test. One suite, run on SQLite
//! (`sqlite::…`) and on PostgreSQL (`postgres::…`); a file of tests is listed in `sqlite.rs` and
//! `postgres.rs`, reaches its neighbours by `super::`, and makes its ledgers with `super::ground`.
//! `postgres::http::…` are the tests of the routes, which `tests/http` runs on SQLite.
//!
//! PostgreSQL's programs are taken from where Debian puts them; without them leave those tests out:
//! `cargo test … -- --skip postgres::`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]
#![expect(clippy::duplicate_mod, reason = "one suite, loaded once for each engine")]

mod cluster;
#[path = "../process/port.rs"]
mod port;
mod postgres;
mod receiver;
mod sqlite;

/// On what a ledger runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}
