//! Backups of a tenant that has left are removed by hand: nothing newer takes their place.

use std::process::Output;

use super::backing::{backups, file, job, program, text, used};
use super::ground::Ground;

/// What an account's `get`, or a restore, could still be made of.
fn stand(ground: &Ground) -> usize {
    let place = std::path::PathBuf::from(ground.path("backups")).join("acme");
    std::fs::read_dir(place).unwrap().count()
}

#[tokio::test]
async fn backups_of_who_has_left_are_removed_by_hand() {
    let ground = Ground::new();
    let (mut plane, gateway) = used(&ground).await;
    for _ in 0..2 {
        let made = job(&ground, &gateway).output().unwrap();
        assert!(made.status.success(), "{}", text(&made));
    }
    let (storage, folder) = (ground.path("billing"), ground.path("backups"));
    let remove = |place: &str, more: &[&str]| {
        let place = ["backups", "remove", "--storage", place, "--backups", &folder];
        program(&[&place[..], more].concat()).output().unwrap()
    };
    let refused = |output: Output, words: &str| {
        let told = text(&output);
        assert!(!output.status.success() && told.contains(words), "{words:?} in {told}");
        assert_eq!(stand(&ground), 2, "{told}");
    };
    refused(remove(&storage, &["--account", "acme", "--all"]), "is held by");
    plane.kill();
    let elsewhere = ground.path("elsewhere");
    refused(remove(&elsewhere, &["--account", "acme", "--all"]), "there is no ledger");
    assert!(!std::path::Path::new(&elsewhere).exists(), "nor is one begun");
    refused(remove(&storage, &["--account", "borealis", "--all"]), "no such backup of account");
    let unknown = ["--account", "acme", "--id", "00000000-0000-4000-8000-000000000000"];
    refused(remove(&storage, &unknown), "no such backup of account acme");
    refused(remove(&storage, &["--account", "acme"]), "--all");

    let listed = text(&backups(&ground, "list"));
    let id = listed.split_whitespace().nth(1).unwrap();
    let one = remove(&storage, &["--account", "acme", "--id", id]);
    let told = text(&one);
    assert!(
        one.status.success() && told.starts_with(&format!("removed acme {id} made ")),
        "{told}"
    );
    assert_eq!((told.lines().count(), stand(&ground)), (1, 1));
    assert!(text(&backups(&ground, "check")).contains("1 backups, 0 missing or damaged"));
    // The other one and, beside it, what came back and the ledger knows nothing of.
    let left = file(&ground);
    let name = left.file_name().unwrap().to_string_lossy().into_owned();
    let stray = left.with_file_name(format!("{id}.{}", name.split_once('.').unwrap().1));
    std::fs::copy(&left, &stray).unwrap();
    let all = remove(&storage, &["--account", "acme", "--all"]);
    let told = text(&all);
    assert!(all.status.success() && told.contains("of which the ledger knows nothing"), "{told}");
    assert_eq!((told.lines().count(), stand(&ground)), (2, 0), "{told}");
    assert!(backups(&ground, "list").stdout.is_empty());
    let told = text(&backups(&ground, "check"));
    assert_eq!(told.trim(), "0 backups, 0 missing or damaged");
}

/// Run with `-- --skip postgres::` where there is none.
mod postgres {
    use api_server::backup::shelf;
    use api_server::ledger::{Ledger, Settings};
    use api_server::store::backups::{self, Backup};
    use jiff::Timestamp;

    use crate::cluster::{Folder, template, url_of};
    use crate::serving::{Place, Serving};

    /// A backup that is recorded beside the servers that write.
    async fn recorded(place: &Place) -> Backup {
        let (id, now) = ("019c0000-0000-7000-8000-000000000001", Timestamp::now());
        let (account, id) = ("acme".parse().unwrap(), id.parse().unwrap());
        let (bytes, sha256, held) = (7, [7; 32], 0);
        let backup = Backup { account, id, received: now, made: now, bytes, sha256, held };
        let ledger = Ledger::open(place.ledger(), Settings::default()).await.unwrap();
        let kept = backup.clone();
        let work = ledger.transact(Some(backup.account.clone()), move |session, _| {
            Box::pin(async move { backups::put(session, &kept).await })
        });
        work.await.unwrap();
        ledger.close().await;
        backup
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn they_are_removed_beside_a_server() {
        let folder = Folder::with_database(template().await).await;
        let place = Place::with_database(folder.path(), url_of(folder.path()));
        place.create("acme");
        let backups = folder.path().join("backups");
        let mut server = Serving::start(&place, &["--backups", backups.to_str().unwrap()]);
        let backup = recorded(&place).await;
        let file = shelf::path(&backups, &backup);
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "archive").unwrap();
        let run = |what: &str, more: &[&str]| {
            let all =
                ["backups", what, "--account", "acme", "--backups", backups.to_str().unwrap()];
            let done = place.run(&[&all[..], more].concat());
            assert!(done.status.success(), "{done:?}");
            String::from_utf8(done.stdout).unwrap()
        };
        assert!(run("list", &[]).starts_with(&format!("acme {} made ", backup.id)));
        let told = run("remove", &["--all"]);
        assert!(told.starts_with(&format!("removed acme {} made ", backup.id)), "{told}");
        assert_eq!((file.exists(), run("list", &[])), (false, String::new()));
        let (status, log) = server.stop();
        assert!(status.success(), "{log}");
    }
}

/// Where somebody asked for two of them, the second waits until the first is gone, and takes nothing meanwhile.
#[tokio::test]
async fn a_second_gateway_ends_and_says_who_has_the_spool() {
    let ground = Ground::new();
    let (_plane, gateway) = used(&ground).await;
    let (spool, token) = (ground.path("spool"), ground.path("token"));
    let args = ["gateway", "--address", "127.0.0.1:0", "--health-address", "127.0.0.1:0"];
    let more = ["--tenant", "acme", "--token-file", &token, "--spool", &spool];
    let plane = ["--control-plane", "http://127.0.0.1:9"];
    let second = program(&[&args[..], &more, &plane].concat()).output().unwrap();
    let told = text(&second);
    assert!(!second.status.success() && told.contains("spool.lock is held by process"), "{told}");
    assert!(!told.contains("\"serving\""), "{told}");
    assert_eq!(gateway.status().await["refused"]["events"], 1, "the first goes on");
}
