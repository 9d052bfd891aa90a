//! The real operator as a process.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::{ground::Ground, wait};

/// A running operator. It is killed when dropped.
pub struct Operator {
    child: Child,
    /// Its name in the lease.
    pub identity: String,
    address: String,
    log: PathBuf,
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

impl Operator {
    /// Starts one with this kubeconfig.
    pub fn start(ground: &Ground, kubeconfig: &Path, identity: &str) -> Self {
        Self::start_with(ground, kubeconfig, identity, &[])
    }

    /// The same with settings by environment.
    pub fn start_with(
        ground: &Ground,
        kubeconfig: &Path,
        identity: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let log = ground.path(&format!("{identity}.log"));
        let file = File::options().create(true).append(true).open(&log).expect("the log opens");
        let address = free_address();
        let child = Command::new(env!("CARGO_BIN_EXE_tenantry-operator"))
            .args(["--health-address", &address, "--identity", identity, "--log-format", "text"])
            .env("KUBECONFIG", kubeconfig)
            .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the log opens twice"))
            .stderr(file)
            .spawn()
            .expect("the operator starts");
        Self { child, identity: identity.to_owned(), address, log }
    }

    /// Waits until `/readyz` says yes.
    pub async fn ready(&self) {
        wait::eventually(&format!("{} is ready", self.identity), async || {
            match self.get("/readyz").await {
                Ok(answer) if answer.starts_with("HTTP/1.1 200") => Ok(()),
                Ok(answer) => Err(format!("{answer}\n{}", self.log_tail())),
                Err(error) => Err(format!("{error}\n{}", self.log_tail())),
            }
        })
        .await;
    }

    /// The raw answer of one of its health endpoints.
    pub async fn get(&self, path: &str) -> std::io::Result<String> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(&self.address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(sent.success(), "{} takes SIG{name}", self.identity);
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) {
        self.end();
    }

    /// Whether it has ended by itself, and how.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().expect("the operator's state is known")
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) {
        self.child.wait().expect("the operator's state is known");
    }

    /// How many reconciliations of tenants have ended, by its own count.
    pub async fn reconciled(&self) -> u64 {
        let metrics = self.get("/metrics").await.unwrap_or_default();
        let ours = |l: &&str| {
            l.starts_with("tenantry_operator_reconciles_total{")
                && l.contains("resource=\"tenants\"")
        };
        let lines = metrics.lines().filter(ours);
        lines.filter_map(|l| l.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// Its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let text = self.log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    fn end(&mut self) {
        // Both fail only when it has ended already.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.end();
    }
}
