//! The example for Flux: what its files name exists, and its release renders; and what a GitOps manager applies, again and again
//! and never by force, meets nobody else's fields. Flux itself is not run.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    helm::{objects, prints, root},
    support::{Lab, api::url, dev, edit, tenant, with},
};

/// Every object of the example, by file.
fn example() -> Vec<Value> {
    let files = ["sync.yaml", "release/helm-release.yaml", "release/namespace.yaml"];
    let text = files.map(|file| {
        std::fs::read_to_string(root().join("examples/gitops/flux").join(file)).unwrap()
    });
    objects(&text.join("\n---\n"))
}

fn named(object: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&object["kind"]), text(&object["metadata"]["name"]))
}

fn release() -> Value {
    example().into_iter().find(|one| one["kind"] == "HelmRelease").unwrap()
}

#[test]
fn what_it_names_is_there() {
    let all = example();
    let there: BTreeSet<_> = all.iter().map(named).collect();
    assert_eq!(there.len(), all.len());
    let (mut sources, mut waits) = (0, 0);
    for object in &all {
        let spec = &object["spec"];
        for source in [&spec["sourceRef"], &spec["chart"]["spec"]["sourceRef"]] {
            let Some(name) = source["name"].as_str() else { continue };
            let wanted = (source["kind"].as_str().unwrap().to_owned(), name.to_owned());
            assert!(there.contains(&wanted), "{wanted:?}");
            sources += 1;
        }
        for other in spec["dependsOn"].as_array().into_iter().flatten() {
            let wanted = ("Kustomization".to_owned(), other["name"].as_str().unwrap().to_owned());
            assert!(there.contains(&wanted), "{wanted:?}");
            waits += 1;
        }
        if let Some(path) =
            spec["path"].as_str().filter(|_| spec["sourceRef"]["name"] == "tenantry")
        {
            assert!(root().join(path).join("helm-release.yaml").is_file(), "{path}");
        }
    }
    assert!(sources == 3 && waits == 1, "{sources} {waits}");
}

#[test]
fn its_release_renders_into_its_namespace() {
    let (release, spec) = (release(), &release()["spec"]);
    let chart = &spec["chart"]["spec"];
    let place = root().join(chart["chart"].as_str().unwrap());
    let name = spec["releaseName"].as_str().unwrap();
    let namespace = spec["targetNamespace"].as_str().unwrap();
    let mut arguments = vec![
        "template".to_owned(),
        name.to_owned(),
        place.to_string_lossy().into_owned(),
        format!("--namespace={namespace}"),
    ];
    for file in chart["valuesFiles"].as_array().unwrap() {
        let file = root().join(file.as_str().unwrap());
        arguments.push(format!("--values={}", file.display()));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let all = objects(&prints(&arguments));
    assert!(all.len() > 30 && spec["storageNamespace"] == spec["targetNamespace"]);
    let spaces = example();
    let space = spaces.iter().find(|one| one["kind"] == "Namespace").unwrap();
    assert_eq!(space["metadata"]["name"], namespace);
    // It would go with the last file of the folder, and the ledger with it.
    let kept = &space["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"];
    assert_eq!(kept, "disabled");
    // One ill customer would hold up the commit that heals them.
    let upgrade = &release["spec"]["upgrade"];
    assert_eq!(upgrade["disableWait"], true);
    // Between two tries nothing is taken back: an older API server does not start on a newer ledger.
    assert_eq!(upgrade["strategy"]["name"], "RetryOnFailure");
    assert!(upgrade.get("remediation").is_none(), "{upgrade}");
    assert_eq!(chart["reconcileStrategy"], "Revision", "the version changes with releases alone");
}

/// As Flux's controller for Kustomizations does, but never by force.
async fn apply(lab: &Lab, object: &Value) -> Value {
    let plural = if object["kind"] == "Tenant" { "tenants" } else { "deploymentprofiles" };
    let name = object["metadata"]["name"].as_str().unwrap();
    let url = format!("{}?fieldManager=kustomize-controller", url(plural, "", name));
    lab.api.send("PATCH", &url, "application/apply-patch+yaml", object).await.unwrap()
}

/// Who has fields of the spec.
fn owners(object: &Value) -> BTreeSet<&str> {
    let fields = object["metadata"]["managedFields"].as_array().unwrap().iter();
    let of_spec = fields.filter(|one| one["fieldsV1"].get("f:spec").is_some());
    of_spec.map(|one| one["manager"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_again_meets_nobody() {
    let lab = Lab::shared().await;
    let profile = dev("f-again");
    let mine = with(tenant("f-again", "f-again"), "/displayName", json!("Again"));
    apply(&lab, &profile).await;
    apply(&lab, &mine).await;
    lab.ready("f-again").await;
    // The API server's words stand in the status too.
    let theirs = json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": "f-again" },
        "status": { "display": { "plan": "team", "usage": "ingestion 83 %", "health": "–", "projected": "–" } } });
    let at = format!(
        "{}/status?fieldManager=tenantry-api-server&force=true",
        url("tenants", "", "f-again")
    );
    let status = lab.api.send("PATCH", &at, "application/apply-patch+yaml", &theirs).await.unwrap();
    assert_eq!(status["status"]["display"]["plan"], "team");

    let before = lab.tenant("f-again").await;
    let after = apply(&lab, &mine).await;
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"]);
    assert_eq!(after["status"]["display"]["usage"], "ingestion 83 %", "it keeps others' words");
    assert_eq!(owners(&after), BTreeSet::from(["kustomize-controller"]));
    let rolled =
        edit(profile, |spec| spec["services"][0]["env"] = json!([{ "name": "A", "value": "1" }]));
    let first = apply(&lab, &rolled).await;
    lab.ready("f-again").await;
    let again = apply(&lab, &rolled).await;
    assert_eq!(again["metadata"]["generation"], first["metadata"]["generation"]);
    assert_eq!(owners(&again), BTreeSet::from(["kustomize-controller"]));
    // What somebody changed by hand comes back with the next round, without force over the operator's fields.
    let edited = apply(&lab, &with(mine, "/displayName", json!("Once more"))).await;
    assert_eq!(edited["spec"]["displayName"], "Once more");
    lab.ready("f-again").await;
}
