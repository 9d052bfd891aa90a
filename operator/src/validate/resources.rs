//! A request above its limit: Kubernetes refuses such a pod. The schema of each part cannot see it,
//! because request and limit may come from the profile, an overlay and an override.

use crds::{
    DeploymentProfileSpec, Tenant,
    deployment_profile::{Resources, Service},
};

use super::{Problem, reasons};
use crate::desired::{Stack, pod};

pub(super) fn check(
    tenant: &Tenant,
    profile: &DeploymentProfileSpec,
    stack: &Stack,
    problems: &mut Vec<Problem>,
) {
    for service in &stack.services {
        for name in excessive(&service.resources) {
            let field = |part: Part| source(tenant, profile, stack, service, name, part);
            let (request, limit) = (field(Part::Request), field(Part::Limit));
            problems.push(told(&request, &limit, &service.resources, name));
        }
    }
    for (path, resources) in components(stack) {
        for name in excessive(resources) {
            let whole = |part: &str| format!("profile {}, {path}.{part}.{name}", stack.profile);
            let (request, limit) = (whole("requests"), whole("limits"));
            problems.push(told(&request, &limit, resources, name));
        }
    }
}

/// The names whose request exceeds its limit. Devices are left out: their request is their limit.
fn excessive(resources: &Resources) -> Vec<&str> {
    let requests = resources.requests.0.iter().filter(|(name, _)| !pod::is_device(name));
    let above = requests.filter(|(name, request)| {
        resources.limits.0.get(*name).is_some_and(|limit| request.milli() > limit.milli())
    });
    above.map(|(name, _)| name.as_str()).collect()
}

#[derive(Clone, Copy)]
enum Part {
    Request,
    Limit,
}

impl Part {
    fn has(self, resources: &Resources, name: &str) -> bool {
        match self {
            Self::Request => resources.requests.0.contains_key(name),
            Self::Limit => resources.limits.0.contains_key(name),
        }
    }

    fn path(self, base: &str, name: &str) -> String {
        let part = match self {
            Self::Request => "requests",
            Self::Limit => "limits",
        };
        format!("{base}.resources.{part}.{name}")
    }
}

/// The field that a merged value comes from: the strongest that names it.
fn source(
    tenant: &Tenant,
    profile: &DeploymentProfileSpec,
    stack: &Stack,
    service: &Service,
    name: &str,
    part: Part,
) -> String {
    let overrides = tenant.spec.overrides.services.iter().enumerate();
    let change = overrides
        .filter(|(_, o)| o.name == service.name)
        .find(|(_, o)| o.resources.as_ref().is_some_and(|resources| part.has(resources, name)));
    if let Some((index, _)) = change {
        return part.path(&format!("spec.overrides.services[{index}]"), name);
    }
    let overlay = tenant.spec.overlays.iter().rev().find(|overlay| {
        service.acceleratable
            && profile.overlays.0.get(*overlay).is_some_and(|o| part.has(&o.resources, name))
    });
    let base = match overlay {
        Some(overlay) => format!("profile {}, spec.overlays.{overlay}", stack.profile),
        None => format!("profile {}, spec.services[{}]", stack.profile, service.name),
    };
    part.path(&base, name)
}

fn told(request: &str, limit: &str, resources: &Resources, name: &str) -> Problem {
    let of = |map: &crds::bounded::ResourceMap| {
        map.0.get(name).map(ToString::to_string).unwrap_or_default()
    };
    Problem {
        reason: reasons::RESOURCES_INVALID,
        message: format!(
            "{request} is {}, above the limit of {} ({limit}); lower the request or raise the limit",
            of(&resources.requests),
            of(&resources.limits)
        ),
    }
}

/// Our own components that take resources from the profile, with the path of each.
fn components(stack: &Stack) -> Vec<(&'static str, &Resources)> {
    let mut all = vec![("spec.billing.gateway.resources", &stack.billing.gateway.resources)];
    let telemetry = &stack.telemetry;
    let collector = telemetry.collector.as_ref().filter(|_| stack.has_collector());
    all.extend(collector.map(|c| ("spec.telemetry.collector.resources", &c.resources)));
    let metrics = telemetry.metrics.as_ref().filter(|_| stack.has_metrics());
    all.extend(metrics.map(|m| ("spec.telemetry.metrics.resources", &m.resources)));
    let grafana = telemetry.grafana.as_ref().filter(|_| stack.has_grafana());
    all.extend(grafana.map(|g| ("spec.telemetry.grafana.resources", &g.resources)));
    let backups = stack.backups.as_ref().filter(|_| stack.has_backups());
    all.extend(backups.map(|b| ("spec.backups.resources", &b.resources)));
    all
}

#[cfg(test)]
mod tests;
