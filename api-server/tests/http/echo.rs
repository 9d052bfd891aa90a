//! A server with routes that only show what reaches them.

use std::net::SocketAddr;
use std::sync::Arc;

use api_server::http::layers::{self, Limits};
use api_server::http::server::{Patience, Peer, Server};
use api_server::http::{Json, Problem};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use telemetry::shutdown::Shutdown;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// A command with every shape of field.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub name: String,
    #[serde(default)]
    pub count: u32,
    #[serde(default)]
    pub lines: Vec<Line>,
    #[serde(default)]
    pub mode: Option<Mode>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    #[serde(rename = "a/b~c")]
    pub odd: i64,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Dry,
    Wet,
}

/// Holds requests until told.
#[derive(Clone)]
pub struct Gate {
    pub inside: Arc<Semaphore>,
    pub go: Arc<Semaphore>,
}

impl Gate {
    pub fn new() -> Self {
        Self { inside: Arc::new(Semaphore::new(0)), go: Arc::new(Semaphore::new(0)) }
    }

    /// Waits until `count` requests are held.
    pub async fn held(&self, count: u32) {
        self.inside.acquire_many(count).await.unwrap().forget();
    }
}

async fn hold(State(gate): State<Gate>) -> &'static str {
    gate.inside.add_permits(1);
    gate.go.acquire().await.unwrap().forget();
    "held\n"
}

#[allow(clippy::unused_async, reason = "a handler")]
async fn panics() -> &'static str {
    panic!("a secret detail")
}

pub fn routes(gate: Gate) -> Router {
    Router::new()
        .route("/order", post(async |Json(order): Json<Order>| axum::Json(order)))
        .route("/hold", get(hold))
        .route("/panic", get(panics))
        .route("/peer", get(async |Extension(peer): Extension<Peer>| peer.0.ip().to_string()))
        .route(
            "/bare/{status}",
            get(async |axum::extract::Path(status): axum::extract::Path<u16>| {
                (StatusCode::from_u16(status).unwrap(), [("x-kept", "yes")], "a secret detail")
                    .into_response()
            }),
        )
        .route("/internal", get(async || Problem::internal("password=hunter2")))
        .with_state(gate)
}

pub fn router(limits: &Limits) -> Router {
    layers::around(routes(Gate::new()), limits, &opentelemetry::global::meter("test"))
}

/// One request without a network.
pub async fn ask(request: Request) -> (StatusCode, HeaderMap, String) {
    let response = router(&Limits::default()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

/// An order with these bytes.
pub async fn order(media_type: &str, body: impl Into<Body>) -> (StatusCode, Value) {
    let request = Request::post("/order").header("content-type", media_type);
    let (status, _, body) = ask(request.body(body.into()).unwrap()).await;
    (status, serde_json::from_str(&body).unwrap())
}

/// A server on a port of its own.
pub struct Running {
    pub address: SocketAddr,
    pub gate: Gate,
    pub stop: Shutdown,
    pub ended: JoinHandle<()>,
}

impl Running {
    pub async fn start(patience: Patience, limits: Limits) -> Self {
        let (gate, stop) = (Gate::new(), Shutdown::new());
        let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = server.local_addr();
        let routes =
            layers::around(routes(gate.clone()), &limits, &opentelemetry::global::meter("test"));
        let ended = tokio::spawn(server.run(routes, patience, stop.clone()));
        Self { address, gate, stop, ended }
    }

    pub async fn plain() -> Self {
        Self::start(Patience::default(), Limits::default()).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// A client that opens a connection for each request unless it is given one back.
pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
