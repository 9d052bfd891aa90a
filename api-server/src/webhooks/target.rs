//! What a webhook's URL may be.

use std::net::IpAddr;

use reqwest::Url;
use thiserror::Error;

use crate::domain::webhook::{Range, address::may_reach};

/// How long a URL may be, in bytes.
pub const LONGEST: usize = 2_048;

/// Why a URL is none of a webhook. It repeats nothing of the URL, which may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoTarget {
    /// Not a URL.
    #[error("must be a URL of at most {LONGEST} bytes, such as https://hooks.example.com/tenantry")]
    Unreadable,
    /// Anyone on the way could read it.
    #[error("must begin with https://")]
    NotHttps,
    /// Names and passwords in URLs end up in logs.
    #[error("must have no user name, password or fragment (#): messages are signed instead")]
    Dressed,
    /// The server would reach what only the inside can.
    #[error(
        "must not name an address inside a network; who runs the server can allow it: \
         --webhook-allow-cidr, or TENANTRY_WEBHOOK_ALLOW_CIDR"
    )]
    Inside,
}

/// Reads a URL; also an address in it must be one that may be reached. A name's addresses are looked
/// at with each connection.
///
/// # Errors
/// [`NoTarget`].
pub fn read(text: &str, allowed: &[Range]) -> Result<Url, NoTarget> {
    if text.len() > LONGEST || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(NoTarget::Unreadable);
    }
    let url = Url::parse(text).map_err(|_| NoTarget::Unreadable)?;
    if !text.starts_with("https://") {
        return Err(NoTarget::NotHttps);
    }
    let dressed =
        !url.username().is_empty() || url.password().is_some() || url.fragment().is_some();
    if dressed
        || text.split(['/', '?', '\\']).nth(2).is_some_and(|authority| authority.contains('@'))
    {
        return Err(NoTarget::Dressed);
    }
    let host = url.host_str().ok_or(NoTarget::Unreadable)?;
    match address(host) {
        Some(address) if !may_reach(address, allowed) => Err(NoTarget::Inside),
        _ => Ok(url),
    }
}

/// The address that a URL's host is, if it is none that has to be looked up. Other ways of writing one
/// (`0x7f.1`) were made plain when the URL was read.
fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(url: &str) -> Option<NoTarget> {
        read(url, &[]).err()
    }

    #[test]
    fn https_alone_without_anything_that_hides() {
        for good in [
            "https://hooks.example.com/a?b=c",
            "https://hooks.example.com:8443/",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]/",
            "https://hooks.example.com/@user",
        ] {
            assert_eq!(why(good), None, "{good}");
        }
        for (bad, expected) in [
            ("", NoTarget::Unreadable),
            ("hooks.example.com", NoTarget::Unreadable),
            ("https://", NoTarget::Unreadable),
            ("https://a b.example", NoTarget::Unreadable),
            ("https://hooks.example.com/\r\nx: y", NoTarget::Unreadable),
            ("http://hooks.example.com/", NoTarget::NotHttps),
            ("HTTPS://hooks.example.com/", NoTarget::NotHttps),
            ("https:hooks.example.com/", NoTarget::NotHttps),
            ("https:\\\\hooks.example.com/", NoTarget::NotHttps),
            ("file:///etc/passwd", NoTarget::NotHttps),
            ("gopher://hooks.example.com/", NoTarget::NotHttps),
            ("https://user@hooks.example.com/", NoTarget::Dressed),
            ("https://:pass@hooks.example.com/", NoTarget::Dressed),
            ("https://@hooks.example.com/", NoTarget::Dressed),
            ("https://hooks.example.com/#x", NoTarget::Dressed),
        ] {
            assert_eq!(why(bad), Some(expected), "{bad}");
        }
        assert_eq!(
            why(&format!("https://a.example/{}", "x".repeat(LONGEST))),
            Some(NoTarget::Unreadable)
        );
    }

    #[test]
    fn an_address_of_the_inside_is_refused_however_it_is_written() {
        for inside in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]:8443/",
            "https://①②⑦.0.0.1/",
        ] {
            assert_eq!(why(inside), Some(NoTarget::Inside), "{inside}");
        }
        let allowed = ["127.0.0.0/8".parse().unwrap()];
        assert!(read("https://0x7f.1/", &allowed).is_ok());
    }
}
