//! The programs of `infra/sdk`, each with its SDK, which `scripts/sdk` has got.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

pub struct Sdk {
    pub name: &'static str,
    /// In which ways it sends one event.
    pub modes: &'static [&'static str],
}

pub const PYTHON: Sdk =
    Sdk { name: "python", modes: &["binary", "structured", "v1-binary", "v1-structured"] };
pub const NODE: Sdk = Sdk { name: "node", modes: &["binary", "structured"] };
pub const GO: Sdk = Sdk { name: "go", modes: &["binary", "structured"] };
/// No SDK; it has the first program alone.
pub const CURL: Sdk = Sdk { name: "curl", modes: &[] };

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

impl Sdk {
    /// Whether a header of it can hold a value that is not ASCII, so that UTF-8 comes out.
    pub fn speaks_unicode_in_headers(&self, mode: &str) -> bool {
        matches!((self.name, mode), ("python", "binary") | ("go", "binary"))
    }

    /// Where its packages are.
    fn packages(&self) -> PathBuf {
        let mut command = std::process::Command::new(root().join("scripts/sdk"));
        let output = command.arg(self.name).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "scripts/sdk {} could not get them", self.name);
        String::from_utf8(output.stdout).unwrap().trim().into()
    }

    async fn output(&self, program: &str, url: &str, token: &str, input: &str) -> Output {
        let sources = root().join("infra/sdk").join(self.name);
        // Node looks for packages beside a program.
        let beside = tempfile::tempdir().unwrap();
        let mut command = match self.name {
            "python" => {
                let mut python = Command::new(self.packages().join("bin/python"));
                python.arg("-B").arg(sources.join(format!("{program}.py")));
                python
            }
            "node" => {
                let (file, packages) = (format!("{program}.mjs"), self.packages());
                std::fs::copy(sources.join(&file), beside.path().join(&file)).unwrap();
                let modules = beside.path().join("node_modules");
                std::os::unix::fs::symlink(packages.join("node_modules"), modules).unwrap();
                let mut node = Command::new("node");
                node.arg(beside.path().join(&file));
                node
            }
            "go" => Command::new(self.packages().join(program)),
            _ => Command::new(root().join("infra/sdk").join(format!("{program}.sh"))),
        };
        let mut child = command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TENANTRY_USAGE_URL", url)
            .env("TENANTRY_USAGE_TOKEN_FILE", token)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let patience = Duration::from_secs(120);
        tokio::time::timeout(patience, child.wait_with_output()).await.expect(self.name).unwrap()
    }

    /// Runs one of its programs; answers what it prints.
    pub async fn run(&self, program: &str, url: &str, token: &str, input: &str) -> String {
        let output = self.output(program, url, token, input).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}: {}", self.name, text(&output.stderr));
        text(&output.stdout)
    }

    /// What a program says that fails.
    pub async fn complaint(&self, program: &str, url: &str, token: &str) -> String {
        let output = self.output(program, url, token, "").await;
        assert!(!output.status.success(), "{}: {output:?}", self.name);
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).into_owned()
    }
}
