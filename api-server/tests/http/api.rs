//! The real routes on a real ledger in a folder of its own.

use std::num::NonZeroU32;
use std::sync::Arc;

use api_server::auth::bindings::Recorded;
use api_server::auth::caller::Clock;
use api_server::auth::local::{self, Claims};
use api_server::auth::{Audience, Authenticator, Issuer, Verifier};
use api_server::domain::calendar::AnchorDay;
use api_server::domain::catalogue::Catalogue;
use api_server::http::budget::{Budgets, Rates};
use api_server::http::cursor::Cursors;
use api_server::http::layers::{self, Limits};
use api_server::ledger::{Ledger, Settings};
use api_server::routes::{App, Metrics, Routes};
use api_server::store::accounts::{self, Account};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tower::ServiceExt;

use crate::cluster;

pub const SECRET: &[u8] = b"a development secret of 32 bytes!";

/// The time in all tests: 2026-11-23T12:00:00Z.
pub fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub fn rates(each: u32) -> Rates {
    let each = NonZeroU32::new(each).unwrap();
    Rates { public: each, read: each, write: each, ingest: each }
}

/// A server without a port.
pub struct Api {
    pub router: Router,
    pub ledger: Ledger,
    _folder: tempfile::TempDir,
}

/// An answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The code of a problem.
    pub fn code(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.trim_start_matches("https://tenantry.dev/problems/").to_owned()
    }
}

impl Api {
    pub async fn new() -> Self {
        Self::with_rates(rates(1_000_000)).await
    }

    pub async fn with_rates(rates: Rates) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock: Clock = Arc::new(now);
        let settings = Settings { clock: clock.clone(), ..Settings::default() };
        let ledger = Ledger::open(folder.path(), settings).await.unwrap();
        for account in ["acme", "globex"] {
            add_account(&ledger, account).await;
            cluster::bind(&ledger, account).await;
        }
        let meter = opentelemetry::global::meter("test");
        let people = Issuer::development(local::ISSUER, SECRET).unwrap();
        let cluster = cluster::issuer(folder.path()).await;
        let verifier = Arc::new(Verifier::new(vec![people, cluster]));
        let bindings = Arc::new(Recorded(ledger.store().clone()));
        let budgets = Arc::new(Budgets::new(rates));
        let authenticator = Authenticator::new(verifier, bindings, clock.clone(), budgets, &meter);
        let catalogue = Arc::new(Catalogue::shipped().unwrap());
        let metrics = Metrics::new(&meter);
        let cursors = Cursors::new([7; 32]);
        let app = App { authenticator, clock, catalogue, ledger: ledger.clone(), cursors, metrics };
        let routes = Routes::all().into_router(app);
        let router = layers::around(routes, &Limits::default(), &meter);
        Self { router, ledger, _folder: folder }
    }

    pub async fn send(&self, request: Request) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 16 << 20).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        media_type: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::post(path).header("content-type", media_type);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(body.into()).unwrap()).await
    }
}

async fn add_account(ledger: &Ledger, id: &str) {
    let account = Account {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        zone: "UTC".parse().unwrap(),
        anchor: AnchorDay::new(1).unwrap(),
        currency: "USD".to_owned(),
        created_at: now(),
    };
    let work = ledger.transact(None, move |session, _| {
        Box::pin(async move { accounts::add(session, &account).await.map(drop) })
    });
    work.await.unwrap();
}

/// A token, as the subcommand makes them.
pub fn token(audience: Audience, scope: &str, role: Option<&str>, tenant: Option<&str>) -> String {
    let mut claims = Claims::new("ada", &[audience]);
    claims.scope = scope.to_owned();
    claims.roles = role.into_iter().map(str::to_owned).collect();
    claims.tenant = tenant.map(str::to_owned);
    local::token(&claims, SECRET, now(), std::time::Duration::from_secs(60)).unwrap()
}

/// A sender of acme's usage.
pub fn sender() -> String {
    token(Audience::Usage, "usage:write usage:read", None, Some("acme"))
}
