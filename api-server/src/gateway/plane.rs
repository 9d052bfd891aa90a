//! The control plane, as a gateway reaches it, and a gateway, as its backup job does: under one's own
//! projected token, which is read anew for each request since the kubelet replaces it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::body::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LINK, RETRY_AFTER};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::Answered;
use crate::auth::keys::Source;
use crate::routes::backups::DIGEST;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a request may take; the control plane answers within 30 s.
const PATIENCE: Duration = Duration::from_secs(45);
/// How large an answer may be, in bytes: a thousand refusals have their words in it.
const LARGEST: usize = 4 * 1024 * 1024;

/// A file on its way.
pub struct Upload {
    /// What it is.
    pub media_type: &'static str,
    /// What `Content-Digest` says of it.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
    /// Its bytes.
    pub body: BoxStream<'static, std::io::Result<Bytes>>,
    /// How long it may take.
    pub patience: Duration,
}

/// Where it is and who asks.
pub struct ControlPlane {
    /// What it is called in messages.
    name: &'static str,
    client: reqwest::Client,
    base: String,
    token_file: PathBuf,
}

impl ControlPlane {
    /// The control plane at `base`, an http or https address.
    ///
    /// # Errors
    /// When the address or the file of certificates cannot be used.
    pub fn new(base: &str, ca_file: Option<&Path>, token_file: &Path) -> anyhow::Result<Self> {
        Self::named("the control plane", base, ca_file, token_file)
    }

    /// A tenant's gateway at `base`, which speaks alike.
    ///
    /// # Errors
    /// As [`ControlPlane::new`].
    pub fn gateway(base: &str, token_file: &Path) -> anyhow::Result<Self> {
        Self::named("the gateway", base, None, token_file)
    }

    /// The API server at `base`, as a person's or a tool's token reaches it.
    ///
    /// # Errors
    /// As [`ControlPlane::new`].
    pub fn server(base: &str, ca_file: Option<&Path>, token_file: &Path) -> anyhow::Result<Self> {
        Self::named("the API server", base, ca_file, token_file)
    }

    fn named(
        name: &'static str,
        base: &str,
        ca_file: Option<&Path>,
        token_file: &Path,
    ) -> anyhow::Result<Self> {
        let url =
            reqwest::Url::parse(base).with_context(|| format!("{name}'s address {base:?}"))?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        ensure!(
            matches!(url.scheme(), "http" | "https") && plain && url.password().is_none(),
            "{name}'s address {:?} is no plain http or https address",
            url.host_str().unwrap_or_default(),
        );
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(PATIENCE);
        if let Some(path) = ca_file {
            let pem = std::fs::read(path).with_context(|| path.display().to_string())?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem)
                .with_context(|| path.display().to_string())?;
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().context("HTTP client")?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { name, client, base, token_file: token_file.to_owned() })
    }

    /// The keys by which workloads' tokens are verified.
    #[must_use]
    pub fn keys(&self) -> Source {
        let url = format!("{}/gateway/keys", self.base);
        Source::of(url, self.client.clone(), self.token_file.clone())
    }

    /// Sends a body.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn post(
        &self,
        path: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Result<Answered, String> {
        let request = self.client.post(format!("{}{path}", self.base));
        self.send(request.header(CONTENT_TYPE, media_type).body(body)).await
    }

    /// Asks.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn get(&self, path: &str) -> Result<Answered, String> {
        self.send(self.client.get(format!("{}{path}", self.base))).await
    }

    /// Asks for a page of a table; answers with the path of the next one, too.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn page(&self, path: &str) -> Result<(Answered, Option<String>), String> {
        let response = self.begin(self.client.get(format!("{}{path}", self.base))).await?;
        let link = response.headers().get(LINK).and_then(|value| value.to_str().ok());
        let next = link.and_then(|link| link.strip_prefix('<')?.strip_suffix(">; rel=\"next\""));
        let next = next.map(str::to_owned);
        Ok((self.answered(response).await?, next))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answered, String> {
        let response = self.begin(request).await?;
        self.answered(response).await
    }

    async fn begin(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, String> {
        let token = tokio::fs::read_to_string(&self.token_file).await;
        let token = token.map_err(|error| format!("{}: {error}", self.token_file.display()))?;
        let response = request.bearer_auth(token.trim()).send().await;
        response.map_err(|error| self.unreached(&error))
    }

    async fn answered(&self, response: reqwest::Response) -> Result<Answered, String> {
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let body = self.bounded(response).await?;
        Ok(Answered { status, retry_after, body })
    }

    /// Sends a file.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn put(&self, path: &str, upload: Upload) -> Result<Answered, String> {
        let Upload { media_type, digest, bytes, body, patience } = upload;
        let request = self
            .client
            .put(format!("{}{path}", self.base))
            .header(CONTENT_TYPE, media_type)
            .header(CONTENT_LENGTH, bytes)
            .header(&DIGEST, digest)
            .timeout(patience)
            .body(reqwest::Body::wrap_stream(body));
        self.send(request).await
    }

    /// Sends a JSON command and reads its answer.
    ///
    /// # Errors
    /// Why there is no good answer.
    pub async fn command<I: Serialize, O: DeserializeOwned>(
        &self,
        path: &str,
        command: &I,
    ) -> Result<O, String> {
        let body = serde_json::to_vec(command).map_err(|error| error.to_string())?;
        let answered = self.post(path, "application/json", body).await?;
        if answered.status != 200 {
            return Err(format!("the control plane answered {} to {path}", answered.status));
        }
        let unread = |error| format!("the control plane's answer to {path}: {error}");
        serde_json::from_slice(&answered.body).map_err(unread)
    }

    async fn bounded(&self, response: reqwest::Response) -> Result<Vec<u8>, String> {
        let mut stream = response.bytes_stream();
        let mut body = Vec::new();
        while let Some(chunk) = stream.next().await {
            body.extend_from_slice(&chunk.map_err(|error| self.unreached(&error))?);
            if body.len() > LARGEST {
                return Err(format!("{}'s answer is larger than {LARGEST} bytes", self.name));
            }
        }
        Ok(body)
    }

    /// The innermost causes say most: "connection refused", "operation timed out".
    fn unreached(&self, error: &reqwest::Error) -> String {
        let mut cause: &dyn Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        format!("{} cannot be reached: {cause}", self.name)
    }
}
