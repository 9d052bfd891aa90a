//! The API server beside a Kubernetes cluster: tenants become accounts, and what accounts come to
//! becomes tenants' status.
//!
//! ```text
//! watch ─▶ account (pure) ─▶ ledger ─▶ figures (I/O) ─▶ status (pure) ─▶ one apply, if it is time
//! ```
//!
//! The cluster is told what the ledger holds, never asked: without it the server takes usage and
//! answers as ever. One server of several does this at a time, by a lease of the ledger; a Lease in
//! the cluster says that figures there are vouched for. All of it may be done twice. A server that was
//! frozen writes nothing over its successor: it asks the lease before each write, a write of its
//! that was on its way names the version of the tenant that it was decided by, and what it changes in the
//! ledger carries the lease's token.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use kube::Client;
use tokio::time::Instant;

use crate::ledger::{
    Ledger,
    lease::{self, Fence, Lease, Token},
};

pub mod account;
pub mod client;
pub mod conditions;
mod due;
pub mod enforcement;
mod events;
mod figures;
mod heartbeat;
pub mod metrics;
pub mod pace;
pub mod profiles;
mod read;
pub mod record;
mod send;
pub mod stack;
pub mod status;
mod turn;
mod watch;
pub mod words;
mod work;
pub mod world;

use metrics::Metrics;
use world::World;

/// How it goes on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Figures are written to a tenant's status at most this often; what changes a level, a plan or
    /// a condition is written at once.
    pub every: SignedDuration,
    /// The share of all tenants, in percent, whose services may be stopped for quota within an hour.
    pub suspend_share: u8,
    /// Who signs the tokens of its workloads, where that is known.
    pub issuer: Option<String>,
    /// The namespace of the Lease.
    pub namespace: String,
    /// This process, as Lease and events name it.
    pub identity: String,
}

/// Everything that a turn needs.
pub(crate) struct Context {
    pub ledger: Ledger,
    pub client: Client,
    pub world: World,
    pub settings: Settings,
    pub metrics: Metrics,
    pub kept: turn::Memory,
    pub fence: Fence,
    pub token: Token,
}

impl Context {
    /// Whether the lease is ours for as long as a write may take.
    pub fn may_write(&self) -> bool {
        self.fence.is_open(send::ANSWER)
    }
}

/// How often the ledger's lease is asked for while another server has it.
const ASK: Duration = Duration::from_secs(5);

/// Goes on for ever, while the ledger's lease is ours. Faults are logged and tried again.
pub async fn run(
    ledger: &Ledger,
    lease: &mut Lease,
    client: Client,
    settings: Settings,
    metrics: Metrics,
) {
    loop {
        if hold(ledger, lease).await {
            tracing::info!("keeping the cluster's tenants");
            let (fence, token) = (lease.fence(), lease.token());
            tokio::select! {
                () = own(ledger, &client, &settings, &metrics, (fence, token)) => {}
                () = keep(ledger, lease) => tracing::warn!("another server keeps the cluster's tenants"),
            }
            metrics.forget_heartbeat();
        }
        tokio::time::sleep(ASK).await;
    }
}

async fn hold(ledger: &Ledger, lease: &mut Lease) -> bool {
    lease.hold(ledger).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the lease of the cluster's tenants could not be asked for");
        false
    })
}

/// Returns once the lease is lost.
async fn keep(ledger: &Ledger, lease: &mut Lease) {
    let mut asked = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // Before it is asked for: who was frozen beyond its end begins anew, with what is seen then.
        if !lease.is_held() {
            return;
        }
        if asked.elapsed() >= lease::RENEW {
            asked = Instant::now();
            hold(ledger, lease).await;
        }
        if !lease.is_held() {
            return;
        }
    }
}

/// All that is done under the lease.
async fn own(
    ledger: &Ledger,
    client: &Client,
    settings: &Settings,
    metrics: &Metrics,
    (fence, token): (Fence, Token),
) {
    let world = World::default();
    let context = Arc::new(Context {
        ledger: ledger.clone(),
        client: client.clone(),
        world: world.clone(),
        settings: settings.clone(),
        metrics: metrics.clone(),
        kept: turn::Memory::new(settings.every),
        fence,
        token,
    });
    tokio::select! {
        () = watch::tenants(client, &world) => tracing::error!("the watch of tenants ended"),
        () = watch::profiles(client, &world) => tracing::error!("the watch of profiles ended"),
        () = heartbeat::run(&context) => {}
        () = work::run(&context) => {}
    }
}
