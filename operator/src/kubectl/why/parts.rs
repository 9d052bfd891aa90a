//! Which part of the stack waits for what: the operator's judgement of each component, followed down to
//! the pod, the claim or the job. Pure.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::{Cause, Link, ago, origin, pending};
use crate::{
    health::{self, reasons},
    kinds::Kind,
    kubectl::{
        event::Event,
        scene::{Scene, component_of, name_of, text},
        words,
    },
    object::Object,
    observed::{Facts, PodRecord, Workload},
};

/// Every component that is not as it should be, the failing ones first. What is only on its way is told
/// where there is no other cause, `alone`.
pub(super) fn causes(scene: &Scene, now: Timestamp, alone: bool) -> Vec<Cause> {
    let names: BTreeSet<&str> = scene.decision.objects.iter().map(|o| &*o.component).collect();
    if names.is_empty() || scene.recorded.is_unseen("pods") {
        return told(scene);
    }
    let mut all = Vec::new();
    let mut missing = Vec::new();
    for name in names {
        let wanted = scene.wanted(name);
        let Some(cause) = health::judge(&wanted, &scene.observed).cause else { continue };
        if cause.reason == reasons::WAITING_FOR_OBJECTS {
            missing.push(cause.message);
            continue;
        }
        if !cause.failing() && !alone {
            continue;
        }
        let part = Part { scene, name, wanted: &wanted, now };
        all.push((!cause.failing(), part.cause(&cause)));
    }
    all.sort_by_key(|(waits, _)| *waits);
    let mut all: Vec<Cause> = all.into_iter().map(|(_, cause)| cause).collect();
    if alone {
        all.extend(not_there(&missing));
    }
    all
}

/// The operator's words, where one cannot look oneself.
fn told(scene: &Scene) -> Vec<Cause> {
    let components = scene.status().components;
    let broken = components.into_iter().filter(|component| !component.ready);
    let causes = broken.map(|component| {
        let message =
            component.message.unwrap_or_else(|| format!("{} does not run", component.name));
        let link = Link::new(message).by(Some("operator".to_owned()));
        Cause::new("ComponentNotReady", vec![link], Vec::new())
    });
    causes.collect()
}

fn not_there(messages: &[String]) -> Option<Cause> {
    let first = messages.first()?;
    let mut link = Link::new(first.clone());
    if messages.len() > 1 {
        link = link.note(format!("and {} like it", words::count(messages.len() - 1, "component")));
    }
    let remedy = "wait: the operator makes them, in order".to_owned();
    Some(Cause::new(reasons::WAITING_FOR_OBJECTS, vec![link], vec![remedy]))
}

/// One component that is not as it should be.
struct Part<'a> {
    scene: &'a Scene,
    name: &'a str,
    wanted: &'a [Object],
    now: Timestamp,
}

impl Part<'_> {
    fn cause(&self, cause: &health::Cause) -> Cause {
        let (chain, remedies) = match cause.reason {
            reasons::JOB_FAILED => self.job(cause),
            reasons::CLAIM_PENDING => self.claim(cause),
            reasons::POD_REFUSED => self.refused(),
            reason => match self.pod_with(reason) {
                Some(record) => self.pod(record),
                None => self.rolling(),
            },
        };
        Cause::new(cause.reason, chain, remedies)
    }

    /// The pod that the operator's judgement speaks of.
    fn pod_with(&self, reason: &str) -> Option<&PodRecord> {
        let mut pods = self.scene.observed.pods.values();
        pods.find(|pod| {
            &*pod.component == self.name
                && !pod.deleting
                && pod.problem.as_ref().is_some_and(|problem| problem.reason == reason)
        })
    }

    /// `Deployment tenant-cobalt/transcribe wants 1, has 0`.
    fn deployment(&self) -> Option<(&Object, &Workload, Link)> {
        let object = self.wanted.iter().find(|o| o.key.kind == Kind::Deployment)?;
        let record = self.scene.observed.objects.get(&object.key)?;
        let Facts::Workload(workload) = &record.facts else { return None };
        let wanted = health::wants(object, &self.scene.observed).unwrap_or_default();
        let place = format!("Deployment {}/{}", self.scene.namespace(), object.key.name);
        let link = Link::new(format!("{place} wants {wanted}, has {}", workload.available));
        Some((object, workload, link))
    }

    fn above(&self) -> Vec<Link> {
        self.deployment().map(|(_, _, link)| link).into_iter().collect()
    }

    fn said(&self, event: &Event) -> Option<String> {
        Some(ago(&event.by, event.last, self.now))
    }

    /// Pods that are still on their way, or that go.
    fn rolling(&self) -> (Vec<Link>, Vec<String>) {
        let mut chain = self.above();
        let stuck = self.deployment().is_some_and(|(_, workload, _)| workload.stuck);
        let creating = self.scene.pods(self.name).find(|pod| !is_ready(pod));
        if let Some(pod) = creating {
            let phase = text(pod, "/status/phase").unwrap_or("Pending");
            let name = name_of(pod);
            let link = Link::new(format!("Pod {name} {phase}, not ready yet"));
            let event = self.scene.event("Pod", name);
            chain.push(link.by(event.and_then(|event| self.said(event))));
            chain.extend(event.filter(|e| e.warning).map(|e| Link::new(e.message.clone())));
        }
        let remedy = if stuck {
            format!("it makes no progress: kubectl -n {} describe pods", self.scene.namespace())
        } else {
            "wait: pods are on their way".to_owned()
        };
        (chain, vec![remedy])
    }

    /// A quota or a policy lets no pod be made.
    fn refused(&self) -> (Vec<Link>, Vec<String>) {
        let mut chain = self.above();
        let message =
            self.deployment().and_then(|(_, w, _)| w.replica_failure.clone()).unwrap_or_default();
        let mut events = self.scene.events.iter();
        let event = events.find(|e| {
            e.kind == "ReplicaSet" && e.reason == "FailedCreate" && e.name.starts_with(self.name)
        });
        let link = Link::new(format!("no pod can be made: {message}"));
        chain.push(link.by(event.and_then(|event| self.said(event))));
        let quota = message.contains("exceeded quota");
        let place = format!("spec.quota of profile {}", self.scene.profile_label());
        let remedy = if quota {
            format!(
                "raise {place}, ask for less, or remove what else runs in {}: kubectl -n {0} describe resourcequota",
                self.scene.namespace()
            )
        } else {
            format!(
                "let the policy that refuses it allow pods in {}, or change the profile",
                self.scene.namespace()
            )
        };
        (chain, vec![remedy])
    }

    fn claim(&self, cause: &health::Cause) -> (Vec<Link>, Vec<String>) {
        let unbound = self.wanted.iter().filter(|o| o.key.kind == Kind::PersistentVolumeClaim);
        let mut unbound = unbound.filter(|object| {
            let record = self.scene.observed.objects.get(&object.key);
            record.is_some_and(|r| matches!(r.facts, Facts::Claim { bound: false, .. }))
        });
        let Some(claim) = unbound.next().map(|object| &object.key) else {
            return (vec![Link::new(cause.message.clone())], Vec::new());
        };
        let live = self.scene.object(claim);
        let class = live.and_then(|live| text(live, "/spec/storageClassName"));
        let size =
            live.and_then(|live| text(live, "/spec/resources/requests/storage")).unwrap_or("?");
        let of = class.map_or_else(String::new, |class| format!(" of class {class:?}"));
        let place = origin::storage(self.name);
        let namespace = self.scene.namespace();
        let link = Link::new(format!(
            "PersistentVolumeClaim {namespace}/{} waits for a volume: {size}{of}",
            claim.name
        ));
        let event = self.scene.event("PersistentVolumeClaim", &claim.name);
        let link = link.by(event.and_then(|event| self.said(event)));
        let mut chain = vec![link.note(place.asked(self.scene, self.now))];
        chain.extend(event.map(|event| Link::new(event.message.clone())));
        let remedy = match class {
            Some(class) => format!(
                "make volumes of class {class:?} available: kubectl describe storageclass {class}"
            ),
            None => "name a default storage class: kubectl get storageclass".to_owned(),
        };
        (
            chain,
            vec![
                remedy,
                format!(
                    "the class of a claim cannot change: {} holds for new tenants",
                    place.told(self.scene)
                ),
            ],
        )
    }

    fn job(&self, cause: &health::Cause) -> (Vec<Link>, Vec<String>) {
        let message =
            cause.message.strip_prefix(&format!("{}: ", self.name)).unwrap_or(&cause.message);
        let name = message
            .strip_prefix("Job ")
            .and_then(|rest| rest.split(':').next())
            .unwrap_or_default();
        let event = self.scene.event("Job", name);
        let link = Link::new(message.to_owned()).by(event.and_then(|event| self.said(event)));
        let mut chain = vec![link];
        let of_job = |pod: &&Value| {
            let owners = pod.pointer("/metadata/ownerReferences").and_then(Value::as_array);
            owners.into_iter().flatten().any(|owner| text(owner, "/name") == Some(name))
        };
        let pod = self
            .scene
            .recorded
            .pods
            .iter()
            .filter(|pod| component_of(pod) == Some(self.name))
            .find(of_job);
        if let Some(pod) = pod {
            chain.push(Link::new(format!("Pod {} {}", name_of(pod), ended(pod))));
        }
        let namespace = self.scene.namespace();
        let schedule =
            self.wanted.iter().find(|o| o.key.kind == Kind::CronJob).map(|o| &*o.key.name);
        let again = schedule.map(|schedule| {
            format!("then run it again: kubectl -n {namespace} create job --from=cronjob/{schedule} {schedule}-by-hand")
        });
        let look = format!("mend what its log says: kubectl -n {namespace} logs job/{name}");
        (chain, [Some(look), again].into_iter().flatten().collect())
    }

    fn pod(&self, record: &PodRecord) -> (Vec<Link>, Vec<String>) {
        let mut chain = self.above();
        let Some(problem) = &record.problem else { return (chain, Vec::new()) };
        let name = &*record.name;
        let gap = if problem.message.starts_with("container") { ": " } else { " " };
        let event = self.scene.event("Pod", name);
        let link = Link::new(format!("Pod {name}{gap}{}", problem.message));
        let link = link.by(event.and_then(|event| self.said(event)));
        let live = self.scene.pods(self.name).find(|pod| name_of(pod) == name);
        let (notes, remedies) = match problem.reason {
            reasons::POD_PENDING => {
                pending::explain(self.scene, self.name, &problem.message, self.now)
            }
            reasons::IMAGE_PULL => self.image(live),
            reasons::CRASH_LOOP => self.crash(name, live),
            reasons::CONTAINER_CONFIG => {
                let place = origin::configuration(self.name);
                let remedy = format!(
                    "make what the message names in {}, or change {}",
                    self.scene.namespace(),
                    place.told(self.scene)
                );
                (vec![place.asked(self.scene, self.now)], vec![remedy])
            }
            reasons::POD_NOT_READY => self.probe(name),
            _ => (
                Vec::new(),
                vec![format!("kubectl -n {} describe pod {name}", self.scene.namespace())],
            ),
        };
        chain.push(notes.into_iter().fold(link, Link::note));
        // The scheduler's words are the pod's own.
        let more = event.filter(|e| e.warning && problem.reason != reasons::POD_PENDING);
        chain.extend(more.map(|event| Link::new(event.message.clone())));
        (chain, remedies)
    }

    fn image(&self, live: Option<&Value>) -> (Vec<String>, Vec<String>) {
        let place = origin::image(self.name);
        let waiting = live.and_then(|pod| {
            container(pod, |status| {
                status
                    .pointer("/state/waiting/reason")
                    .and_then(Value::as_str)
                    .is_some_and(|r| r != "ContainerCreating")
            })
        });
        let image =
            waiting.and_then(|status| text(status, "/image")).filter(|image| !image.is_empty());
        let image = image.or_else(|| live.and_then(|pod| text(pod, "/spec/containers/0/image")));
        let note = format!("image {} {}", image.unwrap_or("?"), place.asked(self.scene, self.now));
        let never =
            waiting.and_then(|s| text(s, "/state/waiting/reason")) == Some("ErrImageNeverPull");
        let remedy = if never {
            "spec.images.pullPolicy of the profile is Never: bring the image to the node, or let it be pulled".to_owned()
        } else {
            format!(
                "correct {}; if the registry asks who you are, name a pull secret in spec.images.pullSecrets",
                place.told(self.scene)
            )
        };
        (vec![note], vec![remedy])
    }

    fn crash(&self, name: &str, live: Option<&Value>) -> (Vec<String>, Vec<String>) {
        let crashed =
            |status: &Value| text(status, "/state/waiting/reason") == Some("CrashLoopBackOff");
        let status = live.and_then(|pod| container(pod, crashed));
        let of = |pointer: &str| status.and_then(|status| text(status, pointer));
        let container = of("/name").unwrap_or(self.name);
        let namespace = self.scene.namespace();
        let logs = format!("kubectl -n {namespace} logs {name} -c {container} --previous");
        if of("/lastState/terminated/reason") == Some("OOMKilled") {
            let place = origin::resource(self.scene, self.name, "limits", "memory");
            let limit = live
                .and_then(|pod| origin::value(pod, "/spec/containers/0/resources/limits/memory"));
            let note = format!(
                "it used more memory than its limit of {}, {}",
                limit.as_deref().unwrap_or("?"),
                place.asked(self.scene, self.now)
            );
            return (
                vec![note],
                vec![format!("raise {}, or let it use less: {logs}", place.told(self.scene))],
            );
        }
        let last =
            of("/lastState/terminated/message").map(|message| words::short(message.trim(), 200));
        let note = last.map(|message| format!("its last words: {message}"));
        let place = origin::image(self.name);
        let remedy = format!("read why it ended: {logs}; the image is {}", place.told(self.scene));
        (note.into_iter().collect(), vec![remedy])
    }

    fn probe(&self, name: &str) -> (Vec<String>, Vec<String>) {
        let place = origin::probe(self.name);
        let note = place
            .as_ref()
            .map(|place| format!("the probe is {}", place.asked(self.scene, self.now)));
        let logs = format!("kubectl -n {} logs {name}", self.scene.namespace());
        let remedy = match place {
            Some(place) => {
                format!("read why it is not ready: {logs}; or correct {}", place.told(self.scene))
            }
            None => format!("read why it is not ready: {logs}"),
        };
        (note.into_iter().collect(), vec![remedy])
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|c| text(c, "/type") == Some("Ready") && text(c, "/status") == Some("True"))
}

/// The first container status that is like this.
fn container(pod: &Value, which: impl Fn(&Value) -> bool) -> Option<&Value> {
    let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let all = lists.into_iter().filter_map(|list| pod.pointer(list)?.as_array()).flatten();
    all.into_iter().find(|status| which(status))
}

/// How a pod's container ended.
fn ended(pod: &Value) -> String {
    let status = container(pod, |status| status.pointer("/state/terminated").is_some());
    let code = status
        .and_then(|status| status.pointer("/state/terminated/exitCode"))
        .and_then(Value::as_i64);
    let why = status.and_then(|status| text(status, "/state/terminated/reason"));
    let phase = text(pod, "/status/phase").unwrap_or("ended");
    match (code, why) {
        (Some(code), Some(why)) => format!("{phase}: {why}, exit code {code}"),
        (Some(code), None) => format!("{phase}: exit code {code}"),
        _ => phase.to_owned(),
    }
}
