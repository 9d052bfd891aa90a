//! What an address says of where it is.

use std::net::{IpAddr, Ipv6Addr};

/// Whether a host is this machine, or within the cluster or the compose network: a name without dots, or
/// one that ends in `.svc` or `.svc.cluster.local`.
#[must_use]
pub fn is_near(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().map_or_else(
        |_| !host.contains('.') || host.ends_with(".svc") || host.ends_with(".svc.cluster.local"),
        |address| address.is_loopback(),
    )
}

/// Whose an address is: of IPv6 one customer has at least 64 bits (RFC 6177), and may take any of them.
#[must_use]
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Whose an address is where a subscriber may have many networks: of IPv6 a site has up to a /48 (RFC 6177), and
/// may come from each of its /64 in turn.
#[must_use]
pub fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !(u128::MAX >> 48)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_subscriber_has_one_budget() {
        let of = |text: &str| subscriber(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(
            (of("192.0.2.7"), of("::ffff:192.0.2.7")),
            ("192.0.2.7".into(), of("192.0.2.7"))
        );
    }

    #[test]
    fn one_site_has_all_of_its_networks() {
        let of = |text: &str| site(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1::");
        assert_eq!(of("2001:db8:1::1"), of("2001:db8:1:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:2:2::1"));
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn what_is_near_has_no_dots_or_is_within_the_cluster() {
        for near in ["127.0.0.1", "[::1]", "localhost", "postgres", "db.data.svc"] {
            assert!(is_near(near), "{near}");
        }
        for far in ["10.0.0.1", "db.example", "svc.example", "2001:db8::1"] {
            assert!(!is_near(far), "{far}");
        }
    }
}
