//! The program itself: what keeps it from starting, how it serves, how it stops.

use std::io::Write;
use std::path::Path;
use std::process::Output;

use reqwest::StatusCode;
use serde_json::json;

use crate::serving::{Place, Serving, client, program};

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8_lossy(&output.stderr);
    // Past the log, which says it too.
    errors.split_once("\napi-server: ").unwrap_or(("", &errors)).1.to_owned()
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    path.display().to_string()
}

#[test]
fn what_keeps_it_from_starting_is_said_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| write(folder.path(), name, text);
    let short = file("short", "0123456789");
    let secret = file("secret", &"x".repeat(32));
    let missing = folder.path().join("missing").display().to_string();
    let issuers =
        file("issuers", "issuers: [{issuer: i, kind: people, keys: {file: /nothing/here}}]");
    let plans = file("plans", "plans: [{plan: x}]");
    for (args, part) in [
        (vec![], "give --issuers"),
        (vec!["--development-secret-file", &short], "at least 32"),
        (vec!["--development-secret-file", &missing], "missing"),
        (vec!["--issuers", &missing], "issuers file"),
        (vec!["--issuers", &short], "issuers file"),
        (vec!["--issuers", &issuers], "/nothing/here"),
        (vec!["--development-secret-file", &secret, "--plans", &plans], "/plans/0"),
    ] {
        let storage = folder.path().join("storage");
        let output =
            program().arg("serve").arg("--storage").arg(&storage).args(&args).output().unwrap();
        let complaint = complaint(&output);
        assert!(complaint.contains(part), "{args:?}: {part:?} in {complaint:?}");
        assert!(!storage.exists(), "{args:?}: nothing is made before it is known to start");
    }
}

#[tokio::test]
async fn it_serves_answers_health_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    std::fs::write(&place.secret, format!("{}\n", "x".repeat(40))).unwrap();
    let secret = place.secret.display().to_string();
    let mut serving = Serving::start(&place, &[]);
    let client = client();
    let plans = client.get(format!("{}/billing/plans", serving.api)).send().await.unwrap();
    assert_eq!(plans.status(), StatusCode::OK);

    let ready = format!("{}/readyz", serving.health);
    let mut check = program();
    // The first look at the keys and the ledger may still be under way.
    while !check.args(["healthcheck", "--url", &ready]).status().unwrap().success() {
        check = program();
    }
    let lost =
        program().args(["healthcheck", "--url", &format!("{}/nothing", serving.health)]).output();
    assert!(complaint(&lost.unwrap()).contains("404"));
    let on_the_api = client.get(format!("{}/metrics", serving.api)).send().await.unwrap();
    assert_eq!(on_the_api.status(), StatusCode::NOT_FOUND);

    let args =
        ["token", "--audience", "tenantry-usage", "--scope", "usage:write", "--tenant", "acme"];
    let token = program().args(args).args(["--development-secret-file", &secret]).output().unwrap();
    assert!(token.status.success(), "{token:?}");
    let token = String::from_utf8(token.stdout).unwrap();
    let event = json!({"specversion": "1.0", "id": "e", "source": "/s", "type": "dev.tenantry.usage.query",
        "time": jiff::Timestamp::now().to_string(), "data": {"quantity": "1"}});
    let sent = client
        .post(format!("{}/usage/events", serving.api))
        .bearer_auth(token.trim())
        .header("content-type", "application/cloudevents+json")
        .body(event.to_string())
        .send()
        .await
        .unwrap();
    let answer = sent.text().await.unwrap();
    assert!(answer.contains("unknown_account"), "{answer}");

    let metrics = client
        .get(format!("{}/metrics", serving.health))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for series in [
        "tenantry_api_requests_total{method=\"GET\",route=\"/billing/plans\",status=\"2xx\"} 1",
        "tenantry_api_request_duration_seconds_bucket",
        "tenantry_usage_events_total{outcome=\"rejected\"} 1",
    ] {
        assert!(metrics.contains(series), "{series} in {metrics}");
    }

    let (status, log) = serving.stop();
    assert!(status.success(), "{log}");
    assert!(log.contains("draining"), "{log}");
}

#[test]
fn a_second_server_on_the_same_ledger_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let _first = Serving::start(&place, &[]);
    let second = program()
        .args(["serve", "--address", "127.0.0.1:0", "--health-address", "127.0.0.1:0"])
        .arg("--development-secret-file")
        .arg(&place.secret)
        .arg("--storage")
        .arg(&place.storage)
        .output()
        .unwrap();
    assert!(complaint(&second).contains("one server works on a ledger at a time"));
}

/// Nobody knows what a disk has kept that failed once: the kubelet starts the server anew, since it is not alive.
#[tokio::test]
async fn a_server_whose_disk_failed_is_not_alive() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    place.create("acme");
    // A limit on the size of files makes a write fail otherwise than for want of room.
    let limit = ["/bin/sh", "-c", "trap '' XFSZ; ulimit -f 4096; exec \"$@\"", "sh"];
    let serving = Serving::try_start_behind(&place, &[], &limit).unwrap();
    let (client, token) = (client(), place.sender("acme"));
    let look = async |path: &str| {
        let answer = client.get(format!("{}{path}", serving.health)).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    assert_eq!(look("/healthz").await.0, StatusCode::OK);
    let time = jiff::Timestamp::now().to_string();
    let mut taken = 0;
    loop {
        let event = |n: usize| {
            json!({"specversion": "1.0", "id": format!("{taken}-{n}"), "source": "/s", "time": time,
                "type": "dev.tenantry.usage.query", "filler": "x".repeat(200), "data": {"quantity": "1"}})
        };
        let batch: Vec<_> = (0..100).map(event).collect();
        let sent = client
            .post(format!("{}/usage/events", serving.api))
            .bearer_auth(&token)
            .header("content-type", "application/cloudevents-batch+json")
            .body(json!(batch).to_string())
            .send();
        match sent.await.unwrap().status() {
            StatusCode::OK => taken += 1,
            status => break assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE),
        }
        assert!(taken < 1_000, "it never failed");
    }
    assert!(taken > 0);
    for path in ["/healthz", "/readyz"] {
        // The answer to a sender may be quicker than the word to the checks.
        let (mut status, mut said) = look(path).await;
        for _ in 0..300 {
            if status != StatusCode::OK {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            (status, said) = look(path).await;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {said}");
        assert!(said.contains("ledger: "), "{path}: {said}");
    }
}
