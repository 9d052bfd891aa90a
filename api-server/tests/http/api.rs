//! The real routes on a real ledger of their own.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api_server::auth::bindings::Recorded;
use api_server::auth::caller::Clock;
use api_server::auth::local::{self, Claims};
use api_server::auth::{Audience, Authenticator, Issuer, Verifier};
use api_server::backup::vault::{self, Vault};
use api_server::domain::calendar::AnchorDay;
use api_server::domain::catalogue::{Catalogue, PlanId};
use api_server::domain::subscription::Agreement;
use api_server::http::budget::{Budgets, Rates};
use api_server::http::cursor::Cursors;
use api_server::http::layers::{self, Limits};
use api_server::http::origin::Proxies;
use api_server::ledger::rejects::Rejects;
use api_server::ledger::{Ledger, Settings};
use api_server::routes::audit::overrides::Told;
use api_server::routes::{App, Metrics, Routes};
use api_server::store::accounts::{self, Account};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::home::Home;
use super::{cluster, profiles};

pub const SECRET: &[u8] = b"a development secret of 32 bytes!";

/// How many backups of an account are kept.
pub const KEPT: usize = 3;
/// How large a backup may be, in bytes; more than any other body.
pub const LARGEST_BACKUP: u64 = 12 << 20;
/// How many bytes of backups an account may keep, where a test says nothing else.
const SHARE: u64 = KEPT as u64 * LARGEST_BACKUP;

/// The time in all tests: 2026-11-23T12:00:00Z.
pub fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub fn rates(each: u32) -> Rates {
    let each = NonZeroU32::new(each).unwrap();
    Rates { public: each, read: each, write: each, ingest: each, onboarding: each }
}

/// A server without a port.
pub struct Api {
    pub router: Router,
    pub ledger: Ledger,
    pub rejects: Rejects,
    time: Arc<Mutex<Timestamp>>,
    pub folder: Home,
}

/// What a server is beside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Cluster,
    Nothing,
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
        Self::behind(rates, Proxies::default()).await
    }

    /// A server behind proxies.
    pub async fn behind(rates: Rates, proxies: Proxies) -> Self {
        Self::with(rates, Some(SHARE), Beside::Cluster, proxies).await
    }

    /// A server that keeps no backups.
    pub async fn without_backups() -> Self {
        Self::with(rates(1_000_000), None, Beside::Cluster, Proxies::default()).await
    }

    /// A server that keeps so many bytes of backups of each account.
    pub async fn sharing(each: u64) -> Self {
        Self::with(rates(1_000_000), Some(each), Beside::Cluster, Proxies::default()).await
    }

    /// A server that is beside no cluster.
    pub async fn without_cluster() -> Self {
        Self::with(rates(1_000_000), Some(SHARE), Beside::Nothing, Proxies::default()).await
    }

    async fn with(rates: Rates, each: Option<u64>, beside: Beside, proxies: Proxies) -> Self {
        let folder = Home::new().await;
        let time = Arc::new(Mutex::new(now()));
        let told = time.clone();
        let clock: Clock = Arc::new(move || *told.lock().unwrap());
        let settings = Settings { clock: clock.clone(), ..Settings::default() };
        let ledger = Ledger::open(folder.place(), settings).await.unwrap();
        let listed = Catalogue::shipped().unwrap();
        let told = Arc::new(Told { listed: listed.clone(), by_file: false, unread: Vec::new() });
        let catalogue = ledger.import_plans(listed).await.unwrap();
        for account in ["acme", "globex"] {
            add_account(&ledger, account, "UTC").await;
            cluster::bind(&ledger, account).await;
        }
        let meter = opentelemetry::global::meter("test");
        let people = Issuer::development(local::ISSUER, SECRET).unwrap();
        let cluster = cluster::issuer(folder.path()).await;
        let verifier = Arc::new(Verifier::new(vec![people, cluster]));
        let bindings = Arc::new(Recorded::new(ledger.clone(), verifier.issuers()));
        let budgets = Arc::new(Budgets::new(rates));
        let authenticator =
            Authenticator::new(verifier, bindings, clock.clone(), budgets, &meter).behind(proxies);
        let catalogue = Arc::new(catalogue);
        let metrics = Metrics::new(&meter);
        let cursors = Cursors::new([7; 32]);
        let rejects = Rejects::default();
        let (noted, written) = (rejects.clone(), ledger.clone());
        tokio::spawn(async move { noted.run(&written, Duration::ZERO).await });
        let ours = rejects.clone();
        let place = folder.path().join("backups");
        let settings = |each| vault::Settings {
            folder: place,
            bucket: None,
            keep: KEPT,
            largest: LARGEST_BACKUP,
            each,
        };
        let vault = each.map(|each| Arc::new(Vault::open(settings(each)).unwrap()));
        let app = App {
            authenticator,
            clock,
            catalogue,
            told,
            ledger: ledger.clone(),
            rejects: ours,
            vault,
            profiles: (beside == Beside::Cluster).then(profiles::known),
            provides: true,
            webhooks: Arc::default(),
            cursors,
            metrics,
        };
        let routes = Routes::all().into_router(app);
        let limits = Limits {
            largest_upload: usize::try_from(LARGEST_BACKUP).unwrap(),
            ..Limits::default()
        };
        let router = layers::around(routes, &limits, &meter);
        Self { router, ledger, rejects, time, folder }
    }

    /// An account beside `acme` and `globex`, by the clocks of `zone`.
    pub async fn add(&self, account: &str, zone: &str) {
        add_account(&self.ledger, account, zone).await;
    }

    /// Puts an account on a shipped plan from an instant on.
    pub async fn agree(&self, account: &str, plan: &str, from: &str) {
        self.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
        let plan = PlanId { plan: plan.to_owned(), version: 1 };
        let from = from.parse().unwrap();
        let agreement = Agreement { plan, effective_at: from, agreed_at: from };
        self.ledger.agree(&account.parse().unwrap(), agreement).await.unwrap();
    }

    /// Puts the server's clock. A token is good for a minute around the time it was made for.
    pub fn set_clock(&self, time: &str) {
        *self.time.lock().unwrap() = time.parse().unwrap();
    }

    /// Sends events of an account and expects all of them to be new. Each is id, meter, time,
    /// quantity.
    pub async fn use_up(&self, account: &str, events: &[(&str, &str, &str, &str)]) {
        let event = |(id, meter, time, quantity): &(&str, &str, &str, &str)| {
            json!({"specversion": "1.0", "id": id, "source": "/core", "time": time,
                "type": format!("dev.tenantry.usage.{meter}"), "data": {"quantity": quantity}})
        };
        let events: Vec<_> = events.iter().map(event).collect();
        let at = *self.time.lock().unwrap();
        let token = token_at(at, Audience::Usage, "usage:write", None, Some(account));
        let body = Value::from(events.clone()).to_string();
        let sent = self.post("/usage/events", Some(&token), "application/json", body).await;
        assert_eq!(sent.status, StatusCode::OK, "{}", sent.text);
        assert_eq!(sent.json()["accepted"], events.len(), "{}", sent.text);
    }

    /// Closes the ledger, and says which files of its folder and which tables elsewhere hold a text.
    pub async fn close_and_find(&self, text: &str) -> Vec<String> {
        self.ledger.close().await;
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        let holds = |path: &std::path::PathBuf| {
            let bytes = std::fs::read(path).unwrap_or_default();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };
        let files = files.filter(holds).map(|path| path.display().to_string());
        files.chain(self.folder.tables_with(text).await).collect()
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

async fn add_account(ledger: &Ledger, id: &str, zone: &str) {
    let account = Account {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        zone: zone.parse().unwrap(),
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
    token_at(now(), audience, scope, role, tenant)
}

/// A token that was made at another time.
pub fn token_at(
    time: Timestamp,
    audience: Audience,
    scope: &str,
    role: Option<&str>,
    tenant: Option<&str>,
) -> String {
    let mut claims = Claims::new("ada", &[audience]);
    claims.scope = scope.to_owned();
    claims.roles = role.into_iter().map(str::to_owned).collect();
    claims.tenant = tenant.map(str::to_owned);
    local::token(&claims, SECRET, time, Duration::from_secs(60)).unwrap()
}

/// Customer success, who may read everybody's money.
pub fn manager() -> String {
    token(Audience::Billing, "billing:read", Some("CustomerSuccessManager"), None)
}

/// A customer, who may read their own.
pub fn customer(account: &str) -> String {
    token(Audience::Billing, "billing:read:own", None, Some(account))
}

/// A sender of acme's usage.
pub fn sender() -> String {
    token(Audience::Usage, "usage:write usage:read", None, Some("acme"))
}
