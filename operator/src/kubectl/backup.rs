//! A backup of a tenant now: a job of the stack's own schedule, run at once, as `kubectl create job --from`
//! makes one.

mod job;

use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::{
    Answer,
    access::{Access, Form},
    act::FIELD_MANAGER,
    args::{self, Data},
    as_json, as_yaml, done,
    failure::Failure,
    gather,
    scene::text,
    wait::{PERIOD, Teller},
};
use crate::{desired::meta, kubectl::access::encoded};
pub use job::{Backup, Requested, State};

/// How many of the job's last lines are read.
const LINES: u32 = 20;

/// Asks for a backup, or joins the one that is under way, and waits for it.
///
/// # Errors
/// When the tenant has no backups, the job fails, or the time is over.
pub async fn run(access: &Access, asked: &args::Backup, now: Timestamp) -> Answer {
    let name = &asked.name;
    let tenant = access.get(&gather::tenants(name)).await?;
    let namespace = format!("{}{name}", crds::names::NAMESPACE_PREFIX);
    let schedule = schedule(access, &tenant, &namespace).await?;
    let job = match under_way(access, &namespace, &schedule).await? {
        Some(job) => job,
        None => make(access, &schedule, &namespace, now).await?,
    };
    let whole = format!("{namespace}/{job}");
    if asked.no_wait {
        let requested = Requested::new(name, &namespace, &job);
        return Ok(done(match asked.output {
            Data::Table => requested.to_string(),
            Data::Json => as_json(&requested)?,
            Data::Yaml => as_yaml(&requested)?,
        }));
    }
    let limit = asked.timeout;
    Box::pin(until(access, &namespace, &job, limit)).await?;
    let said = Box::pin(last_words(access, &namespace, &job)).await;
    let backup = Backup::new(name, &whole, said);
    Ok(done(match asked.output {
        Data::Table => backup.to_string(),
        Data::Json => as_json(&backup)?,
        Data::Yaml => as_yaml(&backup)?,
    }))
}

fn jobs(namespace: &str, job: &str) -> String {
    format!("/apis/batch/v1/namespaces/{namespace}/jobs{job}")
}

/// The stack's schedule of backups.
async fn schedule(access: &Access, tenant: &Value, namespace: &str) -> Result<Value, Failure> {
    let url = format!(
        "/apis/batch/v1/namespaces/{namespace}/cronjobs/{}",
        meta::child_name(meta::BACKUP)
    );
    match access.get(&url).await {
        Err(Failure::NotFound(_)) => {
            let profile = text(tenant, "/spec/profileRef/name").unwrap_or_default();
            Err(Failure::Other(format!(
                "the stack has no backups: spec.backups.enabled of profile {profile} is not set, or the stack is not \
                 there yet"
            )))
        }
        found => found,
    }
}

/// The job that the schedule, or somebody, has begun. Two at once would compete for the same storage.
async fn under_way(
    access: &Access,
    namespace: &str,
    schedule: &Value,
) -> Result<Option<String>, Failure> {
    let label = format!("{}={}", meta::COMPONENT_LABEL, meta::BACKUP);
    let query = format!("labelSelector={}", encoded(&label));
    let all = access.list(&jobs(namespace, ""), &query).await?;
    let going =
        |job: &&Value| matches!(job::state(job, &[]), State::Waits(_)) && job::is_of(job, schedule);
    Ok(all.iter().find(going).and_then(|job| text(job, "/metadata/name")).map(ToOwned::to_owned))
}

/// Makes a job; answers its name. Who asks within the same second has the same: one backup serves both.
async fn make(
    access: &Access,
    schedule: &Value,
    namespace: &str,
    now: Timestamp,
) -> Result<String, Failure> {
    let job = job::from(schedule, now);
    let name = text(&job, "/metadata/name").unwrap_or_default().to_owned();
    let url =
        format!("{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict", jobs(namespace, ""));
    let Err(refused) = access.send("POST", &url, Form::Json, &job).await else {
        return Ok(name);
    };
    if matches!(refused, Failure::Other(_)) {
        let theirs = access.get(&jobs(namespace, &format!("/{name}"))).await;
        if theirs.is_ok_and(|theirs| job::is_of(&theirs, schedule)) {
            return Ok(name);
        }
    }
    Err(refused)
}

async fn pods(access: &Access, namespace: &str, job: &str) -> Result<Vec<Value>, Failure> {
    let query = format!("labelSelector={}", encoded(&format!("job-name={job}")));
    match access.list(&format!("/api/v1/namespaces/{namespace}/pods"), &query).await {
        // The job itself tells enough.
        Err(Failure::Forbidden(_)) => Ok(Vec::new()),
        found => found,
    }
}

/// Waits for the job's end.
async fn until(
    access: &Access,
    namespace: &str,
    job: &str,
    limit: Duration,
) -> Result<(), Failure> {
    let (started, mut teller) = (Instant::now(), Teller::default());
    loop {
        let found = access.get(&jobs(namespace, &format!("/{job}"))).await?;
        let pods = pods(access, namespace, job).await?;
        let now = match job::state(&found, &pods) {
            State::Done => {
                teller.end();
                return Ok(());
            }
            State::Failed(why) => {
                teller.end();
                let said = Box::pin(last_words(access, namespace, job)).await;
                let said = said.map_or_else(|why| why, |lines| format!("it said last:\n{lines}"));
                return Err(Failure::Other(format!("job {namespace}/{job} {why}; {said}")));
            }
            State::Waits(words) => words,
        };
        if started.elapsed() > limit {
            teller.end();
            return Err(Failure::TimedOut(format!(
                "job {namespace}/{job} has not ended after {} s: {now}; it goes on",
                limit.as_secs()
            )));
        }
        teller.tell(&now);
        tokio::time::sleep(PERIOD).await;
    }
}

/// The last lines of the job's newest pod, or why they cannot be read.
async fn last_words(access: &Access, namespace: &str, job: &str) -> Result<String, String> {
    let missed = |why: &str| format!("its log cannot be read: {why}");
    let pods =
        pods(access, namespace, job).await.map_err(|failure| missed(&failure.to_string()))?;
    let pod = job::newest(&pods).ok_or_else(|| missed("no pod of it is to be seen"))?;
    let url = format!("/api/v1/namespaces/{namespace}/pods/{pod}/log?tailLines={LINES}");
    access.text(&url).await.map_err(|failure| missed(&failure.to_string()))
}
