//! A tenant as a cluster would show it, whole and running, for tests to break.

#![allow(clippy::needless_pass_by_value, reason = "json! stands at the call")]

use std::{fs, path::PathBuf};

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::scene::{Recorded, Scene};
use crate::{
    desired,
    desired::meta,
    fixtures::{self, UID},
    kinds::Kind,
    revision,
};

/// The instant at which tests look.
pub fn now() -> Timestamp {
    "2026-11-29T10:00:00Z".parse().unwrap()
}

/// So many seconds before that.
pub fn ago(seconds: i64) -> String {
    Timestamp::from_second(now().as_second() - seconds).unwrap().to_string()
}

/// A condition since three minutes.
pub fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": type_, "status": status, "reason": reason, "message": message,
        "observedGeneration": 3, "lastTransitionTime": ago(180) })
}

/// What `kubectl` wrote of an object, an hour ago.
pub fn managed(fields: Value) -> Value {
    json!([{ "manager": "kubectl", "operation": "Apply", "time": ago(3600), "fieldsV1": fields }])
}

/// Acme on `prod@7`, ready, with an operator and an API server that live.
pub fn whole() -> Recorded {
    let spec = fixtures::profile();
    let tenant = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
        "metadata": { "name": "acme", "uid": UID, "generation": 3, "creationTimestamp": ago(90_000),
            "managedFields": managed(json!({ "f:spec": { "f:displayName": {}, "f:plan": {},
                "f:profileRef": { "f:name": {} } } })) },
        "spec": { "displayName": "Acme Legal", "profileRef": { "name": "prod" }, "plan": "team" },
        "status": {
            "observedGeneration": 3, "namespace": "tenant-acme", "accountId": "acme-1",
            "profileRevision": { "desired": "prod@7", "current": "prod@7", "renderer": desired::RENDERER },
            "conditions": [
                condition("Ready", "True", "AllReady", "7 components run"),
                condition("Reconciling", "False", "InSync", "nothing to do"),
                condition("Stalled", "False", "InSync", "nothing needs a human"),
                condition("ProfileValid", "True", "Rendered", "tenant and profile render together"),
                condition("Suspended", "False", "NotSuspended", "spec.suspend is false"),
            ],
            "endpoints": [{ "name": "core", "url": "http://core.tenant-acme.svc:8080" }],
        },
    });
    let profile = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "DeploymentProfile",
        "metadata": { "name": "prod", "uid": "p", "generation": 1,
            "managedFields": managed(json!({ "f:spec": { "f:services": {
                "k:{\"name\":\"core\"}": { "f:image": {}, "f:resources": {}, "f:probes": {} },
                "k:{\"name\":\"transcribe\"}": { "f:image": {}, "f:resources": {} } } } })) },
        "spec": spec,
        "status": { "revision": 7, "rollout": "Complete", "message": "1/1 updated",
            "tenants": { "total": 1, "updated": 1, "ready": 1, "failed": 0 } },
    });
    let mut revision = revision::object("prod", 7, "tenantry-system", &spec);
    revision["metadata"]["uid"] = "r7".into();
    let lease = |name: &str| {
        json!({ "metadata": { "name": name }, "spec": { "holderIdentity": format!("{name}-0"),
            "renewTime": ago(2), "leaseDurationSeconds": 15 } })
    };
    let bodies = fixtures::objects().into_iter().map(|object| object.body);
    let objects: Vec<Value> = bodies.filter(|body| body["kind"] != "Secret").map(running).collect();
    Recorded {
        pods: objects.iter().flat_map(pods).collect(),
        leases: vec![lease("tenantry-operator"), lease("tenantry-api-server")],
        profile: Some(profile),
        revisions: vec![revision],
        tenant,
        objects,
        ..Recorded::default()
    }
}

/// An object with what the cluster adds to it.
fn running(mut body: Value) -> Value {
    let name = body["metadata"]["name"].to_string();
    body["metadata"]["uid"] = format!("{}-{name}", body["kind"]).into();
    body["metadata"]["resourceVersion"] = "7".into();
    body["metadata"]["generation"] = 1.into();
    body["metadata"]["creationTimestamp"] = ago(90_000).into();
    match body["kind"].as_str() {
        Some("Deployment") => {
            if body["spec"]["replicas"].is_null() {
                body["spec"]["replicas"] = 1.into();
            }
            let n = body["spec"]["replicas"].clone();
            body["status"] = json!({ "observedGeneration": 1, "replicas": n, "updatedReplicas": n,
                "availableReplicas": n, "conditions": [] });
        }
        Some("PersistentVolumeClaim") => body["status"] = json!({ "phase": "Bound" }),
        Some("HorizontalPodAutoscaler") => body["status"] = json!({ "currentReplicas": 1 }),
        _ => {}
    }
    body
}

/// The pods of a Deployment, all ready.
fn pods(deployment: &Value) -> Vec<Value> {
    if deployment["kind"] != "Deployment" {
        return Vec::new();
    }
    let template = &deployment["spec"]["template"];
    let name = deployment["metadata"]["name"].as_str().unwrap();
    let count = deployment["spec"]["replicas"].as_i64().unwrap();
    let pod = |index: i64| {
        json!({
            "metadata": { "name": format!("{name}-5d9f-{index}"), "uid": format!("{name}-{index}"),
                "resourceVersion": "9", "labels": template["metadata"]["labels"],
                "creationTimestamp": ago(3000) },
            "spec": { "nodeName": "node-0", "containers": template["spec"]["containers"] },
            "status": { "phase": "Running",
                "conditions": [{ "type": "Ready", "status": "True" }],
                "containerStatuses": [{ "name": "main", "ready": true, "restartCount": 0 }] },
        })
    };
    (0..count).map(pod).collect()
}

impl Recorded {
    /// Understood.
    pub fn scene(self) -> Scene {
        Scene::new(self, now()).unwrap()
    }

    /// Sets a condition of the tenant.
    pub fn says(&mut self, type_: &str, status: &str, reason: &str, message: &str) {
        let all = self.tenant["status"]["conditions"].as_array_mut().unwrap();
        all.retain(|c| c["type"] != type_);
        all.push(condition(type_, status, reason, message));
    }

    /// What the operator says when only a human can help.
    pub fn stalls(&mut self, reason: &str, message: &str) {
        self.says("Ready", "False", reason, message);
        self.says("Stalled", "True", reason, message);
    }

    /// Sets a field of the tenant's spec, as `somebody` a minute ago.
    pub fn asks(&mut self, field: &str, value: Value) {
        self.tenant["spec"][field] = value;
        let fields = json!({ "f:spec": { format!("f:{field}"): {} } });
        let entry = json!({ "manager": "kubectl-edit", "operation": "Update", "time": ago(60), "fieldsV1": fields });
        self.tenant["metadata"]["managedFields"].as_array_mut().unwrap().push(entry);
    }

    /// An object of the stack.
    pub fn object(&mut self, kind: Kind, name: &str) -> &mut Value {
        let is = |o: &&mut Value| o["kind"] == kind.as_str() && o["metadata"]["name"] == name;
        self.objects.iter_mut().find(is).unwrap()
    }

    /// Leaves a component without an available pod; all its pods have this status.
    pub fn fails(&mut self, component: &str, status: Value) {
        let name = meta::child_name(component);
        self.object(Kind::Deployment, &name)["status"]["availableReplicas"] = 0.into();
        for pod in &mut self.pods {
            if pod["metadata"]["labels"][meta::COMPONENT_LABEL] == component {
                pod["status"] = status.clone();
            }
        }
        self.says("Ready", "False", "Because", "the operator's words");
    }

    /// A container of a component waits like this.
    pub fn waits(&mut self, component: &str, reason: &str, message: &str) {
        let status = json!({ "name": component, "ready": false, "restartCount": 4, "image": "registry.example/none:1",
            "state": { "waiting": { "reason": reason, "message": message } },
            "lastState": { "terminated": { "exitCode": 1, "reason": "Error" } } });
        self.fails(component, json!({ "phase": "Running", "containerStatuses": [status] }));
    }

    /// No node takes a component's pods.
    pub fn pends(&mut self, component: &str, message: &str) {
        let condition = json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": message, "lastTransitionTime": ago(180) });
        self.fails(component, json!({ "phase": "Pending", "conditions": [condition] }));
    }

    /// Somebody tells of an object.
    pub fn event(
        &mut self,
        by: &str,
        about: (&str, &str),
        reason: &str,
        message: &str,
        count: i64,
    ) {
        self.events.push(json!({
            "involvedObject": { "kind": about.0, "name": about.1 }, "type": "Warning", "reason": reason,
            "message": message, "count": count, "lastTimestamp": ago(45), "source": { "component": by },
        }));
    }
}

/// Compares a text with the one that is committed; `TENANTRY_UPDATE_GOLDEN=1` writes it anew.
pub fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/kubectl").join(name);
    if std::env::var_os("TENANTRY_UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = text.lines().zip(committed.lines()).enumerate().find(|(_, (a, b))| a != b);
    if let Some((line, (now, was))) = differs {
        panic!("{}:{}: committed {was:?}, now {now:?}", path.display(), line + 1);
    }
    assert!(text == committed, "{}: one is longer than the other", path.display());
}
