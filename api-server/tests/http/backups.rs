//! Backups that gateways send: what is kept, what is not, and that nothing is left of the latter.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use api_server::auth::Audience;
use api_server::backup::SpoolOf;
use api_server::backup::room::{RESERVE, free};
use api_server::backup::shelf::{self, Shelf};
use api_server::backup::spool::SpoolCopy;
use api_server::gateway::spool::{Settings, Spool};
pub use api_server::routes::backups::digest;
use api_server::store::backups::{self, Backup};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use futures::StreamExt;
use jiff::SignedDuration;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::api::{Answer, Api, KEPT, LARGEST_BACKUP, now};
use super::cluster::{GATEWAY, projected};
use super::small::Small;

/// The archive of an account's empty spool, which was made so many seconds after the tests' time.
pub async fn archive(account: &str, seconds: i64) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let clock = std::sync::Arc::new(now);
    let probe_every = std::time::Duration::from_secs(1);
    let settings = Settings { limit: 1 << 20, clock, probe_every };
    let spool = Spool::open(folder.path(), settings).await.unwrap();
    spool.belong(&account.parse().unwrap()).await.unwrap();
    let of = SpoolOf { tenant: account.to_owned(), account: account.to_owned() };
    let made = now() + SignedDuration::from_secs(seconds);
    let copy = SpoolCopy::make(folder.path(), of, made).await.unwrap();
    let mut bytes = Vec::new();
    copy.read().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

pub fn sum(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn put(account: &str, id: Uuid, digest: &str, body: impl Into<Body>) -> Request {
    let token = projected(account, GATEWAY, &[Audience::Gateway]);
    Request::put(format!("/backups/{id}"))
        .header("content-type", "application/x-tar")
        .header("content-digest", digest)
        .header("authorization", format!("Bearer {token}"))
        .body(body.into())
        .unwrap()
}

/// A backup with the digest that it has.
pub fn put_signed(account: &str, id: Uuid, bytes: &[u8]) -> Request {
    put(account, id, &digest(&sum(bytes)), bytes.to_vec())
}

async fn send(api: &Api, account: &str, id: Uuid, bytes: &[u8]) -> Answer {
    api.send(put_signed(account, id, bytes)).await
}

async fn known(api: &Api, account: &str) -> Vec<Backup> {
    let mut session = api.ledger.store().read().await.unwrap();
    backups::of(&mut session, &account.parse().unwrap()).await.unwrap()
}

/// The files of an account's backups, whatever is known of them.
pub fn files(api: &Api, account: &str) -> Vec<PathBuf> {
    let folder = api.folder.path().join("backups").join(account);
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_backup_is_kept_as_it_was_sent_and_the_same_again_is_a_success() {
    let api = Api::new().await;
    let (id, bytes) = (Uuid::now_v7(), archive("acme", 5).await);
    let answer = send(&api, "acme", id, &bytes).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let sha256: String = sum(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let told = json!({"id": id.to_string(), "account": "acme", "made_at": "2026-11-23T12:00:05Z",
        "received_at": now().to_string(), "bytes": bytes.len(), "sha256": sha256, "held_events": 0});
    assert_eq!(answer.json(), told);
    let again = send(&api, "acme", id, &bytes).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, told));

    let other = archive("acme", 6).await;
    let refused = send(&api, "acme", id, &other).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "backup-exists"));
    // Ids are an account's own.
    let theirs = send(&api, "globex", id, &archive("globex", 5).await).await;
    assert_eq!(theirs.status, StatusCode::CREATED, "{}", theirs.text);

    let folder = api.folder.path().join("backups");
    let [backup] = &known(&api, "acme").await[..] else { panic!("one is known") };
    assert_eq!(files(&api, "acme"), [shelf::path(&folder, backup)]);
    assert_eq!(std::fs::read(shelf::path(&folder, backup)).unwrap(), bytes);
    let shelf = Shelf::Folder(folder.clone());
    shelf.check(backup, &folder).await.unwrap();
    std::fs::write(shelf::path(&folder, backup), &other).unwrap();
    let error = format!("{:#}", shelf.check(backup, &folder).await.unwrap_err());
    assert!(error.contains("not what was received"), "{error}");
}

#[tokio::test]
async fn the_newest_are_kept_of_each_account_apart() {
    let api = Api::new().await;
    send(&api, "globex", Uuid::now_v7(), &archive("globex", 0).await).await;
    let mut ids = Vec::new();
    for second in 0..KEPT + 2 {
        let id = Uuid::now_v7();
        api.set_clock(&(now() + SignedDuration::from_secs(second as i64)).to_string());
        let answer = send(&api, "acme", id, &archive("acme", -(second as i64)).await).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        ids.insert(0, id);
    }
    let kept: Vec<Uuid> = known(&api, "acme").await.iter().map(|backup| backup.id).collect();
    // By when they came: what a gateway's clock says keeps nothing.
    assert_eq!(kept, ids[..KEPT]);
    assert_eq!((files(&api, "acme").len(), files(&api, "globex").len()), (KEPT, 1));
}

/// What cannot be let go of now is not forgotten, and goes with the next.
#[tokio::test]
async fn one_that_cannot_be_removed_stays_known_until_it_can() {
    let api = Api::new().await;
    let mut oldest = None;
    for second in 0..=KEPT + 1 {
        let seconds = second as i64;
        api.set_clock(&(now() + SignedDuration::from_secs(seconds)).to_string());
        let answer = send(&api, "acme", Uuid::now_v7(), &archive("acme", seconds).await).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        match (second, &oldest) {
            (0, _) => {
                // A folder in its place is nothing that a file's removal takes away.
                let path = files(&api, "acme").remove(0);
                std::fs::remove_file(&path).unwrap();
                std::fs::create_dir(&path).unwrap();
                oldest = Some(path);
            }
            (KEPT, Some(path)) => {
                assert_eq!(known(&api, "acme").await.len(), KEPT + 1);
                std::fs::remove_dir(path).unwrap();
            }
            _ => {}
        }
    }
    assert_eq!((known(&api, "acme").await.len(), files(&api, "acme").len()), (KEPT, KEPT));
}

#[tokio::test]
async fn what_is_no_whole_backup_of_the_account_leaves_nothing() {
    let api = Api::new().await;
    let good = archive("acme", 0).await;
    let database = good.windows(15).position(|bytes| bytes == b"SQLite format 3").unwrap();
    let mut flipped = good.clone();
    flipped[database + 100] ^= 1;
    let mut ledgers = good.clone();
    let at = ledgers.windows(7).position(|bytes| bytes == b"\"spool\"").unwrap();
    ledgers[at..at + 7].copy_from_slice(b"\"other\"");
    let too_large = vec![0; usize::try_from(LARGEST_BACKUP).unwrap() + 1];
    for (what, bytes, status, code) in [
        ("rubbish", b"rubbish".to_vec(), 422, "not-a-backup"),
        ("nothing", Vec::new(), 422, "not-a-backup"),
        ("cut off", good[..database + 4096].to_vec(), 422, "not-a-backup"),
        ("a bit flipped before it was summed", flipped, 422, "not-a-backup"),
        ("another manifest", ledgers, 422, "not-a-backup"),
        ("another account's", archive("globex", 0).await, 422, "other-account"),
        ("too large", too_large, 413, "too-large"),
    ] {
        let answer = send(&api, "acme", Uuid::now_v7(), &bytes).await;
        let told = (answer.status.as_u16(), answer.code());
        assert_eq!(told, (status, code.to_owned()), "{what}: {}", answer.text);
    }
    let id = Uuid::now_v7();
    for (header, value, status, code) in [
        ("content-digest", digest(&[7; 32]), 422, "digest-mismatch"),
        ("content-digest", "sha-256=:AAAA:".to_owned(), 400, "invalid-request"),
        ("content-digest", digest(&sum(&good)).replace("sha-256", "md5"), 400, "invalid-request"),
        ("content-type", "application/octet-stream".to_owned(), 415, "unsupported-media-type"),
    ] {
        let mut request = put("acme", id, &digest(&sum(&good)), good.clone());
        request.headers_mut().insert(header, value.parse().unwrap());
        let answer = api.send(request).await;
        let told = (answer.status.as_u16(), answer.code());
        assert_eq!(told, (status, code.to_owned()), "{header}: {value}: {}", answer.text);
    }
    let mut request = put("acme", id, "", good.clone());
    request.headers_mut().remove("content-digest");
    let answer = api.send(request).await;
    assert_eq!(answer.json()["errors"][0]["pointer"], "Content-Digest", "{}", answer.text);
    assert_eq!((known(&api, "acme").await, files(&api, "acme")), (vec![], vec![]));
}

/// A body whose parts are sent one by one.
fn parts() -> (mpsc::Sender<Result<Bytes, std::io::Error>>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let parts = futures::stream::unfold(receiver, async |mut receiver| {
        Some((receiver.recv().await?, receiver))
    });
    (sender, Body::from_stream(parts.boxed()))
}

#[tokio::test]
async fn one_at_a_time_arrives_and_what_ends_early_is_forgotten() {
    let api = Api::new().await;
    let bytes = archive("acme", 0).await;
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    let (sender, body) = parts();
    let first = api.send(put("acme", Uuid::now_v7(), &digest(&sum(&bytes)), body));
    let others = async {
        // The second is taken from the channel once the first was read.
        sender.send(Ok(half.to_vec().into())).await.unwrap();
        sender.send(Ok(Bytes::new())).await.unwrap();
        let answer = send(&api, "acme", Uuid::now_v7(), &bytes).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
        assert_eq!(answer.headers["retry-after"], "30");
        let theirs = send(&api, "globex", Uuid::now_v7(), &archive("globex", 0).await).await;
        assert_eq!(theirs.status, StatusCode::CREATED, "{}", theirs.text);
        sender.send(Ok(rest.to_vec().into())).await.unwrap();
        drop(sender);
    };
    let (first, ()) = tokio::join!(first, others);
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);

    let (sender, body) = parts();
    let broken = api.send(put("acme", Uuid::now_v7(), &digest(&sum(&bytes)), body));
    let breaking = async {
        sender.send(Ok(half.to_vec().into())).await.unwrap();
        sender.send(Err(std::io::Error::other("gone"))).await.unwrap();
    };
    let (answer, ()) = tokio::join!(broken, breaking);
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "incomplete-body"));
    assert_eq!((known(&api, "acme").await.len(), files(&api, "acme").len()), (1, 1));
}

#[tokio::test]
async fn a_server_without_a_folder_says_that_it_keeps_none() {
    let api = Api::without_backups().await;
    let answer = send(&api, "acme", Uuid::now_v7(), &archive("acme", 0).await).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::CONFLICT, "no-backups"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("--backups"), "{}", answer.text);
    assert!(!api.folder.path().join("backups").exists());
}

/// Refused with the reason, and nothing of it on the disk.
async fn finds_no_room(api: &Api, request: Request) {
    let (folder, before) = (api.folder.path().join("backups"), files(api, "acme"));
    let left = free(&folder).unwrap();
    let refused = api.send(request).await;
    let what = (refused.status, refused.code());
    assert_eq!(what, (StatusCode::SERVICE_UNAVAILABLE, "no-room".to_owned()), "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"));
    assert!(!refused.text.contains(&left.to_string()), "how much others keep is not for tenants");
    assert_eq!(files(api, "acme"), before);
    // What was written of it is gone with its last handle, which another thread may hold for a moment.
    let gone = async {
        while free(&folder).unwrap() != left {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
}

#[tokio::test]
async fn what_would_fill_the_disk_is_refused_and_those_that_are_kept_stay() {
    let api = Api::new().await;
    let folder = api.folder.path().join("backups");
    let (one, other) = (archive("acme", 1).await, archive("acme", 2).await);
    // Room for one, and for half of another.
    let size = RESERVE + one.len() as u64 * 3 / 2;
    let Some(small) = Small::mount(&folder, &size.to_string()) else { return };
    let kept = send(&api, "acme", Uuid::now_v7(), &one).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.text);
    let id = Uuid::now_v7();
    finds_no_room(&api, put_signed("acme", id, &other)).await;
    // The answer to the first one was lost: it is kept, and needs no room of its own.
    let [first] = &known(&api, "acme").await[..] else { panic!("one is known") };
    let again = send(&api, "acme", first.id, &one).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, kept.json()));
    // By its digest alone it is not.
    let mut cut = one.clone();
    cut.pop();
    let damaged = put("acme", first.id, &digest(&sum(&one)), cut);
    assert_eq!(api.send(damaged).await.code(), "digest-mismatch");
    // One that does not say how large it is is refused once it would take the reserve.
    finds_no_room(&api, put("acme", id, &digest(&sum(&other)), in_pieces(&other))).await;
    let [backup] = &known(&api, "acme").await[..] else { panic!("one is known") };
    Shelf::Folder(folder.clone()).check(backup, &folder).await.unwrap();
    small.resize("64m");
    let kept = send(&api, "acme", id, &other).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.text);
    assert_eq!(known(&api, "acme").await.len(), 2);
}

/// A backup as it is sent by who does not say how large it is.
fn in_pieces(bytes: &[u8]) -> Body {
    let pieces: Vec<_> =
        bytes.chunks(4096).map(|some| Ok::<_, std::io::Error>(some.to_vec())).collect();
    Body::from_stream(futures::stream::iter(pieces))
}

/// Whoever sends without end fills its own share: the room of the others stays theirs.
#[tokio::test]
async fn who_has_used_up_its_share_is_refused_and_keeps_nobody_else_out() {
    let bytes = archive("acme", 0).await;
    let size = bytes.len() as u64;
    let api = Api::sharing(size * 5 / 2).await;
    let folder = api.folder.path().join("backups");
    // Without a mount of its own there is more room than that, and the rest is as well to be seen.
    let _small = Small::mount(&folder, &(RESERVE + size * 7 / 2).to_string());
    for second in 0..20 {
        let (id, bytes) = (Uuid::now_v7(), archive("acme", second).await);
        let digest = digest(&sum(&bytes));
        let whole = second % 2 == 0;
        let body = if whole { Body::from(bytes) } else { in_pieces(&bytes) };
        let answer = api.send(put("acme", id, &digest, body)).await;
        if second < 2 {
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
            continue;
        }
        let told = (answer.status, answer.code());
        assert_eq!(told, (StatusCode::CONFLICT, "over-share".to_owned()), "{}", answer.text);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        let kept = format!("account acme keeps {} bytes", size * 2);
        assert!(detail.contains(&kept) && detail.contains("--backups-each"), "{detail}");
        assert!(!answer.headers.contains_key("retry-after"), "nothing goes by itself");
        assert_eq!(files(&api, "acme").len(), 2, "nothing of it stays");
    }
    let theirs = send(&api, "globex", Uuid::now_v7(), &archive("globex", 0).await).await;
    assert_eq!(theirs.status, StatusCode::CREATED, "{}", theirs.text);
}

/// As an upload that is broken off between the shelf and the ledger leaves it.
#[tokio::test]
async fn what_nobody_has_recorded_takes_of_the_share_too() {
    let bytes = archive("acme", 0).await;
    let api = Api::sharing(bytes.len() as u64 * 2).await;
    let folder = api.folder.path().join("backups/acme");
    std::fs::create_dir_all(&folder).unwrap();
    let stray = folder.join(format!("{}.{}.tar", Uuid::now_v7(), "0".repeat(64)));
    std::fs::write(&stray, vec![0; bytes.len() + 1]).unwrap();
    let refused = send(&api, "acme", Uuid::now_v7(), &bytes).await;
    assert_eq!(refused.code(), "over-share", "{}", refused.text);
    std::fs::remove_file(&stray).unwrap();
    let kept = send(&api, "acme", Uuid::now_v7(), &bytes).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.text);
}

/// One that takes the place of an older one needs the share for that alone.
#[tokio::test]
async fn a_share_that_is_full_of_what_is_let_go_of_takes_the_next() {
    let bytes = archive("acme", 0).await;
    let api = Api::sharing(bytes.len() as u64 * KEPT as u64).await;
    for second in 0..KEPT as i64 + 3 {
        api.set_clock(&(now() + SignedDuration::from_secs(second)).to_string());
        let answer = send(&api, "acme", Uuid::now_v7(), &archive("acme", second).await).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{second}: {}", answer.text);
    }
    assert_eq!((known(&api, "acme").await.len(), files(&api, "acme").len()), (KEPT, KEPT));
}
