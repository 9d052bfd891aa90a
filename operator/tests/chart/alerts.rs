//! The rules for Prometheus, as Prometheus' own promtool reads them; and that each alert has its runbook, asks
//! for metrics that exist, and was seen to fire and to clear.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::Value;

use crate::helm::{objects, prints, root, template, yaml};

/// Where Prometheus and its promtool are, built once.
pub static PROMETHEUS: LazyLock<PathBuf> = LazyLock::new(|| {
    let build = ["build", "--part", "prometheus"];
    let output = Command::new(root().join("scripts/ground")).args(build).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
});

/// Whether promtool is content, and what it says.
pub fn promtool(arguments: &[&str], folder: &Path) -> (bool, String) {
    let promtool = PROMETHEUS.join("promtool");
    let output: Output =
        Command::new(promtool).args(arguments).current_dir(folder).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The folder with rules and tests.
fn folder() -> PathBuf {
    root().join("infra/prometheus")
}

fn tests() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join("tests")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    files
}

fn items<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value[name].as_array().into_iter().flatten()
}

/// The file for everywhere, and the one that needs a cluster.
const FILES: [&str; 2] = ["tenantry", "cluster"];

fn path(file: &str) -> PathBuf {
    folder().join(format!("rules/{file}.yaml"))
}

fn rules_of(file: &str) -> Vec<Value> {
    let file = yaml(&path(file));
    items(&file, "groups").flat_map(|group| items(group, "rules")).cloned().collect()
}

fn rules() -> Vec<Value> {
    FILES.into_iter().flat_map(rules_of).collect()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// The alerts, by name.
fn alerts() -> BTreeMap<String, Value> {
    let rules = rules();
    let alerts: Vec<Value> = rules.into_iter().filter(|rule| rule["alert"].is_string()).collect();
    let count = alerts.len();
    let named = alerts.into_iter().map(|alert| (text(&alert, "alert").to_owned(), alert));
    let alerts: BTreeMap<String, Value> = named.collect();
    assert_eq!(alerts.len(), count, "names are unique");
    assert!(count >= 20, "{count}");
    alerts
}

#[test]
fn promtool_takes_the_rules_and_each_test_of_them() {
    let check = ["check", "rules", "--lint-fatal"];
    let paths = FILES.map(|file| format!("rules/{file}.yaml"));
    let check: Vec<&str> = check.into_iter().chain(paths.iter().map(String::as_str)).collect();
    let (content, said) = promtool(&check, &folder());
    assert!(content, "{said}");
    let there = fs::read_dir(folder().join("rules")).unwrap().count();
    assert_eq!(there, FILES.len(), "a file of rules that no test knows");
    for file in tests() {
        let (content, said) = promtool(&["test", "rules", file.to_str().unwrap()], &folder());
        assert!(content, "{said}");
    }
}

#[test]
fn a_wrong_rule_fails_its_test() {
    let copy = std::env::temp_dir().join(format!("tenantry-rules-{}", std::process::id()));
    for part in ["rules", "tests"] {
        fs::create_dir_all(copy.join(part)).unwrap();
    }
    let whole = FILES.map(|file| fs::read_to_string(path(file)).unwrap());
    for (test, right, wrong) in [
        ("gateways", "filled > 0.8", "filled > 0.9"),
        ("ledger", "max by (part) (billing_reconciliation_difference) > 0", "vector(0) > 0"),
        ("ledger", " or vector(0)) == 0", ") == 0"),
        ("cluster", "action=\"held\"} unless", "action=\"other\"} unless"),
        ("operator", "for: 5m", "for: 1h"),
        ("operator", "queue_depth) > 0 unless sum", "queue_depth) > 0 and sum"),
        ("operator", "queue_depth) > 0 unless", "queue_depth) >= 0 unless"),
        ("customers", ">= 0.8 < 0.95", "> 0.8 < 0.95"),
        ("customers", "tenant_health_ratio) < 0.75", "tenant_health_ratio) <= 0.75"),
        ("slow", "or 0 * max by (tenant)", "or 9 * max by (tenant)"),
        (
            "slow",
            "last_over_time(tenant_support_late_answers[6h] offset 1d)",
            "tenant_support_late_answers offset 1d",
        ),
        ("ledger", "accounts_total[1h])) == 0", "accounts_total[1h])) < 0"),
        ("compared", "vector(0) unless sum(increase(billing", "vector(0) and sum(increase(billing"),
        ("compared", "accounts_total[7d] offset 1h)) > 0)", "accounts_total[1d] offset 1h)) > 0)"),
        ("operator", "of what the operator tries is", "of all tenants are"),
        ("customers", "keep_firing_for: 10m", "keep_firing_for: 1m"),
        ("slow", "ratio5m > 14.4 * 0.001", "ratio5m > 144 * 0.001"),
        ("compose", "service=\"tenantry-api-server\"", "service=\"tenantry-operator\""),
    ] {
        assert!(whole.iter().any(|file| file.contains(right)), "{right}");
        for (file, whole) in FILES.iter().zip(&whole) {
            let bent = whole.replace(right, wrong);
            fs::write(copy.join(format!("rules/{file}.yaml")), bent).unwrap();
        }
        let test = format!("tests/{test}.yaml");
        fs::copy(folder().join(&test), copy.join(&test)).unwrap();
        let (content, said) = promtool(&["test", "rules", &test], &copy);
        assert!(!content && said.contains("FAILED"), "{wrong}: {said}");
    }
    fs::remove_dir_all(&copy).unwrap();
}

#[test]
fn each_alert_was_seen_to_fire_and_to_clear() {
    let mut seen = BTreeMap::<String, Vec<bool>>::new();
    for file in tests() {
        for case in items(&yaml(&file), "tests") {
            for look in items(case, "alert_rule_test") {
                let fires = items(look, "exp_alerts").next().is_some();
                seen.entry(text(look, "alertname").to_owned()).or_default().push(fires);
            }
        }
    }
    for name in alerts().keys() {
        let looks = seen.get(name).map_or(&[][..], Vec::as_slice);
        let fired = looks.iter().position(|fires| *fires);
        let before = fired.is_some_and(|at| looks[..at].contains(&false));
        let cleared = fired.is_some_and(|at| looks[at..].contains(&false));
        assert!(before && cleared, "{name}: quiet, firing and quiet again: {looks:?}");
    }
}

#[test]
fn each_alert_has_a_runbook_of_its_name_and_each_runbook_an_alert() {
    let page = fs::read_to_string(root().join("docs/runbooks.md")).unwrap();
    let titles: BTreeSet<String> =
        page.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect();
    let alerts = alerts();
    assert_eq!(titles, alerts.keys().cloned().collect());
    let address = "https://github.com/tenantry/tenantry/blob/main/docs/runbooks.md#";
    for (name, alert) in &alerts {
        let notes = &alert["annotations"];
        assert_eq!(text(notes, "runbook_url"), address.to_owned() + &name.to_lowercase());
        assert!(!text(notes, "summary").is_empty() && !text(notes, "description").is_empty());
        assert!(["critical", "warning", "info"].contains(&text(&alert["labels"], "severity")));
    }
}

/// Every file of Rust below a folder, as one text.
fn source(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &source(&path);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            all += &fs::read_to_string(path).unwrap();
        }
    }
    all
}

/// Names of metrics in an expression; recorded ones have colons.
pub fn metrics(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let ours = ["tenantry_", "tenant_", "billing_", "backup_", "onboarding_", "tenantry:"];
    words.filter(|word| ours.iter().any(|own| word.starts_with(own))).map(str::to_owned).collect()
}

#[test]
fn rules_ask_for_metrics_that_programs_have() {
    let folders = ["operator/src", "api-server/src", "telemetry/src"];
    let programs: String = folders.map(|folder| source(&root().join(folder))).concat();
    let rules = rules();
    let recorded: BTreeSet<&str> = rules.iter().map(|rule| text(rule, "record")).collect();
    let exists = |metric: &str| {
        // As the exporter names them: unit, then what a counter or a histogram adds.
        let endings = ["", "_total", "_seconds", "_bytes", "_seconds_bucket"];
        let mut names = endings.iter().filter_map(|ending| metric.strip_suffix(ending));
        recorded.contains(metric) || names.any(|name| programs.contains(&format!("\"{name}\"")))
    };
    let mut asked = BTreeSet::new();
    for rule in &rules {
        let names = metrics(text(rule, "expr"));
        // Prometheus itself says of each target whether it is up.
        assert!(!names.is_empty() || text(rule, "expr").contains("up{job="), "{rule}");
        let unknown: Vec<_> = names.iter().filter(|name| !exists(name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        asked.extend(names);
    }
    assert!(asked.len() > 20 && !exists("tenantry_operator_misspelt_total"), "{asked:?}");
    // What is recorded is used, or shown to people.
    let page = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    for name in recorded.into_iter().filter(|name| !name.is_empty()) {
        assert!(asked.contains(name) || page.contains(name), "{name}");
    }
}

/// Whether an expression asks for what only a cluster has: the operator, the API server's work on tenants, or
/// the schedule that makes a tenant's next backup. The ledger's are made everywhere.
fn needs_a_cluster(expression: &str) -> bool {
    [
        "tenantry_operator_",
        "tenantry_cluster_",
        "service=\"tenantry-operator\"",
        "backup_last_success_timestamp_seconds",
        "tenantry_gateway_backup_",
    ]
    .iter()
    .any(|part| expression.replace("tenantry_ledger_backup", "").contains(part))
}

/// An alert on what can never come would fire for ever where there is no cluster.
#[test]
fn compose_loads_the_rules_that_need_no_cluster_and_no_other() {
    let (everywhere, cluster) = (rules_of("tenantry"), rules_of("cluster"));
    assert!(everywhere.len() > 30 && cluster.len() > 5);
    let recorded: Vec<&str> = cluster.iter().map(|rule| text(rule, "record")).collect();
    let theirs = |rule: &Value| {
        let asked = text(rule, "expr");
        needs_a_cluster(asked) || metrics(asked).iter().any(|one| recorded.contains(&&**one))
    };
    for rule in &everywhere {
        assert!(!theirs(rule), "belongs into cluster.yaml: {rule}");
    }
    for rule in &cluster {
        assert!(theirs(rule), "belongs into tenantry.yaml: {rule}");
    }
    let compose = fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    let mounts = compose.lines().filter(|line| line.contains("infra/prometheus/rules"));
    let inside = "/etc/prometheus/rules/tenantry.yaml";
    let mount = format!("- ./infra/prometheus/rules/tenantry.yaml:{inside}:ro");
    assert_eq!(mounts.map(str::trim).collect::<Vec<_>>(), [mount]);
    let config = yaml(&root().join("infra/compose/prometheus.yaml"));
    assert_eq!(config["rule_files"], serde_json::json!([inside]));
}

#[test]
fn the_chart_s_rules_are_the_files_and_nothing_else() {
    let known = "--api-versions=monitoring.coreos.com/v1";
    let all = objects(&prints(&template(&[known, "--set=monitoring.rules=true"])));
    let rules = all.iter().filter(|object| object["kind"] == "PrometheusRule");
    let named = rules.map(|rule| (text(&rule["metadata"], "name"), rule["spec"].clone()));
    let wanted = [("tenantry", "tenantry"), ("tenantry-cluster", "cluster")];
    let wanted = wanted.map(|(name, file)| (name, yaml(&path(file))));
    assert_eq!(named.collect::<BTreeMap<_, _>>(), BTreeMap::from(wanted));
    assert!(all.iter().all(|o| o["kind"] != "PodMonitor"), "those have a value of their own");
    assert!(!prints(&template(&[known])).contains("PrometheusRule"));
    let label = "--set=monitoring.rules=true,monitoring.labels.team=sre";
    let all = objects(&prints(&template(&[known, label])));
    let rule = all.iter().find(|object| object["kind"] == "PrometheusRule").unwrap();
    assert_eq!(rule["metadata"]["labels"]["team"], "sre");
}

/// Each dashboard as the sidecar of Grafana's chart looks for it, and nothing of it unless it is asked for.
#[test]
fn the_chart_s_dashboards_are_the_files_in_their_folders() {
    let all = objects(&prints(&template(&["--set=monitoring.dashboards=true"])));
    let of = |object: &Value| object["metadata"]["labels"]["grafana_dashboard"] == "1";
    let mut shown = BTreeMap::new();
    for map in all.iter().filter(|object| of(object)) {
        assert_eq!(map["kind"], "ConfigMap");
        let folder = text(&map["metadata"]["annotations"], "grafana_folder");
        for (file, dashboard) in map["data"].as_object().unwrap() {
            let file = file.strip_prefix("tenantry_").unwrap().to_owned();
            let dashboard: Value = serde_json::from_str(dashboard.as_str().unwrap()).unwrap();
            assert!(shown.insert(file, (folder.to_owned(), dashboard)).is_none());
        }
    }
    for (file, folder) in [
        ("customer_health.json", "Customer Intelligence"),
        ("ledger_api.json", "Tenantry"),
        ("operator.json", "Tenantry"),
    ] {
        let path = root().join("infra/grafana/dashboards").join(file);
        let whole: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(shown.remove(file).unwrap(), (folder.to_owned(), whole), "{file}");
    }
    assert!(shown.is_empty(), "{:?}", shown.keys());
    let quiet = objects(&prints(&template(&[])));
    assert!(!quiet.iter().any(of));
}
