//! Approved requests become tenants: what the ledger queued is delivered to where tenants live.
//!
//! The queue is a table beside the requests, written with the approval. One server of several works
//! on it at a time; since a tenant is only ever *created*, and what was created carries its
//! request's id, a delivery that happens twice, or whose answer was lost, is the same as one.

mod cluster;
mod folder;
mod manifest;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use uuid::Uuid;

pub use cluster::Cluster;
pub use folder::Folder;
pub use manifest::tenant;

use crate::ledger::{Ledger, LedgerError, lease::Lease, whole_millisecond};
use crate::store::{
    StoreError, onboarding,
    provisions::{self, Outcome, Tried},
};

/// How often to look for what is due.
const LOOK: Duration = Duration::from_secs(2);
/// How many are looked at in one round.
const AT_ONCE: u32 = 256;
/// The longest wait between two tries.
const LONGEST: i64 = 300;
/// How much is said of what is in the way, in characters.
const DETAIL: usize = 500;

/// How tenants come of approved requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Not at all: people make them.
    None,
    /// As files in a folder, which somebody commits for Argo CD or Flux.
    Manifests,
    /// In the cluster, by `create`.
    Cluster,
}

/// What came of a delivery that was possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The tenant is there, by this delivery or by an earlier one.
    Made,
    /// Another tenant has the name; by whom, for customer success.
    Taken(String),
}

/// Why a delivery did not happen. It may have happened all the same; that is found out next time.
#[derive(Debug, Error)]
pub enum Undelivered {
    /// This tenant cannot be made; others may be.
    #[error("{0}")]
    Refused(String),
    /// Nothing can be delivered now.
    #[error("{0}")]
    Away(String),
}

/// Where tenants are delivered to.
#[derive(Debug)]
pub enum Destination {
    /// A folder of manifests.
    Folder(Folder),
    /// A Kubernetes API.
    Cluster(Box<Cluster>),
}

impl Destination {
    async fn deliver(&self, tenant: &crds::Tenant) -> Result<Delivered, Undelivered> {
        match self {
            Self::Folder(folder) => {
                // A disk elsewhere may take its time.
                let (folder, tenant) = (folder.clone(), tenant.clone());
                let work = tokio::task::spawn_blocking(move || folder.deliver(&tenant));
                work.await.unwrap_or_else(|error| Err(Undelivered::Away(error.to_string())))
            }
            Self::Cluster(cluster) => cluster.deliver(tenant).await,
        }
    }
}

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Tenants made.
    pub made: u64,
    /// Tenants whose name is another's.
    pub conflicts: u64,
    /// Tenants that could not be made; they are tried again.
    pub failed: u64,
}

/// Makes tenants of approved requests.
#[derive(Debug)]
pub struct Provisioner {
    to: Destination,
}

impl Provisioner {
    /// Delivers to this place.
    #[must_use]
    pub const fn new(to: Destination) -> Self {
        Self { to }
    }

    /// Goes on for ever, while the lease is ours; faults are logged, and tried again.
    pub async fn run(&self, ledger: &Ledger, lease: &mut Lease) {
        loop {
            if lease.keep(ledger).await {
                match self.round(ledger).await {
                    Ok(done) if done == Done::default() => {}
                    Ok(Done { made, conflicts, failed }) => {
                        tracing::info!(made, conflicts, failed, "made tenants of requests");
                    }
                    Err(error) => tracing::error!(%error, "no tenants could be made; tried again"),
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Delivers what is due; ends early when nothing can be delivered now.
    ///
    /// # Errors
    /// When the ledger cannot be read or written; what was delivered is found to be there later.
    pub async fn round(&self, ledger: &Ledger) -> Result<Done, LedgerError> {
        let mut done = Done::default();
        let due = {
            let mut session = ledger.store().read().await?;
            provisions::due(&mut session, ledger.now(), AT_ONCE).await?
        };
        for (request, attempts) in due {
            let answer = match self.attempt(ledger, request).await {
                // One that this version cannot read is no reason for those behind it to wait.
                Err(LedgerError::Store(StoreError::Unreadable(what))) => {
                    Err(Undelivered::Refused(format!("the request cannot be read: {what}")))
                }
                answer => answer?,
            };
            let away = matches!(answer, Err(Undelivered::Away(_)));
            let tried = tried(answer, attempts, whole_millisecond(ledger.now()));
            match tried.outcome {
                Outcome::Made => done.made += 1,
                Outcome::Conflict => done.conflicts += 1,
                Outcome::Queued => done.failed += 1,
            }
            if let Some(detail) = &tried.detail {
                tracing::warn!(%request, detail, "a tenant could not be made; tried again");
            }
            let work = ledger.transact(None, move |session, _| {
                Box::pin(async move { provisions::tried(session, request, &tried).await })
            });
            work.await?;
            if away {
                break;
            }
        }
        Ok(done)
    }

    async fn attempt(
        &self,
        ledger: &Ledger,
        request: Uuid,
    ) -> Result<Result<Delivered, Undelivered>, LedgerError> {
        let intake = {
            let mut session = ledger.store().read().await?;
            onboarding::get(&mut session, request).await?
        };
        let gone = || StoreError::Unreadable(format!("provisions.request: no request {request}"));
        let tenant = tenant(&intake.ok_or_else(gone)?)?;
        Ok(self.to.deliver(&tenant).await)
    }
}

/// What to record of a try.
fn tried(answer: Result<Delivered, Undelivered>, attempts: i64, at: Timestamp) -> Tried {
    let again = at.checked_add(wait(attempts)).ok();
    let (outcome, detail) = match answer {
        Ok(Delivered::Made) => {
            return Tried { outcome: Outcome::Made, detail: None, at, again: None };
        }
        Ok(Delivered::Taken(by)) => (Outcome::Conflict, by),
        Err(error) => (Outcome::Queued, error.to_string()),
    };
    let detail = detail.chars().take(DETAIL).collect();
    Tried { outcome, detail: Some(detail), at, again: again.or(Some(at)) }
}

/// How long to wait after so many tries before this one: twice as long each time, up to five minutes.
fn wait(attempts: i64) -> SignedDuration {
    let doublings = u32::try_from(attempts).unwrap_or(u32::MAX).min(16);
    SignedDuration::from_secs((1_i64 << doublings).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn waits_grow_to_five_minutes() {
        let waits: Vec<i64> = (0..11).map(|attempts| wait(attempts).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(wait(i64::MAX).as_secs(), 300);
    }

    #[test]
    fn only_what_was_made_is_never_tried_again() {
        let made = tried(Ok(Delivered::Made), 3, at(100));
        assert_eq!((made.outcome, made.detail, made.again), (Outcome::Made, None, None));
        let taken = tried(Ok(Delivered::Taken("by another".to_owned())), 0, at(100));
        assert_eq!((taken.outcome, taken.again), (Outcome::Conflict, Some(at(101))));
        let away = tried(Err(Undelivered::Away("no route".to_owned())), 2, at(100));
        assert_eq!((away.outcome, away.again), (Outcome::Queued, Some(at(104))));
        assert_eq!(away.detail.as_deref(), Some("no route"));
    }

    #[test]
    fn what_is_in_the_way_is_told_in_bounds() {
        let long = Err(Undelivered::Refused("é".repeat(5_000)));
        assert_eq!(tried(long, 0, at(0)).detail.unwrap().chars().count(), DETAIL);
    }
}
