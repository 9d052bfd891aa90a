//! Every query of the platform's dashboards and every rule, asked of a real Prometheus that reads the real
//! programs at work: operator, API servers, a gateway.

mod prometheus;
mod provoked;
mod seasoned;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crds::manifest::RELEASE_NAMESPACE;
use serde_json::{Value, json};

use crate::{
    faults::{
        parts::{Parts, Target},
        senders::{Sender, Senders},
    },
    lab::{eventually, holds},
    serving::{Place, client},
};
use prometheus::{Prometheus, root};

/// What says nothing in this test, and why.
const SILENT: [(&str, &str); 7] = [
    ("tenantry_operator_rewritten_applies_total", "the Kubernetes API stores what is applied"),
    (
        "backup_last_success_timestamp_seconds",
        "the profile has no backups, so that no gateway makes one",
    ),
    ("backup_size_bytes", "the profile has no backups, so that no gateway makes one"),
    (
        "tenantry_gateway_backup_interval_seconds",
        "the profile has no backups, so that nothing schedules them",
    ),
    (
        "tenantry_gateway_backup_awaited_since_timestamp_seconds",
        "the profile has no backups, so that none is awaited",
    ),
    ("status=\"5xx\"", "no request fails, whatever is provoked here"),
    ("tenantry:api_errors:ratio", "no request fails, whatever is provoked here"),
];

fn silent(query: &str) -> bool {
    SILENT.iter().any(|(part, _)| query.contains(part))
}

/// A panel's question.
pub struct Question {
    whose: String,
    query: String,
    line: bool,
}

/// What a tenant's own Grafana shows. What of it is not of its gateway is asked where a collector runs:
/// operator/tests/parts.
const TENANTS: &str = "tenant/stack";

fn questions() -> Vec<Question> {
    let mut all = Vec::new();
    let folders = ["dashboards/customer_health", "dashboards/operator", "dashboards/ledger_api"];
    for file in folders.into_iter().chain([TENANTS]) {
        let path = root().join(format!("infra/grafana/{file}.json"));
        let dashboard: Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let asked = target["expr"].as_str().unwrap();
                if file == TENANTS && !asked.contains("tenantry_gateway_") {
                    continue;
                }
                let query = asked.replace("$__rate_interval", "30s").replace("$tenant", ".*");
                assert!(!query.contains('$'), "{file}: a variable that nobody fills: {query}");
                let title = panel["title"].as_str().unwrap();
                let whose = format!("{file}, {title:?} {}", target["refId"].as_str().unwrap());
                all.push(Question { whose, query, line: target["range"] == true });
            }
        }
    }
    assert!(all.len() > 50, "{}", all.len());
    all
}

/// What it takes that everything has something to say: events of every kind, and callers who are wrong.
async fn load(sender: &Sender) {
    // To the millisecond: what happened before the plan counts against no quota.
    let time = jiff::Timestamp::from_millisecond(jiff::Timestamp::now().as_millisecond()).unwrap();
    let event = |id: &str, kind: &str| {
        json!({ "specversion": "1.0", "id": id, "source": "/core", "time": time.to_string(),
            "type": format!("dev.tenantry.usage.{kind}"), "data": { "quantity": "1" } })
    };
    // More than the plan includes, in one event: levels are reached, and something is decided about it.
    let mut much = event("much", "ingestion");
    much["data"]["quantity"] = json!("600");
    let events = json!([event("signup", "signup"), event("wrong", "tea"), much]);
    let to = format!("http://{}/usage/events", sender.door);
    for token in [&*sender.token, "nobody"] {
        let request = client().post(&to).bearer_auth(token);
        let request = request.header("content-type", "application/cloudevents-batch+json");
        let answer = request.body(events.to_string()).send().await.unwrap();
        let expected = if token == "nobody" { 401 } else { 207 };
        assert_eq!(answer.status().as_u16(), expected, "{}", answer.text().await.unwrap());
    }
}

async fn each_panel_has_something_to_show(prometheus: &Prometheus) {
    let (quiet, mut open): (Vec<Question>, Vec<Question>) =
        questions().into_iter().partition(|question| silent(&question.query));
    let shown: Vec<&str> = quiet.iter().map(|question| question.whose.as_str()).collect();
    assert!(quiet.len() <= 6, "{} panels would show nothing: {shown:?}", quiet.len());
    for question in &quiet {
        // It may have nothing to say, and is a good question all the same.
        if let Err(why) = prometheus.asked(question).await {
            panic!("{}: {why}", question.whose);
        }
    }
    eventually("every panel has something to show", async || {
        let mut still = Vec::new();
        for question in std::mem::take(&mut open) {
            let found = prometheus.asked(&question).await;
            let found = found.unwrap_or_else(|why| panic!("{}: {why}", question.whose));
            if found == 0 {
                still.push(question);
            }
        }
        open = still;
        let left: Vec<String> = open.iter().map(|q| format!("{}: {}", q.whose, q.query)).collect();
        holds(open.is_empty(), left.join("\n"))
    })
    .await;
}

/// What an expression selects, by name.
fn metrics(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let ours = ["tenantry_", "tenant_", "billing_", "backup_", "onboarding_", "tenantry:"];
    words.filter(|word| ours.iter().any(|own| word.starts_with(own))).map(str::to_owned).collect()
}

/// A record has a value; an alert, which says something only when it fires, asks for what is there.
async fn each_rule_has_something_to_go_by(prometheus: &Prometheus) {
    let rules = prometheus.rules().await;
    assert!(rules.len() > 35, "{}", rules.len());
    eventually("every rule has something to go by", async || {
        let mut lacking = Vec::new();
        for rule in prometheus.rules().await {
            let (name, query) = (rule["name"].as_str().unwrap(), rule["query"].as_str().unwrap());
            if rule["health"] != "ok" {
                lacking.push(format!("{name}: {rule}"));
            }
            let asked = match rule["type"] == "recording" {
                true => BTreeSet::from([name.to_owned()]),
                false => metrics(query),
            };
            for asked in asked.iter().filter(|asked| !silent(asked) && !silent(query)) {
                if prometheus.samples(asked).await? == 0 {
                    lacking.push(format!("{name}: {asked}"));
                }
            }
        }
        holds(lacking.is_empty(), lacking.join("\n"))
    })
    .await;
}

/// What the reference of metrics says of each: its kind and its labels.
struct Listed {
    kind: String,
    labels: BTreeSet<String>,
}

fn reference() -> BTreeMap<String, Listed> {
    let page = std::fs::read_to_string(root().join("docs/reference/metrics.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let coded = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let listed = |row: &[&str]| Listed { kind: row[2].to_owned(), labels: coded(row[3]) };
    cells.map(|row| (row[1].trim_matches('`').to_owned(), listed(&row))).collect()
}

/// Each is of the kind that the reference says, as Prometheus has it from the programs.
async fn each_kind_is_as_the_reference_says(prometheus: &Prometheus) {
    let told = prometheus.kinds().await;
    let mut wrong = Vec::new();
    for (name, Listed { kind, .. }) in reference() {
        // By OpenMetrics the ending is the sample's, and not the metric's.
        let bare = name.strip_suffix("_total").unwrap_or(&name);
        match told.get(&name).or_else(|| told.get(bare)) {
            Some(kinds) if *kinds == BTreeSet::from([kind.clone()]) => {}
            None if silent(&name) => {}
            kinds => wrong.push(format!("{name}: {kind} in the reference, else {kinds:?}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What Prometheus itself adds, and what a histogram's series have beside its labels.
const ADDED: [&str; 6] = ["__name__", "instance", "job", "namespace", "pod", "le"];

/// Whatever a program says of ours is in the reference, with these labels and no others.
async fn each_series_is_as_the_reference_says(prometheus: &Prometheus) {
    let reference = reference();
    let ours = "(tenantry|tenant|billing|backup|onboarding|support)_.*";
    let all = prometheus.series(ours).await;
    let mut seen = BTreeSet::new();
    for series in &all {
        let name = series["__name__"].as_str().unwrap();
        let parts = ["", "_bucket", "_sum", "_count"];
        let mut bare = parts.iter().filter_map(|part| name.strip_suffix(part));
        let listed = bare.find(|bare| reference.contains_key(*bare));
        let listed = listed.unwrap_or_else(|| panic!("{name} is not in the reference"));
        let labels = series.as_object().unwrap().keys().filter(|label| !ADDED.contains(&&***label));
        assert_eq!(labels.cloned().collect::<BTreeSet<_>>(), reference[listed].labels, "{series}");
        seen.insert(listed);
    }
    for (part, why) in SILENT {
        // Records are of rules, and a label is no name.
        let name = part.split(['=', ':']).next().unwrap_or(part);
        assert!(!seen.contains(name), "{part} has something to say, so that {why:?} is not so");
    }
    let missing: Vec<_> =
        reference.keys().filter(|name| !seen.contains(&***name) && !silent(name)).collect();
    assert!(missing.is_empty(), "the reference lists what nobody said: {missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_prometheus_has_an_answer_for_every_panel_and_rule() {
    let (mut parts, senders) = Parts::start(2, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let seasoned = seasoned::server(&place).await;
    let direct = senders.iter().find(|sender| sender.direct).unwrap();
    load(direct).await;
    let senders = Senders::new(senders, 7, Duration::from_millis(200));
    let sending = senders.start();
    let mut targets = parts.scraped();
    targets.push(Target {
        service: "api-server",
        address: seasoned.health.clone(),
        namespace: RELEASE_NAMESPACE.to_owned(),
    });
    let prometheus = Prometheus::start(&targets).await;
    provoked::people(&seasoned, &place).await;
    provoked::cut_off(&mut parts, &prometheus).await;
    provoked::foreign_hands(&parts.lab, &prometheus).await;
    each_panel_has_something_to_show(&prometheus).await;
    each_rule_has_something_to_go_by(&prometheus).await;
    each_series_is_as_the_reference_says(&prometheus).await;
    each_kind_is_as_the_reference_says(&prometheus).await;
    // A server with another's figures would count an account twice.
    let twice =
        "count by (tenant, pod) (tenant_flagged) > 1 or count by (tenant) (tenant_flagged) > 1";
    assert_eq!(prometheus.samples(twice).await.unwrap(), 0);
    senders.stop();
    for sending in sending {
        sending.await.unwrap();
    }
    assert!(senders.wrong().is_empty(), "{:?}", senders.wrong());
    parts.supervise();
}
