//! Small things that unit tests are made of.

use std::{collections::BTreeMap, sync::Arc};

use crds::{DeploymentProfile, DeploymentProfileSpec, Tenant};
use serde_json::{Value, json};

use crate::{
    decide::Seen,
    desired::{self, Stack},
    fingerprint,
    kinds::Kind,
    object::{Key, Object},
    observed::{Facts, Observed, PodRecord, Problem, Record, Workload},
    revision::Revision,
    validate,
};

/// The uid of the tenant `acme` of these tests.
pub const UID: &str = "6f1c0000-0000-4000-8000-000000000001";

pub fn tenant() -> Tenant {
    serde_json::from_value(json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
        "metadata": { "name": "acme", "uid": UID, "generation": 1 },
        "spec": { "displayName": "Acme", "profileRef": { "name": "prod" } },
    }))
    .unwrap()
}

/// The production profile of the examples.
pub fn profile() -> DeploymentProfileSpec {
    let text = include_str!("../../examples/profile-prod.yaml");
    serde_saphyr::from_str::<DeploymentProfile>(text).unwrap().spec
}

pub fn stack(tenant: &Tenant, profile: &DeploymentProfileSpec) -> Stack {
    validate::stack(tenant, profile, "prod", &Observed::default()).unwrap()
}

/// Every object of acme's stack.
pub fn objects() -> Vec<Object> {
    desired::objects(&stack(&tenant(), &profile()))
}

/// What is seen when nothing is there but these revisions of `prod`.
pub fn seen(revisions: &[(i64, DeploymentProfileSpec)]) -> Seen {
    let revisions = revisions.iter().map(|(number, spec)| {
        let revision =
            Revision { number: *number, uid: "r".into(), digest: "d".into(), spec: spec.clone() };
        (*number, Arc::new(revision))
    });
    Seen {
        observed: Observed::default(),
        profile_exists: true,
        unreadable: None,
        revisions: revisions.collect(),
        granted: None,
        rival: None,
        silence: None,
        learned: BTreeMap::new(),
    }
}

pub fn key(kind: Kind, name: &str) -> Key {
    Key::new(kind, name)
}

/// A record of an object of acme's.
pub fn record() -> Record {
    Record {
        uid: "o".into(),
        resource_version: 7,
        tenant_uid: Some(UID.into()),
        fingerprint: None,
        deleting: false,
        retained: false,
        facts: Facts::Plain,
    }
}

/// A Deployment's record, running as many pods as it should.
pub fn workload(replicas: i32) -> Record {
    let workload = Workload {
        replicas,
        observed: true,
        updated: replicas,
        existing: replicas,
        available: replicas,
        ..Workload::default()
    };
    Record { facts: Facts::Workload(Box::new(workload)), ..record() }
}

/// The same record with its Deployment changed.
pub fn with_workload(mut record: Record, change: impl FnOnce(&mut Workload)) -> Record {
    if let Facts::Workload(workload) = &mut record.facts {
        change(workload);
    }
    record
}

/// Everything there, in sync and running.
pub fn in_sync(objects: &[Object]) -> Observed {
    let of = |object: &Object| {
        let replicas = object.body.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
        let found = match object.key.kind {
            Kind::Deployment => workload(i32::try_from(replicas).unwrap()),
            Kind::PersistentVolumeClaim => Record {
                facts: Facts::Claim { bound: true, size_milli: 0, class: None },
                ..record()
            },
            _ => record(),
        };
        let fingerprint = Some(fingerprint::of_desired(&object.body));
        let uid = object.key.to_string().into();
        (object.key.clone(), Record { fingerprint, uid, ..found })
    };
    Observed { objects: objects.iter().map(of).collect(), ..Observed::default() }
}

pub fn pod(component: &str, problem: Option<(&'static str, &str)>) -> PodRecord {
    PodRecord {
        name: format!("{component}-x").into(),
        uid: "p".into(),
        resource_version: 1,
        component: component.into(),
        ready: problem.is_none(),
        finished: false,
        deleting: false,
        problem: problem.map(|(reason, message)| Problem { reason, message: message.into() }),
    }
}
