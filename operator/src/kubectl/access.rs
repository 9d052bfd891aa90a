//! The way to the cluster: kubectl's own kubeconfig, plain requests, failures in words.

use std::{path::PathBuf, time::Duration};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;

use super::{args::Reach, failure::Failure};

/// How long one connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How many objects one answer of a list holds.
const PAGE: usize = 500;

/// The cluster as one user.
pub struct Access {
    client: Client,
    server: String,
    timeout: Option<Duration>,
}

/// How a body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A whole object.
    Json,
    /// What is to change of one.
    Merge,
}

impl Access {
    /// Opens it as the arguments say.
    ///
    /// # Errors
    /// When there is no kubeconfig, or it cannot be used.
    pub async fn open(reach: &Reach) -> Result<Self, Failure> {
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let mut config = config(reach).await?;
        // Whoever waits at a terminal decides whether to try again.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT);
        if let Some(user) = &reach.act_as {
            config.auth_info.impersonate = Some(user.clone());
            config.auth_info.impersonate_groups = Some(reach.act_as_group.clone());
        } else if !reach.act_as_group.is_empty() {
            return Err(Failure::Usage("--as-group needs --as USER".to_owned()));
        }
        let server = config.cluster_url.to_string();
        let client = Client::try_from(config).map_err(|error| {
            Failure::Other(format!("the kubeconfig cannot be used: {}", chain(&error)))
        })?;
        let timeout = Some(reach.request_timeout).filter(|time| !time.is_zero());
        Ok(Self { client, server, timeout })
    }

    /// What stands at this address.
    ///
    /// # Errors
    /// When it is not given.
    pub async fn get(&self, url: &str) -> Result<Value, Failure> {
        self.send("GET", url, Form::Json, &Value::Null).await
    }

    /// Every item of a collection.
    ///
    /// # Errors
    /// When it is not given.
    pub async fn list(&self, url: &str, query: &str) -> Result<Vec<Value>, Failure> {
        let (mut all, mut next) = (Vec::new(), String::new());
        loop {
            let page = format!("{url}?limit={PAGE}&{query}{next}");
            let mut answer = self.get(&page).await?;
            if let Some(Value::Array(items)) = answer.get_mut("items").map(Value::take) {
                all.extend(items);
            }
            match answer.pointer("/metadata/continue").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => {
                    next = format!("&continue={}", encoded(token));
                }
                _ => return Ok(all),
            }
        }
    }

    /// One request.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn send(
        &self,
        method: &str,
        url: &str,
        form: Form,
        body: &Value,
    ) -> Result<Value, Failure> {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let kind = match form {
            Form::Json => "application/json",
            Form::Merge => "application/merge-patch+json",
        };
        let request = http::Request::builder().method(method).uri(url);
        let request = request.header("Content-Type", kind).body(bytes);
        let request = request.map_err(|error| Failure::Other(error.to_string()))?;
        self.within(Box::pin(self.client.request::<Value>(request))).await
    }

    /// A text that stands at this address, such as a log.
    ///
    /// # Errors
    /// When it is not given.
    pub async fn text(&self, url: &str) -> Result<String, Failure> {
        let request = http::Request::get(url).body(Vec::new());
        let request = request.map_err(|error| Failure::Other(error.to_string()))?;
        self.within(Box::pin(self.client.request_text(request))).await
    }

    /// The client, for what is no plain request.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// What is asked of the cluster, in the time that one request may take.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn within<T>(
        &self,
        answer: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Failure> {
        let answer = match self.timeout {
            None => answer.await,
            Some(time) => tokio::time::timeout(time, answer).await.map_err(|_| {
                Failure::Unreachable(format!(
                    "{} has not answered within {} s; --request-timeout waits longer",
                    self.server,
                    time.as_secs()
                ))
            })?,
        };
        answer.map_err(|error| self.said(&error))
    }

    fn said(&self, error: &kube::Error) -> Failure {
        match error {
            kube::Error::Api(status) => refused(status.code, &status.message),
            kube::Error::Auth(error) => Failure::Forbidden(format!(
                "the kubeconfig's credentials cannot be used: {}",
                chain(error)
            )),
            kube::Error::SerdeError(error) => {
                Failure::Other(format!("{} answers what is no JSON: {error}", self.server))
            }
            error => Failure::Unreachable(format!(
                "{} cannot be reached: {}; is the context the right one? (kubectl config current-context)",
                self.server,
                chain(error)
            )),
        }
    }
}

/// A refusal, by its HTTP code.
fn refused(code: u16, message: &str) -> Failure {
    match code {
        401 => Failure::Forbidden(
            "the cluster does not know who you are: the kubeconfig's credentials are wrong or have expired"
                .to_owned(),
        ),
        403 => Failure::Forbidden(format!("{message} (docs/kubectl.md says which rights it takes)")),
        404 if message.contains("page not found") => Failure::NotFound(
            "this cluster does not know Tenants: Tenantry is not installed there, or the context is \
             another cluster's"
                .to_owned(),
        ),
        404 => Failure::NotFound(message.to_owned()),
        504 => Failure::Unreachable(message.to_owned()),
        _ => Failure::Other(message.to_owned()),
    }
}

/// An error and what caused it, in one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    texts.join(": ")
}

/// A text as it may stand in a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    text.bytes().fold(String::new(), |mut all, byte| {
        if plain(byte) {
            all.push(char::from(byte));
        } else {
            all.push_str(&format!("%{byte:02X}"));
        }
        all
    })
}

async fn config(reach: &Reach) -> Result<Config, Failure> {
    let unusable = |error: &(dyn std::error::Error + 'static)| {
        Failure::Usage(format!("the kubeconfig cannot be used: {}", chain(error)))
    };
    let options =
        KubeConfigOptions { context: reach.context.clone(), ..KubeConfigOptions::default() };
    match kubeconfig(reach)? {
        Some(file) => {
            let config = Config::from_custom_kubeconfig(file, &options).await;
            config.map_err(|error| unusable(&error))
        }
        None if reach.context.is_some() => Err(Failure::Usage(format!(
            "--context {}: there is no kubeconfig; set KUBECONFIG or --kubeconfig",
            reach.context.as_deref().unwrap_or_default()
        ))),
        None => Config::incluster().map_err(|_| {
            Failure::Unreachable(
                "no cluster is configured: set KUBECONFIG, --kubeconfig, or make ~/.kube/config"
                    .to_owned(),
            )
        }),
    }
}

/// The kubeconfig as kubectl finds it: of several in KUBECONFIG those that exist, merged.
fn kubeconfig(reach: &Reach) -> Result<Option<Kubeconfig>, Failure> {
    let read =
        |path: &PathBuf| Kubeconfig::read_from(path).map_err(|error| Failure::Usage(chain(&error)));
    if let Some(path) = &reach.kubeconfig {
        return read(path).map(Some);
    }
    let named = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
    let paths: Vec<PathBuf> = match named {
        Some(value) => std::env::split_paths(&value).collect(),
        None => std::env::home_dir().map(|home| home.join(".kube/config")).into_iter().collect(),
    };
    let mut merged = None;
    for path in paths.iter().filter(|path| path.exists()) {
        let file = read(path)?;
        merged = Some(match merged {
            None => file,
            Some(before) => {
                Kubeconfig::merge(before, file).map_err(|error| Failure::Usage(chain(&error)))?
            }
        });
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_its_code() {
        assert_eq!(refused(401, "Unauthorized").code(), 4);
        assert_eq!(refused(403, "no").code(), 4);
        assert_eq!(refused(404, "tenants.tenantry.dev \"a\" not found").code(), 3);
        assert!(refused(404, "404 page not found").to_string().contains("not installed"));
        assert_eq!(refused(422, "no").code(), 1);
    }

    #[test]
    fn a_query_holds_any_text() {
        assert_eq!(encoded("a=b,c in (d)"), "a%3Db%2Cc%20in%20%28d%29");
    }
}
