//! What a linter of manifests looks at, across objects: whether they fit each other. kube-linter
//! itself cannot be had from the module registry that this project builds from.

use serde_json::{Value, json};

use crate::{
    helm::objects,
    rendering::{VERSIONS, cases, pod_template, rendered},
};

/// What the operator makes of a tenant.
const STACK: &str = include_str!("../golden/prod.yaml");

/// Each complaint as `kind name: what`.
fn complaints(all: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    for object in all {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let mut say =
            |what: String| found.push(format!("{} {name}: {what}", text(object, "/kind")));
        match text(object, "/kind") {
            "Deployment" | "StatefulSet" | "Job" | "CronJob" => workload(object, all, &mut say),
            "Service" => selects(object, "/spec/selector", all, &mut say),
            "PodDisruptionBudget" => selects(object, "/spec/selector/matchLabels", all, &mut say),
            "NetworkPolicy" => selects(object, "/spec/podSelector/matchLabels", all, &mut say),
            // Pods of tenants are the operator's, not the chart's.
            "PodMonitor" if object["spec"]["namespaceSelector"]["any"] == true => {
                selects(object, "/spec/selector/matchLabels", &objects(STACK), &mut say);
            }
            "PodMonitor" => selects(object, "/spec/selector/matchLabels", all, &mut say),
            "Ingress" => ingress(object, all, &mut say),
            "ClusterRole" | "Role" => rules(object, &mut say),
            "ClusterRoleBinding" | "RoleBinding" => binding(object, all, &mut say),
            _ => {}
        }
    }
    found
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn items<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// Whether labels have all that a selector asks for.
fn matches(labels: &Value, selector: &Value) -> bool {
    let wanted = selector.as_object();
    wanted.is_some_and(|w| !w.is_empty() && w.iter().all(|(name, value)| labels[name] == *value))
}

fn is_there(all: &[Value], kind: &str, name: &str) -> bool {
    all.iter().any(|o| o["kind"] == kind && o["metadata"]["name"] == name)
}

/// The pods that the chart's workloads make.
fn pods(all: &[Value]) -> impl Iterator<Item = &Value> {
    all.iter().filter_map(pod_template)
}

fn selects(object: &Value, pointer: &str, all: &[Value], say: &mut impl FnMut(String)) {
    let selector = object.pointer(pointer).unwrap_or(&Value::Null);
    if !pods(all).any(|pod| matches(&pod["metadata"]["labels"], selector)) {
        say(format!("selects no pod: {selector}"));
    }
}

fn workload(object: &Value, all: &[Value], say: &mut impl FnMut(String)) {
    let template = pod_template(object).unwrap_or(&Value::Null);
    let pod = &template["spec"];
    let job = object["kind"] == "Job" || object["kind"] == "CronJob";
    if object["kind"] == "CronJob" && object["spec"]["concurrencyPolicy"] != "Forbid" {
        say("may run twice at once".to_owned());
    }
    let selector = &object["spec"]["selector"]["matchLabels"];
    if !job && !matches(&template["metadata"]["labels"], selector) {
        say("its selector does not match its pods".to_owned());
    }
    let account = text(pod, "/serviceAccountName");
    if !job && !is_there(all, "ServiceAccount", account) {
        say(format!("its account {account:?} is not there"));
    }
    for name in ["hostNetwork", "hostPID", "hostIPC"] {
        if pod.get(name).is_some() {
            say(format!("{name} is set"));
        }
    }
    for volume in items(pod, "/volumes") {
        volume_is_there(volume, all, say);
    }
    for container in items(pod, "/containers") {
        one_container(container, pod, job, say);
    }
}

fn volume_is_there(volume: &Value, all: &[Value], say: &mut impl FnMut(String)) {
    let (map, claim) =
        (text(volume, "/configMap/name"), text(volume, "/persistentVolumeClaim/claimName"));
    if !map.is_empty() && !is_there(all, "ConfigMap", map) {
        say(format!("ConfigMap {map} is not there"));
    }
    if !claim.is_empty() && !is_there(all, "PersistentVolumeClaim", claim) {
        say(format!("claim {claim} is not there"));
    }
    if volume.get("hostPath").is_some() {
        say("mounts a path of the node".to_owned());
    }
}

fn one_container(container: &Value, pod: &Value, job: bool, say: &mut impl FnMut(String)) {
    let image = text(container, "/image");
    let tag = image.rsplit('/').next().and_then(|last| last.split_once([':', '@']));
    if tag.is_none_or(|(_, tag)| tag == "latest" || tag.is_empty()) {
        say(format!("image {image} has no version"));
    }
    for probe in ["readinessProbe", "livenessProbe"] {
        let port = &container[probe]["httpGet"]["port"];
        if !job && !items(container, "/ports").any(|p| p["name"] == *port) {
            say(format!("{probe} asks at no port of the container: {port}"));
        }
    }
    for mount in items(container, "/volumeMounts") {
        let claims = mount["name"] == "storage";
        if !claims && !items(pod, "/volumes").any(|v| v["name"] == mount["name"]) {
            say(format!("mounts a volume that is not there: {}", mount["name"]));
        }
    }
    let mut names: Vec<&str> = items(container, "/env").map(|v| text(v, "/name")).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        say(format!("{} is set twice", twice[0]));
    }
    for variable in items(container, "/env") {
        let secret = variable.pointer("/valueFrom/secretKeyRef").is_some();
        let name = text(variable, "/name");
        // The path of a file is none.
        if secret || (name.contains("PASSWORD") && !name.ends_with("__FILE")) {
            say(format!("a secret in the environment: {name}"));
        }
    }
}

fn ingress(object: &Value, all: &[Value], say: &mut impl FnMut(String)) {
    for path in items(object, "/spec/rules/0/http/paths") {
        let name = text(path, "/backend/service/name");
        if !is_there(all, "Service", name) {
            say(format!("leads to no service: {name}"));
        }
    }
}

fn rules(object: &Value, say: &mut impl FnMut(String)) {
    for rule in items(object, "/rules") {
        for part in ["apiGroups", "resources", "verbs"] {
            if items(rule, &format!("/{part}")).any(|word| *word == "*") {
                say(format!("a wildcard in {part}"));
            }
        }
        let secrets = items(rule, "/resources").any(|resource| *resource == "secrets");
        if secrets && rule.get("resourceNames").is_none() {
            say("every secret".to_owned());
        }
        for verb in ["escalate", "bind", "impersonate"] {
            if items(rule, "/verbs").any(|word| *word == verb) {
                say(format!("may {verb}"));
            }
        }
    }
}

fn binding(object: &Value, all: &[Value], say: &mut impl FnMut(String)) {
    if !is_there(all, text(object, "/roleRef/kind"), text(object, "/roleRef/name")) {
        say("its role is not there".to_owned());
    }
    for subject in items(object, "/subjects").filter(|s| s["kind"] == "ServiceAccount") {
        if !is_there(all, "ServiceAccount", text(subject, "/name")) {
            say(format!("its account {} is not there", subject["name"]));
        }
    }
}

#[test]
fn objects_of_every_case_fit_each_other() {
    let mut wrong = Vec::new();
    for (name, arguments) in cases() {
        let all = objects(&rendered(&arguments, VERSIONS[1]));
        assert!(all.len() > 15, "{name}: {}", all.len());
        wrong.extend(complaints(&all).into_iter().map(|what| format!("{name}: {what}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A change by JSON pointer, and what has to be said of it.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    ("Service", "/spec/selector/app.kubernetes.io~1name", "\"other\"", "selects no pod"),
    (
        "Deployment",
        "/spec/selector/matchLabels/app.kubernetes.io~1name",
        "\"other\"",
        "does not match",
    ),
    ("Deployment", "/spec/template/spec/serviceAccountName", "\"other\"", "is not there"),
    ("Deployment", "/spec/template/spec/hostNetwork", "true", "hostNetwork is set"),
    (
        "Deployment",
        "/spec/template/spec/volumes",
        r#"[{"name":"x","hostPath":{"path":"/"}}]"#,
        "path of the node",
    ),
    ("Deployment", "/spec/template/spec/containers/0/image", "\"a:latest\"", "has no version"),
    ("Deployment", "/spec/template/spec/containers/0/image", "\"host:5000/a\"", "has no version"),
    (
        "Deployment",
        "/spec/template/spec/containers/0/readinessProbe",
        "{}",
        "readinessProbe asks at no port",
    ),
    (
        "Deployment",
        "/spec/template/spec/containers/0/volumeMounts",
        r#"[{"name":"y"}]"#,
        "mounts a volume that is not there",
    ),
    (
        "Deployment",
        "/spec/template/spec/containers/0/env",
        r#"[{"name":"A","valueFrom":{"secretKeyRef":{}}}]"#,
        "a secret in the environment",
    ),
    (
        "Deployment",
        "/spec/template/spec/containers/0/env",
        r#"[{"name":"A","value":"1"},{"name":"A","value":"2"}]"#,
        "A is set twice",
    ),
    ("NetworkPolicy", "/spec/podSelector/matchLabels", "{}", "selects no pod"),
    ("CronJob", "/spec/concurrencyPolicy", "\"Allow\"", "may run twice at once"),
    (
        "CronJob",
        "/spec/jobTemplate/spec/template/spec/volumes/0/persistentVolumeClaim/claimName",
        "\"other\"",
        "claim other is not there",
    ),
    (
        "CronJob",
        "/spec/jobTemplate/spec/template/spec/containers/0/volumeMounts/1/name",
        "\"other\"",
        "mounts a volume that is not there",
    ),
    ("ClusterRole", "/rules/0/verbs/0", "\"*\"", "a wildcard in verbs"),
    ("ClusterRole", "/rules/0/verbs/0", "\"escalate\"", "may escalate"),
    ("ClusterRoleBinding", "/roleRef/name", "\"other\"", "its role is not there"),
    ("RoleBinding", "/subjects/0/name", "\"other\"", "is not there"),
];

#[test]
fn every_complaint_can_be_had() {
    let cases = cases();
    // One that has a kind more than the others.
    let (_, arguments) = cases.iter().find(|(name, _)| name == "dev-routines").expect("the case");
    let whole = objects(&rendered(arguments, VERSIONS[1]));
    for (kind, pointer, value, words) in BROKEN {
        let mut all = whole.clone();
        let broken =
            all.iter_mut().find(|object| object["kind"] == *kind).expect("one of the kind");
        let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
        let last = last.replace("~1", "/");
        let place = broken.pointer_mut(parent).expect("a place");
        let value: Value = serde_json::from_str(value).expect("JSON");
        match last.parse::<usize>() {
            Ok(index) if place.is_array() => place[index] = value,
            _ => place[last] = value,
        }
        let said = complaints(&all).join("; ");
        assert!(said.contains(words), "{kind} {pointer}: {said}");
    }
    let nobody = json!({ "kind": "PodMonitor", "spec": {
        "namespaceSelector": { "any": true },
        "selector": { "matchLabels": { "tenantry.dev/component": "gatway" } },
    } });
    assert!(complaints(&[nobody]).join("").contains("selects no pod"));
    let every_secret =
        json!({ "kind": "Role", "rules": [{ "resources": ["secrets"], "verbs": ["get"] }] });
    assert!(complaints(&[every_secret]).join("").contains("every secret"));
}
