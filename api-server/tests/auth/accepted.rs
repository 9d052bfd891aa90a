//! Good tokens, each near an edge that a stricter check would cut off.

use api_server::auth::{Audience, Identity, Refusal, Verifier, issuer};
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::{
    Base, KUBERNETES, NOW, OTHER, WORLD, ask, b64, development, now, person, projected, sign,
};

async fn identity(token: &str) -> Result<Identity, Refusal> {
    WORLD.verifier.verify(token, now()).await
}

fn with_key(
    base: Base,
    kid: &str,
    algorithm: &str,
    pair: fn() -> (EncodingKey, Algorithm),
) -> Base {
    let mut base = base.header("alg", algorithm).header("kid", kid);
    base.pair = pair;
    base
}

#[tokio::test]
async fn the_three_kinds_of_good_tokens_are_let_in() {
    for base in [person(), projected(), development()] {
        assert!(identity(&base.token()).await.is_ok(), "{}", base.name);
    }
}

#[tokio::test]
async fn each_algorithm_of_an_issuers_keys_works() {
    let elliptic =
        with_key(person(), "e1", "ES256", || (WORLD.elliptic.private.clone(), Algorithm::ES256));
    let edwards =
        with_key(person(), "d1", "EdDSA", || (WORLD.edwards.private.clone(), Algorithm::EdDSA));
    for base in [person(), elliptic, edwards] {
        let verdict = identity(&base.token()).await;
        assert!(verdict.is_ok(), "{}: {verdict:?}", base.header["alg"]);
    }
}

#[tokio::test]
async fn an_algorithm_that_the_issuer_does_not_allow_is_refused_though_its_key_is_published() {
    let edwards =
        with_key(person(), "d1", "EdDSA", || (WORLD.edwards.private.clone(), Algorithm::EdDSA));
    // The other issuer publishes the same keys and allows RS256 and ES256.
    let token = edwards.with("iss", OTHER).header("typ", "JWT").token();
    assert_eq!(identity(&token).await, Err(Refusal::Key));
}

/// A pod's token has more in `kubernetes.io` than one made by hand, and a way to know its node.
#[tokio::test]
async fn a_pods_token_is_let_in() {
    let mut claim = projected().claims["kubernetes.io"].clone();
    claim["pod"] = json!({"name": "core-0", "uid": "7d1c0a5e-7f38-4b8e-9d5f-51d2d1f0a111"});
    claim["node"] = json!({"name": "n1", "uid": "1b7f0a5e-7f38-4b8e-9d5f-51d2d1f0a222"});
    claim["warnafter"] = json!(NOW + 3000);
    let verdict = identity(&projected().with("kubernetes.io", claim).token()).await.unwrap();
    let Identity::Workload(workload) = verdict else { panic!("{verdict:?}") };
    assert_eq!(workload.account.namespace, "tenant-acme");
    assert_eq!(workload.audience, Audience::Usage);
}

/// A token that a real kube-apiserver made by the request that kubelets make, with the keys that it
/// published; `projected.json` says how. Verified at the second in which it was made.
#[tokio::test]
async fn a_token_of_a_real_kube_apiserver_is_let_in() {
    let real: Value = serde_json::from_str(include_str!("projected.json")).unwrap();
    let text = |name: &str| real[name].as_str().unwrap();
    let (header, claims) = (text("header"), text("claims"));
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    std::fs::write(&keys, real["keys"].to_string()).unwrap();
    let yaml = format!(
        "issuers: [{{issuer: '{KUBERNETES}', kind: kubernetes, keys: {{file: {}}}}}]",
        keys.display()
    );
    let issuers = issuer::read(&yaml).unwrap();
    issuers[0].keys().refresh().await.unwrap();
    let verifier = Verifier::new(issuers);
    let said: Value = serde_json::from_str(claims).unwrap();
    let second = |name: &str| Timestamp::from_second(said[name].as_i64().unwrap()).unwrap();
    let token = format!("{}.{}.{}", b64(header), b64(claims), text("signature"));
    let verdict = verifier.verify(&token, second("iat")).await.unwrap();
    let Identity::Workload(workload) = verdict else { panic!("{verdict:?}") };
    assert_eq!((&*workload.account.namespace, &*workload.account.name), ("tenant-acme", "core"));
    assert_eq!(workload.account.uid, said["kubernetes.io"]["serviceaccount"]["uid"]);
    assert_eq!(workload.audience, Audience::Usage);
    assert_eq!(verifier.verify(&token, second("exp")).await, Err(Refusal::Time));
    // The shape that the other tests' tokens have: no typ, a list of one audience.
    let head: Value = serde_json::from_str(header).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&head), names(&Value::Object(projected().header)));
    assert_eq!(names(&said), names(&Value::Object(projected().claims)));
    assert_eq!(said["aud"], projected().claims["aud"]);
    let moved = claims.replace("tenant-acme", "tenant-evil");
    let moved = format!("{}.{}.{}", b64(header), b64(moved), text("signature"));
    assert_eq!(verifier.verify(&moved, second("iat")).await, Err(Refusal::Signature));
}

#[tokio::test]
async fn what_a_projected_token_claims_beside_its_pod_means_nothing() {
    let bold = projected()
        .with("scope", "billing:read usage:write")
        .with("roles", json!(["CustomerSuccessManager"]))
        .with("tenant", "globex");
    assert_eq!(identity(&bold.token()).await, identity(&projected().token()).await);
    assert_eq!(ask("/usage/write", &bold.token()).await, (StatusCode::OK, "own acme".to_owned()));
    assert_eq!(ask("/billing/usage", &bold.token()).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn times_are_good_up_to_their_edges() {
    for base in [person(), projected()] {
        for (claim, time) in
            [("exp", NOW + 1), ("nbf", NOW + 5), ("iat", NOW + 5), ("iat", 0), ("nbf", 0)]
        {
            let verdict = identity(&base.clone().with(claim, time).token()).await;
            assert!(verdict.is_ok(), "{} {claim} {time}: {verdict:?}", base.name);
        }
        for claim in ["nbf", "iat"] {
            assert!(identity(&base.clone().without(claim).token()).await.is_ok(), "no {claim}");
        }
    }
}

#[tokio::test]
async fn a_persons_audience_is_one_of_ours_alone_or_among_others() {
    for (aud, ours) in [
        (json!("billing"), vec![Audience::Billing]),
        (json!(["billing"]), vec![Audience::Billing]),
        (json!(["account", "billing"]), vec![Audience::Billing]),
        (json!(["tenantry-usage", "billing"]), vec![Audience::Billing, Audience::Usage]),
        // Not one that this issuer may grant.
        (json!(["billing", "tenantry-gateway"]), vec![Audience::Billing]),
    ] {
        let verdict = identity(&person().with("aud", aud.clone()).token()).await.unwrap();
        let Identity::Person(person) = verdict else { panic!("{verdict:?}") };
        assert_eq!(person.audiences.into_iter().collect::<Vec<_>>(), ours, "{aud}");
    }
}

#[tokio::test]
async fn typ_is_compared_as_a_media_type() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        assert!(identity(&person().header("typ", typ).token()).await.is_ok(), "{typ}");
    }
    let other = person().with("iss", OTHER).with("aud", "billing");
    for (typ, good) in [("JWT", true), ("jwt", true), ("at+jwt", false)] {
        assert_eq!(
            identity(&other.clone().header("typ", typ).token()).await.is_ok(),
            good,
            "{typ}"
        );
    }
}

#[tokio::test]
async fn keys_that_a_good_token_brings_along_are_not_looked_at() {
    for (name, value) in [
        ("jwk", WORLD.stranger.jwk.clone()),
        ("jku", json!("http://127.0.0.1:9/")),
        ("x5c", json!(["MIIB"])),
        ("x5t#S256", json!("x")),
        ("cty", json!("x")),
    ] {
        assert!(identity(&person().header(name, value).token()).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn scopes_are_whole_words_apart_by_spaces() {
    let scopes = |text: &str| {
        let token = person().with("scope", text).token();
        async move {
            match identity(&token).await.unwrap() {
                Identity::Person(person) => person.scopes.into_iter().collect::<Vec<_>>().join("|"),
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(scopes("b a").await, "a|b");
    assert_eq!(scopes("  a  a ").await, "a");
    assert_eq!(scopes("").await, "");
    assert_eq!(scopes("a,b").await, "a,b");
}

/// ES256 has two signatures for every one; both are made by common issuers, so both are taken.
/// Nothing here takes a token's text for its identity.
#[tokio::test]
async fn the_mirrored_elliptic_signature_is_as_good() {
    let token = projected().token();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let signature = p256::ecdsa::Signature::from_slice(&bytes).unwrap();
    let (r, s) = signature.split_scalars();
    let mirrored = p256::ecdsa::Signature::from_scalars(r, -*s.as_ref()).unwrap();
    assert!(identity(&format!("{message}.{}", b64(mirrored.to_bytes()))).await.is_ok());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    /// Whatever is done to the text of a token, what comes through is the same token.
    #[test]
    fn no_change_of_one_byte_gets_through(place in 0_usize..4000, byte in 0x21_u8..0x7f, kind in 0_usize..3) {
        let base = [person, projected, development][kind]();
        let token = base.token();
        let mut bent = token.into_bytes();
        let place = place % bent.len();
        prop_assume!(bent[place] != byte);
        bent[place] = byte;
        let bent = String::from_utf8(bent).unwrap();
        prop_assert!(runtime().block_on(identity(&bent)).is_err(), "{place} {byte}");
    }

    /// A second, slower reading of the rules agrees on tokens with any times and audiences.
    #[test]
    fn agrees_with_a_plain_reading_of_the_rules(
        exp in -3_i64..4, nbf in 3_i64..8, iat in 3_i64..8,
        aud in prop::sample::subsequence(vec!["billing", "tenantry-usage", "tenantry-gateway", "x"], 0..4),
        list in any::<bool>(), kubernetes in any::<bool>(),
    ) {
        let base = if kubernetes { projected() } else { person() };
        let ours: &[&str] = if kubernetes { &["tenantry-usage", "tenantry-gateway"] } else { &["billing", "tenantry-usage"] };
        let as_text = !list && aud.len() == 1;
        let value: Value = if as_text { json!(aud[0]) } else { json!(aud) };
        let token = base.with("exp", NOW + exp).with("nbf", NOW + nbf).with("iat", NOW + iat).with("aud", value).token();
        let shape = !kubernetes || (!as_text && aud.len() == 1);
        let expected = exp > 0 && nbf <= 5 && iat <= 5 && shape && aud.iter().any(|one| ours.contains(one));
        prop_assert_eq!(runtime().block_on(identity(&token)).is_ok(), expected);
    }

    #[test]
    fn no_text_makes_the_verifier_fail(header in ".{0,80}", claims in ".{0,80}", signature in "[A-Za-z0-9_-]{0,90}") {
        let token = format!("{}.{}.{signature}", b64(&header), b64(&claims));
        prop_assert!(runtime().block_on(identity(&token)).is_err());
        let signed = sign(&header, &claims, &WORLD.cluster.private, Algorithm::ES256);
        prop_assert!(runtime().block_on(identity(&signed)).is_err());
    }
}
