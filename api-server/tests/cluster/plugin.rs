//! `kubectl tenant` beside the real API server: prices by its address, and through the cluster.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crds::manifest::RELEASE_NAMESPACE;
use serde_json::{Value, json};

use crate::{
    door::{self, Door},
    lab::{Lab, eventually, holds},
    private, receiver,
    serving::{Serving, client},
};

fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_api-server")).with_file_name("kubectl-tenant");
    assert!(program.exists(), "{} is missing: build the whole workspace", program.display());
    program
}

/// The plugin with the administrator's kubeconfig and nothing else of our environment.
pub fn plugin(lab: &Lab, args: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program());
    command.args(args).env_clear().env("KUBECONFIG", lab.ground().kubeconfig());
    command.envs(environment.iter().copied()).output().unwrap()
}

/// What it prints, where it must succeed.
pub fn says(lab: &Lab, args: &[&str]) -> String {
    let output = plugin(lab, args, &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn contains(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
}

/// What it ends with, and all that it printed.
fn ends(lab: &Lab, args: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let output = plugin(lab, args, environment);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// Acme on plan team with an event of 612.5 GB, and customer success's token in a file.
struct Ground {
    lab: Lab,
    server: Serving,
    account: String,
    token: String,
    file: String,
    folder: tempfile::TempDir,
}

async fn ground() -> Ground {
    let lab = Lab::new().await;
    let server = lab.serve(&["--snapshot-interval", "2"]);
    let account = lab.operated("acme", json!({ "plan": "team" })).await;
    lab.ingest(&server, "acme", "e-1", "612.5").await;
    lab.until("acme", "what was used", |seen| seen.meter("ingestion") == "612.5").await;
    let token = lab.person("billing:read billing:plan", Some("CustomerSuccessManager"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, format!("{token}\n")).unwrap();
    let file = path.display().to_string();
    Ground { lab, server, account, token, file, folder }
}

impl Ground {
    /// What the API itself answers.
    async fn asks(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.server.api);
        client().get(url).bearer_auth(&self.token).send().await.unwrap().json().await.unwrap()
    }
}

fn money(value: &Value) -> String {
    // No amount here has thousands.
    format!("{} {}", value["currency"].as_str().unwrap(), value["amount"].as_str().unwrap())
}

#[tokio::test]
async fn prices_come_from_the_api_server() {
    let on = ground().await;
    let (lab, server) = (&on.lab, on.server.api.as_str());
    let by = ["--server", server, "--token-file", &on.file];
    let ask = |verb: &[&'static str]| -> String { says(lab, &[verb, &by[..]].concat()) };

    // The bill, line by line, is the one that the API explains.
    let bill = on.asks(&format!("/billing/usage/{}/explain", on.account)).await;
    let text = ask(&["usage", "acme"]);
    let total = money(&bill["total"]);
    contains(&text, &["bill so far", "base fee", "team@1 from ", &total]);
    for line in bill["lines"].as_array().unwrap() {
        contains(&text, &[line["meter"].as_str().unwrap(), &money(&line["amount"])]);
    }
    // What was sent in the second in which the plan began may have come before it.
    for free in bill["uncharged"].as_array().unwrap() {
        contains(&text, &[free["used"].as_str().unwrap(), "not charged"]);
    }
    assert!(!text.contains("not shown"), "{text}");
    let read: Value = serde_json::from_str(&ask(&["usage", "acme", "-o", "json"])).unwrap();
    assert_eq!(read["money"]["bill"]["total"], bill["total"]);
    assert_eq!(read["money"]["usage"]["account"], on.account.as_str());
    assert_eq!(read["meters"][0]["name"], "ingestion", "beside what the cluster knows");
    // It is projected anew every few seconds.
    eventually("the projection is the API's", async || {
        let read: Value = serde_json::from_str(&ask(&["usage", "acme", "-o", "json"])).unwrap();
        let shown = on.asks(&format!("/billing/usage/{}", on.account)).await;
        let shown = &shown["projected_cost"];
        holds(read["money"]["usage"]["projected_cost"] == *shown, shown)
    })
    .await;

    // What a change would cost is what it then costs, and asking changes nothing.
    let text = ask(&["plan", "acme", "--plan", "scale"]);
    contains(
        &text,
        &[
            "price: team@1 → scale@1, at once",
            "USD 2,499.00",
            "USD 899.00",
            "150,000 runs, then 0.015 each",
        ],
    );
    let read: Value =
        serde_json::from_str(&ask(&["plan", "acme", "--plan", "scale", "-o", "json"])).unwrap();
    assert_eq!(read["price"]["change"]["status"], "preview");
    assert_eq!(read["steps"], json!([]), "the stack stays as it is");
    let text = ask(&["plan", "acme", "--plan", "starter"]);
    contains(&text, &["price: team@1 → starter@1, from ", "when the period ends"]);
    let plans = on.asks(&format!("/billing/usage/{}", on.account)).await["subscription"].clone();
    assert_eq!((&plans["plan"]["key"], &plans["next"]), (&json!("team"), &Value::Null));

    // A token in the environment does as well.
    let (code, text) =
        ends(lab, &["usage", "acme", "--server", server], &[("TENANTRY_TOKEN", &on.token)]);
    assert_eq!(code, 0, "{text}");
    contains(&text, &["bill so far"]);
}

#[tokio::test]
async fn a_certificate_of_ones_own_authority_is_trusted_by_its_file_and_not_without() {
    let on = ground().await;
    let lab = &on.lab;
    let server = format!("https://{}", private::front(&on.server.api));
    let path = |name: &str| on.folder.path().join(name).display().to_string();
    receiver::written(on.folder.path());
    let ask = ["usage", "acme", "--server", &server, "--token-file", &on.file];
    // Also where another authority is named: that of the cluster signs something else.
    let kubeconfig = std::fs::read_to_string(lab.ground().kubeconfig()).unwrap();
    let kubeconfig: Value = serde_saphyr::from_str(&kubeconfig).unwrap();
    let data = kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"].as_str().unwrap();
    std::fs::write(path("other.pem"), STANDARD.decode(data).unwrap()).unwrap();
    let other = path("other.pem");
    for trusted in [&[][..], &["--server-ca-file", other.as_str()]] {
        let (code, text) = ends(lab, &[&ask[..], trusted].concat(), &[]);
        assert_eq!(code, 5, "{text}");
        contains(&text, &["612.5", "cannot be reached", "certificate"]);
        assert!(!text.contains(&on.token) && !text.contains("bill so far"), "{text}");
    }
    let bill = on.asks(&format!("/billing/usage/{}/explain", on.account)).await;
    let total = money(&bill["total"]);
    let authority = path("authority.pem");
    let text = says(lab, &[&ask[..], &["--server-ca-file", &authority]].concat());
    contains(&text, &["bill so far", &total]);
    let (code, text) = ends(lab, &ask, &[("TENANTRY_CA_FILE", &authority)]);
    assert_eq!(code, 0, "{text}");
    contains(&text, &["bill so far", &total]);
}

#[tokio::test]
async fn who_asks_without_a_token_or_with_a_wrong_one_is_told_what_it_takes() {
    let on = ground().await;
    let (lab, server) = (&on.lab, on.server.api.as_str());
    // Nothing was asked for: it is no failure.
    for verb in [&["usage", "acme"][..], &["plan", "acme", "--plan", "scale"]] {
        let (code, text) = ends(lab, verb, &[]);
        assert_eq!(code, 0, "{text}");
        contains(
            &text,
            &["not shown: no token: --token-file FILE or TENANTRY_TOKEN", "docs/kubectl.md#prices"],
        );
    }
    contains(&says(lab, &["usage", "acme"]), &["ingestion", "612.5"]);
    // The price list is anybody's.
    let text = says(lab, &["plan", "acme", "--plan", "scale", "--server", server]);
    contains(&text, &["list price of scale@1", "USD 2,499.00", "price not shown: no token"]);

    refused(&on);
}

/// Who asks as one may not is told why, beside what the cluster knows, and reads no token.
fn refused(on: &Ground) {
    let (lab, server) = (&on.lab, on.server.api.as_str());
    let path = |name: &str, text: &str| {
        let path = on.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (head, _signature) = on.token.rsplit_once('.').unwrap();
    let forged = path("forged", &format!("{head}.hushhush"));
    let poor = path("poor", &lab.person("billing:export", None));
    let blank = path("blank", "hush hush");
    let closed = "http://127.0.0.1:9";
    let cases: [(&[&str], i32, &str); 9] = [
        (
            &["usage", "acme", "--server", server, "--token-file", &forged],
            4,
            "does not take this token",
        ),
        (&["usage", "acme", "--server", server, "--token-file", &poor], 4, "needs"),
        (
            &["plan", "acme", "--plan", "scale", "--server", server, "--token-file", &poor],
            4,
            "billing:plan",
        ),
        (
            &["plan", "acme", "--plan", "tema", "--server", server, "--token-file", &on.file],
            1,
            "tema",
        ),
        (&["usage", "acme", "--server", closed, "--token-file", &on.file], 5, "cannot be reached"),
        (
            &["usage", "acme", "--server", "http://10.0.0.9", "--token-file", &on.file],
            2,
            "in clear",
        ),
        (&["usage", "acme", "--server", server, "--token-file", &blank], 2, "that is no token"),
        (
            &["usage", "acme", "--server", server, "--token-file", "/nowhere/token"],
            2,
            "/nowhere/token",
        ),
        (&["usage", "acme", "--token-file", &on.file], 3, "no Service tenantry-api-server"),
    ];
    for (args, expected, words) in cases {
        let (code, text) = ends(lab, args, &[]);
        assert_eq!(code, expected, "{args:?}: {text}");
        contains(&text, &[words, "not shown: "]);
        for secret in [on.token.as_str(), "hush", "Bearer"] {
            assert!(!text.contains(secret), "{args:?}: {text}");
        }
        // What the cluster knows is shown all the same.
        contains(&text, &[if args[0] == "usage" { "612.5" } else { "acme: dev" }]);
    }
}

/// The roles of docs/kubectl.md that stand under its heading of prices.
fn documented_roles() -> Vec<Value> {
    let text = include_str!("../../../docs/kubectl.md");
    let section = text.split("\n## Prices\n").nth(1).unwrap();
    let block =
        section.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    serde_saphyr::from_multiple(block).unwrap()
}

#[tokio::test]
async fn prices_come_through_the_cluster_without_an_address() {
    let on = ground().await;
    let lab = &on.lab;
    let door = Door::open(lab, &on.server.api).await;
    door.lead(lab, RELEASE_NAMESPACE).await;
    let by = ["--token-file", on.file.as_str()];
    let text = says(lab, &[&["usage", "acme"], &by[..]].concat());
    let bill = on.asks(&format!("/billing/usage/{}/explain", on.account)).await;
    contains(&text, &["bill so far", &money(&bill["total"])]);
    let text = says(lab, &[&["plan", "acme", "--plan", "scale"], &by[..]].concat());
    contains(&text, &["price: team@1 → scale@1, at once", "USD 2,499.00"]);
    // Where it is not, another one is named and not given the token.
    let elsewhere = [&["usage", "acme", "-n", "default"], &by[..]].concat();
    let (code, text) = ends(lab, &elsewhere, &[]);
    assert_eq!(code, 3, "{text}");
    contains(
        &text,
        &["prices not shown: ", "in namespace default (there is one in tenantry-system)"],
    );

    // Who may see the tenant alone may not forward; who has the documented role may.
    for object in documented_roles() {
        let file = on.folder.path().join("role.json");
        std::fs::write(&file, object.to_string()).unwrap();
        lab.ground().kubectl(&["apply", "-f", &file.to_string_lossy()]);
    }
    let sees =
        ["create", "clusterrole", "p-sees", "--verb=get,list", "--resource=tenants.tenantry.dev"];
    lab.ground().kubectl(&sees);
    for name in ["pat", "vera"] {
        let user = format!("--user={name}");
        let binds = ["create", "clusterrolebinding", name, "--clusterrole=p-sees", &user];
        lab.ground().kubectl(&binds);
    }
    let pays = [
        "create",
        "rolebinding",
        "pat",
        "-n",
        RELEASE_NAMESPACE,
        "--role=tenantry-prices",
        "--user=pat",
    ];
    lab.ground().kubectl(&pays);
    eventually("the documented role suffices", async || {
        let (code, text) = ends(lab, &[&["usage", "acme", "--as", "pat"], &by[..]].concat(), &[]);
        holds(code == 0 && text.contains("bill so far"), text)
    })
    .await;
    let (code, text) = ends(lab, &[&["usage", "acme", "--as", "vera"], &by[..]].concat(), &[]);
    assert_eq!(code, 4, "{text}");
    contains(&text, &["612.5", "prices not shown: "]);

    // A pod that no longer answers is named.
    drop(door);
    let (code, text) = ends(lab, &[&["usage", "acme"], &by[..]].concat(), &[]);
    assert_eq!(code, 5, "{text}");
    assert!(!text.contains(&on.token), "{text}");
}

#[tokio::test]
async fn a_backup_is_asked_for_and_told_of() {
    let lab = Lab::new().await;
    lab.operated("acme", json!({})).await;
    let (code, text) = ends(&lab, &["backup", "acme"], &[]);
    assert_eq!(code, 1, "{text}");
    contains(&text, &["the stack has no backups: spec.backups.enabled of profile dev"]);
    let _door = Door::open(&lab, "http://127.0.0.1:9").await;
    Door::logs(
        &lab,
        &[
            "waiting for the gateway",
            "backup 019c-7: 61440 bytes, 2 events held, SHA-256 ab12: kept by the control plane",
        ],
    );
    // What the operator renders, on the node that shows logs.
    door::create(
        &lab,
        &json!({
            "apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": { "name": "tenantry-backup", "namespace": "tenant-acme" },
            "spec": { "schedule": "0 3 1 1 *", "concurrencyPolicy": "Forbid", "jobTemplate": {
                "metadata": { "labels": { "tenantry.dev/component": "backup" } },
                "spec": { "backoffLimit": 0, "template": { "spec": {
                    "nodeName": door::NODE, "restartPolicy": "Never", "tolerations": [{ "operator": "Exists" }],
                    "containers": [{ "name": "backup", "image": "tenantry.dev/tenantry:1" }],
                } } },
            } },
        }),
    );
    let made: Value =
        serde_json::from_str(&says(&lab, &["backup", "acme", "-o", "json", "--timeout", "2m"]))
            .unwrap();
    assert_eq!((&made["id"], &made["bytes"]), (&json!("019c-7"), &json!(61440)), "{made}");
    assert_eq!(made["said"], "61440 bytes, 2 events held, SHA-256 ab12: kept by the control plane");
    let job = made["job"].as_str().unwrap().strip_prefix("tenant-acme/").unwrap();
    let jobs = lab.ground().kubectl(&["get", "jobs", "-n", "tenant-acme", "-o", "json"]);
    let jobs: Value = serde_json::from_str(&jobs).unwrap();
    let owner = &jobs["items"][0]["metadata"]["ownerReferences"][0]["name"];
    assert_eq!(
        (&jobs["items"][0]["metadata"]["name"], owner),
        (&json!(job), &json!("tenantry-backup"))
    );
}
