//! `api-server gateway`

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use jiff::Timestamp;
use opentelemetry::metrics::Meter;
use telemetry::Telemetry;
use telemetry::health::{self, Check, Checks};
use telemetry::shutdown::{self, Shutdown};
use tokio::sync::watch;

use super::program;
use crate::auth::caller::Clock;
use crate::auth::{Authenticator, Verifier};
use crate::gateway::Time;
use crate::gateway::backup::{self, Backups};
use crate::gateway::config::GatewayConfig;
use crate::gateway::forward::Forwarder;
use crate::gateway::heartbeat::{Heart, Told};
use crate::gateway::plane::ControlPlane;
use crate::gateway::routes::{self, Gateway};
use crate::gateway::spool::{Settings, Spool};
use crate::gateway::status::{self, Sources};
use crate::gateway::trust::{self, Neighbours, Own};
use crate::http::budget::Budgets;
use crate::http::layers;
use crate::http::server::Server;
use crate::ledger::Health;
use crate::routes::Metrics;

/// How often a disk that was full is tried for room.
const LOOK_FOR_ROOM: Duration = Duration::from_secs(5);

/// Takes usage until SIGTERM or SIGINT; then drains, stores what waits, and closes.
///
/// # Errors
/// What keeps it from starting, or a part that ended by itself.
pub async fn run(config: GatewayConfig) -> anyhow::Result<()> {
    let telemetry = Telemetry::init(telemetry::Config {
        service_name: "tenantry-gateway",
        service_version: env!("CARGO_PKG_VERSION"),
        log_filter: config.log.clone(),
        log_format: config.log_format,
        otlp_endpoint: config.otlp_endpoint.clone(),
    })?;
    program::with(telemetry, async |telemetry| serve(&config, telemetry).await).await
}

/// The parts of a gateway that work together.
struct Parts {
    own: Own,
    spool: Arc<Spool>,
    plane: Arc<ControlPlane>,
    verifier: Arc<Verifier>,
    told: watch::Sender<Told>,
    clock: Clock,
}

async fn parts(config: &GatewayConfig) -> anyhow::Result<Parts> {
    let own = Own::read(&config.token_file)?;
    let ca_file = config.control_plane_ca_file.as_deref();
    let plane = Arc::new(ControlPlane::new(&config.control_plane, ca_file, &config.token_file)?);
    let clock: Clock = Arc::new(Timestamp::now);
    let probe_every = Duration::from_secs(1);
    let settings = Settings { limit: config.spool_limit, clock: clock.clone(), probe_every };
    let named = || format!("spool in {}", config.spool.display());
    let spool = Arc::new(Spool::open(&config.spool, settings).await.with_context(named)?);
    let verifier = trust::verifier(&own, &plane, &config.spool, clock.clone());
    let account = spool.state().await.with_context(named)?.account;
    let told = watch::Sender::new(Told { account, ..Told::default() });
    Ok(Parts { own, spool, plane, verifier, told, clock })
}

async fn serve(config: &GatewayConfig, telemetry: &Telemetry) -> anyhow::Result<()> {
    let signalled = shutdown::signal()?;
    let checks = Checks::new();
    // All of them before anybody can ask.
    let (serving, known) = (checks.ready("serving"), checks.ready("keys of the cluster"));
    let (account, storage) = (checks.ready("account"), checks.live("spool"));
    let parts = parts(config).await?;
    let meter = telemetry.meter("tenantry-gateway");
    let forwarder = Forwarder::new(
        parts.spool.clone(),
        parts.plane.clone(),
        Time::system(),
        parts.told.subscribe(),
        &meter,
    );
    let backups = Arc::new(Backups::new(of_backups(config, &parts), &meter));
    let server = Server::bind(config.address).await?;
    let health = health::Server::bind(config.health_address, &checks, telemetry.registry()).await?;
    let observed = sources(config, &parts, &forwarder, &backups);
    let health = health.with(status::router(observed.clone()));
    tracing::info!(address = %server.local_addr(), health = %health.local_addr(), "serving");
    let (stop, stop_health) = (Shutdown::new(), Shutdown::new());
    let health = tokio::spawn(health.run(stop_health.clone()));
    let routes = router(config, &parts, backups.clone(), &meter);
    let heart = Heart {
        spool: parts.spool.clone(),
        plane: parts.plane.clone(),
        time: Time::system(),
        told: parts.told.clone(),
    };
    let keys = parts
        .verifier
        .issuers()
        .iter()
        .map(|issuer| issuer.keys().keep(issuer.name(), known.clone(), stop.clone()));
    let mut work = Box::pin(async {
        tokio::join!(
            server.run(routes, config.patience(), stop.clone()),
            futures::future::join_all(keys),
            heart.run(stop.clone()),
            parts.spool.keep_room(LOOK_FOR_ROOM, stop.clone()),
            forwarder.run(stop.clone()),
            backups.run(stop.clone()),
            status::observe(observed, meter.clone(), stop.clone()),
            watch_account(parts.told.subscribe(), account, stop.clone()),
            watch_spool(parts.spool.clone(), storage, stop.clone()),
        );
    });
    serving.ok();
    let result = program::until_signalled(&mut work, signalled, &serving, &stop).await;
    parts.spool.close().await;
    stop_health.cancel();
    health.await.context("the health server ended badly")?;
    result
}

fn router(config: &GatewayConfig, parts: &Parts, backups: Arc<Backups>, meter: &Meter) -> Router {
    let neighbours = Neighbours {
        namespace: parts.own.namespace.clone(),
        since: config.senders_since.map(Timestamp::as_second),
        told: parts.told.subscribe(),
        clock: corrected(parts),
        set_back: AtomicBool::new(false),
    };
    let budgets = Arc::new(Budgets::new(config.rates()));
    let (verifier, clock) = (parts.verifier.clone(), corrected(parts));
    let authenticator =
        Authenticator::new(verifier.clone(), Arc::new(neighbours), clock.clone(), budgets, meter);
    let told = parts.told.subscribe();
    let knows = Arc::new(move || {
        let told = told.borrow();
        let keys = verifier.issuers().iter().all(|issuer| issuer.keys().usable());
        keys && told.account.is_some() && told.foreign.is_none()
    });
    let (spool, metrics) = (parts.spool.clone(), Metrics::of_gateway(meter));
    let gateway = Gateway { authenticator, clock, spool, backups, knows, metrics };
    layers::around(routes::router(gateway), &config.limits(), meter)
}

/// The control plane's time, so that tokens and events are judged, and events stamped, as they would be there.
fn corrected(parts: &Parts) -> Clock {
    let (own, told) = (parts.clock.clone(), parts.told.subscribe());
    Arc::new(move || told.borrow().corrected(own()))
}

fn of_backups(config: &GatewayConfig, parts: &Parts) -> backup::Parts {
    backup::Parts {
        tenant: config.tenant.clone(),
        folder: config.spool.clone(),
        spool: parts.spool.clone(),
        plane: parts.plane.clone(),
        time: Time::system(),
        told: parts.told.subscribe(),
        interval: config.backup_interval,
    }
}

fn sources(
    config: &GatewayConfig,
    parts: &Parts,
    forwarder: &Forwarder,
    backups: &Arc<Backups>,
) -> Sources {
    Sources {
        tenant: config.tenant.clone(),
        namespace: parts.own.namespace.clone(),
        spool: parts.spool.clone(),
        backups: backups.clone(),
        forwarding: forwarder.report(),
        told: parts.told.subscribe(),
        verifier: parts.verifier.clone(),
        // As what is held was taken by.
        clock: corrected(parts),
    }
}

/// Ready means that the gateway knows for whom it takes usage.
async fn watch_account(told: watch::Receiver<Told>, check: Check, stop: Shutdown) {
    program::follow(told, stop, |Told { account, foreign, failing, .. }| {
        match (account, foreign) {
            (_, Some(why)) => check.failing(why),
            (None, None) => check.failing(failing.unwrap_or_else(|| "not known yet".to_owned())),
            (Some(_), None) => check.ok(),
        }
    })
    .await;
}

/// Storage that failed is opened anew by a restart, which the kubelet does when this is not alive. A
/// full disk is none of its business: the answer to senders says so.
async fn watch_spool(spool: Arc<Spool>, check: Check, stop: Shutdown) {
    program::follow(spool.health(), stop, |health| match health {
        Health::Ready | Health::Full(_) => check.ok(),
        Health::Away(why) | Health::Broken(why) => check.failing(why),
    })
    .await;
}
