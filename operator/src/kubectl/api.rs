//! The API server, as one person with a token reaches it: at an address, or through the cluster by a
//! forwarded port that no other program can use.

mod forward;
mod token;

use std::{path::Path, time::Duration};

use http::{HeaderMap, HeaderValue, Method, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    access::{Access, chain},
    args::{Prices, Reach},
    failure::Failure,
    wire::ProblemBody,
};
use forward::Forward;
pub use token::{SOURCES, Token};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How large an answer may be, in bytes.
const LARGEST: usize = 8 * 1024 * 1024;

/// The API server.
pub struct Api {
    way: Way,
    token: Option<Token>,
    timeout: Option<Duration>,
}

enum Way {
    Direct { client: reqwest::Client, base: String },
    Forwarded(Box<Forward>),
}

/// What came back.
struct Answered {
    status: u16,
    body: Vec<u8>,
}

impl Api {
    /// Opens it as the arguments say; `None` when they say neither where it is nor who asks. A port is
    /// forwarded for a token alone: there is little to be had without one.
    ///
    /// # Errors
    /// When the arguments cannot be used, or the way there is barred.
    pub async fn open(
        access: &Access,
        reach: &Reach,
        asked: &Prices,
    ) -> Result<Option<Self>, Failure> {
        let token = Token::find(asked.token_file.as_deref())?;
        let timeout = Some(reach.request_timeout).filter(|time| !time.is_zero());
        let way = match &asked.server {
            Some(server) => direct(server, asked.server_ca_file.as_deref(), token.is_some())?,
            None if token.is_some() => {
                let forward = Box::pin(Forward::open(access, &reach.namespace));
                Way::Forwarded(Box::new(forward.await?))
            }
            None => return Ok(None),
        };
        Ok(Some(Self { way, token, timeout }))
    }

    /// Whether there is a token to ask with.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// What stands there.
    ///
    /// # Errors
    /// Why it is not given.
    pub async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Failure> {
        self.send(Method::GET, path, Vec::new()).await
    }

    /// The answer to a question.
    ///
    /// # Errors
    /// Why it is not given.
    pub async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(|error| Failure::Other(error.to_string()))?;
        self.send(Method::POST, path, body).await
    }

    async fn send<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if !body.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(token) = &self.token {
            headers.insert(header::AUTHORIZATION, token.header());
        }
        let request = async {
            match &mut self.way {
                Way::Direct { client, base } => {
                    by_address(client, base, method, path, headers, body).await
                }
                Way::Forwarded(forward) => forward.send(method, path, headers, body).await,
            }
        };
        let answered = match self.timeout {
            None => Box::pin(request).await,
            Some(time) => tokio::time::timeout(time, Box::pin(request)).await.unwrap_or_else(|_| {
                Err(Failure::Unreachable(format!(
                    "the API server has not answered within {} s; --request-timeout waits longer",
                    time.as_secs()
                )))
            }),
        };
        read(&answered?)
    }
}

/// The way to an address. A token goes to no other machine in clear.
fn direct(server: &str, ca: Option<&Path>, token: bool) -> Result<Way, Failure> {
    // The address may hold what should not be shown.
    let wrong = |why: &str| Failure::Usage(format!("--server: {why}"));
    let url = reqwest::Url::parse(server)
        .map_err(|_| wrong("that is no address such as https://tenantry.example.com"))?;
    let plain = url.username().is_empty() && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https")
        || !plain
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(wrong(
            "give a plain http or https address, without user, password, query or fragment",
        ));
    }
    let secure = url.scheme() == "https";
    if token && !secure && !is_loopback(&url) {
        return Err(wrong(
            "the token would go to another machine in clear: give an https address, or leave --server out and \
             the plugin forwards a port through the cluster",
        ));
    }
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT);
    // A proxy would read the token.
    let builder = if secure { builder } else { builder.no_proxy() };
    let client = match ca {
        None => builder.build().map_err(|error| Failure::Other(chain(&error)))?,
        Some(path) => trusting(builder, path)?,
    };
    Ok(Way::Direct { client, base: server.trim_end_matches('/').to_owned() })
}

/// A client that takes what the file's certificates sign, too. A file without any is refused: it would
/// be told of only as a certificate of the server that nobody knows.
fn trusting(builder: reqwest::ClientBuilder, path: &Path) -> Result<reqwest::Client, Failure> {
    let unusable =
        |why: String| Failure::Usage(format!("--server-ca-file {}: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let certificates =
        reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| unusable(chain(&error)))?;
    if certificates.is_empty() {
        return Err(unusable("there is no certificate in it (PEM)".to_owned()));
    }
    builder.tls_certs_merge(certificates).build().map_err(|error| unusable(chain(&error)))
}

fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

async fn by_address(
    client: &reqwest::Client,
    base: &str,
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Answered, Failure> {
    let lost = |error: reqwest::Error| {
        let why = chain(&error.without_url());
        Failure::Unreachable(format!("the API server at {base} cannot be reached: {why}"))
    };
    let request = client.request(method, format!("{base}{path}")).headers(headers).body(body);
    let mut answer = request.send().await.map_err(lost)?;
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(lost)? {
        body.extend_from_slice(&piece);
        if body.len() > LARGEST {
            return Err(too_large());
        }
    }
    Ok(Answered { status, body })
}

fn too_large() -> Failure {
    Failure::Other(format!("the API server's answer is larger than {LARGEST} bytes"))
}

/// An answer, or the refusal that it is.
fn read<T: DeserializeOwned>(answered: &Answered) -> Result<T, Failure> {
    if answered.status == 200 {
        return serde_json::from_slice(&answered.body).map_err(|error| {
            Failure::Other(format!(
                "what answers is no API server of Tenantry, or one of another version: {error}"
            ))
        });
    }
    let problem: Option<ProblemBody> = serde_json::from_slice::<Value>(&answered.body)
        .ok()
        .and_then(|value| serde_json::from_value(value).ok());
    Err(refused(answered.status, problem.as_ref()))
}

/// A refusal, by its HTTP code.
fn refused(status: u16, problem: Option<&ProblemBody>) -> Failure {
    let detail = problem.map_or_else(
        || format!("it answered {status} and did not say why"),
        |problem| {
            let fields = problem.errors.iter().map(|field| format!("{}; ", field.detail));
            let fields: String = fields.collect();
            format!("{fields}{} (request {})", problem.detail, problem.request_id)
        },
    );
    let text = format!("the API server: {detail}");
    match status {
        401 => Failure::Forbidden(format!(
            "the API server does not take this token: it has expired, is for another audience than `billing`, or \
             comes from an issuer that is not trusted there ({SOURCES})"
        )),
        403 => Failure::Forbidden(text),
        404 => Failure::NotFound(text),
        408 | 429 | 500.. => Failure::Unreachable(text),
        _ => Failure::Other(text),
    }
}

#[cfg(test)]
mod tests;
