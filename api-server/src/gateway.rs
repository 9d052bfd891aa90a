//! `api-server gateway`: usage of one tenant, taken in its own namespace and kept there until the
//! ledger has it.
//!
//! - [`spool`] holds events durably, in the order in which they came.
//! - [`routes`] takes them: the same `POST /usage/events`, from the namespace's own workloads.
//! - [`forward`] hands them to the control plane, and lets go of what that has acknowledged.
//! - [`heartbeat`] tells the control plane how things stand, and hears whether to drain.
//! - [`backup`] sends a copy of the spool to the control plane, when it is asked to.
//! - [`status`] shows it.

pub mod answer;
pub mod backup;
pub mod config;
pub mod forward;
pub mod heartbeat;
pub mod pace;
pub mod plane;
pub mod routes;
pub mod spool;
pub mod status;
pub mod trust;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::auth::caller::Clock;

/// Tells the time and waits; tests do both without waiting.
#[derive(Clone)]
pub struct Time {
    /// What time it is.
    pub clock: Clock,
    /// Ends after this long.
    pub sleep: Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Time {
    /// The system's.
    #[must_use]
    pub fn system() -> Self {
        Self {
            clock: Arc::new(jiff::Timestamp::now),
            sleep: Arc::new(|how_long| Box::pin(tokio::time::sleep(how_long))),
        }
    }
}
