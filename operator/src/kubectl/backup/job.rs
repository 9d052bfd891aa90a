//! The job that makes a backup: what it is made of, how it stands, what it said. Pure.

use std::fmt;

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{desired::meta, kubectl::scene::text};

/// How a job stands of which nothing is known yet.
const NOT_STARTED: &str = "its pod has not started";

/// How a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is under way; in words.
    Waits(String),
    /// It has succeeded.
    Done,
    /// It has failed; in words.
    Failed(String),
}

/// A backup that was asked for, and is not waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requested {
    /// Whose.
    pub tenant: String,
    /// Namespace and name of the job.
    pub job: String,
    /// What shows how far it is.
    pub log: String,
}

impl Requested {
    /// Of a job that was made, or found under way.
    #[must_use]
    pub fn new(tenant: &str, namespace: &str, job: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            job: format!("{namespace}/{job}"),
            log: format!("kubectl -n {namespace} logs -f job/{job}"),
        }
    }
}

impl fmt::Display for Requested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "backup of {} asked for: job {}\n→ {}", self.tenant, self.job, self.log)
    }
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// Whose.
    pub tenant: String,
    /// Namespace and name of the job.
    pub job: String,
    /// The archive's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What the job said of it: what is in it, its sum, where it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// Why there is less than all of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_shown: Option<String>,
}

impl Backup {
    /// What a job that succeeded said, or why that cannot be read.
    #[must_use]
    pub fn new(tenant: &str, job: &str, said: Result<String, String>) -> Self {
        let (tenant, job) = (tenant.to_owned(), job.to_owned());
        let none = Self { tenant, job, id: None, bytes: None, said: None, not_shown: None };
        let lines = match said {
            Ok(lines) => lines,
            Err(why) => return Self { not_shown: Some(why), ..none },
        };
        let told = |line: &&str| line.starts_with("backup ") && line.contains(": ");
        let Some(line) = lines.lines().rev().find(told) else {
            return Self { not_shown: Some("its log does not say".to_owned()), ..none };
        };
        let (id, said) = line.trim_start_matches("backup ").split_once(": ").unwrap_or_default();
        let bytes = said.split_once(" bytes").and_then(|(bytes, _)| bytes.parse().ok());
        Self { id: Some(id.to_owned()), bytes, said: Some(said.to_owned()), ..none }
    }
}

impl fmt::Display for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.id, &self.said, &self.not_shown) {
            (Some(id), Some(said), _) => {
                writeln!(f, "backup {id} of {}: {said}\n  made by job {}", self.tenant, self.job)
            }
            (_, _, why) => {
                let why = why.as_deref().unwrap_or_default();
                writeln!(
                    f,
                    "a backup of {} is made by job {}; which is not shown: {why}",
                    self.tenant, self.job
                )
            }
        }
    }
}

/// A job of a schedule, as `kubectl create job --from` makes it. Its name is the instant's: two in one
/// second are one.
#[must_use]
pub(super) fn from(schedule: &Value, now: Timestamp) -> Value {
    let metadata = &schedule["metadata"];
    let template = &schedule["spec"]["jobTemplate"];
    let mut annotations =
        template["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    annotations.insert("cronjob.kubernetes.io/instantiate".to_owned(), "manual".into());
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": format!("{}-now-{}", meta::child_name(meta::BACKUP), now.as_second()),
            "namespace": metadata["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "CronJob", "name": metadata["name"],
                "uid": metadata["uid"], "controller": true, "blockOwnerDeletion": false,
            }],
        },
        "spec": template["spec"],
    })
}

/// Whether a job is of this schedule.
#[must_use]
pub(super) fn is_of(job: &Value, schedule: &Value) -> bool {
    let owner = text(job, "/metadata/ownerReferences/0/uid");
    owner.is_some() && owner == text(schedule, "/metadata/uid")
}

/// How a job with these pods stands.
#[must_use]
pub(super) fn state(job: &Value, pods: &[Value]) -> State {
    let conditions = job.pointer("/status/conditions").and_then(Value::as_array);
    let holds = |type_: &str| {
        conditions.into_iter().flatten().find(move |condition| {
            text(condition, "/type") == Some(type_) && text(condition, "/status") == Some("True")
        })
    };
    if holds("Complete").is_some() {
        return State::Done;
    }
    if let Some(failed) = holds("Failed") {
        let why = text(failed, "/message").or_else(|| text(failed, "/reason"));
        return State::Failed(format!("has failed: {}", why.unwrap_or("it does not say why")));
    }
    let Some(pod) = newest_of(pods) else { return State::Waits(NOT_STARTED.to_owned()) };
    let name = text(pod, "/metadata/name").unwrap_or_default();
    let phase = text(pod, "/status/phase").unwrap_or("Unknown");
    let waiting = text(pod, "/status/containerStatuses/0/state/waiting/reason");
    let waiting = waiting.or_else(|| text(pod, "/status/conditions/0/message"));
    let tries = job.pointer("/status/failed").and_then(Value::as_i64).unwrap_or(0);
    let tries = if tries > 0 { format!("; {tries} failed before") } else { String::new() };
    State::Waits(match (phase, waiting) {
        ("Pending", Some(why)) => format!("pod {name} Pending: {why}{tries}"),
        _ => format!("pod {name} {phase}{tries}"),
    })
}

fn newest_of(pods: &[Value]) -> Option<&Value> {
    pods.iter().max_by_key(|pod| text(pod, "/metadata/creationTimestamp"))
}

/// The name of the newest pod.
#[must_use]
pub(super) fn newest(pods: &[Value]) -> Option<&str> {
    newest_of(pods).and_then(|pod| text(pod, "/metadata/name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::recording::golden;

    fn ended(type_: &str) -> Value {
        json!({ "status": { "conditions": [
            { "type": "SuccessCriteriaMet", "status": "True" },
            { "type": type_, "status": "True", "message": "Job has reached the specified backoff limit" }] } })
    }

    #[test]
    fn a_job_stands_as_its_conditions_and_its_newest_pod_say() {
        assert_eq!(state(&ended("Complete"), &[]), State::Done);
        let failed =
            State::Failed("has failed: Job has reached the specified backoff limit".to_owned());
        assert_eq!(state(&ended("Failed"), &[]), failed);
        let going = json!({ "status": { "active": 1, "failed": 1 } });
        assert_eq!(state(&going, &[]), State::Waits(NOT_STARTED.to_owned()));
        let pod = |name: &str, at: &str, status: Value| json!({ "metadata": { "name": name, "creationTimestamp": at }, "status": status });
        let old = pod("b-1", "2026-11-29T10:00:00Z", json!({ "phase": "Failed" }));
        let pull = json!({ "phase": "Pending",
            "containerStatuses": [{ "state": { "waiting": { "reason": "ImagePullBackOff" } } }] });
        let new = pod("b-2", "2026-11-29T10:01:00Z", pull);
        let words = "pod b-2 Pending: ImagePullBackOff; 1 failed before";
        assert_eq!(state(&going, &[new, old]), State::Waits(words.to_owned()));
    }

    #[test]
    fn what_the_job_said_is_told() {
        let log = "trying\nbackup 019c: 61440 bytes, 2 events held, SHA-256 ab12: kept by the control plane\n";
        let made = Backup::new("acme", "tenant-acme/b", Ok(log.to_owned()));
        assert_eq!((made.id.as_deref(), made.bytes), (Some("019c"), Some(61440)));
        assert_eq!(
            made.to_string(),
            "backup 019c of acme: 61440 bytes, 2 events held, SHA-256 ab12: kept by the control plane\n\
             \u{20} made by job tenant-acme/b\n"
        );
        let unsaid = Backup::new("acme", "tenant-acme/b", Err("its log is gone".to_owned()));
        let asked = Requested::new("acme", "tenant-acme", "b");
        golden("backup.txt", &format!("{made}\n{unsaid}\n{asked}"));
        for (said, why) in
            [(Ok("nothing".to_owned()), "does not say"), (Err("gone".to_owned()), "gone")]
        {
            let made = Backup::new("acme", "tenant-acme/b", said);
            assert!(made.id.is_none() && made.to_string().contains(why), "{made}");
        }
    }

    #[test]
    fn a_job_is_its_schedules() {
        let schedule = json!({
            "metadata": { "name": "tenantry-backup", "namespace": "tenant-acme", "uid": "u-1" },
            "spec": { "jobTemplate": { "metadata": { "labels": { "a": "b" } }, "spec": { "backoffLimit": 2 } } },
        });
        let job = from(&schedule, "2026-11-29T10:00:00Z".parse().unwrap());
        assert_eq!(job["metadata"]["name"], "tenantry-backup-now-1795946400");
        assert_eq!(job["metadata"]["ownerReferences"][0]["uid"], "u-1");
        assert_eq!(job["metadata"]["labels"]["a"], "b");
        assert_eq!(job["spec"]["backoffLimit"], 2);
        assert!(is_of(&job, &schedule) && !is_of(&job, &json!({ "metadata": { "uid": "u-2" } })));
        assert!(!is_of(&json!({}), &json!({})));
    }
}
