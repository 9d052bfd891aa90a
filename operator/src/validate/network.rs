//! What may reach the stack and what it may reach.
//!
//! The schema knows the form of a range, not its numbers; and Kubernetes refuses a policy with a
//! range that is none only when the stack is already being written.

use super::{Problem, reasons};
use crate::desired::{Stack, cidr};

pub(super) fn check(stack: &Stack, problems: &mut Vec<Problem>) {
    for (index, to) in stack.network.allow_to.iter().enumerate() {
        if !cidr::is_valid(&to.cidr) {
            problems.push(Problem {
                reason: reasons::CIDR_INVALID,
                message: format!(
                    "profile {}, spec.network.allowTo[{index}].cidr {:?} is no address range; \
                     write one such as 203.0.113.0/24 or 2001:db8::/32",
                    stack.profile, to.cidr
                ),
            });
        }
    }
}
