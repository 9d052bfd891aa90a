//! The server itself on a database that goes away and comes back.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use api_server::ledger::heads;
use serde_json::Value;

use super::{
    fitness::{ESCAPED, guard},
    ground::{Ground, folder, open, settings},
    proxy::Proxy,
};

/// Ends with its owner.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// Asks until the answer has this status; answers with its text.
async fn until(client: &reqwest::Client, url: &str, status: u16) -> String {
    loop {
        let answer = client.get(url).send().await.unwrap();
        if answer.status() == status {
            return answer.text().await.unwrap();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_ready_while_its_database_is_and_gives_its_work_back_at_the_end() {
    let folder = folder().await;
    guard(folder.path()).await;
    let proxy = Proxy::start().await;
    let (url, secret) = (folder.path().join("url"), folder.path().join("secret"));
    std::fs::write(&url, proxy.url(folder.path(), &format!("guarded:{ESCAPED}"))).unwrap();
    std::fs::write(&secret, [b'x'; 40]).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_api-server"));
    command.args(["serve", "--address", "127.0.0.1:0", "--health-address", "127.0.0.1:0"]);
    command.arg("--development-secret-file").arg(&secret).arg("--database-url-file").arg(&url);
    command.arg("--storage").arg(folder.path()).env_clear();
    let mut serving = Serving(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(serving.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut log = Vec::new();
    let health = lines.by_ref().find_map(|line| {
        let entry: Value = serde_json::from_str(&line).unwrap_or_default();
        log.push(line);
        (entry["message"] == "serving").then(|| entry["health"].as_str().unwrap().to_owned())
    });
    let ready = format!("http://{}/readyz", health.unwrap_or_else(|| panic!("{log:#?}")));
    let rest = std::thread::spawn(move || lines.collect::<Vec<_>>());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();

    until(&client, &ready, 200).await;
    while !folder.path().join(heads::FILE).exists() {
        tokio::task::yield_now().await;
    }
    proxy.set_open(false);
    let why = until(&client, &ready, 503).await;
    assert!(why.contains("ledger") && !why.contains("s3cr3t"), "{why}");
    proxy.set_open(true);
    until(&client, &ready, 200).await;

    let id = serving.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(serving.0.wait().unwrap().success());
    log.extend(rest.join().unwrap());
    assert!(log.iter().any(|line| line.contains("can be written again")), "{log:#?}");
    assert!(!log.concat().contains("s3cr3t"), "{log:#?}");
    let ground = Ground::empty().await;
    ground.ledger.close().await;
    let ledger = open(folder.path(), settings(&ground.clock)).await.unwrap();
    let ground = ground.replace(ledger);
    assert_eq!(ground.table("SELECT name FROM leases").await, [[""; 1]; 0]);
}
