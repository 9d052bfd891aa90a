//! Which addresses webhooks may go to. A URL is chosen by whoever may set webhooks up, the request is
//! made from inside: without this rule it could reach what only the inside can.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use thiserror::Error;

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    first: IpAddr,
    bits: u8,
}

/// Why a text is no range.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoRange {
    /// It is not written as one.
    #[error("{0:?} is no range of addresses such as 10.0.0.0/8 or fd00::/8")]
    Unreadable(String),
    /// Its address lies inside of it.
    #[error("{0:?} has bits behind its prefix: write {1}")]
    Inside(String, Range),
}

impl FromStr for Range {
    type Err = NoRange;

    fn from_str(text: &str) -> Result<Self, NoRange> {
        let unreadable = || NoRange::Unreadable(text.to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| unreadable())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), str::parse).map_err(|_| unreadable())?;
        if bits > width {
            return Err(unreadable());
        }
        let first = cut(address, bits);
        let range = Self { first, bits };
        if first == address { Ok(range) } else { Err(NoRange::Inside(text.to_owned(), range)) }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

impl Range {
    /// Whether an address is in it.
    #[must_use]
    pub fn has(self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4() && cut(address, self.bits) == self.first
    }
}

/// An address without what is behind its first `bits`.
fn cut(address: IpAddr, bits: u8) -> IpAddr {
    let bits = u32::from(bits);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Range {
    Range { first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits }
}

const fn v6(a: u16, b: u16, bits: u8) -> Range {
    Range { first: IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0)), bits }
}

/// What is not the internet (IANA's registries of special addresses): this host and network, private,
/// shared (CGNAT), loopback, link-local, protocols, examples, relays, benchmarks, multicast, reserved.
const SPECIAL: [Range; 19] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    // Teredo and other protocols; 6to4, which holds an IPv4 address; examples.
    v6(0x2001, 0, 23),
    v6(0x2001, 0xdb8, 32),
    v6(0x2002, 0, 16),
    v6(0x3fff, 0, 20),
];
/// What IPv6 routes on the internet. All else is loopback, link-local, unique local, multicast, or
/// holds an IPv4 address.
const GLOBAL: Range = v6(0x2000, 0, 3);

/// Whether a webhook may go to an address: one of the internet, or one in `allowed`. An IPv4 address
/// that is written as an IPv6 one is the same address.
#[must_use]
pub fn may_reach(address: IpAddr, allowed: &[Range]) -> bool {
    let address = address.to_canonical();
    if allowed.iter().any(|range| range.has(address)) {
        return true;
    }
    let global = address.is_ipv4() || GLOBAL.has(address);
    global && !SPECIAL.iter().any(|range| range.has(address))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reach(address: &str, allowed: &[&str]) -> bool {
        let allowed: Vec<Range> = allowed.iter().map(|range| range.parse().unwrap()).collect();
        may_reach(address.parse().unwrap(), &allowed)
    }

    #[test]
    fn what_is_not_the_internet_is_not_reached() {
        for inside in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:a9fe:a9fe",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "100::1",
        ] {
            assert!(!reach(inside, &[]), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.0",
            "192.167.255.255",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(reach(outside, &[]), "{outside}");
        }
    }

    #[test]
    fn what_is_allowed_is_reached_and_nothing_beside_it() {
        assert!(reach("10.1.2.3", &["192.168.0.0/16", "10.1.0.0/16"]));
        assert!(!reach("10.2.0.0", &["10.1.0.0/16"]));
        assert!(reach("::ffff:10.1.2.3", &["10.1.0.0/16"]));
        assert!(reach("127.0.0.1", &["127.0.0.1"]) && !reach("127.0.0.2", &["127.0.0.1"]));
        assert!(reach("fd00::7", &["fd00::/8"]) && !reach("fe80::7", &["fd00::/8"]));
        assert!(!reach("::1", &["0.0.0.0/0"]) && reach("::1", &["::/0"]));
    }

    #[test]
    fn ranges_are_read_as_they_are_written() {
        for good in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "fd00::/8", "1.2.3.4/32"] {
            assert_eq!(good.parse::<Range>().unwrap().to_string(), good);
        }
        let inside = "10.1.2.3/8".parse::<Range>().unwrap_err().to_string();
        assert!(inside.ends_with("write 10.0.0.0/8"), "{inside}");
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "a/8"] {
            assert!(matches!(bad.parse::<Range>(), Err(NoRange::Unreadable(_))), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_range_has_its_own_and_no_others(address: u32, bits in 0_u8..=32, other: u32) {
            let first = cut(Ipv4Addr::from_bits(address).into(), bits);
            let range: Range = format!("{first}/{bits}").parse().unwrap();
            prop_assert!(range.has(Ipv4Addr::from_bits(address).into()));
            let same = bits == 0 || (address ^ other) >> (32 - u32::from(bits)) == 0;
            prop_assert_eq!(range.has(Ipv4Addr::from_bits(other).into()), same);
        }

        #[test]
        fn mapped_addresses_are_those_that_they_map(address: u32) {
            let plain = Ipv4Addr::from_bits(address);
            prop_assert_eq!(may_reach(plain.into(), &[]), may_reach(plain.to_ipv6_mapped().into(), &[]));
        }
    }
}
