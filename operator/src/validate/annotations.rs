//! Names of annotations: Kubernetes refuses an Ingress with a name that is none only when the stack is already being written.

use super::{Problem, reasons};
use crate::desired::Stack;

pub(super) fn check(stack: &Stack, problems: &mut Vec<Problem>) {
    for (index, service) in stack.services.iter().enumerate() {
        let Some(ingress) = &service.ingress else { continue };
        for key in ingress.annotations.0.keys().filter(|key| !is_name(key)) {
            problems.push(Problem {
                reason: reasons::ANNOTATION_INVALID,
                message: format!(
                    "profile {}, spec.services[{index}].ingress.annotations {key:?} is no annotation's name; \
                     write one such as cert-manager.io/cluster-issuer",
                    stack.profile
                ),
            });
        }
    }
}

/// A name of at most 63 characters, if need be after a domain of at most 253 and a slash.
fn is_name(key: &str) -> bool {
    let (domain, name) = match key.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, key),
    };
    let of = |text: &str, also: &[u8]| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
    };
    let ends = |text: &str| {
        let outer = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        outer(text.bytes().next()) && outer(text.bytes().next_back())
    };
    let domain_fits = domain.is_none_or(|domain| {
        domain.len() <= 253 && domain.split('.').all(|part| ends(part) && of(part, b"-"))
    });
    domain_fits && name.len() <= 63 && ends(name) && of(name, b"-_.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_stand_after_a_domain() {
        for (key, fits) in [
            ("cert-manager.io/cluster-issuer", true),
            ("nginx.ingress.kubernetes.io/proxy-read-timeout", true),
            ("alb.ingress.kubernetes.io/actions.redirect_1", true),
            // The server compares domains without regard to case.
            ("Example.com/Owner", true),
            ("owner", true),
            (&format!("{}/a", "d".repeat(253)), true),
            (&"n".repeat(63), true),
            (&"n".repeat(64), false),
            (&format!("{}/a", "d".repeat(254)), false),
            ("", false),
            ("/a", false),
            ("a/", false),
            ("a/b/c", false),
            ("a..b/c", false),
            ("-a/b", false),
            ("a_b/c", false),
            ("a/-b", false),
            ("with space", false),
            ("ümlaut", false),
        ] {
            assert_eq!(is_name(key), fits, "{key:?}");
        }
    }
}
