//! Profiles as the real operator rolls them out, read with the API server's own rights.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crds::DeploymentProfile;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    gate::Gate,
    lab::{Lab, eventually, holds},
    serving::{Serving, client},
};

/// The operator; it ends with its owner. Cargo makes it with the tests of this name in its own package. One that has
/// ended by itself is started again, as a kubelet would: it does when it has lost its lease.
struct Operator(Arc<Mutex<Option<Child>>>);

impl Operator {
    async fn start(lab: &Lab) -> Self {
        let kubeconfig = lab.operators_kubeconfig_by(&format!("https://{}", lab.address())).await;
        let program =
            Path::new(env!("CARGO_BIN_EXE_api-server")).with_file_name("tenantry-operator");
        assert!(program.exists(), "{} is missing: build the whole workspace", program.display());
        let child = Arc::new(Mutex::new(Some(spawn(&program, &kubeconfig))));
        let kept = child.clone();
        std::thread::spawn(move || keep(&kept, &program, &kubeconfig));
        Self(child)
    }
}

fn spawn(program: &Path, kubeconfig: &Path) -> Child {
    let log: PathBuf = kubeconfig.with_extension("log");
    let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
    Command::new(program)
        .args(["--health-address", "127.0.0.1:0"])
        .env_clear()
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Until its owner has taken it away, or it has ended too often.
fn keep(kept: &Mutex<Option<Child>>, program: &Path, kubeconfig: &Path) {
    let mut restarts = 0;
    while restarts < 10 {
        std::thread::sleep(Duration::from_millis(200));
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(child) = kept.as_mut() else { return };
        if child.try_wait().unwrap().is_some() {
            *child = spawn(program, kubeconfig);
            restarts += 1;
        }
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let child = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            let _ended = child.kill();
            let _ended = child.wait();
        }
    }
}

async fn ask(lab: &Lab, server: &Serving, path: &str) -> Value {
    let token = lab.person("billing:read", Some("CustomerSuccessManager"));
    let request = client().get(format!("{}{path}", server.api)).bearer_auth(token);
    request.send().await.unwrap().json().await.unwrap()
}

/// The profile `dev`, once it is as it should be.
async fn until(lab: &Lab, server: &Serving, what: &str, good: impl Fn(&Value) -> bool) -> Value {
    eventually(what, async || {
        let all = ask(lab, server, "/profiles").await;
        let dev =
            all["data"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "dev"));
        match dev {
            Some(dev) if good(dev) => Ok(dev.clone()),
            _ => Err(all),
        }
    })
    .await
}

/// The account of a tenant, once it is open.
async fn account(lab: &Lab, server: &Serving, tenant: &str) -> String {
    eventually("the account is known", async || {
        let all = ask(lab, server, "/profiles/dev/tenants").await;
        let found = all["data"].as_array().and_then(|all| {
            let one = all.iter().find(|one| one["tenant"] == tenant)?;
            one["account"].as_str().map(str::to_owned)
        });
        found.ok_or(all)
    })
    .await
}

async fn change(lab: &Lab, spec: Value) {
    let patch = json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "DeploymentProfile",
        "metadata": { "name": "dev" }, "spec": spec });
    let api = Api::<DeploymentProfile>::all(lab.client.clone());
    api.patch("dev", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
}

/// The service of `Lab::profile` with another image.
fn image(image: &str) -> Value {
    let resources =
        json!({ "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } });
    json!({ "services": [{ "name": "core", "image": image, "resources": resources,
        "ports": [{ "name": "http", "port": 8080 }] }] })
}

fn runs(revisions: &Value) -> Vec<(i64, u64)> {
    let all = revisions["data"].as_array().unwrap().iter();
    all.map(|one| (one["number"].as_i64().unwrap(), one["running"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn a_rollout_is_seen_from_its_first_tenant_to_its_halt() {
    let lab = Lab::new().await;
    let _operator = Operator::start(&lab).await;
    let server = lab.serve(&[]);
    for name in ["acme", "borealis"] {
        lab.tenant(name, json!({})).await;
    }
    let dev = until(&lab, &server, "both run revision 1", |dev| {
        dev["rollout"]["phase"] == "complete" && dev["tenants"]["updated"] == 2
    })
    .await;
    assert_eq!((&dev["revision"], &dev["content"]["default_plan"]), (&json!(1), &json!("team")));
    change(&lab, image("tenantry.dev/sample:2")).await;
    until(&lab, &server, "both run revision 2", |dev| {
        dev["revision"] == 2
            && dev["rollout"]["phase"] == "complete"
            && dev["tenants"]["updated"] == 2
    })
    .await;
    let revisions = ask(&lab, &server, "/profiles/dev/revisions").await;
    assert_eq!(runs(&revisions), [(2, 2), (1, 0)], "{revisions}");
    let images = [0, 1].map(|at| &revisions["data"][at]["content"]["services"][0]["image"]);
    assert_eq!(images, ["tenantry.dev/sample:2", "tenantry.dev/sample:1"]);
    // One of two at a time, and none after the first that fails.
    let mut bad = image("tenantry.dev/fail/crash:1");
    bad["rollout"] = json!({ "maxInFlight": 1, "haltAfterFailures": 1 });
    change(&lab, bad).await;
    let dev = until(&lab, &server, "it halts", |dev| {
        dev["rollout"]["phase"] == "halted" && dev["tenants"]["failed"] == 1
    })
    .await;
    assert_eq!((&dev["revision"], &dev["tenants"]["waiting"]), (&json!(3), &json!(1)), "{dev}");
    let failed = ask(&lab, &server, "/profiles/dev/tenants?filter[stage][eq]=failed").await;
    let failed = &failed["data"][0];
    assert_eq!(
        (&failed["runs"], &failed["wanted"]),
        (&json!("dev@2"), &json!("dev@3")),
        "{failed}"
    );
    assert_eq!((&failed["reason"], &failed["ready"]), (&json!("CrashLoop"), &json!(false)));
    let message = failed["message"].as_str().unwrap();
    assert!(message.contains("CrashLoopBackOff"), "{message}");
    // The same of its account, part by part.
    let name = failed["tenant"].as_str().unwrap();
    let account = account(&lab, &server, name).await;
    let stacks = ask(&lab, &server, &format!("/accounts/{account}/stacks")).await;
    let stack = &stacks["data"][0];
    assert_eq!(
        (&stack["tenant"], &stack["state"], &stack["reason"]),
        (&failed["tenant"], &json!("failing"), &json!("CrashLoop")),
        "{stacks}"
    );
    let components = stack["components"].as_array().unwrap();
    let core = components.iter().find(|one| one["name"] == "core").unwrap();
    assert_eq!(core["ready"], false, "{stacks}");
    assert!(core["message"].as_str().unwrap().contains("CrashLoopBackOff"), "{stacks}");
    assert_eq!(
        runs(&ask(&lab, &server, "/profiles/dev/revisions").await),
        [(3, 0), (2, 2), (1, 0)]
    );
}

#[tokio::test]
async fn a_profile_that_goes_and_a_cluster_that_is_silent_are_both_said() {
    let lab = Lab::new().await;
    let gate = Gate::to(lab.address()).await;
    let server = lab.serve_by(&lab.kubeconfig_by(&format!("https://{}", gate.address)), &[]);
    lab.tenant("acme", json!({})).await;
    until(&lab, &server, "the tenant is counted", |dev| dev["tenants"]["total"] == 1).await;
    lab.operate("acme").await;
    let stacks = format!("/accounts/{}/stacks", account(&lab, &server, "acme").await);
    eventually("its stack is shown", async || {
        let all = ask(&lab, &server, &stacks).await;
        holds(all["data"][0]["tenant"] == "acme" && all["lost_since"].is_null(), all)
    })
    .await;
    gate.set(false);
    eventually("the silence is noticed", async || {
        let all = ask(&lab, &server, "/profiles").await;
        holds(all["lost_since"].is_string() && all["data"][0]["name"] == "dev", all)
    })
    .await;
    let all = ask(&lab, &server, &stacks).await;
    assert!(all["lost_since"].is_string() && all["data"][0]["tenant"] == "acme", "{all}");
    // What happens meanwhile is known once the cluster is heard again.
    let profiles = Api::<DeploymentProfile>::all(lab.client.clone());
    profiles.delete("dev", &DeleteParams::default()).await.unwrap();
    gate.set(true);
    until(&lab, &server, "its tenant names it still", |dev| dev["missing"] == true).await;
    eventually("the cluster is heard", async || {
        let all = ask(&lab, &server, "/profiles").await;
        holds(all["lost_since"].is_null(), all)
    })
    .await;
}

#[tokio::test]
async fn a_cluster_that_never_answered_is_told_from_none() {
    let lab = Lab::new().await;
    let gate = Gate::to(lab.address()).await;
    gate.set(false);
    let server = lab.serve_by(&lab.kubeconfig_by(&format!("https://{}", gate.address)), &[]);
    let token = lab.person("billing:read", Some("CustomerSuccessManager"));
    let asked = client().get(format!("{}/profiles", server.api)).bearer_auth(token);
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), reqwest::StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    let problem: Value = answer.json().await.unwrap();
    assert!(problem["type"].as_str().unwrap().ends_with("/cluster-unread"), "{problem}");
    gate.set(true);
    until(&lab, &server, "it is read", |_| true).await;
}
