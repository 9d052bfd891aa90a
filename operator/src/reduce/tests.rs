#![allow(clippy::needless_pass_by_value, reason = "json! stands at the call")]
#![allow(clippy::too_many_lines, reason = "tables")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn metadata() -> Value {
    json!({ "name": "x", "uid": "u", "resourceVersion": "42" })
}

fn tenant_owner(uid: &str) -> Value {
    json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "name": "acme", "uid": uid })
}

#[test]
fn an_object_is_a_tenants_by_its_owner_and_data_by_its_annotation() {
    let other = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "uid": "rs" });
    let impostor = json!({ "apiVersion": "example.com/v1", "kind": "Tenant", "uid": "evil" });
    let mut owned = json!({ "metadata": metadata() });
    owned["metadata"]["ownerReferences"] = json!([other, impostor, tenant_owner("t")]);
    let annotated = json!({ "metadata": {
        "uid": "u", "resourceVersion": "42", "annotations": { meta::TENANT_UID: "t" } } });
    for kind in Kind::ALL {
        let (right, wrong) =
            if kind.holds_data() { (&annotated, &owned) } else { (&owned, &annotated) };
        let uid = |live| record(kind, live).unwrap().tenant_uid;
        assert_eq!(uid(right).as_deref(), Some("t"), "{kind}");
        assert_eq!(uid(wrong), None, "{kind}");
    }
}

#[test]
fn a_record_knows_identity_deletion_and_the_mark_of_what_is_kept() {
    let mut live = json!({ "metadata": metadata() });
    let plain = record(Kind::Service, &live).unwrap();
    assert_eq!((plain.uid.as_ref(), plain.resource_version), ("u", 42));
    assert_eq!((plain.deleting, plain.retained, plain.fingerprint), (false, false, None));
    live["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z".into();
    live["metadata"]["labels"] = json!({ meta::RETAINED_LABEL: "true" });
    let going = record(Kind::Service, &live).unwrap();
    assert_eq!((going.deleting, going.retained), (true, true));
    live["metadata"]["resourceVersion"] = "no number".into();
    assert_eq!(record(Kind::Service, &live), None);
}

#[test]
fn a_deployment_tells_its_counts_and_what_holds_it_up() {
    let live = json!({
        "metadata": { "uid": "u", "resourceVersion": "1", "generation": 3,
            "annotations": { meta::PARKED_REPLICAS: "7" },
            "managedFields": [
                { "manager": "other", "operation": "Apply", "fieldsV1": { "f:spec": { "f:replicas": {} } } },
                { "manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": { "f:spec": { "f:paused": {} } } },
            ] },
        "spec": { "replicas": 3, "template": {} },
        "status": { "observedGeneration": 2, "replicas": 4, "updatedReplicas": 1, "availableReplicas": 2,
            "conditions": [
                { "type": "ReplicaFailure", "status": "True", "message": "exceeded quota" },
                { "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" },
            ] },
    });
    let Facts::Workload(found) = record(Kind::Deployment, &live).unwrap().facts else {
        panic!("no workload")
    };
    assert_eq!((found.replicas, found.existing, found.updated, found.available), (3, 4, 1, 2));
    assert_eq!((found.observed, found.stuck, found.owns_replicas), (false, true, false));
    assert_eq!((found.parked, found.replica_failure.as_deref()), (Some(7), Some("exceeded quota")));
}

#[test]
fn a_claim_tells_size_class_and_volume() {
    let live = json!({
        "metadata": metadata(),
        "spec": { "storageClassName": "fast", "resources": { "requests": { "storage": "1Gi" } } },
        "status": { "phase": "Bound" },
    });
    let facts = record(Kind::PersistentVolumeClaim, &live).unwrap().facts;
    let size_milli = 1000 << 30;
    assert_eq!(facts, Facts::Claim { bound: true, size_milli, class: Some("fast".into()) });
}

fn pod_of(status: Value) -> PodRecord {
    let mut metadata = metadata();
    metadata["labels"] = json!({ meta::COMPONENT_LABEL: "core" });
    pod(&json!({ "metadata": metadata, "status": status })).unwrap()
}

fn waiting(reason: &str, message: &str) -> Value {
    json!([{ "name": "core", "restartCount": 4, "ready": false,
        "state": { "waiting": { "reason": reason, "message": message } },
        "lastState": { "terminated": { "exitCode": 137 } } }])
}

#[test]
fn a_pods_problem_is_named_by_what_is_wrong_with_it() {
    let scheduled = json!([{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes" }]);
    let crash = waiting("CrashLoopBackOff", "back-off");
    let pull = waiting("ErrImagePull", "not found");
    let config = waiting("CreateContainerConfigError", "secret \"x\" not found");
    let running = json!([{ "name": "core", "ready": false, "state": { "running": {} } }]);
    for (status, reason, message) in [
        (
            json!({ "phase": "Running", "containerStatuses": crash }),
            reasons::CRASH_LOOP,
            "container core: CrashLoopBackOff (4 restarts, last exit code 137)",
        ),
        (
            json!({ "phase": "Pending", "initContainerStatuses": crash }),
            reasons::CRASH_LOOP,
            "container core: CrashLoopBackOff (4 restarts, last exit code 137)",
        ),
        (
            json!({ "phase": "Pending", "containerStatuses": pull }),
            reasons::IMAGE_PULL,
            "container core: ErrImagePull: not found",
        ),
        (
            json!({ "phase": "Pending", "containerStatuses": config }),
            reasons::CONTAINER_CONFIG,
            "container core: CreateContainerConfigError: secret \"x\" not found",
        ),
        (
            json!({ "phase": "Pending", "conditions": scheduled }),
            reasons::POD_PENDING,
            "Pending: 0/3 nodes",
        ),
        (
            json!({ "phase": "Running", "containerStatuses": running }),
            reasons::POD_NOT_READY,
            "container core runs, but its readiness probe does not pass",
        ),
        (
            json!({ "phase": "Failed", "reason": "Evicted", "message": "low on memory" }),
            reasons::POD_FAILED,
            "failed: low on memory",
        ),
    ] {
        let found = pod_of(status).problem.expect(reason);
        assert_eq!((found.reason, found.message.as_ref()), (reason, message));
    }
    for fine in ["Pending", "Succeeded"] {
        assert_eq!(pod_of(json!({ "phase": fine })).problem, None, "{fine}");
    }
}

#[test]
fn a_ready_pod_has_no_problem_and_one_that_goes_is_not_ready() {
    let ready =
        json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] });
    let found = pod_of(ready.clone());
    assert!(found.ready && found.problem.is_none() && !found.finished);
    let going = json!({ "metadata": { "name": "x", "uid": "u", "resourceVersion": "1",
        "deletionTimestamp": "2026-11-23T10:00:00Z", "labels": { meta::COMPONENT_LABEL: "core" } }, "status": ready });
    let going = pod(&going).unwrap();
    assert!(!going.ready && going.deleting);
    assert_eq!(pod(&json!({ "metadata": metadata() })), None, "of no component");
}

#[test]
fn a_job_tells_when_it_was_made_and_how_it_ended() {
    let job_with = |type_: &str, status: &str| {
        let mut metadata = metadata();
        metadata["labels"] = json!({ meta::COMPONENT_LABEL: "backup" });
        metadata["creationTimestamp"] = "1970-01-01T00:01:00Z".into();
        let conditions = json!([{ "type": type_, "status": status, "message": "too often" }]);
        job(&json!({ "metadata": metadata, "status": { "conditions": conditions } })).unwrap()
    };
    let failed = job_with("Failed", "True");
    assert_eq!((failed.created, failed.failed.as_deref()), (60, Some("failed: too often")));
    assert!(!failed.succeeded && job_with("Complete", "True").succeeded);
    assert_eq!(job_with("Failed", "False").failed, None);
}

/// JSON of any form, often with the names that the reducer looks for.
fn json_values() -> impl Strategy<Value = Value> {
    let names = vec![
        "metadata",
        "spec",
        "status",
        "uid",
        "name",
        "resourceVersion",
        "labels",
        "annotations",
        "ownerReferences",
        "managedFields",
        "manager",
        "operation",
        "fieldsV1",
        "f:spec",
        "f:replicas",
        "k:{\"name\":\"a\"}",
        "k:{",
        "v:1",
        ".",
        "conditions",
        "type",
        "phase",
        "containerStatuses",
        "state",
        "waiting",
        "lastState",
        "terminated",
        "exitCode",
        "restartCount",
        "reason",
        "message",
        "generation",
        "observedGeneration",
        "replicas",
        "template",
        "resources",
        "requests",
        "storage",
        "creationTimestamp",
        "deletionTimestamp",
        "kind",
        "apiVersion",
        meta::COMPONENT_LABEL,
        meta::TENANT_UID,
        meta::PARKED_REPLICAS,
    ];
    let texts = vec![
        "",
        "Tenant",
        "tenantry.dev/v1",
        FIELD_MANAGER,
        "Apply",
        "Failed",
        "Running",
        "Pending",
        "Ready",
        "True",
        "CrashLoopBackOff",
        "ErrImagePull",
        "99999999999999999999",
        "-1",
        "1Gi",
        "1970-01-01T00:00:00Z",
        "é",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(texts).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 8, move |inner| {
        let name = prop::sample::select(names.clone()).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_object_of_any_form_is_too_much(parts in prop::collection::vec(json_values(), 3)) {
        // With an identity, or nothing behind it would be looked at.
        let mut metadata = parts[0].clone();
        if !metadata.is_object() {
            metadata = json!({});
        }
        for (name, value) in [("name", "x"), ("uid", "u"), ("resourceVersion", "1")] {
            metadata[name] = value.into();
        }
        let whole = json!({ "metadata": metadata, "spec": parts[1], "status": parts[2] });
        for live in [&whole, &parts[0]] {
            for kind in Kind::ALL {
                let found = record(kind, live);
                prop_assert!(found.is_some() || live != &whole);
            }
            let _ = (pod(live), job(live));
        }
    }
}
