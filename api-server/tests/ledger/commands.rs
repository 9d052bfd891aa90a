//! The ledger's subcommands, as processes.

use std::{
    path::Path,
    process::{Command, Output},
};

use api_server::domain::catalogue::Catalogue;
use api_server::store::accounts::Bound;

use super::{
    HERE,
    ground::{Ground, account, folder, query, tamper},
};
use crate::{Engine, cluster};

pub fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api-server"));
    if HERE == Engine::Postgres {
        command.env("TENANTRY_DATABASE_URL", cluster::url_of(folder));
    }
    command.args(args).arg("--storage").arg(folder).output().unwrap()
}

/// What it printed, when it went well.
pub fn told(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What it complained, when it did not.
pub fn refused(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    assert!(!output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn verify_says_that_all_is_well_or_names_the_row() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1"), query("acme", "e-2", "1")]).await;
    ground.ledger.record_heads().await.unwrap();
    let folder = ground.folder.path();
    let well = told(folder, &["verify"]);
    assert!(well.contains("1 accounts, 2 rows, 1 heads") && well.contains("agrees"), "{well}");
    ground.ledger.close().await;
    tamper(folder, &["UPDATE usage_ledger SET qty_micro = 5 WHERE seq = 2"]).await;
    let output = run(folder, &["verify"]);
    assert!(!output.status.success());
    let first = String::from_utf8(output.stdout).unwrap();
    assert!(first.starts_with("account acme, row 2: changed row:"), "{first}");
}

#[tokio::test]
async fn verify_takes_heads_from_elsewhere() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    let chain = "0".repeat(64);
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    let line =
        format!(r#"{{"at":"2026-11-23T12:00:00Z","account":"acme","seq":1,"chain":"{chain}"}}"#);
    std::fs::write(elsewhere.path(), line + "\n").unwrap();
    let heads = elsewhere.path().to_str().unwrap();
    let output = run(ground.folder.path(), &["verify", "--heads", heads]);
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success() && out.contains("not what was written down"), "{out}");
}

#[tokio::test]
async fn verify_makes_no_ledger_where_there_is_none() {
    let folder = folder().await;
    let complaint = refused(folder.path(), &["verify"]);
    let expected = match HERE {
        Engine::Sqlite => "there is no ledger in",
        Engine::Postgres => "does not hold a ledger of this version",
    };
    assert!(complaint.contains(expected), "{complaint}");
}

#[tokio::test]
async fn migrate_makes_the_newest_schema() {
    let folder = folder().await;
    let newest = api_server::store::migrations::LATEST;
    let said = told(folder.path(), &["migrate"]);
    assert!(said.contains(&format!("schema version {newest}")), "{said}");
    assert!(told(folder.path(), &["verify"]).contains("0 accounts"));
}

#[tokio::test]
async fn accounts_are_made_and_bound_from_outside() {
    let ground = Ground::empty().await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    ground.ledger.close().await;
    let folder = ground.folder.path();
    let create = ["accounts", "create", "acme", "--zone", "Europe/Berlin", "--plan", "team@1"];
    assert!(told(folder, &create).contains("account acme added, on team@1 since"));
    assert!(told(folder, &create).contains("there already"));
    let other = refused(folder, &["accounts", "create", "acme", "--zone", "UTC"]);
    assert!(other.contains("another name, zone, day or currency"), "{other}");
    let bind = |of: &'static str| {
        ["accounts", "bind", of, "--namespace", "n", "--service-account", "core", "--uid", "u"]
    };
    assert!(told(folder, &bind("acme")).contains("n/core stands for account acme"));
    assert!(refused(folder, &bind("ghost")).contains("no account ghost"));
    let with = |issuer| [&bind("acme")[..], &["--issuer", issuer]].concat();
    assert!(refused(folder, &with(" ")).contains("--issuer is empty"));
    let ground = ground.reopen().await;
    let mut session = ground.ledger.store().read().await.unwrap();
    let bound = api_server::store::accounts::bound(&mut session, "n", "core", "u");
    let nobody_said = Bound { account: account("acme"), issuer: None };
    assert_eq!(bound.await.unwrap(), Some(nobody_said));
}

#[tokio::test]
async fn what_is_no_account_zone_day_currency_or_plan_is_named() {
    let folder = folder().await;
    for (args, word) in [
        (["../x", "--zone", "UTC"], "account id"),
        (["acme", "--zone", "Mars/Base"], "IANA time zone"),
        (["acme", "--anchor-day", "32"], "1 to 31"),
        (["acme", "--currency", "XXZ"], "ISO 4217"),
        (["acme", "--plan", "team"], "team@1"),
    ] {
        let all: Vec<_> = ["accounts", "create"].into_iter().chain(args).collect();
        let complaint = refused(folder.path(), &all);
        assert!(complaint.contains(word), "{args:?}: {complaint}");
    }
}

/// Nothing is left behind: the next attempt would find the account there, and leave it without its plan.
#[tokio::test]
async fn an_account_that_cannot_have_its_plan_is_not_made() {
    let ground = Ground::empty().await;
    ground.ledger.close().await;
    let folder = ground.folder.path();
    let create = ["accounts", "create", "acme", "--plan", "team@1"];
    let early = refused(folder, &create);
    assert!(
        early.contains("--plan") && early.contains("team@1 is not in the catalogue"),
        "{early}"
    );
    assert!(early.contains("a server that starts on it once"), "{early}");
    let ground = ground.reopen().await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    ground.ledger.close().await;
    let folder = ground.folder.path();
    let later = refused(folder, &[&create[..], &["--since", "2999-01-01T00:00:00Z"]].concat());
    assert!(later.contains("lies in the future"), "{later}");
    assert!(told(folder, &create).contains("account acme added, on team@1 since"));
}

/// One that was added without a plan, or by a process that was killed before the plan was agreed to.
#[tokio::test]
async fn an_account_that_is_there_without_a_plan_gets_the_one_that_is_named() {
    let ground = Ground::empty().await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    ground.ledger.close().await;
    let folder = ground.folder.path();
    assert!(told(folder, &["accounts", "create", "acme"]).contains("account acme added"));
    let on = |plan| ["accounts", "create", "acme", "--plan", plan];
    let first = told(folder, &on("team@1"));
    assert!(first.contains("account acme is there already, on team@1 since"), "{first}");
    assert_eq!(told(folder, &on("team@1")), "account acme is there already, on team@1\n");
    let other = refused(folder, &on("scale@1"));
    assert!(
        other.contains("is on team@1") && other.contains("POST /accounts/acme/plan"),
        "{other}"
    );
    assert!(told(folder, &["accounts", "create", "acme"]).contains("there already"));
    let ground = ground.reopen().await;
    let plans = ground.table("SELECT plan, version FROM agreements").await;
    assert_eq!(plans, [["team", "1"]]);
}

#[tokio::test]
async fn a_plan_in_another_currency_is_refused_before_its_account_is_added() {
    let ground = Ground::empty().await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    ground.ledger.close().await;
    let create = ["accounts", "create", "acme", "--currency", "EUR", "--plan", "team@1"];
    let named = "team@1 is in USD, the account in EUR: choose a plan in its currency";
    let complaint = refused(ground.folder.path(), &create);
    assert!(complaint.contains("--plan") && complaint.contains(named), "{complaint}");
    let ground = ground.reopen().await;
    assert_eq!(ground.table("SELECT account FROM accounts").await.len(), 0);
}

#[tokio::test]
async fn erasures_are_replayed_from_outside() {
    let ground = Ground::with(&["acme"]).await;
    ground.ledger.close().await;
    let folder = ground.folder.path();
    let said = told(folder, &["erasures", "replay"]);
    assert!(said.contains("erasures.jsonl: erased again the attributes of 0 events"), "{said}");
    let log = tempfile::NamedTempFile::new().unwrap();
    let line = r#"{"at":"2026-11-23T12:00:00Z","erasure":"018f0000-0000-7000-8000-000000000000","of":"rows","account":"/","rows":[]}"#;
    std::fs::write(log.path(), line).unwrap();
    let complaint = refused(folder, &["erasures", "replay", "--log", log.path().to_str().unwrap()]);
    assert!(complaint.contains("line 1") && complaint.contains("account id"), "{complaint}");
}
