//! The CronJobs of the rounds: whose token, which files, who reaches whom; and that a cluster takes them.
//! What their containers do is shown with the real program (`api-server/tests/process/cronjobs.rs`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    helm::{chart, objects, prints, template, values},
    life::Release,
    support::{Lab, eventually, holds, lab::SYSTEM},
};

const ON: &str = "--set=routines.enabled=true,routines.existingSecret=tokens";

fn cronjobs(more: &[&str]) -> BTreeMap<String, Value> {
    let all = objects(&prints(&template(&[&[ON], more].concat())));
    let named = |object: Value| (object["metadata"]["name"].as_str().unwrap().to_owned(), object);
    all.into_iter().filter(|object| object["kind"] == "CronJob").map(named).collect()
}

fn pod(cronjob: &Value) -> &Value {
    &cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
}

fn volume<'v>(cronjob: &'v Value, name: &str) -> &'v Value {
    let mut all = pod(cronjob)["volumes"].as_array().unwrap().iter();
    all.find(|volume| volume["name"] == name).unwrap()
}

#[test]
fn there_are_none_unless_they_are_wanted() {
    let text = prints(&template(&[]));
    assert!(!text.contains("CronJob\n") && !text.contains("tenantry-routine"), "{text}");
    let all = cronjobs(&[]);
    let names = [
        "crm",
        "kpis",
        "overages",
        "overages-previous",
        "overrides",
        "retention",
        "support",
        "triage",
    ];
    assert_eq!(
        all.into_keys().collect::<Vec<_>>(),
        names.map(|name| format!("tenantry-routine-{name}"))
    );
    let some = cronjobs(&["--set=routines.kpis.enabled=false,routines.crm.enabled=false"]);
    assert_eq!(some.len(), 6);
}

/// Whoever is woken by a round finds what to do.
#[test]
fn each_has_a_runbook() {
    let text = include_str!("../../../docs/operations.md");
    let (_, runbooks) = text.split_once("**Runbooks.**").unwrap();
    let (runbooks, _) = runbooks.split_once("\n## ").unwrap();
    let of: Vec<&str> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("- *")?.split_once('*'))
        .map(|(name, _)| name)
        .collect();
    for name in cronjobs(&[]).into_keys() {
        let round = name.trim_start_matches("tenantry-routine-").trim_end_matches("-previous");
        let title = if round == "kpis" { "key figures" } else { round };
        assert!(of.iter().any(|name| name.to_lowercase() == title), "{round} has none: {of:?}");
    }
}

#[test]
fn a_token_is_a_file_of_the_secret_that_was_named() {
    let all = cronjobs(&[
        "--set=routines.key=jwt,routines.triage.existingSecret=calls,routines.kpis.existingSecret=own",
        "--set=routines.kpis.key=k,routines.crm.key=ignored",
    ]);
    let of = |round: &str| {
        let secret = &volume(&all[&format!("tenantry-routine-{round}")], "token")["secret"];
        (
            secret["secretName"].clone(),
            secret["items"][0]["key"].clone(),
            secret["items"][0]["path"].clone(),
        )
    };
    assert_eq!(of("triage"), (json!("calls"), json!("jwt"), json!("token")));
    assert_eq!(of("kpis"), (json!("own"), json!("k"), json!("token")));
    // A key without a Secret of its own would be looked for in the wrong one.
    assert_eq!(of("crm"), (json!("tokens"), json!("jwt"), json!("token")));
    for cronjob in all.values() {
        let pod = pod(cronjob);
        let container = &pod["containers"][0];
        assert!(
            container.get("env").is_none() && container.get("envFrom").is_none(),
            "{container}"
        );
        let arguments = container["args"].as_array().unwrap();
        assert!(
            arguments.contains(&json!("--token-file=/etc/tenantry/token/token")),
            "{arguments:?}"
        );
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert!(pod.get("serviceAccountName").is_none());
        let kinds = pod["volumes"].as_array().unwrap().len();
        assert_eq!(kinds, 2, "the files and the token, nothing of the cluster: {pod}");
    }
}

#[test]
fn files_go_to_the_claim_that_was_named_or_to_one_that_stays() {
    let claim = |all: &[Value]| {
        let mut claims = all.iter().filter(|object| object["kind"] == "PersistentVolumeClaim");
        claims.find(|claim| claim["metadata"]["name"] == "tenantry-routines").cloned()
    };
    let own = objects(&prints(&template(&[ON, "--set=routines.storage.size=3Gi"])));
    let made = claim(&own).unwrap();
    assert_eq!(made["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    assert_eq!(made["spec"]["resources"]["requests"]["storage"], "3Gi");
    let other = ["--set=routines.storage.existingClaim=finance"];
    assert_eq!(claim(&objects(&prints(&template(&[ON, other[0]])))), None);
    for cronjob in cronjobs(&other).values() {
        assert_eq!(volume(cronjob, "files")["persistentVolumeClaim"]["claimName"], "finance");
    }
}

/// Helm waits for a claim to be bound, and some volumes are bound only when a pod wants them.
#[test]
fn a_pod_has_the_claim_bound_before_the_first_round() {
    let jobs = |more: &[&str]| -> Vec<Value> {
        let all = objects(&prints(&template(&[&[ON], more].concat())));
        // Those of `helm test` are hooks.
        let own = |job: &Value| job["metadata"]["annotations"]["helm.sh/hook"].is_null();
        all.into_iter().filter(|object| object["kind"] == "Job" && own(object)).collect()
    };
    let binds = |more: &[&str]| {
        let [job] = <[Value; 1]>::try_from(jobs(more)).expect("one Job");
        let pod = &job["spec"]["template"]["spec"];
        let volumes = pod["volumes"].as_array().unwrap();
        let claim = json!({ "claimName": "tenantry-routines" });
        assert!(volumes.len() == 1 && volumes[0]["persistentVolumeClaim"] == claim, "{pod}");
        assert_eq!(pod["containers"][0]["volumeMounts"][0]["name"], volumes[0]["name"]);
        assert_eq!(pod["containers"][0]["args"], json!(["--version"]), "it only ends");
        job["metadata"]["name"].as_str().unwrap().to_owned()
    };
    // What runs in a Job cannot be changed: an upgrade that would has another Job.
    let first = binds(&[]);
    assert!(first.starts_with("tenantry-routines-"), "{first}");
    assert_eq!(binds(&["--set=routines.crm.enabled=false"]), first);
    assert_ne!(binds(&["--set=image.tag=2.0.0"]), first);
    assert_ne!(binds(&["--set=routines.nodeSelector.disk=fast"]), first);
    // Who named a claim has it bound, or binds it.
    assert_eq!(jobs(&["--set=routines.storage.existingClaim=finance"]), Vec::<Value>::new());
}

#[test]
fn the_clock_is_as_the_values_say() {
    let all = cronjobs(&[
        "--set=routines.timeZone=Asia/Tokyo,routines.startingDeadlineSeconds=60,routines.patience=30",
        "--set=routines.successfulJobsHistoryLimit=0,routines.failedJobsHistoryLimit=7",
        "--set-string=routines.crm.schedule=5 4 * * SUN",
    ]);
    let crm = &all["tenantry-routine-crm"]["spec"];
    assert_eq!(crm["schedule"], "5 4 * * SUN");
    for cronjob in all.values() {
        let spec = &cronjob["spec"];
        let said =
            (&spec["timeZone"], &spec["concurrencyPolicy"], &spec["startingDeadlineSeconds"]);
        assert_eq!(said, (&json!("Asia/Tokyo"), &json!("Forbid"), &json!(60)));
        assert_eq!(
            (&spec["successfulJobsHistoryLimit"], &spec["failedJobsHistoryLimit"]),
            (&json!(0), &json!(7))
        );
        let job = &spec["jobTemplate"]["spec"];
        // Every try has the time that it may take.
        let tries = job["backoffLimit"].as_i64().unwrap() + 1;
        assert!(job["activeDeadlineSeconds"].as_i64().unwrap() >= tries * 30, "{job}");
    }
}

fn labels(value: &Value) -> &Value {
    &value["podSelector"]["matchLabels"]
}

/// Whether a selector of labels takes the pods of a part.
fn takes(selector: &Value, part: &str) -> bool {
    let part = json!({ "app.kubernetes.io/name": part, "app.kubernetes.io/instance": "tenantry" });
    selector.as_object().is_some_and(|all| all.iter().all(|(name, value)| part[name] == *value))
}

#[test]
fn rounds_reach_the_api_server_and_nothing_else() {
    let policies = |more: &[&str]| -> Vec<Value> {
        let all = objects(&prints(&template(more)));
        all.into_iter().filter(|object| object["kind"] == "NetworkPolicy").collect()
    };
    let all = policies(&[ON]);
    let of_rounds: Vec<&Value> =
        all.iter().filter(|policy| takes(labels(&policy["spec"]), "tenantry-routine")).collect();
    let [own] = &of_rounds[..] else { panic!("{of_rounds:?}") };
    assert_eq!(own["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    assert!(own["spec"].get("ingress").is_none(), "nobody reaches them: {own}");
    let [names, api] = &own["spec"]["egress"].as_array().unwrap()[..] else { panic!("{own}") };
    assert_eq!(names["to"][0]["podSelector"]["matchLabels"], json!({ "k8s-app": "kube-dns" }));
    assert!(names["ports"].as_array().unwrap().iter().all(|port| port["port"] == 53), "{names}");
    assert_eq!(api["ports"], json!([{ "port": "http", "protocol": "TCP" }]));
    let [peer] = &api["to"].as_array().unwrap()[..] else { panic!("{api}") };
    assert!(
        peer.get("namespaceSelector").is_none() && takes(labels(peer), "tenantry-api-server"),
        "{peer}"
    );
    assert!(!takes(labels(peer), "tenantry-operator"));
    // The other end lets them in, at the same port, and only while there are any.
    let lets_in = |all: &[Value]| {
        let mut server = all.iter().filter(|p| p["metadata"]["name"] == "tenantry-api-server");
        let ingress = server.next().unwrap()["spec"]["ingress"][0].clone();
        assert_eq!(ingress["ports"], json!([{ "port": "http", "protocol": "TCP" }]));
        ingress["from"].as_array().unwrap().iter().any(|peer| {
            peer.get("namespaceSelector").is_none() && takes(labels(peer), "tenantry-routine")
        })
    };
    assert!(lets_in(&all) && !lets_in(&policies(&[])));
    let off = policies(&[ON, "--set=networkPolicies.enabled=false"]);
    assert_eq!(off.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_takes_them_and_their_claim_outlives_the_release() {
    let lab = Lab::bare().await;
    let release = Release::on(&lab);
    let few = [ON, "--set=profiles.dev.install=false,profiles.prod.install=false"];
    release.upgrade(&chart(), &[values("dev")], &few).await;
    let enforced =
        json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } });
    lab.api.merge("namespaces", "", SYSTEM, &enforced).await.expect("labelled");
    let token = json!({ "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "tokens", "namespace": SYSTEM }, "stringData": { "token": "t" } });
    lab.apply(&[token]).await;
    let cronjob = release.object("cronjobs", "tenantry-routine-crm").await;
    assert_eq!(cronjob["spec"]["timeZone"], "Etc/UTC");
    // A round now, as docs/operations.md says: its pod is let in, and ends.
    let now =
        ["create", "job", "crm-now", "--from=cronjob/tenantry-routine-crm", "--namespace", SYSTEM];
    lab.ground.kubectl(&now);
    eventually("the round's Job ends well", async || {
        let job = release.object("jobs", "crm-now").await;
        holds(job["status"]["succeeded"] == 1, &job["status"])
    })
    .await;
    let claim = release.object("persistentvolumeclaims", "tenantry-routines").await;
    release.helm(&["uninstall", "tenantry", "--wait", "--timeout", "15m"]).await;
    lab.gone("cronjobs", SYSTEM, "tenantry-routine-crm").await;
    let kept = release.object("persistentvolumeclaims", "tenantry-routines").await;
    assert_eq!(kept["metadata"]["uid"], claim["metadata"]["uid"]);
}
