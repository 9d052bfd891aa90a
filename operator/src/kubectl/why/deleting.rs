//! What a tenant that is being deleted waits for. Pure.

use crds::conditions::{self, DRAINING, RECONCILING, STALLED};
use k8s_openapi::jiff::Timestamp;

use super::{Cause, Link};
use crate::kubectl::{scene::Scene, words};

pub(super) fn causes(scene: &Scene, now: Timestamp) -> Vec<Cause> {
    let status = scene.status();
    let since = scene.tenant.metadata.deletion_timestamp.as_ref();
    let since = since.map_or_else(|| words::NONE.to_owned(), |at| words::age(at.0, now));
    let whole = Link::new(format!("Tenant {} was deleted {since} ago", scene.name()));
    let Some(step) = conditions::find(&status.conditions, RECONCILING) else {
        return vec![Cause::new("Deleting", vec![whole], Vec::new())];
    };
    let stalled = conditions::find(&status.conditions, STALLED).filter(|c| c.status == "True");
    if let Some(stalled) = stalled {
        let chain = vec![whole, Link::new(format!("{}: {}", step.reason, stalled.message))];
        return vec![Cause::new(&stalled.reason, chain, vec![super::said::right(scene)])];
    }
    let message = step.message.split("; to give them up").next().unwrap_or(&step.message);
    let link = Link::new(format!("{}: {message}", step.reason));
    let remedy = match step.reason.as_str() {
        DRAINING => {
            let command = step.message.split("to give them up: ").nth(1);
            let give_up = command.map(|command| format!(", or give them up: {command}"));
            format!("let the gateway reach the API server and wait{}", give_up.unwrap_or_default())
        }
        "Paused" => "remove spec.pausedUntil, or wait until then".to_owned(),
        "DeletingData" => format!(
            "wait; what holds the namespace up: kubectl get namespace {} -o yaml, its conditions",
            scene.namespace()
        ),
        _ => "wait: the stack comes down in order".to_owned(),
    };
    vec![Cause::new(&step.reason, vec![whole, link], vec![remedy])]
}
