//! A cluster is lost with all that stood in it. What `kubectl tenant export` wrote down and a backup of
//! the ledger bring tenants back in an empty one, as docs/operations.md says: the same stacks, under the
//! same accounts, with what they used.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    begun::begun,
    faults::parts::Operator,
    lab::{Lab, eventually},
    plugin::says,
    serving::Serving,
};

const OFTEN: [&str; 4] = ["--snapshot-interval", "2", "--status-interval", "1"];

/// The operator, on the control plane itself.
async fn operator(lab: &Lab, folder: &Path) -> Operator {
    let kubeconfig = lab.operators_kubeconfig_by(&format!("https://{}", lab.address())).await;
    Operator::start(&kubeconfig, &folder.join("operator.log"))
}

/// A tenant whose stack is Ready and runs a revision; its resource.
async fn runs(lab: &Lab, name: &str, revision: &str) -> Value {
    eventually(&format!("{name} runs {revision}"), async || {
        let tenant = json!(lab.get(name).await);
        let ready = tenant["status"]["conditions"].as_array().is_some_and(|all| {
            all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
        });
        let current = &tenant["status"]["profileRevision"]["current"];
        if ready && current == revision { Ok(tenant) } else { Err(tenant["status"].to_string()) }
    })
    .await
}

/// The objects of a tenant's stack with what they are to be; Secrets by their names.
fn stack(lab: &Lab, name: &str) -> Vec<String> {
    let namespace = format!("tenant-{name}");
    let kinds = "deployments,services,configmaps,serviceaccounts,networkpolicies,persistentvolumeclaims,resourcequotas,limitranges,secrets";
    let listed = lab.ground().kubectl(&["get", kinds, "-n", &namespace, "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let said = |object: &Value| {
        let mut object = object.clone();
        begun(&mut object);
        let (meta, spec) = (&object["metadata"], &object["spec"]);
        // What a cluster draws by itself differs from cluster to cluster.
        let spec = match object["kind"].as_str().unwrap() {
            "Deployment" => json!([spec["replicas"], spec["template"]["spec"]]),
            "Service" => json!([spec["ports"], spec["selector"], spec["type"]]),
            "PersistentVolumeClaim" => spec["resources"].clone(),
            "Secret" | "ServiceAccount" => Value::Null,
            _ => json!([spec, object["data"]]),
        };
        format!("{} {} {} {spec}", object["kind"], meta["name"], meta["labels"])
    };
    let all = listed["items"].as_array().unwrap().iter();
    // Kubernetes' own, which holds the cluster's certificate.
    all.filter(|object| object["metadata"]["name"] != "kube-root-ca.crt").map(said).collect()
}

/// Writes down what the plugin prints.
fn written(lab: &Lab, folder: &Path, args: &[&str]) -> (String, String) {
    let text = says(lab, &[&["export"], args].concat());
    let file = folder.join(format!("export{}.yaml", args.concat()));
    std::fs::write(&file, &text).unwrap();
    (file.display().to_string(), text)
}

struct Told {
    account: Value,
    stack: Vec<String>,
}

async fn told(lab: &Lab, name: &str, revision: &str, used: &str) -> Told {
    let tenant = runs(lab, name, revision).await;
    lab.until(name, "what was used", |seen| seen.meter("ingestion") == used).await;
    Told { account: tenant["status"]["accountId"].clone(), stack: stack(lab, name) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_cluster_has_tenants_again_with_their_accounts_and_what_they_used() {
    let kept = tempfile::tempdir().unwrap();
    let archive = kept.path().join("ledger.tar").display().to_string();
    let (before, revisions, tenants) = lost(kept.path(), &archive).await;

    // Nothing of the other is here but the profile dev, which an installation brings. The revisions come
    // before the operator, the ledger before the tenants.
    let lab = Lab::new().await;
    lab.ground().kubectl(&["apply", "-f", &revisions.0]);
    let restored = lab.place.run(&["restore", "--from", &archive]);
    let said = String::from_utf8_lossy(&restored.stdout);
    assert!(restored.status.success() && said.contains("everything agrees"), "{restored:?}");
    let _operator = operator(&lab, kept.path()).await;
    let server = lab.serve(&OFTEN);
    lab.ground().kubectl(&["apply", "-f", &tenants.0]);
    let after =
        [told(&lab, "acme", "own@1", "12.5").await, told(&lab, "globex", "own@2", "3").await];
    for (now, then) in after.iter().zip(&before) {
        assert_eq!(now.account, then.account);
        assert_eq!(now.stack, then.stack);
    }
    counts(&lab, &server).await;
    // What is there now would be written down in the same words.
    assert_eq!(says(&lab, &["export"]), tenants.1);
    assert_eq!(says(&lab, &["export", "--revisions"]), revisions.1);
}

/// The cluster that is lost, in the end; what was written down of it.
async fn lost(kept: &Path, archive: &str) -> ([Told; 2], (String, String), (String, String)) {
    let lab = Lab::new().await;
    let _operator = operator(&lab, kept).await;
    let server = lab.serve(&OFTEN);
    // One that stays with a revision which is not the newest, and one with an account of its own.
    lab.profile("own", Some("team")).await;
    lab.tenant("acme", json!({ "profileRef": { "name": "own", "revision": 1 } })).await;
    runs(&lab, "acme", "own@1").await;
    lab.profile("own", Some("scale")).await;
    let globex = json!({ "profileRef": { "name": "own" }, "accountId": "globex-1" });
    lab.tenant("globex", globex).await;
    runs(&lab, "globex", "own@2").await;
    lab.ingest(&server, "acme", "e-1", "12.5").await;
    lab.ingest(&server, "globex", "e-1", "3").await;
    let before =
        [told(&lab, "acme", "own@1", "12.5").await, told(&lab, "globex", "own@2", "3").await];
    let uid = json!(lab.get("acme").await.metadata.uid);
    assert_eq!((&before[0].account, &before[1].account), (&uid, &json!("globex-1")));
    assert!(before[0].stack.len() > 10, "{:?}", before[0].stack);
    let backup = lab.place.run(&["backup", "--to", archive]);
    assert!(backup.status.success(), "{backup:?}");
    (before, written(&lab, kept, &["--revisions"]), written(&lab, kept, &[]))
}

/// What is used from now on is added to what was used before.
async fn counts(lab: &Lab, server: &Serving) {
    lab.ingest(server, "acme", "e-2", "1").await;
    lab.until("acme", "one more", |seen| seen.meter("ingestion") == "13.5").await;
    let verified = lab.place.run(&["verify"]);
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success() && said.contains("everything agrees"), "{verified:?}");
}
