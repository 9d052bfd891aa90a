//! Install, upgrade, roll back, uninstall, install again: with tenants that notice none of it.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::{
    helm::{self, chart, values, yaml},
    support::{
        Lab, eventually, holds,
        lab::{SYSTEM, is},
        tenant,
    },
};

/// Helm against a ground.
pub struct Release<'l> {
    lab: &'l Lab,
    kubeconfig: String,
}

impl<'l> Release<'l> {
    pub fn on(lab: &'l Lab) -> Self {
        Self { lab, kubeconfig: lab.ground.path("kubeconfig").to_string_lossy().into_owned() }
    }

    /// Beside what else goes on: Helm waits for what the operator does.
    pub async fn helm(&self, arguments: &[&str]) -> String {
        let all: Vec<String> = self.with_place(arguments).into_iter().map(str::to_owned).collect();
        let run = move || helm::prints(&all.iter().map(String::as_str).collect::<Vec<_>>());
        tokio::task::spawn_blocking(run).await.expect("helm ends well")
    }

    pub fn with_place<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let place = ["--kubeconfig", &self.kubeconfig, "--namespace", SYSTEM];
        arguments.iter().copied().chain(place).collect()
    }

    /// One command for the first time and for every other.
    pub async fn upgrade(&self, chart: &Path, files: &[String], more: &[&str]) -> String {
        let path = chart.to_string_lossy();
        let mut all = vec!["upgrade", "--install", "tenantry", &path, "--create-namespace"];
        all.extend(["--wait", "--timeout", "15m"]);
        all.extend(files.iter().flat_map(|file| ["--values", file.as_str()]));
        all.extend(more);
        self.helm(&all).await
    }

    pub async fn object(&self, plural: &str, name: &str) -> Value {
        let found = self.lab.api.get(plural, SYSTEM, name).await;
        found.unwrap_or_else(|refused| panic!("{plural} {name}: {refused}"))
    }
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().expect("a uid")
}

/// What must outlive everything that is done to the release, by uid.
async fn kept(lab: &Lab) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (plural, namespace, name) in [
        ("customresourcedefinitions", "", "tenants.tenantry.dev"),
        ("customresourcedefinitions", "", "deploymentprofiles.tenantry.dev"),
        ("deploymentprofiles", "", "dev"),
        ("deploymentprofiles", "", "prod"),
        ("tenants", "", "acme"),
        ("tenants", "", "borealis"),
        ("namespaces", "", "tenant-acme"),
        ("namespaces", "", "tenant-borealis"),
        ("persistentvolumeclaims", SYSTEM, "tenantry-ledger"),
        ("persistentvolumeclaims", SYSTEM, "tenantry-backups"),
        ("persistentvolumeclaims", "tenant-acme", "tenantry-billing"),
        ("secrets", "tenant-acme", "tenantry-grafana"),
    ] {
        let found = lab.api.get(plural, namespace, name).await;
        let found =
            found.unwrap_or_else(|refused| panic!("{plural} {namespace}/{name}: {refused}"));
        all.insert(format!("{plural} {namespace}/{name}"), uid(&found).to_owned());
    }
    for namespace in ["tenant-acme", "tenant-borealis"] {
        for pod in lab.api.list("pods", namespace, "").await {
            let name = pod["metadata"]["name"].as_str().expect("a name");
            all.insert(format!("pods {namespace}/{name}"), uid(&pod).to_owned());
        }
    }
    all
}

/// The operator as a process under the account that the chart made; it takes the lease.
pub async fn operate(lab: &Lab, identity: &str) -> crate::support::process::Operator {
    lab.take_account().await;
    let operator = lab.operator(identity);
    operator.ready().await;
    operator
}

async fn both_ready(lab: &Lab) {
    for name in ["acme", "borealis"] {
        let ready = lab.ready(name).await;
        assert!(is(&ready, "ProfileValid", "True"));
    }
}

const FIELD: &str = "pausedUntil";

/// The chart of some revision before this one, whose definition of Tenant lacks a field.
fn older_chart(lab: &Lab) -> std::path::PathBuf {
    let folder = lab.ground.path("older-chart");
    copy(&chart(), &folder);
    let file = folder.join("crds/tenants.yaml");
    let mut definition = yaml(&file);
    let spec = definition
        .pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties")
        .and_then(Value::as_object_mut)
        .expect("the spec's fields");
    spec.remove(FIELD).expect("the field is there");
    fs::write(&file, serde_saphyr::to_string(&definition).expect("YAML")).expect("written");
    let manifest = folder.join("Chart.yaml");
    let text = fs::read_to_string(&manifest).expect("Chart.yaml");
    fs::write(&manifest, text.replace("\nversion: 0.1.0", "\nversion: 0.0.9")).expect("written");
    folder
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Whether the definition in the cluster has the field.
async fn has_field(lab: &Lab) -> bool {
    let found = lab.api.get("customresourcedefinitions", "", "tenants.tenantry.dev").await;
    let path =
        format!("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/{FIELD}");
    found.expect("the definition").pointer(&path).is_some()
}

/// How many pods of the operator the release wants, and whether it has a budget.
async fn shape(release: &Release<'_>) -> (Value, bool) {
    let wanted =
        release.object("deployments", "tenantry-operator").await["spec"]["replicas"].clone();
    let budget = release.lab.api.get("poddisruptionbudgets", SYSTEM, "tenantry-operator").await;
    (wanted, budget.is_ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_do_not_notice_what_happens_to_the_release() {
    let lab = Lab::bare().await;
    let release = Release::on(&lab);
    let older = older_chart(&lab);

    // Helm waits until somebody has looked at the profiles; in a cluster that is the pod that it made.
    let dev = [values("dev")];
    let install = release.upgrade(&older, &dev, &[]);
    let (notes, operator) = tokio::join!(install, operate(&lab, "first"));
    assert!(notes.contains("kubectl get tenants"), "{notes}");
    assert!(!has_field(&lab).await);
    lab.apply(&[tenant("acme", "prod"), tenant("borealis", "dev")]).await;
    both_ready(&lab).await;
    let before = kept(&lab).await;
    assert!(before.len() > 14, "{before:#?}");
    let refused = lab
        .api
        .merge("tenants", "", "acme", &json!({ "spec": { FIELD: "2026-01-01T00:00:00Z" } }))
        .await;
    assert!(refused.expect("unknown fields are dropped")["spec"].get(FIELD).is_none());

    // This chart: the definition gains the field, tenants run on.
    release.upgrade(&chart(), &dev, &[]).await;
    assert!(has_field(&lab).await);
    assert_eq!(shape(&release).await, (json!(1), false));
    release.helm(&["test", "tenantry"]).await;

    release.upgrade(&chart(), &[values("prod")], &[]).await;
    assert_eq!(shape(&release).await, (json!(2), true));
    both_ready(&lab).await;
    assert_eq!(kept(&lab).await, before);

    release.helm(&["rollback", "tenantry", "2", "--wait", "--timeout", "15m"]).await;
    assert_eq!(shape(&release).await, (json!(1), false));
    assert!(has_field(&lab).await);
    both_ready(&lab).await;
    assert_eq!(kept(&lab).await, before);

    // Back to the chart of before: the definition loses the field, and stacks are looked after as ever.
    release.helm(&["rollback", "tenantry", "1", "--wait", "--timeout", "15m"]).await;
    assert_eq!(shape(&release).await, (json!(1), false));
    assert!(!has_field(&lab).await);
    let old = lab.api.get("services", "tenant-borealis", "core").await.expect("the Service");
    lab.api.delete("services", "tenant-borealis", "core").await.expect("deleted");
    let again = |service: &Value| uid(service) != uid(&old);
    lab.becomes("borealis", ("services", "core"), "is made again", again).await;
    both_ready(&lab).await;
    assert_eq!(kept(&lab).await, before);

    operator.kill();
    let said = release.helm(&["uninstall", "tenantry", "--wait", "--timeout", "15m"]).await;
    assert!(said.contains("kept due to the resource policy"), "{said}");
    lab.gone("deployments", SYSTEM, "tenantry-operator").await;
    lab.gone("clusterroles", "", "tenantry-operator").await;
    assert_eq!(kept(&lab).await, before);

    // Everything is picked up: the same profiles, claims and pods.
    release.upgrade(&chart(), &[values("prod")], &[]).await;
    // The one before was killed: its lease runs out by itself.
    let operator = operate(&lab, "second").await;
    lab.apply(&[tenant("cobalt", "dev")]).await;
    lab.ready("cobalt").await;
    both_ready(&lab).await;
    assert!(has_field(&lab).await);
    assert_eq!(kept(&lab).await, before);
    drop(operator);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_with_a_mirror_and_a_price_list() {
    let lab = Lab::bare().await;
    let release = Release::on(&lab);
    let url = json!({ "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "ledger", "namespace": SYSTEM }, "stringData": { "url": "postgresql:///x" } });
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": SYSTEM } });
    lab.apply(&[namespace, url]).await;
    let more = [
        "--set=apiServer.replicas=2,apiServer.database.existingSecret=ledger,apiServer.backups.accessMode=ReadWriteMany",
        "--set=profiles.dev.install=false,profiles.prod.install=false",
        "--set=image.registry=registry.local:5000",
        "--set-file=apiServer.plans=../api-server/plans.yaml",
    ];
    release.upgrade(&chart(), &[values("prod")], &more).await;
    let servers = release.object("statefulsets", "tenantry-api-server").await;
    assert_eq!(servers["status"]["readyReplicas"], 2);
    for claim in ["storage-tenantry-api-server-0", "storage-tenantry-api-server-1"] {
        release.object("persistentvolumeclaims", claim).await;
    }
    // The namespace takes pods that are restricted, and nothing that the chart makes is not.
    let labels = json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted" } } });
    lab.api.merge("namespaces", "", SYSTEM, &labels).await.expect("labelled");
    let again = ["--set=operator.podAnnotations.again=yes", more[0], more[1]];
    release.upgrade(&chart(), &[values("prod")], &again).await;
    eventually("the operator's pods are new", async || {
        let pods = lab
            .api
            .list("pods", SYSTEM, "labelSelector=app.kubernetes.io/name=tenantry-operator")
            .await;
        let new = pods.iter().filter(|p| p["metadata"]["annotations"]["again"] == "yes").count();
        holds(new == 2 && pods.len() == 2, new)
    })
    .await;
    // A pod that is not restricted would make kubectl warn, and fail later.
    let job = account_job(&lab).to_string_lossy().into_owned();
    let dry =
        ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", &job];
    assert!(lab.ground.kubectl(&dry).contains("job.batch/account-acme created"));
}

/// The Job of docs/install.md that adds an account, as a reader would apply it.
fn account_job(lab: &Lab) -> std::path::PathBuf {
    let page = fs::read_to_string(helm::root().join("docs/install.md")).expect("the page");
    let start = page.find("# account.yaml").expect("the Job");
    let job = page[start..].split("```").next().expect("its end");
    let file = lab.ground.path("account.yaml");
    let uid = "00000000-0000-4000-8000-000000000000";
    fs::write(&file, job.replace("UID", uid)).expect("written");
    file
}
