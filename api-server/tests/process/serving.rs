//! A server in a process of its own, which can be killed. Benchmarks use it too.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api_server::auth::Audience;
use api_server::auth::local::{self, Claims};
use api_server::domain::calendar::AnchorDay;
use api_server::ledger::{Ledger, Settings};
use api_server::store::accounts::{self, Account};
use jiff::Timestamp;
use serde_json::Value;

/// The program, without anything of our environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api-server"));
    command.env_clear();
    command
}

/// What the program needs to run: a folder with a secret, and in it the ledger's; on PostgreSQL also
/// the database's URL.
pub struct Place {
    pub secret: PathBuf,
    pub storage: PathBuf,
    pub database: Option<String>,
    key: Vec<u8>,
}

impl Place {
    pub fn new(folder: &Path) -> Self {
        let key = vec![b'x'; 40];
        let secret = folder.join("secret");
        std::fs::write(&secret, &key).unwrap();
        Self { secret, storage: folder.join("billing"), database: None, key }
    }

    /// The same, with the ledger in a database.
    pub fn with_database(folder: &Path, url: String) -> Self {
        Self { database: Some(url), ..Self::new(folder) }
    }

    /// Where the ledger is.
    pub fn ledger(&self) -> api_server::store::Place {
        match &self.database {
            None => self.storage.as_path().into(),
            Some(url) => api_server::store::Place::Postgres {
                database: url.parse().unwrap(),
                folder: self.storage.clone(),
            },
        }
    }

    /// What the program is told of the database.
    fn environment(&self) -> Option<(&'static str, &String)> {
        self.database.as_ref().map(|url| ("TENANTRY_DATABASE_URL", url))
    }

    /// Runs a subcommand on the ledger, which no server may have.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = program();
        command.args(arguments).arg("--storage").arg(&self.storage).envs(self.environment());
        command.output().unwrap()
    }

    /// Adds an account.
    pub fn create(&self, account: &str) {
        let done = self.run(&["accounts", "create", account]);
        assert!(done.status.success(), "{done:?}");
    }

    /// Adds many accounts in the time zone UTC, a thousand in a transaction.
    pub async fn create_many(&self, names: &[String]) {
        let ledger = Ledger::open(self.ledger(), Settings::default()).await.unwrap();
        for some in names.chunks(1000) {
            let some = some.to_vec();
            let work = ledger.transact(None, move |session, created_at| {
                Box::pin(async move {
                    for name in some {
                        let account = Account {
                            id: name.parse().unwrap(),
                            name,
                            zone: "UTC".parse().unwrap(),
                            anchor: AnchorDay::new(1).unwrap(),
                            currency: "USD".to_owned(),
                            created_at,
                        };
                        accounts::add(session, &account).await?;
                    }
                    Ok(())
                })
            });
            work.await.unwrap();
        }
        ledger.close().await;
    }

    /// A token for a tool that sends the usage of `account`, good for a day.
    pub fn sender(&self, account: &str) -> String {
        let mut claims = Claims::new("sender", &[Audience::Usage]);
        claims.scope = "usage:write usage:read".to_owned();
        claims.tenant = Some(account.to_owned());
        self.token(&claims)
    }

    /// A token that says `claims`.
    pub fn token(&self, claims: &Claims) -> String {
        let day = Duration::from_secs(24 * 3600);
        local::token(claims, &self.key, Timestamp::now(), day).unwrap()
    }
}

/// How many of the last lines of a server's log are kept.
const LINES: usize = 2000;

/// A program that serves; it ends with its owner.
pub struct Serving {
    pub child: Child,
    pub api: String,
    pub health: String,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    /// Starts the program on a place, with more flags, behind a command that runs it, if any. The
    /// error is the log of one that ended before it served.
    pub fn try_start_behind(
        place: &Place,
        flags: &[&str],
        behind: &[&str],
    ) -> Result<Self, String> {
        let program = env!("CARGO_BIN_EXE_api-server");
        let all: Vec<&str> = behind.iter().copied().chain([program, "serve"]).collect();
        let mut child = Command::new(all[0])
            .env_clear()
            .envs(place.environment())
            .args(&all[1..])
            .args(["--address", "127.0.0.1:0", "--health-address", "127.0.0.1:0"])
            .arg("--development-secret-file")
            .arg(&place.secret)
            .arg("--storage")
            .arg(&place.storage)
            .args(flags)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let (found, serving) = mpsc::channel();
        let kept = log.clone();
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let entry: Value = serde_json::from_str(&line).unwrap_or_default();
                if entry["message"] == "serving" {
                    let url = |name: &str| format!("http://{}", entry[name].as_str().unwrap());
                    let _gone = found.send((url("address"), url("health"))).is_err();
                }
                let mut kept = kept.lock().unwrap();
                if kept.len() == LINES {
                    kept.remove(0);
                }
                kept.push(line);
            }
        });
        let Ok((api, health)) = serving.recv() else {
            child.wait().unwrap();
            let log = log.lock().unwrap().join("\n");
            return Err(log);
        };
        Ok(Self { child, api, health, log, reader: Some(reader) })
    }

    /// Starts the program on a place, with more flags.
    pub fn start(place: &Place, flags: &[&str]) -> Self {
        Self::try_start_behind(place, flags, &[]).expect("it ended before it served")
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how it ended, with its log.
    pub fn stop(&mut self) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        (status, self.log().join("\n"))
    }

    /// The last lines of its log.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// A size of the process, in KiB, as `/proc` names it: `VmRSS`, `VmHWM`.
    pub fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// A client that keeps connections.
pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
