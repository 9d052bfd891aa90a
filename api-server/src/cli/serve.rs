//! `api-server serve`

mod jobs;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Router;
use futures::future::join_all;
use jiff::Timestamp;
use opentelemetry::metrics::Meter;
use telemetry::Telemetry;
use telemetry::health::{self, Check, Checks};
use telemetry::shutdown::{self, Shutdown};

use self::jobs::{Jobs, Outside};
use super::accounts::listed::Listed;
use super::program;
use crate::auth::bindings::Recorded;
use crate::auth::{Authenticator, Verifier};
use crate::backup::vault::Vault;
use crate::config::ServeConfig;
use crate::domain::catalogue::Catalogue;
use crate::http::budget::Budgets;
use crate::http::cursor::Cursors;
use crate::http::layers;
use crate::http::server::Server;
use crate::ledger::{Health, Ledger, LedgerError, PlansError, Settings, rejects::Rejects};
use crate::routes::{App, Metrics, Routes};
use crate::store::{StoreError, cursors};

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
    let listed = Listed::read(config.accounts.as_deref())?;
    let told = Arc::new(config.told(&catalogue));
    let vault = vault(config)?;
    let own = config.own_backups(vault.as_ref())?;
    let outside = Outside::of(config, verifier.issuers()).await?;
    let (ledger, catalogue) = fill(open(config).await?, catalogue, listed).await?;
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
        profiles: outside.profiles(),
        provides: outside.provisioner.is_some(),
        webhooks: config.webhook_allow_cidr.clone().into(),
        cursors: Cursors::new(cursor_key(&ledger).await?),
        metrics: Metrics::new(&meter),
    };
    app.metrics.watch(&meter, rejects.clone());
    let jobs = Jobs {
        ledger: ledger.clone(),
        rejects: rejects.clone(),
        metrics: app.metrics.clone(),
        rhythm: config.rhythm(),
        keeper: own.map(|own| own.keeper(&meter)),
        outside,
        meter: meter.clone(),
    };
    let routes = router(app, config, &meter);

    let server = Server::bind(config.address).await?;
    let health = health::Server::bind(config.health_address, &checks, telemetry.registry()).await?;
    tracing::info!(address = %server.local_addr(), health = %health.local_addr(), "serving");
    let (stop, stop_health) = (Shutdown::new(), Shutdown::new());
    let keys = keep_keys(&verifier, &checks, &stop);
    let watched = (checks.ready("ledger"), checks.live("ledger"));
    let watch = watch(ledger.clone(), watched, stop.clone());
    // Health answers until all else has ended.
    let health = tokio::spawn(health.run(stop_health.clone()));
    let mut work = Box::pin(async {
        let served = server.run(routes, config.patience(), stop.clone());
        tokio::join!(served, keys, watch, jobs.run(&stop));
    });
    serving.ok();
    let result = program::until_signalled(&mut work, signalled, &serving, &stop).await;
    rejects.finish(&ledger).await;
    ledger.close().await;
    stop_health.cancel();
    health.await.context("the health server ended badly")?;
    result
}

/// Keeps every issuer's keys fresh, until it is time to stop. A check stands for each from the start.
fn keep_keys(verifier: &Verifier, checks: &Checks, stop: &Shutdown) -> impl Future<Output = ()> {
    let all = verifier.issuers().iter().map(|issuer| {
        let check = checks.ready(format!("keys of {}", issuer.name()));
        issuer.keys().keep(issuer.name(), check, stop.clone())
    });
    let all = join_all(all);
    async { drop(all.await) }
}

/// Where backups of tenants are kept, if anywhere; it is tried out beside the start.
fn vault(config: &ServeConfig) -> anyhow::Result<Option<Arc<Vault>>> {
    let vault = config.vault()?;
    if let Some(vault) = vault.clone() {
        // Not waited for: it ends by itself, and nothing depends on what it says.
        tokio::spawn(async move { vault.try_out().await });
    }
    Ok(vault)
}

async fn open(config: &ServeConfig) -> anyhow::Result<Ledger> {
    let place = config.ledger.place()?;
    let named = format!("ledger in {place}");
    let mut settings = Settings::default();
    // Who waits for room is one of those that are worked on: most of these are to be everybody's.
    let most = config.max_requests as usize / 8;
    settings.limits.patient = settings.limits.patient.min(most);
    Ledger::open(place, settings).await.context(named)
}

/// Brings what files say into the ledger: plans, then accounts, which may be on them.
async fn fill(
    ledger: Ledger,
    catalogue: Catalogue,
    listed: Listed,
) -> anyhow::Result<(Ledger, Catalogue)> {
    // Published terms never change: a file that says otherwise keeps the server from starting.
    let catalogue = publish(&ledger, catalogue).await?;
    listed.enter(&ledger).await?;
    Ok((ledger, catalogue))
}

/// For how long the database may be busy at the start: it ends the transaction of a server that was frozen
/// in the middle of one after 30 seconds.
const BUSY: Duration = Duration::from_secs(60);

/// Publishes the catalogue, once nobody is in the way.
async fn publish(ledger: &Ledger, file: Catalogue) -> anyhow::Result<Catalogue> {
    let begun = Instant::now();
    loop {
        match ledger.import_plans(file.clone()).await {
            Err(PlansError::Ledger(LedgerError::Store(StoreError::Busy(why))))
                if begun.elapsed() < BUSY =>
            {
                tracing::warn!(why, "the database is busy; the start waits for it");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            done => return done.context("plans"),
        }
    }
}

/// Lets in whom the issuers and the ledger's bindings know, as often as the settings allow.
fn authenticator(
    config: &ServeConfig,
    verifier: Arc<Verifier>,
    ledger: &Ledger,
    meter: &Meter,
) -> Authenticator {
    let bindings = Arc::new(Recorded::new(ledger.clone(), verifier.issuers()));
    let budgets = Arc::new(Budgets::new(config.rates()));
    Authenticator::new(verifier, bindings, Arc::new(Timestamp::now), budgets, meter)
        .behind(config.proxies())
}

/// Cursors are good at each server on the ledger, also after they are started anew.
async fn cursor_key(ledger: &Ledger) -> anyhow::Result<[u8; 32]> {
    let mut fresh = [0; 32];
    getrandom::fill(&mut fresh).context("no randomness for the cursors of lists")?;
    let work = ledger.transact(None, move |session, _| Box::pin(cursors::key(session, fresh)));
    work.await.context("cursors of lists")
}

fn router(app: App, config: &ServeConfig, meter: &Meter) -> Router {
    layers::around(Routes::all().into_router(app), &config.limits(), meter)
}

/// Ready means that usage is taken. A ledger of which nobody knows what its disk has kept takes none until the
/// program is started anew, which is for the kubelet to do.
async fn watch(ledger: Ledger, (ready, live): (Check, Check), stop: Shutdown) {
    program::follow(ledger.health_changes(), stop, |health| match health {
        Health::Broken(why) => {
            ready.failing(why.clone());
            live.failing(why);
        }
        Health::Full(why) | Health::Away(why) => {
            ready.failing(why);
            live.ok();
        }
        Health::Ready => {
            ready.ok();
            live.ok();
        }
    })
    .await;
}
