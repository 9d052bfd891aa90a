//! Figures of all accounts for other systems: the same bytes for the same content, page by page, and
//! nothing that a spreadsheet would run.

use std::collections::{BTreeMap, BTreeSet};

use api_server::auth::Audience;
use api_server::domain::calendar::AnchorDay;
use api_server::ledger::figures::{Figures, Rhythm};
use api_server::ledger::upkeep::Upkeep;
use api_server::store::accounts::{self, Account};
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::api::{Answer, Api, now, token, token_at};

const EVE: &str = "2026-11-28T12:00:00Z";

fn exporter(at: Timestamp) -> String {
    token_at(at, Audience::Billing, "billing:export", None, None)
}

async fn get_at(api: &Api, at: &str, path: &str) -> Answer {
    api.get(path, Some(&exporter(at.parse().unwrap()))).await
}

async fn ok(api: &Api, path: &str) -> Value {
    let answer = api.get(path, Some(&exporter(now()))).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    answer.json()
}

async fn with_header(api: &Api, path: &str, name: &str, value: &str) -> Answer {
    let request = Request::get(path)
        .header("authorization", format!("Bearer {}", exporter(now())))
        .header(name, value);
    api.send(request.body(Body::empty()).unwrap()).await
}

async fn named(api: &Api, id: &str, name: &str, currency: &str) {
    add(
        api,
        Account {
            id: id.parse().unwrap(),
            name: name.to_owned(),
            zone: "America/Chicago".parse().unwrap(),
            anchor: AnchorDay::new(15).unwrap(),
            currency: currency.to_owned(),
            created_at: now(),
        },
    )
    .await;
}

/// An account of October whose periods start on a day, far in the west.
async fn starting(api: &Api, id: &str, day: i64) {
    add(
        api,
        Account {
            id: id.parse().unwrap(),
            name: id.to_owned(),
            zone: "Pacific/Honolulu".parse().unwrap(),
            anchor: AnchorDay::new(day).unwrap(),
            currency: "USD".to_owned(),
            created_at: "2026-10-01T00:00:00Z".parse().unwrap(),
        },
    )
    .await;
}

async fn add(api: &Api, account: Account) {
    let work = api.ledger.transact(None, move |session, _| {
        Box::pin(async move { accounts::add(session, &account).await.map(drop) })
    });
    work.await.unwrap();
}

async fn sum_up(api: &Api) {
    let mut figures = Figures::new(Rhythm::every(SignedDuration::from_mins(5)));
    figures.round(&api.ledger).await.unwrap();
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|row| row["account"].as_str().unwrap()).collect()
}

fn usd(amount: &str) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

#[tokio::test]
async fn a_crm_gets_every_account_also_one_of_which_nothing_is_known() {
    let api = Api::new().await;
    api.agree("acme", "team", "2026-11-01T00:00:00Z").await;
    api.use_up("acme", &[("a", "agents", "2026-11-23T11:00:00Z", "39000")]).await;
    sum_up(&api).await;
    named(&api, "initech", "Initech", "EUR").await;
    let page = ok(&api, "/exports/crm").await;
    assert_eq!(ids(&page), ["acme", "globex", "initech"]);
    let acme = &page["data"][0];
    for (name, value) in [
        ("plan", json!("team")),
        ("plan_version", json!(1)),
        ("support_hours", json!(8)),
        ("flagged", json!(true)),
        ("level", json!("hard")),
        ("usage_meter", json!("agents")),
        ("usage_ratio", json!("0.975")),
        ("customer_since", json!("2026-11-23")),
        ("as_of", json!("2026-11-23")),
    ] {
        assert_eq!(acme[name], value, "{name}: {acme}");
    }
    let initech = &page["data"][2];
    assert_eq!((&initech["plan"], &initech["health"]), (&Value::Null, &Value::Null));
    assert_eq!((&initech["currency"], &initech["as_of"]), (&json!("EUR"), &Value::Null));
    assert_eq!(page["meta"]["page"]["next"], Value::Null);
}

#[tokio::test]
async fn what_did_not_change_is_the_same_to_the_byte() {
    let api = Api::new().await;
    sum_up(&api).await;
    let first = get_at(&api, "2026-11-23T12:00:00Z", "/exports/crm").await;
    let etag = first.headers["etag"].to_str().unwrap().to_owned();
    let known = with_header(&api, "/exports/crm", "if-none-match", &etag).await;
    assert_eq!((known.status, known.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    // Summed up again, a while later: nothing of a row is another.
    api.set_clock("2026-11-23T12:10:00Z");
    sum_up(&api).await;
    let again = get_at(&api, "2026-11-23T12:10:00Z", "/exports/crm").await;
    assert_eq!(
        (first.text.as_str(), &first.headers["etag"]),
        (again.text.as_str(), &again.headers["etag"])
    );
    // The plan of one account is another: its row has another version, the other row does not.
    api.agree("acme", "team", "2026-11-23T12:00:00Z").await;
    api.set_clock("2026-11-23T12:20:00Z");
    sum_up(&api).await;
    let changed = get_at(&api, "2026-11-23T12:20:00Z", "/exports/crm").await;
    assert_ne!(changed.headers["etag"], etag.as_str());
    let (old, new) = (first.json(), changed.json());
    assert_ne!(old["data"][0]["version"], new["data"][0]["version"]);
    assert_eq!(old["data"][1], new["data"][1]);
}

#[tokio::test]
async fn pages_go_on_behind_an_account_whatever_came_between() {
    let api = Api::new().await;
    for id in ["a1", "hooli", "zeta"] {
        named(&api, id, id, "USD").await;
    }
    for route in ["/exports/crm?page[size]=2", "/exports/overages?period=previous&page[size]=2"] {
        let first = ok(&api, route).await;
        assert_eq!(ids(&first), ["a1", "acme"], "{route}");
        let next = first["meta"]["page"]["next"].as_str().unwrap();
        let second = ok(&api, next).await;
        assert_eq!(ids(&second), ["globex", "hooli"]);
        let last = ok(&api, second["meta"]["page"]["next"].as_str().unwrap()).await;
        assert_eq!((ids(&last), &last["meta"]["page"]["next"]), (vec!["zeta"], &Value::Null));
    }
    // The place is an account's id: no server has to remember it.
    let page = ok(&api, "/exports/crm?filter[account][gt]=b").await;
    assert_eq!(ids(&page), ["globex", "hooli", "zeta"]);
    let csv = get_at(&api, "2026-11-23T12:00:00Z", "/exports/crm?format=csv&page[size]=4").await;
    let link = csv.headers["link"].to_str().unwrap();
    assert_eq!(
        link,
        "</exports/crm?format=csv&page%5Bsize%5D=4&filter%5Baccount%5D%5Bgt%5D=hooli>; rel=\"next\""
    );
}

#[tokio::test]
async fn a_name_is_no_formula_in_csv() {
    let api = Api::new().await;
    for (id, name) in
        [("f1", "=HYPERLINK(\"//x\")"), ("f2", "＋cmd"), ("f3", "@SUM(A1)"), ("f4", "\t-1")]
    {
        named(&api, id, name, "USD").await;
    }
    for route in ["/exports/crm", "/exports/overages"] {
        let csv = with_header(&api, route, "accept", "text/csv").await;
        assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8", "{route}");
        for cell in ["\"'=HYPERLINK(\"\"//x\"\")\"", "\"'＋cmd\"", "\"'@SUM(A1)\"", "\"'\t-1\""] {
            assert!(csv.text.contains(cell), "{route}: {cell}: {}", csv.text);
        }
        let lines: Vec<&str> = csv.text.split("\r\n").collect();
        let width = lines[0].split(',').count();
        assert!(lines[1].split(',').count() == width && lines.len() == 8, "{route}: {lines:?}");
    }
}

#[tokio::test]
async fn overages_are_exact_by_the_ledger_and_say_that_they_are_not_final() {
    let api = Api::new().await;
    api.agree("acme", "team", "2026-11-01T00:00:00Z").await;
    api.use_up("acme", &[("a", "agents", "2026-11-20T11:00:00Z", "45000")]).await;
    let page = ok(&api, "/exports/overages").await;
    let row = &page["data"][0];
    let billed = json!({"base": usd("899.00"), "overage": usd("150.00"), "total": usd("1049.00")});
    assert_eq!((&row["billed"], &row["projected"]), (&billed, &Value::Null), "{row}");
    assert_eq!((&row["final"], &row["plan"]), (&json!(false), &json!("team@1")));
    assert_eq!(row["period_start"], "2026-11-01T00:00:00Z");
    let csm =
        token_at(now(), Audience::Billing, "billing:read", Some("CustomerSuccessManager"), None);
    let explained = api.get(row["explain"].as_str().unwrap(), Some(&csm)).await.json();
    assert_eq!(explained["total"], usd("1049.00"));
    let globex = &page["data"][1];
    assert_eq!((&globex["billed"], &globex["plan"]), (&Value::Null, &Value::Null), "no plan");
}

#[tokio::test]
async fn overages_are_projected_with_an_interval_while_the_period_runs() {
    let api = Api::new().await;
    api.agree("acme", "team", "2026-11-01T00:00:00Z").await;
    let days = ["19", "20", "21", "22"].map(|day| format!("2026-11-{day}T11:00:00Z"));
    for (day, runs) in days.iter().zip(["9000", "12000", "10000", "11000"]) {
        api.use_up("acme", &[(day, "agents", day, runs)]).await;
    }
    api.set_clock(EVE);
    sum_up(&api).await;
    let page = get_at(&api, EVE, "/exports/overages").await.json();
    let csm = token_at(
        EVE.parse().unwrap(),
        Audience::Billing,
        "billing:read",
        Some("CustomerSuccessManager"),
        None,
    );
    let usage = api.get("/billing/usage", Some(&csm)).await.json();
    let cost = &usage["data"][0]["projected_cost"];
    let row = &page["data"][0];
    let projected = &row["projected"];
    assert_eq!(projected["as_of"], EVE);
    for edge in ["mean", "low", "high"] {
        assert_eq!(projected[edge]["total"], cost[edge], "{edge}: {row}");
        let cents = |name: &str| -> i64 {
            projected[edge][name]["amount"].as_str().unwrap().replace('.', "").parse().unwrap()
        };
        assert_eq!(cents("overage") + cents("base"), cents("total"), "{edge}");
        assert_eq!(projected[edge]["base"], usd("899.00"));
    }
    // Summed up in another period, a projection says nothing of this one.
    api.set_clock("2026-12-01T12:00:00Z");
    let next = get_at(&api, "2026-12-01T12:00:00Z", "/exports/overages").await.json();
    assert_eq!(next["data"][0]["projected"], Value::Null);
    let ended =
        get_at(&api, "2026-12-01T12:00:00Z", "/exports/overages?period=previous").await.json();
    let ended = &ended["data"][0];
    assert_eq!((&ended["final"], &ended["projected"]), (&json!(false), &Value::Null), "grace runs");
    assert_eq!(ended["billed"]["overage"], usd("60.00"));
}

/// A summary that was made on another plan says nothing of what this one's use will cost.
#[tokio::test]
async fn nothing_is_projected_after_an_upgrade_until_it_is_summed_up() {
    let api = Api::new().await;
    api.agree("acme", "starter", "2026-11-01T00:00:00Z").await;
    api.set_clock("2026-11-16T12:00:00Z");
    let days: Vec<_> = (1..=15).map(|day| format!("2026-11-{day:02}T11:00:00Z")).collect();
    for day in &days {
        api.use_up("acme", &[(day, "agents", day, "1000")]).await;
    }
    sum_up(&api).await;
    let read = async |at: &str| {
        let row = get_at(&api, at, "/exports/overages").await.json()["data"][0].clone();
        assert_eq!(row["plan"], if at.ends_with("12:00:00Z") { "starter@1" } else { "scale@1" });
        row
    };
    let before = read("2026-11-16T12:00:00Z").await;
    assert_eq!(before["projected"]["mean"]["base"], usd("299.00"), "{before}");
    api.set_clock("2026-11-16T12:00:10Z");
    api.agree("acme", "scale", "2026-11-16T12:00:00Z").await;
    let upgraded = read("2026-11-16T12:00:10Z").await;
    // 299.00 and 2,499.00, for 15.5 and 14.5 of 30 days: 154.48 + 1,207.85.
    assert_eq!(upgraded["billed"]["base"], usd("1362.33"));
    assert_eq!(upgraded["projected"], Value::Null, "{upgraded}");
    api.set_clock("2026-11-16T12:01:00Z");
    sum_up(&api).await;
    let after = read("2026-11-16T12:01:00Z").await;
    assert_eq!(after["projected"]["mean"]["base"], usd("1362.33"));
    assert_eq!(after["projected"]["low"]["overage"], usd("0.00"), "{after}");
}

#[tokio::test]
async fn a_closed_period_is_final_to_the_cent() {
    let api = Api::new().await;
    api.agree("acme", "team", "2026-10-01T00:00:00Z").await;
    api.set_clock("2026-11-02T12:00:00Z");
    api.use_up("acme", &[("a", "agents", "2026-10-20T11:00:00Z", "40001")]).await;
    api.set_clock("2026-11-23T12:00:00Z");
    let before = ok(&api, "/exports/overages?period=2026-10-31").await;
    assert_eq!(before["data"][0]["final"], false, "not before that is recorded");
    api.ledger.close_due().await.unwrap();
    for period in ["previous", "2026-10-01", "2026-10-31"] {
        let page = ok(&api, &format!("/exports/overages?period={period}")).await;
        let row = &page["data"][0];
        assert_eq!((&row["final"], &row["projected"]), (&json!(true), &Value::Null), "{period}");
        // One run beyond 40,000, three cents.
        assert_eq!(row["billed"]["overage"], usd("0.03"), "{period}");
        assert_eq!(row["billed"]["total"], usd("899.03"), "{period}");
    }
    let csv = with_header(&api, "/exports/overages?period=previous", "accept", "text/csv").await;
    let line = csv.text.lines().nth(1).unwrap();
    let expected = "\"acme\",\"acme\",\"USD\",\"team@1\",\"2026-10-01T00:00:00Z\",\"2026-11-01T00:00:00Z\",\
        \"UTC\",\"true\",899.00,0.03,899.03,\"\",\"\",\"\",\"\",\"\",";
    assert!(line.starts_with(expected), "{line}");
}

#[tokio::test]
async fn each_period_is_final_in_one_of_the_two_rounds_of_the_period_before() {
    let api = Api::new().await;
    for day in 1..=28 {
        let id = format!("d{day:02}");
        starting(&api, &id, day).await;
        api.agree(&id, "team", "2026-10-01T00:00:00Z").await;
    }
    let mut upkeep = Upkeep::default();
    // While it runs, each period is begun.
    for day in ["2026-10-31", "2026-11-14", "2026-11-28"] {
        api.set_clock(&format!("{day}T12:00:00Z"));
        upkeep.round(&api.ledger).await.unwrap();
    }
    let mut billed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for round in ["2026-12-05", "2026-12-12", "2027-01-05", "2027-01-12"] {
        let at = format!("{round}T05:30:00Z");
        api.set_clock(&at);
        upkeep.round(&api.ledger).await.unwrap();
        let path = "/exports/overages?period=previous&filter[account][gt]=d";
        let answer = api.get(path, Some(&exporter(at.parse().unwrap()))).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let page = answer.json();
        for row in page["data"].as_array().unwrap().iter().filter(|row| row["final"] == true) {
            let (id, period) =
                (row["account"].as_str().unwrap(), row["period_start"].as_str().unwrap());
            billed.entry(id.to_owned()).or_default().insert(period[..7].to_owned());
        }
    }
    for day in 1..=28 {
        let months = &billed[&format!("d{day:02}")];
        assert!(months.contains("2026-11"), "anchor day {day}: {months:?}");
    }
}

/// From before plans in other currencies were refused.
#[tokio::test]
async fn amounts_are_named_in_the_currency_of_the_bill() {
    let api = Api::new().await;
    named(&api, "initech", "Initech", "EUR").await;
    api.agree("initech", "team", "2026-11-15T06:00:00Z").await;
    let page = ok(&api, "/exports/overages?filter[account][gt]=globex").await;
    let row = &page["data"][0];
    assert_eq!(
        (&row["account"], &row["billed"]["total"]["currency"]),
        (&json!("initech"), &json!("USD"))
    );
    assert_eq!(row["currency"], "USD");
    let csv = with_header(&api, "/exports/overages", "accept", "text/csv").await;
    let line = csv.text.lines().find(|line| line.starts_with("\"initech\"")).unwrap();
    assert!(line.starts_with("\"initech\",\"Initech\",\"USD\",\"team@1\""), "{line}");
}

#[tokio::test]
async fn what_an_export_cannot_do_is_named() {
    let api = Api::new().await;
    for (path, pointer) in [
        ("/exports/crm?format=xml", "format"),
        ("/exports/crm?page[size]=0", "page[size]"),
        ("/exports/crm?page[size]=1001", "page[size]"),
        ("/exports/crm?filter[account][gt]=../x", "filter[account][gt]"),
        ("/exports/crm?period=current", "period"),
        ("/exports/overages?period=yesterday", "period"),
        ("/exports/overages?period=9999-12-31", "period"),
        ("/exports/overages?since=2026", "since"),
    ] {
        let answer = api.get(path, Some(&exporter(now()))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{path}");
    }
    let html = with_header(&api, "/exports/crm", "accept", "text/html").await;
    assert_eq!(html.status, StatusCode::NOT_ACCEPTABLE);
}

async fn answered(api: &Api, account: &str, id: &str, opened: &str, hours: i64) {
    let opened: Timestamp = opened.parse().unwrap();
    let answered = opened + SignedDuration::from_hours(hours);
    let token = token_at(now(), Audience::Billing, "support:write", None, None);
    let body = json!({"account": account, "source": "helpdesk", "id": id, "sla_hours": 8,
        "opened_at": opened.to_string(), "answered_at": answered.to_string()});
    let done =
        api.post("/support/interactions", Some(&token), "application/json", body.to_string()).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
}

#[tokio::test]
async fn answers_of_support_are_counted_by_the_week_in_which_they_were_given() {
    let api = Api::new().await;
    // A question of Friday, answered on Monday: late, and in one week's file all the same.
    answered(&api, "acme", "T-0", "2026-11-13T18:00:00Z", 64).await;
    answered(&api, "acme", "T-1", "2026-11-16T00:00:00Z", 8).await;
    answered(&api, "acme", "T-2", "2026-11-22T23:59:59Z", 9).await;
    answered(&api, "acme", "T-3", "2026-11-23T00:00:00Z", 1).await;
    let page = ok(&api, "/exports/support").await;
    assert_eq!(ids(&page), ["acme", "globex"]);
    let acme = &page["data"][0];
    assert_eq!(
        (&acme["from"], &acme["to"]),
        (&json!("2026-11-16T00:00:00Z"), &json!("2026-11-23T00:00:00Z"))
    );
    assert_eq!(
        (&acme["met"], &acme["missed"], &acme["adherence"]),
        (&json!(1), &json!(1), &json!("0.50"))
    );
    assert_eq!(acme["slowest_hours"], "64");
    assert_eq!(acme["promises"], json!([{"sla_hours": 8, "met": 1, "missed": 1}]));
    assert_eq!((&page["data"][1]["adherence"], &page["data"][1]["met"]), (&Value::Null, &json!(0)));
    let before = ok(&api, "/exports/support?week=2026-11-09").await;
    assert_eq!(before["data"][0]["adherence"], Value::Null);
    let csv = with_header(&api, "/exports/support", "accept", "text/csv").await;
    let line = csv.text.lines().nth(1).unwrap();
    assert!(line.ends_with(",1,1,0.50,64,\"8\""), "{line}");
    for path in ["/exports/support?week=x", "/exports/support?week=9999-12-31"] {
        let answer = api.get(path, Some(&exporter(now()))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn key_figures_name_nobody_and_hide_small_groups() {
    let api = Api::new().await;
    for n in 0..11 {
        named(&api, &format!("t{n:02}"), "Secret Customer", "USD").await;
    }
    // Six on team, four on starter, one on scale, two on none.
    for n in 0..11 {
        let plan = if n < 6 {
            "team"
        } else if n < 10 {
            "starter"
        } else {
            "scale"
        };
        api.agree(&format!("t{n:02}"), plan, "2026-11-01T00:00:00Z").await;
    }
    sum_up(&api).await;
    answered(&api, "t00", "T-1", "2026-11-20T09:00:00Z", 1).await;
    let asked = "/exports/kpis?month=2026-11";
    let running = api.get(asked, Some(&exporter(now()))).await;
    assert_eq!(running.status, StatusCode::BAD_REQUEST, "{}", running.text);
    assert!(running.text.contains("a month that is over"), "{}", running.text);
    let none = ok(&api, "/exports/kpis").await;
    assert_eq!(none["data"], json!([]), "nothing of October");
    let over = "2026-12-01T00:00:00Z";
    api.set_clock(over);
    let ok = async |path: &str| {
        let answer = get_at(&api, over, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.json()
    };
    let page = ok("/exports/kpis?month=2026-11").await;
    let rows = page["data"].as_array().unwrap();
    let groups: Vec<_> = rows.iter().map(|r| (&r["group"], &r["plan"], &r["accounts"])).collect();
    let expected = [
        (json!("all"), Value::Null, json!(13)),
        (json!("plan"), json!("team"), json!(6)),
        (json!("other"), Value::Null, json!(7)),
    ];
    assert!(groups.iter().zip(&expected).all(|(a, b)| *a == (&b.0, &b.1, &b.2)), "{groups:?}");
    assert_eq!(groups.len(), 3);
    // Nobody is flagged, and no figure says so: of each group it could be one.
    let flagged: Vec<_> = rows.iter().map(|row| row["flagged"].as_str().unwrap()).collect();
    assert_eq!(flagged, ["0.15", "0.17", "0.14"]);
    assert_eq!(rows[0]["month"], "2026-11");
    assert_eq!(rows[0]["sla_adherence"], Value::Null, "one account's");
    let text = page.to_string();
    assert!(!text.contains("t00") && !text.contains("Secret"), "{text}");
    let larger = ok("/exports/kpis?month=2026-11&min_group_size=7").await;
    assert_eq!(larger["data"].as_array().unwrap().len(), 1, "team would be left alone");
    let none = ok("/exports/kpis?month=2026-11&min_group_size=14").await;
    assert_eq!(none["data"], json!([]));
    assert_eq!(ok("/exports/kpis").await["data"], page["data"], "the last one is November");
    for path in [
        "/exports/kpis?min_group_size=4",
        "/exports/kpis?min_group_size=x",
        "/exports/kpis?month=2026-11-01",
    ] {
        let answer = api.get(path, Some(&exporter(over.parse().unwrap()))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
    }
}

/// Who leaves is seen by whoever looks after customers, and by Finance in the period that is the last.
#[tokio::test]
async fn an_end_stands_in_lists_and_files_until_it_is_taken_back() {
    let api = Api::new().await;
    for account in ["acme", "globex"] {
        api.agree(account, "team", "2026-10-01T00:00:00Z").await;
    }
    sum_up(&api).await;
    let csm = token(Audience::Billing, "billing:read", Some("CustomerSuccessManager"), None);
    let seen = async || {
        let list = api.get("/billing/usage", Some(&csm)).await.json();
        let files = [ok(&api, "/exports/crm").await, ok(&api, "/exports/overages").await];
        let before = ok(&api, "/exports/overages?period=previous").await;
        assert_eq!(before["data"][0]["ends_at"], Value::Null, "it went on after October");
        let end = |page: &Value, n: usize| page["data"][n]["ends_at"].clone();
        let [crm, overages] = files;
        [&list, &crm, &overages].map(|page| (end(page, 0), end(page, 1)))
    };
    let nothing = (Value::Null, Value::Null);
    assert_eq!(seen().await, [nothing.clone(), nothing.clone(), nothing.clone()]);
    let planner = token(Audience::Billing, "billing:plan", None, None);
    let change = async |plan: Value| {
        let body = json!({"plan": plan}).to_string();
        let path = "/accounts/acme/plan";
        let answer = api.post(path, Some(&planner), "application/json", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    };
    change(Value::Null).await;
    let end = "2026-12-01T00:00:00Z";
    let ends = (json!(end), Value::Null);
    assert_eq!(seen().await, [ends.clone(), ends.clone(), ends]);
    for path in ["/exports/crm?format=csv", "/exports/overages?format=csv"] {
        let file = get_at(&api, "2026-11-23T12:00:00Z", path).await.text;
        let lines: Vec<&str> = file.lines().collect();
        for (line, last) in lines.iter().zip(["ends_at", end, ""]) {
            assert!(line.ends_with(&format!(",\"{last}\"")), "{file}");
        }
    }
    change(json!("team")).await;
    assert_eq!(seen().await, [nothing.clone(), nothing.clone(), nothing]);
}
