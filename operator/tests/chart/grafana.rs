//! The platform's own Grafana: the provisioning and dashboards of the repository where Grafana looks for them, its password, and
//! whom it reaches. No registry has a Grafana server, so none reads these files here.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::{
    helm::{chart, objects, prints, root, template, values, yaml},
    life::copy,
    platform::{lets, one},
};

const NAME: &str = "tenantry-grafana";
const ON: &str = "--set=platform.prometheus.enabled=true,platform.grafana.enabled=true";

fn rendered(more: &[&str]) -> Vec<Value> {
    objects(&prints(&template(&[&[ON], more].concat())))
}

fn pod(all: &[Value]) -> &Value {
    &one(all, "Deployment", NAME)["spec"]["template"]["spec"]
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value[name].as_array().into_iter().flatten()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// What the container finds, by path: the files of ConfigMaps.
fn files(all: &[Value]) -> BTreeMap<String, String> {
    let (pod, mut found) = (pod(all), BTreeMap::new());
    for mount in list(&pod["containers"][0], "volumeMounts") {
        let volume = list(pod, "volumes").find(|volume| volume["name"] == mount["name"]).unwrap();
        let projected = list(&volume["projected"], "sources").map(|source| &source["configMap"]);
        let maps = std::iter::once(&volume["configMap"]).chain(projected);
        for map in maps.filter(|map| map.is_object()) {
            let data = &one(all, "ConfigMap", text(map, "name"))["data"];
            for item in list(map, "items") {
                let path = format!("{}/{}", text(mount, "mountPath"), text(item, "path"));
                let content = text(data, text(item, "key"));
                assert!(!content.is_empty(), "{path} is a key that the ConfigMap lacks");
                assert!(found.insert(path, content.to_owned()).is_none());
            }
        }
    }
    found
}

#[test]
fn there_is_one_where_it_is_wanted_and_prod_wants_it() {
    // Those of tenants have its name too, in the operator's rights.
    let part = "app.kubernetes.io/name: tenantry-grafana";
    let there = |more: &[&str]| prints(&template(more)).contains(part);
    let (dev, prod) = (values("dev"), values("prod"));
    assert!(!there(&[]) && !there(&["--values", &dev]) && there(&["--values", &prod]));
    let off = "--set=platform.grafana.enabled=false";
    let off = prints(&template(&["--values", &prod, off]));
    assert!(!off.contains(part) && !off.contains("tenantry-dashboard-"), "nothing of it is left");
}

/// Docker Compose mounts the same files at the same paths, but for the dashboard of the one tenant there.
#[test]
fn grafana_finds_the_files_of_the_repository_where_it_looks() {
    let all = rendered(&[]);
    let mut found = files(&all);
    let file = |path: &str| fs::read_to_string(root().join("infra/grafana").join(path)).unwrap();
    for kind in ["datasources", "dashboards"] {
        let shipped = found.remove(&format!("/etc/grafana/provisioning/{kind}/tenantry.yaml"));
        let source = file(&format!("provisioning/{kind}/tenantry.yaml"));
        assert_eq!(shipped.unwrap().trim(), source.trim(), "scripts/generate.sh copies it");
    }
    let providers = yaml(&root().join("infra/grafana/provisioning/dashboards/tenantry.yaml"));
    for (folder, names) in [
        ("Customer Intelligence", &["customer_health.json"][..]),
        ("Tenantry", &["ledger_api.json", "operator.json"]),
    ] {
        let provider = list(&providers, "providers").find(|one| one["folder"] == folder).unwrap();
        for name in names {
            let path = format!("{}/{name}", text(&provider["options"], "path"));
            let shipped: Value = serde_json::from_str(&found.remove(&path).expect(&path)).unwrap();
            let source: Value = serde_json::from_str(&file(&format!("dashboards/{name}"))).unwrap();
            assert_eq!(shipped, source, "{name}");
        }
    }
    assert!(found.is_empty(), "{:?}", found.keys());
    // Another's sidecar is not meant, until somebody says so.
    let map = |all: &[Value]| one(all, "ConfigMap", "tenantry-dashboard-operator").clone();
    let label = |map: &Value| map["metadata"]["labels"]["grafana_dashboard"].clone();
    assert_eq!(label(&map(&all)), Value::Null);
    assert_eq!(label(&map(&rendered(&["--set=monitoring.dashboards=true"]))), "1");
}

#[test]
fn a_change_of_what_it_reads_makes_a_new_pod() {
    let sum = |all: &[Value], kind: &str, name: &str| {
        let template = &one(all, kind, name)["spec"]["template"];
        text(&template["metadata"]["annotations"], "checksum/config").to_owned()
    };
    let parts = [("Deployment", NAME), ("StatefulSet", "tenantry-prometheus")];
    let sums = |all: &[Value]| parts.map(|(kind, name)| sum(all, kind, name));
    let before = sums(&rendered(&[]));
    assert_eq!(before, sums(&rendered(&["--set=operator.log=debug"])), "nothing of theirs");
    let folder = std::env::temp_dir().join(format!("tenantry-changed-{}", std::process::id()));
    copy(&chart(), &folder);
    for (file, changed) in [
        ("dashboards/operator.json", [true, false]),
        ("grafana/datasources.yaml", [true, false]),
        ("prometheus.yaml", [false, true]),
        ("rules/cluster.yaml", [false, true]),
    ] {
        let path = folder.join("files").join(file);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(
            &path,
            format!("{}\n \n", whole.replace("15s", "16s").replace("enantry", "enantri")),
        )
        .unwrap();
        let place = folder.to_string_lossy();
        let arguments = ["template", "tenantry", &place, "--namespace", "tenantry-system", ON];
        let after = sums(&objects(&prints(&arguments)));
        fs::write(&path, whole).unwrap();
        assert_eq!([0, 1].map(|part| before[part] != after[part]), changed, "{file}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn its_password_is_a_file_of_a_secret_and_nowhere_else() {
    let secret = |all: &[Value]| {
        let mut made = all.iter().filter(|object| object["kind"] == "Secret");
        made.find(|object| object["metadata"]["name"] == "tenantry-grafana-admin").cloned()
    };
    let mounted = |all: &[Value]| {
        let volume = list(pod(all), "volumes").find(|volume| volume["name"] == "admin").unwrap();
        let (secret, item) = (&volume["secret"], &volume["secret"]["items"][0]);
        assert_eq!(item["path"], "admin-password");
        (text(secret, "secretName").to_owned(), text(item, "key").to_owned())
    };
    let (one, two) = (rendered(&[]), rendered(&[]));
    let (first, second) = (secret(&one).unwrap(), secret(&two).unwrap());
    let password = text(&first["data"], "admin-password").to_owned();
    assert_eq!(password.len(), 56, "40 letters and digits in base64");
    assert_ne!(second["data"]["admin-password"], password.as_str(), "made at random");
    assert_eq!(first["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    assert_eq!(mounted(&one), ("tenantry-grafana-admin".to_owned(), "admin-password".to_owned()));
    let elsewhere = one.iter().filter(|object| object["kind"] != "Secret");
    assert!(!elsewhere.map(Value::to_string).any(|object| object.contains(&password)));
    let own = ["--set=platform.grafana.existingSecret=people,platform.grafana.key=pass"];
    let own = rendered(&own);
    assert_eq!(secret(&own), None);
    assert_eq!(mounted(&own), ("people".to_owned(), "pass".to_owned()));
    let container = &pod(&own)["containers"][0];
    let told: Vec<_> =
        list(container, "env").filter(|one| text(one, "name").contains("PASSWORD")).collect();
    let file = "/var/run/secrets/grafana/admin-password";
    assert_eq!(told, [&json!({ "name": "GF_SECURITY_ADMIN_PASSWORD__FILE", "value": file })]);
    let anonymous = json!({ "name": "GF_AUTH_ANONYMOUS_ENABLED", "value": "false" });
    assert!(list(container, "env").any(|one| *one == anonymous));
    assert_eq!(pod(&own)["automountServiceAccountToken"], false);
}

/// Each rendering would have another one.
#[test]
fn the_example_for_argo_cd_names_a_secret_and_renders_the_same_twice() {
    let example = yaml(&root().join("examples/gitops/argocd-application.yaml"));
    let helm = &example["spec"]["source"]["helm"];
    assert_eq!(helm["valueFiles"], json!(["values-prod.yaml"]));
    let set = |one: &Value| format!("--set-string={}={}", text(one, "name"), text(one, "value"));
    let set: Vec<String> = list(helm, "parameters").map(set).collect();
    let prod = values("prod");
    let arguments: Vec<&str> =
        ["--values", &prod].into_iter().chain(set.iter().map(String::as_str)).collect();
    let once = prints(&template(&arguments));
    assert_eq!(once, prints(&template(&arguments)));
    assert!(once.contains(r#"secretName: "grafana-admin""#));
}

/// The Prometheus that its data source names, and the ports that its policy opens beside names.
fn asks(all: &[Value]) -> (String, Value) {
    let container = &pod(all)["containers"][0];
    let mut told = list(container, "env").filter(|one| one["name"] == "PROMETHEUS_URL");
    let policy = &one(all, "NetworkPolicy", NAME)["spec"];
    let [names, asked] = &policy["egress"].as_array().unwrap()[..] else { panic!("{policy}") };
    assert!(list(names, "ports").all(|port| port["port"] == 53), "{names}");
    (text(told.next().unwrap(), "value").to_owned(), asked.clone())
}

#[test]
fn it_asks_the_chart_s_prometheus_or_the_one_that_is_named() {
    let all = rendered(&[]);
    let (url, asked) = asks(&all);
    let service = one(&all, "Service", "tenantry-prometheus");
    let port = &service["spec"]["ports"][0]["port"];
    assert_eq!(url, format!("http://tenantry-prometheus.tenantry-system.svc:{port}"));
    assert!(lets(&asked["to"], "tenantry-prometheus") && !lets(&asked["to"], "tenantry-operator"));
    assert_eq!(asked["ports"], json!([{ "port": "http", "protocol": "TCP" }]));
    let prometheus = one(&all, "NetworkPolicy", "tenantry-prometheus");
    let lets_in = &prometheus["spec"]["ingress"][0];
    assert!(lets(&lets_in["from"], NAME) && lets_in["ports"] == asked["ports"], "{lets_in}");
    assert!(one(&all, "NetworkPolicy", NAME)["spec"].get("ingress").is_none());

    for (url, port) in [
        ("http://prometheus.monitoring:9091", 9091),
        ("https://metrics.example/prometheus", 443),
        ("http://prometheus.monitoring", 80),
    ] {
        let there = format!("--set=platform.grafana.prometheusUrl={url}");
        let off = "--set=platform.prometheus.enabled=false";
        let (told, asked) = asks(&rendered(&[off, &there]));
        assert_eq!(told, url);
        assert_eq!(asked, json!({ "ports": [{ "port": port, "protocol": "TCP" }] }));
        // A policy is about a pod's port.
        let pods = "--set=platform.grafana.prometheusPort=9099";
        let (_, asked) = asks(&rendered(&[off, &there, pods]));
        assert_eq!(asked["ports"][0]["port"], 9099);
    }
    let people = json!([{ "namespaceSelector": { "matchLabels": { "team": "people" } } }]);
    let all = rendered(&[&format!("--set-json=platform.grafana.from={people}")]);
    let let_in = &one(&all, "NetworkPolicy", NAME)["spec"]["ingress"][0];
    assert_eq!(let_in["from"], people);
}
