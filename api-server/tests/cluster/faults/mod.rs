//! Operator, API server, gateways and the cluster itself end, freeze or are cut off while tenants
//! send; what was acknowledged is in the ledger once, and in status to the millionth.
//! `scripts/bench.sh loop` runs it.

pub mod checker;
pub mod parts;
pub mod plan;
pub mod plane;
pub mod run;
pub mod senders;
