//! A cluster's key, the tokens of its pods, a control plane and a gateway as processes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey};
use p256::pkcs8::EncodePrivateKey;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::port::free_port;
use crate::serving::client;

pub const ISSUER: &str = "https://kubernetes.default.svc";
pub const BATCH: &str = "application/cloudevents-batch+json";
/// Generous: a gateway may wait for a minute before its next try, and nothing is judged by how long it took.
pub const BOUND: Duration = Duration::from_secs(240);
/// The uid of the gateway's ServiceAccount.
const GATEWAY_UID: &str = "5d0f6e2c-0000-4000-8000-000000000001";
/// The uid of every other ServiceAccount.
const SENDER_UID: &str = "some-uid";

/// A cluster's signing key.
pub struct Cluster {
    private: EncodingKey,
    kid: String,
    pub jwk: Value,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Cluster {
    pub fn new(kid: &str) -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).unwrap();
        let key = p256::SecretKey::from_slice(&bytes).unwrap();
        let point = p256::ecdsa::VerifyingKey::from(key.public_key()).to_encoded_point(false);
        let (x, y) = (b64(point.x().unwrap()), b64(point.y().unwrap()));
        let jwk = json!({"use": "sig", "kty": "EC", "kid": kid, "crv": "P-256", "alg": "ES256", "x": x, "y": y});
        let private = EncodingKey::from_ec_der(key.to_pkcs8_der().unwrap().as_bytes());
        Self { private, kid: kid.to_owned(), jwk }
    }

    /// A token as Kubernetes 1.37 projects it, good for an hour from `now`.
    pub fn token(&self, namespace: &str, account: &str, audience: &str, now: Timestamp) -> String {
        let uid = if account == "tenantry-gateway" { GATEWAY_UID } else { SENDER_UID };
        self.token_of((namespace, account, uid), audience, now)
    }

    /// The same of a ServiceAccount of another uid.
    pub fn token_of(
        &self,
        (namespace, account, uid): (&str, &str, &str),
        audience: &str,
        now: Timestamp,
    ) -> String {
        let now = now.as_second();
        let header = json!({"alg": "ES256", "kid": self.kid}).to_string();
        let claims = json!({
            "aud": [audience], "exp": now + 3600, "iat": now, "nbf": now, "iss": ISSUER,
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": account, "uid": uid}},
            "sub": format!("system:serviceaccount:{namespace}:{account}"),
        });
        let message = format!("{}.{}", b64(header), b64(claims.to_string()));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.private, Algorithm::ES256)
                .unwrap();
        format!("{message}.{signature}")
    }

    pub fn keys(&self, others: &[&Value]) -> String {
        let all: Vec<&Value> = std::iter::once(&self.jwk).chain(others.iter().copied()).collect();
        json!({ "keys": all }).to_string()
    }
}

/// Ends a program with the test.
pub struct Running {
    pub child: Child,
    pub url: String,
    pub health: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Running {
    /// Starts the program and waits until it says that it serves.
    pub fn start(args: &[&str], behind: &[&str]) -> Self {
        let program = [env!("CARGO_BIN_EXE_api-server")];
        let all: Vec<&str> = behind.iter().chain(&program).chain(args).copied().collect();
        let child = Command::new(all[0])
            .args(&all[1..])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Whatever happens from here on, it is stopped.
        let mut running = Self { child, url: String::new(), health: String::new() };
        let mut log = BufReader::new(running.child.stderr.take().unwrap());
        let mut lines = String::new();
        loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended before it served: {lines}");
            lines.push_str(&line);
            let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
            if line["message"] == "serving" {
                let url = |name: &str| format!("http://{}", line[name].as_str().unwrap());
                (running.url, running.health) = (url("address"), url("health"));
                // The pipe must not fill.
                std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
                return running;
            }
        }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }

    /// SIGTERM; answers whether it ended well.
    pub fn terminate(&mut self) -> bool {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().success()
    }

    pub async fn status(&self) -> Value {
        let patience = tokio::time::Instant::now() + BOUND;
        loop {
            let answer = client().get(format!("{}/status", self.health)).send().await.unwrap();
            let (good, text) = (answer.status().is_success(), answer.text().await.unwrap());
            if good {
                return serde_json::from_str(&text).unwrap();
            }
            // On a disk that stands still there may be none for seconds.
            assert!(tokio::time::Instant::now() < patience, "no status: {text}");
            tokio::task::yield_now().await;
        }
    }

    pub async fn metrics(&self) -> String {
        let answer = client().get(format!("{}/metrics", self.health)).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// Waits until its metrics show a series: what is counted may be so a moment after it is done.
    pub async fn shows(&self, series: &str) {
        let patience = tokio::time::Instant::now() + BOUND;
        loop {
            let metrics = self.metrics().await;
            if metrics.contains(series) {
                return;
            }
            assert!(tokio::time::Instant::now() < patience, "never {series}: {metrics}");
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the status is as wanted.
    pub async fn until(&self, what: &str, good: impl Fn(&Value) -> bool) -> Value {
        let patience = tokio::time::Instant::now() + BOUND;
        loop {
            let status = self.status().await;
            if good(&status) {
                return status;
            }
            assert!(tokio::time::Instant::now() < patience, "never {what}: {status:#}");
            tokio::task::yield_now().await;
        }
    }

    pub async fn ready(&self) {
        let patience = tokio::time::Instant::now() + BOUND;
        loop {
            let answer = client().get(format!("{}/readyz", self.health)).send().await.unwrap();
            if answer.status() == StatusCode::OK {
                return;
            }
            let why = answer.text().await.unwrap();
            assert!(tokio::time::Instant::now() < patience, "never ready: {why}");
            tokio::task::yield_now().await;
        }
    }
}

/// An answer.
pub struct Answer {
    pub status: StatusCode,
    pub retry_after: Option<String>,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        let kind = self.body["type"].as_str().unwrap_or_default();
        kind.trim_start_matches("https://tenantry.dev/problems/")
    }
}

/// All that a test needs, in one folder.
pub struct Ground {
    pub folder: tempfile::TempDir,
    pub cluster: Cluster,
    /// Where the control plane always is.
    pub port: u16,
}

fn run(args: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_api-server")).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

impl Ground {
    /// A ledger with the account `acme`, to which the gateway in `tenant-acme` is bound.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = Cluster::new("k1");
        let ground = Self { folder, cluster, port: free_port() };
        ground.write("jwks.json", &ground.cluster.keys(&[]));
        let keys = ground.path("jwks.json");
        let issuers =
            format!("issuers: [{{issuer: '{ISSUER}', kind: kubernetes, keys: {{file: {keys}}}}}]");
        ground.write("issuers.yaml", &issuers);
        ground.rotate(Timestamp::now());
        ground.bill("billing", "acme");
        ground
    }

    fn bill(&self, folder: &str, account: &str) {
        run(&["accounts", "create", account, "--storage", &self.path(folder)]);
        self.bind(folder, account, "tenantry-gateway", GATEWAY_UID);
    }

    fn bind(&self, folder: &str, account: &str, name: &str, uid: &str) {
        let bind = ["accounts", "bind", account, "--namespace", "tenant-acme"];
        let workload = ["--service-account", name, "--uid", uid];
        run(&[&bind[..], &workload, &["--storage", &self.path(folder)]].concat());
    }

    /// Lets the workload of [`Ground::sender`] speak with the control plane itself.
    pub fn bind_sender(&self) {
        self.bind("billing", "acme", "core", SENDER_UID);
    }

    /// Another ledger in place of the first, in which the gateway is bound to another account.
    pub fn billing_of(&mut self, account: &str) {
        std::fs::remove_dir_all(self.path("billing")).unwrap();
        self.bill("billing", account);
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// What the kubelet does when the gateway's token grows old.
    pub fn rotate(&self, now: Timestamp) {
        let token = self.cluster.token("tenant-acme", "tenantry-gateway", "tenantry-gateway", now);
        let part = self.write("token.part", &format!("{token}\n"));
        std::fs::rename(part, self.folder.path().join("token")).unwrap();
    }

    /// A sender's token.
    pub fn sender(&self) -> String {
        self.cluster.token("tenant-acme", "core", "tenantry-usage", Timestamp::now())
    }

    pub fn control_plane(&self) -> Running {
        self.control_plane_with(&[])
    }

    pub fn control_plane_with(&self, more: &[&str]) -> Running {
        let address = format!("127.0.0.1:{}", self.port);
        let (issuers, billing) = (self.path("issuers.yaml"), self.path("billing"));
        let args = ["serve", "--address", &address, "--health-address", "127.0.0.1:0"];
        let places = ["--issuers", &issuers, "--storage", &billing];
        Running::start(&[&args[..], &places, more].concat(), &[])
    }

    pub fn gateway(&self) -> Running {
        self.gateway_with(&[], &[])
    }

    pub fn gateway_with(&self, more: &[&str], behind: &[&str]) -> Running {
        self.gateway_of(&format!("http://127.0.0.1:{}", self.port), more, behind)
    }

    /// One that finds the control plane elsewhere.
    pub fn gateway_at(&self, plane: &str) -> Running {
        self.gateway_of(plane, &[], &[])
    }

    fn gateway_of(&self, plane: &str, more: &[&str], behind: &[&str]) -> Running {
        let (spool, token) = (self.path("spool"), self.path("token"));
        let args = [
            "gateway",
            "--address",
            "127.0.0.1:0",
            "--health-address",
            "127.0.0.1:0",
            "--tenant",
            "acme",
            "--control-plane",
            plane,
            "--token-file",
            &token,
        ];
        let spool =
            if more.contains(&"--spool") { vec![] } else { vec!["--spool", spool.as_str()] };
        Running::start(&[&args[..], &spool, more].concat(), behind)
    }

    pub async fn send(&self, to: &Running, events: &Value) -> Answer {
        self.send_as(to, &self.sender(), BATCH, events).await
    }

    pub async fn send_as(&self, to: &Running, token: &str, kind: &str, body: &Value) -> Answer {
        let request = client()
            .post(format!("{}/usage/events", to.url))
            .bearer_auth(token)
            .header("content-type", kind)
            .body(body.to_string());
        let answer = request.send().await.unwrap();
        let retry_after = answer.headers().get("retry-after");
        let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
        let status = answer.status();
        let body = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        Answer { status, retry_after, body }
    }

    /// What the ledger has of each event, by id: the quantity in millionths. None twice.
    pub async fn ledger(&self) -> std::collections::BTreeMap<String, i64> {
        let store = api_server::store::Store::attach(Path::new(&self.path("billing"))).unwrap();
        let mut session = store.read().await.unwrap();
        let sql = "SELECT event_id, qty_micro FROM usage_ledger ORDER BY seq";
        let rows = session.rows(sql, Vec::new()).await.unwrap();
        let mut all = std::collections::BTreeMap::new();
        for row in rows {
            let id = row.text(0).unwrap().to_owned();
            assert_eq!(all.insert(id.clone(), row.int(1).unwrap()), None, "{id} is there twice");
        }
        drop(session);
        store.close().await;
        all
    }
}

/// An event of a minute ago.
pub fn event(id: &str, quantity: &str) -> Value {
    let time = Timestamp::from_second(Timestamp::now().as_second() - 60).unwrap();
    json!({"specversion": "1.0", "id": id, "source": "/core", "type": "dev.tenantry.usage.query",
        "time": time.to_string(), "data": {"quantity": quantity}})
}

/// Nothing waits to be forwarded.
pub fn empty(status: &Value) -> bool {
    status["held"]["events"] == 0
}
