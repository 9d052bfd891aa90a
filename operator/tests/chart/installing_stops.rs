//! Every other way in which `scripts/install_tier.sh` into a cluster stops: by its exit code, before anything is changed;
//! and that a dry run changes nothing.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use crate::{
    helm::{binary, found, root},
    installing::{path, program, script, text},
};

/// A folder that is gone with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("tenantry-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self) -> String {
        format!("{}:{}", self.0.display(), path())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn stops(arguments: &[&str], path: &str, code: i32, words: &str) {
    let output = script(arguments, Some(Path::new("/nowhere")), path);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(words), "{arguments:?}: {said}");
}

/// Helm that records: nothing that stops before it may have reached it.
const HELM: &str =
    "#!/bin/sh\ncase $1 in version) echo v4.0.0 ;; *) echo \"$@\" >>\"$0.ran\" ;; esac\n";

/// kubectl of a cluster that is well, but for what the environment of the test has put in its place.
fn kubectl(minor: &str, label: &str) -> String {
    format!(
        "#!/bin/sh\n[ \"$1\" != --context ] || shift 2\ncase \"$*\" in\n\
         'get --raw /version') echo '{{\"major\": \"1\", \"minor\": \"{minor}\"}}' ;;\n\
         'label '*) {label} ;;\nesac\n"
    )
}

#[test]
fn a_tool_that_is_missing_is_3() {
    // A PATH without Helm and kubectl, whatever this machine has, and nothing to get Helm with.
    let bare = Folder::new("no-tools");
    for tool in ["bash", "sed", "dirname", "getent", "id", "cut", "cat", "uname"] {
        symlink(found(tool), bare.0.join(tool)).unwrap();
    }
    let only = bare.0.display().to_string();
    let output = Command::new(root().join("scripts/install_tier.sh"))
        .arg("dev")
        .env_clear()
        .envs([("PATH", only.as_str()), ("HOME", &only), ("TENANTRY_CACHE", &only)])
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("Helm 4 is missing"), "{said}");
    program(&bare.0.join("helm"), HELM);
    stops(&["dev"], &only, 3, "kubectl is missing");
    assert!(!bare.0.join("helm.ran").exists());
}

#[test]
fn a_cluster_that_does_not_answer_or_is_too_old_is_4() {
    let played = Folder::new("old-cluster");
    program(&played.0.join("helm"), HELM);
    stops(&["dev"], &played.path(), 4, "no current context: give --context NAME");
    let unknown = ["dev", "--context", "nowhere"];
    stops(&unknown, &played.path(), 4, "context nowhere does not answer");
    for minor in ["29", ""] {
        program(&played.0.join("kubectl"), &kubectl(minor, ":"));
        let words = format!("context nowhere is Kubernetes 1.{minor}; the chart needs 1.");
        stops(&unknown, &played.path(), 4, &words);
    }
    assert!(!played.0.join("helm.ran").exists());
}

#[test]
fn a_namespace_that_cannot_be_labelled_is_1() {
    let played = Folder::new("no-label");
    program(&played.0.join("helm"), HELM);
    program(&played.0.join("kubectl"), &kubectl("99", "exit 1"));
    let arguments = ["dev", "--context", "there"];
    stops(&arguments, &played.path(), 1, "the namespace could not be labelled");
    assert!(played.0.join("helm.ran").exists(), "that comes after Helm");
    program(&played.0.join("kubectl"), &kubectl("99", ":"));
    let output = script(&arguments, None, &played.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// All below a folder: sizes, and when each was changed.
fn looks(folder: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            all.extend(looks(&path));
        }
        all.insert(path, (about.len(), about.modified().unwrap()));
    }
    all
}

#[test]
fn a_dry_run_writes_nothing() {
    let (tools, home) = (Folder::new("dry-tools"), Folder::new("dry-home"));
    symlink(binary(), tools.0.join("helm")).unwrap();
    let state = || {
        let names = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        let below = ["charts", "examples", "infra/profiles", "scripts"];
        (names, below.map(|folder| looks(&root().join(folder))), looks(&home.0))
    };
    let before = state();
    assert!(before.1.iter().all(|folder| folder.len() > 3) && before.2.is_empty());
    for tier in [&["dev"][..], &["prod"], &["prod", "--gpu", "--context", "there", "--yes"]] {
        let output = Command::new(root().join("scripts/install_tier.sh"))
            .args(tier)
            .arg("--dry-run")
            .env("PATH", tools.path())
            .env("KUBECONFIG", home.0.join("none"))
            .envs(["HOME", "TMPDIR", "TENANTRY_CACHE"].map(|name| (name, &home.0)))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).starts_with("+ helm upgrade --install"), "{tier:?}");
        assert_eq!(state(), before, "{tier:?}");
    }
}
