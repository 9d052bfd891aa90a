//! Use over time: whose clocks, which rows, which form.

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Answer, Api, customer, manager, sender};

async fn ask(api: &Api, account: &str, query: &str) -> Answer {
    api.get(&format!("/billing/usage/{account}/timeline?{query}"), Some(&manager())).await
}

/// `from value rows` of each row.
fn rows(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let answer = answer.json();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let row = |row: &Value| format!("{} {} {}", text(row, "from"), text(row, "value"), row["rows"]);
    answer["data"].as_array().unwrap().iter().map(row).collect()
}

#[tokio::test]
async fn days_are_those_of_the_accounts_zone_and_none_is_left_out() {
    let api = Api::new().await;
    api.add("initech", "America/Chicago").await;
    let events = [
        ("a", "query", "2026-11-20T05:59:59.999Z", "1.5"),
        ("b", "query", "2026-11-20T06:00:00Z", "2"),
        ("c", "query", "2026-11-22T05:00:00Z", "4"),
        ("d", "agents", "2026-11-20T06:00:00Z", "8"),
    ];
    api.use_up("initech", &events).await;
    let days = ask(&api, "initech", "from=2026-11-19&to=2026-11-22&meter=query").await;
    assert_eq!(
        rows(&days),
        ["2026-11-19T06:00:00Z 1.5 1", "2026-11-20T06:00:00Z 2 1", "2026-11-21T06:00:00Z 4 1"]
    );
    let answer = days.json();
    assert_eq!((&answer["account"], &answer["granularity"]), (&json!("initech"), &json!("P1D")));
    assert_eq!(answer["time_zone"], "America/Chicago");
    assert_eq!(answer["as_of"], json!({"row": 4, "at": "2026-11-23T12:00:00Z"}));
    let row = &answer["data"][0];
    assert_eq!((&row["meter"], &row["unit"]), (&json!("query"), &json!("requests")));
    assert_eq!(row["to"], "2026-11-20T06:00:00Z");
    let hours = "from=2026-11-20T05:00:00Z&to=2026-11-20T07:00:00Z&granularity=PT1H&meter=query";
    let hours = ask(&api, "initech", hours).await;
    assert_eq!(rows(&hours), ["2026-11-20T05:00:00Z 1.5 1", "2026-11-20T06:00:00Z 2 1"]);
    let months =
        ask(&api, "initech", "from=2026-10-01&to=2026-12-01&granularity=P1M&meter=query").await;
    assert_eq!(rows(&months), ["2026-10-01T05:00:00Z 0 0", "2026-11-01T05:00:00Z 7.5 3"]);
}

#[tokio::test]
async fn a_day_on_which_clocks_change_has_23_or_25_hours() {
    let api = Api::new().await;
    api.add("initech", "America/Chicago").await;
    let count = async |day: &str, next: &str| {
        let query = format!("from={day}&to={next}&granularity=PT1H&meter=query");
        let rows = rows(&ask(&api, "initech", &query).await);
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]), "{rows:?}");
        rows.len()
    };
    assert_eq!(count("2026-03-08", "2026-03-09").await, 23);
    assert_eq!(count("2026-11-01", "2026-11-02").await, 25);
    assert_eq!(count("2026-11-02", "2026-11-03").await, 24);
}

#[tokio::test]
async fn rows_are_cut_where_the_question_ends() {
    let api = Api::new().await;
    api.use_up(
        "acme",
        &[("a", "query", "2026-11-20T11:30:00Z", "1"), ("b", "query", "2026-11-20T12:00:00Z", "2")],
    )
    .await;
    let half =
        ask(&api, "acme", "from=2026-11-20T00:00:00Z&to=2026-11-20T12:00:00Z&meter=query").await;
    assert_eq!(rows(&half), ["2026-11-20T00:00:00Z 1 1"]);
    assert_eq!(half.json()["data"][0]["to"], "2026-11-20T12:00:00Z");
}

#[tokio::test]
async fn every_meter_and_thirty_days_unless_asked_otherwise() {
    let api = Api::new().await;
    let all = ask(&api, "acme", "").await;
    assert_eq!(rows(&all).len(), 5 * 30);
    let answer = all.json();
    assert_eq!(
        (&answer["from"], &answer["to"]),
        (&json!("2026-10-25T00:00:00Z"), &json!("2026-11-24T00:00:00Z"))
    );
    let meters: Vec<_> =
        answer["data"].as_array().unwrap().iter().map(|row| &row["meter"]).collect();
    assert_eq!([meters[0], meters[149]], [&json!("ingestion"), &json!("signup")]);
}

#[tokio::test]
async fn late_use_and_corrections_count_where_the_use_was() {
    let api = Api::new().await;
    api.use_up("acme", &[("late", "query", "2026-10-20T10:00:00Z", "5")]).await;
    let correction = json!({"account": "acme", "id": "c", "row": 1, "change": {"by": "-2"}, "reason": "r", "reference": "T"});
    let token =
        super::api::token(api_server::auth::Audience::Billing, "billing:correct", None, None);
    let done = api
        .post("/billing/corrections", Some(&token), "application/json", correction.to_string())
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let days = ask(&api, "acme", "from=2026-10-20&to=2026-10-21&meter=query").await;
    assert_eq!(rows(&days), ["2026-10-20T00:00:00Z 3 2"]);
}

#[tokio::test]
async fn the_same_rows_are_a_table_for_a_spreadsheet() {
    let api = Api::new().await;
    api.use_up("acme", &[("a", "query", "2026-11-20T11:30:00Z", "1.25")]).await;
    let path = "/billing/usage/acme/timeline?from=2026-11-20&to=2026-11-21&meter=query";
    let request = Request::get(path)
        .header("authorization", format!("Bearer {}", customer("acme")))
        .header("accept", "text/csv, application/json;q=0.5");
    let answer = api.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"acme-usage.csv\"");
    assert_eq!(
        answer.text,
        "\"account\",\"meter\",\"unit\",\"from\",\"to\",\"value\",\"rows\"\r\n\
         \"acme\",\"query\",\"requests\",\"2026-11-20T00:00:00Z\",\"2026-11-21T00:00:00Z\",1.25,1\r\n"
    );
    let request = Request::get(path)
        .header("authorization", format!("Bearer {}", customer("acme")))
        .header("accept", "image/png");
    let neither = api.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (neither.status, neither.code().as_str()),
        (StatusCode::NOT_ACCEPTABLE, "not-acceptable")
    );
}

#[tokio::test]
async fn what_cannot_be_answered_names_the_parameter() {
    let api = Api::new().await;
    api.add("kathmandu", "Asia/Kathmandu").await;
    for (account, query, parameter, word) in [
        ("acme", "from=yesterday", "from", "2026-11-22T23:00:00Z"),
        (
            "acme",
            "from=2026-11-20T10:30:00Z",
            "from",
            "2026-11-20T10:00:00Z or 2026-11-20T11:00:00Z",
        ),
        ("acme", "from=2026-11-20T10:00:00.001Z", "from", "2026-11-20T10:00:00Z"),
        (
            "kathmandu",
            "to=2026-11-20T10:00:00Z",
            "to",
            "2026-11-20T09:15:00Z or 2026-11-20T10:15:00Z",
        ),
        ("acme", "from=2026-11-20&to=2026-11-20", "to", "after"),
        ("acme", "from=2026-11-21&to=2026-11-20", "to", "after"),
        ("acme", "from=2016-11-21&to=2026-11-20", "from", "1830 days"),
        ("acme", "from=2025-11-21&to=2026-11-20&granularity=PT1H", "granularity", "10000 rows"),
        ("acme", "granularity=PT1M", "granularity", "PT1H, P1D or P1M"),
        ("acme", "meter=cpu", "meter", "ingestion"),
        ("acme", "to=9999-12-31", "to", "1830 days"),
        ("acme", "from=2026-11-20&to=9999-12-30T00:00:00Z", "from", "1830 days"),
        ("acme", "since=2026-11-20", "since", "from"),
    ] {
        let answer = ask(&api, account, query).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.text);
        let error = &answer.json()["errors"][0];
        assert_eq!(error["pointer"], parameter, "{query}: {}", answer.text);
        assert!(error["detail"].as_str().unwrap().contains(word), "{query}: {}", answer.text);
    }
    // One meter of a year in hours is not too much.
    let year =
        ask(&api, "acme", "from=2025-11-21&to=2026-11-21&granularity=PT1H&meter=query").await;
    assert_eq!(rows(&year).len(), 365 * 24);
}

#[tokio::test]
async fn nobody_sees_anothers_and_an_unknown_account_looks_the_same() {
    let api = Api::new().await;
    let path = |account: &str| format!("/billing/usage/{account}/timeline");
    let own = api.get(&path("acme"), Some(&customer("acme"))).await;
    assert_eq!(own.status, StatusCode::OK);
    let refused = [
        api.get(&path("globex"), Some(&customer("acme"))).await,
        api.get(&path("nobody"), Some(&customer("acme"))).await,
        api.get(&path("nobody"), Some(&customer("nobody"))).await,
        api.get(&path("nobody"), Some(&manager())).await,
        api.get(&path("%00"), Some(&manager())).await,
    ];
    for answer in &refused {
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "not-found"));
    }
    // A sender reads no money.
    assert_eq!(api.get(&path("acme"), Some(&sender())).await.status, StatusCode::UNAUTHORIZED);
}
