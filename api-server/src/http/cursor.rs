//! Cursors of pages: opaque, signed, and good for one list only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use super::problem::Problem;

/// How many bytes of the signature a cursor carries: 128 bits.
const SIGNATURE: usize = 16;
/// How long a cursor may be, in characters.
const LONGEST: usize = 1024;

/// Makes and reads cursors.
#[derive(Clone)]
pub struct Cursors(Hmac<Sha256>);

impl Cursors {
    /// Cursors signed with `key`. Servers with the same key read each other's.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        // An HMAC fills its key up with zeros to the hash's block.
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(&key);
        Self(Hmac::new(&block.into()))
    }

    /// A cursor that says `position` within `list`. A list is a route with all that chooses and
    /// orders its rows and whose they are: a cursor of another list is refused.
    #[must_use]
    pub fn write<P: Serialize>(&self, list: &str, position: &P) -> String {
        let text = serde_json::to_vec(position).unwrap_or_default();
        let mut bytes = self.signature(list, &text).to_vec();
        bytes.extend_from_slice(&text);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position that a cursor of `list` says.
    ///
    /// # Errors
    /// 400 when it is not a cursor of this list.
    pub fn read<P: DeserializeOwned>(&self, list: &str, cursor: &str) -> Result<P, Problem> {
        self.open(list, cursor).ok_or_else(|| {
            Problem::field(
                "page[after]",
                "bad_cursor",
                "This is no cursor of this list. Take the next one from meta.page.next, and keep \
                 the filter and the order.",
            )
        })
    }

    fn open<P: DeserializeOwned>(&self, list: &str, cursor: &str) -> Option<P> {
        if cursor.len() > LONGEST {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (signature, text) = bytes.split_at_checked(SIGNATURE)?;
        let mac = self.mac(list, text);
        mac.verify_truncated_left(signature).ok()?;
        serde_json::from_slice(text).ok()
    }

    fn signature(&self, list: &str, text: &[u8]) -> [u8; SIGNATURE] {
        let full = self.mac(list, text).finalize().into_bytes();
        let mut short = [0; SIGNATURE];
        short.copy_from_slice(&full[..SIGNATURE]);
        short
    }

    fn mac(&self, list: &str, text: &[u8]) -> Hmac<Sha256> {
        let length = u64::try_from(list.len()).unwrap_or(u64::MAX);
        self.0.clone().chain_update(length.to_be_bytes()).chain_update(list).chain_update(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_says_its_position_in_its_own_list_only() {
        let cursors = Cursors::new([7; 32]);
        let cursor = cursors.write("usage?acme", &(41_i64, "e-17"));
        assert_eq!(cursors.read("usage?acme", &cursor), Ok((41_i64, "e-17".to_owned())));
        for list in ["usage?globex", "usage?acm", "usage", ""] {
            assert!(cursors.read::<(i64, String)>(list, &cursor).is_err(), "{list}");
        }
        assert!(Cursors::new([8; 32]).read::<(i64, String)>("usage?acme", &cursor).is_err());
    }

    #[test]
    fn the_list_and_the_position_cannot_be_shifted_into_each_other() {
        let cursors = Cursors::new([7; 32]);
        let bytes = URL_SAFE_NO_PAD.decode(cursors.write("ab", &1)).unwrap();
        let mut shifted = bytes[..SIGNATURE].to_vec();
        shifted.extend_from_slice(b"b1");
        assert!(cursors.read::<i64>("a", &URL_SAFE_NO_PAD.encode(shifted)).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_cursor_is_refused(place in 0_usize..64, byte in any::<u8>()) {
            let cursors = Cursors::new([7; 32]);
            let mut bytes = URL_SAFE_NO_PAD.decode(cursors.write("l", &123_456_i64)).unwrap();
            let place = place % bytes.len();
            prop_assume!(bytes[place] != byte);
            bytes[place] = byte;
            prop_assert!(cursors.read::<i64>("l", &URL_SAFE_NO_PAD.encode(bytes)).is_err());
        }

        #[test]
        fn any_text_is_read_without_harm(text in ".{0,200}") {
            prop_assert!(Cursors::new([7; 32]).read::<i64>("l", &text).is_err());
        }
    }
}
