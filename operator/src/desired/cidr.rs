//! Address ranges: just enough to keep the cloud's metadata service out of them.

use std::net::IpAddr;

/// The link-local ranges in which clouds serve credentials of the node.
const METADATA: [&str; 2] = ["169.254.0.0/16", "fd00:ec2::254/128"];

/// The link-local range of cloud metadata that lies inside this one, to be left out of it. A range
/// that is itself link-local was asked for by name and stays whole.
#[must_use]
pub fn link_local_within(cidr: &str) -> Option<&'static str> {
    let (network, length) = parse(cidr)?;
    METADATA.into_iter().find(|hole| {
        parse(hole).is_some_and(|(inner, inner_length)| {
            inner.is_ipv4() == network.is_ipv4()
                && length < inner_length
                && prefix(network, length) == prefix(inner, length)
        })
    })
}

/// Whether this is an address and the length of a prefix that fits it.
#[must_use]
pub fn is_valid(cidr: &str) -> bool {
    parse(cidr).is_some_and(|(address, length)| length <= if address.is_ipv4() { 32 } else { 128 })
}

fn parse(cidr: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = cidr.split_once('/')?;
    Some((address.parse().ok()?, length.parse().ok()?))
}

/// The first `length` bits of an address, in the low end of the number.
fn prefix(address: IpAddr, length: u32) -> u128 {
    let (bits, width) = match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    bits.checked_shr(width - length.min(width)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_an_address_and_a_length_that_fits() {
        for (cidr, valid) in [
            ("203.0.113.0/24", true),
            ("0.0.0.0/0", true),
            ("10.1.2.3/32", true),
            ("2001:db8::/32", true),
            ("::/128", true),
            ("10.0.0.0/33", false),
            ("::/129", false),
            ("300.0.0.0/8", false),
            ("10.0.0/8", false),
            ("1:2:3/64", false),
            ("10.0.0.0", false),
            ("10.0.0.0/", false),
        ] {
            assert_eq!(is_valid(cidr), valid, "{cidr}");
        }
    }

    #[test]
    fn metadata_is_left_out_of_ranges_that_hold_it() {
        for (cidr, hole) in [
            ("0.0.0.0/0", Some("169.254.0.0/16")),
            ("169.0.0.0/8", Some("169.254.0.0/16")),
            ("169.254.0.0/15", Some("169.254.0.0/16")),
            ("::/0", Some("fd00:ec2::254/128")),
            ("fd00::/8", Some("fd00:ec2::254/128")),
            ("203.0.113.0/24", None),
            ("10.0.0.0/8", None),
            ("2001:db8::/32", None),
            // Asked for by name.
            ("169.254.0.0/16", None),
            ("169.254.169.254/32", None),
            ("nonsense", None),
        ] {
            assert_eq!(link_local_within(cidr), hole, "{cidr}");
        }
    }
}
