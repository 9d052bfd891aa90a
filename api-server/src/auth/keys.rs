//! An issuer's keys: fetched, kept, and fetched again.
//!
//! - Keys are fetched every [`MAX_AGE`], so a key that the issuer took back is refused within that.
//! - A `kid` that is not known causes a fetch at once, but not within [`MIN_GAP`] of the last one; all
//!   who wait share one fetch.
//! - When the issuer does not answer, the last keys stay good for [`MAX_STALE`], or as long as
//!   [`Keys::kept`] says; those that are kept in a file are good after a restart too.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use futures::StreamExt;
use jsonwebtoken::{Algorithm, DecodingKey};
use telemetry::health::Check;
use telemetry::shutdown::Shutdown;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::issuer::KeysConfig;
use super::jwk::{self, Key};
pub(crate) use super::kept::KeptCopy;

/// How old keys may be before they are fetched again.
pub const MAX_AGE: Duration = Duration::from_secs(300);
/// The least time between two fetches.
pub const MIN_GAP: Duration = Duration::from_secs(10);
/// How long the last keys stay good while they cannot be fetched.
pub const MAX_STALE: Duration = Duration::from_secs(24 * 3600);
/// How long those of a cluster do, while it cannot be asked: as long as its gateways believe them.
pub const CLUSTERS_STALE: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long one fetch may take.
const FETCH_LIMIT: Duration = Duration::from_secs(5);
/// How large a key set may be, in bytes.
const LARGEST: usize = 256 * 1024;

/// An issuer's keys.
pub struct Keys {
    source: Source,
    allowed: Vec<Algorithm>,
    max_stale: Duration,
    copy: Option<KeptCopy>,
    held: RwLock<Held>,
    /// Held while fetching; says when the last fetch ended.
    fetching: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Held {
    keys: Arc<Vec<Key>>,
    /// The set as it was fetched.
    set: Arc<[u8]>,
    /// When they were fetched; `None`: never, or they need no fetching.
    since: Option<Instant>,
    /// How old they were then: those of a kept copy are older than this process.
    before: Duration,
}

impl Held {
    /// How old they are; `None` when they need no fetching.
    fn age(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed() + self.before)
    }
}

/// Where keys come from.
pub struct Source(From);

enum From {
    File(PathBuf),
    Url { url: String, client: reqwest::Client, token_file: Option<PathBuf> },
    Fixed,
}

impl Keys {
    pub(super) fn new(source: Source, allowed: Vec<Algorithm>) -> Self {
        let (held, fetching) = (RwLock::default(), Mutex::default());
        Self { source, allowed, max_stale: MAX_STALE, copy: None, held, fetching }
    }

    /// Keys that stay good for `max_stale` while they cannot be fetched, also across restarts: a copy
    /// of the last set is kept in a file, and taken from there now if it is that young.
    pub(crate) fn kept(mut self, copy: KeptCopy, max_stale: Duration) -> Self {
        self.max_stale = max_stale;
        match copy.read() {
            Ok(Some((set, age))) if age <= max_stale => match jwk::read(&set, &self.allowed) {
                Ok(keys) => self.hold(keys, &set, age),
                Err(why) => tracing::warn!(why, "the kept key set cannot be used"),
            },
            Ok(_) => {}
            Err(error) => tracing::warn!(error = format!("{error:#}"), "the kept key set"),
        }
        self.copy = Some(copy);
        self
    }

    pub(super) fn shared(secret: &[u8]) -> Self {
        let algorithm = Algorithm::HS256;
        let key = Key::new(None, algorithm, DecodingKey::from_secret(secret));
        let held = Held { keys: Arc::new(vec![key]), ..Held::default() };
        Self {
            source: Source(From::Fixed),
            allowed: vec![algorithm],
            max_stale: MAX_STALE,
            copy: None,
            held: RwLock::new(held),
            fetching: Mutex::default(),
        }
    }

    /// The key of that id; without an id, the only key.
    pub(super) async fn find(&self, kid: Option<&str>) -> Option<Key> {
        match self.known(kid) {
            Some(key) => Some(key),
            None if self.may_fetch().await => self.known(kid),
            None => None,
        }
    }

    fn known(&self, kid: Option<&str>) -> Option<Key> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        if held.age().is_some_and(|age| age > self.max_stale) {
            return None;
        }
        match (kid, held.keys.as_slice()) {
            (None, [only]) => Some(only.clone()),
            // The development secret has no id; a token that names one is not for it.
            (None, _) => None,
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)).cloned(),
        }
    }

    /// Fetches because a key is not known, unless that was tried just now. Whether it is worth
    /// looking again.
    async fn may_fetch(&self) -> bool {
        if matches!(self.source.0, From::Fixed) {
            return false;
        }
        let asked = Instant::now();
        let mut last = self.fetching.lock().await;
        match *last {
            // Another one's fetch ended while we waited for the lock.
            Some(ended) if ended >= asked => true,
            Some(ended) if ended.elapsed() < MIN_GAP => false,
            _ => {
                if let Err(error) = self.fetch(&mut last).await {
                    tracing::warn!(error = format!("{error:#}"), "keys not fetched");
                }
                true
            }
        }
    }

    /// Fetches now.
    ///
    /// # Errors
    /// Why the keys could not be fetched; those held before stay.
    pub async fn refresh(&self) -> anyhow::Result<()> {
        if matches!(self.source.0, From::Fixed) {
            return Ok(());
        }
        self.fetch(&mut *self.fetching.lock().await).await
    }

    async fn fetch(&self, last: &mut Option<Instant>) -> anyhow::Result<()> {
        let loaded = self.load().await;
        *last = Some(Instant::now());
        let (keys, set) = loaded?;
        if let Some(copy) = &self.copy {
            // Without the copy they are good all the same, until the next restart.
            if let Err(error) = copy.write(&set) {
                tracing::warn!(error = format!("{error:#}"), "the key set was not kept");
            }
        }
        self.hold(keys, &set, Duration::ZERO);
        Ok(())
    }

    fn hold(&self, keys: Vec<Key>, set: &[u8], before: Duration) {
        let since = Some(Instant::now());
        let held = Held { keys: Arc::new(keys), set: set.into(), since, before };
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// The set as it was fetched last; `None` when there is none that is good.
    #[must_use]
    pub fn set(&self) -> Option<Arc<[u8]>> {
        let usable = self.usable();
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        (usable && !held.set.is_empty()).then(|| held.set.clone())
    }

    /// How old the keys are; `None` when there are none, or none that age.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).age()
    }

    /// For how long they are good yet, should they never be fetched again; `None` when there are none, or none that
    /// age.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        self.age().map(|age| self.max_stale.saturating_sub(age))
    }

    async fn load(&self) -> anyhow::Result<(Vec<Key>, Vec<u8>)> {
        let bytes = tokio::time::timeout(FETCH_LIMIT, self.source.bytes())
            .await
            .with_context(|| format!("no key set within {} s", FETCH_LIMIT.as_secs()))??;
        let keys = jwk::read(&bytes, &self.allowed);
        Ok((keys.map_err(|why| anyhow::anyhow!("the key set: {why}"))?, bytes))
    }

    /// Keeps the keys fresh until `stop`. `check` says whether there are keys to verify with.
    pub async fn keep(&self, issuer: &str, check: Check, stop: Shutdown) {
        let mut stopped = std::pin::pin!(stop.cancelled());
        loop {
            let next = match self.refresh().await {
                Ok(()) => MAX_AGE,
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(issuer, error, "keys not fetched; the last ones stay");
                    MIN_GAP
                }
            };
            match self.usable() {
                true => check.ok(),
                false => check.failing("no keys; see the log for why"),
            }
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(next) => {}
            }
        }
    }

    /// Whether they are on this machine, so that they must be there at the start.
    #[must_use]
    pub fn are_local(&self) -> bool {
        !matches!(self.source.0, From::Url { .. })
    }

    /// Whether there is a key to verify with.
    #[must_use]
    pub fn usable(&self) -> bool {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        !held.keys.is_empty() && held.age().is_none_or(|age| age <= self.max_stale)
    }
}

impl Source {
    /// A URL that is asked with a client of one's own and a token from a file.
    pub(crate) fn of(url: String, client: reqwest::Client, token_file: PathBuf) -> Self {
        Self(From::Url { url, client, token_file: Some(token_file) })
    }

    pub(super) fn new(config: KeysConfig) -> anyhow::Result<Self> {
        let from = match (config.file, config.url) {
            (Some(file), None) => {
                let bare = config.ca_file.is_none() && config.token_file.is_none();
                ensure!(bare, "keys: caFile and tokenFile go with url, not with file");
                From::File(file)
            }
            (None, Some(url)) => {
                let client = client(&url, config.ca_file)?;
                From::Url { url, client, token_file: config.token_file }
            }
            _ => bail!("keys: give either file or url"),
        };
        Ok(Self(from))
    }

    async fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        match &self.0 {
            From::Fixed => bail!("a shared secret is not fetched"),
            From::File(path) => {
                let size =
                    tokio::fs::metadata(path).await.with_context(|| path.display().to_string())?;
                ensure!(size.len() <= LARGEST as u64, "{} is too large", path.display());
                tokio::fs::read(path).await.with_context(|| path.display().to_string())
            }
            From::Url { url, client, token_file } => {
                let mut request = client.get(url);
                if let Some(file) = token_file {
                    let token = tokio::fs::read_to_string(file);
                    request = request.bearer_auth(token.await.context("keys.tokenFile")?.trim());
                }
                bounded(request.send().await?.error_for_status()?).await
            }
        }
    }
}

/// The whole answer, which the sender does not make as large as it likes.
async fn bounded(response: reqwest::Response) -> anyhow::Result<Vec<u8>> {
    let mut body = response.bytes_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk?);
        ensure!(bytes.len() <= LARGEST, "the key set is larger than {LARGEST} bytes");
    }
    Ok(bytes)
}

fn client(url: &str, ca_file: Option<PathBuf>) -> anyhow::Result<reqwest::Client> {
    let url = reqwest::Url::parse(url).with_context(|| format!("keys.url {url:?}"))?;
    let local = url.host_str().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    });
    let secure = url.scheme() == "https" || (url.scheme() == "http" && local);
    ensure!(secure, "keys.url {url} is not https: anyone on the way could change the keys");
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(FETCH_LIMIT)
        .timeout(FETCH_LIMIT);
    if let Some(path) = ca_file {
        let pem =
            std::fs::read(&path).with_context(|| format!("keys.caFile {}", path.display()))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem).context("keys.caFile")?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().context("keys.url")
}
