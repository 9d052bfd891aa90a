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
    service::strategy,
    workload::Strategy,
};

/// How a Deployment replaces its only pod: the new one comes before the old one goes. Without room
/// for it a rollout would wait for ever. Of several pods one may be missing meanwhile.
const SURGE: Strategy = Strategy::Rolling { surge: 1, unavailable: 0 };

struct Demand<'s> {
    component: &'s str,
    pods: i128,
    surge: bool,
    resources: &'s Resources,
}

/// Adds a problem for each dimension in which the stack asks for more than its quota.
pub(super) fn check(stack: &Stack, problems: &mut Vec<Problem>) {
    let demands = demands(stack);
    let dimensions = [
        Dimension {
            resource: "cpu",
            default: DEFAULT_CPU_MILLI,
            allowed: stack.quota.cpu,
            show: |milli| Quantity::from_milli(milli).to_string(),
        },
        Dimension {
            resource: "memory",
            default: DEFAULT_MEMORY_MILLI,
            allowed: stack.quota.memory,
            show: |milli| Quantity::from_milli_binary(milli).to_string(),
        },
    ];
    let messages = dimensions
        .iter()
        .filter_map(|d| d.lacks(&demands).map(|lack| (lack, d.resource)))
        .chain(lacks_pods(stack, &demands).map(|lack| (lack, "pods")))
        .chain(lacks_storage(stack).map(|lack| (lack, "storage")));
    problems.extend(messages.map(|(lack, field)| Problem {
        reason: reasons::QUOTA_TOO_SMALL,
        message: format!("{lack} (profile {}, spec.quota.{field})", stack.profile),
    }));
}

fn lacks_pods(stack: &Stack, demands: &[Demand<'_>]) -> Option<String> {
    let (pods, allowed) = (demands.iter().map(|d| d.pods).sum::<i128>(), stack.quota.pods);
    let surging = demands.iter().find(|d| d.surge).filter(|_| pods + 1 > i128::from(allowed));
    if pods > i128::from(allowed) {
        Some(format!("the stack runs {pods} pods, quota allows {allowed}"))
    } else {
        surging.map(|one| {
            format!(
                "the stack runs {pods} pods and a rollout of {} needs 1 more for a moment, quota allows {allowed}",
                one.component
            )
        })
    }
}

fn lacks_storage(stack: &Stack) -> Option<String> {
    let storage: i128 = claims(stack).iter().map(|c| c.size.milli()).sum();
    let claimed = Quantity::from_milli_binary(storage);
    (storage > stack.quota.storage.milli()).then(|| {
        format!("the stack claims {claimed} of storage, quota allows {}", stack.quota.storage)
    })
}

/// A resource that is summed over all pods.
struct Dimension {
    resource: &'static str,
    default: i128,
    allowed: Quantity,
    show: fn(i128) -> String,
}

impl Dimension {
    fn of(&self, demand: &Demand<'_>) -> i128 {
        request(demand.resources, self.resource).unwrap_or(self.default)
    }

    fn lacks(&self, demands: &[Demand<'_>]) -> Option<String> {
        let all = |d: &Demand<'_>| d.pods * self.of(d);
        let (sum, allowed) = (demands.iter().map(all).sum::<i128>(), self.allowed.milli());
        let (resource, show) = (self.resource, self.show);
        if sum > allowed {
            let parts = self.largest(demands);
            return Some(format!("{parts} {resource}, quota allows {}", self.allowed));
        }
        // Rollouts that meet go one after the other, so there must be room for the largest.
        let most = demands.iter().filter(|d| d.surge).max_by_key(|d| self.of(d))?;
        (sum + self.of(most) > allowed).then(|| {
            format!(
                "the stack needs {} {resource} and a rollout of {} needs {} more for a moment, quota allows {}",
                show(sum), most.component, show(self.of(most)), self.allowed
            )
        })
    }

    /// The largest first, and only as many as are too much by themselves: that is where to mend it.
    fn largest(&self, demands: &[Demand<'_>]) -> String {
        let all = |d: &Demand<'_>| d.pods * self.of(d);
        let mut largest: Vec<&Demand<'_>> = demands.iter().filter(|d| all(d) > 0).collect();
        largest.sort_by_key(|d| std::cmp::Reverse(all(d)));
        let mut sum = 0;
        let parts: Vec<String> = largest
            .into_iter()
            .take_while(|d| {
                let needed = sum <= self.allowed.milli();
                sum += all(d);
                needed
            })
            .map(|d| format!("{} needs {} × {}", d.component, d.pods, (self.show)(self.of(d))))
            .collect();
        parts.join(", ")
    }
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
        .map(|s| {
            let (pods, resources) = (pods(s), &s.resources);
            let surge = pods == 1 && strategy(s) == SURGE;
            Demand { component: &s.name, pods, surge, resources }
        })
        .collect();
    let mut one = |component, resources, surge| {
        all.push(Demand { component, pods: 1, surge, resources });
    };
    one(meta::GATEWAY, &stack.billing.gateway.resources, false);
    if let Some(c) = stack.telemetry.collector.as_ref().filter(|c| c.enabled) {
        one(meta::COLLECTOR, &c.resources, true);
    }
    if let Some(m) = stack.telemetry.metrics.as_ref().filter(|m| m.enabled) {
        one(meta::METRICS, &m.resources, false);
    }
    if let Some(g) = stack.telemetry.grafana.as_ref().filter(|g| g.enabled) {
        one(meta::GRAFANA, &g.resources, true);
    }
    if let Some(b) = stack.backups.as_ref().filter(|b| b.enabled) {
        one(meta::BACKUP, &b.resources, false);
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

#[cfg(test)]
mod tests;
