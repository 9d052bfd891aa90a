//! Whether the API server lives, by its Lease in the release's namespace.
//!
//! Judged by our own clock: it is silent when its Lease has not changed for the duration that the
//! Lease states, since we looked first or saw it change last. So neither a clock that is off here or
//! there, nor our own start, nor an outage of Kubernetes makes old news of what is fresh.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    jiff::Timestamp,
};
use kube::{Api, Client};

use crate::{figures::Silence, world::World};

/// Time between two looks.
const PERIOD: Duration = Duration::from_secs(5);
/// How long a Lease that states no duration, or that is not there, may stay so.
const DURATION: Duration = Duration::from_secs(30);
/// A longer time without a look than this says nothing of the API server.
const GAP: Duration = Duration::from_secs(20);

/// What was seen of the Lease. Times are by a clock that only goes forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ear {
    /// The last look.
    looked: Option<Duration>,
    /// When it was renewed as of the last look; `None`: it was not there.
    renewed: Option<Timestamp>,
    /// Since when that is so.
    since: Duration,
    /// How long it may stay so.
    lasts: Option<Duration>,
}

impl Ear {
    /// Takes in what one look showed at `now`, and says whether the API server is silent.
    pub fn hear(&mut self, lease: Option<&LeaseSpec>, now: Duration) -> Option<Silence> {
        let renewed = lease.and_then(|l| l.renew_time.as_ref()).map(|time| time.0);
        let rested = self.looked.is_none_or(|looked| now.saturating_sub(looked) > GAP);
        if rested || renewed != self.renewed {
            self.since = now;
        }
        let stated = lease.and_then(|l| l.lease_duration_seconds);
        let stated = stated.and_then(|seconds| u64::try_from(seconds).ok());
        self.lasts = stated.map(Duration::from_secs).or(self.lasts);
        (self.renewed, self.looked) = (renewed, Some(now));
        let lasts = self.lasts.unwrap_or(DURATION);
        (now.saturating_sub(self.since) > lasts).then_some(Silence { since: renewed })
    }
}

/// What was heard last, for all who write statuses.
#[derive(Debug, Default)]
pub struct Heartbeat(Mutex<Option<Silence>>);

impl Heartbeat {
    /// Whether the API server is silent, as far as is known.
    pub fn silence(&self) -> Option<Silence> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, silence: Option<Silence>) -> Option<Silence> {
        std::mem::replace(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), silence)
    }
}

/// Looks again and again; wakes the tenants that the API server spoke of when it falls silent. Never
/// ends.
pub async fn listen(client: Client, namespace: &str, heartbeat: &Heartbeat, world: &World) {
    let api: Api<Lease> = Api::namespaced(client, namespace);
    let (start, mut ear) = (Instant::now(), Ear::default());
    loop {
        match tokio::time::timeout(PERIOD, api.get_opt(crds::API_SERVER)).await {
            Ok(Ok(lease)) => {
                let spec = lease.as_ref().and_then(|lease| lease.spec.as_ref());
                tell(heartbeat, world, ear.hear(spec, start.elapsed()));
            }
            Ok(Err(error)) => tracing::warn!(%error, "cannot read the API server's lease"),
            Err(_) => tracing::warn!("the API server's lease is not read in time"),
        }
        tokio::time::sleep(PERIOD).await;
    }
}

fn tell(heartbeat: &Heartbeat, world: &World, silence: Option<Silence>) {
    if let (None, Some(Silence { since })) = (heartbeat.set(silence), silence) {
        let names = world.tenants_with_figures();
        if !names.is_empty() {
            tracing::warn!(?since, tenants = names.len(), "the API server is silent");
        }
        names.iter().for_each(|name| world.tenant_kicks.kick(name));
    }
}

#[cfg(test)]
mod tests;
