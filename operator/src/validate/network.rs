//! What may reach the stack and what it may reach.
//!
//! The schema knows the form of a range, not its numbers; and Kubernetes refuses a policy with a
//! range that is none only when the stack is already being written.

use crds::deployment_profile::Network;

use super::{Problem, reasons};
use crate::desired::{Stack, cidr};

pub(super) fn check(stack: &Stack, problems: &mut Vec<Problem>) {
    for (path, cidr) in ranges(&stack.network) {
        if !cidr::is_valid(cidr) {
            problems.push(Problem {
                reason: reasons::CIDR_INVALID,
                message: format!(
                    "profile {}, spec.network.{path}.cidr {cidr:?} is no address range; \
                     write one such as 203.0.113.0/24 or 2001:db8::/32",
                    stack.profile
                ),
            });
        }
    }
}

/// Every range, and whose it is.
fn ranges(network: &Network) -> Vec<(String, &str)> {
    let from = network.allow_from.iter().map(|from| &from.cidr);
    let to = network.allow_to.iter().map(|to| &to.cidr);
    let servers = network.dns.iter().flat_map(|dns| &dns.servers).map(|server| &server.cidr);
    let from = from.enumerate().map(|(index, cidr)| (format!("allowFrom[{index}]"), cidr));
    let to = to.enumerate().map(|(index, cidr)| (format!("allowTo[{index}]"), cidr));
    let servers = servers.enumerate().map(|(index, cidr)| (format!("dns.servers[{index}]"), cidr));
    let all = from.chain(to).chain(servers);
    all.filter_map(|(path, cidr)| Some((path, cidr.as_deref()?))).collect()
}
