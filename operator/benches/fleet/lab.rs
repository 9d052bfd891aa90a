//! A control plane of our own and the operator on it, as processes.

use std::{
    fs::File,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use kube::{Client, Config, config::Kubeconfig};
use serde_json::{Value, json};

/// The operator's namespace.
pub const SYSTEM: &str = "tenantry-system";

/// A running control plane; it ends when dropped, and at the latest with this process.
pub struct Ground {
    dir: PathBuf,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(String::from_utf8(output.stdout)?)
}

impl Ground {
    /// Starts one, with the CRDs and the operator's rights.
    pub fn start() -> anyhow::Result<Self> {
        let pid = std::process::id().to_string();
        let dir = std::env::temp_dir().join(format!("tenantry-bench-{pid}"));
        let ground = Self { dir };
        let mut start = Command::new(root().join("scripts/ground"));
        start.args(["start", "--mode", "fleet", "--nodes", "3", "--tie-to-pid", &pid, "--dir"]);
        run(start.arg(&ground.dir))?;
        let files = ["crds/generated", "operator/generated/manifests.yaml"];
        for file in files.map(|f| root().join(f)) {
            ground.kubectl(&["apply", "--server-side", "-f", &file.to_string_lossy()])?;
        }
        // kubectl takes a definition whose status is still empty for an error.
        let definition = "crd/deploymentprofiles.tenantry.dev";
        let named = "--for=jsonpath={.status.acceptedNames.kind}=DeploymentProfile";
        ground.kubectl(&["wait", named, definition])?;
        ground.kubectl(&["wait", "--for=condition=Established", "crd", "--all"])?;
        Ok(ground)
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn kubectl(&self, args: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(root().join("scripts/ground"));
        run(command.args(["kubectl", "--dir"]).arg(&self.dir).arg("--").args(args))
    }

    /// A client as administrator.
    pub async fn client(&self) -> anyhow::Result<Client> {
        let file = Kubeconfig::read_from(self.path("kubeconfig"))?;
        let mut config = Config::from_custom_kubeconfig(file, &Default::default()).await?;
        config.default_retry = false;
        config.read_timeout = None;
        Ok(Client::try_from(config)?)
    }

    /// A kubeconfig that holds a token of the operator's account and nothing else.
    pub fn account(&self) -> anyhow::Result<PathBuf> {
        let ask = ["create", "token", "tenantry-operator", "-n", SYSTEM, "--duration=4h"];
        let token = self.kubectl(&ask)?;
        let text = std::fs::read_to_string(self.path("kubeconfig"))?;
        let mut config: Value = serde_saphyr::from_str(&text)?;
        config["users"][0]["user"] = json!({ "token": token.trim() });
        let path = self.path("operator.kubeconfig");
        std::fs::write(&path, config.to_string())?;
        Ok(path)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let mut stop = Command::new(root().join("scripts/ground"));
        if run(stop.args(["stop", "--purge", "--dir"]).arg(&self.dir)).is_ok() {
            let _gone = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// A profile of the examples.
pub fn example(file: &str) -> anyhow::Result<Value> {
    let path = root().join("examples").join(file);
    Ok(serde_saphyr::from_str(&std::fs::read_to_string(path)?)?)
}

/// A running operator; killed when dropped.
pub struct Operator {
    child: Child,
    address: String,
    started: Instant,
}

impl Operator {
    /// Starts the release binary.
    pub fn start(ground: &Ground, concurrency: usize) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let log = File::options().create(true).append(true).open(ground.path("operator.log"))?;
        let child = Command::new(env!("CARGO_BIN_EXE_tenantry-operator"))
            .args(["--health-address", &address, "--concurrency", &concurrency.to_string()])
            .env("KUBECONFIG", ground.path("operator.kubeconfig"))
            .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { child, address, started: Instant::now() })
    }

    fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// The sum of a metric's series whose line contains `which`.
    fn metric(&self, name: &str, which: &str) -> f64 {
        let text = self.get("/metrics").unwrap_or_default();
        let lines = text.lines().filter(|l| l.starts_with(name) && l.contains(which));
        lines.filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until it is ready, leads and has looked at `tenants` tenants. When each of the three
    /// came true, since its start.
    pub async fn in_sync(&self, tenants: usize) -> anyhow::Result<[Duration; 3]> {
        let ready = || self.get("/readyz").is_ok_and(|a| a.starts_with("HTTP/1.1 200"));
        let leads = || self.metric("tenantry_operator_leader", "") >= 1.0;
        let looked = || {
            let seen = self.metric("tenantry_operator_reconciles_total", "resource=\"tenants\"");
            seen >= tenants as f64
        };
        let mut at = [Duration::ZERO; 3];
        let questions: [&dyn Fn() -> bool; 3] = [&ready, &leads, &looked];
        for (at, question) in at.iter_mut().zip(questions) {
            while !question() {
                ensure!(self.started.elapsed().as_secs() < 120, "the operator is not in sync");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            *at = self.started.elapsed();
        }
        Ok(at)
    }

    /// `VmRSS` or `VmHWM` in MiB.
    pub fn memory(&self, field: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|l| l.starts_with(field)).context("no such field")?;
        let kib: f64 = line.split_whitespace().nth(1).unwrap_or("0").parse()?;
        Ok(kib / 1024.0)
    }

    /// Processor seconds that it has used.
    pub fn cpu(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).unwrap_or_default();
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.skip(11).take(2).filter_map(|f| f.parse::<f64>().ok()).sum::<f64>() / 100.0
    }

    /// Asks it to end, and waits.
    pub fn stop(mut self) -> anyhow::Result<()> {
        run(Command::new("kill").arg(self.child.id().to_string()))?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}
