//! JSON Web Keys (RFC 7517): which of an issuer's keys can be used, and for which algorithm.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde_json::{Map, Value};

use super::seen::Seen;
use crate::http::json;

/// How many keys a set may have.
const MOST_KEYS: usize = 64;
/// Members that only a private or shared key has.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A key and the one algorithm that it is used with.
#[derive(Clone)]
pub(super) struct Key {
    pub kid: Option<String>,
    pub algorithm: Algorithm,
    key: DecodingKey,
    seen: Arc<Seen>,
}

impl Key {
    pub(super) fn new(kid: Option<String>, algorithm: Algorithm, key: DecodingKey) -> Self {
        Self { kid, algorithm, key, seen: Arc::default() }
    }

    /// Whether a signature of `signed`, in base64url, is this key's.
    pub(super) fn verifies(&self, signed: &str, signature: &str) -> bool {
        let verify = || {
            let right = jsonwebtoken::crypto::verify(
                signature,
                signed.as_bytes(),
                &self.key,
                self.algorithm,
            );
            matches!(right, Ok(true))
        };
        match self.algorithm.family() {
            // As quick as looking whether it is remembered.
            AlgorithmFamily::Hmac => verify(),
            _ => self.seen.or(signed, signature, verify),
        }
    }
}

/// The keys of a set that are for signatures with one of `allowed`; keys of other kinds are left out.
///
/// # Errors
/// What is wrong with the set as a whole. A set with a private key is refused: whoever published it
/// has lost it.
pub(super) fn read(bytes: &[u8], allowed: &[Algorithm]) -> Result<Vec<Key>, String> {
    let set = json::parse(bytes, 8).map_err(|error| error.to_string())?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or("it has no list \"keys\"")?;
    if keys.len() > MOST_KEYS {
        return Err(format!("it has {} keys; {MOST_KEYS} are read at most", keys.len()));
    }
    let mut usable: Vec<Key> = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let key = key.as_object().ok_or_else(|| format!("keys[{index}] is not an object"))?;
        if let Some(member) = PRIVATE.into_iter().find(|member| key.contains_key(*member)) {
            return Err(format!("keys[{index}] is a private or shared key (it has {member:?})"));
        }
        let Some(key) = one(key, allowed).map_err(|why| format!("keys[{index}]: {why}"))? else {
            continue;
        };
        if usable.iter().any(|other| other.kid == key.kid) {
            return Err(format!("keys[{index}] has the kid of another key"));
        }
        usable.push(key);
    }
    if usable.is_empty() {
        return Err(format!("it has no key for signatures with {allowed:?}"));
    }
    Ok(usable)
}

/// `None` when the key is not for us.
fn one(key: &Map<String, Value>, allowed: &[Algorithm]) -> Result<Option<Key>, String> {
    let usage = text(key, "use")?.unwrap_or("sig");
    let verifies = key.get("key_ops").is_none_or(|ops| {
        ops.as_array().is_some_and(|ops| ops.iter().any(|op| op.as_str() == Some("verify")))
    });
    if usage != "sig" || !verifies {
        return Ok(None);
    }
    let Some((default, decoding)) = material(key)? else { return Ok(None) };
    let algorithm = match text(key, "alg")? {
        None => default,
        Some(name) => match name.parse() {
            Ok(algorithm) => algorithm,
            Err(_) => return Ok(None),
        },
    };
    if !allowed.contains(&algorithm) {
        return Ok(None);
    }
    // RSA keys serve several algorithms; a curve serves one.
    let fits = match algorithm.family() {
        AlgorithmFamily::Rsa => default.family() == AlgorithmFamily::Rsa,
        _ => algorithm == default,
    };
    if !fits {
        return Err(format!("its alg does not fit its kind ({default:?} would)"));
    }
    // The library looks at the key only when it is used; look now.
    jsonwebtoken::crypto::verify("", b"", &decoding, algorithm)
        .map_err(|error| format!("it is not a key: {error}"))?;
    let kid = text(key, "kid")?.map(str::to_owned);
    Ok(Some(Key::new(kid, algorithm, decoding)))
}

/// The key itself, and the algorithm it is for when it does not say.
fn material(key: &Map<String, Value>) -> Result<Option<(Algorithm, DecodingKey)>, String> {
    let curve = text(key, "crv")?;
    match (text(key, "kty")?, curve) {
        (Some("RSA"), _) => rsa(key).map(|key| Some((Algorithm::RS256, key))),
        (Some("EC"), Some("P-256")) => point(key, 32).map(|key| Some((Algorithm::ES256, key))),
        (Some("EC"), Some("P-384")) => point(key, 48).map(|key| Some((Algorithm::ES384, key))),
        (Some("OKP"), Some("Ed25519")) => {
            // The library would panic on a shorter one.
            let x = bytes(key, "x", 32)?;
            Ok(Some((Algorithm::EdDSA, DecodingKey::from_ed_der(&x))))
        }
        _ => Ok(None),
    }
}

fn rsa(key: &Map<String, Value>) -> Result<DecodingKey, String> {
    let (n, e) = (number(key, "n")?, number(key, "e")?);
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2048..=4096).contains(&bits) {
        return Err(format!("an RSA key of {bits} bits; 2048 to 4096 are taken"));
    }
    let odd = e.last().is_some_and(|byte| byte % 2 == 1);
    if !odd || e.len() > 4 || e == [1] {
        return Err("its exponent e is not an odd number from 3 to 2^32".to_owned());
    }
    Ok(DecodingKey::from_rsa_raw_components(&n, &e))
}

fn point(key: &Map<String, Value>, size: usize) -> Result<DecodingKey, String> {
    let point = [vec![4], bytes(key, "x", size)?, bytes(key, "y", size)?].concat();
    Ok(DecodingKey::from_ec_der(&point))
}

/// A big-endian number without leading zeros.
fn number(key: &Map<String, Value>, name: &str) -> Result<Vec<u8>, String> {
    let bytes = decoded(key, name)?;
    match bytes.first() {
        None | Some(0) => Err(format!("{name} is empty or begins with zero")),
        Some(_) => Ok(bytes),
    }
}

fn bytes(key: &Map<String, Value>, name: &str, size: usize) -> Result<Vec<u8>, String> {
    let bytes = decoded(key, name)?;
    if bytes.len() == size {
        return Ok(bytes);
    }
    Err(format!("{name} has {} bytes instead of {size}", bytes.len()))
}

fn decoded(key: &Map<String, Value>, name: &str) -> Result<Vec<u8>, String> {
    let text = text(key, name)?.ok_or_else(|| format!("{name} is missing"))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("{name} is not base64url"))
}

fn text<'k>(key: &'k Map<String, Value>, name: &str) -> Result<Option<&'k str>, String> {
    match key.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} is not a string")),
    }
}
