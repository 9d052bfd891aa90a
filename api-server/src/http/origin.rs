//! Where a request comes from, when proxies stand before the server.
//!
//! Of `X-Forwarded-For` each proxy appends who called it. Read from its end it is true as far as who wrote it is
//! trusted: whatever stands left of the first stranger, that stranger may have made up. `Forwarded` (RFC 7239) is
//! not read: a proxy that writes the one hands on the other as a client sent it.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};

use crate::domain::webhook::Range;

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word is taken for whom they speak.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<Range>);

impl Proxies {
    /// Those at these addresses.
    #[must_use]
    pub fn new(ranges: Vec<Range>) -> Self {
        Self(ranges)
    }

    /// Whose request it is that `peer` sent: the peer's own, unless that is a trusted proxy; then of whom it
    /// speaks. Of a proxy whose word cannot be read it is the proxy's. For budgets alone: it proves nothing.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        let mut client = peer;
        for value in headers.get_all(&FORWARDED_FOR).iter().rev() {
            // What is no text has no hops.
            for hop in value.to_str().unwrap_or_default().rsplit(',') {
                if !self.trusts(client) {
                    return client;
                }
                match address(hop.trim()) {
                    Some(before) => client = before,
                    None => return peer,
                }
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.has(address))
    }
}

/// An address as proxies write it: alone, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let alone = bare.parse::<IpAddr>().ok();
    let address = alone.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let ranges = ["10.0.0.0/8", "fd00::/8"].map(|range| range.parse().unwrap());
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(&FORWARDED_FOR, value.parse().unwrap());
        }
        let proxies = Proxies::new(ranges.into());
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_strangers_word_is_worth_nothing() {
        for forwarded in [&["198.51.100.1"][..], &["10.0.0.1"], &["198.51.100.1, 10.0.0.1"], &[]] {
            assert_eq!(client("203.0.113.9", forwarded), "203.0.113.9", "{forwarded:?}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(&FORWARDED_FOR, "198.51.100.1".parse().unwrap());
        let nobody = Proxies::default().client("10.0.0.1".parse().unwrap(), &headers);
        assert_eq!(nobody.to_string(), "10.0.0.1", "who trusts nobody reads nothing");
    }

    #[test]
    fn the_last_stranger_counts_whatever_it_says_of_others() {
        for (forwarded, of) in [
            (&["198.51.100.1"][..], "198.51.100.1"),
            (&["192.0.2.66, 198.51.100.1"], "198.51.100.1"),
            (&["192.0.2.66,198.51.100.1 , 10.0.0.7"], "198.51.100.1"),
            // A client that poses as one of ours on the way.
            (&["10.0.0.8, 198.51.100.1, 10.0.0.7"], "198.51.100.1"),
            (&["rubbish, 198.51.100.1"], "198.51.100.1"),
            // Several headers are one, in their order.
            (&["192.0.2.66", "198.51.100.1", "10.0.0.7"], "198.51.100.1"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["192.0.2.66, 2001:db8::1, fd00::7"], "2001:db8::1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["198.51.100.1:50123"], "198.51.100.1"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            // Ours all the way: the first that spoke.
            (&["10.0.0.3, 10.0.0.7"], "10.0.0.3"),
        ] {
            assert_eq!(client("10.0.0.1", forwarded), of, "{forwarded:?}");
            // As a socket of both families says it.
            assert_eq!(client("::ffff:10.0.0.1", forwarded), of, "{forwarded:?}");
            assert_eq!(client("fd00::1", forwarded), of, "{forwarded:?}");
        }
    }

    #[test]
    fn of_a_proxy_that_cannot_be_read_it_is_the_proxys() {
        for forwarded in [
            &[][..],
            &[""],
            &["unknown"],
            &["198.51.100.1,"],
            &["198.51.100.1,,10.0.0.7"],
            &["198.51.100.256"],
            &["_hidden, 10.0.0.7"],
            &["fe80::1%eth0"],
            &["198.51.100.1 198.51.100.2"],
            &["198.51.100.1:99999"],
        ] {
            assert_eq!(client("10.0.0.1", forwarded), "10.0.0.1", "{forwarded:?}");
        }
        let mut headers = HeaderMap::new();
        let value = axum::http::HeaderValue::from_bytes(b"198.51.100.1\xff").unwrap();
        headers.insert(&FORWARDED_FOR, value);
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(proxies.client("10.0.0.1".parse().unwrap(), &headers).to_string(), "10.0.0.1");
    }

    proptest::proptest! {
        /// Whatever a client sends, what the proxy nearest to us appends decides.
        #[test]
        fn what_a_client_sends_moves_nothing(sent in "[ -~]{0,60}", more in proptest::collection::vec("[ -~]{0,20}", 0..3)) {
            let mut forwarded: Vec<&str> = more.iter().map(String::as_str).collect();
            let appended = format!("{sent}, 198.51.100.1");
            forwarded.push(&appended);
            proptest::prop_assert_eq!(client("10.0.0.1", &forwarded), "198.51.100.1");
            proptest::prop_assert_eq!(client("203.0.113.9", &forwarded), "203.0.113.9");
        }
    }
}
