//! Profile services with a tenant's overlays and overrides merged in.
//!
//! Precedence, weakest first: the profile, its overlays in the tenant's order, the tenant's
//! overrides.

use crds::{
    DeploymentProfileSpec, Tenant,
    bounded::Replicas,
    deployment_profile::{EnvVar, Overlay, Resources, Service},
    tenant::ServiceOverride,
};

use super::{Problem, reasons, service_names};
use crate::desired::ResolvedService;

/// Every service of the profile, merged; what cannot be merged is added to `problems`.
pub(super) fn services(
    tenant: &Tenant,
    profile: &DeploymentProfileSpec,
    profile_name: &str,
    problems: &mut Vec<Problem>,
) -> Vec<ResolvedService> {
    let overlays = overlays(tenant, profile, profile_name, problems);
    let mut services: Vec<ResolvedService> =
        profile.services.iter().map(|service| with_overlays(service, &overlays)).collect();
    for (index, change) in tenant.spec.overrides.services.iter().enumerate() {
        let path = format!("spec.overrides.services[{index}]");
        match services.iter_mut().find(|s| s.service.name == change.name) {
            Some(service) => override_service(&mut service.service, change, &path, problems),
            None => problems.push(Problem {
                reason: reasons::OVERRIDE_UNKNOWN,
                message: format!(
                    "{path}.name {:?}: profile {profile_name} has {}",
                    change.name,
                    service_names(profile)
                ),
            }),
        }
    }
    services
}

fn overlays<'p>(
    tenant: &Tenant,
    profile: &'p DeploymentProfileSpec,
    profile_name: &str,
    problems: &mut Vec<Problem>,
) -> Vec<&'p Overlay> {
    let mut found = Vec::new();
    for (index, name) in tenant.spec.overlays.iter().enumerate() {
        if let Some(overlay) = profile.overlays.0.get(name) {
            found.push(overlay);
            continue;
        }
        let known: Vec<&str> = profile.overlays.0.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "no overlays".to_owned() } else { known.join(", ") };
        problems.push(Problem {
            reason: reasons::OVERLAY_UNKNOWN,
            message: format!("spec.overlays[{index}] {name:?}: profile {profile_name} has {known}"),
        });
    }
    found
}

fn with_overlays(service: &Service, overlays: &[&Overlay]) -> ResolvedService {
    let mut resolved = ResolvedService { service: service.clone(), placement: Overlay::default() };
    if !service.acceleratable {
        return resolved;
    }
    for overlay in overlays {
        merge_resources(&mut resolved.service.resources, &overlay.resources);
        merge_env(&mut resolved.service.env, &overlay.env);
        if let Some(labels) = &overlay.node_selector {
            let selector = resolved.placement.node_selector.get_or_insert_default();
            selector.0.extend(labels.0.clone());
        }
        resolved.placement.tolerations.extend(overlay.tolerations.iter().cloned());
        if overlay.runtime_class_name.is_some() {
            resolved.placement.runtime_class_name.clone_from(&overlay.runtime_class_name);
        }
    }
    resolved
}

fn override_service(
    service: &mut Service,
    change: &ServiceOverride,
    path: &str,
    problems: &mut Vec<Problem>,
) {
    if let Some(replicas) = change.replicas {
        if service.storage.is_some() && !matches!(replicas, Replicas::Count(0 | 1)) {
            problems.push(Problem {
                reason: reasons::OVERRIDE_INVALID,
                message: format!(
                    "{path}.replicas: {} writes to one claim and runs one pod; set 0 or 1, or remove the override",
                    service.name
                ),
            });
            return;
        }
        // A number set by hand replaces the profile's autoscaler for this tenant.
        service.autoscaling = None;
        service.replicas = Some(replicas);
    }
    if let Some(resources) = &change.resources {
        merge_resources(&mut service.resources, resources);
    }
    merge_env(&mut service.env, &change.env);
}

fn merge_resources(base: &mut Resources, change: &Resources) {
    base.requests.0.extend(change.requests.0.clone());
    base.limits.0.extend(change.limits.0.clone());
}

fn merge_env(base: &mut Vec<EnvVar>, change: &[EnvVar]) {
    for variable in change {
        match base.iter_mut().find(|v| v.name == variable.name) {
            Some(existing) => existing.value.clone_from(&variable.value),
            None => base.push(variable.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
