//! Backups of a ledger that is being written, and what becomes of damaged ones.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::LazyLock;

use api_server::auth::Audience;
use api_server::auth::local::Claims;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::serving::{Place, Serving, client, program};

/// One for all events, so that what is sent again says the same.
static TIME: LazyLock<String> = LazyLock::new(|| Timestamp::now().to_string());

pub fn events(from: usize, to: usize) -> Value {
    let event = |n| {
        json!({"specversion": "1.0", "id": format!("e-{n}"), "source": "/core", "time": *TIME,
            "type": "dev.tenantry.usage.query", "region": "north", "data": {"quantity": "1"}})
    };
    (from..to).map(event).collect()
}

pub async fn send(server: &Serving, place: &Place, events: &Value) -> Value {
    let request = client()
        .post(format!("{}/usage/events", server.api))
        .bearer_auth(place.sender("acme"))
        .header("content-type", "application/cloudevents-batch+json")
        .body(events.to_string());
    let answer = request.send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

pub fn text(output: &Output) -> String {
    let texts = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    texts.concat()
}

fn backup(place: &Place, to: &Path) -> Output {
    place.run(&["backup", "--to", to.to_str().unwrap()])
}

pub fn restore(from: &Path, folder: &Path) -> Output {
    restore_with(from, folder, None)
}

pub fn restore_with(from: &Path, folder: &Path, erasures: Option<&Path>) -> Output {
    let mut command = program();
    command.arg("restore").arg("--from").arg(from).arg("--storage").arg(folder);
    if let Some(log) = erasures {
        command.arg("--erasures").arg(log);
    }
    command.output().unwrap()
}

/// Erases a region from an account's events, as `privacy:erase` may.
pub async fn erase(server: &Serving, place: &Place, region: &str) -> Value {
    let mut claims = Claims::new("officer", &[Audience::Billing]);
    claims.scope = "privacy:erase".to_owned();
    let subject = json!({"dimension": {"account": "acme", "name": "region", "value": region}});
    let request = client()
        .post(format!("{}/erasures", server.api))
        .bearer_auth(place.token(&claims))
        .header("content-type", "application/json")
        .body(json!({"subject": subject, "reason": "asked to", "reference": "T-7"}).to_string());
    serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
}

/// Whether any file of a folder holds a text.
pub fn holds(folder: &Path, text: &str) -> bool {
    let files = names(folder).into_iter().map(|name| std::fs::read(folder.join(name)).unwrap());
    files.into_iter().any(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
}

/// A backup of a ledger with so many rows, which a server made whole beside it.
async fn made(folder: &Path, rows: usize) -> PathBuf {
    let place = Place::new(folder);
    place.create("acme");
    let server = Serving::start(&place, &[]);
    assert_eq!(send(&server, &place, &events(0, rows)).await["accepted"], rows);
    let archive = folder.join("ledger.tar");
    let output = backup(&place, &archive);
    assert!(output.status.success(), "{}", text(&output));
    archive
}

/// What lies in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_backup_beside_a_working_server_is_one_moment_and_restores_whole() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    place.create("acme");
    let server = Serving::start(&place, &[]);
    send(&server, &place, &events(0, 300)).await;
    let archive = folder.path().join("ledger.tar");
    // Others write while it is made.
    let busy = async {
        for n in 0..20 {
            send(&server, &place, &events(300 + n * 10, 310 + n * 10)).await;
        }
    };
    let (storage, to) = (place.storage.clone(), archive.clone());
    let making = tokio::task::spawn_blocking(move || {
        let mut command = program();
        command.arg("backup").arg("--to").arg(to).arg("--storage").arg(storage);
        command.output().unwrap()
    });
    let (output, ()) = tokio::join!(making, busy);
    let output = output.unwrap();
    assert!(output.status.success(), "{}", text(&output));
    send(&server, &place, &events(500, 600)).await;
    drop(server);

    let again = folder.path().join("again");
    let second = Place::new(&again_place(&again));
    let output = restore(&archive, &second.storage);
    assert!(
        output.status.success() && text(&output).contains("everything agrees"),
        "{}",
        text(&output)
    );
    assert!(second.run(&["verify"]).status.success());
    let server = Serving::start(&second, &[]);
    let known = send(&server, &second, &events(0, 600)).await;
    let (new, known) = (known["accepted"].as_u64().unwrap(), known["duplicates"].as_u64().unwrap());
    // What was there before is there, what came after is not, and nothing in between is torn.
    assert!((300..=500).contains(&known) && new + known == 600 && known % 10 == 0, "{known}");
    assert_eq!(names(folder.path()), ["again", "billing", "ledger.tar", "secret"]);
}

fn again_place(folder: &Path) -> PathBuf {
    std::fs::create_dir(folder).unwrap();
    folder.to_owned()
}

#[tokio::test]
async fn a_damaged_archive_is_refused_by_name_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let archive = made(folder.path(), 50).await;
    let good = std::fs::read(&archive).unwrap();
    let database = good.windows(15).position(|bytes| bytes == b"SQLite format 3").unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let replaced = |from: &str, to: &str| {
        let at = good.windows(from.len()).position(|bytes| bytes == from.as_bytes()).unwrap();
        let mut bytes = good.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    let mut cases = vec![
        ("nothing", Vec::new(), "manifest.json"),
        ("half", good[..database + 5_000].to_vec(), "ledger.db is damaged"),
        ("no archive", b"not an archive".repeat(100), "manifest.json"),
        ("another head", replaced("\"seq\": 50", "\"seq\": 49"), "account acme"),
        ("fewer rows", replaced("\"usage_ledger\": 50", "\"usage_ledger\": 51"), "usage_ledger"),
        ("a newer format", replaced("\"format\": 1", "\"format\": 2"), "manifest.json"),
        ("another schema", replaced("\"schema\": ", "\"schema\":9"), "schema"),
        ("a file's name", flipped(0), "archive is damaged"),
    ];
    for step in 0..40 {
        cases.push((
            "a byte of the database",
            flipped(database + step * 997),
            "ledger.db is damaged",
        ));
    }
    let damaged = folder.path().join("damaged.tar");
    let before = names(folder.path());
    for (what, bytes, words) in cases {
        std::fs::write(&damaged, bytes).unwrap();
        let output = restore(&damaged, &folder.path().join("restored"));
        assert!(!output.status.success(), "{what}");
        assert!(text(&output).contains(words), "{what}: {words:?} in {}", text(&output));
        std::fs::remove_file(&damaged).unwrap();
        assert_eq!(names(folder.path()), before, "{what}");
    }
}

#[tokio::test]
async fn nothing_is_ever_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let archive = made(folder.path(), 5).await;
    let place = Place::new(folder.path());
    let again = backup(&place, &archive);
    assert!(
        !again.status.success() && text(&again).contains("is there already"),
        "{}",
        text(&again)
    );
    let full = restore(&archive, &place.storage);
    assert!(!full.status.success() && text(&full).contains("is not empty"), "{}", text(&full));
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(restore(&archive, &empty).status.success());
    assert!(names(&empty).contains(&"ledger.db".to_owned()));
    let mut missing = Place::new(&empty);
    missing.storage = folder.path().join("missing");
    let nothing = backup(&missing, &folder.path().join("x.tar"));
    assert!(
        !nothing.status.success() && text(&nothing).contains("no ledger"),
        "{}",
        text(&nothing)
    );
}

#[tokio::test]
async fn what_was_erased_after_a_backup_does_not_come_back_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    place.create("acme");
    let mut server = Serving::start(&place, &[]);
    send(&server, &place, &events(0, 3)).await;
    let archive = folder.path().join("ledger.tar");
    assert!(backup(&place, &archive).status.success());
    assert_eq!(erase(&server, &place, "north").await["erased"]["events"], 3);
    server.kill();
    let log = place.storage.join("erasures.jsonl");

    let careless = folder.path().join("careless");
    let output = text(&restore(&archive, &careless));
    assert!(output.contains("is back; to erase it again: api-server erasures replay"), "{output}");
    assert!(holds(&careless, "north"));

    let careful = Place::new(&again_place(&folder.path().join("careful")));
    let output = text(&restore_with(&archive, &careful.storage, Some(&log)));
    assert!(output.contains("erased again the attributes of 3 events"), "{output}");
    assert!(!holds(&careful.storage, "north"));
    assert_eq!(
        std::fs::read(careful.storage.join("erasures.jsonl")).unwrap(),
        std::fs::read(&log).unwrap()
    );
    assert!(careful.run(&["verify"]).status.success());

    let nowhere = folder.path().join("nowhere");
    let output = restore_with(&archive, &nowhere, Some(&folder.path().join("absent.jsonl")));
    assert!(
        !output.status.success() && text(&output).contains("absent.jsonl"),
        "{}",
        text(&output)
    );
    assert!(!nowhere.exists());
}
