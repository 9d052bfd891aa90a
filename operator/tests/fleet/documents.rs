//! What a reader would apply: the README's example, the files in `examples/`, and what they render to.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::support::{Lab, eventually, holds, lab::is, tenant};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).expect("YAML documents")
}

fn example(file: &str) -> Vec<Value> {
    documents(&fs::read_to_string(root().join("examples").join(file)).expect("an example"))
}

/// The blocks of a page that are fenced as this language.
fn fenced(page: &str, language: &str) -> Vec<String> {
    let open = format!("```{language}");
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line.trim() {
            "```" => inside = false,
            fence if fence == open => {
                inside = true;
                blocks.push(Vec::new());
            }
            _ if inside => blocks.last_mut().expect("an open block").push(line),
            _ => {}
        }
    }
    blocks.into_iter().map(|lines| lines.join("\n")).collect()
}

#[tokio::test]
async fn the_readme_s_example_becomes_ready_as_it_says() {
    let page = fs::read_to_string(root().join("README.md")).expect("the README");
    let [example] = fenced(&page, "yaml").try_into().expect("one example in YAML");
    let lab = Lab::own().await;
    let process = lab.operator("readme");
    process.ready().await;
    let file = lab.ground.path("readme.yaml");
    fs::write(&file, example).expect("written");
    lab.ground.kubectl(&["apply", "--validate=strict", "-f", &file.to_string_lossy()]);
    lab.ready("dorado").await;
    lab.object("dorado", "deployments", "core").await.unwrap();
    // The commands that stand below it.
    let commands = fenced(&page, "console").join("\n");
    for command in ["wait --for=condition=Ready --timeout=2m tenant/dorado", "get tenants -o wide"]
    {
        assert!(commands.contains(&format!("kubectl {command}")), "{commands}");
        let printed = lab.ground.kubectl(&command.split(' ').collect::<Vec<_>>());
        assert!(printed.contains("dorado"), "{printed}");
    }
}

/// Applies an example profile and a tenant that follows it.
async fn profile_example(file: &str, tier: &str) {
    let lab = Lab::shared().await;
    let [profile] = example(file).try_into().expect("one profile");
    let name = profile["metadata"]["name"].as_str().expect("a name").to_owned();
    assert_eq!(profile["spec"]["tier"], tier);
    let customer = format!("d-{name}");
    let ready = lab.stack(profile, &customer).await;
    assert_eq!(ready["status"]["profileRevision"]["current"], format!("{name}@1"));
    eventually("the profile counts it", async || {
        let status = lab.profile(&name).await["status"].clone();
        holds(status["rollout"] == "Complete" && status["conditions"][0].is_object(), &status)
    })
    .await;
}

#[tokio::test]
async fn the_example_profile_dev_becomes_ready() {
    profile_example("profile-dev.yaml", "dev").await;
}

#[tokio::test]
async fn the_example_profile_prod_becomes_ready() {
    profile_example("profile-prod.yaml", "prod").await;
}

#[tokio::test]
async fn the_example_tenants_become_ready() {
    let lab = Lab::shared().await;
    // In the order that the file's first lines give.
    for file in ["profile-dev.yaml", "profile-prod.yaml", "tenants.yaml"] {
        lab.apply(&example(file)).await;
    }
    for tenant in example("tenants.yaml") {
        let ready = lab.ready(tenant["metadata"]["name"].as_str().expect("a name")).await;
        assert!(is(&ready, "ProfileValid", "True"));
    }
}

#[test]
fn every_example_has_a_test_of_its_own() {
    let mut files: Vec<_> = fs::read_dir(root().join("examples"))
        .expect("examples")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    files.sort();
    // What is in gitops/ is tried by the tests of the chart.
    assert_eq!(files, ["gitops", "profile-dev.yaml", "profile-prod.yaml", "tenants.yaml"]);
}

/// Everything of a golden set that a pod needs to be admitted, for real; without the owner, who
/// does not exist here.
async fn ground_work(lab: &Lab, objects: &[Value]) -> usize {
    let mut made = 0;
    for object in objects {
        let kind = object["kind"].as_str().expect("a kind");
        if ["Namespace", "LimitRange", "ServiceAccount", "ConfigMap"].contains(&kind) {
            let mut object = object.clone();
            object["metadata"].as_object_mut().expect("metadata").remove("ownerReferences");
            lab.api.apply(&object).await.unwrap_or_else(|refused| panic!("{kind}: {refused}"));
            made += 1;
        }
    }
    made
}

/// The pods that workloads of a set would make.
fn pods(objects: &[Value]) -> Vec<Value> {
    let template = |object: &Value| match object["kind"].as_str() {
        Some("Deployment") => Some(object["spec"]["template"].clone()),
        Some("CronJob") => Some(object["spec"]["jobTemplate"]["spec"]["template"].clone()),
        _ => None,
    };
    let pod = |object: &Value| {
        let template = template(object)?;
        let mut metadata = template["metadata"].clone();
        metadata["name"] = object["metadata"]["name"].clone();
        metadata["namespace"] = object["metadata"]["namespace"].clone();
        Some(
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"] }),
        )
    };
    objects.iter().filter_map(pod).collect()
}

async fn try_pod(lab: &Lab, pod: &Value) -> Result<Value, crate::support::api::Refused> {
    let namespace = pod["metadata"]["namespace"].as_str().expect("a namespace");
    let url = crate::support::api::url("pods", namespace, "");
    let url = format!("{url}?dryRun=All&fieldValidation=Strict");
    lab.api.send("POST", &url, "application/json", pod).await
}

#[tokio::test]
async fn the_api_server_takes_every_golden_set_and_admits_its_pods() {
    let lab = Lab::own().await;
    for (case, least) in [("dev", 2), ("prod", 6), ("prod-gpu", 6)] {
        let file = root().join(format!("operator/tests/golden/{case}.yaml"));
        let objects = documents(&fs::read_to_string(&file).expect("a golden file"));
        assert!(ground_work(&lab, &objects).await > 3, "{case}");
        // Client-side and server-side apply, both with the server's schema and admission.
        let path = file.to_string_lossy();
        for how in [
            ["--validate=strict"].as_slice(),
            &["--validate=strict", "--server-side", "--force-conflicts"],
        ] {
            let args = [&["apply", "--dry-run=server", "-o", "name", "-f", &path], how].concat();
            let printed = lab.ground.kubectl(&args);
            assert_eq!(printed.lines().count(), objects.len(), "{case}: {printed}");
        }
        let pods = pods(&objects);
        assert!(pods.len() >= least, "{case}: {} pods", pods.len());
        for pod in &pods {
            let refused = try_pod(&lab, pod).await.err();
            assert!(refused.is_none(), "{case} {}: {refused:?}", pod["metadata"]["name"]);
        }
        // The namespace's own labels are what refuses: the test would notice a pod that is too free.
        let mut free = pods[0].clone();
        free["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = true.into();
        let refused = try_pod(&lab, &free).await.expect_err("restricted");
        assert!(refused.message.contains("violates PodSecurity \"restricted"), "{refused}");
    }
}

/// The pod that the documents have somebody restore a spool with: admitted where a stack is, and with what the gateway has.
#[tokio::test]
async fn the_pod_that_restores_a_spool_is_admitted_and_is_the_gateways_user() {
    let lab = Lab::own().await;
    let golden = fs::read_to_string(root().join("operator/tests/golden/prod.yaml")).unwrap();
    let objects = documents(&golden);
    assert!(ground_work(&lab, &objects).await > 3);
    let shown = marked(&["docs/operations.md"], "yaml: pod");
    let [(_, shown)] = &shown[..] else { panic!("{shown:?}") };
    let [pod] = documents(shown).try_into().expect("one pod");
    let refused = try_pod(&lab, &pod).await.err();
    assert!(refused.is_none(), "{refused:?}");
    let pods = pods(&objects);
    let gateway = pods.iter().find(|pod| pod["metadata"]["name"] == "tenantry-gateway").unwrap();
    let facts = |pod: &Value| {
        let volumes = pod["spec"]["volumes"].as_array().unwrap();
        let claim = volumes.iter().find(|volume| volume["persistentVolumeClaim"].is_object());
        let claim = claim.unwrap();
        let container = &pod["spec"]["containers"][0];
        let mounts = container["volumeMounts"].as_array().unwrap();
        let mount = mounts.iter().find(|mount| mount["name"] == claim["name"]).unwrap();
        let users = ["runAsUser", "runAsGroup", "fsGroup"];
        json!([
            claim["persistentVolumeClaim"]["claimName"],
            mount["mountPath"],
            container["image"],
            users.map(|user| pod["spec"]["securityContext"][user].clone()),
        ])
    };
    assert_eq!(facts(&pod), facts(gateway));
}

#[tokio::test]
async fn a_field_that_no_schema_has_is_refused_so() {
    let lab = Lab::shared().await;
    let mut wrong = tenant("d-wrong", "nobody");
    wrong["spec"]["profileRev"] = json!({});
    let refused = lab.api.apply(&wrong).await.expect_err("strict");
    assert!(refused.message.contains("profileRev"), "{refused}");
}

/// The blocks of YAML that carry a mark, with the page that has them.
fn marked(pages: &[&str], mark: &str) -> Vec<(String, String)> {
    let open = format!("<!-- {mark} -->\n```yaml\n");
    let blocks = pages.iter().flat_map(|name| {
        let page = fs::read_to_string(root().join(name)).expect("a page");
        let blocks = page.split(&open).skip(1);
        let texts = blocks.map(|rest| rest.split("\n```").next().expect("its end").to_owned());
        texts.map(|text| ((*name).to_owned(), text)).collect::<Vec<_>>()
    });
    blocks.collect()
}

/// What the documents show as objects, and as a part of a Tenant, the API server takes.
#[tokio::test]
async fn the_api_server_takes_what_the_documents_show() {
    let lab = Lab::shared().await;
    let objects =
        marked(&["docs/install.md", "docs/kubectl.md", "docs/operations.md"], "yaml: objects");
    let tenants = marked(&["docs/usage.md"], "yaml: tenant");
    assert_eq!((objects.len(), tenants.len()), (5, 1));
    let whole = tenants.into_iter().map(|(page, part)| {
        let head = "apiVersion: tenantry.dev/v1alpha1\nkind: Tenant\nmetadata: { name: d-shown }";
        let rest = "  displayName: Shown\n  profileRef: { name: dev }";
        (page, format!("{head}\n{part}\n{rest}\n"))
    });
    for (index, (page, text)) in objects.into_iter().chain(whole).enumerate() {
        let text = text.replace("UID", "00000000-0000-4000-8000-000000000000");
        let file = lab.ground.path(&format!("shown-{index}.yaml"));
        fs::write(&file, &text).expect("written");
        let file = file.to_string_lossy();
        let args = ["apply", "--dry-run=server", "--validate=strict", "-o", "name", "-f", &file];
        let printed = lab.ground.kubectl(&args);
        assert_eq!(printed.lines().count(), documents(&text).len(), "{page}: {printed}");
    }
}
