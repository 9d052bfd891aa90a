//! The pinned Helm.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::Value;

/// The checkout.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The chart.
pub fn chart() -> PathBuf {
    root().join("charts/tenantry")
}

static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = Command::new(root().join("scripts/helm")).output().expect("scripts/helm runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
});

/// Its path.
pub fn binary() -> &'static Path {
    &BINARY
}

/// Where PATH has a program.
pub fn found(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("PATH");
    let mut all = std::env::split_paths(&path).map(|folder| folder.join(program));
    all.find(|file| file.is_file()).unwrap_or_else(|| panic!("{program} is not on PATH"))
}

/// Runs Helm, with a home of its own that nobody's settings reach.
pub fn run(arguments: &[&str]) -> Output {
    let home = std::env::temp_dir().join(format!("tenantry-helm-{}", std::process::id()));
    Command::new(&*BINARY)
        .args(arguments)
        .env_remove("KUBECONFIG")
        .envs(
            ["CACHE", "CONFIG", "DATA"].map(|part| (format!("HELM_{part}_HOME"), home.join(part))),
        )
        .output()
        .expect("helm runs")
}

/// What it prints when it goes well.
pub fn prints(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "helm {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

/// Its complaint; panics when there is none.
pub fn refuses(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "helm takes {arguments:?}");
    said
}

/// `helm template` of the chart, as it would be installed, with more arguments.
pub fn template<'a>(more: &[&'a str]) -> Vec<&'a str> {
    static CHART: LazyLock<String> = LazyLock::new(|| chart().to_string_lossy().into_owned());
    let fixed = ["template", "tenantry", &CHART, "--namespace", "tenantry-system"];
    fixed.into_iter().chain(more.iter().copied()).collect()
}

/// A values file of the chart.
pub fn values(name: &str) -> String {
    chart().join(format!("values-{name}.yaml")).to_string_lossy().into_owned()
}

/// The objects of a YAML stream.
pub fn objects(text: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).expect("YAML");
    all.into_iter().filter(|object| !object.is_null()).collect()
}

/// A YAML file.
pub fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_saphyr::from_str(&text).expect("YAML")
}
