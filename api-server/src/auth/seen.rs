//! Signatures that a key was asked for before, so that one token of a gateway is not verified anew with
//! each of its requests: an RSA signature costs as much as storing dozens of events.
//!
//! Only that the signature is right is remembered, with the key that it is of: times, audiences and
//! bindings are looked at each time, and a key set that is fetched anew has forgotten everything.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest, Sha256};

/// How many are remembered at least; at most twice as many, of 32 bytes each.
const ENOUGH: usize = 4_096;

/// Right signatures of one key.
#[derive(Default)]
pub(super) struct Seen(Mutex<Generations>);

/// What was seen lately, and before; who is asked for again comes back to the front.
#[derive(Default)]
struct Generations {
    young: HashSet<[u8; 32]>,
    old: HashSet<[u8; 32]>,
}

impl Seen {
    /// Whether the signature is right: as remembered, or as `verify` says. A wrong one is never
    /// remembered: whoever makes them up displaces nothing.
    pub(super) fn or(&self, signed: &str, signature: &str, verify: impl FnOnce() -> bool) -> bool {
        // No part of a token has a point in it.
        let digest = Sha256::new().chain_update(signed).chain_update(".").chain_update(signature);
        let digest: [u8; 32] = digest.finalize().into();
        if self.knows(&digest) {
            return true;
        }
        // Without the lock: it takes long.
        let right = verify();
        if right {
            self.remember(digest);
        }
        right
    }

    fn knows(&self, digest: &[u8; 32]) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.young.contains(digest) {
            return true;
        }
        let known = seen.old.contains(digest);
        if known {
            seen.add(*digest);
        }
        known
    }

    fn remember(&self, digest: [u8; 32]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(digest);
    }
}

impl Generations {
    fn add(&mut self, digest: [u8; 32]) {
        if self.young.len() >= ENOUGH {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_signature_is_verified_once_and_a_wrong_one_each_time() {
        let (seen, mut asked) = (Seen::default(), 0);
        let mut ask = |signed: &str, signature: &str, right: bool| {
            seen.or(signed, signature, || {
                asked += 1;
                right
            })
        };
        assert!(ask("a.b", "c", true) && ask("a.b", "c", false), "remembered");
        assert!(!ask("a.b", "d", false) && !ask("a.c", "c", false) && !ask("a.b", "d", false));
        assert_eq!(asked, 4);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_used_stays() {
        let seen = Seen::default();
        let known = |n: usize| seen.or("a.b", &n.to_string(), || false);
        for n in 0..10 * ENOUGH {
            assert!(seen.or("a.b", &n.to_string(), || true));
            assert!(known(0), "it is asked for all the time");
        }
        let held = seen.0.lock().unwrap();
        assert!(held.young.len() <= ENOUGH && held.old.len() <= ENOUGH);
        drop(held);
        assert!(known(10 * ENOUGH - 1) && known(9 * ENOUGH) && !known(1));
    }
}
