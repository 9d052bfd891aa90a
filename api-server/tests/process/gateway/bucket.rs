//! Backups that go to a bucket, of a real store that verifies signatures and sums.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use api_server::backup::bucket::Bucket;
use jiff::Timestamp;
use reqwest::StatusCode;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::backing::{job, text, used_with};
use super::ground::{Ground, Running, empty, event};
use crate::serving::client;
use crate::store::{SECRET, Store};

fn sum(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn file(ground: &Path, bytes: &[u8]) -> PathBuf {
    let path = ground.join("archive");
    std::fs::write(&path, bytes).unwrap();
    path
}

async fn taken(bucket: &Bucket, object: &str, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    bucket.get(object, most, &mut bytes).await.unwrap().then_some(bytes)
}

#[tokio::test]
async fn a_bucket_takes_what_is_whole_and_gives_it_back() {
    let store = Store::start().await;
    let (bucket, folder) = (store.bucket(), tempfile::tempdir().unwrap());
    let bytes = b"an archive".repeat(100_000);
    let from = file(folder.path(), &bytes);
    bucket.put("acme/a.tar", &from, (1_000_000, &sum(&bytes))).await.unwrap();
    assert_eq!(bucket.list("acme/").await.unwrap(), ["acme/a.tar"]);
    assert_eq!(taken(&bucket, "acme/a.tar", 1_000_000).await.unwrap(), bytes);
    // One byte more than there should be is enough to know.
    assert_eq!(taken(&bucket, "acme/a.tar", 99).await.unwrap().len(), 100);
    for _ in 0..2 {
        bucket.remove("acme/a.tar").await.unwrap();
        assert_eq!(taken(&bucket, "acme/a.tar", 1).await, None);
    }

    // A list comes in pages.
    let acme = store.path("objects").join(crate::store::NAME).join("prod/acme");
    std::fs::create_dir_all(&acme).unwrap();
    (0..1001).for_each(|n| std::fs::write(acme.join(format!("{n:04}.tar")), "").unwrap());
    let all = bucket.list("acme/").await.unwrap();
    assert_eq!((all.len(), all[1000].as_str()), (1001, "acme/1000.tar"));
}

#[tokio::test]
async fn what_is_cut_off_damaged_or_wrongly_signed_leaves_nothing() {
    let store = Store::start().await;
    let (bucket, folder) = (store.bucket(), tempfile::tempdir().unwrap());
    let bytes = b"an archive".repeat(100_000);
    let from = file(folder.path(), &bytes);
    let refused = async |bucket: &Bucket, bytes: u64, sum: [u8; 32]| {
        let error = bucket.put("acme/a.tar", &from, (bytes, &sum)).await.unwrap_err();
        let told = format!("{error:#}");
        assert!(!told.contains(SECRET) && !told.contains("Signature="), "{told}");
        assert!(told.contains("s3://tenants/prod/"), "{told}");
        told
    };
    // What ends in the middle of what was announced.
    let cut_off = refused(&bucket, 2_000_000, sum(&bytes.repeat(2))).await;
    assert!(cut_off.contains("cannot be reached"), "{cut_off}");
    let damaged = refused(&bucket, 1_000_000, sum(b"another")).await;
    assert!(damaged.contains("answered 400 BadDigest to PUT"), "{damaged}");
    // A store that refuses before it has read an archive may close the connection on it: then that is what
    // is said of it. It always answers who asks for a list.
    let answered = async |words: &str| {
        refused(&bucket, 1_000_000, sum(&bytes)).await;
        let told = format!("{:#}", bucket.list("").await.unwrap_err());
        assert!(told.contains(words) && !told.contains(SECRET), "{told}");
    };
    store.set_key("AKIDTESTS", "wrong");
    answered("answered 403 SignatureDoesNotMatch to GET").await;
    store.set_key("AKIDNOBODY", SECRET);
    // As this store words it.
    answered("answered 404 XAdminUserNotFound to GET").await;
    store.set_right_key();
    let other = Bucket::open(api_server::backup::bucket::Settings {
        name: "elsewhere".to_owned(),
        ..store.settings()
    });
    let error = other.unwrap().list("").await.unwrap_err();
    assert!(format!("{error:#}").contains("answered 404 NoSuchBucket"), "{error:#}");
    assert_eq!(bucket.list("").await.unwrap(), Vec::<String>::new());
    assert_eq!(store.objects("acme"), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn over_https_only_the_stores_own_certificate_will_do() {
    let store = Store::secure().await;
    let folder = tempfile::tempdir().unwrap();
    let from = file(folder.path(), b"an archive");
    let strange = api_server::backup::bucket::Settings { ca_file: None, ..store.settings() };
    let strange = Bucket::open(strange).unwrap();
    let error = strange.put("acme/a.tar", &from, (10, &sum(b"an archive"))).await.unwrap_err();
    assert!(format!("{error:#}").contains("certificate"), "{error:#}");
    let bucket = store.bucket();
    assert_eq!(bucket.list("").await.unwrap(), Vec::<String>::new());
    bucket.put("acme/a.tar", &from, (10, &sum(b"an archive"))).await.unwrap();
    assert_eq!(taken(&bucket, "acme/a.tar", 10).await.unwrap(), b"an archive");
}

/// A control plane whose backups go to the store.
fn plane(ground: &Ground, store: &Store, more: &[&str]) -> Running {
    let (flags, folder) = (store.flags(), ground.path("backups"));
    let mut all = vec!["--backups", &folder];
    all.extend(flags.iter().map(String::as_str).chain(more.iter().copied()));
    ground.control_plane_with(&all)
}

fn backups(ground: &Ground, store: &Store, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api-server"));
    command.env_clear().arg("backups").args(args).args(store.flags());
    command.args(["--storage", &ground.path("billing"), "--backups", &ground.path("backups")]);
    command.output().unwrap()
}

/// What is left of those that arrived.
fn arrived(ground: &Ground) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(PathBuf::from(ground.path("backups")).join("acme"));
    entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn backups_go_to_a_bucket_and_a_gateway_comes_back_from_it() {
    let (ground, store) = (Ground::new(), Store::start().await);
    let mut plane = plane(&ground, &store, &["--backups-keep", "2"]);
    let mut gateway = used_with(&ground).await;
    for made in 1..=3 {
        let output = job(&ground, &gateway).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!(store.objects("acme").len(), made.min(2));
    }
    assert_eq!(arrived(&ground), Vec::<PathBuf>::new());
    let listed = text(&backups(&ground, &store, &["list"]));
    assert_eq!(listed.matches(": s3://tenants/prod/acme/").count(), 2, "{listed}");
    let checked = text(&backups(&ground, &store, &["check"]));
    assert!(checked.contains("2 backups, 0 missing or damaged"), "{checked}");

    // The volume is lost.
    gateway.kill();
    let (spool, to) = (ground.path("spool"), ground.path("acme.tar"));
    std::fs::remove_dir_all(&spool).unwrap();
    let output = backups(&ground, &store, &["get", "--account", "acme", "--to", &to]);
    assert!(output.status.success(), "{}", text(&output));
    let bytes = std::fs::read(&to).unwrap();
    assert!(store.objects("acme").iter().any(|object| std::fs::read(object).unwrap() == bytes));
    let piped = backups(&ground, &store, &["get", "--account", "acme", "--to", "-"]);
    assert!(piped.status.success() && piped.stdout == bytes, "{}", text(&piped));
    let mut restore = Command::new(env!("CARGO_BIN_EXE_api-server"));
    let output = restore.args(["restore", "--from", &to, "--storage", &spool]).output().unwrap();
    assert!(text(&output).contains("0 events held, 1 refused: everything agrees"), "{output:?}");
    let gateway = ground.gateway();
    gateway.ready().await;
    ground.send(&gateway, &serde_json::json!([event("b", "3")])).await;
    gateway.until("empty", empty).await;
    let ledger = ground.ledger().await;
    assert_eq!(ledger, [("a".to_owned(), 1_000_000), ("b".to_owned(), 3_000_000)].into());
    // It has left: nothing newer takes the place of its last ones.
    plane.kill();
    let removed = text(&backups(&ground, &store, &["remove", "--account", "acme", "--all"]));
    assert_eq!(removed.matches("removed acme ").count(), 2, "{removed}");
    assert_eq!(store.objects("acme"), Vec::<PathBuf>::new());
    let listed = text(&backups(&ground, &store, &["list", "--account", "acme"]));
    assert_eq!(listed, "", "nor is any recorded");
}

#[tokio::test]
async fn a_store_that_is_away_is_waited_for() {
    let (ground, mut store) = (Ground::new(), Store::start().await);
    store.kill();
    // Nor does the server need it to start.
    let _plane = plane(&ground, &store, &[]);
    let gateway = used_with(&ground).await;
    let job = job(&ground, &gateway).spawn().unwrap();
    gateway.until("asked", |status| status["backup"]["state"] == "running").await;
    store.again();
    let output = job.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!((store.objects("acme").len(), arrived(&ground)), (1, vec![]));
}

#[tokio::test]
async fn a_key_that_is_refused_keeps_nothing_and_one_that_is_replaced_needs_no_restart() {
    let (ground, store) = (Ground::new(), Store::start().await);
    let plane = plane(&ground, &store, &[]);
    let gateway = used_with(&ground).await;
    assert!(job(&ground, &gateway).status().unwrap().success());
    let archive = std::fs::read(&store.objects("acme")[0]).unwrap();
    store.set_key("AKIDTESTS", "wrong");
    let token = ground.cluster.token(
        "tenant-acme",
        "tenantry-gateway",
        "tenantry-gateway",
        Timestamp::now(),
    );
    let id = Uuid::now_v7();
    let send = async || {
        let digest = api_server::routes::backups::digest(&sum(&archive));
        let request = client()
            .put(format!("{}/backups/{id}", plane.url))
            .bearer_auth(&token)
            .header("content-type", "application/x-tar")
            .header("content-digest", digest)
            .body(archive.clone());
        request.send().await.unwrap()
    };
    let answer = send().await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    assert!(!answer.text().await.unwrap().contains(SECRET));
    assert_eq!((store.objects("acme").len(), arrived(&ground)), (1, vec![]));
    let told = backups(&ground, &store, &["check"]);
    assert!(!told.status.success());
    assert!(text(&told).contains("answered 403 SignatureDoesNotMatch to GET"), "{told:?}");
    store.set_right_key();
    assert_eq!(send().await.status(), StatusCode::CREATED);
    assert_eq!(store.objects("acme").len(), 2);
    let told = text(&backups(&ground, &store, &["check"]));
    assert!(told.contains("2 backups, 0 missing or damaged"), "{told}");
}

#[tokio::test]
async fn damage_in_a_bucket_is_found_and_comes_out_of_it_for_nobody() {
    let (ground, store) = (Ground::new(), Store::start().await);
    let _plane = plane(&ground, &store, &[]);
    let gateway = used_with(&ground).await;
    assert!(job(&ground, &gateway).status().unwrap().success());
    let object = store.objects("acme").remove(0);
    let good = std::fs::read(&object).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    let to = ground.path("acme.tar");
    for (what, bytes) in [("flipped", &bad[..]), ("cut off", &good[..middle]), ("none", b"")] {
        std::fs::write(&object, bytes).unwrap();
        let checked = backups(&ground, &store, &["check"]);
        let told = text(&checked);
        assert!(!checked.status.success(), "{what}: {told}");
        assert!(told.contains("s3://tenants/prod/acme/"), "{what}: {told}");
        assert!(told.contains("1 backups, 1 missing or damaged"), "{what}: {told}");
        let got = backups(&ground, &store, &["get", "--account", "acme", "--to", &to]);
        let told = text(&got);
        assert!(!got.status.success() && !Path::new(&to).exists(), "{what}: {told}");
    }
    // Under another name it is no backup, and without its own it is missing.
    std::fs::write(&object, &good).unwrap();
    std::fs::rename(&object, object.with_file_name("019c.tar")).unwrap();
    let told = text(&backups(&ground, &store, &["check", "--account", "acme"]));
    assert!(told.contains("it is not there"), "{told}");
    assert!(told.contains("s3://tenants/prod/acme/019c.tar: nothing is recorded of it"), "{told}");
}
