//! Key sets: which are taken, how they are fetched, and what happens while they cannot be.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use api_server::auth::caller::Clock;
use api_server::auth::keys::{MAX_AGE, MAX_STALE, MIN_GAP};
use api_server::auth::{Refusal, Verifier, issuer};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use telemetry::health::Checks;
use telemetry::shutdown::Shutdown;
use tokio::net::TcpListener;

use crate::fixture::{Base, KUBERNETES, WORLD, b64, now, projected};

fn verifier(keys: &str) -> anyhow::Result<Verifier> {
    let yaml = format!("issuers: [{{issuer: '{KUBERNETES}', kind: kubernetes, keys: {keys}}}]");
    issuer::read(&yaml).map(Verifier::new)
}

/// A key file that can be rewritten.
struct File(tempfile::TempDir);

impl File {
    fn new(set: &Value) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        file.write(&set.to_string());
        file
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("keys.json")
    }

    fn write(&self, text: &str) {
        std::fs::write(self.path(), text).unwrap();
    }

    fn verifier(&self) -> Verifier {
        verifier(&format!("{{file: {}}}", self.path().display())).unwrap()
    }
}

fn good_set() -> Value {
    json!({"keys": [WORLD.cluster.jwk]})
}

async fn verdict(verifier: &Verifier) -> Result<(), Refusal> {
    verifier.verify(&projected().token(), now()).await.map(|_| ())
}

/// Why a key set is not taken; `None` when it is.
async fn complaint(set: &Value) -> Option<String> {
    let file = File::new(set);
    let verifier = file.verifier();
    verifier.issuers()[0].keys().refresh().await.err().map(|error| format!("{error:#}"))
}

fn changed(name: &str, value: impl Into<Value>) -> Value {
    let mut jwk = WORLD.cluster.jwk.clone();
    jwk[name] = value.into();
    jwk
}

#[tokio::test]
async fn a_set_with_a_fault_is_refused_with_the_fault() {
    let short = json!({"kty": "OKP", "crv": "Ed25519", "kid": "d", "x": "AAAA"});
    let weak = json!({"kty": "RSA", "kid": "r", "n": b64([0xc3; 128]), "e": "AQAB"});
    let even = json!({"kty": "RSA", "kid": "r", "n": WORLD.rsa.jwk["n"], "e": "Ag"});
    for (set, part) in [
        (json!([]), "no list"),
        (json!({"keys": {}}), "no list"),
        (json!({"keys": []}), "no key"),
        (json!({"keys": ["x"]}), "keys[0] is not an object"),
        (json!({"keys": [changed("d", "AAAA")]}), "private"),
        (json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}), "private or shared"),
        (json!({"keys": [WORLD.cluster.jwk, changed("kid", "k1")]}), "kid of another"),
        (json!({"keys": [changed("x", "AAAA")]}), "x has 3 bytes instead of 32"),
        (json!({"keys": [changed("x", "!!")]}), "not base64url"),
        (json!({"keys": [changed("y", WORLD.cluster.jwk["x"].clone())]}), "not a key"),
        (json!({"keys": [changed("kid", 7)]}), "kid is not a string"),
        (json!({"keys": [changed("alg", "RS256")]}), "alg does not fit"),
        (json!({"keys": [short]}), "x has 3 bytes"),
        (json!({"keys": [weak]}), "bits"),
        (json!({"keys": [even]}), "exponent"),
        (json!({"keys": vec![json!({}); 65]}), "65 keys"),
    ] {
        let complaint = complaint(&set).await.unwrap_or_default();
        assert!(complaint.contains(part), "{part:?} in {complaint:?} for {set}");
    }
}

#[tokio::test]
async fn keys_for_other_things_are_passed_over() {
    let others = [
        changed("use", "enc"),
        changed("key_ops", json!(["encrypt"])),
        changed("alg", "ES999"),
        changed("crv", "P-521"),
        json!({"kty": "new", "kid": "n"}),
    ];
    for other in others {
        assert_eq!(complaint(&json!({"keys": [other, WORLD.cluster.jwk]})).await, None, "{other}");
        let alone = complaint(&json!({"keys": [other]})).await.unwrap();
        assert!(alone.contains("no key for signatures"), "{alone}");
    }
}

#[tokio::test]
async fn a_file_that_is_missing_broken_or_huge_is_refused() {
    let file = File::new(&good_set());
    let verifier = file.verifier();
    for text in ["", "{", "{\"keys\":[],\"keys\":[]}", "x"] {
        file.write(text);
        assert!(verifier.issuers()[0].keys().refresh().await.is_err(), "{text:?}");
    }
    file.write(&format!("{}{}", good_set(), " ".repeat(300 * 1024)));
    let error = verifier.issuers()[0].keys().refresh().await.unwrap_err();
    assert!(error.to_string().contains("too large"), "{error}");
    std::fs::remove_file(file.path()).unwrap();
    assert!(verifier.issuers()[0].keys().refresh().await.is_err());
    assert_eq!(verdict(&verifier).await, Err(Refusal::Key));
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_found_at_once_but_fetches_have_a_gap() {
    let file = File::new(&json!({"keys": [WORLD.elliptic.jwk]}));
    let verifier = file.verifier();
    verifier.issuers()[0].keys().refresh().await.unwrap();
    file.write(&good_set().to_string());
    assert_eq!(verdict(&verifier).await, Err(Refusal::Key), "within the gap");
    tokio::time::advance(MIN_GAP).await;
    assert_eq!(verdict(&verifier).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_key_taken_back_is_refused_at_the_next_refresh() {
    let file = File::new(&good_set());
    let verifier = file.verifier();
    let keys = verifier.issuers()[0].keys();
    keys.refresh().await.unwrap();
    assert_eq!(verdict(&verifier).await, Ok(()));
    file.write(&json!({"keys": [WORLD.elliptic.jwk]}).to_string());
    let (checks, stop) = (Checks::new(), Shutdown::new());
    let keep = keys.keep("k", checks.ready("keys"), stop.clone());
    let watch = async {
        tokio::time::sleep(MAX_AGE).await;
        while verdict(&verifier).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.cancel();
    };
    tokio::join!(keep, watch);
    assert_eq!(checks.not_ready(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_last_keys_outlive_an_outage_but_not_for_ever() {
    let file = File::new(&good_set());
    let verifier = file.verifier();
    verifier.issuers()[0].keys().refresh().await.unwrap();
    std::fs::remove_file(file.path()).unwrap();
    tokio::time::advance(MAX_STALE).await;
    assert!(verifier.issuers()[0].keys().refresh().await.is_err());
    assert_eq!(verdict(&verifier).await, Ok(()));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(verdict(&verifier).await, Err(Refusal::Key));
    assert!(!verifier.issuers()[0].keys().usable());
}

/// A cluster that is away for six days, and a server that is started anew meanwhile: those of people's are not kept.
#[tokio::test]
async fn a_clusters_keys_are_kept_for_a_server_that_is_started_anew() {
    const DAY: i64 = 24 * 3600;
    const GONE: &str = "http://127.0.0.1:1/keys";
    let (url, _) = serve("/keys").await;
    let folder = tempfile::tempdir().unwrap();
    let after = |kind: &str, url: &str, days: i64| {
        let yaml =
            format!("issuers: [{{issuer: '{KUBERNETES}', kind: {kind}, keys: {{url: '{url}'}}}}]");
        let at = now() + jiff::SignedDuration::from_secs(days * DAY);
        let clock: Clock = Arc::new(move || at);
        let issuers = issuer::read(&yaml).unwrap().into_iter();
        Verifier::new(issuers.map(|one| one.kept_in(folder.path(), &clock)).collect())
    };
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    after("people", &url, 0).issuers()[0].keys().refresh().await.unwrap();
    assert_eq!(files(), 0);
    after("kubernetes", &url, 0).issuers()[0].keys().refresh().await.unwrap();
    assert_eq!(files(), 1);
    // Nobody is there any more; tokens are those of today, so that their own age is not what is judged.
    assert_eq!(verdict(&after("kubernetes", GONE, 6)).await, Ok(()));
    assert_eq!(verdict(&after("kubernetes", GONE, 8)).await, Err(Refusal::Key));
    assert!(!after("people", GONE, 0).issuers()[0].keys().usable());
}

/// A server of key sets that counts how often it is asked.
async fn serve(path: &'static str) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = async |State(asked): State<Arc<AtomicUsize>>| {
        asked.fetch_add(1, Ordering::SeqCst);
        good_set().to_string()
    };
    let routes = Router::new()
        .route("/keys", get(count))
        .route("/moved", get(async || Redirect::temporary("/keys")))
        .route("/huge", get(async || vec![b' '; 1 << 20]))
        .route("/garbage", get(async || "<html>"))
        .route("/error", get(async || axum::http::StatusCode::BAD_GATEWAY.into_response()))
        .with_state(asked.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let _ = rustls::crypto::ring::default_provider().install_default();
    (url, asked)
}

#[tokio::test]
async fn many_who_need_the_keys_at_once_share_one_fetch() {
    let (url, asked) = serve("/keys").await;
    let verifier = verifier(&format!("{{url: '{url}'}}")).unwrap();
    let token = projected().token();
    let began = Instant::now();
    let all = (0..50).map(|_| verifier.verify(&token, now()));
    let verdicts = futures::future::join_all(all).await;
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let unknown = projected().header("kid", "k2").token();
    for _ in 0..20 {
        assert_eq!(verifier.verify(&unknown, now()).await.err(), Some(Refusal::Key));
    }
    // One, unless the machine took longer than the gap over this.
    let most = 1 + began.elapsed().as_secs() / MIN_GAP.as_secs();
    let times = asked.load(Ordering::SeqCst);
    assert!(times >= 1 && times as u64 <= most, "unknown keys within the gap: {times} of {most}");
}

#[tokio::test]
async fn answers_that_are_no_key_set_are_refused() {
    for (path, part) in [
        ("/moved", "the text ends"),
        ("/huge", "larger than"),
        ("/garbage", "not JSON"),
        ("/error", "502"),
        ("/nothing", "404"),
    ] {
        let (url, asked) = serve(path).await;
        let verifier = verifier(&format!("{{url: '{url}'}}")).unwrap();
        let error = verifier.issuers()[0].keys().refresh().await.unwrap_err();
        assert!(format!("{error:#}").contains(part), "{path}: {error:#}");
        assert_eq!(asked.load(Ordering::SeqCst), 0, "{path}: no redirect is followed");
    }
}

#[test]
fn issuers_that_cannot_be_trusted_are_refused_by_field() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let entry = |fields: &str| issuer::read(&format!("issuers: [{{issuer: 'i', {fields}}}]"));
    for (fields, part) in [
        ("kind: people, keys: {url: 'http://id.example/keys'}", "not https"),
        ("kind: people, keys: {url: 'ftp://localhost/keys'}", "not https"),
        ("kind: people, keys: {url: 'id.example'}", "keys.url"),
        ("kind: people, keys: {}", "either file or url"),
        ("kind: people, keys: {file: a, url: 'https://b'}", "either file or url"),
        ("kind: people, keys: {file: a, tokenFile: b}", "go with url"),
        ("kind: people, keys: {file: a}, algorithms: [HS256]", "--development-secret"),
        ("kind: people, keys: {file: a}, algorithms: []", "algorithms is empty"),
        ("kind: people, keys: {file: a}, algorithms: [none]", "none"),
        ("kind: people, keys: {file: a}, typ: []", "typ is empty"),
        ("kind: kubernetes, keys: {file: a}, typ: [JWT]", "leave it out"),
        ("kind: kubernetes, keys: {file: a}, audiences: [billing]", "cannot be for"),
        ("kind: people, keys: {file: a}, audiences: [tenantry-gateway]", "cannot be for"),
        ("kind: people, keys: {file: a}, audiences: [x]", "none of billing"),
        ("kind: robots, keys: {file: a}", "robots"),
        ("kind: people, keys: {file: a}, leeway: 60", "leeway"),
    ] {
        let error =
            format!("{:#}", entry(fields).err().unwrap_or_else(|| panic!("{fields} was taken")));
        assert!(error.contains(part), "{part:?} in {error:?}");
    }
    let twice = "issuers: [{issuer: i, kind: people, keys: {file: a}}, {issuer: i, kind: people, keys: {file: b}}]";
    assert!(issuer::read(twice).err().unwrap().to_string().contains("twice"));
    let empty =
        issuer::read("issuers: [{issuer: ' ', kind: people, keys: {file: a}}]").err().unwrap();
    assert!(format!("{empty:#}").contains("issuer is empty"));
}

/// A signature that was found right once is remembered with its key, and nothing else is.
#[tokio::test]
async fn a_token_that_was_good_is_refused_when_its_time_or_its_key_is_over() {
    let file = File::new(&good_set());
    let verifier = file.verifier();
    verifier.issuers()[0].keys().refresh().await.unwrap();
    let token = projected().token();
    let at = async |now| verifier.verify(&token, now).await.map(|_| ());
    for _ in 0..3 {
        assert_eq!(at(now()).await, Ok(()));
    }
    assert_eq!(at(now() + jiff::SignedDuration::from_hours(100)).await, Err(Refusal::Time));
    // The same claims, signed by somebody else.
    let stranger = || (WORLD.stranger.private.clone(), Algorithm::ES256);
    let forged = Base { pair: stranger, ..projected() }.token();
    assert_eq!(verifier.verify(&forged, now()).await.map(|_| ()), Err(Refusal::Signature));
    // Another key under the same name.
    file.write(&json!({"keys": [with_kid(&WORLD.stranger.jwk)]}).to_string());
    verifier.issuers()[0].keys().refresh().await.unwrap();
    assert_eq!(at(now()).await, Err(Refusal::Signature));
    file.write(&good_set().to_string());
    verifier.issuers()[0].keys().refresh().await.unwrap();
    assert_eq!(at(now()).await, Ok(()));
}

fn with_kid(jwk: &Value) -> Value {
    let mut jwk = jwk.clone();
    jwk["kid"] = WORLD.cluster.jwk["kid"].clone();
    jwk
}
