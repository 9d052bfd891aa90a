#![allow(clippy::needless_pass_by_value, reason = "json! stands at the call")]

use serde_json::json;

use super::*;

fn entry(manager: &str, time: &str, fields: Value) -> Value {
    json!({ "manager": manager, "operation": "Update", "time": time, "fieldsV1": fields })
}

fn deployment(image: &str) -> Value {
    json!({
        "kind": "Deployment",
        "metadata": { "labels": { "tenantry.dev/component": "core" } },
        "spec": { "replicas": 2, "template": { "spec": { "containers": [
            { "name": "core", "image": image, "args": ["serve"],
              "ports": [{ "name": "http", "containerPort": 8080, "protocol": "TCP" }] },
        ] } } },
    })
}

fn with_entries(mut live: Value, entries: &[Value]) -> Value {
    live["metadata"]["managedFields"] = entries.into();
    live
}

fn image_of_core() -> Value {
    json!({ "f:spec": { "f:template": { "f:spec": { "f:containers": {
        "k:{\"name\":\"core\"}": { "f:image": {} } } } } } })
}

fn said(wanted: &Value, live: &Value) -> String {
    describe(wanted, live).map(|c| c.to_string()).unwrap_or_default()
}

#[test]
fn the_holder_of_the_changed_field_is_named_not_the_newest_writer() {
    let mut live = deployment("evil");
    live["spec"]["template"]["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .insert(0, json!({ "name": "sidecar", "image": "x" }));
    let live = with_entries(
        live,
        &[
            entry("kubectl-edit", "2026-11-23T10:00:00Z", image_of_core()),
            entry(
                "labeller",
                "2026-11-23T11:00:00Z",
                json!({ "f:metadata": { "f:labels": { "f:team": {} } } }),
            ),
            entry(FIELD_MANAGER, "2026-11-23T12:00:00Z", image_of_core()),
        ],
    );
    assert_eq!(
        said(&deployment("good"), &live),
        "spec.template.spec.containers.[core].image was changed by kubectl-edit (Update, 2026-11-23T10:00:00Z)"
    );
    assert_eq!(describe(&deployment("evil"), &live), None);
}

#[test]
fn of_several_holders_the_newest_is_named_and_a_status_never() {
    let replicas = || json!({ "f:spec": { "f:replicas": {} } });
    let mut status = entry("kube-controller-manager", "2026-11-23T12:00:00Z", replicas());
    status["subresource"] = "status".into();
    let mut live = deployment("i");
    live["spec"]["replicas"] = 7.into();
    let live = with_entries(
        live,
        &[
            entry("older", "2026-11-23T10:00:00Z", replicas()),
            entry("newer", "2026-11-23T11:00:00Z", replicas()),
            status,
        ],
    );
    assert_eq!(
        said(&deployment("i"), &live),
        "spec.replicas was changed by newer (Update, 2026-11-23T11:00:00Z)"
    );
}

#[test]
fn the_scale_subresource_has_no_time() {
    let mut scale = entry("kubectl", "", json!({ "f:spec": { "f:replicas": {} } }));
    scale["subresource"] = "scale".into();
    scale.as_object_mut().unwrap().remove("time");
    let later = entry("other", "2026-11-23T10:00:00Z", json!({ "f:spec": { "f:paused": {} } }));
    let mut live = deployment("i");
    live["spec"]["replicas"] = 7.into();
    let live = with_entries(live, &[scale, later]);
    assert_eq!(said(&deployment("i"), &live), "spec.replicas was changed by kubectl (Update)");
}

#[test]
fn a_port_is_found_by_all_its_keys() {
    let service = |port: i64, protocol: &str| json!({ "spec": { "ports": [{ "name": "http", "port": port, "targetPort": "http", "protocol": protocol }] } });
    let ports = |key: &str| json!({ "f:spec": { "f:ports": { key: { ".": {}, "f:port": {}, "f:name": {} } } } });
    let live = with_entries(
        service(9090, "TCP"),
        &[
            entry("right", "2026-11-23T10:00:00Z", ports(r#"k:{"port":9090,"protocol":"TCP"}"#)),
            entry("wrong", "2026-11-23T11:00:00Z", ports(r#"k:{"port":9090,"protocol":"UDP"}"#)),
        ],
    );
    assert_eq!(
        said(&service(8080, "TCP"), &live),
        "spec.ports.[http].port was changed by right (Update, 2026-11-23T10:00:00Z)"
    );
}

#[test]
fn a_list_that_is_one_value_is_held_whole() {
    let rules = |hosts: &[&str]| {
        let rules: Vec<Value> = hosts.iter().map(|h| json!({ "host": h })).collect();
        json!({ "spec": { "rules": rules } })
    };
    let edit =
        || entry("kubectl-edit", "2026-11-23T10:00:00Z", json!({ "f:spec": { "f:rules": {} } }));
    let changed = with_entries(rules(&["evil"]), &[edit()]);
    assert!(
        said(&rules(&["good"]), &changed)
            .starts_with("spec.rules.[0].host was changed by kubectl-edit")
    );
    // Something was added behind what we want.
    let added = with_entries(rules(&["good", "evil"]), &[edit()]);
    assert!(said(&rules(&["good"]), &added).starts_with("spec.rules was changed by kubectl-edit"));
}

#[test]
fn a_value_of_a_set_is_found() {
    let item = json!("example.com/x");
    assert!(is_item(r#"v:"example.com/x""#, &item));
    assert!(!is_item(r#"v:"example.com/y""#, &item));
    let path =
        [Step::Field("finalizers"), Step::Item { index: 0, wanted: &item, live: Some(&item) }];
    assert!(holds(&json!({ "f:finalizers": { "v:\"example.com/x\"": {} } }), &path));
    assert!(!holds(&json!({ "f:finalizers": { "v:\"example.com/y\"": {} } }), &path));
}

#[test]
fn what_nobody_holds_any_more_blames_nobody() {
    let mut live = deployment("i");
    live["metadata"]["labels"] = json!({});
    assert_eq!(
        said(&deployment("i"), &with_entries(live.clone(), &[])),
        "metadata.labels.tenantry.dev/component was removed by somebody who left no name"
    );
    let other = entry("other", "2026-11-23T10:00:00Z", json!({ "f:spec": { "f:paused": {} } }));
    assert_eq!(
        said(&deployment("i"), &with_entries(live, &[other])),
        "metadata.labels.tenantry.dev/component was changed, nobody holds it now; \
         the last to write was other (Update, 2026-11-23T10:00:00Z)"
    );
}

#[test]
fn a_value_that_only_the_server_wrote_is_no_ones_change() {
    let live = with_entries(deployment("rewritten"), &[]);
    assert_eq!(describe(&deployment("i"), &live), None);
}

#[test]
fn a_rewritten_value_does_not_hide_what_somebody_changed() {
    let mut live = deployment("evil");
    // Comes first, and nobody but the server did it.
    live["metadata"]["labels"]["tenantry.dev/component"] = "rewritten".into();
    let edit = entry("kubectl-edit", "2026-11-23T10:00:00Z", image_of_core());
    let said = said(&deployment("good"), &with_entries(live, &[edit]));
    assert!(said.starts_with("spec.template.spec.containers.[core].image was changed"), "{said}");
}

#[test]
fn who_set_a_field_is_the_newest_that_holds_it() {
    let service = json!({ "f:services": { r#"k:{"name":"core"}"#: { "f:image": {} } } });
    let object = json!({ "metadata": { "managedFields": [
        entry("old", "2026-01-01T00:00:00Z", json!({ "f:spec": { "f:suspend": {}, "f:overlays": { "v:\"gpu\"": {} } } })),
        entry("new", "2026-01-02T00:00:00Z", json!({ "f:spec": { "f:suspend": {} } })),
        entry("chart", "2026-01-03T00:00:00Z", json!({ "f:spec": service })),
    ] } });
    let by = |field: &str| holder(&object, field).map(|w| w.manager);
    assert_eq!(by("spec.suspend").as_deref(), Some("new"));
    assert_eq!(by("spec.overlays.[gpu]").as_deref(), Some("old"));
    assert_eq!(by("spec.services.[core].image").as_deref(), Some("chart"));
    assert_eq!(by("spec.services").as_deref(), Some("chart"), "what holds a part holds some of it");
    assert_eq!(by("spec.services.[cor].image"), None);
    assert_eq!(by("spec.plan"), None);
}
