//! An installation on SQLite that goes to PostgreSQL: its claim for backups, which only one server can have, has to make room for
//! one that several share.

use std::fs;

use serde_json::{Value, json};

use crate::{
    helm::{chart, objects, prints, refuses, root, template, values},
    life::Release,
    platform::one,
    support::{Lab, eventually, holds, lab::SYSTEM},
};

const LEDGER: &str = "apiServer.database.existingSecret=ledger,apiServer.replicas=2";
const SHARED: &str = "tenantry-backups-shared";

/// The claim that the API server's pods keep backups on.
fn mounted(workload: &Value) -> &Value {
    let volumes = workload["spec"]["template"]["spec"]["volumes"].as_array().expect("volumes");
    let mut backups = volumes.iter().filter(|volume| volume["name"] == "backups");
    &backups.next().expect("a volume for backups")["persistentVolumeClaim"]["claimName"]
}

#[test]
fn a_claim_that_is_named_takes_the_place_of_the_charts_own() {
    let claims = |all: &[Value]| {
        let claims = all.iter().filter(|object| object["kind"] == "PersistentVolumeClaim");
        claims.filter(|claim| claim["metadata"]["name"] == "tenantry-backups").count()
    };
    let all = objects(&prints(&template(&[])));
    assert_eq!(mounted(one(&all, "Deployment", "tenantry-api-server")), "tenantry-backups");
    assert_eq!(claims(&all), 1);
    let named = format!("--set={LEDGER},apiServer.backups.existingClaim={SHARED}");
    let all = objects(&prints(&template(&[&named])));
    assert_eq!(mounted(one(&all, "StatefulSet", "tenantry-api-server")), SHARED);
    assert_eq!(claims(&all), 0);
}

/// The claim and the Job of docs/install.md; a ground has one class, by another name.
fn documented(lab: &Lab) -> String {
    let page = fs::read_to_string(root().join("docs/install.md")).expect("the page");
    let start = page.find("# shared.yaml").expect("the claim");
    let file = lab.ground.path("shared.yaml");
    let text = page[start..].split("```").next().expect("its end");
    fs::write(&file, text.replace("Name: shared ", "Name: standard ")).expect("written");
    file.to_string_lossy().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_on_sqlite_goes_to_postgresql() {
    let lab = Lab::bare().await;
    let release = Release::on(&lab);
    let dev = [values("dev")];
    let bare = "--set=profiles.dev.install=false,profiles.prod.install=false";
    release.upgrade(&chart(), &dev, &[bare]).await;
    let claim = release.object("persistentvolumeclaims", "tenantry-backups").await;
    assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteOnce"]));
    let ledger = release.object("persistentvolumeclaims", "tenantry-ledger").await;
    let url = json!({ "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "ledger", "namespace": SYSTEM }, "stringData": { "url": "postgresql:///x" } });
    lab.apply(&[url]).await;

    // What a new installation does cannot be done to this one, and is refused before anything is touched.
    let path = chart().to_string_lossy().into_owned();
    let many = format!("--set={LEDGER},apiServer.backups.accessMode=ReadWriteMany");
    let upgrade = ["upgrade", "tenantry", &path, "--values", &dev[0], bare, &many];
    let said = refuses(&release.with_place(&upgrade));
    let words =
        "apiServer.backups.accessMode ReadWriteMany: the claim tenantry-backups has ReadWriteOnce";
    assert!(said.contains(words) && said.contains("apiServer.backups.existingClaim"), "{said}");
    release.object("deployments", "tenantry-api-server").await;

    // What is documented: another claim, what is kept copied to it, and the chart told of it.
    let there = ["-n", SYSTEM];
    let kubectl = |command: &[&str]| lab.ground.kubectl(&[command, &there].concat());
    kubectl(&["scale", "deploy/tenantry-api-server", "--replicas=0"]);
    kubectl(&["apply", "--validate=strict", "--warnings-as-errors", "-f", &documented(&lab)]);
    kubectl(&["wait", "--for=condition=Complete", "job/copy-backups", "--timeout=240s"]);
    let named = format!("--set={LEDGER},apiServer.backups.existingClaim={SHARED}");
    release.upgrade(&chart(), &dev, &[bare, &named]).await;
    let servers = release.object("statefulsets", "tenantry-api-server").await;
    assert_eq!(servers["status"]["readyReplicas"], 2);
    assert_eq!(*mounted(&servers), SHARED);
    lab.gone("deployments", SYSTEM, "tenantry-api-server").await;
    eventually("the shared claim is bound", async || {
        let shared = release.object("persistentvolumeclaims", SHARED).await;
        holds(shared["status"]["phase"] == "Bound", &shared["status"])
    })
    .await;
    // The old claim, with what was kept on it, is nobody's business any more, and stays.
    let kept = release.object("persistentvolumeclaims", "tenantry-backups").await;
    assert_eq!(kept["metadata"]["uid"], claim["metadata"]["uid"]);
    assert!(kept["metadata"].get("deletionTimestamp").is_none(), "{kept}");

    // The way back: the ledger in SQLite was nobody's meanwhile, and is there.
    let back = "--set=apiServer.database.existingSecret=,apiServer.replicas=1";
    let path = chart().to_string_lossy().into_owned();
    let all = ["upgrade", "tenantry", &path, "--reset-then-reuse-values", back, "--wait"];
    release.helm(&all).await;
    let server = release.object("deployments", "tenantry-api-server").await;
    let volumes = server["spec"]["template"]["spec"]["volumes"].as_array().expect("volumes");
    let of = |volume: &&Value| volume["persistentVolumeClaim"]["claimName"] == "tenantry-ledger";
    assert!(volumes.iter().any(|volume| of(&volume)), "{volumes:?}");
    let found = release.object("persistentvolumeclaims", "tenantry-ledger").await;
    assert_eq!(found["metadata"]["uid"], ledger["metadata"]["uid"]);
    assert!(found["metadata"].get("deletionTimestamp").is_none(), "{found}");
    lab.gone("statefulsets", SYSTEM, "tenantry-api-server").await;
}
