//! The parts of a stack and how each of their objects stands. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Component, Part};
use crate::{
    health::{self, is_shown},
    kinds::Kind,
    kubectl::scene::{Scene, component_of, kind_of, name_of, text},
    observed::{Facts, Workload},
    reduce,
};

/// Every component that is told of or has objects, by name.
pub(super) fn components(scene: &Scene) -> Vec<Component> {
    let judged = health::judge(&scene.decision.objects, &scene.observed);
    let told = scene.status().components;
    // What one may not see is taken from the operator's words.
    let blind = scene.recorded.is_unseen("pods") || scene.decision.objects.is_empty();
    let known = if blind { told } else { judged.components };
    let mut names: BTreeSet<String> = known.iter().map(|c| c.name.clone()).collect();
    names.extend(scene.recorded.objects.iter().filter_map(component_of).map(ToOwned::to_owned));
    let all = names.into_iter().map(|name| {
        let found = known.iter().find(|component| component.name == name);
        Component {
            ready: found.is_none_or(|component| component.ready),
            message: found.and_then(|component| component.message.clone()),
            objects: objects(scene, &name),
            pods: scene.pods(&name).map(pod).collect(),
            name,
        }
    });
    let shown = |component: &Component| {
        let judged = found_as(component);
        is_shown(&judged)
    };
    all.filter(shown).collect()
}

fn found_as(component: &Component) -> crds::tenant::ComponentStatus {
    crds::tenant::ComponentStatus {
        name: component.name.clone(),
        ready: component.ready,
        message: None,
    }
}

fn objects(scene: &Scene, component: &str) -> Vec<Part> {
    let ours = scene.recorded.objects.iter().filter(|o| component_of(o) == Some(component));
    let mut all: Vec<(Kind, Part)> =
        ours.filter_map(|object| Some((kind_of(object)?, part(object)?))).collect();
    all.sort_by(|(a, x), (b, y)| rank(*a).cmp(&rank(*b)).then(x.name.cmp(&y.name)));
    all.into_iter().map(|(_, part)| part).collect()
}

/// What runs comes first, what merely lies there last.
fn rank(kind: Kind) -> usize {
    let first = [
        Kind::Deployment,
        Kind::HorizontalPodAutoscaler,
        Kind::CronJob,
        Kind::PersistentVolumeClaim,
        Kind::Ingress,
        Kind::Service,
    ];
    first.iter().position(|known| *known == kind).unwrap_or(first.len() + kind as usize)
}

fn part(object: &Value) -> Option<Part> {
    let kind = kind_of(object)?;
    let (state, good) = state(kind, object);
    Some(Part { kind: kind.as_str().to_owned(), name: name_of(object).to_owned(), state, good })
}

fn state(kind: Kind, object: &Value) -> (String, bool) {
    let number = |pointer| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let word = |pointer| text(object, pointer).unwrap_or_default().to_owned();
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return ("is being deleted".to_owned(), false);
    }
    match kind {
        Kind::Deployment => {
            let record = reduce::record(kind, object);
            match record.map(|record| record.facts) {
                Some(Facts::Workload(workload)) => deployment(&workload),
                _ => (String::new(), true),
            }
        }
        Kind::PersistentVolumeClaim => {
            let (phase, size) = (word("/status/phase"), word("/spec/resources/requests/storage"));
            let good = phase == "Bound";
            (format!("{phase} {size}").trim().to_owned(), good)
        }
        Kind::HorizontalPodAutoscaler => {
            let bounds = (number("/spec/minReplicas"), number("/spec/maxReplicas"));
            let now = number("/status/currentReplicas");
            (format!("{}–{}, now {now}", bounds.0, bounds.1), true)
        }
        Kind::CronJob => {
            let last = text(object, "/status/lastSuccessfulTime").unwrap_or("never yet");
            (format!("{}, last success {last}", word("/spec/schedule")), true)
        }
        Kind::Ingress => (word("/spec/rules/0/host"), true),
        _ => (String::new(), true),
    }
}

fn deployment(workload: &Workload) -> (String, bool) {
    let Workload { replicas, available, updated, parked, .. } = workload;
    let good = available >= replicas && updated >= replicas;
    let parked = parked.map_or_else(String::new, |parked| format!(", {parked} when it resumes"));
    (format!("{available}/{replicas} available{parked}"), good)
}

fn pod(pod: &Value) -> Part {
    let name = name_of(pod).to_owned();
    let phase = text(pod, "/status/phase").unwrap_or("Pending");
    let record = reduce::pod(pod);
    let problem = record.as_ref().and_then(|record| record.problem.as_ref());
    let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
    let restarts: i64 = statuses
        .into_iter()
        .flatten()
        .filter_map(|status| status.get("restartCount")?.as_i64())
        .sum();
    let node = text(pod, "/spec/nodeName").map_or_else(String::new, |node| format!(" on {node}"));
    let good = record.as_ref().is_some_and(|record| record.ready || phase == "Succeeded");
    let deleting = pod.pointer("/metadata/deletionTimestamp").is_some();
    let mut state = match problem {
        Some(problem) => problem.message.to_string(),
        None if deleting => format!("is stopping{node}"),
        None if good => format!("{phase}{node}"),
        None => format!("{phase}, not ready{node}"),
    };
    if restarts > 0 && !state.contains("restart") {
        state.push_str(&format!(
            ", {}",
            crate::kubectl::words::count(
                usize::try_from(restarts).unwrap_or(usize::MAX),
                "restart",
            )
        ));
    }
    Part { kind: "Pod".to_owned(), name, state, good }
}
