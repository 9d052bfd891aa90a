//! A control plane of a test's own.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

static COUNT: AtomicU32 = AtomicU32::new(0);

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/ground")
}

/// A control plane; it ends with its owner.
pub struct Ground(PathBuf);

impl Ground {
    pub fn start() -> Self {
        let (pid, number) = (std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let dir = std::env::temp_dir().join(format!("tenantry-cluster-{pid}-{number}"));
        let started = Command::new(script())
            .args(["start", "--mode", "fleet", "--nodes", "1"])
            .args(["--tie-to-pid", &pid.to_string(), "--dir"])
            .arg(&dir)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&started.stderr);
        assert!(started.status.success(), "the ground does not start: {said}");
        Self(dir)
    }

    pub fn kubectl(&self, args: &[&str]) -> String {
        let mut command = Command::new(script());
        let output =
            command.args(["kubectl", "--dir"]).arg(&self.0).arg("--").args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// One of the programs that it is made of.
    pub fn tool(&self, name: &str) -> PathBuf {
        let built = Command::new(script()).args(["build", "--mode", "fleet"]).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Path::new(String::from_utf8(built.stdout).unwrap().trim()).join(name)
    }

    /// Where its state is.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.0.join("kubeconfig")
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let stopped =
            Command::new(script()).args(["stop", "--purge", "--dir"]).arg(&self.0).output();
        if stopped.is_ok_and(|output| output.status.success()) {
            let _gone = std::fs::remove_dir_all(&self.0);
        }
    }
}
