//! A bucket of a store that speaks the S3 API: whole archives go into it, and come out again.
//!
//! `rusty_s3` signs each request; the client that makes it is the one that all else is asked with. The
//! signature is in the URL, so no URL is ever said or logged. What the bucket answers is not believed
//! either: an archive that comes out is held against its SHA-256.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Credentials, S3Action, UrlStyle};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::http::address::is_near;

/// The largest archive that one request may bring, by the S3 API.
pub const LARGEST: u64 = 5 * 1024 * 1024 * 1024;
/// The file with the name of the key, in the folder of credentials.
pub const ACCESS_KEY_ID: &str = "access-key-id";
/// The file with the key.
pub const SECRET_ACCESS_KEY: &str = "secret-access-key";
/// The file with a token that belongs to a key which ends soon; it need not be there.
pub const SESSION_TOKEN: &str = "session-token";

/// The header that has the store refuse what arrived damaged.
const CHECKSUM: &str = "x-amz-checksum-sha256";
const MEDIA_TYPE: &str = "application/x-tar";
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a small request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an archive may take, either way.
const TRANSFER: Duration = Duration::from_secs(600);
/// For how long a signature is good.
const SIGNED_FOR: Duration = Duration::from_secs(900);
/// How much of an answer that is no archive is read, in bytes: a list has a thousand names.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// Which bucket, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The store's address.
    pub endpoint: String,
    /// The bucket's name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Under what names in it; empty for all of it.
    pub prefix: String,
    /// The folder with the credentials.
    pub credentials: PathBuf,
    /// A file (PEM) with authorities of the store's certificate, beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// A bucket.
pub struct Bucket {
    client: Client,
    signed: rusty_s3::Bucket,
    /// Empty, or ends with a slash.
    prefix: String,
    credentials: PathBuf,
}

impl Bucket {
    /// The bucket as configured. It is not asked yet.
    ///
    /// # Errors
    /// When a setting cannot be used, with the remedy; no secret is repeated.
    pub fn open(settings: Settings) -> anyhow::Result<Self> {
        // Another part may have chosen the same provider before.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let Settings { endpoint, name, region, prefix, credentials, ca_file } = settings;
        let url = address(&endpoint)?;
        is_name(&name).with_context(|| format!("--backups-s3-bucket {name:?}"))?;
        is_region(&region).with_context(|| format!("--backups-s3-region {region:?}"))?;
        let prefix =
            prefix_of(&prefix).with_context(|| format!("--backups-s3-prefix {prefix:?}"))?;
        let signed = rusty_s3::Bucket::new(url, UrlStyle::Path, name, region);
        let signed =
            signed.ok().context("--backups-s3-endpoint and --backups-s3-bucket make no address")?;
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = ca_file {
            let named = || format!("--backups-s3-ca-file {}", path.display());
            let pem = std::fs::read(&path).with_context(named)?;
            let all = reqwest::Certificate::from_pem_bundle(&pem).with_context(named)?;
            ensure!(!all.is_empty(), "{}: no certificate (PEM) is in it", named());
            builder = builder.tls_certs_merge(all);
        }
        let client = builder.build().map_err(reqwest::Error::without_url).context("HTTP client")?;
        let bucket = Self { client, signed, prefix, credentials };
        // Found out at the start, not in the night.
        bucket.key()?;
        Ok(bucket)
    }

    /// What people call an object.
    #[must_use]
    pub fn place(&self, object: &str) -> String {
        format!("s3://{}/{}{object}", self.signed.name(), self.prefix)
    }

    /// Puts a file under a name: all of it with this SHA-256, or nothing.
    ///
    /// # Errors
    /// Why it is not there.
    pub async fn put(
        &self,
        object: &str,
        from: &Path,
        (bytes, sha256): (u64, &[u8; 32]),
    ) -> anyhow::Result<()> {
        let named = || from.display().to_string();
        let (key, object) = (self.key()?, self.object(object));
        let sum = STANDARD.encode(sha256);
        let mut action = self.signed.put_object(Some(&key), &object);
        action.headers_mut().insert(CHECKSUM, sum.as_str());
        let url = action.sign(SIGNED_FOR);
        let file = tokio::fs::File::open(from).await.with_context(named)?;
        let request = self
            .client
            .put(url)
            .header(CONTENT_TYPE, MEDIA_TYPE)
            .header(CONTENT_LENGTH, bytes)
            .header(CHECKSUM, &sum)
            .timeout(TRANSFER)
            .body(file);
        self.ask("PUT", request).await.map(drop)
    }

    /// Copies an object out, up to so many bytes and one; answers whether it is there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get(
        &self,
        object: &str,
        most: u64,
        mut into: impl AsyncWrite + Unpin,
    ) -> anyhow::Result<bool> {
        let (key, object) = (self.key()?, self.object(object));
        let url = self.signed.get_object(Some(&key), &object).sign(SIGNED_FOR);
        let request = self.client.get(url).timeout(TRANSFER);
        let Some(response) = self.ask_for("GET", request).await? else { return Ok(false) };
        let mut left = most.saturating_add(1);
        let mut stream = response.bytes_stream();
        while left > 0
            && let Some(piece) = stream.next().await
        {
            let piece = piece.map_err(|error| self.unreached(error))?;
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            into.write_all(piece.get(..take).unwrap_or_default()).await?;
            left -= take as u64;
        }
        into.flush().await?;
        Ok(true)
    }

    /// Removes an object, which need not be there.
    ///
    /// # Errors
    /// When it may be there still.
    pub async fn remove(&self, object: &str) -> anyhow::Result<()> {
        let (key, object) = (self.key()?, self.object(object));
        let url = self.signed.delete_object(Some(&key), &object).sign(SIGNED_FOR);
        self.ask_for("DELETE", self.client.delete(url)).await.map(drop)
    }

    /// Puts an object there and takes it away again; its file stands in `beside` meanwhile.
    ///
    /// # Errors
    /// What would be the matter with a backup.
    pub(super) async fn try_out(&self, beside: &Path) -> anyhow::Result<()> {
        let file = tempfile::NamedTempFile::new_in(beside)?;
        let object = format!(".{}", uuid::Uuid::now_v7());
        self.put(&object, file.path(), (0, &Sha256::digest(b"").into())).await?;
        self.remove(&object).await
    }

    /// The names of all objects that begin so.
    ///
    /// # Errors
    /// When not all of them can be had.
    pub async fn list(&self, under: &str) -> anyhow::Result<Vec<String>> {
        Ok(self.objects(under).await?.into_iter().map(|(name, _)| name).collect())
    }

    /// Names and sizes of all objects that begin so.
    ///
    /// # Errors
    /// When not all of them can be had.
    pub async fn objects(&self, under: &str) -> anyhow::Result<Vec<(String, u64)>> {
        let (under, mut all) = (self.object(under), Vec::new());
        let mut next = None;
        loop {
            let key = self.key()?;
            let mut action = self.signed.list_objects_v2(Some(&key));
            action.with_prefix(under.as_str());
            if let Some(token) = next.take() {
                action.with_continuation_token(token);
            }
            let response = self.ask("GET", self.client.get(action.sign(SIGNED_FOR))).await?;
            let text = self.bounded(response).await?;
            let page = ListObjectsV2::parse_response(&text);
            let page = page.map_err(|_| self.says("a list that is none"))?;
            let own = |key: String| key.strip_prefix(&self.prefix).map(str::to_owned);
            let sized = page.contents.into_iter().map(|object| (object.key, object.size));
            all.extend(sized.filter_map(|(key, size)| Some((own(key)?, size.unwrap_or(0)))));
            match page.next_continuation_token {
                Some(token) => next = Some(token),
                None => return Ok(all),
            }
        }
    }

    fn object(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The key as it is now: a Secret that is replaced needs no restart.
    fn key(&self) -> anyhow::Result<Credentials> {
        let read = |name: &str| -> anyhow::Result<Option<String>> {
            let path = self.credentials.join(name);
            let named = || format!("--backups-s3-credentials: {}", path.display());
            let text = match std::fs::read_to_string(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                read => read.with_context(named)?,
            };
            let text = text.trim();
            let fit = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            ensure!(fit, "{}: one line of printable characters belongs there", named());
            Ok(Some(text.to_owned()))
        };
        let needed = |name: &str| {
            let path = self.credentials.join(name);
            read(name)?.with_context(|| {
                format!("--backups-s3-credentials: {} is not there", path.display())
            })
        };
        let (id, secret) = (needed(ACCESS_KEY_ID)?, needed(SECRET_ACCESS_KEY)?);
        Ok(match read(SESSION_TOKEN)? {
            None => Credentials::new(id, secret),
            Some(token) => Credentials::new_with_token(id, secret, token),
        })
    }

    async fn ask(&self, what: &str, request: RequestBuilder) -> anyhow::Result<Response> {
        let answer = self.ask_for(what, request).await?;
        answer.ok_or_else(|| self.says(&format!("404 to {what}")))
    }

    /// What is answered; nothing where there is no such object.
    async fn ask_for(
        &self,
        what: &str,
        request: RequestBuilder,
    ) -> anyhow::Result<Option<Response>> {
        let response = request.send().await.map_err(|error| self.unreached(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(Some(response));
        }
        let text = self.bounded(response).await.unwrap_or_default();
        let code = code(&text);
        if status == StatusCode::NOT_FOUND && code == Some("NoSuchKey") {
            return Ok(None);
        }
        let code = code.map(|code| format!(" {code}")).unwrap_or_default();
        bail!(self.says(&format!("{}{code} to {what}", status.as_u16())))
    }

    async fn bounded(&self, response: Response) -> anyhow::Result<String> {
        let (mut stream, mut body) = (response.bytes_stream(), Vec::new());
        while let Some(piece) = stream.next().await {
            body.extend_from_slice(&piece.map_err(|error| self.unreached(error))?);
            ensure!(body.len() <= LARGEST_ANSWER, self.says("with too much"));
        }
        String::from_utf8(body).map_err(|_| self.says("what is no text"))
    }

    fn says(&self, what: &str) -> anyhow::Error {
        anyhow::anyhow!("the bucket {} answered {what}", self.place(""))
    }

    /// The innermost cause says most: "connection refused". The URL is a signature.
    fn unreached(&self, error: reqwest::Error) -> anyhow::Error {
        let error = error.without_url();
        let mut cause: &dyn Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        anyhow::anyhow!("the bucket {} cannot be reached: {cause}", self.place(""))
    }
}

/// The code of an error, as the S3 API words it. The rest of such an answer repeats what was signed.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let fit = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fit.then_some(code)
}

/// The store's address. Archives hold what customers did, so in the open they travel by https alone.
fn address(endpoint: &str) -> anyhow::Result<Url> {
    let url = Url::parse(endpoint).context("--backups-s3-endpoint is no address")?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let plain = url.query().is_none() && url.fragment().is_none();
    let nobody = url.username().is_empty() && url.password().is_none();
    ensure!(
        matches!(url.scheme(), "http" | "https") && plain && nobody && !host.is_empty(),
        "--backups-s3-endpoint is no plain http or https address; credentials go into \
         --backups-s3-credentials",
    );
    ensure!(
        url.scheme() == "https" || is_near(host),
        "--backups-s3-endpoint {url} is not https: over http alone on this machine or in the cluster \
         (a name without dots, or one that ends in .svc or .svc.cluster.local)",
    );
    Ok(url)
}

fn is_name(name: &str) -> anyhow::Result<()> {
    let fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = name.bytes().next().is_some_and(fit) && name.bytes().next_back().is_some_and(fit);
    let all = name.bytes().all(|byte| fit(byte) || matches!(byte, b'-' | b'.'));
    let long = (3..=63).contains(&name.len());
    ensure!(ends && all && long, "3 to 63 small letters, digits, dots and hyphens belong there");
    Ok(())
}

fn is_region(region: &str) -> anyhow::Result<()> {
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let long = (1..=64).contains(&region.len());
    ensure!(long && region.bytes().all(fit), "1 to 64 letters, digits and hyphens belong there");
    Ok(())
}

/// A prefix that ends with a slash, or is empty.
fn prefix_of(prefix: &str) -> anyhow::Result<String> {
    if prefix.is_empty() {
        return Ok(String::new());
    }
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(fit);
    ensure!(
        prefix.len() <= 200 && prefix.split('/').all(part),
        "names of letters, digits, dots, hyphens and underscores belong there, with one slash between \
         two of them",
    );
    Ok(format!("{prefix}/"))
}

#[cfg(test)]
mod tests;
