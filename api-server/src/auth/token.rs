//! A token's text taken apart, before anything in it is believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::verifier::Refusal;
use crate::http::json;

/// How long a token may be, in bytes. Projected tokens have about 1,200.
pub(super) const LONGEST: usize = 8 * 1024;
/// How deep header and claims may nest. Projected tokens have 3 levels.
const DEPTH: usize = 8;
/// How long a `kid` may be, in bytes.
const LONGEST_KID: usize = 256;

/// A token in parts; nothing is verified yet.
pub(super) struct Token<'t> {
    /// What is signed: header and claims as they were sent.
    pub signed: &'t str,
    /// The signature, in base64url.
    pub signature: &'t str,
    /// The header.
    pub header: Header,
    /// The claims.
    pub claims: Map<String, Value>,
}

/// What of a token's header is looked at. Keys and addresses of keys in it (`jwk`, `jku`, `x5u`,
/// `x5c`) are not: the sender does not choose the key.
pub(super) struct Header {
    pub algorithm: String,
    pub kid: Option<String>,
    pub typ: Option<String>,
}

impl<'t> Token<'t> {
    pub(super) fn read(text: &'t str) -> Result<Self, Refusal> {
        if text.len() > LONGEST {
            return Err(Refusal::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Refusal::Malformed)?;
        if signature.is_empty() || claims.contains('.') {
            return Err(Refusal::Malformed);
        }
        let header = Header::read(object(header)?)?;
        Ok(Self { signed, signature, header, claims: object(claims)? })
    }
}

impl Header {
    fn read(mut header: Map<String, Value>) -> Result<Self, Refusal> {
        // `crit` names extensions that must be understood, and we understand none; `b64` would
        // change what is signed.
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(Refusal::Malformed);
        }
        let algorithm = text(&mut header, "alg")?.ok_or(Refusal::Malformed)?;
        let kid = text(&mut header, "kid")?;
        if kid.as_ref().is_some_and(|kid| kid.is_empty() || kid.len() > LONGEST_KID) {
            return Err(Refusal::Malformed);
        }
        Ok(Self { algorithm, kid, typ: text(&mut header, "typ")? })
    }
}

/// What a token claims, without any proof.
///
/// # Errors
/// When it is no token.
pub(crate) fn unverified_claims(text: &str) -> anyhow::Result<Value> {
    let token = Token::read(text);
    Ok(Value::Object(token.map_err(|_| anyhow::anyhow!("this is no token"))?.claims))
}

/// A part: base64url without padding or stray bits, then a JSON object with one meaning.
fn object(part: &str) -> Result<Map<String, Value>, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed)?;
    match json::parse(&bytes, DEPTH) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Refusal::Malformed),
    }
}

/// A member that is a string where it is given.
pub(super) fn text(object: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match object.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::Malformed),
    }
}
