//! A cluster whose projected tokens the server takes, with workloads of two tenants.

use std::path::Path;
use std::sync::LazyLock;

use api_server::auth::{Audience, Issuer, issuer};
use api_server::ledger::Ledger;
use api_server::store::accounts::{self, Binding};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use p256::pkcs8::EncodePrivateKey;
use serde_json::{Value, json};

use super::api::now;

const ISSUER: &str = "https://kubernetes.default.svc";
/// The ServiceAccount of a tenant's gateway.
pub const GATEWAY: &str = "tenantry-gateway";

/// The key that the cluster signs with, and what it publishes of it.
static KEY: LazyLock<(EncodingKey, Value)> = LazyLock::new(|| {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    let key = p256::SecretKey::from_slice(&bytes).unwrap();
    let point = p256::ecdsa::VerifyingKey::from(key.public_key()).to_encoded_point(false);
    let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({"use": "sig", "kty": "EC", "kid": "k1", "crv": "P-256", "alg": "ES256",
        "x": b64(point.x().unwrap()), "y": b64(point.y().unwrap())});
    (EncodingKey::from_ec_der(key.to_pkcs8_der().unwrap().as_bytes()), jwk)
});

/// The cluster as an issuer, its keys in a file of `folder`.
pub async fn issuer(folder: &Path) -> Issuer {
    let keys = folder.join("cluster.json");
    std::fs::write(&keys, json!({ "keys": [KEY.1] }).to_string()).unwrap();
    let yaml = format!(
        "issuers: [{{issuer: '{ISSUER}', kind: kubernetes, keys: {{file: {}}}}}]",
        keys.display()
    );
    let issuer = issuer::read(&yaml).unwrap().remove(0);
    issuer.keys().refresh().await.unwrap();
    issuer
}

/// Binds the workloads `core` and the gateway of a tenant to its account of the same name.
pub async fn bind(ledger: &Ledger, tenant: &str) {
    for service_account in ["core", GATEWAY] {
        let binding = Binding {
            account: tenant.parse().unwrap(),
            namespace: format!("tenant-{tenant}"),
            service_account: service_account.to_owned(),
            uid: uid(tenant, service_account),
            issuer: Some(ISSUER.to_owned()),
        };
        let work = ledger.transact(None, move |session, now| {
            Box::pin(async move { accounts::bind(session, &binding, now).await })
        });
        work.await.unwrap();
    }
}

fn uid(tenant: &str, service_account: &str) -> String {
    format!("4442a3cb-{tenant}-{service_account}")
}

/// The token that Kubernetes projects into a pod of a tenant: no `typ`, `aud` a list.
pub fn projected(tenant: &str, service_account: &str, audiences: &[Audience]) -> String {
    let namespace = format!("tenant-{tenant}");
    let seconds = now().as_second();
    let audiences: Vec<_> = audiences.iter().map(|audience| audience.as_str()).collect();
    let claims = json!({
        "aud": audiences, "exp": seconds + 3600, "iat": seconds, "iss": ISSUER, "nbf": seconds,
        "jti": "0cd29fc2-7476-4562-a335-0c22ae6c1771",
        "kubernetes.io": {"namespace": namespace, "serviceaccount":
            {"name": service_account, "uid": uid(tenant, service_account)}},
        "sub": format!("system:serviceaccount:{namespace}:{service_account}"),
    });
    let header = json!({"alg": "ES256", "kid": "k1"});
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &KEY.0, Algorithm::ES256);
    format!("{message}.{}", signature.unwrap())
}
