//! Tokens for local development.

use std::time::Duration;

use api_server::auth::local::{Claims, LONGEST_LIFE, token};
use api_server::auth::{Audience, Identity, Issuer};

use crate::fixture::{SECRET, WORLD, now};

fn claims() -> Claims {
    let mut claims = Claims::new("ada", &[Audience::Billing, Audience::Usage]);
    claims.scope = "billing:read usage:write".to_owned();
    claims.roles = vec!["CustomerSuccessManager".to_owned()];
    claims.tenant = Some("acme".to_owned());
    claims
}

#[tokio::test]
async fn the_server_takes_what_the_subcommand_makes() {
    let token = token(&claims(), SECRET, now(), Duration::from_secs(60)).unwrap();
    let verdict = WORLD.verifier.verify(&token, now()).await.unwrap();
    let Identity::Person(person) = verdict else { panic!("{verdict:?}") };
    assert_eq!(person.subject, "ada");
    assert_eq!(person.tenant.unwrap().as_str(), "acme");
    assert!(person.scopes.contains("usage:write") && person.scopes.contains("billing:read"));
    let later = now() + jiff::SignedDuration::from_secs(60);
    assert!(WORLD.verifier.verify(&token, later).await.is_err());
}

#[test]
fn a_short_secret_or_a_long_life_is_refused() {
    let long = LONGEST_LIFE + Duration::from_secs(1);
    assert!(token(&claims(), SECRET, now(), long).unwrap_err().to_string().contains("24 h"));
    let short = &SECRET[..31];
    assert!(token(&claims(), short, now(), LONGEST_LIFE).unwrap_err().to_string().contains("32"));
    let error = Issuer::development("x", short).err().unwrap().to_string();
    assert!(error.contains("31 bytes") && error.contains("openssl rand"), "{error}");
}
