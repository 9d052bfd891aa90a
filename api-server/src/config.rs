//! What the server is told, by flags or environment.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use telemetry::LogFormat;

use self::beside::ClusterArgs;
use self::bucket::BucketArgs;
use self::own::OwnArgs;
use crate::auth::caller::Clock;
use crate::auth::{Issuer, issuer, local};
use crate::backup::bucket::LARGEST as LARGEST_OBJECT;
use crate::backup::vault::{self, Vault};
use crate::domain::catalogue::Catalogue;
use crate::domain::webhook::Range;
use crate::http::budget::Rates;
use crate::http::layers::Limits;
use crate::http::origin::Proxies;
use crate::http::server::Patience;
use crate::ledger::figures::Rhythm;
use crate::provision::{self, Destination, Folder, Mode, Provisioner};
use crate::routes::audit::overrides::Told;
use crate::store::Place;
use crate::store::postgres::Database;
use crate::webhooks::Sender;

pub mod beside;
pub mod bucket;
pub mod own;

/// Where the ledger is. The database's URL holds a password, so no argument takes it.
#[derive(Args, Clone, Debug)]
pub struct LedgerPlace {
    /// The ledger's folder; made if it is not there. With a database elsewhere it holds what stands
    /// outside of that: heads.jsonl.
    #[arg(
        long,
        global = true,
        env = "TENANTRY_BILLING_STORAGE",
        default_value = "storage/billing"
    )]
    pub storage: PathBuf,
    /// A file with the URL of a PostgreSQL database that holds the ledger instead of the folder.
    /// Or put the URL into the environment variable TENANTRY_DATABASE_URL.
    #[arg(long, global = true, env = Self::URL_FILE)]
    pub database_url_file: Option<PathBuf>,
}

impl LedgerPlace {
    /// The environment variable that holds the database's URL.
    pub const URL: &str = "TENANTRY_DATABASE_URL";
    /// That of a file with it.
    pub const URL_FILE: &str = "TENANTRY_DATABASE_URL_FILE";

    /// The place, as flags and environment say.
    ///
    /// # Errors
    /// When the URL cannot be read; nothing of it is repeated.
    pub fn place(&self) -> anyhow::Result<Place> {
        let given = std::env::var_os(Self::URL);
        let (named, url) = match (&self.database_url_file, given) {
            (Some(_), Some(_)) => bail!(
                "a database is given twice: unset {} or --database-url-file \
                 (TENANTRY_DATABASE_URL_FILE)",
                Self::URL
            ),
            (None, None) => return Ok(Place::Folder(self.storage.clone())),
            (Some(file), None) => {
                let named = format!("database URL file {}", file.display());
                (named.clone(), std::fs::read_to_string(file).context(named)?)
            }
            (None, Some(url)) => (Self::URL.to_owned(), url.to_string_lossy().into_owned()),
        };
        let database: Database = url.parse().context(named)?;
        Ok(Place::Postgres { database, folder: self.storage.clone() })
    }

    /// The name of what says that the ledger is in a database and not in the folder, if anything does. For commands
    /// that know folders alone.
    #[must_use]
    pub fn elsewhere() -> Option<&'static str> {
        [Self::URL, Self::URL_FILE].into_iter().find(|name| std::env::var_os(name).is_some())
    }
}

/// How the server runs.
#[derive(Args, Clone, Debug)]
pub struct ServeConfig {
    /// Where the API answers.
    #[arg(long, env = "TENANTRY_API_ADDRESS", default_value = "0.0.0.0:8080")]
    pub address: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` answer.
    #[arg(long, env = "TENANTRY_HEALTH_ADDRESS", default_value = "0.0.0.0:8081")]
    pub health_address: SocketAddr,
    /// Where the ledger is.
    #[command(flatten)]
    pub ledger: LedgerPlace,
    /// A file (YAML) with the issuers whose tokens are trusted.
    #[arg(long, env = "TENANTRY_ISSUERS")]
    pub issuers: Option<PathBuf>,
    /// A file with a secret of at least 32 bytes for tokens that `api-server token` makes. For local
    /// development: whoever reads it can be anyone.
    #[arg(long, env = "TENANTRY_DEVELOPMENT_SECRET_FILE")]
    pub development_secret_file: Option<PathBuf>,
    /// A file (YAML) with the plans, instead of those compiled in.
    #[arg(long, env = "TENANTRY_PLANS")]
    pub plans: Option<PathBuf>,
    /// A file (YAML) with accounts that shall be there, and which workloads stand for them: for an
    /// installation without a cluster.
    #[arg(long, env = "TENANTRY_ACCOUNTS")]
    pub accounts: Option<PathBuf>,
    /// The folder in which backups of tenants are kept, which their gateways send. None are without it.
    /// Put it on another disk than the ledger; several servers share one. With --backups-s3-endpoint they
    /// only arrive there.
    #[arg(long, env = "TENANTRY_BACKUPS")]
    pub backups: Option<PathBuf>,
    /// The bucket to which they go.
    #[command(flatten)]
    pub bucket: BucketArgs,
    /// How many backups of each tenant are kept, the newest.
    #[arg(long, env = "TENANTRY_BACKUPS_KEEP", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub backups_keep: u32,
    /// How large one backup may be, in bytes.
    #[arg(long, env = "TENANTRY_BACKUPS_LARGEST", default_value_t = 1 << 30, value_parser = clap::value_parser!(u64).range(1..=1 << 44))]
    pub backups_largest: u64,
    /// How many bytes of backups each tenant may keep, so that none takes the room of the others. One that is
    /// more is refused, and those that are kept stay.
    #[arg(long, env = "TENANTRY_BACKUPS_EACH", default_value_t = 2 << 30, value_parser = clap::value_parser!(u64).range(1..=1 << 44))]
    pub backups_each: u64,
    /// How the ledger itself is backed up.
    #[command(flatten)]
    pub own: OwnArgs,
    /// How tenants come of approved requests: `none`, people make them; `manifests`, as files in
    /// --provision-folder; `cluster`, in the cluster (--cluster).
    #[arg(long, env = "TENANTRY_PROVISION", value_enum, default_value_t = Mode::None)]
    pub provision: Mode,
    /// The folder that gets a manifest `NAME.yaml` for each tenant to be made. A file is written once
    /// and never again; commit them for Argo CD or Flux.
    #[arg(long, env = "TENANTRY_PROVISION_FOLDER")]
    pub provision_folder: Option<PathBuf>,
    /// Ranges of addresses that webhooks may go to beside the internet, such as 10.20.0.0/16, separated by
    /// commas. Whoever may set webhooks up can have requests sent there.
    #[arg(long, env = "TENANTRY_WEBHOOK_ALLOW_CIDR", value_delimiter = ',')]
    pub webhook_allow_cidr: Vec<Range>,
    /// A file (PEM) with authorities that webhooks' receivers may have their certificates of, beside the
    /// system's.
    #[arg(long, env = "TENANTRY_WEBHOOK_CA_FILE")]
    pub webhook_ca_file: Option<PathBuf>,
    /// Seconds after which each account is summed up again, whatever happened: health, projection,
    /// flags. An account whose usage moved is summed up within some 20 seconds.
    #[arg(long, env = "TENANTRY_SNAPSHOT_INTERVAL", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub snapshot_interval: u32,
    /// The cluster that it is beside.
    #[command(flatten)]
    pub beside: ClusterArgs,
    /// Ranges of addresses of the proxies before the server, such as 10.0.0.0/8, separated by commas: what they
    /// append to X-Forwarded-For says who a stranger is, so that each has a public budget of its own. Without it
    /// all who come by a proxy share one. Nothing else rests on it.
    #[arg(long, env = "TENANTRY_TRUSTED_PROXY", value_delimiter = ',')]
    pub trusted_proxy: Vec<Range>,
    /// Requests a second from one address to public routes.
    #[arg(long, env = "TENANTRY_RATE_PUBLIC", default_value = "20")]
    pub rate_public: NonZeroU32,
    /// Reads a second of one account or person.
    #[arg(long, env = "TENANTRY_RATE_READ", default_value = "100")]
    pub rate_read: NonZeroU32,
    /// Changes a second by one account or person.
    #[arg(long, env = "TENANTRY_RATE_WRITE", default_value = "50")]
    pub rate_write: NonZeroU32,
    /// Requests with usage a second of one account, each of up to 1,000 events.
    #[arg(long, env = "TENANTRY_RATE_INGEST", default_value = "1000")]
    pub rate_ingest: NonZeroU32,
    /// Requests to be taken on an hour from one address, of IPv6 from one /48, beside --rate-public. Each is kept until
    /// somebody decides, and 10,000 may wait: this is what one stranger can take of them. Behind a proxy that
    /// --trusted-proxy does not name it is what all strangers can together.
    #[arg(long, env = "TENANTRY_RATE_ONBOARDING", default_value = "30")]
    pub rate_onboarding: NonZeroU32,
    /// Requests that are worked on at once; more are answered 503.
    #[arg(long, env = "TENANTRY_MAX_REQUESTS", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_requests: u32,
    /// Connections at once; more wait.
    #[arg(long, env = "TENANTRY_MAX_CONNECTIONS", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
    /// `text` or `json`.
    #[arg(long, env = "TENANTRY_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
    /// What is logged, for example `info` or `api_server=debug`.
    #[arg(long, env = "TENANTRY_LOG", default_value = "info")]
    pub log: String,
    /// Where logs, traces and metrics are sent over OTLP (HTTP/protobuf). Nowhere without it.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
}

/// Variables that look as if they changed plans: nothing reads them, and who set one thinks otherwise.
fn unread(names: impl Iterator<Item = String>) -> Vec<String> {
    let strange = |name: &String| name.starts_with("TENANTRY_PLAN") && name != "TENANTRY_PLANS";
    let mut unread: Vec<String> = names.filter(strange).collect();
    unread.sort();
    unread
}

impl ServeConfig {
    /// The trusted issuers. Keys that are in files are read, so that a server without keys does not
    /// start; keys at URLs are fetched later, since an issuer may start after us.
    ///
    /// # Errors
    /// When there is no issuer, or one that cannot be used.
    pub async fn trusted(&self) -> anyhow::Result<Vec<Issuer>> {
        let mut issuers = Vec::new();
        if let Some(path) = &self.issuers {
            let named = || format!("issuers file {}", path.display());
            let text = std::fs::read_to_string(path).with_context(named)?;
            let clock: Clock = Arc::new(Timestamp::now);
            let read = issuer::read(&text).with_context(named)?.into_iter();
            issuers = read.map(|one| one.kept_in(&self.ledger.storage, &clock)).collect();
        }
        if let Some(path) = &self.development_secret_file {
            let secret = secret(path)?;
            issuers.push(
                Issuer::development(local::ISSUER, &secret)
                    .with_context(|| path.display().to_string())?,
            );
            tracing::warn!("tokens made with the development secret are trusted");
        }
        if issuers.is_empty() {
            bail!(
                "no issuer is trusted, so nobody could call: give --issuers, or for local \
                 development --development-secret-file"
            );
        }
        for issuer in issuers.iter().filter(|issuer| issuer.keys().are_local()) {
            let named = || format!("issuer {:?}", issuer.name());
            issuer.keys().refresh().await.with_context(named)?;
        }
        Ok(issuers)
    }

    /// The plans.
    ///
    /// # Errors
    /// When the file cannot be read, with what is wrong where.
    pub fn catalogue(&self) -> anyhow::Result<Catalogue> {
        let Some(path) = &self.plans else { return Ok(Catalogue::shipped()?) };
        let named = || format!("plans file {}", path.display());
        let text = std::fs::read_to_string(path).with_context(named)?;
        Catalogue::parse(&text).with_context(named)
    }

    /// What the installation says of plans, for who audits it.
    #[must_use]
    pub fn told(&self, listed: &Catalogue) -> Told {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        Told { listed: listed.clone(), by_file: self.plans.is_some(), unread: unread(names) }
    }

    /// The rate budgets.
    #[must_use]
    pub fn rates(&self) -> Rates {
        Rates {
            public: self.rate_public,
            read: self.rate_read,
            write: self.rate_write,
            ingest: self.rate_ingest,
            onboarding: self.rate_onboarding,
        }
    }

    /// The proxies whose word is taken for whom they speak.
    #[must_use]
    pub fn proxies(&self) -> Proxies {
        Proxies::new(self.trusted_proxy.clone())
    }

    /// When accounts are summed up.
    #[must_use]
    pub fn rhythm(&self) -> Rhythm {
        Rhythm::every(SignedDuration::from_secs(self.snapshot_interval.into()))
    }

    /// How much is answered at once.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let largest_upload = usize::try_from(self.backups_largest).unwrap_or(usize::MAX);
        Limits { largest_upload, ..Limits::of(self.max_requests as usize) }
    }

    /// Where backups of tenants are kept; nowhere without a folder.
    ///
    /// # Errors
    /// When the folder cannot be written, or the bucket's settings cannot be used.
    pub fn vault(&self) -> anyhow::Result<Option<Arc<Vault>>> {
        let bucket = self.bucket.settings()?;
        let Some(folder) = self.backups.clone() else {
            ensure!(
                bucket.is_none(),
                "--backups-s3-endpoint is given without --backups (TENANTRY_BACKUPS): give the folder \
                 in which backups arrive"
            );
            return Ok(None);
        };
        let (keep, largest) = (self.backups_keep as usize, self.backups_largest);
        ensure!(
            bucket.is_none() || largest <= LARGEST_OBJECT,
            "--backups-largest (TENANTRY_BACKUPS_LARGEST) is more than a bucket takes at once: \
             {LARGEST_OBJECT} at most"
        );
        let settings = vault::Settings { folder, bucket, keep, largest, each: self.backups_each };
        let vault = Vault::open(settings)?;
        Ok(Some(Arc::new(vault)))
    }

    /// Where the tenants of approved requests are delivered to; nowhere in the mode `none`.
    ///
    /// # Errors
    /// When what the mode needs is missing, a folder is given where nothing is written to it, or it
    /// cannot be written.
    pub fn provisioner(
        &self,
        client: Option<&kube::Client>,
    ) -> anyhow::Result<Option<Provisioner>> {
        match (self.provision, &self.provision_folder) {
            (Mode::None, None) => Ok(None),
            (Mode::None | Mode::Cluster, Some(_)) => bail!(
                "--provision-folder (TENANTRY_PROVISION_FOLDER) is given, but nothing would be written \
                 there: give --provision manifests (TENANTRY_PROVISION) too"
            ),
            (Mode::Cluster, None) => {
                let client = client.context(
                    "--provision cluster (TENANTRY_PROVISION) makes tenants in a cluster: give \
                     --cluster (TENANTRY_CLUSTER) too",
                )?;
                let cluster = Box::new(provision::Cluster::new(client.clone()));
                Ok(Some(Provisioner::new(Destination::Cluster(cluster))))
            }
            (Mode::Manifests, None) => bail!(
                "--provision manifests (TENANTRY_PROVISION) writes files: give --provision-folder \
                 (TENANTRY_PROVISION_FOLDER)"
            ),
            (Mode::Manifests, Some(folder)) => {
                let folder = Folder::open(folder)?;
                Ok(Some(Provisioner::new(Destination::Folder(folder))))
            }
        }
    }

    /// What sends messages to webhooks.
    ///
    /// # Errors
    /// When the file of authorities cannot be read.
    pub fn webhook_sender(&self) -> anyhow::Result<Sender> {
        let ca = match &self.webhook_ca_file {
            None => None,
            Some(path) => {
                let named = || format!("--webhook-ca-file {}", path.display());
                Some(std::fs::read(path).with_context(named)?)
            }
        };
        Sender::new(self.webhook_allow_cidr.clone(), ca.as_deref()).context("--webhook-ca-file")
    }

    /// How patient the server is.
    #[must_use]
    pub fn patience(&self) -> Patience {
        Patience { connections: self.max_connections as usize, ..Patience::default() }
    }
}

/// A secret from a file, without the line's end.
///
/// # Errors
/// When the file cannot be read.
pub fn secret(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut secret = std::fs::read(path).with_context(|| path.display().to_string())?;
    secret.truncate(secret.trim_ascii_end().len());
    Ok(secret)
}
