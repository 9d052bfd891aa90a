//! What the scheduler says of a pod that no node takes, and which field asked for it. Pure.

use k8s_openapi::jiff::Timestamp;

use super::origin;
use crate::kubectl::scene::Scene;

/// Who asked for what no node has, and what to do.
pub(super) fn explain(
    scene: &Scene,
    component: &str,
    message: &str,
    now: Timestamp,
) -> (Vec<String>, Vec<String>) {
    let (mut notes, mut remedies) = (Vec::new(), Vec::new());
    for name in insufficient(message) {
        let which = if name.contains('/') { "limits" } else { "requests" };
        let place = origin::resource(scene, component, which, name);
        notes.push(format!("{name}: {}", place.asked(scene, now)));
        remedies.push(match overlay(&place.field) {
            Some(overlay) => {
                format!("add a node with {name}, or remove {overlay:?} from spec.overlays")
            }
            None => format!(
                "add a node with room for its {name}, or ask for less in {}",
                place.told(scene)
            ),
        });
    }
    if message.contains("node affinity/selector") {
        let place = origin::selector(scene, component);
        notes.push(format!("node selector: {}", place.asked(scene, now)));
        remedies.push(match overlay(&place.field) {
            Some(overlay) => {
                format!(
                    "label a node as the overlay asks, or remove {overlay:?} from spec.overlays"
                )
            }
            None => format!("label a node as it asks, or change {}", place.told(scene)),
        });
    }
    if remedies.is_empty() {
        remedies.push(otherwise(message, scene));
    }
    (notes, remedies)
}

fn otherwise(message: &str, scene: &Scene) -> String {
    match () {
        () if message.contains("untolerated taint") => format!(
            "tolerate the taint in spec.scheduling of profile {}, or take it off a node",
            scene.profile_label()
        ),
        () if message.contains("Too many pods") => {
            "add a node, or let the nodes hold more pods".to_owned()
        }
        () if message.contains("unschedulable") => {
            "let a node take pods again: kubectl uncordon NODE".to_owned()
        }
        () if message.contains("volume") => {
            "the pod's volume is bound to a node that does not take it: kubectl get pv".to_owned()
        }
        () if message.contains("no nodes available") || message.contains("0/0 nodes") => {
            "add a node: the cluster has none".to_owned()
        }
        () => "add a node that takes it: kubectl get nodes".to_owned(),
    }
}

/// What there is too little of: `Insufficient NAME`.
fn insufficient(message: &str) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for rest in message.split("Insufficient ").skip(1) {
        let name = rest.split([',', ' ']).next().unwrap_or_default().trim_end_matches('.');
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn overlay(field: &str) -> Option<&str> {
    field.strip_prefix("spec.overlays[")?.strip_suffix(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_read_from_the_schedulers_words() {
        let message = "0/4 nodes are available: 1 Insufficient cpu, 3 Insufficient nvidia.com/gpu.";
        assert_eq!(insufficient(message), ["cpu", "nvidia.com/gpu"]);
        assert!(insufficient("0/3 nodes are available: 3 Too many pods.").is_empty());
        assert_eq!(overlay("spec.overlays[gpu]"), Some("gpu"));
        assert_eq!(overlay("spec.scheduling"), None);
    }
}
