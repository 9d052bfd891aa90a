//! Accounts of a file: `serve --accounts`.

use std::path::Path;

use api_server::auth::{Audience, local::Claims};
use serde_json::{Value, json};

use crate::gateway::ground::BOUND;
use crate::serving::{Place, Serving, client};

const ACME: &str = "
accounts:
  - id: acme
    name: Acme Legal
    zone: America/Chicago
    plan: team@1
    workloads:
      - { namespace: tenant-acme, serviceAccount: tenantry-gateway, uid: u-1 }
";

/// The account as customer success sees it.
async fn seen(serving: &Serving, place: &Place) -> Value {
    let mut claims = Claims::new("anna", &[Audience::Billing]);
    claims.scope = "billing:read billing:plan".to_owned();
    claims.roles = vec!["CustomerSuccessManager".to_owned()];
    let url = format!("{}/billing/usage/acme", serving.api);
    // The figures are summed up soon after the start.
    let patience = tokio::time::Instant::now() + BOUND;
    loop {
        let sent = client().get(&url).bearer_auth(place.token(&claims)).send().await.unwrap();
        if sent.status() == 200 {
            return sent.json().await.unwrap();
        }
        assert!(tokio::time::Instant::now() < patience, "never summed up: {}", sent.status());
        tokio::task::yield_now().await;
    }
}

fn file(folder: &Path, text: &str) -> String {
    let path = folder.join("accounts.yaml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_of_a_file_are_there_at_each_start_and_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let flags = |text: &str| ["--accounts".to_owned(), file(folder.path(), text)];
    let start = |text: &str| {
        let [flag, path] = flags(text);
        Serving::start(&place, &[&flag, &path])
    };
    let mut serving = start(ACME);
    let first = seen(&serving, &place).await;
    assert_eq!(first["name"], "Acme Legal", "{first}");
    assert_eq!(first["subscription"]["plan"], json!({"key": "team", "version": 1}), "{first}");
    serving.stop();

    // The same again, and another plan: who was put on one stays on it.
    let mut serving = start(&ACME.replace("team@1", "scale@1"));
    assert_eq!(seen(&serving, &place).await["subscription"], first["subscription"]);
    serving.stop();

    // The workload stands for it, and for no other.
    place.create("borealis");
    let bind = |account: &str, uid: &str| {
        let bind = ["accounts", "bind", account, "--namespace", "tenant-acme"];
        let done = place
            .run(&[&bind[..], &["--service-account", "tenantry-gateway", "--uid", uid]].concat());
        String::from_utf8([done.stdout, done.stderr].concat()).unwrap()
    };
    let said = bind("borealis", "u-1");
    assert!(said.contains("tenant-acme/tenantry-gateway stands for another account"), "{said}");
    let said = bind("acme", "u-1");
    assert!(said.contains("stands for account acme"), "{said}");
}

#[test]
fn what_is_wrong_with_the_file_is_said_and_nothing_starts() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    drop(Serving::start(&place, &["--accounts", &file(folder.path(), ACME)]));
    for (text, part) in [
        ("accounts: [{id: acme, zone: Mars/Olympus}]", "account \"acme\": zone"),
        ("accounts: [{id: acme, anchorDay: 32}]", "account \"acme\": anchorDay"),
        ("accounts: [{id: acme, currency: GOLD}]", "currency \"GOLD\" is no ISO 4217 code"),
        ("accounts: [{id: acme, plan: team}]", "plan \"team\" is no plan version such as team@1"),
        ("accounts: [{id: a/b}]", "account \"a/b\": id"),
        ("accounts: [{id: acme, colour: red}]", "colour"),
        (
            "accounts: [{id: acme, workloads: [{namespace: '', serviceAccount: a, uid: u}]}]",
            "must not be empty",
        ),
        (
            "accounts: [{id: acme, workloads: [{namespace: n, serviceAccount: a, uid: u, issuer: ''}]}]",
            "must not be empty",
        ),
        // These are known once the ledger is there.
        ("accounts: [{id: acme, zone: UTC}]", "account acme: it is there with another name, zone"),
        ("accounts: [{id: globex, plan: tema@1}]", "plan tema@1 is not in the catalogue"),
        (
            "accounts: [{id: globex, currency: EUR, plan: team@1}]",
            "account globex: plan: plan team@1 is in USD, the account in EUR",
        ),
    ] {
        let path = file(folder.path(), text);
        let log = Serving::try_start_behind(&place, &["--accounts", &path], &[]).err();
        let log = log.unwrap_or_else(|| panic!("it serves with {text}"));
        assert!(log.contains(part) || log.contains(&part.replace('"', "\\\"")), "{text}: {log}");
    }
    // None of them was added, so that it can be there on other terms.
    let mended = file(folder.path(), "accounts: [{id: globex, zone: UTC, currency: USD}]");
    drop(Serving::start(&place, &["--accounts", &mended]));
}
