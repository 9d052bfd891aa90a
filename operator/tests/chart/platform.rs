//! The platform's own Prometheus: promtool takes its files, a real one finds in a real cluster what the PodMonitors name, by no
//! more than the rights that the chart gives it, and its policy lets it reach that and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    alerts::{PROMETHEUS, metrics, promtool},
    helm::{chart, objects, prints, root, template, values, yaml},
    life::{Release, operate},
    support::{Lab, api::Api, eventually, holds, lab::SYSTEM, tenant},
};

const ON: &str = "--set=platform.prometheus.enabled=true";
const NAME: &str = "tenantry-prometheus";
/// What is kept of what a pod says that calls itself a gateway.
const GATEWAYS_SAY: &str = "tenantry_gateway_.+|backup_last_success_timestamp_seconds|backup_size_bytes\
                            |tenantry_issuer_keys_left_seconds";

fn rendered(more: &[&str]) -> Vec<Value> {
    objects(&prints(&template(&[&[ON], more].concat())))
}

pub fn one<'v>(all: &'v [Value], kind: &str, name: &str) -> &'v Value {
    let mut found = all.iter().filter(|o| o["kind"] == kind && o["metadata"]["name"] == name);
    found.next().unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn pod(all: &[Value]) -> &Value {
    &one(all, "StatefulSet", NAME)["spec"]["template"]["spec"]
}

/// Its ConfigMap's files where its pod has them, below this folder, which takes the place of `/etc/prometheus`.
fn laid_out(map: &Value, pod: &Value, folder: &Path) -> PathBuf {
    let items = pod["volumes"][0]["configMap"]["items"].as_array().unwrap();
    assert_eq!(items.len(), map["data"].as_object().unwrap().len(), "a file that is not mounted");
    for item in items {
        let file = folder.join(item["path"].as_str().unwrap());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let text = map["data"][item["key"].as_str().unwrap()].as_str().unwrap();
        fs::write(file, text.replace("/etc/prometheus", &folder.to_string_lossy())).unwrap();
    }
    folder.join("prometheus.yaml")
}

#[test]
fn there_is_one_where_it_is_wanted_and_prod_wants_it() {
    let there = |more: &[&str]| prints(&template(more)).contains(NAME);
    let (dev, prod) = (values("dev"), values("prod"));
    assert!(!there(&[]) && !there(&["--values", &dev]) && there(&["--values", &prod]));
    assert!(there(&["--values", &dev, ON]));
    assert!(!there(&[
        "--values",
        &prod,
        "--set=platform.prometheus.enabled=false,platform.grafana.enabled=false"
    ]));
}

#[test]
fn its_size_and_time_are_those_of_the_values() {
    for (size, most) in [("20Gi", "16384MB"), ("1Ti", "838860MB"), ("512Mi", "409MB")] {
        let size_is = format!("--set=platform.prometheus.storage.size={size}");
        let all = rendered(&[&size_is, "--set=platform.prometheus.retention=3w"]);
        let claim = one(&all, "PersistentVolumeClaim", NAME);
        assert_eq!(claim["spec"]["resources"]["requests"]["storage"], size);
        assert_eq!(claim["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
        assert_eq!(
            pod(&all)["containers"][0]["args"],
            json!([
                "--config.file=/etc/prometheus/prometheus.yaml",
                "--storage.tsdb.path=/prometheus",
                "--storage.tsdb.retention.time=3w",
                format!("--storage.tsdb.retention.size={most}"),
            ])
        );
    }
}

#[test]
fn promtool_takes_its_files_and_the_rules_are_those_of_the_repository() {
    let all = rendered(&[]);
    let map = one(&all, "ConfigMap", NAME);
    for file in ["tenantry", "cluster"] {
        let shipped: Value =
            serde_saphyr::from_str(map["data"][format!("{file}.yaml")].as_str().unwrap()).unwrap();
        assert_eq!(shipped, yaml(&root().join(format!("infra/prometheus/rules/{file}.yaml"))));
    }
    let shipped = map["data"]["prometheus.yaml"].as_str().unwrap();
    let source = fs::read_to_string(root().join("infra/prometheus/platform.yaml")).unwrap();
    assert_eq!(shipped.trim(), source.trim(), "scripts/generate.sh copies it");

    let folder = std::env::temp_dir().join(format!("tenantry-platform-{}", std::process::id()));
    let config = laid_out(map, pod(&all), &folder);
    let arguments = ["check", "config", "--lint-fatal", config.to_str().unwrap()];
    let (content, said) = promtool(&arguments, &folder);
    assert!(content && said.matches("rules found").count() == 2, "{said}");
    let whole = fs::read_to_string(&config).unwrap();
    for (right, wrong, words) in [
        ("relabel_configs", "relabel_config", "field relabel_config not found"),
        ("role: pod,", "role: pods,", "pods"),
    ] {
        fs::write(&config, whole.replace(right, wrong)).unwrap();
        let (content, said) = promtool(&arguments, &folder);
        assert!(!content && said.contains(words), "{wrong}: {said}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

/// By job: in which namespaces, and the labels that are looked for.
type Looks = BTreeMap<String, (Option<Vec<Value>>, BTreeSet<String>)>;

#[test]
fn it_looks_for_the_pods_that_the_podmonitors_name() {
    let all = rendered(&[]);
    let config = one(&all, "ConfigMap", NAME)["data"]["prometheus.yaml"].as_str().unwrap();
    let config: Value = serde_saphyr::from_str(config).unwrap();
    let mut looks = Looks::new();
    for job in config["scrape_configs"].as_array().unwrap() {
        let Some(found) = job["kubernetes_sd_configs"].as_array() else { continue };
        let [found] = &found[..] else { panic!("{job}") };
        let [selector] = &found["selectors"].as_array().unwrap()[..] else { panic!("{job}") };
        assert_eq!((&found["role"], &selector["role"]), (&json!("pod"), &json!("pod")));
        let labels = selector["label"].as_str().unwrap().split(',').map(str::to_owned).collect();
        let namespaces = found["namespaces"]["names"].as_array().cloned();
        looks.insert(job["job_name"].as_str().unwrap().to_owned(), (namespaces, labels));
    }
    let monitors = objects(&prints(&template(&[
        "--api-versions=monitoring.coreos.com/v1",
        "--set=monitoring.enabled=true,monitoring.gateways=true,networkPolicies.enabled=false",
        "--set=platform.collector.enabled=true",
    ])));
    let mut wanted = Looks::new();
    for monitor in monitors.iter().filter(|object| object["kind"] == "PodMonitor") {
        let (about, spec) = (&monitor["metadata"], &monitor["spec"]);
        let collector = about["name"] == "tenantry-collector";
        let port = if collector { "self-metrics" } else { "health" };
        assert_eq!(spec["podMetricsEndpoints"][0]["port"], port);
        let everywhere = spec["namespaceSelector"]["any"] == true;
        let labels = spec["selector"]["matchLabels"].as_object().unwrap().iter();
        // There is one release, of one name.
        let labels = labels.filter(|(name, _)| *name != "app.kubernetes.io/instance");
        let labels = labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap()));
        let namespaces = (!everywhere).then(|| vec![about["namespace"].clone()]);
        let job = format!("{SYSTEM}/{}", about["name"].as_str().unwrap());
        wanted.insert(job, (namespaces, labels.collect()));
    }
    assert_eq!(wanted.len(), 4);
    assert_eq!(looks, wanted);
    // A customer's pod that calls itself a gateway says nothing in another's name.
    let job = config["scrape_configs"].as_array().unwrap();
    let job =
        job.iter().find(|job| job["job_name"] == format!("{SYSTEM}/tenantry-gateways")).unwrap();
    let monitor = monitors.iter().find(|it| it["metadata"]["name"] == "tenantry-gateways").unwrap();
    let end = &monitor["spec"]["podMetricsEndpoints"][0];
    let names = json!(GATEWAYS_SAY);
    for (keeps, follows) in [
        (&job["metric_relabel_configs"], &job["follow_redirects"]),
        (&end["metricRelabelings"], &end["followRedirects"]),
    ] {
        assert_eq!((&keeps[0]["action"], &keeps[0]["regex"]), (&json!("keep"), &names));
        assert_eq!(*follows, false);
    }
    assert_eq!(job["sample_limit"], monitor["spec"]["sampleLimit"]);
}

#[test]
fn what_alerts_of_gateways_ask_for_is_read_of_them() {
    let kept = |name: &str| {
        GATEWAYS_SAY.split('|').any(|one| match one.strip_suffix(".+") {
            Some(start) => name.len() > start.len() && name.starts_with(start),
            None => name == one,
        })
    };
    let rules_of = |file: &str, name: &str| {
        let file = yaml(&root().join("infra/prometheus/rules").join(file));
        let groups = file["groups"].as_array().unwrap();
        let group = groups.iter().find(|group| group["name"] == name).unwrap();
        group["rules"].as_array().unwrap().clone()
    };
    // Where no schedule makes backups none is missed: those rules are for clusters alone.
    let groups = [("tenantry.yaml", "tenantry-gateways"), ("cluster.yaml", "tenantry-backups")];
    let mut asked: BTreeSet<String> = groups
        .iter()
        .flat_map(|(file, name)| rules_of(file, name))
        .flat_map(|rule| metrics(rule["expr"].as_str().unwrap()))
        .filter(|name| !name.contains(':'))
        .collect();
    // Recorded of gateways, shown of them, and said of them in a runbook.
    asked.extend(["held_bytes", "limit_bytes"].map(|end| format!("tenantry_gateway_{end}")));
    asked.extend(["backup_size_bytes", "tenantry_issuer_keys_left_seconds"].map(str::to_owned));
    assert!(asked.contains("backup_last_success_timestamp_seconds") && asked.len() > 5);
    let lost: Vec<_> = asked.iter().filter(|name| !kept(name)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(!kept("tenantry_build_info") && !kept("tenant_quota_usage_ratio") && !kept("up"));
}

/// Whether labels of a part are among those that peers of a policy select in the release's namespace.
pub fn lets(peers: &Value, part: &str) -> bool {
    let part = json!({ "app.kubernetes.io/name": part, "app.kubernetes.io/instance": "tenantry" });
    peers.as_array().into_iter().flatten().any(|peer| {
        let labels = peer["podSelector"]["matchLabels"].as_object();
        peer.get("namespaceSelector").is_none()
            && labels.is_some_and(|all| all.iter().all(|(name, value)| part[name] == *value))
    })
}

#[test]
fn it_reaches_what_it_reads_and_nobody_reaches_it_unasked() {
    let all = rendered(&["--set-json=platform.prometheus.apiPorts=[16443]"]);
    let own = &one(&all, "NetworkPolicy", NAME)["spec"];
    assert_eq!(own["podSelector"]["matchLabels"]["app.kubernetes.io/name"], NAME);
    assert_eq!(own["policyTypes"], json!(["Ingress", "Egress"]));
    assert!(own.get("ingress").is_none(), "{own}");
    let [names, read, cluster] = &own["egress"].as_array().unwrap()[..] else { panic!("{own}") };
    assert!(names["ports"].as_array().unwrap().iter().all(|port| port["port"] == 53), "{names}");
    assert_eq!(read["ports"], json!([{ "port": "health", "protocol": "TCP" }]));
    assert!(lets(&read["to"], "tenantry-operator") && lets(&read["to"], "tenantry-api-server"));
    assert!(!lets(&read["to"], "tenantry-routine"));
    let gateways = &read["to"][2];
    assert_eq!(
        gateways["podSelector"]["matchLabels"],
        json!({ "tenantry.dev/component": "gateway" })
    );
    assert_eq!(gateways["namespaceSelector"]["matchExpressions"][0]["key"], "tenantry.dev/tenant");
    assert_eq!(*cluster, json!({ "ports": [{ "port": 16443, "protocol": "TCP" }] }));
    // The other ends let it in, at that port, and only while it is there.
    let health = json!([{ "port": "health", "protocol": "TCP" }]);
    let let_in = |all: &[Value], name: &str| {
        let policy = one(all, "NetworkPolicy", name);
        let rules = policy["spec"]["ingress"].as_array().into_iter().flatten();
        rules.filter(|rule| lets(&rule["from"], NAME)).any(|rule| rule["ports"] == health)
    };
    let without = objects(&prints(&template(&[])));
    for name in ["tenantry-operator", "tenantry-api-server"] {
        assert!(let_in(&all, name) && !let_in(&without, name), "{name}");
    }
    let grafana = json!([{ "namespaceSelector": { "matchLabels": { "team": "grafana" } } }]);
    let all = rendered(&[&format!("--set-json=platform.prometheus.from={grafana}")]);
    let asked = &one(&all, "NetworkPolicy", NAME)["spec"]["ingress"];
    let port = json!([{ "port": "http", "protocol": "TCP" }]);
    assert_eq!(*asked, json!([{ "ports": port, "from": grafana }]));
    let open = rendered(&["--set=networkPolicies.enabled=false"]);
    assert!(open.iter().all(|object| object["kind"] != "NetworkPolicy"));
}

/// A real one. It ends with its owner.
struct Prometheus {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

impl Prometheus {
    /// One that listens: another program may take the port before it does, then the next one has another.
    async fn start(config: &Path, folder: &Path) -> Self {
        for _ in 0..5 {
            let mut one = Self::on_some_port(config, folder);
            let listens = eventually("Prometheus listens or ends", async || {
                let log = fs::read_to_string(&one.log).unwrap_or_default();
                if one.child.try_wait().unwrap().is_some() {
                    assert!(log.contains("address already in use"), "Prometheus ended:\n{log}");
                    return Ok(false);
                }
                holds(log.contains("Listening on"), log).map(|()| true)
            });
            if listens.await {
                return one;
            }
        }
        panic!("five ports were taken by others");
    }

    fn on_some_port(config: &Path, folder: &Path) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let log = folder.join("log");
        let child = Command::new(PROMETHEUS.join("prometheus"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, url: format!("http://{address}"), log }
    }

    async fn ask(&self, path: &str) -> Result<Value, String> {
        let log = || fs::read_to_string(&self.log).unwrap_or_default();
        let answer = reqwest::get(format!("{}{path}", self.url)).await;
        let answer = answer.map_err(|error| format!("{error}\n{}", log()))?;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&text).map_err(|_| text)?;
        Ok(answer["data"].clone())
    }

    /// The labels of what it reads, without its own.
    async fn targets(&self) -> Result<BTreeSet<String>, String> {
        let data = self.ask("/api/v1/targets?state=active").await?;
        let labels =
            data["activeTargets"].as_array().ok_or("no list")?.iter().map(|t| &t["labels"]);
        let found = labels.filter(|labels| labels["job"] != "tenantry-system/tenantry-prometheus");
        Ok(found.map(Value::to_string).collect())
    }
}

/// A pod as the one that reads it has to know it.
fn known(pod: &Value, job: &str) -> String {
    let (about, container) = (&pod["metadata"], &pod["spec"]["containers"][0]);
    let ports = container["ports"].as_array().unwrap();
    let end = if job == "tenantry-collector" { "self-metrics" } else { "health" };
    let port = ports.iter().find(|port| port["name"] == end).expect("the port");
    let labels = json!({
        "job": format!("{SYSTEM}/{job}"), "namespace": about["namespace"], "pod": about["name"],
        "container": container["name"], "endpoint": end,
        "instance": format!("{}:{}", pod["status"]["podIP"].as_str().unwrap(), port["containerPort"]),
    });
    labels.to_string()
}

/// A kubeconfig that holds the token of its account and nothing else.
fn account(lab: &Lab, folder: &Path) -> PathBuf {
    let token = lab.ground.kubectl(&["create", "token", NAME, "--namespace", SYSTEM]);
    let mut config = yaml(&lab.ground.path("kubeconfig"));
    config["users"][0]["user"] = json!({ "token": token.trim() });
    let file = folder.join("kubeconfig");
    fs::write(&file, config.to_string()).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_one_finds_operator_api_server_and_every_gateway_by_its_rights() {
    let lab = Lab::bare().await;
    let release = Release::on(&lab);
    let (prod, tier) = (chart(), [values("prod")]);
    let (_, operator) = tokio::join!(release.upgrade(&prod, &tier, &[]), operate(&lab, "platform"));
    // A pod with such a port that is nobody's of ours.
    let stranger = json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "stranger", "namespace": "default", "labels": { "tenantry.dev/component": "gateway" } },
        "spec": { "containers": [{ "name": "a", "image": "a:1", "ports": [{ "name": "health", "containerPort": 1 }] }] } });
    lab.apply(&[stranger, tenant("acme", "dev"), tenant("borealis", "prod")]).await;
    for name in ["acme", "borealis"] {
        lab.ready(name).await;
    }
    let ready = release.object("statefulsets", NAME).await;
    assert_eq!(ready["status"]["readyReplicas"], 1);

    let folder = lab.ground.path("platform");
    let map = release.object("configmaps", NAME).await;
    let config = laid_out(&map, &ready["spec"]["template"]["spec"], &folder);
    let token = account(&lab, &folder);
    // A pod has the account by itself.
    let whole = fs::read_to_string(&config).unwrap();
    let role = "- role: pod\n";
    let named = format!("- kubeconfig_file: {}\n        role: pod\n", token.display());
    assert_eq!(whole.matches(role).count(), 4);
    fs::write(&config, whole.replace(role, &named)).unwrap();
    let prometheus = Prometheus::start(&config, &folder).await;
    let wanted = async || {
        let mut wanted = BTreeSet::new();
        for part in ["tenantry-operator", "tenantry-api-server", "tenantry-collector"] {
            let query = format!("labelSelector=app.kubernetes.io/name={part}");
            let pods = lab.api.list("pods", SYSTEM, &query).await;
            wanted.extend(pods.iter().map(|pod| known(pod, part)));
        }
        for name in ["acme", "borealis"] {
            let pods = lab.pods(name, "gateway").await;
            wanted.extend(pods.iter().map(|pod| known(pod, "tenantry-gateways")));
        }
        wanted
    };
    eventually("it has found them", async || {
        let (found, wanted) = (prometheus.targets().await?, wanted().await);
        holds(found == wanted && found.len() == 6, format!("{found:#?} of {wanted:#?}"))
    })
    .await;
    // One more is found, and one that has gone is forgotten.
    lab.apply(&[tenant("cobalt", "dev")]).await;
    lab.ready("cobalt").await;
    eventually("it has found another", async || {
        let found = prometheus.targets().await?;
        holds(found.iter().any(|one| one.contains("tenant-cobalt")), format!("{found:#?}"))
    })
    .await;
    let rules = prometheus.ask("/api/v1/rules").await.unwrap();
    let groups = rules["groups"].as_array().unwrap();
    let alerts = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    let alerts = alerts.filter(|rule| rule["type"] == "alerting").count();
    assert!(alerts >= 20, "{alerts}");
    reads_pods_alone(&Api::connect(&token).await).await;
    drop(prometheus);
    the_password_stays(&release).await;
    drop(operator);
}

/// Lists of pods are all that its account may have.
async fn reads_pods_alone(account: &Api) {
    let pods = account.list("pods", "", "").await;
    let name = pods[0]["metadata"]["name"].as_str().unwrap();
    let namespace = pods[0]["metadata"]["namespace"].as_str().unwrap();
    for (plural, namespace, name) in [
        ("pods", namespace, name),
        ("secrets", SYSTEM, ""),
        ("configmaps", SYSTEM, NAME),
        ("services", "tenant-acme", ""),
        ("tenants", "", "acme"),
        ("nodes", "", ""),
    ] {
        let refused = account.get(plural, namespace, name).await.unwrap_err();
        assert_eq!(refused.code, 403, "{plural} {namespace}/{name}: {}", refused.message);
    }
    let refused = account.delete("pods", namespace, name).await.unwrap_err();
    assert_eq!(refused.code, 403);
}

/// That of Grafana, which is made at random.
async fn the_password_stays(release: &Release<'_>) {
    let secret = "tenantry-grafana-admin";
    let first = release.object("secrets", secret).await;
    let made = first["data"]["admin-password"].as_str().unwrap();
    assert_eq!(made.len(), 56, "40 letters and digits in base64");
    let again = "--set=platform.grafana.podAnnotations.again=yes";
    release.upgrade(&chart(), &[values("prod")], &[again]).await;
    let grafana = release.object("deployments", "tenantry-grafana").await;
    assert_eq!(grafana["spec"]["template"]["metadata"]["annotations"]["again"], "yes");
    assert_eq!(grafana["status"]["readyReplicas"], 1);
    let second = release.object("secrets", secret).await;
    assert_eq!(second["data"], first["data"]);
}
