//! A real Prometheus with our rules, which reads programs of ours.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    faults::parts::Target,
    lab::{eventually, holds},
    port::free_port,
    serving::client,
};

/// It ends with its owner.
pub struct Prometheus {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn program() -> PathBuf {
    let built = Command::new(root().join("scripts/ground"))
        .args(["build", "--part", "prometheus"])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Path::new(String::from_utf8(built.stdout).unwrap().trim()).join("prometheus")
}

impl Prometheus {
    /// Reads these every second, and evaluates the rules as often.
    pub async fn start(targets: &[Target]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let jobs: Vec<Value> = targets
            .iter()
            .enumerate()
            .map(|(number, target)| {
                let address = target.address.trim_start_matches("http://");
                let labels = json!({ "namespace": target.namespace, "pod": format!("{}-{number}", target.service) });
                json!({ "job_name": format!("{}-{number}", target.service),
                    "static_configs": [{ "targets": [address], "labels": labels }] })
            })
            .collect();
        let rules = ["tenantry", "cluster"]
            .map(|file| root().join(format!("infra/prometheus/rules/{file}.yaml")));
        let config = json!({
            "global": { "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s" },
            "rule_files": rules,
            "scrape_configs": jobs,
        });
        let file = folder.path().join("prometheus.yaml");
        std::fs::write(&file, config.to_string()).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program())
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let prometheus = Self { child, url: format!("http://{address}"), _folder: folder };
        eventually("Prometheus reads every program", async || {
            let up = prometheus.samples("up == 1").await?;
            let said = std::fs::read_to_string(prometheus._folder.path().join("log")).unwrap();
            holds(up == targets.len(), format!("{up} of {}\n{said}", targets.len()))
        })
        .await;
        prometheus
    }

    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.url)).unwrap();
        url.query_pairs_mut().extend_pairs(query);
        let answer = client().get(url).send().await.map_err(|error| error.to_string())?;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&text).map_err(|_| text)?;
        match answer["status"].as_str() {
            Some("success") => Ok(answer["data"].clone()),
            _ => Err(answer.to_string()),
        }
    }

    /// How many series answer a panel.
    pub async fn asked(&self, question: &super::Question) -> Result<usize, String> {
        match question.line {
            true => self.lines(&question.query).await,
            false => self.samples(&question.query).await,
        }
    }

    /// How many series a query answers with now.
    pub async fn samples(&self, query: &str) -> Result<usize, String> {
        let data = self.ask("/api/v1/query", &[("query", query)]).await?;
        Ok(data["result"].as_array().map_or(0, Vec::len))
    }

    /// The same over the last half a minute, as a line is drawn.
    pub async fn lines(&self, query: &str) -> Result<usize, String> {
        let now = jiff::Timestamp::now().as_second();
        let (start, end) = ((now - 30).to_string(), now.to_string());
        let about = [("query", query), ("start", &start), ("end", &end), ("step", "5")];
        let data = self.ask("/api/v1/query_range", &about).await?;
        Ok(data["result"].as_array().map_or(0, Vec::len))
    }

    /// The labels of every series whose metric's name matches.
    pub async fn series(&self, pattern: &str) -> Vec<Value> {
        let select = format!("{{__name__=~\"{pattern}\"}}");
        let data = self.ask("/api/v1/series", &[("match[]", &select)]).await.unwrap();
        data.as_array().unwrap().clone()
    }

    /// Of what kinds the programs say each metric is.
    pub async fn kinds(&self) -> BTreeMap<String, BTreeSet<String>> {
        let data = self.ask("/api/v1/metadata", &[]).await.unwrap();
        let kinds = |told: &Value| {
            let told = told.as_array().unwrap().iter();
            told.map(|one| one["type"].as_str().unwrap().to_owned()).collect()
        };
        data.as_object().unwrap().iter().map(|(name, told)| (name.clone(), kinds(told))).collect()
    }

    /// The rules as it has loaded and evaluated them.
    pub async fn rules(&self) -> Vec<Value> {
        let data = self.ask("/api/v1/rules", &[]).await.unwrap();
        let groups = data["groups"].as_array().unwrap().clone();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
    }
}
