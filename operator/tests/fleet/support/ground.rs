//! A control plane of our own.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A running control plane. It ends when it is dropped, and at the latest with this process.
pub struct Ground {
    dir: PathBuf,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/ground")
}

impl Ground {
    /// Starts one with three nodes.
    pub fn start() -> Self {
        let pid = std::process::id();
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let dir = std::env::temp_dir().join(format!("tenantry-fleet-{pid}-{number}"));
        let output = Command::new(script())
            .args(["start", "--mode", "fleet", "--nodes", "3", "--gpu-nodes", "1"])
            .args(["--tie-to-pid", &pid.to_string(), "--dir"])
            .arg(&dir)
            .output()
            .expect("scripts/ground runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the ground does not start: {said}");
        Self { dir }
    }

    /// Applies our definitions and waits until both are served.
    pub fn define(&self) {
        let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/generated");
        self.kubectl(&["apply", "-f", &crds.to_string_lossy()]);
        // kubectl takes a definition whose status is still empty for an error.
        for (definition, kind) in [
            ("crd/tenants.tenantry.dev", "Tenant"),
            ("crd/deploymentprofiles.tenantry.dev", "DeploymentProfile"),
        ] {
            let named = format!("--for=jsonpath={{.status.acceptedNames.kind}}={kind}");
            self.kubectl(&["wait", &named, definition, "--timeout=240s"]);
            self.kubectl(&["wait", "--for=condition=Established", definition, "--timeout=240s"]);
        }
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// `kubectl` as administrator: what it prints.
    pub fn kubectl(&self, args: &[&str]) -> String {
        let output = Command::new(script())
            .args(["kubectl", "--dir"])
            .arg(&self.dir)
            .arg("--")
            .args(args)
            .output()
            .expect("kubectl runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {args:?}: {said}");
        String::from_utf8(output.stdout).expect("kubectl prints text")
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let stopped =
            Command::new(script()).args(["stop", "--purge", "--dir"]).arg(&self.dir).output();
        // The watcher tied to this process would end it too; a test's verdict does not depend on it.
        if stopped.is_ok_and(|output| output.status.success()) {
            let _gone = std::fs::remove_dir_all(&self.dir);
        }
    }
}
