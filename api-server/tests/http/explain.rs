//! How a bill comes about, down to its events.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Answer, Api, customer, manager, token};

async fn explain(api: &Api, query: &str) -> Answer {
    let answer = api.get(&format!("/billing/usage/acme/explain{query}"), Some(&manager())).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer
}

fn line<'a>(bill: &'a Value, stretch: u64, meter: &str) -> &'a Value {
    let lines = bill["lines"].as_array().unwrap();
    lines.iter().find(|line| line["stretch"] == stretch && line["meter"] == meter).unwrap()
}

fn cents(money: &Value) -> i64 {
    money["amount"].as_str().unwrap().replace('.', "").parse().unwrap()
}

/// The rows that a line's link leads to.
async fn rows(api: &Api, figure: &Value) -> Vec<Value> {
    let mut path = figure["ledger"]["events"].as_str().unwrap().to_owned();
    let mut all = Vec::new();
    loop {
        let page = api.get(&path, Some(&customer("acme"))).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        all.extend(page.json()["data"].as_array().unwrap().clone());
        match page.json()["meta"]["page"]["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return all,
        }
    }
}

/// Up to the 16th on starter, then on team; something late, something corrected, something free.
async fn used() -> Api {
    let api = Api::new().await;
    api.agree("acme", "starter", "2026-01-01T00:00:00Z").await;
    api.agree("acme", "team", "2026-11-16T00:00:00Z").await;
    api.use_up(
        "acme",
        &[
            ("late", "agents", "2026-10-20T10:00:00Z", "1000"),
            ("a", "agents", "2026-11-10T10:00:00Z", "25000"),
            ("b", "agents", "2026-11-15T23:59:59.999Z", "1000"),
            ("c", "agents", "2026-11-16T00:00:00Z", "500"),
            ("d", "query", "2026-11-20T10:00:00Z", "550001.5"),
            ("e", "signup", "2026-11-20T10:00:00Z", "3"),
        ],
    )
    .await;
    let correction = json!({"account": "acme", "id": "fix", "row": 3, "change": {"by": "-200"}, "reason": "twice", "reference": "T-1"});
    let corrector = token(api_server::auth::Audience::Billing, "billing:correct", None, None);
    let done = api
        .post("/billing/corrections", Some(&corrector), "application/json", correction.to_string())
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    api
}

#[tokio::test]
async fn each_line_says_what_it_is_made_of() {
    let api = used().await;
    let bill = explain(&api, "").await.json();
    assert_eq!(bill["as_of"], json!({"row": 7, "at": "2026-11-23T12:00:00Z"}));
    assert_eq!(
        bill["period"],
        json!({"start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z", "time_zone": "UTC",
            "final": false, "closed_at": null, "closed_with_row": null})
    );
    assert_eq!(
        (&bill["formula"]["name"], &bill["formula"]["version"]),
        (&json!("rating"), &json!(2))
    );
    assert_eq!(
        bill["plans"][1],
        json!({"stretch": 1, "plan": "team", "version": 1, "from": "2026-11-16T00:00:00Z",
            "to": "2026-12-01T00:00:00Z", "share": {"milliseconds": 1_296_000_000, "of": 2_592_000_000_i64}})
    );
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    assert_eq!(
        bill["base"][0],
        json!({"stretch": 0, "full": usd("299.00"), "amount": usd("149.50")})
    );
    // 5,000 and 20,000 runs are included; 26,800 were used on starter, with the late ones.
    let mut first = line(&bill, 0, "agents").clone();
    let ledger = first.as_object_mut().unwrap().remove("ledger").unwrap();
    assert_eq!(
        first,
        json!({"stretch": 0, "meter": "agents", "unit": "runs", "used": "26800", "included": "25000",
            "billable": "1800", "parts": [{"count": "1800", "package": null, "price": "0.05", "exact": "90"}],
            "exact": "90", "rated": usd("90.00"), "rounding": "0", "bound": null, "amount": usd("90.00")})
    );
    assert_eq!(
        (&ledger["rows"], &ledger["first"], &ledger["last"]),
        (&json!(4), &json!(1), &json!(7))
    );
    assert_eq!((&ledger["late"], &ledger["corrections"]), (&json!(1), &json!(1)));
    // 50,000 and 500,000 requests are included; what is beyond them costs a part of a cent.
    let query = line(&bill, 1, "query");
    assert_eq!((&query["billable"], &query["exact"]), (&json!("1.5"), &json!("0.0009")));
    assert_eq!((&query["rated"], &query["rounding"]), (&usd("0.00"), &json!("-0.0009")));
    let free = &bill["uncharged"];
    assert_eq!(free.as_array().unwrap().len(), 1);
    assert_eq!(
        (&free[0]["meter"], &free[0]["used"], &free[0]["reason"], &free[0]["stretch"]),
        (&json!("signup"), &json!("3"), &json!("not_in_plan"), &json!(1))
    );
}

#[tokio::test]
async fn the_lines_are_the_total_to_the_cent() {
    let api = used().await;
    let bill = explain(&api, "").await.json();
    let amounts = |list: &str| {
        bill[list].as_array().unwrap().iter().map(|l| cents(&l["amount"])).sum::<i64>()
    };
    // 149.50 + 449.50, 90.00 and 15.00 for runs.
    assert_eq!(cents(&bill["total"]), 70_400);
    assert_eq!(amounts("base") + amounts("lines"), 70_400);
}

#[tokio::test]
async fn each_line_leads_to_the_rows_that_it_is_the_sum_of() {
    let api = used().await;
    let bill = explain(&api, "").await.json();
    let lines =
        bill["lines"].as_array().unwrap().iter().chain(bill["uncharged"].as_array().unwrap());
    let mut seen = Vec::new();
    for figure in lines {
        let rows = rows(&api, figure).await;
        assert_eq!(figure["ledger"]["rows"], rows.len(), "{figure}");
        let micros = |text: &Value| {
            text.as_str().unwrap().parse::<api_server::domain::Quantity>().unwrap().micros()
        };
        let sum: i64 = rows.iter().map(|row| micros(&row["quantity"])).sum();
        assert_eq!(sum, micros(&figure["used"]), "{figure}");
        let numbers: Vec<_> = rows.iter().map(|row| row["row"].as_i64().unwrap()).collect();
        assert_eq!(figure["ledger"]["first"].as_i64(), numbers.first().copied(), "{figure}");
        assert_eq!(figure["ledger"]["last"].as_i64(), numbers.last().copied(), "{figure}");
        seen.extend(numbers);
    }
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7], "each row of the period is behind one line");
}

#[tokio::test]
async fn a_closed_period_is_final_and_takes_no_more() {
    let api = Api::new().await;
    api.set_clock("2026-10-20T12:00:00Z");
    api.agree("acme", "starter", "2026-01-01T00:00:00Z").await;
    api.use_up("acme", &[("a", "agents", "2026-10-20T10:00:00Z", "10001")]).await;
    api.set_clock("2026-11-23T12:00:00Z");
    let before = explain(&api, "?period=2026-10-31").await.json();
    assert_eq!(before["period"]["final"], false, "not closed until that is recorded");
    api.ledger.close_due().await.unwrap();
    api.use_up("acme", &[("late", "agents", "2026-10-20T10:00:00Z", "5")]).await;
    let closed = explain(&api, "?period=2026-10-01T00:00:00Z").await.json();
    assert_eq!(closed["period"]["final"], true);
    assert_eq!(
        (&closed["period"]["closed_at"], &closed["period"]["closed_with_row"]),
        (&json!("2026-11-23T12:00:00Z"), &json!(1))
    );
    assert_eq!((&closed["total"], &closed["lines"]), (&before["total"], &before["lines"]));
    assert_eq!(line(&explain(&api, "").await.json(), 0, "agents")["ledger"]["late"], 1);
}

#[tokio::test]
async fn without_a_plan_everything_is_listed_and_nothing_charged() {
    let api = Api::new().await;
    api.use_up("acme", &[("a", "agents", "2026-11-10T10:00:00Z", "5")]).await;
    let bill = explain(&api, "").await.json();
    assert_eq!(
        (&bill["total"], &bill["lines"], &bill["plans"]),
        (&Value::Null, &json!([]), &json!([]))
    );
    assert_eq!(
        (&bill["uncharged"][0]["reason"], &bill["uncharged"][0]["stretch"]),
        (&json!("no_plan"), &Value::Null)
    );
    assert_eq!(rows(&api, &bill["uncharged"][0]).await.len(), 1);
}

#[tokio::test]
async fn a_period_is_asked_for_by_a_date_or_time_in_it() {
    let api = Api::new().await;
    api.add("initech", "America/Chicago").await;
    let start = async |query: &str| {
        let path = format!("/billing/usage/initech/explain?period={query}");
        api.get(&path, Some(&customer("initech"))).await.json()["period"]["start"].clone()
    };
    assert_eq!(start("2026-11-01").await, "2026-11-01T05:00:00Z");
    assert_eq!(start("2026-11-01T04:59:59Z").await, "2026-10-01T05:00:00Z");
    for bad in ["november", "0000-01-01", "9999-12-31", "-009999-01-02T01:59:59Z", ""] {
        let path = format!("/billing/usage/initech/explain?period={bad}");
        let answer = api.get(&path, Some(&customer("initech"))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], "period");
    }
    let others = api.get("/billing/usage/acme/explain", Some(&customer("initech"))).await;
    assert_eq!(others.status, StatusCode::NOT_FOUND);
}

/// A sender's mistake of a closed month is taken back within what this month includes: the bill says so.
#[tokio::test]
async fn what_corrections_took_back_for_nothing_is_said() {
    let api = Api::new().await;
    api.set_clock("2026-10-20T12:00:00Z");
    api.agree("acme", "starter", "2026-01-01T00:00:00Z").await;
    api.use_up("acme", &[("a", "agents", "2026-10-20T10:00:00Z", "10000")]).await;
    api.use_up("acme", &[("twice", "agents", "2026-10-20T10:00:00Z", "5000")]).await;
    api.set_clock("2026-11-23T12:00:00Z");
    api.ledger.close_due().await.unwrap();
    api.use_up("acme", &[("b", "agents", "2026-11-20T10:00:00Z", "8000")]).await;
    assert_eq!(explain(&api, "").await.json()["corrected"], json!([]));
    let void = json!({"account": "acme", "id": "fix", "row": 2, "change": "void", "reason": "twice", "reference": "T-1"});
    let corrector = token(api_server::auth::Audience::Billing, "billing:correct", None, None);
    let done =
        api.post("/billing/corrections", Some(&corrector), "application/json", void.to_string());
    let done = done.await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let said = |worthless: &str| json!([{"meter": "agents", "unit": "runs", "taken_back": "5000", "without_worth": worthless}]);
    let bill = explain(&api, "").await.json();
    assert_eq!((&bill["corrected"], cents(&bill["total"])), (&said("5000"), 29_900));
    // 14,000 without the correction, 4,000 of them beyond what is included.
    api.use_up("acme", &[("c", "agents", "2026-11-20T10:00:00Z", "6000")]).await;
    let bill = explain(&api, "").await.json();
    assert_eq!((&bill["corrected"], cents(&bill["total"])), (&said("1000"), 29_900));
    // What was corrected within its own month is no matter of another one's bill.
    let closed = explain(&api, "?period=2026-10-20").await.json();
    assert_eq!((&closed["corrected"], cents(&closed["total"])), (&json!([]), 54_900));
}

/// What came too late for its month and is taken back in the month that it came to was in no other bill.
#[tokio::test]
async fn what_came_late_and_is_taken_back_at_once_is_no_matter_of_a_closed_month() {
    let api = Api::new().await;
    api.set_clock("2026-10-20T12:00:00Z");
    api.agree("acme", "starter", "2026-01-01T00:00:00Z").await;
    api.use_up("acme", &[("a", "agents", "2026-10-20T10:00:00Z", "12000")]).await;
    api.set_clock("2026-11-23T12:00:00Z");
    api.ledger.close_due().await.unwrap();
    api.use_up("acme", &[("late", "agents", "2026-10-25T10:00:00Z", "5000")]).await;
    let corrector = token(api_server::auth::Audience::Billing, "billing:correct", None, None);
    for (row, expected) in [
        (2, json!([])),
        (
            1,
            json!([{"meter": "agents", "unit": "runs", "taken_back": "12000", "without_worth": "12000"}]),
        ),
    ] {
        let void = json!({"account": "acme", "id": row.to_string(), "row": row, "change": "void",
            "reason": "twice", "reference": "T-1"});
        let done = api.post(
            "/billing/corrections",
            Some(&corrector),
            "application/json",
            void.to_string(),
        );
        let done = done.await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
        assert_eq!(explain(&api, "").await.json()["corrected"], expected, "row {row}");
    }
}
