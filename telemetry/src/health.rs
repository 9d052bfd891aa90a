//! `/healthz`, `/readyz` and `/metrics`, on a port of their own.
//!
//! | path | 200 | 503 |
//! |---|---|---|
//! | `/healthz` | `ok` | one line `name: why` per failing liveness check |
//! | `/readyz` | `ok` | one line `name: why` per failing readiness check |
//! | `/metrics` | Prometheus text | |

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::checks::Kind;
pub use crate::checks::{Check, Checks};
use crate::metrics;
use crate::shutdown::Shutdown;

/// How long a client may take to send its request.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// How long one connection may live; each serves one request.
const CONNECTION_LIMIT: Duration = Duration::from_secs(30);
/// How many connections are served at once; more wait. A flood must not use up the file handles
/// that the program's real work needs.
const CONNECTIONS: usize = 256;
/// How long a stopping server waits for answers under way.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// The health server: bound, and serving once [`Server::run`] is polled.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    routes: Router,
}

impl Server {
    /// Binds `address` (port 0: any free one). Connections are accepted from now on, and answered
    /// once [`Server::run`] is polled.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn bind(
        address: SocketAddr,
        checks: &Checks,
        registry: &Registry,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot serve health on {address}"))?;
        let address = listener.local_addr().context("address of the health server")?;
        Ok(Self { listener, address, routes: routes(checks.clone(), registry.clone()) })
    }

    /// Also answers on other routes, such as a program's own status.
    #[must_use]
    pub fn with(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// The address bound, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then finishes answers under way for at most a second.
    pub async fn run(mut self, stop: Shutdown) {
        let mut stopped = pin!(stop.cancelled());
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut stopped => break,
                // `Listener::accept` outlasts failures such as too many open files.
                (stream, _) = Listener::accept(&mut self.listener),
                    if connections.len() < CONNECTIONS =>
                {
                    connections.spawn(answer(stream, self.routes.clone()));
                }
                Some(_) = connections.join_next() => {}
            }
        }
        drop(self.listener);
        // What is still open after the limit is cut when the set is dropped.
        let _ =
            timeout(DRAIN_LIMIT, async { while connections.join_next().await.is_some() {} }).await;
    }
}

/// Serves one request. `axum::serve` has no limit on how long a client may dawdle over its headers,
/// so that a few idle connections could lock everyone else out; hence hyper directly.
async fn answer(stream: TcpStream, routes: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_LIMIT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    // Clients that go away or are cut off are no concern of ours.
    let _ = timeout(CONNECTION_LIMIT, connection).await;
}

fn routes(checks: Checks, registry: Registry) -> Router {
    let health = |kind| get(async move |State(checks): State<Checks>| verdict(&checks, kind));
    Router::new()
        .route("/healthz", health(Kind::Live))
        .route("/readyz", health(Kind::Ready))
        .with_state(checks)
        .merge(Router::new().route("/metrics", get(scrape)).with_state(registry))
}

fn verdict(checks: &Checks, kind: Kind) -> Response {
    let problems = checks.problems(kind);
    if problems.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", problems.join("\n"))).into_response()
}

async fn scrape(State(registry): State<Registry>) -> Response {
    // Thousands of series take a while to collect and print; other tasks should not wait for that.
    let text = tokio::task::spawn_blocking(move || metrics::text(&registry)).await;
    match text.context("metrics task").flatten() {
        Ok((format, text)) => ([(header::CONTENT_TYPE, format)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n")).into_response(),
    }
}
