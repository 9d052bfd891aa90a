//! Tokens for local development, signed with the secret that the server was started with.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use super::identity::Audience;
use super::issuer::SHORTEST_SECRET;

/// `iss` of tokens for local development.
pub const ISSUER: &str = "tenantry-development";
/// The longest life of such a token.
pub const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// What a token for local development says.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    /// Who.
    pub sub: String,
    /// For what.
    pub aud: BTreeSet<&'static str>,
    /// Scopes, separated by spaces.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// Roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

#[derive(Serialize)]
struct Signed<'c> {
    iss: &'static str,
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    claims: &'c Claims,
}

impl Claims {
    /// What `subject` says to `audiences`, without scope, role or tenant.
    #[must_use]
    pub fn new(subject: impl Into<String>, audiences: &[Audience]) -> Self {
        let aud = audiences.iter().map(|audience| audience.as_str()).collect();
        Self { sub: subject.into(), aud, scope: String::new(), roles: Vec::new(), tenant: None }
    }
}

/// A token that says `claims` from `now` on, for `life`.
///
/// # Errors
/// When the secret is too short or the life too long.
pub fn token(
    claims: &Claims,
    secret: &[u8],
    now: Timestamp,
    life: Duration,
) -> anyhow::Result<String> {
    ensure!(secret.len() >= SHORTEST_SECRET, "the secret is shorter than {SHORTEST_SECRET} bytes");
    ensure!(life <= LONGEST_LIFE, "the life is longer than {} h", LONGEST_LIFE.as_secs() / 3600);
    let iat = now.as_second();
    let exp = iat + i64::try_from(life.as_secs()).context("life")?;
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some("at+jwt".to_owned());
    let signed = Signed { iss: ISSUER, iat, exp, claims };
    Ok(jsonwebtoken::encode(&header, &signed, &EncodingKey::from_secret(secret))?)
}
