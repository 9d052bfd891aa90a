//! What the chart renders, for every tier and variant, on the oldest and the newest Kubernetes.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::{Value, json};

use crate::helm::{chart, objects, prints, root, template, values, yaml};

/// The oldest that `kubeVersion` allows, and the newest that was tried.
pub const VERSIONS: [&str; 2] = ["1.30.0", "1.37.2"];

/// Everything that is off by default.
pub const MONITORING: &[&str] = &[
    "--api-versions=monitoring.coreos.com/v1",
    "--set=monitoring.enabled=true,monitoring.gateways=true,monitoring.rules=true",
    "--set=platform.prometheus.enabled=false,platform.grafana.prometheusUrl=http://prometheus.monitoring:9090",
    "--set-json=monitoring.labels={\"release\":\"prometheus\"}",
    "--set-json=networkPolicies.monitoringFrom=[{\"namespaceSelector\":{\"matchLabels\":{\"kubernetes.io/metadata.name\":\"monitoring\"}}}]",
    "--set=platform.collector.enabled=false,otlpEndpoint=http://collector.monitoring:4318",
];
const HIGHLY_AVAILABLE: &[&str] = &[
    "--set=operator.replicas=3",
    "--set=apiServer.replicas=3",
    "--set=apiServer.database.existingSecret=ledger",
    "--set=apiServer.backups.accessMode=ReadWriteMany,apiServer.backups.className=shared",
    "--set=apiServer.ingress.enabled=true",
    "--set=apiServer.ingress.host=api.example.com",
    "--set=apiServer.ingress.tlsSecret=api-tls",
    "--set=image.registry=registry.local:5000",
    "--set-json=imagePullSecrets=[\"pull\"]",
    "--set-json=networkPolicies.apiFrom=[{\"namespaceSelector\":{\"matchLabels\":{\"kubernetes.io/metadata.name\":\"ingress-nginx\"}}}]",
    "--set-json=networkPolicies.dns=[{\"namespaceSelector\":{\"matchLabels\":{\"kubernetes.io/metadata.name\":\"openshift-dns\"}}},{\"ipBlock\":{\"cidr\":\"172.30.0.10/32\"}}]",
    "--set-json=networkPolicies.dnsPorts=[5353]",
    "--set-json=apiServer.issuers=[{\"issuer\":\"https://id.example.com\",\"keys\":{\"jwks\":\"{}\"},\"typ\":[\"JWT\"]}]",
    "--set=apiServer.developmentSecret=trial",
    "--set=profiles.domain=customers.example",
    "--set=apiServer.cluster.onboarding=true",
];

const ROUTINES: &[&str] = &[
    "--set=routines.enabled=true,routines.timeZone=Europe/Berlin,routines.keep=12,routines.patience=900",
    "--set=routines.existingSecret=routines-export,routines.key=jwt",
    "--set=routines.triage.existingSecret=routines-calls,routines.triage.key=token",
    "--set=routines.retention.existingSecret=routines-audit,routines.overrides.existingSecret=routines-audit",
    "--set=routines.retention.erase=true,routines.retention.attributeDays=400,routines.crm.format=ndjson",
    "--set=routines.storage.className=shared,routines.storage.accessMode=ReadWriteMany",
];

const BUCKET: &[&str] = &[
    "--set=apiServer.replicas=2,apiServer.database.existingSecret=ledger",
    "--set=apiServer.backups.s3.endpoint=https://store.example:9000,apiServer.backups.s3.bucket=tenants",
    "--set=apiServer.backups.s3.region=eu-central-1,apiServer.backups.s3.prefix=prod/tenants",
    "--set=apiServer.backups.s3.existingSecret=bucket,apiServer.backups.s3.caKey=ca.crt",
];

const PLATFORM: &[&str] = &[
    "--set=platform.collector.enabled=true,platform.collector.to=https://otlp.example/tenantry",
    "--set=platform.collector.existingSecret=otlp,platform.collector.key=token",
    "--set-json=platform.collector.config={\"processors\":{\"batch\":{\"timeout\":\"5s\"}}}",
    "--set-json=platform.collector.from=[{\"namespaceSelector\":{\"matchLabels\":{\"team\":\"people\"}}}]",
    "--set=platform.prometheus.enabled=true,platform.prometheus.storage.className=fast",
    "--set=platform.prometheus.storage.size=2Ti,platform.prometheus.retention=1y",
    "--set-json=platform.prometheus.from=[{\"namespaceSelector\":{\"matchLabels\":{\"kubernetes.io/metadata.name\":\"grafana\"}}}]",
    "--set-json=platform.prometheus.apiPorts=[16443]",
    "--set=platform.grafana.enabled=true,platform.grafana.key=password,monitoring.dashboards=true",
    "--set-json=platform.grafana.from=[{\"namespaceSelector\":{\"matchLabels\":{\"kubernetes.io/metadata.name\":\"ingress-nginx\"}}}]",
    "--set-json=networkPolicies.monitoringFrom=[{\"namespaceSelector\":{\"matchLabels\":{\"kubernetes.io/metadata.name\":\"monitoring\"}}}]",
    "--set=image.registry=registry.local:5000",
];

/// Each case: its name, and the arguments beside the tier's values.
pub fn cases() -> Vec<(String, Vec<String>)> {
    let owned = |all: &[&str]| all.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>();
    let gpu = vec![format!("--values={}", values("gpu"))];
    let mut cases = Vec::new();
    for tier in ["dev", "prod"] {
        let variants = [
            ("", vec![]),
            ("-gpu", gpu.clone()),
            ("-ha", owned(HIGHLY_AVAILABLE)),
            ("-monitoring", owned(MONITORING)),
            ("-routines", owned(ROUTINES)),
            ("-bucket", owned(BUCKET)),
            ("-platform", owned(PLATFORM)),
        ];
        for (variant, more) in variants {
            let mut arguments = vec![format!("--values={}", values(tier))];
            // The chart would make a password at random.
            arguments.push("--set=platform.grafana.existingSecret=grafana".to_owned());
            arguments.extend(more);
            cases.push((format!("{tier}{variant}"), arguments));
        }
    }
    cases
}

pub fn rendered(arguments: &[String], version: &str) -> String {
    let mut all = vec!["--kube-version", version];
    all.extend(arguments.iter().map(String::as_str));
    prints(&template(&all))
}

/// Without what is generated, is the same in every case, and has a test of its own.
fn own(text: &str) -> String {
    let generated = [
        "templates/crds.yaml",
        "templates/rights.yaml",
        "templates/prometheus-files.yaml",
        "templates/dashboards.yaml",
    ];
    let parts = text.split("\n---\n").map(|part| part.trim_start_matches("---\n").trim());
    let parts =
        parts.filter(|part| !generated.iter().any(|file| part.contains(file)) && !part.is_empty());
    let mut page = parts.collect::<Vec<_>>().join("\n---\n");
    page.push('\n');
    page
}

fn golden(name: &str) -> PathBuf {
    root().join(format!("operator/tests/chart/golden/{name}.yaml"))
}

#[test]
fn every_case_is_as_it_was() {
    let update = std::env::var_os("TENANTRY_UPDATE_GOLDEN").is_some();
    for (name, arguments) in cases() {
        for version in VERSIONS {
            let fresh = own(&rendered(&arguments, version));
            let file = golden(&name);
            if update {
                fs::write(&file, &fresh).unwrap();
            }
            let known = fs::read_to_string(&file).unwrap_or_default();
            let differs = known.lines().zip(fresh.lines()).find(|(a, b)| a != b);
            assert_eq!(
                differs, None,
                "{name} on {version}: TENANTRY_UPDATE_GOLDEN=1 writes it anew"
            );
            assert!(known == fresh, "{name} on {version}: one is longer than the other");
        }
    }
}

#[test]
fn ranges_for_webhooks_are_told_to_the_api_server() {
    let ranges = r#"apiServer.webhooks.allowCidrs=["10.20.0.0/16","fd00::/8"]"#;
    let text = prints(&template(&["--set-json", ranges]));
    let told = "- { name: TENANTRY_WEBHOOK_ALLOW_CIDR, value: \"10.20.0.0/16,fd00::/8\" }";
    assert!(text.contains(told), "{text}");
    assert!(!prints(&template(&[])).contains("TENANTRY_WEBHOOK"));
}

/// What the API server is told of its ledger's own backups: nothing where others make them.
#[test]
fn the_ledger_is_backed_up_unless_somebody_else_does_or_nobody_shall() {
    let told = |more: &[&str]| -> Vec<String> {
        let text = prints(&template(more));
        let lines = text.lines().filter(|line| line.contains("TENANTRY_BACKUPS_LEDGER_"));
        let short = |line: &str| line.rsplit("TENANTRY_BACKUPS_LEDGER_").next().unwrap().to_owned();
        lines.map(short).collect()
    };
    let [every, keep] = [r#"EVERY, value: "24" }"#, r#"KEEP, value: "7" }"#];
    assert_eq!(told(&[]), [every, keep]);
    let bucket = "apiServer.backups.s3.endpoint=https://store.example,apiServer.backups.s3.bucket=tenants,\
                  apiServer.backups.s3.existingSecret=key";
    assert_eq!(told(&["--set", bucket]), [every, keep, r#"LARGEST, value: "3221225472" }"#]);
    let off = told(&["--set", "apiServer.backups.ledger.enabled=false"]);
    assert_eq!(off, [r#"EVERY, value: "0" }"#, keep]);
    let other = "apiServer.backups.ledger.everyHours=6,apiServer.backups.ledger.keep=30";
    assert_eq!(told(&["--set", other]), [r#"EVERY, value: "6" }"#, r#"KEEP, value: "30" }"#]);
    assert_eq!(told(&["--set", "apiServer.database.existingSecret=ledger"]), Vec::<String>::new());
    assert_eq!(told(&["--set", "apiServer.backups.enabled=false"]), Vec::<String>::new());
}

/// The API server reaches the bucket's port, and nobody else does; no port is named twice.
#[test]
fn a_bucket_opens_its_port_to_the_api_server_alone() {
    for (endpoint, port) in [
        ("https://store.example:9000", 9000),
        ("http://store.minio.svc", 80),
        ("https://store.example", 443),
        ("http://[fd00::1]:9001", 9001),
    ] {
        let endpoint = format!("apiServer.backups.s3.endpoint={endpoint}");
        let bucket = "apiServer.backups.s3.bucket=tenants,apiServer.backups.s3.existingSecret=key";
        let all = objects(&prints(&template(&["--set", &endpoint, "--set", bucket])));
        let ports = |name: &str| -> Vec<i64> {
            let policy = all.iter().find(|object| {
                object["kind"] == "NetworkPolicy" && object["metadata"]["name"] == name
            });
            let rules = policy.unwrap()["spec"]["egress"].as_array().unwrap().clone();
            let ports = rules.last().unwrap()["ports"].as_array().unwrap().clone();
            ports.iter().map(|port| port["port"].as_i64().unwrap()).collect()
        };
        let usual = vec![443, 6443, 5432, 4318];
        assert_eq!(ports("tenantry-operator"), usual);
        let mut wanted = usual.clone();
        if !usual.contains(&port) {
            wanted.push(port);
        }
        assert_eq!(ports("tenantry-api-server"), wanted, "{endpoint}");
    }
}

#[test]
fn generated_parts_arrive_letter_by_letter() {
    let text = prints(&template(&[]));
    for file in ["crds/tenants.yaml", "crds/deploymentprofiles.yaml", "files/operator.yaml"] {
        let whole = fs::read_to_string(chart().join(file)).unwrap();
        for part in whole.split("---\n") {
            assert!(text.contains(part.trim_end()), "{file}");
        }
    }
}

/// The template of the pods that an object makes.
pub fn pod_template(object: &Value) -> Option<&Value> {
    let nested = || object.pointer("/spec/jobTemplate/spec/template");
    object.pointer("/spec/template").or_else(nested)
}

/// Each rendered object, and where in it something is amiss.
fn every_pod(check: impl Fn(&Value, &Value) -> Option<String>) {
    let mut wrong = Vec::new();
    for (name, arguments) in cases() {
        for object in objects(&rendered(&arguments, VERSIONS[1])) {
            let Some(pod) = pod_template(&object).map(|template| &template["spec"]) else {
                continue;
            };
            for container in pod["containers"].as_array().unwrap() {
                wrong.extend(
                    check(pod, container).map(|w| format!("{name} {}: {w}", object["kind"])),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_pod_is_restricted_and_bounded() {
    every_pod(|pod, container| {
        let must = [
            (pod.pointer("/securityContext/runAsNonRoot"), Value::from(true)),
            (pod.pointer("/securityContext/seccompProfile/type"), "RuntimeDefault".into()),
            (container.pointer("/securityContext/allowPrivilegeEscalation"), false.into()),
            (container.pointer("/securityContext/readOnlyRootFilesystem"), true.into()),
            (container.pointer("/securityContext/capabilities/drop/0"), "ALL".into()),
        ];
        let wrong = must.iter().find(|(found, wanted)| *found != Some(wanted));
        let bounded = container.pointer("/resources/limits/memory").is_some()
            && container.pointer("/resources/requests/cpu").is_some();
        let explicit = pod["automountServiceAccountToken"].is_boolean();
        wrong.map(|w| format!("{w:?}")).or_else(|| {
            (!(bounded && explicit)).then(|| format!("bounded {bounded}, explicit {explicit}"))
        })
    });
}

/// The cluster autoscaler removes no node with a pod whose scratch it was not told of. Who says something else is heard.
#[test]
fn the_cluster_autoscaler_knows_what_is_scratch() {
    const NAME: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";
    let told = |template: &Value| -> Vec<String> {
        let told = template["metadata"]["annotations"][NAME].as_str().unwrap_or_default();
        told.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let mut most = 0;
    for (name, arguments) in cases() {
        for object in objects(&rendered(&arguments, VERSIONS[1])) {
            let Some(template) = pod_template(&object) else { continue };
            let volumes = template["spec"]["volumes"].as_array().into_iter().flatten();
            let scratch = volumes.filter(|volume| volume.get("emptyDir").is_some());
            let names: Vec<&str> = scratch.map(|volume| volume["name"].as_str().unwrap()).collect();
            assert_eq!(told(template), names, "{name} {}", object["kind"]);
            most = most.max(names.len());
        }
    }
    assert_eq!(most, 2, "Grafana's state, or backups on their way to a bucket, beside /tmp");
    let own = format!(r#"--set-json=apiServer.podAnnotations={{"{NAME}":"none","team":"a"}}"#);
    let all = objects(&prints(&template(&[&own])));
    let server = all
        .iter()
        .find(|o| o["kind"] == "Deployment" && o["metadata"]["name"] == "tenantry-api-server");
    let template = pod_template(server.unwrap()).unwrap();
    assert_eq!(told(template), ["none"]);
    assert_eq!(template["metadata"]["annotations"]["team"], "a");
}

/// What admission asks of the API server is in policies, which need nobody who answers. A webhook that is
/// away could keep the cluster from working.
#[test]
fn no_case_registers_a_webhook() {
    for (name, arguments) in cases() {
        for version in VERSIONS {
            let all = objects(&rendered(&arguments, version));
            let kinds = || all.iter().map(|object| object["kind"].as_str().unwrap());
            assert!(kinds().any(|kind| kind == "ValidatingAdmissionPolicy"), "{name}");
            let hooks: Vec<&str> = kinds().filter(|kind| kind.contains("Webhook")).collect();
            assert_eq!(hooks, Vec::<&str>::new(), "{name} on {version}");
        }
    }
}

#[test]
fn a_mirror_is_where_every_image_comes_from() {
    let text = prints(&template(&["--set=image.registry=registry.local:5000"]));
    let mut images = 0;
    for object in objects(&text).iter().filter(|o| o["kind"] != "CustomResourceDefinition") {
        let lines = serde_json::to_string_pretty(object).unwrap();
        for line in lines.lines().filter(|line| line.trim_start().starts_with("\"image\":")) {
            assert!(line.contains("registry.local:5000/"), "{}: {line}", object["kind"]);
            assert!(!line.contains("tenantry.dev/"), "{line}");
            images += 1;
        }
    }
    assert!(images >= 10, "{images}");
}

/// What stacks pull by: the profile's own names if it says any, even none.
#[test]
fn stacks_pull_with_secrets_of_the_same_names() {
    const NAMES: &str = r#"--set-json=imagePullSecrets=["pull","mirror"]"#;
    let told = |more: &[&str]| -> Vec<Value> {
        let all = objects(&prints(&template(more)));
        let profiles = all.iter().filter(|o| o["kind"] == "DeploymentProfile");
        profiles.map(|profile| profile["spec"]["images"].clone()).collect()
    };
    assert_eq!(told(&[]), [Value::Null, Value::Null]);
    let both = json!({ "pullSecrets": ["pull", "mirror"] });
    assert_eq!(told(&[NAMES]), [both.clone(), both.clone()]);
    let none = "--set-json=profiles.dev.spec.images.pullSecrets=[]";
    let policy = "--set=profiles.prod.spec.images.pullPolicy=Always";
    let always = json!({ "pullPolicy": "Always", "pullSecrets": ["pull", "mirror"] });
    assert_eq!(told(&[NAMES, none, policy]), [json!({ "pullSecrets": [] }), always]);
    let own = "--set-json=profiles.prod.spec.images.pullSecrets=[\"own\"]";
    assert_eq!(told(&[NAMES, own]), [both, json!({ "pullSecrets": ["own"] })]);
}

/// Images that a container or a profile names, wherever they stand.
fn images(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if name == "image" => drop(found.insert(text.to_owned())),
                    _ => images(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| images(item, found)),
        _ => {}
    }
}

#[test]
fn both_lists_of_images_are_what_the_chart_starts() {
    let mut rendered = BTreeSet::new();
    for object in objects(&prints(&template(&["--values", &values("prod")]))) {
        if object["kind"] != "CustomResourceDefinition" {
            images(&object, &mut rendered);
        }
    }
    let manifest = yaml(&chart().join("Chart.yaml"));
    let listed = manifest["annotations"]["artifacthub.io/images"].as_str().unwrap();
    let mut annotated = BTreeSet::new();
    images(&serde_saphyr::from_str(listed).unwrap(), &mut annotated);
    assert_eq!(annotated, rendered);
    let page = fs::read_to_string(root().join("docs/install.md")).unwrap();
    let (_, table) = page.split_once("| image | for |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let tabled: BTreeSet<String> =
        rows.map(|row| row.split('`').nth(1).unwrap().to_owned()).collect();
    assert_eq!(tabled, rendered);
}

#[test]
fn a_digest_names_the_image_of_stacks_too() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let text = prints(&template(&[&format!("--set=image.digest={digest}")]));
    let objects = objects(&text);
    let profile = objects.iter().find(|o| o["kind"] == "DeploymentProfile").unwrap();
    let gateway = &profile["spec"]["billing"]["gateway"]["image"];
    assert_eq!(*gateway, Value::from(format!("tenantry.dev/tenantry@{digest}")));
}

#[test]
fn definitions_and_profiles_can_be_left_out() {
    let text = prints(&template(&[
        "--set=crds.install=false",
        "--set=profiles.dev.install=false,profiles.prod.install=false",
    ]));
    for object in objects(&text) {
        assert!(
            object["kind"] != "CustomResourceDefinition" && object["kind"] != "DeploymentProfile"
        );
    }
    let text = prints(&template(&["--set=crds.keep=false"]));
    let crds: Vec<Value> =
        objects(&text).into_iter().filter(|o| o["kind"] == "CustomResourceDefinition").collect();
    assert_eq!(crds.len(), 2);
    assert!(
        crds.iter().all(|c| c["metadata"]["annotations"].get("helm.sh/resource-policy").is_none())
    );
}

/// Environment variables that a container sets, by name.
fn environment(container: &Value) -> Vec<String> {
    let all = container["env"].as_array().into_iter().flatten();
    all.filter_map(|v| v["name"].as_str().map(str::to_owned)).collect()
}

#[test]
fn programs_know_every_variable_that_they_are_given() {
    let source = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let server = ["config.rs", "config/beside.rs", "config/bucket.rs", "config/own.rs"];
    let server = server.map(|file| source(&format!("api-server/src/{file}")));
    let known = [("operator", source("operator/src/config.rs")), ("api-server", server.concat())];
    let mut seen = 0;
    for (name, arguments) in cases() {
        for object in objects(&rendered(&arguments, VERSIONS[1])) {
            let containers = object.pointer("/spec/template/spec/containers");
            for container in containers.and_then(Value::as_array).into_iter().flatten() {
                let Some((_, text)) = known.iter().find(|(n, _)| container["name"] == *n) else {
                    continue;
                };
                for variable in environment(container) {
                    assert!(text.contains(&format!("\"{variable}\"")), "{name}: {variable}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 80, "{seen}");
}
