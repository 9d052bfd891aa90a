//! Issuers with fresh keys, and tokens that can be bent at any place.

use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};

use api_server::auth::caller::{Bindings, Clock};
use api_server::auth::rule::{AccountRead, BillingRead, Public, UsageRead, UsageWrite};
use api_server::auth::{Authenticator, Caller, Issuer, Reach, Verifier, Workload, issuer};
use api_server::domain::account::AccountId;
use api_server::http::budget::{Budgets, Rates};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::BoxFuture;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey};
use p256::pkcs8::EncodePrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::EncodePublicKey;
use rsa::traits::PublicKeyParts;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

/// 2026-11-23T00:00:00Z: the time in all tests.
pub const NOW: i64 = 1_795_392_000;
pub const SECRET: &[u8] = b"a development secret of 32 bytes!";
pub const PEOPLE: &str = "https://id.example";
pub const OTHER: &str = "https://other.example/realm";
pub const KUBERNETES: &str = "https://kubernetes.default.svc";
pub const DEVELOPMENT: &str = "tenantry-development";

/// A key pair.
pub struct Pair {
    pub kid: &'static str,
    pub private: EncodingKey,
    pub jwk: Value,
    /// What an attacker can read of it.
    pub public: Vec<Vec<u8>>,
}

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn elliptic(kid: &'static str) -> Pair {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    let key = p256::SecretKey::from_slice(&bytes).unwrap();
    let point = p256::ecdsa::VerifyingKey::from(key.public_key()).to_encoded_point(false);
    let (x, y) = (b64(point.x().unwrap()), b64(point.y().unwrap()));
    let jwk = json!({"use": "sig", "kty": "EC", "kid": kid, "crv": "P-256", "alg": "ES256", "x": x, "y": y});
    let der = key.public_key().to_public_key_der().unwrap();
    let pem = key.public_key().to_public_key_pem(rsa::pkcs8::LineEnding::LF).unwrap();
    let public = secrets(&pem, der.as_bytes(), point.as_bytes(), &jwk);
    let private = EncodingKey::from_ec_der(key.to_pkcs8_der().unwrap().as_bytes());
    Pair { kid, private, jwk, public }
}

fn rsa_pair(kid: &'static str) -> Pair {
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
    let (n, e) = (key.n().to_bytes_be(), key.e().to_bytes_be());
    let jwk =
        json!({"use": "sig", "kty": "RSA", "kid": kid, "alg": "RS256", "n": b64(&n), "e": b64(e)});
    let der = key.to_public_key().to_public_key_der().unwrap();
    let pem = key.to_public_key().to_public_key_pem(rsa::pkcs8::LineEnding::LF).unwrap();
    let public = secrets(&pem, der.as_bytes(), &n, &jwk);
    let private = EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes());
    Pair { kid, private, jwk, public }
}

fn edwards(kid: &'static str) -> Pair {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    let key = ed25519_dalek::SigningKey::from_bytes(&bytes);
    let x = key.verifying_key().to_bytes();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(x)});
    let der = ed25519_dalek::pkcs8::EncodePrivateKey::to_pkcs8_der(&key).unwrap();
    let private = EncodingKey::from_ed_der(der.as_bytes());
    Pair { kid, private, jwk, public: vec![x.to_vec()] }
}

/// The forms in which a public key could be taken for a shared secret.
fn secrets(pem: &str, der: &[u8], raw: &[u8], jwk: &Value) -> Vec<Vec<u8>> {
    vec![
        pem.as_bytes().to_vec(),
        pem.trim_end().as_bytes().to_vec(),
        der.to_vec(),
        raw.to_vec(),
        jwk.to_string().into_bytes(),
        Vec::new(),
    ]
}

/// Everything that the tests share.
pub struct World {
    pub rsa: Pair,
    pub elliptic: Pair,
    pub edwards: Pair,
    pub cluster: Pair,
    pub stranger: Pair,
    pub verifier: Arc<Verifier>,
    pub app: Router,
}

pub static WORLD: LazyLock<World> = LazyLock::new(|| {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(World::new())
    })
    .join()
    .unwrap()
});

impl World {
    async fn new() -> Self {
        let (rsa, elliptic, edwards) = (rsa_pair("r1"), elliptic("e1"), edwards("d1"));
        let (cluster, stranger) = (self::elliptic("k1"), self::elliptic("e1"));
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, keys: &[&Pair]| {
            let path = folder.path().join(name);
            let keys: Vec<&Value> = keys.iter().map(|pair| &pair.jwk).collect();
            std::fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
            path.display().to_string()
        };
        let people = file("people.json", &[&rsa, &elliptic, &edwards]);
        let cluster_keys = file("cluster.json", &[&cluster]);
        let yaml = format!(
            "issuers:
             \n- {{issuer: '{PEOPLE}', kind: people, keys: {{file: {people}}}, algorithms: [RS256, ES256, EdDSA]}}
             \n- {{issuer: '{OTHER}', kind: people, keys: {{file: {people}}}, typ: [JWT], audiences: [billing]}}
             \n- {{issuer: '{KUBERNETES}', kind: kubernetes, keys: {{file: {cluster_keys}}}}}\n"
        );
        let mut issuers = issuer::read(&yaml).unwrap();
        issuers.push(Issuer::development(DEVELOPMENT, SECRET).unwrap());
        for issuer in &issuers {
            issuer.keys().refresh().await.unwrap();
        }
        let verifier = Arc::new(Verifier::new(issuers));
        let meter = opentelemetry::global::meter("test");
        let clock: Clock = Arc::new(|| Timestamp::from_second(NOW).unwrap());
        let authenticator =
            Authenticator::new(verifier.clone(), Arc::new(Bound), clock, plenty(), &meter);
        let app = app(authenticator);
        Self { rsa, elliptic, edwards, cluster, stranger, verifier, app }
    }
}

/// Budgets that no test uses up.
fn plenty() -> Arc<Budgets> {
    let most = NonZeroU32::MAX;
    let rates = Rates { public: most, read: most, write: most, ingest: most, onboarding: most };
    Arc::new(Budgets::new(rates))
}

/// One binding: the account `acme`.
struct Bound;

impl Bindings for Bound {
    fn account<'b>(
        &'b self,
        workload: &'b Workload,
    ) -> BoxFuture<'b, anyhow::Result<Option<AccountId>>> {
        Box::pin(async move {
            let workload = &workload.account;
            anyhow::ensure!(workload.namespace != "tenant-broken", "the store is down");
            let bound = workload.namespace == "tenant-acme"
                && workload.name == "core"
                && workload.uid == "4442a3cb-0c3b-4290-829c-4a8995f64501";
            Ok(bound.then(|| "acme".parse().unwrap()))
        })
    }
}

/// One route for each rule; they answer how far the caller reaches.
fn app(authenticator: Authenticator) -> Router {
    fn reach<R>(caller: &Caller<R>) -> String {
        match caller.reach() {
            Reach::Nothing => "nothing".to_owned(),
            Reach::Everyone => "everyone".to_owned(),
            Reach::Own(account) => format!("own {account}"),
            Reach::Receipt(_) => "a form".to_owned(),
        }
    }
    Router::new()
        .route("/public", get(async |caller: Caller<Public>| reach(&caller)))
        .route("/billing/usage", get(async |caller: Caller<BillingRead>| reach(&caller)))
        .route("/account", get(async |caller: Caller<AccountRead>| reach(&caller)))
        .route("/usage/write", get(async |caller: Caller<UsageWrite>| reach(&caller)))
        .route("/usage/read", get(async |caller: Caller<UsageRead>| reach(&caller)))
        .with_state(authenticator)
}

pub const PROTECTED: [&str; 4] = ["/billing/usage", "/account", "/usage/write", "/usage/read"];

pub async fn send(request: Request) -> (StatusCode, String, Response<()>) {
    let response = WORLD.app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, String::from_utf8(body.to_vec()).unwrap(), Response::from_parts(parts, ()))
}

pub async fn ask(path: &str, token: &str) -> (StatusCode, String) {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    let (status, body, _) = send(request.body(Body::empty()).unwrap()).await;
    (status, body)
}

pub fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// A good token of one kind, to be bent.
#[derive(Clone)]
pub struct Base {
    pub name: &'static str,
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    pub pair: fn() -> (EncodingKey, Algorithm),
}

fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

/// A person who may do everything.
pub fn person() -> Base {
    Base {
        name: "people",
        header: map(json!({"alg": "RS256", "typ": "at+jwt", "kid": "r1"})),
        claims: map(json!({
            "iss": PEOPLE, "sub": "ada", "aud": ["billing", "tenantry-usage"], "iat": NOW - 60, "nbf": NOW - 60,
            "exp": NOW + 300, "scope": "billing:read billing:read:own usage:write usage:read",
            "roles": ["CustomerSuccessManager"], "tenant": "acme",
        })),
        pair: || (WORLD.rsa.private.clone(), Algorithm::RS256),
    }
}

/// A projected token exactly as Kubernetes 1.37 makes them: header `{"alg","kid"}` without `typ`,
/// `aud` a list of one, the ServiceAccount in `kubernetes.io`.
pub fn projected() -> Base {
    Base {
        name: "kubernetes",
        header: map(json!({"alg": "ES256", "kid": "k1"})),
        claims: map(json!({
            "aud": ["tenantry-usage"], "exp": NOW + 3600, "iat": NOW, "iss": KUBERNETES,
            "jti": "0cd29fc2-7476-4562-a335-0c22ae6c1771",
            "kubernetes.io": {"namespace": "tenant-acme", "serviceaccount":
                {"name": "core", "uid": "4442a3cb-0c3b-4290-829c-4a8995f64501"}},
            "nbf": NOW, "sub": "system:serviceaccount:tenant-acme:core",
        })),
        pair: || (WORLD.cluster.private.clone(), Algorithm::ES256),
    }
}

/// A token for local development.
pub fn development() -> Base {
    let mut base = person();
    base.name = "development";
    base.header = map(json!({"alg": "HS256", "typ": "at+jwt"}));
    base.claims.insert("iss".to_owned(), json!(DEVELOPMENT));
    base.pair = || (EncodingKey::from_secret(SECRET), Algorithm::HS256);
    base
}

impl Base {
    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(claim.to_owned(), value.into());
        self
    }

    pub fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    pub fn headless(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    pub fn header_text(&self) -> String {
        Value::Object(self.header.clone()).to_string()
    }

    pub fn claims_text(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    /// Signed as it should be.
    pub fn token(&self) -> String {
        self.signed(&self.header_text(), &self.claims_text())
    }

    /// Other texts, signed with the right key.
    pub fn signed(&self, header: &str, claims: &str) -> String {
        let (key, algorithm) = (self.pair)();
        sign(header, claims, &key, algorithm)
    }
}

pub fn sign(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", b64(header), b64(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}
