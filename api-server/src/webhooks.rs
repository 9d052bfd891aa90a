//! What happened is told to others over HTTP, as Standard Webhooks has it.
//!
//! Messages are queued in the transaction in which happens what they tell ([`crate::store::webhooks`]);
//! one server of several sends them, each endpoint's one after the other and beside the other
//! endpoints', until the receiver has them. Sent may be sent twice, under the same id; never not at all.

mod metrics;
mod postman;
mod send;
pub mod target;

pub use metrics::Metrics;
pub use postman::Postman;
pub use send::{Answer, Lookup, Sender};
