//! A real gateway before a real control plane: two processes that speak HTTP, with tokens as the
//! kubelet projects them.

mod backing;
mod bucket;
mod clocks;
mod draining;
pub mod ground;
mod outage;
mod removing;
mod serving;
mod stopping;
mod trust;
