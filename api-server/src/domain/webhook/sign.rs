//! Secrets, and what they sign: `id.timestamp.body`, by HMAC-SHA256.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// What a secret's text begins with.
const PREFIX: &str = "whsec_";
/// How many bytes a new secret has.
pub const BYTES: usize = 32;
/// An HMAC-SHA256 fills its key up with zeros to this many bytes; a longer one would be hashed.
const BLOCK: usize = 64;

/// What an endpoint's messages are signed with. It shows itself in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A secret of these bytes, of which the specification wants 24 to 64; `None` of others.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (24..=BLOCK).contains(&bytes.len()).then(|| Self(bytes.to_vec()))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As it is given to whoever receives: `whsec_` and base64.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let mut block = [0; BLOCK];
        for (place, byte) in block.iter_mut().zip(&self.0) {
            *place = *byte;
        }
        let mac = Hmac::<Sha256>::new(&block.into());
        let mac = mac.chain_update(id).chain_update(".").chain_update(timestamp.to_string());
        let mac = mac.chain_update(".").chain_update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The header `webhook-signature`: a signature with each secret, so that a receiver may still have the
/// old one. `timestamp` is that of the attempt, in seconds since 1970.
#[must_use]
pub fn signatures<'a>(
    secrets: impl IntoIterator<Item = &'a Secret>,
    id: &str,
    timestamp: i64,
    body: &str,
) -> String {
    let all: Vec<_> = secrets.into_iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// That of the specification's own libraries.
    const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret(coded: &str) -> Secret {
        Secret::new(&STANDARD.decode(coded).unwrap()).unwrap()
    }

    #[test]
    fn the_specifications_vector_is_met() {
        let secret = secret(SECRET);
        assert_eq!(secret.text(), format!("whsec_{SECRET}"));
        let body = r#"{"test": 2432232314}"#;
        assert_eq!(signatures([&secret], ID, 1_614_265_330, body), SIGNED);
        assert_ne!(signatures([&secret], ID, 1_614_265_331, body), SIGNED);
    }

    #[test]
    fn two_secrets_make_two_signatures() {
        let (new, old) = (secret("C2FVsBQIhrscChlQIMV+b5sSYspob7oD"), secret(SECRET));
        let both = signatures([&new, &old], ID, 1_614_265_330, r#"{"test": 2432232314}"#);
        let all: Vec<_> = both.split(' ').collect();
        assert_eq!((all.len(), all[1]), (2, SIGNED));
        assert_ne!(all[0], SIGNED);
    }

    #[test]
    fn a_secret_is_not_shown_and_not_short() {
        let shown = format!("{:?}", secret(SECRET));
        assert!(!shown.contains(SECRET) && shown == "Secret(…)", "{shown}");
        for (length, good) in [(0, false), (23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(Secret::new(&vec![7; length]).is_some(), good, "{length}");
        }
    }

    proptest! {
        #[test]
        fn it_is_hmac_of_the_three_parts(
            key in prop::collection::vec(any::<u8>(), 24..=64),
            id in "msg_[a-z0-9]{1,32}", at in 0_i64..1 << 40, body in ".{0,200}",
        ) {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.update(format!("{id}.{at}.{body}").as_bytes());
            let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
            prop_assert_eq!(signatures([&Secret::new(&key).unwrap()], &id, at, &body), expected);
        }
    }
}
