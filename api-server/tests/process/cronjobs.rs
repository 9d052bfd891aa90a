//! The chart's CronJobs, run as a kubelet would run their containers: with the arguments and files that
//! the chart renders, and nothing else. The rendering is the golden file that the chart's own tests hold
//! it to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use api_server::auth::Audience;
use api_server::auth::local::Claims;
use serde_json::{Value, json};

use crate::midnight::past_midnight;
use crate::routines::{NOWHERE, files, patience, told};
use crate::serving::{Place, Serving, program};

/// What each Secret of the rendering has a token for, and whose role.
const SCOPES: [(&str, &str, &str); 3] = [
    ("routines-calls", "billing:read", "CustomerSuccessManager"),
    ("routines-export", "billing:export", "Finance"),
    ("routines-audit", "billing:audit privacy:erase", "Auditor"),
];

fn rendered() -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = root.join("operator/tests/chart/golden/prod-routines.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    serde_saphyr::from_multiple(&text).unwrap()
}

/// A folder for each Secret and claim, as a node has them.
struct Node {
    folder: PathBuf,
    objects: Vec<Value>,
}

impl Node {
    fn new(place: &Place, folder: &Path) -> Self {
        for (secret, scope, role) in SCOPES {
            let mut claims = Claims::new("routine", &[Audience::Billing]);
            claims.scope = scope.to_owned();
            claims.roles = vec![role.to_owned()];
            std::fs::write(folder.join(secret), place.token(&claims) + "\n").unwrap();
        }
        Self { folder: folder.to_owned(), objects: rendered() }
    }

    fn cronjob(&self, round: &str) -> &Value {
        let name = format!("tenantry-routine-{round}");
        let mut all = self.objects.iter().filter(|object| object["kind"] == "CronJob");
        all.find(|object| object["metadata"]["name"] == name).expect("the CronJob")
    }

    fn rounds(&self) -> Vec<String> {
        let all = self.objects.iter().filter(|object| object["kind"] == "CronJob");
        let name = |o: &Value| o["metadata"]["name"].as_str().unwrap().to_owned();
        all.map(|o| name(o).trim_start_matches("tenantry-routine-").to_owned()).collect()
    }

    /// Where the container's folders are here, by the path that it knows them by.
    fn mounts(&self, pod: &Value) -> BTreeMap<String, PathBuf> {
        let mut folders = BTreeMap::new();
        for volume in pod["volumes"].as_array().unwrap() {
            let folder = self.folder.join("mounts").join(volume["name"].as_str().unwrap());
            let folder = match volume.pointer("/persistentVolumeClaim/claimName") {
                Some(claim) => self.folder.join(claim.as_str().unwrap()),
                None => folder,
            };
            std::fs::create_dir_all(&folder).unwrap();
            if let Some(secret) = volume.get("secret") {
                let item = &secret["items"][0];
                assert!(["token", "jwt"].contains(&item["key"].as_str().unwrap()), "{secret}");
                let token = self.folder.join(secret["secretName"].as_str().unwrap());
                std::fs::copy(token, folder.join(item["path"].as_str().unwrap())).unwrap();
            }
            folders.insert(volume["name"].as_str().unwrap().to_owned(), folder);
        }
        let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
        let at = |mount: &Value, name: &str| mount[name].as_str().unwrap().to_owned();
        mounts.iter().map(|m| (at(m, "mountPath"), folders[&at(m, "name")].clone())).collect()
    }

    /// The container's arguments, with the Service's address and its folders as they are here.
    fn arguments(&self, round: &str, server: &str) -> Vec<String> {
        let pod = &self.cronjob(round)["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert!(container.get("env").is_none() && container.get("command").is_none());
        let mounts = self.mounts(pod);
        let mut arguments = Vec::new();
        for argument in container["args"].as_array().unwrap() {
            let argument = argument.as_str().unwrap();
            let (flag, value) = argument.split_once('=').unwrap_or((argument, ""));
            let here = mounts.iter().find_map(|(mount, folder)| {
                value.strip_prefix(mount).map(|rest| format!("{flag}={}{rest}", folder.display()))
            });
            arguments.push(match flag {
                "--server" => {
                    assert_eq!(value, self.service(), "the Service that the chart has");
                    format!("--server={server}")
                }
                "--patience" => format!("--patience={}", patience(server)),
                "--token-file" | "--to" => here.expect("a path that is mounted"),
                _ => argument.to_owned(),
            });
        }
        arguments
    }

    fn service(&self) -> String {
        let mut services = self.objects.iter().filter(|object| object["kind"] == "Service");
        let api = services.find(|o| o["metadata"]["name"] == "tenantry-api-server").unwrap();
        let (name, namespace) = (&api["metadata"]["name"], &api["metadata"]["namespace"]);
        let port = &api["spec"]["ports"][0]["port"];
        format!("http://{}.{}.svc:{port}", name.as_str().unwrap(), namespace.as_str().unwrap())
    }

    fn run(&self, round: &str, server: &str) -> Output {
        program().args(self.arguments(round, server)).output().unwrap()
    }

    /// What the claim holds that people look at.
    fn kept(&self) -> Vec<String> {
        let all = files(&self.folder.join("tenantry-routines"));
        all.into_iter().filter(|name| !name.starts_with('.')).collect()
    }

    fn hidden(&self) -> Vec<String> {
        let all = files(&self.folder.join("tenantry-routines"));
        all.into_iter().filter(|name| name.starts_with('.')).collect()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join("tenantry-routines").join(name)).unwrap()
    }

    /// What the same command says to who runs it by hand, without a folder.
    fn by_hand(&self, round: &str, server: &str) -> String {
        let arguments = self.arguments(round, server).into_iter();
        let bare = arguments.filter(|a| !a.starts_with("--to=") && !a.starts_with("--keep="));
        told(&program().args(bare.filter(|argument| argument != "--erase")).output().unwrap())
    }
}

/// The only file of a round.
fn one<'n>(names: &'n [String], round: &str) -> &'n str {
    let name = match round {
        "overages" => "overages-current",
        round => round,
    };
    let of = |file: &&String| {
        let rest = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
        rest.is_some_and(|rest| rest.starts_with("20"))
    };
    let found: Vec<&String> = names.iter().filter(of).collect();
    let [file] = found[..] else { panic!("{round}: {names:?}") };
    file
}

#[tokio::test]
async fn each_keeps_what_the_command_says_and_again_changes_nothing() {
    past_midnight().await;
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let names: Vec<String> = (0..120).map(|n| format!("t{n:03}")).collect();
    place.create_many(&names).await;
    let node = Node::new(&place, folder.path());
    let serving = Serving::start(&place, &[]);
    let rounds = node.rounds();
    assert_eq!(rounds.len(), 8, "{rounds:?}");
    for round in &rounds {
        // The server sums up meanwhile: what is compared is what did not change over the round.
        loop {
            let before = node.by_hand(round, &serving.api);
            let said = told(&node.run(round, &serving.api));
            let kept = node.kept();
            let file = one(&kept, round);
            assert!(said.contains(file) && said.contains(" bytes\n"), "{said}");
            if before == node.by_hand(round, &serving.api) {
                assert_eq!(node.read(file), before, "{round}");
                break;
            }
        }
        let (listed, hidden) = (files(&node.folder.join("tenantry-routines")), node.hidden());
        told(&node.run(round, &serving.api));
        assert_eq!(files(&node.folder.join("tenantry-routines")), listed, "{round}");
        assert!(hidden.iter().all(|name| name.ends_with(".written")), "{hidden:?}");
    }
    let kept = node.kept();
    assert_eq!(kept.len(), 8, "{kept:?}");
    assert_eq!(node.read(one(&kept, "crm")).lines().count(), 120, "a line for each account");
    assert_eq!(node.read(one(&kept, "overages")).lines().count(), 121);
    assert_eq!(node.read(one(&kept, "triage")), "Nobody needs a call.\n");
}

#[tokio::test]
async fn a_server_that_is_away_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    place.create("acme");
    let node = Node::new(&place, folder.path());
    for round in node.rounds() {
        let away = node.run(&round, NOWHERE);
        let complaint = String::from_utf8_lossy(&away.stderr).into_owned();
        assert!(!away.status.success() && complaint.contains("cannot be reached"), "{complaint}");
        assert!(complaint.contains("run it again"), "{complaint}");
        assert_eq!(node.kept(), [""; 0], "{round}");
    }
    // The next pod of the Job finds it there again.
    let serving = Serving::start(&place, &[]);
    for round in node.rounds() {
        told(&node.run(&round, &serving.api));
    }
    assert_eq!(node.kept().len(), 8, "{:?}", node.kept());
    assert!(node.hidden().iter().all(|name| name.ends_with(".written")), "{:?}", node.hidden());
}

#[tokio::test]
async fn a_token_that_may_not_is_said_and_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let node = Node::new(&place, folder.path());
    let serving = Serving::start(&place, &[]);
    std::fs::copy(folder.path().join("routines-calls"), folder.path().join("routines-export"))
        .unwrap();
    let refused = node.run("crm", &serving.api);
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && complaint.contains("billing:export"), "{complaint}");
    assert_eq!(node.kept(), [""; 0]);
    let token = std::fs::read_to_string(folder.path().join("routines-calls")).unwrap();
    assert!(!complaint.contains(token.trim()), "{complaint}");
}

/// A pod that was evicted in the middle, and the next one of its Job.
#[tokio::test]
async fn the_next_pod_goes_on_where_one_was_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let names: Vec<String> = (0..150).map(|n| format!("t{n:03}")).collect();
    place.create_many(&names).await;
    let node = Node::new(&place, folder.path());
    let serving = Serving::start(&place, &[]);
    let claim = folder.path().join("tenantry-routines");
    std::fs::create_dir(&claim).unwrap();
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    for day in [day, day.tomorrow().unwrap()] {
        let line = "{\"account\":\"t098\"}\n";
        std::fs::write(claim.join(format!(".crm-{day}.ndjson.part")), format!("{line}{{\"acc"))
            .unwrap();
        let first = "/exports/crm?format=json";
        let next = format!("{first}&page%5Bsize%5D=100&filter%5Baccount%5D%5Bgt%5D=t098");
        let mark = json!({"first": first, "next": next, "bytes": line.len()});
        std::fs::write(claim.join(format!(".crm-{day}.ndjson.next")), mark.to_string()).unwrap();
    }
    told(&node.run("crm", &serving.api));
    let text = node.read(one(&node.kept(), "crm"));
    let account = |line: &str| serde_json::from_str::<Value>(line).unwrap()["account"].clone();
    let accounts: Vec<Value> = text.lines().map(account).collect();
    assert_eq!((accounts.len(), &accounts[0], &accounts[51]), (52, &json!("t098"), &json!("t149")));
}

#[tokio::test]
async fn old_files_go_and_those_of_others_stay() {
    past_midnight().await;
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    place.create("acme");
    let node = Node::new(&place, folder.path());
    let serving = Serving::start(&place, &[]);
    told(&node.run("crm", &serving.api));
    let claim = folder.path().join("tenantry-routines");
    let notes = claim.join(".crm.ndjson.written");
    let note: Value =
        serde_json::from_str(std::fs::read_to_string(&notes).unwrap().trim()).unwrap();
    let today = note["file"].as_str().unwrap().to_owned();
    // As fourteen weeks of rounds left it, of which somebody edited one and added another.
    let days: Vec<String> = (10..24).map(|day| format!("crm-2026-01-{day}.ndjson")).collect();
    let mut lines = String::new();
    for file in &days {
        std::fs::copy(claim.join(&today), claim.join(file)).unwrap();
        let mut older = note.clone();
        older["file"] = json!(file);
        lines += &format!("{older}\n");
    }
    std::fs::write(&notes, lines).unwrap();
    std::fs::write(claim.join(&days[0]), "ours now").unwrap();
    std::fs::write(claim.join("crm-2026-01-01.ndjson"), "never theirs").unwrap();
    let said = told(&node.run("crm", &serving.api));
    // The golden case keeps twelve: today's and eleven older ones.
    assert!(
        said.contains("removed crm-2026-01-12.ndjson\nremoved crm-2026-01-11.ndjson\n"),
        "{said}"
    );
    let mut left = vec!["crm-2026-01-01.ndjson".to_owned(), days[0].clone()];
    left.extend(days[3..].iter().cloned());
    left.push(today);
    assert_eq!(node.kept(), left);
    assert_eq!(node.read(&days[0]), "ours now");
}

#[test]
fn keeping_some_needs_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "x").unwrap();
    let token = format!("--token-file={}", token.display());
    let none = program().args(["routine", &token, "--keep=3", "crm"]).output().unwrap();
    let complaint = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(!none.status.success() && complaint.contains("give --to"), "{complaint}");
}
