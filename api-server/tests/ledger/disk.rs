//! Disks that are full, that fail to write, that fail to keep what was written.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use api_server::{
    domain::meter::Meter,
    ledger::{Health, Item, Ledger, LedgerError, Outcome, Settings},
    store::StoreError,
};

use super::{
    ground::{Ground, accepted, check, dump, query, usage},
    process::{Client, Server},
};

const COUNT: &str = "SELECT COUNT(*) FROM usage_ledger";

/// A small file system of its own; gone at the end.
struct Small {
    folder: tempfile::TempDir,
}

impl Small {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .output();
        if done.is_ok_and(|output| output.status.success()) {
            return Some(Self { folder });
        }
        println!("skipped: mounting a small disk takes root");
        None
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _done = Command::new("umount").arg("-l").arg(self.folder.path()).output();
    }
}

fn bulky(n: usize) -> Vec<Item> {
    let item = |m: usize| {
        let mut event =
            usage("acme", &format!("{n}-{m}"), Meter::Query, "2026-11-23T11:00:00Z", "1");
        event.dims.insert("filler".to_owned(), "x".repeat(200));
        Item::Usage(event)
    };
    (0..100).map(item).collect()
}

#[tokio::test]
async fn a_full_disk_stops_writing_and_nothing_else_until_there_is_room() {
    let Some(disk) = Small::mount("6m") else { return };
    let filler = disk.folder.path().join("filler");
    std::fs::write(&filler, vec![0; 2_000_000]).unwrap();
    let ground = Ground::with(&["acme"]).await;
    ground.ledger.close().await;
    std::fs::create_dir(disk.path()).unwrap();
    let copy = |name: &str| std::fs::copy(ground.folder.path().join(name), disk.path().join(name));
    copy("ledger.db").unwrap();
    let settings = Settings { probe_every: Duration::from_millis(5), ..Settings::default() };
    let ledger = Ledger::open(&disk.path(), settings).await.unwrap();
    let mut acknowledged = 0;
    let refused = loop {
        match ledger.append(ground.request("acme", bulky(acknowledged))).await {
            Ok(receipt) => {
                assert_eq!(accepted(&receipt).len(), 100);
                acknowledged += 1;
            }
            Err(refused) => break refused,
        }
        assert!(acknowledged < 1_000, "the disk is never full");
    };
    assert!(matches!(refused, LedgerError::Store(StoreError::Full(_))), "{refused}");
    assert!(refused.to_string().contains("free some space"), "{refused}");
    assert!(acknowledged > 0);
    // Whatever was acknowledged can be read, and nothing else is there.
    assert_eq!(dump(&ledger, COUNT).await[0][0], (acknowledged * 100).to_string());
    std::fs::remove_file(&filler).unwrap();
    // Clients that try again and again must not keep it from seeing that there is room.
    let mut full = 0;
    let again = loop {
        match ledger.append(ground.request("acme", bulky(acknowledged))).await {
            Ok(receipt) => break receipt,
            Err(LedgerError::Store(StoreError::Full(_))) => full += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(full < 10_000_000, "it never looks again");
    };
    assert_eq!(accepted(&again).len(), 100);
    assert_eq!(ledger.health(), Health::Ready);
    let repeat = ledger.append(ground.request("acme", bulky(0))).await.unwrap();
    assert!(repeat.outcomes.iter().all(|o| matches!(o, Outcome::Duplicate { .. })));
    ledger.close().await;
    assert_eq!(check(&disk.path()).await.findings, []);
}

async fn prepared() -> Ground {
    let ground = Ground::with(&["acme"]).await;
    ground.ledger.close().await;
    ground
}

/// Sends until the first error; answers how many were acknowledged, and the error. After it, nothing
/// is taken and everything acknowledged is still read.
async fn until_it_fails(server: &Server) -> (usize, String) {
    let mut client = Client::connect(server.port).await.unwrap();
    let mut acknowledged = 0;
    let error = loop {
        let answer = client.ask(&format!("e-{acknowledged}:1")).await.unwrap();
        if answer.starts_with("error") {
            break answer;
        }
        assert_eq!(answer, "a");
        acknowledged += 1;
        assert!(acknowledged < 20_000, "it never failed");
    };
    for id in ["later", "much-later"] {
        let answer = client.ask(&format!("{id}:1")).await.unwrap();
        assert!(answer.contains("Broken"), "{answer}");
    }
    let rows: usize = client.ask("rows").await.unwrap().parse().unwrap();
    assert!(rows >= acknowledged, "{rows} rows, {acknowledged} acknowledged");
    (acknowledged, error)
}

/// After a restart on a healthy disk all that was acknowledged is there, and sending goes on.
async fn recovers(folder: &Path, acknowledged: usize) {
    let mut server = Server::start(folder, &[]);
    let mut client = Client::connect(server.port).await.unwrap();
    for n in 0..acknowledged {
        assert_eq!(client.ask(&format!("e-{n}:1")).await.unwrap(), "d", "e-{n} was acknowledged");
    }
    assert_eq!(client.ask("new:1").await.unwrap(), "a");
    server.kill();
    assert_eq!(check(folder).await.findings, []);
}

/// A limit on the size of files makes `write` fail with an error that is not "disk full".
#[tokio::test]
async fn after_a_failed_write_it_takes_nothing_until_it_is_started_anew() {
    let ground = prepared().await;
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 1200; exec \"$@\"", "sh"];
    let server = Server::start(ground.folder.path(), &limited);
    let (acknowledged, error) = until_it_fails(&server).await;
    assert!(error.contains("Broken"), "{error}");
    assert!(acknowledged > 0);
    drop(server);
    recovers(ground.folder.path(), acknowledged).await;
}

/// One failed `fdatasync`, all later ones succeed: an answer after that would be a lie, as the
/// kernel may have dropped what it could not write.
#[tokio::test]
async fn after_a_failed_fsync_it_never_acknowledges_again() {
    let probe = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("skipped: strace is not there or may not trace");
        return;
    }
    let ground = prepared().await;
    let inject = "inject=fsync,fdatasync:error=EIO:when=40";
    let strace =
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", inject];
    let server = Server::start(ground.folder.path(), &strace);
    let (acknowledged, error) = until_it_fails(&server).await;
    assert!(error.contains("Broken"), "{error}");
    assert!(acknowledged > 0);
    drop(server);
    recovers(ground.folder.path(), acknowledged).await;
}

#[tokio::test]
async fn a_disk_that_fails_is_told_by_health() {
    let ground = Ground::with(&["acme"]).await;
    let broken = ground.ledger.transact(None, |_, _| {
        Box::pin(async { Err::<(), _>(StoreError::Broken("pulled out".to_owned())) })
    });
    assert!(broken.await.is_err());
    assert_eq!(ground.ledger.health(), Health::Broken("pulled out".to_owned()));
    let refused = ground.ledger.append(ground.request("acme", vec![query("acme", "e", "1")])).await;
    assert_eq!(refused, Err(StoreError::Broken("pulled out".to_owned()).into()));
    assert_eq!(dump(&ground.ledger, COUNT).await[0][0], "0");
}

#[tokio::test]
async fn a_busy_moment_passes() {
    let ground = Ground::with(&["acme"]).await;
    let busy = ground.ledger.transact(None, |_, _| {
        Box::pin(async { Err::<(), _>(StoreError::Busy("somebody".to_owned())) })
    });
    assert!(busy.await.is_err());
    assert_eq!(ground.ledger.health(), Health::Ready);
    assert_eq!(accepted(&ground.send("acme", vec![query("acme", "e", "1")]).await), [1]);
}
