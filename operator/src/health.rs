//! Is the stack healthy, and if not, which object of which component waits for what? Pure.

use std::collections::BTreeSet;

use crds::tenant::ComponentStatus;

use crate::{
    desired::meta,
    kinds::Kind,
    object::{Key, Object},
    observed::{Facts, JobRecord, Observed, PodRecord, Problem, Record, Workload},
};

/// Why a stack is not ready. The failing ones come first: they name what went wrong, the others
/// what is still on its way.
pub mod reasons {
    /// A container ends again and again.
    pub const CRASH_LOOP: &str = "CrashLoop";
    /// An image cannot be pulled.
    pub const IMAGE_PULL: &str = "ImagePull";
    /// A container cannot be made from its configuration.
    pub const CONTAINER_CONFIG: &str = "ContainerConfig";
    /// A pod failed or was evicted.
    pub const POD_FAILED: &str = "PodFailed";
    /// No node takes a pod.
    pub const POD_PENDING: &str = "PodPending";
    /// A pod cannot be made: the quota or an admission policy refuses it.
    pub const POD_REFUSED: &str = "PodRefused";
    /// A container runs and its readiness probe does not pass.
    pub const POD_NOT_READY: &str = "PodNotReady";
    /// A claim has no volume.
    pub const CLAIM_PENDING: &str = "ClaimPending";
    /// The newest job of a schedule failed.
    pub const JOB_FAILED: &str = "JobFailed";
    /// Pods are on their way.
    pub const WAITING_FOR_PODS: &str = "WaitingForPods";
    /// Objects are on their way.
    pub const WAITING_FOR_OBJECTS: &str = "WaitingForObjects";

    pub use crds::conditions::FAILING;
}

/// Why a stack is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// One of [`reasons`].
    pub reason: &'static str,
    /// `component: object: cause`.
    pub message: String,
}

impl Cause {
    /// Whether something went wrong, rather than being on its way.
    #[must_use]
    pub fn failing(&self) -> bool {
        reasons::FAILING.contains(&self.reason)
    }
}

/// The health of a stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Every component, by name.
    pub components: Vec<ComponentStatus>,
    /// The cause that matters most; `None` when everything runs.
    pub cause: Option<Cause>,
    /// No service of it runs, whatever is wrong with the rest.
    pub stopped: bool,
}

/// Judges every component of `desired` by what was observed.
#[must_use]
pub fn judge(desired: &[Object], observed: &Observed) -> Health {
    let names: BTreeSet<&str> = desired.iter().map(|o| o.component.as_ref()).collect();
    let mut health = Health { stopped: stopped(desired, observed), ..Health::default() };
    for name in names {
        let objects: Vec<&Object> =
            desired.iter().filter(|o| o.component.as_ref() == name).collect();
        let cause = component(name, &objects, observed);
        health.components.push(ComponentStatus {
            name: name.to_owned(),
            ready: cause.is_none(),
            message: cause.as_ref().map(|c| c.message.clone()),
        });
        health.cause = worse(health.cause.take(), cause);
    }
    health
}

/// Whether nothing runs that a suspension stops; it spares the gateway. A service that the stack does not have any more,
/// and that is not gone yet, runs too.
fn stopped(desired: &[Object], observed: &Observed) -> bool {
    let is_spared = |key: &Key| {
        let mut gateways = desired.iter().filter(|o| o.component.as_ref() == meta::GATEWAY);
        gateways.any(|o| o.key == *key)
    };
    let mut owned = observed.objects.iter().filter(|(key, record)| {
        let is_wanted = desired.iter().any(|o| o.key == **key);
        !is_spared(key) && (is_wanted || record.tenant_uid.is_some())
    });
    owned.all(|(_, record)| match &record.facts {
        Facts::Workload(w) => w.observed && w.replicas == 0 && w.existing == 0,
        _ => true,
    })
}

fn worse(a: Option<Cause>, b: Option<Cause>) -> Option<Cause> {
    match (a, b) {
        (Some(a), Some(b)) if b.failing() && !a.failing() => Some(b),
        (None, b) => b,
        (a, _) => a,
    }
}

/// The worst cause in one component.
fn component(name: &str, objects: &[&Object], observed: &Observed) -> Option<Cause> {
    let mut worst = None;
    let idle = objects.iter().any(|o| wants(o, observed) == Some(0));
    for object in objects {
        let found = match observed.objects.get(&object.key) {
            None => Some(cause(
                reasons::WAITING_FOR_OBJECTS,
                format!("{name}: {}: not there yet", object.key),
            )),
            Some(record) if record.deleting => Some(cause(
                reasons::WAITING_FOR_OBJECTS,
                format!("{name}: {}: is being deleted; it comes back once it is gone", object.key),
            )),
            Some(record) => judge_object(name, object, record, observed, idle),
        };
        worst = worse(worst, found);
    }
    worse(worst, newest_job(name, observed).and_then(|job| job_cause(name, job)))
}

fn judge_object(
    name: &str,
    object: &Object,
    record: &Record,
    observed: &Observed,
    idle: bool,
) -> Option<Cause> {
    match &record.facts {
        Facts::Workload(workload) => {
            let wanted = wants(object, observed).unwrap_or_default();
            workload_cause(name, object, workload, wanted, observed)
        }
        Facts::Claim { bound: false, .. } if !idle => Some(cause(
            reasons::CLAIM_PENDING,
            format!("{name}: {}: waits for a volume", object.key),
        )),
        _ => None,
    }
}

/// How many pods a Deployment of the stack should have; `None` for other kinds.
#[must_use]
pub fn wants(object: &Object, observed: &Observed) -> Option<i32> {
    if object.key.kind != Kind::Deployment {
        return None;
    }
    let ours = object.body.pointer("/spec/replicas").and_then(serde_json::Value::as_i64);
    let live = observed.objects.get(&object.key).and_then(|r| match &r.facts {
        Facts::Workload(w) => Some(w.replicas),
        _ => None,
    });
    ours.and_then(|n| i32::try_from(n).ok()).or(live)
}

fn workload_cause(
    name: &str,
    object: &Object,
    workload: &Workload,
    wanted: i32,
    observed: &Observed,
) -> Option<Cause> {
    let complete = workload.counts_hold()
        // Stopped means that the controller has stopped them, not that it is going to.
        && (wanted > 0 || (workload.observed && workload.existing == 0))
        && workload.updated >= wanted
        && workload.existing <= workload.updated.max(wanted)
        && workload.available >= wanted;
    if complete {
        return None;
    }
    if let Some(failure) = &workload.replica_failure {
        return Some(cause(reasons::POD_REFUSED, format!("{name}: {}: {failure}", object.key)));
    }
    let pods = observed.pods.values().filter(|p| p.component.as_ref() == name && !p.deleting);
    let problem =
        pods.filter_map(pod_cause).reduce(|a, b| if b.failing() && !a.failing() { b } else { a });
    let stuck = if workload.stuck { ", and it makes no progress" } else { "" };
    Some(problem.unwrap_or_else(|| {
        let what = match wanted {
            0 => format!("{} pods are to stop", workload.existing),
            _ => format!("{} of {wanted} pods are available{stuck}", workload.available),
        };
        cause(reasons::WAITING_FOR_PODS, format!("{name}: {}: {what}", object.key))
    }))
}

fn pod_cause(pod: &PodRecord) -> Option<Cause> {
    let Problem { reason, message } = pod.problem.as_ref()?;
    // The claim speaks for itself, and it is what a person has to look at.
    if *reason == reasons::POD_PENDING
        && message.contains("unbound immediate PersistentVolumeClaims")
    {
        return None;
    }
    Some(cause(reason, format!("{}: Pod {}: {message}", pod.component, pod.name)))
}

fn newest_job<'o>(component: &str, observed: &'o Observed) -> Option<&'o JobRecord> {
    let jobs = observed.jobs.values().filter(|j| j.component.as_ref() == component);
    jobs.filter(|j| j.succeeded || j.failed.is_some()).max_by_key(|j| (j.created, j.name.clone()))
}

fn job_cause(component: &str, job: &JobRecord) -> Option<Cause> {
    let failed = job.failed.as_deref()?;
    Some(cause(reasons::JOB_FAILED, format!("{component}: Job {}: {failed}", job.name)))
}

fn cause(reason: &'static str, message: String) -> Cause {
    Cause { reason, message }
}

/// The component that guards the namespace rather than runs in it is not shown on its own.
#[must_use]
pub fn is_shown(component: &ComponentStatus) -> bool {
    component.name != meta::GUARD_RAILS || !component.ready
}

#[cfg(test)]
mod tests;
