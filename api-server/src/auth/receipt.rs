//! Receipts: what a stranger is given for a form, to follow it or take it back.
//!
//! A receipt says nothing and reaches one form. Only its hash is stored.

use std::{fmt, hint::black_box};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// How a receipt begins; a token of an issuer never does.
const PREFIX: &str = "receipt_";

/// A receipt's hash.
#[derive(Clone, Copy)]
pub struct ReceiptHash([u8; 32]);

/// The receipt that carries a secret.
#[must_use]
pub fn receipt(secret: &[u8; 32]) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret))
}

impl ReceiptHash {
    /// The hash of a bearer token, if that is a receipt.
    #[must_use]
    pub fn of(token: &str) -> Option<Self> {
        let secret = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        (secret.len() == 32).then(|| Self(Sha256::digest(&secret).into()))
    }

    /// A stored hash.
    #[must_use]
    pub const fn stored(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn bytes(self) -> [u8; 32] {
        self.0
    }
}

/// Takes the same time for all that are not equal.
impl PartialEq for ReceiptHash {
    fn eq(&self, other: &Self) -> bool {
        let differing = |all: u8, (own, other): (&u8, &u8)| black_box(all | (own ^ other));
        self.0.iter().zip(&other.0).fold(0, differing) == 0
    }
}

impl Eq for ReceiptHash {}

impl fmt::Debug for ReceiptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceiptHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_known_by_its_hash_and_no_other_is() {
        let token = receipt(&[7; 32]);
        let hash = ReceiptHash::of(&token).unwrap();
        assert_eq!(ReceiptHash::stored(hash.bytes()), hash);
        for place in [0, 31] {
            let mut other = hash.bytes();
            other[place] ^= 1;
            assert_ne!(ReceiptHash::stored(other), hash, "{place}");
        }
        assert_ne!(ReceiptHash::of(&receipt(&[8; 32])), Some(hash));
    }

    #[test]
    fn what_is_no_receipt_has_no_hash() {
        let good = receipt(&[7; 32]);
        let padded = format!("{good}=");
        let short = &good[..good.len() - 2];
        for text in ["", "receipt_", "eyJhbGciOiJIUzI1NiJ9.e30.AA", &good[8..], short, &padded] {
            assert_eq!(ReceiptHash::of(text), None, "{text}");
        }
    }
}
