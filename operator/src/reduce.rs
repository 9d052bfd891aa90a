//! From a whole live object to the compact record that is kept of it. Pure.

use serde_json::Value;

use crds::Quantity;

use crate::{
    desired::meta,
    fingerprint,
    health::reasons,
    kinds::Kind,
    observed::{Facts, JobRecord, PodRecord, Problem, Record, Workload},
};

/// The name under which we apply, as it stands in `managedFields`.
pub const FIELD_MANAGER: &str = "tenantry-operator";
/// The name under which replicas are held until an autoscaler takes them over.
pub const HANDOVER_MANAGER: &str = "tenantry-handover";
/// The name under which random values of Secrets are set, once.
pub const GENERATE_MANAGER: &str = "tenantry-generate";

/// The record of an owned object; `None` when it has no identity.
#[must_use]
pub fn record(kind: Kind, live: &Value) -> Option<Record> {
    let metadata = live.get("metadata")?;
    let annotation =
        |name| metadata.get("annotations").and_then(|a| a.get(name)).and_then(Value::as_str);
    let tenant_uid = if kind.holds_data() { annotation(meta::TENANT_UID) } else { owner(metadata) };
    Some(Record {
        uid: text(metadata, "/uid")?.into(),
        resource_version: resource_version(metadata)?,
        tenant_uid: tenant_uid.map(Into::into),
        fingerprint: fingerprint::of_live(live, FIELD_MANAGER),
        deleting: metadata.get("deletionTimestamp").is_some(),
        retained: metadata.get("labels").and_then(|l| l.get(meta::RETAINED_LABEL)).is_some(),
        facts: match kind {
            Kind::Namespace => Facts::Namespace {
                purge: annotation(meta::PURGE).map(Into::into),
                account: annotation(meta::ACCOUNT_ID).map(Into::into),
                created: created(metadata),
            },
            Kind::Deployment => {
                Facts::Workload(Box::new(workload(live, annotation(meta::PARKED_REPLICAS))))
            }
            Kind::PersistentVolumeClaim => claim(live),
            _ => Facts::Plain,
        },
    })
}

fn owner(metadata: &Value) -> Option<&str> {
    let owners = metadata.get("ownerReferences")?.as_array()?;
    let ours = owners.iter().find(|o| {
        o.get("kind").and_then(Value::as_str) == Some("Tenant")
            && o.get("apiVersion")
                .and_then(Value::as_str)
                .is_some_and(|v| v.starts_with(crds::GROUP))
    })?;
    ours.get("uid")?.as_str()
}

fn workload(live: &Value, parked: Option<&str>) -> Workload {
    let condition = |type_: &str| find_condition(live, type_);
    let failure = condition("ReplicaFailure")
        .filter(|c| c.get("status").and_then(Value::as_str) == Some("True"));
    let progressing = condition("Progressing");
    let generation = long(live, "/metadata/generation");
    let counted = long(live, "/status/observedGeneration");
    Workload {
        replicas: int(live, "/spec/replicas").unwrap_or(1),
        owns_replicas: owns_replicas(live),
        parked: parked.and_then(|n| n.parse().ok()),
        observed: counted >= generation,
        generation,
        counted,
        template: live.pointer("/spec/template").map_or(0, fingerprint::of_part),
        template_since: generation,
        updated: int(live, "/status/updatedReplicas").unwrap_or(0),
        existing: int(live, "/status/replicas").unwrap_or(0),
        available: int(live, "/status/availableReplicas").unwrap_or(0),
        replica_failure: failure.and_then(|c| text(c, "/message")).map(Into::into),
        stuck: progressing.and_then(|c| text(c, "/reason")) == Some("ProgressDeadlineExceeded"),
    }
}

fn owns_replicas(live: &Value) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| {
        text(entry, "/manager") == Some(FIELD_MANAGER)
            && text(entry, "/operation") == Some("Apply")
            && entry.pointer("/fieldsV1/f:spec/f:replicas").is_some()
    })
}

fn claim(live: &Value) -> Facts {
    let size =
        text(live, "/spec/resources/requests/storage").and_then(|q| q.parse::<Quantity>().ok());
    Facts::Claim {
        bound: text(live, "/status/phase") == Some("Bound"),
        size_milli: size.map_or(0, Quantity::milli),
        class: text(live, "/spec/storageClassName").map(Into::into),
    }
}

/// The record of a pod; `None` when it belongs to no component.
#[must_use]
pub fn pod(live: &Value) -> Option<PodRecord> {
    let metadata = live.get("metadata")?;
    let phase = text(live, "/status/phase").unwrap_or("Pending");
    let deleting = metadata.get("deletionTimestamp").is_some();
    let ready = find_condition(live, "Ready").and_then(|c| text(c, "/status")) == Some("True");
    Some(PodRecord {
        name: text(metadata, "/name")?.into(),
        uid: text(metadata, "/uid")?.into(),
        resource_version: resource_version(metadata)?,
        component: metadata.get("labels")?.get(meta::COMPONENT_LABEL)?.as_str()?.into(),
        ready: ready && !deleting,
        finished: matches!(phase, "Succeeded" | "Failed"),
        deleting,
        problem: if ready || phase == "Succeeded" { None } else { pod_problem(live, phase) },
    })
}

fn pod_problem(live: &Value, phase: &str) -> Option<Problem> {
    if phase == "Failed" {
        let why = text(live, "/status/message").or_else(|| text(live, "/status/reason"));
        return Some(problem(
            reasons::POD_FAILED,
            format!("failed: {}", why.unwrap_or("a container ended with an error")),
        ));
    }
    let waiting = ["/status/initContainerStatuses", "/status/containerStatuses"]
        .iter()
        .filter_map(|path| live.pointer(path)?.as_array())
        .flatten()
        .find_map(container_problem);
    if waiting.is_some() {
        return waiting;
    }
    let scheduled = find_condition(live, "PodScheduled");
    if let Some(condition) = scheduled.filter(|c| text(c, "/reason") == Some("Unschedulable")) {
        let message = text(condition, "/message").unwrap_or("no node takes it");
        // Then come as many words about pods that could be evicted for this one.
        let message = message.split(" preemption: ").next().unwrap_or(message);
        return Some(problem(reasons::POD_PENDING, format!("Pending: {message}")));
    }
    (phase == "Running").then(|| unready(live))
}

fn container_problem(status: &Value) -> Option<Problem> {
    let name = text(status, "/name").unwrap_or("?");
    let reason = text(status, "/state/waiting/reason")?;
    let message = text(status, "/state/waiting/message").unwrap_or("");
    let kind = match reason {
        "CrashLoopBackOff" => reasons::CRASH_LOOP,
        "ImagePullBackOff"
        | "ErrImagePull"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable" => reasons::IMAGE_PULL,
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            reasons::CONTAINER_CONFIG
        }
        _ => return None,
    };
    let restarts = status.get("restartCount").and_then(Value::as_i64).unwrap_or(0);
    let exit = status.pointer("/lastState/terminated/exitCode").and_then(Value::as_i64);
    let exit = exit.map_or_else(String::new, |code| format!(", last exit code {code}"));
    let text = match kind {
        reasons::CRASH_LOOP => format!("container {name}: {reason} ({restarts} restarts{exit})"),
        _ if message.is_empty() => format!("container {name}: {reason}"),
        _ => format!("container {name}: {reason}: {message}"),
    };
    Some(problem(kind, text))
}

fn unready(live: &Value) -> Problem {
    let statuses = live.pointer("/status/containerStatuses").and_then(Value::as_array);
    let name = statuses
        .and_then(|all| all.iter().find(|c| c.get("ready").and_then(Value::as_bool) != Some(true)))
        .and_then(|c| text(c, "/name"));
    let what = name.map_or_else(|| "runs".to_owned(), |name| format!("container {name} runs"));
    problem(reasons::POD_NOT_READY, format!("{what}, but its readiness probe does not pass"))
}

/// The record of a job; `None` when it belongs to no component.
#[must_use]
pub fn job(live: &Value) -> Option<JobRecord> {
    let metadata = live.get("metadata")?;
    let holds = |type_| find_condition(live, type_).filter(|c| text(c, "/status") == Some("True"));
    let failed = holds("Failed").map(|c| {
        let message = text(c, "/message").or_else(|| text(c, "/reason"));
        format!("failed: {}", message.unwrap_or("no reason given")).into_boxed_str()
    });
    Some(JobRecord {
        name: text(metadata, "/name")?.into(),
        uid: text(metadata, "/uid")?.into(),
        resource_version: resource_version(metadata)?,
        component: metadata.get("labels")?.get(meta::COMPONENT_LABEL)?.as_str()?.into(),
        created: created(metadata),
        succeeded: holds("Complete").is_some(),
        failed,
    })
}

fn created(metadata: &Value) -> i64 {
    text(metadata, "/creationTimestamp").and_then(seconds).unwrap_or(0)
}

fn seconds(rfc3339: &str) -> Option<i64> {
    rfc3339.parse::<k8s_openapi::jiff::Timestamp>().ok().map(|t| t.as_second())
}

fn problem(reason: &'static str, message: String) -> Problem {
    Problem { reason, message: message.into() }
}

fn find_condition<'v>(live: &'v Value, type_: &str) -> Option<&'v Value> {
    let conditions = live.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|c| c.get("type").and_then(Value::as_str) == Some(type_))
}

fn resource_version(metadata: &Value) -> Option<u64> {
    text(metadata, "/resourceVersion")?.parse().ok()
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

fn int(value: &Value, pointer: &str) -> Option<i32> {
    i32::try_from(value.pointer(pointer)?.as_i64()?).ok()
}

fn long(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

#[cfg(test)]
mod tests;
