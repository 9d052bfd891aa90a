//! Every other way in which `scripts/install_tier.sh` into a cluster stops: by its exit code, before anything is changed;
//! and that a dry run changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
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

/// With all that gets Helm at hand, a dry run gets none; it takes the one that was got before.
#[test]
fn a_dry_run_without_helm_is_3_and_gets_none() {
    let (bare, cache) = (Folder::new("dry-no-helm"), Folder::new("dry-cache"));
    for tool in ["bash", "sed", "dirname", "getent", "id", "cut", "cat", "uname", "mkdir", "grep"] {
        symlink(found(tool), bare.0.join(tool)).unwrap();
    }
    // Gets nothing, but would be asked for it first.
    program(&bare.0.join("python3"), "#!/bin/sh\necho \"$@\" >>\"$0.ran\"\n");
    let only = bare.0.display().to_string();
    let dry = || {
        Command::new(root().join("scripts/install_tier.sh"))
            .args(["dev", "--dry-run"])
            .env_clear()
            .envs([("PATH", only.as_str()), ("HOME", &only)])
            .env("TENANTRY_CACHE", &cache.0)
            .output()
            .unwrap()
    };
    let output = dry();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("Helm 4 is missing, and a dry run gets nothing: https://"), "{said}");
    assert!(!bare.0.join("python3.ran").exists(), "it began to get Helm");
    assert_eq!(looks(&cache.0), BTreeMap::new(), "it wrote into the cache");
    // Where the pinned Helm is kept, as scripts/helm says it.
    let pinned = fs::read_to_string(root().join("scripts/helm")).unwrap();
    let version = pinned.lines().find_map(|line| line.strip_prefix("version=")).unwrap();
    fs::create_dir(cache.0.join("tools")).unwrap();
    program(&cache.0.join(format!("tools/helm-{version}")), HELM);
    let output = dry();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("upgrade --install tenantry"));
    assert!(!bare.0.join("python3.ran").exists());
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

#[test]
fn releases_that_helm_cannot_read_are_1() {
    let played = Folder::new("no-releases");
    let refuses = HELM.replace("*)", "list) echo 'secrets is forbidden' >&2; exit 1 ;; *)");
    program(&played.0.join("helm"), &refuses);
    program(&played.0.join("kubectl"), &kubectl("99", ":"));
    let arguments = ["dev", "--context", "there"];
    stops(&arguments, &played.path(), 1, "secrets is forbidden");
    stops(&arguments, &played.path(), 1, "Helm cannot read its releases in tenantry-system");
    assert!(!played.0.join("helm.ran").exists(), "whether it would be an upgrade is not known");
}

/// The script at a terminal where somebody types: its exit code, and what stood there.
fn typed(answer: &str, path: &str) -> (Option<i32>, String) {
    let command =
        format!("{} prod --context there", root().join("scripts/install_tier.sh").display());
    let mut child = Command::new(found("script"))
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .envs([("PATH", path), ("KUBECONFIG", "/nowhere")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.as_mut().unwrap(), "{answer}").unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), text(&output.stdout))
}

#[test]
fn prod_that_is_not_confirmed_by_the_contexts_name_is_6() {
    let played = Folder::new("not-confirmed");
    program(&played.0.join("helm"), HELM);
    program(&played.0.join("kubectl"), &kubectl("99", ":"));
    stops(
        &["prod", "--context", "there"],
        &played.path(),
        6,
        "prod into context there: give --yes",
    );
    for answer in ["elsewhere", "yes", ""] {
        let (code, said) = typed(answer, &played.path());
        assert_eq!(code, Some(6), "{answer:?}: {said}");
        assert!(said.contains("install tier prod into context there? type its name: "), "{said}");
        assert!(said.contains("not confirmed; nothing was changed"), "{said}");
    }
    assert!(!played.0.join("helm.ran").exists());
    let (code, said) = typed("there", &played.path());
    assert_eq!(code, Some(0), "{said}");
    assert!(fs::read_to_string(played.0.join("helm.ran")).unwrap().contains("upgrade --install"));
}

/// The numbers that stand in a text right behind some words.
fn numbers(text: &str, behind: &str) -> BTreeSet<u8> {
    let parts = text.split(behind).skip(1);
    let digits =
        parts.map(|part| part.chars().take_while(char::is_ascii_digit).collect::<String>());
    digits.filter_map(|digits| digits.parse().ok()).collect()
}

/// What the script says of its exit codes, what it ends with, and what tests have seen it end with.
#[test]
fn every_exit_code_is_documented_and_driven() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let script = read("scripts/install_tier.sh");
    let said =
        script.split("# Exit codes:").nth(1).and_then(|rest| rest.split("\nset ").next()).unwrap();
    let said = said.replace("\n#", "");
    let documented: BTreeSet<u8> =
        said.split(',').filter_map(|part| part.split_whitespace().next()?.parse().ok()).collect();
    let ends = numbers(
        &(script.clone() + &read("scripts/tier/helm.sh") + &read("scripts/tier/compose.sh")),
        "stop ",
    );
    assert_eq!(documented, &ends | &BTreeSet::from([0]), "{said}");
    // Tests into a cluster have the code in their name; those on this machine call `run CODE`.
    let mut driven = numbers(&read("scripts/compose/failures.sh"), "run ");
    let here = read("operator/tests/chart/installing_stops.rs")
        + &read("operator/tests/chart/installing.rs");
    driven.extend(numbers(&here, "_is_").iter().chain(&numbers(&here, "_are_")));
    assert!(driven.is_superset(&documented), "driven are {driven:?} of {documented:?}");
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
