//! The platform's own collector: who sends to it, whom it reaches, and a real one with its files, which hands on what
//! operator and API server send and takes away what a sender says of a tenant.

use std::{
    fs::{self, File},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::LazyLock,
};

use serde_json::{Value, json};

use crate::{
    helm::{objects, prints, root, template, values},
    platform::{lets, one},
    receiver::{self, Notes, contains},
    support::{eventually, holds},
};

const NAME: &str = "tenantry-collector";
const ON: &str = "--set=platform.collector.enabled=true";

/// The collector of our images, built once.
static COLLECTOR: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = Command::new(root().join("scripts/otelcol")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
});

fn rendered(more: &[&str]) -> Vec<Value> {
    objects(&prints(&template(&[&[ON], more].concat())))
}

fn container(all: &[Value], kind: &str, name: &str) -> Value {
    one(all, kind, name)["spec"]["template"]["spec"]["containers"][0].clone()
}

/// Its ConfigMap's files in a folder, and the arguments of its container with that folder's place.
fn laid_out(all: &[Value], folder: &Path) -> Vec<String> {
    fs::create_dir_all(folder).unwrap();
    let files = one(all, "ConfigMap", NAME)["data"].as_object().unwrap();
    for (name, text) in files {
        let text = text.as_str().unwrap();
        let here = text.replace("/var/run/secrets/otlp", &folder.to_string_lossy());
        fs::write(folder.join(name), here).unwrap();
    }
    fs::write(folder.join("headers"), "authorization: Bearer told-to-nobody\n").unwrap();
    let container = container(all, "Deployment", NAME);
    let arguments: Vec<String> = container["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap().replace("/etc/otelcol", &folder.to_string_lossy()))
        .collect();
    assert_eq!(arguments.len(), files.len(), "each file is read, and each is there");
    arguments
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("tenantry-{name}-{}", std::process::id()))
}

fn validate(name: &str, more: &[&str]) -> Output {
    let folder = folder(name);
    let arguments = laid_out(&rendered(more), &folder);
    let output = Command::new(&*COLLECTOR)
        .arg("validate")
        .args(arguments)
        .envs([("MY_POD_IP", "127.0.0.1"), ("TENANT_ID", "none")])
        .output();
    fs::remove_dir_all(&folder).unwrap();
    output.unwrap()
}

#[test]
fn there_is_one_where_it_is_wanted_and_prod_wants_it() {
    // Those of tenants have its name too, in the operator's rights.
    let part = "app.kubernetes.io/name: tenantry-collector";
    let there = |more: &[&str]| prints(&template(more)).contains(&format!("    {part}\n"));
    let (dev, prod) = (values("dev"), values("prod"));
    assert!(!there(&[]) && !there(&["--values", &dev]) && there(&["--values", &prod]));
    let off = ["--values", &prod, "--set=platform.collector.enabled=false"];
    assert!(objects(&prints(&template(&off))).iter().all(|it| it["metadata"]["name"] != NAME));
}

#[test]
fn its_first_file_is_the_one_that_tenants_collectors_have() {
    let files = one(&rendered(&[]), "ConfigMap", NAME)["data"].clone();
    let source = root().join("operator/src/desired/files/collector.yaml");
    let source = fs::read_to_string(source).unwrap();
    let shipped = files["collector.yaml"].as_str().unwrap();
    assert_eq!(shipped.trim(), source.trim(), "scripts/generate.sh copies it");
}

#[test]
fn operator_and_api_server_send_to_it_or_to_the_one_that_is_named() {
    let told = |all: &[Value], name: &str| {
        let container = container(all, "Deployment", name);
        let env = container["env"].as_array().unwrap().iter();
        let mut found = env.filter(|one| one["name"] == "OTEL_EXPORTER_OTLP_ENDPOINT");
        found.next().map(|one| one["value"].as_str().unwrap().to_owned())
    };
    let named = "https://otlp.example:55681";
    let elsewhere = objects(&prints(&template(&[&format!("--set=otlpEndpoint={named}")])));
    let (own, nowhere) = (rendered(&[]), objects(&prints(&template(&[]))));
    let service = "http://tenantry-collector.tenantry-system.svc:4318";
    for name in ["tenantry-operator", "tenantry-api-server"] {
        assert_eq!(told(&own, name).unwrap(), service);
        assert_eq!(told(&elsewhere, name).unwrap(), named);
        assert_eq!(told(&nowhere, name), None);
        // And are let out to it, by pods or by its port.
        let out = |all: &[Value]| one(all, "NetworkPolicy", name)["spec"]["egress"].clone();
        let port = json!([{ "port": "otlp-http", "protocol": "TCP" }]);
        let to_pods = |all: &[Value]| {
            let rules = out(all);
            let mut rules = rules.as_array().unwrap().iter();
            rules.any(|rule| lets(&rule["to"], NAME) && rule["ports"] == port)
        };
        assert!(to_pods(&own) && !to_pods(&nowhere), "{name}");
        let by_port = |all: &[Value]| out(all).to_string().contains(r#""port":55681"#);
        assert!(by_port(&elsewhere) && !by_port(&nowhere), "{name}");
    }
    let ports = &one(&own, "Service", NAME)["spec"]["ports"];
    assert_eq!((&ports[1]["port"], &ports[1]["targetPort"]), (&json!(4318), &json!("otlp-http")));
}

#[test]
fn it_reaches_where_it_hands_on_to_and_only_the_programs_reach_it() {
    let own = |more: &[&str]| one(&rendered(more), "NetworkPolicy", NAME)["spec"].clone();
    let closed = own(&[]);
    let [names] = &closed["egress"].as_array().unwrap()[..] else { panic!("{closed}") };
    assert!(names["ports"].as_array().unwrap().iter().all(|port| port["port"] == 53), "{names}");
    let [taken] = &closed["ingress"].as_array().unwrap()[..] else { panic!("{closed}") };
    for (part, let_in) in [("operator", true), ("api-server", true), ("routine", false)] {
        assert_eq!(lets(&taken["from"], &format!("tenantry-{part}")), let_in, "{part}");
    }
    let to = "--set=platform.collector.to=https://otlp.example";
    let people = json!([{ "namespaceSelector": { "matchLabels": { "team": "people" } } }]);
    let more = format!("--set-json=platform.collector={{\"from\":{people},\"toPorts\":[9000]}}");
    let open = own(&[to, &more, "--set=platform.prometheus.enabled=true"]);
    let port = |port: u16| json!({ "port": port, "protocol": "TCP" });
    assert_eq!(open["egress"][1], json!({ "ports": [port(443), port(9000)] }));
    assert_eq!(open["ingress"][0]["from"][2], people[0]);
    assert_eq!(open["ingress"][1]["ports"][0]["port"], "self-metrics");
    assert!(lets(&open["ingress"][1]["from"], "tenantry-prometheus"));
}

#[test]
fn a_collector_takes_its_files() {
    let to = "--set=platform.collector.to=https://otlp.example:4318";
    let secret = "--set=platform.collector.existingSecret=otlp";
    let more = r#"--set-json=platform.collector.config={"processors":{"batch":{"timeout":"5s"}}}"#;
    for (name, arguments) in
        [("dropping", &[][..]), ("handing-on", &[to, secret]), ("more", &[to, more])]
    {
        let output = validate(name, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{name}: {said}");
    }
    let wrong = r#"--set-json=platform.collector.config={"processors":{"batsh":{}}}"#;
    let output = validate("wrong", &[wrong]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("batsh"), "{said}");
}

/// Ends with its owner.
struct Running(Child, PathBuf);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
        let _gone = fs::remove_dir_all(&self.1);
    }
}

/// A real one, at an address that no other process of this machine listens on: its ports are fixed.
fn start(all: &[Value], address: Ipv4Addr) -> Running {
    let folder = folder("collector");
    let arguments = laid_out(all, &folder);
    let log = File::create(folder.join("log")).unwrap();
    let child = Command::new(&*COLLECTOR)
        .args(arguments)
        .envs([("MY_POD_IP", address.to_string().as_str()), ("TENANT_ID", "none")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    Running(child.unwrap(), folder)
}

fn sent(signal: &str) -> Value {
    let attribute =
        |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let resource = json!({ "attributes":
        [attribute("service.name", "tenantry-operator"), attribute("tenant.id", "somebody-else")] });
    let at = "1782864000000000000";
    match signal {
        "traces" => json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": [{
            "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331",
            "name": "reconcile", "kind": 1, "startTimeUnixNano": at, "endTimeUnixNano": at }] }] }] }),
        "logs" => json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [{ "logRecords": [{
            "timeUnixNano": at, "body": { "stringValue": "a line" } }] }] }] }),
        _ => json!({ "resourceMetrics": [{ "resource": resource, "scopeMetrics": [{ "metrics": [{
            "name": "a_gauge", "gauge": { "dataPoints": [{ "timeUnixNano": at, "asDouble": 1.0 }] } }] }] }] }),
    }
}

#[tokio::test]
async fn a_real_one_hands_everything_on_but_what_is_said_of_a_tenant() {
    let notes = Notes::default();
    let endpoint = receiver::start(&notes).await;
    let to = format!("--set=platform.collector.to={}", endpoint.trim_end_matches('/'));
    // So that it can be read here.
    let plain = r#"--set-json=platform.collector.config={"exporters":{"otlp_http":{"compression":"none"}}}"#;
    let all = rendered(&[&to, "--set=platform.collector.existingSecret=otlp", plain]);
    let [_, b, c, d] = std::process::id().to_be_bytes();
    let address = Ipv4Addr::new(127, 128 + (b & 63), c, d);
    let running = start(&all, address);
    // Another part may have chosen it before.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    for signal in ["traces", "logs", "metrics"] {
        let url = format!("http://{address}:4318/v1/{signal}");
        eventually("it takes what is sent", async || {
            let sending = client.post(&url).json(&sent(signal)).send().await;
            match sending.and_then(reqwest::Response::error_for_status) {
                Ok(_) => Ok(()),
                Err(error) => Err(format!(
                    "{error}: {}",
                    fs::read_to_string(running.1.join("log")).unwrap_or_default()
                )),
            }
        })
        .await;
    }
    for signal in ["traces", "logs", "metrics"] {
        eventually("it is handed on", async || {
            let notes = notes.lock().unwrap();
            let path = format!("/v1/{signal}");
            let arrived = notes.iter().any(|note| {
                note.path == path
                    && note.authorization == "Bearer told-to-nobody"
                    && contains(&note.body, "tenantry-operator")
            });
            holds(arrived, notes.len())
        })
        .await;
    }
    for note in notes.lock().unwrap().iter() {
        let told = ["somebody-else", "tenant.id"].iter().any(|word| contains(&note.body, word));
        assert!(!told, "{}", note.path);
    }
    let own = client.get(format!("http://{address}:8888/metrics")).send().await.unwrap();
    let own = own.text().await.unwrap();
    assert!(own.contains("otelcol_receiver_accepted_spans"), "Prometheus reads how it does: {own}");
    let log = fs::read_to_string(running.1.join("log")).unwrap();
    assert!(!log.contains("told-to-nobody"), "{log}");
}
