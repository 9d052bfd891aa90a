//! Does the profile's quota hold the stack?

use crds::{
    Quantity,
    bounded::Replicas,
    deployment_profile::{Resources, Service},
};

use super::{Problem, claims, reasons};
use crate::desired::{
    Stack,
    guard_rails::{DEFAULT_CPU_MILLI, DEFAULT_MEMORY_MILLI},
    meta,
};

struct Demand<'s> {
    component: &'s str,
    pods: i128,
    resources: &'s Resources,
}

/// Adds a problem for each dimension in which the stack asks for more than its quota.
pub(super) fn check(stack: &Stack, problems: &mut Vec<Problem>) {
    let demands = demands(stack);
    check_sum(
        stack,
        &demands,
        "cpu",
        "spec.quota.cpu",
        DEFAULT_CPU_MILLI,
        stack.quota.cpu,
        problems,
    );
    check_sum(
        stack,
        &demands,
        "memory",
        "spec.quota.memory",
        DEFAULT_MEMORY_MILLI,
        stack.quota.memory,
        problems,
    );
    let pods: i128 = demands.iter().map(|d| d.pods).sum();
    if pods > i128::from(stack.quota.pods) {
        problems.push(Problem {
            reason: reasons::QUOTA_TOO_SMALL,
            message: format!(
                "the stack runs {pods} pods, quota allows {} (profile {}, spec.quota.pods)",
                stack.quota.pods, stack.profile
            ),
        });
    }
    let storage: i128 = claims(stack).iter().map(|c| c.size.milli()).sum();
    if storage > stack.quota.storage.milli() {
        problems.push(Problem {
            reason: reasons::QUOTA_TOO_SMALL,
            message: format!(
                "the stack claims {} of storage, quota allows {} (profile {}, spec.quota.storage)",
                Quantity::from_milli_binary(storage),
                stack.quota.storage,
                stack.profile
            ),
        });
    }
}

fn check_sum(
    stack: &Stack,
    demands: &[Demand<'_>],
    resource: &str,
    field: &str,
    default: i128,
    allowed: Quantity,
    problems: &mut Vec<Problem>,
) {
    let of = |d: &Demand<'_>| request(d.resources, resource).unwrap_or(default);
    let all = |d: &Demand<'_>| d.pods * of(d);
    if demands.iter().map(all).sum::<i128>() <= allowed.milli() {
        return;
    }
    let show = |milli| match resource {
        "memory" => Quantity::from_milli_binary(milli).to_string(),
        _ => Quantity::from_milli(milli).to_string(),
    };
    // The largest first, and only as many as are too much by themselves: that is where to mend it.
    let mut largest: Vec<&Demand<'_>> = demands.iter().filter(|d| all(d) > 0).collect();
    largest.sort_by_key(|d| std::cmp::Reverse(all(d)));
    let mut sum = 0;
    let parts: Vec<String> = largest
        .into_iter()
        .take_while(|d| {
            let needed = sum <= allowed.milli();
            sum += all(d);
            needed
        })
        .map(|d| format!("{} needs {} × {}", d.component, d.pods, show(of(d))))
        .collect();
    problems.push(Problem {
        reason: reasons::QUOTA_TOO_SMALL,
        message: format!(
            "{} {resource}, quota allows {allowed} (profile {}, {field})",
            parts.join(", "),
            stack.profile
        ),
    });
}

/// A request, or the limit where none is named: Kubernetes takes the limit then.
fn request(resources: &Resources, name: &str) -> Option<i128> {
    let of = |map: &crds::bounded::ResourceMap| map.0.get(name).map(|q| q.milli());
    of(&resources.requests).or_else(|| of(&resources.limits))
}

fn demands(stack: &Stack) -> Vec<Demand<'_>> {
    let mut all: Vec<Demand<'_>> = stack
        .services
        .iter()
        .map(|s| Demand { component: &s.name, pods: pods(s), resources: &s.resources })
        .collect();
    let mut one = |component, resources| all.push(Demand { component, pods: 1, resources });
    one(meta::GATEWAY, &stack.billing.gateway.resources);
    if let Some(c) = stack.telemetry.collector.as_ref().filter(|c| c.enabled) {
        one(meta::COLLECTOR, &c.resources);
    }
    if let Some(m) = stack.telemetry.metrics.as_ref().filter(|m| m.enabled) {
        one(meta::METRICS, &m.resources);
    }
    if let Some(g) = stack.telemetry.grafana.as_ref().filter(|g| g.enabled) {
        one(meta::GRAFANA, &g.resources);
    }
    if let Some(b) = stack.backups.as_ref().filter(|b| b.enabled) {
        one(meta::BACKUP, &b.resources);
    }
    all
}

/// The fewest pods that the service needs; what an autoscaler adds is its own affair.
fn pods(service: &Service) -> i128 {
    match (&service.autoscaling, service.replicas) {
        (Some(scaling), _) => scaling.min_replicas.into(),
        (None, Some(Replicas::Count(n))) => n.into(),
        (None, Some(Replicas::External)) => 0,
        (None, None) => 1,
    }
}
