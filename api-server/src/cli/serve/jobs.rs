//! What the server does beside answering requests.

use std::sync::Arc;

use jiff::Timestamp;
use kube::Client;
use opentelemetry::metrics::Meter;
use telemetry::shutdown::Shutdown;

use crate::auth::Issuer;
use crate::backup::keeper::Keeper;
use crate::cluster::{
    self,
    profiles::{Known, Profiles},
};
use crate::config::ServeConfig;
use crate::ledger::{
    Clock, Ledger,
    figures::{Figures, Rhythm, board::Board},
    lease::{self, Lease},
    reconcile::{self, Reconciler},
    rejects::{self, Rejects},
    upkeep::{self, Upkeep},
};
use crate::provision::Provisioner;
use crate::routes::Metrics;
use crate::webhooks::{self, Postman, Sender};

/// Whom the jobs speak to, beside the ledger.
pub struct Outside {
    /// None where approved requests become nothing.
    pub provisioner: Option<Provisioner>,
    sender: Sender,
    /// None without a cluster.
    cluster: Option<Beside>,
}

/// The cluster that a server is beside.
struct Beside {
    client: Client,
    settings: cluster::Settings,
    profiles: Profiles,
}

impl Outside {
    /// As the settings say. Nothing of it is reached yet but the cluster's configuration.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub async fn of(config: &ServeConfig, trusted: &[Issuer]) -> anyhow::Result<Self> {
        let client =
            if config.beside.cluster { Some(cluster::client::client().await?) } else { None };
        let beside = |client| -> anyhow::Result<Beside> {
            let settings = config.beside.settings(trusted)?;
            Ok(Beside { client, settings, profiles: Profiles::default() })
        };
        Ok(Self {
            provisioner: config.provisioner(client.as_ref())?,
            sender: config.webhook_sender()?,
            cluster: client.map(beside).transpose()?,
        })
    }

    /// What is known of the cluster's profiles, now and later.
    #[must_use]
    pub fn profiles(&self) -> Option<Profiles> {
        self.cluster.as_ref().map(|cluster| cluster.profiles.clone())
    }
}

/// What each of the jobs needs.
pub struct Jobs {
    pub ledger: Ledger,
    pub rejects: Rejects,
    pub metrics: Metrics,
    /// How often accounts are summed up.
    pub rhythm: Rhythm,
    /// None where nobody backs the ledger up here.
    pub keeper: Option<Keeper>,
    pub outside: Outside,
    pub meter: Meter,
}

impl Jobs {
    /// Does all of them, until it is time to stop.
    pub async fn run(self, stop: &Shutdown) {
        let (ledger, outside, meter) = (self.ledger, self.outside, self.meter);
        let clock: Clock = Arc::new(Timestamp::now);
        let board = Board::new(&meter, &clock);
        let board = match outside.profiles() {
            Some(all) => board.beside(move || all.ask(Known::by_account).unwrap_or_default()),
            None => board,
        };
        let postman = Postman::new(outside.sender, webhooks::Metrics::new(&meter));
        let compared = reconcile::Metrics::new(&meter);
        let watched = cluster::metrics::Metrics::new(&meter);
        tokio::join!(
            keep(ledger.clone(), self.rejects, self.metrics, stop.clone()),
            sum_up(ledger.clone(), Figures::new(self.rhythm).on(board), stop.clone()),
            reconcile(ledger.clone(), compared, stop.clone()),
            provide(ledger.clone(), outside.provisioner, stop.clone()),
            send(ledger.clone(), postman, stop.clone()),
            back_up(ledger.clone(), self.keeper, stop.clone()),
            tell(ledger, outside.cluster, watched, stop.clone()),
        );
    }
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
async fn sum_up(ledger: Ledger, figures: Figures, stop: Shutdown) {
    let work = async |lease: &mut Lease| Box::pin(figures.run(&ledger, lease)).await;
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

/// Backs the ledger up, until it is time to stop; one server of several at a time.
async fn back_up(ledger: Ledger, keeper: Option<Keeper>, stop: Shutdown) {
    let Some(keeper) = keeper else { return };
    let stopped = stop.clone();
    let work = async |lease: &mut Lease| Box::pin(keeper.run(&ledger, lease, &stopped)).await;
    lease::under("ledger-backup", &ledger, stop, work).await;
}

/// Keeps accounts and status of a cluster's tenants, if there is a cluster, until it is time to stop; one
/// server of several at a time. Profiles are followed by each.
async fn tell(
    ledger: Ledger,
    cluster: Option<Beside>,
    metrics: cluster::metrics::Metrics,
    stop: Shutdown,
) {
    let Some(Beside { client, settings, profiles }) = cluster else {
        return stop.cancelled().await;
    };
    let (reader, namespace, ended) = (client.clone(), settings.namespace.clone(), stop.clone());
    let follow = async {
        tokio::select! {
            () = profiles.follow(&reader, &namespace) => {}
            () = ended.cancelled() => {}
        }
    };
    let work = async |lease: &mut Lease| {
        Box::pin(cluster::run(&ledger, lease, client, settings, metrics)).await;
    };
    tokio::join!(follow, lease::under("cluster", &ledger, stop, work));
}
