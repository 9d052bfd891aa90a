//! How objects must be written, so that what the API server keeps equals what we sent.

use k8s_openapi::api::{
    apps::v1::Deployment,
    autoscaling::v2::HorizontalPodAutoscaler,
    batch::v1::CronJob,
    core::v1::{
        ConfigMap, LimitRange, Namespace, PersistentVolumeClaim, ResourceQuota, Secret, Service,
        ServiceAccount,
    },
    networking::v1::{Ingress, NetworkPolicy},
    policy::v1::PodDisruptionBudget,
};
use operator::kinds::Kind;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::walk::{each_object, walk};

fn through<T: Serialize + DeserializeOwned>(body: &Value) -> Value {
    let typed: T = serde_json::from_value(body.clone()).unwrap();
    serde_json::to_value(typed).unwrap()
}

/// A misspelt field would be lost on the way.
#[test]
fn every_object_is_what_kubernetes_types_say() {
    each_object(|at, _, object| {
        let typed = match object.key.kind {
            Kind::Namespace => through::<Namespace>,
            Kind::ResourceQuota => through::<ResourceQuota>,
            Kind::LimitRange => through::<LimitRange>,
            Kind::NetworkPolicy => through::<NetworkPolicy>,
            Kind::ServiceAccount => through::<ServiceAccount>,
            Kind::ConfigMap => through::<ConfigMap>,
            Kind::Secret => through::<Secret>,
            Kind::PersistentVolumeClaim => through::<PersistentVolumeClaim>,
            Kind::Service => through::<Service>,
            Kind::Deployment => through::<Deployment>,
            Kind::HorizontalPodAutoscaler => through::<HorizontalPodAutoscaler>,
            Kind::PodDisruptionBudget => through::<PodDisruptionBudget>,
            Kind::CronJob => through::<CronJob>,
            Kind::Ingress => through::<Ingress>,
        };
        assert_eq!(typed(&object.body), object.body, "{at}");
    });
}

/// The API server drops such values when it stores an object, and what we own would never again
/// equal what we sent.
#[test]
fn nothing_is_sent_that_says_nothing() {
    // An empty selector is a statement; map values and arguments may be empty texts.
    let allowed = [".spec.podSelector", ".args[]"];
    let maps = [".nodeSelector.", ".metadata.annotations."];
    each_object(|at, _, object| {
        walk("", &object.body, &mut |path, value| {
            let says_nothing = match value {
                Value::Null => true,
                Value::Bool(flag) => {
                    !flag && !MEANINGFUL_WHEN_FALSE.iter().any(|f| path.ends_with(f))
                }
                Value::String(text) => text.is_empty() && !maps.iter().any(|m| path.contains(m)),
                Value::Array(items) => items.is_empty(),
                Value::Object(members) => members.is_empty(),
                Value::Number(_) => false,
            };
            let excused = allowed.iter().any(|end| path.ends_with(end));
            assert!(!says_nothing || excused, "{at}: {path} is {value}");
        });
    });
}

/// Pointers in Kubernetes' types, so that `false` is kept.
const MEANINGFUL_WHEN_FALSE: [&str; 4] = [
    ".automountServiceAccountToken",
    ".enableServiceLinks",
    ".allowPrivilegeEscalation",
    ".blockOwnerDeletion",
];

/// Inside what is atomic to the API server, a default that it adds would become ours.
#[test]
fn what_the_server_would_default_is_said() {
    each_object(|at, _, object| {
        walk("", &object.body, &mut |path, value| {
            let must_have = match path.rsplit('.').next().unwrap_or_default() {
                "ports[]" => "protocol",
                "tolerations[]" => "operator",
                "paths[]" => "pathType",
                "fieldRef" => "apiVersion",
                "serviceAccountToken" => "expirationSeconds",
                "scaleTargetRef" => "apiVersion",
                _ => return,
            };
            assert!(value.get(must_have).is_some(), "{at}: {path} has no {must_have}");
        });
    });
}

#[test]
fn quantities_are_canonical() {
    let homes = [".requests", ".limits", ".hard", ".default", ".defaultRequest"];
    let mut seen = 0;
    each_object(|at, _, object| {
        walk("", &object.body, &mut |path, value| {
            let Some(map) = value.as_object().filter(|_| homes.iter().any(|h| path.ends_with(h)))
            else {
                return;
            };
            for (name, quantity) in map {
                let text = quantity.as_str().unwrap();
                assert_eq!(
                    text.parse::<crds::Quantity>().unwrap().to_string(),
                    text,
                    "{at}: {name}"
                );
                seen += 1;
            }
        });
    });
    assert!(seen > 50, "{seen}");
}
