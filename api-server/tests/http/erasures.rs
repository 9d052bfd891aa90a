//! Personal data goes wherever it stands; figures and their proof stay.

use api_server::auth::Audience;
use api_server::ledger::{erasures, heads::Heads, verify};
use api_server::store::Store;
use axum::extract::Request;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Answer, Api, manager, now, sender, token};
use super::onboarding::form;

const BATCH: &str = "application/cloudevents-batch+json";
const ADA: &str = "ada.lovelace@acme.example";

async fn erase(api: &Api, subject: Value) -> Answer {
    let token = token(Audience::Billing, "privacy:erase", None, None);
    let body = json!({"subject": subject, "reason": "asked to", "reference": "GDPR-7"}).to_string();
    api.post("/erasures", Some(&token), "application/json", body).await
}

async fn erased(api: &Api, subject: Value) -> Value {
    let answer = erase(api, subject).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()["erased"].clone()
}

fn person(value: &str) -> Value {
    json!({"dimension": {"account": "acme", "name": "user", "value": value}})
}

fn event(id: &str, user: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/core", "type": "dev.tenantry.usage.query",
        "time": "2026-11-20T10:00:00Z", "data": {"quantity": "1"}, "user": user, "team": "red"})
}

async fn send(api: &Api, batch: Value) -> Answer {
    api.post("/usage/events", Some(&sender()), BATCH, batch.to_string()).await
}

/// The dimensions of acme's rows.
async fn dims(api: &Api) -> Vec<Value> {
    let page = api.get("/billing/usage/acme/events", Some(&manager())).await.json();
    page["data"].as_array().unwrap().iter().map(|row| row["dimensions"].clone()).collect()
}

/// Rows of Ada's, of somebody else's, and of one who only mentions her; and a correction.
async fn used() -> Api {
    let api = Api::new().await;
    let batch = json!([
        event("1", ADA),
        event("2", "bob"),
        event("3", ADA),
        event("4", &format!("\"user\":\"{ADA}\""))
    ]);
    assert_eq!(send(&api, batch).await.status, StatusCode::OK);
    let correction = json!({"account": "acme", "id": "fix", "row": 2, "change": {"by": "-1"}, "reason": "twice", "reference": "T-1"});
    let corrector = token(Audience::Billing, "billing:correct", None, None);
    let done = api
        .post("/billing/corrections", Some(&corrector), "application/json", correction.to_string())
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    api
}

async fn verified(api: &Api) {
    let store = Store::attach(api.folder.place()).unwrap();
    let report = verify::verify(&store, &Heads::new(), now()).await.unwrap();
    assert_eq!(report.findings, []);
    store.close().await;
}

#[tokio::test]
async fn a_person_is_erased_from_the_events_that_name_them_and_no_others() {
    let api = used().await;
    let figures = api.get("/billing/usage/acme/explain", Some(&manager())).await.text;
    assert_eq!(
        erased(&api, person(ADA)).await,
        json!({"events": 2, "rejected_events": 0, "intakes": 0})
    );
    let left = dims(&api).await;
    assert_eq!([&left[0], &left[2]], [&Value::Null, &Value::Null]);
    assert_eq!(left[1], json!({"user": "bob", "team": "red"}));
    assert!(left[3]["user"].as_str().unwrap().contains(ADA), "another value that mentions hers");
    assert_eq!(left[4]["actor"], "ada", "who corrected what is no dimension of usage");
    assert_eq!(api.get("/billing/usage/acme/explain", Some(&manager())).await.text, figures);
    verified(&api).await;
    // Sent again, the event counts no second time and brings nothing back, whatever it says now.
    let again = send(&api, json!([event("1", ADA), event("3", "somebody")])).await;
    assert_eq!(again.json(), json!({"accepted": 0, "duplicates": 2, "rejected": []}));
    assert_eq!(dims(&api).await, left);
    assert_eq!(erased(&api, person(ADA)).await["events"], 0, "done twice is done once");
}

#[tokio::test]
async fn what_is_erased_is_in_no_file_and_in_no_row() {
    let api = Api::new().await;
    send(
        &api,
        json!([event("1", ADA), event("2", "bob"), {"id": "3", "source": "/core", "subject": ADA}]),
    )
    .await;
    api.rejects.settled().await;
    erased(&api, json!({"account": "acme"})).await;
    assert_eq!(api.close_and_find(ADA).await, [""; 0]);
    let log = std::fs::read_to_string(api.folder.path().join(erasures::FILE)).unwrap();
    assert!(log.contains("\"account\":\"acme\"") && !log.contains("user"), "{log}");
    verified(&api).await;
}

#[tokio::test]
async fn what_was_not_taken_is_erased_too() {
    let api = Api::new().await;
    let odd = json!({"specversion": "1.0", "id": format!("of-{ADA}"), "source": "/core"});
    send(&api, json!([odd, {"id": "2"}])).await;
    // Not waited for: what is still to be written down is reached as well.
    assert_eq!(
        erased(&api, person(ADA)).await,
        json!({"events": 0, "rejected_events": 1, "intakes": 0})
    );
    let left = api.get("/usage/events?filter[status][eq]=rejected", Some(&sender())).await.json();
    assert_eq!((left["data"].as_array().unwrap().len(), &left["data"][0]["id"]), (1, &json!("2")));
    assert_eq!(erased(&api, json!({"account": "acme"})).await["rejected_events"], 1);
}

async fn submit(api: &Api, key: &str) -> Value {
    let request = Request::post("/onboarding")
        .header("content-type", "application/json")
        .header("idempotency-key", key);
    let answer = api.send(request.body(form().to_string().into()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn the_contact_of_a_request_is_erased_and_the_request_stays() {
    let api = Api::new().await;
    let intake = submit(&api, "key-1").await;
    let follow = intake["follow"].as_str().unwrap().to_owned();
    let id = follow.rsplit('/').next().unwrap();
    assert_eq!(
        erased(&api, json!({"intake": id})).await,
        json!({"events": 0, "rejected_events": 0, "intakes": 1})
    );
    assert_eq!(erased(&api, json!({"intake": id})).await["intakes"], 0);
    let csm = token(Audience::Billing, "onboarding:approve", Some("CustomerSuccessManager"), None);
    let shown = api.get(&follow, Some(&csm)).await.json();
    assert_eq!(
        shown["form"]["contact"],
        json!({"name": "erased", "email": "erased@erased.invalid"})
    );
    assert_eq!(shown["form"]["use_case"], form()["use_case"]);
    let receipt = intake["receipt_token"].as_str().unwrap();
    assert_eq!(api.get(&follow, Some(receipt)).await.status, StatusCode::OK);
    // The same key and form again are a new request, whose receipt works.
    let again = submit(&api, "key-1").await;
    assert_ne!(again["follow"], intake["follow"]);
    let (follow, receipt) =
        (again["follow"].as_str().unwrap(), again["receipt_token"].as_str().unwrap());
    assert_eq!(api.get(follow, Some(receipt)).await.status, StatusCode::OK);
    erased(&api, json!({"intake": follow.rsplit('/').next().unwrap()})).await;
    assert_eq!(api.close_and_find(form()["contact"]["email"].as_str().unwrap()).await, [""; 0]);
}

#[tokio::test]
async fn what_the_customer_wrote_stays_without_the_erased_contact() {
    let api = Api::new().await;
    let mut named = form();
    named["contact"] = json!({"name": "Ada Lovelace", "email": "a.lovelace@initech.example"});
    named["use_case"] = json!("Read contracts, as Ada does.\nAsk a.lovelace@initech.example");
    named["success_criteria"] = json!([
        {"text": format!("Lovelace signs nothing by hand{}", "x".repeat(170)), "by": "2027-06-30"},
        {"text": "Nobody waits"},
    ]);
    let answer = api.post("/onboarding", None, "application/json", named.to_string()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let follow = answer.json()["follow"].as_str().unwrap().to_owned();
    erased(&api, json!({"intake": follow.rsplit('/').next().unwrap()})).await;
    let csm = token(Audience::Billing, "onboarding:approve", Some("CustomerSuccessManager"), None);
    let shown = api.get(&follow, Some(&csm)).await.json();
    assert_eq!(shown["form"]["use_case"], "Read contracts, as … does.\nAsk a.…@initech.example");
    let criteria = &shown["form"]["success_criteria"];
    assert!(criteria[0]["text"].as_str().unwrap().starts_with("… signs nothing by hand"));
    assert_eq!(
        (&criteria[0]["by"], &criteria[1]["text"]),
        (&json!("2027-06-30"), &json!("Nobody waits"))
    );
    // What is left is still a form that can be read.
    let brief = api.get(&format!("{follow}/brief"), Some(&csm)).await;
    assert_eq!(brief.status, StatusCode::OK, "{}", brief.text);
    assert!(!brief.text.contains("Lovelace") && !brief.text.contains("Ada"), "{}", brief.text);
    assert_eq!(api.close_and_find("Lovelace").await, [""; 0]);
    assert_eq!(api.close_and_find("lovelace").await, [""; 0]);
}

#[tokio::test]
async fn an_accounts_erasure_reaches_the_request_that_it_came_from() {
    let api = Api::new().await;
    let intake = submit(&api, "key-1").await;
    let other = submit(&api, "key-2").await;
    let follow = intake["follow"].as_str().unwrap();
    let csm = token(Audience::Billing, "onboarding:approve", Some("CustomerSuccessManager"), None);
    let approved = api.post(&format!("{follow}/approve"), Some(&csm), "application/json", "").await;
    assert_eq!(approved.status, StatusCode::OK, "{}", approved.text);
    assert_eq!(erased(&api, json!({"account": "initech"})).await["intakes"], 1);
    let contact = async |follow: &Value| {
        api.get(follow.as_str().unwrap(), Some(&csm)).await.json()["form"]["contact"]["name"]
            .clone()
    };
    assert_eq!(contact(&intake["follow"]).await, "erased");
    assert_eq!(contact(&other["follow"]).await, "Operations", "nobody decided whose that is");
}

#[tokio::test]
async fn who_asked_and_why_is_recorded_and_of_whom_is_not() {
    let api = used().await;
    erased(&api, person(ADA)).await;
    let mut session = api.ledger.store().read().await.unwrap();
    let sql = "SELECT kind, account, actor, reason, reference, counts FROM erasures";
    let rows = session.rows(sql, Vec::new()).await.unwrap();
    let text = |column| rows[0].text(column).unwrap();
    assert_eq!((rows.len(), text(0), text(1), text(2)), (1, "dimension", "acme", "ada"));
    assert_eq!((text(3), text(4)), ("asked to", "GDPR-7"));
    assert_eq!(text(5), r#"{"events":2,"rejected_events":0,"intakes":0}"#);
}

#[tokio::test]
async fn what_is_not_there_or_cannot_be_read_is_named() {
    let api = Api::new().await;
    let nobody = json!({"dimension": {"account": "nobody", "name": "user", "value": "x"}});
    for subject in [
        nobody,
        json!({"account": "nobody"}),
        json!({"account": "-"}),
        json!({"intake": "7"}),
        json!({"intake": "018f0000-0000-7000-8000-000000000000"}),
    ] {
        assert_eq!(erase(&api, subject.clone()).await.status, StatusCode::NOT_FOUND, "{subject}");
    }
    let name = |name: &str, value: &str| json!({"dimension": {"account": "acme", "name": name, "value": value}});
    for (subject, status, pointer) in [
        (name("", "x"), 422, "/subject/dimension/name"),
        (name(&"n".repeat(33), "x"), 422, "/subject/dimension/name"),
        (name("user", ""), 422, "/subject/dimension/value"),
        (name("user", &"é".repeat(129)), 422, "/subject/dimension/value"),
        (json!({"person": "x"}), 400, "/subject"),
        (json!({"account": 7}), 400, "/subject/account"),
        (
            json!({"dimension": {"account": "acme", "name": "user"}}),
            400,
            "/subject/dimension/value",
        ),
    ] {
        let answer = erase(&api, subject.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{subject}: {}", answer.text);
        let error = &answer.json()["errors"][0];
        assert!(
            error["pointer"].as_str().unwrap().starts_with(pointer),
            "{subject}: {}",
            answer.text
        );
    }
    let token = token(Audience::Billing, "privacy:erase", None, None);
    for (member, pointer) in [("reason", "/reason"), ("reference", "/reference")] {
        let mut body = json!({"subject": {"account": "acme"}, "reason": "r", "reference": "T"});
        body[member] = json!(" ");
        let answer =
            api.post("/erasures", Some(&token), "application/json", body.to_string()).await;
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["pointer"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(pointer))
        );
    }
}
