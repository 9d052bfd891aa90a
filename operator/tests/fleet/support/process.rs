//! The real operator as a process.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{ground::Ground, wait};

/// A machine that stands still more often tells nothing by its tests.
const RESTARTS: usize = 10;
/// Between two looks whether it runs.
const LOOK: Duration = Duration::from_millis(200);
/// How long the program may be missing: a build that puts it anew takes it away for a moment.
const REBUILD: Duration = Duration::from_secs(30);

/// A running operator. It is killed when dropped. One that has lost its lease is started again, as a
/// kubelet would: on a machine that stands still for ten seconds it ends, as it should.
pub struct Operator {
    run: Arc<Run>,
    /// Its name in the lease.
    pub identity: String,
}

/// What it is started with, and what runs.
struct Run {
    kubeconfig: PathBuf,
    identity: String,
    settings: Vec<(String, String)>,
    log: PathBuf,
    now: Mutex<Now>,
    /// From then on its end is one.
    let_go: AtomicBool,
}

struct Now {
    child: Child,
    /// Where in the log it begins.
    since: usize,
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
        let settings: Vec<(String, String)> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let now =
            Now { since: text(&log).len(), child: spawn(kubeconfig, identity, &settings, &log) };
        let run = Arc::new(Run {
            kubeconfig: kubeconfig.to_owned(),
            identity: identity.to_owned(),
            settings,
            log,
            now: Mutex::new(now),
            let_go: AtomicBool::new(false),
        });
        let kept = run.clone();
        std::thread::spawn(move || kept.keep());
        Self { run, identity: identity.to_owned() }
    }

    /// Its end is what a test waits for: it is not started again.
    pub fn let_go(&self) {
        self.run.let_go.store(true, Ordering::SeqCst);
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
        let mut stream = tokio::net::TcpStream::connect(self.run.address()?).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let pid = self.run.now().child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(sent.success(), "{} takes SIG{name}", self.identity);
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(self) {
        self.end();
    }

    /// Whether it has ended by itself, and how.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.run.now().child.try_wait().expect("the operator's state is known")
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
        text(&self.run.log)
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        tail(&self.log())
    }

    fn end(&self) {
        self.let_go();
        let mut now = self.run.now();
        // Both fail only when it has ended already.
        let _killed = now.child.kill();
        let _reaped = now.child.wait();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.end();
    }
}

impl Run {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it again whenever it has lost its lease, until it is let go. Any other end that is not a
    /// success is a fault of its own: it is told, and shows in all who wait for it.
    fn keep(&self) {
        let mut restarts = 0;
        loop {
            std::thread::sleep(LOOK);
            let mut now = self.now();
            if self.let_go.load(Ordering::SeqCst) {
                return;
            }
            let Some(how) = now.child.try_wait().expect("the operator's state is known") else {
                continue;
            };
            let log = text(&self.log);
            let lost = log.get(now.since..).unwrap_or_default().contains("the lease is lost");
            if how.success() {
                return;
            }
            assert!(lost && restarts < RESTARTS, "{} ended: {how}\n{}", self.identity, tail(&log));
            restarts += 1;
            // Past what the harness keeps to itself: a test that passes by this is worth a look.
            let _told = writeln!(
                io::stderr(),
                "{} lost its lease: started again, {restarts} of {RESTARTS} times",
                self.identity
            );
            now.since = log.len();
            now.child = spawn(&self.kubeconfig, &self.identity, &self.settings, &self.log);
        }
    }

    /// Where the one that runs now answers, by its own word.
    fn address(&self) -> io::Result<String> {
        let since = self.now().since;
        let log = text(&self.log);
        let lines = log.get(since..).unwrap_or_default().lines();
        let told = lines.rev().find(|line| line.contains("health endpoints answer"));
        let port = told
            .and_then(|line| line.split_once("127.0.0.1:"))
            .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        let port = port.ok_or_else(|| io::Error::other("it has not said where it answers"))?;
        Ok(format!("127.0.0.1:{port}"))
    }
}

fn spawn(kubeconfig: &Path, identity: &str, settings: &[(String, String)], log: &Path) -> Child {
    let began = Instant::now();
    loop {
        let file = File::options().create(true).append(true).open(log).expect("the log opens");
        let spawned = Command::new(env!("CARGO_BIN_EXE_tenantry-operator"))
            // A port that is chosen before may be somebody else's by the time that it is bound.
            .args(["--health-address", "127.0.0.1:0", "--identity", identity])
            .args(["--log-format", "text"])
            .env("KUBECONFIG", kubeconfig)
            .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the log opens twice"))
            .stderr(file)
            .spawn();
        let being_built = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ExecutableFileBusy)
        };
        match spawned {
            Err(error) if being_built(&error) && began.elapsed() < REBUILD => {
                std::thread::sleep(LOOK);
            }
            spawned => return spawned.expect("the operator starts"),
        }
    }
}

fn text(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
