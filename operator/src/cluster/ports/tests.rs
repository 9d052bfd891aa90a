#![allow(clippy::needless_pass_by_value, reason = "json! stands at the call")]

use super::*;

fn service(ports: Value) -> Value {
    json!({ "metadata": { "resourceVersion": "7" }, "spec": { "ports": ports } })
}

fn ours() -> Value {
    json!([{ "name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP" }])
}

#[test]
fn a_port_in_the_place_of_ours_is_renamed_then_removed() {
    // As `kubectl patch` with a port without a name leaves it: protocol and target are defaults.
    let theirs = json!([{ "port": 9090, "targetPort": 9090, "protocol": "TCP" }]);
    let renamed =
        others(Kind::Service, &service(ours()), &service(theirs), Others::Rename).unwrap();
    assert_eq!(
        renamed["spec"]["ports"],
        json!([{ "name": "undo-0", "port": 9090, "targetPort": 9090, "protocol": "TCP" }])
    );
    let both = json!([ours()[0], renamed["spec"]["ports"][0]]);
    let left = others(Kind::Service, &service(ours()), &service(both), Others::Remove).unwrap();
    assert_eq!(left["spec"]["ports"], ours());
}

#[test]
fn a_name_that_clashes_with_ours_is_changed() {
    let theirs = json!([{ "name": "http", "port": 9090, "protocol": "TCP" }]);
    let renamed =
        others(Kind::Service, &service(ours()), &service(theirs), Others::Rename).unwrap();
    assert_eq!(renamed["spec"]["ports"][0]["name"], "undo-0");
}

#[test]
fn ports_that_are_ours_alone_are_left_to_the_refusal() {
    // Same number and protocol: the server merges ours over it.
    let same = service(json!([{ "port": 8080 }]));
    assert_eq!(others(Kind::Service, &service(ours()), &same, Others::Rename), None);
    let udp = service(json!([{ "name": "http", "port": 8080, "protocol": "UDP" }]));
    assert!(others(Kind::Service, &service(ours()), &udp, Others::Rename).is_some());
    assert_eq!(others(Kind::ConfigMap, &service(ours()), &udp, Others::Rename), None);
}

#[test]
fn a_containers_ports_change_and_all_else_of_it_stays() {
    let pod = |ports: Value| {
        json!({ "spec": { "template": { "spec": { "containers": [
            { "name": "sidecar", "ports": [{ "containerPort": 1 }] },
            { "name": "core", "image": "i", "ports": ports },
        ] } } } })
    };
    let port = |n: i64| json!({ "name": "http", "containerPort": n, "protocol": "TCP" });
    let mut wanted = pod(json!([port(8080)]));
    wanted["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().remove(0);
    let live = pod(json!([port(9090)]));
    let patch = others(Kind::Deployment, &wanted, &live, Others::Remove).unwrap();
    assert_eq!(patch, pod(json!([])), "the container that is not ours keeps its port");
    assert_eq!(others(Kind::Deployment, &wanted, &pod(json!([port(8080)])), Others::Remove), None);
}

#[test]
fn a_patch_is_for_this_object_at_this_version() {
    let patch = pinned(json!({ "spec": {} }), "u", &service(ours()));
    assert_eq!(patch["metadata"], json!({ "uid": "u", "resourceVersion": "7" }));
}
