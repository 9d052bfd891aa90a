//! The plugin as it is shipped, against the real API server: every verb, every exit code, and broken
//! tenants whose cause it names.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use operator::kubectl::{
    access::{Access, Form},
    args::{Backup, Data, Reach},
    backup,
};

use crate::support::{
    Lab, dev, edit, eventually, everything, holds, lab::condition, prod, tenant, with,
};

const PLUGIN: &str = env!("CARGO_BIN_EXE_kubectl-tenant");

fn plugin(kubeconfig: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PLUGIN);
    command.args(args).env("KUBECONFIG", kubeconfig).env_remove("TENANTRY_NAMESPACE");
    command.output().expect("the plugin runs")
}

fn run(lab: &Lab, args: &[&str]) -> Output {
    plugin(&lab.ground.path("kubeconfig"), args)
}

/// What it prints, where it must succeed.
fn says(lab: &Lab, args: &[&str]) -> String {
    let output = run(lab, args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

/// Asks why until the answer holds all of these words: events come a moment later than conditions.
async fn explains(lab: &Lab, name: &str, words: &[&str]) -> String {
    lab.eventually(&format!("why {name}: {words:?}"), async || {
        let text = says(lab, &["why", name]);
        let missing = words.iter().find(|word| !text.contains(**word));
        missing.map_or_else(|| Ok(text.clone()), |word| Err(format!("{word:?} is not in\n{text}")))
    })
    .await
}

#[tokio::test]
async fn a_list_has_the_columns_of_kubectl_and_names_what_is_not_ready() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-list"), "p-list").await;
    lab.apply(&[tenant("p-lost", "p-lost")]).await;
    lab.says("p-lost", "Stalled", "True", "ProfileMissing").await;
    for (ours, theirs) in [
        (vec!["list"], vec!["get", "tenants"]),
        (vec!["list", "-o", "wide"], vec!["get", "tenants", "-o", "wide"]),
    ] {
        let columns = |text: &str| -> Vec<String> {
            text.lines().next().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        };
        assert_eq!(columns(&says(&lab, &ours)), columns(&lab.ground.kubectl(&theirs)));
    }
    let names = says(&lab, &["list", "-o", "name", "--not-ready", "--profile", "p-lost"]);
    assert_eq!(names, "tenant.tenantry.dev/p-lost\n");
    let found: Value =
        serde_json::from_str(&says(&lab, &["list", "p-list", "-o", "json"])).unwrap();
    assert_eq!(found["items"][0]["metadata"]["name"], "p-list");
    assert!(found["items"][0]["metadata"]["managedFields"].is_null());
    let nobody = says(&lab, &["list", "-l", "p-list/nobody=here"]);
    assert_eq!(nobody, "no tenants found\n");
}

#[tokio::test]
async fn a_page_shows_conditions_components_pods_endpoints_and_usage() {
    let lab = Lab::shared().await;
    lab.stack(everything("p-page"), "p-page").await;
    super::figures::speak(&lab, "p-page", &super::figures::figures("83")).await;
    let text = says(&lab, &["status", "p-page"]);
    for words in [
        "p-page · Tenant p-page",
        "p-page@1, running",
        "Ready",
        "AllReady",
        "Deployment core",
        "2/2 available",
        "PersistentVolumeClaim tenantry-billing",
        "Pod core-",
        "http://core.tenant-p-page.svc:8080",
        "ingestion",
        "83 %, soft limit",
        "projected USD 1,049.00",
    ] {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours where no terminal reads");
    let painted = says(&lab, &["status", "p-page", "--color", "always"]);
    assert!(painted.contains("\u{1b}[32mTrue"), "{painted}");
    let page: Value =
        serde_json::from_str(&says(&lab, &["status", "p-page", "-o", "json"])).unwrap();
    assert_eq!(page["ready"], true);
    let core = page["components"].as_array().unwrap().iter().find(|c| c["name"] == "core").unwrap();
    assert_eq!(core["pods"].as_array().unwrap().len(), 2);
}

/// Sets the image of the first service.
fn image(name: &str, image: &str) -> Value {
    with(dev(name), "/services/0/image", json!(image))
}

/// Tenants whose pods do not come, each with its profile.
fn failing() -> Vec<Value> {
    let nowhere = json!([{ "component": "core", "nodeSelector": { "disk": "golden" } }]);
    let hungry = json!({ "services": [{ "name": "core", "resources": { "requests": { "cpu": "100000" }, "limits": { "memory": "64Mi" } } }] });
    vec![
        image("p-image", "tenantry.dev/fail/image:1"),
        tenant("p-image", "p-image"),
        image("p-crash", "tenantry.dev/fail/crash:1"),
        tenant("p-crash", "p-crash"),
        image("p-oom", "tenantry.dev/fail/oom:1"),
        tenant("p-oom", "p-oom"),
        image("p-probe", "tenantry.dev/fail/probe:1"),
        tenant("p-probe", "p-probe"),
        with(dev("p-label"), "/scheduling", nowhere),
        tenant("p-label", "p-label"),
        with(dev("p-hungry"), "/quota/cpu", json!("400000")),
        with(tenant("p-hungry", "p-hungry"), "/overrides", hungry),
        edit(prod("p-gpu"), |spec| {
            spec["overlays"]["gpu"]["resources"]["limits"]["nvidia.com/gpu"] = 100_000.into();
        }),
        with(tenant("p-gpu", "p-gpu"), "/overlays", json!(["gpu"])),
    ]
}

#[tokio::test]
async fn failing_pods_are_explained() {
    let lab = Lab::shared().await;
    lab.apply(&failing()).await;
    let place = "spec.services[core].image of profile p-image@1, set by fleet-test";
    explains(
        &lab,
        "p-image",
        &["p-image is not Ready", "ImagePull", "Pod core-", "fail/image:1", place],
    )
    .await;
    explains(&lab, "p-crash", &["CrashLoop", "last exit code 1", "logs core-", "--previous"]).await;
    explains(
        &lab,
        "p-oom",
        &["CrashLoop", "its limit of 64Mi", "→ raise spec.services[core].resources.limits"],
    )
    .await;
    explains(&lab, "p-probe", &["PodNotReady", "readiness probe", "statuscode: 503"]).await;
    let label = [
        "PodPending",
        "scheduler",
        "node selector: asked for by spec.scheduling of profile p-label@1",
    ];
    explains(&lab, "p-label", &label).await;
    let gpu = [
        "PodPending",
        "Deployment tenant-p-gpu/transcribe wants 1, has 0",
        "Insufficient nvidia.com/gpu",
        "asked for by spec.overlays[gpu] of the tenant, set by fleet-test",
        "→ add a node with nvidia.com/gpu, or remove \"gpu\" from spec.overlays",
    ];
    explains(&lab, "p-gpu", &gpu).await;
    let output = run(&lab, &["why", "p-gpu", "--exit-code"]);
    assert_eq!(code(&output), 7, "{}", String::from_utf8_lossy(&output.stderr));
    let why: Value = serde_json::from_str(&says(&lab, &["why", "p-gpu", "-o", "json"])).unwrap();
    assert_eq!(why["causes"][0]["cause"], "PodPending");
    let hungry = [
        "PodPending",
        "Insufficient cpu",
        "cpu: asked for by spec.overrides.services[core].resources.requests of the tenant, set by fleet-test",
        "ask for less in spec.overrides.services[core]",
    ];
    explains(&lab, "p-hungry", &hungry).await;
}

#[tokio::test]
async fn what_a_spec_asks_in_vain_is_explained() {
    let lab = Lab::shared().await;
    let wrong = json!({ "services": [{ "name": "cor", "replicas": 3 }] });
    let theirs = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "tenant-p-theirs" } });
    lab.api.create(&theirs).await.unwrap();
    let account = |name: &str| with(tenant(name, "p-spec"), "/accountId", json!("p-shared"));
    lab.apply(&[dev("p-spec"), account("p-first")]).await;
    lab.ready("p-first").await;
    lab.apply(&[
        account("p-second"),
        tenant("p-noprof", "p-noprof"),
        tenant("p-theirs", "p-spec"),
        with(tenant("p-over", "p-spec"), "/overrides", wrong),
        with(tenant("p-lay", "p-spec"), "/overlays", json!(["tpu"])),
        with(tenant("p-pin", "p-spec"), "/profileRef/revision", json!(77)),
        with(dev("p-small"), "/quota/pods", json!(1)),
        tenant("p-small", "p-small"),
    ])
    .await;
    let mine = "was set by fleet-test";
    explains(&lab, "p-second", &["AccountInUse", "is that of tenant p-first", mine]).await;
    explains(
        &lab,
        "p-noprof",
        &["ProfileMissing", "DeploymentProfile p-noprof does not exist", mine],
    )
    .await;
    explains(&lab, "p-theirs", &["NamespaceNotOwned", "belongs to nobody we know"]).await;
    explains(&lab, "p-over", &["OverrideUnknown", "spec.overrides.services[0].name \"cor\"", mine])
        .await;
    explains(&lab, "p-lay", &["OverlayUnknown", "spec.overlays[0] \"tpu\"", mine]).await;
    explains(&lab, "p-pin", &["RevisionMissing", "p-spec@77 does not exist", mine]).await;
    explains(&lab, "p-small", &["QuotaTooSmall", "quota allows 1"]).await;
}

#[tokio::test]
async fn a_claim_a_quota_and_a_job_are_explained() {
    let lab = Lab::shared().await;
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "p-nobody" },
        "provisioner": "nobody.example.com",
    });
    lab.api
        .send("POST", "/apis/storage.k8s.io/v1/storageclasses", "application/json", &class)
        .await
        .unwrap();
    lab.apply(&[
        with(dev("p-claim"), "/billing/storage/className", json!("p-nobody")),
        tenant("p-claim", "p-claim"),
    ])
    .await;
    let claim = [
        "ClaimPending",
        "PersistentVolumeClaim tenant-p-claim/tenantry-billing",
        "of class \"p-nobody\"",
        "spec.billing.storage",
    ];
    explains(&lab, "p-claim", &claim).await;
    // What somebody runs beside the stack leaves no room for it.
    lab.stack(with(dev("p-full"), "/quota/pods", json!(3)), "p-full").await;
    let extra = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "by-hand", "namespace": "tenant-p-full" },
        "spec": { "securityContext": { "runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{ "name": "c", "image": "x", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } } }] },
    });
    lab.api.create(&extra).await.unwrap();
    let larger = json!({ "services": [{ "name": "core", "replicas": 2 }] });
    lab.apply(&[with(tenant("p-full", "p-full"), "/overrides", larger)]).await;
    explains(
        &lab,
        "p-full",
        &[
            "PodRefused",
            "wants 2, has 1",
            "exceeded quota",
            "→ raise spec.quota of profile p-full@1",
        ],
    )
    .await;
    lab.stack(prod("p-job"), "p-job").await;
    let schedule = lab.object("p-job", "cronjobs", "tenantry-backup").await.unwrap();
    let mut spec = schedule["spec"]["jobTemplate"]["spec"].clone();
    spec["backoffLimit"] = 0.into();
    spec["template"]["metadata"]["annotations"]["ground.tenantry.dev/fail"] = "job".into();
    let job = json!({ "apiVersion": "batch/v1", "kind": "Job",
        "metadata": { "name": "by-hand", "namespace": "tenant-p-job",
            "labels": schedule["spec"]["jobTemplate"]["metadata"]["labels"] },
        "spec": spec });
    lab.api.create(&job).await.unwrap();
    explains(
        &lab,
        "p-job",
        &["JobFailed", "Job by-hand: failed", "kubectl -n tenant-p-job logs job/by-hand"],
    )
    .await;
}

#[tokio::test]
async fn whoever_writes_a_field_of_ours_again_and_again_is_named() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-fight"), "p-fight").await;
    eventually("the fight is named", async || {
        let drift = json!({ "spec": { "selector": { "tenantry.dev/component": "other" } } });
        lab.api.merge("services", "tenant-p-fight", "core", &drift).await.unwrap();
        lab.becomes("p-fight", ("services", "core"), "put right", |s| {
            s["spec"]["selector"]["tenantry.dev/component"] == "core"
        })
        .await;
        let text = says(&lab, &["why", "p-fight"]);
        holds(
            text.contains("→ keep somebody from writing that field") && text.contains("Drift"),
            &text,
        )
    })
    .await;
}

#[tokio::test]
async fn a_tenant_is_suspended_and_resumed_by_one_field_of_the_plugin_s_own() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-stop"), "p-stop").await;
    says(&lab, &["suspend", "p-stop", "--dry-run"]);
    assert_eq!(lab.tenant("p-stop").await["spec"]["suspend"], false, "a dry run changes nothing");
    let text = says(&lab, &["suspend", "p-stop"]);
    assert!(text.contains("data, usage gateway and backups stay"), "{text}");
    lab.says("p-stop", "Ready", "False", "Suspended").await;
    let words =
        ["Suspended", "spec.suspend was set by kubectl-tenant", "→ kubectl tenant resume p-stop"];
    explains(&lab, "p-stop", &words).await;
    assert!(says(&lab, &["suspend", "p-stop"]).contains("already suspended"));
    says(&lab, &["resume", "p-stop"]);
    let ready = lab.ready("p-stop").await;
    assert_eq!(ready["spec"]["displayName"], "Tenant p-stop", "nothing else was touched");
    let text = says(&lab, &["why", "p-stop"]);
    assert!(text.contains("p-stop is Ready since") && text.contains("nothing is wrong"), "{text}");
}

#[tokio::test]
async fn a_pause_and_a_deletion_that_waits_are_explained() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-pause"), "p-pause").await;
    let until = "2036-01-01T00:00:00Z";
    lab.apply(&[with(tenant("p-pause", "p-pause"), "/pausedUntil", json!(until))]).await;
    lab.says("p-pause", "Reconciling", "False", "Paused").await;
    explains(&lab, "p-pause", &["Paused", until, "spec.pausedUntil was set by fleet-test"]).await;
    lab.api.delete("tenants", "", "p-pause").await.unwrap();
    lab.says("p-pause", "Ready", "False", "Deleting").await;
    explains(&lab, "p-pause", &["Tenant p-pause was deleted", "→ remove spec.pausedUntil"]).await;
    lab.apply(&[tenant("p-pause", "p-pause")]).await;
    lab.gone("tenants", "", "p-pause").await;
}

#[tokio::test]
async fn a_rollout_is_held_and_let_go() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-roll"), "p-roll").await;
    assert!(says(&lab, &["rollout", "pause", "p-roll"]).contains("is paused"));
    assert_eq!(lab.profile("p-roll").await["spec"]["rollout"]["paused"], true);
    // The next revision reaches nobody.
    let change = json!({ "spec": { "quota": { "pods": 41 } } });
    lab.api.merge("deploymentprofiles", "", "p-roll", &change).await.unwrap();
    eventually("the rollout stands", async || {
        let text = says(&lab, &["rollout", "status", "p-roll"]);
        holds(text.starts_with("p-roll@2 Paused: 0/1 updated"), &text)
    })
    .await;
    let words = [
        "is Ready since",
        "RolloutPaused",
        "p-roll@2 has not reached it",
        "→ kubectl tenant rollout resume p-roll",
    ];
    explains(&lab, "p-roll", &words).await;
    says(&lab, &["rollout", "resume", "p-roll"]);
    eventually("the rollout ends", async || {
        let text = says(&lab, &["rollout", "status", "p-roll"]);
        holds(text.starts_with("p-roll@2 Complete: 1/1 updated"), &text)
    })
    .await;
}

#[tokio::test]
async fn an_operator_that_is_gone_is_the_cause() {
    let lab = Lab::own().await;
    let operator = lab.operator("one");
    operator.ready().await;
    lab.stack(dev("p-alone"), "p-alone").await;
    lab.end(operator).await;
    lab.apply(&[with(tenant("p-alone", "p-alone"), "/suspend", json!(true))]).await;
    let words = ["OperatorGone", "has not been looked at", "Lease tenantry-operator is not there"];
    explains(&lab, "p-alone", &words).await;
    lab.apply(&[tenant("p-new", "p-alone")]).await;
    explains(&lab, "p-new", &["p-new has not been looked at yet: OperatorGone"]).await;
}

#[tokio::test]
async fn every_exit_code_is_the_one_that_is_documented() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-code"), "p-code").await;
    lab.apply(&[tenant("p-code-lost", "p-code-lost")]).await;
    lab.says("p-code-lost", "Stalled", "True", "ProfileMissing").await;
    let cases: [(&[&str], i32, &str); 10] = [
        (&["status", "p-code"], 0, ""),
        (&["status", "p-code", "--exit-code"], 0, ""),
        (&["status", "p-code-lost", "--exit-code"], 7, ""),
        (&["list", "p-code-lost", "--exit-code"], 7, ""),
        (&["frobnicate"], 2, "unrecognized subcommand"),
        (&["why", "p-code", "--context", "nowhere"], 2, "nowhere"),
        (&["why", "p-code", "--as-group", "g"], 2, "--as-group needs --as"),
        (&["why", "p-nobody"], 3, "\"p-nobody\" not found"),
        (&["why", "p-code", "--as", "mallory"], 4, "docs/kubectl.md says which rights it takes"),
        (&["resume", "p-code", "--as", "mallory"], 4, "mallory"),
    ];
    for (args, expected, words) in cases {
        let output = run(&lab, args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(code(&output), expected, "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {words:?} is not in {said}");
    }
    // A cluster that is not there; a kubeconfig of several files, of which one is missing.
    let file = std::fs::read_to_string(lab.ground.path("kubeconfig")).unwrap();
    let mut config: Value = serde_saphyr::from_str(&file).unwrap();
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9".into();
    let closed = lab.ground.path("closed.kubeconfig");
    std::fs::write(&closed, config.to_string()).unwrap();
    let output = plugin(&closed, &["list"]);
    assert_eq!(code(&output), 5, "{}", String::from_utf8_lossy(&output.stderr));
    let two = std::env::join_paths([
        lab.ground.path("missing.kubeconfig"),
        lab.ground.path("kubeconfig"),
    ])
    .unwrap();
    let output = plugin(Path::new(&two), &["list", "p-code"]);
    assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
}

/// The YAML of docs/kubectl.md.
fn documented_roles() -> Vec<Value> {
    let text = include_str!("../../../docs/kubectl.md");
    let block = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    serde_saphyr::from_multiple(block).unwrap()
}

fn binding(name: &str, role: &str, user: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    })
}

#[tokio::test]
async fn the_documented_roles_suffice_and_no_less_does() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-roles"), "p-roles").await;
    lab.apply(&documented_roles()).await;
    lab.apply(&[
        binding("p-viewer", "tenantry-viewer", "p-vera"),
        binding("p-viewer-view", "view", "p-vera"),
        binding("p-blind", "tenantry-viewer", "p-bob"),
        binding("p-steward-sees", "tenantry-viewer", "p-sam"),
        binding("p-steward", "tenantry-steward", "p-sam"),
    ])
    .await;
    eventually("rights are in force", async || {
        let output = run(&lab, &["status", "p-roles", "--as", "p-vera"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        holds(output.status.success() && !text.contains("you may not see"), &text)
    })
    .await;
    for verb in
        [&["list"][..], &["profiles"], &["retained"], &["plan", "p-roles"], &["usage", "p-roles"]]
    {
        let words: Vec<&str> = verb.iter().chain(&["--as", "p-vera"]).copied().collect();
        says(&lab, &words);
    }
    let text = says(&lab, &["why", "p-roles", "--as", "p-vera"]);
    assert!(text.ends_with("nothing is wrong\n"), "{text}");
    assert_eq!(code(&run(&lab, &["suspend", "p-roles", "--as", "p-vera"])), 4);
    eventually("the steward may", async || {
        let output = run(&lab, &["suspend", "p-roles", "--dry-run", "--as", "p-sam"]);
        holds(output.status.success(), String::from_utf8_lossy(&output.stderr))
    })
    .await;
    let make = ["create", "p-roles-2", "--profile", "p-roles", "--dry-run", "server"];
    let as_sam: Vec<&str> = make.iter().chain(&["--as", "p-sam"]).copied().collect();
    says(&lab, &as_sam);
    says(&lab, &["rollout", "pause", "p-roles", "--dry-run", "--as", "p-sam"]);
    // Whoever sees the tenant alone is told so, and still gets the operator's words.
    let text = says(&lab, &["status", "p-roles", "--as", "p-bob"]);
    assert!(
        text.contains("you may not see them") && text.contains("pods in tenant-p-roles"),
        "{text}"
    );
    assert!(text.contains("AllReady"), "{text}");
}

#[tokio::test]
async fn kubectl_finds_it() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-found"), "p-found").await;
    let folder = Path::new(PLUGIN).parent().unwrap();
    let old = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(std::iter::once(folder.to_owned()).chain(std::env::split_paths(&old)))
            .unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/ground");
    let output = Command::new(script)
        .args(["kubectl", "--dir"])
        .arg(lab.ground.path(""))
        .args(["--", "tenant", "list", "p-found"])
        .env("PATH", path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("p-found") && text.contains("True"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told = lab.tenant("p-found").await;
    assert_eq!(condition(&told, "Ready")["status"], "True");
}

#[tokio::test]
async fn a_tenant_is_made_and_waited_for() {
    let lab = Lab::shared().await;
    lab.apply(&[dev("p-made"), image("p-never", "tenantry.dev/fail/image:1")]).await;
    let flags = ["create", "p-made", "--profile", "p-made", "--display-name", "Made by flags"];
    let with = |more: &[&'static str]| -> Vec<&str> { flags.iter().chain(more).copied().collect() };
    let yaml = says(&lab, &with(&["--dry-run", "client"]));
    let made: Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(made["spec"]["displayName"], "Made by flags");
    says(&lab, &with(&["--dry-run", "server"]));
    assert_eq!(lab.api.get("tenants", "", "p-made").await.unwrap_err().code, 404);
    let output = run(&lab, &with(&["--wait", "--timeout", "240s"]));
    let (told, said) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(code(&output), 0, "{said}");
    assert_eq!(told, "tenant p-made is Ready\n");
    assert!(said.lines().all(|line| line.starts_with("20")), "lines with their instant: {said}");
    let made = lab.tenant("p-made").await;
    let managers = made["metadata"]["managedFields"].as_array().unwrap();
    assert!(managers.iter().any(|entry| entry["manager"] == "kubectl-tenant"), "{managers:?}");
    let again = run(&lab, &with(&[]));
    assert_eq!(code(&again), 1, "{}", String::from_utf8_lossy(&again.stderr));
    // What cannot become ready: a stall ends the wait, anything else the time.
    let output = run(&lab, &["create", "p-stalls", "--profile", "p-nowhere", "--wait"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(code(&output), 1, "{said}");
    assert!(
        said.contains("ProfileMissing") && said.contains("kubectl tenant why p-stalls"),
        "{said}"
    );
    let output =
        run(&lab, &["create", "p-never", "--profile", "p-never", "--wait", "--timeout", "1s"]);
    assert_eq!(code(&output), 6, "{}", String::from_utf8_lossy(&output.stderr));
    // A suspension is waited for too.
    let text = says(&lab, &["suspend", "p-made", "--wait"]);
    assert_eq!(text, "tenant p-made has stopped\n");
    assert_eq!(says(&lab, &["resume", "p-made", "--wait"]), "tenant p-made is Ready\n");
}

#[tokio::test]
async fn a_tenant_that_is_made_suspended_is_waited_for_until_it_rests() {
    let lab = Lab::shared().await;
    lab.apply(&[dev("p-rests")]).await;
    let make = ["create", "p-rests", "--profile", "p-rests", "--suspended", "--wait"];
    let text = says(&lab, &[&make[..], &["--timeout", "240s"]].concat());
    assert!(text.starts_with("tenant p-rests has stopped\n"), "{text}");
    let made = lab.tenant("p-rests").await;
    assert_eq!(made["spec"]["suspend"], true);
    assert_eq!(condition(&made, "Ready")["reason"], "Suspended");
    // All of it is there, and no service runs; its gateway takes what was used all the same.
    let core = lab.object("p-rests", "deployments", "core").await.unwrap();
    assert_eq!(
        (&core["spec"]["replicas"], lab.pods("p-rests", "core").await.len()),
        (&json!(0), 0)
    );
    assert_eq!(lab.pods("p-rests", "gateway").await.len(), 1);
    let text = says(&lab, &["resume", "p-rests", "--wait", "--timeout", "240s"]);
    assert_eq!(text, "tenant p-rests is Ready\n");
    assert!(!lab.pods("p-rests", "core").await.is_empty());
}

#[tokio::test]
async fn a_backup_is_a_job_of_the_schedule_and_one_at_a_time() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-bare"), "p-bare").await;
    let output = run(&lab, &["backup", "p-bare"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(code(&output), 1, "{said}");
    assert!(said.contains("no backups: spec.backups.enabled of profile p-bare"), "{said}");

    lab.stack(prod("p-back"), "p-back").await;
    // Nobody shows logs here; that there is a backup is known all the same.
    let ask = ["backup", "p-back", "--timeout", "240s", "--request-timeout", "15s"];
    let text = says(&lab, &ask);
    assert!(
        text.starts_with("a backup of p-back is made by job tenant-p-back/tenantry-backup-now-"),
        "{text}"
    );
    assert!(text.contains("not shown: its log cannot be read"), "{text}");
    lab.ready("p-back").await;

    let image = with(prod("p-hang"), "/backups/image", json!("tenantry.dev/fail/hang:1"));
    lab.stack(image, "p-hang").await;
    let output = run(&lab, &["backup", "p-hang", "--timeout", "1s"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(code(&output), 6, "{said}");
    assert!(said.contains("has not ended after 1 s") && said.contains("it goes on"), "{said}");
    // Whoever asks meanwhile waits for that one.
    let text = says(&lab, &["backup", "p-hang", "--no-wait"]);
    let jobs = lab.api.list("jobs", "tenant-p-hang", "").await;
    let names: Vec<&str> = jobs.iter().filter_map(|job| job["metadata"]["name"].as_str()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(text.contains(&format!("job tenant-p-hang/{}", names[0])), "{text}");
    let told: Value =
        serde_json::from_str(&says(&lab, &["backup", "p-hang", "--no-wait", "-o", "json"]))
            .unwrap();
    assert_eq!(told["job"], format!("tenant-p-hang/{}", names[0]), "{told}");
    // It fails while somebody waits, and has a pod by then: whoever waits tells of what there is.
    eventually("the job has a pod", async || {
        let pods = lab.api.list("pods", "tenant-p-hang", "").await;
        let of = |pod: &Value| pod["metadata"]["labels"]["job-name"] == names[0];
        holds(pods.iter().any(of), pods.len())
    })
    .await;
    let mut waits = Command::new(PLUGIN)
        .args(["backup", "p-hang", "--timeout", "240s"])
        .env("KUBECONFIG", lab.ground.path("kubeconfig"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(waits.stderr.take().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap();
    assert!(first.starts_with("20") && first.contains("pod tenantry-backup-now-"), "{first}");
    let soon = json!({ "spec": { "activeDeadlineSeconds": 1 } });
    lab.api.merge("jobs", "tenant-p-hang", names[0], &soon).await.unwrap();
    let said = lines.last().unwrap();
    assert_eq!(waits.wait().unwrap().code(), Some(1), "{said}");
    assert!(said.contains("has failed: ") && said.contains("deadline"), "{said}");
    let owner = &jobs[0]["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["controller"]), (&json!("CronJob"), &json!(true)));
}

/// The name of a job is its second's: whoever asks in the same one has the same backup, also when it is over already.
#[tokio::test]
async fn two_who_ask_for_a_backup_in_the_same_second_have_one() {
    let lab = Lab::shared().await;
    lab.stack(prod("p-twice"), "p-twice").await;
    let reach = Reach {
        kubeconfig: Some(lab.ground.path("kubeconfig")),
        request_timeout: Duration::from_secs(30),
        namespace: "tenantry-system".to_owned(),
        ..Reach::default()
    };
    let access = Access::open(&reach).await.unwrap();
    let asked = Backup {
        name: "p-twice".to_owned(),
        no_wait: false,
        timeout: Duration::from_secs(240),
        output: Data::Json,
    };
    let now = "2026-11-29T10:00:00Z".parse().unwrap();
    let first = backup::run(&access, &asked, now).await.unwrap();
    // That one has ended, so this one makes its own, under a name that is taken.
    let second = backup::run(&access, &asked, now).await.unwrap();
    assert_eq!(first.0, second.0);
    assert!(first.0.contains("tenant-p-twice/tenantry-backup-now-1795946400"), "{}", first.0);
    assert_eq!(lab.api.list("jobs", "tenant-p-twice", "").await.len(), 1);
    // Somebody else's job of that name is not taken for it.
    let url = "/apis/batch/v1/namespaces/tenant-p-twice/jobs";
    let later: k8s_openapi::jiff::Timestamp = "2026-11-29T11:00:00Z".parse().unwrap();
    let name = format!("tenantry-backup-now-{}", later.as_second());
    let mut foreign = lab.api.list("jobs", "tenant-p-twice", "").await.remove(0);
    foreign = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name },
        "spec": { "template": foreign["spec"]["template"].take() } });
    foreign["spec"]["template"]["metadata"] = json!({});
    access.send("POST", url, Form::Json, &foreign).await.unwrap();
    let refused = backup::run(&access, &asked, later).await.unwrap_err();
    assert!(refused.to_string().contains("already exists"), "{refused}");
}

/// Each command that is printed is done as it stands, but for the two that need a container that runs: the nodes here are
/// simulated.
#[tokio::test]
async fn what_restore_prints_is_what_can_be_done() {
    let lab = Lab::shared().await;
    lab.stack(prod("p-back-in"), "p-back-in").await;
    let page = says(&lab, &["restore", "p-back-in"]);
    let commands: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert_eq!(commands.len(), 11, "{page}");
    let account = lab.tenant("p-back-in").await["status"]["accountId"].as_str().unwrap().to_owned();
    assert!(
        commands[0].contains(&format!("backups get --account {account} --to - >p-back-in.tar)"))
    );
    let folder = Path::new(PLUGIN).parent().unwrap().display();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    let shell = |command: &str| {
        let output = Command::new("sh")
            .args(["-c", command])
            .env("PATH", &path)
            .env("KUBECONFIG", lab.ground.path("kubeconfig"))
            .env_remove("TENANTRY_NAMESPACE")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
    };
    let needs_a_node =
        |command: &&str| [" exec ", " attach ", " logs "].iter().any(|verb| command.contains(verb));
    assert_eq!(commands.iter().filter(|command| needs_a_node(command)).count(), 3);
    for command in commands.into_iter().filter(|command| !needs_a_node(command)) {
        shell(command);
        if command.contains(" apply ") {
            let pod = lab.object("p-back-in", "pods", "restore").await.unwrap();
            let gateway = lab.object("p-back-in", "deployments", "tenantry-gateway").await.unwrap();
            assert_eq!(gateway["spec"]["replicas"], 0, "the operator leaves it so");
            let template = &gateway["spec"]["template"]["spec"];
            let image = |spec: &Value| spec["containers"][0]["image"].clone();
            assert_eq!(image(&pod["spec"]), image(template));
            assert_eq!(pod["spec"]["securityContext"], template["securityContext"]);
            let claims = pod["spec"]["volumes"].to_string();
            assert!(
                claims.contains("tenantry-billing") && !claims.contains("projected"),
                "{claims}"
            );
        }
    }
    let gateway = lab.object("p-back-in", "deployments", "tenantry-gateway").await.unwrap();
    assert_eq!(gateway["spec"]["replicas"], 1);
    assert!(lab.object("p-back-in", "pods", "restore").await.is_err());
    lab.ready("p-back-in").await;
    let lost = run(&lab, &["restore", "p-back-out"]);
    assert_eq!(code(&lost), 3, "{}", String::from_utf8_lossy(&lost.stderr));
    assert_eq!(code(&run(&lab, &["restore", "p-back-in", "--id", "a; b"])), 2);
}

/// What a terminal gets of a command, and how that ends.
fn on_a_terminal(lab: &Lab, args: &[&str]) -> (i32, String) {
    let command = format!("exec {PLUGIN} {}", args.join(" "));
    let output = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command", &command, "/dev/null"])
        .env("KUBECONFIG", lab.ground.path("kubeconfig"))
        .env_remove("TENANTRY_NAMESPACE")
        .stdin(Stdio::null())
        .output()
        .expect("script of util-linux gives a terminal");
    (code(&output), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn a_terminal_has_one_line_of_progress_that_is_rewritten_and_goes() {
    let lab = Lab::shared().await;
    lab.apply(&[image("p-tty", "tenantry.dev/fail/image:1")]).await;
    // It never comes, so that there surely is something to wait for.
    let make = ["create", "p-tty", "--profile", "p-tty", "--wait", "--timeout", "2s"];
    let (code, text) = on_a_terminal(&lab, &make);
    assert_eq!(code, 6, "{text:?}");
    let (line, end) = text.rsplit_once("\r\u{1b}[K").unwrap();
    assert!(end.starts_with("error: tenant p-tty is not there after 2 s"), "{text:?}");
    assert!(!line.contains('\n'), "one line all the time: {text:?}");
    let frames: Vec<&str> = line.split("\r\u{1b}[K").filter(|frame| !frame.is_empty()).collect();
    assert!(!frames.is_empty(), "{text:?}");
    for frame in frames {
        // It does not run over the edge of a narrow terminal, and leaves that as it was.
        let words =
            frame.strip_prefix("\u{1b}[?7l").and_then(|rest| rest.strip_suffix("\u{1b}[?7h"));
        assert!(words.is_some_and(|words| !words.starts_with("20")), "{frame:?}");
    }
}

#[tokio::test]
async fn profiles_and_what_is_retained_are_listed() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-left"), "p-left").await;
    lab.told_of("p-left", 1).await;
    let text = says(&lab, &["profiles", "p-left", "-o", "wide"]);
    let row: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..7], ["p-left", "dev", "1", "1", "1", "1", "Complete"], "{text}");
    let names = says(&lab, &["profiles", "p-left", "-o", "name"]);
    assert_eq!(names, "deploymentprofile.tenantry.dev/p-left\n");
    let uid = lab.tenant("p-left").await["metadata"]["uid"].as_str().unwrap().to_owned();
    lab.api.delete("tenants", "", "p-left").await.unwrap();
    lab.gone("tenants", "", "p-left").await;
    let all: Value = serde_json::from_str(&says(&lab, &["retained", "-o", "json"])).unwrap();
    let left = all.as_array().unwrap().iter().find(|kept| kept["tenant"] == "p-left").unwrap();
    assert_eq!(left["uid"], uid);
    assert_eq!(left["what"], "whole stack");
    let text = says(&lab, &["retained"]);
    assert!(text.contains("tenant-p-left") && text.contains("spec.adopt.previousUid"), "{text}");
}

#[tokio::test]
async fn usage_is_shown_as_the_api_server_told_it() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-used"), "p-used").await;
    assert!(says(&lab, &["usage", "p-used"]).contains("none told yet by the API server"));
    super::figures::speak(&lab, "p-used", &super::figures::figures("83")).await;
    let text = says(&lab, &["usage", "p-used"]);
    assert!(text.contains("83 %, soft limit") && text.contains("plan team@1"), "{text}");
    let usage: Value =
        serde_json::from_str(&says(&lab, &["usage", "p-used", "-o", "json"])).unwrap();
    assert_eq!(usage["meters"][0]["ratioPpm"], 830_000);
}

/// The generation of each Deployment of a stack.
async fn generations(lab: &Lab, tenant: &str) -> std::collections::BTreeMap<String, i64> {
    let all = lab.api.list("deployments", &format!("tenant-{tenant}"), "").await;
    let of = |d: &Value| {
        let name = d["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        (name, d["metadata"]["generation"].as_i64().unwrap_or_default())
    };
    all.iter().map(of).collect()
}

#[tokio::test]
async fn a_plan_says_exactly_what_then_happens() {
    let lab = Lab::shared().await;
    lab.stack(prod("p-plan"), "p-plan").await;
    let text = says(&lab, &["plan", "p-plan"]);
    assert!(text.contains("nothing would change\nquota now: "), "{text}");
    let ask = ["plan", "p-plan", "--overlay", "gpu"];
    let text = says(&lab, &ask);
    assert!(text.contains("change Deployment transcribe: replaces 1 pod"), "{text}");
    assert!(text.contains("limits.nvidia.com/gpu"), "{text}");
    let json: Vec<&str> = ask.iter().chain(&["-o", "json"]).copied().collect();
    let plan: Value = serde_json::from_str(&says(&lab, &json)).unwrap();
    let planned: Vec<&str> =
        plan["steps"].as_array().unwrap().iter().map(|s| s["object"].as_str().unwrap()).collect();
    assert_eq!(planned, ["Deployment transcribe"]);
    let before = generations(&lab, "p-plan").await;
    lab.apply(&[with(tenant("p-plan", "p-plan"), "/overlays", json!(["gpu"]))]).await;
    lab.becomes("p-plan", ("deployments", "transcribe"), "asks for a GPU", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
            == "1"
    })
    .await;
    lab.ready("p-plan").await;
    let after = generations(&lab, "p-plan").await;
    let moved: Vec<&String> = after
        .iter()
        .filter(|(name, n)| before.get(*name) != Some(*n))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(moved, ["transcribe"]);
    assert!(says(&lab, &ask).contains("nothing would change"));
    let output = run(&lab, &["plan", "p-plan", "--overlay", "tpu"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(code(&output), 1, "{text}");
    assert!(text.contains("cannot be: spec.overlays[1] \"tpu\": profile p-plan has gpu"), "{text}");
    assert_eq!(code(&run(&lab, &["plan", "p-plan", "--profile", "p-nowhere"])), 3);
}

#[tokio::test]
async fn a_report_holds_what_support_needs_and_nobodys_secrets() {
    let lab = Lab::shared().await;
    let profile = edit(everything("p-report"), |spec| {
        spec["services"][0]["env"] = json!([{ "name": "UPSTREAM", "value": "p-hush-env" }]);
    });
    let contact = json!({ "name": "Jane Roe", "email": "p-hush@acme.example" });
    lab.apply(&[profile, with(tenant("p-report", "p-report"), "/contact", contact)]).await;
    lab.ready("p-report").await;
    let secret = lab.object("p-report", "secrets", "tenantry-grafana").await.unwrap();
    let text = says(&lab, &["report", "p-report"]);
    for (name, value) in secret["data"].as_object().unwrap() {
        assert!(!text.contains(value.as_str().unwrap()), "the Secret's {name}");
    }
    for words in ["p-hush-env", "p-hush@acme.example", "Jane Roe"] {
        assert!(!text.contains(words), "{words}");
    }
    let bundle: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(
        bundle["why"]["headline"].as_str().map(|h| h.starts_with("p-report is Ready")),
        Some(true)
    );
    assert!(bundle["read"]["pods"].as_array().is_some_and(|pods| !pods.is_empty()));
}

/// Verb by form: programs read the object that the cluster answered.
#[tokio::test]
async fn what_is_changed_is_printed_as_the_cluster_answered_it() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-forms"), "p-forms").await;
    let flag = |object: &Value, at: &str| object.pointer(at).and_then(Value::as_bool);
    for (verb, kind, at, value) in [
        (&["suspend", "p-forms"][..], "Tenant", "/spec/suspend", Some(true)),
        (&["resume", "p-forms"], "Tenant", "/spec/suspend", Some(false)),
        (&["rollout", "pause", "p-forms"], "DeploymentProfile", "/spec/rollout/paused", Some(true)),
        (
            &["rollout", "resume", "p-forms"],
            "DeploymentProfile",
            "/spec/rollout/paused",
            Some(false),
        ),
        (
            &["create", "p-forms-2", "--profile", "p-forms", "--dry-run=server"],
            "Tenant",
            "/spec/suspend",
            Some(false),
        ),
        (
            &["create", "p-forms-2", "--profile", "p-forms", "--dry-run=client"],
            "Tenant",
            "/spec/suspend",
            None,
        ),
    ] {
        let with = |form| says(&lab, &[verb, &["-o", form]].concat());
        let json: Value = serde_json::from_str(&with("json")).unwrap();
        assert_eq!(
            (json["kind"].as_str(), flag(&json, at)),
            (Some(kind), value),
            "{verb:?}: {json}"
        );
        assert_eq!(json["metadata"].get("managedFields"), None, "{verb:?}");
        let yaml: Value = serde_saphyr::from_str(&with("yaml")).unwrap();
        assert_eq!(yaml["spec"], json["spec"], "{verb:?}");
        let name = json["metadata"]["name"].as_str().unwrap();
        let named = format!("{}.tenantry.dev/{name}\n", kind.to_lowercase());
        assert_eq!(with("name"), named, "{verb:?}");
    }
    assert!(!says(&lab, &["retained", "-o", "name"]).contains("TENANT"), "names alone");
}

#[tokio::test]
async fn kubectl_completes_commands_and_names() {
    let lab = Lab::shared().await;
    lab.stack(dev("p-complete"), "p-complete").await;
    let folder = lab.ground.path("completion");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["kubectl-tenant", "kubectl_complete-tenant"] {
        std::os::unix::fs::symlink(PLUGIN, folder.join(name)).unwrap();
    }
    let old = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&old))).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/ground");
    let complete = |words: &[&str]| {
        let mut command = Command::new(&script);
        command.args(["kubectl", "--dir"]).arg(lab.ground.path("")).args([
            "--",
            "__complete",
            "tenant",
        ]);
        let output = command.args(words).env("PATH", &path).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(
        complete(&["sus"]).starts_with("suspend\tStop a tenant's services"),
        "{}",
        complete(&["sus"])
    );
    assert_eq!(complete(&["why", "p-compl"]).lines().next(), Some("p-complete"));
    assert_eq!(complete(&["list", "-l", "p-compl"]), ":4\n", "a selector is no tenant");
    assert_eq!(complete(&["rollout", "pause", "p-compl"]).lines().next(), Some("p-complete"));
}
