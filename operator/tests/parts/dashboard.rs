//! Every question of the dashboard that a tenant's own Grafana shows, asked of a real Prometheus that reads a real
//! collector, both with the files that the operator gives them, while services send what OpenTelemetry's SDKs send.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use operator::desired::config;
use serde_json::{Value, json};

use crate::built;

/// What says nothing in this test, and why.
const SILENT: [(&str, &str); 2] = [
    ("increase(otelcol_receiver_refused_metric_points_total", "the collector has memory enough"),
    ("rate(otelcol_receiver_refused_metric_points_total", "the collector has memory enough"),
];

/// Ends with its owner.
struct Part(Child);

impl Drop for Part {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// Collector and Prometheus at an address that no other process of this machine listens on: their ports are fixed.
struct Stack {
    address: Ipv4Addr,
    client: reqwest::blocking::Client,
    folder: PathBuf,
    _parts: [Part; 2],
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

fn own_address() -> Ipv4Addr {
    let [a, b, c, d] = std::process::id().to_be_bytes();
    assert_eq!(a, 0, "a process id of more than 24 bits");
    Ipv4Addr::new(127, 64 + (b & 63), c, d)
}

fn start(program: &str, arguments: &[String], folder: &Path, address: Ipv4Addr) -> Part {
    let log = File::create(folder.join(format!("{program}.log")));
    let child = Command::new(built(program))
        .args(arguments)
        .envs([("MY_POD_IP", address.to_string().as_str()), ("TENANT_ID", "acme")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.unwrap())
        .spawn();
    Part(child.unwrap())
}

impl Stack {
    fn start() -> Self {
        let address = own_address();
        let folder = std::env::temp_dir().join(format!("tenantry-stack-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (collector, prometheus) =
            (folder.join("collector.yaml"), folder.join("prometheus.yaml"));
        fs::write(&collector, config::COLLECTOR).unwrap();
        // As it is shipped, but at this address, and more often.
        let shipped = config::PROMETHEUS;
        let quick = shipped
            .replace("tenantry-collector", &address.to_string())
            .replace("tenantry-gateway:", &format!("{address}:"))
            .replace("scrape_interval: 15s", "scrape_interval: 1s")
            .replace("scrape_timeout: 10s", "scrape_timeout: 1s");
        assert!(quick.matches(&address.to_string()).count() == 3 && !quick.contains("15s"));
        fs::write(&prometheus, quick).unwrap();
        let data = folder.join("data");
        let parts = [
            start("otelcol", &[format!("--config={}", collector.display())], &folder, address),
            start(
                "prometheus",
                &[
                    format!("--config.file={}", prometheus.display()),
                    format!("--storage.tsdb.path={}", data.display()),
                    format!("--web.listen-address={address}:9090"),
                ],
                &folder,
                address,
            ),
        ];
        let client = reqwest::blocking::Client::new();
        let stack = Self { address, client, folder, _parts: parts };
        stack.eventually("collector and Prometheus answer", || {
            let open = ["13133/", "9090/-/ready"].map(|at| stack.get(at));
            open.into_iter().find_map(Result::err).map_or(Ok(()), Err)
        });
        stack
    }

    fn logs(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let tail = |text: String| text.lines().rev().take(10).collect::<Vec<_>>().join("\n");
        ["otelcol.log", "prometheus.log"].map(|name| tail(read(name))).join("\n\n")
    }

    fn eventually(&self, what: &str, mut holds: impl FnMut() -> Result<(), String>) {
        let end = Instant::now() + Duration::from_secs(240);
        loop {
            match holds() {
                Ok(()) => return,
                Err(why) if Instant::now() > end => panic!("{what}: {why}\n{}", self.logs()),
                Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    fn get(&self, at: &str) -> Result<String, String> {
        let answer = self.client.get(format!("http://{}:{at}", self.address)).send();
        let answer = answer.and_then(reqwest::blocking::Response::error_for_status);
        answer.and_then(reqwest::blocking::Response::text).map_err(|error| error.to_string())
    }

    fn ask(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let mut url = reqwest::Url::parse("http://prometheus").unwrap();
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.get(&format!("9090/api/v1/{path}?{}", url.query().unwrap()))?;
        Ok(serde_json::from_str::<Value>(&answer).map_err(|error| error.to_string())?["data"]
            .take())
    }

    /// The samples that an expression has now, or over the last seconds when a line is drawn.
    fn answers(&self, question: &Question) -> Result<Vec<Value>, String> {
        let now = since_1970().as_secs();
        let (start, end) = ((now - 30).to_string(), now.to_string());
        let data = match question.line {
            true => self.ask(
                "query_range",
                &[("query", &question.query), ("start", &start), ("end", &end), ("step", "5")],
            )?,
            false => self.ask("query", &[("query", &question.query)])?,
        };
        let series = data["result"].as_array().ok_or_else(|| data.to_string())?;
        // A share of nothing is no number, and a line of such shows nothing.
        let number = |sample: &Value| sample[1].as_str() != Some("NaN");
        let shown = series.iter().filter(|one| match one["values"].as_array() {
            Some(values) => values.iter().any(number),
            None => number(&one["value"]),
        });
        Ok(shown.cloned().collect())
    }

    /// What a service's SDK sends at its interval, of all requests since it began. It says that it is another tenant.
    fn sends(&self, service: &str, pod: &str, requests: u64, failed: u64) {
        let now = since_1970().as_nanos().to_string();
        let text =
            |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        let point = |status: &str, count: u64| {
            json!({ "startTimeUnixNano": "1000000000", "timeUnixNano": now,
                "attributes": [text("http.request.method", "GET"), text("url.scheme", "http"),
                    { "key": "http.response.status_code", "value": { "intValue": status } }],
                "count": count.to_string(), "sum": 0.05 * f64::from(u32::try_from(count).unwrap()),
                "explicitBounds": [0.01, 0.1, 1.0],
                "bucketCounts": ["0", count.to_string(), "0", "0"] })
        };
        let body = json!({ "resourceMetrics": [{
            "resource": { "attributes": [text("service.name", service),
                text("service.instance.id", pod), text("tenant.id", "borealis")] },
            "scopeMetrics": [{ "scope": { "name": "http" }, "metrics": [{
                "name": "http.server.request.duration", "unit": "s",
                "histogram": { "aggregationTemporality": 2,
                    "dataPoints": [point("200", requests), point("503", failed)] } }] }] }] });
        let to = format!("http://{}:4318/v1/metrics", self.address);
        let request = self.client.post(to).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().unwrap());
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

struct Question {
    whose: String,
    query: String,
    line: bool,
}

/// What panels and variables ask, as Grafana fills it in.
fn questions() -> Vec<Question> {
    let dashboard: Value = serde_json::from_str(config::STACK_DASHBOARD).unwrap();
    let mut all = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let asked = target["expr"].as_str().unwrap();
            // What stands for nothing must not hide that nothing answers.
            let asked = asked.strip_suffix(" or vector(0)").unwrap_or(asked);
            let query = asked.replace("$__rate_interval", "15s").replace("$job", ".*");
            assert!(!query.contains('$'), "a variable that nobody fills: {query}");
            // What a gateway says is asked where one runs: api-server/tests/cluster/signals.
            if query.contains("tenantry_gateway_") {
                continue;
            }
            let whose = format!("{} {}", panel["title"], target["refId"]);
            all.push(Question { whose, query, line: target["range"] == true });
        }
    }
    assert!(all.len() > 10, "{}", all.len());
    all
}

#[test]
fn every_panel_of_a_tenant_s_dashboard_has_something_to_show() {
    let _set_already = rustls::crypto::ring::default_provider().install_default();
    let stack = Stack::start();
    let (silent, mut open): (Vec<Question>, Vec<Question>) = questions()
        .into_iter()
        .partition(|question| SILENT.iter().any(|(part, _)| question.query.contains(part)));
    assert_eq!(silent.len(), SILENT.len(), "a reason for silence that no panel needs");
    let mut requests = 0;
    stack.eventually("every panel has something to show", || {
        requests += 20;
        for (service, pod) in [("core", "core-1"), ("core", "core-2"), ("transcribe", "voice-1")] {
            stack.sends(service, pod, requests, requests / 10);
        }
        // What cannot be asked now is asked again.
        open.retain(|question| stack.answers(question).map_or(true, |found| found.is_empty()));
        let left: Vec<String> = open.iter().map(|q| format!("{}: {}", q.whose, q.query)).collect();
        if left.is_empty() { Ok(()) } else { Err(left.join("\n")) }
    });
    // What the panels say is so: two services with three pods, one request in eleven failing.
    let of = |title: &str| {
        let panel = questions().into_iter().find(|q| q.whose.starts_with(&format!("{title:?}")));
        panel.unwrap().query
    };
    let figures = [
        (of("Services reporting"), 2.0),
        (of("Requests with errors"), 1.0 / 11.0),
        (of("Telemetry"), 1.0),
        (format!("sum({})", of("Instances")), 3.0),
    ];
    stack.eventually("the panels' figures are right", || {
        for (query, wanted) in &figures {
            let question = Question { whose: String::new(), query: query.clone(), line: false };
            let all = stack.answers(&question)?;
            let value = all.first().and_then(|one| one["value"][1].as_str());
            let value = value.and_then(|text| text.parse::<f64>().ok());
            if all.len() != 1 || value.is_none_or(|value| (value - wanted).abs() > 0.01) {
                return Err(format!("{query} is {all:?}, not {wanted}"));
            }
        }
        Ok(())
    });
    // The variable offers the services, and nothing of what a sender claimed is left.
    let matching = [("match[]", "target_info{tenant_id!=\"\"}")];
    let values = |label: &str| -> BTreeSet<String> {
        let data = stack.ask(&format!("label/{label}/values"), &matching).unwrap();
        data.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(values("job"), BTreeSet::from(["core".to_owned(), "transcribe".to_owned()]));
    assert_eq!(values("tenant_id"), BTreeSet::from(["acme".to_owned()]));
}
