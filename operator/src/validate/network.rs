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
    let to = network.allow_to.iter().map(|to| Some(&to.cidr)).enumerate();
    let to = to.map(|(index, cidr)| (format!("allowTo[{index}]"), cidr));
    let servers = network.dns.iter().flat_map(|dns| &dns.servers).enumerate();
    let servers =
        servers.map(|(index, server)| (format!("dns.servers[{index}]"), server.cidr.as_ref()));
    to.chain(servers).filter_map(|(path, cidr)| Some((path, cidr?.as_str()))).collect()
}
