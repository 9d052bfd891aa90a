//! The public port: connections bounded in number and patience, and a drain that cuts nobody off.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use telemetry::shutdown::Shutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt;

/// The address of the client, in a request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// How patient the server is, and with how many.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Connections at once; more wait until one ends.
    pub connections: usize,
    /// How long a client may take to send a request's headers, and how long a connection may lie
    /// idle.
    pub headers: Duration,
    /// How long a stopping server waits for answers under way.
    pub drain: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connections: 4096, headers: Duration::from_secs(10), drain: Duration::from_secs(25) }
    }
}

/// Most headers of a request; more are answered 431.
const MOST_HEADERS: usize = 64;
/// How large the headers of a request may be together, in bytes.
const LARGEST_HEADERS: usize = 32 * 1024;

/// A bound port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Binds `address` (port 0: any free one). Connections wait until [`Server::run`] is polled.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot serve the API on {address}"))?;
        let address = listener.local_addr().context("address of the API")?;
        Ok(Self { listener, address })
    }

    /// The address bound, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves `routes` until `stop`; then takes no more connections, lets every request that has
    /// arrived have its answer, and closes.
    pub async fn run(mut self, routes: Router, patience: Patience, stop: Shutdown) {
        let room = Arc::new(Semaphore::new(patience.connections));
        let mut connections = JoinSet::new();
        let mut stopped = pin!(stop.cancelled());
        loop {
            let accepted = async {
                // The semaphore is never closed.
                let place = room.clone().acquire_owned().await.ok();
                (place, Listener::accept(&mut self.listener).await)
            };
            tokio::select! {
                () = &mut stopped => break,
                (place, (stream, peer)) = accepted => {
                    let work = answer(stream, peer, routes.clone(), patience, stop.clone());
                    connections.spawn(async move {
                        work.await;
                        drop(place);
                    });
                }
                Some(_) = connections.join_next() => {}
            }
        }
        drop(self.listener);
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(patience.drain, drained).await.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "cut off: not done within the drain time"
            );
        }
    }
}

/// Serves one connection. `axum::serve` sets no timer, so that whoever sends headers slowly could
/// hold a connection for ever.
async fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    patience: Patience,
    stop: Shutdown,
) {
    // Small answers should not wait for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        let routes = routes.clone();
        async move { Ok::<_, Infallible>(routes.oneshot(request).await.unwrap_or_else(|e| match e {})) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.headers)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // Clients that go away or are cut off are no concern of ours.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
