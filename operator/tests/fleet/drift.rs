//! What somebody changes on a stack by hand is undone at the event; what is not ours is kept.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Lab, eventually, everything, holds};

/// One tenant with every kind of object, for all of these tests: each touches another object.
async fn stack(lab: &Lab) -> Value {
    lab.stack(everything("drift"), "drift").await
}

/// Changes one field and waits until it is back.
async fn is_undone(object: (&str, &str), pointer: &str, other: Value) {
    let lab = Lab::shared().await;
    stack(&lab).await;
    let before = lab.object("drift", object.0, object.1).await.unwrap();
    let wanted = before.pointer(pointer).expect("the field is there").clone();
    let patch = pointer.trim_start_matches('/').rsplit('/').fold(other, |inner, name| {
        let name = name.replace("~1", "/");
        json!({ name: inner })
    });
    let changed = lab.api.merge(object.0, "tenant-drift", object.1, &patch).await.unwrap();
    let uid = &changed["metadata"]["uid"];
    lab.becomes("drift", object, "is as it was", |live| {
        live.pointer(pointer) == Some(&wanted) && live["metadata"]["uid"] == *uid
    })
    .await;
}

/// Deletes an object and waits until another one is there.
async fn comes_back(object: (&str, &str)) {
    let lab = Lab::shared().await;
    stack(&lab).await;
    let before = lab.object("drift", object.0, object.1).await.unwrap();
    lab.api.delete(object.0, "tenant-drift", object.1).await.unwrap();
    lab.becomes("drift", object, "is made again", |live| {
        live["metadata"]["uid"] != before["metadata"]["uid"]
    })
    .await;
}

#[tokio::test]
async fn a_namespaces_pod_security_is_undone() {
    let lab = Lab::shared().await;
    stack(&lab).await;
    let open =
        json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "privileged" } } });
    lab.api.merge("namespaces", "", "tenant-drift", &open).await.unwrap();
    eventually("restricted again", async || {
        let ns = lab.api.get("namespaces", "", "tenant-drift").await.unwrap();
        let level = &ns["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        holds(level == "restricted", level)
    })
    .await;
}

#[tokio::test]
async fn a_resource_quota_is_undone() {
    is_undone(("resourcequotas", "tenantry"), "/spec/hard/pods", json!("500")).await;
}

#[tokio::test]
async fn a_limit_range_is_undone() {
    let other = json!([{ "type": "Pod", "max": { "cpu": "64" } }]);
    is_undone(("limitranges", "tenantry"), "/spec/limits", other).await;
}

#[tokio::test]
async fn a_network_policy_is_undone() {
    let object = ("networkpolicies", "tenantry-default-deny");
    is_undone(object, "/spec/policyTypes", json!(["Ingress"])).await;
}

#[tokio::test]
async fn a_service_account_is_undone() {
    is_undone(("serviceaccounts", "core"), "/automountServiceAccountToken", json!(true)).await;
}

#[tokio::test]
async fn a_config_map_is_undone() {
    let object = ("configmaps", "tenantry-collector");
    is_undone(object, "/data/collector.yaml", json!("receivers: {}")).await;
}

#[tokio::test]
async fn a_secrets_labels_are_undone_and_its_data_never_touched() {
    let lab = Lab::shared().await;
    stack(&lab).await;
    let object = ("secrets", "tenantry-grafana");
    let before = lab.object("drift", object.0, object.1).await.unwrap();
    is_undone(object, "/metadata/labels/tenantry.dev~1component", json!("other")).await;
    let after = lab.object("drift", object.0, object.1).await.unwrap();
    assert_eq!(before["data"], after["data"]);
}

#[tokio::test]
async fn a_claims_labels_are_undone() {
    let object = ("persistentvolumeclaims", "tenantry-billing");
    is_undone(object, "/metadata/labels/tenantry.dev~1tenant", json!("other")).await;
}

#[tokio::test]
async fn a_service_is_undone() {
    let other = json!({ "tenantry.dev/component": "other" });
    is_undone(("services", "core"), "/spec/selector", other).await;
}

#[tokio::test]
async fn a_deployments_replicas_are_undone() {
    is_undone(("deployments", "core"), "/spec/replicas", json!(9)).await;
}

#[tokio::test]
async fn an_autoscaler_is_undone() {
    is_undone(("horizontalpodautoscalers", "transcribe"), "/spec/maxReplicas", json!(99)).await;
}

#[tokio::test]
async fn a_disruption_budget_is_undone() {
    is_undone(("poddisruptionbudgets", "core"), "/spec/maxUnavailable", json!(0)).await;
}

#[tokio::test]
async fn a_cron_job_is_undone() {
    is_undone(("cronjobs", "tenantry-backup"), "/spec/schedule", json!("0 0 1 1 *")).await;
}

#[tokio::test]
async fn an_ingress_is_undone() {
    let other = json!([{ "host": "evil.example.com" }]);
    is_undone(("ingresses", "core"), "/spec/rules", other).await;
}

#[tokio::test]
async fn an_owner_reference_taken_away_comes_back() {
    let lab = Lab::shared().await;
    let t = stack(&lab).await;
    let none = json!({ "metadata": { "ownerReferences": null } });
    lab.api.merge("services", "tenant-drift", "tenantry-metrics", &none).await.unwrap();
    let said = async || lab.tenant("drift").await["status"]["conditions"].to_string();
    // Without it the object is not known to be ours: it is refused, by name, not overwritten.
    eventually("the object is refused", async || {
        let text = said().await;
        holds(text.contains("Service tenantry-metrics exists and is not ours"), text)
    })
    .await;
    let owner = json!({ "metadata": { "ownerReferences": [{
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "name": "drift", "uid": t["metadata"]["uid"],
        "controller": true, "blockOwnerDeletion": false,
    }] } });
    lab.api.merge("services", "tenant-drift", "tenantry-metrics", &owner).await.unwrap();
    lab.ready("drift").await;
}

#[tokio::test]
async fn each_kind_that_is_deleted_is_made_again() {
    for object in [
        ("resourcequotas", "tenantry"),
        ("limitranges", "tenantry"),
        ("networkpolicies", "tenantry-dns"),
        ("serviceaccounts", "transcribe"),
        ("configmaps", "tenantry-grafana"),
        ("services", "transcribe"),
        ("deployments", "transcribe"),
        ("horizontalpodautoscalers", "transcribe"),
        ("poddisruptionbudgets", "core"),
        ("cronjobs", "tenantry-backup"),
        ("ingresses", "core"),
    ] {
        comes_back(object).await;
    }
}

#[tokio::test]
async fn foreign_labels_annotations_and_fields_are_kept() {
    let lab = Lab::shared().await;
    stack(&lab).await;
    let theirs = json!({
        "metadata": { "labels": { "example.com/team": "a" }, "annotations": { "example.com/note": "b" } },
        "spec": { "minReadySeconds": 3, "replicas": 1 },
    });
    lab.api.merge("deployments", "tenant-drift", "store", &theirs).await.unwrap();
    // `replicas` is 1 already; the field below is ours and must be undone beside what is kept.
    let ours = json!({ "spec": { "revisionHistoryLimit": 9 } });
    lab.api.merge("deployments", "tenant-drift", "store", &ours).await.unwrap();
    let back = |d: &Value| d["spec"]["revisionHistoryLimit"] == 2;
    let live = lab.becomes("drift", ("deployments", "store"), "ours is undone", back).await;
    assert_eq!(live["metadata"]["labels"]["example.com/team"], "a");
    assert_eq!(live["metadata"]["annotations"]["example.com/note"], "b");
    assert_eq!(live["spec"]["minReadySeconds"], 3);
}

#[tokio::test]
async fn an_event_names_field_and_manager() {
    let lab = Lab::shared().await;
    lab.stack(everything("drift-event"), "drift-event").await;
    let change = json!({ "spec": { "replicas": 6 } });
    lab.api.merge("deployments", "tenant-drift-event", "core", &change).await.unwrap();
    eventually("an event tells of it", async || {
        let events = lab.api.list("events", "default", "").await;
        let about = events
            .iter()
            .filter(|e| e["regarding"]["name"] == "drift-event" && e["reason"] == "DriftCorrected");
        let notes: Vec<String> = about.map(|e| e["note"].to_string()).collect();
        let found = notes
            .iter()
            .any(|n| n.contains("Deployment core: spec.replicas was changed by somebody (Update,"));
        holds(found, notes.join("\n"))
    })
    .await;
}

#[tokio::test]
async fn an_event_names_what_was_deleted() {
    let lab = Lab::shared().await;
    lab.stack(everything("drift-gone"), "drift-gone").await;
    lab.api.delete("services", "tenant-drift-gone", "core").await.unwrap();
    eventually("an event tells of it", async || {
        let events = lab.api.list("events", "default", "").await;
        let found = events.iter().any(|e| {
            e["regarding"]["name"] == "drift-gone"
                && e["note"].to_string().contains("Service core was deleted; made again")
        });
        holds(found, format!("{} events", events.len()))
    })
    .await;
}

#[tokio::test]
async fn an_edit_of_the_profile_changes_what_the_pod_runs() {
    let lab = Lab::shared().await;
    lab.stack(everything("drift-env"), "drift-env").await;
    let before = lab.pods("drift-env", "store").await.remove(0);
    let mut profile = everything("drift-env");
    profile["spec"]["services"][2]["env"] = json!([{ "name": "MODE", "value": "new" }]);
    lab.apply(&[profile]).await;
    lab.status("drift-env", "runs revision 2", |t| {
        t["status"]["profileRevision"]["current"] == "drift-env@2"
    })
    .await;
    let pods = lab.pods("drift-env", "store").await;
    let after = pods.iter().find(|p| p["metadata"]["deletionTimestamp"].is_null()).unwrap();
    assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert!(after["spec"]["containers"][0]["env"].to_string().contains("MODE"));
}

#[tokio::test]
async fn pods_that_read_a_configuration_carry_its_checksum() {
    let lab = Lab::shared().await;
    stack(&lab).await;
    for name in ["tenantry-collector", "tenantry-metrics", "tenantry-grafana"] {
        let live = lab.object("drift", "deployments", name).await.unwrap();
        let notes = &live["spec"]["template"]["metadata"]["annotations"];
        assert!(notes["tenantry.dev/config-checksum"].is_string(), "{name}: {notes}");
    }
}

/// As with a controller that takes our writes for drift.
#[tokio::test]
async fn who_changes_it_again_and_again_is_told_of_and_not_fought_without_end() {
    let lab = Lab::shared().await;
    lab.stack(everything("fought"), "fought").await;
    let bounds = ("limitranges", "tenantry");
    let wanted = lab.object("fought", bounds.0, bounds.1).await.unwrap()["spec"].clone();
    let fights = async |cpu: usize| {
        let limits =
            json!({ "spec": { "limits": [{ "type": "Pod", "max": { "cpu": cpu.to_string() } }] } });
        lab.api.merge(bounds.0, "tenant-fought", bounds.1, &limits).await.unwrap();
    };
    let mark = lab.mark();
    for cpu in 60..65 {
        fights(cpu).await;
        lab.becomes("fought", bounds, "is put right", |live| live["spec"] == wanted).await;
    }
    fights(65).await;
    let message = lab.says("fought", "Stalled", "True", "DriftContested").await;
    assert!(
        message.contains("LimitRange tenantry") && message.contains("managedFields"),
        "{message}"
    );
    let undone = |write: &&String| *write == "patch limitranges tenant-fought/tenantry";
    assert_eq!(lab.writes(mark).iter().filter(undone).count(), 5);
    // Another object is none of it.
    let (kind, name) = ("networkpolicies", lab.object("fought", "networkpolicies", "").await);
    let name = name.unwrap()["items"][0]["metadata"]["name"].as_str().unwrap().to_owned();
    let before = lab.object("fought", kind, &name).await.unwrap();
    lab.api.delete(kind, "tenant-fought", &name).await.unwrap();
    let anew = |live: &Value| live["metadata"]["uid"] != before["metadata"]["uid"];
    lab.becomes("fought", (kind, &name), "is made again", anew).await;
    // Nobody need touch anything: it is put right when its time has come, and then it is well.
    lab.becomes("fought", bounds, "is put right", |live| live["spec"] == wanted).await;
    lab.ready("fought").await;
}

/// Its own repair sets pods going each time: what is undone meanwhile counts too.
#[tokio::test]
async fn who_changes_a_deployment_each_second_is_told_of_and_not_fought_without_end() {
    let lab = Lab::shared().await;
    lab.stack(everything("scuffle"), "scuffle").await;
    let store = ("deployments", "store");
    let wanted = lab.object("scuffle", store.0, store.1).await.unwrap()["spec"].clone();
    let mark = lab.mark();
    let fight = async {
        for round in 0.. {
            let note = json!({ "tenantry.dev/fight": round.to_string() });
            let other = json!({ "spec": {
                "replicas": 2 + round % 2, "template": { "metadata": { "annotations": note } } } });
            lab.api.merge(store.0, "tenant-scuffle", store.1, &other).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let told = lab.says("scuffle", "Stalled", "True", "DriftContested");
    let message = tokio::select! {
        message = told => message,
        () = fight => unreachable!("it goes on until somebody is told"),
    };
    assert!(message.contains("Deployment store"), "{message}");
    let undone = |write: &&String| *write == "patch deployments tenant-scuffle/store";
    let writes = lab.writes(mark);
    assert!((1..=5).contains(&writes.iter().filter(undone).count()), "{writes:#?}");
    let back = |live: &Value| live["spec"]["replicas"] == wanted["replicas"];
    lab.becomes("scuffle", store, "is put right", back).await;
    lab.ready("scuffle").await;
    lab.says("scuffle", "Stalled", "False", "InSync").await;
}
