//! What happens to a tenant in its life, and the writes that it takes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{
    Lab,
    apifault::{Asked, Proxy, When},
    lab::is,
    tenant, with,
};

/// One thing that a person does, and what the operator makes of it.
#[derive(Clone, Copy, Debug)]
pub enum Phase {
    /// A profile and a tenant that follows it.
    Create(fn(&str) -> Value),
    /// The profile becomes another.
    #[allow(dead_code, reason = "what a tier change takes is swept by `scripts/bench.sh crash`")]
    Edit(fn(&str) -> Value),
    /// The tenant is deleted.
    Delete,
}

/// A life, as all tenants of a sweep live it.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Also the first word of the tenants' names.
    pub name: &'static str,
    /// Whether a deleted tenant's data goes too.
    pub delete_data: bool,
    pub phases: &'static [Phase],
}

/// A write of the operator's: the `nth` of its kind in a phase.
#[derive(Clone, Debug)]
pub struct Step {
    pub what: String,
    pub nth: usize,
}

/// A tenant, and where in each phase the operator is killed.
pub struct Life {
    pub name: String,
    pub steps: Vec<Option<(Step, When)>>,
}

impl Life {
    /// Where it is killed in a phase, in words.
    pub fn label(&self, workload: &Workload, phase: usize) -> String {
        let phase_name = workload.phase_name(phase);
        match self.steps.get(phase).and_then(Option::as_ref) {
            Some((step, when)) => {
                format!("{phase_name}: {when:?} {} #{}", step.what, step.nth)
            }
            None => format!("{phase_name}: beside others"),
        }
    }
}

/// The writes of a phase, each before and after; at most `most` writes, spread over all.
pub fn plan(steps: &[Step], most: usize) -> Vec<(Step, When)> {
    let count = steps.len().min(most);
    let chosen = (0..count).filter_map(|n| steps.get(n * steps.len() / count));
    chosen.flat_map(|s| [(s.clone(), When::Before), (s.clone(), When::After)]).collect()
}

/// The name of the tenant that a namespace, or an object's name, belongs to.
pub fn of<'n>(namespace: &'n str, name: &'n str) -> Option<&'n str> {
    if let Some(tenant) = namespace.strip_prefix("tenant-").or(name.strip_prefix("tenant-")) {
        return Some(tenant);
    }
    if let Some(revision) = name.strip_prefix("profile.") {
        return revision.split('.').next();
    }
    namespace.is_empty().then_some(name)
}

/// The tenant that a request belongs to; a profile and what is said of it too, of the same name.
pub fn owner(asked: &Asked) -> Option<&str> {
    let name = if asked.name.is_empty() { &asked.subject } else { &asked.name };
    match asked.resource.as_str() {
        "events" => Some(&asked.subject),
        "leases" => None,
        _ => of(&asked.namespace, name),
    }
}

/// A write in words that are the same for all lives.
pub fn what(asked: &Asked, life: &str) -> String {
    let name = if asked.name.is_empty() { &asked.subject } else { &asked.name };
    let sub = if asked.subresource.is_empty() { "" } else { "/" };
    format!("{} {}{sub}{} {name}", asked.verb, asked.resource, asked.subresource)
        .replace(life, "NAME")
}

/// The writes for a life that came through a proxy and were accepted: one that met a newer version
/// is asked for again, and whether that happens depends on the machine. Events are best effort and
/// not among them.
pub fn writes(proxy: &Proxy, life: &str) -> Vec<String> {
    let ours = |a: &Asked| a.resource != "events" && owner(a) == Some(life);
    proxy.accepted(ours).iter().map(|asked| what(asked, life)).collect()
}

/// The same, each with its number among its like.
pub fn steps(writes: Vec<String>) -> Vec<Step> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let numbered = |what: String| {
        let nth = seen.entry(what.clone()).or_default();
        *nth += 1;
        Step { what, nth: *nth }
    };
    writes.into_iter().map(numbered).collect()
}

/// What is asked again and again, for all lives at once.
pub struct Snapshot {
    tenants: BTreeMap<String, Value>,
    profiles: BTreeMap<String, Value>,
    namespaces: BTreeMap<String, Value>,
    /// By namespace: there is one name for them.
    pub secrets: BTreeMap<String, Value>,
}

impl Snapshot {
    pub async fn take(lab: &Lab) -> Self {
        let by = |member: &'static str, items: Vec<Value>| {
            let named = |item: Value| {
                (item["metadata"][member].as_str().unwrap_or_default().to_owned(), item)
            };
            items.into_iter().map(named).collect()
        };
        let query = "fieldSelector=metadata.name=tenantry-grafana";
        Self {
            tenants: by("name", lab.api.list("tenants", "", "").await),
            profiles: by("name", lab.api.list("deploymentprofiles", "", "").await),
            namespaces: by("name", lab.api.list("namespaces", "", "").await),
            secrets: by("namespace", lab.api.list("secrets", "", query).await),
        }
    }

    /// A life's state, for a person.
    pub fn about(&self, name: &str) -> String {
        let status = |all: &BTreeMap<String, Value>| all.get(name).map(|o| o["status"].to_string());
        format!("{name}: {:?}, profile {:?}", status(&self.tenants), status(&self.profiles))
    }
}

impl Workload {
    pub fn phase_name(&self, phase: usize) -> String {
        let verb = match self.phases[phase] {
            Phase::Create(_) => "create",
            Phase::Edit(_) => "edit",
            Phase::Delete => "delete",
        };
        format!("{} {} {verb}", self.name, phase + 1)
    }

    /// Does what begins a phase.
    pub async fn start(&self, lab: &Lab, phase: usize, name: &str) {
        match self.phases[phase] {
            Phase::Create(profile) => {
                let policy = if self.delete_data { "Delete" } else { "Retain" };
                let tenant = with(tenant(name, name), "/deletionPolicy", json!(policy));
                lab.apply(&[profile(name), tenant]).await;
            }
            Phase::Edit(profile) => lab.apply(&[profile(name)]).await,
            Phase::Delete => {
                lab.api.delete("tenants", "", name).await.expect("the tenant is there");
            }
        }
    }

    /// Whether a phase has ended for a life.
    pub fn is_settled(&self, phase: usize, name: &str, seen: &Snapshot) -> bool {
        if matches!(self.phases[phase], Phase::Delete) {
            let kept = !self.delete_data;
            let namespace_done = kept || !seen.namespaces.contains_key(&format!("tenant-{name}"));
            let uncounted = seen.profiles.get(name).map(|p| &p["status"]["tenants"]["total"]);
            let gone = !seen.tenants.contains_key(name);
            return gone && namespace_done && uncounted.is_some_and(|total| *total == 0);
        }
        let (Some(tenant), Some(profile)) = (seen.tenants.get(name), seen.profiles.get(name))
        else {
            return false;
        };
        let current = |o: &Value| o["status"]["observedGeneration"] == o["metadata"]["generation"];
        // Every phase before the deletion has made one revision.
        current(tenant)
            && current(profile)
            && is(tenant, "Ready", "True")
            && is(tenant, "Reconciling", "False")
            && tenant["status"]["profileRevision"]["current"] == format!("{name}@{}", phase + 1)
            && profile["status"]["revision"] == phase + 1
            && profile["status"]["rollout"] == "Complete"
            && profile["status"]["message"] == "1/1 updated"
    }
}
