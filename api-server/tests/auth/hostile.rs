//! Hostile tokens: each is a good one bent at one place, so that what refuses it is that place.

mod claims;

use std::collections::{BTreeMap, BTreeSet};

use api_server::auth::Refusal;
use axum::http::StatusCode;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::fixture::{Base, PROTECTED, WORLD, ask, b64, development, now, person, projected, sign};

/// A token, what is wrong with it, and the check that must find it.
struct Case {
    name: String,
    token: String,
    why: Refusal,
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, why: Refusal, name: impl Into<String>, token: impl Into<String>) {
        self.0.push(Case { name: name.into(), token: token.into(), why });
    }
}

fn bases() -> [Base; 3] {
    [person(), projected(), development()]
}

/// What stands where a string belongs.
fn not_strings() -> [Value; 7] {
    [json!(null), json!(1), json!(1.5), json!(true), json!([]), json!(["x"]), json!({"a": "x"})]
}

fn algorithms(cases: &mut Cases) {
    const NAMES: [&str; 23] = [
        "none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512",
        "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519",
        "rs256", "dir", "A128KW", "",
    ];
    for base in bases() {
        let own = base.header["alg"].clone();
        for name in NAMES.iter().filter(|name| own != **name) {
            let bent = base.clone().header("alg", *name);
            cases.add(
                Refusal::Key,
                format!("{}: alg {name:?}, well signed", base.name),
                bent.token(),
            );
            let token = bent.token();
            let message = token.rsplit_once('.').unwrap().0;
            cases.add(
                Refusal::Malformed,
                format!("{}: alg {name:?}, no signature", base.name),
                format!("{message}."),
            );
        }
        for value in not_strings() {
            let name = format!("{}: alg {value}", base.name);
            cases.add(Refusal::Malformed, name, base.clone().header("alg", value).token());
        }
        cases.add(
            Refusal::Malformed,
            format!("{}: no alg", base.name),
            base.clone().headless("alg").token(),
        );
    }
}

/// A public key used as the secret of an HMAC.
fn confusion(cases: &mut Cases) {
    let world = &*WORLD;
    for (base, pair) in [
        (person(), &world.rsa),
        (person().header("kid", "e1"), &world.elliptic),
        (projected(), &world.cluster),
    ] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            for (index, secret) in pair.public.iter().enumerate() {
                let bent = base.clone().header("alg", format!("{algorithm:?}"));
                let key = EncodingKey::from_secret(secret);
                let token = sign(&bent.header_text(), &bent.claims_text(), &key, algorithm);
                cases.add(
                    Refusal::Key,
                    format!("{}: {algorithm:?} with public key form {index}", pair.kid),
                    token,
                );
            }
        }
    }
}

fn signatures(cases: &mut Cases) {
    for base in bases() {
        let token = base.token();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let size = b64_len(signature);
        let other = base.clone().with("sub", "eve").token();
        let (_, others) = other.rsplit_once('.').unwrap();
        let mut flipped = signature.as_bytes().to_vec();
        flipped[3] = if flipped[3] == b'A' { b'B' } else { b'A' };
        let flipped = String::from_utf8(flipped).unwrap();
        let shorter = &signature[..signature.len() - 4];
        for (name, bent) in [
            ("zeros", b64(vec![0; size])),
            ("ones", b64(vec![255; size])),
            ("another token's", others.to_owned()),
            ("one byte changed", flipped),
            ("truncated", shorter.to_owned()),
            ("extended", format!("{signature}AAAA")),
            ("padded", format!("{signature}==")),
            ("with a space", format!("{signature} ")),
            ("with a line feed", format!("{signature}\n")),
            ("not base64url", signature.replace(|c: char| c.is_ascii_lowercase(), "+")),
            ("one letter", "A".to_owned()),
        ] {
            let name = format!("{}: signature {name}", base.name);
            cases.add(Refusal::Signature, name, format!("{message}.{bent}"));
        }
        let stranger = sign(
            &base.header_text(),
            &base.claims_text(),
            &WORLD.stranger.private,
            Algorithm::ES256,
        );
        cases.add(Refusal::Signature, format!("{}: signed by a stranger", base.name), stranger);
        let claims = b64(base.clone().with("tenant", "globex").claims_text());
        let header = message.split_once('.').unwrap().0;
        cases.add(
            Refusal::Signature,
            format!("{}: claims changed", base.name),
            format!("{header}.{claims}.{signature}"),
        );
    }
}

fn b64_len(text: &str) -> usize {
    text.len() * 3 / 4
}

fn structures(cases: &mut Cases) {
    for base in bases() {
        let token = base.token();
        let parts: Vec<&str> = token.split('.').collect();
        let (header, claims, signature) = (parts[0], parts[1], parts[2]);
        for (name, bent) in [
            ("one part", header.to_owned()),
            ("two parts", format!("{header}.{claims}")),
            ("four parts", format!("{token}.{signature}")),
            ("five parts", format!("{token}.{claims}.{signature}")),
            ("first part empty", format!(".{claims}.{signature}")),
            ("second part empty", format!("{header}..{signature}")),
            ("dots", "..".to_owned()),
            ("padded header", format!("{header}=.{claims}.{signature}")),
            ("header not base64url", format!("{header}+.{claims}.{signature}")),
            ("claims not base64url", format!("{header}.{claims}/.{signature}")),
            ("header a list", base.signed("[]", &base.claims_text())),
            ("header a string", base.signed("\"x\"", &base.claims_text())),
            ("header truncated", base.signed("{\"alg\":", &base.claims_text())),
            ("claims a list", base.signed(&base.header_text(), "[]")),
            ("claims null", base.signed(&base.header_text(), "null")),
            ("claims empty", base.signed(&base.header_text(), "")),
            (
                "claims twice",
                base.signed(&base.header_text(), &format!("{0}{0}", base.claims_text())),
            ),
            (
                "claims with a byte order mark",
                base.signed(&base.header_text(), &format!("\u{feff}{}", base.claims_text())),
            ),
            (
                "deep claims",
                base.signed(
                    &base.header_text(),
                    &base.claims_text().replacen(
                        '{',
                        &format!("{{\"d\":{}1{},", "[".repeat(60), "]".repeat(60)),
                        1,
                    ),
                ),
            ),
            (
                "deep header",
                base.signed(
                    &base.header_text().replacen('{', "{\"d\":[[[[[[[[[1]]]]]]]]],", 1),
                    &base.claims_text(),
                ),
            ),
            ("8 KiB and more", base.clone().with("pad", "x".repeat(8 * 1024)).token()),
            ("64 KiB", base.clone().with("pad", "x".repeat(48 * 1024)).token()),
            ("1 MiB", base.clone().with("pad", "x".repeat(768 * 1024)).token()),
        ] {
            cases.add(Refusal::Malformed, format!("{}: {name}", base.name), bent);
        }
        let mut invalid = base.claims_text().into_bytes();
        invalid.splice(1..1, b"\"x\":\"\xff\",".iter().copied());
        let (key, algorithm) = (base.pair)();
        let message = format!("{header}.{}", b64(invalid));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
        cases.add(
            Refusal::Malformed,
            format!("{}: claims not UTF-8", base.name),
            format!("{message}.{signature}"),
        );
    }
}

fn duplicates(cases: &mut Cases) {
    for base in bases() {
        for (claim, value) in &base.claims {
            for other in [value.clone(), json!("evil"), json!(null)] {
                let text =
                    base.claims_text().replacen('{', &format!("{{{}:{other},", json!(claim)), 1);
                let token = base.signed(&base.header_text(), &text);
                cases.add(
                    Refusal::Malformed,
                    format!("{}: {claim} twice, first {other}", base.name),
                    token,
                );
            }
        }
        for (name, value) in &base.header {
            let text = base.header_text().replacen('{', &format!("{{{}:{value},", json!(name)), 1);
            cases.add(
                Refusal::Malformed,
                format!("{}: header {name} twice", base.name),
                base.signed(&text, &base.claims_text()),
            );
        }
        let escaped = base.claims_text().replacen('{', "{\"\\u0069ss\":\"evil\",", 1);
        cases.add(
            Refusal::Malformed,
            format!("{}: iss twice, once escaped", base.name),
            base.signed(&base.header_text(), &escaped),
        );
    }
}

fn headers(cases: &mut Cases) {
    for base in bases() {
        let kids = [
            "../../../../dev/null",
            "' OR 1=1 --",
            "k\u{0}1",
            "unknown",
            "e1 ",
            "R1",
            "/etc/passwd",
        ];
        for kid in kids {
            cases.add(
                Refusal::Key,
                format!("{}: kid {kid:?}", base.name),
                base.clone().header("kid", kid).token(),
            );
        }
        for value in not_strings().into_iter().chain([json!(""), json!("k".repeat(300))]) {
            let name = format!("{}: kid {:.20}", base.name, value.to_string());
            cases.add(Refusal::Malformed, name, base.clone().header("kid", value).token());
        }
        for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!(null), json!("x")] {
            cases.add(
                Refusal::Malformed,
                format!("{}: crit {crit}", base.name),
                base.clone().header("crit", crit).token(),
            );
        }
        cases.add(
            Refusal::Malformed,
            format!("{}: b64 false", base.name),
            base.clone().header("b64", false).token(),
        );
        let types = [
            "JWT",
            "jwt",
            "secevent+jwt",
            "dpop+jwt",
            "logout+jwt",
            "",
            "at+jwt ",
            "application/JWT",
            "application/application/at+jwt",
        ];
        for typ in types {
            cases.add(
                Refusal::Type,
                format!("{}: typ {typ:?}", base.name),
                base.clone().header("typ", typ).token(),
            );
        }
        for value in not_strings() {
            cases.add(
                Refusal::Malformed,
                format!("{}: typ {value}", base.name),
                base.clone().header("typ", value).token(),
            );
        }
    }
    cases.add(Refusal::Type, "people: no typ", person().headless("typ").token());
    cases.add(Refusal::Type, "kubernetes: typ at+jwt", projected().header("typ", "at+jwt").token());
    cases.add(Refusal::Key, "people: no kid among several keys", person().headless("kid").token());
    cases.add(Refusal::Key, "people: another key's kid", person().header("kid", "e1").token());
    cases.add(Refusal::Key, "people: the cluster's kid", person().header("kid", "k1").token());
}

/// Keys that the token brings along. Nothing listens at the addresses; nobody may ask them.
fn embedded(cases: &mut Cases) {
    let stranger = &WORLD.stranger;
    for base in [person().header("alg", "ES256").header("kid", "e1"), projected()] {
        for (name, value) in [
            ("jwk", stranger.jwk.clone()),
            ("jku", json!("http://127.0.0.1:9/jwks")),
            ("jku", json!("http://169.254.169.254/latest/meta-data")),
            ("jku", json!("file:///etc/passwd")),
            ("x5u", json!("http://127.0.0.1:9/chain.pem")),
            ("x5c", json!(["MIIB"])),
        ] {
            let bent = base.clone().header(name, value.clone());
            let token =
                sign(&bent.header_text(), &bent.claims_text(), &stranger.private, Algorithm::ES256);
            cases.add(
                Refusal::Signature,
                format!("{}: own key by {name} {value:.40}", base.name),
                token,
            );
        }
        let pbes =
            base.clone().header("alg", "PBES2-HS256+A128KW").header("p2c", 2_147_483_648_u64);
        cases.add(Refusal::Key, format!("{}: PBES2", base.name), pbes.token());
    }
}

fn all() -> Vec<Case> {
    let mut cases = Cases::default();
    let parts = [
        algorithms,
        confusion,
        signatures,
        structures,
        duplicates,
        headers,
        embedded,
        claims::times,
        claims::names,
        claims::audiences,
        claims::grants,
        claims::workloads,
    ];
    parts.iter().for_each(|part| part(&mut cases));
    cases.0
}

#[tokio::test]
async fn every_hostile_token_is_refused_for_its_own_fault() {
    let mut wrong = Vec::new();
    let cases = all();
    for case in &cases {
        let verdict = WORLD.verifier.verify(&case.token, now()).await;
        if verdict.as_ref().err() != Some(&case.why) {
            wrong.push(format!("{}: expected {:?}, got {verdict:?}", case.name, case.why));
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), cases.len());
}

#[tokio::test]
async fn every_hostile_token_has_the_same_answer_on_every_route() {
    let cases = all();
    let distinct: BTreeSet<&str> = cases.iter().map(|case| case.token.as_str()).collect();
    assert!(distinct.len() >= 400, "{} tokens", distinct.len());
    let mut answers: BTreeMap<(StatusCode, String), &str> = BTreeMap::new();
    for case in &cases {
        // A header cannot hold these; the transport refuses them before.
        if case.token.contains(['\n', '\0']) {
            continue;
        }
        for path in PROTECTED {
            answers.entry(ask(path, &case.token).await).or_insert(&case.name);
        }
    }
    assert_eq!(answers.len(), 1, "{answers:#?}");
    assert_eq!(answers.keys().next().unwrap().0, StatusCode::UNAUTHORIZED);
}
