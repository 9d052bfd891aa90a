//! Wiring: watches, leader election, and the two controllers, joined so that nothing dies alone.

use std::{future::Future, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures::{StreamExt, stream};
use kube::Client;
use telemetry::{health::Checks, shutdown::Shutdown};
use tracing::{Instrument as _, field::Empty};

use crate::{
    cluster::{ApiError, Cluster, Fence},
    contest::Contests,
    context::{Context, Pace},
    events::Events,
    heartbeat::{self, Heartbeat},
    lease::{self, Elector},
    metrics::Metrics,
    profiles,
    queue::{self, Ended},
    tenants::{self, Done},
    watch,
    world::World,
};

/// One reconciliation may take this long; then it is given up and tried again.
const DEADLINE: Duration = Duration::from_secs(30);

/// How the operator runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The operator's own namespace.
    pub namespace: String,
    /// This process's name.
    pub identity: String,
    /// How many tenants are worked on at once.
    pub concurrency: usize,
}

/// A client without hidden retries: whether and when to try again is decided here, per tenant.
///
/// # Errors
/// When neither a cluster nor a kubeconfig is found.
pub async fn client() -> anyhow::Result<Client> {
    let mut config = kube::Config::infer().await.context(
        "no Kubernetes API found: run in a cluster, or point KUBECONFIG at a kubeconfig",
    )?;
    config.default_retry = false;
    config.read_timeout = None;
    Client::try_from(config).context("the kubeconfig cannot be used")
}

/// Runs until `stop` is cancelled.
///
/// # Errors
/// When the lease is lost or a part ends by itself; the process should exit then.
pub async fn run(
    client: Client,
    settings: Settings,
    checks: Checks,
    metrics: Metrics,
    stop: Shutdown,
) -> anyhow::Result<()> {
    let world = World::default();
    let fence = Fence::default();
    let watches = watch::all(&client, &settings.namespace, &world, &checks);
    let cluster = Cluster::new(client.clone(), fence.clone(), world.clone(), metrics.clone());
    let ctx = Arc::new(Context {
        world,
        cluster,
        events: Events::new(client.clone(), &settings.identity),
        metrics: metrics.clone(),
        namespace: settings.namespace.clone(),
        heartbeat: Heartbeat::default(),
        pace: Pace::default(),
        contests: Contests::default(),
    });
    let lease = checks.ready(format!("lease {}", lease::NAME));
    // It is asked for once the watches are in sync.
    lease.ok();
    let identity = settings.identity.clone();
    let elector = Elector::new(client.clone(), &settings.namespace, identity, fence, lease);
    let mut watching =
        tokio::spawn(stream::select_all(watches).for_each(|()| std::future::ready(())));
    let synced = synced(checks);
    tokio::select! {
        _ = &mut watching => anyhow::bail!("the watches ended"),
        result = lead(elector, client, ctx, settings.concurrency, synced, stop) => result,
    }
}

/// Completes when every watch has seen its first list.
async fn synced(checks: Checks) {
    while !checks.not_ready().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn lead(
    mut elector: Elector,
    client: Client,
    ctx: Arc<Context>,
    concurrency: usize,
    synced: impl Future<Output = ()>,
    stop: Shutdown,
) -> anyhow::Result<()> {
    let metrics = ctx.metrics.clone();
    metrics.leader(false);
    metrics.tell_tenants(&ctx.world);
    synced.await;
    tracing::info!("every watch is in sync");
    if !elector.acquire(&stop).await {
        return Ok(());
    }
    metrics.leader(true);
    tracing::info!("holding the lease");
    let quiet = Shutdown::new();
    let work = control(client, ctx, concurrency, quiet.clone());
    tokio::pin!(work);
    let result = tokio::select! {
        given_back = elector.hold(&stop) => {
            if stop.is_cancelled() || given_back { Ok(()) } else { Err(anyhow::anyhow!("the lease is lost")) }
        }
        () = &mut work => Err(anyhow::anyhow!("a controller ended")),
    };
    quiet.cancel();
    metrics.leader(false);
    result
}

/// Both controllers, until `stop` is cancelled.
async fn control(client: Client, ctx: Arc<Context>, concurrency: usize, stop: Shutdown) {
    // Who may move to a newer revision is known only here; a tenant that was on its way when the
    // last leader ended would else be turned back first.
    let first = ctx.world.profile_names().into_iter();
    stream::iter(first.map(|name| timed(ctx.clone(), "profiles", name)))
        .buffer_unordered(4)
        .for_each(|_| std::future::ready(()))
        .await;
    for name in ctx.world.orphans() {
        ctx.world.tenant_kicks.kick(&name);
    }
    let of_tenants = queue::run(ctx.world.tenant_kicks.clone(), concurrency, {
        let ctx = ctx.clone();
        move |name| timed(ctx.clone(), "tenants", name)
    });
    let of_profiles = queue::run(ctx.world.profile_kicks.clone(), 4, {
        let ctx = ctx.clone();
        move |name| timed(ctx.clone(), "profiles", name)
    });
    let heard = heartbeat::listen(client, &ctx.namespace, &ctx.heartbeat, &ctx.world);
    tokio::select! {
        () = heard => {}
        () = of_tenants => {}
        () = of_profiles => {}
        () = stop.cancelled() => {}
    }
}

/// One reconciliation with its deadline, its measurement and its backoff.
async fn timed(ctx: Arc<Context>, resource: &'static str, name: Box<str>) -> Ended {
    let started = std::time::Instant::now();
    let span = tracing::info_span!("reconcile", resource, name = %name, result = Empty);
    let work = async {
        match resource {
            "tenants" => tenants::reconcile(&ctx, &name).await,
            _ => profiles::reconcile(&ctx, &name).await.map(Done::from),
        }
    };
    let work = work.instrument(span.clone());
    let result = match tokio::time::timeout(DEADLINE, work).await {
        Ok(result) => result,
        Err(_) => Err(ApiError::Transient(format!("not done within {} s", DEADLINE.as_secs()))),
    };
    let key = format!("{resource}/{name}");
    let held_up = matches!(result, Err(ApiError::Transient(_)));
    let (class, next) = match result {
        Ok(Done { next, result }) => {
            ctx.pace.succeeded(&key);
            (result, next)
        }
        Err(error) => {
            let delay = ctx.pace.failed(&key);
            if !matches!(error, ApiError::Changed(_) | ApiError::Gone) {
                span.in_scope(|| tracing::warn!(%error, ?delay, "trying again"));
            }
            (error.class(), Some(delay))
        }
    };
    span.record("result", class);
    ctx.metrics.reconciled(resource, class, started.elapsed());
    Ended { next, held_up }
}
