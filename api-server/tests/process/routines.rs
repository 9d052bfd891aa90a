//! The rounds as commands: what is kept, that it is whole or not there, and what a missing right says.

use std::path::Path;
use std::process::Output;

use api_server::auth::Audience;
use api_server::auth::local::Claims;
use api_server::domain::onboarding::State;
use api_server::ledger::{Ledger, Settings};
use api_server::store::onboarding::{self, Intake};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::midnight::past_midnight;
use crate::serving::{Place, Serving, client, program};

/// The token's file; its name is the scopes'.
fn token(place: &Place, folder: &Path, scope: &str) -> String {
    let mut claims = Claims::new("routine", &[Audience::Billing]);
    claims.scope = scope.to_owned();
    claims.roles = vec!["CustomerSuccessManager".to_owned()];
    let file = folder.join(scope.replace([':', ' '], "-"));
    std::fs::write(&file, place.token(&claims) + "\n").unwrap();
    file.display().to_string()
}

/// Where nobody listens.
pub const NOWHERE: &str = "http://127.0.0.1:1";

/// In seconds: it is waited long for a server that is there, and one that is not is given up soon.
pub fn patience(server: &str) -> &'static str {
    if server == NOWHERE { "1" } else { "120" }
}

fn run(server: &str, token: &str, args: &[&str]) -> Output {
    let all =
        ["routine", "--server", server, "--token-file", token, "--patience", patience(server)];
    program().args(all).args(args).output().unwrap()
}

pub fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn rounds_are_made_over_http_and_kept_whole() {
    past_midnight().await;
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    // More than one page.
    let names: Vec<String> = (0..250).map(|n| format!("t{n:03}")).collect();
    place.create_many(&names).await;
    let serving = Serving::start(&place, &[]);
    let export = token(&place, folder.path(), "billing:export");
    let kept = folder.path().join("kept");
    let to = ["--to", kept.to_str().unwrap()];

    let said = told(&run(&serving.api, &export, &[&["crm"][..], &to].concat()));
    let [file] = &files(&kept)[..] else { panic!("{:?}", files(&kept)) };
    assert!(file.starts_with("crm-") && file.ends_with(".csv"), "{file}");
    assert!(said.contains(file.as_str()) && said.contains("bytes"), "{said}");
    let text = std::fs::read_to_string(kept.join(file)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 251, "one head, and each account once");
    assert!(lines[0].starts_with("\"account\",\"version\""), "{}", lines[0]);
    assert!(lines[1].starts_with("\"t000\"") && lines[250].starts_with("\"t249\""));
    // Again: the same file with the same accounts, and nothing beside it.
    told(&run(&serving.api, &export, &[&["crm"][..], &to].concat()));
    assert_eq!(files(&kept).len(), 1, "{:?}", files(&kept));

    let rows = told(&run(&serving.api, &export, &["overages", "--format", "ndjson"]));
    assert_eq!(rows.lines().count(), 250);
    assert!(rows.lines().all(|line| line.contains("\"final\":false")), "{rows}");

    let read = token(&place, folder.path(), "billing:read");
    assert_eq!(told(&run(&serving.api, &read, &["triage"])), "Nobody needs a call.\n");

    let refused = run(&serving.api, &read, &[&["crm"][..], &to].concat());
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && complaint.contains("billing:export"), "{complaint}");
}

#[tokio::test]
async fn a_round_that_was_cut_off_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let names: Vec<String> = (0..150).map(|n| format!("t{n:03}")).collect();
    place.create_many(&names).await;
    let serving = Serving::start(&place, &[]);
    let export = token(&place, folder.path(), "billing:export");
    let kept = folder.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    // As a round of today left it that ended behind t098, in the middle of a row.
    let days = [day, day.tomorrow().unwrap()];
    for day in days {
        let name = format!("crm-{day}.csv");
        let head = "\"account\"\r\n\"t098\"\r\n";
        std::fs::write(kept.join(format!(".{name}.part")), format!("{head}\"t09")).unwrap();
        let next = "/exports/crm?format=csv&page%5Bsize%5D=100&filter%5Baccount%5D%5Bgt%5D=t098";
        let mark = serde_json::json!({"first": "/exports/crm?format=csv", "next": next, "bytes": head.len()});
        std::fs::write(kept.join(format!(".{name}.next")), mark.to_string()).unwrap();
    }
    told(&run(&serving.api, &export, &["crm", "--to", kept.to_str().unwrap()]));
    let done =
        days.iter().map(|day| kept.join(format!("crm-{day}.csv"))).find(|file| file.exists());
    let text = std::fs::read_to_string(done.unwrap()).unwrap();
    let first: Vec<&str> =
        text.lines().map(|line| line.split(',').next().unwrap().trim_matches('"')).collect();
    assert_eq!(
        (first.len(), first[1], first[2], first[52]),
        (53, "t098", "t099", "t149"),
        "{text}"
    );
}

#[test]
fn what_keeps_a_round_from_being_made_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let none = program().args(["routine", "crm"]).output().unwrap();
    let complaint = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(!none.status.success() && complaint.contains("--token-file"), "{complaint}");
    let token = folder.path().join("token");
    std::fs::write(&token, "x").unwrap();
    let away = run(NOWHERE, token.to_str().unwrap(), &["crm"]);
    let complaint = String::from_utf8_lossy(&away.stderr).into_owned();
    assert!(!away.status.success() && complaint.contains("cannot be reached"), "{complaint}");
}

/// Sends a form as a prospect does; the request's id.
async fn requested(server: &Serving) -> String {
    let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let form = json!({
        "display_name": "Initech Legal", "tenant": "initech",
        "contact": {"name": "Operations", "email": "ops@initech.example"},
        "use_case": "Read contracts", "purpose": "production",
        "go_live_date": today.checked_add(jiff::Span::new().days(30)).unwrap().to_string(),
        "departments": [{"name": "Litigation", "people": 12, "weeks_per_year": 46,
            "hours_per_week": {"low": "3", "base": "4", "high": "5"}}],
        "usage": {"agents": {"base": "40000"}}, "support_hours": 8,
        "currency": "USD", "time_zone": "America/Chicago", "anchor_day": 15,
        "roi": {"salary": {"amount": "52000.00", "currency": "USD"}, "burden": "0.30"},
    });
    let request = client().post(format!("{}/onboarding", server.api)).body(form.to_string());
    let answer = request.header("content-type", "application/json").send().await.unwrap();
    let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    told["follow"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_brief_is_handed_on_as_a_page_or_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    std::fs::create_dir(&place.storage).unwrap();
    let serving = Serving::start(&place, &[]);
    let id = requested(&serving).await;
    let approve = token(&place, folder.path(), "onboarding:approve");
    let page = told(&run(&serving.api, &approve, &["brief", &id]));
    assert!(page.contains("<h1") && page.contains("Initech Legal"), "{page}");
    let json = told(&run(&serving.api, &approve, &["brief", &id, "--format", "json"]));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["tenant"], &json["use_case"]), (&json!("initech"), &json!("Read contracts")));
    let read = token(&place, folder.path(), "billing:read");
    let refused = run(&serving.api, &read, &["brief", &id]);
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
}

/// Requests that nobody decided for so many days.
async fn waiting(place: &Place, days: i64, count: usize) {
    let submitted_at = Timestamp::now() - SignedDuration::from_hours(24 * days);
    let mut intake = Intake {
        id: Uuid::now_v7(),
        tenant: "initech".to_owned(),
        display_name: "Initech".to_owned(),
        form: json!({"contact": {"name": "Ada", "email": "ada@initech.example"}}).to_string(),
        answer: "{}".to_owned(),
        plan: None,
        profile: "dev".to_owned(),
        currency: "USD".to_owned(),
        zone: "UTC".to_owned(),
        anchor_day: 1,
        receipt: [7; 32],
        scope: None,
        salt: [7; 32],
        submitted_at: Timestamp::from_millisecond(submitted_at.as_millisecond()).unwrap(),
        state: State::AwaitingApproval,
        provision: None,
    };
    let ledger = Ledger::open(&place.storage, Settings::default()).await.unwrap();
    let work = ledger.transact(None, move |session, _| {
        Box::pin(async move {
            for _ in 0..count {
                intake.id = Uuid::now_v7();
                onboarding::add(session, &intake).await?;
            }
            Ok(())
        })
    });
    work.await.unwrap();
    ledger.close().await;
}

#[tokio::test]
async fn the_retention_audit_erases_what_is_overdue_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    waiting(&place, 200, 1).await;
    waiting(&place, 100, 1).await;
    let serving = Serving::start(&place, &[]);
    let audit = token(&place, folder.path(), "billing:audit");
    let looked = ["retention", "--format", "ndjson"];
    let found = told(&run(&serving.api, &audit, &looked));
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(!found.contains("Ada"), "{found}");
    // Who may look may not erase; what was found is told all the same.
    let refused = run(&serving.api, &audit, &[&looked[..], &["--erase"]].concat());
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && complaint.contains("privacy:erase"), "{complaint}");
    let eraser = token(&place, folder.path(), "billing:audit privacy:erase");
    // Those of the table in the folder.
    let to = folder.path().join("routines");
    std::fs::create_dir(&to).unwrap();
    let kept = ["--to", to.to_str().unwrap(), "retention", "--erase"];
    let erased = told(&run(&serving.api, &eraser, &kept));
    assert!(erased.ends_with("erased the contacts of 1 requests\n"), "{erased}");
    let file = std::fs::read_dir(&to).unwrap().next().unwrap().unwrap().path();
    let table = std::fs::read_to_string(file).unwrap();
    assert_eq!(table.lines().count(), 2, "the head, and whom it erased: {table}");
    assert_eq!(told(&run(&serving.api, &audit, &looked)), "");
    let wide = told(&run(&serving.api, &audit, &["retention", "--contact-days", "90"]));
    assert_eq!(wide.lines().count(), 2, "the head, and the younger one: {wide}");
}

#[tokio::test]
async fn nothing_is_erased_that_the_audit_did_not_write_down() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    waiting(&place, 200, 501).await;
    let serving = Serving::start(&place, &[]);
    let eraser = token(&place, folder.path(), "billing:audit privacy:erase");
    let round = ["retention", "--format", "ndjson", "--erase"];
    let first = told(&run(&serving.api, &eraser, &round));
    assert_eq!(first.lines().count(), 501, "500 that are written down, and the end");
    let end = first.lines().last().unwrap();
    assert_eq!(end, "erased the contacts of 500 requests; more are overdue: make the round again");
    let second = told(&run(&serving.api, &eraser, &round));
    let end = second.lines().last().unwrap();
    assert_eq!((second.lines().count(), end), (2, "erased the contacts of 1 requests"));
}

#[tokio::test]
async fn plans_of_the_environment_are_held_against_the_shipped_ones() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let plans = folder.path().join("plans.yaml");
    let shipped = include_str!("../../plans.yaml");
    std::fs::write(&plans, shipped.replacen("base: \"899.00\"", "base: \"950.00\"", 1)).unwrap();
    let named = format!("TENANTRY_PLANS={}", plans.display());
    let behind = ["env", "TENANTRY_PLAN_TEAM_BASE=1.00", &named];
    let serving = Serving::try_start_behind(&place, &[], &behind).unwrap();
    let audit = token(&place, folder.path(), "billing:audit");
    let found = told(&run(&serving.api, &audit, &["overrides", "--format", "ndjson"]));
    let rows: Vec<Value> = found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = rows.iter().map(|row| (&row["kind"], &row["name"])).collect();
    let expected =
        [(json!("changed"), json!("team")), (json!("unread"), json!("TENANTRY_PLAN_TEAM_BASE"))];
    assert!(
        kinds.len() == 2 && kinds.iter().zip(&expected).all(|(a, b)| *a == (&b.0, &b.1)),
        "{found}"
    );
    assert_eq!(rows[0]["changes"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(rows[0]["changes"][0]["field"], "/base");
    assert!(!found.contains("1.00"), "a value that nothing reads is not shown: {found}");
}
