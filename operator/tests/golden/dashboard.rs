//! The dashboards, held to what the linter of Grafana's makers asks for and more: the one that a tenant's Grafana
//! shows, and those of the platform.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use operator::desired::config;
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn grafana() -> PathBuf {
    root().join("infra/grafana")
}

/// Every dashboard of ours, by file name.
fn dashboards() -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for folder in ["dashboards", "tenant"] {
        for entry in fs::read_dir(grafana().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            all.insert(name, serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap());
        }
    }
    all
}

/// Units as Grafana knows them; another one is shown as plain text behind the number.
const UNITS: [&str; 9] =
    ["none", "short", "percentunit", "s", "bytes", "cps", "reqps", "ops", "dateTimeFromNow"];
const KINDS: [&str; 4] = ["stat", "timeseries", "bargauge", "table"];

/// Members that no dashboard of ours has: they would not resolve under file provisioning, or change
/// with each save.
const FORBIDDEN: [&str; 4] = ["__inputs", "__requires", "version", "iteration"];

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// What is wrong with a dashboard; empty when nothing is.
fn faults(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (member, expected) in [
        ("id", Value::Null),
        ("schemaVersion", json!(42)),
        ("editable", json!(false)),
        ("graphTooltip", json!(1)),
        ("timezone", json!("browser")),
    ] {
        if dashboard.get(member) != Some(&expected) {
            faults.push(format!("{member} is not {expected}"));
        }
    }
    for member in FORBIDDEN.iter().filter(|member| dashboard.get(**member).is_some()) {
        faults.push(format!("{member} has no place in a provisioned file"));
    }
    let uid = text(dashboard, "uid");
    if uid.is_empty() || uid.len() > 40 {
        faults.push(format!("uid {uid:?}"));
    }
    if text(dashboard, "title").is_empty() || text(dashboard, "description").len() < 20 {
        faults.push("no title or description".to_owned());
    }
    faults.extend(faults_of_variables(dashboard));
    faults.extend(faults_of_panels(dashboard));
    faults
}

fn faults_of_variables(dashboard: &Value) -> Vec<String> {
    let variables = dashboard["templating"]["list"].as_array().map_or(&[][..], Vec::as_slice);
    let mut faults = Vec::new();
    let first = variables.first().unwrap_or(&Value::Null);
    let source = ["name", "label", "type", "query"].map(|member| text(first, member));
    if source != ["datasource", "Data source", "datasource", "prometheus"] {
        faults.push(format!("the first variable is no data source of type Prometheus: {source:?}"));
    }
    for variable in variables.iter().skip(1) {
        let name = text(variable, "name");
        if variable["datasource"]["uid"] != "${datasource}" || variable["refresh"] != 2 {
            faults.push(format!("variable {name}: not of ${{datasource}}, anew with each range"));
        }
        if text(variable, "label").is_empty() {
            faults.push(format!("variable {name}: no label"));
        }
        let used = format!("${name}");
        if !dashboard["panels"].to_string().contains(&used) {
            faults.push(format!("variable {name}: no query uses it"));
        }
    }
    faults
}

fn faults_of_panels(dashboard: &Value) -> Vec<String> {
    let (mut ids, mut cells, mut titles) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut faults = Vec::new();
    let panels = dashboard["panels"].as_array().map_or(&[][..], Vec::as_slice);
    if panels.is_empty() {
        faults.push("no panels".to_owned());
    }
    for panel in panels {
        let title = text(panel, "title").to_owned();
        let mut wrong = |what: String| faults.push(format!("{title:?}: {what}"));
        if title.is_empty() || !titles.insert(title.clone()) {
            wrong("no title, or that of another".to_owned());
        }
        if panel["id"].as_u64().is_none_or(|id| id == 0 || !ids.insert(id)) {
            wrong("no id, or that of another".to_owned());
        }
        let place = |side: &str| panel["gridPos"][side].as_u64().unwrap_or(u64::MAX / 4);
        let (x, y, w, h) = (place("x"), place("y"), place("w"), place("h"));
        if w == 0 || h == 0 || x.saturating_add(w) > 24 || y > 1_000 || h > 100 {
            wrong("beyond the grid".to_owned());
        } else if (x..x + w).any(|x| (y..y + h).any(|y| !cells.insert((x, y)))) {
            wrong("lies over another panel".to_owned());
        }
        if panel["type"] != "row" {
            faults_of_panel(panel).into_iter().for_each(wrong);
        }
    }
    faults
}

fn faults_of_panel(panel: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let kind = text(panel, "type");
    if !KINDS.contains(&kind) {
        faults.push(format!("the kind {kind:?}"));
    }
    let about = text(panel, "description");
    if about.len() < 20 || !about.ends_with('.') {
        faults.push("no description that is a sentence".to_owned());
    }
    let unit = text(&panel["fieldConfig"]["defaults"], "unit");
    if !UNITS.contains(&unit) {
        faults.push(format!("the unit {unit:?}"));
    }
    if panel["datasource"]["uid"] != "${datasource}" {
        faults.push("not of ${datasource}".to_owned());
    }
    let targets = panel["targets"].as_array().map_or(&[][..], Vec::as_slice);
    if targets.is_empty() {
        faults.push("asks nothing".to_owned());
    }
    let mut names = BTreeSet::new();
    for target in targets {
        let (name, asked) = (text(target, "refId"), text(target, "expr"));
        if name.is_empty() || !names.insert(name) {
            faults.push(format!("refId {name:?} twice or not at all"));
        }
        if target["datasource"]["uid"] != "${datasource}" {
            faults.push(format!("{name}: not of ${{datasource}}"));
        }
        if asked.is_empty() {
            faults.push(format!("{name}: asks nothing"));
        }
        // A line over time needs a window that grows with its range; what is looked at once, one of its own.
        let range = kind == "timeseries";
        if (target["range"] == true, target["instant"] == true) != (range, !range) {
            faults.push(format!("{name}: range and instant are not those of a {kind}"));
        }
        if asked.contains("rate(") && asked.contains("$__rate_interval") != range {
            faults.push(format!("{name}: the window of {asked}"));
        }
        for counter in counters_at_rest(asked) {
            faults.push(format!("{name}: {counter} counts up for ever; show its rate"));
        }
        if kind != "table" && text(target, "legendFormat").is_empty() {
            faults.push(format!("{name}: no legend"));
        }
    }
    faults
}

/// Counters in an expression that no `rate` or `increase` is around.
fn counters_at_rest(asked: &str) -> Vec<String> {
    let names = asked.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let counters: BTreeSet<&str> = names.filter(|name| name.ends_with("_total")).collect();
    let at_rest = |name: &&str| {
        let moving = ["rate(", "increase("].iter().any(|f| asked.contains(&format!("{f}{name}")));
        !moving
    };
    counters.into_iter().filter(at_rest).map(str::to_owned).collect()
}

#[test]
fn each_dashboard_is_as_it_should_be() {
    let all = dashboards();
    assert_eq!(
        all.keys().map(String::as_str).collect::<Vec<_>>(),
        ["customer_health.json", "ledger_api.json", "operator.json", "stack.json"]
    );
    let mut uids = BTreeSet::new();
    for (file, dashboard) in &all {
        let faults = faults(dashboard);
        assert!(faults.is_empty(), "{file}: {faults:#?}");
        assert!(uids.insert(text(dashboard, "uid").to_owned()), "{file}: a uid of another");
    }
    assert!(uids.contains("customer-health"), "links to it stay good");
}

/// Each rule finds what it is for.
#[test]
fn a_wrong_dashboard_is_found() {
    let good = dashboards().remove("customer_health.json").unwrap();
    assert!(faults(&good).is_empty());
    let panel = |title: &str| {
        let panels = good["panels"].as_array().unwrap();
        let at = panels.iter().position(|panel| panel["title"] == title).unwrap();
        format!("/panels/{at}")
    };
    let (lines, stat) = (panel("Usage against quota"), panel("To call"));
    let cases = [
        ("/schemaVersion".to_owned(), json!(39), "schemaVersion"),
        ("/editable".to_owned(), json!(true), "editable"),
        ("/id".to_owned(), json!(7), "id"),
        ("/uid".to_owned(), json!(""), "uid"),
        ("/templating/list/0/name".to_owned(), json!("source"), "first variable"),
        ("/templating/list/1/refresh".to_owned(), json!(1), "variable tenant"),
        (format!("{lines}/fieldConfig/defaults/unit"), json!("percent of"), "unit"),
        (format!("{lines}/fieldConfig/defaults/unit"), Value::Null, "unit"),
        (format!("{lines}/description"), json!("Usage."), "description"),
        (format!("{lines}/title"), json!("To call"), "title"),
        (format!("{lines}/id"), json!(1), "id"),
        (format!("{lines}/gridPos/y"), json!(0), "lies over"),
        (format!("{lines}/gridPos/w"), json!(25), "beyond"),
        (format!("{lines}/datasource/uid"), json!("prometheus"), "${datasource}"),
        (format!("{lines}/targets"), json!([]), "asks nothing"),
        (format!("{lines}/targets/0/datasource/uid"), json!("x"), "A: not of"),
        (format!("{lines}/targets/0/expr"), json!("rate(a_total[5m])"), "window"),
        (format!("{lines}/targets/0/expr"), json!("a_total"), "counts up"),
        (format!("{lines}/targets/0/instant"), json!(true), "range and instant"),
        (format!("{lines}/targets/0/legendFormat"), json!(""), "legend"),
        (format!("{stat}/targets/0/range"), json!(true), "range and instant"),
        (format!("{stat}/type"), json!("graph"), "kind"),
    ];
    for (pointer, value, words) in cases {
        let mut bent = good.clone();
        *bent.pointer_mut(&pointer).unwrap() = value.clone();
        let found = faults(&bent);
        assert!(found.iter().any(|fault| fault.contains(words)), "{pointer} {value}: {found:?}");
    }
    let mut bent = good.clone();
    bent["__inputs"] = json!([]);
    assert!(faults(&bent)[0].contains("__inputs"));
}

/// What people are told about by alerts is where they look.
#[test]
fn quotas_have_their_lines_and_health_its_own() {
    let dashboard = dashboards().remove("customer_health.json").unwrap();
    let lines = |title: &str| -> Vec<f64> {
        let panels = dashboard["panels"].as_array().unwrap();
        let panel = panels.iter().find(|panel| panel["title"] == title).unwrap();
        let of = &panel["fieldConfig"]["defaults"];
        assert_eq!(of["custom"]["thresholdsStyle"]["mode"], "line", "{title}");
        let steps = of["thresholds"]["steps"].as_array().unwrap();
        steps.iter().filter_map(|step| step["value"].as_f64()).collect()
    };
    assert_eq!(lines("Usage against quota"), [0.8, 0.95]);
    assert_eq!(lines("Health"), [0.75]);
}

fn panel_of(file: &str, title: &str) -> Value {
    let dashboard = dashboards().remove(file).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().find(|panel| panel["title"] == title).unwrap().clone()
}

/// Which requests an expression counts, of all that there may be.
fn counted<'s>(expression: &str, stages: &[&'s str]) -> Vec<&'s str> {
    let inside = expression.strip_prefix("sum(onboarding_requests").unwrap();
    let selector = inside.strip_suffix(')').unwrap();
    let Some(words) = selector.split('"').nth(1) else {
        assert_eq!(selector, "");
        return stages.to_vec();
    };
    assert!(words.contains('|') == selector.contains("=~"), "{expression}");
    let words: Vec<&str> = words.split('|').collect();
    assert!(words.iter().all(|word| stages.contains(word)), "{expression}: no such stage");
    stages.iter().copied().filter(|stage| words.contains(stage)).collect()
}

/// Bars stand in the order of the questions: first the way, of which each part lies in the one before, then what left it.
#[test]
fn onboarding_is_shown_as_a_way() {
    let code = fs::read_to_string(root().join("api-server/src/store/funnel.rs")).unwrap();
    let stages = code.split("const STAGES").nth(1).unwrap().split("];").next().unwrap();
    let stages: Vec<&str> = stages.split('"').skip(1).step_by(2).collect();
    assert_eq!(stages.len(), 8, "{stages:?}");
    let panel = panel_of("customer_health.json", "Onboarding");
    let targets = panel["targets"].as_array().unwrap();
    let legends: Vec<&str> = targets.iter().map(|one| text(one, "legendFormat")).collect();
    let way = ["asked", "approved", "tenant made", "stack ready"];
    assert_eq!(legends[..4], way);
    assert_eq!(legends[4..], ["name taken", "turned down", "withdrawn"]);
    let bars: Vec<Vec<&str>> =
        targets.iter().map(|one| counted(text(one, "expr"), &stages)).collect();
    assert_eq!(bars[0], stages, "who asked is everybody");
    for pair in bars[..way.len()].windows(2) {
        assert!(pair[1].len() < pair[0].len(), "{pair:?}");
        assert!(pair[1].iter().all(|stage| pair[0].contains(stage)), "{pair:?}");
    }
    // Each stage but the first has a bar that names it, so a new one is not left out.
    let named: BTreeSet<&str> = bars[1..].iter().flatten().copied().collect();
    let left: Vec<_> = stages.iter().filter(|stage| !named.contains(*stage)).collect();
    assert_eq!(left, [&"awaiting_approval"], "no bar tells of these");
}

#[test]
fn whom_to_call_first_stands_first() {
    let panel = panel_of("customer_health.json", "Whom to call first");
    assert_eq!(
        panel["options"]["sortBy"],
        json!([{ "displayName": "Health", "desc": false }]),
        "the worst health is called first"
    );
    let shown = &panel["transformations"][1]["options"]["renameByName"];
    assert_eq!(shown["Value #B"], "Health", "what it is sorted by is a column");
    assert!(text(&panel["targets"][1], "expr").contains("tenant_health_ratio"));
}

fn read(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// Both sides of each hand-over name the same thing: data source, folder of dashboards, addresses.
#[test]
fn the_provisioning_files_fit_together() {
    let source = &read(config::DATASOURCES)["datasources"][0];
    assert_eq!(source["uid"], "prometheus");
    assert_eq!(source["url"], "http://tenantry-metrics:9090");
    let provider = &read(config::DASHBOARDS)["providers"][0];
    assert_eq!(provider["options"]["path"], "/etc/grafana/provisioning/json");
    let prometheus = read(config::PROMETHEUS);
    let interval = &prometheus["global"]["scrape_interval"];
    assert_eq!(source["jsonData"]["timeInterval"], *interval, "it drives $__rate_interval");
    let targets: Vec<&Value> = prometheus["scrape_configs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| &job["static_configs"][0]["targets"][0])
        .collect();
    let all = ["tenantry-collector:8889", "tenantry-collector:8888", "tenantry-gateway:8081"];
    assert_eq!(targets, all);
    let shown: Value = serde_json::from_str(config::STACK_DASHBOARD).unwrap();
    assert_eq!(dashboards().remove("stack.json").unwrap(), shown, "one file, in two places");
}

/// Docker Compose shows the tenant's dashboard too: a job must mean the same there.
#[test]
fn compose_names_the_stack_s_jobs_as_a_tenant_s_prometheus_does() {
    let compose = root().join("infra/compose/prometheus.yaml");
    let compose = read(&fs::read_to_string(compose).unwrap());
    let jobs = |config: &Value| -> BTreeMap<String, (String, bool)> {
        let all = config["scrape_configs"].as_array().unwrap().iter();
        let target = |job: &Value| {
            let address = job["static_configs"][0]["targets"][0].as_str().unwrap();
            (address.rsplit(':').next().unwrap().to_owned(), job["honor_labels"] == true)
        };
        all.map(|job| (text(job, "job_name").to_owned(), target(job))).collect()
    };
    let (stack, compose) = (jobs(&read(config::PROMETHEUS)), jobs(&compose));
    assert!(stack.contains_key("stack") && stack.contains_key("collector"));
    for (job, target) in stack {
        assert_eq!(compose.get(&job), Some(&target), "{job}");
    }
}

#[test]
fn the_platform_s_provisioning_has_both_folders() {
    let file = |name: &str| read(&fs::read_to_string(grafana().join(name)).unwrap());
    let source = &file("provisioning/datasources/tenantry.yaml")["datasources"][0];
    assert_eq!((text(source, "uid"), text(source, "type")), ("prometheus", "prometheus"));
    assert_eq!(text(source, "url"), "${PROMETHEUS_URL}");
    let providers = file("provisioning/dashboards/tenantry.yaml");
    let folders: Vec<(&str, &str)> = providers["providers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|provider| (text(provider, "folder"), text(&provider["options"], "path")))
        .collect();
    assert_eq!(
        folders,
        [
            ("Customer Intelligence", "/etc/grafana/dashboards/customers"),
            ("Tenantry", "/etc/grafana/dashboards/tenantry"),
        ]
    );
}

/// A stamp by the sender must not survive, and pressure must be met before anything is kept.
#[test]
fn the_collector_stamps_the_tenant_itself() {
    let collector: Value = serde_saphyr::from_str(config::COLLECTOR).unwrap();
    let stamp = &collector["processors"]["resource"]["attributes"][0];
    assert_eq!(stamp["key"], "tenant.id");
    assert_eq!(stamp["value"], "${env:TENANT_ID}");
    assert_eq!(stamp["action"], "upsert");
    for (name, pipeline) in collector["service"]["pipelines"].as_object().unwrap() {
        let processors = &pipeline["processors"];
        assert_eq!(processors[0], "memory_limiter", "{name}");
        assert!(processors.as_array().unwrap().contains(&"resource".into()), "{name}");
    }
}
