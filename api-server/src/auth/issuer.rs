//! Which issuers are trusted, each with its own rules.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::caller::Clock;
use super::identity::Audience;
use super::keys::{CLUSTERS_STALE, KeptCopy, Keys, Source};
use crate::ledger::heads::hex;

/// The shortest secret that HS256 is used with, in bytes: as long as its hash.
pub const SHORTEST_SECRET: usize = 32;
/// How many issuers an installation may trust.
const MOST_ISSUERS: usize = 16;

/// Whose tokens an issuer signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// People and tools: `scope`, `roles`, `tenant`; `aud` a string or a list.
    People,
    /// A Kubernetes API server: projected ServiceAccount tokens; `aud` a list of one.
    Kubernetes,
}

/// One entry of the issuers' file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssuerConfig {
    /// Exactly as in `iss`.
    pub issuer: String,
    /// Whose tokens it signs.
    pub kind: Kind,
    /// Where its keys are.
    pub keys: KeysConfig,
    /// Which algorithms its keys may be used with. Default: RS256 and ES256.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// Which of our audiences its tokens may be for. Default: people `billing` and
    /// `tenantry-usage`, Kubernetes `tenantry-usage` and `tenantry-gateway`.
    pub audiences: Option<Vec<String>>,
    /// Which header `typ` its tokens have: for people one of these (default `at+jwt`), for
    /// Kubernetes none.
    pub typ: Option<Vec<String>>,
}

/// Where an issuer's keys are: a file or a URL.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeysConfig {
    /// A file with a JWK set; read again at each refresh.
    pub file: Option<PathBuf>,
    /// An https URL of a JWK set (http only on this machine).
    pub url: Option<String>,
    /// PEM certificates that sign the URL's certificate, beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// A file with a bearer token to ask with; read again at each refresh.
    pub token_file: Option<PathBuf>,
}

/// The issuers' file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IssuersFile {
    issuers: Vec<IssuerConfig>,
}

fn algorithms() -> Vec<Algorithm> {
    vec![Algorithm::RS256, Algorithm::ES256]
}

/// A trusted issuer.
pub struct Issuer {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) audiences: Vec<Audience>,
    /// In lower case; empty: there must be none.
    pub(super) typ: Vec<String>,
    pub(super) keys: Keys,
}

impl Issuer {
    /// An issuer as configured. Its keys are not read yet.
    ///
    /// # Errors
    /// When the entry cannot be used, with the field and the remedy.
    pub fn new(config: IssuerConfig) -> anyhow::Result<Self> {
        let name = config.issuer.clone();
        Self::checked(config).with_context(|| format!("issuer {name:?}"))
    }

    fn checked(config: IssuerConfig) -> anyhow::Result<Self> {
        ensure!(!config.issuer.trim().is_empty(), "issuer is empty: give the tokens' iss");
        ensure!(!config.algorithms.is_empty(), "algorithms is empty: name some, or leave it out");
        let shared = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
        if config.algorithms.iter().any(|algorithm| shared.contains(algorithm)) {
            bail!("algorithms has a shared-secret one: these are for --development-secret only");
        }
        let typ = match (config.kind, config.typ) {
            (Kind::Kubernetes, Some(_)) => {
                bail!("typ is set, but Kubernetes' tokens have none: leave it out")
            }
            (Kind::Kubernetes, None) => Vec::new(),
            (Kind::People, None) => vec!["at+jwt".to_owned()],
            (Kind::People, Some(typ)) => typ.iter().map(|typ| typ.to_ascii_lowercase()).collect(),
        };
        ensure!(
            config.kind == Kind::Kubernetes || !typ.is_empty(),
            "typ is empty: name at+jwt or JWT"
        );
        let audiences = audiences(config.kind, config.audiences)?;
        let keys = Keys::new(Source::new(config.keys)?, config.algorithms);
        Ok(Self { name: config.issuer, kind: config.kind, audiences, typ, keys })
    }

    /// Of a cluster whose keys are fetched, a copy is kept in `folder`, so that its workloads are believed
    /// for a week while it is away, also by a server that is started anew.
    #[must_use]
    pub fn kept_in(mut self, folder: &Path, clock: &Clock) -> Self {
        if self.kind == Kind::Kubernetes && !self.keys.are_local() {
            let name = hex(&Sha256::digest(&self.name)[..8]);
            let file = folder.join(format!("keys-{name}.json"));
            let copy = KeptCopy { file, issuer: self.name.clone(), clock: clock.clone() };
            self.keys = self.keys.kept(copy, CLUSTERS_STALE);
        }
        self
    }

    /// A cluster whose pods may send usage and ask for backups, with keys that are had from elsewhere:
    /// what a tenant's gateway trusts.
    pub(crate) fn of_workloads(
        name: String,
        source: Source,
        copy: KeptCopy,
        stale: Duration,
    ) -> Self {
        let keys = Keys::new(source, algorithms()).kept(copy, stale);
        let audiences = vec![Audience::Usage, Audience::Gateway];
        Self { name, kind: Kind::Kubernetes, audiences, typ: Vec::new(), keys }
    }

    /// The issuer for local development: HS256 with a secret that the `token` subcommand shares.
    ///
    /// # Errors
    /// When the secret is shorter than [`SHORTEST_SECRET`] bytes.
    pub fn development(name: &str, secret: &[u8]) -> anyhow::Result<Self> {
        ensure!(
            secret.len() >= SHORTEST_SECRET,
            "the development secret has {} bytes; HS256 needs at least {SHORTEST_SECRET}: \
             make one with `openssl rand -hex 32`",
            secret.len(),
        );
        Ok(Self {
            name: name.to_owned(),
            kind: Kind::People,
            audiences: Audience::ALL.to_vec(),
            typ: vec!["at+jwt".to_owned()],
            keys: Keys::shared(secret),
        })
    }

    /// Its name: `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose tokens it signs.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }
}

fn audiences(kind: Kind, named: Option<Vec<String>>) -> anyhow::Result<Vec<Audience>> {
    let allowed = match kind {
        Kind::People => [Audience::Billing, Audience::Usage],
        Kind::Kubernetes => [Audience::Usage, Audience::Gateway],
    };
    let Some(named) = named else { return Ok(allowed.to_vec()) };
    let named: Vec<Audience> = named
        .iter()
        .map(|name| name.parse().map_err(anyhow::Error::msg))
        .collect::<anyhow::Result<_>>()
        .context("audiences")?;
    ensure!(!named.is_empty(), "audiences is empty: name some, or leave it out");
    if let Some(wrong) = named.iter().find(|audience| !allowed.contains(audience)) {
        bail!("audiences has {wrong}, which tokens of this kind cannot be for");
    }
    Ok(named)
}

/// The issuers of a file (YAML or JSON).
///
/// # Errors
/// When the file cannot be read as such, with the field and the remedy.
pub fn read(text: &str) -> anyhow::Result<Vec<Issuer>> {
    let file: IssuersFile = serde_saphyr::from_str(text).map_err(anyhow::Error::msg)?;
    ensure!(file.issuers.len() <= MOST_ISSUERS, "more than {MOST_ISSUERS} issuers");
    let mut names: Vec<&str> = file.issuers.iter().map(|issuer| issuer.issuer.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("issuer {:?} is given twice: keep one", twice[0]);
    }
    file.issuers.into_iter().map(Issuer::new).collect()
}
