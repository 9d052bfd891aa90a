//! What a gateway may still hold when its stack is to be removed. Pure.
//!
//! Usage is waited for where there may be some: where the API server has said anything of the tenant.
//! It says so before the gateway's token is good for anything, and no gateway takes usage before.

use crds::{
    Tenant,
    conditions::{self, BILLING_INVALID, PLAN_ACCEPTED},
    tenant::Drain,
};

use crate::{
    desired::meta::DISCARD_SPOOL,
    figures::{self, Silence},
};

/// Whether a gateway may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spool {
    /// The ledger has all that was sent, or nothing ever could be.
    Empty,
    /// There may be usage that the ledger does not have; in words, with the way out.
    Held(String),
    /// The same, and it is given up as the annotation asks; in words.
    Discarded(String),
}

/// What the gateway of a tenant that is being deleted may still hold.
#[must_use]
pub fn spool(tenant: &Tenant, silence: Option<Silence>) -> Spool {
    let Some(status) = tenant.status.as_ref().filter(|status| figures::told(status)) else {
        return Spool::Empty;
    };
    let plan = conditions::find(&status.conditions, PLAN_ACCEPTED);
    let drain = status.usage.as_ref().and_then(|usage| usage.drain);
    // Without an account nothing was ever taken.
    if plan.is_some_and(|plan| plan.reason == BILLING_INVALID) || drain.is_some_and(is_over) {
        return Spool::Empty;
    }
    let uid = tenant.metadata.uid.as_deref().unwrap_or_default();
    let annotations = tenant.metadata.annotations.as_ref();
    match annotations.and_then(|all| all.get(DISCARD_SPOOL)) {
        Some(asked) if asked == uid => Spool::Discarded(given_up(drain)),
        asked => {
            let mut words = waits(drain);
            if let Some(silence) = silence {
                words = format!("{words} as far as is known: {}", figures::silent(silence));
            }
            Spool::Held(format!("{words}; {}", way_out(tenant, uid, asked)))
        }
    }
}

/// Sealed and empty by one word of the gateway's: nothing can come any more.
fn is_over(drain: Drain) -> bool {
    drain.sealed && drain.held == 0
}

fn waits(drain: Option<Drain>) -> String {
    match drain {
        None => {
            "the gateway's usage must reach the ledger first, and the API server has not said yet how \
             much it holds"
                .to_owned()
        }
        Some(Drain { sealed: true, held: 1 }) => "1 usage event waits for the ledger".to_owned(),
        Some(Drain { sealed: true, held }) => {
            format!("{} usage events wait for the ledger", grouped(held))
        }
        Some(Drain { sealed: false, held }) => format!(
            "the gateway has not said yet that it takes no more usage; it held {} usage events when \
             it was last heard",
            grouped(held)
        ),
    }
}

fn way_out(tenant: &Tenant, uid: &str, asked: Option<&String>) -> String {
    let name = tenant.metadata.name.as_deref().unwrap_or_default();
    let command = format!("kubectl annotate tenant {name} {DISCARD_SPOOL}={uid}");
    match asked {
        None => format!("to give them up: {command}"),
        Some(asked) => format!(
            "the annotation {DISCARD_SPOOL} is {asked:?}, which is not the uid of this tenant, and does \
             nothing; to give them up: {command} --overwrite"
        ),
    }
}

fn given_up(drain: Option<Drain>) -> String {
    let held = match drain {
        Some(Drain { held: 1, .. }) => "1 usage event that waited".to_owned(),
        Some(Drain { held, .. }) if held > 0 => {
            format!("{} usage events that waited", grouped(held))
        }
        _ => "whatever usage waited".to_owned(),
    };
    format!("{held} for the ledger: given up, as the annotation {DISCARD_SPOOL} asks")
}

/// A count with its thousands set apart.
fn grouped(count: i64) -> String {
    let digits = count.max(0).to_string();
    let mut told = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

#[cfg(test)]
mod tests;
