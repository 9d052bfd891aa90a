//! The control plane, as a gateway reaches it: under its own projected token, which is read anew for
//! each request since the kubelet replaces it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::StreamExt;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::Answered;
use crate::auth::keys::Source;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a request may take; the control plane answers within 30 s.
const PATIENCE: Duration = Duration::from_secs(45);
/// How large an answer may be, in bytes: a thousand refusals have their words in it.
const LARGEST: usize = 4 * 1024 * 1024;

/// Where it is and who asks.
pub struct ControlPlane {
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
        let url = reqwest::Url::parse(base)
            .with_context(|| format!("the control plane's address {base:?}"))?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        ensure!(
            matches!(url.scheme(), "http" | "https") && plain && url.password().is_none(),
            "the control plane's address {:?} is no plain http or https address",
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
        Ok(Self { client, base, token_file: token_file.to_owned() })
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
        let token = tokio::fs::read_to_string(&self.token_file).await;
        let token = token.map_err(|error| format!("{}: {error}", self.token_file.display()))?;
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header(CONTENT_TYPE, media_type)
            .bearer_auth(token.trim())
            .body(body);
        let response = request.send().await.map_err(|error| unreached(&error))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let body = bounded(response).await?;
        Ok(Answered { status, retry_after, body })
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
}

async fn bounded(response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut stream = response.bytes_stream();
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        body.extend_from_slice(&chunk.map_err(|error| unreached(&error))?);
        if body.len() > LARGEST {
            return Err(format!("the control plane's answer is larger than {LARGEST} bytes"));
        }
    }
    Ok(body)
}

/// The innermost causes say most: "connection refused", "operation timed out".
fn unreached(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("the control plane cannot be reached: {cause}")
}
