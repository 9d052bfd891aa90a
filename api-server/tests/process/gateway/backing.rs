//! A tenant's backup, as its job has it made: the job, the gateway and the control plane are processes
//! of their own.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::json;

use super::ground::{Ground, Running, empty, event};
use crate::serving::client;

pub fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api-server"));
    command.env_clear().args(args);
    command
}

pub fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

/// The job, as the operator renders it.
pub fn job(ground: &Ground, gateway: &Running) -> Command {
    let token = ground.cluster.token(
        "tenant-acme",
        "tenantry-backup",
        "tenantry-gateway",
        Timestamp::now(),
    );
    let file = ground.write("job-token", &token);
    let mut command = program(&["backup-tenant"]);
    command.env("TENANTRY_GATEWAY_URL", &gateway.url).env("TENANTRY_BACKUP_TOKEN_FILE", file);
    command.env("TENANTRY_TENANT", "acme").env("OTEL_SDK_DISABLED", "true");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn backups(ground: &Ground, what: &str) -> Output {
    let (storage, folder) = (ground.path("billing"), ground.path("backups"));
    // The ledger's own are none of a tenant's.
    program(&["backups", what, "--account", "acme", "--storage", &storage, "--backups", &folder])
        .output()
        .unwrap()
}

/// The only backup's file.
pub fn file(ground: &Ground) -> PathBuf {
    let output = backups(ground, "list");
    assert!(output.status.success(), "{}", text(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), 1, "{lines}");
    lines.trim().rsplit(": ").next().unwrap().into()
}

/// A gateway that has forwarded an event and keeps another that the ledger refused.
pub async fn used(ground: &Ground) -> (Running, Running) {
    let plane = ground.control_plane_with(&["--backups", &ground.path("backups")]);
    (plane, used_with(ground).await)
}

/// Such a gateway, of a control plane that is there.
pub async fn used_with(ground: &Ground) -> Running {
    let gateway = ground.gateway();
    gateway.ready().await;
    let mut first = event("a", "1");
    ground.send(&gateway, &json!([first.clone()])).await;
    gateway.until("empty", empty).await;
    first["data"]["quantity"] = json!("2");
    ground.send(&gateway, &json!([first])).await;
    gateway.until("refused", |status| status["refused"]["events"] == 1 && empty(status)).await;
    gateway
}

/// Until there is a first one a schedule says since when it is awaited, whoever starts the gateway anew.
#[tokio::test]
async fn a_first_backup_is_awaited_where_one_is_scheduled() {
    const INTERVAL: &str = "tenantry_gateway_backup_interval_seconds";
    const SINCE: &str = "tenantry_gateway_backup_awaited_since_timestamp_seconds";
    let ground = Ground::new();
    let _plane = ground.control_plane_with(&["--backups", &ground.path("backups")]);
    let scheduled = ["--backup-interval", "86400"];
    let said = async |gateway: &Running, name: &str| -> Option<i64> {
        let metrics = gateway.metrics().await;
        let line = metrics.lines().find(|line| line.starts_with(&format!("{name} ")))?;
        Some(line.rsplit(' ').next().unwrap().parse().unwrap())
    };
    let mut gateway = ground.gateway_with(&scheduled, &[]);
    gateway.ready().await;
    let since = said(&gateway, SINCE).await.unwrap();
    assert!((0..600).contains(&(Timestamp::now().as_second() - since)), "{since}");
    assert_eq!(said(&gateway, INTERVAL).await, Some(86_400));
    gateway.kill();
    // A second later is another second.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let mut gateway = ground.gateway_with(&scheduled, &[]);
    gateway.ready().await;
    assert_eq!(said(&gateway, SINCE).await, Some(since));
    let output = job(&ground, &gateway).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(said(&gateway, SINCE).await, None);
    told_of_backups(&gateway).await;
    gateway.kill();
    let gateway = ground.gateway();
    gateway.ready().await;
    assert_eq!((said(&gateway, INTERVAL).await, said(&gateway, SINCE).await), (None, None));
}

/// When the newest backup was made, and its size, by the gateway's metrics.
async fn told_of_backups(gateway: &Running) -> (i64, i64) {
    let metrics = gateway.metrics().await;
    let gauge = |name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    (gauge("backup_last_success_timestamp_seconds"), gauge("backup_size_bytes"))
}

#[tokio::test]
async fn the_job_has_it_made_and_a_gateway_comes_back_from_it() {
    let ground = Ground::new();
    let (_plane, mut gateway) = used(&ground).await;
    let output = job(&ground, &gateway).output().unwrap();
    let told = text(&output);
    assert!(output.status.success() && told.contains("kept by the control plane"), "{told}");
    let status = gateway.status().await;
    assert_eq!(status["backup"]["state"], "kept", "{status:#}");
    assert!(told.contains(status["backup"]["sha256"].as_str().unwrap()), "{told}");
    let told = told_of_backups(&gateway).await;
    assert!(Timestamp::now().as_second() - told.0 < 600);
    let file = file(&ground);
    assert_eq!(told.1, i64::try_from(std::fs::metadata(&file).unwrap().len()).unwrap());
    // Else nobody would be told that it becomes old.
    gateway.kill();
    gateway = ground.gateway();
    gateway.ready().await;
    assert_eq!(told_of_backups(&gateway).await, told, "a gateway that is started anew knows of it");
    let spool = ground.folder.path().join("spool");
    let left = |name: &std::ffi::OsString| name.to_string_lossy().starts_with(".tenantry");
    let names = || std::fs::read_dir(&spool).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names().any(|name| left(&name)), "{:?}", names().collect::<Vec<_>>());
    assert!(text(&backups(&ground, "check")).contains("1 backups, 0 missing or damaged"));

    // The volume is lost.
    gateway.kill();
    std::fs::remove_dir_all(&spool).unwrap();
    let (from, to) = (file.display().to_string(), spool.display().to_string());
    let output = program(&["restore", "--from", &from, "--storage", &to]).output().unwrap();
    let told = text(&output);
    assert!(output.status.success() && told.contains("account acme"), "{told}");
    assert!(told.contains("0 events held, 1 refused: everything agrees"), "{told}");
    let gateway = ground.gateway();
    gateway.ready().await;
    let status = gateway.status().await;
    assert_eq!(status["refused"]["latest"][0]["id"], "a", "{status:#}");
    ground.send(&gateway, &json!([event("b", "3")])).await;
    gateway.until("empty", empty).await;
    let ledger = ground.ledger().await;
    assert_eq!(ledger, [("a".to_owned(), 1_000_000), ("b".to_owned(), 3_000_000)].into());
}

/// `restore` of what is given to it, in place of what is there.
fn replace(spool: &str, archive: &[u8]) -> Output {
    let mut command = program(&["restore", "--from", "-", "--set-aside", "--storage", spool]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut restore = command.spawn().unwrap();
    restore.stdin.take().unwrap().write_all(archive).unwrap();
    restore.wait_with_output().unwrap()
}

/// A volume is lost, and its gateway has begun a new spool before anybody restores the old one.
#[tokio::test]
async fn a_backup_takes_the_place_of_a_spool_that_was_begun_anew() {
    let ground = Ground::new();
    let (mut plane, mut gateway) = used(&ground).await;
    let made = job(&ground, &gateway).output().unwrap();
    assert!(made.status.success(), "{}", text(&made));
    let (storage, folder) = (ground.path("billing"), ground.path("backups"));
    let get = ["backups", "get", "--storage", &storage, "--backups", &folder];
    let got = program(&[&get[..], &["--account", "acme", "--to", "-"]].concat()).output().unwrap();
    let (archive, spool) = (got.stdout, ground.path("spool"));
    assert_eq!(archive, std::fs::read(file(&ground)).unwrap(), "nothing but the archive");
    assert!(String::from_utf8_lossy(&got.stderr).starts_with("acme "));
    // Nothing is written for it: the volume may have no room for another.
    assert!(archive.len() > 40 * 1024, "{}", archive.len());
    let mut tight = Command::new("/bin/bash");
    let within = "ulimit -f 40 && exec \"$0\" \"$@\"";
    tight.env_clear().args(["-c", within, env!("CARGO_BIN_EXE_api-server")]).args(get);
    let tight = tight.args(["--account", "acme", "--to", "-"]).output().unwrap();
    let told = String::from_utf8_lossy(&tight.stderr);
    assert!(tight.status.success() && tight.stdout == archive, "{:?} {told}", tight.status);
    let foreign = [&get[..], &["--account", "borealis", "--to", "-"]].concat();
    let none = program(&foreign).output().unwrap();
    assert!(!none.status.success() && none.stdout.is_empty());
    gateway.kill();
    std::fs::remove_dir_all(&spool).unwrap();
    let mut gateway = ground.gateway();
    gateway.ready().await;
    let refused = |output: &Output, words: &str| {
        let told = text(output);
        assert!(!output.status.success() && told.contains(words), "{words:?} in {told}");
    };
    refused(&replace(&spool, &archive), "is held by");
    // What it took and could not send yet is not set aside.
    plane.kill();
    ground.send(&gateway, &json!([event("b", "3")])).await;
    gateway.kill();
    refused(&replace(&spool, &archive), "holds 1 events that are not known to be in the ledger");
    let _plane = ground.control_plane_with(&["--backups", &ground.path("backups")]);
    let mut gateway = ground.gateway();
    gateway.until("empty", empty).await;
    assert_eq!(gateway.status().await["refused"]["events"], 0);
    gateway.kill();
    // Not from what is damaged, and then all is as it was.
    let (half, _) = archive.split_at(archive.len() / 2);
    refused(&replace(&spool, half), "");
    let from = file(&ground).display().to_string();
    let there = program(&["restore", "--from", &from, "--storage", &spool]).output().unwrap();
    refused(&there, "restore with --set-aside");
    let output = replace(&spool, &archive);
    let told = text(&output);
    assert!(output.status.success() && told.contains("1 refused: everything agrees"), "{told}");
    assert!(told.contains("before-") && told.contains("which held nothing"), "{told}");
    let gateway = ground.gateway();
    gateway.ready().await;
    let status = gateway.status().await;
    assert_eq!(status["refused"]["latest"][0]["id"], "a", "{status:#}");
    let ledger = ground.ledger().await;
    assert_eq!(ledger, [("a".to_owned(), 1_000_000), ("b".to_owned(), 3_000_000)].into());
}

#[tokio::test]
async fn it_waits_for_a_control_plane_that_is_away() {
    let ground = Ground::new();
    let (mut plane, gateway) = used(&ground).await;
    plane.kill();
    let job = job(&ground, &gateway).spawn().unwrap();
    gateway.until("asked", |status| status["backup"]["state"] == "running").await;
    let _plane = ground.control_plane_with(&["--backups", &ground.path("backups")]);
    let output = job.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    file(&ground);
}

#[tokio::test]
async fn where_none_are_kept_the_job_fails_and_says_why() {
    let ground = Ground::new();
    let _plane = ground.control_plane();
    let gateway = ground.gateway();
    gateway.ready().await;
    let output = job(&ground, &gateway).output().unwrap();
    let told = text(&output);
    assert!(!output.status.success() && told.contains("no-backups"), "{told}");
    assert!(told.contains("--backups"), "{told}");
}

#[tokio::test]
async fn damage_on_the_control_planes_disk_is_found_and_not_restored() {
    let ground = Ground::new();
    let (_plane, gateway) = used(&ground).await;
    assert!(job(&ground, &gateway).status().unwrap().success());
    let file = file(&ground);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let check = backups(&ground, "check");
    let told = text(&check);
    assert!(!check.status.success() && told.contains("1 missing or damaged"), "{told}");
    assert!(told.contains("acme"), "{told}");
    let (from, to) = (file.display().to_string(), ground.path("again"));
    let output = program(&["restore", "--from", &from, "--storage", &to]).output().unwrap();
    let told = text(&output);
    assert!(!output.status.success() && told.contains("spool.db is damaged"), "{told}");
    // Nor is it a backup under another name.
    let moved = file.with_file_name("019c.tar");
    std::fs::rename(&file, &moved).unwrap();
    let told = text(&backups(&ground, "check"));
    assert!(told.contains("1 missing or damaged"), "{told}");
    assert!(told.contains(&format!("{}: nothing is recorded of it", moved.display())), "{told}");
}

/// The ledger is lost too, and its backup is older than the tenant's: nothing is recorded of that.
#[tokio::test]
async fn a_backup_that_a_restored_ledger_does_not_know_is_found_by_its_name() {
    let ground = Ground::new();
    let (mut plane, gateway) = used(&ground).await;
    let (storage, folder) = (ground.path("billing"), ground.path("backups"));
    let archive = ground.path("ledger.tar");
    let done = |output: Output| {
        assert!(output.status.success(), "{}", text(&output));
        output
    };
    done(program(&["backup", "--storage", &storage, "--to", &archive]).output().unwrap());
    done(job(&ground, &gateway).output().unwrap());
    let newest = file(&ground);
    plane.kill();
    std::fs::remove_dir_all(&storage).unwrap();
    done(program(&["restore", "--from", &archive, "--storage", &storage]).output().unwrap());
    let listed = done(backups(&ground, "list"));
    assert!(listed.stdout.is_empty(), "{}", text(&listed));
    let get = |account: &str, more: &[&str]| {
        let place = ["--storage", &storage, "--backups", &folder, "--account", account];
        program(&[&["backups", "get", "--to", "-"][..], &place, more].concat()).output().unwrap()
    };
    let is = |output: Output, file: &PathBuf, words: &str| {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && told.contains(words), "{told}");
        assert_eq!(output.stdout, std::fs::read(file).unwrap());
    };
    let unknown = "of which the ledger knows nothing";
    is(get("acme", &[]), &newest, unknown);
    // Nor is it another account's, wherever it stands.
    let stranger = newest.parent().unwrap().with_file_name("borealis");
    std::fs::create_dir(&stranger).unwrap();
    std::fs::copy(&newest, stranger.join(newest.file_name().unwrap())).unwrap();
    let refused = get("borealis", &[]);
    let told = text(&refused);
    assert!(!refused.status.success() && told.contains(r#"it is of account "acme""#), "{told}");
    // What the ledger knows is the newest once there is something newer; the other is there by its id.
    let _plane = ground.control_plane_with(&["--backups", &folder]);
    done(job(&ground, &gateway).output().unwrap());
    is(get("acme", &[]), &file(&ground), "0 events held");
    let name = newest.file_name().unwrap().to_string_lossy().into_owned();
    is(get("acme", &["--id", name.split('.').next().unwrap()]), &newest, unknown);
    let mut bytes = std::fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&newest, bytes).unwrap();
    let refused = get("acme", &["--id", name.split('.').next().unwrap()]);
    let told = text(&refused);
    assert!(!refused.status.success() && told.contains("it is not what was received"), "{told}");
    assert!(refused.stdout.is_empty(), "nothing of it");
}

/// Who may have a backup made is the job alone, and that is all that it may.
#[tokio::test]
async fn nobody_else_may_ask_and_the_job_may_do_nothing_else() {
    let ground = Ground::new();
    let (plane, gateway) = used(&ground).await;
    let token = |namespace: &str, account: &str, audience: &str| {
        ground.cluster.token(namespace, account, audience, Timestamp::now())
    };
    let asked = async |token: &str| {
        let request = client().post(format!("{}/backups", gateway.url)).bearer_auth(token);
        request.send().await.unwrap().status()
    };
    for (namespace, account, audience) in [
        ("tenant-acme", "core", "tenantry-usage"),
        ("tenant-acme", "core", "tenantry-gateway"),
        ("tenant-acme", "tenantry-gateway", "tenantry-gateway"),
        ("tenant-acme", "tenantry-backup", "tenantry-usage"),
        ("tenant-globex", "tenantry-backup", "tenantry-gateway"),
    ] {
        let status = asked(&token(namespace, account, audience)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{namespace} {account} {audience}");
    }
    assert!(gateway.status().await["backup"].is_null());
    let own = token("tenant-acme", "tenantry-backup", "tenantry-gateway");
    let batch = super::ground::BATCH;
    for to in [&gateway, &plane] {
        let answer = ground.send_as(to, &own, batch, &json!([event("x", "1")])).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", to.url);
    }
    // Nor does its gateway's token, as a sender, reach the gateway itself.
    let gateways = token("tenant-acme", "tenantry-gateway", "tenantry-gateway");
    let answer = ground.send_as(&gateway, &gateways, batch, &json!([event("x", "1")])).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(asked(&own).await, StatusCode::ACCEPTED);
}
