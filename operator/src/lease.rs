//! One leader at a time, by a Lease in the operator's namespace.
//!
//! The holder may write until [`WRITE_FOR`] after it last renewed; others take over only after
//! [`DURATION`] without a renewal, by their own monotonic clock. The gap is what keeps a frozen and
//! thawed leader from writing beside its successor.

use std::time::{Duration, Instant};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use telemetry::{health::Check, shutdown::Shutdown};

use crate::cluster::Fence;

/// Others wait this long without a renewal.
pub const DURATION: Duration = Duration::from_secs(15);
/// The holder writes this long after a renewal.
pub const WRITE_FOR: Duration = Duration::from_secs(10);
/// Time between two renewals or two looks.
const PERIOD: Duration = Duration::from_secs(2);
/// The Lease's name.
pub const NAME: &str = "tenantry-operator";

/// What keeps the lease.
pub struct Elector {
    api: Api<Lease>,
    identity: String,
    fence: Fence,
    check: Check,
    /// What was seen of another holder, and when.
    seen: Option<(String, Instant)>,
}

impl Elector {
    /// `identity` names this process; it must be unique. `check` fails while the lease can neither
    /// be read nor written.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: &str,
        identity: String,
        fence: Fence,
        check: Check,
    ) -> Self {
        Self { api: Api::namespaced(client, namespace), identity, fence, check, seen: None }
    }

    /// Returns once this process holds the lease, or when `stop` is cancelled (then `false`).
    pub async fn acquire(&mut self, stop: &Shutdown) -> bool {
        loop {
            match self.step().await {
                Ok(true) => return true,
                Ok(false) => {}
                Err(error) => self.failed(&error),
            }
            tokio::select! {
                () = tokio::time::sleep(PERIOD) => {}
                () = stop.cancelled() => return false,
            }
        }
    }

    /// Renews until the lease is lost or `stop` is cancelled; then the fence is closed and, if it
    /// is still ours, the lease given back. Returns whether it was given back.
    pub async fn hold(&mut self, stop: &Shutdown) -> bool {
        loop {
            tokio::select! {
                () = tokio::time::sleep(PERIOD) => {}
                () = stop.cancelled() => return self.release().await,
            }
            match self.step().await {
                Ok(true) => {}
                Ok(false) => {
                    self.fence.close();
                    tracing::error!("another process holds the lease");
                    return false;
                }
                Err(error) => self.failed(&error),
            }
            if self.fence.remaining().is_zero() {
                tracing::error!("the lease could not be renewed in time");
                return false;
            }
        }
    }

    /// One look and, where possible, one write. `true`: the lease is ours.
    async fn step(&mut self) -> anyhow::Result<bool> {
        let started = Instant::now();
        let held = tokio::time::timeout(PERIOD * 2, self.try_take()).await??;
        self.check.ok();
        if held {
            // Counted from before the request: the server's clock cannot have started earlier.
            self.fence.open_until(started + WRITE_FOR);
        }
        Ok(held)
    }

    fn failed(&self, error: &anyhow::Error) {
        tracing::warn!(%error, "cannot read or write the lease");
        self.check.failing(format!("it cannot be read or written: {error}"));
    }

    async fn try_take(&mut self) -> kube::Result<bool> {
        let now = MicroTime(Timestamp::now());
        let Some(mut lease) = self.api.get_opt(NAME).await? else {
            let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
            let spec = Some(self.spec(now, 0));
            let lease = Lease { metadata, spec };
            return written(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let transitions = spec.lease_transitions.unwrap_or(0);
        if holder == self.identity {
            let acquired = spec.acquire_time.clone();
            lease.spec = Some(LeaseSpec { acquire_time: acquired, ..self.spec(now, transitions) });
        } else if holder.is_empty() || self.expired(&lease) {
            lease.spec = Some(self.spec(now, transitions + 1));
        } else {
            return Ok(false);
        }
        written(self.api.replace(NAME, &PostParams::default(), &lease).await)
    }

    /// Whether nothing has changed on the lease for its whole duration, by our own clock.
    fn expired(&mut self, lease: &Lease) -> bool {
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let since = match &self.seen {
            Some((seen, since)) if *seen == version => *since,
            _ => {
                self.seen = Some((version, Instant::now()));
                return false;
            }
        };
        let seconds = lease.spec.as_ref().and_then(|s| s.lease_duration_seconds).unwrap_or(15);
        since.elapsed() > Duration::from_secs(u64::try_from(seconds).unwrap_or(15))
    }

    async fn release(&mut self) -> bool {
        self.fence.close();
        let Ok(Ok(Some(mut lease))) = tokio::time::timeout(PERIOD, self.api.get_opt(NAME)).await
        else {
            return false;
        };
        let ours =
            lease.spec.as_ref().and_then(|s| s.holder_identity.as_deref()) == Some(&self.identity);
        if !ours {
            return false;
        }
        if let Some(spec) = lease.spec.as_mut() {
            spec.holder_identity = None;
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        }
        let params = PostParams::default();
        let replaced = self.api.replace(NAME, &params, &lease);
        matches!(tokio::time::timeout(PERIOD, replaced).await, Ok(Ok(_)))
    }

    fn spec(&self, now: MicroTime, transitions: i32) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

fn written(result: kube::Result<Lease>) -> kube::Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
