//! `api-server serve`

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use futures::future::join_all;
use jiff::Timestamp;
use kube::Client;
use opentelemetry::metrics::Meter;
use telemetry::Telemetry;
use telemetry::health::{self, Check, Checks};
use telemetry::shutdown::{self, Shutdown};

use super::program;
use crate::auth::bindings::Recorded;
use crate::auth::{Authenticator, Verifier};
use crate::cluster;
use crate::config::ServeConfig;
use crate::http::budget::Budgets;
use crate::http::cursor::Cursors;
use crate::http::layers;
use crate::http::server::Server;
use crate::ledger::{
    Health, Ledger, Settings,
    figures::{Figures, Rhythm},
    lease::{self, Lease},
    reconcile::{self, Reconciler},
    rejects::{self, Rejects},
    upkeep::{self, Upkeep},
};
use crate::provision::Provisioner;
use crate::routes::{App, Metrics, Routes};
use crate::webhooks::{self, Postman};

/// Serves until SIGTERM or SIGINT; then drains, stores what waits, and closes.
///
/// # Errors
/// What keeps it from starting, or a part that ended by itself.
pub async fn run(config: ServeConfig) -> anyhow::Result<()> {
    let telemetry = Telemetry::init(telemetry::Config {
        service_name: "tenantry-api-server",
        service_version: env!("CARGO_PKG_VERSION"),
        log_filter: config.log.clone(),
        log_format: config.log_format,
        otlp_endpoint: config.otlp_endpoint.clone(),
    })?;
    program::with(telemetry, async |telemetry| serve(&config, telemetry).await).await
}

async fn serve(config: &ServeConfig, telemetry: &Telemetry) -> anyhow::Result<()> {
    let signalled = shutdown::signal()?;
    let checks = Checks::new();
    let serving = checks.ready("serving");
    let verifier = Arc::new(Verifier::new(config.trusted().await?));
    let catalogue = config.catalogue()?;
    let told = Arc::new(config.told(&catalogue));
    let vault = config.vault()?;
    let client = if config.cluster { Some(cluster::client::client().await?) } else { None };
    let provisioner = config.provisioner(client.as_ref())?;
    let sender = config.webhook_sender()?;
    let ledger = open(config).await?;
    // Published terms never change: a file that says otherwise keeps the server from starting.
    let catalogue = ledger.import_plans(catalogue).await.context("plans")?;
    let meter = telemetry.meter("tenantry-api-server");
    let rejects = Rejects::default();
    let app = App {
        authenticator: authenticator(config, verifier.clone(), &ledger, &meter),
        clock: Arc::new(Timestamp::now),
        catalogue: Arc::new(catalogue),
        told,
        ledger: ledger.clone(),
        rejects: rejects.clone(),
        vault,
        provides: provisioner.is_some(),
        webhooks: config.webhook_allow_cidr.clone().into(),
        cursors: Cursors::new(cursor_key()?),
        metrics: Metrics::new(&meter),
    };
    app.metrics.watch(&meter, rejects.clone());
    let metrics = app.metrics.clone();
    let watched = cluster::metrics::Metrics::new(&meter);
    let postman = Postman::new(sender, webhooks::Metrics::new(&meter));
    let compared = reconcile::Metrics::new(&meter);
    let routes = router(app, config, &meter);

    let server = Server::bind(config.address).await?;
    let health = health::Server::bind(config.health_address, &checks, telemetry.registry()).await?;
    tracing::info!(address = %server.local_addr(), health = %health.local_addr(), "serving");
    let (stop, stop_health) = (Shutdown::new(), Shutdown::new());
    let keys = join_all(verifier.issuers().iter().map(|issuer| {
        let check = checks.ready(format!("keys of {}", issuer.name()));
        issuer.keys().keep(issuer.name(), check, stop.clone())
    }));
    let watch = watch(ledger.clone(), checks.ready("ledger"), stop.clone());
    // Health answers until all else has ended.
    let health = tokio::spawn(health.run(stop_health.clone()));
    let mut work = Box::pin(async {
        let served = server.run(routes, config.patience(), stop.clone());
        let kept = keep(ledger.clone(), rejects.clone(), metrics, stop.clone());
        let summed = sum_up(ledger.clone(), config.rhythm(), stop.clone());
        let reconciled = reconcile(ledger.clone(), compared, stop.clone());
        let provided = provide(ledger.clone(), provisioner, stop.clone());
        let sent = send(ledger.clone(), postman, stop.clone());
        let told = tell(ledger.clone(), client, config.cluster_settings(), watched, stop.clone());
        tokio::join!(served, keys, watch, kept, summed, reconciled, provided, sent, told);
    });
    serving.ok();
    let result = program::until_signalled(&mut work, signalled, &serving, &stop).await;
    rejects.finish(&ledger).await;
    ledger.close().await;
    stop_health.cancel();
    health.await.context("the health server ended badly")?;
    result
}

async fn open(config: &ServeConfig) -> anyhow::Result<Ledger> {
    let place = config.ledger.place()?;
    let named = format!("ledger in {place}");
    Ledger::open(place, Settings::default()).await.context(named)
}

/// Lets in whom the issuers and the ledger's bindings know, as often as the settings allow.
fn authenticator(
    config: &ServeConfig,
    verifier: Arc<Verifier>,
    ledger: &Ledger,
    meter: &Meter,
) -> Authenticator {
    let bindings = Arc::new(Recorded(ledger.store().clone()));
    let budgets = Arc::new(Budgets::new(config.rates()));
    Authenticator::new(verifier, bindings, Arc::new(Timestamp::now), budgets, meter)
}

/// Cursors are good until the server is started anew.
fn cursor_key() -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).context("no randomness for the cursors of lists")?;
    Ok(key)
}

/// Closes and settles periods, writes heads down and drops old keys, one server of several at a time; and writes
/// down what was not taken. Until it is time to stop.
async fn keep(ledger: Ledger, rejects: Rejects, metrics: Metrics, stop: Shutdown) {
    let tell = |done: &upkeep::Done| {
        if let Some(billing) = &metrics.billing {
            billing.kept(done);
        }
    };
    let work = async |lease: &mut Lease| {
        tokio::select! {
            () = Upkeep::default().run(&ledger, lease, upkeep::EVERY, tell) => {}
            () = rejects.run(&ledger, rejects::EVERY) => {}
        }
    };
    lease::under("upkeep", &ledger, stop, work).await;
}

/// Sums accounts up, until it is time to stop; one server of several at a time.
async fn sum_up(ledger: Ledger, rhythm: Rhythm, stop: Shutdown) {
    let work = async |lease: &mut Lease| Box::pin(Figures::new(rhythm).run(&ledger, lease)).await;
    lease::under("figures", &ledger, stop, work).await;
}

/// Compares what was told with the rows, one account after another, until it is time to stop. It only
/// reads, so each server of several does it.
async fn reconcile(ledger: Ledger, metrics: reconcile::Metrics, stop: Shutdown) {
    tokio::select! {
        () = Reconciler::default().run(ledger.store(), &metrics) => {}
        () = stop.cancelled() => {}
    }
}

/// Makes tenants of approved requests, until it is time to stop; one server of several at a time.
async fn provide(ledger: Ledger, provisioner: Option<Provisioner>, stop: Shutdown) {
    let Some(provisioner) = provisioner else { return };
    let work = async |lease: &mut Lease| provisioner.run(&ledger, lease).await;
    lease::under("provision", &ledger, stop, work).await;
}

/// Sends messages to webhooks, until it is time to stop; one server of several at a time.
async fn send(ledger: Ledger, postman: Postman, stop: Shutdown) {
    let work = async |lease: &mut Lease| postman.run(&ledger, lease).await;
    lease::under("webhooks", &ledger, stop, work).await;
}

/// Keeps accounts and status of a cluster's tenants, if there is a cluster, until it is time to stop; one
/// server of several at a time.
async fn tell(
    ledger: Ledger,
    client: Option<Client>,
    settings: cluster::Settings,
    metrics: cluster::metrics::Metrics,
    stop: Shutdown,
) {
    let Some(client) = client else { return stop.cancelled().await };
    let work = async |lease: &mut Lease| {
        Box::pin(cluster::run(&ledger, lease, client, settings, metrics)).await;
    };
    lease::under("cluster", &ledger, stop, work).await;
}

fn router(app: App, config: &ServeConfig, meter: &Meter) -> Router {
    layers::around(Routes::all().into_router(app), &config.limits(), meter)
}

/// Ready means that usage is taken.
async fn watch(ledger: Ledger, check: Check, stop: Shutdown) {
    program::follow(ledger.health_changes(), stop, |health| match health {
        Health::Ready => check.ok(),
        Health::Full(why) | Health::Away(why) | Health::Broken(why) => check.failing(why),
    })
    .await;
}
