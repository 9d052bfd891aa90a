//! Tokens: what is accepted, what is refused, and that nobody learns why.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
#![allow(clippy::too_many_lines, reason = "tables of bad input are as long as they are")]
#![allow(missing_docs, reason = "a test's name says what it shows")]

mod accepted;
mod chart;
mod fixture;
mod hostile;
mod key_sets;
mod local_tokens;
mod rules;
mod transport;
