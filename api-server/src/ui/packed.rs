//! Content that is packed once, when somebody first asks for it so.

use std::io::Write as _;
use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::write::GzEncoder;

/// What is smaller gains nothing by being packed.
const SMALL: usize = 256;

pub(super) struct Packed {
    plain: &'static [u8],
    gzip: OnceLock<Option<Bytes>>,
}

impl Packed {
    pub(super) const fn new(plain: &'static [u8]) -> Self {
        Self { plain, gzip: OnceLock::new() }
    }

    pub(super) const fn plain(&self) -> &'static [u8] {
        self.plain
    }

    /// Packed as well as gzip can, which a few hundred kilobytes once a process are worth.
    pub(super) fn gzip(&self) -> Option<Bytes> {
        self.gzip.get_or_init(|| pack(self.plain)).clone()
    }
}

fn pack(plain: &[u8]) -> Option<Bytes> {
    if plain.len() < SMALL {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < plain.len()).then(|| packed.into())
}

/// Whether a client said that it takes gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let said = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let said: Vec<&str> = said.collect();
    let named = |wanted: &str| {
        said.iter().find_map(|one| {
            let (coding, rest) = one.split_once(';').unwrap_or((one, ""));
            coding.trim().eq_ignore_ascii_case(wanted).then(|| !is_refused(rest))
        })
    };
    named("gzip").or_else(|| named("*")).unwrap_or(false)
}

/// `q=0`, also with places.
fn is_refused(parameters: &str) -> bool {
    let quality = parameters.trim().trim_start_matches(['q', 'Q', '=']);
    !quality.is_empty() && quality.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn takes(accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, accept.parse().unwrap());
        takes_gzip(&headers)
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for accept in ["gzip", "br, GZIP;q=0.8", "deflate,gzip ; q=1", "*", "identity;q=0, *;q=0.1"]
        {
            assert!(takes(accept), "{accept}");
        }
        for accept in ["", "br", "gzip;q=0", "gzip; q=0.00", "gzip;q=0, *", "*;q=0", "xgzip"] {
            assert!(!takes(accept), "{accept}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_does_not_get_smaller_stays_as_it_is() {
        assert!(pack(b"short").is_none());
        let noise: Vec<u8> = (0..32_u8).flat_map(|n| Sha256::digest([n])).collect();
        assert!(pack(&noise).is_none());
        assert!(pack(&[b'a'; 600]).unwrap().len() < 60);
    }
}
