//! A server that backs its ledger up by itself, beside its work: to a folder, and to a real store that speaks S3.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use api_server::backup::own::OF;
use serde_json::{Value, json};

use crate::backups::{erase, events, holds, names, restore, restore_with, send, text};
use crate::cluster::{Folder, template, url_of};
use crate::gateway::ground::BOUND;
use crate::serving::{Place, Serving, client, program};
use crate::store::{SECRET, Store};

mod failing;

const NEWEST: &str = "tenantry_ledger_backup_last_success_timestamp_seconds";
const FAILURES: &str = "tenantry_ledger_backup_failures_total";

/// Asks until it holds.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let patience = tokio::time::Instant::now() + BOUND;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < patience, "never {what}");
        tokio::task::yield_now().await;
    }
}

async fn told(server: &Serving, name: &str) -> Option<i64> {
    let answer = client().get(format!("{}/metrics", server.health)).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    value.map(|value| value.parse().unwrap())
}

/// The server knows of a backup; answers when it was made.
async fn newest(server: &Serving) -> i64 {
    until("told of a backup", async || told(server, NEWEST).await.filter(|made| *made > 0)).await
}

async fn failed(server: &Serving) {
    let logged = || server.log().join("\n").contains("the ledger could not be backed up");
    until("told of a failure", async || {
        told(server, FAILURES).await.filter(|count| *count > 0 && logged())
    })
    .await;
}

/// A ledger with `acme`, and where its backups go: a folder, or a bucket.
struct Lab {
    folder: tempfile::TempDir,
    place: Place,
    flags: Vec<String>,
}

impl Lab {
    async fn with(events: &Value, store: Option<&Store>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path());
        place.create("acme");
        let server = Serving::start(&place, &[]);
        send(&server, &place, events).await;
        drop(server);
        let mut flags =
            vec!["--backups".to_owned(), folder.path().join("backups").display().to_string()];
        flags.extend(store.map(Store::flags).unwrap_or_default());
        Self { folder, place, flags }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn server(&self, more: &[&str]) -> Serving {
        let flags: Vec<&str> =
            self.flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Serving::start(&self.place, &flags)
    }

    /// `api-server backups` without the ledger, which may be lost.
    fn backups(&self, args: &[&str]) -> Output {
        let mut command = program();
        command.arg("backups").args(args).args(&self.flags).arg("--storage").arg("/nowhere");
        command.output().unwrap()
    }

    fn listed(&self) -> Vec<String> {
        let output = self.backups(&["list", "--ledger"]);
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// The ledger's place.
    fn own(&self) -> PathBuf {
        self.path("backups").join(OF)
    }

    /// The files in it.
    fn files(&self) -> Vec<String> {
        names(&self.own())
    }

    /// Makes the newest one look as if it were made in that second.
    fn aged(&self, id: &str) {
        let folder = self.own();
        let whole = |name: &String| name.ends_with(".tar") && !name.starts_with('.');
        let name = self.files().into_iter().rfind(whole).unwrap();
        let (_, sum) = name.split_once('.').unwrap();
        fs::rename(folder.join(&name), folder.join(format!("{id}.{sum}"))).unwrap();
    }

    /// Loses the ledger, takes the newest backup, restores it and sends so many events again; answers how many
    /// the ledger knew.
    async fn comes_back(&mut self, to: usize) -> u64 {
        self.comes_back_by(&[], to).await
    }

    /// The same, with what says which backup.
    async fn comes_back_by(&mut self, which: &[&str], to: usize) -> u64 {
        fs::remove_dir_all(&self.place.storage).unwrap();
        let archive = self.path("ledger.tar");
        let get = ["get", "--ledger", "--to", archive.to_str().unwrap()];
        let output = self.backups(&[&get[..], which].concat());
        assert!(output.status.success(), "{}", text(&output));
        let output = restore(&archive, &self.place.storage);
        assert!(text(&output).contains("everything agrees"), "{}", text(&output));
        assert!(self.place.run(&["verify"]).status.success());
        let server = Serving::start(&self.place, &[]);
        send(&server, &self.place, &events(0, to)).await["duplicates"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn a_server_backs_its_ledger_up_once_in_a_while_and_it_comes_back_from_that() {
    let mut lab = Lab::with(&events(0, 40), None).await;
    let mut server = lab.server(&["--backups-ledger-keep", "2"]);
    let first = newest(&server).await;
    assert_eq!(told(&server, "tenantry_ledger_backup_interval_seconds").await, Some(24 * 3600));
    let listed = lab.listed();
    assert_eq!(listed.len(), 1, "{listed:?}");
    let file = lab.own().join(&lab.files()[0]);
    let bytes = fs::metadata(&file).unwrap().len();
    assert!(listed[0].ends_with(&format!(", {bytes} bytes: {}", file.display())), "{listed:?}");
    assert_eq!(told(&server, "tenantry_ledger_backup_size_bytes").await, i64::try_from(bytes).ok());
    let (status, log) = server.stop();
    assert!(status.success() && log.contains("the ledger was backed up"), "{log}");

    // One that is started anew goes by what stands there.
    let mut server = lab.server(&[]);
    assert_eq!(newest(&server).await, first);
    let (_, log) = server.stop();
    assert!(!log.contains("the ledger was backed up") && lab.listed().len() == 1, "{log}");

    // A day later there is another one, and the third makes the oldest go.
    for (id, kept) in [("20260101T000000Z", 2), ("20260102T000000Z", 2)] {
        lab.aged(id);
        let server = lab.server(&["--backups-ledger-keep", "2"]);
        until("another one", async || told(&server, NEWEST).await.filter(|made| *made >= first))
            .await;
        until("the oldest gone", async || (lab.files().len() == kept).then_some(())).await;
    }
    assert!(lab.files()[0].starts_with("20260102T000000Z."), "{:?}", lab.files());
    let output = lab.backups(&["check", "--ledger"]);
    assert!(
        text(&output).contains("2 backups of the ledger and 0 logs of erasures, 0 damaged"),
        "{}",
        text(&output)
    );
    assert_eq!(lab.comes_back(50).await, 40);
}

/// The disk was lost, and a server began another ledger there before anybody restored the first.
#[tokio::test]
async fn a_ledger_that_is_begun_anew_pushes_out_no_backup_of_the_lost_one() {
    let mut lab = Lab::with(&events(0, 40), None).await;
    let first = newest(&lab.server(&[])).await;
    lab.aged("20260101T000000Z");
    let lost = lab.files();
    fs::remove_dir_all(&lab.place.storage).unwrap();
    lab.place.create("acme");
    let mut server = lab.server(&["--backups-ledger-keep", "1"]);
    assert!(newest(&server).await >= first, "what another ledger has is not its own");
    let (_, log) = server.stop();
    assert!(log.contains("backups of another ledger stand there"), "{log}");
    let both = lab.files();
    assert!(both.len() == 2 && both[0] == lost[0], "{both:?}");

    // The newest is not meant by itself any more.
    let to = lab.path("ledger.tar");
    let to = to.to_str().unwrap();
    let refused = lab.backups(&["get", "--ledger", "--to", to]);
    assert!(text(&refused).contains("backups of 2 ledgers stand there"), "{}", text(&refused));
    let id = ["--id", "20260101T000000Z"];
    assert_eq!(lab.comes_back_by(&id, 50).await, 40);
    // What was restored is the first ledger again, and goes by its own.
    let mut server = lab.server(&["--backups-ledger-keep", "1"]);
    until("its next", async || (lab.files() != both).then_some(())).await;
    let (_, log) = server.stop();
    assert!(!log.contains("backups of another ledger stand there"), "{log}");
}

#[tokio::test]
async fn an_older_one_that_cannot_make_place_and_a_clock_that_was_ahead_keep_no_new_one_from_staying()
 {
    let lab = Lab::with(&events(0, 3), None).await;
    newest(&lab.server(&[])).await;
    lab.aged("29990101T000000Z");
    let server = lab.server(&["--backups-ledger-keep", "1"]);
    until("a new one", async || {
        let log = server.log().join("\n");
        log.contains("the ledger was backed up").then_some(())
    })
    .await;
    until("the other gone", async || (lab.files().len() == 1).then_some(())).await;
    assert!(!lab.files()[0].starts_with("2999"), "{:?}", lab.files());
}

#[tokio::test]
async fn to_a_bucket_once_the_store_is_there_and_takes_the_key() {
    let mut store = Store::start().await;
    let mut lab = Lab::with(&events(0, 20), Some(&store)).await;
    store.kill();
    let server = lab.server(&[]);
    failed(&server).await;
    assert_eq!(told(&server, NEWEST).await, Some(0));
    store.set_key("AKIDTESTS", "wrong");
    store.again();
    until("refused", async || {
        let log = server.log().join("\n");
        log.contains("SignatureDoesNotMatch").then_some(())
    })
    .await;
    assert_eq!(store.objects(OF), Vec::<PathBuf>::new());
    store.set_right_key();
    newest(&server).await;
    assert_eq!(store.objects(OF).len(), 1);
    let log = server.log().join("\n");
    assert!(log.contains("the ledger could not be backed up"), "{log}");
    assert!(log.contains("s3://tenants/prod/_ledger/"), "{log}");
    assert!(!log.contains(SECRET) && !log.contains("Signature="), "{log}");
    // It only passes through the folder.
    until("nothing left", async || lab.files().is_empty().then_some(())).await;
    drop(server);
    let output = lab.backups(&["check", "--ledger"]);
    assert!(
        text(&output).contains("1 backups of the ledger and 0 logs of erasures, 0 damaged"),
        "{}",
        text(&output)
    );
    assert_eq!(lab.comes_back(20).await, 20);
}

#[tokio::test]
async fn a_ledger_that_has_no_room_on_its_way_to_a_bucket_is_named_with_the_remedy() {
    let store = Store::start().await;
    let lab = Lab::with(&events(0, 2), Some(&store)).await;
    let server = lab.server(&["--backups-ledger-largest", "1000"]);
    failed(&server).await;
    let log = server.log().join("\n");
    assert!(log.contains("more than --backups-ledger-largest"), "{log}");
    assert_eq!((store.objects(OF), lab.files()), (vec![], vec![]));
    let place = Place::new(lab.folder.path());
    let mut flags: Vec<&str> = lab.flags.iter().map(String::as_str).collect();
    flags.extend(["--backups-ledger-largest", "5368709121"]);
    let refused = Serving::try_start_behind(&place, &flags, &[]).err().unwrap();
    assert!(
        refused.contains("--backups-ledger-largest (TENANTRY_BACKUPS_LEDGER_LARGEST)"),
        "{refused}"
    );
}

#[tokio::test]
async fn one_that_is_damaged_is_found_and_comes_out_for_nobody() {
    let lab = Lab::with(&events(0, 20), None).await;
    newest(&lab.server(&[])).await;
    let file = lab.own().join(&lab.files()[0]);
    let good = fs::read(&file).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    let to = lab.path("ledger.tar");
    for (what, bytes) in [("flipped", &bad[..]), ("cut off", &good[..middle]), ("none", b"")] {
        fs::write(&file, bytes).unwrap();
        let checked = lab.backups(&["check", "--ledger"]);
        let said = text(&checked);
        assert!(!checked.status.success() && said.contains(OF), "{what}: {said}");
        assert!(
            said.contains("1 backups of the ledger and 0 logs of erasures, 1 damaged"),
            "{what}: {said}"
        );
        let got = lab.backups(&["get", "--ledger", "--to", to.to_str().unwrap()]);
        assert!(!got.status.success() && !to.exists(), "{what}: {}", text(&got));
    }
    let got =
        lab.backups(&["get", "--ledger", "--id", "20200101T000000Z", "--to", to.to_str().unwrap()]);
    assert!(text(&got).contains("backups list --ledger names them"), "{}", text(&got));
}

/// The log of erasures stands beside the backups before the ledger's disk is lost, in a folder as in a bucket.
#[tokio::test]
async fn what_was_erased_after_the_newest_stays_erased_where_the_ledger_is_lost() {
    let store = Store::start().await;
    for store in [None, Some(&store)] {
        let lab = Lab::with(&events(0, 3), store).await;
        let mut server = lab.server(&[]);
        newest(&server).await;
        // The sizes of the logs that stand there.
        let logs = || -> Vec<u64> {
            let files = match store {
                None => lab.files().iter().map(|name| lab.own().join(name)).collect(),
                Some(store) => store.objects(OF),
            };
            let logs =
                files.iter().filter(|file| file.to_string_lossy().ends_with(".erasures.jsonl"));
            logs.filter_map(|file| Some(fs::metadata(file).ok()?.len())).collect()
        };
        assert_eq!(logs(), Vec::<u64>::new());
        assert_eq!(erase(&server, &lab.place, "north").await["erased"]["events"], 3);
        until("the log kept", async || (logs().len() == 1).then_some(())).await;
        server.kill();
        fs::remove_dir_all(&lab.place.storage).unwrap();

        let (archive, log) = (lab.path("ledger.tar"), lab.path("erasures.jsonl"));
        let [to, also] = [&archive, &log].map(|path| path.to_str().unwrap());
        let hinted = text(&lab.backups(&["get", "--ledger", "--to", to]));
        assert!(hinted.contains("take the log too, by --erasures"), "{hinted}");
        fs::remove_file(&archive).unwrap();
        let got = lab.backups(&["get", "--ledger", "--to", to, "--erasures", also]);
        assert!(got.status.success(), "{}", text(&got));
        let output = restore_with(&archive, &lab.place.storage, Some(&log));
        assert!(
            text(&output).contains("erased again the attributes of 3 events"),
            "{}",
            text(&output)
        );
        assert!(!holds(&lab.place.storage, "north"));

        // The log that goes on takes the place of what it began as, and a damaged one is found.
        let server = lab.server(&[]);
        send(&server, &lab.place, &events(3, 5)).await;
        assert_eq!(erase(&server, &lab.place, "north").await["erased"]["events"], 2);
        let longer = fs::metadata(lab.place.storage.join("erasures.jsonl")).unwrap().len();
        until("the longer log alone", async || (logs() == [longer]).then_some(())).await;
        let checked = lab.backups(&["check", "--ledger"]);
        let said = text(&checked);
        assert!(
            said.contains("1 backups of the ledger and 1 logs of erasures, 0 damaged"),
            "{said}"
        );
    }
}

/// The database's own tools do it; the log says so, and nothing is told of backups that are nobody's.
#[tokio::test]
async fn a_ledger_in_a_database_is_left_to_that_ones_tools() {
    let folder = Folder::with_database(template().await).await;
    let place = Place::with_database(folder.path(), url_of(folder.path()));
    let backups = folder.path().join("backups");
    let mut server = Serving::start(&place, &["--backups", backups.to_str().unwrap()]);
    assert_eq!(told(&server, NEWEST).await, None);
    let (_, log) = server.stop();
    assert!(log.contains("it is in PostgreSQL, whose own tools do that"), "{log}");
    assert!(!backups.join(OF).exists());
}

#[tokio::test]
async fn who_wants_none_has_none() {
    let lab = Lab::with(&json!([]), None).await;
    let mut server = lab.server(&["--backups-ledger-every", "0"]);
    assert_eq!(told(&server, NEWEST).await, None);
    let (_, log) = server.stop();
    assert!(log.contains("--backups-ledger-every is 0"), "{log}");
    assert!(!lab.own().exists());
}
