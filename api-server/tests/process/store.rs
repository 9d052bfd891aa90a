//! A store that speaks the S3 API, as a process of its own (`scripts/s3`), whose objects are files.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use api_server::backup::bucket::{self, Bucket};
use rusty_s3::{Credentials, S3Action, UrlStyle};

use crate::gateway::ground::BOUND;
use crate::port::free_port;
use crate::receiver;
use crate::serving::client;

const KEY: &str = "AKIDTESTS";
/// Never to be seen in anything that is said.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYKEY";
pub const NAME: &str = "tenants";
const REGION: &str = "eu-central-1";

/// The program, which is built once.
fn program() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/s3");
    let output = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "scripts/s3 could not build it");
    String::from_utf8(output.stdout).unwrap().trim().into()
}

/// A store with one bucket.
pub struct Store {
    folder: tempfile::TempDir,
    port: u16,
    /// Whether it speaks https.
    secure: bool,
    child: Option<Child>,
}

impl Drop for Store {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Store {
    pub async fn start() -> Self {
        Self::new(false).await
    }

    /// Over https, by a certificate of an authority that only tests trust.
    pub async fn secure() -> Self {
        Self::new(true).await
    }

    async fn new(secure: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["objects", "metadata", "credentials", "tls"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut store = Self { folder, port: free_port(), secure, child: None };
        store.set_key(KEY, SECRET);
        receiver::written(&store.path("tls"));
        store.again();
        store.create().await;
        store
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Starts it where it was, with what it had.
    pub fn again(&mut self) {
        let mut command = Command::new(program());
        command.env_clear().env("ROOT_ACCESS_KEY", KEY).env("ROOT_SECRET_KEY", SECRET);
        command.args([
            "--quiet",
            "--region",
            REGION,
            "--port",
            &format!("127.0.0.1:{}", self.port),
        ]);
        if self.secure {
            let tls = self.path("tls");
            command.arg("--cert").arg(tls.join("certificate.pem"));
            command.arg("--key").arg(tls.join("key.pem"));
        }
        command.args(["posix", "--sidecar"]).arg(self.path("metadata")).arg(self.path("objects"));
        let log = std::fs::File::create(self.path("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = self.child.insert(command.spawn().unwrap());
        let patience = Instant::now() + BOUND;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = child.try_wait().unwrap();
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(ended.is_none() && Instant::now() < patience, "it never served: {}", log());
            std::thread::yield_now();
        }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ended = child.kill();
            let _ended = child.wait();
        }
    }

    /// What the server's credentials are from now on.
    pub fn set_key(&self, id: &str, secret: &str) {
        let folder = self.path("credentials");
        std::fs::write(folder.join(bucket::ACCESS_KEY_ID), id).unwrap();
        let part = folder.join("part");
        std::fs::write(&part, format!("{secret}\n")).unwrap();
        std::fs::rename(part, folder.join(bucket::SECRET_ACCESS_KEY)).unwrap();
    }

    /// The same key as the store's own.
    pub fn set_right_key(&self) {
        self.set_key(KEY, SECRET);
    }

    async fn create(&self) {
        if self.secure {
            // A folder is a bucket.
            std::fs::create_dir(self.path("objects").join(NAME)).unwrap();
            return;
        }
        let url = self.url().parse().unwrap();
        let bucket = rusty_s3::Bucket::new(url, UrlStyle::Path, NAME, REGION).unwrap();
        let key = Credentials::new(KEY, SECRET);
        let url = bucket.create_bucket(&key).sign(Duration::from_secs(60));
        let answer = client().put(url).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    pub fn settings(&self) -> bucket::Settings {
        bucket::Settings {
            endpoint: self.url(),
            name: NAME.to_owned(),
            region: REGION.to_owned(),
            prefix: "prod".to_owned(),
            credentials: self.path("credentials"),
            ca_file: self.secure.then(|| self.path("tls").join("authority.pem")),
        }
    }

    pub fn bucket(&self) -> Bucket {
        Bucket::open(self.settings()).unwrap()
    }

    /// What a server is told of it.
    pub fn flags(&self) -> Vec<String> {
        let settings = self.settings();
        let credentials = settings.credentials.display().to_string();
        let all = [
            ("--backups-s3-endpoint", settings.endpoint),
            ("--backups-s3-bucket", settings.name),
            ("--backups-s3-region", settings.region),
            ("--backups-s3-prefix", settings.prefix),
            ("--backups-s3-credentials", credentials),
        ];
        all.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
    }

    /// The files of an account's objects.
    pub fn objects(&self, account: &str) -> Vec<PathBuf> {
        let folder = self.path("objects").join(NAME).join("prod").join(account);
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}
