//! One request for one key and form, and the receipt that is the same each time.
//!
//! The key is looked up together with the form: who guesses another's key, and not their form, makes
//! a request of their own. The store has neither the key nor the receipt.

use axum::http::HeaderMap;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::auth::receipt;
use crate::http::Problem;

const HEADER: &str = "idempotency-key";
const LONGEST: usize = 255;

/// The key of a request, if it has one.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut all = headers.get_all(HEADER).iter();
    let Some(value) = all.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let good = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if !good || all.next().is_some() {
        return Err(Problem::field(
            "Idempotency-Key",
            "invalid_value",
            format!("Give one key of 1 to {LONGEST} visible ASCII characters, such as a UUID."),
        ));
    }
    Ok(Some(text))
}

/// What a key and a form are looked up by.
pub(super) fn scope(key: &str, form: &str) -> [u8; 32] {
    // A key has no control characters: the zero ends it.
    Sha256::new().chain_update(key).chain_update([0]).chain_update(form).finalize().into()
}

/// In place of the key that was not sent.
pub(super) fn once() -> Result<String, Problem> {
    Ok(receipt::receipt(&random()?))
}

/// What nobody can guess.
pub(super) fn random() -> Result<[u8; 32], Problem> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Problem::internal)?;
    Ok(bytes)
}

/// The receipt: as random as its salt, and made again only with the key and form that are sent. What
/// is stored, salt and form, does not make it.
pub(super) fn receipt(salt: &[u8; 32], key: &str, form: &str) -> String {
    let mut block = [0; 64];
    block[..salt.len()].copy_from_slice(salt);
    let mac = Hmac::<Sha256>::new(&block.into());
    let mac = mac.chain_update(key).chain_update([0]).chain_update(form);
    receipt::receipt(&mac.finalize().into_bytes().into())
}
