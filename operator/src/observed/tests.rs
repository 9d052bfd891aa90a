use serde_json::{Value, json};

use crate::{
    fixtures::{key, objects},
    health,
    kinds::Kind,
    object::Object,
    reduce,
    world::World,
};

/// The Deployment `core` as the API server shows it.
fn live(generation: i64, seen: i64, image: &str, replicas: i64, pods: i64) -> Value {
    json!({
        "metadata": { "uid": "u", "resourceVersion": (generation * 100 + seen).to_string(), "generation": generation,
            "ownerReferences": [{ "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "uid": "t" }] },
        "spec": { "replicas": replicas, "template": { "spec": { "containers": [{ "image": image }] } } },
        "status": { "observedGeneration": seen, "replicas": pods, "updatedReplicas": pods, "availableReplicas": pods },
    })
}

/// Whether `core`, of which two pods are wanted, counts as healthy after each of these.
fn healthy(history: &[Value]) -> Vec<bool> {
    let core: Vec<Object> =
        objects().into_iter().filter(|o| o.key == key(Kind::Deployment, "core")).collect();
    let world = World::default();
    let judge = |live: &Value| {
        let record = reduce::record(Kind::Deployment, live).unwrap();
        world.put_object("acme", core[0].key.clone(), record);
        health::judge(&core, &world.observed("acme")).cause.is_none()
    };
    history.iter().map(judge).collect()
}

#[test]
fn replicas_put_back_are_never_unready() {
    let history = [
        live(1, 1, "a", 2, 2),
        // Scaled by hand, put back by us, and only then does its controller say what it saw.
        live(2, 1, "a", 4, 2),
        live(3, 1, "a", 2, 2),
        live(3, 2, "a", 2, 4),
        live(3, 3, "a", 2, 2),
    ];
    assert_eq!(healthy(&history), [true; 5]);
}

#[test]
fn a_new_template_is_not_ready_before_its_controller_saw_it() {
    let history = [live(1, 1, "a", 2, 2), live(2, 1, "b", 2, 2), live(2, 2, "b", 2, 2)];
    assert_eq!(healthy(&history), [true, false, true]);
    // There and back: the counts may be of the template between.
    let history = [live(1, 1, "a", 2, 2), live(2, 1, "b", 2, 2), live(3, 2, "a", 2, 2)];
    assert_eq!(healthy(&history), [true, false, false]);
}

#[test]
fn nothing_is_concluded_over_generations_that_nobody_saw() {
    assert_eq!(healthy(&[live(1, 1, "a", 2, 2), live(3, 2, "a", 2, 2)]), [true, false]);
    // Nor from a first look, nor from a Deployment that has the same name and is another one.
    assert_eq!(healthy(&[live(2, 1, "a", 2, 2)]), [false]);
    let mut other = live(2, 1, "a", 2, 2);
    other["metadata"]["uid"] = "other".into();
    assert_eq!(healthy(&[live(1, 1, "a", 2, 2), other]), [true, false]);
}

#[test]
fn a_scale_that_took_pods_away_is_not_ready() {
    let history = [live(1, 1, "a", 2, 2), live(2, 1, "a", 0, 2), live(3, 2, "a", 2, 0)];
    assert!(!healthy(&history)[2]);
}
