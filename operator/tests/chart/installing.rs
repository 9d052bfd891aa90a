//! `scripts/install_tier.sh`, dry and against a real control plane.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::json;

use crate::{
    helm::{self, chart, root, values},
    life::Release,
    support::{
        Lab, eventually, holds,
        lab::{SYSTEM, is},
        tenant,
    },
};

pub(super) fn script(arguments: &[&str], kubeconfig: Option<&Path>, path: &str) -> Output {
    let mut command = Command::new(root().join("scripts/install_tier.sh"));
    command.args(arguments).env("PATH", path).stdin(std::process::Stdio::null());
    match kubeconfig {
        Some(file) => command.env("KUBECONFIG", file),
        None => command.env("KUBECONFIG", "/nowhere"),
    };
    command.output().expect("the script runs")
}

pub(super) fn path() -> String {
    std::env::var("PATH").expect("PATH")
}

/// Writes a program for the shell, by another process: what this one has open for writing, its children have too, and
/// nobody can run it then.
pub(super) fn program(file: &Path, text: &str) {
    let write = r#"printf '%s' "$1" >"$0" && chmod 755 "$0""#;
    let status = Command::new("sh").args(["-c", write]).arg(file).arg(text).status();
    assert!(status.expect("sh runs").success());
}

/// Programs by the names `helm` and `kubectl` that write down how they were called and then are the real ones.
struct Recorder(PathBuf);

impl Recorder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("tenantry-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let recorder = Self(folder);
        let kubectl = helm::found("kubectl");
        for (name, real) in [("helm", helm::binary()), ("kubectl", kubectl.as_path())] {
            let (record, real) = (recorder.0.join("record"), real.display());
            let text = format!(
                "#!/bin/sh\necho {name} \"$@\" >>'{}'\nexec '{real}' \"$@\"\n",
                record.display()
            );
            program(&recorder.0.join(name), &text);
        }
        recorder
    }

    fn path(&self) -> String {
        format!("{}:{}", self.0.display(), path())
    }

    /// The calls since the last look, paths as the script shows them: those that may change something, and the others.
    fn calls(&self) -> (Vec<String>, Vec<String>) {
        let file = self.0.join("record");
        let text = fs::read_to_string(&file).unwrap_or_default();
        fs::write(file, "").unwrap();
        let checkout = format!("{}/", root().canonicalize().unwrap().display());
        let calls = text.lines().map(|line| line.replace(&checkout, ""));
        calls.partition(|call| {
            let bare = call.split_once(" --context ").map_or(call.as_str(), |(_, rest)| {
                rest.split_once(' ').map_or("", |(_, words)| words)
            });
            let verb = bare.strip_prefix("kubectl ").or(bare.strip_prefix("helm ")).unwrap_or(bare);
            let reads = ["version", "template", "list ", "get ", "auth can-i ", "config "];
            !reads.iter().any(|read| verb.starts_with(read))
        })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

/// The commands that the script shows.
fn shown(said: &str) -> Vec<String> {
    said.lines().filter_map(|line| line.strip_prefix("+ ")).map(str::to_owned).collect()
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_dry_run_needs_no_cluster_and_shows_what_would_be_done() {
    let arguments =
        ["prod", "--gpu", "--dry-run", "--set", "profiles.domain=a.example", "--context", "there"];
    let output = script(&arguments, None, &path());
    let (said, complaint) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{complaint}");
    let first = said.lines().next().unwrap();
    for part in [
        "upgrade --install tenantry charts/tenantry --namespace tenantry-system --create-namespace",
        "--values charts/tenantry/values-prod.yaml --values charts/tenantry/values-gpu.yaml",
        "--set profiles.domain=a.example --wait=legacy --rollback-on-failure --timeout 5m --kube-context there",
    ] {
        assert!(first.contains(part), "{first}");
    }
    let label = "+ kubectl --context there label namespace tenantry-system --overwrite \
                 pod-security.kubernetes.io/enforce=restricted";
    let reads = format!("{label} tenantry.dev/reads-metrics=true\n");
    assert!(said.contains(&reads), "its Prometheus is let in: {said}");
    let off = [
        "prod",
        "--dry-run",
        "--context",
        "there",
        "--set",
        "platform.prometheus.enabled=false,platform.grafana.enabled=false",
    ];
    let said_without = text(&script(&off, None, &path()).stdout);
    let lost = format!("{label} tenantry.dev/reads-metrics-\n");
    assert!(said_without.contains(&lost), "without a Prometheus nobody is let in: {said_without}");
    let others = format!("{},monitoring.gateways=true", off[5]);
    let said_of_others = text(&script(&[&off[..5], &[&*others]].concat(), None, &path()).stdout);
    assert!(said_of_others.contains(&format!("{label}\n")), "another one's: {said_of_others}");
    assert!(
        said.contains("host: '{tenant}.a.example'") && said.contains("nvidia.com/gpu.present"),
        "{said}"
    );
}

#[test]
fn wrong_use_is_told_apart_from_a_missing_cluster() {
    for (arguments, code, words) in [
        (&[][..], 2, "name a tier: dev or prod"),
        (&["staging"], 2, "no tier or option \"staging\""),
        (&["dev", "prod"], 2, "one tier"),
        (&["dev", "--gpu"], 2, "--gpu is an overlay of prod"),
        (&["dev", "--values"], 2, "--values needs an argument"),
        (&["dev", "--values", "/nowhere.yaml"], 2, "no such file"),
        (&["dev", "--context", "nowhere"], 4, "context nowhere does not answer"),
        (&["dev", "--dry-run", "--set", "oprator=1"], 1, "additional properties 'oprator'"),
    ] {
        let output = script(arguments, None, &path());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

/// What a real run does, by its dry run: the same commands, with what the dry run says that the cluster adds.
fn real(dry: &str, context: &str, adopts: &str) -> Vec<String> {
    let issuer = "https://kubernetes.default.svc";
    for told in [
        "issuer=ISSUER",
        "--take-ownership --force-conflicts",
        "--kube-context CONTEXT",
        "without --rollback-on-failure",
    ] {
        assert!(dry.lines().any(|line| line.starts_with('#') && line.contains(told)), "{dry}");
    }
    let [helm, kubectl] = &shown(dry)[..] else { panic!("{dry}") };
    let set = format!(" --set apiServer.kubernetesIssuer.issuer={issuer} --wait");
    let helm = helm.replace(" --create-namespace", &format!(" --create-namespace{adopts}"));
    let helm = format!("{} --kube-context {context}", helm.replace(" --wait", &set));
    vec![helm, kubectl.replace("kubectl", &format!("kubectl --context {context}"))]
}

/// A tenant that crashes, and is told of by its profile.
async fn sick(lab: &Lab) {
    lab.apply(&[tenant("sick", "dev")]).await;
    lab.ready("sick").await;
    let body = json!({ "metadata": { "annotations": { "ground.tenantry.dev/fail": "crash" } } });
    for pod in lab.pods("sick", "core").await {
        let name = pod["metadata"]["name"].as_str().unwrap();
        lab.api.merge("pods", "tenant-sick", name, &body).await.unwrap();
    }
    lab.says("sick", "Ready", "False", "CrashLoop").await;
    eventually("its profile tells of it and is ready all the same", async || {
        let profile = lab.profile("dev").await;
        let told = is(&profile, "TenantsHealthy", "False") && is(&profile, "Ready", "True");
        holds(told && profile["status"]["failed"] == json!(["sick"]), &profile["status"])
    })
    .await;
}

/// What Helm refuses changes nothing.
async fn refused_changes_nothing(lab: &Lab, kubeconfig: &Path, path: &str) {
    let refused = script(&["dev", "--set", "oprator=1"], Some(kubeconfig), path);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("Helm did not install it; its words are above"), "{said}");
    assert_eq!(lab.api.get("namespaces", "", SYSTEM).await.unwrap_err().code, 404);
}

/// The script asked the cluster for its issuer, and has pods held to the strictest rules.
async fn knows_the_cluster(lab: &Lab) {
    let issuers = lab.api.get("configmaps", SYSTEM, "tenantry-api-server").await.unwrap();
    let issuers = issuers["data"]["issuers.yaml"].as_str().unwrap();
    assert!(issuers.contains("issuer: \"https://kubernetes.default.svc\"\n"), "{issuers}");
    let namespace = lab.api.get("namespaces", "", SYSTEM).await.unwrap();
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tier_is_installed_twice_and_upgraded() {
    let lab = Lab::bare().await;
    // What came by kubectl is taken over.
    lab.ground.define();
    lab.ground.kubectl(&[
        "apply",
        "-f",
        &root().join("examples/profile-dev.yaml").to_string_lossy(),
    ]);
    let kubeconfig = lab.ground.path("kubeconfig");
    let recorder = Recorder::new("tier");
    let run = |arguments: Vec<&'static str>| {
        let (kubeconfig, path) = (kubeconfig.clone(), recorder.path());
        async move {
            let run = move || script(&arguments, Some(&kubeconfig), &path);
            let output = tokio::task::spawn_blocking(run).await.expect("the script ends");
            assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
            text(&output.stdout)
        }
    };
    // Asks nobody, and is what is compared with.
    let dry = run(vec!["dev", "--dry-run"]).await;
    let (changes, reads) = recorder.calls();
    assert!(changes.is_empty() && reads.iter().all(|read| read.starts_with("helm ")), "{reads:?}");
    refused_changes_nothing(&lab, &kubeconfig, &recorder.path()).await;
    recorder.calls();
    let operate = async {
        lab.take_account().await;
        let operator = lab.operator("tier");
        operator.ready().await;
        operator
    };
    let (said, operator) = tokio::join!(run(vec!["dev"]), operate);
    assert!(
        said.contains("rights    enough") && said.contains("adopts    the definitions"),
        "{said}"
    );
    let context = lab.ground.kubectl(&["config", "current-context"]).trim().to_owned();
    let adopts = " --take-ownership --force-conflicts";
    assert_eq!(recorder.calls().0, real(&dry, &context, adopts));
    assert_eq!(shown(&said), real(&dry, &context, adopts), "what it says is what it does");
    knows_the_cluster(&lab).await;

    let said = run(vec!["dev"]).await;
    assert!(!said.contains("adopts"), "{said}");
    let upgraded = |dry: &str| {
        let [helm, kubectl] = &real(dry, &context, "")[..] else { panic!("{dry}") };
        [helm.replace(" --rollback-on-failure", ""), kubectl.clone()]
    };
    assert!(said.contains("kubectl get dprof"), "{said}");
    assert_eq!(recorder.calls().0, upgraded(&dry), "an upgrade that fails stays");
    // A customer's pods that fail are no reason to wait, nor to take anything back.
    sick(&lab).await;
    run(vec!["dev", "--timeout", "90s"]).await;
    Release::on(&lab).upgrade(&chart(), &[values("dev")], &["--reuse-values"]).await;
    assert_eq!(lab.tenant("sick").await["status"]["conditions"][0]["reason"], "CrashLoop");
    // Prod asks first, and nobody is there to answer.
    let output = script(&["prod"], Some(&kubeconfig), &path());
    assert_eq!(output.status.code(), Some(6), "{}", text(&output.stderr));
    run(vec!["prod", "--yes", "--timeout", "15m"]).await;
    let deployment = lab.api.get("deployments", SYSTEM, "tenantry-operator").await.unwrap();
    assert_eq!(deployment["spec"]["replicas"], 2);
    drop(operator);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacks_a_right_is_told_which_before_anything_is_done() {
    let lab = Lab::bare().await;
    let body = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "weak", "namespace": "default" } });
    lab.apply(&[body]).await;
    let token = lab.ground.kubectl(&["create", "token", "weak", "--namespace", "default"]);
    let admin = std::fs::read_to_string(lab.ground.path("kubeconfig")).unwrap();
    let mut config: serde_json::Value = serde_saphyr::from_str(&admin).unwrap();
    config["users"][0]["user"] = json!({ "token": token.trim() });
    let file = lab.ground.path("weak.kubeconfig");
    std::fs::write(&file, config.to_string()).unwrap();
    let output = script(&["dev"], Some(&file), &path());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("may not create customresourcedefinitions"), "{said}");
    assert_eq!(lab.api.get("namespaces", "", SYSTEM).await.unwrap_err().code, 404);
}
