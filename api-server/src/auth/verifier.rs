//! Checks a token, all of it, by its issuer's rules.
//!
//! `jsonwebtoken` is asked for one thing: whether a signature is right. What a token says is read
//! and judged here, because the library's defaults are too kind: it compares `aud`, `iss` and `sub`
//! only where present and well-formed, takes a list of issuers, forgives a minute, and never looks at
//! `typ`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::identity::{Audience, Identity, Person, ServiceAccount, Workload};
use super::issuer::{Issuer, Kind};
use super::token::{self, Token};

/// How far an issuer's clock may be ahead of ours, in seconds: `nbf` and `iat` may lie this much in
/// the future. `exp` has no leeway.
pub const SKEW: i64 = 5;
/// How many audiences, scopes or roles a token may name.
const MOST_NAMES: usize = 64;
/// How long a name in a token may be, in bytes.
const LONGEST_NAME: usize = 256;

/// Why a token is refused: for metrics and logs, never for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is none, or the header is not one bearer token.
    Missing,
    /// Not a token as they are read here.
    Malformed,
    /// An issuer that is not trusted.
    Issuer,
    /// A `typ` that its issuer does not use.
    Type,
    /// No such key, or an algorithm that is not the key's.
    Key,
    /// The signature is wrong.
    Signature,
    /// Expired, not yet valid, or from the future.
    Time,
    /// Not for us, or not for this route.
    Audience,
    /// Another claim is missing or wrong.
    Claim,
    /// A workload that no binding names.
    Binding,
}

impl Refusal {
    /// For a metric's label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Issuer => "issuer",
            Self::Type => "type",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Time => "time",
            Self::Audience => "audience",
            Self::Claim => "claim",
            Self::Binding => "binding",
        }
    }
}

/// Verifies tokens of the issuers that it was given.
pub struct Verifier {
    issuers: Vec<Issuer>,
}

impl Verifier {
    /// A verifier that trusts `issuers`.
    #[must_use]
    pub fn new(issuers: Vec<Issuer>) -> Self {
        Self { issuers }
    }

    /// The issuers, to keep their keys fresh.
    #[must_use]
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// What `token` proves at `now`.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, Refusal> {
        let mut token = Token::read(token)?;
        let issuer = self.issuer(&mut token.claims)?;
        check_type(issuer, token.header.typ.as_deref())?;
        check_signature(issuer, &token).await?;
        let mut claims = token.claims;
        let issued = check_times(&mut claims, now.as_second())?;
        let subject = name(token::text(&mut claims, "sub")?.ok_or(Refusal::Claim)?)?;
        let audiences = audiences(issuer, claims.remove("aud"))?;
        match issuer.kind {
            Kind::People => person(issuer, subject, audiences, &mut claims).map(Identity::Person),
            Kind::Kubernetes => {
                let known = workload(issuer, subject, &audiences, &claims)?;
                Ok(Identity::Workload(Workload { issued, ..known }))
            }
        }
    }

    /// The issuer that the token names: one string, compared exactly.
    fn issuer(&self, claims: &mut Map<String, Value>) -> Result<&Issuer, Refusal> {
        let name = token::text(claims, "iss")?.ok_or(Refusal::Issuer)?;
        self.issuers.iter().find(|issuer| issuer.name == name).ok_or(Refusal::Issuer)
    }
}

fn check_type(issuer: &Issuer, typ: Option<&str>) -> Result<(), Refusal> {
    let typ = typ.map(str::to_ascii_lowercase);
    let right = match &typ {
        None => issuer.typ.is_empty(),
        // RFC 7515 §4.1.9: `application/` may be left out.
        Some(typ) => {
            issuer.typ.iter().any(|one| one == typ.strip_prefix("application/").unwrap_or(typ))
        }
    };
    if right { Ok(()) } else { Err(Refusal::Type) }
}

async fn check_signature(issuer: &Issuer, token: &Token<'_>) -> Result<(), Refusal> {
    let key = issuer.keys.find(token.header.kid.as_deref()).await.ok_or(Refusal::Key)?;
    // The key says which algorithm it is for. The token can only agree.
    let algorithm = token.header.algorithm.parse().map_err(|_| Refusal::Key)?;
    if key.algorithm != algorithm {
        return Err(Refusal::Key);
    }
    if key.verifies(token.signed, token.signature) { Ok(()) } else { Err(Refusal::Signature) }
}

/// `exp` is required; `nbf` and `iat` are believed where present. Whole seconds only. Answers `iat`.
fn check_times(claims: &mut Map<String, Value>, now: i64) -> Result<Option<i64>, Refusal> {
    let mut seconds = |name: &str| match claims.remove(name) {
        None => Ok(None),
        Some(value) => value.as_i64().filter(|time| *time >= 0).map(Some).ok_or(Refusal::Time),
    };
    let expired = seconds("exp")?.is_none_or(|exp| exp <= now);
    let early = seconds("nbf")?.is_some_and(|nbf| nbf > now + SKEW);
    let issued = seconds("iat")?;
    let future = issued.is_some_and(|iat| iat > now + SKEW);
    if expired || early || future { Err(Refusal::Time) } else { Ok(issued) }
}

/// Those of `aud` that are ours. People: a string, or a list that may name others too. Kubernetes: a
/// list of exactly one, since a token that is good elsewhere could be sent on from there.
fn audiences(issuer: &Issuer, aud: Option<Value>) -> Result<BTreeSet<Audience>, Refusal> {
    let named = match (issuer.kind, aud) {
        (Kind::People, Some(Value::String(one))) => vec![one],
        (Kind::People, Some(list @ Value::Array(_))) => names(list)?,
        (Kind::Kubernetes, Some(list @ Value::Array(_))) => {
            let named = names(list)?;
            if named.len() != 1 {
                return Err(Refusal::Audience);
            }
            named
        }
        _ => return Err(Refusal::Audience),
    };
    let ours: BTreeSet<Audience> = named
        .iter()
        .filter_map(|name| name.parse().ok())
        .filter(|audience| issuer.audiences.contains(audience))
        .collect();
    if ours.is_empty() { Err(Refusal::Audience) } else { Ok(ours) }
}

fn person(
    issuer: &Issuer,
    subject: String,
    audiences: BTreeSet<Audience>,
    claims: &mut Map<String, Value>,
) -> Result<Person, Refusal> {
    let scopes = token::text(claims, "scope")?.unwrap_or_default();
    let scopes: BTreeSet<String> =
        scopes.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    if scopes.len() > MOST_NAMES {
        return Err(Refusal::Claim);
    }
    let roles = claims.remove("roles").map(names).transpose()?.unwrap_or_default();
    let tenant = token::text(claims, "tenant")?
        .map(|tenant| tenant.parse().map_err(|_| Refusal::Claim))
        .transpose()?;
    Ok(Person {
        issuer: issuer.name.clone(),
        subject,
        audiences,
        scopes,
        roles: roles.into_iter().collect(),
        tenant,
    })
}

/// What a projected token proves. Its `scope`, `roles` and `tenant`, if any, mean nothing: Kubernetes
/// says which pod this is, and a binding says whose.
fn workload(
    issuer: &Issuer,
    subject: String,
    audiences: &BTreeSet<Audience>,
    claims: &Map<String, Value>,
) -> Result<Workload, Refusal> {
    let audience = audiences.first().copied().ok_or(Refusal::Audience)?;
    let kubernetes = claims.get("kubernetes.io").ok_or(Refusal::Claim)?;
    let member = |pointer: &str| {
        let text = kubernetes.pointer(pointer).and_then(Value::as_str).ok_or(Refusal::Claim)?;
        name(text.to_owned())
    };
    let account = ServiceAccount {
        namespace: member("/namespace")?,
        name: member("/serviceaccount/name")?,
        uid: member("/serviceaccount/uid")?,
    };
    let expected = format!("system:serviceaccount:{}:{}", account.namespace, account.name);
    if subject != expected {
        return Err(Refusal::Claim);
    }
    Ok(Workload { issuer: issuer.name.clone(), subject, audience, account, issued: None })
}

/// A list of names, each a string, none empty.
fn names(list: Value) -> Result<Vec<String>, Refusal> {
    let Value::Array(list) = list else { return Err(Refusal::Claim) };
    if list.len() > MOST_NAMES {
        return Err(Refusal::Claim);
    }
    let texts = list.into_iter().map(|item| match item {
        Value::String(text) => name(text),
        _ => Err(Refusal::Claim),
    });
    texts.collect()
}

/// A name that can be logged and compared: not empty, not long, no control characters.
fn name(text: String) -> Result<String, Refusal> {
    let good =
        !text.is_empty() && text.len() <= LONGEST_NAME && !text.chars().any(char::is_control);
    if good { Ok(text) } else { Err(Refusal::Claim) }
}
