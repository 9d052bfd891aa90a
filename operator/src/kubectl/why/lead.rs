//! Whether anybody looks after the tenant at all. Pure.

use k8s_openapi::jiff::Timestamp;

use super::{Cause, Link};
use crate::{
    kubectl::{
        scene::{Lead, Scene},
        words,
    },
    lease,
};

/// An operator that is gone explains whatever else is not as it was asked.
pub(super) fn causes(scene: &Scene, now: Timestamp) -> Option<Cause> {
    let tenant = &scene.tenant;
    let seen = scene.status().observed_generation;
    let behind = seen != tenant.metadata.generation;
    let gone = match &scene.operator {
        Lead::Silent { holder, since } => Some(silent(holder.as_deref(), *since, now)),
        Lead::Absent => Some(Link::new(format!("Lease {} is not there", lease::NAME))),
        Lead::Alive | Lead::Unseen => None,
    };
    let told = match seen {
        Some(seen) if seen >= 0 => format!(
            "its newest edit (generation {}) has not been looked at; the status speaks of generation {seen}",
            tenant.metadata.generation.unwrap_or_default()
        ),
        _ => "nobody has looked at it yet".to_owned(),
    };
    let look = "look at the operator: kubectl get pods -A -l app.kubernetes.io/name=tenantry-operator, then its \
                log; a Lease elsewhere: --namespace";
    match (gone, behind) {
        (Some(gone), behind) => {
            let mut chain =
                vec![Link::new("no operator is at work: what is said here may be old"), gone];
            if behind {
                chain.insert(0, Link::new(told));
            }
            Some(Cause::new("OperatorGone", chain, vec![look.to_owned()]))
        }
        (None, true) => {
            let edited = words::age_of(newest_edit(scene).as_deref(), now);
            let link = Link::new(told).by(Some(format!("edited {edited} ago")));
            let wait = "wait a moment; if it stays so, look at the operator's log";
            Some(Cause::new("NotSeenYet", vec![link], vec![wait.to_owned()]))
        }
        (None, false) => None,
    }
}

fn silent(holder: Option<&str>, since: Option<Timestamp>, now: Timestamp) -> Link {
    let name = lease::NAME;
    let ago = since.map_or_else(|| "never".to_owned(), |at| format!("{} ago", words::age(at, now)));
    match holder {
        Some(holder) => Link::new(format!("Lease {name} was renewed {ago}, by {holder}")),
        None => Link::new(format!("Lease {name} has no holder; it was given back {ago}")),
    }
}

/// When the spec was written last.
fn newest_edit(scene: &Scene) -> Option<String> {
    crate::drift::holder(&scene.recorded.tenant, "spec").map(|writer| writer.time)
}
