//! What was sent, listed: rows, corrections, and what was not taken.

use api_server::auth::Audience;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Answer, Api, customer, manager, sender, token};

const BATCH: &str = "application/cloudevents-batch+json";

fn event(id: &str, time: &str, quantity: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/core", "type": "dev.tenantry.usage.query",
        "time": time, "data": {"quantity": quantity}, "team": "red"})
}

async fn send(api: &Api, batch: Value) -> Answer {
    api.post("/usage/events", Some(&sender()), BATCH, batch.to_string()).await
}

async fn ask(api: &Api, query: &str) -> Answer {
    api.get(&format!("/usage/events?{query}"), Some(&sender())).await
}

async fn list(api: &Api, query: &str) -> Vec<Value> {
    let answer = ask(api, query).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text);
    answer.json()["data"].as_array().unwrap().clone()
}

async fn ids(api: &Api, query: &str) -> Vec<String> {
    let rows = list(api, query).await;
    rows.iter().map(|row| row["id"].as_str().unwrap_or("-").to_owned()).collect()
}

/// Three events, the first sent last, and a correction of the first row.
async fn sent() -> Api {
    let api = Api::new().await;
    api.set_clock("2026-11-23T11:59:58Z");
    let first =
        json!([event("b", "2026-11-20T10:00:00Z", "4"), event("c", "2026-11-21T10:00:00Z", "2")]);
    assert_eq!(send(&api, first).await.status, StatusCode::OK);
    api.set_clock("2026-11-23T12:00:00Z");
    assert_eq!(
        send(&api, json!([event("a", "2026-11-19T10:00:00Z", "1")])).await.status,
        StatusCode::OK
    );
    let correction = json!({"account": "acme", "id": "fix", "row": 1, "change": {"by": "-1.5"}, "reason": "twice", "reference": "T-1"});
    let corrector = token(Audience::Billing, "billing:correct", None, None);
    let done = api
        .post("/billing/corrections", Some(&corrector), "application/json", correction.to_string())
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    api
}

#[tokio::test]
async fn a_row_has_its_three_times_its_dimensions_and_what_it_counts_by_now() {
    let api = sent().await;
    let rows = list(&api, "").await;
    assert_eq!(
        rows[0],
        json!({"status": "accepted", "row": 1, "kind": "usage", "id": "b", "source": "/core",
            "meter": "query", "unit": "requests", "quantity": "4", "counts": "2.5",
            "time": "2026-11-20T10:00:00Z", "ingested_at": "2026-11-23T11:59:58Z",
            "stored_at": "2026-11-23T11:59:58Z", "dimensions": {"team": "red"}, "corrects": null,
            "period": "2026-11-01T00:00:00Z", "happened_in": null})
    );
    let fix = &rows[3];
    assert_eq!(
        (&fix["kind"], &fix["corrects"], &fix["quantity"]),
        (&json!("correction"), &json!(1), &json!("-1.5"))
    );
    assert_eq!((&fix["counts"], &fix["time"]), (&Value::Null, &json!("2026-11-20T10:00:00Z")));
    // Who corrected it is not for the sender.
    assert_eq!(fix["dimensions"], json!({"reason": "twice", "reference": "T-1"}));
    let path = "/billing/usage/acme/events?filter[row][gte]=4";
    let own = api.get(path, Some(&customer("acme"))).await.json();
    assert_eq!(own["data"][0]["dimensions"], fix["dimensions"]);
    let whole = api.get(path, Some(&manager())).await.json();
    assert_eq!(whole["data"][0]["dimensions"]["actor"], "ada");
}

#[tokio::test]
async fn rows_are_filtered_and_sorted() {
    let api = sent().await;
    for (query, expected) in [
        ("", vec!["b", "c", "a", "fix"]),
        ("sort=stored_at%20desc", vec!["fix", "a", "c", "b"]),
        ("sort=time", vec!["a", "b", "fix", "c"]),
        ("sort=time%20desc", vec!["c", "fix", "b", "a"]),
        ("filter[status][eq]=accepted&filter[id][eq]=c", vec!["c"]),
        ("filter[id][eq]=c&filter[source][eq]=/core", vec!["c"]),
        ("filter[id][eq]=c&filter[source][eq]=/other", vec![]),
        ("filter[id][eq]=c&filter[source][eq]=/core&filter[row][gte]=3", vec![]),
        ("filter[id][eq]=fix&filter[source][eq]=/billing/corrections", vec!["fix"]),
        ("filter[source][eq]=/core", vec!["b", "c", "a"]),
        ("filter[meter][eq]=agents", vec![]),
        (
            "filter[time][gte]=2026-11-20T10:00:00Z&filter[time][lt]=2026-11-21T10:00:00Z",
            vec!["b", "fix"],
        ),
        ("sort=time&filter[time][gte]=2026-11-20T10:00:00.000001Z", vec!["c"]),
        ("filter[ingested_at][lt]=2026-11-23T12:00:00Z", vec!["b", "c"]),
        ("filter[stored_at][gte]=2026-11-23T12:00:00Z", vec!["a", "fix"]),
        (
            "filter[period][eq]=2026-11-01T00:00:00Z&filter[row][gte]=2&filter[row][lte]=3",
            vec!["c", "a"],
        ),
        ("filter[period][eq]=2026-10-01T00:00:00Z", vec![]),
    ] {
        assert_eq!(ids(&api, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_names_the_parameter() {
    let api = sent().await;
    for (query, parameter) in [
        ("filter[status][eq]=lost", "filter[status][eq]"),
        ("filter[meter][eq]=cpu", "filter[meter][eq]"),
        ("filter[time][gte]=today", "filter[time][gte]"),
        ("filter[id][eq]=%00", "filter[id][eq]"),
        ("filter[source][eq]=a%0A", "filter[source][eq]"),
        ("filter[status][eq]=rejected&filter[id][eq]=%00", "filter[id][eq]"),
        ("filter[time][gt]=2026-11-20T10:00:00Z", "filter[time][gt]"),
        ("filter[row][gte]=one", "filter[row][gte]"),
        ("filter[period][eq]=november", "filter[period][eq]"),
        ("filter[status][eq]=rejected&sort=time", "sort"),
        ("filter[status][eq]=rejected&filter[row][gte]=1", "filter[row][gte]"),
        (
            "filter[status][eq]=rejected&filter[period][eq]=2026-11-01T00:00:00Z",
            "filter[period][eq]",
        ),
        ("sort=quantity", "sort"),
        ("account=globex", "account"),
    ] {
        let answer = ask(&api, query).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], parameter, "{query}");
    }
}

#[tokio::test]
async fn pages_hold_each_row_once() {
    let api = Api::new().await;
    let batch: Vec<_> =
        (0..7).map(|n| event(&format!("e-{n}"), "2026-11-20T10:00:00Z", "1")).collect();
    send(&api, json!(batch)).await;
    for sort in ["stored_at%20asc", "stored_at%20desc", "time%20asc", "time%20desc"] {
        let mut path = format!("/usage/events?page[size]=3&sort={sort}&filter[meter][eq]=query");
        let (mut seen, mut sizes) = (Vec::new(), Vec::new());
        loop {
            let page = api.get(&path, Some(&sender())).await.json();
            let rows = page["data"].as_array().unwrap();
            sizes.push(rows.len());
            seen.extend(rows.iter().map(|row| row["row"].as_i64().unwrap()));
            let Some(next) = page["meta"]["page"]["next"].as_str() else { break };
            path = next.to_owned();
        }
        if sort.contains("desc") {
            seen.reverse();
        }
        assert_eq!((seen, sizes), ((1..=7).collect(), vec![3, 3, 1]), "{sort}");
    }
}

/// "I sent it, where is it?"
#[tokio::test]
async fn what_was_not_taken_is_listed_with_why() {
    let api = Api::new().await;
    send(&api, json!([event("a", "2026-11-20T10:00:00Z", "1")])).await;
    let mut unknown = event("meter", "2026-11-20T10:00:00Z", "1");
    unknown["type"] = json!("dev.tenantry.usage.cpu");
    let batch = json!([
        event("good", "2026-11-20T10:00:00Z", "1"),
        event("a", "2026-11-20T10:00:00Z", "2"),
        event("old", "2026-01-20T10:00:00Z", "1"),
        unknown,
        {"id": "bare"},
        7,
    ]);
    let answer = send(&api, batch).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS, "{}", answer.text);
    api.rejects.settled().await;
    let rejected = list(&api, "filter[status][eq]=rejected").await;
    let shown: Vec<_> = rejected
        .iter()
        .map(|row| (row["id"].as_str().unwrap_or("-"), row["errors"][0]["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ("a", "conflict"),
            ("old", "time_too_old"),
            ("meter", "unknown_type"),
            ("bare", "missing"),
            ("-", "missing")
        ]
    );
    let conflict = &rejected[0];
    assert_eq!(
        (&conflict["status"], &conflict["row"], &conflict["meter"]),
        (&json!("rejected"), &Value::Null, &json!("query"))
    );
    assert_eq!(conflict["first_seen_at"], "2026-11-23T12:00:00Z");
    assert_eq!(conflict["time"], "2026-11-20T10:00:00Z");
    assert_eq!(conflict["dimensions"], Value::Null);
    // The answer of then and the list of now say the same.
    let told = answer.json()["rejected"][3]["errors"].clone();
    assert_eq!(rejected[3]["errors"], told);
    for (query, expected) in [
        ("filter[id][eq]=old", vec!["old"]),
        ("filter[meter][eq]=query&sort=stored_at%20desc", vec!["old", "a"]),
        ("filter[source][eq]=/core", vec!["a", "old", "meter"]),
        ("filter[time][gte]=2026-11-01T00:00:00Z", vec!["a", "meter"]),
        ("filter[ingested_at][lt]=2026-11-23T12:00:00Z", vec![]),
        ("filter[stored_at][gte]=2026-11-23T12:00:00Z&page[size]=2", vec!["a", "old"]),
    ] {
        assert_eq!(
            ids(&api, &format!("filter[status][eq]=rejected&{query}")).await,
            expected,
            "{query}"
        );
    }
    assert_eq!(ids(&api, "").await, ["a", "good"]);
    let page = ask(&api, "filter[status][eq]=rejected&page[size]=4").await.json();
    let rest =
        api.get(page["meta"]["page"]["next"].as_str().unwrap(), Some(&sender())).await.json();
    assert_eq!(
        (rest["data"].as_array().unwrap().len(), &rest["meta"]["page"]["next"]),
        (1, &Value::Null)
    );
}

#[tokio::test]
async fn what_an_atomic_batch_left_out_is_listed() {
    let api = Api::new().await;
    let batch =
        json!([event("a", "2026-11-20T10:00:00Z", "1"), event("b", "2026-11-20T10:00:00Z", "-1")]);
    api.post("/usage/events?atomic=true", Some(&sender()), BATCH, batch.to_string()).await;
    send(&api, json!([event("c", "2026-11-20T10:00:00Z", "1")])).await;
    let batch =
        json!([event("a", "2026-11-20T10:00:00Z", "1"), event("c", "2026-11-20T10:00:00Z", "2")]);
    api.post("/usage/events?atomic=true", Some(&sender()), BATCH, batch.to_string()).await;
    api.rejects.settled().await;
    let rejected = list(&api, "filter[status][eq]=rejected").await;
    let codes: Vec<_> =
        rejected.iter().map(|row| (&row["id"], &row["errors"][0]["code"])).collect();
    assert_eq!(
        codes,
        [
            (&json!("b"), &json!("negative_quantity")),
            (&json!("a"), &json!("not_applied")),
            (&json!("c"), &json!("conflict"))
        ]
    );
}

#[tokio::test]
async fn nobody_lists_anothers() {
    let api = sent().await;
    send(&api, json!([7])).await;
    api.rejects.settled().await;
    let other = token(Audience::Usage, "usage:read", None, Some("globex"));
    for query in ["", "filter[status][eq]=rejected"] {
        let answer = api.get(&format!("/usage/events?{query}"), Some(&other)).await;
        assert_eq!(
            (answer.status, &answer.json()["data"]),
            (StatusCode::OK, &json!([])),
            "{query}"
        );
    }
    let page = ask(&api, "page[size]=1").await.json();
    let stolen = api.get(page["meta"]["page"]["next"].as_str().unwrap(), Some(&other)).await;
    assert_eq!(stolen.json()["errors"][0]["code"], "bad_cursor", "{}", stolen.text);
    let nobody = token(Audience::Usage, "usage:read", None, Some("nobody"));
    assert_eq!(api.get("/usage/events", Some(&nobody)).await.status, StatusCode::NOT_FOUND);
    let path = "/billing/usage/acme/events";
    assert_eq!(api.get(path, Some(&customer("globex"))).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        api.get("/billing/usage/nobody/events", Some(&manager())).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(api.get(path, Some(&customer("acme"))).await.status, StatusCode::OK);
    let writer = token(Audience::Usage, "usage:write", None, Some("acme"));
    assert_eq!(api.get("/usage/events", Some(&writer)).await.status, StatusCode::FORBIDDEN);
}
