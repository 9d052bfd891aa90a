//! Which field asked for something, and who set it. Pure.

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::Link;
use crate::{
    desired::meta::{BACKUP, COLLECTOR, GATEWAY, GRAFANA, METRICS},
    drift::{self, Writer},
    kubectl::{scene::Scene, words},
};

/// A field, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Such as `spec.services[core].image`.
    pub field: String,
    /// The tenant's, else its profile's.
    pub of_tenant: bool,
}

impl Place {
    fn tenant(field: impl Into<String>) -> Self {
        Self { field: field.into(), of_tenant: true }
    }

    fn profile(field: impl Into<String>) -> Self {
        Self { field: field.into(), of_tenant: false }
    }

    /// `spec.services[core].image of profile prod@7`.
    pub(super) fn told(&self, scene: &Scene) -> String {
        if self.of_tenant {
            format!("{} of the tenant", self.field)
        } else {
            format!("{} of profile {}", self.field, scene.profile_label())
        }
    }

    /// The same, with who set it.
    pub(super) fn asked(&self, scene: &Scene, now: Timestamp) -> String {
        let object = if self.of_tenant {
            Some(&scene.recorded.tenant)
        } else {
            scene.recorded.profile.as_ref()
        };
        // In a path of fields an item stands behind a dot.
        let path = self.field.replace('[', ".[");
        let writer = object.and_then(|object| drift::holder(object, &path));
        let by = writer.map(|writer| format!(", set by {}", said(&writer, now)));
        format!("asked for by {}{}", self.told(scene), by.unwrap_or_default())
    }
}

/// `kubectl-edit, 3m ago`.
fn said(writer: &Writer, now: Timestamp) -> String {
    let time = writer.time.parse::<Timestamp>().ok();
    time.map_or_else(
        || writer.manager.clone(),
        |time| format!("{} {} ago", writer.manager, words::age(time, now)),
    )
}

/// The link with who set a field of the tenant.
pub(super) fn noted(link: Link, scene: &Scene, field: &str, now: Timestamp) -> Link {
    match drift::holder(&scene.recorded.tenant, field) {
        Some(writer) => link.note(format!("{field} was set by {}", said(&writer, now))),
        None => link,
    }
}

/// Where in the profile a component of ours is described.
fn own(component: &str) -> Option<&'static str> {
    match component {
        GATEWAY => Some("spec.billing.gateway"),
        COLLECTOR => Some("spec.telemetry.collector"),
        METRICS => Some("spec.telemetry.metrics"),
        GRAFANA => Some("spec.telemetry.grafana"),
        BACKUP => Some("spec.backups"),
        _ => None,
    }
}

fn of(component: &str, part: &str) -> Place {
    Place::profile(match own(component) {
        Some(place) => format!("{place}.{part}"),
        None => format!("spec.services[{component}].{part}"),
    })
}

/// What a component's image comes from.
pub(super) fn image(component: &str) -> Place {
    of(component, "image")
}

/// What a component's environment or mounts come from.
pub(super) fn configuration(component: &str) -> Place {
    of(component, "envFrom")
}

/// What a component's readiness probe comes from; ours have probes of their own.
pub(super) fn probe(component: &str) -> Option<Place> {
    own(component).is_none().then(|| of(component, "probes.readiness"))
}

/// What a component's claim comes from.
pub(super) fn storage(component: &str) -> Place {
    match component {
        GATEWAY => Place::profile("spec.billing.storage"),
        METRICS => Place::profile("spec.telemetry.metrics.storage"),
        _ => of(component, "storage"),
    }
}

/// What a request or limit comes from: the tenant's override, an overlay, or the profile.
pub(super) fn resource(scene: &Scene, component: &str, which: &str, name: &str) -> Place {
    let overrides = &scene.tenant.spec.overrides.services;
    let overridden = overrides.iter().position(|o| {
        o.name == component
            && o.resources.as_ref().is_some_and(|r| {
                let map = if which == "limits" { &r.limits } else { &r.requests };
                map.0.contains_key(name)
            })
    });
    if overridden.is_some() {
        return Place::tenant(format!("spec.overrides.services[{component}].resources.{which}"));
    }
    // A device is asked for by its limit, which is its request too.
    if let Some(overlay) = overlay_of(scene, component, |overlay| {
        overlay.resources.requests.0.contains_key(name)
            || overlay.resources.limits.0.contains_key(name)
    }) {
        return Place::tenant(format!("spec.overlays[{overlay}]"));
    }
    of(component, &format!("resources.{which}"))
}

/// What a pod's node selector comes from.
pub(super) fn selector(scene: &Scene, component: &str) -> Place {
    match overlay_of(scene, component, |overlay| overlay.node_selector.is_some()) {
        Some(overlay) => Place::tenant(format!("spec.overlays[{overlay}]")),
        None => Place::profile("spec.scheduling".to_owned()),
    }
}

/// The last of the tenant's overlays that changes this component in this way.
fn overlay_of(
    scene: &Scene,
    component: &str,
    which: impl Fn(&crds::deployment_profile::Overlay) -> bool,
) -> Option<String> {
    let spec = &scene.revision.as_ref()?.spec;
    let service = spec.services.iter().find(|service| service.name == component)?;
    let named = scene.tenant.spec.overlays.iter().rev();
    let mut fitting = named.filter(|name| spec.overlays.0.get(*name).is_some_and(&which));
    service.acceleratable.then(|| fitting.next().cloned()).flatten()
}

/// A field of an object, as text.
pub(super) fn value(object: &Value, pointer: &str) -> Option<String> {
    match object.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
