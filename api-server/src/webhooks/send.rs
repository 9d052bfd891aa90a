//! One attempt: a signed POST over https, to an address that may be reached, and to no other.
//!
//! A name is looked up for each connection, and the connection goes to an address that came of that
//! look and was found fit: a name that says something else a moment later changes nothing. Redirects
//! are not followed, proxies of the environment are not used, the answer's body is not read.

use std::{error::Error, io, net::SocketAddr, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use http::{HeaderMap, StatusCode, header};
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};

use super::target;
use crate::domain::webhook::{Range, Secret, address::may_reach, sign::signatures};

/// How long an attempt may take, from the look-up to the answer's head.
pub(super) const LIMIT: Duration = Duration::from_secs(20);
/// How much is said of why an attempt failed, in characters.
const DETAIL: usize = 200;

/// Looks a host's addresses up.
pub type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The receiver has it.
    Taken(u16),
    /// The receiver wants nothing more.
    Gone,
    /// It did not come to that.
    Failed {
        /// What was answered, if anything was.
        status: Option<u16>,
        /// Why; it holds no secret, nothing of the URL and nothing of the answer's body.
        why: String,
        /// In how many seconds the receiver wants to be asked again.
        asked: Option<u32>,
    },
}

/// Makes attempts.
#[derive(Clone)]
pub struct Sender {
    client: Result<Client, String>,
    allowed: Arc<[Range]>,
}

impl Sender {
    /// Reaches the internet and what is `allowed`; trusts the system's authorities and those in `ca`
    /// (PEM).
    ///
    /// # Errors
    /// When `ca` holds no certificates.
    pub fn new(allowed: Vec<Range>, ca: Option<&[u8]>) -> anyhow::Result<Self> {
        let lookup: Lookup = Arc::new(|host| {
            Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.collect()) })
        });
        Self::with(allowed, ca, lookup, LIMIT)
    }

    /// The same, with another way to look names up, and another limit.
    ///
    /// # Errors
    /// As [`Sender::new`].
    pub fn with(
        allowed: Vec<Range>,
        ca: Option<&[u8]>,
        lookup: Lookup,
        limit: Duration,
    ) -> anyhow::Result<Self> {
        // Another part may have chosen the same provider before.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let allowed: Arc<[Range]> = allowed.into();
        let guard = Guard { allowed: allowed.clone(), lookup };
        let mut builder = Client::builder()
            .https_only(true)
            .no_proxy()
            .redirect(Policy::none())
            .dns_resolver(Arc::new(guard))
            // Each connection is looked at anew.
            .pool_max_idle_per_host(0)
            .timeout(limit)
            .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = ca {
            let certificates = reqwest::Certificate::from_pem_bundle(pem)?;
            anyhow::ensure!(!certificates.is_empty(), "no certificate (PEM) is in it");
            builder = builder.tls_certs_merge(certificates);
        }
        // A system without any authorities keeps messages waiting, not the server from starting.
        let client = builder.build().map_err(|error| told(&error));
        Ok(Self { client, allowed })
    }

    /// Sends a message, signed as of `now` (seconds since 1970).
    pub async fn send(
        &self,
        url: &str,
        secrets: &[&Secret],
        (id, body): (&str, &str),
        now: i64,
    ) -> Answer {
        let failed = |why: String| Answer::Failed { status: None, why, asked: None };
        let url = match target::read(url, &self.allowed) {
            Ok(url) => url,
            Err(why) => return failed(format!("the URL {why}")),
        };
        let client = match &self.client {
            Ok(client) => client,
            Err(why) => return failed(why.clone()),
        };
        let request = client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", signatures(secrets.iter().copied(), id, now, body))
            .body(body.to_owned());
        match request.send().await {
            Ok(response) => answer(response.status(), response.headers()),
            Err(error) => failed(told(&error.without_url())),
        }
    }
}

fn answer(status: StatusCode, headers: &HeaderMap) -> Answer {
    let code = status.as_u16();
    if status.is_success() {
        return Answer::Taken(code);
    }
    if status == StatusCode::GONE {
        return Answer::Gone;
    }
    let why = match status.is_redirection() {
        true => {
            format!("answered {code}; redirects are not followed: give the URL that it leads to")
        }
        false => format!("answered {code}"),
    };
    let asked = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    Answer::Failed { status: Some(code), why, asked: asked.and_then(|text| text.parse().ok()) }
}

/// An error with its causes, of which the last says most.
fn told(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let words: Vec<_> =
        std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect();
    words.join(": ").chars().filter(|c| !c.is_control()).take(DETAIL).collect()
}

/// Leaves of a name's addresses those that may be reached.
struct Guard {
    allowed: Arc<[Range]>,
    lookup: Lookup,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (looked, allowed) = ((self.lookup)(name.as_str().to_owned()), self.allowed.clone());
        Box::pin(async move {
            let found = looked.await?;
            let known = !found.is_empty();
            let fit: Vec<_> = found.into_iter().filter(|at| may_reach(at.ip(), &allowed)).collect();
            if fit.is_empty() && known {
                let why = "the name stands for addresses inside a network; who runs the server can \
                           allow them: --webhook-allow-cidr";
                return Err(why.into());
            }
            let fit: Addrs = Box::new(fit.into_iter());
            Ok(fit)
        })
    }
}
